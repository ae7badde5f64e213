"""Read out of an event of the project's stream which endpoint has which number."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.pinpoint_events.types import anonymous

__all__ = ["EVENT_TYPES", "Seen", "seen_in"]

EVENT_TYPES = (
    "_SMS.BUFFERED",
    "_SMS.FAILURE",
    "_SMS.OPTOUT",
    "_SMS.SUCCESS",
    "_campaign.send",
    "_journey.send",
)
_NUMBER = re.compile(r"\+?([1-9][0-9]{1,18})")
_TEXT_CHANNELS = frozenset({"SMS", "VOICE"})
_LONGEST_ID = 1_000  # bytes; DynamoDB limits the sort key, of which the id is a part, to 1,024


@dataclass(frozen=True, slots=True)
class Seen:
    """An endpoint and its number. `lasting`: a campaign or journey sent to the endpoint.

    An event of a message to a bare number can have an id of its own in the place of an endpoint.
    """

    number: str
    endpoint_id: str
    lasting: bool


def seen_in(event: Mapping[str, Any]) -> Seen | None:
    """Return the endpoint of an event with its number; None where the event does not show both."""
    attributes = _mapping(event.get("attributes"))
    endpoint_id = _mapping(event.get("client")).get("client_id")
    if not isinstance(endpoint_id, str) or not _can_be_a_key(endpoint_id):
        return None
    kind = event.get("event_type")
    if kind in ("_campaign.send", "_journey.send"):
        address = _address(event)
    else:
        address = attributes.get("destination_phone_number")
        message_id = attributes.get("message_id")
        if isinstance(message_id, str) and endpoint_id == anonymous(message_id):
            return None
    found = (
        _NUMBER.fullmatch(re.sub(r"[\s().-]", "", address)) if isinstance(address, str) else None
    )
    if found is None:
        return None
    lasting = bool(attributes.get("campaign_id") or attributes.get("journey_id"))
    return Seen(f"+{found[1]}", endpoint_id, lasting)


def _can_be_a_key(endpoint_id: str) -> bool:
    """Check whether DynamoDB takes the id: a refused record would hold up its shard."""
    try:
        return 0 < len(endpoint_id.encode()) <= _LONGEST_ID
    except UnicodeEncodeError:  # half a surrogate pair
        return False


def _address(event: Mapping[str, Any]) -> Any:
    custom = _mapping(_mapping(event.get("client_context")).get("custom"))
    endpoint = custom.get("endpoint")
    if isinstance(endpoint, str):
        try:
            endpoint = json.loads(endpoint)
        except (ValueError, RecursionError):
            return None
    endpoint = _mapping(endpoint)
    return endpoint.get("Address") if endpoint.get("ChannelType") in _TEXT_CHANNELS else None


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}
