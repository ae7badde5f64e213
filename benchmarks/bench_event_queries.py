"""Measure the bytes that queries read, as Parquet by the hour and as plain JSON.

90 days of synthetic events (synthetic_events.py) go through the transforms and are stored, an
object an hour, under the tables and views of the three modules. Firehose makes more and smaller
objects: a day of smaller objects is measured beside it. The same events are stored as received, as
lines of JSON, uncompressed and without partitions, under a table that the same views read. Each
query runs on both layouts on the local AWS, and both must give the same answer. The bytes are the
bytes that Athena bills: the columns read of Parquet, and whole objects of JSON.
"""

from __future__ import annotations

import base64
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import Any, NamedTuple

import duckdb

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "lambda_src")]

# The path must be set first.
from benchmarks import Figure  # noqa: E402
from benchmarks.synthetic_events import Event, address, events_of  # noqa: E402
from shared.event_rows.batch import transform  # noqa: E402
from tests.builders.event_database import (  # noqa: E402
    TABLES,
    EventDatabase,
    View,
    duckdb_type,
    read_view,
)
from tests.builders.local_account import LocalAccount, local_account  # noqa: E402

DAYS = 90
PROCESSES = 2
UNTIL_ASKED = timedelta(minutes=4)  # the last hour with events is the one in which they are asked
BATCH = 500  # records of an invocation of the transform
REPEATS = 3
LONG_SECONDS = 10  # what takes longer is asked once
HOUR_MS = 3_600_000
BUFFER_MS = 40_000  # the modules' default of buffer_seconds
# Stories that begin on each day: a million events, and 200,000 each of the others.
STORIES_PER_DAY = {"all_events": 3_300, "ses_events": 900, "sms_events": 760}
MADE_BY_TRANSFORM = {
    "event_id",
    "source",
    "message_tags",
    "unmapped",
    "totalmessagepricemicros",
    "totalcarrierfeemicros",
}
# Expressions for the columns of the views' base that an event itself does not have.
INSTEAD = {
    "pinpoint_event_database": {
        "event_id": "'-'",
        "source": "'pinpoint'",
        "message_tags": "attributes",
        "ingest_timestamp": "CAST(from_unixtime(arrival_timestamp / 1e3) AS timestamp)",
    },
    "ses_event_database": {
        "event_id": "coalesce(open.timestamp, click.timestamp, eventtype)",
        "ingest_timestamp": "CAST(from_iso8601_timestamp(mail.timestamp) AS timestamp)",
    },
    "sms_event_database": {
        "event_id": "eventtype",
        "totalmessagepricemicros": "CAST(round(totalmessageprice * 1e6) AS bigint)",
        "totalcarrierfeemicros": "CAST(round(totalcarrierfee * 1e6) AS bigint)",
        "ingest_timestamp": "CAST(from_unixtime(eventtimestamp / 1e3) AS timestamp)",
    },
}
ADDRESS = address(7)
RECENT = "ingest_timestamp > current_timestamp - interval '30' day"


class Question(NamedTuple):
    module: str
    sql: str
    parameters: tuple[str, ...] = ()


def _named(module: str, name: str, *parameters: str) -> Question:
    sql = (ROOT / "modules" / module / "queries" / f"{name}.sql").read_text()
    return Question(module, sql, parameters)


def _of_one_day(question: Question) -> Question:
    return question._replace(sql=question.sql.replace("interval '30' day", "interval '1' day"))


