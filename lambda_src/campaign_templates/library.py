"""Contents that are kept in the execution environment, and the search by locale.

Every recipient of a template and locale shares one fetch. An absent locale is kept as well. A
content that could not be fetched again is used for a while longer, where an old one is there.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from campaign_templates.content import Content
from campaign_templates.sources import Source
from shared.fetching.breaker import Breaker
from shared.fetching.cache import AgeCache
from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason
from shared.fetching.pool import FetchPool

__all__ = ["Choice", "Found", "Library"]

ENTRIES = 200  # of 100 KB: 20 MB of an execution environment
# Devices report hundreds of locales, and most of them have no content.
ABSENT_ENTRIES = 10_000


@dataclass(frozen=True, slots=True)
class Choice:
    """A template, and the locales in which it may be, the best one first."""

    template: str
    locales: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """The outcome of a choice: content or a failure, and the locale of either.

    The locale is empty where no locale has content. `stale` says that the content is older than
    the cache's age, because the source failed.
    """

    content: Content | None = None
    locale: str = ""
    stale: bool = False
    failure: FetchFailed | None = None


@dataclass(frozen=True, slots=True)
class _Entry:
    content: Content | None


class _Kept:
    """Entries by template and locale. Absent locales push no content out."""

    def __init__(self, seconds: float, clock: Callable[[], float]) -> None:
        self._contents: AgeCache[tuple[str, str], _Entry] = AgeCache(seconds, ENTRIES, clock)
        self._absent: AgeCache[tuple[str, str], _Entry] = AgeCache(seconds, ABSENT_ENTRIES, clock)

    def get(self, key: tuple[str, str]) -> _Entry | None:
        return self._contents.get(key) or self._absent.get(key)

    def put(self, key: tuple[str, str], entry: _Entry) -> None:
        if entry.content is None:
            self._contents.drop(key)
            self._absent.put(key, entry)
        else:
            self._contents.put(key, entry)


class Library:
    """Contents by template and locale.

    Args:
        seconds: age up to which a content is used without asking the source.
        stale_seconds: age up to which it is used when the source fails.
        insists: asks a source that failed several times for contents of which no older one is
            kept. A batch that fails without them is repeated within a second.
    """

    def __init__(
        self,
        source: Source,
        pool: FetchPool,
        *,
        seconds: float,
        stale_seconds: float,
        insists: bool = False,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._source = source
        self._pool = pool
        self._breaker = breaker or Breaker(clock=clock)
        self._insists = insists
        self._fresh = _Kept(seconds, clock)
        self._old = _Kept(stale_seconds, clock)

    def find(self, choices: Iterable[Choice], deadline: Deadline) -> dict[Choice, Found]:
        """Return the content of each choice, in the best locale that has content."""
        outcome: dict[Choice, Found] = {}
        searching = dict.fromkeys(choices, 0)
        seen: dict[tuple[str, str], tuple[_Entry | FetchFailed, bool]] = {}
        while searching:
            wanted = {(one.template, one.locales[at]) for one, at in searching.items()}
            seen |= self._get(wanted - seen.keys(), deadline)
            further: dict[Choice, int] = {}
            for choice, at in searching.items():
                entry, stale = seen[choice.template, choice.locales[at]]
                if isinstance(entry, FetchFailed):
                    outcome[choice] = Found(locale=choice.locales[at], failure=entry)
                elif entry.content is not None:
                    outcome[choice] = Found(entry.content, choice.locales[at], stale)
                elif at + 1 < len(choice.locales):
                    further[choice] = at + 1
                else:
                    outcome[choice] = Found(
                        failure=FetchFailed(
                            Reason.UNUSABLE_ANSWER,
                            f"there is no content of template {choice.template!r}, not even "
                            f"{choice.locales[-1]!r}.",
                        )
                    )
            searching = further
        return outcome

    def _get(
        self, keys: Iterable[tuple[str, str]], deadline: Deadline
    ) -> Mapping[tuple[str, str], tuple[_Entry | FetchFailed, bool]]:
        entries: dict[tuple[str, str], tuple[_Entry | FetchFailed, bool]] = {}
        work = {}
        for key in keys:
            kept = self._fresh.get(key)
            if kept is None:
                work[key] = partial(self._source.get, *key)
            else:
                entries[key] = (kept, False)
        for key, found in self._fetch(work, deadline).items():
            if isinstance(found, FetchFailed):
                old = self._old.get(key)
                entries[key] = (found, False) if old is None else (old, True)
            else:
                entry = _Entry(found)
                self._fresh.put(key, entry)
                self._old.put(key, entry)
                entries[key] = (entry, False)
        return entries

    def _fetch(
        self,
        work: Mapping[tuple[str, str], Callable[[Deadline], Content | None]],
        deadline: Deadline,
    ) -> Mapping[tuple[str, str], Content | None | FetchFailed]:
        paused: dict[tuple[str, str], FetchFailed] = {}
        try:
            self._breaker.check()
        except FetchFailed as failure:
            paused = {
                key: failure for key in work if not self._insists or self._old.get(key) is not None
            }
        asked = {key: each for key, each in work.items() if key not in paused}
        if not asked:
            return paused
        found = self._pool.fetch_all(asked, deadline)
        # The contents of a call count once: three languages that fail together are one failure. A
        # content that is wrong says nothing about the next one.
        if all(_is_outage(one) for one in found.values()):
            self._breaker.failed()
        else:
            self._breaker.succeeded()
        return {**paused, **found}


def _is_outage(found: object) -> bool:
    return isinstance(found, FetchFailed) and found.reason in (
        Reason.TIMED_OUT,
        Reason.UNAVAILABLE,
    )
