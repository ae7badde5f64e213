"""What a mapping of a queue gathers, refuses, and does about the function's answer."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import (
    ACCOUNT,
    MinistackServer,
    ministack_server,
    wait_for,
)

# Notes each call in another queue, and answers what it is told to.
CODE = """
import boto3, json, os, time
def handler(event, context):
    started = time.time()
    time.sleep(float(os.environ["SECONDS"]))
    bodies = [r["body"][:50] for r in event["Records"]]
    call = {"bodies": bodies, "from": started, "to": time.time()}
    boto3.client("sqs").send_message(QueueUrl=os.environ["CALLS"], MessageBody=json.dumps(call))
    return json.loads(os.environ["ANSWER"].replace("FIRST", event["Records"][0]["messageId"]))
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        server.role(
            "readers",
            "lambda.amazonaws.com",
            [{"Effect": "Allow", "Resource": "*", "Action": "sqs:*"}],
        )
        yield server


class Reader:
    """A function, its queue, and the mapping between them."""

    def __init__(
        self,
        aws: MinistackServer,
        texts: list[str],
        *,
        answer: str = "null",
        seconds: float = 0,
        visibility: int = 30,
        **mapping: Any,
    ):
        self.aws = aws
        name = f"reader-{uuid.uuid4().hex[:8]}"
        self.url, self.queue = aws.queue(name, VisibilityTimeout=str(visibility))
        self.calls, _ = aws.queue(f"{name}-calls")
        self.send(*texts)
        variables = {"CALLS": self.calls, "ANSWER": answer, "SECONDS": str(seconds)}
        aws.function(
            name,
            CODE,
            f"arn:aws:iam::{ACCOUNT}:role/readers",
            Environment={"Variables": variables},
        )
        self.mapping = aws.client("lambda").create_event_source_mapping(
            FunctionName=name, EventSourceArn=self.queue, **mapping
        )["UUID"]

    def send(self, *texts: str) -> None:
        for text in texts:
            self.aws.client("sqs").send_message(QueueUrl=self.url, MessageBody=text)

    def batches(self, count: int) -> list[dict[str, Any]]:
        return [json.loads(call["Body"]) for call in self.aws.messages(self.calls, count)]

    def enable(self, enabled: bool) -> None:
        client = self.aws.client("lambda")
        client.update_event_source_mapping(UUID=self.mapping, Enabled=enabled)
        wanted = "Enabled" if enabled else "Disabled"
        wait_for(
            lambda: client.get_event_source_mapping(UUID=self.mapping)["State"] == wanted, seconds=5
        )

    def depth(self) -> tuple[int, int]:
        """How many messages are waiting and in flight."""
        names = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        attributes = self.aws.client("sqs").get_queue_attributes(
            QueueUrl=self.url, AttributeNames=list(names)
        )["Attributes"]
        return int(attributes[names[0]]), int(attributes[names[1]])


def test_with_a_window_a_batch_holds_more_than_ten(aws: MinistackServer) -> None:
    texts = [f"{number}" for number in range(25)]

    reader = Reader(aws, texts, BatchSize=25, MaximumBatchingWindowInSeconds=20)

    [call] = reader.batches(1)
    assert sorted(call["bodies"], key=int) == texts


def test_messages_of_a_window_are_one_batch(aws: MinistackServer) -> None:
    reader = Reader(aws, ["first"], BatchSize=100, MaximumBatchingWindowInSeconds=3)

    time.sleep(1)
    reader.send("second")

    [call] = reader.batches(1)
    assert call["bodies"] == ["first", "second"]


def test_a_batch_ends_before_it_is_six_megabytes_large(aws: MinistackServer) -> None:
    texts = ["x" * 250_000] * 30

    reader = Reader(aws, texts, BatchSize=30, MaximumBatchingWindowInSeconds=2)

    sizes = [len(call["bodies"]) for call in reader.batches(2)]
    assert sum(sizes) == 30
    assert max(sizes) * 250_000 <= 6 * 1024 * 1024


@pytest.mark.parametrize(
    "answer",
    [
        '{"batchItemFailures": [{"itemIdentifier": "somebody else\'s"}]}',
        '{"batchItemFailures": [{"itemIdentifier": null}]}',
        '{"batchItemFailures": [{"messageId": "FIRST"}]}',
        '"done"',
    ],
)
def test_an_answer_of_the_wrong_form_fails_the_whole_batch(
    aws: MinistackServer, answer: str
) -> None:
    reader = Reader(
        aws, ["a", "b"], answer=answer, FunctionResponseTypes=["ReportBatchItemFailures"]
    )

    reader.batches(1)
    time.sleep(0.3)

    assert reader.depth() == (0, 2)


@pytest.mark.parametrize("answer", ["null", '{"batchItemFailures": null}'])
def test_an_empty_answer_is_success(aws: MinistackServer, answer: str) -> None:
    reader = Reader(
        aws, ["a", "b"], answer=answer, FunctionResponseTypes=["ReportBatchItemFailures"]
    )

    reader.batches(1)

    wait_for(lambda: reader.depth() == (0, 0), seconds=30)


def test_only_the_named_message_stays(aws: MinistackServer) -> None:
    reader = Reader(
        aws,
        ["a", "b"],
        answer='{"batchItemFailures": [{"itemIdentifier": "FIRST"}]}',
        visibility=3,
        FunctionResponseTypes=["ReportBatchItemFailures"],
    )

    first, second = reader.batches(2)

    assert (first["bodies"], second["bodies"]) == (["a", "b"], ["a"])


def test_a_large_batch_needs_a_window(aws: MinistackServer) -> None:
    with pytest.raises(ClientError, match="Maximum batch window in seconds must be greater") as no:
        Reader(aws, [], BatchSize=11)

    assert no.value.response["Error"]["Code"] == "InvalidParameterValueException"


def test_a_queue_must_hide_messages_as_long_as_the_function_may_run(aws: MinistackServer) -> None:
    with pytest.raises(ClientError, match="less than Function timeout: 3 seconds"):
        Reader(aws, [], visibility=2)


def test_a_mapping_stops_and_starts(aws: MinistackServer) -> None:
    reader = Reader(aws, [], Enabled=True)

    reader.enable(False)
    reader.send("kept")
    time.sleep(1.5)
    kept = reader.depth()
    reader.enable(True)

    assert kept == (1, 0)
    assert reader.batches(1)[0]["bodies"] == ["kept"]


def test_no_more_batches_run_at_once_than_allowed(aws: MinistackServer) -> None:
    reader = Reader(
        aws,
        [f"{number}" for number in range(8)],
        seconds=0.3,
        BatchSize=1,
        ScalingConfig={"MaximumConcurrency": 2},
    )

    calls = reader.batches(8)

    at_once = [
        sum(1 for other in calls if other["from"] <= call["from"] < other["to"]) for call in calls
    ]
    assert max(at_once) == 2
