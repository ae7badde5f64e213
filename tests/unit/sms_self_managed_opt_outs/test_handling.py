"""A message is recorded first, carried out completely and answered once, whatever fails."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

import pytest
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from sms_self_managed_opt_outs.announcements import Announcements
from sms_self_managed_opt_outs.handling import StepsFailed
from sms_self_managed_opt_outs.preferences import Outcome
from sms_self_managed_opt_outs.store import Contended
from tests.builders.opt_outs import ANN, LISTS, OURS, Account, keywords, refusal, said

PROMOTIONAL = LISTS["promotional"]
THROTTLED = refusal("SendTextMessage", "ThrottlingException")
NO_ANSWER = ReadTimeoutError(endpoint_url="https://sms-voice")
BROKEN = refusal("Any", "InternalServerException", 500)


# Demands of the seed and of the law


def test_stop_is_recorded_before_the_answer_and_the_answer_leaves_before_the_list(account):
    account.project.add("mobile-7")
    account.index.learn(ANN, "mobile-7", None)
    account.log.clear()

    assert account.handling.handle(said("STOP")) is Outcome.CHANGED

    steps = [one for one in account.log if one[0].isupper() or one == "transact_write_items"]
    assert steps.index("transact_write_items") < steps.index("UpdateEndpoint")
    assert steps.index("UpdateEndpoint") < steps.index("SendTextMessage")
    assert steps.index("SendTextMessage") < steps.index("PutOptedOutNumber")
    assert account.phones.lists[PROMOTIONAL] == {ANN}


def test_stop_of_promotional_messages_leaves_transactional_messages(account):
    account.project.add("mobile-7", User={"UserId": "ann"})
    account.index.learn(ANN, "mobile-7", None)

    account.handling.handle(said("STOP"))

    assert account.project.mark("mobile-7") == (["promotional"], "NONE")
    assert account.phones.lists[LISTS["transactional"]] == set()
    [row] = account.rows("category#")
    assert (row["sk"], row["status"]) == ("category#promotional", "OPTED_OUT")


def test_stop_all_ends_every_category_and_opts_the_endpoint_out(account):
    account.project.add("mobile-7")
    account.index.learn(ANN, "mobile-7", None)

    account.handling.handle(said("STOP ALL"))

    assert account.project.mark("mobile-7") == (["all", "promotional", "transactional"], "ALL")
    assert all(ANN in numbers for numbers in account.phones.lists.values())


def test_start_takes_everything_back_and_is_answered_after_the_list_let_the_number_go(account):
    account.project.add("mobile-7")
    account.index.learn(ANN, "mobile-7", None)
    account.handling.handle(said("STOP ALL"))

    account.handling.handle(said("START", at=1))

    assert account.project.mark("mobile-7") == ([], "NONE")
    assert not any(account.phones.lists.values())
    assert account.texts() == ["You will get nothing more.", "You will get our messages again."]


def test_the_answer_comes_from_the_number_that_was_written_to_and_is_transactional(account):
    account.handling.handle(said("ARRÊT", written_to="55555"))

    [sent] = account.phones.sent
    assert (sent["OriginationIdentity"], sent["DestinationPhoneNumber"]) == ("55555", ANN)
    assert sent["MessageType"] == "TRANSACTIONAL"
    assert sent["MessageBody"] == "Vous ne recevrez plus d'offres."


def test_a_second_stop_sends_no_second_answer_and_is_recorded(account):
    account.handling.handle(said("STOP"))

    assert account.handling.handle(said("stop!", at=1)) is Outcome.ALREADY

    assert account.texts() == ["You will get no more offers."]
    assert [row["outcome"] for row in account.rows("message#")] == ["CHANGED", "ALREADY"]


def test_help_is_answered_each_time_and_changes_nothing(account):
    for at in range(2):
        assert account.handling.handle(said("HELP", at=at)) is Outcome.ANSWERED

    assert account.texts() == ["Reply STOP to end offers."] * 2
    assert account.rows("category#") == []
    assert account.bus.details == []


def test_a_message_that_is_no_keyword_leaves_no_trace(account):
    assert account.handling.handle(said("See you at the weekend")) is None

    assert account.rows("") == []
    assert account.phones.sent == []
    assert account.handling.counts == Counter(OtherMessages=1)


def test_the_record_says_who_wrote_which_keyword_when_and_what_came_of_it_without_the_text(account):
    account.handling.handle(said("Stop!", message_id="inbound-1"))

    [row] = account.rows("message#")
    assert row["pk"] == ANN
    expected = {
        "sk": "message#inbound-1",
        "message_id": "inbound-1",
        "said_at": "2026-11-30T12:00:00.000Z",
        "written_to": OURS,
        "keyword": "stop",
        "language": "en",
        "action": "opt_out",
        "category": "promotional",
        "outcome": "CHANGED",
        "reply": "SENT",
        "reply_id": "text-1",
    }
    assert expected.items() <= row.items()
    assert "Stop!" not in str(row)


def test_other_systems_hear_of_a_change_once_and_without_the_number(account):
    message = said("STOP", message_id="inbound-1")
    for _ in range(2):
        account.handling.handle(message)
    account.handling.handle(said("STOP", at=1))

    [detail] = account.bus.details
    assert (detail["message_id"], detail["action"]) == ("inbound-1", "opt_out")
    assert detail["opted_out"] == ["promotional"]
    assert ANN not in str(detail) and OURS not in str(detail)


def test_the_number_is_in_the_event_where_it_is_asked_for(dynamodb):
    account = Account(dynamodb)
    bus = Announcements(account.bus, "default", include_number=True)
    account = Account(dynamodb, announcements=bus)

    account.handling.handle(said("STOP"))

    [detail] = bus.client.details
    assert (detail["number"], detail["written_to"]) == (ANN, OURS)


# Endpoints


def test_every_endpoint_of_the_number_is_found_by_look_up_and_none_is_made(account):
    account.project.add("seen", User={"UserId": "ann"})
    account.project.add("12065550142")
    account.project.add("of-the-user", User={"UserId": "ann"}, EndpointStatus="INACTIVE")
    account.project.add("other-number", "+12065550143", User={"UserId": "ann"})
    account.project.add("mail", "ann@example.com", ChannelType="EMAIL", User={"UserId": "ann"})
    account.index.learn(ANN, "seen", None)
    account.index.learn(ANN, "deleted", None)
    before = set(account.project.endpoints)

    account.handling.handle(said("STOP"))

    marked = [one for one in account.project.endpoints if account.project.mark(one)[0]]
    assert sorted(marked) == ["12065550142", "of-the-user", "seen"]
    assert set(account.project.endpoints) == before
    assert account.project.endpoints["of-the-user"]["EndpointStatus"] == "INACTIVE"


def test_an_id_made_of_digits_that_belongs_to_another_number_is_left_alone(account):
    account.project.add("12065550142", "+442071838750")

    account.handling.handle(said("STOP"))

    assert account.project.mark("12065550142") == ([], "NONE")
    assert account.handling.counts["NumbersWithoutEndpoint"] == 1


def test_an_opt_out_of_another_program_is_not_taken_back_by_start(account):
    account.project.add("12065550142", OptOut="ALL")
    account.handling.handle(said("STOP"))

    account.handling.handle(said("START", at=1))

    assert account.project.mark("12065550142") == ([], "ALL")


def test_an_endpoint_that_comes_later_is_marked_when_it_is_seen(account):
    account.handling.handle(said("STOP"))
    account.project.add("new")
    account.index.learn(ANN, "new", None)

    account.handling.settle(ANN)

    assert account.project.mark("new") == (["promotional"], "NONE")


# Order and repetition


def test_a_copy_of_a_message_changes_and_sends_nothing(account):
    message = said("STOP")
    account.handling.handle(message)
    rows, sent = account.rows(""), list(account.phones.sent)

    assert account.handling.handle(message) is Outcome.CHANGED

    assert account.rows("") == rows
    assert account.phones.sent == sent


def test_a_copy_that_arrives_after_a_later_start_does_not_opt_out_again(account):
    stop = said("STOP")
    account.handling.handle(stop)
    account.handling.handle(said("START", at=1))

    account.handling.handle(stop)

    assert account.phones.lists[PROMOTIONAL] == set()


def test_a_stop_that_was_said_before_a_start_and_arrives_later_changes_nothing(account):
    account.handling.handle(said("START", at=5))

    assert account.handling.handle(said("STOP", at=1)) is Outcome.SUPERSEDED

    assert account.phones.lists[PROMOTIONAL] == set()
    assert account.texts() == ["You will get our messages again."]


def test_a_start_that_is_recorded_while_a_stop_is_carried_out_wins_on_the_list_too(account):
    put = account.phones.put_opted_out_number
    later = []

    def start_arrives_before(**request):
        if not later:
            later.append(True)
            account.handling.handle(said("START", at=1))
        return put(**request)

    account.phones.put_opted_out_number = start_arrives_before

    account.handling.handle(said("STOP"))

    assert account.phones.lists[PROMOTIONAL] == set()


def test_two_messages_of_one_number_at_the_same_time_are_both_recorded(account):
    write = account.store._write
    raced = []

    def another_first(*args):
        if not raced:
            raced.append(True)
            account.handling.handle(said("STOP ALL", at=1))
        return write(*args)

    account.store._write = another_first

    account.handling.handle(said("STOP", at=2))

    assert len(account.rows("message#")) == 2
    assert len(account.rows("category#")) == 2


# Failures: nothing lost, nothing sent twice


STEPS = ["UpdateEndpoint", "GetEndpoint", "PutOptedOutNumber", "PutEvents"]


@pytest.mark.parametrize("operation", STEPS)
@pytest.mark.parametrize("error", [BROKEN, EndpointConnectionError(endpoint_url="x")])
def test_a_step_that_fails_stops_no_other_step_and_is_done_at_the_next_receipt(
    account, operation, error
):
    account.project.add("12065550142")
    service = {
        "UpdateEndpoint": account.project,
        "GetEndpoint": account.project,
        "PutOptedOutNumber": account.phones,
        "PutEvents": account.bus,
    }[operation]
    service.fail(operation, error)
    message = said("STOP")

    with pytest.raises(StepsFailed) as failed:
        account.handling.handle(message)
    assert ANN not in str(failed.value)
    assert account.texts() == ["You will get no more offers."]
    account.handling.handle(message)

    assert account.project.mark("12065550142") == (["promotional"], "NONE")
    assert account.phones.lists[PROMOTIONAL] == {ANN}
    assert len(account.bus.details) == 1
    assert account.texts() == ["You will get no more offers."]
    [row] = account.rows("message#")
    assert {"settled_at", "announced_at"} <= set(row)


@pytest.mark.parametrize("call", ["transact_write_items", "update_item", "get_item"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("position", range(4))
def test_a_table_that_fails_at_any_call_loses_nothing_and_sends_nothing_twice(
    account, call, when, position
):
    account.project.add("12065550142")
    error = refusal(call, "InternalServerError", 500)
    account.dynamodb.faults.fail(
        call, *[None] * position, ("after", error) if when == "after" else error
    )
    message = said("STOP")

    for receives in range(1, 5):
        try:
            account.handling.handle(message, receives=receives)
        except Exception as failed:
            assert "STOP" not in str(failed)

    assert account.phones.lists[PROMOTIONAL] == {ANN}
    assert account.project.mark("12065550142") == (["promotional"], "NONE")
    assert len(account.phones.sent) <= 1
    assert {detail["message_id"] for detail in account.bus.details} == {message.id}


def test_an_answer_without_an_outcome_is_not_repeated(account):
    account.phones.fail("SendTextMessage", ("after", NO_ANSWER))
    message = said("STOP")

    for _ in range(3):
        account.handling.handle(message)

    assert len(account.phones.sent) == 1
    [row] = account.rows("message#")
    assert row["reply"] == "UNKNOWN"
    assert account.handling.counts["RepliesUnknown"] == 1


def test_an_attempt_that_was_killed_at_the_answer_is_not_repeated_and_the_list_is_put(account):
    message = said("STOP")
    account.phones.fail("SendTextMessage", ("after", KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        account.handling.handle(message)

    account.handling.handle(message, receives=2)

    assert len(account.phones.sent) == 1
    assert account.phones.lists[PROMOTIONAL] == {ANN}
    assert account.rows("message#")[0]["reply"] == "UNKNOWN"


def test_a_copy_that_is_processed_during_the_answer_does_not_put_the_number_on_the_list_first(
    account,
):
    message = said("STOP")
    send = account.phones.send_text_message
    copies = []

    def copy_first(**request):
        if not copies:
            copies.append("of the topic")
            with pytest.raises(StepsFailed, match="reply: ReplyNotSent"):
                account.handling.handle(message)
        return send(**request)

    account.phones.send_text_message = copy_first

    account.handling.handle(message)
    account.handling.handle(message, receives=2)

    assert account.texts() == ["You will get no more offers."]
    assert account.rows("message#")[0]["reply"] == "SENT"
    assert account.phones.lists[PROMOTIONAL] == {ANN}


def test_an_answer_that_was_sent_is_not_recorded_as_given_up(account):
    update = account.store.set_reply
    lost = [refusal("UpdateItem", "InternalServerError", 500)]

    def set_reply(*given, **about):
        if lost:
            raise lost.pop()
        update(*given, **about)

    account.store.set_reply = set_reply
    message = said("STOP")

    with pytest.raises(StepsFailed):
        account.handling.handle(message, receives=3)
    assert account.phones.lists[PROMOTIONAL] == {ANN}
    account.handling.handle(message, receives=4)

    assert len(account.phones.sent) == 1
    assert account.rows("message#")[0]["reply"] == "UNKNOWN"


def test_a_fault_of_any_kind_in_a_step_does_not_keep_the_number_off_the_list(account):
    account.project.add("12065550142", Address=12065550142)
    message = said("STOP")

    with pytest.raises(StepsFailed, match="endpoints: TypeError"):
        account.handling.handle(message)

    assert account.phones.lists[PROMOTIONAL] == {ANN}
    assert account.texts() == ["You will get no more offers."]


def test_the_daily_try_leaves_a_list_alone_that_another_program_put_the_number_on(account):
    for at, text in enumerate(["STOP", "START", "STOP", "START"]):
        account.handling.handle(said(text, at=at))
    account.phones.lists[LISTS["transactional"]].add(ANN)
    account.phones.deleted.clear()  # thirty days later

    account.handling.try_kept_numbers()

    assert account.phones.lists == {PROMOTIONAL: set(), LISTS["transactional"]: {ANN}}


def test_an_opt_in_that_waits_for_one_list_is_not_forgotten_for_another(account):
    opts_into = {
        name: {"action": "opt_in", "category": name, "words": {"en": [f"YES {name}"]}}
        for name in LISTS
    }
    handling = replace(account.handling, keywords=keywords(**opts_into))
    for at, text in enumerate(["STOP ALL", "START", "STOP ALL"]):
        handling.handle(said(text, at=at))

    for at, name in enumerate(LISTS):
        handling.handle(said(f"YES {name}", at=10 + at))

    assert list(account.index.kept_numbers()) == [(ANN, set(LISTS))]


def test_kept_numbers_without_time_for_them_wait_for_the_next_day(account):
    numbers = [f"+1206555{place:04}" for place in range(30)]
    for number in numbers:
        account.index.keep_trying(number, ["promotional"], also=False)
    answers = iter([True] * 10 + [False])

    account.handling.try_kept_numbers(lambda: next(answers))

    assert len(list(account.index.kept_numbers())) == 20
    assert account.handling.counts["OptInsUntried"] == 20


def test_a_throttled_answer_is_sent_by_a_later_attempt_and_the_list_waits_for_it(account):
    account.phones.fail("SendTextMessage", *[THROTTLED] * 4)
    message = said("STOP")

    with pytest.raises(StepsFailed, match="reply"):
        account.handling.handle(message, receives=1)
    assert account.rows("category#")[0]["status"] == "OPTED_OUT"
    assert account.phones.lists[PROMOTIONAL] == set()
    account.handling.handle(message, receives=2)

    assert account.texts() == ["You will get no more offers."]
    assert account.phones.lists[PROMOTIONAL] == {ANN}


def test_after_three_throttled_attempts_the_number_is_on_the_list_without_an_answer(account):
    account.phones.fail("SendTextMessage", *[THROTTLED] * 100)
    message = said("STOP")

    for receives in (1, 2):
        with pytest.raises(StepsFailed):
            account.handling.handle(message, receives=receives)
    account.handling.handle(message, receives=3)

    assert account.phones.lists[PROMOTIONAL] == {ANN}
    assert account.rows("message#")[0]["reply"] == "REFUSED"
    account.handling.handle(message, receives=4)
    assert account.phones.sent == []


def test_a_refused_answer_is_recorded_with_its_reason_and_does_not_stop_the_opt_out(account):
    account.phones.fail(
        "SendTextMessage", refusal("SendTextMessage", "ValidationException", Reason="OTHER")
    )

    account.handling.handle(said("STOP"))

    [row] = account.rows("message#")
    assert (row["reply"], row["reply_reason"]) == ("REFUSED", "OTHER")
    assert account.phones.lists[PROMOTIONAL] == {ANN}


def test_an_event_that_the_bus_refuses_is_sent_again(account):
    account.bus.refuses = True
    message = said("STOP")
    with pytest.raises(StepsFailed, match="EventRefused"):
        account.handling.handle(message)
    account.bus.refuses = False

    account.handling.handle(message)

    assert len(account.bus.details) == 1


def test_a_number_that_the_list_keeps_for_thirty_days_is_tried_again_until_it_leaves(account):
    for at, text in enumerate(["STOP", "START", "STOP", "START"]):
        account.handling.handle(said(text, at=at))
    assert account.phones.lists[PROMOTIONAL] == {ANN}
    assert account.rows("category#promotional")[0]["status"] == "OPTED_IN"
    assert list(account.index.kept_numbers()) == [(ANN, {"promotional"})]
    last = max(account.rows("message#"), key=lambda row: row["said_at"])
    assert (last["reply"], last["reply_reason"]) == (
        "REFUSED",
        "DESTINATION_PHONE_NUMBER_OPTED_OUT",
    )
    account.handling.try_kept_numbers()
    assert list(account.index.kept_numbers()) == [(ANN, {"promotional"})]
    account.phones.deleted.clear()  # thirty days later

    account.handling.try_kept_numbers()

    assert account.phones.lists[PROMOTIONAL] == set()
    assert list(account.index.kept_numbers()) == []


def test_a_list_that_is_not_there_fails_the_message_so_that_a_person_hears_of_it(account):
    account.phones.fail(
        "DeleteOptedOutNumber",
        refusal("DeleteOptedOutNumber", "ResourceNotFoundException", ResourceType="opt-out-list"),
    )

    with pytest.raises(StepsFailed, match="list: ResourceNotFoundException"):
        account.handling.handle(said("START"))


def test_an_entry_that_somebody_else_made_in_another_list_stays(account):
    account.phones.lists[LISTS["transactional"]].add(ANN)

    account.handling.handle(said("STOP"))

    assert account.phones.lists[LISTS["transactional"]] == {ANN}


def test_a_number_whose_messages_collide_every_time_comes_back(account):
    account.store._write = lambda *_: False

    with pytest.raises(Contended):
        account.handling.handle(said("STOP", message_id="never"))

    assert account.rows("") == []
