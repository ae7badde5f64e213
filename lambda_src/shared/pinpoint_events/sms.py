"""End User Messaging's events and two-way messages as Pinpoint's.

Sources: End User Messaging SMS user guide, "Example event data" and "Two-way SMS messaging"; the
Pinpoint developer guide, "SMS event data".
"""

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from shared.pinpoint_events.ids import HubIds, ids_of_sms
from shared.pinpoint_events.types import (
    DEFAULT_TREATMENT,
    EVENT_TYPES,
    MalformedEvent,
    Record,
    UnknownEventType,
    anonymous,
    as_text,
    compact,
    envelope,
    milliseconds,
    need,
    snaked,
)

SMS_TYPES: Final[dict[str, dict[str, str]]] = EVENT_TYPES["sms"]
"""Status of a TEXT_ or MEDIA_ event to Pinpoint's `event_type` and `record_status`."""
MESSAGE_TYPES: Final[dict[str, str]] = EVENT_TYPES["message_types"]
MILLICENTS_PER_DOLLAR: Final = 100_000
REQUESTED_AT: Final = "message_request_timestamp"
"""Attribute with the time of the request to send, which Pinpoint's own events do not have."""

_OWN_TYPES: Final[dict[str, list[str]]] = EVENT_TYPES["own_types"]
_TWO_WAY: Final[dict[str, Any]] = EVENT_TYPES["two_way"]
_MAPPED = frozenset(
    {
        "eventType",
        "eventTimestamp",
        "messageId",
        "originationPhoneNumber",
        "destinationPhoneNumber",
        "isoCountryCode",
        "totalMessageParts",
        "totalMessagePrice",
        "messageType",
        "context",
        "protectConfiguration",
    }
)
_FIFTEEN_DIGITS = 10**15  # a double keeps so many digits unchanged
# Whole numbers of milliseconds until the year 9999; beyond, a text is no time.
_LAST_MILLISECOND = 253_402_300_799_999


def sms_event(
    record: Mapping[str, Any],
    *,
    account_id: str,
    arrived: datetime,
    app_id: str | None = None,
    keep_all: bool = False,
) -> Record:
    """Return an End User Messaging event (TEXT_, MEDIA_, VOICE_ or RCS_) as Pinpoint's.

    TEXT_ and MEDIA_ become `_SMS.*` by `SMS_TYPES`. Voice and RCS, of which Pinpoint streamed
    nothing, become `_VOICE.<STATUS>` and `_RCS.<STATUS>` of the same shape.

    Args:
        app_id: for messages that carry no application id.
        keep_all: members that Pinpoint's format lacks follow as attributes under their names in
            snake case, and a broken `hub` entry of the context stays in it instead of an error.

    Raises:
        MalformedEvent: a member that every such event has is missing, or the `hub` entry is broken.
        UnknownEventType: the mapping table does not name its type.
    """
    event_type, record_status, kind = _types_of(record)
    context = record.get("context")
    ids, customer = HubIds(), context
    if context is None or isinstance(context, Mapping):
        ids, customer = ids_of_sms(context, lenient=keep_all)
    elif not keep_all:
        raise MalformedEvent("The event's context is no JSON object.")
    message_id = as_text(need(record, "messageId"))
    protection = record.get("protectConfiguration")
    attributes: dict[str, Any] = {
        "sender_request_id": ids.request_id or message_id,
        "origination_phone_number": record.get("originationPhoneNumber"),
        "destination_phone_number": record.get("destinationPhoneNumber"),
        "record_status": record_status,
        "iso_country_code": record.get("isoCountryCode"),
        "number_of_message_parts": record.get("totalMessageParts"),
        "message_id": message_id,
        "message_type": _message_type(record.get("messageType")),
        "treatment_id": DEFAULT_TREATMENT,
        **ids.attributes(),
        "customer_context": None if customer is None or customer == {} else compact(customer),
        "message_kind": "MEDIA" if kind == "MEDIA" else None,
    }
    if isinstance(protection, Mapping):
        attributes["protect_status"] = protection.get("protectStatus")
    price = record.get("totalMessagePrice")
    millicents = _millicents(price)
    if keep_all:
        if price is not None and not _says(millicents, price):
            attributes["total_message_price"] = price
        attributes |= snaked(_others(record), attributes)
    event = envelope(
        event_type,
        app_id=ids.application_id or app_id,
        client_id=ids.endpoint_id or anonymous(message_id),
        event_timestamp=_epoch_milliseconds(need(record, "eventTimestamp")),
        arrival_timestamp=milliseconds(arrived),
        attributes={name: as_text(v) for name, v in attributes.items() if v is not None},
        account_id=account_id,
    )
    if millicents is not None:
        event["metrics"] = {"price_in_millicents_usd": millicents}
    return event