def _questions() -> dict[str, Question]:
    """Return the questions of the originals, the named queries, and questions about one day."""
    pinpoint, ses, sms = TABLES
    numbers = ", ".join(
        f"(SELECT COUNT(*) FROM {view} WHERE {view}.pinpoint_campaign_id = "
        f"campaign_send.pinpoint_campaign_id) AS {name}"
        for name, view in {
            "sends": "email_send",
            "opens": "email_open",
            "clicks": "email_click",
            "hard_bounces": "email_hardbounce",
            "soft_bounces": "email_softbounce",
            "unsubscribes": "email_unsubscribe",
        }.items()
    )
    campaigns = _named(pinpoint, "campaign_results")
    emails = Question(
        pinpoint,
        "SELECT a.event_timestamp AS sent, a.subject AS subject, "
        "CASE WHEN b.event_timestamp IS NULL THEN 0 ELSE 1 END AS opened "
        "FROM email_send a LEFT JOIN email_open b ON a.message_id = b.message_id "
        f"WHERE contains(a.destination, '{ADDRESS}') AND a.{RECENT} "
        "ORDER BY a.event_timestamp DESC",
    )
    emails_named = _named(pinpoint, "emails_of_one_address", f"'{ADDRESS}'")
    return {
        "1 campaigns, the seed's query": Question(
            pinpoint,
            f"SELECT pinpoint_campaign_id, {numbers} FROM campaign_send WHERE {RECENT} GROUP BY 1",
        ),
        "1 campaigns, named query": campaigns,
        "2 emails of an address, the seed's query": emails,
        "2 emails of an address, named query": emails_named,
        "3 SMS by message type, the seed's query": Question(
            sms,
            "SELECT messagetype, COUNT(DISTINCT messageid), SUM(totalmessageprice) "
            'FROM "{database}"."sms_events" GROUP BY messagetype',
        ),
        "3 SMS by message type, named query": _named(sms, "count_and_cost_by_message_type"),
        "4 delivery status of an address, the seed's query": Question(
            ses,
            'SELECT * FROM "{database}"."email_status" CROSS JOIN UNNEST(destination) AS t(email) '
            f"WHERE t.email = '{ADDRESS}' ORDER BY time_sent DESC",
        ),
        "one day: campaigns": _of_one_day(campaigns),
        "one day: emails of an address": _of_one_day(emails_named),
        "one day: emails by what became of them": Question(
            pinpoint,
            "SELECT event_type, count(DISTINCT message_id) FROM all_email_events "
            "WHERE ingest_hour >= date_format(current_timestamp - interval '1' day, '%Y/%m/%d/%H') "
            "GROUP BY event_type",
        ),
    }


_SCALE = "{events:,} events over {days} days"
FIGURES = {
    "percent_of_json.one day: *": Figure(
        "Bytes that Athena reads for a question about one day, as a share of the bytes it reads "
        f"of the same events as uncompressed JSON without partitions: {_SCALE}",
        "%",
        at_most=5,
        headline=True,
    ),
    "percent_of_json.*": Figure(
        "The same share for the questions of the original architectures and for the named queries "
        "(1 and 2 ask about 30 days; 3 and 4 ask about all {sms_events:,} events of SMS or "
        "{ses_events:,} events of SES)",
        "%",
    ),
    "megabytes.parquet.*": Figure("Megabytes that Athena reads for each question, Parquet", "MB"),
    "megabytes.json.*": Figure("Megabytes that Athena reads for each question, JSON", "MB"),
    "seconds.parquet.*": Figure("Time of each question on the local AWS, Parquet", "s"),
    "seconds.json.*": Figure(
        "Time of each question on the local AWS, JSON, asked once; copies of events are counted",
        "s",
    ),
    "bytes_per_event.json.*": Figure("Bytes of an event as received", "bytes"),
    "bytes_per_event.parquet.*": Figure(
        "Bytes of an event in Parquet, objects of one hour", "bytes"
    ),
    "bytes_per_event.parquet_in_small_objects.*": Figure(
        "Bytes of an event in Parquet, objects of {buffer_seconds} s (the default buffer; no job "
        "compacts them)",
        "bytes",
    ),
    "events_per_small_object.*": Figure("Events in an object of the default buffer", "events"),
}


# -- events in both layouts --------------------------------------------------------------


class AsJson(EventDatabase):
    """The events as received, in one place, under the module's views."""

    def __init__(self, account: LocalAccount, module: str) -> None:
        super().__init__(account, module)
        # The table and the base view differ; the views above them are the same.
        glue = account.client("glue")
        glue.delete_table(DatabaseName=self.name, Name=self.table)
        glue.create_table(DatabaseName=self.name, TableInput=self._json_table())
        glue.delete_table(DatabaseName=self.name, Name="events")
        self._create_view("events", self._base())

    def _create(self) -> None:
        self.name, self._bucket = f"{self.module}_json", json_bucket(self.module)
        super()._create()

    def _json_table(self) -> dict[str, Any]:
        # Pinpoint writes lower case: to make it so once more costs the local AWS a minute.
        lower = "false" if self.table == "all_events" else "true"
        return {
            "Name": self.table,
            "TableType": "EXTERNAL_TABLE",
            "StorageDescriptor": {
                "Location": f"s3://{self._bucket}/raw/",
                "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                "SerdeInfo": {
                    "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
                    "Parameters": {"case.insensitive": lower},
                },
                "Columns": [
                    {"Name": column["name"], "Type": column["type"]}
                    for column in self._columns
                    if column["name"] not in MADE_BY_TRANSFORM
                ],
            },
        }

    def _base(self) -> View:
        view = read_view(ROOT / "modules" / self.module / "views" / "events.sql")
        instead = INSTEAD[self.module] | {"unmapped": "CAST(NULL AS map(varchar, varchar))"}
        # An hour is a partition: both layouts mean the same time.
        hour = f"date_trunc('hour', {instead['ingest_timestamp']})"
        instead["ingest_timestamp"] = hour
        instead["ingest_hour"] = f"date_format({hour}, '%Y/%m/%d/%H')"
        columns = ", ".join(
            f"{instead[name]} AS {name}" if name in instead else name for name, _ in view.columns
        )
        return view._replace(body=f"SELECT {columns} FROM {self.table}")


