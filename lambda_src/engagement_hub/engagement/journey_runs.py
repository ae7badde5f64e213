"""The life of a published journey: its states, its runs, and the clock of its waits.

A run is one evaluation of the start segment: the first at the start of the journey, and another
each RefreshFrequency. Participants keep the run in which they entered.

Choices where AWS is silent:

- A journey without StartTime starts when it is published.
- The runs of a journey are at its start plus a whole number of its RefreshFrequency. A run that
  falls into a pause does not take place.
- Any ACTIVE journey can be paused. A journey that is CLOSED has no more entries to hold back.
- A published journey changes by UpdateJourneyState alone.

Source: Pinpoint API reference (JourneyStateRequest, JourneyRunResponse); user guide, "Pause, resume
or stop a journey".
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from typing import Any

from engagement_hub.engagement.errors import BadRequest, Conflict
from engagement_hub.engagement.journey_times import duration_of, schedule_end, schedule_start
from engagement_hub.engagement.model import JourneyState
from shared.instants import iso
from shared.journeys import SENDING, ActivityType, activity_type, conditions_of

__all__ = [
    "RECOMMENDER_DOES_NOT_RUN",
    "Bucket",
    "RunStatus",
    "UpcomingJourneyRun",
    "bucket_for",
    "cancelled",
    "closed",
    "completed",
    "first_run",
    "has_ended",
    "is_published",
    "is_running",
    "latest_run",
    "next_journey_run",
    "pauses",
    "published",
    "refuse_what_does_not_run",
    "require_draft",
    "resumed",
    "resumes",
    "run_status",
    "takes_entries",
    "total_pause",
    "unpublished",
    "with_run",
]

Json = Mapping[str, Any]
Body = dict[str, Any]

# Members of a journey that the API does not show.
_PUBLISHED, _PAUSED_AT, _PAUSED_SECONDS = "Published", "PausedAt", "PausedSeconds"
_RESUMES, _LAST_RUN = "Resumes", "LastRun"
_MINUTE = 60
# The least time before a bucket opens: its participants and its schedule are written by then.
_LEAST_SECONDS = 30
_INSIDE = frozenset({JourneyState.ACTIVE, JourneyState.PAUSED, JourneyState.CLOSED})


class RunStatus(StrEnum):
    """The Status of a run."""

    SCHEDULED = "SCHEDULED"
    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"


@dataclass(frozen=True, slots=True)
class UpcomingJourneyRun:
    """A run to start: its number, counted from 1, and its time."""

    number: int
    at: datetime


# Parts that run

RECOMMENDER_DOES_NOT_RUN = (
    "A template that needs its recommender is not run in a journey by this engagement hub yet. "
    "Use a template without recommendations, or a campaign."
)


def refuse_what_does_not_run(journey: Json) -> None:
    """Refuse a reviewed journey that has a part which the hub does not run.

    Raises:
        BadRequest: names the member, which begins with the activity, and the way out.
    """
    for member, given, advice in (
        (
            "StartCondition.EventStartCondition",
            (journey.get("StartCondition") or {}).get("EventStartCondition"),
            "Start the journey with a segment.",
        ),
        ("LocalTime true", journey.get("LocalTime"), "Leave LocalTime out."),
        (
            "RefreshOnSegmentUpdate true",
            journey.get("RefreshOnSegmentUpdate"),
            "Leave it out: RefreshFrequency evaluates the segment again.",
        ),
        (
            "TimezoneEstimationMethods POSTAL_CODE",
            "POSTAL_CODE" in (journey.get("TimezoneEstimationMethods") or ()),
            "Use PHONE_NUMBER, or Demographic.Timezone of the endpoints.",
        ),
    ):
        if given:
            raise _not_run(member, advice)
    activities = journey["Activities"]
    for activity_id, activity in activities.items():
        kind = activity_type(activity)
        member = f"Activities.{activity_id}.{kind}"
        if kind == ActivityType.PUSH:
            raise _not_run(member, "The hub sends no push notifications.")
        if kind == ActivityType.CONTACT_CENTER:
            raise _not_run(member, "Use a CUSTOM activity, whose function places the call.")
        for where, condition in conditions_of(activity):
            event = condition.get("EventCondition")
            if event is not None:
                path = f"Activities.{activity_id}.{'.'.join(map(str, where))}.EventCondition"
                _refuse_event(event, activities, path)


def _refuse_event(event: Json, activities: Json, member: str) -> None:
    sender = activities.get(event.get("MessageActivity") or "")
    kind = None if sender is None else activity_type(sender)
    dimensions = event.get("Dimensions") or {}
    if kind != ActivityType.CUSTOM or dimensions.get("EventType") or dimensions.get("Metrics"):
        senders = ", ".join(one for one in SENDING if one != ActivityType.CUSTOM)
        raise _not_run(
            member,
            f"Events of {senders} do not reach splits yet. Ask for Attributes that the function of "
            "a CUSTOM activity answers, or for a segment.",
        )


def _not_run(member: str, advice: str) -> BadRequest:
    return BadRequest(f"{member} is not run by this engagement hub yet. {advice}")


# States


def is_published(journey: Json) -> bool:
    """Check whether a journey has ever been published."""
    return _PUBLISHED in journey


def require_draft(journey: Json) -> None:
    """Check that a journey may be edited.

    Raises:
        Conflict: it has been published.
    """
    if journey["State"] != JourneyState.DRAFT:
        raise Conflict(
            f"Journey {journey['Id']} is {journey['State']}: a published journey cannot be "
            "changed. UpdateJourneyState pauses, resumes and cancels it; copy it to change it."
        )


def published(journey: Json, now: datetime) -> Body:
    """Return a reviewed draft as ACTIVE."""
    return _changed(
        journey, JourneyState.ACTIVE, now, {_PUBLISHED: iso(now), _PAUSED_SECONDS: 0, _RESUMES: 0}
    )


def unpublished(journey: Json) -> Body:
    """Return a journey that could not be started as the draft that it was."""
    hidden = {_PUBLISHED, _PAUSED_SECONDS, _RESUMES}
    kept = {name: value for name, value in journey.items() if name not in hidden}
    return {**kept, "State": JourneyState.DRAFT.value}


def pauses(journey: Json, now: datetime) -> Body:
    """Return an ACTIVE journey as PAUSED.

    Raises:
        BadRequest: it is in another state.
    """
    _require(journey, {JourneyState.ACTIVE}, JourneyState.PAUSED)
    return _changed(journey, JourneyState.PAUSED, now, {_PAUSED_AT: iso(now)})


def resumed(journey: Json, now: datetime) -> Body:
    """Return a PAUSED journey as ACTIVE; its waits go on with the rest of their time.

    Raises:
        BadRequest: it is in another state.
    """
    _require(journey, {JourneyState.PAUSED}, JourneyState.ACTIVE)
    paused = now - datetime.fromisoformat(journey[_PAUSED_AT])
    changes = {
        _PAUSED_SECONDS: journey.get(_PAUSED_SECONDS, 0) + paused.total_seconds(),
        _RESUMES: resumes(journey) + 1,
    }
    body = _changed(journey, JourneyState.ACTIVE, now, changes)
    del body[_PAUSED_AT]
    return body


def cancelled(journey: Json, now: datetime) -> Body:
    """Return a journey that is going on as CANCELLED.

    Raises:
        BadRequest: it is not going on.
    """
    _require(journey, _INSIDE, JourneyState.CANCELLED)
    return _changed(journey, JourneyState.CANCELLED, now, {})


def closed(journey: Json, now: datetime) -> Body:
    """Return the journey as CLOSED where it is ACTIVE; another state stays."""
    if journey["State"] != JourneyState.ACTIVE:
        return dict(journey)
    return _changed(journey, JourneyState.CLOSED, now, {})


def completed(journey: Json, now: datetime) -> Body:
    """Return the journey as COMPLETED where it is CLOSED; another state stays."""
    if journey["State"] != JourneyState.CLOSED:
        return dict(journey)
    return _changed(journey, JourneyState.COMPLETED, now, {})


def is_running(journey: Json) -> bool:
    """Check whether participants go on: not while the journey is paused, and not after its end."""
    return journey["State"] in (JourneyState.ACTIVE, JourneyState.CLOSED)


def takes_entries(journey: Json, now: datetime) -> bool:
    """Check whether participants may enter now."""
    return journey["State"] == JourneyState.ACTIVE and not has_ended(journey, now)


def has_ended(journey: Json, now: datetime) -> bool:
    """Check whether the EndTime of the schedule has passed."""
    end = schedule_end(journey.get("Schedule"))
    return end is not None and end <= now


def resumes(journey: Json) -> int:
    """Count how often the journey was resumed."""
    return int(journey.get(_RESUMES, 0))


def total_pause(journey: Json) -> timedelta:
    """Return the length of all pauses that are over."""
    return timedelta(seconds=float(journey.get(_PAUSED_SECONDS, 0)))


def _require(journey: Json, before: set[JourneyState] | frozenset[JourneyState], to: str) -> None:
    if journey["State"] not in before:
        raise BadRequest(
            f"Journey {journey['Id']} is {journey['State']} and cannot become {to}: only a journey "
            f"that is {' or '.join(sorted(before))} can."
        )


def _changed(journey: Json, state: JourneyState, now: datetime, members: Json) -> Body:
    return {**journey, "State": state.value, "LastModifiedDate": iso(now), **members}


# Runs


def first_run(journey: Json) -> UpcomingJourneyRun:
    """Return the first run of a published journey."""
    return UpcomingJourneyRun(1, _start(journey))


def next_journey_run(journey: Json, after: datetime) -> UpcomingJourneyRun | None:
    """Return the first run later than `after`; None without a refresh, or after the end."""
    period = duration_of(journey.get("RefreshFrequency") or "")
    if not period:
        return None
    start = _start(journey)
    number = max((after - start) // period + 1, 1)
    at = start + number * period
    end = schedule_end(journey.get("Schedule"))
    if end is not None and at >= end:
        return None
    return UpcomingJourneyRun(number + 1, at)


def with_run(journey: Json, number: int) -> Body:
    """Return the journey with the number of its latest run."""
    return {**journey, _LAST_RUN: max(number, latest_run(journey))}


def latest_run(journey: Json) -> int:
    """Return the number of the latest run, 0 before the first one."""
    return int(journey.get(_LAST_RUN, 0))


def run_status(run: Json, journey: Json, active: int) -> RunStatus:
    """Return the status of a run, of whose participants `active` are in the journey."""
    status = RunStatus(run["Status"])
    if status is RunStatus.SCHEDULED or (status is RunStatus.RUNNING and not run.get("Entered")):
        gone = journey["State"] == JourneyState.CANCELLED
        return RunStatus.CANCELLED if gone else status
    if active <= 0:
        return RunStatus.COMPLETED
    return RunStatus.CANCELLED if journey["State"] == JourneyState.CANCELLED else RunStatus.RUNNING


def _start(journey: Json) -> datetime:
    made = datetime.fromisoformat(journey[_PUBLISHED])
    start = schedule_start(journey.get("Schedule"))
    return made if start is None else max(start, made)


# Buckets


@dataclass(frozen=True, slots=True)
class Bucket:
    """A minute at which waits end: of the calendar (`real`), or of the journey's own clock, which
    stops while the journey is paused. Participants of one bucket go on together."""

    real: bool
    minute: int

    @property
    def name(self) -> str:
        return f"{'r' if self.real else 'j'}{self.minute}"

    @classmethod
    def of(cls, name: str) -> Bucket:
        return cls(name[0] == "r", int(name[1:]))

    def opens(self, pause: timedelta) -> datetime:
        """Return the moment at which the bucket opens, after pauses of that length in all."""
        return self.real_time(self.minute * _MINUTE, pause)

    def real_time(self, seconds: float, pause: timedelta) -> datetime:
        """Return the moment of a time of the bucket's clock."""
        at = datetime.fromtimestamp(seconds, UTC)
        return at if self.real else at + pause

    def own_time(self, moment: datetime, pause: timedelta) -> float:
        """Return the time of the bucket's clock at a moment, in seconds."""
        return (moment if self.real else moment - pause).timestamp()


def bucket_for(until: datetime, *, real: bool, pause: timedelta, now: datetime) -> Bucket:
    """Return the bucket of a wait until a moment: the nearest minute, or the first possible one."""
    own = timedelta(0) if real else pause
    nearest = round((until - own).timestamp() / _MINUTE)
    first = -int(-((now - own).timestamp() + _LEAST_SECONDS) // _MINUTE)
    return Bucket(real, max(nearest, first))
