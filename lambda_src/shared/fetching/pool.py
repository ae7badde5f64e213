"""Fetches that run at the same time, and end at the deadline whatever the source does."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from concurrent.futures import CancelledError, Future, ThreadPoolExecutor, wait
from typing import Any, TypeVar

from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason

__all__ = ["FetchPool"]

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


class FetchPool:
    """Threads of one execution environment.

    A fetch that is late goes on in its thread, whose result is dropped. The next fetches get new
    threads, so that they do not wait behind it.

    Args:
        workers: fetches at the same time; others wait for their turn, until the deadline.
    """

    def __init__(self, workers: int = 8) -> None:
        self._workers = workers
        self._threads = ThreadPoolExecutor(workers, thread_name_prefix="fetch")

    def fetch(self, work: Callable[[Deadline], V], deadline: Deadline) -> V:
        """Make one fetch.

        Raises:
            FetchFailed: it failed, or has not ended at the deadline.
        """
        found = self.fetch_all({None: work}, deadline)[None]
        if isinstance(found, FetchFailed):
            raise found
        return found

    def fetch_all(
        self, work: Mapping[K, Callable[[Deadline], V]], deadline: Deadline
    ) -> dict[K, V | FetchFailed]:
        """Make several fetches; return the value or the failure of each.

        An error that is no FetchFailed is a defect of the program, and is raised.
        """
        futures: dict[K, Future[V]] = {
            key: self._threads.submit(each, deadline) for key, each in work.items()
        }
        late = wait(futures.values(), timeout=deadline.seconds_left).not_done
        if late:
            self._threads.shutdown(wait=False, cancel_futures=True)
            self._threads = ThreadPoolExecutor(self._workers, thread_name_prefix="fetch")
        return {
            key: _late() if future in late else _end_of(future) for key, future in futures.items()
        }


def _late() -> FetchFailed:
    return FetchFailed(Reason.TIMED_OUT, "the source gave no answer within the deadline.")


def _end_of(future: Future[Any]) -> Any:
    """Return the value or the failure of a fetch that has ended."""
    try:
        return future.result(timeout=0)
    except FetchFailed as failure:
        return failure
    except CancelledError:
        return _late()
