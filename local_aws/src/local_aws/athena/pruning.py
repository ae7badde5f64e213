"""What a query reads of each table: DuckDB's optimizer tells, by the plan on empty tables."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

import duckdb
import sqlglot
from sqlglot import exp
from sqlglot.errors import SqlglotError

from local_aws.athena.catalog import Table
from local_aws.athena.hive import duckdb_type
from local_aws.athena.partitions import Partition

# Optimizers that conclude from the tables being empty, or read one table for another.
_BLIND = (
    "statistics_propagation,common_subplan,empty_result_pullup,join_order,"
    "build_side_probe_side,late_materialization,compressed_materialization"
)


@dataclass
class Scan:
    """Columns (``a.b`` is a field of a row), and the conditions of each time it is read."""

    columns: set[str] = field(default_factory=set)
    conditions: list[list[str]] = field(default_factory=list)


def scans(connection: duckdb.DuckDBPyConnection, sql: str) -> dict[str, Scan]:
    """By table name, what the query reads of it."""
    connection.execute(f"SET disabled_optimizers = '{_BLIND}'")
    try:
        rows = connection.execute(f"EXPLAIN (FORMAT json) {_movable(sql)}").fetchall()
    finally:
        connection.execute("RESET disabled_optimizers")
    found: dict[str, Scan] = {}

    def walk(node: dict[str, Any], filters: list[str]) -> None:
        extra = node.get("extra_info") or {}
        name = node["name"].strip()
        if name == "SEQ_SCAN":
            scan = found.setdefault(extra["Table"].rsplit(".", 1)[-1].strip('"'), Scan())
            scan.columns.update(_texts(extra.get("Projections")))
            own = _texts(extra.get("Filters"))
            scan.conditions.append([*filters, *own])
            for text in own:  # What only they need is not among the projections.
                scan.columns.update(_named(text))
        # Only what stands directly above the scan speaks of its columns.
        below = [*filters, *_texts(extra.get("Expression"))] if name == "FILTER" else []
        for child in node["children"]:
            walk(child, below)

    for node in json.loads(rows[0][1]):
        walk(node, [])
    return found


def _movable(sql: str) -> str:
    """The query with functions whose conditions DuckDB moves below windows, as Trino does.

    DuckDB moves none that can fail.
    """
    return re.sub(
        r"('(?:[^']|'')*')|(?<!\w)STRPTIME\(",
        lambda found: found[1] or "TRY_STRPTIME(",
        sql,
        flags=re.IGNORECASE,
    )


def _named(condition: str) -> list[str]:
    """The paths in a condition; whether they are columns is for the reader to know."""
    bare = re.sub(r"'(?:[^']|'')*'", "", condition)
    return re.findall(r"(?<![\w.])[A-Za-z_]\w*(?:\.\w+)*(?![\w.(])", bare)


def _texts(value: Any) -> list[str]:
    texts = value if isinstance(value, list) else [value] if value else []
    return [text.removeprefix("optional: ") for text in texts]


def surviving(
    connection: duckdb.DuckDBPyConnection, table: Table, partitions: list[Partition], scan: Scan
) -> list[Partition]:
    """The partitions that no condition of the query excludes."""
    if not table.keys or not partitions:
        return partitions
    names = {key.name for key in table.keys}
    alternatives = []
    for conditions in scan.conditions:
        known = [c for text in conditions if (c := _on_partitions(text, names)) is not None]
        if not known:
            return partitions
        alternatives.append(exp.and_(*known))
    if not alternatives:
        return partitions
    lists = ", ".join(
        f'unnest(CAST(? AS {duckdb_type(key.type)}[])) AS "{key.name}"' for key in table.keys
    )
    values = [[p.values[i] for p in partitions] for i in range(len(table.keys))]
    condition = exp.or_(*alternatives).sql("duckdb").replace("TRY_STRPTIME(", "STRPTIME(")
    try:
        kept = connection.execute(
            f"SELECT i_ FROM (SELECT unnest(range({len(partitions)})) AS i_, {lists}) "
            f"WHERE {condition}",
            values,
        ).fetchall()
    except duckdb.Error:
        # The optimizer's notation of a condition is not always SQL; a value may not be a date.
        return partitions
    return [partitions[i] for (i,) in kept]


def _on_partitions(text: str, names: set[str]) -> exp.Expr | None:
    """What a condition demands of the partition alone; None when that is nothing."""
    try:
        condition = sqlglot.parse_one(text, read="duckdb")
    except SqlglotError:
        return None
    return _weakened(condition, names)


def _weakened(node: Any, names: set[str]) -> exp.Expr | None:
    match node:
        case exp.Paren():
            return _weakened(node.this, names)
        case exp.And():
            parts = [_weakened(node.this, names), _weakened(node.expression, names)]
            known = [p for p in parts if p is not None]
            return exp.and_(*known) if known else None
        case exp.Or():
            left, right = _weakened(node.this, names), _weakened(node.expression, names)
            return exp.or_(left, right) if left is not None and right is not None else None
    columns = list(node.find_all(exp.Column))
    if columns and all(c.name.lower() in names and not c.table for c in columns):
        return exp.paren(node.copy())
    return None
