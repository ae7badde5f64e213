"""The functions: each record and each message of a batch has its own outcome."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from shared.stream_records import DeadLetters
from sms_retry.sending import Retry
from tests.builders.architectures import CONTEXT, load_function, sqs_event
from tests.builders.event_records import sample, samples
from tests.builders.segmentation import QUEUE, Queue
from tests.builders.text_retries import (
    NUMBER,
    POLICY,
    PROJECT,
    World,
    answered,
    of_campaign,
    world,
)

ENVIRONMENT = {
    "CHAINS_TABLE": "chains",
    "CONFIGURATION_SET": "texts",
    "DEAD_LETTER_QUEUE_URL": QUEUE,
    "POLICY": json.dumps(POLICY),
    "PROJECT_ID": PROJECT,
    "QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/retries",
    "TEXTS_TABLE": "texts",
    "TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:final",
}
DONE: dict[str, Any] = {"batchItemFailures": []}
AWAKE = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 120_000)


@pytest.fixture
def here(monkeypatch: Any) -> Iterator[World]:
    with world(monkeypatch) as one:
        yield one


def load(monkeypatch: Any, name: str) -> ModuleType:
    return load_function(
        monkeypatch, f"sms_retry.functions.{name}", ENVIRONMENT, also=["sms_retry.wiring"]
    )


def stream(*data: Any) -> dict[str, Any]:
    raw = [one if isinstance(one, bytes) else json.dumps(one).encode() for one in data]
    return {
        "Records": [
            {
                "eventID": f"shardId-0:{number}",
                "eventSourceARN": "arn:aws:kinesis:eu-west-1:111122223333:stream/news",
                "kinesis": {
                    "sequenceNumber": str(number),
                    "partitionKey": "k",
                    "data": base64.b64encode(one).decode(),
                },
            }
            for number, one in enumerate(raw, 1)
        ]
    }


# Stream


@pytest.fixture
def reader(monkeypatch: Any, here: World) -> ModuleType:
    module = load(monkeypatch, "read_stream")
    monkeypatch.setattr(module, "intake", here.intake)
    queue = Queue()
    monkeypatch.setattr(module, "dead_letters", DeadLetters(QUEUE, module.logger, lambda: queue))  # type: ignore[arg-type, return-value]
    module.queue = queue  # type: ignore[attr-defined]
    return module


def test_every_event_of_a_stream_but_failures_leaves_no_trace(
    reader: ModuleType, here: World
) -> None:
    """Events that are no text's have no record_status; the original failed on them."""
    events = [sample(name) for name in samples("pinpoint") if "sms_failure" not in name]

    assert reader.lambda_handler(stream(*events), CONTEXT) == DONE

    assert here.queued() == []
    assert here.dynamodb.scan(TableName="chains")["Count"] == 0


def test_a_record_that_cannot_be_read_is_parked_and_the_others_are_retried(
    reader: ModuleType, here: World, capsys: Any
) -> None:
    broken = of_campaign("m2", destination_phone_number=None)

    answer = reader.lambda_handler(stream(b"{", of_campaign("m1"), broken, b"[]"), CONTEXT)

    assert answer == DONE
    assert len(here.queued()) == 1
    reasons = [letter["Reason"] for letter in reader.queue.letters]
    assert len(reasons) == 3
    assert NUMBER not in capsys.readouterr().out


def test_a_record_whose_table_is_busy_comes_back_alone(
    reader: ModuleType, here: World, monkeypatch: Any
) -> None:
    chains = here.chains
    usual = chains.schedule

    def schedule(original_id: str, *others: Any) -> bool:
        if original_id == "m2":
            raise answered("UpdateItem", "ProvisionedThroughputExceededException", 400)
        return usual(original_id, *others)

    monkeypatch.setattr(chains, "schedule", schedule)
    intake = here.intake()
    intake.chains = chains
    monkeypatch.setattr(reader, "intake", lambda: intake)

    answer = reader.lambda_handler(stream(of_campaign("m1"), of_campaign("m2")), CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "2"}]}
    assert len(here.queued()) == 1


def test_a_final_failure_that_could_not_be_notified_comes_back(
    reader: ModuleType, here: World, monkeypatch: Any
) -> None:
    here.now += 86_400_000
    down = [ReadTimeoutError(endpoint_url="https://sns.example")]

    def publish(**_: Any) -> None:
        if down:
            raise down.pop()

    here.sns = SimpleNamespace(publish=publish)
    batch = stream(of_campaign())

    first, second = reader.lambda_handler(batch, CONTEXT), reader.lambda_handler(batch, CONTEXT)

    assert first == {"batchItemFailures": [{"itemIdentifier": "1"}]}
    assert second == DONE
    assert len(here.published) == 1


# Topic


@pytest.fixture
def topic_reader(monkeypatch: Any, here: World) -> ModuleType:
    here.project_id = None
    module = load(monkeypatch, "read_topic")
    monkeypatch.setattr(module, "intake", here.intake)
    return module


def notification(record: Any) -> str:
    return json.dumps({"Type": "Notification", "Message": json.dumps(record)})


