"""An incoming mail, as SES tells it to the Lambda action of a receipt rule: headers, no body."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["IncomingMail", "MalformedEvent", "incoming_mail"]


class MalformedEvent(ValueError):
    """The event is not one mail from a receipt rule; retrying cannot help."""


@dataclass(frozen=True, slots=True)
class IncomingMail:
    """The parts of a mail that a decision and a reply need.

    Attributes:
        message_id: SES's own, which names the mail in logs and in `%%ID%%`.
        return_paths: every envelope sender of the event, `""` and `<>` being the null one; empty
            when the event has no sender.
        recipients: addresses of the envelope that matched the receipt rule, Bcc included.
        headers: lower-case name → values in order, as they were sent.
        verdicts: `spam`, `virus`, `spf`, `dkim`, `dmarc` → SES's word; absent ones left out.
    """

    message_id: str
    return_paths: tuple[str, ...]
    recipients: tuple[str, ...]
    senders: tuple[str, ...]
    reply_to: tuple[str, ...]
    shown_sender: str
    subject: str
    original_id: str
    headers: Mapping[str, tuple[str, ...]]
    headers_truncated: bool
    verdicts: Mapping[str, str]

    def values(self, header: str) -> tuple[str, ...]:
        return self.headers.get(header, ())


def incoming_mail(event: Mapping[str, Any]) -> IncomingMail:
    """Read the event of a Lambda action.

    Whatever is missing of the mail's own headers is read as empty: senders leave out what they
    like. From, Reply-To and Message-ID are taken from the headers as sent, and from SES's
    `commonHeaders` where the list of headers was cut.

    Raises:
        MalformedEvent: no mail, or one without SES's id.
    """
    records = event.get("Records")
    if not isinstance(records, list) or len(records) != 1:
        raise MalformedEvent("The event must hold one record in Records: invoke with SES's event.")
    ses = _object(_object(records[0]).get("ses"))
    mail, receipt = _object(ses.get("mail")), _object(ses.get("receipt"))
    message_id = _text(mail.get("messageId"))
    if not message_id:
        raise MalformedEvent("Records[0].ses.mail.messageId is missing: invoke with SES's event.")

    common = _object(mail.get("commonHeaders"))
    headers = _headers(mail.get("headers"))
    senders = headers.get("from") or _texts(common.get("from"))
    return IncomingMail(
        message_id=message_id,
        return_paths=(
            *_texts([mail.get("source"), common.get("returnPath")]),
            *headers.get("return-path", ()),
        ),
        recipients=_texts(receipt.get("recipients")),
        senders=senders,
        reply_to=headers.get("reply-to") or _texts(common.get("replyTo")),
        shown_sender=", ".join(_texts(common.get("from")) or senders),
        subject=_text(common.get("subject")) or next(iter(headers.get("subject", ())), ""),
        original_id=next(iter(headers.get("message-id", ())), _text(common.get("messageId"))),
        headers=headers,
        headers_truncated=bool(mail.get("headersTruncated")),
        verdicts={
            name: status
            for name in ("spam", "virus", "spf", "dkim", "dmarc")
            if (status := _text(_object(receipt.get(f"{name}Verdict")).get("status")).upper())
        },
    )


def _headers(value: Any) -> dict[str, tuple[str, ...]]:
    headers: dict[str, tuple[str, ...]] = {}
    for header in value if isinstance(value, list) else []:
        name = _text(_object(header).get("name")).strip().lower()
        headers[name] = (*headers.get(name, ()), _text(_object(header).get("value")))
    return headers


def _object(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _texts(value: Any) -> tuple[str, ...]:
    return tuple(text for text in value if isinstance(text, str)) if isinstance(value, list) else ()
