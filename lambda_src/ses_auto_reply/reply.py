"""The reply itself: a template filled in, as a MIME message."""

from __future__ import annotations

import html
import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from email.errors import HeaderParseError
from email.header import Header, decode_header, make_header
from email.mime.multipart import MIMEMultipart
from email.mime.text import MIMEText
from email.policy import compat32

from ses_auto_reply.decision import Reply

__all__ = ["SUBJECT_CHARACTERS", "Template", "filled_in", "mime", "subject_of"]

SUBJECT_CHARACTERS = 255
NAME_CHARACTERS = 1_000
_TAG = re.compile("%%(NAME|ID)%%")
# Marks that turn the direction of writing: with them a name can pass for the text around it.
_DIRECTIONS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@dataclass(frozen=True, slots=True)
class Template:
    """An email template's parts; at least one of html and text is not empty."""

    subject: str
    html: str
    text: str


def mime(reply: Reply, template: Template) -> bytes:
    """Return the reply as it goes to SES, which adds Date and Message-ID.

    Its headers mark it as automatic (RFC 3834 section 5, and Exchange's header). There is
    no Precedence: RFC 3834 section 3.1.8 does not recommend one, and spam filters read it their
    own way.
    """
    parts = [
        MIMEText(filled_in(text, reply, escape), kind, "utf-8")
        for kind, text, escape in (("plain", template.text, str), ("html", template.html, _escaped))
        if text
    ]
    message = parts[0] if len(parts) == 1 else MIMEMultipart("alternative", _subparts=parts)
    message["From"] = reply.mailbox
    message["To"] = reply.to
    subject = subject_of(reply, template)
    if subject:
        # Encoded also where plain text would read as an encoded word.
        plain = subject.isascii() and "=?" not in subject
        message["Subject"] = subject if plain else _encoded(subject)
    if reply.references:
        message["In-Reply-To"] = reply.references[-1]
        message["References"] = " ".join(reply.references)
    message["Auto-Submitted"] = "auto-replied"
    message["X-Auto-Response-Suppress"] = "All"
    return message.as_bytes(policy=compat32.clone(linesep="\r\n"))


def subject_of(reply: Reply, template: Template) -> str:
    """Return the template's subject, a space, the original subject; one line, cut to its length."""
    prefix = _one_line(filled_in(template.subject, reply))
    original = _one_line(_decoded(reply.subject[: 10 * SUBJECT_CHARACTERS]))
    subject = f"{prefix} {original}".strip()
    if len(subject) <= SUBJECT_CHARACTERS:
        return subject
    return subject[: SUBJECT_CHARACTERS - 1].rstrip() + "…"


def filled_in(text: str, reply: Reply, escape: Callable[[str], str] = str) -> str:
    """Return a template's text with every tag replaced.

    All tags are replaced in one pass: a sender's name that looks like a tag stays unchanged.
    """
    values: Mapping[str, str] = {
        "NAME": escape(_one_line(_decoded(reply.shown_sender[:NAME_CHARACTERS]))),
        "ID": escape(_one_line(reply.message_id)),
    }
    return _TAG.sub(lambda tag: values[tag[1]], text)


def _encoded(subject: str) -> str:
    """Write text as encoded words; the first word fits beside the header's name."""
    return Header(subject, "utf-8", header_name="Subject").encode()


def _escaped(text: str) -> str:
    return html.escape(text, quote=True)


def _decoded(text: str) -> str:
    """Decode the encoded words (RFC 2047) of a header; leave broken words unchanged."""
    if "=?" not in text:
        return text
    try:
        return str(make_header(decode_header(text)))
    except (HeaderParseError, LookupError, UnicodeError, ValueError):
        return text


def _one_line(text: str) -> str:
    """Remove line ends, control characters, half characters and marks of direction."""
    kept = (" " if character.isspace() else character for character in text)
    cleaned = "".join(
        character
        for character in kept
        if unicodedata.category(character) not in ("Cc", "Cs") and character not in _DIRECTIONS
    )
    return " ".join(cleaned.split())
