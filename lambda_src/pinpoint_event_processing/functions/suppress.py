"""Bounces and complaints from a project's event stream: suppresses the addresses they name."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from pinpoint_event_processing.records import dead_letter, feedback_in
from shared.aws import aws_client
from shared.settings import required_env
from shared.suppression import Feedback, MalformedFeedback, Suppressor, report_metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient

DEAD_LETTER_QUEUE_URL = required_env("DEAD_LETTER_QUEUE_URL")

# SES and DynamoDB refuse what is in the record, and always will. ValidationError is DynamoDB's code
# for an action of a transaction.
HOPELESS_CODES = frozenset({"BadRequestException", "ValidationError", "ValidationException"})

logger = Logger(service="pinpoint-event-processing")
suppressor = Suppressor.from_environment()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on the records of a batch, and report the records to try again.

    A record that no retry can help goes to the dead-letter queue at once, with its data: it must
    not hold up the shard, and the stream would forget it.
    """
    records = {record["kinesis"]["sequenceNumber"]: record for record in event["Records"]}
    feedbacks: dict[str, tuple[Feedback, ...]] = {}
    hopeless: dict[str, str] = {}
    for number, record in records.items():
        try:
            feedbacks[number] = feedback_in(record["kinesis"]["data"])
        except MalformedFeedback as error:
            hopeless[number] = str(error)
            feedbacks[number] = error.readable

    outcome = suppressor.process(
        feedbacks, seconds_left=lambda: context.get_remaining_time_in_millis() / 1000
    )
    again: dict[str, str] = {}
    for number, code in outcome.failed.items():
        (hopeless if code in HOPELESS_CODES else again)[number] = code

    # Lambda repeats the batch from the first failure on: later records have their turn then, and
    # would be parked once per attempt.
    parked = 0
    for number, record in records.items():
        if number in again:
            break
        if number in hopeless:
            refusal = _park(record, hopeless[number])
            if refusal is not None:
                again[number] = refusal
                break
            parked += 1
    for number, code in again.items():
        logger.warning("Record comes back", extra={"sequence_number": number, "error_code": code})
    report_metrics(outcome, context.function_name, FailedRecords=len(again), ParkedRecords=parked)
    return {"batchItemFailures": [{"itemIdentifier": number} for number in again]}


@cache
def _sqs() -> SQSClient:
    """Make the client at its first use, which is rare."""
    config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
    client: SQSClient = aws_client("sqs", config=config)
    return client


def _park(record: dict[str, Any], reason: str) -> str | None:
    """Put a record into the dead-letter queue; the code of the error if that is refused."""
    number = record["kinesis"]["sequenceNumber"]
    try:
        _sqs().send_message(QueueUrl=DEAD_LETTER_QUEUE_URL, MessageBody=dead_letter(record, reason))
    except ClientError as error:
        return str(error.response["Error"].get("Code", "unknown code"))
    except BotoCoreError as error:
        return type(error).__name__
    logger.warning("Record is parked", extra={"sequence_number": number, "reason": reason})
    return None
