"""The id by which copies of one event are recognised.

Duplicate deliveries, Firehose's retries and replays bring an event again; a row's `event_id` is the
same in all of them, whatever the order of members. The readers of a table count each id once.
"""

from __future__ import annotations

import re
from hashlib import blake2b

_DIGEST = 16  # bytes: 32 hexadecimal digits; two events of 10^15 share one with odds of 10^-9
_ID = re.compile(r"[0-9a-f]{32}")


def id_of_message(*parts: str | None) -> str:
    """Return the id of an event about a message: of its type, message id, time and what else tells
    it."""
    # A control character that is in no id, address, number or link; a missing part holds its place.
    return id_of_text("\x1f".join([part or "" for part in parts]).encode(errors="surrogatepass"))


def id_of_text(text: bytes) -> str:
    """Return the id of an event that has no message: of its row as JSON with sorted names."""
    return blake2b(text, digest_size=_DIGEST).hexdigest()


def is_event_id(value: object) -> bool:
    """Check whether a value is an id that this module makes."""
    return type(value) is str and _ID.fullmatch(value) is not None