def test_a_failure_of_end_user_messaging_is_retried_with_its_context(
    topic_reader: ModuleType, here: World
) -> None:
    record = sample("sms/text_unreachable") | {"context": {**here.remember(), "order": "7"}}
    record["eventTimestamp"] = record["messageRequestTimestamp"] = here.now

    assert topic_reader.lambda_handler(sqs_event(notification(record)), CONTEXT) == DONE

    [(_, body)] = here.queued()
    here.send(body)
    [sent] = here.sms.sent
    assert sent["OriginationIdentity"] == record["originationPhoneNumber"]
    assert sent["MessageType"] == record["messageType"]
    assert sent["Context"]["order"] == "7"
    assert set(sent["Context"]) == {"order", "retry"}


BAD_MESSAGES = [
    "",
    "{",
    "[]",
    "null",
    "7",
    "{}",
    json.dumps({"Message": 7}),
    json.dumps({"Message": "{"}),
    json.dumps({"Message": "[]"}),
    json.dumps({"Message": "null"}),
    notification({}),
    notification({"eventType": "TEXT_LOST"}),
    notification({"eventType": "TEXT_UNREACHABLE"}),
    notification({**sample("sms/text_unreachable"), "messageId": None}),
    notification({**sample("sms/text_unreachable"), "eventTimestamp": "now"}),
    notification({**sample("sms/text_unreachable"), "destinationPhoneNumber": None}),
    notification({k: v for k, v in sample("sms/text_unreachable").items() if k != "messageId"}),
]


@pytest.mark.parametrize("body", BAD_MESSAGES)
def test_a_message_that_is_no_event_comes_back_alone_and_ends_in_the_dead_letters(
    topic_reader: ModuleType, here: World, body: str, capsys: Any
) -> None:
    good = sample("sms/text_delivered")

    answer = topic_reader.lambda_handler(sqs_event(notification(good), body), CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert "nobody" not in capsys.readouterr().out


# Sender


@pytest.fixture
def sender(monkeypatch: Any, here: World) -> ModuleType:
    module = load(monkeypatch, "send")
    monkeypatch.setattr(module, "sender", here.sender())
    monkeypatch.setattr(module, "finals", lambda: here.finals)
    requeued: list[dict[str, Any]] = []
    monkeypatch.setattr(
        module, "sqs", SimpleNamespace(send_message=lambda **given: requeued.append(given))
    )
    module.requeued = requeued  # type: ignore[attr-defined]
    return module


def due(here: World, *events: dict[str, Any]) -> list[str]:
    here.happen(*events)
    bodies = [body for _, body in here.queued()]
    here.now = max(Retry.of(body).due_at for body in bodies)
    return bodies


def test_one_retry_that_fails_does_not_fail_the_others(
    sender: ModuleType, here: World, capsys: Any
) -> None:
    bodies = due(here, of_campaign("m1"), of_campaign("m2"))
    here.sms.errors = [answered("SendTextMessage", "AccessDeniedException", 400)]

    answer = sender.lambda_handler(sqs_event(bodies[0], "no retry", bodies[1]), AWAKE)

    failed = [one["itemIdentifier"] for one in answer["batchItemFailures"]]
    assert failed == ["m0", "m1"]
    assert len(here.sms.sent) == 1
    written = capsys.readouterr().out
    assert NUMBER[1:] not in written
    assert "Änn" not in written


def test_a_retry_that_is_not_due_is_queued_again(sender: ModuleType, here: World) -> None:
    [body] = due(here, of_campaign())
    here.now -= 100_000

    assert sender.lambda_handler(sqs_event(body), AWAKE) == DONE

    [again] = sender.requeued
    assert (again["MessageBody"], again["DelaySeconds"]) == (body, 100)
    assert here.sms.sent == []


def test_final_failures_of_a_batch_are_one_notification(sender: ModuleType, here: World) -> None:
    bodies = due(here, of_campaign("m1"), of_campaign("m2"))
    here.api.endpoint = None

    assert sender.lambda_handler(sqs_event(*bodies), AWAKE) == DONE

    [notice] = here.published
    assert (notice["FinalFailures"], notice["Reasons"]) == (2, {"ENDPOINT_GONE": 2})


def test_a_notification_that_fails_is_made_by_the_next_receive(
    sender: ModuleType, here: World
) -> None:
    bodies = due(here, of_campaign())
    here.api.endpoint = None
    down = [ReadTimeoutError(endpoint_url="https://sns.example")]

    def publish(**_: Any) -> None:
        if down:
            raise down.pop()

    here.sns = SimpleNamespace(publish=publish)
    first = sender.lambda_handler(sqs_event(*bodies), AWAKE)
    second = sender.lambda_handler(sqs_event(*bodies), AWAKE)

    assert first == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert second == DONE
    assert len(here.published) == 1


def test_a_batch_that_is_out_of_time_comes_back_unsent(sender: ModuleType, here: World) -> None:
    bodies = due(here, of_campaign())
    late = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 10_000)

    answer = sender.lambda_handler(sqs_event(*bodies), late)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert here.chain()["state"] == "WAITING"
