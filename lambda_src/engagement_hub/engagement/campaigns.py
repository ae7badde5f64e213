"""Campaigns: their requests, their states, and the treatment of each recipient.

Choices where AWS is silent:

- Members left out of an update stay as they are. A campaign that has sent something can only be
  paused and resumed; an update that repeats what is there counts as changing nothing.
- Pausing while a run goes on stops the next run; runs missed while paused are not made up for.
- Cohorts 0–99 are dealt from the bottom: the additional treatments in their order, then the default
  treatment; the holdout takes the top. Raising a holdout never moves anyone between treatments.
- Percentages are of the whole segment. A treatment without content of its own sends the campaign's.
- Project settings are copied into the campaign when it is created (`ProjectDefaults`, which the API
  does not show): later changes apply to later campaigns, as documented. A limit of 0 is no limit.
- Total counts attempts. A campaign's own Daily counts its own messages. The project's Daily counts
  the messages of all campaigns, from the moment at which the project has a Daily, and refuses
  messages of the campaigns that have no Daily of their own.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import TYPE_CHECKING, Any, TypedDict, cast

from engagement_hub.engagement.eligibility import Cap, Period
from engagement_hub.engagement.errors import BadRequest, Conflict
from engagement_hub.engagement.messages import validate_messages
from engagement_hub.engagement.model import (
    Activity,
    ActivityResult,
    ActivityState,
    Campaign,
    CampaignHook,
    CampaignLimits,
    CampaignRequest,
    CampaignStatus,
    ChannelType,
    CustomDeliveryConfiguration,
    HookMode,
    MessageConfiguration,
    QuietTime,
    Schedule,
    Settings,
    TemplateConfiguration,
    Treatment,
)
from engagement_hub.engagement.ranges import checked_whole
from engagement_hub.engagement.schedule import (
    is_immediate,
    is_recurring,
    run_after,
    validate_quiet_time,
    validate_schedule,
)
from engagement_hub.engagement.starts import START
from shared.instants import iso
from shared.messages.content import template_references

DEFAULT_TREATMENT = "0"
ALL_CAMPAIGNS = "all"  # the counter of the project's Daily
COHORTS = 100
MAX_ADDITIONAL_TREATMENTS = 4
NAME_LIMIT = 64
ENDPOINTS_PER_CALL = 50  # of a hook or a custom channel's function

_LIMITS = {  # member: (least, most); Pinpoint API reference, CampaignLimits
    "Daily": (0, 100),
    "Total": (0, 100),
    "MaximumDuration": (60, None),
    "MessagesPerSecond": (1, 20_000),
    "Session": (0, 10),
}
LAMBDA_FUNCTION = re.compile(
    r"(arn:[a-z-]+:lambda:[a-z0-9-]+:\d{12}:function:)?[A-Za-z0-9_-]{1,64}(:[A-Za-z0-9_$-]{1,128})?"
)
_PUSH_OR_IN_APP = ("ADMMessage", "APNSMessage", "BaiduMessage", "GCMMessage", "InAppMessage")


class SendStatus(StrEnum):
    """`campaign_send_status` of a `_campaign.send` event."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    DAILY_CAP = "DAILY_CAP"
    EXPIRED = "EXPIRED"
    QUIET_TIME = "QUIET_TIME"
    HOLDOUT = "HOLDOUT"
    DUPLICATE_ADDRESS = "DUPLICATE_ADDRESS"
    CAMPAIGN_CAP = "CAMPAIGN_CAP"
    FAILURE_PERMANENT = "FAILURE_PERMANENT"
    TRANSIENT_FAILURE = "TRANSIENT_FAILURE"
    THROTTLED = "THROTTLED"
    UNKNOWN = "UNKNOWN"
    HOOK_FAILURE = "HOOK_FAILURE"
    CUSTOM_DELIVERY_FAILURE = "CUSTOM_DELIVERY_FAILURE"
    RECOMMENDATION_FAILURE = "RECOMMENDATION_FAILURE"
    UNSUPPORTED_CHANNEL = "UNSUPPORTED_CHANNEL"


