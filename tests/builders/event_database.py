"""An event database on the local AWS without its Firehose: rows in, answers of Athena out."""

from __future__ import annotations

import base64
import importlib
import json
import re
import tempfile
import time
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

import duckdb
from sqlglot import exp

from shared.event_rows import batch
from tests.builders.local_account import LocalAccount

ROOT = Path(__file__).resolve().parents[2]
ACCOUNT_ID = "123456789012"
TABLES = {
    "pinpoint_event_database": "all_events",
    "ses_event_database": "ses_events",
    "sms_event_database": "sms_events",
}
VIEWS = sorted((ROOT / "modules").glob("*_event_database/views/*.sql"))
QUERIES = sorted((ROOT / "modules").glob("*_event_database/queries/*.sql"))

Row = dict[str, Any]
Answer = dict[str, str | None]


class View(NamedTuple):
    """A view file, read as Terraform reads it."""

    head: str
    columns: list[tuple[str, str]]
    body: str


def read_view(path: Path) -> View:
    sql = path.read_text()
    comment = re.match(r"^(?:--[^\n]*\n)*", sql)[0]  # type: ignore[index]  # it matches nothing, too
    head, _, declared = comment.partition("-- columns:\n")
    columns = re.findall(
        r"^--[ ]+([a-z_][a-z0-9_]*)[ ]+([a-z][a-z0-9_<>,:()]*)[ ]*$", declared, re.M
    )
    assert len(columns) == len(declared.splitlines()), f"{path.name}: a line declares no column"
    return View(head, columns, sql[len(comment) :].strip())


def this_hour() -> datetime:
    return datetime.now(UTC).replace(minute=0, second=0, microsecond=0)


def hours_ago(hours: int) -> datetime:
    return this_hour() - timedelta(hours=hours)


def rows_of(
    module: str, events: Iterable[Mapping[str, Any]], at: datetime | None = None
) -> list[Row]:
    """Transform events with the module's own transform function; every event must be readable."""
    package = importlib.import_module(f"{module}.{TABLES[module]}")
    arrived = int((at or datetime.now(UTC)).timestamp() * 1000)
    records = [
        {
            "recordId": str(number),
            "approximateArrivalTimestamp": arrived,
            "data": base64.b64encode(json.dumps(event).encode()).decode(),
        }
        for number, event in enumerate(events)
    ]
    answer = batch.transform(records, package.rows, account_id=ACCOUNT_ID)
    assert answer.reasons == {}
    lines = b"".join(base64.b64decode(record["data"]) for record in answer.records)
    return [json.loads(line) for line in lines.splitlines()]


