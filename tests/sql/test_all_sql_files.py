"""Every view and every named query of the event databases."""

from __future__ import annotations

import json
import random
import re
from pathlib import Path
from typing import Any

import pytest
import sqlglot
from sqlglot import exp

from tests.builders.event_database import (
    QUERIES,
    ROOT,
    TABLES,
    VIEWS,
    EventDatabase,
    hours_ago,
    read_view,
)
from tests.builders.event_records import sample, samples

SAMPLES_OF = {
    "pinpoint_event_database": ("pinpoint", "ses", "sms"),
    "ses_event_database": ("ses",),
    "sms_event_database": ("sms",),
}

STATUS_VIEWS = {
    "ses_event_database": ["email_status"],
    "sms_event_database": ["sms_spend", "sms_status"],
}
# The last columns of every other view: the hour as a moment, and the partition key.
HOUR_OF_INGEST = [("ingest_timestamp", "timestamp"), ("ingest_hour", "string")]
# Arguments of the queries that have a parameter: the samples hold each of them.
PARAMETERS = {
    "delivery_status_of_one_address": ["'recipient@example.com'"],
    "emails_by_tag": ["'ses:configuration-set'"],
    "emails_of_one_address": ["'recipient@example.com'"],
    "emails_sent_twice": ["'ses:configuration-set'"],
    "messages_to_one_number": ["'+14255550156'"],
    "sending_rate_by_tag": ["'ses:configuration-set'"],
}


def named(path: Path) -> str:
    return f"{path.parts[-3]}/{path.stem}"


def ask(database: EventDatabase, query: Path) -> list[dict[str, str | None]]:
    return database.ask_named(query.stem, *PARAMETERS.get(query.stem, []))


def without_comments(query: Path) -> str:
    return re.sub(r"--[^\n]*", "", query.read_text())


@pytest.mark.parametrize("view", VIEWS, ids=named)
def test_a_view_declares_the_columns_that_its_query_yields(
    view: Path, databases: dict[str, EventDatabase]
) -> None:
    columns = databases[view.parts[-3]].columns_of_query(read_view(view).body)

    assert read_view(view).columns == columns


@pytest.mark.parametrize("view", VIEWS, ids=named)
def test_a_view_says_first_what_a_row_is(view: Path) -> None:
    assert read_view(view).head.startswith("-- One row per ")


@pytest.mark.parametrize("view", VIEWS, ids=named)
def test_a_view_names_each_of_its_columns(view: Path) -> None:
    assert not sqlglot.parse_one(read_view(view).body, read="trino").is_star


@pytest.mark.parametrize("view", VIEWS, ids=named)
def test_a_view_gives_the_hour_of_ingest_as_a_moment_and_as_the_partition_key(view: Path) -> None:
    if view.stem not in STATUS_VIEWS.get(view.parts[-3], []):
        assert read_view(view).columns[-2:] == HOUR_OF_INGEST


def conditions_on(column: str, sql: str) -> list[exp.Expr]:
    """The comparisons of WHERE and ON that name a column."""
    clauses = [
        clause
        for select in sqlglot.parse_one(sql, read="trino").find_all(exp.Select)
        for clause in (
            select.args.get("where"),
            *(join.args.get("on") for join in select.args.get("joins") or []),
        )
        if clause is not None
    ]
    return [
        comparison
        for clause in clauses
        for comparison in clause.find_all(exp.Predicate)
        if any(found.name == column for found in comparison.find_all(exp.Column))
        and not isinstance(comparison, exp.Connector)
    ]


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_named_query_selects_its_hours_by_comparing_the_key_with_a_constant_text(
    query: Path,
) -> None:
    # Athena computes partitions from such a comparison alone, not from a function of the key.
    sql = query.read_text()

    assert conditions_on("ingest_timestamp", sql) == []
    for condition in conditions_on("ingest_hour", sql):
        key, bound = condition.this, condition.expression
        assert isinstance(condition, exp.GTE)
        assert isinstance(key, exp.Column)
        assert isinstance(bound, exp.TimeToStr)
        assert bound.sql("trino").endswith("'%Y/%m/%d/%H')")
        assert not list(bound.find_all(exp.Column))


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_named_query_of_the_last_days_selects_its_hours(query: Path) -> None:
    says = re.search(r"of the last|in the last", query.read_text().split("SELECT")[0])

    if query.stem == "failures_by_country_and_carrier":  # sms_status needs all of a message
        assert conditions_on("first_ingest_timestamp", query.read_text())
    else:
        assert bool(says) == bool(conditions_on("ingest_hour", query.read_text()))


