"""The hours in which a journey may send to a participant: quiet time, open hours, closed days.

All of them are local times of the participant. A participant can be in several zones, as the owner
of a phone number whose prefix spans two: a message may go out while all zones allow it.

Choices where AWS is silent:

- OpenHours and ClosedDays hold for the channels that they name. A weekday without open hours is
  closed on a channel that has open hours on another day.
- The instants of a closed day have no zone of their own: their date and clock time are local.
- A time that a change of the clock repeats counts at its first hour.
- Open hours end before EndTime. Quiet time includes the minute of its end, as in a campaign.
- Without a time zone quiet time holds nothing back, as the API says, and open hours and closed days
  let no message pass.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from typing import Any

from engagement_hub.engagement.journey_times import WEEKDAYS

__all__ = ["SendingHours", "Window"]

Json = Mapping[str, Any]
_Span = tuple[datetime, datetime]

# Weekly hours are repeated within eight days, and twenty closed periods can each delay them.
_STEPS = 400
_DAY = timedelta(days=1)
_MINUTE = timedelta(minutes=1)


@dataclass(frozen=True, slots=True)
class Window:
    """Whether a message may go out: `at` is the first allowed moment, None for never.

    `zone_missing`: the hours are not known without a time zone.
    """

    at: datetime | None
    zone_missing: bool = False


@dataclass(frozen=True, slots=True)
class SendingHours:
    """The hours of one channel of a journey."""

    quiet: tuple[time, time] | None = None
    open_hours: Mapping[str, Sequence[tuple[time, time]]] | None = None
    closed: Sequence[tuple[datetime, datetime]] = ()

    @classmethod
    def of(cls, journey: Json, channel: str) -> SendingHours:
        """Read a valid journey. OpenHours and ClosedDays count with SendingSchedule true only."""
        quiet = journey.get("QuietTime") or {}
        start, end = quiet.get("Start"), quiet.get("End")
        scheduled = bool(journey.get("SendingSchedule"))
        days = ((journey.get("OpenHours") or {}).get(channel) or {}) if scheduled else {}
        closed = ((journey.get("ClosedDays") or {}).get(channel) or ()) if scheduled else ()
        return cls(
            quiet=(_clock(start), _clock(end)) if start and end else None,
            open_hours={
                day: [(_clock(rule["StartTime"]), _clock(rule["EndTime"])) for rule in rules]
                for day, rules in days.items()
            }
            or None,
            closed=tuple(
                (_local(rule["StartDateTime"]), _local(rule["EndDateTime"])) for rule in closed
            ),
        )

    def window(self, now: datetime, zones: Sequence[tzinfo]) -> Window:
        """Return the first moment from now on at which every zone allows a message."""
        if not zones:
            return Window(None, True) if self.open_hours or self.closed else Window(now)
        at = now.astimezone(UTC)
        for _ in range(_STEPS):
            later = max(self._not_before(at, zone) for zone in zones)
            if later == at:
                return Window(at)
            at = later
        return Window(None)

    def _not_before(self, at: datetime, zone: tzinfo) -> datetime:
        """Return `at` where one zone allows it, else a later moment before which it does not."""
        for start, end in self._shut(at, zone):
            if start <= at < end:
                return end
        if self.open_hours is None:
            return at
        upcoming = list(self._opened(at, zone))
        if any(start <= at < end for start, end in upcoming):
            return at
        later = [start for start, _ in upcoming if start > at]
        return min(later, default=at + 8 * _DAY)

    def _shut(self, at: datetime, zone: tzinfo) -> Iterator[_Span]:
        if self.quiet is not None:
            start, end = self.quiet
            for day in _days_around(at, zone, back=1, ahead=1):
                last = datetime.combine(day + _DAY * (start > end), end, zone)
                yield _span(datetime.combine(day, start, zone), last + _MINUTE)
        for start_at, end_at in self.closed:
            yield _span(start_at.replace(tzinfo=zone), end_at.replace(tzinfo=zone))

    def _opened(self, at: datetime, zone: tzinfo) -> Iterator[_Span]:
        for day in _days_around(at, zone, back=1, ahead=7):
            for start, end in (self.open_hours or {}).get(WEEKDAYS[day.weekday()], ()):
                closes = day + _DAY * (start > end)
                yield _span(datetime.combine(day, start, zone), datetime.combine(closes, end, zone))


def _days_around(at: datetime, zone: tzinfo, *, back: int, ahead: int) -> Iterator[date]:
    today = at.astimezone(zone).date()
    return (today + timedelta(days=number) for number in range(-back, ahead + 1))


def _span(start: datetime, end: datetime) -> _Span:
    return start.astimezone(UTC), end.astimezone(UTC)


def _clock(text: str) -> time:
    return time.fromisoformat(text)


def _local(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=None)
