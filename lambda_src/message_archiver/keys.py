"""Names of archived messages and of index files.

    archive/<endpoint>/<yyyy>/<mm>/<dd>/<hh>/<moment>-<send id>.eml
    index/<yyyy>/<mm>/<dd>/<hh>/<digest of the rows>.jsonl

Times are UTC and the event's. The name of a message depends on the event alone, so that a repeated
event means the same object.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from datetime import datetime
from urllib.parse import quote, unquote

from shared.sent_messages.sends import Send

__all__ = [
    "ARCHIVE_PREFIX",
    "INDEX_PREFIX",
    "encoded",
    "endpoint_prefix",
    "endpoint_of",
    "hour_of",
    "index_key",
    "index_prefix",
    "message_key",
    "send_id",
]

ARCHIVE_PREFIX = "archive/"
INDEX_PREFIX = "index/"

# S3 takes 1,024 bytes in a key; the rest of the key has some 80.
_LONGEST_ENCODED = 900
_DIGEST_MARK = "~"


def encoded(endpoint_id: str) -> str:
    """Return an endpoint id as one segment of a key: letters, digits, `-`, `_`, `.` and escapes.

    `endpoint_of` reads it back. An id of more than 900 characters when escaped becomes its SHA-256,
    marked by `~`, which no other id has; the index has the id itself.
    """
    escaped = quote(endpoint_id, safe="", errors="surrogatepass").replace("~", "%7E")
    if not escaped.strip("."):
        escaped = escaped.replace(".", "%2E")  # many programs read . and .. as folders
    if len(escaped) > _LONGEST_ENCODED:
        digest = hashlib.sha256(endpoint_id.encode(errors="surrogatepass")).hexdigest()
        return f"{_DIGEST_MARK}{digest}"
    return escaped


def endpoint_of(segment: str) -> str | None:
    """Return the endpoint id of a key's segment, or None for the digest of a long id."""
    if segment.startswith(_DIGEST_MARK):
        return None
    return unquote(segment, errors="surrogatepass")


def endpoint_prefix(endpoint_id: str) -> str:
    """Return the prefix of every message of an endpoint."""
    return f"{ARCHIVE_PREFIX}{encoded(endpoint_id)}/"


def send_id(send: Send) -> str:
    """Return the id of a send: of one endpoint, and one activity of a campaign or journey.

    An endpoint that passes an activity several times has several messages with one send id, at
    different times.
    """
    identity = [
        send.origin.value,
        send.application_id,
        send.endpoint_id,
        sorted(send.ids.items()),
    ]
    return hashlib.sha256(json.dumps(identity).encode()).hexdigest()[:24]


def message_key(send: Send) -> str:
    """Return the key of a send's message."""
    at = send.sent_at
    moment = f"{at:%Y%m%dT%H%M%S}{at.microsecond // 1000:03d}Z"
    return f"{endpoint_prefix(send.endpoint_id)}{_hour(at)}/{moment}-{send_id(send)}.eml"


def hour_of(message_key: str) -> str:
    """Return the hour in the key of a message, `yyyy/mm/dd/hh`."""
    return "/".join(message_key.split("/")[2:6])


def index_prefix(hour: str) -> str:
    """Return the prefix of the index files of an hour."""
    return f"{INDEX_PREFIX}{hour}/"


def index_key(hour: str, lines: Iterable[str]) -> str:
    """Return the key of an index file with these rows; the same rows have the same key."""
    digest = hashlib.sha256("\n".join(lines).encode()).hexdigest()[:32]
    return f"{index_prefix(hour)}{digest}.jsonl"


def _hour(at: datetime) -> str:
    return f"{at:%Y/%m/%d/%H}"
