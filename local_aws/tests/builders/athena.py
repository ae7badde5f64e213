"""Tables for Athena: Parquet and JSON objects, their Glue tables, and queries on them."""

from __future__ import annotations

import base64
import json
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

from builders.ministack_server import MinistackServer

DATA, RESULTS, DATABASE, WORKGROUP = "lake", "answers", "db", "analysts"

_FORMATS = {
    "parquet": (
        "org.apache.hadoop.hive.ql.io.parquet.MapredParquetInputFormat",
        "org.apache.hadoop.hive.ql.io.parquet.serde.ParquetHiveSerDe",
    ),
    "json": ("org.apache.hadoop.mapred.TextInputFormat", "org.openx.data.jsonserde.JsonSerDe"),
    "csv": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hadoop.hive.serde2.lazy.LazySimpleSerDe",
    ),
    "hive-json": (
        "org.apache.hadoop.mapred.TextInputFormat",
        "org.apache.hive.hcatalog.data.JsonSerDe",
    ),
}


def parquet(select: str) -> bytes:
    """The rows of a DuckDB query as a Parquet object."""
    with tempfile.TemporaryDirectory() as folder, duckdb.connect() as connection:
        path = Path(folder) / "rows.parquet"
        connection.execute(f"COPY ({select}) TO '{path}' (FORMAT parquet, COMPRESSION snappy)")
        return path.read_bytes()


def chunk_bytes(content: bytes, *columns: str) -> int:
    """The size of those columns' chunks in a Parquet object (``a, b`` is the field b of a)."""
    with tempfile.NamedTemporaryFile(suffix=".parquet") as file, duckdb.connect() as connection:
        Path(file.name).write_bytes(content)
        found = connection.execute(
            "SELECT sum(total_compressed_size) FROM parquet_metadata(?) "
            "WHERE list_contains(?, path_in_schema)",
            [file.name, list(columns)],
        ).fetchone()
    assert found and found[0]
    return int(found[0])


@dataclass(frozen=True)
class Execution:
    state: str
    reason: str
    rows: list[list[str | None]]
    columns: list[str]
    types: list[str]
    scanned: int
    location: str


@dataclass(frozen=True)
class Athena:
    """An emulator with a data bucket, a database and a workgroup; queries wait for their end."""

    aws: MinistackServer

    def set_up(self) -> None:
        s3 = self.aws.client("s3")
        for bucket in (DATA, RESULTS):
            s3.create_bucket(Bucket=bucket)
        self.aws.client("glue").create_database(DatabaseInput={"Name": DATABASE})
        self.workgroup(WORKGROUP)

    def workgroup(self, name: str, **configuration: Any) -> None:
        result = {"OutputLocation": f"s3://{RESULTS}/{name}/"}
        self.aws.client("athena").create_work_group(
            Name=name, Configuration={"ResultConfiguration": result, **configuration}
        )

    def put(self, key: str, content: bytes) -> None:
        self.aws.client("s3").put_object(Bucket=DATA, Key=key, Body=content)

    def table(
        self,
        name: str,
        columns: dict[str, str],
        keys: dict[str, str] | None = None,
        *,
        kind: str = "parquet",
        serde: dict[str, str] | None = None,
        **parameters: str,
    ) -> None:
        """A table at ``s3://lake/<name>/``; parameters with ``__`` for the dots."""
        input_format, library = _FORMATS[kind]
        storage = {
            "Columns": [{"Name": n, "Type": t} for n, t in columns.items()],
            "Location": f"s3://{DATA}/{name}/",
            "InputFormat": input_format,
            "SerdeInfo": {"SerializationLibrary": library, "Parameters": serde or {}},
        }
        self.aws.client("glue").create_table(
            DatabaseName=DATABASE,
            TableInput={
                "Name": name,
                "TableType": "EXTERNAL_TABLE",
                "StorageDescriptor": storage,
                "PartitionKeys": [{"Name": n, "Type": t} for n, t in (keys or {}).items()],
                "Parameters": {n.replace("__", "."): v for n, v in parameters.items()},
            },
        )

    def view(
        self,
        name: str,
        columns: dict[str, str],
        sql: str,
        database: str = DATABASE,
        **storage: Any,
    ) -> None:
        """A view as Terraform declares it, its columns in Trino's types."""
        stored = {
            "originalSql": sql,
            "catalog": "awsdatacatalog",
            "schema": database,
            "columns": [{"name": n, "type": t} for n, t in columns.items()],
        }
        text = base64.b64encode(json.dumps(stored).encode()).decode()
        self.aws.client("glue").create_table(
            DatabaseName=database,
            TableInput={
                "Name": name,
                "TableType": "VIRTUAL_VIEW",
                "Parameters": {"presto_view": "true"},
                "StorageDescriptor": storage or {"Columns": [], "SerdeInfo": {"Name": "-"}},
                "ViewOriginalText": f"/* Presto View: {text} */",
                "ViewExpandedText": "/* Presto View */",
            },
        )

    def start(self, sql: str, *, client: Any = None, **options: Any) -> str:
        options.setdefault("WorkGroup", WORKGROUP)
        options.setdefault("QueryExecutionContext", {"Database": DATABASE})
        client = client or self.aws.client("athena")
        query_id: str = client.start_query_execution(QueryString=sql, **options)["QueryExecutionId"]
        return query_id

    def wait(self, query_id: str) -> dict[str, Any]:
        """GetQueryExecution's answer when the query has ended."""
        athena, end = self.aws.client("athena"), time.monotonic() + 30
        while True:
            execution: dict[str, Any] = athena.get_query_execution(QueryExecutionId=query_id)
            execution = execution["QueryExecution"]
            if execution["Status"]["State"] not in ("QUEUED", "RUNNING"):
                return execution
            assert time.monotonic() < end, f"{execution['Query']} did not end in time"
            time.sleep(0.01)

    def run(self, sql: str, *, client: Any = None, **options: Any) -> Execution:
        athena = self.aws.client("athena")
        query_id = self.start(sql, client=client, **options)
        execution = self.wait(query_id)
        status = execution["Status"]
        rows: list[list[str | None]] = []
        columns: list[dict[str, Any]] = []
        if status["State"] == "SUCCEEDED":
            answer = athena.get_query_results(QueryExecutionId=query_id)["ResultSet"]
            columns = answer["ResultSetMetadata"]["ColumnInfo"]
            rows = [[d.get("VarCharValue") for d in row["Data"]] for row in answer["Rows"]]
            rows = rows[1:] if execution["StatementType"] == "DML" else rows
        return Execution(
            status["State"],
            status.get("StateChangeReason", ""),
            rows,
            [c["Name"] for c in columns],
            [c["Type"] for c in columns],
            execution["Statistics"]["DataScannedInBytes"],
            execution["ResultConfiguration"]["OutputLocation"],
        )

    def rows(self, sql: str, **options: Any) -> list[list[str | None]]:
        execution = self.run(sql, **options)
        assert execution.state == "SUCCEEDED", execution.reason
        return execution.rows

    def value(self, expression: str) -> str | None:
        """What ``SELECT <expression>`` prints."""
        return self.rows(f"SELECT {expression}")[0][0]
