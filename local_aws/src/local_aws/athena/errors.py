"""Why a query failed, in Athena's words."""

from __future__ import annotations

import re

import duckdb

from local_aws.athena.functions import TRINO_FUNCTIONS


class QueryFailed(Exception):
    """A failed query: the text is its StateChangeReason (``CODE: line 1:8: message``)."""


class QueryCancelled(Exception):
    """A query that its caller or a limit of its workgroup ended."""

    def __init__(self, reason: str, scanned: int = 0) -> None:
        super().__init__(reason)
        self.scanned = scanned


class MalformedQuery(Exception):
    """A query that Athena refuses when it is submitted."""


_UNRESOLVED = (
    r'Referenced column "([^"]+)" (?:was )?not found',
    r'does not have a column named "([^"]+)"',
    r'Could not find key "([^"]+)" in struct',
    r'column "([^"]+)" not found',
    r'Referenced table "([^"]+)" not found',
)
_BY_CLASS: tuple[tuple[type[Exception], str], ...] = (
    (duckdb.ConversionException, "INVALID_CAST_ARGUMENT"),
    (duckdb.OutOfRangeException, "NUMERIC_VALUE_OUT_OF_RANGE"),
    (duckdb.ParserException, "SYNTAX_ERROR"),
    (duckdb.BinderException, "TYPE_MISMATCH"),
    (duckdb.NotImplementedException, "NOT_SUPPORTED"),
    (duckdb.InvalidInputException, "INVALID_FUNCTION_ARGUMENT"),
)


def position_of(name: str, sql: str) -> str:
    """``line 1:8: ``, where the name stands in the query; 1:1 when it does not."""
    found = re.search(rf"(?<!\w){re.escape(name)}(?!\w)", sql, re.IGNORECASE)
    before = sql[: found.start()] if found else ""
    return f"line {before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}: "


def column_not_found(name: str, sql: str) -> QueryFailed:
    return QueryFailed(
        f"COLUMN_NOT_FOUND: {position_of(name, sql)}Column '{name}' cannot be resolved or "
        "requester is not authorized to access requested resources"
    )


def from_duckdb(error: duckdb.Error, sql: str) -> QueryFailed:
    """The failure that Athena would report for what DuckDB says about the translated query."""
    text = str(error)
    first = text.split("\n\n")[0].replace("\n", " ").strip()
    for pattern in _UNRESOLVED:
        if found := re.search(pattern, text):
            return column_not_found(found[1], sql)
    if found := re.search(r"Function with name \"?(\w+)\"? does not exist", text):
        if found[1].lower() in TRINO_FUNCTIONS:
            return QueryFailed(f"NOT_SUPPORTED: the local AWS lacks the function {found[1]}")
        return QueryFailed(
            f"FUNCTION_NOT_FOUND: {position_of(found[1], sql)}Function '{found[1]}' not registered"
        )
    if "must appear in the GROUP BY clause" in text or "without aggregation" in text:
        return QueryFailed(f"EXPRESSION_NOT_AGGREGATE: line 1:8: {first}")
    if "Ambiguous reference" in text:
        return QueryFailed(f"AMBIGUOUS_NAME: line 1:8: {first}")
    if "Division by zero" in text or "division by zero" in text:
        return QueryFailed("DIVISION_BY_ZERO: Division by zero")
    code = next((code for kind, code in _BY_CLASS if isinstance(error, kind)), None)
    return QueryFailed(f"{code or 'GENERIC_USER_ERROR'}: {first}")
