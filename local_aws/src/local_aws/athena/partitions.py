"""The partitions of a table and the objects in them: projected, or registered in Glue."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlparse

from ministack.services import glue, s3

from local_aws.athena.access import require_catalog, require_listing
from local_aws.athena.catalog import Column, Table
from local_aws.athena.errors import QueryFailed
from local_aws.athena.partition_values import read

_UNITS = ("YEARS", "MONTHS", "WEEKS", "DAYS", "HOURS", "MINUTES", "SECONDS")


@dataclass(frozen=True)
class Object:
    bucket: str
    key: str
    etag: str
    size: int


@dataclass
class Partition:
    """The values of the partition columns as text that casts to their types; None is null."""

    values: tuple[str | None, ...]
    objects: list[Object] = field(default_factory=list)


def partitions_of(table: Table, now: datetime) -> list[Partition]:
    """Those that have objects.

    Raises:
        QueryFailed: the caller may not read catalog or bucket, the projection is not valid, or a
            partition's value is not of its key's type.
    """
    if not table.keys:
        return [Partition((), list(objects_below(table.location)))]
    require_catalog("glue:GetPartitions", table.database, table.name)
    if table.parameters.get("projection.enabled", "").lower() == "true":
        return _projected(table, now)
    found = []
    for registered in glue._partitions.get(f"{table.database}/{table.name}", []):
        values = tuple(map(read, registered.get("Values", []), table.keys))
        location = (registered.get("StorageDescriptor") or {}).get("Location") or ""
        if objects := list(objects_below(location)):
            found.append(Partition(values, objects))
    return found


def objects_below(location: str) -> Iterator[Object]:
    """The visible objects below an ``s3://`` location, as if it ended in a slash."""
    bucket_name, prefix = _bucket_and_prefix(location)
    require_listing(bucket_name, prefix)
    bucket = s3._buckets.get(bucket_name)
    if bucket is None:
        raise QueryFailed(f"HIVE_CANNOT_OPEN_SPLIT: The bucket {bucket_name} does not exist")
    objects = list(bucket["objects"].items())  # at once: others write meanwhile
    for key, stored in sorted(objects):
        rest = key.removeprefix(prefix)
        hidden = any(part.startswith(("_", ".")) for part in rest.split("/"))
        if key.startswith(prefix) and not key.endswith("/") and not hidden and stored["size"]:
            yield Object(bucket_name, key, stored["etag"], stored["size"])


def _bucket_and_prefix(location: str) -> tuple[str, str]:
    parsed = urlparse(location, allow_fragments=False)
    prefix = parsed.path.lstrip("/")
    return parsed.netloc, prefix if not prefix or prefix.endswith("/") else f"{prefix}/"


# -- projection --------------------------------------------------------------------------


@dataclass(frozen=True)
class _Projection:
    """How a column's values stand in the location, and which of them there are."""

    pattern: str
    value: Callable[[str], str | None]  # None: outside of what is projected


def _projected(table: Table, now: datetime) -> list[Partition]:
    projections = {key.name: _projection(table, key, now) for key in table.keys}
    template = table.parameters.get("storage.location.template")
    if template is None:
        folders = "/".join(f"{key.name}=${{{key.name}}}" for key in table.keys)
        template = f"{table.location.rstrip('/')}/{folders}/"
    template = template if template.endswith("/") else f"{template}/"
    static = template.split("${", 1)[0]
    pattern = _location_pattern(_bucket_and_prefix(template)[1], projections)
    base = static if static.endswith("/") else static.rsplit("/", 1)[0]
    known: dict[str, tuple[str | None, ...] | None] = {}
    found: dict[tuple[str | None, ...], Partition] = {}
    for stored in objects_below(base):
        match = pattern.match(stored.key)
        if match is None or _is_hidden(stored.key[match.end() :]):
            continue
        folder = match[0]
        if folder not in known:
            values = [projections[key.name].value(unquote(match[key.name])) for key in table.keys]
            known[folder] = None if None in values else tuple(values)
        if (value := known[folder]) is not None:
            found.setdefault(value, Partition(value)).objects.append(stored)
    return list(found.values())


