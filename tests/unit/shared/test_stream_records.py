"""Records of a stream: how they are read, and what the dead letter of a hopeless one holds."""

from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from aws_lambda_powertools import Logger

from shared.stream_records import (
    LARGEST_DATA,
    DeadLetters,
    NotAnEvent,
    by_number,
    dead_letter,
    event_in,
    finish_batch,
)
from tests.builders.architectures import service_error


def record(number: str, data: bytes = b"{}") -> dict[str, Any]:
    return {
        "eventID": f"shardId-000000000000:{number}",
        "eventSourceARN": "arn:aws:kinesis:eu-west-1:111122223333:stream/news",
        "kinesis": {
            "sequenceNumber": number,
            "partitionKey": "ann",
            "data": base64.b64encode(data).decode(),
        },
    }


class Queue:
    def __init__(self, *errors: Exception) -> None:
        self.letters: list[dict[str, Any]] = []
        self._errors = list(errors)

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        if self._errors:
            raise self._errors.pop(0)
        self.letters.append(json.loads(MessageBody))


def letters_to(queue: Any) -> DeadLetters:
    return DeadLetters("https://sqs/dead", Logger(service="test"), lambda: queue)


@pytest.mark.parametrize(
    "data", [b'{"event_type": "_email.open"}', b'{"event_type": "_email.open"}\n']
)
def test_a_record_is_an_event_with_or_without_a_newline(data: bytes):
    assert event_in(base64.b64encode(data).decode()) == {"event_type": "_email.open"}


@pytest.mark.parametrize("data", [b"", b"\xff\xfe", b"[1]", b"null", b"{}{}", b"[" * 100_000])
def test_data_that_is_no_object_is_refused_without_quoting_it(data: bytes):
    with pytest.raises(NotAnEvent, match=r"^The record is not (JSON|a JSON object)\.$"):
        event_in(base64.b64encode(data).decode())


def test_a_record_too_large_for_a_message_is_parked_by_its_place_in_the_stream():
    letter = json.loads(dead_letter(record("1", b"x" * LARGEST_DATA), "why"))

    assert letter["Data"] is None
    assert letter["SequenceNumber"] == "1"


def test_hopeless_records_before_the_first_failure_are_parked_and_later_ones_have_their_turn():
    queue = Queue()
    records = by_number({"Records": [record(number) for number in "1234"]})

    answer, parked = finish_batch(
        records,
        hopeless={"1": "No event.", "4": "No event."},
        again={"3": "ThrottlingException"},
        dead_letters=letters_to(queue),
    )

    assert answer == {"batchItemFailures": [{"itemIdentifier": "3"}]}
    assert parked == 1
    assert [letter["SequenceNumber"] for letter in queue.letters] == ["1"]


def test_a_record_that_the_queue_does_not_take_comes_back():
    queue = Queue(service_error("SendMessage", "RequestThrottled", 400))
    records = by_number({"Records": [record("1"), record("2")]})

    answer, parked = finish_batch(
        records,
        hopeless={"1": "No event.", "2": "No event."},
        again={},
        dead_letters=letters_to(queue),
    )

    assert answer == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert (parked, queue.letters) == (0, [])
