"""Calls at a steady rate, which holds at any latency and is never exceeded within a second."""

from threading import Event

import pytest
from hypothesis import given
from hypothesis.strategies import floats, lists

from phone_number_validate.paced_calls import call_paced, reserved_rate


class Time:
    """Clock that advances by sleeping, possibly by more than the requested time."""

    def __init__(self, oversleeps=()):
        self.now = 1000.0
        self.oversleeps = iter(oversleeps)

    def clock(self):
        return self.now

    def sleep(self, seconds):
        self.now += seconds + next(self.oversleeps, 0.0)


class Limiter:
    """Slots of shared.pacing, for one caller."""

    def __init__(self, rate, start=1000.0):
        self.rate = rate
        self.next = start
        self.reserved = []

    def reserve(self, n):
        start, self.next = self.next, self.next + n / self.rate
        self.reserved.append(n)
        return start


def starts_of(calls, time):
    starts = []
    paced = call_paced(
        range(calls),
        lambda _: None,
        reservations=Limiter(reserved_rate(20)),
        calls_per_second=20,
        clock=time.clock,
        sleep=lambda seconds: (time.sleep(seconds), starts.append(time.now)),
    )
    assert len(list(paced)) == calls
    return starts


def most_in_a_second(starts):
    return max(sum(at <= other < at + 0.9999 for other in starts) for at in starts)


def test_the_reserved_rate_is_reached():
    starts = starts_of(200, time=Time())

    assert 199 / (starts[-1] - starts[0]) >= 19.5


@given(lists(floats(0, 0.5), max_size=30))
def test_no_second_holds_more_calls_than_the_quota_whatever_the_delays(delays):
    starts = starts_of(60, time=Time(oversleeps=delays))

    assert most_in_a_second(starts) <= 20


def test_a_delay_is_caught_up_with():
    starts = starts_of(1000, time=Time(oversleeps=[0.0, 0.5]))

    assert starts[-1] == pytest.approx(1000.0 + 999 / reserved_rate(20), abs=0.05)


def test_reservations_are_small_so_that_functions_take_turns():
    limiter = Limiter(1000)

    list(
        call_paced(
            range(25), abs, reservations=limiter, calls_per_second=1000, sleep=lambda _: None
        )
    )

    assert limiter.reserved == [10, 10, 5]


def test_a_failing_call_does_not_lose_the_others():
    def call(number):
        if number == 2:
            raise ValueError("two")
        return number * 10

    results = dict(call_paced([1, 2, 3], call, reservations=None, calls_per_second=1))

    assert (results[1], results[3]) == (10, 30)
    assert isinstance(results[2], ValueError)


def test_each_argument_comes_once_with_its_result():
    pairs = list(call_paced(range(50), str, reservations=None, calls_per_second=1))

    assert sorted(pairs) == [(i, str(i)) for i in range(50)]


@pytest.mark.parametrize("count", [9, 100])
def test_no_more_calls_than_threads_are_made_before_the_results_of_the_earlier_ones_come(count):
    results, missing = [], []

    def call(number):
        missing.append(number + 1 - len(results))

    for result in call_paced(range(count), call, reservations=None, calls_per_second=1, threads=4):
        results.append(result)

    assert len(missing) == count
    assert max(missing) <= 4


def test_results_come_while_later_calls_are_still_to_be_made():
    ended = [Event() for _ in range(10)]
    limiter = Limiter(1000)
    reserve = limiter.reserve

    def reserve_after_the_first_group(n):
        if limiter.reserved:
            assert all(event.wait(10) for event in ended)
        return reserve(n)

    limiter.reserve = reserve_after_the_first_group
    paced = call_paced(
        range(1000),
        lambda number: ended[number].set() if number < 10 else None,
        reservations=limiter,
        calls_per_second=1000,
        sleep=lambda _: None,
    )

    next(paced)

    assert len(limiter.reserved) < 100
