"""Turns delivery events of SES and End User Messaging into Pinpoint-format events.

Both services publish to SNS topics that invoke this function; each event goes to the event stream
of the project that sent the message. What cannot be read, or not be written, raises: Lambda tries
again and then keeps the event in the function's failure queue.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import SNSEvent

from engagement_hub.event_stream import EventStream
from engagement_hub.store.entities import EntityStore
from shared.pinpoint_events import MalformedEvent, email_event, sms_event
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="engagement-hub")

# SES writes this to a topic when it becomes an event destination. It is no event.
_SES_GREETING = "Successfully validated SNS topic"


def records_from(message: str, *, account_id: str, arrived: datetime) -> list[dict[str, Any]]:
    """The Pinpoint-format records of one SNS message; none for SES's greeting.

    Raises:
        MalformedEvent: it is no delivery event of either service, or lacks a documented member.
    """
    if message.startswith(_SES_GREETING):
        return []
    try:
        event = json.loads(message)
    except json.JSONDecodeError as error:
        raise MalformedEvent("The SNS message is not JSON.") from error
    if not isinstance(event, Mapping) or "eventType" not in event:
        raise MalformedEvent("The SNS message is no delivery event: it has no eventType.")
    if "mail" in event:
        return email_event(event, account_id=account_id)
    return [sms_event(event, account_id=account_id, arrived=arrived)]


@cache
def event_stream() -> EventStream:
    return EventStream(EntityStore(required_env("ENTITIES_TABLE")))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    by_project: dict[str, list[dict[str, Any]]] = defaultdict(list)
    foreign = 0
    for sns in SNSEvent(event).records:
        for record in records_from(
            sns.sns.message, account_id=required_env("ACCOUNT_ID"), arrived=datetime.now(UTC)
        ):
            app_id = record["application"]["app_id"]
            if app_id:
                by_project[app_id].append(record)
            else:
                foreign += 1
    for app_id, records in by_project.items():
        event_stream().publish(app_id, records)
    if foreign:
        # Mail and texts that others send with the same configuration set belong to no project.
        logger.info("events of messages that the hub did not send", count=foreign)
