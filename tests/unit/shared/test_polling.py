"""Intervals at which the state of a job is read."""

from hypothesis import given
from hypothesis.strategies import integers

from shared.polling import Polling


def test_waits_grow_and_stop_growing():
    polling = Polling(timeout_seconds=3600)

    waits = [polling.wait_seconds(attempt) for attempt in range(15)]

    assert waits == [2, 2, 3, 3, 4, 6, 7, 9, 11, 14, 18, 23, 29, 30, 30]


def test_an_hour_takes_fewer_than_140_looks():
    assert Polling(timeout_seconds=3600).attempts < 140


@given(integers(1, 100_000))
def test_polling_ends_no_earlier_than_the_time_out_and_at_most_one_wait_later(timeout):
    polling = Polling(timeout_seconds=timeout)

    waited = sum(polling.wait_seconds(attempt) for attempt in range(polling.attempts))

    assert timeout <= waited < timeout + polling.longest_seconds
    assert polling.exhausted(polling.attempts)
    assert not polling.exhausted(polling.attempts - 1)
