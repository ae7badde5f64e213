"""Facts by which people know a campaign, journey or segment: its name, its status, its segment.

The engagement hub keeps the summary beside the entity and announces its changes; the names database
makes the same summary of an answer of the API. Members that the entity lacks are absent.
"""

import json
from collections.abc import Mapping
from typing import Any

__all__ = ["KINDS", "Summary", "summary_of"]

Summary = dict[str, Any]

KINDS = frozenset({"campaign", "journey", "segment"})

# The item of an entity holds its summary beside 380 KB of content, and a call of PutEvents ten
# summaries of 256 KB together. Names of segments, descriptions and tags have no limit of their own.
MOST_BYTES = 20_000
MOST_CHARACTERS = 500
_LEFT_OUT_FIRST = ("tags", "description", "treatments")


def summary_of(kind: str, body: Mapping[str, Any]) -> Summary:
    """Return the summary of an entity.

    | Member | What it is |
    |---|---|
    | `name` | the name; the id where the entity has no name |
    | `description` | `Description` of a campaign |
    | `version` | `Version`; absent for a journey |
    | `modifiedAt` | `LastModifiedDate`, or `CreationDate` |
    | `status` | `CampaignStatus` of a campaign, `State` of a journey |
    | `segmentType` | `DIMENSIONAL` or `IMPORT` |
    | `segmentId` | the segment of a campaign, or of the start of a journey |
    | `eventName` | the type of the events that start a campaign or journey |
    | `treatments` | id of a treatment => its name; `0` is the campaign itself |
    | `tags` | tags |

    Texts are cut after 500 characters. A summary of more than 20 KB of JSON lacks tags, then the
    description, then treatments.

    Args:
        kind: `campaign`, `journey` or `segment`.
        body: the entity as the API shows it.
    """
    facts: Summary = {
        "name": body.get("Name") or body.get("Id"),
        "description": body.get("Description"),
        "version": body.get("Version"),
        "modifiedAt": body.get("LastModifiedDate") or body.get("CreationDate"),
        "tags": body.get("tags"),
    }
    if kind == "campaign":
        facts |= {
            "status": _at(body, "State", "CampaignStatus"),
            "segmentId": body.get("SegmentId"),
            "eventName": _event_name(_at(body, "Schedule", "EventFilter")),
            "treatments": _treatments(body),
        }
    elif kind == "journey":
        start = _at(body, "StartCondition")
        facts |= {
            "status": body.get("State"),
            "segmentId": _at(start, "SegmentStartCondition", "SegmentId")
            or _at(start, "EventStartCondition", "SegmentId"),
            "eventName": _event_name(_at(start, "EventStartCondition", "EventFilter")),
        }
    else:
        facts["segmentType"] = body.get("SegmentType")
    summary = {name: _cut(fact) for name, fact in facts.items() if fact not in (None, "", {})}
    for name in _LEFT_OUT_FIRST:
        if len(json.dumps(summary, ensure_ascii=False).encode(errors="replace")) > MOST_BYTES:
            summary.pop(name, None)
    return summary


def _treatments(campaign: Mapping[str, Any]) -> dict[str, str]:
    named = {"0": campaign.get("TreatmentName")} | {
        str(treatment.get("Id")): treatment.get("TreatmentName")
        for treatment in campaign.get("AdditionalTreatments") or ()
    }
    return {key: name for key, name in named.items() if name}


def _event_name(event_filter: Any) -> Any:
    values = _at(event_filter, "Dimensions", "EventType", "Values")
    return values[0] if isinstance(values, list) and values else None


def _at(value: Any, *path: str) -> Any:
    """Return the value at a path of members; None where one of them is absent."""
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return value


def _cut(fact: Any) -> Any:
    if isinstance(fact, str):
        return fact[:MOST_CHARACTERS]
    if isinstance(fact, dict):
        return {key: _cut(value) for key, value in fact.items()}
    return fact
