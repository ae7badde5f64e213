"""What a mapping of a stream does about records that its function does not like."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import (
    ACCOUNT,
    REGION,
    MinistackServer,
    ministack_server,
    wait_for,
)

# Notes each call in a queue; then fails for records that say "bad", in the way that TELLS asks for.
CODE = """
import base64, boto3, json, os
def handler(event, context):
    records = [
        (r["kinesis"]["sequenceNumber"], base64.b64decode(r["kinesis"]["data"]).decode())
        for r in event["Records"]
    ]
    texts = json.dumps([text for _, text in records])
    boto3.client("sqs").send_message(QueueUrl=os.environ["CALLS"], MessageBody=texts)
    failed = [number for number, text in records if "bad" in text]
    if failed and os.environ["TELLS"] == "error":
        raise RuntimeError("cannot")
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
"""


# Notes the ids of each batch; reports the items that have the attribute "bad".
TABLE_CODE = """
import boto3, json, os
def handler(event, context):
    records = [record["dynamodb"] for record in event["Records"]]
    texts = json.dumps([record["Keys"]["id"]["S"] for record in records])
    boto3.client("sqs").send_message(QueueUrl=os.environ["CALLS"], MessageBody=texts)
    failed = [r["SequenceNumber"] for r in records if "bad" in r.get("NewImage", {})]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}
