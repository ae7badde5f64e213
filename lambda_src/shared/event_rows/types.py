"""Hive column types, and values made to fit them without losing anything.

`compile_columns` turns the columns of a table into one function from a JSON object to a row of
exactly these types. A value that fits no column, or would lose a part of itself in a column, is set
aside under its path as JSON text, for the row's `unmapped`.

What fits:

- string: strings; numbers and booleans as JSON writes them; a list of one string as that string;
  other lists and objects as JSON text.
- bigint, int: whole numbers in range, also written as floats (1.7e12) or strings ("3").
- double: numbers, also as strings, that a double holds to the last digit written. (No float is
  infinite or NaN: `records.read` returns neither.)
- boolean: true and false, also as strings in any case.
- array: lists; a lone value as a list of one.
- map and struct: objects. Members are matched in any case, by their exact name first.

Null is absence: it leaves no member in a row, and a null in an array's place.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from decimal import Decimal
from typing import Any

Unmapped = dict[str, str]
# value, its path, where to set aside → the value that fits, or None
Coerce = Callable[[Any, str, Unmapped], Any]
Row = dict[str, Any]

_NAME = re.compile(r"\s*([A-Za-z0-9_]+)\s*")
_NUMBER = re.compile(r"-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d{1,3})?")
_LONGEST_NUMBER = 40  # characters; a double has 17 significant digits
# Sorted, so that the order of members, which says nothing, is in no row and no row's id.
_encode = json.JSONEncoder(separators=(",", ":"), sort_keys=True).encode


class UnknownType(ValueError):
    """A column's type is not one that rows are made of."""


def compile_columns(columns: Iterable[Mapping[str, str]]) -> Coerce:
    """Return a function from a JSON object to its row, by `[{"name": …, "type": …}, …]`.

    Raises:
        UnknownType: a type cannot be read; the message names the column.
    """
    fields = {}
    for column in columns:
        try:
            fields[column["name"]] = compile_type(column["type"])
        except UnknownType as error:
            raise UnknownType(f"Column {column['name']}: {error}") from error
    return _struct(fields, between="")


def compile_type(text: str) -> Coerce:
    """Return a function that makes values fit a Hive type.

    Raises:
        UnknownType: the type cannot be read.
    """
    coerce, end = _read_type(text, 0)
    if end != len(text):
        raise UnknownType(f"{text[end:]!r} is left over of the type {text!r}.")
    return coerce


def _read_type(text: str, start: int) -> tuple[Coerce, int]:
    match = _NAME.match(text, start)
    if match is None:
        raise UnknownType(f"A type is missing at position {start} of {text!r}.")
    name, end = match[1].lower(), match.end()
    if name in _SCALARS:
        return _SCALARS[name], end
    if name == "array":
        inner, end = _read_type(text, _expect(text, end, "<"))
        return _array(inner), _expect(text, end, ">")
    if name == "map":
        key, end = _read_type(text, _expect(text, end, "<"))
        if key is not _string:
            raise UnknownType(f"A key in {text!r} is no string, and JSON has no other keys.")
        inner, end = _read_type(text, _expect(text, end, ","))
        return _map(inner), _expect(text, end, ">")
    if name == "struct":
        return _read_struct(text, _expect(text, end, "<"))
    raise UnknownType(f"{name} is none of {', '.join([*_SCALARS, 'array', 'map', 'struct'])}.")


def _read_struct(text: str, start: int) -> tuple[Coerce, int]:
    fields: dict[str, Coerce] = {}
    while True:
        match = _NAME.match(text, start)
        if match is None:
            raise UnknownType(f"A member's name is missing at position {start} of {text!r}.")
        fields[match[1]], end = _read_type(text, _expect(text, match.end(), ":"))
        if text[end : end + 1] == ">":
            return _struct(fields), end + 1
        start = _expect(text, end, ",")


def _expect(text: str, position: int, mark: str) -> int:
    if text[position : position + 1] != mark:
        raise UnknownType(f"{mark!r} is missing at position {position} of {text!r}.")
    return position + 1


def set_aside(unmapped: Unmapped, path: str, value: Any) -> None:
    """Keep a value as JSON text under its path, or the path and a number where that is taken."""
    add_text(unmapped, path, _encode(value))


def add_text(unmapped: Unmapped, path: str, text: str) -> None:
    """Keep JSON text under its path, or the path and a number where the path is taken."""
    name, number = path, 2
    while name in unmapped:
        name, number = f"{path}#{number}", number + 1
    unmapped[name] = text


