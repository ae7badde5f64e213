"""What Athena runs: queries, and the statements about the catalog."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb
from ministack.services import athena, glue
from sqlglot import exp

from local_aws.athena import dialect, engine
from local_aws.athena.access import require_catalog
from local_aws.athena.catalog import Column, View, presto_view, table_or_view
from local_aws.athena.errors import MalformedQuery, QueryFailed, from_duckdb
from local_aws.athena.formatting import Result
from local_aws.athena.hive import hive_type, trino_type
from local_aws.athena.partitions import partitions_of
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
        ddl = athena._parse_ddl(sql)
        if isinstance(ddl, athena._CreateTable) and not ddl.external and not ddl.iceberg:
            raise MalformedQuery("External keyword required for table type HIVE")
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
    for pattern, action in _STATEMENTS:
        if found := re.fullmatch(pattern, statement.sql, re.I | re.S):
            return action(database, *found.groups())
    ddl = athena._parse_ddl(statement.sql)
    if ddl is not None:
        return _table_ddl(ddl, database)
    words = " ".join(statement.sql.split()[:3])
    raise QueryFailed(f"NOT_SUPPORTED: the local AWS does not run this statement: {words} …")


def _text(lines: list[str], column: str = "result") -> Result:
    return Result([column], ["string"], [[line] for line in lines])


def _nothing() -> Result:
    return Result([], [], [])


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
    return _nothing()


def _accepted(answer: tuple[int, Any, bytes | str]) -> None:
    if answer[0] >= 300:
        raise QueryFailed(f"GENERIC_USER_ERROR: {json.loads(answer[2]).get('message')}")


def _drop_view(database: str, if_exists: str | None, schema: str | None, name: str) -> Result:
    schema, name = (schema or database).lower(), name.lower()
    require_catalog("glue:DeleteTable", schema, name)
    found = glue._tables.get(f"{schema}/{name}")
    if found is None or found.get("TableType") != "VIRTUAL_VIEW":
        if if_exists:
            return _nothing()
        raise QueryFailed(
            f"TABLE_NOT_FOUND: line 1:1: View 'awsdatacatalog.{schema}.{name}' does not exist"
        )
    _accepted(glue._delete_table({"DatabaseName": schema, "Name": name}))
    return _nothing()


def _show_create_view(database: str, schema: str | None, name: str) -> Result:
    view = table_or_view(schema or database, name, name)
    if not isinstance(view, View):
        raise QueryFailed(f"NOT_SUPPORTED: {view.database}.{view.name} is not a view")
    lines = f"CREATE VIEW {view.database}.{view.name} AS\n{view.sql}".splitlines()
    return _text(lines, "Create View")


# -- tables ------------------------------------------------------------------------------


def _table_ddl(ddl: Any, database: str) -> Result:
    schema = (ddl.database or database).lower()
    dropped = isinstance(ddl, athena._DropTable)
    require_catalog("glue:DeleteTable" if dropped else "glue:CreateTable", schema, ddl.table)
    try:
        athena._run_ddl(ddl, database)
    except ValueError as error:
        raise QueryFailed(f"FAILED: SemanticException {error}") from error
    return _nothing()


def _show_databases(database: str) -> Result:
    require_catalog("glue:GetDatabases", "*")
    return _text(sorted(glue._databases), "database_name")


def _listed(database: str, schema: str | None, views: bool) -> list[str]:
    schema = (schema or database).lower()
    require_catalog("glue:GetTables", schema, "*")
    if schema not in glue._databases:
        raise QueryFailed(
            f"FAILED: SemanticException [Error 10072]: Database does not exist: {schema}"
        )
    return sorted(
        key.split("/", 1)[1]
        for key, table in glue._tables.items()
        if key.startswith(f"{schema}/") and (not views or table.get("TableType") == "VIRTUAL_VIEW")
    )


def _show_tables(database: str, schema: str | None, pattern: str | None) -> Result:
    names = _listed(database, schema, views=False)
    wanted = re.compile((pattern or "*").replace("*", ".*"), re.I)
    return _text([n for n in names if wanted.fullmatch(n)], "tab_name")


def _show_views(database: str, schema: str | None) -> Result:
    return _text(_listed(database, schema, views=True), "views")


def _columns(schema: str, name: str) -> list[tuple[str, str, bool]]:
    """Name, type and whether it is a partition's."""
    found = table_or_view(schema, name, name)
    if isinstance(found, View):
        return [(c.name, c.type, False) for c in found.columns]
    parts = [(c.name, c.type, False) for c in found.columns]
    return parts + [(c.name, c.type, True) for c in found.keys]


def _show_columns(database: str, own: str | None, name: str, schema: str | None) -> Result:
    return _text([n for n, _, _ in _columns(own or schema or database, name)], "field")


def _describe(database: str, schema: str | None, name: str) -> Result:
    columns = _columns(schema or database, name)
    lines = [f"{n:<20}\t{t:<20}\t{'':<20}" for n, t, _ in columns]
    keys = [line for line, column in zip(lines, columns, strict=True) if column[2]]
    if keys:
        head = f"{'# col_name':<20}\t{'data_type':<20}\t{'comment':<20}"
        lines += ["", "# Partition Information", head, "", *keys]
    return _text(lines, "col_name")


def _show_partitions(database: str, schema: str | None, name: str) -> Result:
    table = table_or_view(schema or database, name, name)
    if isinstance(table, View) or not table.keys:
        raise QueryFailed(f"FAILED: Execution Error: Table {name} is not a partitioned table")
    if table.parameters.get("projection.enabled", "").lower() == "true":
        return _text([], "partition")  # Glue has none of them.
    lines = [
        "/".join(f"{k.name}={v}" for k, v in zip(table.keys, p.values, strict=True))
        for p in partitions_of(table, datetime.now(UTC))
    ]
    return _text(sorted(lines), "partition")


_STATEMENTS: tuple[tuple[str, Callable[..., Result]], ...] = (
    (rf"DROP\s+VIEW\s+(IF\s+EXISTS\s+)?{_DOTTED}", _drop_view),
    (rf"SHOW\s+CREATE\s+VIEW\s+{_DOTTED}", _show_create_view),
    (r"SHOW\s+(?:DATABASES|SCHEMAS)", _show_databases),
    (rf"SHOW\s+TABLES(?:\s+(?:IN|FROM)\s+{_NAME})?(?:\s+'([^']*)')?", _show_tables),
    (rf"SHOW\s+VIEWS(?:\s+(?:IN|FROM)\s+{_NAME})?", _show_views),
    (rf"SHOW\s+COLUMNS\s+(?:IN|FROM)\s+{_DOTTED}(?:\s+(?:IN|FROM)\s+{_NAME})?", _show_columns),
    (rf"SHOW\s+PARTITIONS\s+{_DOTTED}", _show_partitions),
    (rf"(?:DESCRIBE|DESC)\s+(?:FORMATTED\s+|EXTENDED\s+)?{_DOTTED}", _describe),
)
