"""Write a message as a MIME file that ordinary mail readers open.

An email is itself: its headers, its text and HTML as alternatives. A message of another channel is
a mail with one part of its own type, between addresses below `.invalid`, a domain that never
exists (RFC 2606). The headers of the original archiver are there under their names: EndpointId,
ApplicationId, EventTimestamp, CampaignId and TreatmentId or JourneyId and JourneyActivityId,
Channel.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from email.header import Header
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from typing import Any
from unicodedata import category
from urllib.parse import quote

from message_archiver.keys import message_key, send_id
from shared.instants import iso
from shared.mailbox import MailboxRefused, read_address, read_mailbox
from shared.messages.content import EmailContent, SmsContent, VoiceContent
from shared.messages.push import PushContent
from shared.sent_messages.rendering import MASK, HandedOver, Message
from shared.sent_messages.sends import NotRenderable

__all__ = ["mime_file"]

_DOMAIN = "message-archive.invalid"
_LINE_END = "\r\n"
_LONGEST_LINE = 1_000  # RFC 5322, with the line end
_LONGEST_ENCODED_LINE = 75  # RFC 2047
_STRUCTURED = frozenset({"Date", "From", "Message-ID", "Reply-To", "To"})
_NAME = re.compile(r"[!-9;-~]{1,70}")  # RFC 5322: printable ASCII without the colon
_NO_HEADER = frozenset({"Cc", "Cs", "Zl", "Zp"})  # control characters, surrogates, line ends
# A template's own headers that describe the file itself, or are there already.
_OWN = frozenset(
    {
        "bcc",
        "cc",
        "content-transfer-encoding",
        "content-type",
        "date",
        "from",
        "message-id",
        "mime-version",
        "reply-to",
        "sender",
        "subject",
        "to",
    }
)
_ID_HEADERS = {
    "campaign_id": "CampaignId",
    "campaign_activity_id": "CampaignActivityId",
    "treatment_id": "TreatmentId",
    "journey_id": "JourneyId",
    "journey_run_id": "JourneyRunId",
    "journey_activity_id": "JourneyActivityId",
}


def mime_file(message: Message) -> bytes:
    """Return the message as a MIME file, with lines that end in CR LF.

    Raises:
        NotRenderable: an address or a text cannot be written in a MIME file.
    """
    file = EmailMessage(policy=SMTP)
    lines: list[str] = []
    names: set[str] = set()
    try:
        for name, value in _headers(message):
            if name.lower() in names:
                continue  # a template's own header has the name of a header that is there
            names.add(name.lower())
            lines.append(_header_line(name, value))
        _add_content(file, message.content)
        return "".join(lines).encode("ascii") + file.as_bytes()
    except MailboxRefused as error:
        raise NotRenderable(f"An address cannot be written in a header: {error}") from error
    except UnicodeEncodeError as error:
        raise NotRenderable("The message has characters that no encoding can write.") from error


def subject_of(message: Message) -> str:
    """Return the subject of the file, which is the email's own for an email."""
    if isinstance(message.content, EmailContent):
        return message.content.subject or ""
    if isinstance(message.content, PushContent):
        return str(message.content.notification.get("Title") or "")
    return ""


def _header_line(name: str, value: str) -> str:
    """Return a header of the file, all ASCII.

    Python's `EmailMessage` loses spaces when it folds a text with other letters.
    """
    line = f"{name}: {value}{_LINE_END}"
    is_itself = name in _STRUCTURED or ("=?" not in value and value == value.strip())
    if is_itself and value.isascii() and len(line) <= _LONGEST_LINE:
        return line
    if name in _STRUCTURED:  # many addresses: folded at their spaces
        return f"{name}: {re.sub(' (?=[^ ])', _LINE_END + ' ', value)}{_LINE_END}"
    header = Header(value, "utf-8", maxlinelen=_LONGEST_ENCODED_LINE, header_name=name)
    return f"{name}: {header.encode(linesep=_LINE_END)}{_LINE_END}"


