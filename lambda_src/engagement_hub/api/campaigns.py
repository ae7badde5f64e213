"""Campaigns and their activities. The campaign state machine sends the messages."""

from datetime import datetime
from typing import cast

from engagement_hub.api.channels import allowed_senders
from engagement_hub.api.creation import create_and_start
from engagement_hub.api.operation import Operation, stopwatch
from engagement_hub.api.segments import segment_version, version_number
from engagement_hub.api.tags import tags_of
from engagement_hub.api.wire import Call
from engagement_hub.engagement import campaigns
from engagement_hub.engagement.campaigns import StoredCampaign, UpcomingRun
from engagement_hub.engagement.channel_settings import check_from_address
from engagement_hub.engagement.errors import NotFound, TooManyRequests
from engagement_hub.engagement.model import Activity, JsonObject
from engagement_hub.engagement.recommenders import uses_recommendations
from engagement_hub.engagement.schedule import is_immediate
from engagement_hub.hub import Hub
from engagement_hub.machines import NotStarted, run_name
from engagement_hub.store.entities import ACCOUNT, EXPIRES_AT, Kind
from engagement_hub.store.names import (
    SETTINGS_ID,
    activity_entity_id,
    activity_prefix,
    load_template,
    run_activity_id,
    run_scope,
)
from shared.messages.content import resolve, template_references

__all__ = ["OPERATIONS"]

# The activities of a removed campaign are forgotten after this time; a run may last 30 days.
_KEPT_SECONDS = 40 * 24 * 3600


def create_campaign(hub: Hub, call: Call) -> JsonObject:
    """CreateCampaign: start it, or schedule its first run.

    As in Pinpoint, two calls make two campaigns. The attempts of one call make one.

    Raises:
        InternalServerError, TooManyRequests: it could not be started; the campaign is INVALID.
    """

    def campaign(campaign_id: str) -> JsonObject:
        campaigns.validate_campaign(call.body, call.now)  # type: ignore[arg-type]  # checked by the model
        segment = segment_version(
            hub, call.app_id, call.body["SegmentId"], call.body.get("SegmentVersion")
        )
        _check_templates(hub, call.body)
        _check_senders(call.body)
        made = campaigns.new_campaign(
            {**call.body, "tags": tags_of(call.body)},  # type: ignore[typeddict-item]  # as above
            app_id=call.app_id,
            campaign_id=campaign_id,
            arn=hub.account.arn(f"apps/{call.app_id}/campaigns/{campaign_id}"),
            segment_version=int(segment["Version"]),
            now=call.now,
            settings=hub.entities.get(call.app_id, Kind.SETTINGS, SETTINGS_ID),  # type: ignore[arg-type]  # as it was stored
        )
        return cast("JsonObject", made)

    body = create_and_start(
        hub,
        call,
        Kind.CAMPAIGN,
        campaign,
        start=lambda made: _start_first(hub, call, cast("StoredCampaign", made)),
        # A run has begun, or an update has taken over the schedule.
        is_waiting=lambda made: not made.get("Runs") and made["Version"] == 1,
        given_up=lambda made, _: _invalidated(made, call),
    )
    return _shown(body)


def get_campaign(hub: Hub, call: Call) -> JsonObject:
    """GetCampaign."""
    return _shown(_require(hub, call))


def get_campaigns(hub: Hub, call: Call) -> JsonObject:
    """GetCampaigns."""
    page = hub.entities.list(call.app_id, Kind.CAMPAIGN, call.page_size, call.token)
    return {"Item": [_shown(body) for body in page.items], "NextToken": page.token}


def update_campaign(hub: Hub, call: Call) -> JsonObject:
    """UpdateCampaign: edit, pause or resume, and schedule the next run anew.

    Raises:
        BadRequest: the change is not allowed (see `campaigns.update_campaign`).
        InternalServerError, TooManyRequests: the next run could not be scheduled; the campaign is
            INVALID, and an update that succeeds heals it.
    """
    before = _require(hub, call)
    version: int | None = None
    if "SegmentId" in call.body or "SegmentVersion" in call.body:
        segment_id = call.body.get("SegmentId") or before["SegmentId"]
        number = call.body.get("SegmentVersion")
        version = int(segment_version(hub, call.app_id, segment_id, number)["Version"])
    _check_templates(hub, call.body)
    _check_senders(call.body)

    def updated(body: JsonObject) -> JsonObject:
        changed = campaigns.update_campaign(
            cast("StoredCampaign", body),
            call.body,  # type: ignore[arg-type]  # checked by the model
            now=call.now,
            segment_version=version,
        )
        return cast("JsonObject", changed)

    campaign_id = call.labels["campaign-id"]
    body = hub.entities.update(call.app_id, Kind.CAMPAIGN, campaign_id, updated)
    _start_next(hub, call, cast("StoredCampaign", body))
    return _shown(body)


