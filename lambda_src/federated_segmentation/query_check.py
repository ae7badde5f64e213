"""Check that a query is one SELECT, and that an import takes its columns.

Athena's own parser and IAM have the last word. This check refuses statements that are no question,
and names every column that an import would not take, before a query costs anything.

The parser is sqlglot with the dialect of Athena. Its import takes longer than all others of the
function, so that only a call of `check_query` loads it.
"""

from __future__ import annotations

import logging
import signal
from collections import Counter
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.import_columns import (
    EXACT,
    IGNORED,
    KNOWN,
    VALUE_LISTS,
    are_missing,
    is_known,
    missing_columns,
)

if TYPE_CHECKING:
    from sqlglot import exp
    from sqlglot.tokenizer_core import Token

__all__ = ["CheckedQuery", "InvalidQuery", "check_query"]

# "Service Quotas" of Athena: the length of a query string.
QUERY_BYTES = 262_144
# sqlglot calls itself for each level, and Python allows some hundred levels.
NESTING = 50
# Nested constructors of types (ARRAY[ARRAY[…]]) double the parser's work with each level: 20 levels
# take minutes. A query of 256 KB takes two seconds.
PARSER_SECONDS = 10.0
COLUMNS = 1_000
ATTRIBUTE_NAME_CHARACTERS = 50
COLUMNS_TOLD = 30
CATALOG = "awsdatacatalog"

# Columns that say which endpoint or user a row is about.
_IDENTITY = frozenset({"Id", "Address", "ChannelType"})
_USERS = ("User.UserId",)
_NOT_AN_ATTRIBUTE = _IDENTITY | {"User.UserId", "RequestId"}
_QUOTES = 'A name with a dot needs double quotes: AS "User.UserId".'


class InvalidQuery(ValueError):
    """The query is not one SELECT for an import; the message has the rule and the way out."""


class _GaveUp(BaseException):
    """The parser takes too long. No handler of the parser's own may catch this."""


@dataclass(frozen=True, slots=True)
class CheckedQuery:
    """The columns of the result, in order.

    `writes` says whether a column changes endpoints that exist. Columns that say which endpoint or
    user a row is about change no endpoint.
    """

    columns: tuple[str, ...]
    writes: bool


def check_query(
    sql: str, *, mutates: bool, databases: Collection[str], seconds: float = PARSER_SECONDS
) -> CheckedQuery:
    """Check a query.

    Must run in the main thread, whose alarm ends a parse that takes too long.

    Args:
        mutates: whether the run writes attributes, which asks for a column of one.
        databases: names of the databases that the query may read.
        seconds: for the parser.

    Raises:
        InvalidQuery: a rule is broken.
    """
    if len(sql.encode()) > QUERY_BYTES:
        raise InvalidQuery(
            f"The query has more than {QUERY_BYTES:,} bytes, the limit of Athena. Put a part of it "
            "into a view."
        )
    import sqlglot.dialects.athena  # noqa: F401  # before the time of the parser begins

    try:
        with _at_most(seconds):
            select = _parsed(sql)
            names = _column_names(select)
    except RecursionError:
        raise InvalidQuery(_nested()) from None
    except _GaveUp:
        raise InvalidQuery(
            f"The query could not be parsed within {seconds:g} s. Nest fewer ARRAY, MAP and ROW "
            "constructors, or put a part of it into a view."
        ) from None
    _check_tables(select, databases)
    _check_columns(names, mutates)
    writes = not (_IDENTITY.issuperset(names) or names == _USERS)
    return CheckedQuery(names, writes)


def _nested() -> str:
    return (
        f"The query has more than {NESTING} levels of nesting. Put the inner ones into a WITH "
        "clause or a view."
    )


