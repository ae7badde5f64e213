"""Opens a campaign run: its state, the next run, the activities, and the snapshot it works from.

The snapshot is `runs/<run>/plan.json` in the work bucket: campaign, segment, templates.
"""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, Any, cast

from engagement_hub.engagement import campaigns
from engagement_hub.engagement.campaigns import ExecutionMetric, StoredCampaign
from engagement_hub.engagement.errors import NotFound
from engagement_hub.engagement.model import ActivityState
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.store.names import SETTINGS_ID, run_activity_id, run_scope
from engagement_hub.workers.audience import snapshot
from engagement_hub.workers.campaign_plan import (
    plan_key,
    recommenders_of,
    run_id_of,
    templates_of,
)
from engagement_hub.workers.campaign_records import put_activity, schedule_next
from engagement_hub.workers.steps import Answer, Event, all_shards

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def open_run(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Enter the run: state, next run, activities, snapshot.

    Returns {"Outcome": "RUN", "Progress": […]}, or {"Outcome": "SKIPPED"} for a run that must not
    take place (paused, deleted or ended since it was scheduled, or already over).

    Raises:
        NotFound: the segment, a template or a recommender is gone. The run fails.
        BadRequest: the segment cannot be evaluated, since it builds on itself. The run fails.
    """
    app_id, campaign_id, run = event["ApplicationId"], event["CampaignId"], int(event["Run"])
    run_id, now = run_id_of(event), hub.now()
    scheduled = datetime.fromisoformat(str(event["ScheduledStart"]))

    def started(body: dict[str, Any]) -> dict[str, Any]:
        return cast(dict[str, Any], campaigns.start_run(cast(StoredCampaign, body), run, now))

    try:
        campaign = cast(
            StoredCampaign, hub.entities.update(app_id, Kind.CAMPAIGN, campaign_id, started)
        )
    except campaigns.RunNotAllowed:
        _skip(hub, app_id, campaign_id, run_id, scheduled)
        return {"Outcome": "SKIPPED", "Progress": []}
    except NotFound:
        return {"Outcome": "SKIPPED", "Progress": []}  # the campaign was deleted
    # EventBridge Scheduler delivers at least once: a second execution must not share the run.
    if not hub.runs.own(run_scope(run_id), str(event.get("Execution", ""))):
        return {"Outcome": "SKIPPED", "Progress": []}
    # Schedules work to the second, so a run may begin just before its own time.
    schedule_next(hub, campaign, max(now, scheduled))
    for content in campaigns.treatments_of(campaign):
        activity = campaigns.new_activity(
            campaign,
            content.id,
            activity_id=run_activity_id(run_id, content.id),
            scheduled_start=scheduled,
        )
        put_activity(hub, app_id, campaign_id, campaigns.start_activity(activity, now))
    settings = hub.entities.get(app_id, Kind.SETTINGS, SETTINGS_ID) or {}
    segment = snapshot(hub, app_id, campaign["SegmentId"], campaign.get("SegmentVersion"))
    templates = templates_of(hub, campaign)
    hub.bucket.write_json(
        plan_key(run_id),
        {
            "Campaign": campaign,
            "Segment": segment,
            "Templates": templates,
            "Recommenders": recommenders_of(hub, campaign, templates),
            "ProjectHasDaily": bool((settings.get("Limits") or {}).get("Daily")),
            "ScheduledStart": scheduled.isoformat(),
            "StartedAt": now.isoformat(),
        },
    )
    return {"Outcome": "RUN", "Progress": all_shards(hub)}


def _skip(hub: Hub, app_id: str, campaign_id: str, run_id: str, scheduled: datetime) -> None:
    """Leave an activity that says why a run did not take place, when the campaign is paused."""
    body = hub.entities.get(app_id, Kind.CAMPAIGN, campaign_id)
    if body is None or not body.get("IsPaused"):
        return
    campaign = cast(StoredCampaign, body)
    for content in campaigns.treatments_of(campaign):
        activity = campaigns.new_activity(
            campaign,
            content.id,
            activity_id=run_activity_id(run_id, content.id),
            scheduled_start=scheduled,
        )
        paused = campaigns.with_counts(activity, {ExecutionMetric.PAUSED: 1})
        paused["State"] = ActivityState.PAUSED.value
        put_activity(hub, app_id, campaign_id, paused)
