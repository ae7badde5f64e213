"""The two functions: only failed messages are redelivered, and no log has a number."""

from __future__ import annotations

import base64
import json
from functools import cache
from types import SimpleNamespace

import pytest

from shared.pinpoint_events.types import anonymous
from shared.stream_records import DeadLetters
from sms_self_managed_opt_outs.seen import EVENT_TYPES, Seen, seen_in
from tests.builders.architectures import load_function, sqs_event
from tests.builders.opt_outs import (
    ANN,
    KEYWORDS,
    LISTS,
    PROJECT,
    Account,
    notification,
    payload,
    refusal,
    said,
)

SETTINGS = {
    "categories": list(LISTS),
    "endpoints": {"attribute": "sms_opt_outs", "id_patterns": ["{number}"], "of_user": False},
    "events": {"bus": "default", "include_number": False},
    "keywords": KEYWORDS,
    "language": "en",
    "opt_out_lists": LISTS,
}
ENVIRONMENT = {
    "INDEX_TABLE": "index",
    "PREFERENCES_TABLE": "preferences",
    "PROJECT_ID": PROJECT,
    "SETTINGS_ID": "settings#1",
}


def context(seconds=60):
    return SimpleNamespace(
        function_name="inbound",
        memory_limit_in_mb=256,
        invoked_function_arn="arn:aws:lambda:eu-west-1:111122223333:function:inbound",
        aws_request_id="1",
        get_remaining_time_in_millis=lambda: seconds * 1000,
    )


@pytest.fixture
def account(dynamodb):
    item = {
        "pk": {"S": "settings#1"},
        "sk": {"S": "settings"},
        "settings": {"S": json.dumps(SETTINGS)},
    }
    dynamodb.put_item(TableName="index", Item=item)
    return Account(dynamodb)


@pytest.fixture
def module(account, capsys, monkeypatch):
    name = "sms_self_managed_opt_outs.functions.handle_message"
    module = load_function(monkeypatch, name, ENVIRONMENT)
    for attribute, service in {
        "dynamodb": account.dynamodb,
        "lists_client": account.phones,
        "sender": account.phones,
        "events": account.bus,
        "pinpoint": account.project,
    }.items():
        monkeypatch.setattr(module, attribute, service)
    return module


def test_a_message_of_the_queue_is_carried_out_and_the_log_has_no_number(
    module, account, capsys, caplog
):
    answer = module.lambda_handler(sqs_event(notification(payload())), context())

    assert answer == {"batchItemFailures": []}
    assert account.texts() == ["You will get no more offers."]
    logged = capsys.readouterr().out + str([record.__dict__ for record in caplog.records])
    assert "inbound-1" in logged and '"ChangedMessages"' in logged
    assert ANN.lstrip("+") not in logged


def test_only_messages_that_failed_come_back(module, account, capsys):
    good = notification(payload(inboundMessageId="inbound-2"))

    answer = module.lambda_handler(sqs_event("STOP", good, notification("{}")), context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}, {"itemIdentifier": "m2"}]}
    assert len(account.rows("message#")) == 1
    assert '"FailedMessages":[2.0]' in capsys.readouterr().out


