"""Orders above the limit, and only these, lead to an alert."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis.strategies import decimals

from order_alerts.orders import Alert, MalformedOrder, alert_for

LIMIT = Decimal(100)


@given(decimals(min_value=0, max_value=10_000, places=2))
def test_an_alert_follows_exactly_for_an_amount_above_the_limit(amount: Decimal) -> None:
    alert = alert_for(f'{{"order_id": "17", "amount": {amount}}}', LIMIT)

    assert alert == (Alert("17", amount) if amount > LIMIT else None)


@pytest.mark.parametrize(
    ("body", "rule"),
    [
        ("not JSON", "no JSON"),
        ("[]", "no object"),
        ('{"amount": 1}', "order_id must be"),
        ('{"order_id": "", "amount": 1}', "order_id must be"),
        ('{"order_id": "17"}', "amount must be"),
        ('{"order_id": "17", "amount": "101"}', "amount must be"),
        ('{"order_id": "17", "amount": true}', "amount must be"),
    ],
)
def test_a_message_that_is_no_order_is_refused_by_its_rule(body: str, rule: str) -> None:
    with pytest.raises(MalformedOrder, match=rule):
        alert_for(body, LIMIT)


def test_other_members_of_an_order_are_ignored() -> None:
    body = json.dumps({"order_id": "17", "amount": 101, "customer": "ann"})

    assert alert_for(body, LIMIT) == Alert("17", Decimal(101))
