"""Sending quota of the account, and the size of reservations."""

from __future__ import annotations

import math
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_load_testing.account import Account, AccountUnknown, Limits, StopReason, chunk_size, pace
from tests.builders.load_testing import EPOCH, FakeTime, MemorySes, refusal


def limits(per_second: float = 14, room: float = 100, enabled: bool = True) -> Limits:
    return Limits(per_second, room, 0, enabled)


@given(st.integers(1, 20_000))
def test_calls_that_start_in_one_second_never_hold_more_than_the_quota(rate: int):
    size = chunk_size(limits(rate))
    calls_in_a_second = math.ceil(pace(limits(rate)) / size)

    assert 1 <= size <= min(50, max(1, rate // 10))
    assert size * calls_in_a_second <= rate


@pytest.mark.parametrize(
    ("rate", "size"),
    [(0.5, 1), (1, 1), (14, 1), (50, 5), (75, 5), (100, 10), (500, 50), (10_000, 50)],
)
def test_portions_grow_with_the_rate(rate: float, size: int):
    assert chunk_size(limits(rate)) == size


@given(st.floats(1, 20_000))
def test_the_pace_is_within_two_percent_below_a_whole_quota(rate: float):
    assert 0.98 * math.floor(rate) <= pace(limits(rate)) < rate


@pytest.mark.parametrize(
    ("given_limits", "reason"),
    [
        (limits(), None),
        (Limits(14, None, 1e9, True), None),
        (limits(room=0.9), StopReason.DAILY_QUOTA),
        (limits(enabled=False), StopReason.SENDING_PAUSED),
        (limits(per_second=0), StopReason.SENDING_PAUSED),
    ],
)
def test_when_nothing_may_be_sent(given_limits: Limits, reason: StopReason | None):
    assert given_limits.stopped_by() is reason


def account() -> tuple[Account, MemorySes, FakeTime]:
    time = FakeTime()
    ses = MemorySes(time, time.sleep, max_24_hour_send=1000)
    client: Any = ses
    return Account(client, time), ses, time


def test_ses_is_asked_once_a_minute_and_what_is_sent_since_counts():
    known, ses, time = account()
    known.limits()
    known.sent(40)
    time.now += 59

    assert known.limits().room() == 960
    assert ses.account_calls == 1

    time.now += 2
    ses.max_send_rate = 7
    assert known.limits().per_second == 7
    assert known.limits().room() == 1000  # SES counts by now, and nothing was sent for real


def test_without_an_answer_the_last_one_serves_for_five_minutes():
    known, ses, time = account()
    known.limits()

    def throttle() -> dict[str, Any]:
        raise refusal("TooManyRequestsException", 429, "GetAccount")

    ses.get_account = throttle  # type: ignore[method-assign] # SES is throttled
    time.now = EPOCH + 299
    assert known.limits().per_second == 100

    time.now = EPOCH + 301
    with pytest.raises(AccountUnknown, match="TooManyRequestsException"):
        known.limits()


def test_a_shut_down_account_may_not_send():
    known, ses, _ = account()
    answer = ses.get_account()
    ses.get_account = lambda: {**answer, "EnforcementStatus": "SHUTDOWN"}  # type: ignore[method-assign]

    assert known.limits().stopped_by() is StopReason.SENDING_PAUSED