def json_bucket(module: str) -> str:
    return f"{module.replace('_', '-')}-json"


def parquet_bucket(module: str) -> str:
    return module.replace("_", "-")


@dataclass
class Sizes:
    events: int = 0
    json: int = 0
    parquet: int = 0

    def add(self, other: Sizes) -> None:
        self.events += other.events
        self.json += other.json
        self.parquet += other.parquet


def rows_of(module: str, events: list[Event]) -> Iterator[tuple[int, str]]:
    """Yield rows as the module's transform writes them, each with the arrival time of its event."""
    table = import_module(f"{module}.{TABLES[module]}").rows
    for start in range(0, len(events), BATCH):
        batch = events[start : start + BATCH]
        answer = transform(
            [
                {
                    "recordId": str(number),
                    "approximateArrivalTimestamp": event.came,
                    "data": base64.b64encode(event.line.encode()).decode(),
                }
                for number, event in enumerate(batch)
            ],
            table,
        )
        if answer.reasons:
            raise RuntimeError(f"{module}: {answer.reasons}")
        for event, record in zip(batch, answer.records, strict=True):
            for row in base64.b64decode(record["data"]).decode().splitlines():
                yield event.came, row


def columns_of(module: str) -> list[dict[str, str]]:
    path = ROOT / "modules" / module / f"{TABLES[module]}.json"
    return list(json.loads(path.read_text()))


def parquet(module: str, rows: Iterable[tuple[int, str]], span_ms: int) -> dict[int, bytes]:
    """Write a Parquet object for each span (numbered since the epoch), as Converter does."""
    schema = {"span_": "BIGINT"} | {
        column["name"]: duckdb_type(column["type"]) for column in columns_of(module)
    }
    types = ", ".join(f"'{name}': '{kind}'" for name, kind in schema.items())
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb.connect(config={"threads": 1}) as connection,  # more would write more objects
    ):
        lines = Path(folder, "rows.json")
        lines.write_text("\n".join(f'{{"span_":{at // span_ms},{row[1:]}' for at, row in rows))
        connection.execute(
            "SET enable_progress_bar = false; SET partitioned_write_max_open_files = 10000"
        )
        connection.execute(
            f"COPY (SELECT * FROM read_json('{lines}', format = 'newline_delimited', "
            f"columns = {{{types}}})) TO '{folder}/spans' "
            "(FORMAT parquet, COMPRESSION snappy, PARTITION_BY (span_))"
        )
        return {
            int(path.parent.name.removeprefix("span_=")): path.read_bytes()
            for path in Path(folder, "spans").rglob("*.parquet")
        }


def bring(account: LocalAccount, module: str, day: int, first: datetime) -> Sizes:
    """Write the events of a day to both buckets."""
    s3 = account.client("s3")
    events = events_of(TABLES[module], STORIES_PER_DAY[TABLES[module]], day, first)
    lines = "".join(f"{event.line}\n" for event in events).encode()
    s3.put_object(Bucket=json_bucket(module), Key=f"raw/{day}.json", Body=lines)
    size = 0
    for hour, content in parquet(module, rows_of(module, events), HOUR_MS).items():
        moment = datetime.fromtimestamp(hour * 3_600, UTC)
        key = f"events/{moment:%Y/%m/%d/%H}/{hour}.parquet"
        s3.put_object(Bucket=parquet_bucket(module), Key=key, Body=content)
        size += len(content)
    return Sizes(len(events), len(lines), size)


def bring_all(
    account: LocalAccount, first: datetime
) -> tuple[dict[str, Sizes], dict[str, LastDay]]:
    """Write all days in both layouts, with several processes; return sizes by table."""
    sizes = {table: Sizes() for table in TABLES.values()}
    with ProcessPoolExecutor(PROCESSES, mp_context=get_context("spawn")) as pool:
        for module, table in TABLES.items():
            for one in pool.map(
                bring, [account] * DAYS, [module] * DAYS, range(DAYS), [first] * DAYS
            ):
                sizes[table].add(one)
        days = dict(zip(TABLES.values(), pool.map(last_day, TABLES, [first] * 3), strict=True))
    return sizes, days


class LastDay(NamedTuple):
    """The events and objects of the last day: numbers, and bytes of the objects of both spans."""

    events: int
    by_hour: int
    by_buffer: int
    objects: int