class EventDatabase:
    """The table, views and workgroup of one module, as its Terraform declares them."""

    def __init__(self, account: LocalAccount, module: str) -> None:
        self.module = module
        self.table = TABLES[module]
        self.name = module
        self._columns = json.loads((ROOT / "modules" / module / f"{self.table}.json").read_text())
        self._bucket = module.replace("_", "-")
        self._s3, self._glue = account.client("s3"), account.client("glue")
        self._athena = account.client("athena")
        self._files = 0
        self._create()

    def _create(self) -> None:
        self._s3.create_bucket(Bucket=self._bucket)
        self._glue.create_database(DatabaseInput={"Name": self.name})
        self._athena.create_work_group(
            Name=self.name,
            Configuration={
                "ResultConfiguration": {"OutputLocation": f"s3://{self._bucket}/results/"},
                "EnforceWorkGroupConfiguration": True,
            },
        )
        parquet = "org.apache.hadoop.hive.ql.io.parquet"
        self._glue.create_table(
            DatabaseName=self.name,
            TableInput={
                "Name": self.table,
                "TableType": "EXTERNAL_TABLE",
                "Parameters": {
                    "EXTERNAL": "TRUE",
                    "classification": "parquet",
                    "projection.enabled": "true",
                    "projection.ingest_hour.type": "date",
                    "projection.ingest_hour.format": "yyyy/MM/dd/HH",
                    "projection.ingest_hour.interval": "1",
                    "projection.ingest_hour.interval.unit": "HOURS",
                    "projection.ingest_hour.range": "NOW-90DAYS,NOW+1HOURS",
                    "storage.location.template": f"s3://{self._bucket}/events/${{ingest_hour}}/",
                },
                "StorageDescriptor": {
                    "Location": f"s3://{self._bucket}/events/",
                    "InputFormat": f"{parquet}.MapredParquetInputFormat",
                    "OutputFormat": f"{parquet}.MapredParquetOutputFormat",
                    "SerdeInfo": {"SerializationLibrary": f"{parquet}.serde.ParquetHiveSerDe"},
                    "Columns": [{"Name": c["name"], "Type": c["type"]} for c in self._columns],
                },
                "PartitionKeys": [{"Name": "ingest_hour", "Type": "string"}],
            },
        )
        for path in VIEWS:
            if path.parts[-3] == self.module:
                self._create_view(path.stem, read_view(path))

    def _create_view(self, name: str, view: View) -> None:
        stored = {
            "originalSql": view.body,
            "catalog": "awsdatacatalog",
            "schema": self.name,
            "columns": [
                {"name": column, "type": trino_type(kind)} for column, kind in view.columns
            ],
        }
        text = base64.b64encode(json.dumps(stored).encode()).decode()
        self._glue.create_table(
            DatabaseName=self.name,
            TableInput={
                "Name": name,
                "TableType": "VIRTUAL_VIEW",
                "Parameters": {"presto_view": "true"},
                "StorageDescriptor": {
                    "Columns": [{"Name": column, "Type": kind} for column, kind in view.columns],
                    "SerdeInfo": {"Name": "-", "SerializationLibrary": "-"},
                },
                "ViewOriginalText": f"/* Presto View: {text} */",
                "ViewExpandedText": "/* Presto View */",
            },
        )

    def columns_of_query(self, sql: str) -> list[tuple[str, str]]:
        """Names and Hive types, as Athena finds them for a view of the query."""
        self.ask(f"CREATE OR REPLACE VIEW described AS {sql}")
        found = self._glue.get_table(DatabaseName=self.name, Name="described")["Table"]
        return [(one["Name"], one["Type"]) for one in found["StorageDescriptor"]["Columns"]]

    def empty(self) -> None:
        for page in self._s3.get_paginator("list_objects_v2").paginate(Bucket=self._bucket):
            for stored in page.get("Contents", []):
                self._s3.delete_object(Bucket=self._bucket, Key=stored["Key"])

    def put(self, *events: Mapping[str, Any], hour: datetime | None = None) -> None:
        """Bring events through the transform into the hour's files (this hour's when left out)."""
        self.put_rows(rows_of(self.module, events, hour), hour)

    def put_rows(self, rows: list[Row], hour: datetime | None = None) -> None:
        types = ", ".join(f"'{c['name']}': '{duckdb_type(c['type'])}'" for c in self._columns)
        with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
            lines, parquet = Path(folder, "rows.jsonl"), Path(folder, "rows.parquet")
            lines.write_text("".join(json.dumps(row) + "\n" for row in rows))
            connection.execute(
                f"COPY (SELECT * FROM read_json('{lines}', format = 'newline_delimited', "
                f"columns = {{{types}}})) TO '{parquet}' (FORMAT parquet)"
            )
            self._files += 1
            path = f"events/{hour or this_hour():%Y/%m/%d/%H}/{self._files}.parquet"
            self._s3.put_object(Bucket=self._bucket, Key=path, Body=parquet.read_bytes())

    def ask(self, sql: str, *parameters: str) -> list[Answer]:
        """The rows of an answer, values as Athena prints them."""
        return self._rows(self._run(sql, parameters)["QueryExecutionId"])

    def scanned(self, sql: str) -> int:
        """Bytes that a query reads."""
        statistics = self._run(sql, ())["Statistics"]
        return int(statistics["DataScannedInBytes"])

    def ask_named(self, name: str, *parameters: str) -> list[Answer]:
        return self.ask(self._named(name), *parameters)

    def scanned_named(self, name: str) -> int:
        return self.scanned(self._named(name))

    def _named(self, name: str) -> str:
        return (ROOT / "modules" / self.module / "queries" / f"{name}.sql").read_text()

    def _run(self, sql: str, parameters: tuple[str, ...]) -> dict[str, Any]:
        given = {"ExecutionParameters": list(parameters)} if parameters else {}
        query = self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self.name},
            WorkGroup=self.name,
            **given,
        )["QueryExecutionId"]
        while True:
            execution: dict[str, Any] = self._athena.get_query_execution(QueryExecutionId=query)[
                "QueryExecution"
            ]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                break
            time.sleep(0.01)
        status = execution["Status"]
        assert status["State"] == "SUCCEEDED", f"{status.get('StateChangeReason')}\n{sql}"
        return execution

    def _rows(self, query: str) -> list[Answer]:
        names: list[str] | None = None
        rows: list[Answer] = []
        for page in self._athena.get_paginator("get_query_results").paginate(
            QueryExecutionId=query
        ):
            found = page["ResultSet"]
            lines = [[v.get("VarCharValue") for v in row["Data"]] for row in found["Rows"]]
            if names is None:
                names = [one["Name"] for one in found["ResultSetMetadata"]["ColumnInfo"]]
                lines = lines[1:] if lines and lines[0] == names else lines
            rows += [dict(zip(names, line, strict=True)) for line in lines]
        return rows


def trino_type(hive: str) -> str:
    """`array<struct<a:int>>` as `ARRAY(ROW("a" INTEGER))`."""
    return _hive(hive).sql("trino")


def duckdb_type(hive: str) -> str:
    """`array<struct<a:int>>` as `STRUCT("a" INT)[]`."""
    return _hive(hive).sql("duckdb")


def _hive(notation: str) -> exp.DataType:
    quoted = re.sub(r"(\w+):", r"`\1`:", notation)
    return exp.DataType.build(quoted, dialect="hive")
