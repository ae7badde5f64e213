"""From a failure to the next try: who is sent what again, once, and who is not."""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from threading import Lock
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from shared.transient import ServiceUnavailable
from sms_retry.failures import End, read_sms_event
from sms_retry.final import FinalFailure
from sms_retry.sending import NotSentNow, Requeue, Retry, Sent, Skipped
from tests.builders.random_input import fuzz
from tests.builders.text_retries import (
    NOON,
    NUMBER,
    ORIGIN,
    PROJECT,
    TRANSIENT,
    World,
    answered,
    failed,
    of_campaign,
    of_journey,
    world,
)

MINUTE = 60_000


@pytest.fixture
def here(monkeypatch: Any) -> Iterator[World]:
    with world(monkeypatch) as one:
        yield one


def ends(results: list[Any]) -> list[End]:
    return [one.reason for one in results if isinstance(one, FinalFailure)]


# The text, and all that a retry keeps


def test_a_campaign_s_text_is_rendered_again_with_its_sender_type_and_ids(here: World) -> None:
    [result] = here.run(of_campaign())

    assert isinstance(result, Sent)
    [sent] = here.sms.sent
    context = {name: json.loads(value) for name, value in sent.pop("Context").items()}
    assert sent == {
        "DestinationPhoneNumber": NUMBER,
        "OriginationIdentity": ORIGIN,
        "MessageBody": "Hi Änn",
        "MessageType": "PROMOTIONAL",
        "ConfigurationSetName": "texts",
        "Keyword": "NEWS",
        "TimeToLive": 86_400 - 302,
    }
    assert context["hub"] == {
        "application_id": PROJECT,
        "campaign_id": "c1",
        "campaign_activity_id": "a1",
        "treatment_id": "0",
        "endpoint_id": "phone",
        "request_id": "request-1",
    }
    assert context["retry"] == {"of": "m1", "n": 1, "at": NOON}


def test_a_journey_s_text_is_rendered_again(here: World) -> None:
    here.run(of_journey())

    [sent] = here.sms.sent
    assert sent["MessageBody"] == "Hello Änn"
    assert json.loads(sent["Context"]["hub"])["journey_activity_id"] == "sms"


def test_a_text_that_was_remembered_is_sent_again_with_its_settings_and_context(
    here: World,
) -> None:
    entry = here.remember(
        useful_seconds=900,
        max_price="0.05",
        country_parameters={"IN_ENTITY_ID": "7"},
    )
    event = failed(client_id="none", context={**entry, "order": "7"}, message_type="Transactional")

    here.run(event)

    [sent] = here.sms.sent
    assert sent["MessageBody"] == "Your code is 123456"
    assert sent["MessageType"] == "TRANSACTIONAL"
    assert sent["MaxPrice"] == "0.05"
    assert sent["DestinationCountryParameters"] == {"IN_ENTITY_ID": "7"}
    assert sent["TimeToLive"] == 900 - 300
    assert json.loads(sent["Context"]["customer_context"]) == {"order": "7"}
    assert json.loads(sent["Context"]["retry"])["key"] == entry["retry_key"]


def test_loose_entries_of_a_text_without_a_hub_stay_loose_and_are_five_at_most(
    here: World,
) -> None:
    here.project_id = None
    entry = here.remember()
    context = {**entry, "a": "1", "b": "2", "c": "3", "d": "4"}
    event = failed(client_id="", context=context, sender_request_id="m1")
    event["application"]["app_id"] = None

    here.run(event)

    [sent] = here.sms.sent
    assert set(sent["Context"]) == {"retry", "a", "b", "c", "d"}


def test_a_campaign_that_was_changed_after_the_send_is_retried_with_the_old_text(
    here: World,
) -> None:
    old = here.api.campaign
    here.api.versions = [old]
    message = {"SMSMessage": {"Body": "New"}}
    here.api.campaign = {
        **old,
        "Version": 2,
        "MessageConfiguration": message,
        "LastModifiedDate": "2026-12-26T12:00:01.000Z",
    }

    here.run(of_campaign(at=NOON))

    assert [one["MessageBody"] for one in here.sms.sent] == ["Hi Änn"]