@contextmanager
def _at_most(seconds: float) -> Iterator[None]:
    def give_up(*_: object) -> None:
        raise _GaveUp

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def _parsed(sql: str) -> exp.Query:
    """Parse the only statement of the text."""
    from sqlglot import exp
    from sqlglot.dialects.athena import Athena
    from sqlglot.errors import ParseError, TokenError

    # It logs the text of statements that it does not know, and a text can hold an address.
    logging.getLogger("sqlglot").disabled = True
    dialect = Athena()
    try:
        tokens = _statement(dialect.tokenize(sql))
    except TokenError:
        raise InvalidQuery(
            "The query cannot be read to its end. Close every quote and every comment."
        ) from None
    try:
        (tree,) = dialect.parser().parse(tokens, sql)
    except ParseError as error:
        raise InvalidQuery(
            f"The query is not valid SQL of Athena{_place(error)}. {_QUOTES}"
        ) from None
    while isinstance(tree, exp.Subquery):
        tree = tree.this
    if not isinstance(tree, exp.Select | exp.SetOperation):
        raise InvalidQuery("The query must be one SELECT, with or without WITH and UNION.")
    _check_nodes(tree)
    return tree


def _statement(tokens: Sequence[Token]) -> list[Token]:
    """Return the tokens without the semicolons at the end; raise for another statement."""
    from sqlglot.tokenizer_core import TokenType

    statement = list(tokens)
    while statement and statement[-1].token_type is TokenType.SEMICOLON:
        statement.pop()
    if not statement:
        raise InvalidQuery("The query is empty. Give one SELECT statement.")
    first = statement[0]
    if first.token_type not in (TokenType.SELECT, TokenType.WITH, TokenType.L_PAREN):
        word = first.text.upper() if first.text.isalpha() and len(first.text) < 20 else "The text"
        raise InvalidQuery(
            f"{word} begins no question. The query must be one SELECT, with or without WITH and "
            "UNION: a run changes no table, and shows none."
        )
    opening = (TokenType.L_PAREN, TokenType.L_BRACKET, TokenType.L_BRACE, TokenType.CASE)
    closing = (TokenType.R_PAREN, TokenType.R_BRACKET, TokenType.R_BRACE, TokenType.END)
    depth = deepest = 0
    for token in statement:
        if token.token_type is TokenType.SEMICOLON:
            raise InvalidQuery(
                "The query has more than one statement. Give one SELECT, without a semicolon."
            )
        depth += (token.token_type in opening) - (token.token_type in closing)
        deepest = max(deepest, depth)
    if deepest > NESTING:
        raise InvalidQuery(_nested())
    return statement


def _place(error: Any) -> str:
    """The line and column of a parser's error; its text quotes the query."""
    first = error.errors[0] if error.errors else {}
    if first.get("line"):
        return f", at line {first['line']}, column {first['col']}"
    return ""


def _check_nodes(tree: exp.Query) -> None:
    """Raise for a part that writes, locks or waits for a value."""
    from sqlglot import exp

    writing = (exp.DDL, exp.DML, exp.Drop, exp.Alter, exp.Command, exp.Into, exp.Lock)
    for node in tree.walk():
        if isinstance(node, writing) and not isinstance(node, exp.Query):
            raise InvalidQuery(
                f"The query holds {type(node).__name__.upper()}, which is no part of a question. "
                "The query must be one SELECT."
            )
        if isinstance(node, exp.Placeholder | exp.Parameter | exp.SessionParameter):
            raise InvalidQuery(
                "The query has a parameter, and a run has no values for it. Write the value into "
                "the query."
            )


def _check_tables(tree: exp.Query, databases: Collection[str]) -> None:
    from sqlglot import exp

    allowed = {name.lower() for name in databases}
    problems = {}
    for table in tree.find_all(exp.Table):
        if not isinstance(table.this, exp.Identifier):
            problems["function"] = (
                "FROM takes tables, views and UNNEST. Leave out table functions and names of more "
                "than three parts."
            )
        elif table.catalog and table.catalog.lower() != CATALOG:
            problems["catalog"] = f"Tables must be in the catalog {CATALOG}. Name no other catalog."
        elif table.db and table.db.lower() not in allowed:
            problems[table.db.lower()] = (
                f"The database {_shown(table.db)} is not among the databases of the module. Use "
                f"{', '.join(sorted(allowed))}, or add it to the input `databases`."
            )
    if problems:
        raise InvalidQuery(" ".join(problems.values()))


