"""Time by which a fetch must have ended."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from shared.fetching.failures import FetchFailed, Reason

__all__ = ["Deadline"]


@dataclass(frozen=True, slots=True)
class Deadline:
    """A moment on a clock that only goes forward, and the pauses that end before it."""

    ends: float
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    @classmethod
    def after(
        cls,
        seconds: float,
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> Deadline:
        """Return the deadline this many seconds from now."""
        return cls(clock() + seconds, clock, sleep)

    @property
    def seconds_left(self) -> float:
        """Seconds until the deadline; 0 after it."""
        return max(0.0, self.ends - self.clock())

    def check(self) -> None:
        """Raise when the deadline has passed.

        Raises:
            FetchFailed: TIMED_OUT.
        """
        if self.seconds_left <= 0:
            raise FetchFailed(Reason.TIMED_OUT, "the deadline has passed.")

    def pause(self, seconds: float) -> bool:
        """Wait before another attempt. Returns False, at once, where no time would be left."""
        if seconds >= self.seconds_left:
            return False
        self.sleep(seconds)
        return True
