"""Athena: Trino's SQL over Glue tables and views, partitions, bytes, workgroups, permissions."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError

from builders.athena import (
    DATA,
    DATABASE,
    RESULTS,
    WORKGROUP,
    Athena,
    chunk_bytes,
    parquet,
)
from builders.ministack_server import ACCOUNT, REGION, MinistackServer, ministack_server
from local_aws.patches import athena as athena_patch

HOUR = datetime.now(UTC).replace(minute=0, second=0, microsecond=0)
EVENTS = parquet(
    "SELECT 'e' || i AS event_id, CASE WHEN i % 2 = 0 THEN '_email.send' ELSE '_email.open' END "
    "AS event_type, i::BIGINT AS arrival_timestamp, {'mail': {'message_id': 'm' || i, "
    "'destination': ['ann@example.com', 'bob@example.com']}, 'note': 'n' || i} AS facets, "
    "[{'email_address': 'ann@example.com', 'status': '5.1.1'}, NULL] AS bounced, "
    "MAP {'campaign_id': 'c' || (i % 3)} AS attributes FROM range(60) AS r(i)"
)
EVENT_COLUMNS = {
    "event_id": "string",
    "event_type": "string",
    "arrival_timestamp": "bigint",
    "facets": "struct<mail:struct<message_id:string,destination:array<string>,later:string>,"
    "note:string>",
    "bounced": "array<struct<email_address:string,status:string>>",
    "attributes": "map<string,string>",
    "absent": "map<string,double>",
}
COPIES = (
    "SELECT event_id, event_type, facets, bounced, attributes, "
    "date_parse(ingest_hour, '%Y/%m/%d/%H') AS ingest_timestamp, ingest_hour FROM (SELECT *, "
    "row_number() OVER (PARTITION BY event_type, event_id, ingest_hour "
    "ORDER BY arrival_timestamp) AS copy FROM all_events) WHERE copy = 1"
)
HOUR_FORMAT = "'%Y/%m/%d/%H'"
LAST_TWO_HOURS = f"ingest_hour >= date_format(current_timestamp - interval '1' hour, {HOUR_FORMAT})"


@pytest.fixture(scope="module")
def server() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        yield server


@pytest.fixture(scope="module")
def athena(server: MinistackServer) -> Athena:
    """A lake whose table ``all_events`` has 60 events in each of the last four hours, in one
    of them twice, with the base view ``events`` and a view ``bounces`` on it."""
    athena = Athena(server)
    athena.set_up()
    for hours in range(4):
        athena.put(f"all_events/{HOUR - timedelta(hours=hours):%Y/%m/%d/%H}/a.parquet", EVENTS)
    athena.put(f"all_events/{HOUR:%Y/%m/%d/%H}/again.parquet", EVENTS)
    athena.table(
        "all_events",
        EVENT_COLUMNS,
        {"ingest_hour": "string"},
        projection__enabled="true",
        projection__ingest_hour__type="date",
        projection__ingest_hour__format="yyyy/MM/dd/HH",
        projection__ingest_hour__range="2025/01/01/00,NOW+1HOURS",
        projection__ingest_hour__interval="1",
        projection__ingest_hour__interval__unit="HOURS",
        storage__location__template=f"s3://{DATA}/all_events/${{ingest_hour}}/",
    )
    athena.view(
        "events",
        {
            "event_id": "varchar",
            "event_type": "varchar",
            "facets": "row(mail row(message_id varchar, destination array(varchar), "
            "later varchar), note varchar)",
            "bounced": "array(row(email_address varchar, status varchar))",
            "attributes": "map(varchar,varchar)",
            "ingest_timestamp": "timestamp",
            "ingest_hour": "varchar",
        },
        COPIES,
    )
    athena.view(
        "bounces",
        {
            "event_id": "varchar",
            "address": "varchar",
            "ingest_timestamp": "timestamp",
            "ingest_hour": "varchar",
        },
        "SELECT event_id, b.email_address, ingest_timestamp, ingest_hour FROM events "
        "LEFT JOIN UNNEST(bounced) AS b(email_address, status) ON TRUE",
    )
    return athena


# -- SQL ---------------------------------------------------------------------------------

# Expression and what Athena prints for it, by subject.
VALUES = {
    "division of integers": ("7 / 2", "3"),
    "division of doubles": ("7e0 / 2", "3.5"),
    "large double": ("1e7", "1.0E7"),
    "small double": ("0.0001e0", "1.0E-4"),
    "decimal": ("CAST(1.1 AS decimal(10,2))", "1.10"),
    "boolean": ("1 < 2", "true"),
    "null": ("CAST(NULL AS varchar)", None),
    "binary": ("X'6162'", "61 62"),
    "array": ("ARRAY[1, NULL]", "[1, null]"),
    "map": ("MAP(ARRAY['a', 'b'], ARRAY[1, NULL])", "{a=1, b=null}"),
    "row": ("CAST(ROW(1, NULL) AS ROW(a integer, b varchar))", "{a=1, b=null}"),
    "row without names": ("ROW(1, 'x')", "{field0=1, field1=x}"),
    "nested": ("ARRAY[MAP(ARRAY['k'], ARRAY[ARRAY[1]])]", "[{k=[1]}]"),
    "timestamp": ("TIMESTAMP '2026-01-02 03:04:05'", "2026-01-02 03:04:05.000"),
    "from_unixtime": ("from_unixtime(1e9)", "2001-09-09 01:46:40.000 UTC"),
    "from_unixtime as timestamp": (
        "CAST(from_unixtime(1234567890123 / 1e3) AS timestamp)",
        "2009-02-13 23:31:30.123",
    ),
    "to_unixtime": ("to_unixtime(TIMESTAMP '1970-01-01 00:00:05')", "5.0"),
    "timestamp as text": (
        "CAST(TIMESTAMP '2026-01-02 03:04:05' AS varchar)",
        "2026-01-02 03:04:05.000",
    ),
    "ISO 8601": (
        "from_iso8601_timestamp('2026-01-02T03:04:05.678Z')",
        "2026-01-02 03:04:05.678 UTC",
    ),
    "date plus a month": ("DATE '2026-01-31' + interval '1' month", "2026-02-28"),
    "date_add": ("date_add('day', -1, DATE '2026-03-01')", "2026-02-28"),
    "date_diff counts whole days": (
        "date_diff('day', TIMESTAMP '2026-01-01 10:00:00', TIMESTAMP '2026-01-02 09:00:00')",
        "0",
    ),
    "date_trunc": (
        "date_trunc('hour', TIMESTAMP '2026-01-02 03:04:05')",
        "2026-01-02 03:00:00.000",
    ),
    "date_format": (
        "date_format(TIMESTAMP '2026-01-02 03:04:05', '%Y-%m-%d %H:%i:%s')",
        "2026-01-02 03:04:05",
    ),
    "date_parse of an hour": (
        "date_parse('2026/11/28/10', '%Y/%m/%d/%H')",
        "2026-11-28 10:00:00.000",
    ),
    "date_format of a moment in a zone": (
        "date_format(from_iso8601_timestamp('2026-11-28T10:20:30Z'), '%Y/%m/%d/%H')",
        "2026/11/28/10",
    ),
    "date_format with percent signs": (
        "date_format(TIMESTAMP '2026-01-02 03:04:05', '%Y%%D')",
        "2026%D",
    ),
    "date_parse": ("date_parse('2026-01-02', '%Y-%m-%d')", "2026-01-02 00:00:00.000"),
    "parts of a date": (
        "year(DATE '2026-02-03') * 10000 + month(DATE '2026-02-03') * 100 "
        "+ day_of_week(DATE '2026-02-03')",
        "20260202",
    ),
    "try": ("try(1 / 0)", None),
    "try_cast": ("try_cast('x' AS integer)", None),
    "element_at": ("element_at(MAP(ARRAY['a'], ARRAY[1]), 'b')", None),
    "element_at from the end": ("element_at(ARRAY[1, 2], -1)", "2"),
    "subscript": ("MAP(ARRAY['a'], ARRAY[1])['a']", "1"),
    "cardinality": ("cardinality(ARRAY[1, 2]) + cardinality(MAP(ARRAY['a'], ARRAY[1]))", "3"),
    "contains": ("contains(ARRAY['a'], 'a')", "true"),
    "coalesce on maps": ("COALESCE(CAST(NULL AS map(varchar, varchar)), MAP())", "{}"),
    "map_concat": (
        "map_concat(MAP(ARRAY['a'], ARRAY[1]), MAP(ARRAY['b'], ARRAY[2]))",
        "{a=1, b=2}",
    ),
    "map_keys": (
        "map_keys(MAP(ARRAY['a'], ARRAY[1])) || map_keys(MAP(ARRAY['b'], ARRAY[1]))",
        "[a, b]",
    ),
    "map_from_entries": ("map_from_entries(ARRAY[ROW('a', 1)])", "{a=1}"),
    "transform": ("transform(ARRAY[1, 2], x -> x * 10)", "[10, 20]"),
    "filter": ("filter(ARRAY[1, 2], x -> x > 1)", "[2]"),
    "array functions": (
        "array_sort(array_distinct(flatten(ARRAY[ARRAY[2, 1], ARRAY[2]])))",
        "[1, 2]",
    ),
    "array sets": ("array_except(ARRAY[1, 2], ARRAY[1])", "[2]"),
    "a function in a function": (
        "date_diff('day', date_parse('2026-01-01', '%Y-%m-%d'), TIMESTAMP '2026-01-03 00:00:00')",
        "2",
    ),
    "sequence": ("sequence(1, 3)", "[1, 2, 3]"),
    "concat with null": ("concat('a', NULL)", None),
    "split": ("split('a,b', ',')", "[a, b]"),
    "regexp_extract without match": ("regexp_extract('abc', 'x')", None),
    "regexp_extract group": ("regexp_extract('abc', 'a(.)', 1)", "b"),
    "regexp_like": ("regexp_like('abc', '^a')", "true"),
    "position": ("position('b' IN 'abc') + strpos('abc', 'c')", "5"),
    "reverse": ("reverse('abc')", "cba"),
    "reverse of an array": ("reverse(ARRAY[1, 2])", "[2, 1]"),
    "hash": ("to_hex(md5(to_utf8('a')))", "0CC175B9C0F1B6A831C399E269772661"),
    "base64": ("from_utf8(from_base64(to_base64(to_utf8('a'))))", "a"),
    "if": ("IF(1 = 2, 'a', 'b')", "b"),
}


@pytest.mark.parametrize("subject", VALUES)
def test_an_expression_prints_what_athena_prints(athena: Athena, subject: str) -> None:
    expression, printed = VALUES[subject]

    assert athena.value(expression) == printed


AGGREGATES = {
    "approx_percentile(x, 0.5)": "2",
    "approx_percentile(x, ARRAY[0.0, 1.0])": "[1, 3]",
    "approx_distinct(x)": "3",
    "count_if(x > 1)": "2",
    "arbitrary(k)": "a",
    "any_value(k)": "a",
    "min_by(k, x)": "a",
    "max_by(n, x)": None,
    "max_by(x, x, 2)": "[3, 2]",
    "array_agg(x ORDER BY x DESC) FILTER (WHERE x < 3)": "[2, 1]",
    "listagg(k, '+') WITHIN GROUP (ORDER BY x)": "a+a+a",
    "histogram(k)": "{a=3}",
    "sum(x)": "6",
    "avg(x)": "2.0",
    "bool_and(x > 0)": "true",
}


@pytest.mark.parametrize("aggregate", AGGREGATES)
def test_an_aggregate_prints_what_athena_prints(athena: Athena, aggregate: str) -> None:
    rows = athena.rows(
        f"SELECT {aggregate} FROM (VALUES (1, 'a', 5), (2, 'a', 6), (3, 'a', NULL)) AS t(x, k, n)"
    )

    assert rows == [[AGGREGATES[aggregate]]]


ARRAYS = "(VALUES (1, ARRAY[5, 6]), (2, ARRAY[]), (3, NULL)) AS t(id, list)"
UNNESTS = {
    "array": (
        f"SELECT id, x FROM {ARRAYS} CROSS JOIN UNNEST(list) AS u(x)",
        [["1", "5"], ["1", "6"]],
    ),
    "with ordinality": (
        f"SELECT u.x, n FROM {ARRAYS} CROSS JOIN UNNEST(t.list) WITH ORDINALITY AS u(x, n)",
        [["5", "1"], ["6", "2"]],
    ),
    "left join": (
        f"SELECT id, u.x FROM {ARRAYS} LEFT JOIN UNNEST(list) AS u(x) ON TRUE",
        [["1", "5"], ["1", "6"], ["2", None], ["3", None]],
    ),
    "map": (
        "SELECT k, v FROM (VALUES MAP(ARRAY['a', 'b'], ARRAY[1, 2])) AS t(m) "
        "CROSS JOIN UNNEST(m) AS u(k, v)",
        [["a", "1"], ["b", "2"]],
    ),
    "rows become columns": (
        "SELECT t.n, a, b FROM (VALUES (1, ARRAY[ROW(1, 'x'), ROW(2, 'y')])) AS t(n, r) "
        "CROSS JOIN UNNEST(r) AS u(a, b)",
        [["1", "1", "x"], ["1", "2", "y"]],
    ),
    "several": (
        "SELECT a, b FROM UNNEST(ARRAY[1, 2], ARRAY['x']) AS u(a, b)",
        [["1", "x"], ["2", None]],
    ),
    "one in another": (
        "SELECT y FROM (VALUES ARRAY[ARRAY[1, 2], ARRAY[3]]) AS t(l) "
        "CROSS JOIN UNNEST(l) AS u(x) CROSS JOIN UNNEST(x) AS w(y)",
        [["1"], ["2"], ["3"]],
    ),
    "the same name twice": (
        "SELECT t.a, u.a FROM (VALUES (1, ARRAY[5])) AS t(a, l) CROSS JOIN UNNEST(l) AS u(a)",
        [["1", "5"]],
    ),
    "star": (
        "SELECT * FROM (VALUES (1, ARRAY[5])) AS t(a, l) CROSS JOIN UNNEST(l) AS u(x)",
        [["1", "[5]", "5"]],
    ),
    "after an outer join": (
        "SELECT t.a, x FROM (VALUES 1, 2) AS t(a) LEFT JOIN (VALUES (1, ARRAY[7])) AS s(a, l) "
        "ON t.a = s.a CROSS JOIN UNNEST(s.l) AS u(x)",
        [["1", "7"]],
    ),
    "in a subquery": (
        f"SELECT id, (SELECT sum(x) FROM UNNEST(list) AS u(x)) FROM {ARRAYS}",
        [["1", "11"], ["2", None], ["3", None]],
    ),
}


@pytest.mark.parametrize("case", UNNESTS)
def test_arrays_and_maps_are_unnested(athena: Athena, case: str) -> None:
    sql, rows = UNNESTS[case]

    found = athena.rows(sql)

    assert sorted(found, key=str) == sorted(rows, key=str)


def test_common_table_expressions_windows_and_correlated_subqueries_run(athena: Athena) -> None:
    rows = athena.rows(
        "WITH a AS (SELECT x FROM (VALUES 1, 2, 3) AS t(x)), b(y) AS (SELECT x * 10 FROM a) "
        "SELECT a.x, (SELECT count(*) FROM a AS o WHERE o.x < a.x), "
        "sum(a.x) OVER (ORDER BY a.x), b.y FROM a JOIN b ON b.y = a.x * 10 ORDER BY 1 DESC LIMIT 2"
    )

    assert rows == [["3", "2", "6", "30"], ["2", "1", "3", "20"]]


def test_columns_without_a_name_are_called_by_their_position(athena: Athena) -> None:
    execution = athena.run("SELECT 1, 'a' AS name, 2 + 3, ARRAY[1], CAST(1 AS bigint)")

    assert execution.columns == ["_col0", "name", "_col2", "_col3", "_col4"]
    assert execution.types == ["integer", "varchar", "integer", "array", "bigint"]


def test_the_result_object_is_where_the_execution_says_and_leaves_nulls_empty(
    athena: Athena,
) -> None:
    execution = athena.run("SELECT 'a\"b' AS x, CAST(NULL AS varchar) AS y, '' AS z")

    bucket, key = execution.location.removeprefix("s3://").split("/", 1)
    body = athena.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert (bucket, key.split("/")[0]) == (RESULTS, WORKGROUP)
    assert body.decode() == '"x","y","z"\n"a""b",,""\n'


def test_results_come_in_pages(athena: Athena) -> None:
    query = athena.start("SELECT x FROM UNNEST(sequence(1, 5)) AS t(x) ORDER BY x")
    athena.wait(query)
    client = athena.aws.client("athena")

    pages = client.get_paginator("get_query_results").paginate(
        QueryExecutionId=query, PaginationConfig={"PageSize": 2}
    )

    rows = [row["Data"][0]["VarCharValue"] for page in pages for row in page["ResultSet"]["Rows"]]
    assert rows == ["x", "1", "2", "3", "4", "5"]


def test_question_marks_take_the_execution_parameters(athena: Athena) -> None:
    rows = athena.rows("SELECT ? || 'b', 1 + ?", ExecutionParameters=["'a'", "2"])

    assert rows == [["ab", "3"]]


def test_question_marks_are_counted_in_the_order_of_the_text(athena: Athena) -> None:
    query = (
        "WITH q AS (SELECT ? AS a, 2 AS b, 3 AS c) "
        "SELECT ?, a FROM q WHERE a = ? AND b >= ? AND c < ? ORDER BY 1 LIMIT 7"
    )

    rows = athena.rows(query, ExecutionParameters=["1", "'x'", "1", "2", "4"])

    assert rows == [["x", "1"]]


REFUSED = {
    "SELECT nope FROM all_events": "COLUMN_NOT_FOUND: line 1:8: Column 'nope' cannot be resolved",
    "SELECT event_id AS x FROM all_events WHERE x = 'a'": "COLUMN_NOT_FOUND: line 1:20: Column 'x'",
    "SELECT 1 FROM nope": f"TABLE_NOT_FOUND: line 1:15: Table 'awsdatacatalog.{DATABASE}.nope'",
    "SELECT 1 FROM other.nope": "SCHEMA_NOT_FOUND: line 1:21: Schema 'other' does not exist",
    "SELECT ifnull(1, 2)": "FUNCTION_NOT_FOUND: line 1:8: Function 'ifnull' not registered",
    "SELECT * FROM read_text('/etc/hostname')": "FUNCTION_NOT_FOUND: line 1:15: Function",
    "SELECT * FROM '/etc/hostname'": "TABLE_NOT_FOUND",
    "SELECT CAST('x' AS integer)": "INVALID_CAST_ARGUMENT",
    "SELECT 1 / 0": "DIVISION_BY_ZERO",
    "SELECT event_id, count(*) FROM all_events": "EXPRESSION_NOT_AGGREGATE",
    "SELECT * FROM UNNEST(ARRAY[ROW(1, 2)]) AS t(x)": "MISMATCHED_COLUMN_ALIASES: line 1:1: Column "
    "alias list has 1 entries but 't' has 2",
    "CREATE TABLE t AS SELECT 1": "NOT_SUPPORTED",
    "INSERT INTO all_events SELECT 1": "NOT_SUPPORTED",
    "UNLOAD (SELECT 1) TO 's3://x/' WITH (format = 'PARQUET')": "NOT_SUPPORTED",
    "SHOW TABLES": "NOT_SUPPORTED: the local AWS does not run this statement: SHOW TABLES",
    "DROP TABLE all_events": "NOT_SUPPORTED: the local AWS does not run this statement: DROP TABLE",
    "SELECT slice(ARRAY[1, 2], 1, 1)": "NOT_SUPPORTED: the local AWS lacks the function slice",
    "SELECT format('%s', 1)": "NOT_SUPPORTED: the local AWS lacks the function format",
    "SELECT map_agg(1, 2)": "NOT_SUPPORTED: the local AWS lacks the function map_agg",
    "SELECT date_parse('2026/11/28', '%Y/%m/%d/%H')": "INVALID_FUNCTION_ARGUMENT",
    "SELECT date_parse('28 2026', '%D %Y')": "INVALID_FUNCTION_ARGUMENT: %D not supported in date "
    "format string",
    "SELECT date_format(date_parse('2026', '%Y'), '%X')": "INVALID_FUNCTION_ARGUMENT: %X not "
    "supported in date format string",
    "SELECT CAST('x' AS json)": "NOT_SUPPORTED: the local AWS lacks the type json",
    "SELECT TIMESTAMP '2026-01-02 03:04:05' AT TIME ZONE 'UTC'": "NOT_SUPPORTED: the local AWS "
    "lacks AT TIME ZONE",
}


@pytest.mark.parametrize("sql", REFUSED)
def test_a_query_that_cannot_run_fails_with_athenas_code(athena: Athena, sql: str) -> None:
    execution = athena.run(sql)

    assert execution.state == "FAILED"
    assert execution.reason.startswith(REFUSED[sql])


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT 1 FROM", "SELECT 1; SELECT 2", "SELECT ("])
def test_a_malformed_query_is_refused_at_once(athena: Athena, sql: str) -> None:
    with pytest.raises(ClientError, match="InvalidRequestException"):
        athena.start(sql)


# -- tables, partitions and bytes --------------------------------------------------------


def test_columns_and_fields_that_a_file_lacks_are_null(athena: Athena) -> None:
    rows = athena.rows(
        "SELECT facets.mail.message_id, facets.mail.later, absent, absent['x'], attributes "
        f"FROM all_events WHERE event_id = 'e1' AND {LAST_TWO_HOURS} LIMIT 1"
    )

    assert rows == [["m1", None, None, None, "{campaign_id=c1}"]]


JSON_LINES = "\n".join(
    map(
        json.dumps,
        [
            {"EventType": "Send", "Mail": {"MessageId": "m1", "Tags": {"MyTag": ["x"]}}, "n": 1},
            {"eventtype": "Open", "mail": {"messageid": "m2"}, "n": 2, "unknown": True},
        ],
    )
).encode()


def test_a_json_table_reads_keys_as_its_serde_does(athena: Athena) -> None:
    athena.put("lines/a.json", JSON_LINES)
    columns = {
        "eventtype": "string",
        "mail": "struct<messageid:string,tags:map<string,array<string>>>",
        "n": "bigint",
        "never": "string",
    }
    athena.table("lines", columns, kind="json")

    execution = athena.run("SELECT eventtype, mail, n, never FROM lines ORDER BY n")

    assert execution.rows == [
        ["Send", "{messageid=m1, tags={mytag=[x]}}", "1", None],
        ["Open", "{messageid=m2, tags=null}", "2", None],
    ]
    assert execution.scanned == len(JSON_LINES)


def test_a_malformed_line_fails_the_query_unless_the_serde_ignores_it(athena: Athena) -> None:
    for name, serde in (("careful", {}), ("careless", {"ignore.malformed.json": "true"})):
        athena.put(f"{name}/a.json", b'{"n": 1}\n{"n": \n{"n": 3}\n')
        athena.table(name, {"n": "bigint"}, kind="json", serde=serde)

    assert athena.run("SELECT n FROM careful").state == "FAILED"
    assert athena.rows("SELECT n FROM careless ORDER BY n") == [["1"], ["3"], [None]]


def test_only_the_partitions_and_columns_that_a_query_needs_are_scanned(athena: Athena) -> None:
    execution = athena.run(
        f"SELECT count(DISTINCT facets.mail.message_id) FROM all_events WHERE {LAST_TWO_HOURS} "
        "AND event_type = '_email.send'"
    )

    # Two hours, one of which has two objects.
    read = chunk_bytes(EVENTS, "facets, mail, message_id", "event_type")
    assert execution.rows == [["30"]]
    assert execution.scanned == 3 * read


@pytest.mark.parametrize(
    "condition", [LAST_TWO_HOURS, "ingest_timestamp > current_timestamp - interval '2' hour"]
)
def test_a_condition_on_the_partition_reaches_through_views_windows_and_unnest(
    athena: Athena, condition: str
) -> None:
    execution = athena.run(
        f"SELECT count(*), count(DISTINCT address) FROM bounces WHERE {condition}"
    )

    needed = ("event_id", "event_type", "arrival_timestamp")
    bounced = ("bounced, list, element, email_address", "bounced, list, element, status")
    assert execution.rows == [["240", "1"]]  # 60 events in two hours, two recipients each
    assert execution.scanned <= 3 * chunk_bytes(EVENTS, *needed, *bounced)
    assert execution.scanned >= 3 * chunk_bytes(EVENTS, *needed)


@pytest.mark.parametrize(
    ("condition", "objects"),
    [
        ("TRUE", 5),
        (f"ingest_hour = '{HOUR:%Y/%m/%d/%H}'", 2),
        (f"ingest_hour IN ('{HOUR - timedelta(hours=1):%Y/%m/%d/%H}')", 1),
        (f"ingest_hour BETWEEN '{HOUR - timedelta(hours=1):%Y/%m/%d/%H}' AND '9'", 3),
        (f"ingest_hour LIKE '{HOUR:%Y/%m/%d/%H}%'", 2),
        (LAST_TWO_HOURS, 3),
        (
            f"date_parse(ingest_hour, {HOUR_FORMAT}) = TIMESTAMP '{HOUR:%Y-%m-%d %H:%M:%S}'",
            2,
        ),
        (
            f"date_trunc('hour', date_parse(ingest_hour, {HOUR_FORMAT})) "
            f"= TIMESTAMP '{HOUR:%Y-%m-%d %H:%M:%S}'",
            2,
        ),
        ("ingest_hour < '2026/01/01/00' OR event_id = 'e1'", 5),
        (
            f"date_parse(ingest_hour, {HOUR_FORMAT}) "
            ">= from_iso8601_timestamp('2100-01-01T00:00:00Z')",
            0,
        ),
        (
            "(event_id = 'e1' AND ingest_hour >= "
            f"date_format(current_timestamp, {HOUR_FORMAT})) OR FALSE",
            2,
        ),
    ],
)
def test_conditions_of_every_kind_select_partitions(
    athena: Athena, condition: str, objects: int
) -> None:
    execution = athena.run(f"SELECT max(event_id) FROM all_events WHERE {condition}")

    assert execution.state == "SUCCEEDED", execution.reason
    assert execution.scanned == objects * chunk_bytes(EVENTS, "event_id")


def test_counting_rows_scans_nothing(athena: Athena) -> None:
    execution = athena.run("SELECT count(*) FROM all_events")

    assert (execution.rows, execution.scanned) == ([["300"]], 0)


@pytest.mark.parametrize(
    ("sql", "field"),
    [
        ("SELECT max(mail.message_id) FROM mails", "message_id"),
        ("SELECT max(m.mail.message_id) FROM (SELECT *, 1 AS x FROM mails) AS m", "message_id"),
        (
            "SELECT max(to) FROM mails CROSS JOIN UNNEST(mail.destination) AS d(to)",
            "destination, list, element",
        ),
        ("SELECT max(x) FROM (SELECT mail.message_id AS x FROM mails GROUP BY 1)", "message_id"),
    ],
)
def test_a_field_of_a_row_is_read_alone_though_a_view_names_the_row(
    athena: Athena, sql: str, field: str
) -> None:
    if athena.run("SELECT 1 FROM mails LIMIT 0").state == "FAILED":
        row = "row(message_id varchar, destination array(varchar), later varchar)"
        athena.view("mails", {"mail": row}, "SELECT facets.mail AS mail FROM all_events")

    execution = athena.run(sql)

    assert execution.state == "SUCCEEDED", execution.reason
    assert execution.scanned == 5 * chunk_bytes(EVENTS, f"facets, mail, {field}")


def test_a_table_that_is_named_twice_is_scanned_twice(athena: Athena) -> None:
    once = athena.run("SELECT count(event_id) FROM all_events").scanned
    twice = athena.run(
        "WITH e AS (SELECT event_id FROM all_events) "
        "SELECT count(a.event_id) FROM e AS a JOIN e AS b ON a.event_id = b.event_id"
    ).scanned

    assert (once, twice) == (5 * chunk_bytes(EVENTS, "event_id"), 2 * once)


def one(value: int) -> bytes:
    return parquet(f"SELECT {value} AS n")


def test_objects_outside_of_a_projected_range_or_interval_are_invisible(athena: Athena) -> None:
    for value, day in enumerate(["2026-01-01", "2026-01-02", "2026-01-03", "2027-01-01", "x"]):
        athena.put(f"days/{day}/a", one(value))
    athena.put("days/2026-01-03/_SUCCESS", b"not read")
    athena.table(
        "days",
        {"n": "int"},
        {"day": "string"},
        projection__enabled="true",
        projection__day__type="date",
        projection__day__format="yyyy-MM-dd",
        projection__day__range="2026-01-01,NOW",
        projection__day__interval="2",
        projection__day__interval__unit="DAYS",
        storage__location__template=f"s3://{DATA}/days/${{day}}/",
    )

    rows = athena.rows("SELECT n, day FROM days ORDER BY day")

    assert rows == [["0", "2026-01-01"], ["2", "2026-01-03"]]


def test_date_columns_are_projected_below_the_location(athena: Athena) -> None:
    for value, folder in enumerate(
        [
            "month=2026-01/day=2026-01-01",
            "month=2026-01/day=2026-01-02",
            "month=2026-1/day=2026-01-01",  # not as many digits as projected
            "month=1900-01/day=2026-01-01",  # out of range
        ]
    ):
        athena.put(f"mixed/{folder}/a", one(value))
    athena.table(
        "mixed",
        {"n": "int"},
        {"month": "string", "day": "date"},
        projection__enabled="true",
        projection__month__type="date",
        projection__month__format="yyyy-MM",
        projection__month__range="2026-01,NOW",
        projection__day__type="date",
        projection__day__format="yyyy-MM-dd",
        projection__day__range="NOW-50YEARS,NOW+50YEARS",
    )

    rows = athena.rows("SELECT n, month, day FROM mixed ORDER BY n")
    later = athena.rows("SELECT n FROM mixed WHERE day > DATE '2026-01-01' AND n + 1 = 2")

    assert rows == [["0", "2026-01", "2026-01-01"], ["1", "2026-01", "2026-01-02"]]
    assert later == [["1"]]


# A key's type, its format, and whether the texts of the format are values of the type.
KEYS_AND_FORMATS = [
    ("timestamp", "yyyy/MM/dd/HH", False),
    ("timestamp", "yyyy-MM-dd-HH", False),
    ("timestamp", "yyyy-MM-dd HH:mm:ss", True),
    ("timestamp", "yyyy-MM-dd HH:mm", True),
    ("timestamp", "yyyy-MM-dd", True),
    ("date", "yyyy-MM-dd", True),
    ("date", "yyyy/MM/dd", False),
    ("date", "yyyy-MM", False),
    ("date", "yyyyMMdd", False),
    ("int", "yyyyMMdd", True),
    ("smallint", "yyyyMMdd", False),
    ("bigint", "yyyyMMddHH", True),
    ("boolean", "yyyy", False),
    ("string", "yyyy/MM/dd/HH", True),
    ("varchar(4)", "yyyy-MM-dd", False),
]


def projected(athena: Athena, name: str, kind: str, **parameters: str) -> str:
    athena.table(
        name,
        {"n": "int"},
        {"part": kind},
        projection__enabled="true",
        projection__part__type="date",
        **parameters,
        storage__location__template=f"s3://{DATA}/{name}/${{part}}/",
    )
    return athena.run(f"SELECT max(n), max(part) FROM {name}").reason


@pytest.mark.parametrize(("kind", "format_", "fits"), KEYS_AND_FORMATS)
def test_a_projected_value_must_be_one_of_the_keys_type(
    athena: Athena, kind: str, format_: str, fits: bool
) -> None:
    name = f"as_{re.sub(r'[^a-z]', '_', kind)}_{KEYS_AND_FORMATS.index((kind, format_, fits))}"
    first = datetime(2026, 1, 2, 3)
    java = {"yyyy": "%Y", "MM": "%m", "dd": "%d", "HH": "%H", "mm": "%M", "ss": "%S"}
    text = format_
    for letters, directive in java.items():
        text = text.replace(letters, first.strftime(directive))

    reason = projected(
        athena,
        name,
        kind,
        projection__part__format=format_,
        projection__part__range=f"{text},NOW",
        projection__part__interval="1",
        projection__part__interval__unit="HOURS",
    )

    shown = kind if "(" in kind else {"int": "INTEGER"}.get(kind, kind.upper())
    assert reason == (
        ""
        if fits
        else f"HIVE_INVALID_PARTITION_VALUE: Invalid partition value '{text}' for {shown} "
        "partition key: part"
    )


def test_a_key_of_type_timestamp_selects_partitions_whose_texts_hive_reads(athena: Athena) -> None:
    for hour in range(3):
        athena.put(f"stamps/2026-01-02 0{hour}:00:00/a", one(hour))
    reason = projected(
        athena,
        "stamps",
        "timestamp",
        projection__part__format="yyyy-MM-dd HH:mm:ss",
        projection__part__range="2026-01-01 00:00:00,NOW",
        projection__part__interval="1",
        projection__part__interval__unit="HOURS",
    )

    rows = athena.rows("SELECT n, part FROM stamps WHERE part > TIMESTAMP '2026-01-02 01:00:00'")

    assert (reason, rows) == ("", [["2", "2026-01-02 02:00:00.000"]])


def test_a_partition_key_must_not_have_the_name_of_a_column(athena: Athena) -> None:
    athena.table("doubled", {"n": "int", "Day": "string"}, {"day": "string"})

    assert athena.run("SELECT max(n) FROM doubled").reason == (
        "HIVE_INVALID_METADATA: Hive metadata for table doubled is invalid: Table descriptor "
        "contains duplicate columns"
    )


def test_a_query_of_more_than_256_kib_is_refused_when_it_is_submitted(athena: Athena) -> None:
    with pytest.raises(ClientError) as refused:
        athena.start(f"SELECT 1 -- {'x' * 262144}")

    assert refused.value.response["Error"]["Code"] == "InvalidRequestException"


def test_a_registered_value_must_be_one_of_the_keys_type(athena: Athena) -> None:
    athena.put("dated/x/a", one(1))
    athena.table("dated", {"n": "int"}, {"day": "date"})
    athena.aws.client("glue").create_partition(
        DatabaseName=DATABASE,
        TableName="dated",
        PartitionInput={
            "Values": ["2026/01/02"],
            "StorageDescriptor": {"Location": f"s3://{DATA}/dated/x/"},
        },
    )

    assert athena.run("SELECT max(n) FROM dated").reason == (
        "HIVE_INVALID_PARTITION_VALUE: Invalid partition value '2026/01/02' for DATE partition "
        "key: day"
    )


def test_a_value_that_is_no_date_fails_a_condition_that_reads_it_as_one(athena: Athena) -> None:
    athena.put("folders/x/a", one(1))
    athena.table("folders", {"n": "int"}, {"day": "string"})
    athena.aws.client("glue").create_partition(
        DatabaseName=DATABASE,
        TableName="folders",
        PartitionInput={
            "Values": ["x"],
            "StorageDescriptor": {"Location": f"s3://{DATA}/folders/x/"},
        },
    )

    reason = athena.run(
        "SELECT n FROM folders WHERE date_parse(day, '%Y-%m-%d') > current_timestamp"
    ).reason

    assert reason.startswith("INVALID_FUNCTION_ARGUMENT: ")


BY_HOUR = {
    "format": "yyyy/MM/dd/HH",
    "range": "2026/01/01/00,NOW",
    "interval": "1",
    "interval__unit": "HOURS",
}


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("interval", None),
        ("interval__unit", None),
        ("format", None),
        ("range", None),
        ("interval", "0"),
        ("interval", "-1"),
        ("interval", "one"),
        ("interval__unit", "FORTNIGHTS"),
        ("range", "2026/01/01/00"),
        ("range", "2026-01-01,NOW"),
        ("range", "NOW-3FORTNIGHTS,NOW"),
        ("range", "NOW,2026/01/01/00"),
        ("format", "'yyyy"),
        ("format", "QQ"),
    ],
)
def test_a_projection_by_the_hour_needs_each_of_its_settings_to_be_valid(
    athena: Athena, setting: str, value: str | None
) -> None:
    settings = {k: v for k, v in {**BY_HOUR, setting: value}.items() if v is not None}
    name = re.sub(r"\W+", "_", f"wrong_{setting}_{value}").lower()

    reason = projected(
        athena, name, "string", **{f"projection__part__{k}": v for k, v in settings.items()}
    )

    assert reason.startswith("INVALID_TABLE_PROPERTY: ")


@pytest.mark.parametrize("kind", ["enum", "integer", "injected"])
def test_other_projections_are_refused(athena: Athena, kind: str) -> None:
    athena.table(
        f"projected_{kind}",
        {"n": "int"},
        {"part": "string"},
        projection__enabled="true",
        projection__part__type=kind,
    )

    reason = athena.run(f"SELECT max(n) FROM projected_{kind}").reason

    assert reason == f"NOT_SUPPORTED: the local AWS lacks the projection type {kind}"


def test_partitions_that_are_not_projected_are_those_of_glue(athena: Athena) -> None:
    athena.put("registered/day=1/a", one(1))
    athena.put("registered/day=2/a", one(2))
    athena.put("elsewhere/a", one(3))
    athena.table("registered", {"n": "int"}, {"day": "string"})
    before = athena.rows("SELECT n FROM registered")

    for day, location in (("1", "registered/day=1"), ("3", "elsewhere")):
        athena.aws.client("glue").create_partition(
            DatabaseName=DATABASE,
            TableName="registered",
            PartitionInput={
                "Values": [day],
                "StorageDescriptor": {"Location": f"s3://{DATA}/{location}/"},
            },
        )

    assert before == []
    assert athena.rows("SELECT n, day FROM registered ORDER BY n") == [["1", "1"], ["3", "3"]]


@pytest.mark.parametrize("kind", ["csv", "hive-json"])
def test_a_table_that_another_serde_reads_is_refused(athena: Athena, kind: str) -> None:
    name = kind.replace("-", "_")
    athena.put(f"{name}/a", b"1")
    athena.table(name, {"n": "bigint"}, kind=kind)

    assert athena.run(f"SELECT n FROM {name}").reason.startswith(
        "NOT_SUPPORTED: tables in the format org.apache.h"
    )


def test_the_answer_of_a_statement_is_a_text_object(athena: Athena) -> None:
    execution = athena.run("CREATE OR REPLACE VIEW answered AS SELECT 1 AS n")

    bucket, key = execution.location.removeprefix("s3://").split("/", 1)
    body = athena.aws.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read()
    assert (key.endswith(".txt"), body) == (True, b"")


def test_an_object_that_is_overwritten_is_read_anew(athena: Athena) -> None:
    athena.table("changing", {"n": "int"})
    athena.put("changing/a", one(1))
    before = athena.rows("SELECT n FROM changing")

    athena.put("changing/a", one(2))

    assert (before, athena.rows("SELECT n FROM changing")) == ([["1"]], [["2"]])


# -- views -------------------------------------------------------------------------------


def test_a_view_resolves_names_in_its_own_database(athena: Athena) -> None:
    athena.aws.client("glue").create_database(DatabaseInput={"Name": "other-db"})
    athena.put("numbers/a", one(7))
    athena.table("numbers", {"n": "int"})
    athena.view("all_numbers", {"n": "integer"}, "SELECT n FROM numbers")

    rows = athena.rows(
        f'SELECT "{DATABASE}"."all_numbers".n FROM "{DATABASE}"."all_numbers"',
        QueryExecutionContext={"Database": "other-db"},
    )

    assert rows == [["7"]]


def test_a_view_whose_columns_do_not_fit_its_declaration_is_stale(athena: Athena) -> None:
    athena.view("stale", {"at": "timestamp(3)"}, "SELECT from_unixtime(0)")
    athena.view("narrow", {"a": "integer"}, "SELECT 1, 2")

    assert athena.run("SELECT * FROM stale").reason.startswith(
        f"VIEW_IS_STALE: line 1:1: View 'awsdatacatalog.{DATABASE}.stale' is stale or in invalid "
        "state: column [at] of type timestamp(3) with time zone"
    )
    assert "stored view column count (1)" in athena.run("SELECT * FROM narrow").reason


@pytest.mark.parametrize("storage", [{"Columns": []}, {"Columns": [], "Location": ""}])
def test_a_view_without_a_serde_is_refused(athena: Athena, storage: dict[str, Any]) -> None:
    name = f"without_serde_{len(storage)}"
    athena.view(name, {"one": "integer"}, "SELECT 1", **storage)

    assert athena.run(f"SELECT * FROM {name}").reason == (
        "HIVE_METASTORE_ERROR: Table storage descriptor is missing SerDe info"
    )


def test_a_view_with_an_empty_serde_is_read_as_athena_itself_writes_it(athena: Athena) -> None:
    athena.view("empty_serde", {"one": "integer"}, "SELECT 1", Columns=[], SerdeInfo={})

    assert athena.rows("SELECT * FROM empty_serde") == [["1"]]


def test_a_view_is_created_and_asked(athena: Athena) -> None:
    athena.rows(
        "CREATE OR REPLACE VIEW halves AS SELECT event_id, arrival_timestamp / 2 AS half, "
        "attributes FROM all_events"
    )

    stored = athena.aws.client("glue").get_table(DatabaseName=DATABASE, Name="halves")["Table"]
    assert stored["TableType"] == "VIRTUAL_VIEW"
    assert [c["Type"] for c in stored["StorageDescriptor"]["Columns"]] == [
        "string",
        "bigint",
        "map<string,string>",
    ]
    assert athena.rows(f"SELECT half FROM halves WHERE event_id = 'e5' AND {'TRUE'} LIMIT 1") == [
        ["2"]
    ]
    assert athena.run("CREATE VIEW halves AS SELECT 1 AS a").reason.startswith("ALREADY_EXISTS")


# -- workgroups --------------------------------------------------------------------------


def test_an_enforced_workgroup_decides_where_results_go_and_how_they_are_encrypted(
    athena: Athena,
) -> None:
    encryption = {"EncryptionOption": "SSE_S3"}
    result = {"OutputLocation": f"s3://{RESULTS}/own/", "EncryptionConfiguration": encryption}
    for name, enforced in (("strict", True), ("lax", False)):
        athena.aws.client("athena").create_work_group(
            Name=name,
            Configuration={
                "ResultConfiguration": result,
                "EnforceWorkGroupConfiguration": enforced,
            },
        )
    asked = {"OutputLocation": f"s3://{RESULTS}/asked/"}

    strict = athena.run("SELECT 1", WorkGroup="strict", ResultConfiguration=asked)
    lax = athena.run("SELECT 1", WorkGroup="lax", ResultConfiguration=asked)

    key = strict.location.removeprefix(f"s3://{RESULTS}/")
    head = athena.aws.client("s3").head_object(Bucket=RESULTS, Key=key)
    assert strict.location.startswith(f"s3://{RESULTS}/own/")
    assert lax.location.startswith(f"s3://{RESULTS}/asked/")
    assert head["ServerSideEncryption"] == "AES256"


def test_a_query_over_the_limit_of_its_workgroup_is_cancelled(athena: Athena) -> None:
    athena.workgroup("limited", BytesScannedCutoffPerQuery=10_000_000)
    athena.put("wide/a", parquet("SELECT i, md5(i::VARCHAR) AS text FROM range(400000) AS r(i)"))
    athena.table("wide", {"i": "bigint", "text": "string"})

    over = athena.run("SELECT max(text) FROM wide", WorkGroup="limited")
    under = athena.run("SELECT max(i) FROM wide", WorkGroup="limited")

    assert (over.state, over.reason) == ("CANCELLED", "Bytes scanned limit was exceeded")
    assert over.scanned > 10_000_000
    assert under.rows == [["399999"]]


def test_unknown_and_disabled_workgroups_are_refused(athena: Athena) -> None:
    athena.workgroup("closed")
    athena.aws.client("athena").update_work_group(WorkGroup="closed", State="DISABLED")

    for name, reason in (("nobody", "is not found"), ("closed", "is disabled")):
        with pytest.raises(ClientError, match=f"InvalidRequestException.*{name} {reason}"):
            athena.start("SELECT 1", WorkGroup=name)


def test_metadata_lies_beside_the_rows_of_a_query(athena: Athena) -> None:
    location = athena.run("SELECT 1 AS one").location

    key = location.removeprefix(f"s3://{RESULTS}/")
    found = athena.aws.client("s3").list_objects_v2(Bucket=RESULTS, Prefix=key)
    assert [item["Key"] for item in found["Contents"]] == [key, f"{key}.metadata"]


# -- repeated requests -------------------------------------------------------------------


def test_a_repeated_token_is_the_query_of_the_first_request(athena: Athena) -> None:
    token = {"ClientRequestToken": "t" * 32}

    first = athena.start("SELECT 1", **token)

    assert athena.start("SELECT 1", **token) == first
    assert athena.start("SELECT 1", ClientRequestToken="u" * 32) != first


def test_a_token_is_for_one_query_only(athena: Athena) -> None:
    token = {"ClientRequestToken": "v" * 32}
    athena.start("SELECT 1", **token)

    with pytest.raises(ClientError, match="Idempotent parameters do not match"):
        athena.start("SELECT 2", **token)


def test_a_refused_request_does_not_use_its_token_up(athena: Athena) -> None:
    token = {"ClientRequestToken": "w" * 32}
    with pytest.raises(ClientError, match="is not found"):
        athena.start("SELECT 1", WorkGroup="missing", **token)

    assert athena.start("SELECT 1", **token)


# -- permissions -------------------------------------------------------------------------

NEEDED = {
    "glue:GetTable": [
        f"arn:aws:glue:{REGION}:{ACCOUNT}:{name}"
        for name in ("catalog", f"database/{DATABASE}", f"table/{DATABASE}/all_events")
    ],
    "glue:GetDatabase": [
        f"arn:aws:glue:{REGION}:{ACCOUNT}:{n}" for n in ("catalog", f"database/{DATABASE}")
    ],
    "glue:GetPartitions": [f"arn:aws:glue:{REGION}:{ACCOUNT}:*"],
    "s3:ListBucket": [f"arn:aws:s3:::{DATA}"],
    "s3:GetObject": [f"arn:aws:s3:::{DATA}/all_events/*"],
    "s3:PutObject": [f"arn:aws:s3:::{RESULTS}/{WORKGROUP}/*"],
    "s3:GetBucketLocation": [f"arn:aws:s3:::{RESULTS}"],
    "athena:StartQueryExecution": ["*"],
}


def analyst(athena: Athena, name: str, without: str = "") -> Any:
    """An Athena client of a user who has what a query needs, but for one action."""
    statements = [
        {"Effect": "Allow", "Action": action, "Resource": resources}
        for action, resources in NEEDED.items()
        if action != without
    ]
    iam = athena.aws.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name,
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    key = iam.create_access_key(UserName=name)["AccessKey"]
    return athena.aws.client(
        "athena",
        {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        },
    )


def test_a_query_runs_with_the_permissions_of_its_caller(athena: Athena) -> None:
    client = analyst(athena, "analyst")

    execution = athena.run("SELECT count(event_id) FROM all_events", client=client)

    assert (execution.state, execution.rows) == ("SUCCEEDED", [["300"]]), execution.reason


@pytest.mark.parametrize(
    "action",
    ["glue:GetTable", "glue:GetDatabase", "glue:GetPartitions", "s3:ListBucket", "s3:GetObject"]
    + ["s3:PutObject"],
)
def test_a_query_fails_without_each_permission_that_it_needs(athena: Athena, action: str) -> None:
    client = analyst(athena, "without-" + action.replace(":", "-"), without=action)

    execution = athena.run("SELECT count(event_id) FROM all_events", client=client)

    assert execution.state == "FAILED"
    assert f"is not authorized to perform: {action} on resource" in execution.reason


@pytest.mark.parametrize(("workgroup", "allowed"), [(WORKGROUP, True), ("others", False)])
def test_a_query_is_watched_and_stopped_with_the_permission_on_its_workgroup(
    athena: Athena, workgroup: str, allowed: bool
) -> None:
    query = athena.start("SELECT 1")
    client = analyst(athena, f"watcher-{workgroup}")
    arn = f"arn:aws:athena:{REGION}:{ACCOUNT}:workgroup/{workgroup}"
    actions = ["athena:GetQueryExecution", "athena:StopQueryExecution"]
    statement = {"Effect": "Allow", "Action": actions, "Resource": arn}
    athena.aws.client("iam").put_user_policy(
        UserName=f"watcher-{workgroup}",
        PolicyName="watch",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": [statement]}),
    )

    for call in (client.get_query_execution, client.stop_query_execution):
        if allowed:
            call(QueryExecutionId=query)
        else:
            with pytest.raises(ClientError, match="AccessDenied"):
                call(QueryExecutionId=query)


def test_a_query_that_has_read_its_rows_can_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    connection = duckdb.connect()
    connection.close()
    monkeypatch.setattr(athena_patch.athena, "_stop_query_execution", lambda data: "stopped")
    monkeypatch.setitem(athena_patch._running, "q1", {"connection": connection})

    athena_patch._interrupt_stopped()

    assert athena_patch.athena._stop_query_execution({"QueryExecutionId": "q1"}) == "stopped"


def test_the_results_bucket_must_be_the_callers_to_locate(athena: Athena) -> None:
    client = analyst(athena, "lost", without="s3:GetBucketLocation")

    with pytest.raises(ClientError, match=f"Unable to verify/create output bucket {RESULTS}"):
        athena.start("SELECT 1", client=client)


def test_results_are_read_with_the_permission_on_their_object(athena: Athena) -> None:
    client = analyst(athena, "curious")
    athena.aws.client("iam").put_user_policy(
        UserName="curious",
        PolicyName="results",
        PolicyDocument=json.dumps(
            {"Statement": [{"Effect": "Allow", "Action": "athena:*", "Resource": "*"}]}
        ),
    )
    query = athena.start("SELECT 1", client=client)
    athena.wait(query)

    with pytest.raises(ClientError, match="s3:GetObject"):
        client.get_query_results(QueryExecutionId=query)
