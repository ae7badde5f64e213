"""Names to relations: tables and views of the catalog, common table expressions.

Every mention of a table becomes a relation of its own in DuckDB (``t1``, ``t2`` …), and common
table expressions are written out where they are named, as Trino does: so the plan says of each
mention what it reads.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, cast

import duckdb
from sqlglot import exp

from local_aws.athena import dereference, dialect, unnest
from local_aws.athena.catalog import Table, View, table_or_view
from local_aws.athena.errors import (
    MalformedQuery,
    QueryFailed,
    column_not_found,
    from_duckdb,
    position_of,
)
from local_aws.athena.hive import duckdb_type, duckdb_type_of_trino, trino_type

_NUMBERS = frozenset(
    ("tinyint", "smallint", "integer", "bigint", "hugeint", "float", "double", "decimal")
    + ("utinyint", "usmallint", "uinteger", "ubigint")
)
_MOMENTS = frozenset({"date", "timestamp", "timestamp_ms", "timestamp_s", "timestamp_ns"})
_COMPARISONS = (exp.EQ, exp.NEQ, exp.GT, exp.GTE, exp.LT, exp.LTE)


@dataclass(frozen=True)
class _Common:
    """A common table expression and the ones that it may name itself."""

    query: exp.Expression
    columns: list[exp.Identifier]
    known: dict[str, _Common]


@dataclass
class Resolver:
    """Resolves one query on one connection; ``tables`` are the mentions by relation name."""

    connection: duckdb.DuckDBPyConnection
    now: datetime
    sql: str
    tables: dict[str, Table] = field(default_factory=dict)
    _views: tuple[str, ...] = ()

    def query(self, query: exp.Expression, schema: str) -> str:
        """The query in DuckDB's SQL.

        Raises:
            QueryFailed: it names what does not exist or what the caller may not read.
        """
        tree = self._tree(query, schema)
        dereference.push(tree)
        return dialect.sql_of(tree)

    def _tree(self, query: exp.Expression, schema: str) -> exp.Expression:
        holder = exp.Subquery(this=dialect.to_duckdb(query, self.now))
        self._walk(holder, {}, schema)
        return cast(exp.Expression, holder.this)

    def describe(self, query: exp.Expression) -> list[tuple[str, Any]] | None:
        sql = dialect.sql_of(query)
        try:
            described = self.connection.execute(f"{sql} LIMIT 0").description
        except duckdb.Error:
            return None
        return [(column[0], column[1]) for column in described]

    def _walk(self, node: exp.Expression, known: dict[str, _Common], schema: str) -> None:
        with_ = node.args.get("with_")
        if with_ is not None:
            if with_.args.get("recursive"):
                raise QueryFailed("NOT_SUPPORTED: WITH RECURSIVE (local AWS)")
            known = dict(known)
            for common in with_.expressions:
                columns = common.args["alias"].columns
                known[common.alias.lower()] = _Common(common.this, columns, dict(known))
            node.set("with_", None)
        for child in list(node.iter_expressions()):
            if isinstance(child, exp.Table):
                self._table(child, known, schema)
            else:
                self._walk(child, known, schema)
        if isinstance(node, exp.Select):
            unnest.rewrite(node, self.describe)
            self._refuse_aliases(node)
            self._by_type(node)

    def _table(self, table: exp.Table, known: dict[str, _Common], schema: str) -> None:
        if not isinstance(table.this, exp.Identifier):
            name = table.this.name or table.this.sql()
            raise QueryFailed(
                f"FUNCTION_NOT_FOUND: {position_of(name, self.sql)}"
                f"Table function '{name}' not registered"
            )
        for join in table.args.get("joins") or []:
            self._walk(join, known, schema)
        name, database = table.name.lower(), table.db.lower()
        if not database and name in known:
            self._common(table, known[name], schema)
            return
        if table.catalog.lower() not in ("", "awsdatacatalog"):
            raise QueryFailed(
                f"CATALOG_NOT_FOUND: {position_of(table.catalog, self.sql)}Catalog "
                f"'{table.catalog}' does not exist"
            )
        found = table_or_view(database or schema, name, self.sql)
        if database:
            _shorten(table, found.database, found.name)
        alias = table.args.get("alias")
        if alias is None or not alias.this:
            alias = exp.TableAlias(this=exp.to_identifier(table.name, quoted=True))
        if isinstance(found, View):
            relation: exp.Expression = exp.Subquery(this=self._view(found), alias=alias)
        else:
            relation = exp.Table(this=exp.to_identifier(self._relation(found)), alias=alias)
        relation.set("joins", table.args.get("joins"))
        table.replace(relation)

    def _common(self, table: exp.Table, common: _Common, schema: str) -> None:
        inner = exp.Subquery(this=common.query.copy())
        self._walk(inner, common.known, schema)
        alias = table.args.get("alias")
        columns = (alias.columns if alias else []) or [c.copy() for c in common.columns]
        name = exp.to_identifier(table.alias_or_name, quoted=True)
        replacement = exp.Subquery(
            this=inner.this, alias=exp.TableAlias(this=name, columns=columns)
        )
        if joins := table.args.get("joins"):
            replacement.set("joins", joins)
        table.replace(replacement)

    def _relation(self, table: Table) -> str:
        """Create an empty table of the columns; returns its name."""
        relation = f"t{len(self.tables) + 1}"
        columns = ", ".join(
            f'"{c.name}" {duckdb_type(c.type)}' for c in (*table.columns, *table.keys)
        )
        self.connection.execute(f"CREATE TABLE {relation} ({columns})")
        self.tables[relation] = table
        return relation

    def _view(self, view: View) -> exp.Expression:
        """The view's query, with the columns that the catalog says it has."""
        label = f"awsdatacatalog.{view.database}.{view.name}"
        failed = f"INVALID_VIEW: line 1:1: Failed analyzing stored view '{label}': "
        if label in self._views:
            raise QueryFailed(
                f"VIEW_IS_RECURSIVE: line 1:1: Statement analysis of '{label}' is recursive"
            )
        around, around_sql = self._views, self.sql
        self._views, self.sql = (*around, label), view.sql
        try:
            dialect.check_functions(view.sql)
            tree = self._tree(dialect.parse(view.sql), view.schema)
            sql = dialect.sql_of(tree)
            described = self.connection.sql(sql)
        except duckdb.Error as error:
            raise QueryFailed(f"{failed}{from_duckdb(error, view.sql)}") from error
        except MalformedQuery as error:
            raise QueryFailed(f"{failed}{error}") from error
        finally:
            self._views, self.sql = around, around_sql
        names = [name.lower() for name in described.columns]
        casts = self._declared(view, label, described.types)
        declared = [column.name for column in view.columns]
        plain = isinstance(tree, exp.Select) and not any(p.is_star for p in tree.expressions)
        if plain and names == declared and not any(casts):
            return tree
        columns = [exp.to_identifier(f"c{i}") for i in range(len(names))]
        inner = exp.TableAlias(this=exp.to_identifier("view_"), columns=columns)
        outer = exp.select().from_(exp.Subquery(this=tree, alias=inner))
        for i, (name, kind) in enumerate(zip(declared, casts, strict=True)):
            value: exp.Expression = exp.column(f"c{i}")
            if kind:
                value = exp.cast(value, kind, dialect="duckdb")
            outer.select(exp.alias_(value, name, quoted=True), copy=False)
        return outer

    def _declared(self, view: View, label: str, actual: list[Any]) -> list[str]:
        """For each column the type to cast it to, empty where it has the declared one."""
        stale = f"VIEW_IS_STALE: line 1:1: View '{label}' is stale or in invalid state: "
        if len(actual) != len(view.columns):
            raise QueryFailed(
                f"{stale}stored view column count ({len(view.columns)}) does not match column "
                f"count derived from the view query analysis ({len(actual)})"
            )
        casts = []
        for i, (column, kind) in enumerate(zip(view.columns, actual, strict=True)):
            wanted = duckdb.type(duckdb_type_of_trino(column.type))
            if not _coercible(kind, wanted):
                raise QueryFailed(
                    f"{stale}column [{column.name}] of type {trino_type(kind)} projected from "
                    f"query view at position {i} cannot be coerced to column [{column.name}] of "
                    f"type {column.type} stored in view definition"
                )
            casts.append("" if str(kind) == str(wanted) else str(wanted))
        return casts

    def _refuse_aliases(self, select: exp.Select) -> None:
        """DuckDB knows a select's own aliases everywhere in it, Trino only in ORDER BY."""
        aliases = {p.alias.lower() for p in select.expressions if isinstance(p, exp.Alias)}
        if not aliases or not _is_derived(select):
            return
        parts = [select.args.get(part) for part in ("where", "group", "having")]
        used = [
            column.parts[0].name
            for node in [*select.expressions, *(part for part in parts if part is not None)]
            for column in node.find_all(exp.Column)
            if column.parts[0].name.lower() in aliases
            and column.find_ancestor(exp.Select) is select
            and not column.find_ancestor(exp.Lambda)
        ]
        if not used or (columns := self._described(select, exp.Star())) is None:
            return
        sources = [select.args.get("from_"), *(select.args.get("joins") or [])]
        known = {name.lower() for name, _ in columns}
        known |= {source.this.alias_or_name.lower() for source in sources if source is not None}
        for name in used:
            if name.lower() not in known:
                raise column_not_found(name, self.sql)

    def _described(
        self, select: exp.Select, expression: exp.Expression
    ) -> list[tuple[str, Any]] | None:
        """The type of an expression over what the select reads."""
        probe = exp.select(expression.copy())
        if (start := select.args.get("from_")) is not None:
            probe.set("from_", start.copy())
        probe.set("joins", [join.copy() for join in select.args.get("joins") or []])
        return self.describe(probe)

    # -- what depends on types -----------------------------------------------------------

    def _by_type(self, select: exp.Select) -> None:
        for node in list(select.find_all(exp.Cast, exp.Reverse, *_COMPARISONS, exp.Between)):
            if node.find_ancestor(exp.Select) is not select or node.find_ancestor(exp.Lambda):
                continue
            if isinstance(node, exp.Cast | exp.Reverse):
                self._by_argument(select, node)
            else:
                for operand in [
                    node.this,
                    node.args.get("expression"),
                    node.args.get("low"),
                    node.args.get("high"),
                ]:
                    self._as_constant(operand)

    def _by_argument(self, select: exp.Select, node: exp.Cast | exp.Reverse) -> None:
        text = isinstance(node, exp.Cast) and node.to.this in (exp.DType.VARCHAR, exp.DType.TEXT)
        if isinstance(node.this, exp.Literal) or not (text or isinstance(node, exp.Reverse)):
            return
        described = self._described(select, node.this)
        kind = described[0][1].id if described else ""
        template = {
            (True, "timestamp"): "strftime(:a, '%Y-%m-%d %H:%M:%S.%g')",
            (True, "timestamp with time zone"): "strftime(:a, '%Y-%m-%d %H:%M:%S.%g UTC')",
            (False, "list"): "list_reverse(:a)",
        }.get((text, kind))
        if template:
            node.replace(dialect.duck(template, a=node.this))

    def _as_constant(self, operand: exp.Expression | None) -> None:
        """A constant moment in a time zone as the literal that it is in UTC.

        DuckDB does not compare columns without zone to it while planning, and only what is known
        then selects partitions.
        """
        if (
            operand is None
            or operand.find(exp.Column, exp.Select)
            or not any(c.to.this == exp.DType.TIMESTAMPTZ for c in operand.find_all(exp.Cast))
        ):
            return
        try:
            value, kind = self.connection.execute(
                "SELECT CAST(CAST(x AS TIMESTAMP) AS VARCHAR), typeof(x) FROM "
                f"(SELECT {dialect.sql_of(operand)} AS x)"
            ).fetchall()[0]
        except duckdb.Error:
            return
        if value is not None and kind in ("TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "DATE"):
            target = "date" if kind == "DATE" else "timestamp"
            operand.replace(exp.cast(exp.Literal.string(value), target))


def _coercible(actual: Any, wanted: Any) -> bool:
    if actual.id == "null":
        return True
    families = next((f for f in (_NUMBERS, _MOMENTS) if actual.id in f), {actual.id})
    return wanted.id in families


def _is_derived(select: exp.Select) -> bool:
    """Whether it stands alone or in FROM, so that no other query's columns are in it."""
    node = select.parent
    while isinstance(node, exp.Subquery | exp.SetOperation):
        node = node.parent
    return node is None or isinstance(node, exp.From | exp.Join)


def _shorten(table: exp.Table, database: str, name: str) -> None:
    """``db.t.column`` as ``t.column``: the relation has no schema any more."""
    root = table.root()
    for column in list(root.find_all(exp.Column)):
        parts = [part.name.lower() for part in column.parts]
        skip = 1 if parts[:1] == ["awsdatacatalog"] else 0
        if len(parts) > skip + 2 and parts[skip : skip + 2] == [database, name]:
            rest = column.parts[skip + 1 :]
            names = ("this", "table", "db")
            column.replace(
                exp.Column(**dict(zip(names, [p.copy() for p in rest][::-1], strict=False)))
            )
