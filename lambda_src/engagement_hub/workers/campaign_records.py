"""The entries of a campaign run in the entities table, and the schedule of the run after it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

from engagement_hub.engagement import campaigns
from engagement_hub.engagement.campaigns import StoredCampaign
from engagement_hub.engagement.model import Activity
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.store.names import activity_entity_id


def schedule_next(hub: Hub, campaign: StoredCampaign, after: datetime) -> None:
    """Schedule the run that comes next, if any; schedules are named after runs, so once."""
    upcoming = campaigns.upcoming_run(campaign, after)
    if upcoming is not None:
        hub.machines.schedule_run(campaign["ApplicationId"], campaign["Id"], upcoming)


def put_activity(hub: Hub, app_id: str, campaign_id: str, activity: Activity) -> None:
    """Write an activity, unless an earlier attempt wrote it."""
    key = activity_entity_id(campaign_id, activity["Id"])
    hub.entities.upsert(
        app_id,
        Kind.ACTIVITY,
        key,
        lambda current: cast(dict[str, Any], activity) if current is None else current,
    )


def change_activity(
    hub: Hub,
    app_id: str,
    campaign_id: str,
    activity_id: str,
    change: Callable[[Activity], Activity],
) -> None:
    """Change an activity of a run.

    Raises:
        NotFound: the run broke off before it had the activity.
    """
    hub.entities.update(
        app_id,
        Kind.ACTIVITY,
        activity_entity_id(campaign_id, activity_id),
        lambda body: cast(dict[str, Any], change(cast(Activity, body))),
    )