class ExecutionMetric(StrEnum):
    """The names of an activity's ExecutionMetrics that AWS publishes."""

    ENDPOINT_PRODUCED = "ENDPOINT_PRODUCED"
    ENDPOINTS_FROM_USER = "ENDPOINTS_FROM_USER"
    ENDPOINT_OPT_OUT = "ENDPOINT_OPT_OUT"
    ENDPOINT_INACTIVE = "ENDPOINT_INACTIVE"
    FILTERED_OUT_BY_SEGMENT = "FILTERED_OUT_BY_SEGMENT"
    ENDPOINT_MISSING_ADDRESS = "ENDPOINT_MISSING_ADDRESS"
    ENDPOINT_MISSING_CHANNEL = "ENDPOINT_MISSING_CHANNEL"
    ENDPOINT_MISSING_TIMEZONE = "ENDPOINT_MISSING_TIMEZONE"
    ENDPOINT_TIMEZONE_MISMATCH = "ENDPOINT_TIMEZONE_MISMATCH"
    ENDPOINT_CHANNEL_MISMATCH = "ENDPOINT_CHANNEL_MISMATCH"
    DUPLICATE_ENDPOINT = "DUPLICATE_ENDPOINT"
    DUPLICATE_USER = "DUPLICATE_USER"
    TREATMENT_HOLDOUT = "TREATMENT_HOLDOUT"
    PAUSED = "PAUSED"
    ENDED = "ENDED"


class ProjectDefaults(TypedDict, total=False):
    """The project's settings that a campaign keeps from its creation on."""

    CampaignHook: CampaignHook
    Limits: CampaignLimits
    QuietTime: QuietTime


if TYPE_CHECKING:
    # The members of the API are known from type stubs alone.
    class StoredCampaign(Campaign, total=False):
        """A campaign as the hub keeps it: the API's members, and three that it does not show."""

        ProjectDefaults: ProjectDefaults
        Runs: int
        StartOutcome: str
else:
    StoredCampaign = dict


class RunNotAllowed(Conflict):
    """The campaign is paused, deleted or done, so this run must not start."""


# Requests


def _missing(member: str) -> BadRequest:
    return BadRequest(f"{member} is missing.")


def validate_limits(limits: Mapping[str, Any] | None, member: str = "Limits") -> None:
    """Check limits of a campaign or project. MaximumDuration and MessagesPerSecond 0: no limit.

    Raises:
        BadRequest: a limit is out of its range.
    """
    for name, (least, most) in _LIMITS.items():
        value = (limits or {}).get(name)
        if value is not None and value != 0:
            checked_whole(value, f"{member}.{name}", least, most)


def validate_hook(hook: Mapping[str, Any] | None, member: str = "Hook") -> None:
    """Check a campaign hook: mode FILTER and a Lambda function. An empty hook counts as absent.

    Raises:
        BadRequest: another mode, a web URL, or no readable function.
    """
    if not hook or not any(hook.values()):
        return
    if hook.get("WebUrl"):
        raise BadRequest(
            f"{member}.WebUrl is not implemented by this engagement hub: use LambdaFunctionName."
        )
    if hook.get("Mode") == HookMode.DELIVERY:
        raise BadRequest(
            f"{member}.Mode DELIVERY is not implemented by this engagement hub (Pinpoint retired "
            "it): use CustomDeliveryConfiguration."
        )
    if hook.get("Mode") not in (None, "", HookMode.FILTER):
        raise BadRequest(f"{member}.Mode must be FILTER.")
    if not LAMBDA_FUNCTION.fullmatch(hook.get("LambdaFunctionName") or ""):
        raise BadRequest(f"{member}.LambdaFunctionName must be a Lambda function's name or ARN.")


def validate_custom_delivery(custom: Mapping[str, Any] | None, member: str) -> None:
    """Check the function and the endpoint types of a custom channel. None is no custom channel.

    Raises:
        BadRequest: DeliveryUri is no function's name or ARN, or a type is not known.
    """
    if not custom:
        return
    uri = custom.get("DeliveryUri") or ""
    if uri.startswith(("https:", "http:")):
        raise BadRequest(
            f"{member}.DeliveryUri: web addresses are not implemented by this engagement hub; "
            "give a Lambda function's name or ARN."
        )
    if not LAMBDA_FUNCTION.fullmatch(uri):
        raise BadRequest(f"{member}.DeliveryUri must be a Lambda function's name or ARN.")
    for kind in custom.get("EndpointTypes") or ():
        if kind not in ChannelType.__members__:
            raise BadRequest(f"{member}.EndpointTypes has an unknown channel type.")


