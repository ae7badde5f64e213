"""Answers of a source, kept in the execution environment until they are too old."""

from __future__ import annotations

import time
from collections.abc import Callable, Hashable
from typing import Generic, TypeVar

__all__ = ["AgeCache"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class AgeCache(Generic[K, V]):
    """Values by key, for `seconds` each, the oldest leaving first when there are too many.

    Keep a value that means "the source has nothing" as well. Never keep a failure: the next batch
    should ask again.

    Args:
        seconds: age up to which a value is given; 0 keeps nothing.
        entries: number of values at most.
        clock: the wall clock, because an execution environment that is frozen between invocations
            may stop other clocks. A clock that is set back makes every value too old.
    """

    def __init__(
        self, seconds: float, entries: int = 10_000, clock: Callable[[], float] = time.time
    ) -> None:
        self._seconds = seconds
        self._entries = entries
        self._clock = clock
        self._kept: dict[K, tuple[float, V]] = {}

    def get(self, key: K) -> V | None:
        """Return the value, or None where it is absent or too old."""
        kept = self._kept.get(key)
        if kept is None:
            return None
        since, value = kept
        if not 0 <= self._clock() - since < self._seconds:
            del self._kept[key]
            return None
        return value

    def put(self, key: K, value: V) -> None:
        """Keep a value from now on."""
        if self._seconds <= 0:
            return
        self._kept.pop(key, None)  # a new value is the newest
        while len(self._kept) >= self._entries:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = (self._clock(), value)

    def drop(self, key: K) -> None:
        """Forget a value."""
        self._kept.pop(key, None)

    def __len__(self) -> int:
        return len(self._kept)
