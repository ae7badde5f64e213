"""Values that a container remembers for a few seconds, so that hot items are not read each time.

One DynamoDB item answers some 3,000 strongly consistent reads a second. Every request of a project
needs the project's item, and all projects share a partition.
"""

import time
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["ShortMemory"]

V = TypeVar("V")


class ShortMemory(Generic[V]):
    """Remembers the newest `most` values by key, each for `seconds`. Not for threads."""

    def __init__(
        self, *, seconds: float, most: int, clock: Callable[[], float] = time.monotonic
    ) -> None:
        self._seconds = seconds
        self._most = most
        self._clock = clock
        self._values: OrderedDict[str, tuple[float, V]] = OrderedDict()

    def get(self, key: str, read: Callable[[], V], *, seconds: float | None = None) -> V:
        """Return the remembered value, or the value that `read` returns. Errors of `read` pass
        through and are not remembered.

        Args:
            seconds: the longest age of use to this caller, below the memory's own.
        """
        now = self._clock()
        known = self._values.get(key)
        if known is not None and now - known[0] < (self._seconds if seconds is None else seconds):
            return known[1]
        value = read()
        self._values[key] = (now, value)
        self._values.move_to_end(key)
        if len(self._values) > self._most:
            self._values.popitem(last=False)
        return value

    def forget(self, key: str) -> None:
        """Read the value anew the next time."""
        self._values.pop(key, None)