def delete_campaign(hub: Hub, call: Call) -> JsonObject:
    """DeleteCampaign: a run that is going on finishes; no other starts.

    The activities of that run stay for it to report to, until they expire.

    Raises:
        TooManyRequests: the campaign has had too many runs to forget in one request; the next
            request goes on.
    """
    campaign = _require(hub, call)
    campaign_id = campaign["Id"]
    out_of_time = stopwatch(hub)

    def check_time() -> None:
        if out_of_time():
            raise TooManyRequests(
                "Deleting the runs of the campaign takes longer than one request may. Send the "
                "same request again to go on."
            )

    # A run that starts after this finds no campaign when it wants to go on, and ends.
    hub.machines.cancel_run(campaign_id, int(campaign.get("Runs", 0)) + 1)
    current = _activities_of_its_run(campaign)
    hub.entities.delete_all(
        call.app_id,
        Kind.ACTIVITY,
        prefix=activity_prefix(campaign_id),
        but=current.__contains__,
        between=check_time,
    )
    expiry = {EXPIRES_AT: int(call.now.timestamp()) + _KEPT_SECONDS}
    for activity_id in sorted(current):
        if hub.entities.get(call.app_id, Kind.ACTIVITY, activity_id) is not None:
            hub.entities.update(
                call.app_id, Kind.ACTIVITY, activity_id, lambda kept: {**kept, **expiry}
            )
    hub.entities.delete(call.app_id, Kind.CAMPAIGN, campaign_id)
    deleted = campaigns.delete_campaign(cast("StoredCampaign", campaign), call.now)
    return _shown(cast("JsonObject", deleted))


def get_campaign_version(hub: Hub, call: Call) -> JsonObject:
    """GetCampaignVersion."""
    newest = _require(hub, call)
    number = version_number(call.labels["version"])
    if number == newest["Version"]:
        return _shown(newest)
    campaign_id = call.labels["campaign-id"]
    body = hub.entities.get_version(call.app_id, Kind.CAMPAIGN, campaign_id, number)
    if body is None:
        raise NotFound(f"Campaign {campaign_id} has no version {number}.")
    return _shown(body)


def get_campaign_versions(hub: Hub, call: Call) -> JsonObject:
    """GetCampaignVersions: oldest first."""
    newest = _require(hub, call)
    page = hub.entities.list_versions(
        call.app_id, Kind.CAMPAIGN, newest["Id"], call.page_size, call.token
    )
    return {
        "Item": [
            _shown(newest if body["Version"] == newest["Version"] else body) for body in page.items
        ],
        "NextToken": page.token,
    }


def get_campaign_activities(hub: Hub, call: Call) -> JsonObject:
    """GetCampaignActivities: one per run and treatment, with the counters of this moment."""
    campaign = _require(hub, call)
    page = hub.entities.list(
        call.app_id,
        Kind.ACTIVITY,
        call.page_size,
        call.token,
        prefix=activity_prefix(campaign["Id"]),
    )
    return {
        "Item": [
            activity if "Result" in activity else _counted(hub, campaign, activity)
            for activity in page.items
        ],
        "NextToken": page.token,
    }


def _counted(hub: Hub, campaign: JsonObject, activity: JsonObject) -> JsonObject:
    """Return an activity with the counters its run has now; the run writes them down at its end."""
    run_id = run_name(campaign["Id"], campaign.get("Runs", 0))
    if activity["Id"] != run_activity_id(run_id, activity["TreatmentId"]):
        return activity
    counts = hub.runs.totals(run_scope(run_id)).get(activity["TreatmentId"], {})
    counted = campaigns.with_counts(cast(Activity, activity), counts)
    return cast("JsonObject", counted)


def _activities_of_its_run(campaign: JsonObject) -> set[str]:
    """Return the entity ids that the activities of the campaign's latest run can have."""
    run_id = run_name(campaign["Id"], campaign.get("Runs", 0))
    treatments = range(campaigns.MAX_ADDITIONAL_TREATMENTS + 1)
    return {
        activity_entity_id(campaign["Id"], run_activity_id(run_id, str(treatment)))
        for treatment in treatments
    }


