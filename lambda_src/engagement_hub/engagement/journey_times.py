"""Times of a journey: its schedule, its waits, its open hours and its closed days.

Choices where AWS is silent:

- A year of a duration has 365 days and a month has 30 days. A duration is 1 second or more. A split
  waits for its condition as long as a wait activity may, 365 days.
- An instant without an offset is in UTC.
- Open hours and closed days are in the time zone of the participant, so that their times have no
  offset. Open hours may pass midnight.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime, time, timedelta
from typing import Any

from engagement_hub.engagement.endpoint_requests import parsed_instant
from engagement_hub.engagement.errors import BadRequest
from shared.instants import iso

__all__ = [
    "LONGEST_JOURNEY",
    "SHORTEST_WAIT",
    "checked_schedule",
    "duration_of",
    "schedule_end",
    "schedule_start",
    "validate_closed_days",
    "validate_duration",
    "validate_open_hours",
    "validate_wait_time",
]

# Source: Pinpoint user guide, "Create a journey" and "Set up a wait activity".
LONGEST_JOURNEY = timedelta(days=3600)
SHORTEST_WAIT = timedelta(hours=1)
LONGEST_WAIT = timedelta(days=365)
OPEN_HOURS_PER_DAY = 4
CLOSED_DAYS_PER_CHANNEL = 20

# Source: Pinpoint API reference, JourneySchedule.Timezone. Campaigns have another list.
TIMEZONES = (
    *("UTC", "UTC+01", "UTC+02", "UTC+03", "UTC+03:30", "UTC+04", "UTC+04:30", "UTC+05"),
    *("UTC+05:30", "UTC+05:45", "UTC+06", "UTC+06:30", "UTC+07", "UTC+08", "UTC+08:45"),
    *("UTC+09", "UTC+09:30", "UTC+10", "UTC+10:30", "UTC+11", "UTC+12", "UTC+12:45"),
    *("UTC+13", "UTC+13:45", "UTC-02", "UTC-02:30", "UTC-03", "UTC-03:30", "UTC-04", "UTC-05"),
    *("UTC-06", "UTC-07", "UTC-08", "UTC-09", "UTC-09:30", "UTC-10", "UTC-11"),
)
WEEKDAYS = ("MONDAY", "TUESDAY", "WEDNESDAY", "THURSDAY", "FRIDAY", "SATURDAY", "SUNDAY")

_DURATION = re.compile(
    r"P(?=[0-9T])(?:(?P<weeks>\d{1,6})W)?(?:(?P<years>\d{1,6})Y)?(?:(?P<months>\d{1,6})M)?"
    r"(?:(?P<days>\d{1,6})D)?(?:T(?=[0-9])(?:(?P<hours>\d{1,6})H)?(?:(?P<minutes>\d{1,6})M)?"
    r"(?:(?P<seconds>\d{1,6})S)?)?",
    re.ASCII,
)
_DAYS_PER_YEAR, _DAYS_PER_MONTH = 365, 30


def duration_of(text: str) -> timedelta | None:
    """Return an ISO 8601 duration; None for another text."""
    match = _DURATION.fullmatch(text)
    if match is None:
        return None
    part = {name: int(value or 0) for name, value in match.groupdict().items()}
    days = part["years"] * _DAYS_PER_YEAR + part["months"] * _DAYS_PER_MONTH + part["days"]
    return timedelta(
        weeks=part["weeks"],
        days=days,
        hours=part["hours"],
        minutes=part["minutes"],
        seconds=part["seconds"],
    )


def validate_duration(
    text: str | None,
    member: str,
    *,
    least: timedelta = timedelta(seconds=1),
    most: timedelta = LONGEST_JOURNEY,
) -> None:
    """Check an ISO 8601 duration; None and an empty one are absent.

    Raises:
        BadRequest: the text is no duration, or the duration is out of its range.
    """
    if not text:
        return
    duration = duration_of(text)
    if duration is None:
        raise BadRequest(f"{member} must be an ISO 8601 duration, such as PT1H or P3D.")
    if not least <= duration <= most:
        raise BadRequest(f"{member} must be from {_words(least)} to {_words(most)}.")


def _words(duration: timedelta) -> str:
    if duration.days:
        return f"{duration.days} days"
    hours = duration.seconds // 3600
    return "1 hour" if hours == 1 else f"{duration.seconds} s"


def _instant(text: str, member: str) -> datetime:
    instant = parsed_instant(text)
    if instant is None:
        raise BadRequest(f"{member} must be ISO 8601, such as 2026-03-02T17:00:00Z.")
    return instant


def validate_wait_time(
    wait: Mapping[str, Any] | None,
    member: str,
    *,
    least: timedelta = timedelta(seconds=1),
    end: datetime | None = None,
) -> None:
    """Check a WaitTime, in which WaitFor and WaitUntil exclude each other.

    Args:
        least: shortest duration.
        end: end of the journey, which WaitUntil precedes.

    Raises:
        BadRequest: names the member and the rule.
    """
    wait_for, wait_until = (wait or {}).get("WaitFor"), (wait or {}).get("WaitUntil")
    if wait_for and wait_until:
        raise BadRequest(f"{member} has WaitFor and WaitUntil. Leave one of them out.")
    validate_duration(wait_for, f"{member}.WaitFor", least=least, most=LONGEST_WAIT)
    if not wait_until:
        return
    instant = _instant(wait_until, f"{member}.WaitUntil")
    if end is not None and instant >= end:
        raise BadRequest(f"{member}.WaitUntil must be earlier than Schedule.EndTime.")


def checked_schedule(schedule: Mapping[str, Any]) -> dict[str, Any]:
    """Return a journey's schedule with its instants as the API writes them.

    Raises:
        BadRequest: a time is no instant, EndTime is not later than StartTime, the journey lasts too
            long, or Timezone is not in the API's list.
    """
    checked = dict(schedule)
    for name in ("StartTime", "EndTime"):
        if schedule.get(name) is not None:
            checked[name] = iso(_instant(schedule[name], f"Schedule.{name}"))
    start, end = schedule_start(checked), schedule_end(checked)
    if start is not None and end is not None:
        if end <= start:
            raise BadRequest("Schedule.EndTime must be later than Schedule.StartTime.")
        if end - start > LONGEST_JOURNEY:
            raise BadRequest(
                f"Schedule: a journey lasts at most {LONGEST_JOURNEY.days} days. Give an earlier "
                "EndTime."
            )
    zone = schedule.get("Timezone")
    if zone and zone.upper() not in TIMEZONES:
        raise BadRequest(f"Schedule.Timezone must be one of {', '.join(TIMEZONES)}.")
    return checked


def schedule_start(schedule: Mapping[str, Any] | None) -> datetime | None:
    """Return the start of a checked schedule, or None."""
    text = (schedule or {}).get("StartTime")
    return datetime.fromisoformat(text) if text else None


def schedule_end(schedule: Mapping[str, Any] | None) -> datetime | None:
    """Return the end of a checked schedule, or None."""
    text = (schedule or {}).get("EndTime")
    return datetime.fromisoformat(text) if text else None


def validate_open_hours(hours: Mapping[str, Any] | None) -> None:
    """Check OpenHours: by channel, the times of each weekday at which messages may go out.

    Raises:
        BadRequest: names the channel, the weekday and the rule.
    """
    for channel, days in (hours or {}).items():
        for day, rules in days.items():
            member = f"OpenHours.{channel}.{day[:20]}"
            if day not in WEEKDAYS:
                raise BadRequest(f"{member}: the day must be one of {', '.join(WEEKDAYS)}.")
            if len(rules) > OPEN_HOURS_PER_DAY:
                raise BadRequest(f"{member} must be at most {OPEN_HOURS_PER_DAY} ranges.")
            for number, rule in enumerate(rules):
                _check_open_hours_rule(rule, f"{member}[{number}]")


def _check_open_hours_rule(rule: Mapping[str, Any], member: str) -> None:
    start, end = (_clock_time(rule, name, member) for name in ("StartTime", "EndTime"))
    if start == end:
        raise BadRequest(f"{member}.EndTime must differ from StartTime.")


def _clock_time(rule: Mapping[str, Any], name: str, member: str) -> time:
    try:
        clock = time.fromisoformat(rule.get(name) or "")
    except ValueError:
        clock = None
    if clock is None or clock.tzinfo is not None:
        raise BadRequest(
            f"{member}.{name} must be an ISO 8601 time without an offset, such as 08:30. It is in "
            "the participant's time zone."
        )
    return clock


def validate_closed_days(days: Mapping[str, Any] | None) -> None:
    """Check ClosedDays: by channel, the periods in which no message goes out.

    Raises:
        BadRequest: names the channel, the number of the period and the rule.
    """
    for channel, rules in (days or {}).items():
        _check_closed_days(rules, f"ClosedDays.{channel}")


def _check_closed_days(rules: Sequence[Mapping[str, Any]], member: str) -> None:
    if len(rules) > CLOSED_DAYS_PER_CHANNEL:
        raise BadRequest(f"{member} must be at most {CLOSED_DAYS_PER_CHANNEL} periods.")
    for number, rule in enumerate(rules):
        path = f"{member}[{number}]"
        start, end = (
            _instant(rule.get(name) or "", f"{path}.{name}")
            for name in ("StartDateTime", "EndDateTime")
        )
        if end <= start:
            raise BadRequest(f"{path}.EndDateTime must be later than StartDateTime.")
