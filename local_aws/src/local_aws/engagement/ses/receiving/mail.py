"""A received email: read from the tester's JSON, told as SES tells it in its events.

Shapes: SES developer guide, "Contents of event notifications for email receiving".
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.errors import MessageError
from email.header import Header, decode_header, make_header
from email.message import EmailMessage
from email.parser import BytesHeaderParser
from email.policy import SMTP, compat32
from email.utils import format_datetime, formataddr, getaddresses, parseaddr
from typing import Any

from local_aws.engagement.ses.message import MAX_HEADER_BYTES, TEST_VIRUS, within

Json = dict[str, Any]
VERDICTS = ("spam", "virus", "spf", "dkim", "dmarc")
STATUSES = ("PASS", "FAIL", "GRAY", "PROCESSING_FAILED")
DMARC_POLICIES = ("none", "quarantine", "reject")
NULL_SENDER = "<>"
_ADDRESSES = ("From", "Sender", "Reply-To", "To", "Cc", "Bcc")


class Invalid(Exception):
    """The request does not describe an email; the message says what it must hold."""


@dataclass
class Mail:
    """An email as SES has it while rules run: headers are added to it on the way."""

    original: bytes  # as received: CR LF, without what SES adds
    sender: str  # of the envelope; "<>" is the null return path
    recipients: list[str]  # of the envelope
    verdicts: dict[str, str]
    tls: bool
    received: datetime = field(default_factory=lambda: datetime.now(UTC))
    # 40 characters of base32, as SES's ids of received mail are.
    message_id: str = field(
        default_factory=lambda: "".join(
            secrets.choice("0123456789abcdefghijklmnopqrstuv") for _ in range(40)
        )
    )
    added: list[tuple[str, str]] = field(default_factory=list)

    def content(self) -> bytes:
        """The message with the headers added so far in front."""
        return b"".join(_line(name, value) for name, value in self.added) + self.original

    def headers(self) -> list[Json]:
        """All headers in order, unfolded, encoded words as they came."""
        pairs = [*self.added, *_headers(self.original)]
        return [{"name": name, "value": value} for name, value in pairs]

    def told(self) -> Json:
        """The ``mail`` object of events."""
        headers = self.headers()
        kept = within(headers, MAX_HEADER_BYTES)
        by_name: dict[str, str] = {}
        for header in headers:
            by_name.setdefault(header["name"].lower(), header["value"])
        common: Json = {
            "returnPath": self.sender,
            "from": _addresses(by_name.get("from", "")),
            "date": by_name.get("date"),
            "to": _addresses(by_name.get("to", "")),
            "cc": _addresses(by_name.get("cc", "")),
            "bcc": _addresses(by_name.get("bcc", "")),
            "sender": ", ".join(_addresses(by_name.get("sender", ""))),
            "replyTo": _addresses(by_name.get("reply-to", "")),
            "messageId": by_name.get("message-id"),
            "subject": _decoded(by_name["subject"]) if "subject" in by_name else None,
        }
        return {
            "timestamp": iso(self.received),
            "source": self.sender,
            "messageId": self.message_id,
            # Documented as the recipients of the headers, which the envelope need not name.
            "destination": [
                address
                for name in ("to", "cc")
                for _, address in getaddresses([by_name.get(name, "")])
                if address
            ],
            "headersTruncated": len(kept) < len(headers),
            "headers": kept,
            "commonHeaders": {k: v for k, v in common.items() if v not in (None, "", [])},
        }

    def holds_virus(self) -> bool:
        return TEST_VIRUS.encode() in self.original


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _line(name: str, value: str) -> bytes:
    return f"{name}: {value}\r\n".encode()


def _headers(message: bytes) -> list[tuple[str, str]]:
    parsed = BytesHeaderParser(policy=compat32).parsebytes(message)
    return [(name, _readable(str(value))) for name, value in parsed.raw_items()]


def _readable(value: str) -> str:
    unfolded = re.sub(r"\r?\n(?=[ \t])", "", value).strip()
    return unfolded.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


def _decoded(value: str) -> str:
    try:
        return str(make_header(decode_header(value))) if "=?" in value else value
    except (LookupError, ValueError, MessageError):
        return value  # not an encoded word after all


def _addresses(value: str) -> list[str]:
    """The addresses of a header as they stand there, names decoded."""
    parts = re.findall(r'(?:"(?:[^"\\]|\\.)*"|[^,"]|")+', value)
    return [_decoded_address(part.strip()) for part in parts if part.strip()]


def _decoded_address(text: str) -> str:
    name, address = parseaddr(text)
    decoded = _decoded(name)
    if decoded == name:
        return text
    if re.search(r'[,;:"<>@()\[\]\\]', decoded):
        decoded = '"' + re.sub(r'(["\\])', r"\\\1", decoded) + '"'
    return f"{decoded} <{address}>"


# -- the tester's request ----------------------------------------------------------------


def read(request: Json) -> Mail:
    """The email that the JSON of ``POST /_local/inbound/email`` describes.

    Raises:
        Invalid: names the member and its rule.
    """
    verdicts = _verdicts(request)
    if "raw" in request:
        original = _normalized(_text(request, "raw").encode(errors="replace"))
    else:
        original = _composed(request)
    headers = _headers(original)
    named = {
        name: [each for _, each in getaddresses(v for n, v in headers if n.lower() == name)]
        for name in ("from", "to", "cc", "bcc")
    }
    recipients = _list(request, "to") or [*named["to"], *named["cc"], *named["bcc"]]
    recipients = [parseaddr(each)[1] or each for each in recipients if each]
    if not recipients or not all("@" in each for each in recipients):
        raise Invalid(
            'to must be a list of addresses: {"to": ["someone@example.com"]}. With raw, it may '
            "be left out: the addresses of the headers To, Cc and Bcc are taken."
        )
    sender = next(iter(named["from"]), "")
    if "mail_from" in request:
        sender = parseaddr(_text(request, "mail_from"))[1]
    return Mail(
        original=original,
        sender=sender or NULL_SENDER,
        recipients=list(dict.fromkeys(recipients)),
        verdicts=verdicts,
        tls=bool(request.get("tls", True)),
    )


def _text(request: Json, name: str) -> str:
    value = request.get(name) or ""
    if not isinstance(value, str):
        raise Invalid(f"{name} must be a string.")
    return value


def _list(request: Json, name: str) -> list[str]:
    value = request.get(name) or []
    value = [value] if isinstance(value, str) else value
    if not isinstance(value, list) or not all(isinstance(each, str) for each in value):
        raise Invalid(f"{name} must be a list of strings.")
    return value


def _verdicts(request: Json) -> dict[str, str]:
    given = request.get("verdicts") or {}
    allowed = {**dict.fromkeys(VERDICTS, STATUSES), "dmarcPolicy": DMARC_POLICIES}
    for name, value in given.items() if isinstance(given, dict) else [("", given)]:
        if name not in allowed or value not in allowed[name]:
            raise Invalid(
                f"verdicts must be a map of {', '.join(VERDICTS)} to one of "
                f"{', '.join(STATUSES)}, and dmarcPolicy to one of {', '.join(DMARC_POLICIES)}."
            )
    return dict(given)


def _normalized(raw: bytes) -> bytes:
    """With the line ends that SMTP has."""
    return re.sub(rb"\r\n|\r|\n", b"\r\n", raw)


def _composed(request: Json) -> bytes:
    """A MIME message of the request's members; ``headers`` replace those made here, and null
    leaves one out."""
    sender = _text(request, "from")
    if not sender:
        raise Invalid('from must be an address: {"from": "Ann <ann@example.com>"}, or give raw.')
    now, domain = datetime.now(UTC), parseaddr(sender)[1].rpartition("@")[2] or "localhost"
    values: dict[str, Any] = {
        "From": sender,
        "To": ", ".join(_list(request, "to")),
        "Subject": _text(request, "subject"),
        "Date": format_datetime(now),
        "Message-ID": f"<{secrets.token_hex(16)}@{domain}>",
    }
    given = request.get("headers") or {}
    if not isinstance(given, dict):
        raise Invalid("headers must be a map of names to strings (or lists of strings).")
    named = {name.lower(): name for name in values}
    for name, value in given.items():
        values.pop(named.get(str(name).lower(), str(name)), None)
        values[name] = value
    head = b"".join(
        _line(name, _encoded(name, each))
        for name, value in values.items()
        if value is not None
        for each in (value if isinstance(value, list) else [value])
    )
    return head + _normalized(_body(request, {name.lower() for name in values}))


def _body(request: Json, there: set[str]) -> bytes:
    text, html = _text(request, "text"), _text(request, "html")
    body = EmailMessage(policy=SMTP)
    if text or not html:
        body.set_content(text)
        if html:
            body.add_alternative(html, subtype="html")
    else:
        body.set_content(html, subtype="html")
    for name in list(body):
        if name.lower() in there:  # the request's own Content-Type, say
            del body[name]
    return body.as_bytes()


def _encoded(name: str, value: Any) -> str:
    if not isinstance(value, str) or "\r" in value or "\n" in value:
        raise Invalid(f"The header {name} must be a string without line ends; use raw for others.")
    if value.isascii():
        return value
    if name.title() not in _ADDRESSES:
        return _words(value)
    return ", ".join(_address_parts(value))


def _address_parts(value: str) -> Iterator[str]:
    for name, address in getaddresses([value]):
        yield formataddr((name, address)) if name.isascii() else f"{_words(name)} <{address}>"


def _words(text: str) -> str:
    return Header(text, "utf-8", maxlinelen=76).encode(linesep="\r\n")
