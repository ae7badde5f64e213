"""What Athena runs: queries, and the creation of views."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
from ministack.services import glue
from sqlglot import exp

from local_aws.athena import dialect, engine
from local_aws.athena.access import require_catalog
from local_aws.athena.catalog import Column, presto_view
from local_aws.athena.errors import MalformedQuery, QueryFailed, from_duckdb
from local_aws.athena.formatting import Result
from local_aws.athena.hive import hive_type, trino_type
from local_aws.athena.resolve import Resolver

Started = Callable[[duckdb.DuckDBPyConnection], None]

_NAME = r'[`"]?(\w[\w-]*)[`"]?'
_DOTTED = rf"(?:{_NAME}\.)?{_NAME}"
_VIEW = re.compile(
    rf"\s*CREATE\s+(OR\s+REPLACE\s+)?VIEW\s+(?:awsdatacatalog\.)?{_DOTTED}\s+AS\s+(.*)", re.I | re.S
)


@dataclass(frozen=True)
class Statement:
    """A parsed statement; ``kind`` is the API's StatementType."""

    sql: str
    kind: str
    tree: exp.Expression | None  # None: by its text


def parse(sql: str) -> Statement:
    """Raises MalformedQuery for what Athena refuses at submission."""
    sql = sql.strip().rstrip(";").strip()
    if not sql:
        raise MalformedQuery("Query string is empty")
    bare = re.sub(r"--[^\n]*|/\*.*?\*/", " ", sql, flags=re.S).strip()
    first = bare.split(None, 1)[0].upper() if bare else ""
    if first in ("SELECT", "WITH", "VALUES", "TABLE") or first.startswith("("):
        return Statement(sql, "DML", dialect.parse(sql))
    if first in ("CREATE", "DROP", "ALTER", "MSCK"):
        return Statement(sql, "DDL", None)
    if first in ("SHOW", "DESCRIBE", "DESC", "EXPLAIN"):
        return Statement(sql, "UTILITY", None)
    if first in ("INSERT", "UNLOAD", "EXECUTE", "DELETE", "UPDATE", "MERGE", "PREPARE"):
        return Statement(sql, "DML", None)
    raise MalformedQuery(f"line 1:1: mismatched input '{first.lower()}'")


def run(
    statement: Statement, database: str, parameters: list[str], limit: int | None, started: Started
) -> Result:
    """Raises QueryFailed or QueryCancelled, with the reason."""
    if statement.tree is not None:
        query = dialect.with_parameters(statement.tree, parameters)
        return engine.run_query(query, statement.sql, database, limit=limit, started=started)
    if created := _VIEW.match(statement.sql):
        replace, schema, name, query_text = created.groups()
        return _create_view(schema or database, name, query_text, bool(replace), database)
    words = " ".join(statement.sql.split()[:3])
    raise QueryFailed(f"NOT_SUPPORTED: the local AWS does not run this statement: {words} …")


# -- views -------------------------------------------------------------------------------


def _create_view(schema: str, name: str, sql: str, replace: bool, database: str) -> Result:
    schema, name = schema.lower(), name.lower()
    existing = glue._tables.get(f"{schema}/{name}")
    require_catalog("glue:UpdateTable" if existing else "glue:CreateTable", schema, name)
    if schema not in glue._databases:
        raise QueryFailed(f"SCHEMA_NOT_FOUND: line 1:1: Schema '{schema}' does not exist")
    if existing and not replace:
        raise QueryFailed(
            f"ALREADY_EXISTS: line 1:1: View already exists: 'awsdatacatalog.{schema}.{name}'"
        )
    if existing and existing.get("TableType") != "VIRTUAL_VIEW":
        raise QueryFailed(
            f"ALREADY_EXISTS: line 1:1: Table already exists: 'awsdatacatalog.{schema}.{name}'"
        )
    try:
        tree = dialect.parse(sql)
    except MalformedQuery as error:
        raise QueryFailed(f"SYNTAX_ERROR: {error}") from error
    dialect.check_functions(sql)
    with engine.connect() as connection:
        try:
            translated = Resolver(connection, datetime.now(UTC), sql).query(tree, database)
            described = connection.execute(f"SELECT * FROM ({translated}) LIMIT 0").description
        except duckdb.Error as error:
            raise from_duckdb(error, sql) from error
    columns = [Column(column[0].lower(), trino_type(column[1])) for column in described]
    view = {
        "Name": name,
        "TableType": "VIRTUAL_VIEW",
        "Parameters": {"presto_view": "true", "comment": "Presto View"},
        "PartitionKeys": [],
        "StorageDescriptor": {
            "Columns": [{"Name": c[0].lower(), "Type": hive_type(c[1])} for c in described],
            "Location": "",
            "SerdeInfo": {},
        },
        "ViewOriginalText": presto_view(sql, database, columns),
        "ViewExpandedText": "/* Presto View */",
    }
    change = glue._update_table if existing else glue._create_table
    _accepted(change({"DatabaseName": schema, "TableInput": view}))
    return Result([], [], [])


def _accepted(answer: tuple[int, Any, bytes | str]) -> None:
    if answer[0] >= 300:
        raise QueryFailed(f"GENERIC_USER_ERROR: {json.loads(answer[2]).get('message')}")
