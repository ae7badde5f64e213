"""Change lists of attribute values so that the order of arrival of events does not matter.

Each value of a list remembers the time of the newest event that added or removed it, and each list
the time of the newest event that set it. An older event does not undo a newer one. Values that
other programs wrote have no time, so every event may change them.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from hashlib import blake2s

__all__ = ["VALUES_PER_ATTRIBUTE", "Applied", "Change", "Verb", "apply_changes"]

VALUES_PER_ATTRIBUTE = 50
"""Pinpoint developer guide, "Quotas"."""


class Verb(IntEnum):
    """Effect of a change on a list; changes of the same time apply in this order."""

    SET = 1
    REMOVE = 2
    ADD = 3


@dataclass(frozen=True, slots=True)
class Change:
    """One change of one attribute. SET without values empties the list."""

    attribute: str
    verb: Verb
    values: tuple[str, ...]
    at: int


@dataclass(frozen=True, slots=True)
class Applied:
    """The result of changes: lists that differ from before, whole, and the times to keep.

    `stale` changes came after a newer change of the same value; `refused` values did not fit into
    their list.
    """

    lists: dict[str, list[str]]
    times: dict[str, int]
    stale: int
    refused: int


def apply_changes(
    lists: Mapping[str, Sequence[str]],
    times: Mapping[str, int],
    changes: Iterable[Change],
    *,
    ordered: Collection[str],
) -> Applied:
    """Apply changes, the oldest first.

    Args:
        lists: the attributes as they are; an attribute that is missing has no values.
        times: the times that an earlier call returned for the same owner.
        ordered: attributes whose times are kept. The order of changes that only add, or only
            remove, makes no difference.
    """
    after = {name: list(values) for name, values in lists.items()}
    known = dict(times)
    stale = refused = 0
    for change in sorted(changes, key=lambda change: (change.at, change.verb)):
        name, at = change.attribute, change.at
        current = after.setdefault(name, [])
        tracked = name in ordered
        set_key = _key(name)
        if tracked and at < known.get(set_key, at):
            stale += 1
            continue
        if change.verb is Verb.SET:
            after[name] = _set(current, change, known if tracked else {})
            if tracked:
                known[set_key] = at
            continue
        for value in change.values:
            if tracked:
                key = _key(name, value)
                if at < known.get(key, at):
                    stale += 1
                    continue
                known[key] = at
            if change.verb is Verb.REMOVE:
                current[:] = [other for other in current if other != value]
            elif value not in current:
                if len(current) >= VALUES_PER_ATTRIBUTE:
                    refused += 1
                    continue
                current.append(value)
    changed = {name: values for name, values in after.items() if values != lists.get(name, [])}
    return Applied(changed, known, stale, refused)


def _set(current: list[str], change: Change, known: Mapping[str, int]) -> list[str]:
    """Replace a list, except for values that newer events added or removed."""

    def newer(value: str) -> bool:
        return known.get(_key(change.attribute, value), change.at) > change.at

    kept = [value for value in current if newer(value)]
    given = [value for value in dict.fromkeys(change.values) if not newer(value)]
    after = (given + kept)[:VALUES_PER_ATTRIBUTE]
    # The same values in another order are no change, or an event that arrives again would be one.
    return current if set(after) == set(current) else after


def _key(*parts: str) -> str:
    """Return the key of a time: a digest, because values can be about people."""
    return blake2s(json.dumps(parts).encode(), digest_size=9).hexdigest()
