"""Delivery events of SES and End User Messaging as Pinpoint-format records.

Both services publish to SNS topics.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from shared.pinpoint_events import (
    REQUESTED_AT,
    MalformedEvent,
    as_text,
    email_event,
    sms_event,
)

# SES writes this to a topic when it becomes an event destination. It is no event.
_SES_GREETING = "Successfully validated SNS topic"


def records_from(message: str, *, account_id: str, arrived: datetime) -> list[dict[str, Any]]:
    """Return the Pinpoint-format records of one SNS message; an empty list for SES's greeting.

    Raises:
        MalformedEvent: it is no delivery event of either service, or lacks a documented member.
    """
    if message.startswith(_SES_GREETING):
        return []
    try:
        event = json.loads(message)
    except (ValueError, RecursionError) as error:
        raise MalformedEvent("The SNS message is not JSON.") from error
    if not isinstance(event, Mapping) or "eventType" not in event:
        raise MalformedEvent("The SNS message is no delivery event: it has no eventType.")
    if "mail" in event:
        return email_event(event, account_id=account_id)
    record = sms_event(event, account_id=account_id, arrived=arrived)
    # Tells which version of a campaign the message has, however late the event is.
    if event.get("messageRequestTimestamp") is not None:
        record["attributes"][REQUESTED_AT] = as_text(event["messageRequestTimestamp"])
    return [record]
