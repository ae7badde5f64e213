"""Apply the rules to a batch of events: one update for each endpoint, whatever its events.

UpdateEndpoint replaces whole value lists and the API has no conditional write. So an endpoint is
read shortly before it is written, and only the lists that differ are written.
"""

from __future__ import annotations

import time
from collections import Counter, OrderedDict, defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from event_based_segmentation.attribute_values import Applied, Change, apply_changes
from event_based_segmentation.change_times import ChangeTimes, Times
from event_based_segmentation.endpoints import Endpoints, Failure
from event_based_segmentation.events import Event
from event_based_segmentation.rules import Rules, Scope

__all__ = ["REMEMBERED_SECONDS", "Outcome", "Segmentation"]

REMEMBERED_SECONDS = 300.0
"""Seconds in which an event that would change nothing is not checked against the endpoint again."""
_REMEMBERED_ENDPOINTS = 20_000


@dataclass(slots=True)
class Outcome:
    """Result of a batch: failed records by sequence number, and counts."""

    again: dict[str, str] = field(default_factory=dict)
    hopeless: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    refused_by_rule: Counter[str] = field(default_factory=Counter)


@dataclass(slots=True)
class _Work:
    """The events of one endpoint in a batch."""

    numbers: set[str] = field(default_factory=set)
    changes: dict[Scope, list[Change]] = field(default_factory=lambda: {each: [] for each in Scope})


@dataclass(frozen=True, slots=True)
class _Known:
    """The part of an endpoint that rules need."""

    at: float
    attributes: dict[str, list[str]]
    user_id: str | None
    inactive: bool


@dataclass(frozen=True, slots=True)
class _Owner:
    """An endpoint or a user, the owner of attributes."""

    scope: Scope
    id: str

    @property
    def key(self) -> str:
        return f"{self.scope}#{self.id}"