def _has_content(part: Mapping[str, Any]) -> bool:
    """Check whether there is anything to send on a channel this hub has.

    Raises:
        BadRequest: there is content, but for push or in-app only.
    """
    messages = part.get("MessageConfiguration") or {}
    templates = part.get("TemplateConfiguration") or {}
    email = messages.get("EmailMessage") or {}
    if (
        part.get("CustomDeliveryConfiguration")
        or template_references(templates)
        or (messages.get("SMSMessage") or {}).get("Body")
        or email.get("Body")
        or email.get("HtmlBody")
        or (messages.get("DefaultMessage") or {}).get("Body")
    ):
        return True
    unsupported = [name for name in _PUSH_OR_IN_APP if messages.get(name)]
    unsupported += [name for name in ("PushTemplate", "InAppTemplate") if templates.get(name)]
    if unsupported:
        raise BadRequest(
            f"{unsupported[0]} alone is not implemented by this engagement hub: push and in-app "
            "messages are not sent. Add SMS, email, voice or custom content."
        )
    return False


def _validate_content(part: Mapping[str, Any], prefix: str) -> None:
    validate_messages(part.get("MessageConfiguration"))
    validate_custom_delivery(
        part.get("CustomDeliveryConfiguration"), f"{prefix}CustomDeliveryConfiguration"
    )


def validate_campaign(request: CampaignRequest, now: datetime | None = None) -> None:
    """Check a whole campaign: a CreateCampaign request, or what an update would leave.

    Args:
        now: to refuse schedules without a run left; the clock's time when left out.

    Raises:
        BadRequest: names the member, the rule and, where this hub implements less than Pinpoint
            did, the way out.
    """
    name = request.get("Name")
    if not name:
        raise _missing("Name")
    if len(name) > NAME_LIMIT:
        raise BadRequest(f"Name must have at most {NAME_LIMIT} characters.")
    if not request.get("SegmentId"):
        raise _missing("SegmentId")
    schedule = request.get("Schedule")
    if not schedule:
        raise _missing("Schedule")
    validate_schedule(schedule, now or datetime.now(UTC))
    if request.get("IsPaused") and is_immediate(schedule):
        raise BadRequest("IsPaused: a campaign with StartTime IMMEDIATE cannot be paused.")
    validate_limits(request.get("Limits"))
    validate_hook(request.get("Hook"))
    if request.get("SegmentVersion") is not None:
        checked_whole(request["SegmentVersion"], "SegmentVersion", 1, None)
    if request.get("Priority"):
        checked_whole(request["Priority"], "Priority", 1, 5)
    shares = checked_whole(request.get("HoldoutPercent") or 0, "HoldoutPercent", 0, 100)
    _validate_content(request, "")
    own_content = _has_content(request)
    treatments = request.get("AdditionalTreatments") or []
    if len(treatments) > MAX_ADDITIONAL_TREATMENTS:
        raise BadRequest(
            f"AdditionalTreatments must be at most {MAX_ADDITIONAL_TREATMENTS}: five treatments "
            "in all, the default one included."
        )
    for number, treatment in enumerate(treatments):
        member = f"AdditionalTreatments[{number}]"
        shares += checked_whole(treatment.get("SizePercent"), f"{member}.SizePercent", 0, 100)
        _validate_content(treatment, f"{member}.")
        own_schedule = treatment.get("Schedule")
        if own_schedule and own_schedule != schedule:
            raise BadRequest(
                f"{member}.Schedule other than the campaign's is not implemented by this "
                "engagement hub: leave it out."
            )
        if not _has_content(treatment) and not own_content:
            raise BadRequest(f"{member} has no content, and neither has the campaign.")
    if shares > COHORTS:
        raise BadRequest(
            f"HoldoutPercent and the treatments' SizePercent make {shares}; at most 100."
        )
    if not own_content and not treatments:
        raise BadRequest(
            "The campaign has no content: give MessageConfiguration, TemplateConfiguration or "
            "CustomDeliveryConfiguration."
        )
    if not own_content and shares < COHORTS:
        raise BadRequest("The default treatment has recipients but no content.")


# States

_WRITABLE = (
    "AdditionalTreatments",
    "CustomDeliveryConfiguration",
    "Description",
    "HoldoutPercent",
    "Hook",
    "IsPaused",
    "Limits",
    "MessageConfiguration",
    "Name",
    "Priority",
    "Schedule",
    "SegmentId",
    "SegmentVersion",
    "TemplateConfiguration",
    "TreatmentDescription",
    "TreatmentName",
)