"""

# Error text of CreateEventSourceMapping: "ensure the role can perform the GetRecords,
# GetShardIterator, DescribeStream, and ListStreams Actions on your stream".
STREAM_ACTIONS = [
    "dynamodb:GetRecords",
    "dynamodb:GetShardIterator",
    "dynamodb:DescribeStream",
    "dynamodb:ListStreams",
]


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        allow = {"Effect": "Allow", "Resource": "*", "Action": ["sqs:*", "kinesis:*"]}
        server.role("readers", "lambda.amazonaws.com", [allow])
        tables = {**allow, "Action": ["sqs:*", *STREAM_ACTIONS]}
        server.role("table-readers", "lambda.amazonaws.com", [tables])
        no_list = {**allow, "Action": ["sqs:*", *STREAM_ACTIONS[:-1]]}
        server.role("half-readers", "lambda.amazonaws.com", [no_list])
        yield server


class Reader:
    """A function on a stream that already holds the given texts."""

    def __init__(self, aws: MinistackServer, texts: list[str], *, tells: str, **mapping: Any):
        self.aws = aws
        name = f"reader-{uuid.uuid4().hex[:8]}"
        kinesis = aws.client("kinesis")
        kinesis.create_stream(StreamName=name, ShardCount=1)
        summary = wait_for(
            lambda: _active(kinesis.describe_stream_summary(StreamName=name)), seconds=20
        )
        records = [{"Data": text.encode(), "PartitionKey": "a"} for text in texts]
        kinesis.put_records(StreamName=name, Records=records)
        self.calls, _ = aws.queue(f"{name}-calls")
        self.failures, failures_arn = aws.queue(f"{name}-failures")
        aws.function(
            name,
            CODE,
            f"arn:aws:iam::{ACCOUNT}:role/readers",
            Environment={"Variables": {"CALLS": self.calls, "TELLS": tells}},
        )
        self.stream_arn = summary["StreamARN"]
        aws.client("lambda").create_event_source_mapping(
            FunctionName=name,
            EventSourceArn=self.stream_arn,
            StartingPosition="TRIM_HORIZON",
            DestinationConfig={"OnFailure": {"Destination": failures_arn}},
            **mapping,
        )

    def batches(self, count: int) -> list[list[str]]:
        return [json.loads(call["Body"]) for call in self.aws.messages(self.calls, count)]

    def failure(self) -> Any:
        [message] = self.aws.messages(self.failures)
        return json.loads(message["Body"])


def _active(answer: Any) -> Any:
    summary = answer["StreamDescriptionSummary"]
    return summary if summary["StreamStatus"] == "ACTIVE" else None


def test_a_bad_record_is_isolated_given_up_and_told_and_the_shard_goes_on(aws: MinistackServer):
    reader = Reader(
        aws,
        ["one", "bad", "three", "four"],
        tells="error",
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
    )

    told = reader.failure()

    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    where = told["KinesisBatchInfo"]
    assert (where["batchSize"], where["streamArn"]) == (1, reader.stream_arn)
    assert where["startSequenceNumber"] == where["endSequenceNumber"]
    assert reader.batches(6) == [
        ["one", "bad", "three", "four"],
        ["one", "bad"],
        ["one"],
        ["bad"],
        ["bad"],
        ["three", "four"],
    ]


def test_what_comes_before_a_record_reported_as_failed_is_done(aws: MinistackServer):
    reader = Reader(
        aws,
        ["one", "bad", "three"],
        tells="failures",
        FunctionResponseTypes=["ReportBatchItemFailures"],
        BisectBatchOnFunctionError=True,
        MaximumRetryAttempts=1,
    )

    assert reader.failure()["KinesisBatchInfo"]["batchSize"] == 1
    batches = reader.batches(5)
    assert batches[:2] == [["one", "bad", "three"], ["bad", "three"]]
    assert batches[-1] == ["three"]


def test_without_a_limit_a_bad_record_is_tried_again(aws: MinistackServer):
    reader = Reader(aws, ["bad"], tells="error")

    assert reader.batches(3) == [["bad"]] * 3
    assert REGION in reader.stream_arn


def test_a_record_that_is_too_old_is_given_up(aws: MinistackServer):
    reader = Reader(aws, ["bad"], tells="error", MaximumRecordAgeInSeconds=3)

    assert reader.failure()["requestContext"]["condition"] == "MaxRecordAgeExceeded"


class Table:
    """A table with a stream, and what a mapping of the stream needs."""

    def __init__(self, aws: MinistackServer):
        self.aws, self.name = aws, f"table-{uuid.uuid4().hex[:8]}"
        self._dynamodb = aws.client("dynamodb")
        self.stream_arn = self._dynamodb.create_table(
            TableName=self.name,
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            StreamSpecification={"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"},
        )["TableDescription"]["LatestStreamArn"]
        self.calls, _ = aws.queue(f"{self.name}-calls")
        self.failures, self._failures_arn = aws.queue(f"{self.name}-failures")

    def put(self, item_id: str, **attributes: str) -> None:
        item = {"id": {"S": item_id}} | {name: {"S": v} for name, v in attributes.items()}
        self._dynamodb.put_item(TableName=self.name, Item=item)

    def mapping(self, role: str, **settings: Any) -> None:
        self.aws.function(
            self.name,
            TABLE_CODE,
            f"arn:aws:iam::{ACCOUNT}:role/{role}",
            Environment={"Variables": {"CALLS": self.calls}},
        )
        self.aws.client("lambda").create_event_source_mapping(
            FunctionName=self.name,
            EventSourceArn=self.stream_arn,
            StartingPosition="TRIM_HORIZON",
            FunctionResponseTypes=["ReportBatchItemFailures"],
            DestinationConfig={"OnFailure": {"Destination": self._failures_arn}},
            **settings,
        )


def test_a_table_s_stream_goes_on_after_an_item_that_is_reported_as_failed_and_given_up(
    aws: MinistackServer,
) -> None:
    table = Table(aws)
    table.put("one")
    table.put("two", bad="yes")
    table.put("three")

    table.mapping("table-readers", BisectBatchOnFunctionError=True, MaximumRetryAttempts=1)

    [message] = aws.messages(table.failures)
    told = json.loads(message["Body"])
    where = told["DDBStreamBatchInfo"]
    assert told["requestContext"]["condition"] == "RetryAttemptsExhausted"
    assert (where["batchSize"], where["streamArn"]) == (1, table.stream_arn)
    assert where["startSequenceNumber"] == where["endSequenceNumber"]
    batches = [json.loads(call["Body"]) for call in aws.messages(table.calls, 5)]
    assert batches[:2] == [["one", "two", "three"], ["two", "three"]]
    assert batches[-1] == ["three"]


def test_a_mapping_of_a_table_s_stream_needs_the_permission_to_list_streams(
    aws: MinistackServer,
) -> None:
    table = Table(aws)

    with pytest.raises(ClientError, match="permissions to call ListStreams on DYNAMODB"):
        table.mapping("half-readers")