def _is_hidden(rest: str) -> bool:
    return any(part.startswith(("_", ".")) for part in rest.split("/"))


def _location_pattern(path: str, projections: dict[str, _Projection]) -> re.Pattern[str]:
    seen: set[str] = set()

    def part(text: str) -> str:
        name = text[2:-1].lower() if text.startswith("${") else ""
        if not name:
            return re.escape(text)
        if name not in projections:
            raise QueryFailed(
                f"INVALID_TABLE_PROPERTY: storage.location.template names {text}, which is not a "
                "partition column"
            )
        if name in seen:
            return f"(?P={name})"
        seen.add(name)
        return f"(?P<{name}>{projections[name].pattern})"

    pattern = re.compile("".join(part(p) for p in re.split(r"(\$\{[^}]*\})", path)))
    if missing := set(projections) - seen:
        raise QueryFailed(
            f"INVALID_TABLE_PROPERTY: storage.location.template lacks ${{{sorted(missing)[0]}}}"
        )
    return pattern


def _projection(table: Table, key: Column, now: datetime) -> _Projection:
    def setting(name: str, default: str | None = None) -> str:
        value = table.parameters.get(f"projection.{key.name}.{name}", default)
        if value is None:
            raise QueryFailed(
                f"INVALID_TABLE_PROPERTY: Table {table.database}.{table.name} is configured for "
                f"partition projection, but the following partition columns are missing projection "
                f"configuration: [{key.name}] (projection.{key.name}.{name})"
            )
        return value

    kind = setting("type").strip().lower()
    if kind in ("enum", "integer", "injected"):
        raise QueryFailed(f"NOT_SUPPORTED: the local AWS lacks the projection type {kind}")
    if kind != "date":
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: projection type {kind} of {key.name}")
    return _dates(setting, key, now)


def _dates(setting: Callable[..., str], key: Column, now: datetime) -> _Projection:
    pattern, python, finest = _java_format(setting("format"))
    now = now.astimezone(UTC).replace(tzinfo=None)
    first, last = _range(setting("range"), key, python, finest, now)
    # Without them the step is a day or a month, where the format has no finer unit.
    whole = finest if finest in ("DAYS", "MONTHS") else None
    unit = _unit(setting("interval.unit", whole), key)
    step = _positive(setting("interval", "1" if whole else None), key)
    read(first.strftime(python), key)  # Athena reads what it projects, objects or not.

    @functools.cache
    def value(text: str) -> str | None:
        try:
            moment = datetime.strptime(text, python)
        except ValueError:
            return None
        if not first <= moment <= last or _steps(first, moment, unit) % step:
            return None
        return read(text, key)

    return _Projection(pattern, value)


def _range(
    text: str, key: Column, python: str, finest: str, now: datetime
) -> tuple[datetime, datetime]:
    bounds = [_bound(bound.strip(), python, now) for bound in text.split(",")]
    if len(bounds) != 2:
        raise _invalid(key, "range", text)
    first, last = _floor(bounds[0], finest), bounds[1]
    if first > last:
        raise _invalid(key, "range", text)
    return first, last


def _unit(text: str, key: Column) -> str:
    unit = text.strip().upper().removesuffix("S") + "S"
    if unit in ("MILLIS", "MILLISECONDS"):
        raise QueryFailed(f"NOT_SUPPORTED: the local AWS lacks the interval unit {text}")
    if unit not in _UNITS:
        raise _invalid(key, "interval.unit", text)
    return unit


def _positive(text: str, key: Column) -> int:
    if not re.fullmatch(r"0*[1-9][0-9]*", text.strip()):
        raise _invalid(key, "interval", text)
    return int(text)