def _headers(message: Message) -> Iterator[tuple[str, str]]:
    send = message.send
    content = message.content
    if isinstance(content, EmailContent):
        yield "From", read_mailbox(message.from_address or "").header
        yield "To", _masked_address() if message.address == MASK else read_address(message.address)
        if content.reply_to:
            yield "Reply-To", ", ".join(read_mailbox(one).header for one in content.reply_to)
        yield "Subject", _line(content.subject or "")
    else:
        domain = f"{message.channel.lower().replace('_', '-')}.invalid"
        yield "From", str(Address(username=_local(send.application_id), domain=domain))
        yield "To", str(Address(username=_local(message.address), domain=domain))
        title = subject_of(message)
        yield "Subject", _line(f"{message.channel}: {title}" if title else message.channel)
    yield "Date", format_datetime(send.sent_at)
    name = message_key(send).rpartition("/")[2].removesuffix(".eml")
    yield "Message-ID", f"<{name}@{_DOMAIN}>"
    yield "EndpointId", _line(send.endpoint_id)
    yield "ApplicationId", _line(send.application_id)
    yield "EventTimestamp", iso(send.sent_at)
    yield "Channel", message.channel
    for member, header in _ID_HEADERS.items():
        if member in send.ids:
            yield header, _line(send.ids[member])
    yield "SendId", send_id(send)
    yield "Fidelity", message.fidelity.value
    optional = {
        "Address": None if isinstance(content, EmailContent) else message.address,
        "CampaignVersion": message.campaign_version,
        "TemplateName": message.template.name if message.template else None,
        "TemplateVersion": message.template.version if message.template else None,
        "UserId": send.user_id,
        **_settings(content),
    }
    for header, value in optional.items():
        if value:
            yield header, _line(value)
    if isinstance(content, EmailContent):
        yield from _template_headers(content.headers)


def _template_headers(headers: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    for name, value in headers:
        if name.lower() not in _OWN and _NAME.fullmatch(name) and value:
            yield name, _line(value)


def _settings(content: Any) -> dict[str, str | None]:
    match content:
        case SmsContent():
            return {
                "MessageType": content.message_type,
                "OriginationIdentity": content.origination_identity,
                "SenderId": content.sender_id,
                "EntityId": content.entity_id,
                "TemplateId": content.template_id,
                "MediaUrl": content.media_url,
            }
        case VoiceContent():
            return {"LanguageCode": content.language, "VoiceId": content.voice_id}
    return {}


def _add_content(file: EmailMessage, content: Any) -> None:
    match content:
        case EmailContent(html=html, text=text):
            if text is not None:
                file.set_content(text)
                if html is not None:
                    file.add_alternative(html, subtype="html")
            else:
                file.set_content(html or "", subtype="html")
        case SmsContent():
            file.set_content(content.body)
        case VoiceContent():
            if content.ssml:
                _set_bytes(file, content.body, "application", "ssml+xml")
            else:
                file.set_content(content.body)
        case PushContent():
            _set_json(file, content.notification)
        case HandedOver():
            _set_json(file, content.handed_over)
        case _:
            raise NotRenderable(f"There is no MIME type for {type(content).__name__}.")


def _set_json(file: EmailMessage, value: Mapping[str, Any]) -> None:
    _set_bytes(file, json.dumps(value, ensure_ascii=False, indent=2), "application", "json")


def _set_bytes(file: EmailMessage, text: str, maintype: str, subtype: str) -> None:
    file.set_content(text.encode(), maintype, subtype, cte="base64")
    file.set_param("charset", "utf-8")


def _masked_address() -> str:
    return f"{MASK}@{_DOMAIN}"


def _local(text: str) -> str:
    """Return a text as the local part of an address: at most 64 characters, others escaped."""
    return quote(text, safe="+", errors="replace").replace("~", "%7E")[:64].strip(".") or "unknown"


def _line(text: str) -> str:
    """Return a text as the value of a header: on one line, control characters escaped.

    Spaces that do not break and the joiners of emoji are not printable and stay: they are words.
    """
    if text.isprintable():
        return text
    return "".join(
        quote(one, safe="", errors="replace") if category(one) in _NO_HEADER else one
        for one in text
    )
