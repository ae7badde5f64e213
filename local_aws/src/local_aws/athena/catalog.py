"""Tables and views of the Glue data catalog, read with the caller's permissions."""

from __future__ import annotations

import base64
import json
import re
from dataclasses import dataclass
from typing import Any

from ministack.services import glue

from local_aws.athena.access import require_catalog
from local_aws.athena.errors import QueryFailed, position_of

_PRESTO_VIEW = re.compile(r"/\* Presto View: ([A-Za-z0-9+/=\s]+?) ?\*/")


@dataclass(frozen=True)
class Column:
    name: str
    type: str  # Hive's notation


@dataclass(frozen=True)
class Table:
    """A table with files; ``columns`` are those in the files, ``keys`` those of partitions."""

    database: str
    name: str
    columns: tuple[Column, ...]
    keys: tuple[Column, ...]
    location: str
    parameters: dict[str, str]
    raw: dict[str, Any]

    @property
    def format(self) -> str:
        """What the objects are, by the library that reads them."""
        library = str(self.serde.get("SerializationLibrary"))
        known = {"ParquetHiveSerDe": "parquet", "org.openx.data.jsonserde.JsonSerDe": "json"}
        return next((name for end, name in known.items() if library.endswith(end)), library)

    @property
    def serde(self) -> dict[str, Any]:
        return (self.raw.get("StorageDescriptor") or {}).get("SerdeInfo") or {}

    def serde_flag(self, name: str, default: str) -> bool:
        value = (self.serde.get("Parameters") or {}).get(name, default)
        return str(value).lower() == "true"


@dataclass(frozen=True)
class View:
    database: str
    name: str
    sql: str
    schema: str  # what unqualified names in it belong to
    columns: tuple[Column, ...]  # types in Trino's notation


def table_or_view(database: str, name: str, sql: str) -> Table | View:
    """Raises QueryFailed: it does not exist, or is not the caller's to see."""
    database, name = database.lower(), name.lower()
    require_catalog("glue:GetDatabase", database)
    require_catalog("glue:GetTable", database, name)
    if database not in glue._databases:
        raise QueryFailed(
            f"SCHEMA_NOT_FOUND: {position_of(name, sql)}Schema '{database}' does not exist"
        )
    raw = glue._tables.get(f"{database}/{name}")
    if raw is None:
        raise QueryFailed(
            f"TABLE_NOT_FOUND: {position_of(name, sql)}"
            f"Table 'awsdatacatalog.{database}.{name}' does not exist"
        )
    storage = raw.get("StorageDescriptor") or {}
    if storage.get("SerdeInfo") is None:  # An empty one is enough for a view.
        raise QueryFailed("HIVE_METASTORE_ERROR: Table storage descriptor is missing SerDe info")
    if raw.get("TableType") == "VIRTUAL_VIEW":
        return _view(database, name, raw)
    columns, keys = _columns(storage.get("Columns")), _columns(raw.get("PartitionKeys"))
    if len({column.name for column in (*columns, *keys)}) < len(columns) + len(keys):
        raise QueryFailed(
            f"HIVE_INVALID_METADATA: Hive metadata for table {name} is invalid: Table descriptor "
            "contains duplicate columns"
        )
    return Table(
        database,
        name,
        columns,
        keys,
        storage.get("Location") or "",
        raw.get("Parameters") or {},
        raw,
    )


def _columns(described: list[dict[str, Any]] | None) -> tuple[Column, ...]:
    return tuple(Column(c["Name"].lower(), c.get("Type") or "string") for c in described or [])


def _view(database: str, name: str, raw: dict[str, Any]) -> View:
    found = _PRESTO_VIEW.search(raw.get("ViewOriginalText") or "")
    try:
        stored = json.loads(base64.b64decode(found[1])) if found else None
    except ValueError:
        stored = None
    if stored is None:
        raise QueryFailed(
            f"INVALID_VIEW: line 1:1: View '{database}.{name}' is not a Presto view: its text must "
            "be /* Presto View: <base64 of JSON> */"
        )
    return View(
        database,
        name,
        stored["originalSql"],
        (stored.get("schema") or database).lower(),
        tuple(Column(c["name"], c["type"]) for c in stored["columns"]),
    )


def presto_view(sql: str, schema: str, columns: list[Column]) -> str:
    """The text that Glue keeps of a view."""
    stored = {
        "originalSql": sql,
        "catalog": "awsdatacatalog",
        "schema": schema,
        "columns": [{"name": c.name, "type": c.type} for c in columns],
    }
    return f"/* Presto View: {base64.b64encode(json.dumps(stored).encode()).decode()} */"
