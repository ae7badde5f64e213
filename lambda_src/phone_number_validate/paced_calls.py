"""Many calls at a steady rate, whatever the latency of each."""

import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import Protocol, TypeVar

__all__ = ["Reservations", "call_paced", "reserved_rate"]

T = TypeVar("T")
R = TypeVar("R")

# Calls are sent on time to a few milliseconds only, and counted where they arrive. Reserving a
# little less than the quota keeps those milliseconds from putting one call too many into a second;
# the gap between the two shares is the room to catch up after a delay.
RESERVED_SHARE = 0.985
CLOSEST_SHARE = 0.995

# Small, so that functions which run at the same time take turns; a reservation is one write.
RESERVED_AT_ONCE = 10


class Reservations(Protocol):
    """A rate shared with other functions (`shared.pacing.RateLimiter`)."""

    def reserve(self, n: int) -> float:
        """Return the epoch second from which `n` calls may start, one after the other."""


def reserved_rate(calls_per_second: float) -> float:
    """Return the rate to reserve at for a quota of `calls_per_second`."""
    return RESERVED_SHARE * calls_per_second


def call_paced(
    arguments: Sequence[T],
    call: Callable[[T], R],
    *,
    reservations: Reservations | None,
    calls_per_second: float,
    threads: int = 16,
    clock: Callable[[], float] = time.time,
    sleep: Callable[[float], None] = time.sleep,
) -> Iterator[tuple[T, R | Exception]]:
    """Call once per argument; yield each argument with its result or its exception.

    Results of ended calls are yielded before each next call, and at most `threads` calls have not
    yielded theirs.

    Calls start one after the other at the times reserved, and hardly closer together after a
    delay: a slow answer holds up no other call, and what was missed is not made up for in a burst.
    Without reservations the threads alone set the pace.

    Args:
        reservations: made at `reserved_rate(calls_per_second)`.
        calls_per_second: the quota.
    """
    interval = 1 / reserved_rate(calls_per_second)
    closest = 1 / (CLOSEST_SHARE * calls_per_second)
    running: list[tuple[T, Future[R]]] = []
    with ThreadPoolExecutor(threads) as pool:
        free_from = 0.0
        for first in range(0, len(arguments), RESERVED_AT_ONCE):
            group = arguments[first : first + RESERVED_AT_ONCE]
            start = None if reservations is None else reservations.reserve(len(group))
            for i, argument in enumerate(group):
                if len(running) == threads:
                    wait([future for _, future in running], return_when=FIRST_COMPLETED)
                ended = [pair for pair in running if pair[1].done()]
                running = [pair for pair in running if pair not in ended]
                yield from map(_outcome, ended)
                if start is not None:
                    due = max(start + i * interval, free_from)
                    sleep(max(0.0, due - clock()))
                    free_from = clock() + closest
                running.append((argument, pool.submit(call, argument)))
        yield from map(_outcome, running)


def _outcome(pair: tuple[T, Future[R]]) -> tuple[T, R | Exception]:
    argument, future = pair
    error = future.exception()
    if error is None:
        return argument, future.result()
    if isinstance(error, Exception):
        return argument, error
    raise error
