"""Actions on feedback, their order, and the messages that are retried when a service fails."""

import json
from datetime import timedelta

import pytest
from botocore.exceptions import ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from shared.settings import MissingSetting
from shared.suppression import FeedbackKind, Suppressor
from tests.builders.suppression import (
    MONDAY,
    SOURCE,
    World,
    client_error,
    feedback,
    tables_on_moto,
)

HARD, SOFT, COMPLAINT = FeedbackKind.HARD_BOUNCE, FeedbackKind.SOFT_BOUNCE, FeedbackKind.COMPLAINT
ANN, BOB, CY = "ann@example.com", "bob@example.com", "cy@example.com"
THROTTLED = "TooManyRequestsException"


@pytest.fixture
def world():
    return World()


def throttled():
    return client_error("PutSuppressedDestination", THROTTLED, 429)


def test_every_recipient_of_a_hard_bounce_is_suppressed_announced_and_recorded(world):
    one = feedback(HARD, ANN, BOB)

    outcome = world.process(one)

    assert outcome.failed == {}
    assert (outcome.suppressed, outcome.copies, outcome.recorded[HARD]) == (2, 0, 2)
    assert world.ses.suppressed == {ANN: "BOUNCE", BOB: "BOUNCE"}
    assert [(e["Source"], e["DetailType"], e["EventBusName"]) for e in world.events.entries] == [
        (SOURCE, "Address Suppressed", "default")
    ] * 2
    assert world.events.details[0] == {
        "address": ANN,
        "reason": "BOUNCE",
        "feedback_id": one.feedback_id,
        "message_id": one.message_id,
        "occurred_at": "2026-03-02T17:00:00.000Z",
    }
    assert world.item(BOB) == {
        "address": BOB,
        "reason": "BOUNCE",
        "first_seen": "2026-03-02T17:00:00.000Z",
        "last_seen": "2026-03-02T17:00:00.000Z",
        "suppressed_at": "2026-03-02T17:00:00.000Z",
        "hard_bounces": 1,
        "soft_bounces": 0,
        "complaints": 0,
        "held_back": 0,
        "message_id": one.message_id,
        "feedback_id": one.feedback_id,
        "soft_bounce_times": {},
        "revision": 1,
    }


def test_the_tables_are_written_after_ses_and_the_bus_were_told(world):
    world.process(feedback(HARD, ANN))

    assert world.log == [f"list {ANN}", f"event {ANN}", f"record {ANN}"]


def test_a_complaint_after_a_bounce_changes_the_list_and_a_bounce_after_it_does_not(world):
    world.deliver(feedback(kind, ANN) for kind in (HARD, COMPLAINT, HARD))

    assert world.ses.suppressed == {ANN: "COMPLAINT"}
    assert (world.item()["reason"], world.item()["hard_bounces"]) == ("COMPLAINT", 2)


def test_an_address_that_somebody_took_off_the_list_is_put_there_by_the_next_bounce(world):
    world.deliver([feedback(HARD, ANN)])
    world.ses.suppressed.clear()

    world.deliver([feedback(HARD, ANN)])

    assert world.ses.suppressed == {ANN: "BOUNCE"}


def test_soft_bounces_suppress_at_the_limit_and_are_announced_once(world):
    days = [feedback(SOFT, ANN, at=MONDAY + timedelta(days=day)) for day in range(3)]

    world.deliver(days[:2])
    assert (world.ses.suppressed, world.events.entries) == ({}, [])

    world.deliver(days[2:])
    assert world.ses.suppressed == {ANN: "BOUNCE"}
    assert [detail["feedback_id"] for detail in world.events.details] == [days[2].feedback_id]


def test_what_ses_held_back_is_recorded_and_not_put_again(world):
    outcome = world.process(feedback(HARD, ANN, sub_type="OnAccountSuppressionList"))

    assert (world.ses.calls, world.events.calls) == (0, 0)
    assert world.item()["held_back"] == 1
    assert outcome.suppressed == 0


def test_a_complaint_held_back_for_an_address_that_a_bounce_put_there_is_one_again(world):
    world.deliver(
        [feedback(HARD, ANN), feedback(COMPLAINT, ANN, sub_type="OnAccountSuppressionList")]
    )

    assert world.ses.suppressed == {ANN: "COMPLAINT"}


def test_a_copy_changes_nothing_and_calls_nobody(world):
    one = feedback(HARD, ANN)
    world.process(one)
    before = world.item()

    outcome = world.process(one)

    assert (outcome.failed, outcome.copies, outcome.suppressed) == ({}, 1, 0)
    assert world.item() == before
    assert (world.ses.calls, world.events.calls) == (1, 1)