def status_of(campaign: Campaign) -> CampaignStatus:
    """Return the status of the campaign."""
    return CampaignStatus(campaign["State"]["CampaignStatus"])


def _with_status(campaign: StoredCampaign, status: CampaignStatus, now: datetime) -> StoredCampaign:
    changed: StoredCampaign = {
        **campaign,
        "State": {"CampaignStatus": status.value},
        "LastModifiedDate": iso(now),
    }
    if campaign.get("AdditionalTreatments"):
        changed["DefaultState"] = {"CampaignStatus": status.value}
        changed["AdditionalTreatments"] = [
            {**treatment, "State": {"CampaignStatus": status.value}}
            for treatment in campaign["AdditionalTreatments"]
        ]
    return changed


def _numbered(treatments: Sequence[Mapping[str, Any]]) -> list[Treatment]:
    return [
        cast(Treatment, {**treatment, "Id": str(number)})
        for number, treatment in enumerate(treatments, start=1)
    ]


def new_campaign(
    request: CampaignRequest,
    *,
    app_id: str,
    campaign_id: str,
    arn: str,
    segment_version: int,
    now: datetime,
    settings: Settings | None = None,
) -> StoredCampaign:
    """Return the first version of a campaign.

    Args:
        segment_version: the version asked for, or the segment's latest.
        settings: the project's, whose limits, quiet time and hook become this campaign's defaults.

    Raises:
        BadRequest: as `validate_campaign`.
    """
    validate_campaign(request, now)
    campaign = cast(StoredCampaign, {k: request[k] for k in _WRITABLE if k in request})  # type: ignore[literal-required]  # the keys are the request's own
    campaign.update(
        {
            "Id": campaign_id,
            "Arn": arn,
            "ApplicationId": app_id,
            "CreationDate": iso(now),
            "SegmentVersion": segment_version,
            "Version": 1,
            "IsPaused": bool(request.get("IsPaused")),
            "HoldoutPercent": request.get("HoldoutPercent") or 0,
            "tags": dict(request.get("tags") or {}),
            "ProjectDefaults": _defaults(settings),
            "Runs": 0,
        }
    )
    if campaign.get("AdditionalTreatments"):
        campaign["AdditionalTreatments"] = _numbered(campaign["AdditionalTreatments"])
    paused = campaign["IsPaused"]
    return _with_status(
        campaign, CampaignStatus.PAUSED if paused else CampaignStatus.SCHEDULED, now
    )


def _defaults(settings: Settings | None) -> ProjectDefaults:
    kept: ProjectDefaults = {}
    if settings is None:
        return kept
    if settings.get("Limits"):
        kept["Limits"] = settings["Limits"]
    if settings.get("QuietTime"):
        kept["QuietTime"] = settings["QuietTime"]
    if settings.get("CampaignHook"):
        kept["CampaignHook"] = settings["CampaignHook"]
    return kept


_UNSET: dict[str, Any] = {
    "AdditionalTreatments": [],
    "Limits": {},
    "MessageConfiguration": {},
    "TemplateConfiguration": {},
}


def public(campaign: StoredCampaign) -> Campaign:
    """Return the campaign as the API shows it, with the empty members that programs read."""
    shown = {**_UNSET, **campaign}
    shown.pop("ProjectDefaults", None)
    shown.pop("Runs", None)
    shown.pop(START, None)
    return cast(Campaign, shown)


def _request_form(campaign: StoredCampaign) -> dict[str, Any]:
    form = {k: v for k, v in campaign.items() if k in _WRITABLE}
    if campaign.get("AdditionalTreatments"):
        form["AdditionalTreatments"] = [
            {k: v for k, v in treatment.items() if k not in ("Id", "State")}
            for treatment in campaign["AdditionalTreatments"]
        ]
    return form


