"""Hours of the day in which an endpoint may be contacted, in the time zone where it is.

The zone is `Demographic.Timezone`, or estimated from the phone number. A number can belong to
several zones, as a mobile number of Australia does: the hours are then open only while they are
open in all of them.

`phonenumbers` is imported at the first number without a zone: it costs a cold start some 100 ms. A
function that uses `zones_of` needs the distributions `phonenumbers` (not `phonenumberslite`, which
has no time zones) and `tzdata`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta, tzinfo
from functools import lru_cache
from typing import Any
from zoneinfo import ZoneInfo

__all__ = ["DAYS", "Hours", "InvalidHours", "zone_named", "zones_of", "zones_of_number"]

DAYS = ("MON", "TUE", "WED", "THU", "FRI", "SAT", "SUN")

_CLOCK = re.compile(r"([01]\d|2[0-3]):([0-5]\d)")
_ZONE = re.compile(r"[A-Za-z][A-Za-z0-9_+/-]{0,63}")
# Hours that come once a week are found within eight days.
_SEARCHED = timedelta(days=8)

_Period = tuple[datetime, datetime]


class InvalidHours(ValueError):
    """The hours cannot be read; the text names the rule."""


@dataclass(frozen=True, slots=True)
class Hours:
    """Hours from `opens` up to `closes`, local time, on some days of the week.

    Hours with `closes` before `opens` end on the next day, and belong to the day on which they
    open.
    """

    opens: time
    closes: time
    days: frozenset[int] = frozenset(range(7))

    def __post_init__(self) -> None:
        if self.opens == self.closes:
            raise InvalidHours("The hours must open and close at different times.")
        if not self.days or not self.days <= frozenset(range(7)):
            raise InvalidHours("The hours need at least one day of the week.")

    @classmethod
    def of(cls, opens: str, closes: str, days: Iterable[str] = DAYS) -> Hours:
        """Read hours as in `Hours.of("09:00", "20:00", ["MON", "TUE"])`.

        Raises:
            InvalidHours: a time is not HH:MM from 00:00 to 23:59, or a day is not one of DAYS.
        """
        names = list(days)
        unknown = [name for name in names if name not in DAYS]
        if unknown:
            raise InvalidHours(f"A day must be one of {', '.join(DAYS)}.")
        return cls(_clock(opens), _clock(closes), frozenset(DAYS.index(name) for name in names))

    def next_open(self, now: datetime, zones: Sequence[tzinfo]) -> datetime | None:
        """Return the first time from now on at which the hours are open in every zone, in UTC.

        Returns:
            `now` where they are open; None where the hours of the zones never meet.

        Raises:
            ValueError: there is no zone.
        """
        if not zones:
            raise ValueError("next_open needs at least one zone.")
        now = now.astimezone(UTC)
        open_in_all = self._periods(now, zones[0])
        for zone in zones[1:]:
            open_in_all = _common(open_in_all, self._periods(now, zone))
        return next((max(start, now) for start, end in open_in_all if end > now), None)

    def _periods(self, now: datetime, zone: tzinfo) -> list[_Period]:
        """Return the periods around now in order of time, in UTC."""
        first = now.astimezone(zone).date() - timedelta(days=1)
        until = self.opens > self.closes
        periods = []
        for number in range(_SEARCHED.days + 2):
            day = first + timedelta(days=number)
            if day.weekday() in self.days:
                start = datetime.combine(day, self.opens, zone)
                end = datetime.combine(day + timedelta(days=until), self.closes, zone)
                # A clock that is put forward can leave nothing of short hours.
                if start.astimezone(UTC) < end.astimezone(UTC):
                    periods.append((start.astimezone(UTC), end.astimezone(UTC)))
        return periods


def zones_of(
    endpoint: Mapping[str, Any], *, number: str | None = None, default: str | None = None
) -> tuple[tzinfo, ...]:
    """Return the time zones in which an endpoint can be; empty where no zone is known.

    Args:
        endpoint: as a campaign's call shows it; `Demographic.Timezone` wins.
        number: phone number in E.164 format, which estimates the zones.
        default: name of the zone for an endpoint without either.
    """
    demographic = endpoint.get("Demographic")
    named = demographic.get("Timezone") if isinstance(demographic, Mapping) else None
    zone = zone_named(named)
    if zone is not None:
        return (zone,)
    estimated = zones_of_number(number) if number else ()
    if estimated:
        return estimated
    fallback = zone_named(default)
    return () if fallback is None else (fallback,)


def zone_named(name: Any) -> tzinfo | None:
    """Return the zone of the tz database with this name; None where there is no such zone."""
    if not isinstance(name, str) or not _ZONE.fullmatch(name):
        return None
    return _zone(name)


@lru_cache(maxsize=1024)
def zones_of_number(number: str) -> tuple[tzinfo, ...]:
    """Return the zones that the prefix of a number in E.164 format belongs to, without doubles."""
    import phonenumbers
    from phonenumbers import timezone

    try:
        parsed = phonenumbers.parse(number)
    except phonenumbers.NumberParseException:
        return ()
    zones = (_zone(name) for name in timezone.time_zones_for_number(parsed))
    return tuple(dict.fromkeys(zone for zone in zones if zone is not None))


@lru_cache(maxsize=512)
def _zone(name: str) -> tzinfo | None:
    try:
        return ZoneInfo(name)
    except (KeyError, OSError, ValueError):  # unknown; a folder of zones; no zone's data
        return None


def _clock(text: str) -> time:
    found = _CLOCK.fullmatch(text)
    if found is None:
        raise InvalidHours("A time of day must be HH:MM, from 00:00 to 23:59.")
    return time(int(found[1]), int(found[2]))


def _common(first: Sequence[_Period], second: Sequence[_Period]) -> list[_Period]:
    both = (
        (max(a_start, b_start), min(a_end, b_end))
        for a_start, a_end in first
        for b_start, b_end in second
    )
    return sorted(period for period in both if period[0] < period[1])
