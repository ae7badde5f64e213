"""Firehose: records wait, go through the function together, and arrive as few objects."""

from __future__ import annotations

import base64
import gzip
import json
import re
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import duckdb
import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import (
    ACCOUNT,
    REGION,
    MinistackServer,
    ministack_server,
    wait_for,
)

FIREHOSE = "firehose.amazonaws.com"
# Answers as the record says, and notes the event it was given.
CODE = """
import base64, json, os, boto3
def handler(event, context):
    boto3.client("sqs").send_message(QueueUrl=os.environ["CALLS"], MessageBody=json.dumps(event))
    records = []
    for record in event["records"]:
        text = base64.b64decode(record["data"]).decode()
        if "raise" in text:
            raise RuntimeError("cannot")
        if "huge" in text:
            text = "x" * 7_000_000
        if "missing" in text:
            continue
        result = "Dropped" if "drop" in text else "ProcessingFailed" if "fail" in text else "Ok"
        result = "Perhaps" if "unknown" in text else result
        data = base64.b64encode(text.upper().encode()).decode()
        records.append({"recordId": record["recordId"], "result": result, "data": data})
    return {"records": records}
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        server.role("functions", "lambda.amazonaws.com", [allow("sqs:*")])
        yield server


def allow(action: str | list[str], resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


ALL = [allow(["s3:*", "lambda:*", "glue:*", "kinesis:*", "kms:*", "logs:*"])]


class Delivery:
    """A stream with a bucket, a role and, if wanted, a function of its own."""

    def __init__(self, aws: MinistackServer, name: str, statements: Any = None, **trust: Any):
        self.aws, self.name, self.bucket = aws, name, f"{name}-bucket"
        aws.client("s3").create_bucket(Bucket=self.bucket)
        self.role = aws.role(f"{name}-role", FIREHOSE, statements or ALL, **trust)
        self.arn = f"arn:aws:firehose:{REGION}:{ACCOUNT}:deliverystream/{name}"

    def function(self, **options: Any) -> str:
        self.calls, _ = self.aws.queue(f"{self.name}-calls")
        return self.aws.function(
            f"{self.name}-function",
            CODE,
            f"arn:aws:iam::{ACCOUNT}:role/functions",
            Environment={"Variables": {"CALLS": self.calls}},
            **options,
        )

    def create(
        self,
        interval: int = 1,
        function: str = "",
        retries: int = 1,
        source: Any = None,
        batch_seconds: int = 1,
        **more: Any,
    ) -> Delivery:
        destination: dict[str, Any] = {
            "RoleARN": self.role,
            "BucketARN": f"arn:aws:s3:::{self.bucket}",
            "BufferingHints": {"IntervalInSeconds": interval, "SizeInMBs": 64},
            "Prefix": "events/!{timestamp:yyyy/MM/dd/HH}/",
            "ErrorOutputPrefix": "errors/!{firehose:error-output-type}/!{timestamp:yyyy/MM/dd/HH}/",
            **more,
        }
        if function:
            parameters = {
                "LambdaArn": function,
                "NumberOfRetries": str(retries),
                "BufferSizeInMBs": "1",
                "BufferIntervalInSeconds": str(batch_seconds),
            }
            destination["ProcessingConfiguration"] = {
                "Enabled": True,
                "Processors": [
                    {
                        "Type": "Lambda",
                        "Parameters": [
                            {"ParameterName": name, "ParameterValue": value}
                            for name, value in parameters.items()
                        ],
                    }
                ],
            }
        source_of: dict[str, Any] = {}
        if source:
            source_of = {
                "DeliveryStreamType": "KinesisStreamAsSource",
                "KinesisStreamSourceConfiguration": {
                    "KinesisStreamARN": source,
                    "RoleARN": self.role,
                },
            }
        self.aws.client("firehose").create_delivery_stream(
            DeliveryStreamName=self.name,
            ExtendedS3DestinationConfiguration=destination,
            **source_of,
        )
        return self

    def put(self, *data: str | bytes) -> float:
        """Put records in one batch; the seconds it took."""
        started = time.monotonic()
        records = [{"Data": each if isinstance(each, bytes) else each.encode()} for each in data]
        for first in range(0, len(records), 500):
            answer = self.aws.client("firehose").put_record_batch(
                DeliveryStreamName=self.name, Records=records[first : first + 500]
            )
            assert answer["FailedPutCount"] == 0
        return time.monotonic() - started

    def objects(self, prefix: str) -> dict[str, bytes]:
        s3 = self.aws.client("s3")
        found = s3.list_objects_v2(Bucket=self.bucket, Prefix=prefix).get("Contents", [])
        return {
            item["Key"]: s3.get_object(Bucket=self.bucket, Key=item["Key"])["Body"].read()
            for item in found
        }

    def delivered(self, prefix: str, count: int = 1, seconds: float = 60) -> list[bytes]:
        """The objects below a prefix once there are so many, and no more a little later."""
        wait_for(lambda: len(self.objects(prefix)) >= count, seconds=seconds)
        return list(self.objects(prefix).values())

    def errors(self, kind: str, seconds: float = 60) -> list[dict[str, Any]]:
        bodies = self.delivered(f"errors/{kind}/", seconds=seconds)
        return [json.loads(line) for body in bodies for line in body.splitlines()]

    def events(self, count: int = 1) -> list[dict[str, Any]]:
        """What the function was given."""
        return [json.loads(m["Body"]) for m in self.aws.messages(self.calls, count)]

    def metric(self, name: str) -> dict[str, float]:
        """Sum, smallest and largest value, over all time."""
        points = self.aws.client("cloudwatch").get_metric_statistics(
            Namespace="AWS/Firehose",
            MetricName=name,
            Dimensions=[{"Name": "DeliveryStreamName", "Value": self.name}],
            StartTime=time.time() - 3600,
            EndTime=time.time() + 60,
            Period=7200,
            Statistics=["Sum", "Minimum", "Maximum"],
        )["Datapoints"]
        return {
            "Sum": sum(p["Sum"] for p in points),
            "Minimum": min((p["Minimum"] for p in points), default=-1),
            "Maximum": max((p["Maximum"] for p in points), default=-1),
        }


# -- buffering ---------------------------------------------------------------------------


def test_records_of_an_interval_become_one_object_named_as_on_aws(aws: MinistackServer) -> None:
    delivery = Delivery(aws, "one-object").create(interval=5)
    began = datetime.now(UTC)

    seconds = delivery.put(*(f"{number}\n" for number in range(1000)))
    [body] = delivery.delivered("events/")

    [key] = delivery.objects("events/")
    hour = "|".join(f"{moment:%Y/%m/%d/%H}" for moment in (began, datetime.now(UTC)))
    moment = r"\d{4}-\d\d-\d\d-\d\d-\d\d-\d\d"
    assert seconds < 5  # the interval
    assert body.decode().split() == [str(number) for number in range(1000)]
    assert re.fullmatch(rf"events/({hour})/one-object-1-{moment}-[0-9a-f-]{{36}}", key)


def test_nothing_is_delivered_before_the_interval_and_deleting_the_stream_delivers_it(
    aws: MinistackServer,
) -> None:
    delivery = Delivery(aws, "waits").create(interval=60)
    delivery.put("a", "b")
    time.sleep(1.5)

    before = delivery.objects("")
    aws.client("firehose").delete_delivery_stream(DeliveryStreamName="waits")
    after = delivery.objects("events/")

    assert before == {}
    assert list(after.values()) == [b"ab"]


def test_changed_hints_count_for_what_is_buffered_already(aws: MinistackServer) -> None:
    delivery, firehose = Delivery(aws, "changed").create(interval=60), aws.client("firehose")
    delivery.put("a")

    firehose.update_destination(
        DeliveryStreamName="changed",
        CurrentDeliveryStreamVersionId="1",
        DestinationId=firehose.describe_delivery_stream(DeliveryStreamName="changed")[
            "DeliveryStreamDescription"
        ]["Destinations"][0]["DestinationId"],
        ExtendedS3DestinationUpdate={
            "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 64},
            "Prefix": "events/",
        },
    )

    assert delivery.delivered("events/") == [b"a"]
    assert ["/changed-2-" in key for key in delivery.objects("events/")] == [True]


def test_a_full_buffer_does_not_wait(aws: MinistackServer) -> None:
    hints = {"IntervalInSeconds": 60, "SizeInMBs": 1}
    delivery = Delivery(aws, "full").create(BufferingHints=hints)

    delivery.put("x" * 600_000, "y" * 600_000)
    bodies = delivery.delivered("events/", 2)

    assert sorted(len(body) for body in bodies) == [600_000, 600_000]


def test_plain_records_are_compressed(aws: MinistackServer) -> None:
    delivery = Delivery(aws, "gzipped").create(CompressionFormat="GZIP")

    delivery.put("a\n", "b\n")
    [body] = delivery.delivered("events/")

    assert gzip.decompress(body) == b"a\nb\n"
    assert [key[-3:] for key in delivery.objects("events/")] == [".gz"]


def test_partition_keys_of_the_records_make_prefixes_and_those_without_go_elsewhere(
    aws: MinistackServer,
) -> None:
    extraction = {
        "Type": "MetadataExtraction",
        "Parameters": [
            {"ParameterName": "MetadataExtractionQuery", "ParameterValue": "{shop: .shop}"},
            {"ParameterName": "JsonParsingEngine", "ParameterValue": "JQ-1.6"},
        ],
    }
    delivery = Delivery(aws, "partitioned").create(
        interval=60,
        Prefix="events/!{partitionKeyFromQuery:shop}/!{timestamp:yyyy}/",
        DynamicPartitioningConfiguration={"Enabled": True},
        ProcessingConfiguration={"Enabled": True, "Processors": [extraction]},
    )

    delivery.put('{"shop": "a", "n": 1}', '{"shop": "b"}', '{"shop": "a", "n": 2}', "{}")
    aws.client("firehose").delete_delivery_stream(DeliveryStreamName="partitioned")

    found = {key.split("/")[1]: body for key, body in delivery.objects("events/").items()}
    assert found == {
        "a": b'{"shop": "a", "n": 1}{"shop": "a", "n": 2}',
        "b": b'{"shop": "b"}',
    }
    [error] = delivery.errors("processing-failed")
    assert base64.b64decode(error["rawData"]) == b"{}"


def test_the_backup_holds_the_records_as_they_came(aws: MinistackServer) -> None:
    delivery = Delivery(aws, "backed")
    backup = {
        "RoleARN": delivery.role,
        "BucketARN": f"arn:aws:s3:::{delivery.bucket}",
        "Prefix": "backup/",
        "BufferingHints": {"IntervalInSeconds": 1, "SizeInMBs": 1},
    }
    delivery.create(
        function=delivery.function(), S3BackupMode="Enabled", S3BackupConfiguration=backup
    )

    delivery.put("a", "drop")

    assert delivery.delivered("backup/") == [b"adrop"]
    assert delivery.delivered("events/") == [b"A"]


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"ErrorOutputPrefix": ""}, "ErrorOutputPrefix"),
        ({"ErrorOutputPrefix": "errors/!{timestamp:yyyy}/"}, "error-output-type"),
    ],
)
def test_prefixes_that_cannot_be_evaluated_are_refused(
    aws: MinistackServer, options: dict[str, Any], named: str
) -> None:
    delivery = Delivery(aws, f"refused-{len(options['ErrorOutputPrefix'])}")

    with pytest.raises(ClientError, match=named) as refused:
        delivery.create(**options)

    assert refused.value.response["Error"]["Code"] == "InvalidArgumentException"


def test_a_batch_holds_four_megabytes_at_most(aws: MinistackServer) -> None:
    delivery = Delivery(aws, "batches").create()

    with pytest.raises(ClientError) as refused:
        delivery.put(*["x" * 900_000] * 5)

    assert refused.value.response["Error"]["Code"] == "InvalidArgumentException"


def test_a_rule_writes_to_a_stream_with_its_role_only(aws: MinistackServer) -> None:
    delivery = Delivery(aws, "ruled").create()
    events = aws.client("events")
    roles = {
        "may": aws.role("rule-may", "events.amazonaws.com", [allow("firehose:PutRecord")]),
        "may-not": aws.role("rule-may-not", "events.amazonaws.com"),
    }
    for name, role in roles.items():
        events.put_rule(Name=name, EventPattern=json.dumps({"detail-type": [name]}))
        events.put_targets(
            Rule=name, Targets=[{"Id": "1", "Arn": delivery.arn, "RoleArn": role, "Input": '"in"'}]
        )

    for name in roles:
        entry = {"Source": "test", "DetailType": name, "Detail": "{}"}
        events.put_events(Entries=[entry])

    assert delivery.delivered("events/") == [b'"in"']
    assert "not authorized to perform firehose:PutRecord" in aws.log.read_text()


# -- the function ------------------------------------------------------------------------


def test_the_function_gets_the_batch_and_its_results_decide(aws: MinistackServer) -> None:
    delivery = Delivery(aws, "decides")
    function = delivery.function()
    delivery.create(function=function)

    delivery.put("good", "drop", "fail", "missing", "unknown", "fine")
    [body] = delivery.delivered("events/")
    errors = delivery.errors("processing-failed")
    [event] = delivery.events()

    assert body == b"GOODFINE"
    assert (event["deliveryStreamArn"], event["region"]) == (delivery.arn, REGION)
    assert "sourceKinesisStreamArn" not in event
    assert event["invocationId"]
    assert [base64.b64decode(r["data"]) for r in event["records"]][:2] == [b"good", b"drop"]
    arrival = event["records"][0]["approximateArrivalTimestamp"]
    assert abs(arrival - time.time() * 1000) < 60_000
    told = {base64.b64decode(error["rawData"]): error for error in errors}
    assert {raw: error["errorCode"] for raw, error in told.items()} == {
        b"fail": "Lambda.ProcessingFailedStatus",
        b"missing": "Lambda.MissingRecordId",
        b"unknown": "Lambda.InvalidReturnFormat",
    }
    one = told[b"fail"]
    assert one.keys() == {
        *("attemptsMade", "arrivalTimestamp", "errorCode", "errorMessage"),
        *("attemptEndingTimestamp", "rawData", "lambdaArn"),
    }
    assert (one["attemptsMade"], one["lambdaArn"]) == (1, function)
    assert one["arrivalTimestamp"] <= one["attemptEndingTimestamp"]


@pytest.mark.parametrize(
    ("text", "reserved", "code"),
    [
        ("raise", None, "Lambda.FunctionError"),
        ("huge", None, "Lambda.FunctionError"),
        ("throttled", 0, "Lambda.InvokeLimitExceeded"),
    ],
)
def test_a_batch_that_the_function_does_not_take_is_tried_again_then_fails_whole(
    aws: MinistackServer, text: str, reserved: int | None, code: str
) -> None:
    delivery = Delivery(aws, f"batch-{text}")
    delivery.create(function=delivery.function(Timeout=30), retries=1)
    if reserved is not None:
        aws.client("lambda").put_function_concurrency(
            FunctionName=f"batch-{text}-function", ReservedConcurrentExecutions=reserved
        )

    delivery.put("good", text)
    errors = delivery.errors("processing-failed", seconds=30)

    assert [base64.b64decode(error["rawData"]).decode() for error in errors] == ["good", text]
    assert {(error["errorCode"], error["attemptsMade"]) for error in errors} == {(code, 2)}
    assert delivery.objects("events/") == {}
    assert delivery.metric("ExecuteProcessing.Success") == {"Sum": 0, "Minimum": 0, "Maximum": 0}


def test_a_stream_without_leave_to_invoke_the_latest_version_fails_its_batches(
    aws: MinistackServer,
) -> None:
    delivery = Delivery(aws, "uninvoked", [allow("s3:*")])
    function = delivery.function()
    invoke = ["lambda:InvokeFunction", "lambda:GetFunctionConfiguration"]
    aws.grant("uninvoked-role", [allow("s3:*"), allow(invoke, function)])
    delivery.create(function=function, retries=0)
    delivery.put("a")
    [refused] = delivery.errors("processing-failed")

    aws.grant("uninvoked-role", [allow("s3:*"), allow(invoke, f"{function}:*")])
    delivery.put("b")

    assert refused["errorCode"] == "Lambda.InvokeAccessDenied"
    assert delivery.delivered("events/") == [b"B"]


def test_the_function_is_given_a_megabyte_or_what_came_in_its_interval(
    aws: MinistackServer,
) -> None:
    delivery = Delivery(aws, "megabytes")
    delivery.create(function=delivery.function(), batch_seconds=30)

    delivery.put("x" * 700_000, "y" * 700_000)  # more than a megabyte: does not wait
    events = delivery.events(2)
    aws.client("firehose").put_record(DeliveryStreamName="megabytes", Record={"Data": b"z"})
    time.sleep(1)

    assert [len(event["records"]) for event in events] == [1, 1]
    assert aws.client("sqs").receive_message(QueueUrl=delivery.calls).get("Messages", []) == []


# -- conversion --------------------------------------------------------------------------

COLUMNS = {
    "name": "string",
    "count": "bigint",
    "price": "decimal(12,4)",
    "at": "timestamp",
    "tags": "map<string,array<string>>",
    "mail": "struct<to:array<string>,headers:array<struct<name:string,value:string>>,ok:boolean>",
    "ratio": "float",
}


def table(aws: MinistackServer, database: str) -> None:
    glue = aws.client("glue")
    glue.create_database(DatabaseInput={"Name": database})
    glue.create_table(
        DatabaseName=database,
        TableInput={
            "Name": "events",
            "StorageDescriptor": {
                "Columns": [{"Name": name, "Type": kind} for name, kind in COLUMNS.items()]
            },
        },
    )


def to_parquet(delivery: Delivery, database: str, **openx: Any) -> dict[str, Any]:
    return {
        "DataFormatConversionConfiguration": {
            "Enabled": True,
            "InputFormatConfiguration": {"Deserializer": {"OpenXJsonSerDe": openx}},
            "OutputFormatConfiguration": {"Serializer": {"ParquetSerDe": {}}},
            "SchemaConfiguration": {
                "DatabaseName": database,
                "TableName": "events",
                "RoleARN": delivery.role,
                "Region": REGION,
            },
        }
    }


def rows(body: bytes, tmp_path: Any, sql: str = "*") -> list[tuple[Any, ...]]:
    path = tmp_path / "object.parquet"
    path.write_bytes(body)
    return duckdb.execute(f"SELECT {sql} FROM read_parquet('{path}')").fetchall()


def test_json_becomes_parquet_by_the_tables_columns_and_bad_records_go_elsewhere(
    aws: MinistackServer, tmp_path: Any
) -> None:
    table(aws, "converted")
    delivery = Delivery(aws, "converts")
    delivery.create(**to_parquet(delivery, "converted", CaseInsensitive=False))
    whole = {
        "name": "größe",
        "count": "42",
        "price": 12.34567,
        "at": "2026-03-02T17:00:21.380Z",
        "tags": {"Kind": ["a", None], "none": []},
        "mail": {"to": ["x"], "headers": [{"name": "N"}], "other": 1, "ok": "true"},
        "not_a_column": {"a": 1},
    }
    bad = ["not json", '{"mail": "text"}', '{"count": "many"}', "   ", '"text"', '{"count": 1}{']
    bad.append('{"ratio": 1e300}')  # a number, but not for the writer

    delivery.put(json.dumps(whole), '{"name": 1}{"name": "b"}\n{"name": null}', *bad)
    [body] = delivery.delivered("events/")
    errors = delivery.errors("format-conversion-failed")

    [key] = delivery.objects("events/")
    found = rows(body, tmp_path)
    assert key.endswith(".parquet")
    assert found[0][:3] == ("größe", 42, Decimal("12.3457"))
    assert found[0][3] == datetime(2026, 3, 2, 17, 0, 21, 380000)
    assert found[0][4] == {"Kind": ["a", None], "none": []}
    assert found[0][5] == {"to": ["x"], "headers": [{"name": "N", "value": None}], "ok": True}
    assert [row[0] for row in found[1:]] == ["1", "b", None]
    assert found[3] == (None,) * 7
    assert [base64.b64decode(error["rawData"]).decode() for error in errors] == bad
    codes = [error["ErrorCode"].removeprefix("DataFormatConversion.") for error in errors]
    data = "MalformedData"
    assert codes == ["ParseError", data, data, data, data, "ParseError", data]
    assert errors[0]["dataCatalogTable"]["tableName"] == "events"
    assert errors[0].keys() == {
        *("attemptsMade", "arrivalTimestamp", "ErrorCode", "ErrorMessage"),
        *("attemptEndingTimestamp", "rawData", "sequenceNumber", "subSequenceNumber"),
        "dataCatalogTable",
    }
    assert delivery.metric("FailedConversion.Records")["Sum"] == len(bad)


def test_by_default_every_key_becomes_lower_case_those_of_maps_too(
    aws: MinistackServer, tmp_path: Any
) -> None:
    table(aws, "lowered")
    delivery = Delivery(aws, "lowers")
    delivery.create(**to_parquet(delivery, "lowered"))

    delivery.put('{"Name": "a", "tags": {"CamelCase": ["B"]}}', '{"a": 1, "A": 2}')
    [body] = delivery.delivered("events/")

    assert rows(body, tmp_path, "name, tags") == [("a", {"camelcase": ["B"]})]
    assert len(delivery.errors("format-conversion-failed")) == 1


def test_ten_thousand_records_become_one_parquet_file_in_seconds(
    aws: MinistackServer, tmp_path: Any
) -> None:
    table(aws, "thousands")
    delivery = Delivery(aws, "many")
    delivery.create(interval=2, **to_parquet(delivery, "thousands"))

    delivery.put(*(json.dumps({"name": f"n{n}", "tags": {"a": ["b"]}}) for n in range(10_000)))
    wait_for(lambda: delivery.metric("DeliveryToS3.Records")["Sum"] == 10_000)

    files = delivery.objects("events/").values()
    found = [rows(each, tmp_path, "count(*)")[0][0] for each in files]
    assert sum(found) == 10_000
    assert len(found) <= 3


# -- permissions -------------------------------------------------------------------------


def test_what_s3_refuses_is_kept_and_delivered_once_when_it_is_allowed_again(
    aws: MinistackServer,
) -> None:
    delivery = Delivery(aws, "kept", [allow("logs:*")]).create()
    delivery.put("a", "b")
    wait_for(lambda: delivery.metric("DeliveryToS3.Success")["Minimum"] == 0)
    delivery.put("c")
    time.sleep(1.5)
    before = delivery.objects("")

    aws.grant("kept-role", ALL)
    wait_for(lambda: b"".join(delivery.objects("events/").values()) == b"abc", seconds=30)
    time.sleep(2)

    assert before == {}
    assert b"".join(delivery.objects("events/").values()) == b"abc"
    assert "kept-role is not allowed to s3:PutObject" in aws.log.read_text()
    assert delivery.metric("DeliveryToS3.Records")["Sum"] == 3
    assert delivery.metric("DeliveryToS3.DataFreshness")["Maximum"] > 1


def test_a_disabled_key_holds_deliveries_up_until_it_is_enabled(aws: MinistackServer) -> None:
    delivery = Delivery(aws, "keyed")
    kms = aws.client("kms")
    key = kms.create_key()["KeyMetadata"]["KeyId"]
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    }
    aws.client("s3").put_bucket_encryption(
        Bucket=delivery.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    kms.disable_key(KeyId=key)
    delivery.create()
    delivery.put("a")
    wait_for(lambda: delivery.metric("DeliveryToS3.Success")["Minimum"] == 0)

    kms.enable_key(KeyId=key)

    assert delivery.delivered("events/", seconds=30) == [b"a"]


def test_the_bucket_s_key_must_be_granted(aws: MinistackServer) -> None:
    delivery = Delivery(aws, "ungranted", [allow("s3:*")])
    key = aws.client("kms").create_key()["KeyMetadata"]["KeyId"]
    rule = {
        "ApplyServerSideEncryptionByDefault": {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": key}
    }
    aws.client("s3").put_bucket_encryption(
        Bucket=delivery.bucket, ServerSideEncryptionConfiguration={"Rules": [rule]}
    )
    delivery.create().put("a")
    wait_for(lambda: delivery.metric("DeliveryToS3.Success")["Minimum"] == 0)

    aws.grant("ungranted-role", [allow("s3:*"), allow("kms:GenerateDataKey")])

    assert delivery.delivered("events/", seconds=30) == [b"a"]


def test_without_the_catalogs_permission_nothing_is_converted_and_nothing_lost(
    aws: MinistackServer,
) -> None:
    table(aws, "closed")
    delivery = Delivery(aws, "uncatalogued", [allow("s3:*")])
    delivery.create(**to_parquet(delivery, "closed")).put('{"name": "a"}')
    wait_for(lambda: "glue:GetTable" in aws.log.read_text())
    before = delivery.objects("")

    aws.grant("uncatalogued-role", ALL)

    assert before == {}
    assert len(delivery.delivered("events/", seconds=30)) == 1


def test_a_role_that_trusts_another_account_s_streams_only_is_not_used(
    aws: MinistackServer,
) -> None:
    other = {"StringEquals": {"aws:SourceAccount": "111111111111"}}

    with pytest.raises(ClientError, match="unable to assume role"):
        Delivery(aws, "distrusted", Condition=other).create()
    own = {"StringEquals": {"aws:SourceAccount": ACCOUNT}}
    trusted = Delivery(aws, "trusted", Condition=own).create()
    trusted.put("a")

    assert trusted.delivered("events/") == [b"a"]


# -- Kinesis as source -------------------------------------------------------------------


def test_two_streams_each_get_what_came_after_their_creation(aws: MinistackServer) -> None:
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="source", ShardCount=2)
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/source"
    wait_for(lambda: kinesis.describe_stream_summary(StreamName="source"))
    kinesis.put_record(StreamName="source", Data=b"before ", PartitionKey="0")
    time.sleep(0.05)
    plain = Delivery(aws, "plain-reader").create(source=arn)
    through = Delivery(aws, "function-reader")
    through.create(source=arn, function=through.function())

    records = [{"Data": f"r{n} ".encode(), "PartitionKey": str(n)} for n in range(20)]
    kinesis.put_records(StreamName="source", Records=records)
    kinesis.put_record(StreamName="source", Data=b"last ", PartitionKey="1")

    expected = sorted([f"r{n}" for n in range(20)] + ["last"])

    def words(delivery: Delivery) -> list[str]:
        return sorted(b"".join(delivery.objects("events/").values()).decode().lower().split())

    wait_for(lambda: words(plain) == expected)
    wait_for(lambda: words(through) == expected)
    event = through.events()[0]
    metadata = event["records"][0]["kinesisRecordMetadata"]
    assert event["sourceKinesisStreamArn"] == arn
    assert metadata["shardId"].startswith("shardId-")
    assert metadata["sequenceNumber"] == event["records"][0]["recordId"]
    assert metadata.keys() == {
        *("shardId", "partitionKey", "approximateArrivalTimestamp"),
        *("sequenceNumber", "subsequenceNumber"),
    }


def test_a_source_that_may_not_be_read_is_read_in_full_once_it_may(aws: MinistackServer) -> None:
    kinesis, kms = aws.client("kinesis"), aws.client("kms")
    kinesis.create_stream(StreamName="sealed", ShardCount=1)
    arn = f"arn:aws:kinesis:{REGION}:{ACCOUNT}:stream/sealed"
    wait_for(lambda: kinesis.describe_stream_summary(StreamName="sealed"))
    key = kms.create_key()["KeyMetadata"]["Arn"]
    kinesis.start_stream_encryption(StreamName="sealed", EncryptionType="KMS", KeyId=key)
    actions = [
        *("kinesis:DescribeStream", "kinesis:GetShardIterator"),
        *("kinesis:GetRecords", "kinesis:ListShards"),
    ]
    reads = [allow("s3:*"), allow(actions, arn)]
    delivery = Delivery(aws, "sealed-reader", reads).create(source=arn)
    kinesis.put_record(StreamName="sealed", Data=b"a", PartitionKey="0")
    wait_for(lambda: "kms:Decrypt" in aws.log.read_text())

    aws.grant("sealed-reader-role", [*reads, allow("kms:Decrypt", key)])

    assert delivery.delivered("events/") == [b"a"]


# -- what is told ------------------------------------------------------------------------


def test_the_metrics_that_alarms_look_at_are_there(aws: MinistackServer) -> None:
    delivery = Delivery(aws, "measured")
    delivery.create(function=delivery.function())

    delivery.put("a", "b", "fail")
    delivery.delivered("events/")
    wait_for(lambda: delivery.metric("DeliveryToS3.Records")["Sum"])

    assert delivery.metric("IncomingRecords")["Sum"] == 3
    assert delivery.metric("ExecuteProcessing.Success")["Minimum"] == 1
    assert delivery.metric("SucceedProcessing.Records")["Sum"] == 2
    assert delivery.metric("DeliveryToS3.Success")["Minimum"] == 1
    assert delivery.metric("DeliveryToS3.Records")["Sum"] == 2
    assert 0 < delivery.metric("DeliveryToS3.DataFreshness")["Maximum"] < 20


def test_errors_are_written_to_the_log_group_of_the_stream(aws: MinistackServer) -> None:
    logs = aws.client("logs")
    logs.create_log_group(logGroupName="/firehose")
    logs.create_log_stream(logGroupName="/firehose", logStreamName="told")
    options = {"Enabled": True, "LogGroupName": "/firehose", "LogStreamName": "told"}
    delivery = Delivery(aws, "told", [allow("logs:PutLogEvents")])
    delivery.create(CloudWatchLoggingOptions=options).put("a")

    events = wait_for(
        lambda: logs.get_log_events(logGroupName="/firehose", logStreamName="told")["events"]
    )

    message = json.loads(events[0]["message"])
    assert (message["deliveryStreamARN"], message["errorCode"]) == (
        delivery.arn,
        "S3.AccessDenied",
    )
