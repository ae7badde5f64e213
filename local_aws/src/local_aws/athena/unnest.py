"""UNNEST, as a projection of the relation whose arrays it takes apart.

DuckDB joins laterally where Trino unnests, and takes no condition on the other columns (a
partition's, above all) through such a join; it does through a projection. Where the arrays are not
those of exactly one relation before it, a lateral join it is.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import duckdb
from sqlglot import exp

from local_aws.athena.dialect import duck
from local_aws.athena.errors import QueryFailed

# SQL (a query without rows) to the names and types of its columns; None when it does not bind.
Describe = Callable[[exp.Expression], list[tuple[str, Any]] | None]


def rewrite(select: exp.Select, describe: Describe) -> None:
    """Replace the select's UNNESTs; its tables must be resolved, its subqueries rewritten."""
    start = select.args.get("from_")
    if start is not None and isinstance(start.this, exp.Unnest):
        start.set("this", _lateral(start.this, select, 0, describe, left=False, first=True))
    for at, join in enumerate(select.args.get("joins") or []):
        if isinstance(join.this, exp.Unnest):
            left = str(join.side).upper() == "LEFT"
            _replace(select, at, join, describe, left)
    if joins := select.args.get("joins"):
        select.set("joins", [join for join in joins if join.args.get("this")])


def _replace(select: exp.Select, at: int, join: exp.Join, describe: Describe, left: bool) -> None:
    unnest = cast(exp.Unnest, join.this)
    relation = _relation_of(unnest, select, at, describe)
    if relation is None:
        lateral = _lateral(unnest, select, at, describe, left=left)
        join.set("this", lateral)
        if left:
            join.set("on", exp.true())
        elif not join.args.get("kind"):
            join.set("kind", "CROSS")
        return
    columns = describe(exp.select("*").from_(relation.copy()))
    types = describe(exp.select(*unnest.expressions).from_(relation.copy()))
    if columns is None or types is None:
        join.set("this", _lateral(unnest, select, at, describe, left=left))
        return
    taken = {name.lower() for name, _ in columns}
    alias = relation.alias_or_name
    names = _names(unnest, [kind for _, kind in types])
    chosen = {n: n if n.lower() not in taken else f"{unnest.alias}__{n}" for n in names}
    projections = _projections(unnest, [kind for _, kind in types], left)
    inner = exp.select(exp.Column(this=exp.Star(), table=exp.to_identifier(alias, quoted=True)))
    fields: list[tuple[str, exp.Expression]] = []
    for parts, projection in projections:
        if parts is None:
            fields.append((chosen[names[len(fields)]], projection))
            continue
        for part in parts:
            fields.append((chosen[names[len(fields)]], _field(projection.copy(), part)))
    inner.select(*(exp.alias_(v, name, quoted=True) for name, v in fields), copy=False)
    inner.from_(relation.copy(), copy=False)
    relation.replace(
        exp.Subquery(this=inner, alias=exp.TableAlias(this=exp.to_identifier(alias, quoted=True)))
    )
    join.set("this", None)
    _rename(select, unnest.alias, alias, chosen)


def _field(row: exp.Expression, name: str) -> exp.Expression:
    return exp.Dot(this=exp.Paren(this=row), expression=exp.to_identifier(name, quoted=True))


def _relation_of(
    unnest: exp.Unnest, select: exp.Select, at: int, describe: Describe
) -> exp.Expression | None:
    """The only relation before it that the arrays come from, if rows of it can be multiplied."""
    used = [
        [part.name.lower() for part in column.parts]
        for array in unnest.expressions
        for column in array.find_all(exp.Column)
    ]
    if not used or select.args.get("from_") is None:
        return None
    relations = [select.args["from_"].this]
    for join in select.args.get("joins", [])[:at]:
        if join.args.get("this") is None:
            continue
        if str(join.side).upper() in ("LEFT", "RIGHT", "FULL"):
            # Rows that an outer join adds must not be multiplied before it.
            relations.append(None) if str(join.side).upper() == "LEFT" else relations.clear()
        else:
            relations.append(join.this)
    names = [None if r is None else r.alias_or_name.lower() for r in relations]
    found: set[int] = set()
    for parts in used:
        if len(parts) > 1 and parts[0] in names:
            found.add(names.index(parts[0]))
        elif len(relations) == 1:
            found.add(0)
        else:
            holders = [
                i for i, r in enumerate(relations) if r is not None and _has(r, parts[0], describe)
            ]
            found.add(holders[0] if len(holders) == 1 else -1)
    if len(found) != 1 or (index := found.pop()) < 0:
        return None
    relation = relations[index]
    return relation if isinstance(relation, exp.Table | exp.Subquery) else None


