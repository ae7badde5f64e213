"""Replace references of a journey or campaign, and find the segments that a segment is built on.

Source: API reference of Amazon Pinpoint, "Journeys" (WriteJourneyRequest), "Campaigns"
(WriteCampaignRequest) and "Segments" (WriteSegmentRequest).
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from shared.journeys import Path, Reference

__all__ = ["Replacement", "replaced", "source_segments"]

# Member with the name of a template => member with its version: in a journey, and in a campaign.
_VERSIONS = {"TemplateName": "TemplateVersion", "Name": "Version"}


@dataclass(frozen=True, slots=True)
class Replacement:
    """The new value of a member; None removes the member. `version` is for templates."""

    value: str | None
    version: str | None = None


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
    """Return a copy of a journey or campaign in which references have new values."""
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
        version = _VERSIONS.get(str(name))
        if version is not None:
            parent.pop(version, None)
            if replacement.version is not None:
                parent[version] = replacement.version
    return whole
