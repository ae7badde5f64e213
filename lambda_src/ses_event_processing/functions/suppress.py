"""SQS handler: suppress the addresses of SES's feedback, and return the ids of failed messages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from ses_event_processing.messages import feedback_in
from shared.suppression import Feedback, MalformedFeedback, Suppressor, report_metrics

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="ses-event-processing")
suppressor = Suppressor.from_environment()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Act on the messages of a batch; only failed messages are redelivered.

    A malformed message fails like a message that met an unavailable service: after its last
    attempt it is in the dead-letter queue, whose alarm notifies a person.
    """
    feedbacks: dict[str, tuple[Feedback, ...]] = {}
    failed: dict[str, str] = {}
    for record in event["Records"]:
        message_id = record["messageId"]
        try:
            feedbacks[message_id] = feedback_in(record["body"])
        except MalformedFeedback as error:
            failed[message_id] = "MalformedFeedback"
            feedbacks[message_id] = error.readable
            logger.warning(
                "Message cannot be read", extra={"sqs_message_id": message_id, "reason": str(error)}
            )

    outcome = suppressor.process(
        feedbacks, seconds_left=lambda: context.get_remaining_time_in_millis() / 1000
    )
    for message_id, code in outcome.failed.items():
        logger.warning(
            "Message comes back",
            extra={
                "sqs_message_id": message_id,
                "ses_message_id": feedbacks[message_id][0].message_id,
                "error_code": code,
            },
        )
    failed |= outcome.failed
    report_metrics(outcome, context.function_name, FailedMessages=len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}
