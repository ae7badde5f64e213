"""The messages and the references of a journey are found by their paths."""

from __future__ import annotations

from typing import Any

import pytest

from shared.journeys import (
    ActivityType,
    activity_type,
    journey_references,
    message_of,
    path_text,
)
from tests.builders.journeys import (
    FUNCTION_ARN,
    SEGMENT_ID,
    custom,
    email,
    in_segment,
    journey_request,
    multi,
    opened,
    text_message,
    wait,
    yes_no,
)

CONNECT = "arn:aws:connect-campaigns:us-east-1:123456789012:campaign/0a1b"


def test_the_references_of_a_journey_are_found_with_their_paths():
    settings = {"OriginationNumber": "+12065550100", "SenderId": "SHOP"}
    journey = journey_request(
        Activities={
            "a": email("b", TemplateVersion="3", MessageConfig={"FromAddress": "me@example.com"}),
            "b": text_message("c", MessageConfig=settings),
            "c": custom("d", TemplateName="chat"),
            "d": yes_no(opened("a"), in_segment("6" * 32), yes="e"),
            "e": multi(in_segment("7" * 32)),
            "f": {"PUSH": {"TemplateName": "ping"}},
        },
        JourneyChannelSettings={
            "ConnectCampaignArn": CONNECT,
            "ConnectCampaignExecutionRoleArn": "arn:aws:iam::123456789012:role/dialer",
        },
    )

    found = {one.member: (one.kind, one.value, one.version) for one in journey_references(journey)}

    split = "ConditionalSplit.Condition.Conditions[1].SegmentCondition"
    branch = "MultiCondition.Branches[0].Condition.SegmentCondition"
    assert found == {
        "StartCondition.SegmentStartCondition.SegmentId": ("SEGMENT", SEGMENT_ID, None),
        "JourneyChannelSettings.ConnectCampaignArn": ("CONNECT_CAMPAIGN", CONNECT, None),
        "JourneyChannelSettings.ConnectCampaignExecutionRoleArn": (
            *("CONNECT_ROLE", "arn:aws:iam::123456789012:role/dialer", None),
        ),
        "Activities.a.EMAIL.TemplateName": ("EMAIL_TEMPLATE", "welcome", "3"),
        "Activities.a.EMAIL.MessageConfig.FromAddress": ("FROM_ADDRESS", "me@example.com", None),
        "Activities.b.SMS.TemplateName": ("SMS_TEMPLATE", "reminder", None),
        "Activities.b.SMS.MessageConfig.OriginationNumber": (
            *("ORIGINATION_NUMBER", "+12065550100", None),
        ),
        "Activities.b.SMS.MessageConfig.SenderId": ("SENDER_ID", "SHOP", None),
        "Activities.c.CUSTOM.TemplateName": ("CUSTOM_TEMPLATE", "chat", None),
        "Activities.c.CUSTOM.DeliveryUri": ("DELIVERY_URI", FUNCTION_ARN, None),
        f"Activities.d.{split}.SegmentId": ("SEGMENT", "6" * 32, None),
        f"Activities.e.{branch}.SegmentId": ("SEGMENT", "7" * 32, None),
        "Activities.f.PUSH.TemplateName": ("PUSH_TEMPLATE", "ping", None),
    }


def test_a_path_leads_to_the_member_that_holds_the_value():
    journey: Any = journey_request(Activities={"welcome": yes_no(opened("x"), in_segment())})

    for reference in journey_references(journey):
        value = journey
        for step in reference.path:
            value = value[step]
        assert value == reference.value


def test_the_segment_of_an_event_start_is_a_reference():
    start = {"EventStartCondition": {"SegmentId": "s"}}

    [reference] = journey_references({"StartCondition": start})

    assert reference.member == "StartCondition.EventStartCondition.SegmentId"


@pytest.mark.parametrize(
    "journey",
    [
        {},
        {"StartCondition": {}},
        {"StartCondition": None, "Activities": None},
        {"Activities": {"a": {"EMAIL": {"TemplateName": "", "MessageConfig": None}}}},
        {"Activities": {"a": {"Description": "only"}}},
        {"Activities": {"a": {"MultiCondition": {"Branches": [{}]}}}},
    ],
)
def test_a_journey_that_names_nothing_has_no_references(journey: Any):
    assert list(journey_references(journey)) == []


def test_the_message_of_an_activity_is_its_template_in_a_version():
    message = message_of(email(TemplateVersion="2", MessageConfig={"FromAddress": "a@b.de"}))

    assert message is not None
    assert (message.activity_type, message.template_name) == (ActivityType.EMAIL, "welcome")
    assert (message.template_version, message.settings) == ("2", {"FromAddress": "a@b.de"})


def test_the_message_of_a_custom_activity_is_the_data_for_its_function():
    message = message_of(custom(MessageConfig={"Data": "x"}))

    assert message is not None
    assert (message.delivery_uri, message.settings["Data"]) == (FUNCTION_ARN, "x")
    assert message.template_name is None


@pytest.mark.parametrize("activity", [wait(), multi(), {}, {**email(), **text_message()}])
def test_an_activity_that_sends_nothing_has_no_message(activity: Any):
    assert message_of(activity) is None


def test_an_activity_with_two_types_has_no_type():
    assert activity_type({**email(), **wait()}) is None
    assert activity_type(wait()) is ActivityType.WAIT


def test_a_path_is_written_as_errors_write_it():
    assert path_text(("Activities", "a", "Branches", 2, "Id")) == "Activities.a.Branches[2].Id"
