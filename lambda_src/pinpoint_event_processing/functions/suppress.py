"""Bounces and complaints from a project's event stream: suppresses the addresses they name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from pinpoint_event_processing.records import feedback_in
from shared.settings import required_env
from shared.stream_records import DeadLetters, by_number, finish_batch
from shared.suppression import Feedback, MalformedFeedback, Suppressor, report_metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

# SES and DynamoDB refuse what is in the record, and always will. ValidationError is DynamoDB's code
# for an action of a transaction.
HOPELESS_CODES = frozenset({"BadRequestException", "ValidationError", "ValidationException"})

logger = Logger(service="pinpoint-event-processing")
dead_letters = DeadLetters(required_env("DEAD_LETTER_QUEUE_URL"), logger)
suppressor = Suppressor.from_environment()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on the records of a batch, and report the records to try again."""
    records = by_number(event)
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

    answer, parked = finish_batch(
        records, hopeless=hopeless, again=again, dead_letters=dead_letters
    )
    failed = len(answer["batchItemFailures"])
    report_metrics(outcome, context.function_name, FailedRecords=failed, ParkedRecords=parked)
    return answer