def update_campaign(
    campaign: StoredCampaign,
    request: CampaignRequest,
    *,
    now: datetime,
    segment_version: int | None = None,
) -> StoredCampaign:
    """Return the campaign's next version. `tags` in an update are ignored, as AWS does since 2023.

    Args:
        segment_version: the version of the request's SegmentId, when it names a segment.

    Raises:
        BadRequest: the result would not be a valid campaign; or it is running, has run, is deleted
            or invalid, and the request changes more than IsPaused. (The API's model declares
            ConflictException for UpdateJourney only.)
    """
    status = status_of(campaign)
    before = _request_form(campaign)
    changes = {
        k: v
        for k, v in request.items()
        # An empty member and an absent one are the same: the API shows the one for the other.
        if k in _WRITABLE and v is not None and (v or None) != (before.get(k) or None)
    }
    pausing = changes.pop("IsPaused", None)
    if status in (CampaignStatus.DELETED, CampaignStatus.COMPLETED):
        raise BadRequest(f"Campaign {campaign['Id']} is {status}: create a new one.")
    if changes and (campaign.get("Runs") or status == CampaignStatus.EXECUTING):
        raise BadRequest(
            f"Campaign {campaign['Id']} is {status} and has sent messages: only IsPaused can "
            f"change now, not {', '.join(sorted(changes))}. Create a new campaign."
        )
    if pausing and is_immediate(campaign["Schedule"]) and "Schedule" not in changes:
        raise BadRequest("IsPaused: a campaign with StartTime IMMEDIATE cannot be paused.")
    merged = {**before, **changes}
    if pausing is not None:
        merged["IsPaused"] = bool(pausing)
    if changes or (pausing is False and not campaign.get("Runs")):
        validate_campaign(cast(CampaignRequest, merged), now)
    updated = cast(StoredCampaign, {**campaign, **merged, "Version": campaign["Version"] + 1})
    updated.pop(START, None)  # of the version before
    if updated.get("AdditionalTreatments"):
        updated["AdditionalTreatments"] = _numbered(updated["AdditionalTreatments"])
    if segment_version is not None:
        updated["SegmentVersion"] = segment_version
    if status != CampaignStatus.EXECUTING:
        status = (
            CampaignStatus.PAUSED
            if updated["IsPaused"]
            else CampaignStatus.SCHEDULED
            if not updated.get("Runs")
            else CampaignStatus.PENDING_NEXT_RUN
            if next_run(updated, now) is not None
            else CampaignStatus.COMPLETED  # its EndTime passed while it was paused
        )
    return _with_status(updated, status, now)


def start_run(campaign: StoredCampaign, run: int, now: datetime) -> StoredCampaign:
    """Enter a run, numbered from 1. Entering the run that is going on changes nothing.

    Raises:
        RunNotAllowed: the campaign is paused, deleted, done or invalid, or the run is over.
    """
    status = status_of(campaign)
    runs = campaign.get("Runs", 0)
    if status == CampaignStatus.EXECUTING and runs == run:
        return campaign
    startable = (CampaignStatus.SCHEDULED, CampaignStatus.PENDING_NEXT_RUN)
    if status not in startable or run <= runs:
        raise RunNotAllowed(
            f"Run {run} of campaign {campaign['Id']} cannot start: the campaign is {status} after "
            f"{runs} runs."
        )
    return _with_status({**campaign, "Runs": run}, CampaignStatus.EXECUTING, now)


def is_in_run(campaign: StoredCampaign, run: int) -> bool:
    """Check whether the campaign executes this run: not a later run, and not deleted since then."""
    return status_of(campaign) == CampaignStatus.EXECUTING and campaign.get("Runs", 0) == run


def finish_run(campaign: StoredCampaign, run: int, now: datetime) -> StoredCampaign:
    """Leave the run: to PENDING_NEXT_RUN, PAUSED (when paused during the run) or COMPLETED."""
    if not is_in_run(campaign, run):
        return campaign
    if next_run(campaign, now) is None:
        return _with_status(campaign, CampaignStatus.COMPLETED, now)
    paused = campaign.get("IsPaused")
    return _with_status(
        campaign, CampaignStatus.PAUSED if paused else CampaignStatus.PENDING_NEXT_RUN, now
    )


def delete_campaign(campaign: StoredCampaign, now: datetime) -> StoredCampaign:
    """Return the campaign's last state. A run that is going on finishes."""
    return _with_status(campaign, CampaignStatus.DELETED, now)


def invalidate_campaign(campaign: StoredCampaign, now: datetime) -> StoredCampaign:
    """Mark a campaign that cannot run any more, since its segment or template is gone."""
    return _with_status(campaign, CampaignStatus.INVALID, now)


# When


