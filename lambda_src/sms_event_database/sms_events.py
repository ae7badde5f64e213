"""Rows of `sms_events`: End User Messaging's own events, column by column."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any

from shared.event_rows import Arrival, Event, NotOfThisTable, Row, TableShape, id_of_message

_SHAPE = TableShape.beside(__file__, "sms_events")
_MICROS_PER_DOLLAR = 1_000_000
_BILLION = 10**9  # dollars; a price beyond it is a mistake, and its micros might fit no bigint
_PRICES = (
    ("totalmessageprice", "totalmessagepricemicros"),
    ("totalcarrierfee", "totalcarrierfeemicros"),
)


def rows(event: Event, arrival: Arrival) -> list[Row]:
    """Return the row of one event.

    An event type that is new at End User Messaging is kept as it is.

    Raises:
        NotOfThisTable: it is no event of End User Messaging.
    """
    own = _SHAPE.own_row(event.value)
    if own is not None:
        return [own]
    row, unmapped = _SHAPE.row(event.value)
    if not row.get("eventtype") or event.value.get("mail") is not None:
        raise NotOfThisTable
    for price, micros in _PRICES:
        exact = _micros(row.get(price))
        if exact is not None:
            row[micros] = exact
    if row.get("messageid"):
        row["event_id"] = id_of_message(
            row["eventtype"],
            row["messageid"],
            row.get("messagestatus"),
            str(row.get("eventtimestamp")),
        )
    if unmapped:
        row["unmapped"] = unmapped
    return [row]


def _micros(dollars: Any) -> int | None:
    """Return millionths of a dollar; prices have no finer digits, and finer ones are rounded."""
    if dollars is None or abs(dollars) > _BILLION:
        return None
    try:
        return int((Decimal(repr(dollars)) * _MICROS_PER_DOLLAR).to_integral_value())
    except InvalidOperation:
        return None
