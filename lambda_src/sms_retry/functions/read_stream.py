"""Event stream of a project → retries: failures are scheduled, arrivals cancel."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from shared.settings import required_env
from shared.stream_records import DeadLetters, NotAnEvent, by_number, event_in, finish_batch
from sms_retry.wiring import intake, report

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="sms-retry")
dead_letters = DeadLetters(required_env("DEAD_LETTER_QUEUE_URL"), logger)
intake()  # makes the clients, and a missing setting fails the cold start


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Decide about a batch of events, and report the records to try again."""
    records = by_number(event)
    events: dict[str, dict[str, Any]] = {}
    hopeless: dict[str, str] = {}
    for number, record in records.items():
        try:
            events[number] = event_in(record["kinesis"]["data"])
        except NotAnEvent as error:
            hopeless[number] = str(error)
    outcome = intake().process(events)
    answer, parked = finish_batch(
        records,
        hopeless=hopeless | outcome.hopeless,
        again=outcome.again,
        dead_letters=dead_letters,
    )
    if outcome.reasons:
        logger.info("Not tried again", extra={"reasons": dict(outcome.reasons)})
    failed = len(answer["batchItemFailures"])
    report(
        context.function_name, outcome.counts | {"ParkedRecords": parked, "FailedRecords": failed}
    )
    return answer