# Which failures


@pytest.mark.parametrize("status", TRANSIENT)
def test_a_failure_that_passes_is_retried(here: World, status: str) -> None:
    here.run(of_campaign(status=status))

    assert len(here.sms.sent) == 1


@pytest.mark.parametrize(
    "status",
    [
        "BLOCKED",
        "CARRIER_BLOCKED",
        "INVALID",
        "INVALID_MESSAGE",
        "MAX_PRICE_EXCEEDED",
        "OPTED_OUT",
        "SPAM",
    ],
)
def test_a_final_failure_is_counted_and_never_retried(here: World, status: str) -> None:
    outcome = here.happen(of_campaign(status=status))

    assert (here.queued(), here.chain()) == ([], {})
    assert outcome.counts["PermanentFailures"] == 1


def test_only_the_chosen_failures_are_retried(here: World) -> None:
    here.policy = {**here.policy, "statuses": ["TTL_EXPIRED"]}

    here.run(of_campaign("m1", "UNREACHABLE"), of_campaign("m2", "TTL_EXPIRED"))

    assert [json.loads(one["Context"]["retry"])["of"] for one in here.sms.sent] == ["m2"]


@pytest.mark.parametrize(
    ("event", "reason"),
    [
        (failed(), End.NO_TEXT),
        (failed(context={"order": "7"}), End.NO_TEXT),
        (of_campaign(message_kind="MEDIA"), End.MEDIA),
        (of_campaign(origination_phone_number=None), End.REFUSED),
        (of_journey(journey_activity_id=None), End.NO_TEXT),
    ],
)
def test_a_text_that_cannot_be_known_is_counted_with_its_reason(
    here: World, event: dict[str, Any], reason: End
) -> None:
    outcome = here.happen(event)

    assert here.queued() == []
    assert outcome.counts["NotRetryable"] == 1
    assert dict(outcome.reasons) == {f"{reason}/UNREACHABLE": 1}


def test_a_text_of_another_project_is_not_rendered(here: World) -> None:
    event = of_campaign()
    event["application"]["app_id"] = "f" * 32

    outcome = here.happen(event)

    assert outcome.counts["NotRetryable"] == 1


def test_events_of_other_types_have_no_effect(here: World) -> None:
    types = ["_email.send", "_SMS.BUFFERED", "_SMS.OPTOUT", "_session.start", "_campaign.send"]

    outcome = here.happen(*[of_campaign(kind=kind) for kind in types])

    assert not +outcome.counts
    assert (here.queued(), outcome.again, outcome.hopeless) == ([], {}, {})


# Waits, age, number


def test_each_retry_waits_longer_and_the_last_failure_is_notified(here: World) -> None:
    here.run(of_campaign())
    assert here.now == NOON + 2_000 + 5 * MINUTE

    here.run(here.failure_of_retry("retry-1"))
    assert here.now == NOON + 2_000 + 35 * MINUTE

    here.run(here.failure_of_retry("retry-2"))

    assert len(here.sms.sent) == 2
    assert here.chain()["state"] == "ENDED"
    [notice] = here.published
    assert notice["Reasons"] == {"RETRIES_USED_UP": 1}
    [told] = notice["Messages"]
    assert (told["MessageId"], told["Retries"], told["RecordStatus"]) == ("m1", 2, "UNREACHABLE")


def test_a_wait_of_more_than_fifteen_minutes_is_queued_again_until_it_is_due(here: World) -> None:
    here.policy = {**here.policy, "delays_seconds": [2_000]}
    here.happen(of_campaign())
    [(_, body)] = here.queued()
    assert here.sqs.delays == [900]

    delays = []
    while True:
        here.now += (delays[-1] if delays else 900) * 1000
        result = here.sender().process(Retry.of(body), _holder())
        if not isinstance(result, Requeue):
            break
        delays.append(result.delay_seconds)
        body = result.body

    assert delays == [900, 200]
    assert isinstance(result, Sent)


