"""Queue of endpoints: sends each email once, and reports the outcomes as events."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from email_attachments.bucket import FileBucket
from email_attachments.configuration import read_rules
from email_attachments.ledger import Ledger
from email_attachments.sender import Later, Sender
from email_attachments.templates import Templates
from shared.aws import aws_client
from shared.channel_intake import MalformedMessage, read_message
from shared.metrics import write_counts
from shared.outcome_events import ChannelOutcome, OutcomeEvent, OutcomesRefused, put_outcomes
from shared.pacing import RateLimiter
from shared.pinpoint import pinpoint_client
from shared.send_outcome import ONE_ATTEMPT
from shared.settings import optional_env, required_env
from shared.transient import error_code

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import ChangeMessageVisibilityBatchRequestEntryTypeDef

NAMESPACE = "EmailAttachments"
# Left for the last send, which takes 25 s without an answer, its record, and the events.
_LAST_SECONDS = 50
_FIRST_WAIT_SECONDS = 15
_LONGEST_WAIT_SECONDS = 900
_CALLS = Config(
    connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 3}
)

logger = Logger(service="email-attachments")
queue_url = required_env("QUEUE_URL")
dead_letter_queue_url = required_env("DEAD_LETTER_QUEUE_URL")
table = required_env("STATE_TABLE")
dynamodb: DynamoDBClient = aws_client("dynamodb", config=_CALLS)
# Links: an object under a KMS key needs a signature of version 4.
s3: S3Client = aws_client("s3", config=_CALLS.merge(Config(signature_version="s3v4")))
ses: SESV2Client = aws_client("sesv2", config=ONE_ATTEMPT)
sqs: SQSClient = aws_client("sqs", config=_CALLS)
pinpoint = pinpoint_client(_CALLS)
sender = Sender(
    rules=read_rules(os.environ),
    templates=Templates(pinpoint),
    files=FileBucket(
        s3,
        required_env("FILES_BUCKET"),
        int(json.loads(required_env("FILES"))["largest_mb"] * 1024 * 1024),
    ),
    ledger=Ledger(dynamodb, table, int(required_env("TIMEOUT_SECONDS"))),
    pacer=RateLimiter(dynamodb, table, "email", float(required_env("MESSAGES_PER_SECOND"))),
    pinpoint=pinpoint,
    ses=ses,
    recheck_seconds=float(required_env("RECHECK_SECONDS")),
    configuration_set=optional_env("CONFIGURATION_SET"),
)


@dataclass(slots=True)
class _Batch:
    """Outcomes by message id, and the messages that are received again, with the reason."""

    outcomes: dict[str, OutcomeEvent] = field(default_factory=dict)
    later: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    stopped: str | None = None


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Send a batch of the queue, and report the messages to receive again."""
    batch = _Batch()
    deadline = time.time() + context.get_remaining_time_in_millis() / 1_000 - _LAST_SECONDS
    for record in event["Records"]:
        _send(record, deadline, batch)
    _report(batch)
    _hide(event["Records"], batch)
    for message_id, reason in batch.later.items():
        logger.warning("Message comes back", extra={"message_id": message_id, "reason": reason})
    names = {outcome: f"{outcome.value.capitalize()}Emails" for outcome in ChannelOutcome}
    sent = Counter(outcome.outcome for outcome in batch.outcomes.values())
    counts = {
        names[outcome]: sent[outcome]
        for outcome in ChannelOutcome
        if outcome is not ChannelOutcome.DELIVERED
    }
    counts |= {
        "ParkedMessages": batch.counts["ParkedMessages"],
        "PostponedMessages": len(batch.later),
        "UnreportedOutcomes": batch.counts["UnreportedOutcomes"],
    }
    write_counts(NAMESPACE, context.function_name, counts)
    return {"batchItemFailures": [{"itemIdentifier": one} for one in batch.later]}


def _send(record: Mapping[str, Any], deadline: float, batch: _Batch) -> None:
    message_id = record["messageId"]
    if batch.stopped is not None or time.time() > deadline:
        batch.later[message_id] = batch.stopped or "OUT_OF_TIME"
        return
    try:
        outcome = sender.send(read_message(record["body"]), deadline)
    except MalformedMessage as error:
        _park(record, str(error), batch)
    except Later as later:
        batch.later[message_id] = str(later)
        if later.stops:
            batch.stopped = str(later)
    except Exception as error:
        # One message must not fail the others of its batch. SQS redelivers it, and after its last
        # receive moves it to the dead-letter queue.
        batch.later[message_id] = error_code(error)
    else:
        batch.outcomes[message_id] = outcome
        if outcome.outcome is not ChannelOutcome.ACCEPTED:
            logger.warning(
                "Email is not sent",
                extra={
                    "message_id": message_id,
                    "outcome": outcome.outcome.value,
                    "reason": outcome.reason,
                },
            )


def _report(batch: _Batch) -> None:
    """Write the outcomes. Without an answer the messages are received and reported again."""
    try:
        put_outcomes(pinpoint, batch.outcomes.values())
    except OutcomesRefused as error:
        # The same event would be refused again, and the messages are sent.
        logger.error("Outcomes are refused", extra={"reason": str(error)})
        batch.counts["UnreportedOutcomes"] += len(error.outcomes)
    except (BotoCoreError, ClientError) as error:
        batch.later |= dict.fromkeys(batch.outcomes, error_code(error))
        batch.counts["UnreportedOutcomes"] += len(batch.outcomes)


def _hide(records: list[Mapping[str, Any]], batch: _Batch) -> None:
    """Let messages wait longer with each receive."""
    entries: list[ChangeMessageVisibilityBatchRequestEntryTypeDef] = [
        {
            "Id": str(number),
            "ReceiptHandle": record["receiptHandle"],
            "VisibilityTimeout": _wait_seconds(record),
        }
        for number, record in enumerate(records)
        if record["messageId"] in batch.later
    ]
    if not entries:
        return
    try:
        sqs.change_message_visibility_batch(QueueUrl=queue_url, Entries=entries)
    except (BotoCoreError, ClientError) as error:
        # SQS redelivers them after the visibility timeout.
        logger.warning("Messages are not hidden", extra={"error_code": error_code(error)})


def _wait_seconds(record: Mapping[str, Any]) -> int:
    receives = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    doubled: int = _FIRST_WAIT_SECONDS * 2 ** min(receives - 1, 10)
    return min(_LONGEST_WAIT_SECONDS, doubled)


def _park(record: Mapping[str, Any], reason: str, batch: _Batch) -> None:
    """Move a message that no retry can help to the dead-letter queue, with the reason."""
    try:
        sqs.send_message(
            QueueUrl=dead_letter_queue_url,
            MessageBody=record["body"],
            MessageAttributes={"Reason": {"DataType": "String", "StringValue": reason}},
        )
    except (BotoCoreError, ClientError) as error:
        batch.later[record["messageId"]] = error_code(error)
        return
    batch.counts["ParkedMessages"] += 1
    logger.warning("Message is parked", extra={"message_id": record["messageId"], "reason": reason})
