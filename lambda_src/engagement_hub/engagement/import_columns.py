"""The columns of an import CSV, compiled into a function that reads one row.

Column names are Pinpoint's dotted ones (`User.UserAttributes.Interests`). Everything that depends
only on the header is decided once, so that a row costs little more than its cells.

Source: Amazon Pinpoint user guide, "Importing segments". Ours: an empty cell says nothing (on an
update the endpoint keeps what it has), and `EndpointStatus` counts, so that an exported endpoint is
imported as it was. `shared.import_columns` has the names.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast

from engagement_hub.engagement import quotas
from engagement_hub.engagement.endpoint_requests import (
    COORDINATE_BOUNDS,
    InvalidMember,
    check_attribute_count,
    check_attribute_name,
    check_value_count,
    checked_address,
    checked_id,
    checked_instant,
    checked_text,
    coordinate,
    number_from_text,
    one_of,
    presentable,
)
from engagement_hub.engagement.import_files import SAVE_AS, ImportFileError, UnreadableFile
from engagement_hub.engagement.model import ChannelType, EndpointRequest, EndpointStatus, OptOut
from shared.import_columns import (
    DEMOGRAPHIC_TEXTS,
    EXACT,
    KNOWN,
    LOCATION_TEXTS,
    VALUE_LISTS,
    are_missing,
    is_known,
    missing_columns,
)
from shared.spreadsheets import damage, trimmed

Check = Callable[[str, str], Any]
Row = tuple[str | None, EndpointRequest]

COLUMNS_PAGE = "docs/files.md"  # also how s3_triggered_import maps the exports of other programs
COLUMNS_TOLD = 30  # of the unknown ones, so that the reason stays a readable text
# Values may hold no line break or tab; the other control characters (NUL above all) are ours.
CONTROL_CHARACTER = re.compile(r"[\x00-\x1f\x7f]")


_ADDRESS = re.compile(r"@|\d{4}")


class UnknownColumn(ImportFileError):
    """Columns have no names of Pinpoint's; their values are not guessed at."""


class DuplicateColumn(ImportFileError):
    """A column of a single value comes twice."""


class MissingColumn(ImportFileError):
    """The columns that say who a row is about are missing."""


@dataclass(frozen=True, slots=True)
class Columns:
    """How to read the rows of one file.

    `read` takes exactly `width` cells and raises InvalidMember. A row of up to `light_characters`
    cannot be over the size of an endpoint. Columns without a name at the end of the header, with
    which spreadsheets pad a file, are not among the `names`.
    """

    names: tuple[str, ...]
    width: int
    light_characters: int
    read: Callable[[Sequence[str]], Row]


def compile_columns(header: Sequence[str]) -> Columns:
    """Read a header line.

    Raises:
        UnknownColumn, DuplicateColumn, MissingColumn: the header is not one of an import.
        UnreadableFile: the header line holds control characters.
    """
    names = column_names(header)
    if not names:
        raise MissingColumn(f"The header line has no column names. {SAVE_AS}")
    if CONTROL_CHARACTER.search("".join(names).replace("\t", "")) or "\t" in "".join(names[1:]):
        raise UnreadableFile(f"The header line holds tabs, NUL or other controls. {SAVE_AS}")
    _check_names(names)
    only_users = set(names) == {"User.UserId"}
    if missing := missing_columns(names):
        raise MissingColumn(
            f"{are_missing(missing)}. Give Address and ChannelType for new endpoints, "
            "or Id for existing ones, or User.UserId alone for a list of users."
        )

    overhead = sum(len(name.encode()) + 8 for name in names) + 100
    return Columns(
        names=names,
        width=len(names),
        light_characters=(quotas.ENDPOINT_BYTES - overhead) // 4,  # UTF-8 has up to four bytes
        read=_reader(names, only_users),
    )


def column_names(header: Sequence[str]) -> tuple[str, ...]:
    """Return the names of a header line, without the empty ones at its end."""
    names = [trimmed(name) for name in header]
    while names and not names[-1]:
        names.pop()
    return tuple(names)


