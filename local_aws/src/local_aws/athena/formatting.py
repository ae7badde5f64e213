"""Values as Athena prints them in the result file and in GetQueryResults."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from typing import Any

from local_aws.athena.hive import children


@dataclass
class Result:
    """Printed rows; ``types`` as GetQueryResults names them."""

    columns: list[str]
    types: list[str]
    rows: list[list[str | None]]
    scanned: int = 0


Printer = Callable[[Any], str]


def printer(duck: Any) -> Printer:
    """What prints values of the type; nulls inside of it are ``null``."""
    parts = children(duck)
    match duck.id:
        case "list" | "array":
            item = _or_null(printer(parts[0][1]))
            return lambda value: f"[{', '.join(map(item, value))}]"
        case "map":
            key, entry = printer(parts[0][1]), _or_null(printer(parts[1][1]))
            return lambda value: (
                "{" + ", ".join(f"{key(k)}={entry(v)}" for k, v in _entries(value)) + "}"
            )
        case "struct" | "tuple":
            # Rows without names: DuckDB numbers their fields or leaves them empty.
            fields = [
                (f"field{i}" if name in ("", f"_{i}") else name, _or_null(printer(kind)))
                for i, (name, kind) in enumerate(parts)
            ]
            return lambda value: (
                "{"
                + ", ".join(f"{n}={p(v)}" for (n, p), v in zip(fields, _items(value), strict=True))
                + "}"
            )
        case "timestamp with time zone":
            return lambda value: f"{_timestamp(value)} UTC"
        case "float" | "double":
            return _double
    return _scalar


def _or_null(print_value: Printer) -> Printer:
    return lambda value: "null" if value is None else print_value(value)


def _entries(value: Any) -> Any:
    # Keys that Python cannot hash come as two lists.
    if set(value) == {"key", "value"} and isinstance(value["key"], list):
        return zip(value["key"], value["value"], strict=True)
    return value.items()


def _items(value: Any) -> Any:
    return value.values() if isinstance(value, dict) else value


def _scalar(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case datetime():
            return _timestamp(value)
        case date():
            return value.isoformat()
        case time():
            return value.isoformat(timespec="milliseconds")
        case timedelta():
            return _interval(value)
        case bytes():
            return value.hex(" ")
        case Decimal():
            return format(value, "f")
    return str(value)


def _timestamp(value: datetime) -> str:
    return value.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")


def _interval(value: timedelta) -> str:
    sign, value = ("-", -value) if value < timedelta(0) else ("", value)
    hours, rest = divmod(value.seconds, 3600)
    minutes, seconds = divmod(rest, 60)
    clock = f"{hours:02d}:{minutes:02d}:{seconds:02d}.{value.microseconds // 1000:03d}"
    return f"{sign}{value.days} {clock}"


def _double(value: float) -> str:
    """As Java prints it: ``1.0``, ``1.0E7``, ``1.0E-4``, ``NaN``, ``Infinity``."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "Infinity" if value > 0 else "-Infinity"
    if value == 0 or 1e-3 <= abs(value) < 1e7:
        return format(Decimal(repr(value)), "f") if "e" in repr(value) else repr(value)
    sign, digits, exponent = Decimal(repr(value)).as_tuple()
    text = "".join(map(str, digits)).rstrip("0") or "0"
    power = len(digits) + int(exponent) - 1
    return f"{'-' if sign else ''}{text[0]}.{text[1:] or '0'}E{power}"


def result_file(kind: str, result: Result) -> bytes:
    """The result object: of a query (``DML``) CSV, all quoted and a null nothing; else text."""
    if kind != "DML":
        return "".join(f"{row[0]}\n" for row in result.rows).encode()

    def line(values: list[str | None]) -> str:
        return ",".join("" if v is None else '"' + v.replace('"', '""') + '"' for v in values)

    return "\n".join([line([*result.columns]), *map(line, result.rows), ""]).encode()
