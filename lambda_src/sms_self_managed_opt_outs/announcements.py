"""Tell other systems about a change by an event on EventBridge."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.instants import iso
from sms_self_managed_opt_outs.inbound import InboundMessage
from sms_self_managed_opt_outs.keywords import Match

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient

__all__ = ["DETAIL_TYPE", "SOURCE", "Announcements", "EventRefused"]

SOURCE = "sms_self_managed_opt_outs"
DETAIL_TYPE = "SMS Preference Changed"


class EventRefused(RuntimeError):
    """EventBridge did not take the event."""


@dataclass(frozen=True, slots=True)
class Announcements:
    """The event bus of changes. An event has the number only where `include_number` is true."""

    client: EventBridgeClient
    bus: str
    include_number: bool = False

    def announce(self, message: InboundMessage, match: Match, opted_out: tuple[str, ...]) -> None:
        """Put one event. A repeated event has the same `message_id`.

        Raises:
            EventRefused: EventBridge answered with an error code for the event.
            ClientError, BotoCoreError: the call failed.
        """
        detail: dict[str, Any] = {
            "message_id": message.id,
            "action": match.keyword.action,
            "category": match.keyword.category,
            "keyword": match.keyword.name,
            "said_at": iso(datetime.fromtimestamp(message.said_at / 1000, UTC)),
            "opted_out": list(opted_out),
        }
        if self.include_number:
            detail |= {"number": message.number, "written_to": message.written_to}
        answer = self.client.put_events(
            Entries=[
                {
                    "EventBusName": self.bus,
                    "Source": SOURCE,
                    "DetailType": DETAIL_TYPE,
                    "Detail": json.dumps(detail),
                }
            ]
        )
        code = answer["Entries"][0].get("ErrorCode")
        if code:
            raise EventRefused(f"EventBridge refused the event ({code}).")
