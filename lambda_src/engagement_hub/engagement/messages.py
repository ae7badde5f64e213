"""Checks of the messages in a request, before they are stored or sent.

`shared.messages.content` makes the content for a recipient.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.template_requests import (
    EMAIL_PART_LIMIT,
    VOICE_BODY_LIMIT,
    validate_headers,
)
from shared.mailbox import MailboxRefused, read_address, read_mailbox
from shared.messages.content import SMS_BODY_LIMIT
from shared.messages.templates import compile_template

_TEXTS: dict[str, tuple[tuple[str, int], ...]] = {
    "DefaultMessage": (("Title", EMAIL_PART_LIMIT), ("Body", EMAIL_PART_LIMIT)),
    "SMSMessage": (("Body", SMS_BODY_LIMIT),),
    "VoiceMessage": (("Body", VOICE_BODY_LIMIT),),
    "EmailMessage": (
        ("Title", EMAIL_PART_LIMIT),
        ("Body", EMAIL_PART_LIMIT),
        ("HtmlBody", EMAIL_PART_LIMIT),
    ),
}
_MESSAGE_TYPES = ("TRANSACTIONAL", "PROMOTIONAL")
_KEYWORD = re.compile(r"[ \S]{1,30}")  # SendTextMessage.Keyword
# Members that SendTextMessage takes and SendMediaMessage does not.
_NOT_WITH_MEDIA = ("EntityId", "Keyword", "MessageType", "TemplateId")
MAX_CUSTOM_DATA = 5 * 1024  # CampaignCustomMessage.Data, Pinpoint API reference


def validate_messages(configuration: Mapping[str, Any] | None) -> None:
    """Check inline content: lengths, syntax, message type, headers.

    Raises:
        BadRequest: names the member, the rule, and for syntax the line and column.
    """
    for member, texts in _TEXTS.items():
        message = (configuration or {}).get(member) or {}
        for name, limit in texts:
            _validate_text(f"{member}.{name}", message.get(name), limit)
    email = (configuration or {}).get("EmailMessage") or {}
    simple = email.get("SimpleEmail") or {}
    for part in ("Subject", "HtmlPart", "TextPart"):
        text = (simple.get(part) or {}).get("Data")
        _validate_text(f"EmailMessage.SimpleEmail.{part}.Data", text, EMAIL_PART_LIMIT)
    validate_headers(simple.get("Headers"))
    validate_headers(email.get("Headers"))
    _validate_mailboxes(email)
    _validate_text_settings((configuration or {}).get("SMSMessage") or {})
    data = ((configuration or {}).get("CustomMessage") or {}).get("Data")
    if data and len(data.encode()) > MAX_CUSTOM_DATA:
        raise BadRequest(f"CustomMessage.Data must be at most {MAX_CUSTOM_DATA} bytes.")


def _validate_mailboxes(email: Mapping[str, Any]) -> None:
    members: list[tuple[str, str, Callable[[str], object]]] = [
        ("FromAddress", email.get("FromAddress") or "", read_mailbox),
        ("FeedbackForwardingAddress", email.get("FeedbackForwardingAddress") or "", read_address),
        *(
            (f"ReplyToAddresses[{number}]", address, read_mailbox)
            for number, address in enumerate(email.get("ReplyToAddresses") or ())
        ),
    ]
    for member, text, read in members:
        try:
            if text:
                read(text)
        except MailboxRefused as error:
            raise BadRequest(f"EmailMessage.{member} cannot be used: {error}") from error


def _validate_text_settings(message: Mapping[str, Any]) -> None:
    kind = message.get("MessageType")
    if kind and kind not in _MESSAGE_TYPES:
        raise BadRequest("SMSMessage.MessageType must be TRANSACTIONAL or PROMOTIONAL.")
    keyword = message.get("Keyword")
    if keyword and not _KEYWORD.fullmatch(keyword):
        raise BadRequest("SMSMessage.Keyword must have 1 to 30 characters, on one line.")
    if not message.get("MediaUrl"):
        return
    for member in _NOT_WITH_MEDIA:
        if message.get(member):
            raise BadRequest(
                f"SMSMessage.{member} has no effect on a message with MediaUrl: a media message "
                "follows the settings of its origination identity. Leave one of the two out."
            )


def _validate_text(member: str, text: Any, limit: int) -> None:
    if text is None:
        return
    if not isinstance(text, str) or len(text) > limit:
        raise BadRequest(f"{member} must be a string of at most {limit} characters.")
    try:
        compile_template(text)
    except BadRequest as error:
        raise BadRequest(f"{member}: {error.message}") from error
