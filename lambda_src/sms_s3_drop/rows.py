"""One row of a file: a text message to send, or the reason why the row is rejected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.spreadsheets import trimmed
from sms_s3_drop.identities import Identities
from sms_s3_drop.text_file import BadRecord, Record

__all__ = ["CONTEXT_COLUMNS", "Rejected", "Text", "message_parts", "read_row"]

# In the order of the result file. The keys are the keys of the message's context, too.
CONTEXT_COLUMNS = ("external_campaign_id", "id_1", "id_2")
MESSAGE_TYPES = ("PROMOTIONAL", "TRANSACTIONAL")
MESSAGE_CHARACTERS = 1600  # SendTextMessage.MessageBody
CONTEXT_CHARACTERS = 800  # a value of SendTextMessage.Context
# E.164: a country code that does not begin with 0, 15 digits in all. SendTextMessage takes less
# than it says: it refuses numbers without a country code one call later.
_NUMBER = re.compile(r"\+[1-9][0-9]{6,14}")
_PUNCTUATION = re.compile(r"[\s().\-/\u2010-\u2015]")
_INVISIBLE = re.compile("[\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]")
# Line feed, carriage return and tab are text; other control characters, and half characters that
# JSON can spell, are not.
_NO_TEXT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_ROUNDED = re.compile(r"[+-]?\d(?:[.,]\d+)?E\+\d{1,3}", re.IGNORECASE)
# GSM 03.38; a character of the second set counts as two.
_GSM = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_GSM_EXTENSION = frozenset("\f^{}\\[~]|€")


@dataclass(frozen=True, slots=True)
class Text:
    """A message to send. `identity` is the key of its origination identity."""

    row: int
    number: str
    body: str
    identity: str
    message_type: str
    context: Mapping[str, str] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        """Return the row as a work file has it."""
        return {
            "row": self.row,
            "number": self.number,
            "body": self.body,
            "type": self.message_type,
            "context": dict(self.context),
        }

    @classmethod
    def restored(cls, stored: Mapping[str, Any], identity: str) -> Text:
        return cls(
            row=int(stored["row"]),
            number=stored["number"],
            body=stored["body"],
            identity=identity,
            message_type=stored["type"],
            context=stored["context"],
        )


@dataclass(frozen=True, slots=True)
class Rejected:
    """A row that is not sent. `reason` quotes neither its number nor its message."""

    row: int
    reason: str
    context: Mapping[str, str] = field(default_factory=dict)

    def stored(self) -> dict[str, Any]:
        return {"row": self.row, "reason": self.reason, "context": dict(self.context)}


class _Reason(ValueError):
    """The first rule that a row breaks."""


def read_row(record: Record | BadRecord, identities: Identities) -> Text | Rejected:
    """Check a record against the rules of SendTextMessage and the allow-list of identities.

    Source of the limits: End User Messaging SMS and voice v2 API reference, "SendTextMessage".
    """
    if isinstance(record, BadRecord):
        return Rejected(record.row, record.reason)
    context: dict[str, str] = {}
    try:
        for column in CONTEXT_COLUMNS:
            if value := _text(record, column):
                if len(value) > CONTEXT_CHARACTERS:
                    raise _Reason(f"{column} has more than {CONTEXT_CHARACTERS} characters.")
                context[column] = value
        identity = identities.find(_text(record, "short_code"))
        if identity is None:
            raise _Reason(
                "short_code names no origination identity that the module allows."
                if record.cells.get("short_code", "").strip()
                else "short_code is empty, and the module has no default_identity."
            )
        return Text(
            row=record.row,
            number=_number(record),
            body=_body(record),
            identity=identity.key,
            message_type=_message_type(record, identities),
            context=context,
        )
    except _Reason as reason:
        return Rejected(record.row, str(reason), context)


def _text(record: Record, column: str) -> str:
    value = trimmed(record.cells.get(column, ""))
    if _NO_TEXT.search(value):
        raise _Reason(f"{column} holds control characters or half characters. Remove them.")
    return value


def _number(record: Record) -> str:
    text = _INVISIBLE.sub("", _text(record, "sms_number"))
    if not text:
        raise _Reason("sms_number is empty.")
    if _ROUNDED.fullmatch(text):
        raise _Reason(
            "sms_number was rounded by a spreadsheet. Format the column as Text and enter it again."
        )
    number = _PUNCTUATION.sub("", text)
    if number.startswith("00"):
        number = "+" + number[2:]
    if not number.isascii() or not _NUMBER.fullmatch(number):
        raise _Reason(
            "sms_number is not in E.164 format: a plus sign, the country code and the number, "
            "15 digits at most."
        )
    return number


def _body(record: Record) -> str:
    body = record.cells.get("message", "")
    if _NO_TEXT.search(body):
        raise _Reason("message holds control characters or half characters. Remove them.")
    if not trimmed(body):
        raise _Reason("message is empty.")
    if len(body) > MESSAGE_CHARACTERS:
        raise _Reason(f"message has more than {MESSAGE_CHARACTERS} characters. Shorten it.")
    return body


def _message_type(record: Record, identities: Identities) -> str:
    given = _text(record, "message_type").upper()
    if not given:
        if identities.default_message_type is None:
            raise _Reason("message_type is empty, and the module has no default_message_type.")
        return identities.default_message_type
    if given not in MESSAGE_TYPES:
        raise _Reason("message_type must be TRANSACTIONAL or PROMOTIONAL.")
    return given


def message_parts(body: str) -> int:
    """Count the parts of a message; carriers and quotas count parts, not messages.

    160 characters of GSM 03.38 or 70 others fit into one part, 153 or 67 into each of several.
    Characters beyond the basic plane count as two.

    Source: End User Messaging SMS user guide, "SMS character limits".
    """
    if all(c in _GSM or c in _GSM_EXTENSION for c in body):
        length = sum(2 if c in _GSM_EXTENSION else 1 for c in body)
        single, several = 160, 153
    else:
        length = sum(2 if c > "\uffff" else 1 for c in body)
        single, several = 70, 67
    return 1 if length <= single else -(-length // several)