def first_run(campaign: Campaign, now: datetime) -> datetime | None:
    """Return the first run of a new campaign: now for IMMEDIATE, else the first time not past."""
    schedule = campaign["Schedule"]
    if is_immediate(schedule):
        return now
    return run_after(schedule, now - timedelta(microseconds=1))


def next_run(campaign: Campaign, after: datetime) -> datetime | None:
    """Return the first run later than `after`, or None when the campaign has no more."""
    schedule = campaign["Schedule"]
    return run_after(schedule, after) if is_recurring(schedule) else None


@dataclass(frozen=True, slots=True)
class UpcomingRun:
    """A run to schedule: its number (from 1) and its time."""

    number: int
    at: datetime


def upcoming_run(campaign: StoredCampaign, now: datetime) -> UpcomingRun | None:
    """Return the run to schedule next; None when paused, in its last run, done or invalid."""
    if campaign.get("IsPaused"):
        return None
    runs = campaign.get("Runs", 0)
    status = status_of(campaign)
    if status == CampaignStatus.SCHEDULED and runs == 0:
        at = first_run(campaign, now)
    elif status in (CampaignStatus.PENDING_NEXT_RUN, CampaignStatus.EXECUTING):
        at = next_run(campaign, now)
    else:
        at = None
    return None if at is None else UpcomingRun(runs + 1, at)


# Treatments


@dataclass(frozen=True, slots=True)
class TreatmentContent:
    """The messages of one treatment."""

    id: str
    messages: MessageConfiguration
    templates: TemplateConfiguration
    custom_delivery: CustomDeliveryConfiguration | None

    def is_custom(self, channel: str) -> bool:
        """Check whether endpoints of this channel go to the custom function instead of the channel.

        Without EndpointTypes only endpoints of type CUSTOM do.
        """
        if not self.custom_delivery:
            return False
        types = self.custom_delivery.get("EndpointTypes")
        return channel in types if types else channel == ChannelType.CUSTOM


def treatments_of(campaign: Campaign) -> list[TreatmentContent]:
    """Return the treatments' content, the default one ("0") first."""
    own = cast(Mapping[str, Any], campaign)
    contents = [_content(DEFAULT_TREATMENT, own)]
    for treatment in campaign.get("AdditionalTreatments") or []:
        theirs = cast(Mapping[str, Any], treatment)
        contents.append(_content(treatment["Id"], theirs if _has_content(theirs) else own))
    return contents


def _content(treatment_id: str, part: Mapping[str, Any]) -> TreatmentContent:
    return TreatmentContent(
        treatment_id,
        cast(MessageConfiguration, part.get("MessageConfiguration") or {}),
        cast(TemplateConfiguration, part.get("TemplateConfiguration") or {}),
        part.get("CustomDeliveryConfiguration") or None,
    )


def treatment_for(campaign: Campaign, cohort: int) -> str | None:
    """Return the treatment of an endpoint by its cohort (0–99), or None when it is held out."""
    if cohort >= COHORTS - (campaign.get("HoldoutPercent") or 0):
        return None
    upper = 0
    for treatment in campaign.get("AdditionalTreatments") or []:
        upper += treatment["SizePercent"]
        if cohort < upper:
            return treatment["Id"]
    return DEFAULT_TREATMENT


# Limits, quiet time, hook: the campaign's own, else the project's


@dataclass(frozen=True, slots=True)
class RunLimits:
    """The limits of a run; None is no limit. Durations in seconds."""

    caps: tuple[Cap, ...] = ()
    maximum_duration: int | None = None
    messages_per_second: int | None = None

    def expires(self, started: datetime) -> datetime | None:
        """Return the last moment at which a message of a run that started then may start."""
        if self.maximum_duration is None:
            return None
        return started + timedelta(seconds=self.maximum_duration)


def limits_of(campaign: StoredCampaign, *, project_has_daily: bool = False) -> RunLimits:
    """Return a campaign's limits, or the project's limits where it has no own.

    Args:
        project_has_daily: whether the project's settings have a Daily at the start of the run. The
            campaign's copy of the settings may be older.
    """
    own: CampaignLimits = campaign.get("Limits") or {}
    project: CampaignLimits = _defaults_of(campaign).get("Limits") or {}
    caps = []
    if own.get("Daily"):
        caps.append(Cap(campaign["Id"], Period.DAY, own["Daily"]))
    if project.get("Daily") or project_has_daily:
        refuses = None if own.get("Daily") else project.get("Daily") or None
        caps.append(Cap(ALL_CAMPAIGNS, Period.DAY, refuses))
    total = own.get("Total") or project.get("Total")
    if total:
        caps.append(Cap(campaign["Id"], Period.EVER, total))
    return RunLimits(
        caps=tuple(caps),
        maximum_duration=own.get("MaximumDuration") or project.get("MaximumDuration") or None,
        messages_per_second=own.get("MessagesPerSecond")
        or project.get("MessagesPerSecond")
        or None,
    )


