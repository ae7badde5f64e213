"""SES's feedback from the queue: suppresses addresses, and gives back what it could not do."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from ses_event_processing.messages import feedback_in
from shared.suppression import Feedback, FeedbackKind, MalformedFeedback, Outcome, Suppressor

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

NAMESPACE = "AddressSuppression"

logger = Logger(service="ses-event-processing")
suppressor = Suppressor.from_environment()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Do what the messages of a batch demand; those that failed come back, and no others.

    A malformed message fails like one that met an unavailable service: after its last attempt it
    is in the dead-letter queue, where somebody sees it.
    """
    feedbacks: dict[str, Feedback] = {}
    failed: dict[str, str] = {}
    for record in event["Records"]:
        message_id = record["messageId"]
        try:
            feedback = feedback_in(record["body"])
        except MalformedFeedback as error:
            failed[message_id] = "MalformedFeedback"
            logger.warning(
                "Message cannot be read", extra={"sqs_message_id": message_id, "reason": str(error)}
            )
            continue
        if feedback is not None:
            feedbacks[message_id] = feedback

    outcome = suppressor.process(
        feedbacks, seconds_left=lambda: context.get_remaining_time_in_millis() / 1000
    )
    for message_id, code in outcome.failed.items():
        logger.warning(
            "Message comes back",
            extra={
                "sqs_message_id": message_id,
                "ses_message_id": feedbacks[message_id].message_id,
                "error_code": code,
            },
        )
    failed |= outcome.failed
    _count(outcome, len(failed), context.function_name)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _count(outcome: Outcome[str], failed: int, function_name: str) -> None:
    """One metrics record an invocation; recipients are counted, except for FailedMessages."""
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension("FunctionName", function_name)
    counts = {
        "AddressesSuppressed": outcome.suppressed,
        "Complaints": outcome.recorded[FeedbackKind.COMPLAINT],
        "Copies": outcome.copies,
        "FailedMessages": failed,
        "HardBounces": outcome.recorded[FeedbackKind.HARD_BOUNCE],
        "SoftBounces": outcome.recorded[FeedbackKind.SOFT_BOUNCE],
    }
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()
