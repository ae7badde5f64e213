"""The trigger: every message has its own outcome, and every file one run."""

import json

import pytest

from tests.builders.architectures import (
    CONTEXT,
    FakeStates,
    load_function,
    service_error,
    sqs_event,
)


def dropped(key, size=10, version="v1"):
    return json.dumps(
        {
            "detail": {
                "bucket": {"name": "files"},
                "object": {"key": key, "size": size, "version-id": version, "sequencer": "s"},
            }
        }
    )


@pytest.fixture
def states():
    return FakeStates()


@pytest.fixture
def trigger(monkeypatch, states):
    module = load_function(
        monkeypatch,
        "s3_triggered_import.functions.trigger",
        {"STATE_MACHINE_ARN": "arn:machine", "KEY_SUFFIXES": ".csv,.json"},
    )
    monkeypatch.setattr(module, "states", states)
    return module


def test_each_file_of_a_batch_starts_a_run(trigger, states):
    event = sqs_event(dropped("import/a b.csv"), dropped("import/c+d.csv"))

    answer = trigger.lambda_handler(event, CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert list(states.started.values()) == [
        {"S3URL": "s3://files/import/a b.csv", "VersionId": "v1"},
        {"S3URL": "s3://files/import/c+d.csv", "VersionId": "v1"},
    ]


def test_a_repeated_event_starts_nothing_and_is_no_failure(trigger, states):
    trigger.lambda_handler(sqs_event(dropped("import/a.csv")), CONTEXT)

    answer = trigger.lambda_handler(sqs_event(dropped("import/a.csv")), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert len(states.started) == 1


def test_a_throttled_start_leaves_its_message_and_only_its_own(trigger, states):
    states.failing["b.csv"] = service_error("StartExecution", "ThrottlingException", 400)
    event = sqs_event(dropped("import/a.csv"), dropped("import/b.csv"), dropped("import/c.csv"))

    answer = trigger.lambda_handler(event, CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert [run["S3URL"][-5:] for run in states.started.values()] == ["a.csv", "c.csv"]


def test_a_poison_message_leaves_the_others_alone(trigger, states):
    event = sqs_event("not json", dropped("import/a.csv"))

    answer = trigger.lambda_handler(event, CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert len(states.started) == 1


def test_a_batch_that_fails_as_a_whole_is_left_as_a_whole(trigger):
    answer = trigger.lambda_handler(sqs_event("x", "y"), CONTEXT)

    assert [item["itemIdentifier"] for item in answer["batchItemFailures"]] == ["m0", "m1"]


def test_folders_and_other_suffixes_start_nothing(trigger, states):
    event = sqs_event(dropped("import/", size=0), dropped("import/a.png"))

    assert trigger.lambda_handler(event, CONTEXT) == {"batchItemFailures": []}
    assert states.started == {}


def test_the_log_has_the_reason_of_a_message_that_is_left(trigger, states, caplog):
    states.failing["b.csv"] = service_error("StartExecution", "AccessDeniedException", 400)

    trigger.lambda_handler(sqs_event('{"detail": {}}', dropped("import/b.csv")), CONTEXT)

    reasons = [line.reason for line in caplog.records if line.levelname == "WARNING"]
    assert reasons == [
        "Not an S3 Object Created event of EventBridge: KeyError 'object'. "
        "Only the module's own rule should send to this queue.",
        "AccessDeniedException",
    ]
