"""The common part of the tables of event databases."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

from shared.event_rows.ids import is_event_id
from shared.event_rows.types import Coerce, Row, Unmapped, add_text, compile_columns

OWN_COLUMNS = ("event_id", "source", "message_tags", "unmapped")
"""Columns that the transform fills; a member of such a name in an event is none of them."""


class NotOfThisTable(Exception):
    """A JSON object that is no event of this table's service."""


class Arrival(NamedTuple):
    """How an event came: when Firehose took it in (epoch milliseconds), and into whose account."""

    milliseconds: int
    account_id: str


class TableShape:
    """The columns of a table, compiled."""

    def __init__(self, columns: list[dict[str, str]]) -> None:
        """
        Args:
            columns: name and type of each; the transform's own among them.

        Raises:
            UnknownType: a type cannot be read.
        """
        own = [column for column in columns if column["name"] in OWN_COLUMNS]
        self._event: Coerce = compile_columns(one for one in columns if one not in own)
        self._row: Coerce = compile_columns(columns)
        self._type_column = next(
            one["name"] for one in columns if one["name"] in ("event_type", "eventtype")
        )

    @classmethod
    def beside(cls, module_file: str, name: str) -> TableShape:
        """Return the table whose columns are in `<name>.json` in the folder of a module."""
        return cls(json.loads(Path(module_file).with_name(f"{name}.json").read_bytes()))

    def row(self, event: Mapping[str, Any]) -> tuple[Row, Unmapped]:
        """Return the row of an event without the transform's own columns, and unmapped members."""
        unmapped: Unmapped = {}
        return self._event(event, "", unmapped), unmapped

    def own_row(self, value: Mapping[str, Any]) -> Row | None:
        """Return the row that a value already is, as a replay of refused conversions brings; or
        None."""
        if "event_id" not in value or self._type_column not in value:
            return None
        if not is_event_id(value["event_id"]):
            return None
        unmapped: Unmapped = {}
        row: Row = self._row(value, "", unmapped)
        if unmapped:
            kept = row["unmapped"] = dict(row.get("unmapped") or {})
            for path, text in unmapped.items():
                add_text(kept, path, text)
        return row
