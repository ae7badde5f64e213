"""Queries to an applied event database, and the files in its bucket."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.builders.local_account import LocalAccount, local

Row = dict[str, Any]

_READERS: dict[str, Callable[[str], Any]] = {
    "tinyint": int,
    "integer": int,
    "bigint": int,
    "double": float,
    "decimal": Decimal,
    "boolean": lambda text: text == "true",
    "timestamp": datetime.fromisoformat,
}


class QueryEnded(Exception):
    """A query ended without an answer; the message is Athena's reason."""


class Analyst:
    """Asks in the workgroup of an example; ``example`` is its outputs."""

    def __init__(
        self, account: LocalAccount, example: Mapping[str, str], athena: Any = None
    ) -> None:
        self._account = account
        self._athena = athena or account.client("athena")
        self._workgroup = example["athena_workgroup"]
        self._database = example["athena_database"]
        self._bucket = example["events_bucket"]

    def ask(self, sql: str, *parameters: str) -> list[Row]:
        """The rows of an answer, numbers, truths and times as Python's; parameters are literals.

        Raises:
            QueryEnded: it failed or was cancelled.
        """
        given = {"ExecutionParameters": list(parameters)} if parameters else {}
        query = self._athena.start_query_execution(
            QueryString=sql,
            QueryExecutionContext={"Database": self._database},
            WorkGroup=self._workgroup,
            **given,
        )["QueryExecutionId"]
        deadline = time.monotonic() + 90
        while True:
            execution = self._athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]
            state = execution["Status"]["State"]
            if state == "SUCCEEDED":
                return list(self._rows(query))
            if state in ("FAILED", "CANCELLED"):
                raise QueryEnded(execution["Status"].get("StateChangeReason", state))
            assert time.monotonic() < deadline, f"no answer yet: {sql}"
            time.sleep(0.05)

    def ask_named(self, name: str, *parameters: str) -> list[Row]:
        """The answer to one of the workgroup's named queries."""
        pages = self._athena.get_paginator("list_named_queries").paginate(WorkGroup=self._workgroup)
        for query_id in (one for page in pages for one in page["NamedQueryIds"]):
            query = self._athena.get_named_query(NamedQueryId=query_id)["NamedQuery"]
            if query["Name"] == name:
                return self.ask(query["QueryString"], *parameters)
        raise AssertionError(f"the workgroup has no query {name}")

    def number(self, sql: str) -> Any:
        """The only value of an answer."""
        [row] = self.ask(sql)
        [value] = row.values()
        return value

    def wait_for(
        self, sql: str, accept: Callable[[list[Row]], bool] = bool, seconds: float = 60
    ) -> list[Row]:
        """Ask until the answer is acceptable."""
        return self._account.eventually(lambda: self.ask(sql), accept, seconds)

    def error_records(self, prefix: str) -> list[bytes]:
        """Read the records under a prefix of errors/, as they were sent."""
        return [
            base64.b64decode(json.loads(line)["rawData"])
            for body in self.error_objects(prefix).values()
            for line in body.splitlines()
        ]

    def error_objects(self, prefix: str) -> dict[str, bytes]:
        """The objects below a prefix of errors/, by key."""
        s3 = self._account.client("s3")
        found = s3.list_objects_v2(Bucket=self._bucket, Prefix=f"errors/{prefix}")
        return {
            one["Key"]: s3.get_object(Bucket=self._bucket, Key=one["Key"])["Body"].read()
            for one in found.get("Contents", [])
        }

    def _rows(self, query: str) -> Iterator[Row]:
        columns: list[Row] = []
        pages = self._athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
        for page in pages:
            rows = page["ResultSet"]["Rows"]
            if not columns:
                columns = page["ResultSet"]["ResultSetMetadata"]["ColumnInfo"]
                rows = rows[1:]  # the names again
            for row in rows:
                texts = [cell.get("VarCharValue") for cell in row["Data"]]
                yield {
                    column["Name"]: None
                    if text is None
                    else _READERS.get(column["Type"], str)(text)
                    for column, text in zip(columns, texts, strict=True)
                }


def literal(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def put(account: LocalAccount, stream: str, *records: object) -> None:
    """Put records to a Firehose stream: bytes, or values as JSON lines."""
    answer = account.client("firehose").put_record_batch(
        DeliveryStreamName=stream, Records=[{"Data": as_record(one)} for one in records]
    )
    assert answer["FailedPutCount"] == 0


def as_record(value: object) -> bytes:
    return value if isinstance(value, bytes) else (json.dumps(value) + "\n").encode()


def happens(message_id: str, what: str, **details: Any) -> None:
    """Let a recipient open a sent email, click in it, …"""
    assert local(f"email/{message_id}/{what}", details)["destinations"]


def replay(
    account: LocalAccount, example: Mapping[str, str], prefix: str, *, dry_run: bool = False
) -> Row:
    """Invoke the replay function for a prefix of errors/; its answer."""
    answer = account.client("lambda").invoke(
        FunctionName=example["replay_function_name"],
        Payload=json.dumps({"Prefix": f"errors/{prefix}", "DryRun": dry_run}),
    )
    body = json.load(answer["Payload"])
    assert "FunctionError" not in answer, body
    return dict(body)


def wait_for_alarm(account: LocalAccount, name: str) -> None:
    watch = account.client("cloudwatch")
    account.eventually(
        lambda: watch.describe_alarms(AlarmNames=[name])["MetricAlarms"][0]["StateValue"],
        lambda state: state == "ALARM",
    )


def not_across_the_hour(seconds: float) -> None:
    """Wait for the next hour if this one ends too soon: copies of an event in two hours are two."""
    left = 3600 - time.time() % 3600
    if left < seconds:
        time.sleep(left + 1)


@contextmanager
def refused_by_the_bucket(account: LocalAccount, bucket: str) -> Iterator[None]:
    """Deny all writes to a bucket, by its policy, within the block."""
    s3 = account.client("s3")
    before = s3.get_bucket_policy(Bucket=bucket)["Policy"]
    policy = json.loads(before)
    policy["Statement"].append(
        {
            "Sid": "NothingIsWritten",
            "Effect": "Deny",
            "Principal": "*",
            "Action": "s3:PutObject",
            "Resource": f"arn:aws:s3:::{bucket}/*",
        }
    )
    s3.put_bucket_policy(Bucket=bucket, Policy=json.dumps(policy))
    try:
        yield
    finally:
        s3.put_bucket_policy(Bucket=bucket, Policy=before)


@contextmanager
def throttled(account: LocalAccount, function: str) -> Iterator[None]:
    """Make Lambda refuse every invocation of a function within the block."""
    functions = account.client("lambda")
    functions.put_function_concurrency(FunctionName=function, ReservedConcurrentExecutions=0)
    try:
        yield
    finally:
        functions.delete_function_concurrency(FunctionName=function)


def delivery_log(account: LocalAccount, name: str, *codes: str) -> list[str]:
    """List Firehose's error codes so far for the streams of a database: all, or the given codes."""
    pages = account.client("logs").get_paginator("filter_log_events")
    events = (
        event
        for page in pages.paginate(logGroupName=f"/aws/kinesisfirehose/{name}")
        for event in page["events"]
    )
    found = [json.loads(event["message"])["errorCode"] for event in events]
    return [code for code in found if not codes or code in codes]
