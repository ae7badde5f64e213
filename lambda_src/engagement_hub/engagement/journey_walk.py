"""How a participant goes through a journey: from one stop to the next.

A stop is a message to send, a moment to wait for, or the end of the way. Everything between two
stops happens at once. All functions are pure: the clock and the participant are arguments.

Choices where AWS is silent:

- Random splits and holdouts are decided by a digest of journey, activity, participant and visit. A
  participant who is asked twice gets one answer, and another visit is decided anew.
- A condition holds for a user with several endpoints when it holds for one of them.
- A condition on a segment or on dimensions reads the endpoints as they are at that moment. A
  condition on an event asks the events of the message so far; several attributes hold of one event.
- A wait until a moment that has passed is over at once.
- A journey without EndpointReentryCap lets a participant in once.
- A participant who is in the journey and comes again counts as entered and as rejected. One who
  comes too often or too soon counts as neither.

Source: Pinpoint API reference (Activity, JourneyLimits, QuietTime); user guide, "Set up journey
activities"; developer guide, "Journey execution metrics".
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from engagement_hub.engagement.endpoint_requests import parsed_instant
from engagement_hub.engagement.journey_times import duration_of
from engagement_hub.engagement.model import DimensionType, Endpoint
from engagement_hub.engagement.segments import compile_segment
from shared.journeys import SENDING, ActivityType, activity_type, branches_of

__all__ = [
    "BRANCH_METRICS",
    "WHOLE_JOURNEY",
    "Entry",
    "EventSeen",
    "Fact",
    "Hold",
    "JourneyMetric",
    "Left",
    "Message",
    "Metric",
    "Place",
    "Stop",
    "Traveller",
    "active",
    "entry_of",
    "journey_metrics",
    "next_activity",
    "percentile",
    "walk",
]

Json = Mapping[str, Any]


class JourneyMetric(StrEnum):
    """The names of a journey's execution metrics that the hub counts."""

    ENTERED = "ENDPOINT_ENTERED"
    LEFT = "ENDPOINT_LEFT"
    ACTIVE = "ENDPOINT_ACTIVE"
    CANCELLED = "CANCELLED"
    REJECTED = "ACTIVE_ENDPOINT_REJECTED"
    REENTRY_CAP_EXCEEDED = "REENTRY_CAP_EXCEEDED"


class Metric(StrEnum):
    """The names of an activity's execution metrics, beside the statuses of messages.

    AWS's pages show the branches as `Branch_<n>`; the other names are ours.
    """

    WAIT_STARTED = "WAIT_STARTED"
    WAIT_FINISHED = "WAIT_FINISHED"
    CONTINUED = "CONTINUED"
    HELD_OUT = "HELDOUT"
    TRUE = "Branch_TRUE"
    FALSE = "Branch_FALSE"
    DEFAULT = "Branch_DEFAULT"


WHOLE_JOURNEY = "-"
"""The place of an activity's id in facts and totals of the journey itself."""

BRANCH_METRICS = "Branch_{}"
"""Name of the metric of a branch, counted from 1."""


