"""The ids that a message was sent for, and their way into its delivery events and out again.

- SMS: the `Context` of End User Messaging has five entries of 800 characters. The hub uses one,
  `hub`: a compact JSON object of ids (`HubIds`), and a second, `customer_context`, for the Context
  the client gave (a JSON string). Entries under other names count as the client's too.
- Email: SES tags allow letters, digits, `_` and `-` only. Ids that fit are tags of their own name;
  others travel under the name with `_b64` appended, as base64url without padding.
"""

import base64
import binascii
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from shared.pinpoint_events.types import MalformedEvent, as_text

HUB_CONTEXT = "hub"
CUSTOMER_CONTEXT = "customer_context"
ENCODED_TAG = "_b64"
RESERVED_TAG = "ses:"
_TAG_LIMIT = 256
_TAG_SAFE = re.compile(r"[A-Za-z0-9_-]{1,256}")


@dataclass(frozen=True, slots=True)
class HubIds:
    """The ids that a message was sent for. Absent ids are None."""

    application_id: str | None = None
    campaign_id: str | None = None
    campaign_activity_id: str | None = None
    treatment_id: str | None = None
    endpoint_id: str | None = None
    request_id: str | None = None
    journey_id: str | None = None
    journey_run_id: str | None = None
    journey_activity_id: str | None = None

    @classmethod
    def of(cls, values: Mapping[Any, Any]) -> "HubIds":
        """Return the ids among other values, by their names."""
        found = {name: values.get(name) for name in _ID_NAMES}
        found["application_id"] = found["application_id"] or values.get(_SHORT_APPLICATION_ID)
        return cls(**{name: None if one is None else as_text(one) for name, one in found.items()})

    def given(self) -> dict[str, str]:
        """Return the ids that are there, by name."""
        values = {name: getattr(self, name) for name in _ID_NAMES}
        return {name: value for name, value in values.items() if value is not None}

    def attributes(self) -> dict[str, str]:
        """Return the ids that Pinpoint's records carry as attributes."""
        kept = _JOURNEY_ATTRIBUTES if self.journey_id else _CAMPAIGN_ATTRIBUTES
        given = self.given()
        return {name: given[name] for name in kept if name in given}


_ID_NAMES = tuple(field.name for field in fields(HubIds))
_SHORT_APPLICATION_ID = "app_id"  # as Pinpoint's records name it
ID_NAMES = frozenset({*_ID_NAMES, _SHORT_APPLICATION_ID})
"""Names of tags that are the hub's."""
# The one-letter names of a compact `hub` entry; only read, for messages of other senders.
_LETTERS = {
    "a": "application_id",
    "c": "campaign_id",
    "v": "campaign_activity_id",
    "t": "treatment_id",
    "e": "endpoint_id",
    "r": "request_id",
}
_CAMPAIGN_ATTRIBUTES = ("treatment_id", "campaign_activity_id", "campaign_id")
_JOURNEY_ATTRIBUTES = ("journey_run_id", "journey_id", "journey_activity_id")


def encode_id(value: str) -> str:
    """Return an id in the alphabet of SES tags: base64url without padding."""
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def decode_id(encoded: str) -> str:
    """Return the id that `encode_id` encoded.

    Raises:
        MalformedEvent: it did not.
    """
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise MalformedEvent("A message tag is not base64url of an id.") from error


def email_tags(ids: HubIds, customer: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the message tags of an email, names and values in SES's alphabet.

    Entries of the client's Context become tags too, where their names fit SES's alphabet; names of
    the hub's own ids are not theirs to set.
    """
    theirs = {
        name: value
        for name, value in (customer or {}).items()
        if name.removesuffix(ENCODED_TAG) not in ID_NAMES
    }
    tags = {}
    for name, value in {**theirs, **ids.given()}.items():
        if not _TAG_SAFE.fullmatch(name):
            continue
        if _TAG_SAFE.fullmatch(value):
            tags[name] = value
        elif len(encode_id(value)) in range(1, _TAG_LIMIT + 1):
            tags[name + ENCODED_TAG] = encode_id(value)
    return tags


def _unpacked(entries: dict[str, Any]) -> dict[str, Any]:
    """Replace `customer_context` by its entries when it holds a JSON object.

    It stays as it is when one of its entries has the name of another entry: no entry may be lost.
    """
    if CUSTOMER_CONTEXT not in entries:
        return entries
    try:
        packed = json.loads(entries[CUSTOMER_CONTEXT])
    except (TypeError, ValueError):
        return entries
    if not isinstance(packed, dict):
        return entries
    others = {name: value for name, value in entries.items() if name != CUSTOMER_CONTEXT}
    return entries if packed.keys() & others.keys() else {**packed, **others}


def ids_of_sms(
    context: Mapping[str, Any] | None, *, lenient: bool = False
) -> tuple[HubIds, dict[str, Any]]:
    """Return the hub's ids and the client's own Context, out of the context of an SMS event.

    Args:
        lenient: a `hub` entry that is not the hub's gives no ids and stays among the client's, as
            does one that says more than the ids that events carry.

    Raises:
        MalformedEvent: the `hub` entry is not the hub's.
    """
    entries = dict(context or {})
    hub = entries.pop(HUB_CONTEXT, None)
    if hub is None:
        return HubIds(), _unpacked(entries)
    ids, whole = HubIds(), False
    try:
        packed = _packed_ids(hub)
    except MalformedEvent:
        if not lenient:
            raise
    else:
        named = {_LETTERS.get(name): value for name, value in packed.items()}
        ids = HubIds.of({**named, **packed})
        told = {ids.application_id, ids.endpoint_id, ids.request_id, *ids.attributes().values()}
        whole = all(value is None or as_text(value) in told for value in packed.values())
    if lenient and not whole:
        entries[HUB_CONTEXT] = hub
    return ids, _unpacked(entries)


def _packed_ids(hub: Any) -> dict[str, Any]:
    try:
        ids = json.loads(hub)
    except (TypeError, ValueError) as error:
        raise MalformedEvent("The event's context entry `hub` is not JSON.") from error
    if not isinstance(ids, dict):
        raise MalformedEvent("The event's context entry `hub` is not a JSON object.")
    return ids


def tag_values(tags: Any) -> dict[str, list[str]]:
    """Return the message tags of an SES event: each a list of strings, whatever they were written
    as."""
    if not isinstance(tags, Mapping):
        return {}
    return {
        name: [as_text(item) for item in (items if isinstance(items, list) else [items])]
        for name, items in tags.items()
        if items is not None
    }


def ids_of_email(tags: Any, *, lenient: bool = False) -> tuple[HubIds, dict[str, Any]]:
    """Return the hub's ids and the client's own entries, out of the tags of an SES event.

    Args:
        lenient: an encoded tag that cannot be decoded gives no id and stays among the client's.

    Raises:
        MalformedEvent: an encoded tag cannot be decoded.
    """
    values: dict[str, Any] = {}
    for name, items in tag_values(tags).items():
        if name.startswith(RESERVED_TAG) or not items:
            continue
        if not name.endswith(ENCODED_TAG):
            values[name] = items[0]
            continue
        try:
            values[name.removesuffix(ENCODED_TAG)] = decode_id(items[0])
        except MalformedEvent:
            if not lenient:
                raise
            values[name] = items[0]
    own = _unpacked({name: value for name, value in values.items() if name not in ID_NAMES})
    return HubIds.of(values), {name: v for name, v in own.items() if name not in ID_NAMES}
