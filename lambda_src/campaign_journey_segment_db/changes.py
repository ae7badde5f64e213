"""Messages about changes, as EventBridge delivers them: of an engagement hub, or of CloudTrail."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from campaign_journey_segment_db.entities import Entity, Kind, malformed_summary

__all__ = ["Announced", "Called", "MalformedChange", "change_in"]

HUB_SOURCE = "engagement_hub"
PINPOINT_SOURCE = "aws.pinpoint"
_CHANGES = ("created", "changed", "deleted")

# Operations of Amazon Pinpoint that create, change or delete an entity.
_KIND_OF_OPERATION = {
    f"{verb}{kind}": Kind(kind.lower())
    for verb in ("Create", "Update", "Delete")
    for kind in ("Campaign", "Journey", "Segment")
} | {"UpdateJourneyState": Kind.JOURNEY}


class MalformedChange(ValueError):
    """The message is no change of an entity. A repetition cannot help."""


@dataclass(frozen=True, slots=True)
class Announced:
    """A change that a hub announced, with the entity as it is since then."""

    entity: Entity
    deleted: bool
    revision: int
    at: str


@dataclass(frozen=True, slots=True)
class Called:
    """An operation of Amazon Pinpoint changed an entity. CloudTrail masks names (`***`), so the
    entity must be read."""

    kind: Kind
    entity_id: str


def change_in(message: str, project_id: str) -> Announced | Called | None:
    """Return the change that a message reports; None for another project and for a failed call.

    Raises:
        MalformedChange: naming the member and its rule.
    """
    try:
        event = json.loads(message)
    except ValueError:
        raise MalformedChange(
            "The message is no JSON. Only events of EventBridge belong into this queue."
        ) from None
    detail = _object(event, "the message").get("detail")
    detail = _object(detail, "detail")
    if event.get("source") == HUB_SOURCE:
        return _announced(detail, project_id)
    if event.get("source") == PINPOINT_SOURCE:
        return _called(detail, project_id)
    raise MalformedChange(
        f"source must be {HUB_SOURCE} or {PINPOINT_SOURCE}: other events are of no entity. "
        "Correct the event pattern of the rule that sends them."
    )


def _announced(detail: Mapping[str, Any], project_id: str) -> Announced | None:
    if _text(detail, "applicationId") != project_id:
        return None
    kind = _one_of(detail, "kind", tuple(Kind))
    change = _one_of(detail, "change", _CHANGES)
    entity_id, at = _text(detail, "id"), _text(detail, "at")
    revision = detail.get("revision")
    if not isinstance(revision, int) or isinstance(revision, bool) or revision < 1:
        raise MalformedChange("detail.revision must be a whole number of 1 or more.")
    outside = {"applicationId", "kind", "change", "id", "at", "revision"}
    summary = {name: value for name, value in detail.items() if name not in outside}
    fault = malformed_summary(summary)
    if fault is not None:
        raise MalformedChange(f"detail.{fault}")
    entity = Entity(Kind(kind), entity_id, project_id, summary)
    return Announced(entity, change == "deleted", revision, at)


def _called(detail: Mapping[str, Any], project_id: str) -> Called | None:
    kind = _KIND_OF_OPERATION.get(_text(detail, "eventName"))
    if kind is None:
        raise MalformedChange(
            "detail.eventName must be an operation that creates, changes or deletes a campaign, "
            "journey or segment. Correct the event pattern of the rule."
        )
    if detail.get("errorCode"):
        return None  # nothing has changed
    asked = _object(detail.get("requestParameters"), "detail.requestParameters")
    if _text(asked, "application-id", "detail.requestParameters") != project_id:
        return None
    answered = detail.get("responseElements")
    entity_id = answered.get("Id") if isinstance(answered, Mapping) else None
    entity_id = entity_id or asked.get(f"{kind}-id")
    if not isinstance(entity_id, str) or not entity_id:
        raise MalformedChange(
            f"detail must name the {kind}, in responseElements.Id or requestParameters.{kind}-id."
        )
    return Called(kind, entity_id)


def _object(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise MalformedChange(f"{name} must be a JSON object, as in an event of EventBridge.")
    return value


def _text(members: Mapping[str, Any], name: str, within: str = "detail") -> str:
    value = members.get(name)
    if not isinstance(value, str) or not value:
        raise MalformedChange(f"{within}.{name} must be a text that is not empty.")
    return value


def _one_of(members: Mapping[str, Any], name: str, words: tuple[str, ...]) -> str:
    value = members.get(name)
    if value not in words:
        raise MalformedChange(f"detail.{name} must be one of {', '.join(words)}.")
    return str(value)
