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

# What DuckDB lacks, as macros; only those that a query names are created.
MACROS = {
    "map_agg": "(k, v) AS map(list(k), list(v))",
    "multimap_agg": (
        "(k, v) AS map_from_entries(list_transform(list_distinct(list(k)), lambda e: struct_pack("
        "key := e, value := list_transform(list_filter(list_zip(list(k), list(v)), "
        "lambda z: z[1] = e), lambda z: z[2]))))"
    ),
    "map_union": (
        "(m) AS map_from_entries(list_transform(list_distinct(flatten(list(map_keys(m)))), "
        "lambda e: struct_pack(key := e, value := list_filter(list(m), "
        "lambda one: map_contains(one, e))[1][e])))"
    ),
    "every": "(x) AS bool_and(x)",
    "trino_array_join": (
        "(a, d) AS array_to_string(list_filter(list_transform(a, lambda e: CAST(e AS VARCHAR)), "
        "lambda e: e IS NOT NULL), d), "
        "(a, d, n) AS array_to_string(list_transform(a, "
        "lambda e: coalesce(CAST(e AS VARCHAR), n)), d)"
    ),
    "trino_json_scalar": (
        "(j, p) AS CASE WHEN json_valid(j) AND json_type(j, p) NOT IN ('OBJECT', 'ARRAY') "
        "THEN json_extract_string(j, p) END"
    ),
    "trino_json_extract": "(j, p) AS CASE WHEN json_valid(j) THEN json_extract(j, p) END",
    "json_size": (
        "(j, p) AS CASE json_type(j, p) WHEN 'ARRAY' THEN json_array_length(j, p) "
        "WHEN 'OBJECT' THEN len(json_keys(j, p)) ELSE 0 END"
    ),
    "json_array_get": "(j, i) AS json_extract(j, '$[' || i || ']')",
    "is_json_scalar": "(j) AS json_type(j) NOT IN ('OBJECT', 'ARRAY')",
    "trino_regexp_extract": (
        "(s, p) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p) END, "
        "(s, p, g) AS CASE WHEN regexp_matches(s, p) THEN regexp_extract(s, p, g) END"
    ),
    "split_to_map": (
        "(s, a, b) AS map_from_entries(list_transform(string_split(s, a), lambda e: struct_pack("
        "key := split_part(e, b, 1), value := substr(e, len(split_part(e, b, 1)) + len(b) + 1))))"
    ),
    "arrays_overlap": "(a, b) AS list_has_any(a, b)",
    "array_union": "(a, b) AS list_distinct(list_concat(a, b))",
    "array_frequency": "(a) AS list_histogram(a)",
    "zip": "(a, b) AS list_zip(a, b), (a, b, c) AS list_zip(a, b, c)",
    "codepoint": "(s) AS unicode(s)",
    "to_iso8601": (
        "(t) AS CASE WHEN typeof(t) = 'DATE' THEN strftime(t, '%Y-%m-%d') "
        "WHEN typeof(t) = 'TIMESTAMP' THEN strftime(t, '%Y-%m-%dT%H:%M:%S.%g') "
        "ELSE strftime(t, '%Y-%m-%dT%H:%M:%S.%gZ') END"
    ),
    "from_iso8601_date": "(s) AS CAST(s AS DATE)",
    "from_unixtime_nanos": "(n) AS to_timestamp(n / 1e9)",
    "to_milliseconds": "(i) AS CAST(epoch(i) * 1000 AS BIGINT)",
    "trino_millisecond": "(t) AS date_part('millisecond', t) % 1000",
    "trino_position": "(a, e) AS coalesce(list_position(a, e), 0)",
    "url_extract_protocol": "(u) AS nullif(regexp_extract(u, '^([^:/?#]+)://', 1), '')",
    "url_extract_host": (
        "(u) AS nullif(regexp_extract(u, '^[^:/?#]+://(?:[^/?#@]*@)?([^:/?#]*)', 1), '')"
    ),
    "url_extract_port": (
        "(u) AS TRY_CAST(regexp_extract(u, '^[^:/?#]+://[^/?#]*:([0-9]+)', 1) AS BIGINT)"
    ),
    "url_extract_path": "(u) AS regexp_extract(u, '^[^:/?#]+://[^/?#]*([^?#]*)', 1)",
    "url_extract_query": "(u) AS regexp_extract(u, '[?]([^#]*)', 1)",
    "url_extract_fragment": "(u) AS regexp_extract(u, '#(.*)$', 1)",
    "url_extract_parameter": (
        "(u, n) AS CASE WHEN regexp_matches(u, '[?&]' || n || '=') "
        "THEN url_decode(regexp_extract(u, '[?&]' || n || '=([^&#]*)', 1)) END"
    ),
}


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
    """Raises QueryFailed for a function that Trino does not have, though DuckDB may."""
    tokens = sqlglot.tokenize(sql, read="trino")
    for before, token, after in zip([None, *tokens], tokens, tokens[1:], strict=False):
        if after.token_type is not TokenType.L_PAREN or not re.fullmatch(r"\w+", token.text):
            continue
        named = before is not None and (
            before.token_type in (TokenType.ALIAS, TokenType.VAR, TokenType.R_PAREN, TokenType.DOT)
            or before.text.lower() in ("with", "view", "table", "into")
        )
        is_name = token.token_type in (TokenType.VAR,) or token.text.lower() in _DUCKDB_KEYWORDS
        if is_name and not named and token.text.lower() not in TRINO_FUNCTIONS:
            if _is_column_list(tokens, after):
                continue
            raise QueryFailed(
                f"FUNCTION_NOT_FOUND: line {token.line}:{token.col - len(token.text) + 1}: "
                f"Function '{token.text.lower()}' not registered"
            )


