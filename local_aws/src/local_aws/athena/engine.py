"""Runs one query: resolve, plan, fetch what the plan reads, run, print."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any

import duckdb
from sqlglot import exp

from local_aws.athena import dialect, pruning, storage
from local_aws.athena.errors import QueryCancelled, from_duckdb
from local_aws.athena.formatting import Result, printer
from local_aws.athena.hive import answer_type
from local_aws.athena.partitions import Partition, partitions_of
from local_aws.athena.resolve import Resolver

_UNNAMED = "_unnamed_"


def connect() -> duckdb.DuckDBPyConnection:
    """A database of its own, which sees no file of the machine but the copies of objects."""
    connection = duckdb.connect(
        config={
            "threads": min(4, os.cpu_count() or 1),
            "autoinstall_known_extensions": "false",
            "autoload_known_extensions": "false",
        }
    )
    root = str(storage.scratch()).replace("'", "''")
    connection.execute(
        "SET TimeZone = 'UTC'; SET integer_division = true; SET preserve_insertion_order = true; "
        f"SET allowed_directories = ['{root}/']; SET enable_external_access = false; "
        "SET parquet_metadata_cache = true"
    )
    return connection


def run_query(
    query: exp.Expression,
    sql: str,
    schema: str,
    *,
    limit: int | None = None,
    started: Callable[[duckdb.DuckDBPyConnection], None] = lambda connection: None,
) -> Result:
    """Run a SELECT.

    ``limit`` is the workgroup's BytesScannedCutoffPerQuery; ``started`` gets the connection, to
    interrupt it.

    Raises:
        QueryFailed, QueryCancelled: with the reason.
    """
    dialect.check_functions(sql)
    now = datetime.now(UTC)
    with connect() as connection:
        started(connection)
        try:
            return _run(connection, query, sql, schema, now, limit)
        except duckdb.InterruptException as error:
            raise QueryCancelled("Query was cancelled by user") from error
        except duckdb.Error as error:
            raise from_duckdb(error, sql) from error


def _run(
    connection: duckdb.DuckDBPyConnection,
    query: exp.Expression,
    sql: str,
    schema: str,
    now: datetime,
    limit: int | None,
) -> Result:
    resolver = Resolver(connection, now, sql)
    _name_columns(query)
    translated = resolver.query(query, schema)
    scanned = _provide(connection, resolver, translated, now) if resolver.tables else 0
    if limit is not None and scanned > limit:
        raise QueryCancelled("Bytes scanned limit was exceeded", scanned)
    bound = connection.sql(translated)
    kinds = bound.types
    cursor = connection.execute(_fetchable(translated, kinds))
    printers = [printer(kind) for kind in kinds]
    rows = [
        [None if v is None else p(v) for p, v in zip(printers, row, strict=True)]
        for row in cursor.fetchall()
    ]
    names = [
        f"_col{i}" if name.startswith(_UNNAMED) else name for i, name in enumerate(bound.columns)
    ]
    return Result(names, [answer_type(kind) for kind in kinds], rows, scanned)


def _provide(
    connection: duckdb.DuckDBPyConnection, resolver: Resolver, translated: str, now: datetime
) -> int:
    """Put what the query reads into its relations; returns how many bytes that is on S3."""
    scans = pruning.scans(connection, translated)
    partitions: dict[str, list[Partition]] = {}
    scanned = 0
    for relation, table in resolver.tables.items():
        scan = scans.get(relation)
        if scan is None:  # The plan needs nothing of it: LIMIT 0, WHERE false.
            continue
        label = f"{table.database}.{table.name}"
        if label not in partitions:
            partitions[label] = partitions_of(table, now)
        kept = pruning.surviving(connection, table, partitions[label], scan)
        files = storage.files_of(table, kept)
        if not files:
            continue
        scanned += storage.bytes_read(connection, table, kept, files, scan.columns)
        source = storage.relation(connection, table, files)
        connection.execute(f"DROP TABLE {relation}; CREATE VIEW {relation} AS {source}")
    return scanned


def _name_columns(query: exp.Expression) -> None:
    """Mark the columns that have no name: Athena calls them by their position."""
    select: Any = query
    while isinstance(select, exp.SetOperation | exp.Subquery):
        select = select.this
    if isinstance(select, exp.Select):
        for i, projection in enumerate(select.expressions):
            if isinstance(projection, exp.Dot):
                projection.replace(exp.alias_(projection.copy(), projection.name, quoted=True))
            elif not isinstance(projection, exp.Alias | exp.Star | exp.Column):
                projection.replace(exp.alias_(projection.copy(), f"{_UNNAMED}{i}"))


def _fetchable(sql: str, kinds: Sequence[Any]) -> str:
    """The query with moments in a zone as moments in UTC: for others the client lacks a package."""
    if not any("WITH TIME ZONE" in str(kind) for kind in kinds):
        return sql
    parts = [
        f"CAST(c{i} AS {str(kind).replace(' WITH TIME ZONE', '')}) AS c{i}"
        if "WITH TIME ZONE" in str(kind)
        else f"c{i}"
        for i, kind in enumerate(kinds)
    ]
    names = ", ".join(f"c{i}" for i in range(len(kinds)))
    return f"SELECT {', '.join(parts)} FROM ({sql}) AS result_({names})"
