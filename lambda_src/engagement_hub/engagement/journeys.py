"""Journeys: their requests, and the review before one is published.

A DRAFT may leave members out; a member that it gives follows the rules. Publishing one first checks
that nothing is missing (`review_journey`), as the review in Pinpoint's console did. The life of a
published journey is in `journey_runs`.

Choices where AWS is silent:

- Members left out of an update stay as they are, as in an update of a campaign. A member that is
  given replaces the whole member. An empty one ({}, [] or "") removes it.
- A journey without a State is a DRAFT.
- CreationDate and LastModifiedDate of a request are ignored, so that a program can send back the
  answer of GetJourney.
- A limit of 0 is no limit, and MessagesPerSecond has no upper end.

Source: Pinpoint API reference (WriteJourneyRequest); user guide, "Create a journey", "Set up the
journey entry activity" and "Review and test a journey"; developer guide, "Quotas" and "Standard
metrics".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import product
from typing import Any, cast

from engagement_hub.engagement.endpoint_requests import parsed_instant
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.journey_activities import (
    review_activities,
    validate_activities,
    validate_event_dimensions,
)
from engagement_hub.engagement.journey_times import (
    checked_schedule,
    schedule_end,
    validate_closed_days,
    validate_duration,
    validate_open_hours,
)
from engagement_hub.engagement.model import Journey, JourneyRequest, JourneyState
from engagement_hub.engagement.ranges import checked_whole
from engagement_hub.engagement.schedule import validate_quiet_time
from shared.instants import iso
from shared.journeys import ActivityType, activity_type

__all__ = [
    "ACTIVITY_METRICS",
    "KPIS",
    "KpiRange",
    "checked_state",
    "kpi_range",
    "new_journey",
    "publishes",
    "review_journey",
    "updated_journey",
    "validate_journey_limits",
]

NAME_CHARACTERS = 150
START_ACTIVITY_CHARACTERS = 128

# The members of a request that the hub keeps.
_WRITABLE = (
    "Activities",
    "ClosedDays",
    "JourneyChannelSettings",
    "Limits",
    "LocalTime",
    "Name",
    "OpenHours",
    "QuietTime",
    "RefreshFrequency",
    "RefreshOnSegmentUpdate",
    "Schedule",
    "SendingSchedule",
    "StartActivity",
    "StartCondition",
    "TimezoneEstimationMethods",
    "WaitForQuietTime",
)
_EMPTY: tuple[Any, ...] = ({}, [], "")
_MOST_MESSAGES, _MOST_ENTRIES, _MOST_DAYS = 100, 100, 30
_CAMPAIGN_ARN = re.compile(r"arn:[a-z-]+:connect-campaigns:[a-z0-9-]+:\d{12}:campaign/[\w-]{1,100}")
# A path before the name is not supported. Source: user guide, "Set up a contact center activity".
_ROLE_ARN = re.compile(r"arn:[a-z-]+:iam::\d{12}:role/[\w+=,.@-]{1,64}")

ACTIVITY_METRICS = {
    ActivityType.EMAIL: "MESSAGE",
    ActivityType.SMS: "MESSAGE",
    ActivityType.PUSH: "MESSAGE",
    ActivityType.CUSTOM: "MESSAGE",
    ActivityType.CONTACT_CENTER: "CONTACT_CENTER",
    ActivityType.WAIT: "WAIT",
    ActivityType.CONDITIONAL_SPLIT: "CONDITIONAL_SPLIT",
    ActivityType.MULTI_CONDITION: "MULTI_CONDITIONAL_SPLIT",
    ActivityType.RANDOM_SPLIT: "RANDOM_SPLIT",
    ActivityType.HOLDOUT: "HOLDOUT",
}
"""The ActivityType of the metrics of an activity."""

_COUNTED = (
    *("clicked", "complained", "delivered", "hardbounced", "opened", "rejected", "sent"),
    *("softbounced", "unsubscribed"),
)
KPIS = frozenset(
    form.format(counted)
    for form, counted in product(
        ("journey-emails-{}", "emails-{}-grouped-by-journey-activity"), _COUNTED
    )
)
"""The names of the engagement metrics of a journey."""
_KPI_DAYS, _KPI_DAYS_BACK = timedelta(days=31), timedelta(days=90)


# Requests


def new_journey(request: JourneyRequest, *, app_id: str, journey_id: str, now: datetime) -> Journey:
    """Return a new journey, a draft.

    Raises:
        BadRequest: names the member, which begins with the activity, and the rule.
    """
    _check_state(request)
    journey = {
        **_written(request),
        "ApplicationId": app_id,
        "Id": journey_id,
        "CreationDate": iso(now),
        "LastModifiedDate": iso(now),
        "State": JourneyState.DRAFT.value,
    }
    return _valid(journey)


def updated_journey(journey: Journey, request: JourneyRequest, now: datetime) -> Journey:
    """Return the journey with the members of an update.

    Raises:
        BadRequest: the result would break a rule.
    """
    _check_state(request)
    changed = {**journey, **_written(request, removed=True), "LastModifiedDate": iso(now)}
    return _valid({name: value for name, value in changed.items() if value is not None})


def publishes(request: JourneyRequest) -> bool:
    """Check whether a request to create or update a journey asks to publish it."""
    return request.get("State") == JourneyState.ACTIVE


def checked_state(state: str | None) -> JourneyState:
    """Return the state that UpdateJourneyState asks for.

    Raises:
        BadRequest: no request sets that state.
    """
    allowed = (JourneyState.ACTIVE, JourneyState.PAUSED, JourneyState.CANCELLED)
    if state not in allowed:
        raise BadRequest(f"State must be one of {', '.join(allowed)}.")
    return JourneyState(state)


def _check_state(request: JourneyRequest) -> None:
    state = request.get("State")
    if state not in (None, JourneyState.DRAFT, JourneyState.ACTIVE):
        raise BadRequest(
            f"State must be DRAFT or ACTIVE, not {state}. UpdateJourneyState pauses and cancels."
        )
    if not request.get("Name"):
        raise BadRequest("Name is missing.")


def _written(request: JourneyRequest, *, removed: bool = False) -> dict[str, Any]:
    """Return the members of a request that are kept; an empty one as None with `removed`."""
    written: dict[str, Any] = {}
    for name in _WRITABLE:
        value = request.get(name)
        if value is None:
            continue
        if value not in _EMPTY:
            written[name] = value
        elif removed:
            written[name] = None
    if written.get("Schedule") is not None:
        written["Schedule"] = checked_schedule(written["Schedule"])
    return written


def _valid(journey: Mapping[str, Any]) -> Journey:
    _check_name(journey["Name"])
    start = journey.get("StartActivity")
    if start and len(start) > START_ACTIVITY_CHARACTERS:
        raise BadRequest(f"StartActivity must have at most {START_ACTIVITY_CHARACTERS} characters.")
    _check_start_condition(journey)
    validate_journey_limits(journey.get("Limits"), "Limits")
    validate_quiet_time(journey.get("QuietTime"), "QuietTime")
    validate_duration(journey.get("RefreshFrequency"), "RefreshFrequency")
    validate_open_hours(journey.get("OpenHours"))
    validate_closed_days(journey.get("ClosedDays"))
    _check_channel_settings(journey.get("JourneyChannelSettings") or {})
    end = schedule_end(journey.get("Schedule"))
    validate_activities(journey.get("Activities") or {}, start, end)
    return cast(Journey, dict(journey))


def _check_name(name: str) -> None:
    if len(name) > NAME_CHARACTERS or not name.isprintable() or any(c.isspace() for c in name):
        raise BadRequest(
            f"Name must have 1 to {NAME_CHARACTERS} characters and no spaces. Write _ or - instead."
        )


def _check_start_condition(journey: Mapping[str, Any]) -> None:
    condition = journey.get("StartCondition") or {}
    event = condition.get("EventStartCondition")
    segment = condition.get("SegmentStartCondition")
    if segment is not None and not segment["SegmentId"]:
        raise BadRequest(
            "StartCondition.SegmentStartCondition.SegmentId must be the id of a segment."
        )
    if event is not None and segment is not None:
        raise BadRequest(
            "StartCondition has SegmentStartCondition and EventStartCondition. Leave one of them "
            "out."
        )
    if event is None:
        return
    if journey.get("LocalTime"):
        raise BadRequest(
            "LocalTime true does not go with EventStartCondition: a journey that an event starts "
            "has no local time. Leave LocalTime out."
        )
    member = "StartCondition.EventStartCondition.EventFilter.Dimensions"
    dimensions = (event.get("EventFilter") or {}).get("Dimensions")
    validate_event_dimensions(dimensions, member)
    kinds = ((dimensions or {}).get("EventType") or {}).get("Values")
    if kinds is not None and len(kinds) != 1:
        raise BadRequest(f"{member}.EventType.Values must hold one event: a journey starts by one.")


def validate_journey_limits(limits: Mapping[str, Any] | None, member: str) -> None:
    """Check the limits of a journey, or of a project's journeys.

    Raises:
        BadRequest: a limit is out of its range.
    """
    ranges = {
        "DailyCap": _MOST_MESSAGES,
        "EndpointReentryCap": _MOST_ENTRIES,
        "MessagesPerSecond": None,
        "TotalCap": _MOST_MESSAGES,
    }
    given = limits or {}
    for name, most in ranges.items():
        if given.get(name) is not None:
            checked_whole(given[name], f"{member}.{name}", 0, most)
    frame = given.get("TimeframeCap") or {}
    for name, most in {"Cap": _MOST_MESSAGES, "Days": _MOST_DAYS}.items():
        if frame.get(name) is not None:
            checked_whole(frame[name], f"{member}.TimeframeCap.{name}", 0, most)
    validate_duration(given.get("EndpointReentryInterval"), f"{member}.EndpointReentryInterval")


def _check_channel_settings(settings: Mapping[str, Any]) -> None:
    campaign = settings.get("ConnectCampaignArn")
    if campaign and not _CAMPAIGN_ARN.fullmatch(campaign):
        raise BadRequest(
            "JourneyChannelSettings.ConnectCampaignArn must be the ARN of an Amazon Connect "
            "outbound campaign: arn:aws:connect-campaigns:<region>:<account>:campaign/<id>."
        )
    role = settings.get("ConnectCampaignExecutionRoleArn")
    if role and not _ROLE_ARN.fullmatch(role):
        raise BadRequest(
            "JourneyChannelSettings.ConnectCampaignExecutionRoleArn must be the ARN of an IAM role "
            "without a path: arn:aws:iam::<account>:role/<name>."
        )


# Review


def review_journey(journey: Journey, now: datetime) -> None:
    """Check that a valid journey leaves nothing out that a run needs.

    Raises:
        BadRequest: names the member, which begins with the activity.
    """
    body = cast("Mapping[str, Any]", journey)
    _review_start(body)
    activities = body.get("Activities") or {}
    review_activities(activities, body.get("StartActivity"))
    kinds = {activity_type(activity) for activity in activities.values()}
    settings = body.get("JourneyChannelSettings") or {}
    if ActivityType.CONTACT_CENTER in kinds:
        for name in ("ConnectCampaignArn", "ConnectCampaignExecutionRoleArn"):
            if not settings.get(name):
                raise BadRequest(
                    f"JourneyChannelSettings.{name} is missing, and a contact center activity "
                    "needs it."
                )
    if body.get("RefreshOnSegmentUpdate") and not body.get("RefreshFrequency"):
        raise BadRequest("RefreshOnSegmentUpdate true needs a RefreshFrequency.")
    for name in ("OpenHours", "ClosedDays"):
        if body.get(name) and not (body.get("SendingSchedule") and body.get("QuietTime")):
            raise BadRequest(f"{name} needs SendingSchedule true and a QuietTime.")
    end = schedule_end(body.get("Schedule"))
    if end is not None and end <= now:
        raise BadRequest("Schedule.EndTime is past. Give a later one, or leave it out.")


def _review_start(journey: Mapping[str, Any]) -> None:
    condition = journey.get("StartCondition") or {}
    event = condition.get("EventStartCondition")
    if event is None and condition.get("SegmentStartCondition") is None:
        raise BadRequest(
            "StartCondition is missing: give SegmentStartCondition or EventStartCondition."
        )
    dimensions = ((event or {}).get("EventFilter") or {}).get("Dimensions") or {}
    if event is not None and not dimensions.get("EventType"):
        raise BadRequest(
            "StartCondition.EventStartCondition.EventFilter.Dimensions.EventType is missing: name "
            "the event that starts the journey."
        )


# Metrics


@dataclass(frozen=True, slots=True)
class KpiRange:
    """The period of a query for an engagement metric; both ends belong to it."""

    start: datetime
    end: datetime


def kpi_range(start: str | None, end: str | None, now: datetime) -> KpiRange:
    """Return the period of a query; the last 31 days by default.

    Raises:
        BadRequest: an end is no instant, or the period is too long or too long ago.
    """
    oldest = now - _KPI_DAYS_BACK
    last = now if not end else _kpi_instant(end, "EndTime (end-time in the URL)")
    first = max(oldest, last) - _KPI_DAYS
    if start:
        first = _kpi_instant(start, "StartTime (start-time in the URL)")
    if min(first, last) < oldest:
        raise BadRequest(
            f"StartTime and EndTime must be at most {_KPI_DAYS_BACK.days} days ago. Without a "
            f"StartTime the period begins {_KPI_DAYS.days} days before EndTime."
        )
    if first > last or last - first > _KPI_DAYS:
        raise BadRequest(
            f"StartTime must be before EndTime, and at most {_KPI_DAYS.days} days before it."
        )
    return KpiRange(first, last)


def _kpi_instant(text: str, member: str) -> datetime:
    instant = parsed_instant(text)
    if instant is None:
        raise BadRequest(f"{member} must be ISO 8601 in UTC, such as 2026-03-02T17:00:00Z.")
    return instant