def test_copies_in_one_batch_count_once(world):
    one = feedback(HARD, ANN)

    outcome = world.process(one, one, one)

    assert (outcome.recorded[HARD], outcome.copies) == (1, 2)
    assert (world.item()["hard_bounces"], world.ses.calls) == (1, 1)


def test_feedback_about_one_address_in_one_batch_is_told_once_and_counted_each(world):
    outcome = world.process(feedback(HARD, ANN), feedback(COMPLAINT, ANN), feedback(SOFT, ANN))

    assert outcome.failed == {}
    assert world.ses.calls == 1
    assert world.ses.suppressed == {ANN: "COMPLAINT"}
    counts = ("hard_bounces", "soft_bounces", "complaints")
    assert [world.item()[name] for name in counts] == [1, 1, 1]


def test_of_a_throttled_batch_only_the_throttled_messages_come_back(world):
    world.ses.failing[BOB] = [throttled()]
    batch = [feedback(HARD, address) for address in (ANN, BOB, CY)]

    outcome = world.process(*batch)

    assert outcome.failed == {"m1": THROTTLED}
    assert world.ses.suppressed == {ANN: "BOUNCE", CY: "BOUNCE"}
    assert world.item(BOB) == {}

    assert world.process(batch[1]).failed == {}
    assert world.ses.suppressed[BOB] == "BOUNCE"
    assert world.item(BOB)["hard_bounces"] == 1


def test_a_message_of_two_recipients_comes_back_for_the_one_that_failed(world):
    one = feedback(COMPLAINT, ANN, BOB)
    world.ses.failing[BOB] = [throttled()]

    assert world.process(one).failed == {"m0": THROTTLED}
    assert world.process(one).failed == {}

    assert world.ses.suppressed == {ANN: "COMPLAINT", BOB: "COMPLAINT"}
    assert [world.item(address)["complaints"] for address in (ANN, BOB)] == [1, 1]
    assert [detail["address"] for detail in world.events.details] == [ANN, BOB]


def test_no_answer_from_ses_is_a_failure_like_any_other(world):
    world.ses.failing[ANN] = [ReadTimeoutError(endpoint_url="https://email.example")]

    assert world.process(feedback(HARD, ANN)).failed == {"m0": "ReadTimeoutError"}


def test_an_event_that_the_bus_refuses_keeps_its_address_unrecorded(world):
    world.events.failing.add(ANN)
    one, other = feedback(HARD, ANN), feedback(HARD, BOB)

    assert world.process(one, other).failed == {"m0": "ThrottlingException"}
    assert (world.item(ANN), world.item(BOB)["hard_bounces"]) == ({}, 1)

    assert world.process(one).failed == {}
    assert [detail["address"] for detail in world.events.details] == [BOB, ANN]


def test_a_bus_that_is_down_loses_nothing(world):
    world.events.down.append(client_error("PutEvents", "InternalException", 500))
    batch = [feedback(HARD, ANN), feedback(HARD, BOB)]

    assert world.process(*batch).failed == dict.fromkeys(["m0", "m1"], "InternalException")
    assert world.process(*batch).failed == {}
    assert [world.item(address)["hard_bounces"] for address in (ANN, BOB)] == [1, 1]


def test_a_crash_before_the_tables_are_written_repeats_and_loses_nothing(world):
    world.dynamodb.down.append(KeyboardInterrupt())
    one = feedback(HARD, ANN)

    with pytest.raises(KeyboardInterrupt):
        world.process(one)
    assert world.item() == {}

    assert world.process(one).failed == {}
    assert world.item()["hard_bounces"] == 1
    assert {detail["feedback_id"] for detail in world.events.details} == {one.feedback_id}


