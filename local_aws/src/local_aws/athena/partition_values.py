"""Values of partition keys, read as Hive reads them.

Source: trinodb/trino, ``HiveUtil.parsePartitionValue``.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal, InvalidOperation

from local_aws.athena.catalog import Column
from local_aws.athena.errors import QueryFailed

NULL = "__HIVE_DEFAULT_PARTITION__"

_BITS = {"tinyint": 8, "smallint": 16, "int": 32, "integer": 32, "bigint": 64}
_DATE = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_TIMESTAMP = re.compile(
    r"(\d{4})-(\d{1,2})-(\d{1,2})(?: (\d{1,2}):(\d{1,2})(?::(\d{1,2})(?:\.(\d{1,9}))?)?)?"
)


def read(text: str, key: Column) -> str | None:
    """Return the value as a text that DuckDB casts to the key's type; None is null.

    Raises:
        QueryFailed: the text is no value of the key's type.
    """
    if text == NULL:
        return None
    name, _, arguments = key.type.lower().rstrip(")").partition("(")
    reader = _READERS.get(name)
    if reader is None:
        raise QueryFailed(f"NOT_SUPPORTED: Unsupported Type [{key.type}] for partition: {key.name}")
    value = reader(text, name, tuple(int(n) for n in arguments.split(",") if n.strip()))
    if value is None:
        shown = key.type if arguments else {"int": "INTEGER"}.get(name, name.upper())
        raise QueryFailed(
            f"HIVE_INVALID_PARTITION_VALUE: Invalid partition value '{text}' for {shown} "
            f"partition key: {key.name}"
        )
    return value


_Reader = Callable[[str, str, tuple[int, ...]], str | None]


def _string(text: str, name: str, arguments: tuple[int, ...]) -> str | None:
    return None if arguments and len(text) > arguments[0] else text


def _boolean(text: str, name: str, arguments: tuple[int, ...]) -> str | None:
    return text.lower() if text.lower() in ("true", "false") else None


def _integer(text: str, name: str, arguments: tuple[int, ...]) -> str | None:
    if not re.fullmatch(r"[+-]?[0-9]+", text):
        return None
    half = 2 ** (_BITS[name] - 1)
    return str(int(text)) if -half <= int(text) < half else None


def _floating(text: str, name: str, arguments: tuple[int, ...]) -> str | None:
    try:
        number = float(text.replace("_", " "))
    except ValueError:
        return None
    return text if math.isfinite(number) or text.lstrip("+-") in ("NaN", "Infinity") else None


def _decimal(text: str, name: str, arguments: tuple[int, ...]) -> str | None:
    precision, scale = (*arguments, *(10, 0)[len(arguments) :])
    try:
        number = Decimal(text.removesuffix("BD"))
    except InvalidOperation:
        return None
    if not number.is_finite():
        return None
    shifted = number.scaleb(scale)
    fits = shifted == shifted.to_integral_value() and abs(shifted) < 10**precision
    return str(number) if fits else None


def _date(text: str, name: str, arguments: tuple[int, ...]) -> str | None:
    found = _DATE.fullmatch(text)
    try:
        return date(*map(int, found.groups())).isoformat() if found else None
    except ValueError:
        return None


def _timestamp(text: str, name: str, arguments: tuple[int, ...]) -> str | None:
    found = _TIMESTAMP.fullmatch(text)
    if not found:
        return None
    *fields, fraction = found.groups()
    try:
        moment = datetime(*(int(field or 0) for field in fields))  # type: ignore[arg-type]
    except ValueError:
        return None
    return f"{moment.isoformat(sep=' ')}.{fraction}" if fraction else moment.isoformat(sep=" ")


_READERS: dict[str, _Reader] = {
    "string": _string,
    "varchar": _string,
    "char": _string,
    "boolean": _boolean,
    **dict.fromkeys(_BITS, _integer),
    "float": _floating,
    "double": _floating,
    "decimal": _decimal,
    "date": _date,
    "timestamp": _timestamp,
}
