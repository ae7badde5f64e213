"""Read the members of a stream event that rules look at."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["Event", "MachineOpens", "MalformedEvent", "event_from", "is_text"]

_LAST_MILLISECOND = 253_402_300_799_999  # 9999-12-31T23:59:59.999Z
_SEEN_BY_PEOPLE = ("open", "click")


class MalformedEvent(ValueError):
    """An event lacks a documented member, or a member has another type; retrying cannot help."""


@dataclass(frozen=True, slots=True)
class Event:
    """One event of a project's event stream.

    `at` is the time of the event in epoch milliseconds. `endpoint_id` is the client id, which is no
    endpoint for transactional messages. `user_agent` is that of an opened email or a clicked link.
    """

    event_type: str
    at: int
    project_id: str
    endpoint_id: str | None
    attributes: Mapping[str, str]
    metrics: Mapping[str, float]
    user_agent: str | None


@dataclass(frozen=True, slots=True)
class MachineOpens:
    """User agents of programs that open emails and follow links."""

    equals: frozenset[str]
    contains: tuple[str, ...]

    def match(self, event: Event) -> bool:
        """Check whether a program caused the event. An event without a user agent is a person's."""
        agent = event.user_agent
        if agent is None:
            return False
        return agent in self.equals or any(part in agent for part in self.contains)


def event_from(record: Mapping[str, Any]) -> Event:
    """Return the event of a record.

    Every member but `event_type`, the timestamp and `application.app_id` may be missing.

    Raises:
        MalformedEvent: names the member, and quotes no value.

    Source: Pinpoint developer guide, "Streaming Amazon Pinpoint event data".
    """
    event_type = record.get("event_type")
    if not is_text(event_type) or not event_type:
        raise MalformedEvent("The event's event_type is not a text.")
    project_id = _object(record, "application").get("app_id")
    if not is_text(project_id) or not project_id:
        raise MalformedEvent("The event's application.app_id is not a text.")
    endpoint_id = _object(record, "client").get("client_id")
    if endpoint_id is not None and not is_text(endpoint_id):
        raise MalformedEvent("The event's client.client_id is not a text.")
    return Event(
        event_type=str(event_type),
        at=_time(record, str(event_type)),
        project_id=str(project_id),
        endpoint_id=endpoint_id or None,
        attributes=_attributes(_object(record, "attributes")),
        metrics=_metrics(_object(record, "metrics")),
        user_agent=_user_agent(record.get("facets")),
    )


def is_text(value: object) -> bool:
    """Check that a value is a string which UTF-8 can express: JSON allows half a surrogate pair."""
    if not isinstance(value, str):
        return False
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True


def _object(record: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = record.get(member)
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise MalformedEvent(f"The event's {member} is not an object.")
    return value


def _time(record: Mapping[str, Any], event_type: str) -> int:
    """Return the time of the event.

    `event_timestamp` is the clock of the app that reports the event, so it counts up to the time of
    arrival. All events of an email have the time of its send there; their own time is that of
    arrival.
    """
    arrived = _milliseconds(record, "arrival_timestamp")
    happened = _milliseconds(record, "event_timestamp")
    times = [time for time in (arrived, happened) if time is not None]
    if not times:
        raise MalformedEvent("The event has neither event_timestamp nor arrival_timestamp.")
    if event_type.startswith("_email.") and arrived is not None:
        return arrived
    return min(times)


def _milliseconds(record: Mapping[str, Any], member: str) -> int | None:
    value = record.get(member)
    if value is None:
        return None
    if not _is_number(value) or not 0 <= value <= _LAST_MILLISECOND:
        raise MalformedEvent(f"The event's {member} is not a time in milliseconds.")
    return int(value)


def _attributes(given: Mapping[str, Any]) -> dict[str, str]:
    found = {}
    for name, value in given.items():
        if isinstance(value, str):
            found[name] = value
        elif isinstance(value, bool):
            found[name] = "true" if value else "false"
        elif _is_number(value):
            found[name] = f"{value}"
        elif value is not None:
            raise MalformedEvent("One of the event's attributes is not a text.")
    return found


def _metrics(given: Mapping[str, Any]) -> dict[str, float]:
    found = {}
    for name, value in given.items():
        if value is None:
            continue
        if not _is_number(value):
            raise MalformedEvent("One of the event's metrics is not a number.")
        found[name] = float(value)
    return found


def _is_number(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    try:
        return math.isfinite(value)
    except OverflowError:
        return False


def _user_agent(facets: Any) -> str | None:
    for member in ("email_channel", "mail_event"):
        facets = facets.get(member) if isinstance(facets, Mapping) else None
    if isinstance(facets, Mapping):
        for member in _SEEN_BY_PEOPLE:
            detail = facets.get(member)
            agent = detail.get("user_agent") if isinstance(detail, Mapping) else None
            if isinstance(agent, str):
                return agent
    return None
