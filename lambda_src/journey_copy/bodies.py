"""Turn responses of the API into requests, and compare requests.

`members` is the list of members of a request's shape in botocore's model, so that a member that
exists in responses only never reaches a request.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

__all__ = [
    "COPIED_FROM",
    "copied_tags",
    "journey_request",
    "same",
    "segment_request",
    "template_request",
    "updated",
]

# Tag of a copied segment or template: the source that it is a copy of.
COPIED_FROM = "copied-from"
# Tag by which the module pinpoint_resources recognises its resources; copies are not its resources.
_NOT_COPIED = ("managed-by", COPIED_FROM)
_DATES = ("CreationDate", "LastModifiedDate")


def journey_request(journey: Mapping[str, Any], members: Collection[str]) -> dict[str, Any]:
    """Return the WriteJourneyRequest of a DRAFT with a journey's definition."""
    return {**_members(journey, set(members) - {*_DATES, "State", "tags"}), "State": "DRAFT"}


def segment_request(segment: Mapping[str, Any]) -> dict[str, Any]:
    """Return the WriteSegmentRequest of a segment, without tags.

    A request has `SegmentGroups` or `Dimensions`. A response can have both: the groups then hold
    the dimensions.
    """
    groups = segment.get("SegmentGroups")
    if groups and groups.get("Groups"):
        return _members(segment, ("Name", "SegmentGroups"))
    return {"Dimensions": {}, **_members(segment, ("Name", "Dimensions"))}


def template_request(template: Mapping[str, Any], members: Collection[str]) -> dict[str, Any]:
    """Return the request that creates a template with the same content, without tags."""
    return _members(template, set(members) - {"tags"})


def copied_tags(tags: Mapping[str, str] | None, copied_from: str) -> dict[str, str]:
    """Return the tags of a copy: the source's own tags, and the name of the source.

    Tags that AWS or `pinpoint_resources` set are not copied.
    """
    own = {
        name: value
        for name, value in (tags or {}).items()
        if not name.startswith("aws:") and name not in _NOT_COPIED
    }
    return {**own, COPIED_FROM: copied_from}


def same(one: Any, other: Any) -> bool:
    """Check whether two bodies say the same: an absent member equals null, false or empty."""
    return bool(_plain(one) == _plain(other))


def updated(there: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return the request that makes an existing body as wanted.

    An update leaves members that it does not name as they are; an empty member removes them.
    """
    cleared = {
        name: type(value)()
        for name, value in there.items()
        if name not in wanted and isinstance(value, bool | dict | list | str)
    }
    return {**cleared, **wanted}


def _members(body: Mapping[str, Any], names: Collection[str]) -> dict[str, Any]:
    return {name: body[name] for name in sorted(names) if body.get(name) is not None}


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        plain = {name: _plain(member) for name, member in value.items()}
        return {name: member for name, member in plain.items() if not _is_empty(member)}
    if isinstance(value, list | tuple):
        return [_plain(member) for member in value]
    return value


def _is_empty(value: Any) -> bool:
    return value is None or value is False or value in ("", {}, [])