def last_day(module: str, first: datetime) -> LastDay:
    """Measure a day as objects of an hour, and as objects of the default buffer."""
    events = events_of(TABLES[module], STORIES_PER_DAY[TABLES[module]], DAYS - 1, first)
    rows = list(rows_of(module, events))
    hours, spans = (parquet(module, rows, span).values() for span in (HOUR_MS, BUFFER_MS))
    return LastDay(len(events), sum(map(len, hours)), sum(map(len, spans)), len(spans))


# -- questions ---------------------------------------------------------------------------


class Answered(NamedTuple):
    megabytes: float
    seconds: float
    rows: list[tuple[str | None, ...]]


def ask(account: LocalAccount, database: str, question: Question) -> Answered:
    """Run a query; return Athena's figures for bytes and time, and the rows in some order."""
    athena = account.client("athena")
    given = {"ExecutionParameters": list(question.parameters)} if question.parameters else {}
    query = athena.start_query_execution(
        QueryString=question.sql.replace("{database}", database),
        QueryExecutionContext={"Database": database},
        WorkGroup=database,
        **given,
    )["QueryExecutionId"]
    while True:
        execution = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
        if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
            break
        time.sleep(0.05)
    if execution["Status"]["State"] != "SUCCEEDED":
        raise RuntimeError(f"{execution['Status'].get('StateChangeReason')}\n{question.sql}")
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
    rows = [
        tuple(_comparable(cell.get("VarCharValue")) for cell in row["Data"])
        for page in pages
        for row in page["ResultSet"]["Rows"]
    ]
    statistics_ = execution["Statistics"]
    return Answered(
        statistics_["DataScannedInBytes"] / 1e6,
        statistics_["EngineExecutionTimeInMillis"] / 1000,
        sorted(rows, key=repr),
    )


def _comparable(text: str | None) -> str | None:
    """Round sums of prices: their last digits depend on the order of addition."""
    try:
        return text if text is None or "." not in text else f"{float(text):.6g}"
    except ValueError:
        return text


def run() -> dict[str, Any]:
    asked = (datetime.now(UTC) + UNTIL_ASKED).replace(minute=0, second=0, microsecond=0)
    first = asked + timedelta(hours=1) - timedelta(days=DAYS)
    megabytes: dict[str, dict[str, float]] = {"parquet": {}, "json": {}}
    seconds: dict[str, dict[str, float]] = {"parquet": {}, "json": {}}
    percent = {}
    with local_account() as account:
        databases = {
            module: (EventDatabase(account, module).name, AsJson(account, module).name)
            for module in TABLES
        }
        sizes, days = bring_all(account, first)
        for module, (_, as_json) in databases.items():
            # The first query copies the objects to where they are read.
            ask(account, as_json, Question(module, f"SELECT count(*) FROM {TABLES[module]}"))
        for name, question in _questions().items():
            parquet_database, json_database = databases[question.module]
            runs = [ask(account, parquet_database, question)]
            while len(runs) < REPEATS and runs[0].seconds < LONG_SECONDS:
                runs.append(ask(account, parquet_database, question))
            plain = ask(account, json_database, question)
            if len(plain.rows) < 2 or runs[0].rows != plain.rows:
                raise RuntimeError(f"{name}: the layouts differ, {runs[0].rows} and {plain.rows}")
            megabytes["parquet"][name] = round(runs[0].megabytes, 3)
            megabytes["json"][name] = round(plain.megabytes, 1)
            seconds["parquet"][name] = statistics.median(one.seconds for one in runs)
            seconds["json"][name] = plain.seconds
            percent[name] = round(100 * runs[0].megabytes / plain.megabytes, 3)
    whole, day = sizes["all_events"], days["all_events"]
    percent["one day: every byte of it"] = round(100 * day.by_hour / whole.json, 3)
    percent["one day: every byte of it, in objects of the default buffer"] = round(
        100 * day.by_buffer / whole.json, 3
    )
    return {
        "repeats": REPEATS,
        "days": DAYS,
        "buffer_seconds": BUFFER_MS // 1000,
        "events": sizes["all_events"].events,
        "ses_events": sizes["ses_events"].events,
        "sms_events": sizes["sms_events"].events,
        "percent_of_json": percent,
        "megabytes": megabytes,
        "seconds": seconds,
        "bytes_per_event": {
            "json": {table: round(one.json / one.events) for table, one in sizes.items()},
            "parquet": {table: round(one.parquet / one.events) for table, one in sizes.items()},
            "parquet_in_small_objects": {
                table: round(one.by_buffer / one.events) for table, one in days.items()
            },
        },
        "events_per_small_object": {
            table: round(one.events / one.objects, 1) for table, one in days.items()
        },
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