@given(
    st.lists(st.tuples(st.sampled_from(FeedbackKind), st.sampled_from([ANN, BOB, CY])), max_size=8),
    st.lists(st.sampled_from([ANN, BOB, CY]), max_size=6),
    st.integers(0, 3),
    st.integers(0, 3),
    st.integers(1, 4),
)
def test_a_storm_of_failures_ends_in_what_a_calm_day_leaves(
    story, refusals, silences, lost_writes, size
):
    """Every message is processed or returned, and a returned message can be processed again."""
    messages = [feedback(kind, address) for kind, address in story]
    calm, stormy = World(), World()
    calm.deliver(messages)
    for address in refusals:
        stormy.ses.failing.setdefault(address, []).append(throttled())
    stormy.events.down += [client_error("PutEvents", "InternalException", 500)] * silences
    stormy.dynamodb.down += [client_error("TransactWriteItems", "Throttling")] * lost_writes

    waiting = dict(enumerate(messages))
    deliveries = 0
    while waiting:
        batch = dict(list(waiting.items())[:size])
        failed = stormy.suppressor.process({n: [one] for n, one in batch.items()}).failed
        assert set(failed) <= set(batch)
        waiting = {key: waiting[key] for key in waiting if key not in batch or key in failed}
        deliveries += 1
        assert deliveries < 50

    for address in (ANN, BOB, CY):
        ours, theirs = stormy.item(address), calm.item(address)
        assert {**ours, "revision": 0} == {**theirs, "revision": 0}
    assert stormy.ses.suppressed == calm.ses.suppressed


def test_tables_that_cannot_be_read_give_every_message_back(world):
    error = client_error("BatchGetItem", "ProvisionedThroughputExceededException")
    world.dynamodb.batch_get_item = lambda **_: (_ for _ in ()).throw(error)

    outcome = world.process(feedback(HARD, ANN), feedback(HARD, BOB))

    assert set(outcome.failed) == {"m0", "m1"}
    assert world.ses.calls == 0


def test_a_table_that_refuses_a_write_gives_that_message_back(world):
    world.dynamodb.down.append(client_error("TransactWriteItems", "AccessDeniedException"))

    outcome = world.process(feedback(HARD, ANN))

    assert outcome.failed == {"m0": "AccessDeniedException"}


@pytest.mark.parametrize(("ours", "theirs"), [(HARD, COMPLAINT), (COMPLAINT, HARD)])
def test_an_address_written_by_another_function_meanwhile_is_read_again(world, ours, theirs):
    other = World(world.dynamodb)
    other.ses.suppressed = world.ses.suppressed  # it is the account's
    world.dynamodb.overtaking.append(lambda: other.deliver([feedback(theirs, ANN)]))

    outcome = world.process(feedback(ours, ANN), feedback(HARD, BOB))

    assert outcome.failed == {}
    assert (world.item()["hard_bounces"], world.item()["complaints"]) == (1, 1)
    assert (world.item()["reason"], world.item()["revision"]) == ("COMPLAINT", 2)
    # Whichever was put last, the next round puts it right.
    assert world.ses.suppressed == {ANN: "COMPLAINT", BOB: "BOUNCE"}


def test_the_same_feedback_recorded_by_another_function_meanwhile_is_a_copy(world):
    one = feedback(HARD, ANN)
    other = World(world.dynamodb)
    world.dynamodb.overtaking.append(lambda: other.deliver([one]))

    outcome = world.process(one)

    assert (outcome.failed, outcome.copies, outcome.recorded[HARD]) == ({}, 1, 0)
    assert world.item()["hard_bounces"] == 1


def test_a_copy_that_lists_a_bounce_after_a_complaint_restores_the_complaint(world):
    one = feedback(HARD, ANN)
    other = World(world.dynamodb)

    def bounce_then_complaint():
        other.deliver([one])
        other.deliver([feedback(COMPLAINT, ANN)])
        world.ses.suppressed[ANN] = "BOUNCE"  # put by us last, though decided before both

    world.dynamodb.overtaking.append(bounce_then_complaint)

    outcome = world.process(one)

    assert (outcome.failed, outcome.copies) == ({}, 1)
    assert world.item()["reason"] == world.ses.suppressed[ANN] == "COMPLAINT"


def test_a_redelivered_bounce_whose_first_attempt_died_restores_the_complaint(world):
    one = feedback(HARD, ANN)
    world.deliver([one])
    world.deliver([feedback(COMPLAINT, ANN)])
    world.ses.suppressed[ANN] = "BOUNCE"  # put by a function that died before it recorded anything

    outcome = world.process(one)

    assert (outcome.failed, outcome.copies) == ({}, 1)
    assert world.ses.suppressed == {ANN: "COMPLAINT"}


def test_an_address_that_is_overtaken_every_time_comes_back(world):
    world.deliver([feedback(SOFT, ANN)])
    [item] = world.dynamodb.tables["addresses"].values()

    def written_by_another():
        item["revision"] = {"N": str(int(item["revision"]["N"]) + 1)}

    world.dynamodb.overtaking += [written_by_another] * 20

    outcome = world.process(feedback(SOFT, ANN))

    assert outcome.failed == {"m0": "Overtaken"}
    assert len(world.pauses) == 4
    assert world.item()["soft_bounces"] == 1


