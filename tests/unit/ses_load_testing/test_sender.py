"""Each message of a batch has one outcome despite failures, and no message is sent twice."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from ses_load_testing.account import StopReason
from ses_load_testing.sender import Fate, wait_before_retry
from tests.builders.load_testing import (
    DEAD_LETTERS,
    METADATA,
    PARKED,
    STATE,
    TIMEOUT_SECONDS,
    Crash,
    World,
    body,
    no_answer,
    refusal,
)


@pytest.fixture
def world() -> World:
    return World()


def fates(world: World) -> list[Fate]:
    """Deliver the next batch. Returns the outcomes in the order of the queue."""
    seen = world.deliver().fates
    return [seen[id] for id in sorted(seen, key=lambda id: int(id.removeprefix("m-")))]


def recipient(entry: dict[str, Any]) -> str:
    return str(entry["Destination"]["ToAddresses"][0])


def attributes(world: World, queue: str, position: int = 0) -> dict[str, str]:
    entry = world.sqs.endings[queue][position]
    return {name: a["StringValue"] for name, a in entry["MessageAttributes"].items()}


def test_messages_of_one_template_share_a_call_and_have_their_own_data_and_tags(world: World):
    world.add_user("5", first_name="Bo")
    world.put(
        body(1, user_id="5", tags=[{"Name": "campaign", "Value": "a"}]),
        body(2, tags=[{"Name": "campaign", "Value": "b"}]),
    )

    assert fates(world) == [Fate.SENT, Fate.SENT]

    (request,) = world.ses.requests
    assert request["FromEmailAddress"] == "shop@example.com"
    assert request["ConfigurationSetName"] == "tracked"
    assert request["DefaultContent"]["Template"]["TemplateName"] == "SimpleEmail"
    first, second = request["BulkEmailEntries"]
    assert first["Destination"] == {"ToAddresses": ["user-1@example.com"]}
    assert first["ReplacementTags"] == [{"Name": "campaign", "Value": "a"}]
    assert second["ReplacementTags"] == [{"Name": "campaign", "Value": "b"}]
    data = first["ReplacementEmailContent"]["ReplacementTemplate"]["ReplacementTemplateData"]
    assert json.loads(data) == {"first_name": "Bo", "unique_code": "code-1"}


def test_messages_of_different_templates_senders_or_sets_do_not_share_a_call(world: World):
    world.put(
        body(1),
        body(2, template_name="Other"),
        body(3, config_set="other"),
        body(4, config_set=None),
        body(5, **{"from": "Shop <shop@example.com>"}),
    )

    assert fates(world) == [Fate.SENT] * 5

    assert len(world.ses.requests) == 5
    assert "ConfigurationSetName" not in world.ses.requests[3]


def test_a_batch_costs_one_user_read_and_at_most_1_1_writes_a_message(world: World):
    world.ses.max_send_rate = 1000
    world.put(*(body(number) for number in range(100)))

    assert fates(world) == [Fate.SENT] * 100

    assert len(world.ses.requests) == 2
    assert world.dynamodb.calls["BatchGetItem"] == 1
    writes = world.dynamodb.calls["PutItem"] + world.dynamodb.calls["UpdateItem"]
    assert writes <= 1.1 * 100
    assert world.ses.account_calls == 1


def test_a_malformed_message_fails_alone_and_nobody_is_sent_to_twice(world: World):
    world.put(body(1), "{not json", body(2), '["a list"]', body(3, to=None))

    assert fates(world) == [Fate.SENT, Fate.FAILED, Fate.SENT, Fate.FAILED, Fate.FAILED]

    assert world.sqs.messages == {}
    assert world.ses.codes() == ["code-1", "code-2"]
    assert [entry["MessageBody"] for entry in world.sqs.endings[DEAD_LETTERS]][0] == "{not json"
    assert attributes(world, DEAD_LETTERS) == {
        "error_code": "MALFORMED_MESSAGE",
        "message_id": "m-1",
        "reason": "body must be JSON: write it with a JSON library",
    }


def test_a_message_of_an_unknown_user_is_a_dead_letter_with_its_reason(world: World):
    world.put(body(1, user_id="nobody"), body(2))

    assert fates(world) == [Fate.FAILED, Fate.SENT]

    assert attributes(world, DEAD_LETTERS)["error_code"] == "UNKNOWN_USER"
    assert "redrive" in attributes(world, DEAD_LETTERS)["reason"]
    assert json.loads(world.sqs.endings[DEAD_LETTERS][0]["MessageBody"])["user_id"] == "nobody"


def test_a_user_who_is_missing_at_first_is_asked_for_consistently(world: World):
    read = world.dynamodb.batch_get_item
    reads: list[bool] = []

    def stale(*, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        if METADATA in RequestItems:
            reads.append(RequestItems[METADATA]["ConsistentRead"])
            if not reads[-1]:
                return {"Responses": {METADATA: []}, "UnprocessedKeys": {}}
        return read(RequestItems=RequestItems)

    world.dynamodb.batch_get_item = stale  # type: ignore[method-assign] # DynamoDB is behind
    world.put(body(1))

    assert fates(world) == [Fate.SENT]
    assert reads == [False, True]


def test_keys_that_dynamodb_leaves_unread_are_asked_for_again(world: World):
    read = world.dynamodb.batch_get_item
    asked: list[int] = []

    def half(*, RequestItems: dict[str, Any]) -> dict[str, Any]:  # noqa: N803 - boto3's names
        keys = RequestItems[METADATA]["Keys"]
        asked.append(len(keys))
        answer = read(RequestItems={METADATA: {"Keys": keys[:3]}})
        left = keys[3:]
        return {**answer, "UnprocessedKeys": {METADATA: {"Keys": left}} if left else {}}

    world.dynamodb.batch_get_item = half  # type: ignore[method-assign] # throttled
    world.put(*(body(number) for number in range(8)))

    assert fates(world) == [Fate.SENT] * 8
    assert asked == [8, 5, 2]


def test_a_duplicate_delivery_sends_nothing_again(world: World):
    world.put(body(1))
    world.deliver()
    world.put(body(1))

    assert fates(world) == [Fate.DUPLICATE]
    assert world.ses.codes() == ["code-1"]
    assert world.sqs.messages == {}


def test_two_of_one_identity_in_one_batch_are_sent_once(world: World):
    world.put(body(1), body(1), body(1))

    assert fates(world) == [Fate.SENT, Fate.DUPLICATE, Fate.DUPLICATE]
    assert world.ses.codes() == ["code-1"]


def test_one_code_may_go_to_many_people_and_a_given_key_stands_for_itself(world: World):
    world.put(body(1, unique_code="spring"), body(2, unique_code="spring"))
    assert fates(world) == [Fate.SENT, Fate.SENT]

    world.put(body(3, idempotency_key="k"), body(4, idempotency_key="k"))
    assert fates(world) == [Fate.SENT, Fate.DUPLICATE]


def test_without_code_or_key_the_queue_s_message_is_the_identity(world: World):
    world.put(body(1, unique_code=None), body(1, unique_code=None))
    assert fates(world) == [Fate.SENT, Fate.SENT]

    data = world.ses.sent[0][1]
    assert "unique_code" not in json.loads(data)


def test_entries_that_ses_throttles_come_back_and_are_sent_then(world: World):
    throttled = {"user-2@example.com", "user-3@example.com"}
    statuses = {
        "user-2@example.com": "ACCOUNT_THROTTLED",
        "user-3@example.com": "TRANSIENT_FAILURE",
    }
    world.ses.status = lambda entry: statuses.get(entry["Destination"]["ToAddresses"][0], "SUCCESS")
    world.put(*(body(number) for number in range(1, 5)))

    report = world.deliver()

    assert report.count(Fate.SENT) == 2 and report.count(Fate.LATER) == 2
    assert report.throttled == 2
    assert len(world.sqs.messages) == len(throttled)
    world.ses.status = None
    world.drain()
    assert sorted(world.ses.codes()) == ["code-1", "code-2", "code-3", "code-4"]
    assert world.sqs.endings == {DEAD_LETTERS: [], PARKED: []}


def test_a_throttled_message_keeps_its_receive_count_and_waits_longer_each_time(world: World):
    def throttle(_: Any) -> None:
        raise refusal("TooManyRequestsException", 429)

    world.ses.before = throttle
    world.put(body(1))
    waits = []
    for _ in range(12):
        (message,) = world.sqs.messages.values()
        world.time.now = message.visible_at
        world.deliver()
        waits.append(message.visible_at - world.time.now)

    (message,) = world.sqs.messages.values()
    assert message.id == "m-0"  # never a new message
    assert message.receives == 12
    assert waits[-1] > 400 and max(waits) <= 900
    assert waits[5] > waits[0]
    assert world.sqs.endings == {DEAD_LETTERS: [], PARKED: []}


@pytest.mark.parametrize(("receives", "least", "most"), [(1, 3, 5), (4, 20, 40), (50, 450, 900)])
def test_waits_double_and_are_spread(receives: int, least: int, most: int):
    waits = {wait_before_retry(receives) for _ in range(300)}

    assert least - 1 <= min(waits) and max(waits) <= most and len(waits) > 1


def test_throttling_is_told_by_its_code_and_not_by_its_text(world: World):
    def throttle(_: Any) -> None:
        raise refusal("ThrottlingException", 400)

    world.ses.before = throttle
    world.put(body(1), body(2))

    report = world.deliver()

    assert report.count(Fate.LATER) == 2 and report.throttled == 2


@pytest.mark.parametrize(
    ("code", "status"),
    [
        ("AccessDeniedException", 403),
        ("ExpiredTokenException", 403),
        ("InvalidSignatureException", 403),
        ("UnrecognizedClientException", 400),
        ("RequestExpired", 400),
        ("NewClientError", 400),
    ],
)
def test_a_call_that_is_not_allowed_yet_ends_no_message(world: World, code: str, status: int):
    def refuse(_: Any) -> None:
        raise refusal(code, status)

    world.ses.before = refuse
    world.put(*(body(n) for n in range(1, 61)))

    report = world.deliver()

    assert report.count(Fate.LATER) == 60 and fates_of(world) == {}
    assert len(report.call_seconds) == 1 and report.throttled == 0

    world.ses.before = None
    world.time.now += 1000
    assert world.deliver().count(Fate.SENT) == 60


@pytest.mark.parametrize("user_id", ["ü" * 1025, "\ud800"])
def test_a_user_id_that_is_no_key_costs_no_other_message(world: World, user_id: str):
    world.put(body(1), body(2, user_id=user_id), body(3))

    assert fates(world) == [Fate.SENT, Fate.FAILED, Fate.SENT]


@pytest.mark.parametrize("code", ["NotFoundException", "MailFromDomainNotVerifiedException"])
def test_a_call_whose_template_or_sender_ses_does_not_know_is_a_dead_letter(
    world: World, code: str
):
    def refuse(_: Any) -> None:
        raise refusal(code, 404 if code == "NotFoundException" else 400)

    world.ses.before = refuse
    world.put(body(1), body(2))

    assert world.deliver().count(Fate.FAILED) == 2


def test_a_call_that_is_too_large_goes_out_in_halves(world: World):
    def refuse(request: dict[str, Any]) -> None:
        if len(request["BulkEmailEntries"]) > 2:
            raise refusal("413", 413)

    world.ses.before = refuse
    world.put(*(body(n) for n in range(1, 9)))

    assert world.deliver().count(Fate.SENT) == 8


@pytest.mark.parametrize(
    "code",
    ["TEMPLATE_NOT_FOUND", "INVALID_PARAMETER", "MESSAGE_REJECTED", "FAILED", "A_NEW_STATUS"]
    + ["CONFIGURATION_SET_NOT_FOUND", "CONFIGURATION_SET_SENDING_PAUSED"],
)
def test_an_entry_that_ses_refuses_for_good_is_a_dead_letter_with_ses_s_word(
    world: World, code: str
):
    world.ses.status = lambda entry: code if "user-2" in recipient(entry) else "SUCCESS"
    world.put(body(1), body(2), body(3))

    assert fates(world) == [Fate.SENT, Fate.FAILED, Fate.SENT]
    assert world.sqs.ended(DEAD_LETTERS) == [("m-1", code)]


def test_a_failed_message_that_is_redriven_once_the_cause_is_mended_is_sent(world: World):
    world.ses.status = lambda _: "TEMPLATE_NOT_FOUND"
    world.put(body(1))
    world.deliver()
    world.ses.status = None
    world.put(world.sqs.endings[DEAD_LETTERS].pop()["MessageBody"])

    assert fates(world) == [Fate.SENT]


def test_one_bad_address_does_not_take_the_other_emails_of_its_call_along(world: World):
    def refuse(request: dict[str, Any]) -> None:
        if any(
            "user-7@" in e["Destination"]["ToAddresses"][0] for e in request["BulkEmailEntries"]
        ):
            raise refusal("BadRequestException")

    world.ses.before = refuse
    world.put(*(body(number) for number in range(20)))

    report = world.deliver()

    assert report.count(Fate.SENT) == 19
    assert world.sqs.ended(DEAD_LETTERS) == [("m-7", "BadRequestException")]
    assert sorted(world.ses.codes()) == sorted(f"code-{n}" for n in range(20) if n != 7)


def test_a_template_that_is_missing_fails_its_group_in_one_call(world: World):
    def refuse(request: dict[str, Any]) -> None:
        if request["DefaultContent"]["Template"]["TemplateName"] == "Missing":
            raise refusal("NotFoundException", 404)

    world.ses.before = refuse
    world.put(*(body(number, template_name="Missing") for number in range(5)), body(6))

    report = world.deliver()

    assert report.count(Fate.FAILED) == 5 and report.count(Fate.SENT) == 1
    assert len(world.ses.requests) == 2


def test_a_send_that_ses_does_not_answer_is_parked_and_never_sent_again(world: World):
    def lose(_: Any) -> None:
        raise no_answer()

    world.ses.after = lose
    world.put(body(1), body(2))

    assert fates(world) == [Fate.PARKED, Fate.PARKED]
    world.ses.after = None
    world.put(body(1))

    assert fates(world) == [Fate.PARKED]
    assert world.ses.codes() == ["code-1", "code-2"]
    assert attributes(world, PARKED)["error_code"] == "ReadTimeoutError"
    assert "may be sent" in attributes(world, PARKED)["reason"]


def test_a_500_of_ses_is_an_unknown_outcome_and_a_503_is_not(world: World):
    def fail(_: Any) -> None:
        raise refusal("InternalFailure", 500)

    def unavailable(_: Any) -> None:
        raise refusal("ServiceUnavailable", 503)

    world.ses.before = fail
    world.put(body(1))
    assert fates(world) == [Fate.PARKED]

    world.ses.before = unavailable
    world.put(body(2))
    assert fates(world) == [Fate.LATER]


def test_a_send_that_found_no_connection_is_tried_again(world: World):
    def unreachable(_: Any) -> None:
        raise ConnectTimeoutError(endpoint_url="https://email.example")

    world.ses.before = unreachable
    world.put(body(1))
    assert fates(world) == [Fate.LATER]

    world.ses.before = None
    world.drain()
    assert world.ses.codes() == ["code-1"]


def test_a_crash_between_send_and_record_parks_the_message_and_sends_nothing_again(world: World):
    def crash(_: Any) -> None:
        raise Crash

    world.ses.after = crash
    world.put(body(1), body(2))
    world.deliver()
    assert len(world.sqs.messages) == 2  # nothing was deleted
    world.ses.after = None

    world.drain()

    assert world.ses.codes() == ["code-1", "code-2"]
    assert {code for _, code in world.sqs.ended(PARKED)} == {"UNKNOWN_OUTCOME"}
    assert len(world.sqs.ended(PARKED)) == 2


def test_a_crash_after_the_record_is_found_out_and_nothing_is_sent_again(world: World):
    park = world.sqs.delete
    world.sqs.delete = lambda ids: None  # type: ignore[method-assign,assignment] # lost deletes
    world.put(body(1))
    world.deliver()
    world.sqs.delete = park  # type: ignore[method-assign] # restored

    counted = world.drain()

    assert counted == {Fate.DUPLICATE: 1}
    assert world.ses.codes() == ["code-1"]


def test_a_message_that_another_sender_has_in_hand_comes_back_until_that_one_is_over(
    world: World,
):
    def crash(_: Any) -> None:
        raise Crash

    world.ses.after = crash
    world.put(body(1))
    world.deliver()
    world.ses.after = None
    world.put(body(1))  # a second message of the same identity, right away

    assert fates(world) == [Fate.LATER]

    world.time.now += TIMEOUT_SECONDS + 31
    seen = world.drain()
    assert seen[Fate.PARKED] == 2 and len(world.ses.sent) == 1


def test_an_outcome_that_cannot_be_written_does_not_bring_the_message_back(world: World):
    def fault(operation: str, what: Any) -> None:
        if operation == "PutItem" and what["sk"]["S"] == "outcome":
            raise refusal("InternalServerError", 500, "PutItem")

    world.dynamodb.fault = fault
    world.put(body(1))

    report = world.deliver()

    assert report.count(Fate.SENT) == 1 and report.unrecorded == 1
    assert world.sqs.messages == {}


def test_claims_that_dynamodb_does_not_take_leave_their_messages_for_later(world: World):
    def fault(operation: str, what: Any) -> None:
        if operation == "PutItem" and what["sk"]["S"] == "claim" and what["entry"]["N"] == "1":
            raise refusal("ThrottlingException", 400, "PutItem")

    world.dynamodb.fault = fault
    world.put(body(1), body(2), body(3))

    assert fates(world) == [Fate.SENT, Fate.LATER, Fate.SENT]
    world.dynamodb.fault = None
    world.drain()
    assert sorted(world.ses.codes()) == ["code-1", "code-2", "code-3"]


def test_a_claim_whose_answer_was_lost_does_not_park_its_message(world: World):
    put = world.dynamodb.put_item

    def written_but_unanswered(**request: Any) -> dict[str, Any]:
        answer = put(**request)
        if request["Item"]["sk"]["S"] == "claim":
            raise no_answer()
        return answer

    world.dynamodb.put_item = written_but_unanswered  # type: ignore[method-assign] # the network
    world.put(body(1))
    assert fates(world) == [Fate.LATER]

    world.dynamodb.put_item = put  # type: ignore[method-assign] # restored
    world.drain()
    assert world.ses.codes() == ["code-1"]
    assert world.sqs.endings[PARKED] == []


def test_a_missing_permission_is_an_error_of_the_function_and_parks_nothing(world: World):
    def fault(operation: str, what: Any) -> None:
        if operation == "PutItem" and what["sk"]["S"] == "claim":
            raise refusal("AccessDeniedException", 400, "PutItem")

    world.dynamodb.fault = fault
    world.put(body(1))

    with pytest.raises(ClientError):
        world.deliver()

    world.dynamodb.fault = None
    world.drain()
    assert world.ses.codes() == ["code-1"]
    assert world.sqs.endings[PARKED] == []


def test_messages_claimed_beside_one_that_could_not_be_are_free_again(world: World):
    def fault(operation: str, what: Any) -> None:
        if operation == "PutItem" and what["sk"]["S"] == "claim" and what["entry"]["N"] == "1":
            raise refusal("AccessDeniedException", 400, "PutItem")

    world.dynamodb.fault = fault
    world.put(body(1), body(2), body(3))
    with pytest.raises(ClientError):
        world.deliver()

    world.dynamodb.fault = None
    world.drain()
    assert sorted(world.ses.codes()) == ["code-1", "code-2", "code-3"]
    assert world.sqs.endings[PARKED] == []


def test_messages_claimed_beside_one_whose_earlier_call_is_not_answered_are_free_again(
    world: World,
):
    def fault(operation: str, what: Any) -> None:
        if operation == "BatchGetItem" and "pk" in what["Keys"][0]:
            raise no_answer()

    world.put(body(1))
    world.deliver()
    world.dynamodb.fault = fault
    world.put(body(1), body(2))
    assert fates(world) == [Fate.LATER] * 2

    world.dynamodb.fault = None
    world.drain()
    assert world.ses.codes() == ["code-1", "code-2"]
    assert world.sqs.endings[PARKED] == []


@pytest.mark.parametrize("operation", ["GetItem", "BatchGetItem", "UpdateItem"])
def test_while_dynamodb_is_away_everything_waits(world: World, operation: str):
    def fault(called: str, _: Any) -> None:
        if called == operation:
            raise refusal("InternalServerError", 500, operation)

    world.dynamodb.fault = fault
    world.put(body(1), body(2))
    assert fates(world) == [Fate.LATER] * 2

    world.dynamodb.fault = None
    world.drain()
    assert sorted(world.ses.codes()) == ["code-1", "code-2"]


def test_a_dead_letter_that_its_queue_does_not_take_stays_on_the_queue(world: World):
    world.sqs.refuse = True
    world.put("{not json")
    assert fates(world) == [Fate.LATER]

    world.sqs.refuse = False
    world.drain()
    assert world.sqs.ended(DEAD_LETTERS) == [("m-0", "MALFORMED_MESSAGE")]


def test_what_does_not_fit_into_the_time_goes_back_unclaimed(world: World):
    world.ses.max_send_rate = 1
    world.put(*(body(number) for number in range(100)))

    report = world.deliver()

    sent = report.count(Fate.SENT)
    assert 55 <= sent <= 70  # 65 s at 1 a second
    assert report.count(Fate.LATER) == 100 - sent
    claims = [key for key in world.dynamodb.items[STATE] if key[1] == "claim"]
    assert len(claims) == sent
    assert all(m.visible_at - world.time.now <= 120 for m in world.sqs.messages.values())


def test_at_the_24_hour_quota_deliveries_stop_and_no_attempt_is_used_up(world: World):
    world.ses.max_24_hour_send = 30
    world.put(*(body(number) for number in range(100)))

    report = world.deliver()

    assert report.stopped is StopReason.DAILY_QUOTA
    assert report.count(Fate.SENT) == 30 and report.count(Fate.LATER) == 70
    assert not world.mapping.enabled
    before = [message.receives for message in world.sqs.messages.values()]
    world.time.now += 86_400
    world.deliver()
    assert [message.receives for message in world.sqs.messages.values()] == before == [1] * 70


def test_once_there_is_room_again_the_rest_is_sent(world: World):
    world.ses.max_24_hour_send = 30
    world.put(*(body(number) for number in range(100)))
    world.deliver()
    assert world.valve.look() is StopReason.DAILY_QUOTA
    assert not world.mapping.enabled

    world.ses.max_24_hour_send = 1000
    assert world.valve.look() is None
    world.drain()

    assert sorted(world.ses.codes()) == sorted(f"code-{n}" for n in range(100))
    assert world.sqs.endings == {DEAD_LETTERS: [], PARKED: []}


def test_a_quota_that_others_used_up_is_told_by_ses_s_own_answer(world: World):
    world.ses.status = lambda _: "ACCOUNT_DAILY_QUOTA_EXCEEDED"
    world.put(body(1), body(2))

    report = world.deliver()

    assert report.stopped is StopReason.DAILY_QUOTA and report.count(Fate.LATER) == 2
    assert not world.mapping.enabled


@pytest.mark.parametrize("code", ["TooManyRequestsException", "LimitExceededException"])
def test_a_throttled_call_at_the_daily_quota_stops_too(world: World, code: str):
    sender = world.sender()
    world.ses.max_24_hour_send = 2
    world.put(body(1), body(2))

    def others(_: Any) -> None:  # send what was left, after this sender had asked
        world.ses.sent.extend((world.time(), '{"unique_code": "other"}') for _ in range(2))
        world.time.now += 10
        raise refusal(code, 429 if "TooMany" in code else 400)

    world.ses.before = others

    report = world.deliver(sender)

    assert report.stopped is StopReason.DAILY_QUOTA
    assert not world.mapping.enabled


@pytest.mark.parametrize("code", ["ACCOUNT_SENDING_PAUSED", "ACCOUNT_SUSPENDED"])
def test_an_account_that_may_not_send_stops_deliveries_and_says_so(world: World, code: str):
    world.ses.status = lambda _: code
    world.put(body(1))

    report = world.deliver()

    assert report.stopped is StopReason.SENDING_PAUSED
    assert fates_of(world) == {} and not world.mapping.enabled
    assert world.valve_item.reason() is StopReason.SENDING_PAUSED


def fates_of(world: World) -> dict[str, int]:
    return {name: len(entries) for name, entries in world.sqs.endings.items() if entries}


def test_a_configuration_set_that_may_not_send_does_not_stop_the_others(world: World):
    def paused(request: dict[str, Any]) -> None:
        if request["ConfigurationSetName"] == "paused":
            raise refusal("SendingPausedException")

    world.ses.before = paused
    world.put(body(1, config_set="paused"), body(2))

    report = world.deliver()

    assert report.stopped is None and world.mapping.enabled
    assert report.count(Fate.SENT) == 1
    assert world.sqs.ended(DEAD_LETTERS) == [("m-0", "SendingPausedException")]


def test_batches_that_still_arrive_while_closed_go_back_untouched(world: World):
    world.valve_item.put(StopReason.DAILY_QUOTA, world.time())
    world.put(body(1))

    report = world.deliver()

    assert report.count(Fate.LATER) == 1 and world.ses.requests == []
    (message,) = world.sqs.messages.values()
    assert message.visible_at - world.time.now == 300


def test_every_email_counts_its_own_time_from_queue_to_send(world: World):
    world.put(body(1))
    world.time.now += 12.5
    report = world.deliver()

    (seconds,) = report.queue_to_send_seconds
    assert 12.5 <= seconds < 13
    assert report.call_seconds == [pytest.approx(0.05)]


def test_fewer_results_than_emails_leave_the_rest_unknown(world: World):
    send = world.ses.send_bulk_email

    def short(**request: Any) -> dict[str, Any]:
        answer = send(**request)
        return {"BulkEmailEntryResults": answer["BulkEmailEntryResults"][:1]}

    world.ses.send_bulk_email = short  # type: ignore[method-assign] # a broken answer
    world.put(body(1), body(2))

    assert fates(world) == [Fate.SENT, Fate.PARKED]


def test_a_turn_that_was_missed_is_not_made_up_for(world: World):
    world.ses.max_send_rate = 4
    stalls = iter([0, 3, 0, 0, 0, 0])

    def stall(operation: str, what: Any) -> None:
        if operation == "PutItem" and what["sk"]["S"] == "claim":
            world.time.now += next(stalls)  # the function is not run for three seconds

    world.dynamodb.fault = stall
    world.put(*(body(number) for number in range(5)))
    assert fates(world) == [Fate.SENT] * 5

    times = [moment for moment, _ in world.ses.sent]
    assert all(later - earlier >= 0.25 for earlier, later in itertools.pairwise(times))
    assert times[1] - times[0] > 3


def test_messages_whose_turn_is_lost_for_good_are_free_again(world: World):
    def stall(operation: str, what: Any) -> None:
        if operation == "PutItem" and what["sk"]["S"] == "claim":
            world.time.now += TIMEOUT_SECONDS

    world.dynamodb.fault = stall
    world.put(body(1))
    assert fates(world) == [Fate.LATER]
    assert world.ses.requests == []

    world.dynamodb.fault = None
    world.drain()
    assert world.ses.codes() == ["code-1"]
    assert world.sqs.endings[PARKED] == []


@pytest.mark.parametrize(
    "error",
    [refusal("ThrottlingException", 400, "UpdateItem"), no_answer()],
    ids=["throttled", "no answer"],
)
def test_messages_that_missed_their_turn_while_the_pace_is_away_are_free_again(
    world: World, error: Exception
):
    claimed: list[bool] = []

    def fault(operation: str, what: Any) -> None:
        if operation == "PutItem" and what["sk"]["S"] == "claim":
            world.time.now += 3
            claimed.append(True)
        if operation == "UpdateItem" and claimed:
            raise error

    world.dynamodb.fault = fault
    world.put(body(1), body(2))
    assert fates(world) == [Fate.LATER] * 2
    assert world.ses.requests == []

    world.dynamodb.fault = None
    world.drain()
    assert sorted(world.ses.codes()) == ["code-1", "code-2"]
    assert world.sqs.endings[PARKED] == []


def test_a_message_is_claimed_just_before_its_turn(world: World):
    world.ses.max_send_rate = 1
    claimed: list[float] = []

    def note(operation: str, what: Any) -> None:
        if operation == "PutItem" and what["sk"]["S"] == "claim":
            claimed.append(world.time())

    world.dynamodb.fault = note
    world.put(*(body(number) for number in range(20)))
    world.deliver()

    gaps = [sent - claim for claim, (sent, _) in zip(claimed, world.ses.sent, strict=True)]
    assert max(gaps) <= 0.1
