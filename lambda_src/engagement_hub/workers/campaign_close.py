"""Closes a campaign run: the counters and results of its activities, and the campaign's state."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any, cast

from engagement_hub.engagement import campaigns
from engagement_hub.engagement.campaigns import SendStatus, StoredCampaign
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.model import Activity
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.store.names import activity_entity_id, run_activity_id, run_scope
from engagement_hub.workers.audience import segment_at, snapshot
from engagement_hub.workers.campaign_plan import plan_of, recommenders_of, run_id_of, templates_of
from engagement_hub.workers.campaign_records import change_activity, schedule_next
from engagement_hub.workers.steps import Answer, Event, logger

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

# No other event reports these: the caller's function failed, and its recipients got nothing.
_FAILURES = (
    campaigns.CHUNKS_FAILED,
    SendStatus.HOOK_FAILURE,
    SendStatus.CUSTOM_DELIVERY_FAILURE,
)

_Change = Callable[[StoredCampaign], StoredCampaign]


def close_run(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the activities' counters and results, and the campaign's state after the run."""
    run_id, now = run_id_of(event), hub.now()
    plan = plan_of(hub, run_id)
    totals = hub.runs.totals(plan.scope)
    chunks = sum(counts.get(campaigns.CHUNKS, 0) for counts in totals.values())
    done = sum(counts.get(campaigns.CHUNKS_DONE, 0) for counts in totals.values())
    results = []
    for treatment in plan.treatments.values():
        counts = totals.get(treatment.id, {})
        failed = done < chunks or any(counts.get(name, 0) for name in _FAILURES)
        change_activity(
            hub,
            plan.app_id,
            plan.campaign["Id"],
            treatment.activity_id,
            partial(_finished, counts, now, failed),
        )
        results.append("FAIL" if failed else "SUCCESS")
    _change_campaign(hub, event, partial(_left, int(event["Run"]), now), now)
    return {"Result": "FAIL" if "FAIL" in results else "SUCCESS"}


def fail_run(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """End a run that broke off: activities FAIL; the campaign DELETED when its segment is gone,
    INVALID when anything else it names is, else as after any run.

    An execution that does not own the run changes nothing, and neither does a run that is over.

    Source of DELETED: Pinpoint user guide, "Deleting a segment".
    """
    app_id, campaign_id = event["ApplicationId"], event["CampaignId"]
    run_id, run, now = run_id_of(event), int(event["Run"]), hub.now()
    # Executions that began under an earlier release do not name themselves.
    execution = event.get("Execution")
    if execution is not None and not hub.runs.own(run_scope(run_id), str(execution)):
        return {"Result": "FAIL"}
    body = hub.entities.get(app_id, Kind.CAMPAIGN, campaign_id)
    if body is None:
        return {"Result": "FAIL"}
    campaign = cast(StoredCampaign, body)
    totals = hub.runs.totals(run_scope(run_id))
    for content in campaigns.treatments_of(campaign):
        activity_id = run_activity_id(run_id, content.id)
        key = activity_entity_id(campaign_id, activity_id)
        if hub.entities.get(app_id, Kind.ACTIVITY, key) is not None:
            change = partial(_broken_off, totals.get(content.id, {}), now)
            change_activity(hub, app_id, campaign_id, activity_id, change)
    if campaigns.is_in_run(campaign, run):
        _change_campaign(hub, event, _end_of(hub, campaign, run, now), now)
    return {"Result": "FAIL"}


def _finished(
    counts: Mapping[str, int], now: datetime, failed: bool, activity: Activity
) -> Activity:
    counted = campaigns.with_counts(activity, counts, over=True)
    return campaigns.finish_activity(counted, now, failed=failed)


def _broken_off(counts: Mapping[str, int], now: datetime, activity: Activity) -> Activity:
    """Return the activity with Result FAIL, unless the run came to its end before it broke off."""
    return activity if "Result" in activity else _finished(counts, now, True, activity)


def _left(run: int, now: datetime, campaign: StoredCampaign) -> StoredCampaign:
    return campaigns.finish_run(campaign, run, now)


def _end_of(hub: Hub, campaign: StoredCampaign, run: int, now: datetime) -> _Change:
    try:
        segment_at(hub, campaign["ApplicationId"], campaign["SegmentId"], None)
    except NotFound:
        return partial(campaigns.delete_campaign, now=now)
    try:
        snapshot(
            hub, campaign["ApplicationId"], campaign["SegmentId"], campaign.get("SegmentVersion")
        )
        recommenders_of(hub, campaign, templates_of(hub, campaign))
    except (BadRequest, NotFound):
        return partial(campaigns.invalidate_campaign, now=now)
    return partial(_left, run, now)


def _change_campaign(hub: Hub, event: Event, change: _Change, now: datetime) -> None:
    """Change the campaign after its run, and schedule its next run."""
    try:
        body = hub.entities.update(
            event["ApplicationId"],
            Kind.CAMPAIGN,
            event["CampaignId"],
            lambda body: cast(dict[str, Any], change(cast(StoredCampaign, body))),
        )
    except NotFound:
        logger.info("campaign deleted during its run", CampaignId=event["CampaignId"])
        return
    # Again: when this run took longer than the period, the next one came and had to be skipped.
    schedule_next(hub, cast(StoredCampaign, body), now)
