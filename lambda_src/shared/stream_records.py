"""Read records of an event stream, and keep the records that no retry can process.

For functions that an event source mapping of a Kinesis data stream invokes
(`modules/internal/stream_subscriber`).
"""

from __future__ import annotations

import binascii
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import aws_client
from shared.transient import error_code

if TYPE_CHECKING:
    from aws_lambda_powertools import Logger
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from mypy_boto3_sqs import SQSClient

__all__ = [
    "LARGEST_DATA",
    "DeadLetters",
    "NotAnEvent",
    "by_number",
    "dead_letter",
    "event_in",
    "finish_batch",
]

LARGEST_DATA = 200_000
"""Characters of base64 that a dead letter carries: SQS takes 262,144 bytes in a message."""

Record = Mapping[str, Any]


class NotAnEvent(ValueError):
    """The data of a record is not a JSON object; retrying cannot help."""


def by_number(event: Mapping[str, Any]) -> dict[str, Record]:
    """Return the records of a batch by sequence number, in the order of the shard."""
    return {record["kinesis"]["sequenceNumber"]: record for record in event["Records"]}


def event_in(data: str) -> dict[str, Any]:
    """Return the event in a record's data (base64), which is JSON with or without a newline.

    Raises:
        NotAnEvent: the data is not a JSON object. The message quotes no content.
    """
    try:
        event = json.loads(binascii.a2b_base64(data))
    except (ValueError, RecursionError) as error:
        raise NotAnEvent("The record is not JSON.") from error
    if not isinstance(event, dict):
        raise NotAnEvent("The record is not a JSON object.")
    return event


def dead_letter(record: Record, reason: str) -> str:
    """Write the dead letter of a record that no retry can help, for a person to read and redrive.

    Args:
        record: as Lambda gives it. Its data stays out where it is too large for a message; the
            stream has it under `SequenceNumber` for as long as it keeps records.
        reason: why; without anything of the content.
    """
    kinesis = record["kinesis"]
    return json.dumps(
        {
            "Reason": reason,
            "StreamArn": record["eventSourceARN"],
            "ShardId": record["eventID"].partition(":")[0],
            "SequenceNumber": kinesis["sequenceNumber"],
            "PartitionKey": kinesis["partitionKey"],
            "Data": kinesis["data"] if len(kinesis["data"]) <= LARGEST_DATA else None,
        }
    )


@cache
def _sqs() -> SQSClient:
    """Make the client at its first use, which is rare."""
    config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
    client: SQSClient = aws_client("sqs", config=config)
    return client


@dataclass(frozen=True, slots=True)
class DeadLetters:
    """The dead-letter queue of a subscriber."""

    queue_url: str
    logger: Logger
    client: Callable[[], SQSClient] = _sqs

    def park(self, record: Record, reason: str) -> str | None:
        """Send a record to the queue. Returns the error code if SQS does not take it."""
        number = record["kinesis"]["sequenceNumber"]
        try:
            self.client().send_message(
                QueueUrl=self.queue_url, MessageBody=dead_letter(record, reason)
            )
        except (BotoCoreError, ClientError) as error:
            return error_code(error)
        self.logger.warning("Record is parked", extra={"sequence_number": number, "reason": reason})
        return None


def finish_batch(
    records: Mapping[str, Record],
    *,
    hopeless: Mapping[str, str],
    again: Mapping[str, str],
    dead_letters: DeadLetters,
) -> tuple[PartialItemFailureResponse, int]:
    """Park the hopeless records of a batch, and report the records to try again.

    A hopeless record goes to the dead-letter queue at once, with its data: it must not hold up the
    shard, and the stream would forget it.

    Args:
        records: the batch by sequence number, in the order of the shard.
        hopeless: sequence number => reason.
        again: sequence number => error code.

    Returns:
        The answer to Lambda, and the number of parked records.
    """
    failed = dict(again)
    # Lambda repeats the batch from the first failure on: later records have their turn then, and
    # would be parked once per attempt.
    parked = 0
    for number, record in records.items():
        if number in failed:
            break
        if number in hopeless:
            refusal = dead_letters.park(record, hopeless[number])
            if refusal is not None:
                failed[number] = refusal
                break
            parked += 1
    for number, code in failed.items():
        dead_letters.logger.warning(
            "Record comes back", extra={"sequence_number": number, "error_code": code}
        )
    return {"batchItemFailures": [{"itemIdentifier": number} for number in failed]}, parked
