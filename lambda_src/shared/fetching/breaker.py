"""A source that failed several times in a row is left alone for a while.

Each batch of a campaign would otherwise wait for the whole deadline, and load a source that is
trying to recover.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from shared.fetching.failures import FetchFailed, Reason

__all__ = ["Breaker"]


class Breaker:
    """Counts failures in a row in one execution environment.

    Args:
        failures: in a row, after which the source is not asked.
        seconds: of the pause. After it one fetch is tried; a failure begins the next pause.
        clock: the wall clock; see `shared.fetching.cache`.
    """

    def __init__(
        self,
        failures: int = 3,
        seconds: float = 20,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._failures = failures
        self._seconds = seconds
        self._clock = clock
        self._in_a_row = 0
        self._since = 0.0

    def check(self) -> None:
        """Raise while the source must not be asked.

        Raises:
            FetchFailed: PAUSED.
        """
        paused = 0 <= self._clock() - self._since < self._seconds
        if self._in_a_row >= self._failures and paused:
            raise FetchFailed(
                Reason.PAUSED,
                f"the source failed {self._failures} times in a row, and is not asked for "
                f"{self._seconds:g} s.",
            )

    def succeeded(self) -> None:
        """Forget the failures before."""
        self._in_a_row = 0

    def failed(self) -> None:
        """Count a failure."""
        self._in_a_row += 1
        self._since = self._clock()