def _invalid(key: Column, setting: str, value: str) -> QueryFailed:
    return QueryFailed(f"INVALID_TABLE_PROPERTY: projection.{key.name}.{setting}: {value}")


_JAVA = {
    "yyyy": (r"\d{4}", "%Y", "YEARS"),
    "uuuu": (r"\d{4}", "%Y", "YEARS"),
    "yy": (r"\d{2}", "%y", "YEARS"),
    "MM": (r"\d{2}", "%m", "MONTHS"),
    "M": (r"\d{1,2}", "%m", "MONTHS"),
    "dd": (r"\d{2}", "%d", "DAYS"),
    "d": (r"\d{1,2}", "%d", "DAYS"),
    "HH": (r"\d{2}", "%H", "HOURS"),
    "H": (r"\d{1,2}", "%H", "HOURS"),
    "mm": (r"\d{2}", "%M", "MINUTES"),
    "ss": (r"\d{2}", "%S", "SECONDS"),
}


def _java_format(text: str) -> tuple[str, str, str]:
    """A DateTimeFormatter pattern as regular expression, strptime format and finest unit."""
    pattern = python = ""
    finest = "YEARS"
    for quoted, letters, other in re.findall(
        r"'([^']*)'|([A-Za-z]+?)(?![A-Za-z])|(.)", _split(text)
    ):
        if letters:
            if letters not in _JAVA:
                raise QueryFailed(f"INVALID_TABLE_PROPERTY: {letters} in the date format {text}")
            part, directive, unit = _JAVA[letters]
            pattern, python = pattern + part, python + directive
            finest = max(finest, unit, key=_UNITS.index)
        elif literal := (quoted or other).replace("\0", ""):
            pattern, python = pattern + re.escape(literal), python + literal.replace("%", "%%")
    return pattern, python, finest


def _split(text: str) -> str:
    """Runs of one letter set apart: ``yyyyMMdd`` is three fields."""
    return re.sub(
        r"(?<![A-Za-z'])'|([A-Za-z])(?!\1)(?=[A-Za-z])",
        lambda m: m[0] + "\0" if m[1] else m[0],
        text,
    )


def _bound(text: str, python: str, now: datetime) -> datetime:
    relative = re.fullmatch(r"NOW\s*(?:([+-])\s*(\d+)\s*([A-Z]+))?", text.upper())
    if not relative:
        try:
            return datetime.strptime(text, python)
        except ValueError as error:
            raise QueryFailed(f"INVALID_TABLE_PROPERTY: {text} in a projection's range") from error
    sign, count, unit = relative.groups()
    if sign is None:
        return now
    unit = f"{unit.removesuffix('S')}S"
    if unit not in _UNITS:
        raise QueryFailed(f"INVALID_TABLE_PROPERTY: {text} in a projection's range")
    amount = int(count) * (-1 if sign == "-" else 1)
    if unit in ("YEARS", "MONTHS"):
        months = now.year * 12 + now.month - 1 + amount * (12 if unit == "YEARS" else 1)
        return now.replace(year=months // 12, month=months % 12 + 1, day=min(now.day, 28))
    return now + timedelta(**{unit.lower(): amount})


def _floor(moment: datetime, finest: str) -> datetime:
    fields: dict[str, Any] = {"month": 1, "day": 1, "hour": 0, "minute": 0, "second": 0}
    kept = {"YEARS": 0, "MONTHS": 1, "DAYS": 2, "HOURS": 3, "MINUTES": 4, "SECONDS": 5}[finest]
    return moment.replace(microsecond=0, **dict(list(fields.items())[kept:]))


def _steps(first: datetime, moment: datetime, unit: str) -> int:
    """Whole units between two moments; a remainder that is not whole never divides."""
    if unit in ("YEARS", "MONTHS"):
        months = (moment.year - first.year) * 12 + moment.month - first.month
        return months if unit == "MONTHS" else months // 12
    return (moment - first) // timedelta(**{unit.lower(): 1})
