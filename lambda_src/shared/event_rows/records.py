"""Read events from the bytes of a Firehose record.

A record should hold one JSON object. Other forms are read too: a byte order mark, several objects
one after another, lists of objects, and objects in the envelopes of SNS, SQS and EventBridge. Bytes
that are no event are kept apart, for the error prefix.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

__all__ = ["Event", "Read", "Unreadable", "read"]

_BOM = b"\xef\xbb\xbf"
_ENDS = ("", "\n", "\r\n")
_LONGEST_INTEGER = 40  # digits; bigint has 19, and Python refuses to read thousands
_DEEPEST_ENVELOPE = 4  # SNS in SQS, EventBridge in SNS in SQS
# SES writes this to a topic when it becomes an event destination. It is no event.
_SES_GREETING = "Successfully validated SNS topic"


class Unreadable(Exception):
    """A record, or a part of one, is no event. The message says why, and nothing of its content."""


class Event(NamedTuple):
    """One event as it arrived.

    Attributes:
        value: the event itself.
        around: its envelopes, the outermost first, each without the member that held the event.
        repeated: the text of the event where an object of it has a name twice; the last counts.
    """

    value: dict[str, Any]
    around: tuple[Mapping[str, Any], ...] = ()
    repeated: str | None = None


@dataclass(slots=True)
class Read:
    """The events of a record, and the parts that are no events, as bytes with a reason."""

    events: list[Event] = field(default_factory=list)
    rest: list[tuple[bytes, str]] = field(default_factory=list)


class _NameTwice(ValueError):
    """An object has a name twice."""


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _NameTwice
    return found


def _finite(text: str) -> float | str:
    """Return a number; as a string where no double holds it, so that no digit is lost."""
    number = float(text)
    return number if number - number == 0.0 else text


def _integer(text: str) -> int | str:
    return int(text) if len(text) <= _LONGEST_INTEGER else text


_encode = json.JSONEncoder(separators=(",", ":")).encode
_strict = json.JSONDecoder(object_pairs_hook=_object, parse_float=_finite, parse_constant=str)
_decode_strictly = _strict.raw_decode
# For what the strict one refuses although it is JSON.
_lenient = json.JSONDecoder(parse_int=_integer, parse_float=_finite, parse_constant=str)


def only_event(data: bytes) -> Event | None:
    """Return the event of a record that holds one without an envelope and nothing else, as most do.

    None for any other record: `read` looks closer.
    """
    try:
        text = data.decode()
        value, stop = _decode_strictly(text)
    except (ValueError, RecursionError):
        return None
    if type(value) is dict and _is_bare(value) and text[stop:] in _ENDS:
        return Event(value)
    return None


def _is_bare(value: Mapping[str, Any]) -> bool:
    """Check whether an object says the type of an event; then it is one, whatever else it has."""
    return (
        "event_type" in value  # Pinpoint
        or "eventType" in value  # SES, End User Messaging
        or "notificationType" in value  # feedback of an SES identity
        or "inboundMessageId" in value  # a person's text
    )


def read(data: bytes) -> Read:
    """Return the events of a record, in their order.

    NaN and Infinity, which are not JSON, are read as strings of that name.
    """
    found = Read()
    try:
        text = data.decode()
    except UnicodeDecodeError:
        found.rest.append((data, "not UTF-8"))
        return found
    if data.startswith(_BOM):
        text = text[1:]
    position, end = _skip(text, 0), len(text)
    while position < end:
        try:
            value, stop, repeated = _decode(text, position)
        except Unreadable as error:
            # The next line may be sound: writers put one event in each.
            stop = text.find("\n{", position)
            stop = end if stop < 0 else stop
            found.rest.append((text[position:stop].encode(), str(error)))
        else:
            source = text[position:stop] if repeated else None
            _collect(value, (), source, found, _DEEPEST_ENVELOPE)
        position = _skip(text, stop)
    return found


def _skip(text: str, position: int) -> int:
    """Return the start of the next value: after white space."""
    end = len(text)
    while position < end and text[position] in " \t\r\n\ufeff":
        position += 1
    return position


def _decode(text: str, position: int) -> tuple[Any, int, bool]:
    """Return the value at a position, where it ends, and whether it has a name twice."""
    try:
        return *_decode_strictly(text, position), False
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    except ValueError as error:  # not JSON, an endless integer, or a name twice
        repeated = isinstance(error, _NameTwice)
    try:
        return *_lenient.raw_decode(text, position), repeated
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    except ValueError as error:
        raise Unreadable("not JSON") from error


def _collect(
    value: Any,
    around: tuple[Mapping[str, Any], ...],
    repeated: str | None,
    found: Read,
    depth: int,
) -> None:
    """Add the events inside a value to `found`, and all other parts to its rest."""
    if isinstance(value, list) and depth:
        for item in value:
            _collect(item, around, repeated, found, depth - 1)
        return
    if not isinstance(value, dict):
        found.rest.append((_encode(value).encode(), "no JSON object"))
        return
    member = _member_inside(value) if depth and not _is_bare(value) else None
    if member is None:
        found.events.append(Event(value, around, repeated))
        return
    content = value[member]
    if isinstance(content, str):
        if content.startswith(_SES_GREETING):
            return
        try:
            content, repeated = _content(content, repeated)
        except Unreadable as error:
            found.rest.append((_encode(value).encode(), f"{error} in its envelope"))
            return
    outside = {name: item for name, item in value.items() if name != member}
    before = len(found.events) + len(found.rest)
    _collect(content, (*around, outside) if outside else around, repeated, found, depth - 1)
    if outside and isinstance(content, list) and before == len(found.events) + len(found.rest):
        found.events.append(Event(value, around, repeated))  # empty, but there is what is beside


def _content(text: str, repeated: str | None) -> tuple[Any, str | None]:
    """Return the one value of a text, and that text if it has a name twice."""
    value, stop, twice = _decode(text, _skip(text, 0))
    if _skip(text, stop) != len(text):
        raise Unreadable("more than one JSON value")
    return value, text if twice else repeated


def _member_inside(value: Mapping[str, Any]) -> str | None:
    """Return the member of an envelope that holds the event; None when it is no envelope."""
    for member, kind, beside in _ENVELOPES:
        if isinstance(value.get(member), kind) and beside in value:
            return member
    return None


# member that holds the event, its type, a member that the envelope has beside it
_ENVELOPES: tuple[tuple[str, type, str], ...] = (
    ("Message", str, "Type"),  # SNS
    ("detail", dict, "detail-type"),  # EventBridge
    ("Records", list, "Records"),  # SNS and SQS, as Lambda gives them
    ("Sns", dict, "EventSource"),
    ("body", str, "eventSource"),
)
