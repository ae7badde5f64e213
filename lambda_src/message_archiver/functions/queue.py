"""Event stream → queue: each successful send of a campaign or journey becomes a message."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from message_archiver.metrics import report
from shared.aws import aws_client
from shared.record_batches import batches
from shared.sent_messages.sends import NotRenderable, read_send
from shared.settings import required_env
from shared.stream_records import DeadLetters, NotAnEvent, by_number, event_in, finish_batch
from shared.transient import ServiceUnavailable, transient_errors_named

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

# SQS takes 10 messages in a call, and 262,144 bytes in a message and in a call.
MESSAGES_PER_CALL = 10
LARGEST_BYTES = 262_144

logger = Logger(service="message-archiver")
queue_url = required_env("QUEUE_URL")
dead_letters = DeadLetters(required_env("DEAD_LETTER_QUEUE_URL"), logger)
sqs: SQSClient = aws_client(
    "sqs", config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Queue the sends of a batch, and report the records to try again."""
    records = by_number(event)
    bodies: dict[str, str] = {}
    hopeless: dict[str, str] = {}
    not_sent = 0
    for number, record in records.items():
        try:
            sent = event_in(record["kinesis"]["data"])
            if read_send(sent) is None:
                not_sent += 1
                continue
        except (NotAnEvent, NotRenderable) as error:
            hopeless[number] = str(error)
            continue
        body = json.dumps(sent)  # ASCII: SQS refuses some characters that JSON can hold
        if len(body) > LARGEST_BYTES:
            hopeless[number] = f"The event has {len(body)} bytes; SQS takes {LARGEST_BYTES}."
        else:
            bodies[number] = body
    again = _queue(bodies)
    answer, parked = finish_batch(
        records, hopeless=hopeless, again=again, dead_letters=dead_letters
    )
    report(
        context.function_name,
        {
            "QueuedSends": len(bodies) - len(again),
            "UnsuccessfulSends": not_sent,
            "ParkedRecords": parked,
            "FailedRecords": len(answer["batchItemFailures"]),
        },
    )
    return answer


def _queue(bodies: dict[str, str]) -> dict[str, str]:
    """Send bodies to the queue; return the error codes of the refused by sequence number."""
    again: dict[str, str] = {}
    for batch in batches(list(bodies.items()), lambda item: len(item[1]), most_bytes=LARGEST_BYTES):
        for start in range(0, len(batch), MESSAGES_PER_CALL):
            again |= _call(batch[start : start + MESSAGES_PER_CALL])
    return again


def _call(batch: list[tuple[str, str]]) -> dict[str, str]:
    entries: list[SendMessageBatchRequestEntryTypeDef] = [
        {"Id": str(place), "MessageBody": body} for place, (_, body) in enumerate(batch)
    ]
    try:
        with transient_errors_named():
            answer = sqs.send_message_batch(QueueUrl=queue_url, Entries=entries)
    except ServiceUnavailable as error:
        return dict.fromkeys((number for number, _ in batch), str(error))
    return {batch[int(one["Id"])][0]: one["Code"] for one in answer.get("Failed", [])}