def _string(value: Any, path: str, unmapped: Unmapped) -> str | None:
    if type(value) is str:
        return value
    if value is None:
        return None
    if type(value) is list and len(value) == 1 and type(value[0]) is str:
        return str(value[0])
    return _encode(value)


def _integer(bits: int) -> Coerce:
    low, high = -(1 << bits - 1), (1 << bits - 1) - 1

    def coerce(value: Any, path: str, unmapped: Unmapped) -> int | None:
        if type(value) is int and low <= value <= high:
            return value
        whole = None
        if type(value) is float and value.is_integer():
            whole = int(value)
        elif type(value) is str and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
            whole = _whole(Decimal(value), bits)
        if whole is not None and low <= whole <= high:
            return whole
        if value is not None:
            set_aside(unmapped, path, value)
        return None

    return coerce


def _whole(number: Decimal, bits: int) -> int | None:
    # The size comes first: an int of 1e999 has three thousand bits.
    return int(number) if abs(number) <= 1 << bits and number == int(number) else None


def _double(value: Any, path: str, unmapped: Unmapped) -> float | None:
    if type(value) is float:
        return value
    if type(value) is int:
        if abs(value) <= 1 << 53 or _is_double(value):
            return float(value)
    elif type(value) is str and len(value) <= _LONGEST_NUMBER and _NUMBER.fullmatch(value):
        number = float(value)
        if number - number == 0.0 and Decimal(repr(number)) == Decimal(value):
            return number
    if value is not None:
        set_aside(unmapped, path, value)
    return None


def _is_double(value: int) -> bool:
    try:
        return float(value) == value
    except OverflowError:
        return False


def _boolean(value: Any, path: str, unmapped: Unmapped) -> bool | None:
    if value is True or value is False:
        return bool(value)
    if type(value) is str and value.lower() in ("true", "false"):
        return value.lower() == "true"
    if value is not None:
        set_aside(unmapped, path, value)
    return None


_SCALARS: dict[str, Coerce] = {
    "string": _string,
    "boolean": _boolean,
    "int": _integer(32),
    "bigint": _integer(64),
    "double": _double,
}
# Types whose values fit without a call. (An int may be out of range.)
_FITTING: dict[Coerce, type] = {_string: str, _boolean: bool, _double: float}


def _array(inner: Coerce) -> Coerce:
    fitting = _FITTING.get(inner, _Never)

    def coerce(value: Any, path: str, unmapped: Unmapped) -> list[Any] | None:
        if type(value) is list:
            for item in value:
                if type(item) is not fitting:
                    break
            else:
                return value
            return [inner(item, f"{path}[{n}]", unmapped) for n, item in enumerate(value)]
        alone = inner(value, path, unmapped)
        return None if alone is None else [alone]

    return coerce


def _map(inner: Coerce) -> Coerce:
    fitting = _FITTING.get(inner, _Never)

    def coerce(value: Any, path: str, unmapped: Unmapped) -> dict[str, Any] | None:
        if type(value) is not dict:
            if value is not None:
                set_aside(unmapped, path, value)
            return None
        for item in value.values():
            if type(item) is not fitting:
                break
        else:
            return value
        row = {}
        for key, item in value.items():
            if type(item) is not fitting:
                item = inner(item, f"{path}.{key}", unmapped)
                if item is None:
                    continue
            row[key] = item
        return row

    return coerce


def _struct(fields: Mapping[str, Coerce], between: str = ".") -> Coerce:
    """Args: between: the separator of the struct's path and a member's; empty at the top."""
    compiled = {
        name: (_FITTING.get(inner, _Never), inner, between + name) for name, inner in fields.items()
    }

    def coerce(value: Any, path: str, unmapped: Unmapped) -> Row | None:
        if type(value) is not dict:
            if value is not None:
                set_aside(unmapped, path, value)
            return None
        row: Row = {}
        for name, item in value.items():
            field = compiled.get(name)
            if field is None:
                key, name = name, name.lower()
                field = compiled.get(name)
                if field is None or name in value or name in row:
                    if item is not None:
                        set_aside(unmapped, path + between + key, item)
                    continue
            if type(item) is field[0]:
                row[name] = item
            elif item is not None:
                fits = field[1](item, path + field[2], unmapped)
                if fits is not None:
                    row[name] = fits
        return row

    return coerce


class _Never:
    """The type of no value."""
