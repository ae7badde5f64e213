"""Find and replace the members of a journey, and of a segment, that refer to something else.

Source: API reference of Amazon Pinpoint, "Journeys" (WriteJourneyRequest) and "Segments"
(WriteSegmentRequest).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = ["Kind", "Reference", "Replacement", "journey_references", "replaced", "source_segments"]

Path = tuple[str | int, ...]


class Kind(StrEnum):
    """The resource that a member refers to."""

    CONNECT_CAMPAIGN = "CONNECT_CAMPAIGN"
    CONNECT_ROLE = "CONNECT_ROLE"
    CUSTOM_TEMPLATE = "CUSTOM_TEMPLATE"
    DELIVERY_URI = "DELIVERY_URI"
    EMAIL_TEMPLATE = "EMAIL_TEMPLATE"
    FROM_ADDRESS = "FROM_ADDRESS"
    ORIGINATION_NUMBER = "ORIGINATION_NUMBER"
    PUSH_TEMPLATE = "PUSH_TEMPLATE"
    SEGMENT = "SEGMENT"
    SENDER_ID = "SENDER_ID"
    SMS_TEMPLATE = "SMS_TEMPLATE"


# Message activity => the kind of its template, and its other members that refer to something.
_MESSAGES: Mapping[str, tuple[Kind, Mapping[Path, Kind]]] = {
    "CUSTOM": (Kind.CUSTOM_TEMPLATE, {("DeliveryUri",): Kind.DELIVERY_URI}),
    "EMAIL": (Kind.EMAIL_TEMPLATE, {("MessageConfig", "FromAddress"): Kind.FROM_ADDRESS}),
    "PUSH": (Kind.PUSH_TEMPLATE, {}),
    "SMS": (
        Kind.SMS_TEMPLATE,
        {
            ("MessageConfig", "OriginationNumber"): Kind.ORIGINATION_NUMBER,
            ("MessageConfig", "SenderId"): Kind.SENDER_ID,
        },
    ),
}
_SETTINGS = {
    "ConnectCampaignArn": Kind.CONNECT_CAMPAIGN,
    "ConnectCampaignExecutionRoleArn": Kind.CONNECT_ROLE,
}


@dataclass(frozen=True, slots=True)
class Reference:
    """One member that refers to something.

    `version` belongs to a template: None is the active version when a message is sent.
    """

    kind: Kind
    path: Path
    value: str
    version: str | None = None

    @property
    def member(self) -> str:
        """Return the place of the member, for a person; it never holds the value."""
        return ".".join(str(part) for part in self.path)


@dataclass(frozen=True, slots=True)
class Replacement:
    """The new value of a member; None removes the member. `version` is for templates."""

    value: str | None
    version: str | None = None


def journey_references(journey: Mapping[str, Any]) -> list[Reference]:
    """List the references of a journey in the order of its members."""
    return [
        *_start_references(journey.get("StartCondition") or {}),
        *_activity_references(journey.get("Activities") or {}),
        *_setting_references(journey.get("JourneyChannelSettings") or {}),
    ]


def source_segments(segment: Mapping[str, Any]) -> list[tuple[Path, str, int | None]]:
    """List the segments that a segment is built on: the path, the id and the version.

    A version of None is the latest version.
    """
    found: list[tuple[Path, str, int | None]] = []
    for number, group in enumerate((segment.get("SegmentGroups") or {}).get("Groups") or []):
        for position, source in enumerate(group.get("SourceSegments") or []):
            path: Path = ("SegmentGroups", "Groups", number, "SourceSegments", position)
            found.append((path, source["Id"], source.get("Version")))
    return found


def replaced(
    body: Mapping[str, Any], replacements: Iterable[tuple[Reference, Replacement]]
) -> dict[str, Any]:
    """Return a copy of a journey in which references have new values."""
    whole: dict[str, Any] = copy.deepcopy(dict(body))
    for reference, replacement in replacements:
        parent: Any = whole
        for part in reference.path[:-1]:
            parent = parent[part]
        name = reference.path[-1]
        if replacement.value is None:
            del parent[name]
        else:
            parent[name] = replacement.value
        if name == "TemplateName":
            parent.pop("TemplateVersion", None)
            if replacement.version is not None:
                parent["TemplateVersion"] = replacement.version
    return whole


def _start_references(start: Mapping[str, Any]) -> Iterator[Reference]:
    for member in ("SegmentStartCondition", "EventStartCondition"):
        segment_id = (start.get(member) or {}).get("SegmentId")
        if segment_id:
            yield Reference(Kind.SEGMENT, ("StartCondition", member, "SegmentId"), segment_id)


def _activity_references(activities: Mapping[str, Any]) -> Iterator[Reference]:
    for activity_id, activity in activities.items():
        above: Path = ("Activities", activity_id)
        for message, (template, members) in _MESSAGES.items():
            content = activity.get(message) or {}
            if content.get("TemplateName"):
                yield Reference(
                    template,
                    (*above, message, "TemplateName"),
                    content["TemplateName"],
                    content.get("TemplateVersion") or None,
                )
            for path, kind in members.items():
                value = _value_at(content, path)
                if value:
                    yield Reference(kind, (*above, message, *path), value)
        yield from _condition_references(activity, above)


def _condition_references(activity: Mapping[str, Any], above: Path) -> Iterator[Reference]:
    split = (activity.get("ConditionalSplit") or {}).get("Condition") or {}
    conditions = [
        ((*above, "ConditionalSplit", "Condition", "Conditions", number), condition)
        for number, condition in enumerate(split.get("Conditions") or [])
    ] + [
        ((*above, "MultiCondition", "Branches", number, "Condition"), branch.get("Condition") or {})
        for number, branch in enumerate(
            (activity.get("MultiCondition") or {}).get("Branches") or []
        )
    ]
    for path, condition in conditions:
        segment_id = (condition.get("SegmentCondition") or {}).get("SegmentId")
        if segment_id:
            yield Reference(Kind.SEGMENT, (*path, "SegmentCondition", "SegmentId"), segment_id)


def _setting_references(settings: Mapping[str, Any]) -> Iterator[Reference]:
    for member, kind in _SETTINGS.items():
        if settings.get(member):
            yield Reference(kind, ("JourneyChannelSettings", member), settings[member])


def _value_at(content: Mapping[str, Any], path: Path) -> str | None:
    value: Any = content
    for part in path:
        value = (value or {}).get(part)
    return None if value is None else str(value)