def _names(unnest: exp.Unnest, types: list[Any]) -> list[str]:
    """The names of the columns that the UNNEST yields, ordinality last."""
    alias = unnest.args.get("alias")
    given = [c.name for c in alias.columns] if alias else []
    if offset := unnest.args.get("offset"):
        ordinal = offset.name if isinstance(offset, exp.Expression) else ""
        given = [*given, ordinal] if ordinal else given
    width = sum(len(_parts(kind) or [""]) for kind in types) + bool(unnest.args.get("offset"))
    if not given:
        return [f"_unnested{i}" for i in range(width)]
    if len(given) != width:
        raise QueryFailed(
            f"MISMATCHED_COLUMN_ALIASES: line 1:1: Column alias list has {len(given)} entries but "
            f"'{unnest.alias}' has {width} columns available"
        )
    return given


def _parts(kind: Any) -> list[str] | None:
    """``key`` and ``value`` for a map, the fields for an array of rows, else None."""
    if kind.id == "map":
        return ["key", "value"]
    if kind.id in ("list", "array") and kind.children[0][1].id == "struct":
        return [name for name, _ in kind.children[0][1].children]
    return None


def _projections(
    unnest: exp.Unnest, types: list[Any], left: bool
) -> list[tuple[list[str] | None, exp.Expression]]:
    """What unnests each array; with the fields to take from it, where they are columns."""
    arrays = [
        duck("map_entries(:m)", m=e) if kind.id == "map" else e
        for e, kind in zip(unnest.expressions, types, strict=True)
    ]
    lengths = ", ".join(f"coalesce(len(:a{i}), 0)" for i in range(len(arrays)))
    named = {f"a{i}": a for i, a in enumerate(arrays)}
    longest = f"greatest({lengths})" if len(arrays) > 1 else lengths
    projections: list[tuple[list[str] | None, exp.Expression]] = []
    for i, kind in enumerate(types):
        text = (
            f"unnest(CASE WHEN {longest} > 0 THEN :a{i} ELSE [NULL] END)"
            if left
            else f"unnest(:a{i})"
        )
        projections.append((_parts(kind), duck(text, **named)))
    if unnest.args.get("offset"):
        text = f"range(1, {longest} + 1)"
        if left:
            text = f"CASE WHEN {longest} > 0 THEN {text} ELSE [NULL] END"
        projections.append((None, duck(f"unnest({text})", **named)))
    return projections


def _lateral(
    unnest: exp.Unnest,
    select: exp.Select,
    at: int,
    describe: Describe,
    *,
    left: bool,
    first: bool = False,
) -> exp.Expression:
    """A subquery that yields the columns; correlated to what stands before it."""
    before = exp.select(*(e.copy() for e in unnest.expressions))
    if not first:
        before.set("from_", select.args["from_"].copy())
        before.set("joins", [j.copy() for j in select.args["joins"][:at] if j.args.get("this")])
    described = describe(before) or describe(exp.select(*(e.copy() for e in unnest.expressions)))
    # Columns of a query around this one have no known type here: taken to be arrays of values.
    unknown = [duckdb.type("INTEGER[]")] * len(unnest.expressions)
    types = [kind for _, kind in described] if described else unknown
    names = _names(unnest, types)
    inner = exp.select()
    outer = exp.select()
    taken = 0
    for index, (parts, projection) in enumerate(_projections(unnest, types, left)):
        inner = inner.select(exp.alias_(projection, f"u{index}"))
        fields: list[str | None] = [*parts] if parts else [None]
        for part in fields:
            value: exp.Expression = exp.column(f"u{index}", "u")
            if part is not None:
                value = _field(value, part)
            outer = outer.select(exp.alias_(value, names[taken], quoted=True))
            taken += 1
    outer = outer.from_(inner.subquery("u"))
    subquery = outer.subquery(unnest.alias or "_unnest")
    return (
        subquery
        if first
        else exp.Lateral(this=subquery.this.subquery(), alias=subquery.args["alias"])
    )


def _rename(select: exp.Select, unnested: str, relation: str, chosen: dict[str, str]) -> None:
    """Point what the select says about the unnested columns to the relation that has them now."""
    by_name = {name.lower(): new for name, new in chosen.items()}
    holder = exp.to_identifier(relation, quoted=True)
    for column in list(select.find_all(exp.Column)):
        # A path may go on into the fields of a row: u.x.field.
        parts = column.parts
        if not unnested or len(parts) < 2 or parts[0].name.lower() != unnested.lower():
            continue
        if isinstance(column.this, exp.Star):
            expanded = [
                exp.column(new, relation, quoted=True).as_(old, quoted=True)
                for old, new in chosen.items()
            ]
            at = select.expressions.index(column)
            rest = select.expressions[at + 1 :]
            select.set("expressions", [*select.expressions[:at], *expanded, *rest])
        elif parts[1].name.lower() in by_name:
            parts[1].replace(exp.to_identifier(by_name[parts[1].name.lower()], quoted=True))
            parts[0].replace(holder.copy())


def _has(relation: exp.Expression, column: str, describe: Describe) -> bool:
    columns = describe(exp.select("*").from_(relation.copy())) or []
    return column in {name.lower() for name, _ in columns}
