"""Turns delivery events of SES and End User Messaging into Pinpoint-format events.

Both services publish to SNS topics that invoke this function; each event goes to the event stream
of the project that sent the message. An event that cannot be read or written raises: Lambda tries
again and then keeps the event in the function's failure queue.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.data_classes import SNSEvent

from engagement_hub.event_stream import EventStream
from engagement_hub.store.entities import EntityStore
from engagement_hub.workers.delivery_events import records_from
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="engagement-hub")


@cache
def event_stream() -> EventStream:
    return EventStream(EntityStore(required_env("ENTITIES_TABLE")))


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Write the records of an SNS event, project by project."""
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
