"""Push messages of direct sends: rendered by the hub, and sent by SendMessages of AWS.

AWS gets one address a call, with the finished notification, so that a notification can have values
of its recipient.
"""

from __future__ import annotations

import json
from collections.abc import Mapping

from botocore.exceptions import ClientError

from engagement_hub.engagement.errors import AnsweredByAws, EngagementError, NotReached
from engagement_hub.engagement.model import JsonObject
from engagement_hub.hub import Hub
from engagement_hub.senders import DeliveryStatus, SendOutcome
from shared.messages.push import PUSH_MEMBERS, PushContent
from shared.pinpoint_events import CUSTOMER_CONTEXT
from shared.send_outcome import outcome_of

__all__ = ["PUSH_OPERATION", "PushSender"]

PUSH_OPERATION = "SendMessages"
"""The operation that `forward` names for push messages."""


class PushSender:
    """Sends push messages of a project. Made in one thread, and safe to share by threads then."""

    def __init__(self, hub: Hub, app_id: str, channel: str) -> None:
        self._forwarding = hub.forwarding
        self._forwarding.prepare()
        self._app_id = app_id
        self._channel = channel

    def send(
        self, content: PushContent, address: str, *, context: Mapping[str, str]
    ) -> SendOutcome:
        """Send one notification once; the client's Context goes along."""
        request: JsonObject = {
            "Addresses": {address: {"ChannelType": self._channel}},
            "MessageConfiguration": {PUSH_MEMBERS[self._channel]: dict(content.notification)},
        }
        if context.get(CUSTOMER_CONTEXT):
            request["Context"] = json.loads(context[CUSTOMER_CONTEXT])
        try:
            answer = self._forwarding.call(
                PUSH_OPERATION, labels={"application-id": self._app_id}, query={}, body=request
            )
        except EngagementError as error:
            return _failed(error)
        result = answer.get("Result", {}).get(address)
        if result is None:
            return SendOutcome.unknown("AWS gave no result: the message may be sent.")
        return SendOutcome(
            DeliveryStatus(result["DeliveryStatus"]),
            result["StatusCode"],
            result.get("StatusMessage", ""),
            result.get("MessageId"),
            updated_token=result.get("UpdatedToken"),
        )


def _failed(error: EngagementError) -> SendOutcome:
    match error:
        case AnsweredByAws(__cause__=ClientError() as answered):
            return outcome_of(answered)
        case NotReached():
            return SendOutcome(DeliveryStatus.TEMPORARY_FAILURE, 503, error.message)
    if error.status >= 500:
        return SendOutcome.unknown(error.message)
    return SendOutcome.refused(error.message)