def test_what_there_is_no_time_for_comes_back_and_what_was_done_is_recorded(world):
    left = iter([20.0, 7.0, 7.0])

    outcome = world.process(
        *(feedback(HARD, address) for address in (ANN, BOB, CY)), seconds_left=lambda: next(left)
    )

    assert outcome.failed == {"m1": "NoTimeLeft", "m2": "NoTimeLeft"}
    assert world.item(ANN)["hard_bounces"] == 1


def test_a_batch_of_any_size_is_worked_through(world):
    everybody = [f"p{n}@example.com" for n in range(120)]
    same = [feedback(SOFT, ANN, at=MONDAY + timedelta(days=9 * n)) for n in range(120)]

    outcome = world.process(*same, feedback(COMPLAINT, *everybody))

    assert outcome.failed == {}
    assert world.item()["soft_bounces"] == 120
    assert len(world.ses.suppressed) == 120


def test_ten_messages_take_thirteen_calls(world):
    world.process(*(feedback(HARD, f"p{n}@example.com") for n in range(10)))

    assert (world.ses.calls, world.events.calls, dict(world.dynamodb.calls)) == (
        10,
        1,
        {"BatchGetItem": 1, "TransactWriteItems": 1},
    )


def test_dynamodb_itself_keeps_the_same(world):
    """The tables in memory must respond like moto's tables to the same calls."""
    story = [
        feedback(HARD, ANN, BOB),
        *(feedback(SOFT, CY, at=MONDAY + timedelta(days=day)) for day in range(3)),
        feedback(COMPLAINT, ANN),
    ]
    with tables_on_moto() as dynamodb:
        real = World(dynamodb)
        dynamodb.put_item(
            TableName="addresses", Item={"address": {"S": CY}, "customer": {"S": "C-17"}}
        )
        for each in (world, real):
            each.deliver([*story, story[0], story[2]])

        items = {address: real.item(address) for address in (ANN, BOB, CY)}
        kept = dynamodb.scan(TableName="feedback")["Items"]

    assert items.pop(CY) == world.item(CY) | {"customer": "C-17"}
    assert items == {address: world.item(address) for address in (ANN, BOB)}
    assert len(kept) == 6
    assert {int(item["expires_at"]["N"]) for item in kept} == {
        int((MONDAY + timedelta(days=60)).timestamp())
    }


def test_a_write_that_another_function_overtook_is_refused_by_dynamodb_itself():
    with tables_on_moto() as dynamodb:
        world, other = World(dynamodb), World(dynamodb)
        transact, interruptions = dynamodb.transact_write_items, [feedback(COMPLAINT, ANN)]

        def interrupted(**request):
            if interruptions:
                other.deliver([interruptions.pop()])
            return transact(**request)

        dynamodb.transact_write_items = interrupted

        assert world.process(feedback(HARD, ANN)).failed == {}
        assert (world.item()["hard_bounces"], world.item()["complaints"]) == (1, 1)


def test_keys_that_dynamodb_leaves_are_asked_for_again(world):
    world.deliver([feedback(HARD, ANN)])
    read = world.dynamodb.batch_get_item
    left = [True]

    def some(*, RequestItems):
        if left:
            left.pop()
            return {"Responses": {}, "UnprocessedKeys": RequestItems}
        return read(RequestItems=RequestItems)

    world.dynamodb.batch_get_item = some
    world.deliver([feedback(HARD, ANN)])
    world.dynamodb.batch_get_item = read

    assert world.item()["hard_bounces"] == 2


def test_keys_that_dynamodb_leaves_for_good_give_the_message_back(world):
    world.dynamodb.batch_get_item = lambda *, RequestItems: {
        "Responses": {},
        "UnprocessedKeys": RequestItems,
    }

    assert world.process(feedback(HARD, ANN)).failed == {"m0": "ServiceUnavailable"}


def test_nothing_that_comes_back_quotes_an_address(world):
    world.ses.failing[ANN] = [client_error("PutSuppressedDestination", "BadRequestException")]

    outcome = world.process(feedback(HARD, ANN))

    assert "ann" not in json.dumps(outcome.failed)


def test_a_missing_setting_is_named(monkeypatch):
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.delenv("ADDRESS_TABLE", raising=False)

    with pytest.raises(MissingSetting, match="ADDRESS_TABLE"):
        Suppressor.from_environment()