def test_a_failed_step_brings_the_message_back_with_the_code_alone(module, account, caplog):
    account.phones.fail("PutOptedOutNumber", refusal("PutOptedOutNumber", "AccessDeniedException"))

    answer = module.lambda_handler(sqs_event(notification(payload())), context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    logged = str([record.__dict__ for record in caplog.records])
    assert "list: AccessDeniedException" in logged
    assert ANN.lstrip("+") not in logged


def test_a_message_without_time_for_it_comes_back_untouched(module, account):
    answer = module.lambda_handler(sqs_event(notification(payload())), context(seconds=10))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert account.log == []


def test_missing_settings_bring_messages_back(module, account, dynamodb):
    key = {"pk": {"S": "settings#1"}, "sk": {"S": "settings"}}
    dynamodb.delete_item(TableName="index", Key=key)

    answer = module.lambda_handler(sqs_event(notification(payload())), context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_a_preference_of_another_program_fails_its_own_number_and_no_other(
    module, account, dynamodb, caplog
):
    foreign = {"pk": {"S": ANN}, "sk": {"S": "category#promotional"}, "status": {"S": "out"}}
    dynamodb.put_item(TableName="preferences", Item=foreign)
    other = notification(payload(originationNumber="+12065550143", inboundMessageId="inbound-2"))

    answer = module.lambda_handler(sqs_event(notification(payload()), other), context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert account.phones.lists[LISTS["promotional"]] == {"+12065550143"}
    assert "An item category#" in str([record.__dict__ for record in caplog.records])


def test_a_fault_that_no_rule_foresaw_fails_one_message(module, account, monkeypatch):
    handle = account.handling.handle

    def faulty(message, **given):
        if message.number == ANN:
            raise LookupError(ANN)
        return handle(message, **given)

    monkeypatch.setattr(module, "handling", cached(SimpleNamespace(handle=faulty, counts={})))
    other = notification(payload(originationNumber="+12065550143", inboundMessageId="inbound-2"))

    answer = module.lambda_handler(sqs_event(notification(payload()), other), context())

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert account.phones.lists[LISTS["promotional"]] == {"+12065550143"}


def cached(value):
    made = cache(lambda: value)
    made()
    return made


def test_the_daily_rule_and_new_endpoints_are_work_of_the_same_queue(module, account):
    account.handling.handle(said("STOP"))
    account.project.add("new")
    account.index.learn(ANN, "new", None)
    account.index.keep_trying("+12065550199", ["promotional"], also=False)
    works = ({"settle": ANN}, {"try": "kept_numbers"})

    answer = module.lambda_handler(
        sqs_event(*(json.dumps({"sms_self_managed_opt_outs": work}) for work in works)), context()
    )

    assert answer == {"batchItemFailures": []}
    assert account.project.mark("new") == (["promotional"], "NONE")
    assert list(account.index.kept_numbers()) == []


def test_a_person_who_writes_the_name_of_the_module_is_a_person(module, account):
    text = '{"sms_self_managed_opt_outs": {"settle": "+1"}}'

    answer = module.lambda_handler(sqs_event(notification(payload(text))), context())

    assert answer == {"batchItemFailures": []}
    assert account.rows("") == []


# Endpoints by number


def event(kind="_SMS.SUCCESS", endpoint_id="mobile-7", **changes):
    made = {
        "event_type": kind,
        "client": {"client_id": endpoint_id},
        "attributes": {"destination_phone_number": ANN, "message_id": "text-1"},
    }
    return {**made, **changes}


def sent(kind="_campaign.send", endpoint=None, **attributes):
    definition = endpoint or {"ChannelType": "SMS", "Address": ANN}
    return event(
        kind,
        attributes=attributes or {"campaign_id": "c"},
        client_context={"custom": {"endpoint": json.dumps(definition)}},
    )


@pytest.mark.parametrize(
    ("found", "seen"),
    [
        (event(), Seen(ANN, "mobile-7", lasting=False)),
        (sent(), Seen(ANN, "mobile-7", lasting=True)),
        (sent("_journey.send", journey_id="j"), Seen(ANN, "mobile-7", lasting=True)),
        (
            event(attributes={"destination_phone_number": "12065550142", "campaign_id": "c"}),
            Seen(ANN, "mobile-7", lasting=True),
        ),
        (
            sent(endpoint={"ChannelType": "SMS", "Address": "+1 (206) 555-0142"}),
            Seen(ANN, "mobile-7", lasting=True),
        ),
        (sent(endpoint={"ChannelType": "EMAIL", "Address": "ann@example.com"}), None),
        (sent(endpoint={"ChannelType": "SMS"}), None),
        (event("_campaign.send"), None),
        (event(endpoint_id=anonymous("text-1")), None),
        (event(attributes={"destination_phone_number": "SHOP"}), None),
        (event(attributes={}), None),
        (event(attributes=None), None),
        (event(client=None), None),
        (event(client={"client_id": 7}), None),
        (event(client={"client_id": ""}), None),
        (event("_campaign.send", client_context={"custom": {"endpoint": "{"}}), None),
        (event("_campaign.send", client_context={"custom": {"endpoint": "[]"}}), None),
        (event("_campaign.send", client_context=[]), None),
        ({}, None),
    ],
)
def test_an_event_shows_the_number_of_an_endpoint_or_nothing(found, seen):
    assert seen_in(found) == seen


class Queue:
    def __init__(self):
        self.bodies, self.failing = [], []

    def send_message(self, *, QueueUrl, MessageBody):
        if self.failing:
            raise self.failing.pop()
        self.bodies.append(json.loads(MessageBody))


@pytest.fixture
def queue():
    return Queue()


@pytest.fixture
def learner(account, queue, monkeypatch):
    module = load_function(
        monkeypatch,
        "sms_self_managed_opt_outs.functions.learn_endpoints",
        {**ENVIRONMENT, "QUEUE_URL": "https://queue", "DEAD_LETTER_QUEUE_URL": "https://dead"},
    )
    monkeypatch.setattr(module, "index", account.index)
    monkeypatch.setattr(module, "store", account.store)
    monkeypatch.setattr(module, "sqs", queue)
    letters = DeadLetters("https://dead", module.logger, lambda: queue)
    monkeypatch.setattr(module, "dead_letters", letters)
    return module


def records(*events):
    return {
        "Records": [
            {
                "eventID": f"shardId-000:{number}",
                "eventSourceARN": "arn:aws:kinesis:eu-west-1:111122223333:stream/s",
                "kinesis": {
                    "sequenceNumber": str(number),
                    "partitionKey": "p",
                    "data": base64.b64encode(
                        one if isinstance(one, bytes) else json.dumps(one).encode()
                    ).decode(),
                },
            }
            for number, one in enumerate(events)
        ]
    }


def test_endpoints_are_learned_once_and_found_by_number(learner, account, queue):
    for _ in range(2):
        answer = learner.lambda_handler(records(event(), event("_SMS.BUFFERED")), context())

    assert answer == {"batchItemFailures": []}
    assert account.index.endpoint_ids(ANN) == ["mobile-7"]
    assert account.log.count("put_item") == 1
    assert queue.bodies == []


def expiry(dynamodb):
    [item] = dynamodb.scan(TableName="index", FilterExpression="attribute_exists(known)")["Items"]
    return int(item["expires_at"]["N"]) if "expires_at" in item else None


def test_an_endpoint_of_a_campaign_is_kept_although_a_message_to_its_number_came_first(
    learner, account
):
    learner.lambda_handler(records(event()), context())
    assert expiry(account.dynamodb) is not None

    learner.lambda_handler(records(sent()), context())
    learner.remembered.clear()
    learner.lambda_handler(records(event()), context())

    assert expiry(account.dynamodb) is None


def test_an_endpoint_that_still_gets_messages_does_not_expire(learner, account, monkeypatch):
    now = 1_796_040_000
    monkeypatch.setattr(learner.time, "time", lambda: now)
    learner.lambda_handler(records(event()), context())
    day = 86_400

    for days in (10, 60):
        learner.remembered.clear()
        monkeypatch.setattr(learner.time, "time", lambda days=days: now + days * day)
        learner.lambda_handler(records(event()), context())

    assert expiry(account.dynamodb) == now + (60 + 90) * day


@pytest.mark.parametrize("endpoint_id", ["x" * 1_001, "ü" * 501, "a\ud800"])
def test_an_id_that_no_key_of_a_table_can_hold_does_not_stop_the_shard(
    learner, account, endpoint_id
):
    answer = learner.lambda_handler(records(event(endpoint_id=endpoint_id), event()), context())

    assert answer == {"batchItemFailures": []}
    assert account.index.endpoint_ids(ANN) == ["mobile-7"]


def test_a_new_endpoint_of_a_number_that_opted_out_is_ordered_to_be_marked(learner, account, queue):
    account.handling.handle(said("STOP"))

    learner.lambda_handler(records(event(endpoint_id="new")), context())

    assert queue.bodies == [{"sms_self_managed_opt_outs": {"settle": ANN}}]


def test_an_order_that_fails_is_given_when_the_record_comes_back(learner, account, queue):
    account.handling.handle(said("STOP"))
    queue.failing = [refusal("SendMessage", "ServiceUnavailable", 503)]

    first = learner.lambda_handler(records(event()), context())
    second = learner.lambda_handler(records(event()), context())

    assert first == {"batchItemFailures": [{"itemIdentifier": "0"}]}
    assert second == {"batchItemFailures": []}
    assert len(queue.bodies) == 1


def test_an_endpoint_is_ordered_to_be_marked_whatever_form_the_preference_has(
    learner, account, dynamodb, queue
):
    foreign = {"pk": {"S": ANN}, "sk": {"S": "category#promotional"}, "status": {"S": "out"}}
    dynamodb.put_item(TableName="preferences", Item=foreign)

    answer = learner.lambda_handler(records(event()), context())

    assert answer == {"batchItemFailures": []}
    assert queue.bodies == [{"sms_self_managed_opt_outs": {"settle": ANN}}]


def test_a_record_that_is_no_event_is_parked_and_the_others_are_learned(learner, account, queue):
    answer = learner.lambda_handler(records(b"STOP", event()), context())

    assert answer == {"batchItemFailures": []}
    assert account.index.endpoint_ids(ANN) == ["mobile-7"]
    assert queue.bodies[0]["Reason"] == "The record is not JSON."


def test_the_module_asks_for_the_events_that_the_function_reads():
    from tests.builders.architectures import ROOT

    text = (ROOT / "modules/sms_self_managed_opt_outs/main.tf").read_text()

    assert json.dumps(list(EVENT_TYPES)) in text
