"""A source of attributes: the interface that a table, an HTTPS endpoint and a function share."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Protocol

from shared.campaign_calls import Sending
from shared.fetching.breaker import Breaker
from shared.fetching.cache import AgeCache
from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason
from shared.fetching.pool import FetchPool

__all__ = ["AttributeSource", "Fetched", "Item", "Lookup", "question", "read_answer"]

Item = Mapping[str, Any]
"""What a source has for one key: values by name. Empty where it has nothing."""

# Time for a source to return the part that it has when its own deadline has passed.
_GRACE_SECONDS = 1.0
# Of an item that is kept: 10,000 of them fit into the function's memory.
_KEPT_CHARACTERS = 4_096


@dataclass(frozen=True, slots=True)
class Fetched:
    """The items by key, and the keys that failed. A key in neither has nothing at the source."""

    items: Mapping[str, Item] = field(default_factory=dict)
    failed: Mapping[str, FetchFailed] = field(default_factory=dict)


class AttributeSource(Protocol):
    """A place that has attributes of people.

    `per_campaign` is True where the answer can depend on the campaign, which the question names.
    """

    per_campaign: bool

    def fetch(self, keys: Sequence[str], sending: Sending, deadline: Deadline) -> Fetched:
        """Return what the source has for up to 50 different keys.

        Raises:
            FetchFailed: it has no answer for any key.
        """


class Lookup:
    """A source behind a cache, and a pause after failures.

    Args:
        names: values of an item that are used. The others are not kept: a source that answers with
            whole profiles would fill the memory.
        breaker: None asks the source every time, for batches that fail with it: a campaign repeats
            them within a second.
    """

    def __init__(
        self,
        source: AttributeSource,
        cache: AgeCache[tuple[str, ...], Item],
        names: Collection[str],
        breaker: Breaker | None = None,
        pool: FetchPool | None = None,
        deadline: Callable[[float], Deadline] = Deadline.after,
    ) -> None:
        self._source = source
        self._cache = cache
        self._names = names
        self._breaker = breaker
        self._pool = pool or FetchPool(workers=2)
        self._deadline = deadline
        self.cached = 0

    def find(self, keys: Iterable[str], sending: Sending, seconds: float) -> Fetched:
        """Return what the cache or the source has, `seconds` and a second from now at the latest.

        No failure of the source is raised: each of its keys has failed.
        """
        scope = _scope(sending) if self._source.per_campaign else ()
        wanted = list(dict.fromkeys(keys))
        kept = {key: self._cache.get((*scope, key)) for key in wanted}
        items = {key: item for key, item in kept.items() if item is not None}
        self.cached = len(items)
        asked = [key for key in wanted if key not in items]
        if not asked:
            return Fetched(items)
        try:
            fetched = self._ask(asked, sending, seconds)
        except FetchFailed as failure:
            return Fetched(items, dict.fromkeys(asked, failure))
        for key in asked:
            if key not in fetched.failed:
                found = fetched.items.get(key, {})
                item = {name: found[name] for name in self._names if name in found}
                if len(str(item)) <= _KEPT_CHARACTERS:
                    self._cache.put((*scope, key), item)
                items[key] = item
        return Fetched(items, fetched.failed)

    def _ask(self, keys: Sequence[str], sending: Sending, seconds: float) -> Fetched:
        if self._breaker is not None:
            self._breaker.check()
        ends = self._deadline(seconds)
        try:
            fetched = self._pool.fetch(
                lambda _: self._source.fetch(keys, sending, ends),
                self._deadline(seconds + _GRACE_SECONDS),
            )
        except FetchFailed:
            if self._breaker is not None:
                self._breaker.failed()
            raise
        if self._breaker is not None:
            self._breaker.succeeded()
        return fetched


def _scope(sending: Sending) -> tuple[str, ...]:
    return (
        sending.application_id,
        sending.campaign_id or "",
        sending.treatment_id or "",
        sending.journey_id or "",
        sending.activity_id if sending.journey_id else "",
    )


def question(keys: Sequence[str], sending: Sending) -> dict[str, Any]:
    """Return the question that an HTTPS endpoint or a function gets: the keys, and who asks."""
    ids = {
        "ApplicationId": sending.application_id,
        "CampaignId": sending.campaign_id,
        "TreatmentId": sending.treatment_id,
        "JourneyId": sending.journey_id,
        "ActivityId": sending.activity_id,
    }
    return {"Keys": list(keys), **{name: value for name, value in ids.items() if value is not None}}


def read_answer(answer: Any, keys: Sequence[str]) -> Fetched:
    """Read `{"Attributes": {key: {name: value}}, "Failed": [key]}`.

    `Failed` may be left out or null. Keys that were not asked for are ignored. A key whose
    attributes are no object has failed by itself.

    Raises:
        FetchFailed: UNUSABLE_ANSWER, it is no such object.
    """
    if not isinstance(answer, Mapping) or not isinstance(answer.get("Attributes"), Mapping):
        raise FetchFailed(
            Reason.UNUSABLE_ANSWER,
            'the answer must be an object {"Attributes": {key: {name: value}}}.',
        )
    given = answer.get("Failed")
    if not isinstance(given, list | None):
        raise FetchFailed(Reason.UNUSABLE_ANSWER, "Failed in the answer must be a list of keys.")
    failed: dict[str, FetchFailed] = {}
    items: dict[str, Item] = {}
    refuse = partial(FetchFailed, Reason.UNUSABLE_ANSWER)
    for key in keys:
        item = answer["Attributes"].get(key)
        if key in (given or ()):
            failed[key] = FetchFailed(Reason.UNAVAILABLE, "the source names the key in Failed.")
        elif isinstance(item, Mapping):
            items[key] = item
        elif item is not None:
            failed[key] = refuse("the attributes of a key must be an object.")
    return Fetched(items, failed)