@dataclass(frozen=True, slots=True)
class EventSeen:
    """An event of a message, or the answer of a custom channel's function (type None)."""

    type: str | None
    attributes: Mapping[str, Sequence[str]] = field(default_factory=dict)
    metrics: Mapping[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Traveller:
    """A participant at one moment of a visit; `seen` has the events by the id of the activity."""

    id: str
    visit: int
    endpoints: Sequence[Endpoint]
    seen: Mapping[str, Sequence[EventSeen]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Place:
    """An activity of the journey. `waited`: the wait before or at it is over."""

    activity: str
    waited: bool = False


@dataclass(frozen=True, slots=True)
class Fact:
    """Something to count once: a metric of an activity."""

    activity: str
    metric: str


@dataclass(frozen=True, slots=True)
class Message:
    """The participant is to get the message of the place's activity now."""

    place: Place


@dataclass(frozen=True, slots=True)
class Hold:
    """The participant waits.

    `real`: until this moment of the calendar, also while the journey is paused. Other waits stop
    with the journey.
    """

    place: Place
    until: datetime
    real: bool


@dataclass(frozen=True, slots=True)
class Left:
    """The participant has reached the end of the way, or was held out."""


Stop = Message | Hold | Left


class Entry(StrEnum):
    """The answer to a participant who comes to the entry of a journey."""

    ENTERS = "ENTERS"
    IS_INSIDE = "IS_INSIDE"
    TOO_OFTEN = "TOO_OFTEN"


def entry_of(
    limits: Json, *, visits: int, inside: bool, entered: datetime | None, now: datetime
) -> Entry:
    """Decide whether a participant may enter.

    Args:
        limits: the Limits of the journey.
        visits: how often the participant has entered, `entered` the last time.
        inside: whether the last visit goes on.
    """
    if inside:
        return Entry.IS_INSIDE
    cap = limits.get("EndpointReentryCap")
    most = 1 if cap is None else cap
    if most and visits >= most:
        return Entry.TOO_OFTEN
    interval = duration_of(limits.get("EndpointReentryInterval") or "")
    if entered is not None and interval is not None and now - entered < interval:
        return Entry.TOO_OFTEN
    return Entry.ENTERS


def walk(
    journey: Json,
    place: Place | None,
    traveller: Traveller,
    now: datetime,
    in_segment: Callable[[str, Endpoint], bool],
) -> tuple[Stop, list[Fact]]:
    """Go on from a place to the next stop; None is the end of the way.

    Args:
        journey: a journey that has passed its review.
        in_segment: tells whether an endpoint is in a segment now.

    Returns the stop, and the facts on the way to it.
    """
    facts: list[Fact] = []
    while place is not None:
        step = _step(journey, place, traveller, now, in_segment, facts)
        if not isinstance(step, _Next):
            return step, facts
        place = None if step.activity is None else Place(step.activity)
    return Left(), facts


def active(totals: Mapping[str, int]) -> int:
    """Return how many participants of these totals are in the journey."""
    gone = (JourneyMetric.LEFT, JourneyMetric.REJECTED)
    return totals.get(JourneyMetric.ENTERED, 0) - sum(totals.get(one, 0) for one in gone)


def journey_metrics(totals: Mapping[str, int], *, is_cancelled: bool) -> dict[str, int]:
    """Return the execution metrics of a journey or a run, which add up:
    entered = left + active + rejected + cancelled."""
    inside = active(totals)
    counted = {one.value: totals.get(one, 0) for one in JourneyMetric}
    counted[JourneyMetric.ACTIVE] = 0 if is_cancelled else inside
    counted[JourneyMetric.CANCELLED] = inside if is_cancelled else 0
    return {**totals, **counted}


def next_activity(journey: Json, activity_id: str) -> Place | None:
    """Return the place after an activity that has one exit; None is the end of the way."""
    activity = journey["Activities"][activity_id]
    target = activity[activity_type(activity)].get("NextActivity")
    return Place(target) if target else None


def percentile(journey_id: str, activity_id: str, traveller: Traveller) -> float:
    """Return a number from 0 up to 100 that is the same whenever it is asked for a visit."""
    text = "\0".join((journey_id, activity_id, traveller.id, str(traveller.visit)))
    digest = hashlib.sha256(text.encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48 * 100


@dataclass(frozen=True, slots=True)
class _Next:
    """The way goes on at once; None is its end."""

    activity: str | None


def _step(
    journey: Json,
    place: Place,
    traveller: Traveller,
    now: datetime,
    in_segment: Callable[[str, Endpoint], bool],
    facts: list[Fact],
) -> Stop | _Next:
    activity_id = place.activity
    activity = journey["Activities"][activity_id]
    kind = activity_type(activity)
    body = activity[kind] if kind else {}
    if kind in SENDING:
        return Message(place)
    match kind:
        case ActivityType.WAIT:
            if not place.waited:
                facts.append(Fact(activity_id, Metric.WAIT_STARTED))
                hold = _hold(activity_id, body.get("WaitTime") or {}, now)
                if hold is not None:
                    return hold
            facts.append(Fact(activity_id, Metric.WAIT_FINISHED))
            return _Next(body.get("NextActivity") or None)
        case ActivityType.HOLDOUT:
            held = percentile(journey["Id"], activity_id, traveller) < body["Percentage"]
            facts.append(Fact(activity_id, Metric.HELD_OUT if held else Metric.CONTINUED))
            return Left() if held else _Next(body.get("NextActivity") or None)
        case ActivityType.RANDOM_SPLIT:
            return _random(journey["Id"], activity_id, body, traveller, facts)
        case _:
            wait = body.get("EvaluationWaitTime") or {}
            if not place.waited and (hold := _hold(activity_id, wait, now)) is not None:
                return hold
            return _split(activity_id, kind, body, traveller, now, in_segment, facts)


def _hold(activity_id: str, wait: Json, now: datetime) -> Hold | None:
    """Return the hold of a WaitTime; None for an empty one, or a moment that has passed."""
    duration = duration_of(wait.get("WaitFor") or "")
    if duration is not None and duration > timedelta(0):
        return Hold(Place(activity_id, waited=True), now + duration, real=False)
    until = parsed_instant(wait.get("WaitUntil") or "")
    if until is not None and until > now:
        return Hold(Place(activity_id, waited=True), until, real=True)
    return None


def _random(
    journey_id: str, activity_id: str, split: Json, traveller: Traveller, facts: list[Fact]
) -> _Next:
    drawn = percentile(journey_id, activity_id, traveller)
    upper = 0
    for number, branch in enumerate(branches_of(split), start=1):
        upper += branch["Percentage"]
        if drawn < upper:
            facts.append(Fact(activity_id, BRANCH_METRICS.format(number)))
            return _Next(branch.get("NextActivity") or None)
    raise ValueError(f"The percentages of activity {activity_id} do not make 100.")


def _split(
    activity_id: str,
    kind: ActivityType | None,
    split: Json,
    traveller: Traveller,
    now: datetime,
    in_segment: Callable[[str, Endpoint], bool],
    facts: list[Fact],
) -> _Next:
    def holds(condition: Json) -> bool:
        return _holds(condition, traveller, now, in_segment)

    if kind == ActivityType.CONDITIONAL_SPLIT:
        condition = split["Condition"]
        some = condition.get("Operator") == "ANY"
        results = map(holds, condition["Conditions"])
        yes = any(results) if some else all(results)
        facts.append(Fact(activity_id, Metric.TRUE if yes else Metric.FALSE))
        return _Next(split.get("TrueActivity" if yes else "FalseActivity") or None)
    for number, branch in enumerate(branches_of(split), start=1):
        if holds(branch["Condition"]):
            facts.append(Fact(activity_id, BRANCH_METRICS.format(number)))
            return _Next(branch.get("NextActivity") or None)
    facts.append(Fact(activity_id, Metric.DEFAULT))
    return _Next(split.get("DefaultActivity") or None)


def _holds(
    condition: Json,
    traveller: Traveller,
    now: datetime,
    in_segment: Callable[[str, Endpoint], bool],
) -> bool:
    if condition.get("SegmentCondition") is not None:
        segment_id = condition["SegmentCondition"]["SegmentId"]
        return any(in_segment(segment_id, endpoint) for endpoint in traveller.endpoints)
    if condition.get("segmentDimensions") is not None:
        meets = _compiled(condition["segmentDimensions"], now)
        return any(meets(endpoint) for endpoint in traveller.endpoints)
    event = condition["EventCondition"]
    seen = traveller.seen.get(event.get("MessageActivity") or "", ())
    return any(_is_such(one, event["Dimensions"], now) for one in seen)


def _is_such(event: EventSeen, dimensions: Json, now: datetime) -> bool:
    kind = dimensions.get("EventType")
    if kind is not None:
        excluded = kind.get("DimensionType") == DimensionType.EXCLUSIVE
        if (event.type in kind["Values"]) is excluded:
            return False
    criteria = {
        name: dimensions[name] for name in ("Attributes", "Metrics") if dimensions.get(name)
    }
    as_endpoint: Any = {"Attributes": event.attributes, "Metrics": event.metrics}
    return _compiled(criteria, now)(as_endpoint)


def _compiled(dimensions: Json, now: datetime) -> Callable[[Endpoint], bool]:
    segment: Any = {"Dimensions": dimensions}
    return compile_segment(segment, now=now, sources=_no_source)


def _no_source(_segment_id: str, _version: int | None) -> Callable[[Endpoint], bool]:
    raise ValueError("Dimensions build on no other segment.")