_DUCKDB_KEYWORDS = frozenset({"list", "struct", "struct_pack", "unhex"})


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
    for mark, value in zip(marks, values, strict=True):
        mark.replace(parse_expression(value))
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
        if isinstance(node, exp.Anonymous):
            rule = cast("Callable[[exp.Expression], exp.Expression]", _anonymous)
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


def _format(node: exp.Expression) -> exp.Expression:
    return _call("printf", node.this, *node.expressions)


def _reduce(node: exp.Expression) -> exp.Expression:
    finish = node.args.pop("finish", None)
    reduced = _call("list_reduce", node.this, node.args["merge"], node.args["initial"])
    if finish is None or sql_of(finish.this) == finish.expressions[0].name:
        return reduced
    return duck("list_transform([:reduced], :finish)[1]", reduced=reduced, finish=finish)


def _regexp_replace(node: exp.Expression) -> exp.Expression:
    replacement = node.args.get("replacement")
    if isinstance(replacement, exp.Literal):
        replacement.set("this", re.sub(r"\$(\d)", r"\\\1", replacement.name))
    elif isinstance(replacement, exp.Lambda):
        raise QueryFailed("NOT_SUPPORTED: regexp_replace with a function (local AWS)")
    elif replacement is None:
        node.set("replacement", exp.Literal.string(""))
    return node


def _regexp_extract(node: exp.Expression) -> exp.Expression:
    group = node.args.get("group")
    arguments = [node.this, node.expression, *([group] if group else [])]
    return _call("trino_regexp_extract", *arguments)


def _json_scalar(node: exp.Expression) -> exp.Expression:
    return _call("trino_json_scalar", node.this, _json_path(node.expression))


def _json_extract(node: exp.Expression) -> exp.Expression:
    return _call("trino_json_extract", node.this, _json_path(node.expression))


def _json_path(path: exp.Expression) -> exp.Expression:
    text = sql_of(path).strip("'") if isinstance(path, exp.JSONPath) else path.name
    if not isinstance(path, exp.JSONPath | exp.Literal):
        return path
    return exp.Literal.string(re.sub(r"^(?:lax|strict) ", "", text))


def _conversion(node: exp.Expression) -> exp.Expression:
    target = node.args["to"]
    if target.this == exp.DType.JSON:
        # A string becomes a JSON string; DuckDB would read it as JSON.
        return node.this if isinstance(node.this, exp.ParseJSON) else _call("to_json", node.this)
    return node


def _at_time_zone(node: exp.Expression) -> exp.Expression:
    zone = node.args["zone"]
    if not isinstance(zone, exp.Literal) or zone.name.upper() not in ("UTC", "Z", "GMT"):
        raise QueryFailed("NOT_SUPPORTED: time zones other than UTC (local AWS)")
    return exp.cast(node.this, "timestamptz")


def _from_unixtime(node: exp.Expression) -> exp.Expression:
    return _call("to_timestamp", node.this)


def _array_join(node: exp.Expression) -> exp.Expression:
    null = node.args.get("null")
    arguments = [node.this, node.expression, *([null] if null else [])]
    return _call("trino_array_join", *arguments)


_JODA = {
    "yyyy": "%Y", "YYYY": "%Y", "yy": "%y", "MMMM": "%B", "MMM": "%b", "MM": "%m", "M": "%-m",
    "dd": "%d", "d": "%-d", "HH": "%H", "H": "%-H", "hh": "%I", "h": "%-I", "mm": "%M", "ss": "%S",
    "SSS": "%g", "EEEE": "%A", "EEE": "%a", "E": "%a", "a": "%p", "Z": "+0000", "ZZ": "+00:00",
}  # fmt: skip


def _strftime_pattern(pattern: exp.Expression) -> exp.Expression:
    """A pattern of Java's (``yyyy-MM-dd'T'HH``) as strftime's."""
    if not isinstance(pattern, exp.Literal):
        raise QueryFailed("NOT_SUPPORTED: a date pattern that is not a literal (local AWS)")

    def directive(found: re.Match[str]) -> str:
        if found[1] is not None:
            return found[1].replace("%", "%%") or "'"
        if found[0] not in _JODA:
            raise QueryFailed(f"NOT_SUPPORTED: {found[0]} in a date pattern (local AWS)")
        return _JODA[found[0]]

    return exp.Literal.string(re.sub(r"'([^']*)'|([A-Za-z])\2*", directive, pattern.name))


