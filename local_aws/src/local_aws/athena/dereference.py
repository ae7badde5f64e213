"""Fields of rows, taken out where the row is first named.

A view that names a row (``facets.email_channel.mail AS mail``) and a query that takes a field of it
(``mail.subject``) read that field alone, in Trino as here: DuckDB would read the whole row.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import cast

from sqlglot import exp


def push(root: exp.Expression) -> None:
    """Rewrite the query and its derived tables, the outermost first."""
    for select in root.find_all(exp.Select, bfs=True):
        if _is_closed(select):
            _push_out_of(select)


def _is_closed(select: exp.Select) -> bool:
    """Whether a column more in what it reads stays unseen: no star leads to the result."""
    if not any(projection.is_star for projection in select.expressions):
        return True
    table = select.parent
    reader = table.find_ancestor(exp.Select) if isinstance(table, exp.Subquery) else None
    in_from = table is not None and isinstance(table.parent, exp.From | exp.Join)
    return reader is not None and in_from and _is_closed(reader)


def _push_out_of(select: exp.Select) -> None:
    sources = list(_derived(select))
    names = {source.alias.lower() for source in sources}
    for path in list(_paths(select)):
        parts = _parts(path)
        named = [s for s in sources if parts[0] == s.alias.lower() and len(parts) > 1]
        source = named[0] if named else None
        qualified = source is not None
        if not qualified:
            if path.find_ancestor(exp.Select) is not select or parts[0] in names:
                continue
            source = next((s for s in sources if _definer(s.this, parts[0])), None)
        column, fields = parts[qualified], parts[qualified + 1 :]
        if source is None or not fields or _is_parameter(path, parts[0]):
            continue
        if (found := _definer(source.this, column)) is None:
            continue
        definer, row = found
        hidden = ".".join([column, *fields])
        if hidden not in {p.alias for p in definer.expressions}:
            definer.select(exp.alias_(_field(row, fields), hidden, quoted=True), copy=False)
        table = source.alias if qualified else None
        replacement: exp.Expr = exp.column(hidden, table, quoted=True)
        if path.arg_key == "expressions" and path.parent is select:
            replacement = exp.alias_(replacement, fields[-1], quoted=True)
        path.replace(replacement)


def _derived(select: exp.Select) -> Iterator[exp.Subquery]:
    """The derived tables that it reads, those whose columns have no other names."""
    start = select.args.get("from_")
    for holder in ([start] if start is not None else []) + (select.args.get("joins") or []):
        source = holder.this
        if isinstance(source, exp.Subquery) and source.alias and not source.alias_column_names:
            yield source


def _paths(select: exp.Select) -> Iterator[exp.Expression]:
    """Columns with the fields taken of them, each path once and whole."""
    for column in select.find_all(exp.Column):
        path: exp.Expression = column
        while isinstance(path.parent, exp.Dot) and path.arg_key == "this":
            path = cast(exp.Expression, path.parent)
        if not isinstance(column.this, exp.Star):
            yield path


def _parts(path: exp.Expression) -> list[str]:
    fields: list[str] = []
    while isinstance(path, exp.Dot):
        fields.insert(0, path.expression.name.lower())
        path = cast(exp.Expression, path.this)
    return [part.name.lower() for part in path.parts] + fields  # type: ignore[attr-defined]  # a Column


def _is_parameter(path: exp.Expression, name: str) -> bool:
    around = path.find_ancestor(exp.Lambda)
    while around is not None:
        if name in {parameter.name.lower() for parameter in around.expressions}:
            return True
        around = around.find_ancestor(exp.Lambda)
    return False


def _definer(query: exp.Expr, column: str) -> tuple[exp.Select, exp.Expression] | None:
    """The derived table that names the row, and the path by which it does; through stars."""
    if not isinstance(query, exp.Select) or any(
        query.args.get(part) for part in ("group", "distinct", "having")
    ):
        return None
    for projection in query.expressions:
        if projection.alias_or_name.lower() == column and not projection.is_star:
            row = projection.unalias()
            plain = row
            while isinstance(plain, exp.Dot):
                plain = plain.this
            return (query, row) if isinstance(plain, exp.Column) else None
    sources = list(_derived(query))
    has_star = any(projection.is_star for projection in query.expressions)
    if has_star and len(sources) == 1 and not query.args.get("joins"):
        return _definer(sources[0].this, column)
    return None


def _field(row: exp.Expression, fields: list[str]) -> exp.Expression:
    taken = row.copy()
    for name in fields:
        taken = exp.Dot(this=taken, expression=exp.to_identifier(name, quoted=True))
    return taken
