"""Rows of `ses_events`: SES's own events, column by column."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from shared.event_rows import Arrival, Event, NotOfThisTable, Row, TableShape, id_of_message
from shared.pinpoint_events import EMAIL_TYPES, MalformedEvent, instant, milliseconds

_SHAPE = TableShape.beside(__file__, "ses_events")
_NOTIFICATIONS = ("Bounce", "Complaint", "Delivery")
_RECIPIENTS = ("bouncedrecipients", "complainedrecipients", "delayedrecipients")


def rows(event: Event, arrival: Arrival) -> list[Row]:
    """Return the row of one event: of event publishing, or a feedback notification of an identity.

    An event type that is new at SES is kept; its members go to `unmapped`.

    Raises:
        NotOfThisTable: it is no SES event.
    """
    value = event.value
    own = _SHAPE.own_row(value)
    if own is not None:
        return [own]
    if "eventType" not in value and value.get("notificationType") in _NOTIFICATIONS:
        others = {name: item for name, item in value.items() if name != "notificationType"}
        value = {"eventType": value["notificationType"], **others}
    row, unmapped = _SHAPE.row(value)
    if not row.get("eventtype") or "mail" not in row:
        raise NotOfThisTable
    event_id = _event_id(row)
    if event_id:
        row["event_id"] = event_id
    if unmapped:
        row["unmapped"] = unmapped
    return [row]


def _event_id(row: Row) -> str | None:
    """Return the id of an event, the same by event publishing and as a feedback notification."""
    entry = EMAIL_TYPES.get(row["eventtype"])
    mail = row["mail"]
    if entry is None or not mail.get("messageid"):
        return None
    detail: Mapping[str, Any] = row.get(entry["detail"].lower()) or {}
    recipients = detail.get("recipients") or mail.get("destination") or ()
    for member in _RECIPIENTS:
        if member in detail:
            recipients = [one and one.get("emailaddress") for one in detail[member]]
    return id_of_message(
        row["eventtype"],
        mail["messageid"],
        _time(detail.get("timestamp") or mail.get("timestamp")),
        detail.get("link"),
        *sorted([one or "" for one in recipients]),
    )


def _time(text: str | None) -> str | None:
    """Return epoch milliseconds, so that all spellings of a time lead to one id."""
    try:
        return str(milliseconds(instant(text)))
    except MalformedEvent:
        return text
