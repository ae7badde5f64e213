"""The mapping table, and what every mapped event has."""

import json
import re
import uuid
from collections.abc import Collection, Iterable, Mapping
from datetime import UTC, datetime
from functools import lru_cache
from pathlib import Path
from typing import Any, Final

Record = dict[str, Any]

EVENT_VERSION: Final = "3.1"
DEFAULT_TREATMENT: Final = "0"
EVENT_TYPES: Final[dict[str, Any]] = json.loads(
    Path(__file__).with_name("event_types.json").read_bytes()
)
"""Types of SES and End User Messaging to those of Pinpoint; facts and choices alike."""


class MalformedEvent(Exception):
    """A delivery event lacks a documented member; retrying cannot help."""


class UnknownEventType(MalformedEvent):
    """The event has a type that the mapping table does not name.

    A guessed name would hide it from every query. The message names no more than a type's
    characters: a type is written by outsiders, as all of the event.
    """

    def __init__(self, kind: object) -> None:
        shown = "".join(
            one if one.isascii() and (one.isalnum() or one in "_ ") else "?"
            for one in str(kind)[:40]
        )
        super().__init__(f"Event type {shown} is unknown.")


def need(record: Mapping[str, Any], member: str) -> Any:
    """Return a member that every such event has.

    Raises:
        MalformedEvent: this one has not.
    """
    value = record.get(member)
    if value is None:
        raise MalformedEvent(f"The event has no {member}.")
    return value


def milliseconds(moment: datetime) -> int:
    """Return epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def instant(text: Any) -> datetime:
    """Return the time that a text in ISO 8601 says, in UTC where it names no zone.

    Raises:
        MalformedEvent: the member is absent.
    """
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise MalformedEvent("The event has a time that is not ISO 8601.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def compact(value: Any) -> str:
    """Write JSON without spaces."""
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def as_text(value: Any) -> str:
    """Return a value as an attribute has it: a string as it is, anything else as JSON."""
    return value if isinstance(value, str) else compact(value)


_SNAKE = re.compile(r"(?<=[a-z0-9])([A-Z])")
_SNAKE_NAMES = {"reportingMTA": "reporting_mta"}


_LONGEST_NAME = 64  # of those worth remembering


def snake(name: str) -> str:
    """Return the name that Pinpoint gives a member of SES's or End User Messaging's."""
    return _remembered_snake(name) if len(name) <= _LONGEST_NAME else _in_snake_case(name)


def _in_snake_case(name: str) -> str:
    return _SNAKE_NAMES.get(name) or _SNAKE.sub(r"_\1", name).lower()


_remembered_snake = lru_cache(maxsize=1024)(_in_snake_case)  # the same few dozen, event by event


def snaked(members: Iterable[tuple[str, Any]], taken: Collection[str] = ()) -> Record:
    """Rename members to snake case; a member keeps its name where the new name is taken.

    Where both are, a number follows: no member takes the place of another.
    """
    record: Record = {}
    for name, value in members:
        free = snake(name)
        if free in taken or free in record:
            free, number = name, 2
            while free in taken or free in record:
                free, number = f"{name}#{number}", number + 1
        record[free] = value
    return record


def anonymous(message_id: str) -> str:
    """Return the client id of a message to a bare address: a UUID, the same in all its events."""
    try:
        return str(uuid.uuid5(uuid.NAMESPACE_OID, message_id))
    except UnicodeEncodeError:  # half a surrogate pair, which JSON can escape and UTF-8 cannot say
        return anonymous(message_id.encode(errors="backslashreplace").decode())


def envelope(
    event_type: str,
    *,
    app_id: str | None,
    client_id: str,
    event_timestamp: int,
    arrival_timestamp: int,
    attributes: Mapping[str, str],
    account_id: str,
) -> Record:
    """Return an event of Pinpoint's stream that no app reported. Times are epoch milliseconds."""
    return {
        "event_type": event_type,
        "event_timestamp": event_timestamp,
        "arrival_timestamp": arrival_timestamp,
        "event_version": EVENT_VERSION,
        "application": {"app_id": app_id, "sdk": {}},
        "client": {"client_id": client_id},
        "device": {"platform": {}},
        "session": {},
        "attributes": dict(attributes),
        "awsAccountId": account_id,
    }
