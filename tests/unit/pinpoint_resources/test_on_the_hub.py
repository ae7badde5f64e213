"""The plans against the hub's own API: the hub accepts the requests of the function."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import boto3
import pytest

from engagement_hub.api.responder import respond
from engagement_hub.hub import hub_from_environment
from pinpoint_resources.calls import Plan
from pinpoint_resources.core import parse_request, plan
from pinpoint_resources.execution import carry_out
from tests.builders.hub import hub_client, hub_tables

ROLE = "arn:aws:iam::123456789012:role/engagement-hub/stream"
STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/events"
HOOK = "arn:aws:lambda:us-east-1:123456789012:function:filter"
GERMANS = {"Location": {"Country": {"DimensionType": "INCLUSIVE", "Values": ["DE"]}}}
WISHES: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "ApplicationSettings": (
        {"CampaignHook": {"LambdaFunctionName": HOOK, "Mode": "FILTER"}, "Limits": {"Daily": 3}},
        {"Limits": {"Daily": 5}},
    ),
    "Channel": (
        {"Channel": "sms", "Enabled": True},
        {"Channel": "sms", "Enabled": True, "SenderId": "SHOP"},
    ),
    "EmailTemplate": (
        {"TemplateName": "welcome", "Subject": "Welcome", "TextPart": "Welcome!"},
        {"TemplateName": "welcome", "Subject": "Hello", "TextPart": "Welcome!"},
    ),
    "EventStream": (
        {"DestinationStreamArn": STREAM, "RoleArn": ROLE},
        {"DestinationStreamArn": STREAM, "RoleArn": f"{ROLE}-2"},
    ),
    "Segment": (
        {"Name": "germans", "Dimensions": GERMANS},
        {"Name": "germans", "Dimensions": GERMANS, "tags": {"team": "crm"}},
    ),
    "SmsTemplate": (
        {"TemplateName": "greeting", "Body": "Hello"},
        {"TemplateName": "greeting", "Body": "Hi {{User.UserAttributes.FirstName}}"},
    ),
}


@pytest.fixture
def pinpoint() -> Iterator[Any]:
    with hub_tables():
        # The hub writes a test event to a stream before it registers the stream.
        boto3.client("kinesis", region_name="us-east-1").create_stream(
            StreamName="events", ShardCount=1
        )
        hub = hub_from_environment()
        yield hub_client(lambda event: respond(hub, event), decoded_path=True)


def invoke(
    pinpoint: Any,
    action: str,
    kind: str,
    properties: dict[str, Any],
    *,
    project_id: str,
    previous: dict[str, Any] | None = None,
    owner: str = "block/key",
) -> dict[str, Any]:
    def event(properties: dict[str, Any]) -> dict[str, Any]:
        return {
            "type": kind,
            "owner": owner,
            "project_id": project_id,
            "properties": properties,
            "revision": "r1",
        }

    lifecycle = {"action": action, "prev_input": event(previous) if previous else None}
    request = parse_request({**event(properties), "tf": lifecycle})
    return carry_out(plan(request), lambda service: pinpoint, sleep=lambda seconds: None)


@pytest.fixture
def project(pinpoint: Any) -> str:
    app = invoke(pinpoint, "create", "App", {"Name": "shop"}, project_id="*")
    return str(app["Id"])


@pytest.mark.parametrize("kind", WISHES)
def test_the_hub_takes_every_type_through_its_life(pinpoint: Any, project: str, kind: str):
    before, after = WISHES[kind]

    created = invoke(pinpoint, "create", kind, before, project_id=project)
    repeated = invoke(pinpoint, "create", kind, before, project_id=project)
    updated = invoke(pinpoint, "update", kind, after, project_id=project, previous=before)
    for _ in range(2):
        assert invoke(pinpoint, "delete", kind, after, project_id=project) == {}

    identity = ("Id", "Arn", "ApplicationId", "DestinationStreamArn", "TemplateName", "Version")
    of_created = {name: created[name] for name in identity if name in created}
    assert of_created
    assert {name: repeated[name] for name in of_created} == of_created
    stable = {name: value for name, value in of_created.items() if name != "Version"}
    assert {name: updated[name] for name in stable} == stable


def test_a_changed_template_is_what_the_next_campaign_sends(pinpoint: Any, project: str):
    before, after = WISHES["SmsTemplate"]
    invoke(pinpoint, "create", "SmsTemplate", before, project_id=project)

    updated = invoke(pinpoint, "update", "SmsTemplate", after, project_id=project, previous=before)

    active = pinpoint.get_sms_template(TemplateName="greeting")["SMSTemplateResponse"]
    first = pinpoint.get_sms_template(TemplateName="greeting", Version="1")["SMSTemplateResponse"]
    assert (active["Body"], active["Version"]) == (after["Body"], updated["Version"])
    assert first["Body"] == "Hello"


@pytest.mark.parametrize("order", [("create", "delete"), ("delete", "create")])
@pytest.mark.parametrize("kind", ["EmailTemplate", "SmsTemplate"])
def test_a_template_survives_the_renaming_of_its_key(
    pinpoint: Any, project: str, kind: str, order: tuple[str, str]
):
    properties = WISHES[kind][0]
    owners = {"create": "block/x", "delete": "block/a"}
    invoke(pinpoint, "create", kind, properties, project_id=project, owner="block/a")

    for action in order:
        invoke(pinpoint, action, kind, properties, project_id=project, owner=owners[action])

    assert owner_of(pinpoint, kind, properties["TemplateName"]) == "block/x"


def test_a_template_that_goes_while_its_new_key_takes_it_over_is_made_again(
    pinpoint: Any, project: str
):
    properties = WISHES["SmsTemplate"][0]
    old = {"project_id": project, "owner": "block/a"}
    invoke(pinpoint, "create", "SmsTemplate", properties, **old)
    event = {"type": "SmsTemplate", "properties": properties, **old, "owner": "block/x"}
    steps = plan(parse_request({**event, "tf": {"action": "create"}}))
    read = next(steps)
    template = pinpoint.get_sms_template(**read.parameters)

    invoke(pinpoint, "delete", "SmsTemplate", properties, **old)
    carry_out(_continued(steps, template), lambda service: pinpoint, sleep=lambda seconds: None)

    assert owner_of(pinpoint, "SmsTemplate", "greeting") == "block/x"


def owner_of(pinpoint: Any, kind: str, name: str) -> str:
    if kind == "SmsTemplate":
        template = pinpoint.get_sms_template(TemplateName=name)["SMSTemplateResponse"]
    else:
        template = pinpoint.get_email_template(TemplateName=name)["EmailTemplateResponse"]
    return str(template["tags"]["managed-by"])


def _continued(steps: Plan, answer: Mapping[str, Any]) -> Plan:
    """The rest of a plan whose first call has been answered."""
    call = steps.send(answer)
    try:
        while True:
            answer = yield call
            call = steps.send(answer)
    except StopIteration as end:
        result: dict[str, Any] = end.value
        return result


def test_a_project_is_found_again_among_others_and_deleted_alone(pinpoint: Any, project: str):
    other = pinpoint.create_app(CreateApplicationRequest={"Name": "shop"})["ApplicationResponse"]

    again = invoke(pinpoint, "create", "App", {"Name": "shop"}, project_id="*")
    invoke(pinpoint, "delete", "App", {"Name": "shop"}, project_id="*")

    left = pinpoint.get_apps()["ApplicationsResponse"]["Item"]
    assert again["Id"] == project
    assert [app["Id"] for app in left] == [other["Id"]]


@pytest.mark.parametrize("kind", WISHES)
def test_deleting_is_fine_when_the_project_went_first(pinpoint: Any, project: str, kind: str):
    properties = WISHES[kind][0]
    invoke(pinpoint, "create", kind, properties, project_id=project)
    pinpoint.delete_app(ApplicationId=project)

    assert invoke(pinpoint, "delete", kind, properties, project_id=project) == {}
