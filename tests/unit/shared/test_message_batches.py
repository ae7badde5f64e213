"""A message of a batch that fails leaves its reason in the log, and no value of the message."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response

from shared.message_batches import MessageBatchProcessor
from shared.transient import reading_error
from tests.builders.architectures import CONTEXT, ROOT, service_error, sqs_event

SOURCES = [
    path
    for folder in (ROOT / "lambda_src", ROOT / "docs" / "skeleton" / "lambda_src")
    for path in sorted(folder.rglob("*.py"))
    if path.name != "message_batches.py"
]


class Refused(Exception):
    """An error whose text names a rule."""


def failures(errors: dict[str, Exception]) -> list[str]:
    """Handle a message for each body; return the ids of messages to deliver again."""

    def handle(record: Any) -> None:
        if record.body in errors:
            raise errors[record.body]

    processor = MessageBatchProcessor(Logger(service="messages"), explained=(Refused,))
    answer = process_partial_response(
        event=sqs_event(*errors, "good"),
        record_handler=handle,
        processor=processor,
        context=CONTEXT,
    )
    return [item["itemIdentifier"] for item in answer["batchItemFailures"]]


def test_each_failed_message_has_its_reason_in_the_log(caplog):
    errors = {
        "a": Refused("The order must have a number."),
        "b": service_error("PutItem", "ThrottlingException", 400),
        "c": KeyError("+14255550123"),
    }

    assert failures(errors) == ["m0", "m1", "m2"]

    lines = [vars(line) for line in caplog.records if line.message == "Message comes back"]
    assert [(line["sqs_message_id"], line["reason"]) for line in lines] == [
        ("m0", "The order must have a number."),
        ("m1", "ThrottlingException"),
        ("m2", "KeyError"),
    ]
    assert "+14255550123" not in str([vars(line) for line in caplog.records])


def test_a_batch_that_fails_as_a_whole_is_left_as_a_whole():
    assert failures({"a": Refused("no"), "b": Refused("no")}) == ["m0", "m1"]


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_function_handles_a_batch_without_a_log_of_failures(path: Path):
    assert " BatchProcessor(" not in path.read_text()


@pytest.mark.parametrize(
    ("error", "name"),
    [
        (KeyError("detail"), "KeyError 'detail'"),
        (ValueError("invalid literal for int() with base 10: '+14255550123'"), "ValueError"),
        (TypeError("string indices must be integers"), "TypeError"),
    ],
)
def test_an_error_of_reading_names_the_missing_member_and_no_value(error, name):
    assert reading_error(error) == name
