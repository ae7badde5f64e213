"""Answer a message by one text message, from the number that the person wrote to.

The right to answer is taken before the request leaves, so an answer whose outcome is unknown is
never repeated. Only an answer that was surely not sent is tried again.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from shared.send_outcome import DeliveryStatus, SendOutcome, attempt
from sms_self_managed_opt_outs.inbound import InboundMessage
from sms_self_managed_opt_outs.store import Record, ReplyState, Store

if TYPE_CHECKING:
    from mypy_boto3_pinpoint_sms_voice_v2 import PinpointSMSVoiceV2Client

__all__ = ["Replies", "ReplyNotSent"]

_LATER = frozenset({DeliveryStatus.THROTTLED, DeliveryStatus.TEMPORARY_FAILURE})


class ReplyNotSent(RuntimeError):
    """The answer was not sent by this attempt, and a later attempt may send it."""


@dataclass(frozen=True, slots=True)
class Replies:
    """Answers by `SendTextMessage`. The client must try once: `attempt` decides about repeats."""

    client: PinpointSMSVoiceV2Client
    store: Store
    sleep: Callable[[float], None] = time.sleep

    def answer(
        self, message: InboundMessage, record: Record, text: str | None, *, receives: int = 1
    ) -> ReplyState:
        """Send the answer that is due, once.

        An answer that is TAKEN at the first receipt of a message is being sent by a copy of it, and
        a number that is on the list by then would not get it. At a later receipt the function
        that took it has died.

        Args:
            receives: how often the queue gave the message out, this time included.

        Returns:
            The state of the answer. UNKNOWN: an attempt ended without an answer of the service.

        Raises:
            ReplyNotSent: see there.
            ClientError, BotoCoreError: the table did not take the outcome.
        """
        if record.reply is ReplyState.TAKEN:
            if receives == 1:
                raise ReplyNotSent("A copy of the message is being answered.")
            self.store.end_reply(
                message, ReplyState.TAKEN, ReplyState.UNKNOWN, reply_reason="INTERRUPTED"
            )
            return ReplyState.UNKNOWN
        if record.reply is not ReplyState.PENDING or text is None:
            return record.reply
        if not self.store.take_reply(message, uuid.uuid4().hex):
            raise ReplyNotSent("A copy of the message is being answered.")
        outcome = attempt(lambda: self._send(message, text), sleep=self.sleep)
        if outcome.delivery_status in _LATER:
            self.store.set_reply(
                message, ReplyState.PENDING, reply_reason=outcome.reason or "UNAVAILABLE"
            )
            raise ReplyNotSent(outcome.status_message)
        state = _state(outcome)
        about = (
            {"reply_id": outcome.message_id}
            if outcome.message_id
            else {"reply_reason": outcome.reason or outcome.delivery_status.value}
        )
        self.store.set_reply(message, state, **about)
        return state

    def give_up(self, message: InboundMessage) -> None:
        """Record that the answer stays unsent.

        Raises:
            ClientError: an answer was taken, or its end is recorded already; look at the record.
        """
        self.store.end_reply(
            message, ReplyState.PENDING, ReplyState.REFUSED, reply_reason="GIVEN_UP"
        )

    def _send(self, message: InboundMessage, text: str) -> dict[str, str]:
        answer = self.client.send_text_message(
            DestinationPhoneNumber=message.number,
            OriginationIdentity=message.written_to,
            MessageBody=text,
            MessageType="TRANSACTIONAL",
        )
        return {"MessageId": answer["MessageId"]}


def _state(outcome: SendOutcome) -> ReplyState:
    match outcome.delivery_status:
        case DeliveryStatus.SUCCESSFUL:
            return ReplyState.SENT
        case DeliveryStatus.UNKNOWN_FAILURE:
            return ReplyState.UNKNOWN
        case _:
            return ReplyState.REFUSED