def quiet_time_of(campaign: StoredCampaign) -> QuietTime | None:
    """Return a campaign's quiet time, or the project's quiet time where it has no own."""
    schedule: Schedule = campaign["Schedule"]
    return schedule.get("QuietTime") or _defaults_of(campaign).get("QuietTime") or None


def hook_of(campaign: StoredCampaign) -> CampaignHook | None:
    """Return a campaign's hook, or the project's hook where it has no own."""
    hook = campaign.get("Hook") or _defaults_of(campaign).get("CampaignHook")
    return hook if hook and hook.get("LambdaFunctionName") else None


def _defaults_of(campaign: StoredCampaign) -> ProjectDefaults:
    return campaign.get("ProjectDefaults") or ProjectDefaults()


# Activities


def new_activity(
    campaign: Campaign, treatment_id: str, *, activity_id: str, scheduled_start: datetime
) -> Activity:
    """Return the record of one run of one treatment, before it starts."""
    return {
        "ApplicationId": campaign["ApplicationId"],
        "CampaignId": campaign["Id"],
        "Id": activity_id,
        "TreatmentId": treatment_id,
        "State": ActivityState.PENDING.value,
        "ScheduledStart": iso(scheduled_start),
        "TotalEndpointCount": 0,
        "SuccessfulEndpointCount": 0,
        "TimezonesTotalCount": 0,
        "TimezonesCompletedCount": 0,
        "ExecutionMetrics": {},
    }


def start_activity(activity: Activity, now: datetime) -> Activity:
    """Return the activity, running since `now`, or since it first started."""
    start = activity.get("Start") or iso(now)
    return {**activity, "State": ActivityState.RUNNING.value, "Start": start}


# Counters of a run that its activity does not show.
CHUNKS, CHUNKS_DONE, CHUNKS_FAILED, SETTLED = "Chunks", "ChunksDone", "ChunksFailed", "Settled"
_OWN_COUNTERS = frozenset({CHUNKS, CHUNKS_DONE, CHUNKS_FAILED, SETTLED})


def with_counts(activity: Activity, counts: Mapping[str, int], *, over: bool = False) -> Activity:
    """Return the activity with the counters of its run.

    Args:
        over: the run ended. Endpoints of chunks that never reported an outcome then count as
            UNKNOWN, so that the counters add up to the endpoints that the run looked at.
    """
    metrics = {name: n for name, n in counts.items() if n and name not in _OWN_COUNTERS}
    produced = counts.get(ExecutionMetric.ENDPOINT_PRODUCED, 0)
    unsettled = produced - counts.get(SETTLED, 0)
    if over and unsettled > 0:
        metrics[SendStatus.UNKNOWN] = metrics.get(SendStatus.UNKNOWN, 0) + unsettled
    return {
        **activity,
        "TotalEndpointCount": produced,
        "SuccessfulEndpointCount": counts.get(SendStatus.SUCCESS, 0),
        "ExecutionMetrics": {str(name): str(value) for name, value in metrics.items()},
    }


def finish_activity(
    activity: Activity,
    now: datetime,
    *,
    failed: bool = False,
    state: ActivityState = ActivityState.COMPLETED,
) -> Activity:
    """Return the activity at its end. `failed`: the run broke off; messages refused are no such
    thing."""
    result = ActivityResult.FAIL if failed else ActivityResult.SUCCESS
    return {**activity, "State": state.value, "Result": result.value, "End": iso(now)}


def validate_settings(settings: Mapping[str, Any]) -> None:
    """Check what project settings hand down to campaigns: limits, quiet time, hook.

    Raises:
        BadRequest: names the member and the rule.
    """
    validate_limits(settings.get("Limits"))
    validate_quiet_time(settings.get("QuietTime"), "QuietTime")
    validate_hook(settings.get("CampaignHook"), "CampaignHook")
