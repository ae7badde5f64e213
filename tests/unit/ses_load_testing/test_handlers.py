"""The three functions: events from Lambda, responses, and log records."""

from __future__ import annotations

import json
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError

from ses_load_testing.account import StopReason
from ses_load_testing.metrics import NAMESPACE, record_of
from tests.builders.architectures import CONTEXT, load_function
from tests.builders.load_testing import World, body, refusal

SENDER = {
    "DEAD_LETTER_QUEUE_URL": "dead-letters",
    "IDEMPOTENCY_DAYS": "15",
    "METADATA_TABLE": "users",
    "PARKED_QUEUE_URL": "parked",
    "QUEUE_URL": "queue",
    "STATE_TABLE": "state",
    "TIMEOUT_SECONDS": "90",
    "VALVE_FUNCTION": "valve",
}
AWAKE = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 90_000)


def event(world: World) -> dict[str, Any]:
    """Build the event that the event source mapping makes of the queue's messages."""
    return {
        "Records": [
            {
                "messageId": each.id,
                "receiptHandle": each.receipt_handle,
                "body": each.body,
                "attributes": {
                    "ApproximateReceiveCount": str(each.receives),
                    "SentTimestamp": str(int(each.queued_at * 1000)),
                },
            }
            for each in world.sqs.receive(100)
        ]
    }


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def send(monkeypatch: pytest.MonkeyPatch, world: World) -> ModuleType:
    module = load_function(monkeypatch, "ses_load_testing.functions.send_messages", SENDER)
    monkeypatch.setattr(module, "sender", world.sender())
    monkeypatch.setattr(module.time, "time", world.time)
    return module


def metrics_of(output: str) -> dict[str, Any]:
    """The one metric record among the lines of a log."""
    [record] = [json.loads(line) for line in output.splitlines() if '"_aws"' in line]
    return dict(record)


def test_the_answer_names_the_messages_that_stay_and_no_others(send: ModuleType, world: World):
    world.ses.status = lambda entry: (
        "ACCOUNT_THROTTLED" if "user-2@" in str(entry["Destination"]) else "SUCCESS"
    )
    world.put(body(1), body(2), "{not json")

    answer = send.lambda_handler(event(world), AWAKE)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m-1"}]}


def test_an_invocation_writes_one_metric_record_with_true_units(
    send: ModuleType, world: World, capsys: pytest.CaptureFixture[str]
):
    world.put(body(1), body(2), body(1), "{not json", body(3, user_id="nobody"))
    world.time.now += 2

    send.lambda_handler(event(world), AWAKE)

    record = metrics_of(capsys.readouterr().out)
    assert record["Processed"] == 5
    assert (record["Sent"], record["Duplicates"], record["Failed"], record["Parked"]) == (
        2,
        1,
        2,
        0,
    )
    assert record["Parked"] == record["Throttled"] == record["ReturnedToQueue"] == 0
    assert record["Processed"] == sum(
        record[name] for name in ("Sent", "Duplicates", "Failed", "Parked", "ReturnedToQueue")
    )
    assert all(2000 <= each < 3000 for each in record["QueueToSendMilliseconds"])
    assert record["SesCallMilliseconds"] == [50.0]  # without DynamoDB's part
    [directive] = record["_aws"]["CloudWatchMetrics"]
    assert directive["Namespace"] == NAMESPACE
    assert directive["Dimensions"] == [["FunctionName"]]
    units = {each["Name"]: each["Unit"] for each in directive["Metrics"]}
    assert units["Sent"] == "Count" and units["QueueToSendMilliseconds"] == "Milliseconds"


def test_no_list_of_a_record_is_longer_than_cloudwatch_takes():
    record = json.loads(record_of({"Many": [1.0] * 150, "None": []}, "f", 1.0))

    assert len(record["Many"]) == 100
    assert [each["Name"] for each in record["_aws"]["CloudWatchMetrics"][0]["Metrics"]] == ["Many"]


def test_what_was_sent_is_counted_even_when_the_function_fails_then(
    send: ModuleType, world: World, capsys: pytest.CaptureFixture[str]
):
    def fault(operation: str, what: Any) -> None:
        if operation == "PutItem" and what["sk"]["S"] == "claim" and len(world.ses.sent) >= 30:
            raise refusal("AccessDeniedException", 400, "PutItem")

    world.dynamodb.fault = fault
    world.put(*(body(number) for number in range(100)))

    with pytest.raises(ClientError):
        send.lambda_handler(event(world), AWAKE)

    assert metrics_of(capsys.readouterr().out)["Sent"] == 30


