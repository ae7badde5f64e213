"""Steps are recorded with the capacity that DynamoDB's documentation says they consume."""

from typing import Any

import boto3
import pytest

from benchmarks.recorded_aws import RecordedAws


def item(sk: str, size: int) -> dict[str, Any]:
    return {"pk": {"S": "p"}, "sk": {"S": sk}, "body": {"S": "x" * size}}


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch) -> RecordedAws:
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    return RecordedAws()


@pytest.fixture
def dynamodb(aws: RecordedAws) -> Any:
    session = boto3.Session(
        aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1"
    )
    client = session.client("dynamodb")
    client.meta.events.register("before-send", aws.answer)
    return client


def test_a_write_takes_a_unit_a_kilobyte_and_a_transaction_twice_as_many(aws, dynamodb) -> None:
    put = {"TableName": "t", "Item": item("a", 1_500)}

    step = aws.record(
        lambda: (
            dynamodb.put_item(**put),
            dynamodb.transact_write_items(TransactItems=[{"Put": put}]),
        )
    )

    assert [(call.operation, call.writes) for call in step.calls] == [
        ("PutItem", {"p": 2}),
        ("TransactWriteItems", {"p": 4}),
    ]
    assert step.cpu_seconds > 0


def test_a_batch_rounds_each_item_and_a_query_their_sum(aws, dynamodb) -> None:
    for number in range(4):
        dynamodb.put_item(TableName="t", Item=item(str(number), 1_000))
    keys = [{"pk": {"S": "p"}, "sk": {"S": str(number)}} for number in range(4)]

    step = aws.record(
        lambda: (
            dynamodb.batch_get_item(RequestItems={"t": {"Keys": keys, "ConsistentRead": True}}),
            dynamodb.query(
                TableName="t",
                KeyConditionExpression="pk = :pk",
                ExpressionAttributeValues={":pk": {"S": "p"}},
            ),
        )
    )

    assert [call.reads for call in step.calls] == [{"p": 4}, {"p": 0.5}]


def test_a_query_ends_its_page_at_a_megabyte(aws, dynamodb) -> None:
    for number in range(5):
        dynamodb.put_item(TableName="t", Item=item(str(number), 300_000))

    pages = list(
        dynamodb.get_paginator("query").paginate(
            TableName="t",
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": "p"}},
        )
    )

    assert [[one["sk"]["S"] for one in page["Items"]] for page in pages] == [
        ["0", "1", "2", "3"],
        ["4"],
    ]
