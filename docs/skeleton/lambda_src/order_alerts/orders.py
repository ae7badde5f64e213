"""Decide which orders a person has to look at."""

from __future__ import annotations

import json
from dataclasses import dataclass
from decimal import Decimal

__all__ = ["Alert", "MalformedOrder", "alert_for"]


class MalformedOrder(ValueError):
    """A message is no order. Retrying cannot help; the dead-letter queue keeps it."""


@dataclass(frozen=True, slots=True)
class Alert:
    """An order above the limit."""

    order_id: str
    amount: Decimal


def alert_for(body: str, limit: Decimal) -> Alert | None:
    """Read an order and compare its amount with the limit.

    Args:
        body: ``{"order_id": "17", "amount": 99.5}``; other members are ignored.
        limit: the amount above which a person has to look.

    Returns:
        The alert, or None for an order up to the limit.

    Raises:
        MalformedOrder: the body is no JSON object, or a member is missing or has another type.
    """
    try:
        order = json.loads(body, parse_float=Decimal, parse_int=Decimal)
    except ValueError as error:
        raise MalformedOrder("The message is no JSON: send an object.") from error
    if not isinstance(order, dict):
        raise MalformedOrder("The message is JSON but no object: send an object.")
    order_id, amount = order.get("order_id"), order.get("amount")
    if not isinstance(order_id, str) or not order_id:
        raise MalformedOrder("order_id must be a text that is not empty.")
    if not isinstance(amount, Decimal):
        raise MalformedOrder("amount must be a number.")
    return Alert(order_id, amount) if amount > limit else None