def is_header(cells: Sequence[str]) -> bool:
    """Check whether the cells are columns of an import, several and nothing else."""
    names = column_names(cells)
    return len(names) > 1 and all(map(is_known, names))


def check_undamaged(member: str, value: object) -> None:
    """Raise InvalidMember for a value that a spreadsheet damaged."""
    if isinstance(value, str) and (rule := damage(member, value)):
        raise InvalidMember(member, rule)


def check_row_target(row_id: str | None, endpoint: EndpointRequest) -> None:
    """Raise InvalidMember when a row names neither an endpoint nor a new address."""
    if row_id is None:
        for member in ("Address", "ChannelType"):
            if member not in endpoint:
                raise InvalidMember(
                    member,
                    "is missing. A row needs Address and ChannelType, or the Id of an endpoint.",
                )


def _degrees(member: str, text: str) -> float:
    return coordinate(member, number_from_text(member, text))


_TOP: dict[str, Check] = {
    "Address": checked_address,
    "ChannelType": one_of(ChannelType),
    "EffectiveDate": checked_instant,
    "EndpointStatus": one_of(EndpointStatus),
    "OptOut": one_of(OptOut),
    "RequestId": checked_text,
}
_PARTS: dict[str, tuple[str, str, Check]] = {
    **{f"Location.{part}": ("Location", part, checked_text) for part in LOCATION_TEXTS},
    **{f"Location.{part}": ("Location", part, _degrees) for part in COORDINATE_BOUNDS},
    **{f"Demographic.{part}": ("Demographic", part, checked_text) for part in DEMOGRAPHIC_TEXTS},
    "User.UserId": ("User", "UserId", checked_id),
}


def _check_names(names: Sequence[str]) -> None:
    """Raise UnknownColumn or DuplicateColumn with everything that is wrong with the names."""
    unknown = [
        (position, name) for position, name in enumerate(names, start=1) if not is_known(name)
    ]
    repeated = [
        f"Column {name} comes {count} times and an endpoint has one. Remove the others. "
        "Only Attributes.… and User.UserAttributes.… columns may repeat, one per value."
        for name, count in Counter(names).items()
        if count > 1 and is_known(name) and not name.startswith(VALUE_LISTS)
    ]
    if unknown:
        raise UnknownColumn(" ".join([_unknown(unknown, names), *repeated]))
    if repeated:
        raise DuplicateColumn(" ".join(repeated))


def _unknown(unknown: Sequence[tuple[int, str]], names: Sequence[str]) -> str:
    """Name the columns, unless the first line is data: its cells may hold an address."""
    known = (
        f"The columns are {', '.join(KNOWN)}. {COLUMNS_PAGE} describes them, and how to map those "
        "of exports."
    )
    if len(names) == 1 and (separator := _separator(names[0])):
        return f"Columns are separated by {separator}. Separate them with commas. {known}"
    shown = [_shown(position, name) for position, name in unknown]
    if not any(presentable(name) for _, name in unknown) or _is_data(names):
        guess = "" if any(map(is_known, names)) else " Is the header line missing?"
        return f"Column {unknown[0][0]} is not one of an endpoint.{guess} {known}"
    if len(unknown) == 1:
        reasons = [f"{shown[0]} is not one of an endpoint."]
    else:
        reasons = [f"{len(unknown)} columns are not ones of an endpoint."]
    for (_, name), text in list(zip(unknown, shown, strict=True))[:COLUMNS_TOLD]:
        advice = _advice(name)
        reasons.append(advice if len(unknown) == 1 else f"{text}: {advice}")
    if len(unknown) > COLUMNS_TOLD:
        reasons.append(f"And {len(unknown) - COLUMNS_TOLD} more.")
    return f"{' '.join(reasons)} {known}"


def _advice(name: str) -> str:
    from shared.column_advice import meant_column

    if meant := meant_column(name, EXACT):
        return f"Did you mean {meant}?"
    return f"For an attribute: Attributes.{name}." if presentable(name) else "Rename or remove it."