def _holder() -> Any:
    from sms_retry.chains import Holder

    return Holder("sqs-1", 1)


def test_a_retry_that_would_be_too_old_is_a_final_failure_at_once(here: World) -> None:
    here.now = NOON + 86_400_000

    here.happen(of_campaign())

    assert here.queued() == []
    assert here.published[0]["Reasons"] == {"TOO_OLD": 1}


def test_a_one_time_password_that_is_of_no_use_any_more_is_not_sent(here: World) -> None:
    entry = here.remember(useful_seconds=120)

    results = here.run(failed(context=entry))

    assert ends(results) == [End.TEXT_GONE]
    assert here.sms.sent == []


def test_a_retry_that_waited_too_long_in_the_queue_is_not_sent(here: World) -> None:
    here.happen(of_campaign())
    [(_, body)] = here.queued()
    here.now = NOON + 86_400_000

    assert ends([here.send(body)]) == [End.TOO_OLD]


# Once


def test_copies_of_a_failure_and_copies_of_its_retry_send_once(here: World) -> None:
    here.happen(*[of_campaign()] * 4)
    here.happen(of_campaign())
    queued = here.queued()

    results = [here.send(body, message_id) for message_id, body in queued * 3]

    assert len(here.sms.sent) == 1
    assert [type(one) for one in results if not isinstance(one, Skipped)] == [Sent]


def one_at_a_time(dynamodb: Any) -> None:
    """Make updates atomic, as DynamoDB's are: moto checks a condition and writes in two steps."""
    lock, update = Lock(), dynamodb.update_item

    def update_item(**request: Any) -> Any:
        with lock:
            return update(**request)

    dynamodb.update_item = update_item


def test_concurrent_copies_send_once(here: World) -> None:
    here.happen(of_campaign())
    [(_, body)] = here.queued()
    here.now = Retry.of(body).due_at
    one_at_a_time(here.dynamodb)

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda number: here.send(body, f"sqs-{number}"), range(8)))

    assert len(here.sms.sent) == 1


def test_a_reader_that_died_before_the_queue_queues_when_it_reads_again(here: World) -> None:
    intake = here.intake()
    intake.sqs = _dead_queue()
    first = intake.process({"1": of_campaign()})

    again = here.intake().process({"1": of_campaign()})

    assert list(first.again) == ["1"]
    assert again.counts["ScheduledRetries"] == 1
    assert len(here.queued()) == 1


def _dead_queue() -> Any:
    from types import SimpleNamespace

    def send_message_batch(**_: Any) -> Any:
        raise ReadTimeoutError(endpoint_url="https://sqs.example")

    return SimpleNamespace(send_message_batch=send_message_batch)


def test_a_sender_that_died_after_its_claim_is_reported_and_sends_nothing_again(
    here: World,
) -> None:
    here.happen(of_campaign())
    [(message_id, body)] = here.queued()
    here.sms.errors = [KeyboardInterrupt()]  # type: ignore[list-item]  # the death of the function
    with pytest.raises(KeyboardInterrupt):
        here.send(body, message_id)

    result = here.send(body, message_id, receive=2)

    assert ends([result]) == [End.UNKNOWN_OUTCOME]
    assert here.sms.sent == []
    assert here.chain()["state"] == "UNKNOWN"


def test_another_message_of_the_queue_leaves_a_retry_alone_that_is_being_sent(
    here: World,
) -> None:
    here.happen(of_campaign())
    [(message_id, body)] = here.queued()
    here.sms.errors = [KeyboardInterrupt()]  # type: ignore[list-item]  # still at work
    with pytest.raises(KeyboardInterrupt):
        here.send(body, message_id)

    assert isinstance(here.send(body, "a-copy"), Skipped)
    assert here.chain()["state"] == "SENDING"


