"""The function publishes one alert per order above the limit, and returns only failed messages."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.builders.architectures import CONTEXT, load_function, sqs_event

TOPIC_ARN = "arn:aws:sns:eu-west-1:111122223333:alerts"


class FakeTopic:
    """Keeps what the function publishes."""

    def __init__(self) -> None:
        self.published: list[dict[str, Any]] = []

    def publish(self, **message: Any) -> None:
        self.published.append(message)


@pytest.fixture
def topic() -> FakeTopic:
    return FakeTopic()


@pytest.fixture
def notify(monkeypatch: pytest.MonkeyPatch, topic: FakeTopic) -> Any:
    settings = {"LIMIT": "100", "TOPIC_ARN": TOPIC_ARN}
    module = load_function(monkeypatch, "order_alerts.functions.notify", settings)
    monkeypatch.setattr(module, "sns", topic)
    return module


def order(amount: float, order_id: str = "17") -> str:
    return json.dumps({"order_id": order_id, "amount": amount})


def test_an_order_above_the_limit_is_published_once(notify: Any, topic: FakeTopic) -> None:
    answer = notify.lambda_handler(sqs_event(order(99), order(101.5, "18")), CONTEXT)

    assert answer == {"batchItemFailures": []}
    (message,) = topic.published
    assert message["TopicArn"] == TOPIC_ARN
    assert json.loads(message["Message"]) == {"OrderId": "18", "Amount": "101.5"}


def test_a_malformed_message_is_redelivered_and_the_others_are_not(
    notify: Any, topic: FakeTopic
) -> None:
    event = sqs_event("not JSON", order(101))

    answer = notify.lambda_handler(event, CONTEXT)

    failed = [item["itemIdentifier"] for item in answer["batchItemFailures"]]
    assert failed == [event["Records"][0]["messageId"]]
    assert len(topic.published) == 1


def test_the_log_has_the_rule_that_a_message_breaks(notify: Any, caplog: Any) -> None:
    notify.lambda_handler(sqs_event('{"amount": 101}'), CONTEXT)

    [line] = caplog.records
    assert line.reason == "order_id must be a text that is not empty."
