"""Types in the three notations: Hive's in Glue, Trino's in views and answers, DuckDB's."""

from __future__ import annotations

from typing import Any

from ministack.services import firehose
from sqlglot import exp

_TRINO = {
    "boolean": "boolean",
    "tinyint": "tinyint",
    "smallint": "smallint",
    "integer": "integer",
    "bigint": "bigint",
    "hugeint": "bigint",
    "utinyint": "smallint",
    "usmallint": "integer",
    "uinteger": "bigint",
    "ubigint": "bigint",
    "float": "real",
    "double": "double",
    "varchar": "varchar",
    "blob": "varbinary",
    "date": "date",
    "time": "time(3)",
    "timestamp": "timestamp(3)",
    "timestamp_ms": "timestamp(3)",
    "timestamp_s": "timestamp(3)",
    "timestamp_ns": "timestamp(9)",
    "timestamp with time zone": "timestamp(3) with time zone",
    "interval": "interval day to second",
    "uuid": "uuid",
    "null": "unknown",
}
_HIVE = {"integer": "int", "real": "float", "varchar": "string", "varbinary": "binary"}


def duckdb_type(hive: str) -> str:
    """``array<struct<a:int>>`` as ``STRUCT("a" INTEGER)[]``."""
    return str(firehose._hive_to_duckdb_type(hive))


def duckdb_type_of_trino(trino: str) -> str:
    """``row(a bigint)`` as ``STRUCT(a BIGINT)``."""
    data_type = exp.DataType.build(trino, dialect="trino")
    return without_precision(data_type).sql("duckdb")


def without_precision(data_type: exp.DataType) -> exp.DataType:
    """``timestamp(3)`` as ``timestamp``: DuckDB has another type for each precision."""
    for node in data_type.find_all(exp.DataType):
        if node.this in (exp.DType.TIMESTAMP, exp.DType.TIMESTAMPTZ, exp.DType.TIME):
            node.set("expressions", None)
        elif node.this in (exp.DType.VARCHAR, exp.DType.CHAR):
            node.replace(exp.DataType.build("varchar")) if node.parent else None
            node.set("expressions", None)
    return data_type


def children(duck: Any) -> list[tuple[str, Any]]:
    return (
        list(duck.children)
        if duck.id in ("list", "array", "struct", "tuple", "map", "decimal")
        else []
    )


def trino_type(duck: Any) -> str:
    """The Trino notation of a type as DuckDB's Python client describes it."""
    parts = children(duck)
    match duck.id:
        case "list" | "array":
            return f"array({trino_type(parts[0][1])})"
        case "map":
            return f"map({trino_type(parts[0][1])}, {trino_type(parts[1][1])})"
        case "struct" | "tuple":
            return "row(" + ", ".join(f'"{n}" {trino_type(t)}' for n, t in parts) + ")"
        case "decimal":
            return f"decimal({parts[0][1]},{parts[1][1]})"
    return _TRINO.get(duck.id, "varchar")


def hive_type(duck: Any) -> str:
    """The Hive notation, which Glue keeps of a view's columns."""
    parts = children(duck)
    match duck.id:
        case "list" | "array":
            return f"array<{hive_type(parts[0][1])}>"
        case "map":
            return f"map<{hive_type(parts[0][1])},{hive_type(parts[1][1])}>"
        case "struct":
            return "struct<" + ",".join(f"{n}:{hive_type(t)}" for n, t in parts) + ">"
    name = trino_type(duck)
    return _HIVE.get(name, "timestamp" if name.startswith("timestamp") else name)


def answer_type(duck: Any) -> str:
    """The type as GetQueryResults names it: without precision and parts."""
    name = trino_type(duck)
    if name.startswith("timestamp"):
        return "timestamp with time zone" if name.endswith("zone") else "timestamp"
    return {"real": "float"}.get(name.split("(")[0], name.split("(")[0])