def _column_names(tree: exp.Query) -> tuple[str, ...]:
    """Return the names of the result's columns, as the first SELECT gives them."""
    from sqlglot import exp

    branches = list(_branches(tree))
    if any(expression.is_star for branch in branches for expression in branch.expressions):
        raise InvalidQuery(
            "SELECT * names no columns. Name each column of the import: "
            'SELECT endpoint_id AS "Id", plan AS "Attributes.Plan" FROM …'
        )
    names = []
    for position, column in enumerate(branches[0].expressions, start=1):
        name = column.output_name if isinstance(column, exp.Alias | exp.Column | exp.Dot) else ""
        if not name:
            raise InvalidQuery(
                f'Column {position} has no name. Add one: AS "Attributes.Plan", for instance.'
            )
        names.append(name)
    if len(names) > COLUMNS:
        raise InvalidQuery(f"The query has more than {COLUMNS:,} columns. Select fewer.")
    return tuple(names)


def _branches(tree: exp.Expr) -> Iterator[exp.Expr]:
    """Yield the SELECTs of a query from left to right."""
    from sqlglot import exp

    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, exp.Subquery):
            waiting.append(node.this)
        elif isinstance(node, exp.SetOperation):
            waiting += [node.expression, node.this]
        else:
            yield node


def _check_columns(names: Sequence[str], mutates: bool) -> None:
    """Raise with everything that is wrong with the names of the columns."""
    from shared.column_advice import meant_column

    problems = []
    for name in dict.fromkeys(names):
        if name in IGNORED:
            problems.append(f"Column {name} cannot be set by an import. Leave it out.")
        elif not is_known(name):
            meant = meant_column(name, EXACT)
            advice = f"Did you mean {meant}?" if meant else f'An attribute is "Attributes.{name}".'
            problems.append(f"Column {_shown(name)} is not one of an import. {advice}")
        elif any(character < " " for character in name):
            problems.append(f"Column {_shown(name)} holds a control character. Remove it.")
        elif name not in EXACT and len(_attribute(name)) > ATTRIBUTE_NAME_CHARACTERS:
            problems.append(
                f"Column {_shown(name)}: the name of an attribute has at most "
                f"{ATTRIBUTE_NAME_CHARACTERS} characters. Shorten it."
            )
    problems += [
        f"Column {name} comes {count} times, and an endpoint has one. Only Attributes.… and "
        "User.UserAttributes.… may repeat, once per value."
        for name, count in Counter(names).items()
        if count > 1 and is_known(name) and not name.startswith(VALUE_LISTS)
    ]
    if len(problems) > COLUMNS_TOLD:
        problems[COLUMNS_TOLD:] = [f"And {len(problems) - COLUMNS_TOLD} more."]
    if any(not is_known(name) for name in names):
        problems.append(f"The columns are {', '.join(KNOWN)}, in this spelling. {_QUOTES}")
    if missing := missing_columns(tuple(names)):
        problems.append(
            f"{are_missing(missing)}. Select Id for endpoints that exist, "
            "Address and ChannelType for new ones, or User.UserId alone for a list of users."
        )
    if mutates and _NOT_AN_ATTRIBUTE.issuperset(names):
        problems.append(
            "A run of Type mutate writes attributes, and no column is one. Select an "
            '"Attributes.…", "User.UserAttributes.…" or "Metrics.…" column.'
        )
    if problems:
        raise InvalidQuery(" ".join(problems))


def _attribute(name: str) -> str:
    for prefix in (*VALUE_LISTS, "Metrics."):
        if name.startswith(prefix):
            return name.removeprefix(prefix)
    return name


def _shown(name: str) -> str:
    """The name as one short line of a message."""
    text = "".join(character if character.isprintable() else "…" for character in name)
    return text if len(text) <= 80 else f"{text[:80]}…"
