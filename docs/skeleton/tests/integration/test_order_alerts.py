"""An order above the limit reaches the topic; a malformed message reaches the dead-letter queue."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.local_account import LocalAccount
from tests.builders.terraform_example import outputs, second_plan

pytestmark = pytest.mark.integration


@terraform("order_alerts", scope="module")
def test_an_order_above_the_limit_is_announced(order_alerts: Any, account: LocalAccount) -> None:
    example = outputs(order_alerts)
    inbox = account.subscribe(example["notification_topic_arn"], f"alerts-{time.time_ns()}")

    account.client("sqs").send_message(
        QueueUrl=example["queue_url"], MessageBody=json.dumps({"order_id": "17", "amount": 1200})
    )

    alert = inbox.wait_for("success", lambda body: body["OrderId"] == "17")
    assert alert["body"]["Amount"] == "1200"


@terraform("order_alerts", scope="module")
def test_a_second_plan_of_order_alerts_is_empty(order_alerts: Any) -> None:
    assert second_plan(order_alerts) == ""
