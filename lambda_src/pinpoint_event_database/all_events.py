"""Rows of `all_events`: events of Pinpoint's format as they are, others mapped to it first."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from shared.event_rows import Arrival, Event, NotOfThisTable, Row, TableShape, id_of_message
from shared.pinpoint_events import (
    as_text,
    email_event,
    sms_event,
    tag_values,
    two_way_event,
)

_SHAPE = TableShape.beside(__file__, "all_events")
# Where an email event names the recipients it is about, and under which member.
_RECIPIENTS = (
    ("bounce", "bounced_recipients"),
    ("complaint", "complained_recipients"),
    ("delivery_delay", "delayed_recipients"),
)
_MESSAGES = ("_SMS.", "_VOICE.", "_RCS.")
_TAGGED = ("_email.", "_campaign.", "_journey.")


def rows(event: Event, arrival: Arrival) -> list[Row]:
    """Return the rows of one event.

    Raises:
        NotOfThisTable: the event is from another source than the three.
        MalformedEvent: an event of SES or End User Messaging lacks a documented member.
    """
    value = event.value
    if "event_type" in value:
        return [_SHAPE.own_row(value) or _row(value, "pinpoint")]
    if value.get("mail") is not None:
        tags = _ses_tags(value["mail"])
        records = email_event(value, keep_all=True)
        return [_row(record, "ses", tags) for record in records]
    accounts = (envelope.get("account") for envelope in event.around)  # EventBridge says it
    account = as_text(next(filter(None, accounts), arrival.account_id))
    arrived = datetime.fromtimestamp(arrival.milliseconds / 1000, UTC)
    if "eventType" in value:
        return [_row(sms_event(value, account_id=account, arrived=arrived, keep_all=True), "sms")]
    if "inboundMessageId" in value:
        return [_row(two_way_event(value, account_id=account, arrived=arrived), "sms")]
    raise NotOfThisTable


def _row(record: Mapping[str, Any], source: str, tags: dict[str, str] | None = None) -> Row:
    row, unmapped = _SHAPE.row(record)
    event_type = row.get("event_type")
    if not event_type:
        raise NotOfThisTable
    attributes = row.get("attributes") or {}
    if event_type.startswith(_TAGGED):
        tags = attributes if tags is None else tags
        event_id = _email_id(row, event_type)
    elif event_type.startswith(_MESSAGES):
        tags = _context_tags(attributes.get("customer_context"))
        event_id = _message_id(row, event_type, attributes)
    else:
        event_id = None
    row["source"] = source
    if tags:
        row["message_tags"] = tags
    if unmapped:
        row["unmapped"] = unmapped
    if event_id:
        row["event_id"] = event_id
    return row


def _email_id(row: Row, event_type: str) -> str | None:
    """Return the id of an email event, the same by SES and by the stream of the sending hub."""
    event: Mapping[str, Any] = (row.get("facets") or {}).get("email_channel", {})
    event = event.get("mail_event") or {}
    mail = event.get("mail")
    if not mail or not mail.get("message_id"):
        return None
    recipients = mail.get("destination") or ()
    for facet, member in _RECIPIENTS:
        if facet in event:
            recipients = [one and one.get("email_address") for one in event[facet].get(member, ())]
    if "delivery" in event:
        recipients = event["delivery"].get("recipients", recipients)
    return id_of_message(
        event_type,
        mail["message_id"],
        str(row.get("arrival_timestamp")),
        (event.get("click") or {}).get("link"),
        *sorted([one or "" for one in recipients]),
    )


def _message_id(row: Row, event_type: str, attributes: Mapping[str, str]) -> str | None:
    message_id = attributes.get("message_id")
    if not message_id:
        return None
    # A person's text carries no time of its own, only that of its arrival, which a replay changes.
    time = None if "inbound_message_id" in attributes else str(row.get("event_timestamp"))
    # The refused texts of one request share its id for want of their own: the number tells them.
    number = attributes.get("destination_phone_number")
    return id_of_message(event_type, message_id, time, attributes.get("record_status"), number)


def _ses_tags(mail: Any) -> dict[str, str] | None:
    if not isinstance(mail, dict):
        return None
    return {name: ",".join(values) for name, values in tag_values(mail.get("tags")).items()}


def _context_tags(context: str | None) -> dict[str, str] | None:
    """Return the entries of a customer's context; None where it is no JSON object but a text."""
    if not context or not context.startswith("{"):
        return None
    try:
        entries = json.loads(context)
    except (ValueError, RecursionError):
        return None
    return {name: as_text(value) for name, value in entries.items() if value is not None}
