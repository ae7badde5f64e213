"""End User Messaging's events, by a topic and a queue → retries, without a project's stream."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from shared.pinpoint_events import MalformedEvent, UnknownEventType, sms_event
from sms_retry.failures import MalformedSmsEvent
from sms_retry.wiring import intake, report

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="sms-retry")
intake()  # makes the clients, and a missing setting fails the cold start


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Decide about a batch of events; a message that cannot be read ends in the dead letters."""
    events: dict[str, dict[str, Any]] = {}
    failed: dict[str, str] = {}
    account_id = context.invoked_function_arn.split(":")[4]
    for record in event["Records"]:
        message_id = record["messageId"]
        try:
            events[message_id] = _event(record["body"], account_id)
        except (MalformedEvent, MalformedSmsEvent, UnknownEventType) as error:
            failed[message_id] = type(error).__name__
    outcome = intake().process(events)
    failed |= outcome.again | dict.fromkeys(outcome.hopeless, "MalformedSmsEvent")
    for message_id, code in failed.items():
        logger.warning("Message comes back", extra={"sqs_message_id": message_id, "code": code})
    if outcome.reasons:
        logger.info("Not tried again", extra={"reasons": dict(outcome.reasons)})
    report(context.function_name, outcome.counts | {"FailedRecords": len(failed)})
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def _event(body: str, account_id: str) -> dict[str, Any]:
    """Return the event in SNS's envelope, in Pinpoint's format.

    Raises:
        MalformedSmsEvent, MalformedEvent, UnknownEventType: it is no event of a message.
    """
    try:
        envelope = json.loads(body)
        record = json.loads(envelope["Message"])
    except (KeyError, RecursionError, TypeError, ValueError) as error:
        raise MalformedSmsEvent("The message is no notification with an event as JSON.") from error
    if not isinstance(record, dict):
        raise MalformedSmsEvent("The event is no JSON object.")
    return sms_event(record, account_id=account_id, arrived=datetime.now(UTC), keep_all=True)
