"""Ids of the entities that the API has no id for, and the reading of templates.

| Kind | Id |
|---|---|
| settings, event stream | a fixed word: there is one of each in a project |
| channel | the word of its path: `sms`, `email`, `voice`, `gcm` … |
| template | `<type>#<name>`, the type as in the API: `SMS#welcome`; under ACCOUNT |
| activity | `<campaign id>#<activity id>`, so that a prefix lists a campaign's |

A campaign's run has no entity: its activities and its counters are found by the run's id.
"""

import hashlib
from typing import Any

from engagement_hub.engagement.errors import NotFound
from engagement_hub.store.entities import ACCOUNT, EntityStore, Kind

__all__ = [
    "ACTIVE_VERSION",
    "EVENT_STREAM_ID",
    "SETTINGS_ID",
    "activity_entity_id",
    "activity_prefix",
    "journey_run_entity_id",
    "journey_run_id",
    "journey_run_number",
    "load_template",
    "run_activity_id",
    "run_scope",
    "template_id",
]

SETTINGS_ID = "settings"
EVENT_STREAM_ID = "stream"

# A template entity is the body of its newest version and says which version is active. Every
# version, the newest too, is also kept as a version.
ACTIVE_VERSION = "ActiveVersion"


def template_id(name: str, template_type: str) -> str:
    """Return the entity id of a template; `template_type` is a type of the API."""
    return f"{template_type}#{name}"


def activity_entity_id(campaign_id: str, activity_id: str) -> str:
    """Return the entity id of a campaign's activity."""
    return f"{activity_prefix(campaign_id)}{activity_id}"


def activity_prefix(campaign_id: str) -> str:
    """Return the prefix of the entity ids of a campaign's activities."""
    return f"{campaign_id}#"


def run_activity_id(run_id: str, treatment_id: str) -> str:
    """Return the id of the activity of a run's treatment.

    The same for every attempt, so that a repeated step finds its activity again.
    """
    return hashlib.sha256(f"{run_id}#{treatment_id}".encode()).hexdigest()[:32]


def journey_run_id(journey_id: str, number: int) -> str:
    """Return the id of a journey's run, the same whenever it is asked for; it has the number."""
    return f"{number:08x}{hashlib.sha256(f'{journey_id}#run#{number}'.encode()).hexdigest()[:24]}"


def journey_run_number(journey_id: str, run_id: str) -> int | None:
    """Return the number of a journey's run; None for an id of no run of the journey."""
    try:
        number = int(run_id[:8], 16)
    except ValueError:
        return None
    return number if journey_run_id(journey_id, number) == run_id else None


def journey_run_entity_id(journey_id: str, number: int) -> str:
    """Return the entity id of a run, so that a prefix lists a journey's runs in their order."""
    return f"{journey_id}#{number:08d}"


def run_scope(run_id: str) -> str:
    """Return the scope of a run's counters in RunStore."""
    return f"run#{run_id}"


def load_template(
    entities: EntityStore, template_type: str, name: str, version: str | None = None
) -> dict[str, Any]:
    """Return a template's content: of the version named, or of the active one.

    Args:
        template_type: "EMAIL", "SMS" or "VOICE", as `template_references` gives it.
        version: "3", or None or "latest" for the active version, the default of a send.

    Raises:
        NotFound: there is no such template, or it has no such version.
    """
    entity_id = template_id(name, template_type)
    newest = entities.get(ACCOUNT, Kind.TEMPLATE, entity_id)
    if newest is None:
        raise NotFound(f"There is no {template_type} template {name!r}.")
    wanted = version or newest[ACTIVE_VERSION]
    if wanted == "latest" or wanted == newest["Version"]:
        return newest
    number = int(wanted) if wanted.isdecimal() and len(wanted) < 9 else 0
    body = entities.get_version(ACCOUNT, Kind.TEMPLATE, entity_id, number)
    if body is None:
        raise NotFound(f"{template_type} template {name!r} has no version {wanted!r}.")
    return body
