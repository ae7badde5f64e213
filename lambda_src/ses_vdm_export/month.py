"""Which calendar month a run reports, and from which instant to which."""

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ["BadExportRequest", "Month", "instant", "month_asked_for", "month_before", "timestamp"]

HOW = (
    'Give {"month": "2026-10"} to export that month, or {"scheduled_time": '
    '"2026-11-01T06:00:00Z"} to export the month before that instant.'
)


class BadExportRequest(ValueError):
    """The input of a run names no month that can be exported; the message says what to change."""


@dataclass(frozen=True, slots=True)
class Month:
    """A calendar month, and the whole days of it that SES counts.

    SES adds up the metrics of the Virtual Deliverability Manager by day of UTC and exports no
    parts of days, so a month runs from midnight of UTC to midnight of UTC wherever the reader is.
    """

    year: int
    number: int

    def __str__(self) -> str:
        return f"{self.year:04}-{self.number:02}"

    @property
    def start(self) -> datetime:
        """Midnight at the beginning of the month's first day."""
        return datetime(self.year, self.number, 1, tzinfo=UTC)

    @property
    def end(self) -> datetime:
        """Midnight at the end of the month's last day.

        The API reference does not say whether EndDate belongs to the interval. The examples of
        the SES developer guide ("Filtering and exporting your deliverability metric data using
        the AWS CLI") ask for one day from midnight to midnight, and for a week with the same
        weekday at both ends: the end is outside of it.
        """
        return self.following.start

    @property
    def following(self) -> "Month":
        return Month(self.year + self.number // 12, self.number % 12 + 1)

    @property
    def previous(self) -> "Month":
        return Month(self.year - (self.number == 1), (self.number - 2) % 12 + 1)


def month_before(scheduled: datetime, zone: ZoneInfo) -> Month:
    """Return the calendar month before the month of an instant, as a reader in `zone` sees it.

    At 06:00 on the 1st in Tokyo it is still the month before in UTC: the time zone decides.
    """
    local = scheduled.astimezone(zone)
    return Month(local.year, local.month).previous


def month_asked_for(run_input: Any, started: datetime, zone: ZoneInfo) -> tuple[Month, int]:
    """Return the month of a run, and the seconds until its last day is over for SES, too.

    Args:
        run_input: `{"scheduled_time": ISO 8601 with offset}` or `{"month": "YYYY-MM"}`.
        started: when the run began. A month that the input names must be over by then: a report
            of half of it would prevent the report of the whole month.

    The wait is for readers east of UTC: their month begins up to 14 hours earlier.

    Raises:
        BadExportRequest: neither or both are given, or what is given is no month that is over.
    """
    given = run_input if isinstance(run_input, Mapping) else {}
    if ("month" in given) == ("scheduled_time" in given):
        raise BadExportRequest(f"The input must have either month or scheduled_time. {HOW}")

    if "scheduled_time" in given:
        scheduled = instant(given["scheduled_time"])
        month = month_before(scheduled, zone)
        return month, max(0, math.ceil((month.end - scheduled).total_seconds()))

    month = _month_named(given["month"])
    if month.end > started:
        raise BadExportRequest(
            f"month {month} is not over: it can be exported from {timestamp(month.end)} on."
        )
    return month, 0


def instant(text: Any) -> datetime:
    """Parse an ISO 8601 time with an offset or Z.

    Raises:
        BadExportRequest: the text is no such time.
    """
    try:
        time = datetime.fromisoformat(text)
    except (TypeError, ValueError):
        time = None
    if time is None or time.tzinfo is None:
        raise BadExportRequest(
            f"scheduled_time must be an ISO 8601 time with an offset or Z, not {text!r}. {HOW}"
        )
    return time


def timestamp(time: datetime) -> str:
    """Return an instant as SES and people read it, to the second, in UTC."""
    return time.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def _month_named(text: Any) -> Month:
    found = re.fullmatch(r"(20[0-9]{2})-(0[1-9]|1[0-2])", text) if isinstance(text, str) else None
    if found is None:
        raise BadExportRequest(f"month must be a year and a month as in 2026-10, not {text!r}.")
    return Month(int(found[1]), int(found[2]))