def test_a_send_without_an_answer_is_reported_and_not_repeated(here: World) -> None:
    here.sms.lost = [ReadTimeoutError(endpoint_url="https://sms.example")]

    results = here.run(of_campaign())

    assert ends(results) == [End.UNKNOWN_OUTCOME]
    assert len(here.sms.sent) == 1
    assert here.published[0]["Messages"][0]["Retries"] == 1


def test_the_failure_of_a_send_without_an_answer_leads_to_the_next_retry(here: World) -> None:
    here.sms.lost = [ReadTimeoutError(endpoint_url="https://sms.example")]
    here.run(of_campaign())

    results = here.run(here.failure_of_retry("retry-1"))

    assert [type(one) for one in results] == [Sent]
    assert here.chain()["retries"] == "2"


def test_a_retry_whose_failure_comes_before_its_answer_is_recorded_once(here: World) -> None:
    """The failure of the retry is processed while the sender still waits for the answer."""
    here.happen(of_campaign())
    [(message_id, body)] = here.queued()
    taken = here.sms.send_text_message

    def fails_at_once(**request: Any) -> Any:
        answer = taken(**request)
        here.happen(here.failure_of_retry(answer["MessageId"]))
        return answer

    here.sms.send_text_message = fails_at_once  # type: ignore[method-assign]
    here.send(body, message_id)

    assert (here.chain()["state"], here.chain()["retries"]) == ("WAITING", "2")
    assert len(here.queued()) == 1


def test_a_notification_that_was_lost_is_made_by_the_next_receive(here: World) -> None:
    here.happen(of_campaign())
    [(message_id, body)] = here.queued()
    assert here.api.endpoint
    here.api.endpoint["OptOut"] = "ALL"
    first = here.send(body, message_id)

    second = here.send(body, message_id, receive=2)

    assert ends([first, second]) == [End.OPTED_OUT, End.OPTED_OUT]


def test_copies_of_a_last_failure_are_notified_once_and_its_own_record_again(
    here: World,
) -> None:
    here.now = NOON + 86_400_000
    intake = here.intake()

    intake.process({"1": of_campaign()})
    intake.process({"2": of_campaign()})
    assert len(here.published) == 1
    intake.process({"1": of_campaign()})

    assert len(here.published) == 2


# Refusals of a retry


def test_an_opt_out_in_between_ends_the_retries(here: World) -> None:
    here.sms.errors = [
        answered(
            "SendTextMessage", "ConflictException", 400, Reason="DESTINATION_PHONE_NUMBER_OPTED_OUT"
        )
    ]

    results = here.run(of_campaign())

    assert ends(results) == [End.OPTED_OUT]
    assert here.published[0]["Messages"][0]["Retries"] == 0
    assert NUMBER not in json.dumps(here.published)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"OptOut": "ALL"}, End.OPTED_OUT),
        ({"EndpointStatus": "INACTIVE"}, End.INACTIVE),
        ({"Address": "+14255550100"}, End.ADDRESS_CHANGED),
        ({"ChannelType": "EMAIL"}, End.ADDRESS_CHANGED),
    ],
)
def test_an_endpoint_that_must_not_get_texts_gets_no_retry(
    here: World, change: dict[str, str], reason: End
) -> None:
    assert here.api.endpoint
    here.api.endpoint |= change

    assert ends(here.run(of_campaign(), of_journey("m2"))) == [reason, reason]
    assert here.sms.sent == []


@pytest.mark.parametrize("address", ["14255550199", "+1 (425) 555-0199"])
def test_another_spelling_of_the_number_is_the_same_number(here: World, address: str) -> None:
    assert here.api.endpoint
    here.api.endpoint["Address"] = address

    here.run(of_campaign())

    assert [one["DestinationPhoneNumber"] for one in here.sms.sent] == [NUMBER]


def test_an_endpoint_that_was_deleted_gets_no_retry(here: World) -> None:
    here.api.endpoint = None

    assert ends(here.run(of_campaign())) == [End.ENDPOINT_GONE]


