"""Calls of campaigns and journeys to hooks and custom channels, as AWS documents them."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.campaign_calls import (
    MalformedCall,
    Refusal,
    endpoint_label,
    read_call,
    refusal_of,
)

CALLS = Path(__file__).parents[2] / "data" / "events" / "campaign_hook"


def call_of(name: str, **changes: Any) -> dict[str, Any]:
    event = json.loads((CALLS / f"{name}.json").read_text())
    changed = {**event, **changes}
    return {member: value for member, value in changed.items() if value is not ...}


def test_a_campaigns_call_of_a_custom_channel_has_its_data_and_its_ids() -> None:
    call = read_call(call_of("custom_channel_campaign_request"))

    assert call.data == '{"template":"spring"}'
    assert list(call.endpoints) == ["1dbcd396df28ac6cf8c1c2b7fexample"]
    assert call.sending.ids("e1").attributes() == {
        "campaign_id": "4f8d6097c2e8400fa3081d8750c1e2a3",
        "campaign_activity_id": "5473285727f04865bc673e5270a9b8c7",
        "treatment_id": "0",
    }


def test_a_journeys_call_has_the_ids_of_the_journey_and_its_activity() -> None:
    call = read_call(call_of("custom_channel_journey_request"))

    assert call.sending.ids("e1").attributes() == {
        "journey_id": "546401670c5547b08811ac6a9d3e2f10",
        "journey_activity_id": "7tRexample2",
    }


@pytest.mark.parametrize("member", ["MessageConfiguration", "Message"])
def test_the_message_of_a_hook_is_read_under_both_of_its_names(member: str) -> None:
    message = call_of("filter_request")["MessageConfiguration"]
    event = call_of("filter_request", **{"MessageConfiguration": ..., member: message})

    assert read_call(event).message == message


def test_a_repeated_call_has_the_same_key_and_another_run_of_the_campaign_another_one() -> None:
    first = read_call(call_of("custom_channel_campaign_request")).sending.key
    again = read_call(call_of("custom_channel_campaign_request")).sending.key
    next_run = read_call(call_of("custom_channel_campaign_request", ActivityId="r2")).sending.key

    assert first == again != next_run


@pytest.mark.parametrize("member", ["ScheduledTime", "JourneyRunId"])
def test_another_visit_of_a_journeys_activity_has_another_key(member: str) -> None:
    first = read_call(call_of("custom_channel_journey_request")).sending.key
    later = read_call(
        call_of("custom_channel_journey_request", **{member: "2026-03-04T09:11:00.000Z"})
    ).sending.key

    assert first != later


@pytest.mark.parametrize(
    ("changes", "named"),
    [
        ({"Endpoints": ...}, "Endpoints"),
        ({"Endpoints": []}, "Endpoints"),
        ({"Endpoints": {f"e{n}": {} for n in range(51)}}, "51"),
        ({"CampaignId": ...}, "CampaignId"),
        ({"CampaignId": 7}, "CampaignId"),
        ({"JourneyId": "j1"}, "JourneyId"),
        ({"ApplicationId": ""}, "ApplicationId"),
        ({"ApplicationId": ...}, "ApplicationId"),
        ({"ActivityId": None}, "ActivityId"),
        ({"TreatmentId": 0}, "TreatmentId"),
        ({"Data": {"template": "spring"}}, "Data"),
        ({"MessageConfiguration": "text"}, "MessageConfiguration"),
        ({"ScheduledTime": 5}, "ScheduledTime"),
    ],
)
def test_an_event_that_is_no_call_is_refused_by_the_name_of_its_member(
    changes: dict[str, Any], named: str
) -> None:
    with pytest.raises(MalformedCall, match=named):
        read_call(call_of("custom_channel_campaign_request", **changes))


@given(
    st.recursive(
        st.none() | st.text() | st.integers(),
        lambda one: st.lists(one) | st.dictionaries(st.text(), one),
    )
)
def test_any_other_event_is_refused_as_malformed(event: Any) -> None:
    with pytest.raises(MalformedCall):
        read_call(event)


@pytest.mark.parametrize(
    ("endpoint", "refusal"),
    [
        ({}, None),
        ({"OptOut": "NONE", "EndpointStatus": "ACTIVE"}, None),
        ({"OptOut": "ALL"}, Refusal.OPTED_OUT),
        ({"EndpointStatus": "INACTIVE"}, Refusal.INACTIVE),
    ],
)
def test_an_endpoint_that_opted_out_or_is_inactive_gets_no_message(
    endpoint: dict[str, str], refusal: Refusal | None
) -> None:
    assert refusal_of(endpoint) is refusal


def test_a_log_names_an_endpoint_by_its_place() -> None:
    call = read_call(call_of("custom_channel_journey_request"))

    assert endpoint_label(call, "ep-mary-email") == "endpoint 2 of 2"
