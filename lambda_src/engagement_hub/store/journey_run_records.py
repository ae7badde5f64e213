"""The record of a journey's run in the entities table, which GetJourneyRuns shows."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from engagement_hub.engagement.journey_runs import RunStatus
from engagement_hub.store.entities import EntityStore, Kind
from engagement_hub.store.names import journey_run_entity_id, journey_run_id
from shared.instants import iso

__all__ = ["get_run", "put_run"]


def get_run(
    entities: EntityStore, app_id: str, journey_id: str, number: int
) -> dict[str, Any] | None:
    """Return the record of a run, or None."""
    return entities.get(app_id, Kind.JOURNEY_RUN, journey_run_entity_id(journey_id, number))


def put_run(
    entities: EntityStore,
    app_id: str,
    journey_id: str,
    number: int,
    now: datetime,
    members: Mapping[str, Any] | None = None,
) -> None:
    """Write members of a run's record; a run without a record is SCHEDULED."""
    fresh = {
        "RunId": journey_run_id(journey_id, number),
        "JourneyId": journey_id,
        "Number": number,
        "CreationTime": iso(now),
        "LastUpdateTime": iso(now),
        "Status": RunStatus.SCHEDULED.value,
    }
    changes = {**members, "LastUpdateTime": iso(now)} if members else {}
    entities.upsert(
        app_id,
        Kind.JOURNEY_RUN,
        journey_run_entity_id(journey_id, number),
        lambda body: {**fresh, **(body or {}), **changes},
    )