@pytest.mark.parametrize(
    "hook", [{"LambdaFunctionName": "offers"}, {"WebUrl": "https://x.example"}]
)
@pytest.mark.parametrize("of", ["campaign", "project"])
def test_a_text_that_a_hook_may_have_changed_is_not_made_up(
    here: World, hook: dict[str, str], of: str
) -> None:
    if of == "campaign":
        here.api.campaign["Hook"] = hook
    else:
        here.api.settings["CampaignHook"] = hook

    assert ends(here.run(of_campaign())) == [End.HOOK]
    assert here.sms.sent == []


def test_a_content_that_is_gone_is_a_final_failure(here: World) -> None:
    here.api.campaign["MessageConfiguration"] = {}

    assert ends(here.run(of_campaign())) == [End.TEXT_GONE]


def test_a_request_that_the_service_refuses_is_a_final_failure(here: World) -> None:
    here.sms.errors = [answered("SendTextMessage", "ValidationException", 400)]

    assert ends(here.run(of_campaign())) == [End.REFUSED_RETRY]


def test_a_throttled_retry_waits_a_minute_more(here: World) -> None:
    here.sms.errors = [answered("SendTextMessage", "ThrottlingException", 400)] * 4

    [result] = here.run(of_campaign())

    assert isinstance(result, Requeue)
    assert result.delay_seconds == 60
    assert here.chain()["state"] == "WAITING"
    assert isinstance(here.send(result.body, "later"), Sent)


@pytest.mark.parametrize(
    "error",
    [
        answered("SendTextMessage", "AccessDeniedException", 400),
        answered("SendTextMessage", "ServiceQuotaExceededException", 402),
        ConnectTimeoutError(endpoint_url="https://sms.example"),
    ],
)
def test_a_retry_that_was_surely_not_sent_is_received_again(here: World, error: Any) -> None:
    here.sms.errors = [error] * 4
    here.happen(of_campaign())
    [(message_id, body)] = here.queued()
    with pytest.raises(NotSentNow):
        here.send(body, message_id)

    here.sms.errors = []
    result = here.send(body, message_id, receive=2)

    assert isinstance(result, Sent)
    assert len(here.sms.sent) == 1


def test_a_project_that_throttles_leaves_the_retry_waiting(here: World) -> None:
    here.api.down = "TooManyRequestsException"
    here.happen(of_campaign())
    [(message_id, body)] = here.queued()

    with pytest.raises(ServiceUnavailable):
        here.send(body, message_id)

    assert here.chain()["state"] == "WAITING"


def test_a_retry_that_fails_for_good_ends_the_chain(here: World) -> None:
    here.run(of_campaign())

    here.run(here.failure_of_retry("retry-1", "CARRIER_BLOCKED"))

    [notice] = here.published
    assert notice["Reasons"] == {"FAILED_FOR_GOOD": 1}
    assert notice["Messages"][0]["RecordStatus"] == "CARRIER_BLOCKED"


# Arrivals


def test_a_late_arrival_cancels_the_retry_that_waits(here: World) -> None:
    here.happen(of_campaign(status="UNKNOWN"))

    outcome = here.happen(failed("m1", "DELIVERED", kind="_SMS.SUCCESS"))
    results = [here.send(body, message_id) for message_id, body in here.queued()]

    assert [type(one) for one in results] == [Skipped]
    assert here.sms.sent == []
    assert outcome.counts["CancelledRetries"] == 1


def test_an_arrival_of_a_retry_closes_the_chain(here: World) -> None:
    here.run(of_campaign())

    arrival = {**here.failure_of_retry("retry-1", "DELIVERED"), "event_type": "_SMS.SUCCESS"}
    outcome = here.happen(arrival)

    assert here.chain()["state"] == "DELIVERED"
    assert outcome.counts["RecoveredMessages"] == 1
    assert outcome.counts["CancelledRetries"] == 0


def test_arrivals_of_messages_that_never_failed_write_nothing(here: World) -> None:
    events = [failed(f"m{number}", "DELIVERED", kind="_SMS.SUCCESS") for number in range(250)]

    outcome = here.happen(*events)

    assert not +outcome.counts
    assert here.dynamodb.scan(TableName="chains")["Count"] == 0


