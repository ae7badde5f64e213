"""Deadline, threads, cache and breaker of fetches."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.fetching.breaker import Breaker
from shared.fetching.cache import AgeCache
from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason
from shared.fetching.pool import FetchPool


class Clock:
    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds


def test_a_pause_that_would_reach_the_deadline_is_not_begun() -> None:
    clock = Clock()
    deadline = Deadline.after(2, clock, clock.sleep)

    assert [deadline.pause(seconds) for seconds in (1.5, 0.5, 0.25)] == [True, False, True]
    assert deadline.seconds_left == 0.25


def test_a_deadline_that_has_passed_is_a_failed_fetch() -> None:
    clock = Clock()
    deadline = Deadline.after(2, clock)
    deadline.check()
    clock.now += 3

    with pytest.raises(FetchFailed) as caught:
        deadline.check()

    assert caught.value.reason is Reason.TIMED_OUT
    assert deadline.seconds_left == 0


def test_an_answer_is_kept_until_it_is_too_old() -> None:
    clock = Clock()
    cache: AgeCache[str, str] = AgeCache(60, clock=clock)
    cache.put("ann", "10 %")

    clock.now += 59
    assert cache.get("ann") == "10 %"
    clock.now += 1
    assert cache.get("ann") is None
    assert len(cache) == 0


def test_an_answer_is_too_old_when_the_clock_is_set_back() -> None:
    clock = Clock()
    cache: AgeCache[str, str] = AgeCache(60, clock=clock)
    cache.put("ann", "10 %")

    clock.now -= 1

    assert cache.get("ann") is None


def test_an_age_of_0_keeps_nothing() -> None:
    cache: AgeCache[str, str] = AgeCache(0)

    cache.put("ann", "10 %")

    assert len(cache) == 0


@given(st.lists(st.integers(0, 9)), st.integers(1, 5))
def test_a_cache_keeps_the_newest_and_never_more_than_its_entries(
    keys: list[int], entries: int
) -> None:
    cache: AgeCache[int, int] = AgeCache(60, entries, clock=lambda: 0.0)
    for place, key in enumerate(keys):
        cache.put(key, place)

    newest = list(dict.fromkeys(reversed(keys)))[:entries]
    kept = {key: cache.get(key) for key in range(10) if cache.get(key) is not None}
    assert kept == {key: max(n for n, k in enumerate(keys) if k == key) for key in newest}


def test_a_source_that_failed_three_times_is_left_alone_and_then_tried_once() -> None:
    clock = Clock()
    breaker = Breaker(failures=3, seconds=20, clock=clock)
    for _ in range(2):
        breaker.failed()
    breaker.check()

    breaker.failed()
    with pytest.raises(FetchFailed) as caught:
        breaker.check()
    assert caught.value.reason is Reason.PAUSED

    clock.now += 20
    breaker.check()
    breaker.failed()
    with pytest.raises(FetchFailed):
        breaker.check()


def test_a_success_ends_the_count_of_failures() -> None:
    breaker = Breaker(failures=2, clock=Clock())

    breaker.failed()
    breaker.succeeded()
    breaker.failed()

    breaker.check()


def fails(reason: Reason) -> Callable[[Deadline], str]:
    def work(_: Deadline) -> str:
        raise FetchFailed(reason, "no.")

    return work


def test_one_failed_fetch_costs_no_other_its_answer() -> None:
    work = {"good": lambda _: "10 %", "bad": fails(Reason.REFUSED)}

    found = FetchPool().fetch_all(work, Deadline.after(5))

    assert found["good"] == "10 %"
    assert isinstance(found["bad"], FetchFailed)
    assert found["bad"].reason is Reason.REFUSED


def test_fetches_run_at_the_same_time() -> None:
    together = threading.Barrier(4, timeout=5)

    found = FetchPool(4).fetch_all(
        {n: lambda _: together.wait() >= 0 for n in range(4)}, Deadline.after(5)
    )

    assert list(found.values()) == [True] * 4


def test_no_more_fetches_run_at_the_same_time_than_there_are_workers() -> None:
    lock, running, most = threading.Lock(), 0, 0

    def work(_: Deadline) -> None:
        nonlocal running, most
        with lock:
            running += 1
            most = max(most, running)
        with lock:
            running -= 1

    FetchPool(2).fetch_all(dict.fromkeys(range(50), work), Deadline.after(5))

    assert most <= 2


def test_a_fetch_that_hangs_ends_at_the_deadline_and_holds_up_no_later_one() -> None:
    hangs = threading.Event()
    pool = FetchPool(1)
    began = time.monotonic()

    found = pool.fetch_all(
        {"hangs": lambda _: hangs.wait(10), "waits": lambda _: True}, Deadline.after(0.1)
    )
    later = pool.fetch(lambda _: "10 %", Deadline.after(5))

    hangs.set()
    assert time.monotonic() - began < 5
    assert [getattr(each, "reason", None) for each in found.values()] == [Reason.TIMED_OUT] * 2
    assert later == "10 %"


def test_a_defect_is_raised_and_no_failure_of_the_source() -> None:
    def defect(_: Deadline) -> str:
        raise KeyError("offer")

    with pytest.raises(KeyError):
        FetchPool().fetch(defect, Deadline.after(5))