def two_way_event(record: Mapping[str, Any], *, account_id: str, arrived: datetime) -> Record:
    """Return the event of a text that a person sent to a number of ours: OPTOUT or RECEIVED.

    It counts as an opt-out when the whole message is one of the words. Such messages carry no time
    of their own.

    Raises:
        MalformedEvent: a documented member is missing.
    """
    message_id = as_text(need(record, "inboundMessageId"))
    word = as_text(record.get("messageBody") or "").strip().upper()
    entry = _TWO_WAY["opt_out" if word in _TWO_WAY["opt_out_words"] else "other"]
    attributes = {
        "message_id": message_id,
        "record_status": entry.get("record_status"),
        # As in events of sent messages: the destination is the person.
        "origination_phone_number": record.get("destinationNumber"),
        "destination_phone_number": need(record, "originationNumber"),
    }
    attributes |= snaked(record.items(), attributes)
    return envelope(
        entry["event_type"],
        app_id=None,
        client_id=anonymous(message_id),
        event_timestamp=milliseconds(arrived),
        arrival_timestamp=milliseconds(arrived),
        attributes={name: as_text(v) for name, v in attributes.items() if v is not None},
        account_id=account_id,
    )


def _types_of(record: Mapping[str, Any]) -> tuple[str, str, str]:
    """Return Pinpoint's type, the record status, and the kind of message (TEXT, MEDIA, …)."""
    kind, _, status = as_text(need(record, "eventType")).partition("_")
    if status in _OWN_TYPES.get(kind, ()):
        return f"_{kind}.{status}", status, kind
    if kind not in EVENT_TYPES["sms_kinds"] or status not in SMS_TYPES:
        raise UnknownEventType(record["eventType"])
    entry = SMS_TYPES[status]
    final = str(record.get("isFinal")).lower() == "true"
    event_type = entry["when_final"] if final and "when_final" in entry else entry["event_type"]
    return event_type, entry["record_status"], kind


def _others(record: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Return the members that Pinpoint's records lack."""
    others = [(name, value) for name, value in record.items() if name not in _MAPPED]
    protection = record.get("protectConfiguration")
    if not isinstance(protection, Mapping):
        return [*others, ("protectConfiguration", protection)]
    return [*others, *((name, v) for name, v in protection.items() if name != "protectStatus")]


def _message_type(value: Any) -> Any:
    return MESSAGE_TYPES.get(value, value) if isinstance(value, str) else value


def _millicents(dollars: Any) -> float | None:
    """Return the price as Pinpoint writes it; None when it is no number."""
    if isinstance(dollars, bool) or not isinstance(dollars, int | float | str):
        return None
    try:
        amount = Decimal(str(dollars)) * MILLICENTS_PER_DOLLAR
        value = float(amount)
    except ArithmeticError:  # no number, or one beyond all bounds
        return None
    return value if value - value == 0 else None  # neither infinite nor NaN


def _says(millicents: float | None, dollars: Any) -> bool:
    """Check whether the price in millicents has all digits of the one in dollars."""
    if millicents is None or isinstance(dollars, str):  # which may be written in many ways
        return False
    if millicents.is_integer() and abs(millicents) < _FIFTEEN_DIGITS:  # nearly always
        return bool(millicents / MILLICENTS_PER_DOLLAR == dollars)
    # A double has 17 digits at most, so this rounds nothing.
    return Decimal(repr(millicents)) / MILLICENTS_PER_DOLLAR == Decimal(str(dollars))


def _epoch_milliseconds(value: Any) -> int:
    try:
        moment = int(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise MalformedEvent("The event's eventTimestamp is no number.") from error
    # True is no time, and a fraction or a strange writing ("1_000") would be lost.
    exact = str(moment) == value if isinstance(value, str) else moment == value
    if isinstance(value, bool) or not exact or not 0 <= moment <= _LAST_MILLISECOND:
        raise MalformedEvent("The event's eventTimestamp is no time in milliseconds.")
    return moment
