"""Dates in message templates: Java's `SimpleDateFormat` patterns, in English.

Pinpoint's `now` and `dateFormat` helpers take four named styles or such a pattern. Python's
strftime spells patterns differently and follows the process's locale, so we map the letters.

Source: Pinpoint user guide, "Using message template helpers" (it says "Sept" in the medium style).
"""

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from functools import lru_cache
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

MONTHS = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
]
DAYS = ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"]
STYLES = {
    "full": "EEEE, MMMM d, yyyy",
    "long": "MMMM d, yyyy",
    "short": "M/d/yy",
}

_TOKEN = re.compile(r"'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+")


class DateProblem(ValueError):
    """A date, pattern or time zone that cannot be read; the message says which, never the date."""


class NoTimeZoneDatabase(RuntimeError):
    """The runtime has no tz database, so that every quiet time would be ignored in silence."""


@lru_cache(maxsize=512)
def find_zone(name: str) -> tzinfo | None:
    """Return the tz database's zone of that name, or None.

    Raises:
        NoTimeZoneDatabase: neither the system nor the package `tzdata` has one.
    """
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, malformed, or a folder such as "America"
        pass
    try:
        ZoneInfo("Etc/UTC")
    except ZoneInfoNotFoundError as error:
        raise NoTimeZoneDatabase(
            "There is no tz database: add the package tzdata to the function's requirements."
        ) from error
    return None


def zone(name: str) -> tzinfo:
    """Return the tz database's zone of that name.

    Raises:
        DateProblem: there is no such zone.
    """
    found = find_zone(name)
    if found is None:
        raise DateProblem(f"tz={name!r} is no name of the tz database, such as Europe/Berlin")
    return found


def _offset(moment: datetime, colon: bool) -> str:
    minutes = round((moment.utcoffset() or timedelta()).total_seconds() / 60)
    sign = "-" if minutes < 0 else "+"
    hours, rest = divmod(abs(minutes), 60)
    return f"{sign}{hours:02d}{':' if colon else ''}{rest:02d}"


def _iso_offset(moment: datetime, width: int) -> str:
    if not moment.utcoffset():
        return "Z"
    text = _offset(moment, colon=width == 3)
    return text[:3] if width == 1 else text


_WRITE: dict[str, Callable[[datetime, int], str]] = {
    "y": lambda t, n: f"{t.year % 100:02d}" if n == 2 else f"{t.year:0{n}d}",
    "M": lambda t, n: (
        MONTHS[t.month - 1] if n > 3 else MONTHS[t.month - 1][:3] if n == 3 else f"{t.month:0{n}d}"
    ),
    "d": lambda t, n: f"{t.day:0{n}d}",
    "D": lambda t, n: f"{t.timetuple().tm_yday:0{n}d}",
    "E": lambda t, n: DAYS[t.weekday()] if n > 3 else DAYS[t.weekday()][:3],
    "u": lambda t, n: f"{t.isoweekday():0{n}d}",
    "a": lambda t, n: "AM" if t.hour < 12 else "PM",
    "H": lambda t, n: f"{t.hour:0{n}d}",
    "k": lambda t, n: f"{t.hour or 24:0{n}d}",
    "K": lambda t, n: f"{t.hour % 12:0{n}d}",
    "h": lambda t, n: f"{t.hour % 12 or 12:0{n}d}",
    "m": lambda t, n: f"{t.minute:0{n}d}",
    "s": lambda t, n: f"{t.second:0{n}d}",
    "S": lambda t, n: f"{t.microsecond // 1000:0{n}d}",
    "z": lambda t, n: t.tzname() or "",
    "Z": lambda t, n: _offset(t, colon=False),
    "X": _iso_offset,
}
_WRITE["L"] = _WRITE["M"]