def _parse_datetime(node: exp.Expression) -> exp.Expression:
    parsed = _call("strptime", node.this, _strftime_pattern(node.args["format"]))
    return exp.cast(parsed, "timestamptz")


_RULES: dict[type[exp.Expression], Callable[[exp.Expression], exp.Expression]] = {
    exp.DataType: lambda node: without_precision(cast(exp.DataType, node)),
    exp.Add: _date_arithmetic,
    exp.ApproxDistinct: lambda node: exp.Count(this=exp.Distinct(expressions=[node.this])),
    exp.ArgMax: _by_extreme("arg_max_null"),
    exp.ArgMin: _by_extreme("arg_min_null"),
    exp.ArraySize: lambda node: _call("cardinality", node.this),
    exp.ArrayPosition: lambda node: _call("trino_position", node.this, node.expression),
    exp.ArrayToString: _array_join,
    exp.ArraySlice: lambda node: duck(
        "list_slice(:a, :start, :start + :count - 1)",
        a=node.this,
        start=node.args["start"],
        count=node.args["end"],
    ),
    exp.AtTimeZone: _at_time_zone,
    exp.Cast: _conversion,
    exp.TryCast: _conversion,
    exp.DateAdd: _date_arithmetic,
    exp.DateDiff: _date_diff,
    exp.Format: _format,
    exp.JSONExtract: _json_extract,
    exp.JSONExtractScalar: _json_scalar,
    exp.JSONFormat: lambda node: exp.cast(node.this, "varchar"),
    exp.ParseDatetime: _parse_datetime,
    exp.Reduce: _reduce,
    exp.RegexpExtract: _regexp_extract,
    exp.RegexpReplace: _regexp_replace,
    exp.StrToMap: lambda node: _call(
        "split_to_map", node.this, node.args["pair_delim"], node.args["key_value_delim"]
    ),
    exp.Sub: _date_arithmetic,
    exp.Typeof: lambda node: _call("lower", _call("typeof", node.this)),
    exp.UnixToTime: _from_unixtime,
}


# -- functions that sqlglot does not know ------------------------------------------------


def _anonymous(node: exp.Anonymous) -> exp.Expression:
    name, arguments = str(node.this).lower(), node.expressions
    if rule := _BY_NAME.get(name):
        return rule(*arguments)
    if name in _LAMBDAS:
        return _over_entries(name, arguments)
    return node


def _over_entries(name: str, arguments: list[exp.Expression]) -> exp.Expression:
    """Functions of a lambda with two arguments: DuckDB's take one, an entry."""
    *values, function = arguments
    keys = {"zip_with": ("e[1]", "e[2]")}.get(name, ("e.key", "e.value"))
    names = dict(zip((n.name.lower() for n in function.expressions), keys, strict=True))
    body = function.this.copy()
    for column in list(body.find_all(exp.Column, exp.Identifier)):
        if isinstance(column, exp.Identifier) and isinstance(column.parent, exp.Column | exp.Dot):
            continue
        if getattr(column, "table", "") or column.name.lower() not in names:
            continue
        replacement = duck(names[column.name.lower()])
        if column is body:
            body = replacement
        else:
            column.replace(replacement)
    parts = {"m": values[0], "body": body, "other": values[-1]}
    return duck(_LAMBDAS[name], **parts)


_LAMBDAS = {
    "map_filter": "map_from_entries(list_filter(map_entries(:m), lambda e: :body))",
    "transform_values": "map(map_keys(:m), list_transform(map_entries(:m), lambda e: :body))",
    "transform_keys": "map(list_transform(map_entries(:m), lambda e: :body), map_values(:m))",
    "zip_with": "list_transform(list_zip(:m, :other), lambda e: :body)",
}


def _by_template(template: str) -> Callable[..., exp.Expression]:
    def rule(*arguments: exp.Expression) -> exp.Expression:
        return duck(template, **dict(zip("abc", arguments, strict=False)))

    return rule


_BY_NAME: dict[str, Callable[..., exp.Expression]] = {
    "all_match": _by_template("len(list_filter(:a, :b)) = len(:a)"),
    "any_match": _by_template("len(list_filter(:a, :b)) > 0"),
    "none_match": _by_template("len(list_filter(:a, :b)) = 0"),
    "at_timezone": lambda a, zone: _at_time_zone(exp.AtTimeZone(this=a, zone=zone)),
    "with_timezone": lambda a, zone: _at_time_zone(exp.AtTimeZone(this=a, zone=zone)),
    "millisecond": lambda a: _call("trino_millisecond", a),
    "map": lambda *a: _call("map", *a) if a else duck("map([], [])"),
    "nan": _by_template("CAST('NaN' AS DOUBLE)"),
    "infinity": _by_template("CAST('Infinity' AS DOUBLE)"),
    "format_datetime": lambda a, pattern: _call("strftime", a, _strftime_pattern(pattern)),
    "year_of_week": _by_template("isoyear(:a)"),
    "yow": _by_template("isoyear(:a)"),
}