PAGES = [
    *ROOT.glob("modules/**/README.md"),
    *ROOT.glob("examples/*/README.md"),
    *ROOT.glob("docs/**/*.md"),
]


def test_no_page_advises_a_condition_on_a_function_of_the_key() -> None:
    advised = [
        str(page.relative_to(ROOT))
        for page in PAGES
        if re.search(r"(WHERE|AND|ON)\s+(\w+\.)?ingest_timestamp\s*[<>=]", page.read_text())
    ]

    assert advised == []


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_named_query_says_first_what_it_answers(query: Path) -> None:
    assert re.match(r"-- [A-Z][^\n]+", query.read_text())


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_query_with_a_parameter_says_how_to_give_it(query: Path) -> None:
    says = "as its execution parameter" in query.read_text()

    assert says == ("?" in without_comments(query))


@pytest.mark.parametrize("query", QUERIES, ids=named)
def test_a_named_query_answers_nothing_on_an_empty_database(
    query: Path, databases: dict[str, EventDatabase]
) -> None:
    database = databases[query.parts[-3]]
    database.empty()

    assert ask(database, query) == []


@pytest.mark.parametrize("module", TABLES)
def test_every_view_and_named_query_runs_on_all_sample_events(
    module: str, databases: dict[str, EventDatabase]
) -> None:
    database = databases[module]
    database.empty()
    database.put(*map(sample, samples(*SAMPLES_OF[module])), hour=hours_ago(1))

    for view in VIEWS:
        if view.parts[-3] == module:
            database.ask(f"SELECT * FROM {view.stem}")
    silent = [query.stem for query in queries_of(module) if not ask(database, query)]

    assert silent == []


@pytest.mark.parametrize("module", TABLES)
def test_neither_copies_nor_late_nor_disordered_events_change_an_answer(
    module: str, databases: dict[str, EventDatabase]
) -> None:
    database = databases[module]
    events = [sample(name) for name in samples(*SAMPLES_OF[module])]
    database.empty()
    database.put(*events, hour=hours_ago(1))
    once = answers(database)

    database.empty()
    chance = random.Random(module)
    for hour in (0, 1, 20, 100):  # each hour has most events, many of them twice
        some = chance.choices(events, k=len(events)) + chance.sample(events, len(events) * 3 // 4)
        database.put(*some, hour=hours_ago(hour))
    database.put(*reversed(events), hour=hours_ago(15))

    assert answers(database) == once


def queries_of(module: str) -> list[Path]:
    return [query for query in QUERIES if query.parts[-3] == module]


def answers(database: EventDatabase) -> dict[str, list[Any]]:
    """Of all named queries and status views, but for the query that counts the copies."""
    found = {
        query.stem: ask(database, query)
        for query in queries_of(database.module)
        if query.stem != "events_by_hour"
    }
    for view in STATUS_VIEWS.get(database.module, []):
        found[view] = database.ask(f"SELECT * FROM {view}")
    rows = {
        name: [{**row, "first_ingest_timestamp": None} for row in found[name]] for name in found
    }
    return {name: sorted(rows[name], key=repr) for name in rows}


@pytest.mark.parametrize("module", TABLES)
def test_the_base_view_has_all_columns_of_the_table(
    module: str,
) -> None:
    table = json.loads((ROOT / "modules" / module / f"{TABLES[module]}.json").read_text())
    columns = [(column["name"], column["type"]) for column in table]
    view = read_view(ROOT / "modules" / module / "views" / "events.sql")

    assert view.columns == [*columns, *HOUR_OF_INGEST]