class Segmentation:
    """The rules of one project, and what this execution environment remembers of its endpoints."""

    def __init__(
        self,
        rules: Rules,
        endpoints: Endpoints,
        times: ChangeTimes,
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self._rules = rules
        self._endpoints = endpoints
        self._times = times
        self._clock = clock
        self._now = now
        self._known: OrderedDict[str, _Known] = OrderedDict()
        self._users: OrderedDict[str, tuple[float, dict[str, list[str]]]] = OrderedDict()

    def process(self, events: Mapping[str, Event], *, seconds_left: Callable[[], float]) -> Outcome:
        """Apply the rules to events by sequence number.

        Raises:
            ClientError, BotoCoreError, TimesUnavailable: the table of times did not answer, so that
                the order of events is unknown.
        """
        outcome = Outcome()
        work = self._work(events, outcome)
        known = {
            endpoint_id: found
            for endpoint_id in work
            if (found := self._remembered(endpoint_id)) is not None
        }
        times: dict[str, Times] = {}
        to_read = self._to_read(work, known, times)
        read = self._read(to_read, work, known, outcome, seconds_left)

        while True:
            owners = self._owners(work, known, fresh=True)
            results = self._apply(owners, work, times)
            # Without the changes of an endpoint that gave no answer, the other changes of its user
            # can have an effect that they had not together with them.
            unread = {
                min(owners[owner])
                for owner, applied in results.items()
                if applied.lists and not _carriers(owner, owners, known, read)
            }
            if not unread:
                break
            read |= self._read(unread, work, known, outcome, seconds_left)
        items, carried = self._items(owners, results, known, read)
        failed = self._endpoints.update(list(items.values()), seconds_left=seconds_left)
        outcome.counts["UpdatedEndpoints"] += len(items) - len(failed)
        for endpoint_id, failure in failed.items():
            for owner in carried[endpoint_id]:
                if owner.scope is Scope.USER:
                    self._users.pop(owner.id, None)
                for contributor in owners[owner]:
                    self._fail(outcome, work[contributor].numbers, failure)
                del results[owner]
        for endpoint_id, each in work.items():
            if each.changes[Scope.USER] and known[endpoint_id].user_id is None:
                outcome.counts["EndpointsWithoutUser"] += 1

        self._keep(results, owners, work, times, outcome)
        # Not before: an owner that the failed item did not carry has its lists there.
        for endpoint_id in failed:
            self._known.pop(endpoint_id, None)
        return outcome

    def _to_read(
        self, work: Mapping[str, _Work], known: Mapping[str, _Known], times: dict[str, Times]
    ) -> set[str]:
        """Find the endpoints to read: unknown endpoints, and endpoints that would change."""
        owners = self._owners(work, known, fresh=False)
        applied = self._apply(owners, work, times)
        changing = (owners[owner] for owner, found in applied.items() if found.lists)
        return set().union(
            (each for each in work if each not in known),
            (
                each
                for each, found in known.items()
                if work[each].changes[Scope.USER]
                and found.user_id is not None
                and self._user(found.user_id) is None
            ),
            *changing,
        )

    def _read(
        self,
        endpoint_ids: set[str],
        work: dict[str, _Work],
        known: dict[str, _Known],
        outcome: Outcome,
        seconds_left: Callable[[], float],
    ) -> set[str]:
        """Read endpoints, and take those without an answer out of the work. Returns the rest."""
        found = self._endpoints.read(sorted(endpoint_ids), seconds_left=seconds_left)
        for endpoint_id, answer in found.items():
            if isinstance(answer, Mapping):
                known[endpoint_id] = self._remember(endpoint_id, answer)
                continue
            each = work.pop(endpoint_id)
            known.pop(endpoint_id, None)
            self._known.pop(endpoint_id, None)
            if answer is None:
                outcome.counts["UnknownEndpoints"] += 1
            else:
                self._fail(outcome, each.numbers, answer)
        return endpoint_ids & work.keys()

    def _work(self, events: Mapping[str, Event], outcome: Outcome) -> dict[str, _Work]:
        """Collect the changes of each endpoint."""
        work: defaultdict[str, _Work] = defaultdict(_Work)
        opens = self._rules.machine_opens
        for number, event in events.items():
            rules = self._rules.of(event)
            if not rules or event.project_id != self._endpoints.project_id:
                continue
            if opens is not None and opens.match(event):
                outcome.counts["MachineOpens"] += 1
                continue
            if event.endpoint_id is None:
                outcome.counts["UnknownEndpoints"] += 1
                continue
            for rule in rules:
                for caused in rule.changes(event):
                    if caused.refused:
                        outcome.refused_by_rule[rule.key] += caused.refused
                        outcome.counts["RefusedValues"] += caused.refused
                    if caused.change is not None:
                        each = work[event.endpoint_id]
                        each.numbers.add(number)
                        each.changes[caused.scope].append(caused.change)
        return dict(work)

    def _owners(
        self, work: Mapping[str, _Work], known: Mapping[str, _Known], *, fresh: bool
    ) -> dict[_Owner, set[str]]:
        """Map owners to the endpoints whose events change them."""
        owners: defaultdict[_Owner, set[str]] = defaultdict(set)
        for endpoint_id, each in work.items():
            found = known.get(endpoint_id)
            if found is None:
                continue
            if each.changes[Scope.ENDPOINT]:
                owners[_Owner(Scope.ENDPOINT, endpoint_id)].add(endpoint_id)
            user_id = found.user_id if each.changes[Scope.USER] else None
            if user_id is not None and (fresh or self._user(user_id) is not None):
                owners[_Owner(Scope.USER, user_id)].add(endpoint_id)
        return owners

    def _apply(
        self,
        owners: Mapping[_Owner, set[str]],
        work: Mapping[str, _Work],
        times: dict[str, Times],
    ) -> dict[_Owner, Applied]:
        """Apply the changes of each owner to its attributes, as last read."""
        changes = {
            owner: [
                change
                for endpoint_id in sorted(ids)
                for change in work[endpoint_id].changes[owner.scope]
            ]
            for owner, ids in owners.items()
        }
        missing = [
            owner.key
            for owner, found in changes.items()
            if owner.key not in times
            and any(change.attribute in self._rules.ordered[owner.scope] for change in found)
        ]
        times |= self._times.read(missing)
        return {
            owner: apply_changes(
                self._lists(owner),
                times.get(owner.key, {}),
                found,
                ordered=self._rules.ordered[owner.scope],
            )
            for owner, found in changes.items()
        }

    def _items(
        self,
        owners: Mapping[_Owner, set[str]],
        results: Mapping[_Owner, Applied],
        known: Mapping[str, _Known],
        read: set[str],
    ) -> tuple[dict[str, dict[str, Any]], dict[str, list[_Owner]]]:
        """Write the items of UpdateEndpointsBatch, and say which owners each item carries."""
        items: dict[str, dict[str, Any]] = {}
        carried: defaultdict[str, list[_Owner]] = defaultdict(list)
        for owner, applied in results.items():
            if not applied.lists:
                continue
            endpoint_id = min(_carriers(owner, owners, known, read))
            item = items.setdefault(endpoint_id, {"Id": endpoint_id})
            if known[
                endpoint_id
            ].inactive:  # an update makes an endpoint active unless it says otherwise
                item["EndpointStatus"] = "INACTIVE"
            if owner.scope is Scope.ENDPOINT:
                item["Attributes"] = applied.lists
            else:
                item["User"] = {"UserId": owner.id, "UserAttributes": applied.lists}
            carried[endpoint_id].append(owner)
        return items, carried

    def _keep(
        self,
        results: Mapping[_Owner, Applied],
        owners: Mapping[_Owner, set[str]],
        work: Mapping[str, _Work],
        times: Mapping[str, Times],
        outcome: Outcome,
    ) -> None:
        """Remember the new lists, and keep the new times."""
        newer: dict[str, Times] = {}
        by_key: dict[str, _Owner] = {}
        for owner, applied in results.items():
            self._lists(owner).update(applied.lists)
            outcome.counts["StaleChanges"] += applied.stale
            outcome.counts["RefusedValues"] += applied.refused
            outcome.counts["FullLists"] += applied.refused
            if applied.times != times.get(owner.key, {}):
                newer[owner.key] = applied.times
                by_key[owner.key] = owner
        for key in self._times.write(newer, self._now()):
            for endpoint_id in owners[by_key[key]]:
                self._fail(outcome, work[endpoint_id].numbers, Failure("TimesUnavailable"))

    def _lists(self, owner: _Owner) -> dict[str, list[str]]:
        if owner.scope is Scope.ENDPOINT:
            return self._known[owner.id].attributes
        return self._users[owner.id][1]

    def _remembered(self, endpoint_id: str) -> _Known | None:
        found = self._known.get(endpoint_id)
        return found if found and self._clock() - found.at < REMEMBERED_SECONDS else None

    def _user(self, user_id: str) -> dict[str, list[str]] | None:
        found = self._users.get(user_id)
        return found[1] if found and self._clock() - found[0] < REMEMBERED_SECONDS else None

    def _remember(self, endpoint_id: str, endpoint: Mapping[str, Any]) -> _Known:
        user = endpoint.get("User") or {}
        user_id = user.get("UserId") or None
        known = _Known(
            at=self._clock(),
            attributes=_lists(endpoint.get("Attributes"), self._rules.attributes[Scope.ENDPOINT]),
            user_id=user_id,
            inactive=endpoint.get("EndpointStatus") == "INACTIVE",
        )
        _put(self._known, endpoint_id, known)
        if user_id is not None:
            names = self._rules.attributes[Scope.USER]
            _put(self._users, user_id, (known.at, _lists(user.get("UserAttributes"), names)))
        return known

    @staticmethod
    def _fail(outcome: Outcome, numbers: Iterable[str], failure: Failure) -> None:
        kind = outcome.hopeless if failure.hopeless else outcome.again
        kind.update(dict.fromkeys(numbers, failure.code))


def _carriers(
    owner: _Owner,
    owners: Mapping[_Owner, set[str]],
    known: Mapping[str, _Known],
    read: set[str],
) -> set[str]:
    """Find the endpoints whose update can carry the attributes of an owner.

    An endpoint that was not read now could be deleted: an update would create it.
    """
    found = owners[owner] & read
    if found or owner.scope is Scope.ENDPOINT:
        return found
    return {endpoint_id for endpoint_id in read if known[endpoint_id].user_id == owner.id}


def _lists(given: Mapping[str, list[str]] | None, names: frozenset[str]) -> dict[str, list[str]]:
    return {name: list(values) for name, values in (given or {}).items() if name in names}


def _put(memory: OrderedDict[str, Any], key: str, value: Any) -> None:
    memory[key] = value
    memory.move_to_end(key)
    while len(memory) > _REMEMBERED_ENDPOINTS:
        memory.popitem(last=False)
