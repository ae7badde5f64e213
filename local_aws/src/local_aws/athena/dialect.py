"""Trino's SQL as DuckDB's: what sqlglot's own translation leaves different.

Everything here looks at one expression at a time; table names are the business of ``resolve``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import datetime
from typing import cast

import sqlglot
from sqlglot import exp
from sqlglot.errors import ParseError, TokenError
from sqlglot.tokens import Token, TokenType  # type: ignore[attr-defined]  # not re-exported

from local_aws.athena.errors import MalformedQuery, QueryFailed
from local_aws.athena.functions import TRINO_FUNCTIONS
from local_aws.athena.hive import without_precision

# Functions of Trino that DuckDB, or sqlglot's translation, computes in another way: refused. What
# DuckDB lacks altogether is refused when it is bound.
_DIFFERENT = frozenset(
    {
        *("array_join", "array_position", "slice", "reduce", "zip", "zip_with", "split_to_map"),
        *("all_match", "any_match", "none_match", "arrays_overlap", "array_union"),
        *("at_timezone", "with_timezone", "millisecond", "format_datetime", "parse_datetime"),
        *("to_iso8601", "year_of_week", "yow", "json_array_get", "json_extract"),
        *("json_extract_scalar", "json_format", "json_parse", "json_size", "is_json_scalar"),
        *("map_filter", "transform_keys", "transform_values", "format", "regexp_replace"),
        *("typeof", "nan", "infinity", "from_iso8601_date", "array_frequency", "every"),
    }
)


def parse(sql: str) -> exp.Expression:
    """The query's syntax tree.

    Raises:
        MalformedQuery: it is not one statement, or not Athena's SQL.
    """
    try:
        statements = [s for s in sqlglot.parse(sql, read="athena") if s is not None]
    except ParseError as error:
        at = error.errors[0] if error.errors else {}
        position = f"line {at.get('line', 1)}:{at.get('col', 1)}: "
        near = at.get("highlight") or ""
        raise MalformedQuery(
            f"{position}mismatched input '{near}'. {at.get('description')}"
        ) from error
    except TokenError as error:
        raise MalformedQuery(f"line 1:1: {str(error).splitlines()[0]}") from error
    if len(statements) != 1:
        raise MalformedQuery("Only one sql statement is allowed. Got: " + sql.strip())
    return cast(exp.Expression, statements[0])


def check_functions(sql: str) -> None:
    """Raises QueryFailed for a function that Trino, or this emulation, does not have."""
    tokens = sqlglot.tokenize(sql, read="trino")
    for before, token, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
        if after.token_type is not TokenType.L_PAREN or not re.fullmatch(r"\w+", token.text):
            continue
        named = before is not None and (
            before.token_type in (TokenType.ALIAS, TokenType.VAR, TokenType.R_PAREN, TokenType.DOT)
            or before.text.lower() in ("with", "view", "table", "into")
        )
        is_name = token.token_type in (TokenType.VAR,) or token.text.lower() in _DUCKDB_KEYWORDS
        if named or _is_column_list(tokens, after):
            continue
        if token.text.lower() in ("date_format", "date_parse"):
            _check_date_format(tokens, after)
        if token.text.lower() in _DIFFERENT:
            raise QueryFailed(
                f"NOT_SUPPORTED: the local AWS lacks the function {token.text.lower()}"
            )
        if is_name and token.text.lower() not in TRINO_FUNCTIONS:
            raise QueryFailed(
                f"FUNCTION_NOT_FOUND: line {token.line}:{token.col - len(token.text) + 1}: "
                f"Function '{token.text.lower()}' not registered"
            )


_DUCKDB_KEYWORDS = frozenset({"list", "struct", "struct_pack", "unhex"})


# Trino: "Date and time functions", MySQL date functions.
_UNSUPPORTED_IN_FORMATS = re.compile(r"%(?:%|([DUuVwX]))")


def _check_date_format(tokens: Sequence[Token], opening: object) -> None:
    """Refuse a format with a specifier that Trino's date_format and date_parse do not have."""
    at, depth, last = next(i for i, token in enumerate(tokens) if token is opening), 0, ""
    for token in tokens[at:]:
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(token.token_type, 0)
        if depth == 0:
            break
        if depth == 1 and token.token_type is TokenType.STRING:
            last = token.text
    for found in _UNSUPPORTED_IN_FORMATS.finditer(last):
        if found[1]:
            raise QueryFailed(
                f"INVALID_FUNCTION_ARGUMENT: %{found[1]} not supported in date format string"
            )


def _is_column_list(tokens: Sequence[Token], opening: object) -> bool:
    """Whether the parenthesis names a common table expression's columns: ``x(a, b) AS (``."""
    at = next(i for i, token in enumerate(tokens) if token is opening)
    for i in range(at, len(tokens)):
        if tokens[i].token_type is TokenType.R_PAREN:
            return [t.token_type for t in tokens[i + 1 : i + 3]] == [
                TokenType.ALIAS,
                TokenType.L_PAREN,
            ]
    return False


def with_parameters(query: exp.Expression, values: Sequence[str]) -> exp.Expression:
    """The query with its question marks replaced by the execution parameters (SQL literals)."""
    marks = list(query.find_all(exp.Placeholder))
    if len(marks) != len(values):
        raise QueryFailed(
            f"INVALID_PARAMETER_USAGE: line 1:1: Incorrect number of parameters: expected "
            f"{len(marks)} but found {len(values)}"
        )
    # The tree does not tell the order of its parts in the text: conditions joined by AND are nested
    # from the last to the first. The text that it is written as does.
    named = {f"parameter{number}of{len(marks)}": mark for number, mark in enumerate(marks)}
    stands = {name: exp.Var(this=name) for name in named}
    for name, mark in named.items():
        mark.replace(stands[name])
    text = query.sql("athena")
    for name, value in zip(sorted(stands, key=text.index), values, strict=True):
        stands[name].replace(parse_expression(value))
    return query


