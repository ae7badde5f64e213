"""References are found wherever the API's model has them, and bodies become requests."""

from __future__ import annotations

from typing import Any

import boto3
import pytest

from journey_copy.bodies import copied_tags, journey_request, same, segment_request
from journey_copy.names import journey_names, template_names
from journey_copy.references import source_segments
from journey_copy.rules import Place, unusable, warning
from shared.journeys import Kind, Reference, journey_references

MODEL = boto3.client("pinpoint", region_name="eu-west-1").meta.service_model
# Members of a journey that name something by a word of the API, or something inside the journey.
_NO_REFERENCES = {
    "EntityId",  # registrations with an Indian operator, which no account owns
    "MessageActivity",
    "SMS.MessageConfig.TemplateId",
}
EVERY: dict[str, Any] = {
    "StartCondition": {
        "SegmentStartCondition": {"SegmentId": "s1"},
        "EventStartCondition": {"SegmentId": "s2"},
    },
    "Activities": {
        "custom": {"CUSTOM": {"DeliveryUri": "u", "TemplateName": "c", "TemplateVersion": "1"}},
        "email": {"EMAIL": {"TemplateName": "e", "MessageConfig": {"FromAddress": "a"}}},
        "push": {"PUSH": {"TemplateName": "p", "TemplateVersion": "2"}},
        "sms": {
            "SMS": {
                "TemplateName": "t",
                "MessageConfig": {"OriginationNumber": "n", "SenderId": "i"},
            }
        },
        "split": {
            "ConditionalSplit": {
                "Condition": {"Conditions": [{}, {"SegmentCondition": {"SegmentId": "s3"}}]}
            }
        },
        "many": {
            "MultiCondition": {
                "Branches": [{"Condition": {"SegmentCondition": {"SegmentId": "s4"}}}]
            }
        },
        "wait": {"Wait": {"WaitTime": {"WaitFor": "PT1H"}}},
    },
    "JourneyChannelSettings": {
        "ConnectCampaignArn": "arn:c",
        "ConnectCampaignExecutionRoleArn": "arn:r",
    },
}


def members_that_refer(shape: Any, path: str = "") -> set[str]:
    """Find the members of a shape whose names say that they refer to something."""
    if shape.type_name == "list":
        return members_that_refer(shape.member, path)
    if shape.type_name == "map":
        return members_that_refer(shape.value, path)
    if shape.type_name != "structure":
        word = path.split(".")[-1]
        ends = ("Address", "Arn", "Id", "Name", "Number", "Uri")
        return {path} if word.endswith(ends) or word == "MessageActivity" else set()
    return set().union(
        *(members_that_refer(m, f"{path}.{n}".strip(".")) for n, m in shape.members.items())
    )


def test_every_member_of_the_model_that_refers_to_something_is_a_reference() -> None:
    named = members_that_refer(MODEL.shape_for("WriteJourneyRequest"))
    # The name of the journey, and names of closed days.
    named = {name for name in named if name != "Name" and not name.startswith("ClosedDays.")}
    named = {name for name in named if not name.endswith(tuple(_NO_REFERENCES))}

    keys = set(EVERY["Activities"])
    found = {
        ".".join(part for part in r.path if part not in keys and isinstance(part, str))
        for r in journey_references(EVERY)
    }

    assert named == found


def test_references_have_their_kind_value_and_version() -> None:
    found = {(r.kind, r.value, r.version) for r in journey_references(EVERY)}

    assert (Kind.CUSTOM_TEMPLATE, "c", "1") in found
    assert (Kind.PUSH_TEMPLATE, "p", "2") in found
    assert (Kind.SMS_TEMPLATE, "t", None) in found
    assert {v for k, v, _ in found if k is Kind.SEGMENT} == {"s1", "s2", "s3", "s4"}


@pytest.mark.parametrize("empty", [{}, {"StartCondition": None, "Activities": None}])
def test_a_journey_without_references_has_none(empty: dict[str, Any]) -> None:
    assert list(journey_references(empty)) == []


