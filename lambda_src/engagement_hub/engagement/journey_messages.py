"""Recipients of the message of a journey's activity, and the moment of the message.

The endpoints of a participant are looked at when the message starts. An endpoint gets it when it is
reachable on the channel of the activity, no cap is reached and the hours allow it. One that does
not get it has a status instead, and the participant goes on to the next activity either way.

Choices where AWS is silent:

- With WaitForQuietTime a participant waits until the hours allow the message for all endpoints that
  would get it. Without it an endpoint whose hours are over has the status QUIET_TIME.
- DailyCap and TotalCap count the messages of one journey, and the caps of the project's
  JourneyLimits hold for a journey without its own. TimeframeCap counts the messages of all
  journeys, as the API says, from the moment at which a journey has one.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import Any

from engagement_hub.engagement.eligibility import Cap, Count, Period, Rules, Skip, decide
from engagement_hub.engagement.journey_hours import SendingHours
from engagement_hub.engagement.journey_walk import Hold, Place, Traveller
from engagement_hub.engagement.model import ChannelType, Endpoint
from shared.journeys import ActivityType, activity_type
from shared.local_hours import zones_of

__all__ = ["JourneySendStatus", "Outgoing", "caps_of", "channels_of", "outgoing", "zones_for"]

Json = Mapping[str, Any]
Zones = Callable[[Endpoint], Sequence[tzinfo]]

ALL_JOURNEYS = "journeys"  # the counter of TimeframeCap


class JourneySendStatus(StrEnum):
    """`journey_send_status` of a `_journey.send` event."""

    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"
    FAILURE_PERMANENT = "FAILURE_PERMANENT"
    THROTTLED = "THROTTLED"
    CUSTOM_DELIVERY_FAILURE = "CUSTOM_DELIVERY_FAILURE"
    UNSUPPORTED_CHANNEL = "UNSUPPORTED_CHANNEL"
    DAILY_CAP = "DAILY_CAP"
    QUIET_TIME = "QUIET_TIME"
    QUIET_TIME_MISSING_TIMEZONE = "QUIET_TIME_MISSING_TIMEZONE"
    QUIET_TIME_WAIT_FINISHED = "QUIET_TIME_WAIT_FINISHED"


@dataclass(frozen=True, slots=True)
class Outgoing:
    """The endpoints that get the message, and the statuses of the others by endpoint id.

    `waited`: the message waited for the end of the quiet time.
    """

    endpoints: Sequence[Endpoint]
    refused: Mapping[str, str] = field(default_factory=dict)
    waited: bool = False


def channels_of(activity: Json) -> frozenset[str]:
    """Return the channel types of the endpoints that an activity sends to."""
    kind = activity_type(activity)
    if kind == ActivityType.CUSTOM:
        return frozenset(activity[kind].get("EndpointTypes") or [ChannelType.CUSTOM.value])
    return frozenset({str(kind)})


def caps_of(journey: Json, project_limits: Json) -> tuple[Cap, ...]:
    """Return the caps of a journey's messages: its own, else the caps of the project."""
    own = journey.get("Limits") or {}
    caps = []
    for name, period in (("DailyCap", Period.DAY), ("TotalCap", Period.EVER)):
        most = own[name] if own.get(name) is not None else project_limits.get(name)
        if most:
            caps.append(Cap(journey["Id"], period, most))
    frame = own.get("TimeframeCap") or project_limits.get("TimeframeCap") or {}
    if frame.get("Cap") and frame.get("Days"):
        caps.append(Cap(ALL_JOURNEYS, Period.DAYS, frame["Cap"], frame["Days"]))
    return tuple(caps)


def zones_for(journey: Json) -> Zones:
    """Return a function for the zones of an endpoint: its time zone, else that of its number."""
    estimates = "PHONE_NUMBER" in (journey.get("TimezoneEstimationMethods") or ())

    def zones(endpoint: Endpoint) -> Sequence[tzinfo]:
        address = str(endpoint.get("Address") or "")
        number = address if estimates and address.startswith("+") else None
        return zones_of(endpoint, number=number)

    return zones


def outgoing(
    journey: Json,
    place: Place,
    traveller: Traveller,
    now: datetime,
    *,
    zones: Zones,
    disabled: frozenset[str] = frozenset(),
    caps: tuple[Cap, ...] = (),
    counts: Mapping[str, Mapping[str, Count]] | None = None,
) -> Outgoing | Hold:
    """Decide who gets the message of the place's activity now, or until when it waits.

    Args:
        disabled: the channels that the project switched off.
        counts: messages by endpoint id and `Cap.key`.
    """
    activity = journey["Activities"][place.activity]
    kind = activity_type(activity)
    channels = channels_of(activity)
    custom = kind == ActivityType.CUSTOM
    rules = Rules(channels=channels, disabled=frozenset() if custom else disabled, caps=caps)
    refused: dict[str, str] = {}
    left: list[Endpoint] = []
    addressed = [one for one in traveller.endpoints if one.get("ChannelType") in channels]
    for endpoint in addressed or traveller.endpoints:
        own = (counts or {}).get(endpoint["Id"])
        decision = decide(endpoint, rules, now=now, counts=own)
        if isinstance(decision, Skip):
            refused[endpoint["Id"]] = decision.reason.value
        else:
            left.append(endpoint)
    if not left:
        return Outgoing((), refused)
    hours = SendingHours.of(journey, str(kind))
    if journey.get("WaitForQuietTime"):
        return _when_all_may(hours, place, left, refused, now, zones)
    allowed = []
    for endpoint in left:
        window = hours.window(now, zones(endpoint))
        if window.at == now:
            allowed.append(endpoint)
        else:
            refused[endpoint["Id"]] = _quiet(window.zone_missing)
    return Outgoing(allowed, refused)


def _when_all_may(
    hours: SendingHours,
    place: Place,
    endpoints: Sequence[Endpoint],
    refused: dict[str, str],
    now: datetime,
    zones: Zones,
) -> Outgoing | Hold:
    known: list[Endpoint] = []
    together: list[tzinfo] = []
    for endpoint in endpoints:
        own = zones(endpoint)
        if hours.window(now, own).zone_missing:
            refused[endpoint["Id"]] = _quiet(True)
        else:
            known.append(endpoint)
            together.extend(zone for zone in own if zone not in together)
    if not known:
        return Outgoing((), refused)
    at = now if not together else hours.window(now, together).at
    if at is None:  # the hours of the zones never meet
        refused |= {endpoint["Id"]: _quiet(False) for endpoint in known}
        return Outgoing((), refused)
    if at > now:
        return Hold(Place(place.activity, waited=True), at, real=True)
    return Outgoing(known, refused, waited=place.waited)


def _quiet(zone_missing: bool) -> str:
    missing, over = JourneySendStatus.QUIET_TIME_MISSING_TIMEZONE, JourneySendStatus.QUIET_TIME
    return (missing if zone_missing else over).value
