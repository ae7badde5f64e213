"""Read what a person wrote to a two-way number out of a message of the queue.

Source: End User Messaging SMS User Guide, "Two-way SMS messaging" (example of the payload).
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

__all__ = ["InboundMessage", "MalformedInbound", "inbound_in"]

# The pattern of PutOptedOutNumber.
_NUMBER = re.compile(r"\+?([1-9][0-9]{1,18})")
# Numbers, short codes, and ids or ARNs of RCS agents.
_ORIGINATION = re.compile(r"[A-Za-z0-9_:/+-]{1,256}")
_YEAR_9999 = 253_370_764_800_000  # its first millisecond; beyond it, a time has no text
_MESSAGE_ID = re.compile(r"[\x21-\x7e]{1,128}")


class MalformedInbound(ValueError):
    """The message is not an inbound SMS; retrying cannot help. The text quotes no content."""


@dataclass(frozen=True, slots=True)
class InboundMessage:
    """One message of a person.

    `number` is the person's, `written_to` the number of this account. `said_at` is the time at
    which the topic received the message, epoch milliseconds: the payload has no time of its own.
    `texts` are the texts to match, in this order.
    """

    id: str
    number: str
    written_to: str
    texts: tuple[str, ...]
    said_at: int


def inbound_in(body: str, sent_at: int) -> InboundMessage:
    """Read a message of the queue: SNS's envelope, or the payload alone (raw delivery).

    Args:
        sent_at: the queue's own time, for raw delivery; epoch milliseconds.

    Raises:
        MalformedInbound: a documented member lacks or has another form.
    """
    outer = _json(body, "The message of the queue")
    if outer.get("Type") == "Notification" and isinstance(outer.get("Message"), str):
        payload = _json(outer["Message"], "The message of the topic")
        said_at = _published(outer.get("Timestamp"))
    else:
        payload, said_at = outer, sent_at
    number = _NUMBER.fullmatch(_text(payload, "originationNumber"))
    if number is None:
        raise MalformedInbound("originationNumber is not a phone number.")
    written_to = _text(payload, "destinationNumber")
    if not _ORIGINATION.fullmatch(written_to):
        raise MalformedInbound("destinationNumber is not an origination identity.")
    message_id = _text(payload, "inboundMessageId")
    if not _MESSAGE_ID.fullmatch(message_id):
        raise MalformedInbound("inboundMessageId is not an id.")
    return InboundMessage(
        id=message_id,
        number=f"+{number[1]}",
        written_to=written_to,
        texts=_texts(payload.get("messageBody")),
        said_at=said_at,
    )


def _json(text: str, what: str) -> dict[str, Any]:
    try:
        found = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedInbound(f"{what} is not JSON.") from error
    if not isinstance(found, dict):
        raise MalformedInbound(f"{what} is not a JSON object.")
    return found


def _text(payload: Mapping[str, Any], member: str) -> str:
    value = payload.get(member)
    if not isinstance(value, str) or not value:
        raise MalformedInbound(f"{member} is missing or is not a text.")
    return value


def _published(timestamp: Any) -> int:
    try:
        moment = datetime.fromisoformat(timestamp)
        if moment.tzinfo is None:
            raise ValueError("no time zone")
        milliseconds = round(moment.timestamp() * 1000)
        if not 0 <= milliseconds < _YEAR_9999:
            raise ValueError("not a time of a notification")
        return milliseconds
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedInbound("Timestamp of the notification is not a time.") from error


def _texts(body: Any) -> tuple[str, ...]:
    """Return what the person wrote, or the texts of the suggestion that the person tapped.

    RCS puts JSON into the body. A tapped suggestion has postback data, which is for programs and
    goes first, and the text of the button. A signal that the person is typing has neither.
    """
    if body is None:
        return ()
    if not isinstance(body, str):
        raise MalformedInbound("messageBody is not a text.")
    if not body.lstrip().startswith("{"):
        return (body,)
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return (body,)  # a person may begin a text with a brace
    parts = [found, *(part for part in found.values() if isinstance(part, dict))]
    texts = [part.get(name) for name in _RCS_TEXTS for part in parts]
    return tuple(text for text in texts if isinstance(text, str) and text)


# Names of the text of a suggestion, in the order in which they count.
_RCS_TEXTS = ("postbackData", "postback_data", "text", "displayText", "suggestionText")
