"""When a campaign runs, and when a recipient wants quiet.

Choices where AWS is silent:

- `Timezone` is a fixed offset. A StartTime or EndTime without an offset of its own is in it, and
  days and months are counted in it. Absent means UTC. Its letter case does not matter: programs
  send `utc`.
- The runs of a campaign are at StartTime plus a whole number of its periods; a late run does not
  move the following runs. A monthly run on day 29, 30 or 31 falls on the last day of a shorter
  month and returns to its own day in the next.
- A run at EndTime itself still takes place.
- Quiet time is by the minute: 22:00 to 06:00 is quiet from 22:00:00 to 06:00:59.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.model import Frequency, QuietTime, Schedule
from shared.messages.template_dates import find_zone

IMMEDIATE = "IMMEDIATE"

_HOURS_EAST = (0, 1, 2, 3, 3.5, 4, 4.5, 5, 5.5, 5.75, 6, 6.5, 7, 8, 9, 9.5, 10, 10.5, 11, 12, 13)
_HOURS_WEST = (2, 3, 4, 5, 6, 7, 8, 9, 10, 11)


def _offset_name(hours: float) -> str:
    if hours == 0:
        return "UTC"
    minutes = int(abs(hours) % 1 * 60)
    return f"UTC{'+' if hours > 0 else '-'}{int(abs(hours)):02d}" + (f":{minutes}" * bool(minutes))


TIMEZONES: dict[str, timezone] = {
    _offset_name(hours): timezone(timedelta(hours=hours))
    for hours in (*_HOURS_EAST, *(-hours for hours in _HOURS_WEST))
}
"""The closed list of Schedule.Timezone. Source: Pinpoint API reference, Schedule."""

# Far from the ends of the calendar, which an offset or a month would pass.
_YEARS = range(1970, 9001)

_CLOCK_TIME = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_PERIODS = {
    Frequency.HOURLY: timedelta(hours=1),
    Frequency.DAILY: timedelta(days=1),
    Frequency.WEEKLY: timedelta(weeks=1),
}


def is_immediate(schedule: Schedule) -> bool:
    """Check whether the campaign starts as soon as it is created."""
    return schedule.get("StartTime", "").upper() == IMMEDIATE


def is_recurring(schedule: Schedule) -> bool:
    """Check whether the campaign has more runs than one."""
    return schedule.get("Frequency", Frequency.ONCE) != Frequency.ONCE


def _time(schedule: Schedule, member: str, text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise BadRequest(
            f"Schedule.{member} must be ISO 8601, such as 2026-03-02T17:00:00Z"
            + (f", or {IMMEDIATE}." if member == "StartTime" else ".")
        ) from error
    if moment.year not in _YEARS:
        raise BadRequest(f"Schedule.{member} must be from {_YEARS[0]} to {_YEARS[-1]}.")
    zone = TIMEZONES[(schedule.get("Timezone") or "UTC").upper()]
    return moment.astimezone(zone) if moment.tzinfo else moment.replace(tzinfo=zone)


def _end(schedule: Schedule) -> datetime | None:
    text = schedule.get("EndTime")
    return _time(schedule, "EndTime", text) if text else None


def validate_quiet_time(quiet: Mapping[str, Any] | None, member: str) -> None:
    """Check a quiet time; an empty one counts as absent.

    Raises:
        BadRequest: only one end is given, or an end is not HH:MM.
    """
    if not quiet or not (quiet.get("Start") or quiet.get("End")):
        return
    for end in ("Start", "End"):
        if not _CLOCK_TIME.fullmatch(str(quiet.get(end) or "")):
            raise BadRequest(f"{member}.{end} must be a 24-hour time HH:MM, such as 22:00.")


def validate_schedule(schedule: Schedule, now: datetime) -> None:
    """Check a schedule of a campaign that has not run yet.

    Raises:
        BadRequest: names the member and the rule; also for members that this hub does not
            implement.
    """
    frequency = schedule.get("Frequency") or Frequency.ONCE
    if frequency in (Frequency.EVENT, Frequency.IN_APP_EVENT) or schedule.get("EventFilter"):
        raise BadRequest(
            "Schedule.Frequency EVENT and IN_APP_EVENT, and Schedule.EventFilter, are not "
            "implemented by this engagement hub: use a time."
        )
    if frequency not in Frequency.__members__:
        raise BadRequest("Schedule.Frequency must be ONCE, HOURLY, DAILY, WEEKLY or MONTHLY.")
    if schedule.get("IsLocalTime"):
        raise BadRequest(
            "Schedule.IsLocalTime true is not implemented by this engagement hub: use one campaign "
            "per time zone, each with a segment by Demographic.Timezone or an attribute."
        )
    zone = schedule.get("Timezone")
    if zone and zone.upper() not in TIMEZONES:
        raise BadRequest(f"Schedule.Timezone must be one of {', '.join(TIMEZONES)}.")
    validate_quiet_time(schedule.get("QuietTime"), "Schedule.QuietTime")
    start_text = schedule.get("StartTime")
    if not start_text:
        raise BadRequest(f"Schedule.StartTime is missing: {IMMEDIATE} or a time in ISO 8601.")
    end = _end(schedule)
    if is_immediate(schedule):
        if is_recurring(schedule):
            raise BadRequest(
                f"Schedule.StartTime {IMMEDIATE} goes with Frequency ONCE: a recurring campaign "
                "needs a time to count from."
            )
        return
    start = _time(schedule, "StartTime", start_text)
    if end is not None and end <= start:
        raise BadRequest("Schedule.EndTime must be later than StartTime.")
    if run_after(schedule, now) is None:
        raise BadRequest(
            "Schedule has no run left: StartTime (with ONCE) or EndTime lies in the past. "
            f"Give a later one, or StartTime {IMMEDIATE}."
        )


def _months_later(start: datetime, months: int) -> datetime:
    years, month = divmod(start.month - 1 + months, 12)
    last = calendar.monthrange(start.year + years, month + 1)[1]
    return start.replace(year=start.year + years, month=month + 1, day=min(start.day, last))


def run_after(schedule: Schedule, after: datetime) -> datetime | None:
    """Return the first run that is later than `after`, or None.

    For a schedule with a start time; `IMMEDIATE` has its only run when it is created.
    """
    if is_immediate(schedule):
        return None
    start = _time(schedule, "StartTime", schedule["StartTime"])
    frequency = Frequency(schedule.get("Frequency") or Frequency.ONCE)
    run: datetime
    if start > after:
        run = start
    elif frequency in _PERIODS:
        period = _PERIODS[frequency]
        run = start + ((after - start) // period + 1) * period
    elif frequency == Frequency.MONTHLY:
        there = after.astimezone(start.tzinfo)
        months = (there.year - start.year) * 12 + there.month - start.month
        run = _months_later(start, months)
        if run <= after:
            run = _months_later(start, months + 1)
    else:
        return None
    end = _end(schedule)
    return None if end is not None and run > end else run.astimezone(UTC)


def in_quiet_time(quiet: QuietTime | None, timezone_name: str | None, now: datetime) -> bool:
    """Check whether a recipient wants no message now, in their own time zone.

    Both ends are inclusive and the time may pass midnight. Without a valid time zone of the tz
    database, or without both ends, there is no quiet time.

    Source: Pinpoint API reference, Schedule.QuietTime.
    """
    if not quiet or not timezone_name:
        return False
    start = _CLOCK_TIME.fullmatch(quiet.get("Start") or "")
    end = _CLOCK_TIME.fullmatch(quiet.get("End") or "")
    zone = find_zone(timezone_name)
    if start is None or end is None or zone is None:
        return False
    clock = now.astimezone(zone).strftime("%H:%M")
    if start.group() <= end.group():
        return start.group() <= clock <= end.group()
    return clock >= start.group() or clock <= end.group()