def test_a_failure_after_the_arrival_of_the_message_is_not_retried(here: World) -> None:
    here.run(of_campaign())
    arrival = {**here.failure_of_retry("retry-1", "DELIVERED"), "event_type": "_SMS.SUCCESS"}
    here.happen(arrival)

    assert here.run(of_campaign(), here.failure_of_retry("retry-1")) == []
    assert len(here.sms.sent) == 1


def test_large_contexts_are_queued_in_calls_that_sqs_takes(here: World) -> None:
    context = {f"k{number}": "\U0001f600" * 800 for number in range(5)}
    events = [of_campaign(f"m{number}", context=context) for number in range(10)]

    outcome = here.happen(*events)

    assert (outcome.again, outcome.counts["ScheduledRetries"]) == ({}, 10)
    assert len(here.queued()) == 10


def test_a_context_that_no_message_of_the_queue_can_hold_is_parked_and_the_others_are_queued(
    here: World,
) -> None:
    events = {"1": of_campaign("m1", context={"k": "x" * 270_000}), "2": of_campaign("m2")}

    outcome = here.intake().process(events)

    assert list(outcome.hopeless) == ["1"]
    assert len(here.queued()) == 1
    assert here.chain("m1") == {}


# Items of the tables


def test_the_table_of_chains_holds_no_number_and_no_text_and_expires(here: World) -> None:
    here.run(failed(context=here.remember()))

    [item] = here.dynamodb.scan(TableName="chains")["Items"]
    assert NUMBER not in json.dumps(item)
    assert "123456" not in json.dumps(item)
    assert int(item["expires_at"]["N"]) > here.now / 1000 + 3 * 86_400


def test_the_queue_holds_no_text(here: World) -> None:
    here.happen(failed(context=here.remember()), of_campaign("m2"))

    bodies = [body for _, body in here.queued()]
    assert len(bodies) == 2
    assert not [one for one in bodies if "123456" in one or "Änn" in one]


def test_a_text_is_forgotten_after_its_final_failure(here: World) -> None:
    here.policy = {**here.policy, "delays_seconds": [0]}
    here.run(failed(context=here.remember()))
    here.run(here.failure_of_retry("retry-1"))

    assert here.dynamodb.scan(TableName="texts")["Count"] == 0


# All orders


@fuzz(12)
@given(data=st.data())
def test_any_order_and_number_of_copies_sends_each_retry_once(
    here: World, data: st.DataObject
) -> None:
    """Events and receives are repeated and mixed; each number of a retry is sent at most once."""
    earlier = len(here.sms.sent)
    events: list[dict[str, Any]] = [of_campaign(uuid.uuid4().hex, at=here.now)]
    bodies: list[tuple[str, str]] = []
    for _ in range(data.draw(st.integers(3, 8))):
        if bodies and data.draw(st.booleans()):
            message_id, body = data.draw(st.sampled_from(bodies))
            before = len(here.sms.sent)
            here.send(body, message_id + data.draw(st.sampled_from(["", "-copy"])))
            if len(here.sms.sent) > before:
                events.append(here.failure_of_retry(f"retry-{len(here.sms.sent)}"))
        else:
            here.happen(*data.draw(st.lists(st.sampled_from(events), min_size=1, max_size=3)))
            bodies += here.queued()

    sent = here.sms.sent[earlier:]
    numbers = [json.loads(one["Context"]["retry"])["n"] for one in sent]
    assert numbers == sorted(set(numbers))
    assert set(numbers) <= {1, 2}


def test_reading_what_was_written_for_the_queue_gives_the_same_failure() -> None:
    for event in (of_campaign(), of_journey(), failed(context={"retry_key": "k", "a": "1"})):
        failure = read_sms_event(event)
        assert failure is not None
        assert type(failure).from_json(json.loads(json.dumps(failure.as_json()))) == failure  # type: ignore[union-attr]
