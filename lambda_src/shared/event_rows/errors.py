"""Error objects: one JSON object a line, as Firehose writes what a transform refused.

Ours, of the parts of a record that cannot be read while others can, have the same members.
Source: Firehose developer guide, "Handle failure in data transformation".
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import blake2b

ERROR_CODE = "Transform.Unreadable"


class BrokenErrorObject(Exception):
    """An object below the error prefix is no list of refused records."""


@dataclass(frozen=True, slots=True)
class Refused:
    """A part of a record that is no event.

    Attributes:
        arrived: when Firehose took the record in, epoch milliseconds.
    """

    data: bytes
    reason: str
    arrived: int


def error_line(refused: Refused, now: datetime) -> str:
    """Return one line of an error object."""
    record = {
        "attemptsMade": 1,
        "arrivalTimestamp": refused.arrived,
        "errorCode": ERROR_CODE,
        "errorMessage": f"A part of the record cannot be read: {refused.reason}.",
        "attemptEndingTimestamp": round(now.timestamp() * 1000),
        "rawData": base64.b64encode(refused.data).decode(),
    }
    return json.dumps(record) + "\n"


def error_key(prefix: str, refused: Iterable[Refused], now: datetime) -> str:
    """Return the key of an error object, the same for a retry of the same records."""
    digest = blake2b(digest_size=16)
    parts = list(refused)
    for part in parts:
        digest.update(b"%d %d " % (part.arrived, len(part.data)) + part.data)
    arrived = min((part.arrived for part in parts), default=round(now.timestamp() * 1000))
    hour = datetime.fromtimestamp(arrived / 1000, UTC)
    return f"{prefix}unreadable/{hour:%Y/%m/%d/%H}/{digest.hexdigest()}.jsonl"


def refused_data(body: bytes) -> list[bytes]:
    """Return the records that an error object holds.

    Raises:
        BrokenErrorObject: a line is no JSON object with `rawData` in base64; it says which line.
    """
    records = []
    for number, line in enumerate(body.splitlines(), start=1):
        if not line.strip():
            continue
        try:
            records.append(base64.b64decode(json.loads(line)["rawData"], validate=True))
        except (ValueError, KeyError, TypeError, RecursionError, binascii.Error) as error:
            raise BrokenErrorObject(
                f"Line {number} is no JSON object with rawData in base64."
            ) from error
    return records