def test_a_request_has_no_member_that_exists_in_responses_only() -> None:
    response = dict.fromkeys(MODEL.shape_for("JourneyResponse").members, "x")

    request = journey_request(response, MODEL.shape_for("WriteJourneyRequest").members)

    dropped = {"ApplicationId", "CreationDate", "Id", "LastModifiedDate", "tags"}
    assert set(response) - set(request) == dropped
    assert request["State"] == "DRAFT"


@pytest.mark.parametrize(
    ("response", "request_body"),
    [
        ({"Name": "n", "Dimensions": {}}, {"Name": "n", "Dimensions": {}}),
        ({"Name": "n"}, {"Name": "n", "Dimensions": {}}),
        (
            {"Name": "n", "Dimensions": {}, "SegmentGroups": {"Groups": [{"Type": "ALL"}]}},
            {"Name": "n", "SegmentGroups": {"Groups": [{"Type": "ALL"}]}},
        ),
        ({"Name": "n", "SegmentGroups": {"Groups": []}}, {"Name": "n", "Dimensions": {}}),
    ],
)
def test_a_segment_request_has_dimensions_or_groups_and_never_both(
    response: dict[str, Any], request_body: dict[str, Any]
) -> None:
    assert segment_request(response) == request_body


def test_source_segments_have_their_version() -> None:
    groups = [{"SourceSegments": [{"Id": "a"}]}, {"SourceSegments": [{"Id": "b", "Version": 3}]}]

    found = source_segments({"SegmentGroups": {"Groups": groups}})

    assert [(one, version) for _, one, version in found] == [("a", None), ("b", 3)]


def test_tags_of_aws_and_of_the_owner_are_not_copied() -> None:
    tags = {"team": "crm", "aws:cloudformation:stack": "s", "managed-by": "m", "copied-from": "x"}

    assert copied_tags(tags, "p/1") == {"team": "crm", "copied-from": "p/1"}


@pytest.mark.parametrize(
    ("one", "other", "equal"),
    [
        ({"a": 1, "b": None}, {"a": 1}, True),
        ({"a": False, "b": {"c": []}}, {}, True),
        ({"a": 0}, {}, False),
        ({"a": [1, 2]}, {"a": [2, 1]}, False),
        ({"a": {"b": "x"}}, {"a": {"b": "y"}}, False),
    ],
)
def test_an_absent_member_equals_an_empty_one(one: Any, other: Any, equal: bool) -> None:
    assert same(one, other) is equal


def test_names_fit_into_the_limits_of_the_api() -> None:
    assert [len(name) for name in journey_names("j" * 150, "0123456789")] == [150, 150]
    assert [len(name) for name in template_names("t" * 128, "0123456789")] == [128, 128]
    assert journey_names("welcome", "0123456789")[1] == "welcome-01234567"


@pytest.mark.parametrize(
    ("kind", "value", "here", "elsewhere"),
    [
        (Kind.DELIVERY_URI, "arn:aws:lambda:eu-west-1:1:function:f", True, False),
        (Kind.DELIVERY_URI, "https://example.com/hook", True, True),
        (Kind.DELIVERY_URI, "my-function", True, True),
        (Kind.CONNECT_CAMPAIGN, "arn:aws:connect-campaigns:eu-west-1:1:campaign/c", True, False),
        (Kind.CONNECT_ROLE, "arn:aws:iam::1:role/r", True, False),
        (Kind.ORIGINATION_NUMBER, "+12065550100", True, False),
        (Kind.ORIGINATION_NUMBER, "arn:aws:sms-voice:eu-west-1:1:pool/p", True, False),
        (Kind.FROM_ADDRESS, "a@example.com", True, True),
        (Kind.SENDER_ID, "SHOP", True, True),
    ],
)
def test_what_belongs_to_an_account_is_unusable_in_another(
    kind: Kind, value: str, here: bool, elsewhere: bool
) -> None:
    reference = Reference(kind, ("Activities", "a"), value)
    source, other = Place("1", "eu-west-1"), Place("2", "eu-west-1")

    assert (unusable(reference, source, source) is None) is here
    assert (unusable(reference, source, other) is None) is elsewhere
    assert warning(reference, source, source) is None
    assert (warning(reference, source, other) is not None) is elsewhere