def parse_expression(text: str) -> exp.Expression:
    try:
        return cast(
            exp.Expression, sqlglot.parse_one(f"SELECT {text}", read="athena").expressions[0]
        )
    except (ParseError, TokenError) as error:
        raise QueryFailed(f"INVALID_PARAMETER_USAGE: {text} is not a literal") from error


def to_duckdb(query: exp.Expression, now: datetime) -> exp.Expression:
    """The tree with Trino's functions replaced by what DuckDB computes the same with."""

    holder = exp.Paren(this=_with_clock(query, now))
    for node in reversed(list(holder.this.dfs())):  # what is inside first
        rule = _RULES.get(type(node))
        if rule and (translated := rule(cast(exp.Expression, node))) is not node:
            node.replace(translated)
    return cast(exp.Expression, holder.this)


def _with_clock(query: exp.Expression, now: datetime) -> exp.Expression:
    """One moment for the whole query, and constants: they can select partitions."""
    stamp = now.isoformat(sep=" ", timespec="milliseconds").removesuffix("+00:00")

    def constant(node: exp.Expression) -> exp.Expression:
        match node:
            case exp.CurrentTimestamp():
                return _cast(f"{stamp}+00", "timestamptz")
            case exp.Localtimestamp():
                return _cast(stamp, "timestamp")
            case exp.CurrentDate():
                return _cast(stamp[:10], "date")
            case exp.CurrentTime() | exp.Localtime():
                return _cast(stamp[11:], "time")
        return node

    return query.transform(constant, copy=False)


def _cast(text: str, kind: str) -> exp.Expression:
    return exp.cast(exp.Literal.string(text), kind)


def sql_of(node: exp.Expression) -> str:
    return node.sql("duckdb")


def duck(template: str, **parts: exp.Expression) -> exp.Expression:
    """DuckDB's SQL with ``:name`` replaced by expressions."""
    tree = sqlglot.parse_one(template, read="duckdb")
    for placeholder in list(tree.find_all(exp.Placeholder)):
        replacement = parts[placeholder.name].copy()
        if placeholder is tree:
            return replacement
        placeholder.replace(replacement)
    return cast(exp.Expression, tree)


def _call(name: str, *arguments: exp.Expression) -> exp.Expression:
    return exp.Anonymous(this=name, expressions=list(arguments))


# -- single expressions ------------------------------------------------------------------


def _date_diff(node: exp.Expression) -> exp.Expression:
    # Trino counts whole units that have passed, DuckDB's date_diff boundaries that were crossed.
    unit = exp.Literal.string(str(node.args["unit"].name).lower())
    return _call("date_sub", unit, node.expression, node.this)


def _date_arithmetic(node: exp.Expression) -> exp.Expression:
    # A date moved by whole days is a date in Trino and a timestamp in DuckDB.
    if _is_date(node.this) and not isinstance(node.parent, exp.Cast):
        unit = node.args.get("unit") or getattr(node.expression, "unit", None)
        if str(getattr(unit, "name", unit)).lower() in ("day", "week", "month", "quarter", "year"):
            return exp.cast(node.copy(), "date")
    return node


def _is_date(node: exp.Expression | None) -> bool:
    if isinstance(node, exp.Paren):
        return _is_date(node.this)
    return isinstance(node, exp.Date | exp.LastDay) or (
        isinstance(node, exp.Cast) and node.to.this == exp.DType.DATE
    )


def _by_extreme(name: str) -> Callable[[exp.Expression], exp.Expression]:
    def rule(node: exp.Expression) -> exp.Expression:
        if node.args.get("count"):
            return node
        return _call(name, node.this, node.expression)

    return rule


def _regexp_extract(node: exp.Expression) -> exp.Expression:
    # Null where nothing matches; DuckDB's is an empty string.
    parts = {"text": node.this, "pattern": node.expression}
    group = node.args.get("group")
    return duck(
        "CASE WHEN regexp_matches(:text, :pattern) "
        f"THEN regexp_extract(:text, :pattern{', :group' if group else ''}) END",
        **parts,
        **({"group": group} if group else {}),
    )


def _from_unixtime(node: exp.Expression) -> exp.Expression:
    return _call("to_timestamp", node.this)


def _not_supported(what: str) -> Callable[[exp.Expression], exp.Expression]:
    def rule(node: exp.Expression) -> exp.Expression:
        raise QueryFailed(f"NOT_SUPPORTED: the local AWS lacks {what}")

    return rule


def _type(node: exp.Expression) -> exp.Expression:
    if node.this == exp.DType.JSON:
        raise QueryFailed("NOT_SUPPORTED: the local AWS lacks the type json")
    return without_precision(cast(exp.DataType, node))


_RULES: dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]] = {
    exp.DataType: _type,
    exp.Add: _date_arithmetic,
    exp.ArgMax: _by_extreme("arg_max_null"),
    exp.ArgMin: _by_extreme("arg_min_null"),
    exp.ArraySize: lambda node: _call("cardinality", node.this),
    exp.AtTimeZone: _not_supported("AT TIME ZONE"),
    exp.DateAdd: _date_arithmetic,
    exp.DateDiff: _date_diff,
    exp.RegexpExtract: _regexp_extract,
    exp.Sub: _date_arithmetic,
    exp.UnixToTime: _from_unixtime,
}