def _start_first(hub: Hub, call: Call, campaign: StoredCampaign) -> None:
    """Start or schedule the first run of a new campaign, as its first attempt meant it.

    Raises:
        NotStarted: it could not be started.
    """
    upcoming = campaigns.upcoming_run(campaign, datetime.fromisoformat(campaign["CreationDate"]))
    if upcoming is not None:
        _start(hub, call, campaign, upcoming, replace=False)


def _start_next(hub: Hub, call: Call, campaign: StoredCampaign) -> None:
    """Schedule the next run of an updated campaign anew; without one, take it off the schedule."""
    number = campaign.get("Runs", 0) + 1
    upcoming = campaigns.upcoming_run(campaign, call.now)
    if upcoming is None:
        hub.machines.cancel_run(campaign["Id"], number)
        return
    try:
        _start(hub, call, campaign, upcoming, replace=True)
    except NotStarted as error:

        def invalidated(body: JsonObject) -> JsonObject:
            # A later update has scheduled the run, or says that it could not.
            if _has_begun(body, number) or body["Version"] != campaign["Version"]:
                return body
            return _invalidated(body, call)

        body = hub.entities.update(call.app_id, Kind.CAMPAIGN, campaign["Id"], invalidated)
        # The run is there although the answer to its start was lost. From now on it cannot begin:
        # a campaign that is INVALID starts no run.
        if not _has_begun(body, number):
            raise error.answer from error


def _start(
    hub: Hub, call: Call, campaign: StoredCampaign, run: UpcomingRun, *, replace: bool
) -> None:
    if is_immediate(campaign["Schedule"]):
        hub.machines.start_run(call.app_id, campaign["Id"], run)
    else:
        at = _not_before_now(run, call)
        hub.machines.schedule_run(call.app_id, campaign["Id"], at, replace=replace)


def _invalidated(body: JsonObject, call: Call) -> JsonObject:
    gone = campaigns.invalidate_campaign(cast("StoredCampaign", body), call.now)
    return cast("JsonObject", gone)


def _has_begun(body: JsonObject, number: int) -> bool:
    return int(body.get("Runs", 0)) >= number


def _not_before_now(run: UpcomingRun, call: Call) -> UpcomingRun:
    """Return a time for the scheduler, which works to the second and refuses the past."""
    return run if run.at > call.now else UpcomingRun(run.number, call.now)


def _require(hub: Hub, call: Call) -> JsonObject:
    return hub.entities.require(call.app_id, Kind.CAMPAIGN, call.labels["campaign-id"])


def _shown(body: JsonObject) -> JsonObject:
    return cast("JsonObject", campaigns.public(cast("StoredCampaign", body)))


def _check_senders(request: JsonObject) -> None:
    """Raise BadRequest for a FromAddress that the hub has no permission for."""
    parts = [("", request)]
    parts += [
        (f"AdditionalTreatments[{number}].", treatment)
        for number, treatment in enumerate(request.get("AdditionalTreatments") or [])
    ]
    for prefix, part in parts:
        message = (part.get("MessageConfiguration") or {}).get("EmailMessage") or {}
        member = f"{prefix}MessageConfiguration.EmailMessage"
        check_from_address(message, member, allowed_senders())


def _check_templates(hub: Hub, request: JsonObject) -> None:
    """Raise NotFound for a template or recommender that does not exist, BadRequest for a template
    that cannot be sent."""
    for part in (request, *(request.get("AdditionalTreatments") or [])):
        references = template_references(part.get("TemplateConfiguration"))
        for template_type, (name, version) in references.items():
            template = load_template(hub.entities, template_type, name, version)
            resolve({}, {template_type: template}, template_type)
            if uses_recommendations(template):
                hub.entities.require(ACCOUNT, Kind.RECOMMENDER, template["RecommenderId"])


OPERATIONS: dict[str, Operation] = {
    "CreateCampaign": create_campaign,
    "DeleteCampaign": delete_campaign,
    "GetCampaign": get_campaign,
    "GetCampaignActivities": get_campaign_activities,
    "GetCampaigns": get_campaigns,
    "GetCampaignVersion": get_campaign_version,
    "GetCampaignVersions": get_campaign_versions,
    "UpdateCampaign": update_campaign,
}
