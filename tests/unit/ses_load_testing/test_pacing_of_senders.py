"""Many senders together keep to the rate of the account, and use it."""

from __future__ import annotations

import bisect

import pytest

from tests.builders.load_testing import EPOCH, SharedTime, World, body

SENDERS = 8


def send_times(rate: float, seconds: int, *, jitter: float = 0.0) -> list[float]:
    """When each recipient's email reached SES, of a backlog that 8 senders work on."""
    time = SharedTime()
    world = World(time)
    world.ses.max_send_rate = rate
    world.put(*(body(number) for number in range(int(rate * seconds * 1.3) + 400)))
    end = EPOCH + seconds

    def work(number: int) -> None:
        sender = world.sender()
        time.sleep(jitter * number)
        while time() < end:
            world.deliver(sender)

    time.run([lambda n=n: work(n) for n in range(SENDERS)])  # type: ignore[misc] # its own n
    return sorted(moment for moment, _ in world.ses.sent)


def most_in(times: list[float], seconds: float) -> int:
    """The most in any window [t, t + seconds)."""
    return max(bisect.bisect_left(times, moment + seconds) - n for n, moment in enumerate(times))


@pytest.mark.parametrize("rate", [14, 100, 500])
def test_eight_senders_use_the_rate_to_two_percent_and_never_exceed_it(rate: int):
    times = send_times(rate, 70, jitter=0.013)
    start = times[0]

    minute = [moment for moment in times if start + 2 <= moment < start + 62]

    assert 0.98 * rate * 60 <= len(minute) <= rate * 60
    assert most_in(times, 60) <= rate * 60
    assert most_in(times, 1.0) <= rate


def test_a_rate_that_is_lowered_is_kept_to_within_a_minute():
    time = SharedTime()
    world = World(time)
    world.ses.max_send_rate = 100
    world.put(*(body(number) for number in range(9000)))

    def work() -> None:
        sender = world.sender()
        while time() < EPOCH + 150:
            world.deliver(sender)

    def lower() -> None:
        time.sleep(30)
        world.ses.max_send_rate = 20

    time.run([work, work, lower])
    late = sorted(moment for moment, _ in world.ses.sent if moment > EPOCH + 30 + 61)

    assert late and most_in(late, 1.0) <= 20
