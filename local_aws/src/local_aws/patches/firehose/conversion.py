"""Convert JSON documents to Parquet by the columns of a Glue table, as Firehose does.

A record is read as the OpenX JSON SerDe reads it: numbers and text are taken for each other
where they can be, missing members and nulls become NULL, members that have no column are left
out, and what cannot be read at all makes the record malformed. With ``CaseInsensitive`` (the
default) every key becomes lower case before anything else happens, those of maps included; keys
that are then the same make the record malformed.

Only DuckDB's writer sees the rows, once for a whole object.
"""

from __future__ import annotations

import json
import math
import re
import tempfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from decimal import ROUND_HALF_UP, Context, Decimal, InvalidOperation
from pathlib import Path
from typing import Any

import duckdb

Coercer = Callable[[Any], Any]
Json = dict[str, Any]


class Malformed(Exception):
    """A record that cannot be converted; ``code`` and ``message`` as Firehose words them."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code, self.message = f"DataFormatConversion.{code}", message


class _Mismatch(Exception):
    """A value that its column cannot hold."""


MALFORMED = ("ParseError", "Encountered malformed JSON.")
EMPTY = ("MalformedData", "The record was empty or contained only whitespace.")
PRIMITIVE = (
    "MalformedData",
    "The input JSON contained a primitive at the top level. The top level must be an object or "
    "array.",
)
MISMATCH = ("MalformedData", "Data does not match the schema.")


@dataclass(frozen=True)
class Column:
    name: str
    type: str  # as in Glue: "map<string,array<string>>"


class Converter:
    """Reads records for one table and writes Parquet.

    ``openx`` is the API's ``OpenXJsonSerDe`` (may be empty); ``compression`` its ``Compression``.
    """

    def __init__(
        self, columns: Sequence[Column], openx: Mapping[str, Any], compression: str
    ) -> None:
        self._lower = bool(openx.get("CaseInsensitive", True))
        self._dots = bool(openx.get("ConvertDotsInJsonKeysToUnderscores"))
        self._compression = compression.lower()
        keys = openx.get("ColumnToJsonKeyMappings") or {}
        types = [parse_type(column.type) for column in columns]
        self._members = [
            (column.name, self._cased(keys.get(column.name, column.name)), kind.read)
            for column, kind in zip(columns, types, strict=True)
        ]
        self._schema = ", ".join(
            f"{_literal(column.name)}: {_literal(kind.duckdb)}"
            for column, kind in zip(columns, types, strict=True)
        )
        # The text of a decimal must not pass through a binary floating-point number.
        exact = any("decimal" in column.type.lower() for column in columns)
        self._decoder = json.JSONDecoder(
            object_pairs_hook=self._object,
            parse_float=Decimal if exact else None,
            parse_constant=_refuse_constant,
        )

    def rows(self, data: bytes) -> list[str]:
        """One line of JSON per document of the record, holding exactly the table's columns.

        Raises:
            Malformed: one of the documents cannot be read, or does not fit the columns.
        """
        try:
            documents = self._documents(data.decode("utf-8"))
        except (ValueError, RecursionError) as error:  # UnicodeDecodeError among them
            raise Malformed(*MALFORMED) from error
        return [self._row(document) for document in documents]

    def parquet(self, rows: Sequence[str]) -> bytes:
        """A Parquet file of rows that :meth:`rows` made."""
        with tempfile.TemporaryDirectory() as folder:
            source, target = Path(folder, "rows.json"), Path(folder, "rows.parquet")
            source.write_text("\n".join(rows), encoding="utf-8")
            connection = duckdb.connect()
            try:
                connection.execute(
                    f"COPY (SELECT * FROM read_json({_literal(str(source))}, "
                    f"format = 'newline_delimited', columns = {{{self._schema}}}, "
                    "maximum_object_size = 134217728)) "
                    f"TO {_literal(str(target))} (FORMAT PARQUET, COMPRESSION {self._compression})"
                )
            finally:
                connection.close()
            return target.read_bytes()

    def _documents(self, text: str) -> list[Any]:
        documents: list[Any] = []
        position = _after_space(text, 0)
        if position == len(text):
            raise Malformed(*EMPTY)
        while position < len(text):
            document, position = self._decoder.raw_decode(text, position)
            documents.append(document)
            position = _after_space(text, position)
        return documents

    def _row(self, document: Any) -> str:
        if not isinstance(document, dict):
            raise Malformed(*(MISMATCH if isinstance(document, list) else PRIMITIVE))
        if self._dots:
            document = {key.replace(".", "_"): value for key, value in document.items()}
        try:
            row = {name: read(document.get(key)) for name, key, read in self._members}
        except _Mismatch as error:
            raise Malformed(*MISMATCH) from error
        return json.dumps(row, ensure_ascii=False, separators=(",", ":"))

    def _cased(self, key: str) -> str:
        return key.lower() if self._lower else key

    def _object(self, pairs: list[tuple[str, Any]]) -> Json:
        made = {self._cased(key): value for key, value in pairs}
        if len(made) != len(pairs):
            raise ValueError("duplicate key")
        return made


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


_SPACE = re.compile(r"\s*")


def _after_space(text: str, position: int) -> int:
    found = _SPACE.match(text, position)
    return found.end() if found else position


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


# -- types -------------------------------------------------------------------------------


@dataclass(frozen=True)
class HiveType:
    """The DuckDB name of a type, and how a JSON value becomes one that DuckDB reads as it."""

    duckdb: str
    read: Coercer


def parse_type(text: str) -> HiveType:
    """A Glue column type; a name that is not known is a string, as in Athena."""
    text = text.strip()
    name, _, rest = text.partition("<")
    inner = rest.removesuffix(">")
    match name.strip().lower():
        case "array":
            item = parse_type(inner)
            return HiveType(f"{item.duckdb}[]", _array(item.read))
        case "map":
            key, value = (parse_type(part) for part in _split(inner))
            return HiveType(f"MAP({key.duckdb}, {value.duckdb})", _map(key.read, value.read))
        case "struct" | "row":
            members = [part.partition(":") for part in _split(inner)]
            types = {name.strip(): parse_type(kind) for name, _, kind in members}
            fields = ", ".join(
                f'"{name.replace(chr(34), chr(34) * 2)}" {kind.duckdb}'
                for name, kind in types.items()
            )
            return HiveType(
                f"STRUCT({fields})", _struct({name: kind.read for name, kind in types.items()})
            )
    return _primitive(text.lower())


def _split(inner: str) -> list[str]:
    """The parts between the commas that are not inside brackets."""
    parts, depth, start = [], 0, 0
    for position, character in enumerate(inner):
        depth += (character in "<(") - (character in ">)")
        if character == "," and depth == 0:
            parts.append(inner[start:position])
            start = position + 1
    return [*parts, inner[start:]]


def _primitive(name: str) -> HiveType:
    base, _, arguments = name.partition("(")
    if base in _WHOLE:
        bits, duckdb_name = _WHOLE[base]
        return HiveType(duckdb_name, _whole(2 ** (bits - 1)))
    if base == "decimal":
        digits, _, places = arguments.rstrip(")").partition(",")
        precision, scale = int(digits or 10), int(places or 0)
        return HiveType(f"DECIMAL({precision}, {scale})", _decimal(precision, scale))
    if base in _OTHER:
        return _OTHER[base]
    return HiveType("VARCHAR", _string)


_WHOLE = {
    "tinyint": (8, "TINYINT"),
    "smallint": (16, "SMALLINT"),
    "int": (32, "INTEGER"),
    "integer": (32, "INTEGER"),
    "bigint": (64, "BIGINT"),
}


def _string(value: Any) -> str | None:
    if value is None:
        return None
    if isinstance(value, str):
        # A lone surrogate has no UTF-8 form: written as "?", as Java does.
        return value if value.isascii() else value.encode("utf-8", "replace").decode()
    if isinstance(value, Decimal):
        return str(value)
    return json.dumps(value, ensure_ascii=True, separators=(",", ":"), default=str)


def _whole(limit: int) -> Coercer:
    def read(value: Any) -> int | None:
        if value is None:
            return None
        if isinstance(value, str):
            value = _number(value)
        if isinstance(value, bool) or not isinstance(value, int | float | Decimal):
            raise _Mismatch
        try:
            number = int(value)
        except (OverflowError, ValueError) as error:  # infinite
            raise _Mismatch from error
        if number != value or not -limit <= number < limit:
            raise _Mismatch
        return number

    return read


def _number(text: str) -> Decimal:
    try:
        return Decimal(text.strip())
    except InvalidOperation as error:
        raise _Mismatch from error


def _floating(value: Any) -> float | str | None:
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise _Mismatch
    try:
        number = float(value)
    except (ValueError, OverflowError) as error:
        raise _Mismatch from error
    return number if math.isfinite(number) else str(number)


_EXACT = Context(prec=80)  # more digits than any decimal column has


def _decimal(precision: int, scale: int) -> Coercer:
    unit, limit = Decimal(1).scaleb(-scale), Decimal(10) ** (precision - scale)

    def read(value: Any) -> str | None:
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
            raise _Mismatch
        number = value if isinstance(value, Decimal) else _number(str(value))
        if not number.is_finite() or abs(number) >= limit:
            raise _Mismatch
        rounded = number.quantize(unit, ROUND_HALF_UP, _EXACT)
        if abs(rounded) >= limit:
            raise _Mismatch
        return format(rounded, "f")

    return read


def _boolean(value: Any) -> bool | None:
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, str) and value.lower() in ("true", "false"):
        return value.lower() == "true"
    raise _Mismatch


_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DIGITS = re.compile(r"[+-]?\d+(\.\d+)?")


def _timestamp(value: Any) -> str | None:
    """ISO 8601 with ``T`` or a blank; or seconds, or from 13 digits on milliseconds."""
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int | float | str | Decimal):
        raise _Mismatch
    text = str(value).strip()
    try:
        if _DIGITS.fullmatch(text):
            whole = text.partition(".")[0].lstrip("+-")
            seconds = Decimal(text) / (1000 if len(whole) >= 13 else 1)
            moment = _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))
        else:
            moment = datetime.fromisoformat(text)
            moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    except (ValueError, OverflowError) as error:
        raise _Mismatch from error
    return moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S.%f")


def _date(value: Any) -> str | None:
    if value is None:
        return None
    try:
        if isinstance(value, int) and not isinstance(value, bool):
            return (date(1970, 1, 1) + timedelta(days=value)).isoformat()
        return date.fromisoformat(str(value).strip()[:10]).isoformat()
    except (ValueError, OverflowError) as error:
        raise _Mismatch from error


_OTHER = {
    "float": HiveType("FLOAT", _floating),
    "real": HiveType("FLOAT", _floating),
    "double": HiveType("DOUBLE", _floating),
    "boolean": HiveType("BOOLEAN", _boolean),
    "timestamp": HiveType("TIMESTAMP", _timestamp),
    "date": HiveType("DATE", _date),
    "binary": HiveType("BLOB", _string),
}


def _array(item: Coercer) -> Coercer:
    def read(value: Any) -> list[Any] | None:
        if value is None or value == "":
            return None
        # A single value stands for an array of it.
        return [item(each) for each in (value if isinstance(value, list) else [value])]

    return read


def _map(key: Coercer, item: Coercer) -> Coercer:
    def read(value: Any) -> Json | None:
        if value is None or isinstance(value, str) and not value.strip():
            return None
        if not isinstance(value, dict):
            raise _Mismatch
        return {str(key(name)): item(each) for name, each in value.items()}

    return read


def _struct(members: Mapping[str, Coercer]) -> Coercer:
    named = list(members.items())

    def read(value: Any) -> Json | None:
        if value is None or isinstance(value, str) and not value.strip():
            return None
        if not isinstance(value, dict):
            raise _Mismatch
        return {name: item(value.get(name)) for name, item in named}

    return read
