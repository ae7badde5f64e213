"""Campaigns, journeys and segments, and their rows in the tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.entity_summary import Summary, summary_of

__all__ = ["BOOKKEEPING", "Entity", "Kind", "Row", "entity_of", "malformed_summary", "row_of"]

Row = dict[str, Any]

# Attributes of a row that order writes; the others are facts of the entity.
BOOKKEEPING = frozenset({"deleted", "deleted_at", "revision", "state_order", "updated_at"})

_TEXTS = ("description", "eventName", "modifiedAt", "segmentId", "segmentType", "status")
_TEXT_MAPS = ("tags", "treatments")


class Kind(StrEnum):
    """The kind of an entity."""

    CAMPAIGN = "campaign"
    JOURNEY = "journey"
    SEGMENT = "segment"


@dataclass(frozen=True, slots=True)
class Entity:
    """An entity of a project as it was at one moment; `summary` as in `shared.entity_summary`."""

    kind: Kind
    entity_id: str
    project_id: str
    summary: Summary

    @property
    def state_order(self) -> str:
        """A text that is greater for a later state of the entity: by version, then by time.

        The texts of the API's instants sort as the instants do. An update raises the version of a
        campaign or segment, whichever clock the instants come from.
        """
        version = int(self.summary.get("version", 0))
        return f"{version:010d} {self.summary.get('modifiedAt', '')}"


def entity_of(kind: Kind, body: Mapping[str, Any], project_id: str) -> Entity:
    """Return an entity as the API shows it."""
    return Entity(kind, str(body["Id"]), project_id, summary_of(kind, body))


def row_of(entity: Entity) -> Row:
    """Return the facts of an entity as attributes of its row; absent facts are absent."""
    summary = entity.summary
    facts = {
        "id": entity.entity_id,
        "application_id": entity.project_id,
        "type": None if entity.kind == Kind.SEGMENT else entity.kind.value,
        "name": summary["name"],
        "description": summary.get("description"),
        "status": summary.get("status"),
        "segment_type": summary.get("segmentType"),
        "segment_id": summary.get("segmentId"),
        "event_name": summary.get("eventName"),
        "treatments": summary.get("treatments"),
        "tags": summary.get("tags"),
        "version": summary.get("version"),
        "changed_at": summary.get("modifiedAt"),
    }
    return {name: fact for name, fact in facts.items() if fact not in (None, "", {})}


def malformed_summary(summary: Mapping[str, Any]) -> str | None:
    """Return the fault of a summary that was received: the member and its rule; None without."""
    if not isinstance(summary.get("name"), str) or not summary["name"]:
        return "name must be a text that is not empty."
    for name in _TEXTS:
        if not isinstance(summary.get(name, ""), str):
            return f"{name} must be a text, or absent."
    version = summary.get("version", 0)
    if not isinstance(version, int) or isinstance(version, bool) or version < 0:
        return "version must be a whole number, or absent."
    for name in _TEXT_MAPS:
        members = summary.get(name, {})
        if not isinstance(members, Mapping) or not all(
            isinstance(value, str) for value in members.values()
        ):
            return f"{name} must be an object of texts, or absent."
    return None