def _shown(position: int, name: str) -> str:
    if presentable(name):
        return f"Column {name}"
    return f"Column {position}" if name else f"Column {position}, which has no name,"


def _is_data(names: Sequence[str]) -> bool:
    """Whether the first line looks like a row: an address in it, and no column of an import."""
    return not any(map(is_known, names)) and any(map(_ADDRESS.search, names))


def _separator(header: str) -> str | None:
    separators = {";": "semicolons", "\t": "tabs", "|": "bars"}
    return next((word for mark, word in separators.items() if mark in header), None)


def _reader(names: Sequence[str], only_users: bool) -> Callable[[Sequence[str]], Row]:
    """Build the function that makes an EndpointRequest of a row's cells."""
    id_index = names.index("Id") if "Id" in names else None
    tops = [(index, name, _TOP[name]) for index, name in enumerate(names) if name in _TOP]
    parts = [(index, name, *_PARTS[name]) for index, name in enumerate(names) if name in _PARTS]
    metrics = [
        (index, name, name.removeprefix("Metrics."))
        for index, name in enumerate(names)
        if name.startswith("Metrics.")
    ]
    attributes = _value_columns(names, "Attributes.")
    user_attributes = _value_columns(names, "User.UserAttributes.")
    may_have_too_many = (
        len(attributes) + len(user_attributes) + len(metrics) > quotas.ATTRIBUTES_PER_ENDPOINT
    )

    def read(cells: Sequence[str]) -> Row:
        endpoint: dict[str, Any] = {}
        for index, member, check in tops:
            if cell := cells[index]:
                endpoint[member] = check(member, cell)
        for index, column, member, part, check in parts:
            if cell := cells[index]:
                content = check(column, cell)
                if member in endpoint:
                    endpoint[member][part] = content
                else:
                    endpoint[member] = {part: content}
        if attributes and (found := _values(attributes, cells)):
            endpoint["Attributes"] = found
        if user_attributes and (found := _values(user_attributes, cells)):
            endpoint.setdefault("User", {})["UserAttributes"] = found
        for index, column, name in metrics:
            if cell := cells[index]:
                check_attribute_name("Metrics", name)
                endpoint.setdefault("Metrics", {})[name] = number_from_text(column, cell)

        if may_have_too_many:
            check_attribute_count(endpoint)
        row_id = None
        if id_index is not None and cells[id_index]:
            row_id = checked_id("Id", cells[id_index])
        request = cast("EndpointRequest", endpoint)
        if not only_users:
            check_row_target(row_id, request)
        elif not endpoint:
            raise InvalidMember("User.UserId", "is missing. Name the user, or remove the row.")
        return row_id, request

    return read


# (column, attribute, its first cell, its further cells): most attributes have one column.
_ValueColumn = tuple[str, str, int, tuple[int, ...]]


def _value_columns(names: Sequence[str], prefix: str) -> list[_ValueColumn]:
    places: dict[str, list[int]] = {}
    for index, name in enumerate(names):
        if name.startswith(prefix):
            places.setdefault(name, []).append(index)
    return [
        (name, name.removeprefix(prefix), first, tuple(further))
        for name, (first, *further) in places.items()
    ]


def _values(columns: Sequence[_ValueColumn], cells: Sequence[str]) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for column, name, first, further in columns:
        cell = cells[first]
        values = [cell] if cell else []
        if further:
            values += [cells[index] for index in further if cells[index]]
            check_value_count(column, len(values))
        if not values:
            continue
        for value in values:
            if len(value) > quotas.ATTRIBUTE_VALUE_CHARACTERS:
                checked_text(column, value, quotas.ATTRIBUTE_VALUE_CHARACTERS)
        if len(name) > quotas.ATTRIBUTE_NAME_CHARACTERS:
            check_attribute_name(column.removesuffix(f".{name}"), name)
        found[name] = values
    return found