def write_date(moment: datetime, pattern: str) -> str:
    """Return a moment in a named style or pattern.

    Raises:
        DateProblem: the pattern has a letter this dialect does not know.
    """
    if pattern == "medium":
        month = "Sept" if moment.month == 9 else MONTHS[moment.month - 1][:3]
        return f"{month} {moment.day}, {moment.year}"
    out = []
    for match in _TOKEN.finditer(STYLES.get(pattern, pattern)):
        quoted, letter = match.group(1), match.group(2)
        if quoted is not None:
            out.append(quoted.replace("''", "'") or "'")
        elif letter is None:
            out.append(match.group())
        elif letter in _WRITE:
            out.append(_WRITE[letter](moment, len(match.group())))
        else:
            raise DateProblem(f"date pattern letter {letter!r} is not supported")
    return "".join(out)


_READ = {
    "y": r"(?P<year>\d{2,4})",
    "d": r"(?P<day>\d{1,2})",
    "H": r"(?P<hour>\d{1,2})",
    "h": r"(?P<hour12>\d{1,2})",
    "m": r"(?P<minute>\d{1,2})",
    "s": r"(?P<second>\d{1,2})",
    "S": r"(?P<milli>\d{1,3})",
    "a": r"(?P<half>[AaPp][Mm])",
    "E": r"[A-Za-z]+",
    "Z": r"(?P<offset>Z|[+-]\d{2}:?\d{2})",
    "X": r"(?P<offset>Z|[+-]\d{2}(?::?\d{2})?)",
}


@lru_cache(maxsize=128)
def _reader(pattern: str) -> re.Pattern[str]:
    out = []
    for match in _TOKEN.finditer(STYLES.get(pattern, pattern)):
        quoted, letter = match.group(1), match.group(2)
        if quoted is not None:
            out.append(re.escape(quoted.replace("''", "'") or "'"))
        elif letter is None:
            out.append(re.escape(match.group()))
        elif letter in "ML":
            out.append(
                r"(?P<name>[A-Za-z]{3,})" if len(match.group()) > 2 else r"(?P<month>\d{1,2})"
            )
        elif letter in _READ:
            out.append(_READ[letter])
        else:
            raise DateProblem(f"inputFormat letter {letter!r} is not supported")
    try:
        return re.compile("".join(out))
    except re.error as error:
        raise DateProblem("inputFormat names the same part of a date twice") from error


def _month_number(name: str) -> int:
    for number, month in enumerate(MONTHS, start=1):
        if month[:3].lower() == name[:3].lower():
            return number
    raise DateProblem("the date's month is not an English month name")


def read_date(text: str, pattern: str | None, default_zone: tzinfo) -> datetime:
    """Return the moment a text tells.

    Without a pattern, ISO 8601 or epoch milliseconds are read. A date without an offset of its own
    is in `default_zone`, so that formatting it in that zone never moves it to another day.

    Raises:
        DateProblem: the text does not have that form.
    """
    if pattern is None:
        try:
            if text.isdigit() and len(text) > 8:
                return datetime.fromtimestamp(int(text) / 1000, UTC)
            moment = datetime.fromisoformat(text)
        except (ValueError, OverflowError, OSError) as error:
            raise DateProblem(
                "the date is neither ISO 8601 nor epoch milliseconds: give inputFormat"
            ) from error
        return moment if moment.tzinfo else moment.replace(tzinfo=default_zone)
    match = _reader(pattern).fullmatch(text.strip())
    if match is None:
        raise DateProblem(f"the date does not have the form inputFormat={pattern!r}")
    part = match.groupdict()
    year = int(part.get("year") or 1970)
    hour = int(part.get("hour") or 0)
    if part.get("hour12"):
        hour = int(part["hour12"]) % 12 + (12 if (part.get("half") or "").lower() == "pm" else 0)
    where = default_zone
    if part.get("offset"):
        where = UTC
        if part["offset"] != "Z":
            digits = part["offset"][1:].replace(":", "").ljust(4, "0")
            shift = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
            where = timezone(-shift if part["offset"][0] == "-" else shift)
    try:
        return datetime(
            year + 2000 if year < 100 else year,
            _month_number(part["name"]) if part.get("name") else int(part.get("month") or 1),
            int(part.get("day") or 1),
            hour,
            int(part.get("minute") or 0),
            int(part.get("second") or 0),
            int(part.get("milli") or 0) * 1000,
            tzinfo=where,
        )
    except ValueError as error:
        raise DateProblem("the date names a day or hour that does not exist") from error