def test_no_address_and_no_content_is_written_to_the_log(
    send: ModuleType,
    world: World,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
):
    world.ses.status = lambda _: "INVALID_PARAMETER"  # its text quotes an address
    world.put(body(1), '{"to": "secret@example.com"', body(2, user_id="nobody"))

    send.lambda_handler(event(world), AWAKE)

    logged = [{name: vars(each)[name] for name in ("msg", "codes")} for each in caplog.records]
    output = capsys.readouterr().out + json.dumps(logged)
    assert "INVALID_PARAMETER" in output and "UNKNOWN_USER" in output
    assert "@" not in output and "code-1" not in output


def test_a_sender_never_lets_botocore_repeat_a_send(send: ModuleType):
    assert send.ses.meta.config.retries["total_max_attempts"] == 1
    assert send.ses.meta.config.read_timeout + 3 < 25  # what is left for a last call


# -- the quota watch


@pytest.fixture
def watch(monkeypatch: pytest.MonkeyPatch, world: World) -> ModuleType:
    module = load_function(
        monkeypatch,
        "ses_load_testing.functions.watch_quota",
        {"STATE_TABLE": "state", "MAPPING_ID": "mapping"},
    )
    monkeypatch.setattr(module, "valve", world.valve)
    return module


def test_the_watch_closes_when_asked_and_opens_when_there_is_room(
    watch: ModuleType, world: World, capsys: pytest.CaptureFixture[str]
):
    assert watch.lambda_handler({"close": "DAILY_QUOTA"}, CONTEXT) == {"closed": "DAILY_QUOTA"}
    record = metrics_of(capsys.readouterr().out)
    assert (record["StoppedByQuota"], record["StoppedByAccount"]) == (1, 0)
    assert not world.mapping.enabled

    assert watch.lambda_handler({}, CONTEXT) == {"closed": None}
    record = metrics_of(capsys.readouterr().out)
    assert (record["StoppedByQuota"], record["StoppedByAccount"]) == (0, 0)
    assert world.mapping.enabled


def test_the_watch_refuses_a_reason_that_nobody_would_end(watch: ModuleType, world: World):
    with pytest.raises(ValueError, match="HOLIDAY"):
        watch.lambda_handler({"close": "HOLIDAY"}, CONTEXT)

    assert world.mapping.enabled


def test_the_sender_asks_the_watch_by_its_name(
    monkeypatch: pytest.MonkeyPatch, world: World, send: ModuleType
):
    asked: list[Any] = []

    class Functions:
        def invoke(self, **request: Any) -> dict[str, Any]:
            asked.append((request["FunctionName"], json.loads(request["Payload"])))
            return {}

    monkeypatch.setattr(send, "functions", Functions)
    fresh = load_function(monkeypatch, "ses_load_testing.functions.send_messages", SENDER)
    monkeypatch.setattr(fresh, "functions", Functions)

    fresh.sender._close(StopReason.DAILY_QUOTA)

    assert asked == [("valve", {"close": "DAILY_QUOTA"})]


# -- the API


def test_the_api_answers_with_what_the_queue_says(monkeypatch: pytest.MonkeyPatch):
    module = load_function(
        monkeypatch, "ses_load_testing.functions.take_messages", {"QUEUE_URL": "queue"}
    )

    class Refusing:
        def send_message_batch(self, **_: Any) -> dict[str, Any]:
            raise refusal("AccessDenied", 403, "SendMessageBatch")

    monkeypatch.setattr(module.enqueuer, "_sqs", Refusing())

    answer = module.lambda_handler({"body": json.dumps(body(1))}, CONTEXT)

    assert answer["statusCode"] == 502
    assert json.loads(answer["body"])["accepted"] is False
    assert module.sqs.meta.config.retries["total_max_attempts"] == 1


def test_with_a_secret_the_api_wants_its_key(monkeypatch: pytest.MonkeyPatch):
    module = load_function(
        monkeypatch,
        "ses_load_testing.functions.take_messages",
        {"QUEUE_URL": "queue", "API_KEY_SECRET_ARN": "arn:secret"},
    )
    monkeypatch.setattr(module.enqueuer._api_key, "read", lambda: "right")

    answer = module.lambda_handler({"body": "{}", "headers": {"x-api-key": "wrong"}}, CONTEXT)

    assert answer["statusCode"] == 401
