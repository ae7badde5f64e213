"""One email to send, as producers put it on the queue: read, checked, and given its identity."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.mailbox import MailboxRefused, read_address, read_mailbox

__all__ = ["MAX_BODY_BYTES", "MalformedMessage", "Message", "message_of", "read_message"]

MAX_BODY_BYTES = 262_144  # "Amazon SQS message quotas", as queues are set up by default
_TAG_NAME = re.compile(r"[A-Za-z0-9_-]{1,256}")
_TAG_VALUE = re.compile(r"[A-Za-z0-9_.@-]{1,256}")
_MAX_TAGS = 50
_MAX_MAILBOX = 1_000  # a name, encoded or not, and an address
_MAX_TEXT = 256


class MalformedMessage(ValueError):
    """A message that can never be sent as it is.

    The text names the field, its rule and the way out, and quotes nothing of the message.
    """

    def __init__(self, field: str, rule: str, way_out: str) -> None:
        super().__init__(f"{field} {rule}: {way_out}")
        self.field = field
        self.rule = rule
        self.way_out = way_out


@dataclass(frozen=True, slots=True)
class Message:
    """One email to one recipient, made of a template and what is known of a user.

    `sender` and `to` are in the form that SES takes: names with other letters as encoded words or
    in quotation marks, domains in Punycode.

    `key` is the identity under which it is sent once at most; None leaves it to the queue's own
    message id.
    """

    sender: str
    to: str
    template: str
    user_id: str
    configuration_set: str | None
    tags: tuple[tuple[str, str], ...]
    unique_code: str | None
    key: str | None


def read_message(body: str) -> Message:
    """Return the message of a text.

    Raises:
        MalformedMessage: it is not JSON, or `message_of` refuses it.
    """
    try:
        value = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("body", "must be JSON", "write it with a JSON library") from error
    return message_of(value)


def message_of(value: object) -> Message:
    """Read {from, to, template_name, user_id, config_set?, tags?, unique_code?, idempotency_key?}.

    Other members are ignored. An idempotency key counts alone. A unique code counts together
    with the sender and the recipient, so that one code may go to many people.

    Raises:
        MalformedMessage: a member is missing or breaks its rule.
    """
    if not isinstance(value, Mapping):
        raise MalformedMessage("body", "must be a JSON object", "send one object per message")
    try:
        sender = read_mailbox(_text(value, "from", _MAX_MAILBOX)).header
    except MailboxRefused as error:
        raise MalformedMessage("from", "must be one mailbox of SES", str(error)) from error
    try:
        to = read_address(_text(value, "to", _MAX_MAILBOX))
    except MailboxRefused as error:
        raise MalformedMessage(
            "to", "must be one address without a name; a message has one recipient", str(error)
        ) from error
    code = _optional(value, "unique_code")
    return Message(
        sender=sender,
        to=to,
        template=_text(value, "template_name", 64),
        user_id=_text(value, "user_id", 2048),
        configuration_set=_optional(value, "config_set"),
        tags=_tags(value.get("tags")),
        unique_code=code,
        key=_key(_optional(value, "idempotency_key"), sender, to, code),
    )


def _text(value: Mapping[str, Any], field: str, longest: int) -> str:
    text = value.get(field)
    if not isinstance(text, str) or not 1 <= _bytes(text) <= longest:
        raise MalformedMessage(
            field, f"must be a text of 1-{longest} bytes in UTF-8", "give it, in quotes"
        )
    return text


def _bytes(text: str) -> int:
    """Return the length of a text as DynamoDB and SES count it; 0 for half of a character, which
    would fail a whole batch."""
    try:
        return len(text.encode())
    except UnicodeEncodeError:
        return 0


def _optional(value: Mapping[str, Any], field: str) -> str | None:
    return None if value.get(field) is None else _text(value, field, _MAX_TEXT)


def _tags(value: object) -> tuple[tuple[str, str], ...]:
    if value is None:
        return ()
    if not isinstance(value, list) or len(value) > _MAX_TAGS:
        raise MalformedMessage(
            "tags",
            f"must be a list of at most {_MAX_TAGS}",
            'write [{"Name": "campaign", "Value": "run1"}]',
        )
    pairs: list[tuple[str, str]] = []
    for tag in value:
        name = tag.get("Name") if isinstance(tag, Mapping) else None
        text = tag.get("Value") if isinstance(tag, Mapping) else None
        if (
            not (isinstance(name, str) and _TAG_NAME.fullmatch(name))
            or not (isinstance(text, str) and _TAG_VALUE.fullmatch(text))
            or name in dict(pairs)
        ):
            raise MalformedMessage(
                "tags",
                "must hold objects of Name and Value, each name once, each 1-256 characters of "
                "A-Z a-z 0-9 _ - (values also . and @)",
                "rename the tag: SES takes no other",
            )
        pairs.append((name, text))
    return tuple(pairs)


def _key(given: str | None, sender: str, to: str, code: str | None) -> str | None:
    if given is not None:
        parts = ["key", given]
    elif code is not None:
        parts = ["code", sender, to.lower(), code]
    else:
        return None
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
