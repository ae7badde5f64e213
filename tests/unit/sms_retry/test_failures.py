"""Events are read as they are written by the hub, by Amazon Pinpoint and by End User Messaging."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.pinpoint_events import HubIds
from sms_retry.failures import (
    Arrival,
    End,
    Failure,
    MalformedSmsEvent,
    Policy,
    decide,
    read_sms_event,
    retry_context,
)
from sms_retry.sending import MalformedRetry, Retry
from tests.builders.event_records import sample, samples
from tests.builders.random_input import changed, fuzz, json_values
from tests.builders.text_retries import NOON, POLICY, PROJECT, failed, of_campaign, of_journey

PINPOINT = samples("pinpoint")


def read(event: dict[str, Any]) -> Failure:
    failure = read_sms_event(event)
    assert isinstance(failure, Failure)
    return failure


def test_a_failure_in_pinpoint_s_documentation_is_read() -> None:
    failure = read(sample("pinpoint/sms_failure"))

    assert (failure.status, failure.retries) == ("CARRIER_UNREACHABLE", 0)
    assert (failure.number, failure.origination) == ("+14255550199", "+12065550142")
    assert failure.message_type == "PROMOTIONAL"
    assert failure.original_id == failure.message_id == "a1hj2k3l4m5n6p7q8r9s0t1u2v3w4x5z"
    assert failure.ids == HubIds(
        application_id="a1b2c3d4e5f60718293a4b5c6d7e8f90",
        campaign_id="4f8d6097c2e8400fa3081d8750c1e2a3",
        campaign_activity_id="5473285727f04865bc673e5270a9b8c7",
        treatment_id="0",
        endpoint_id="ep-mary-sms",
        request_id="7b1f0a2e-93c4-4d55-8e66-a7b8c9d0e1f2",
    )


@pytest.mark.parametrize("name", PINPOINT)
def test_every_event_of_a_stream_is_a_failure_an_arrival_or_nothing(name: str) -> None:
    event = sample(name)

    found = type(read_sms_event(event))

    kinds = {"_SMS.FAILURE": Failure, "_SMS.SUCCESS": Arrival}
    assert found is kinds.get(event["event_type"], type(None))


def test_a_sender_id_is_kept_as_the_origination_identity() -> None:
    assert read(of_campaign(origination_phone_number="MYBRAND")).origination == "MYBRAND"


def test_a_failure_that_is_not_final_is_none_yet() -> None:
    assert read_sms_event(of_campaign(is_final="false")) is None
    assert isinstance(read_sms_event(of_campaign(is_final="true")), Failure)


def test_a_number_is_sent_to_again_as_it_is_written_in_the_event() -> None:
    assert read(of_campaign(destination_phone_number="14255550199")).number == "14255550199"


@pytest.mark.parametrize(
    "address", ["abc", "ann@example.com", "(425) 555-0199", "+0425555", "+1425555019912345678901"]
)
def test_a_text_to_an_address_that_is_no_number_is_refused_and_no_malformed_event(
    address: str,
) -> None:
    policy = Policy.of(json.dumps(POLICY), PROJECT)

    verdict = decide(read(of_campaign(destination_phone_number=address)), policy, NOON)

    assert (verdict.end, verdict.wait, verdict.is_final) == (End.REFUSED, None, False)


BAD_EVENTS: list[Any] = [
    of_campaign(message_id=None),
    of_campaign(message_id=""),
    of_campaign(message_id="m" * 257),
    of_campaign(message_id="m\ud800"),
    of_campaign(message_id="m 1"),
    {**of_campaign(), "attributes": None},
    {**of_campaign(), "attributes": []},
    {**of_campaign(), "attributes": {"message_id": 7}},
    of_campaign(record_status=None),
    of_campaign(record_status=""),
    of_campaign(record_status="UNREACHABLE " * 10),
    of_campaign(record_status="about +14255550199"),
    of_campaign(destination_phone_number=None),
    {**of_campaign(), "event_timestamp": None},
    {**of_campaign(), "event_timestamp": "2026"},
    {**of_campaign(), "event_timestamp": True},
    {**of_campaign(), "event_timestamp": -1},
    {**of_campaign(), "event_timestamp": float("nan")},
    {**of_campaign(), "event_timestamp": 10**30},
]


@pytest.mark.parametrize("event", BAD_EVENTS)
def test_an_event_that_lacks_what_a_text_has_says_so_and_quotes_nothing(event: Any) -> None:
    with pytest.raises(MalformedSmsEvent) as error:
        read_sms_event(event)

    assert "attributes" in str(error.value) or "event_timestamp" in str(error.value)
    assert "4255550199" not in str(error.value)
    assert "ann" not in str(error.value)


@pytest.mark.parametrize(
    "retry",
    [
        "7",
        "{",
        "[]",
        json.dumps({"of": "m0", "n": 0, "at": NOON}),
        json.dumps({"of": "m0", "n": 101, "at": NOON}),
        json.dumps({"of": "m0", "n": True, "at": NOON}),
        json.dumps({"of": "", "n": 1, "at": NOON}),
        json.dumps({"of": "m" * 257, "n": 1, "at": NOON}),
        json.dumps({"of": 7, "n": 1, "at": NOON}),
        json.dumps({"of": "m0", "n": 1, "at": -1}),
        json.dumps({"of": "m0", "n": 1}),
    ],
)
def test_an_entry_of_another_program_is_no_retry_of_ours(retry: str) -> None:
    failure = read(of_campaign(context={"retry": retry}))

    assert (failure.original_id, failure.retries) == ("m1", 0)


@pytest.mark.parametrize("id_", [[None], 7, {}, True, ""])
def test_an_id_that_is_no_text_is_no_id(id_: Any) -> None:
    event = of_campaign()
    event["client"]["client_id"] = event["application"]["app_id"] = id_

    failure = read(event)

    assert (failure.ids.endpoint_id, failure.ids.application_id) == (None, None)
    assert Failure.from_json(json.loads(json.dumps(failure.as_json()))) == failure


@fuzz(60)
@given(st.data())
def test_any_event_is_read_or_refused(data: st.DataObject) -> None:
    event = changed(
        data.draw, copy.deepcopy(data.draw(st.sampled_from([of_campaign(), of_journey()])))
    )

    try:
        found = read_sms_event(event) if isinstance(event, dict) else None
    except MalformedSmsEvent:
        return
    if isinstance(found, Failure):
        decide(found, Policy.of(json.dumps(POLICY), PROJECT), NOON)
        context = retry_context(found, 1)
        assert len(context) <= 5
        assert (
            Retry.of(json.dumps({"Retry": 1, "DueAt": NOON, "Failure": found.as_json()})).failure
            == found
        )


@fuzz(40)
@given(
    st.dictionaries(
        st.text("abcdefghij", min_size=1, max_size=4).filter(lambda n: n not in ("retry", "hub")),
        st.text(min_size=1, max_size=30),
        max_size=4,
    ),
    st.sampled_from([of_campaign, of_journey, failed]),
)
def test_the_context_and_the_ids_of_a_message_survive_a_retry(
    context: dict[str, str], kind: Any
) -> None:
    from shared.pinpoint_events import compact, ids_of_sms

    failure = read(kind(context=context))

    ids, customer = ids_of_sms(retry_context(failure, 2))

    assert ids == failure.ids
    own = json.loads(customer.pop("retry"))
    assert customer == context
    assert (own["of"], own["n"]) == ("m1", 2)
    again = read(failed("m2", context={**customer, "retry": compact(own)}))
    assert (again.original_id, again.retries) == ("m1", 2)


# The policy


@pytest.mark.parametrize(
    "policy",
    [
        {**POLICY, "statuses": ["BLOCKED"]},
        {**POLICY, "statuses": ["UNREACHABLE", "OPTED_OUT"]},
        {**POLICY, "delays_seconds": []},
        {**POLICY, "delays_seconds": [-1]},
        {**POLICY, "max_age_seconds": 0},
    ],
)
def test_a_policy_that_the_module_would_refuse_fails_the_cold_start(policy: Any) -> None:
    with pytest.raises(ValueError, match="must"):
        Policy.of(json.dumps(policy), None)


# The queue

GOOD = json.loads(json.dumps({"Retry": 1, "DueAt": NOON, "Failure": read(of_campaign()).as_json()}))
BAD_RETRIES: list[Any] = [
    "",
    "{",
    "[]",
    "null",
    "7",
    json.dumps({}),
    *[json.dumps({n: v for n, v in GOOD.items() if n != left}) for left in GOOD],
    json.dumps({**GOOD, "Retry": "1"}),
    json.dumps({**GOOD, "Retry": 0}),
    json.dumps({**GOOD, "Retry": True}),
    json.dumps({**GOOD, "DueAt": "now"}),
    json.dumps({**GOOD, "Failure": {}}),
    json.dumps({**GOOD, "Failure": {**GOOD["Failure"], "ids": None}}),
    json.dumps({**GOOD, "Failure": {**GOOD["Failure"], "more": 1}}),
    json.dumps({**GOOD, "Failure": {**GOOD["Failure"], "customer": 7}}),
    "[" * 100_000,
]


@pytest.mark.parametrize("body", BAD_RETRIES)
def test_a_message_of_the_queue_that_is_no_retry_is_refused(body: str) -> None:
    with pytest.raises(MalformedRetry):
        Retry.of(body)


@fuzz(60)
@given(json_values())
def test_any_json_in_the_queue_is_a_retry_or_refused(value: Any) -> None:
    with pytest.raises(MalformedRetry):
        Retry.of(json.dumps(value))
