"""The hub, used by a program that was written for Amazon Pinpoint."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pytest_terraform import terraform

from tests.builders.faults import fault
from tests.builders.hub_client import hub_client
from tests.builders.hub_customer import (
    CustomerFunction,
    customer_function,
    firehose_event_stream,
    kinesis_event_stream,
    kinesis_events,
    role_for_the_hub,
    stored_events,
)
from tests.builders.hub_faults import (
    CAMPAIGN_CONTENT,
    addresses,
    dead_letters,
    direct_send,
    ids_in_shard,
    messages_to,
    two_small_chunks,
)
from tests.builders.hub_faults import FIRST_CHUNK as CLAIM
from tests.builders.journeys import journey_request, text_message, wait
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import outputs, second_plan
from tools.terraform_run import ROOT

PROGRAM = ROOT / "examples" / "engagement_hub" / "program.py"

pytestmark = pytest.mark.integration

WORKER = "hub-campaign"  # the function that runs the steps of campaigns
API = "hub-api"  # the function that answers requests
# Taken by every example that has a variable of this name.
EMAIL_FROM_ADDRESS = os.environ.setdefault("TF_VAR_email_from_address", "news@example.com")


@pytest.fixture(scope="module", autouse=True)
def voice_number(account: LocalAccount) -> Iterator[str]:
    """Request the number for voice messages before the example, which uses it, is applied."""
    number = account.client("pinpoint-sms-voice-v2").request_phone_number(
        IsoCountryCode="US",
        MessageType="TRANSACTIONAL",
        NumberCapabilities=["VOICE"],
        NumberType="TOLL_FREE",
    )
    voice = {"origination_identity_arn": number["PhoneNumberArn"], "messages_per_second": 5}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_voice", json.dumps(voice))
        yield number["PhoneNumber"]


@pytest.fixture(scope="module")
def hub(engagement_hub: Any) -> dict[str, Any]:
    return outputs(engagement_hub)


@pytest.fixture(scope="module")
def pinpoint(hub: dict[str, Any]) -> Any:
    return hub_client(hub["api_url"])


@pytest.fixture
def project(pinpoint: Any) -> str:
    app = pinpoint.create_app(CreateApplicationRequest={"Name": f"test-{uuid.uuid4().hex[:8]}"})
    return str(app["ApplicationResponse"]["Id"])


def activity_of(account: LocalAccount, pinpoint: Any, project: str, campaign: str) -> Any:
    """Wait for the first activity of a campaign with a result."""
    found = account.eventually(
        lambda: [
            activity
            for activity in pinpoint.get_campaign_activities(
                ApplicationId=project, CampaignId=campaign
            )["ActivitiesResponse"]["Item"]
            if activity.get("Result")
        ],
        bool,
        seconds=90,
    )
    return found[0]


@terraform("engagement_hub", scope="module")
def test_an_ordinary_program_for_pinpoint_runs_with_only_its_client_changed(
    engagement_hub: Any, hub: dict[str, Any], account: LocalAccount
) -> None:
    run = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={**os.environ, "PINPOINT_API_URL": hub["api_url"]},
        capture_output=True,
        text=True,
        timeout=180,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    assert "2 of 2 sent" in run.stdout
    sent = account.sent_to("+14255550142", "+14255550143", "+14255550144")
    assert sorted(message["to"] for message in sent) == ["+14255550142", "+14255550144"]
    assert {message["body"] for message in sent} == {
        "Hello Ann, your gold plan is on.",
        "Hello Eve, your gold plan is on.",
    }


@terraform("engagement_hub", scope="module")
def test_each_recipient_has_one_campaign_event_in_the_documented_format(
    engagement_hub: Any, pinpoint: Any, project: str, account: LocalAccount
) -> None:
    stream = kinesis_event_stream(account, pinpoint, project)
    for name, number in (("ann", "+14255550351"), ("bob", "+14255550352")):
        pinpoint.update_endpoint(
            ApplicationId=project,
            EndpointId=name,
            EndpointRequest={"ChannelType": "SMS", "Address": number},
        )
    segment = pinpoint.create_segment(
        ApplicationId=project,
        WriteSegmentRequest={"Name": "all", "Dimensions": {}},
    )["SegmentResponse"]
    campaign = pinpoint.create_campaign(
        ApplicationId=project,
        WriteCampaignRequest={
            "Name": "events",
            "SegmentId": segment["Id"],
            "Schedule": {"StartTime": "IMMEDIATE"},
            "MessageConfiguration": {"SMSMessage": {"Body": "Hi", "MessageType": "TRANSACTIONAL"}},
        },
    )["CampaignResponse"]

    activity = activity_of(account, pinpoint, project, campaign["Id"])
    sends = account.eventually(
        lambda: [r for r in kinesis_events(account, stream) if r["event_type"] == "_campaign.send"],
        lambda seen: len(seen) == 2,
    )

    assert activity["SuccessfulEndpointCount"] == 2
    assert {event["client"]["client_id"] for event in sends} == {"ann", "bob"}
    for event in sends:
        assert event["application"]["app_id"] == project
        assert event["attributes"]["campaign_id"] == campaign["Id"]
        assert event["attributes"]["campaign_activity_id"] == activity["Id"]
        assert event["attributes"]["campaign_send_status"] == "SUCCESS"
        assert event["attributes"]["treatment_id"] == "0"


@terraform("engagement_hub", scope="module")
def test_an_email_campaign_goes_out_from_the_hubs_own_address_and_from_no_other(
    engagement_hub: Any, pinpoint: Any, project: str, account: LocalAccount
) -> None:
    recipient = f"ann-{project[:8]}@example.com"
    pinpoint.update_endpoint(
        ApplicationId=project,
        EndpointId="ann",
        EndpointRequest={
            "ChannelType": "EMAIL",
            "Address": recipient,
            "User": {"UserId": "ann", "UserAttributes": {"FirstName": ["<Ann>"]}},
        },
    )
    segment = pinpoint.create_segment(
        ApplicationId=project, WriteSegmentRequest={"Name": "all", "Dimensions": {}}
    )["SegmentResponse"]
    message = {
        "Title": "News for {{User.UserAttributes.FirstName}}",
        "HtmlBody": "<p>Hi {{User.UserAttributes.FirstName}}</p>",
    }

    def create(**sender: str) -> Any:
        return pinpoint.create_campaign(
            ApplicationId=project,
            WriteCampaignRequest={
                "Name": "mail",
                "SegmentId": segment["Id"],
                "Schedule": {"StartTime": "IMMEDIATE"},
                "MessageConfiguration": {"EmailMessage": {**message, **sender}},
            },
        )["CampaignResponse"]

    with pytest.raises(pinpoint.exceptions.BadRequestException, match="EmailMessage.FromAddress"):
        create(FromAddress="somebody-else@example.com")
    activity = activity_of(account, pinpoint, project, create()["Id"])

    assert activity["SuccessfulEndpointCount"] == 1
    mails = [mail for mail in account.outbox("email") if recipient in mail["to"]]
    assert [(m["from"], m["subject"], m["html"]) for m in mails] == [
        (EMAIL_FROM_ADDRESS, "News for <Ann>", "<p>Hi &lt;Ann&gt;</p>")
    ]


@terraform("engagement_hub", scope="module")
def test_a_campaign_scheduled_once_goes_out_at_its_time_and_a_paused_one_does_not(
    engagement_hub: Any, hub: dict[str, Any], pinpoint: Any, project: str, account: LocalAccount
) -> None:
    number = "+14255550361"
    pinpoint.update_endpoint(
        ApplicationId=project,
        EndpointId="ann",
        EndpointRequest={"ChannelType": "SMS", "Address": number},
    )
    segment = pinpoint.create_segment(
        ApplicationId=project, WriteSegmentRequest={"Name": "all", "Dimensions": {}}
    )["SegmentResponse"]
    start = time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime(time.time() + 30))

    def scheduled(body: str, *, paused: bool) -> str:
        campaign = pinpoint.create_campaign(
            ApplicationId=project,
            WriteCampaignRequest={
                "Name": body,
                "SegmentId": segment["Id"],
                "Schedule": {"StartTime": start, "Frequency": "ONCE"},
                "MessageConfiguration": {
                    "SMSMessage": {"Body": body, "MessageType": "TRANSACTIONAL"}
                },
            },
        )["CampaignResponse"]
        if paused:
            pinpoint.update_campaign(
                ApplicationId=project,
                CampaignId=campaign["Id"],
                WriteCampaignRequest={"IsPaused": True},
            )
        return str(campaign["Id"])

    going = scheduled("going out", paused=False)
    paused = scheduled("held back", paused=True)
    assert account.sent_to(number) == []
    schedules = account.client("scheduler")
    assert len(schedules.list_schedules(NamePrefix=going)["Schedules"]) == 1
    activity_of(account, pinpoint, project, going)

    assert [message["body"] for message in account.sent_to(number)] == ["going out"]
    # The paused one has no run under way, and no schedule that starts any.
    assert schedules.list_schedules(NamePrefix=paused)["Schedules"] == []
    states = account.client("stepfunctions")
    inputs = [
        json.loads(states.describe_execution(executionArn=run["executionArn"])["input"])
        for run in account.executions(hub["state_machine_arns"]["campaign"])
    ]
    assert {run["CampaignId"] for run in inputs} & {going, paused} == {going}
    state = pinpoint.get_campaign(ApplicationId=project, CampaignId=paused)
    assert state["CampaignResponse"]["State"] == {"CampaignStatus": "PAUSED"}


def worker_log(account: LocalAccount, *words: str) -> list[str]:
    """The lines of the campaign worker's log that have all these words."""
    return log_lines(account, WORKER, *words)


def text_messages(pinpoint: Any, project: str, **plans: str) -> dict[str, str]:
    """One SMS endpoint for each name, with the attribute Plan; their numbers by name."""
    digits = int(project[:6], 16) % 10_000_000
    numbers = {}
    for position, (name, plan) in enumerate(plans.items()):
        numbers[name] = f"+1425{(digits + position) % 10_000_000:07d}"
        pinpoint.update_endpoint(
            ApplicationId=project,
            EndpointId=name,
            EndpointRequest={
                "ChannelType": "SMS",
                "Address": numbers[name],
                "Attributes": {"Plan": [plan]},
                "User": {"UserId": name},
            },
        )
    return numbers


def campaign_to_all(pinpoint: Any, project: str, **members: Any) -> str:
    """Start a campaign for every endpoint of the project. Returns its id."""
    segment = pinpoint.create_segment(
        ApplicationId=project, WriteSegmentRequest={"Name": "all", "Dimensions": {}}
    )["SegmentResponse"]
    campaign = pinpoint.create_campaign(
        ApplicationId=project,
        WriteCampaignRequest={
            "Name": "all",
            "SegmentId": segment["Id"],
            "Schedule": {"StartTime": "IMMEDIATE"},
            **members,
        },
    )
    return str(campaign["CampaignResponse"]["Id"])


PLAN = {"SMSMessage": {"Body": "Your plan: {{Attributes.Plan}}", "MessageType": "TRANSACTIONAL"}}
GOLD_BECOMES_PLATINUM = """
def answer(event):
    return {
        name: {**endpoint, "Attributes": {"Plan": ["platinum"]}}
        for name, endpoint in event["Endpoints"].items()
        if endpoint["Attributes"]["Plan"] == ["gold"]
    }
"""


@terraform("engagement_hub", scope="module")
def test_a_filter_hook_decides_who_gets_a_message_and_what_it_says(
    engagement_hub: Any, hub: dict[str, Any], pinpoint: Any, project: str, account: LocalAccount
) -> None:
    numbers = text_messages(pinpoint, project, ann="gold", bob="basic", eve="gold")
    hook = customer_function(account, f"hook-{project[:8]}", GOLD_BECOMES_PLATINUM)
    hook.let_in(hub["campaign_role_arn"])

    campaign = campaign_to_all(
        pinpoint,
        project,
        MessageConfiguration=PLAN,
        Hook={"LambdaFunctionName": hook.arn, "Mode": "FILTER"},
    )
    activity = activity_of(account, pinpoint, project, campaign)

    sent = {message["to"]: message["body"] for message in account.sent_to(*numbers.values())}
    assert sent == {numbers[name]: "Your plan: platinum" for name in ("ann", "eve")}
    assert (activity["Result"], activity["SuccessfulEndpointCount"]) == ("SUCCESS", 2)
    assert activity["ExecutionMetrics"]["FILTERED_OUT_BY_HOOK"] == "1"
    asked = [name for call in hook.calls() for name in call["Endpoints"]]
    assert sorted(asked) == ["ann", "bob", "eve"]
    for call in hook.calls():
        assert (call["ApplicationId"], call["CampaignId"]) == (project, campaign)
        assert (call["ActivityId"], call["TreatmentId"]) == (activity["Id"], "0")
        assert call["MessageConfiguration"] == call["Message"] == PLAN
    stored = pinpoint.get_endpoint(ApplicationId=project, EndpointId="ann")["EndpointResponse"]
    assert stored["Attributes"] == {"Plan": ["gold"]}


@terraform("engagement_hub", scope="module")
def test_a_hook_that_the_hub_may_not_invoke_fails_the_run_and_nobody_gets_anything(
    engagement_hub: Any, pinpoint: Any, project: str, account: LocalAccount
) -> None:
    numbers = text_messages(pinpoint, project, ann="gold", bob="basic")
    hook = customer_function(account, f"closed-{project[:8]}", GOLD_BECOMES_PLATINUM)

    campaign = campaign_to_all(
        pinpoint,
        project,
        MessageConfiguration=PLAN,
        Hook={"LambdaFunctionName": hook.arn, "Mode": "FILTER"},
    )
    activity = activity_of(account, pinpoint, project, campaign)

    assert (activity["Result"], activity["SuccessfulEndpointCount"]) == ("FAIL", 0)
    assert activity["ExecutionMetrics"]["HOOK_FAILURE"] == "2"
    assert account.sent_to(*numbers.values()) == []
    assert hook.calls() == []
    logged = account.eventually(lambda: worker_log(account, hook.arn), bool)
    assert "hook failed" in logged[0]
    assert "AccessDeniedException" in logged[0]


WAITS_FOR_GO = """
def answer(event):
    end = time.time() + 12
    while not objects("go") and time.time() < end:
        time.sleep(0.2)
    return {}
"""


@terraform("engagement_hub", scope="module")
def test_a_campaign_whose_execution_is_stopped_is_released(
    engagement_hub: Any, hub: dict[str, Any], pinpoint: Any, project: str, account: LocalAccount
) -> None:
    text_messages(pinpoint, project, ann="gold")
    hook = customer_function(account, f"waits-{project[:8]}", WAITS_FOR_GO)
    hook.let_in(hub["campaign_role_arn"])
    campaign = campaign_to_all(
        pinpoint,
        project,
        MessageConfiguration=PLAN,
        Hook={"LambdaFunctionName": hook.arn, "Mode": "FILTER"},
    )
    account.eventually(hook.calls, bool)

    ended = stopped_execution(account, "hub-campaign", f"{campaign}-1")
    # The event of the module's rule: the local AWS publishes no events of executions.
    answer = account.client("lambda").invoke(FunctionName="hub-ended", Payload=json.dumps(ended))
    hook.put("go")

    assert "FunctionError" not in answer, answer["Payload"].read()
    names = {"ApplicationId": project, "CampaignId": campaign}
    state = pinpoint.get_campaign(**names)["CampaignResponse"]["State"]["CampaignStatus"]
    [activity] = pinpoint.get_campaign_activities(**names)["ActivitiesResponse"]["Item"]
    assert (state, activity["State"], activity["Result"]) == ("COMPLETED", "COMPLETED", "FAIL")


def stopped_execution(account: LocalAccount, machine: str, name: str) -> dict[str, Any]:
    """Stop a running execution. Returns the event of its end, as EventBridge has it."""
    states = account.client("stepfunctions")
    arns = {
        one["name"]: one["stateMachineArn"] for one in states.list_state_machines()["stateMachines"]
    }
    [execution] = [one for one in account.executions(arns[machine]) if one["name"] == name]
    states.stop_execution(executionArn=execution["executionArn"])
    detail = states.describe_execution(executionArn=execution["executionArn"])
    members = ("executionArn", "stateMachineArn", "name", "status", "input")
    assert detail["status"] == "ABORTED"
    return {
        "version": "0",
        "id": str(uuid.uuid4()),
        "source": "aws.states",
        "detail-type": "Step Functions Execution Status Change",
        "resources": [execution["executionArn"]],
        "detail": {member: detail[member] for member in members},
    }


@terraform("engagement_hub", scope="module")
def test_a_custom_channel_gets_the_endpoints_of_its_types_in_the_documented_form(
    engagement_hub: Any, hub: dict[str, Any], pinpoint: Any, project: str, account: LocalAccount
) -> None:
    text_messages(pinpoint, project, ann="gold")
    pinpoint.update_endpoint(
        ApplicationId=project,
        EndpointId="room",
        EndpointRequest={"ChannelType": "CUSTOM", "Address": "room-42"},
    )
    channel = customer_function(account, f"custom-{project[:8]}", "def answer(event): pass")
    channel.let_in(hub["campaign_role_arn"])

    campaign = campaign_to_all(
        pinpoint,
        project,
        MessageConfiguration={"CustomMessage": {"Data": "spring"}},
        CustomDeliveryConfiguration={"DeliveryUri": channel.arn, "EndpointTypes": ["CUSTOM"]},
    )
    activity = activity_of(account, pinpoint, project, campaign)

    assert (activity["Result"], activity["SuccessfulEndpointCount"]) == ("SUCCESS", 1)
    assert activity["TotalEndpointCount"] == 1
    [call] = channel.calls()
    [(name, endpoint)] = call.pop("Endpoints").items()
    assert (name, endpoint["ChannelType"], endpoint["Address"]) == ("room", "CUSTOM", "room-42")
    assert call.pop("ScheduledTime").endswith("Z")
    assert call == {
        "Message": {},
        "Data": "spring",
        "ApplicationId": project,
        "CampaignId": campaign,
        "TreatmentId": "0",
        "ActivityId": activity["Id"],
    }


@terraform("engagement_hub", scope="module")
def test_a_custom_channel_that_fails_is_counted_as_failed_and_called_once(
    engagement_hub: Any, hub: dict[str, Any], pinpoint: Any, project: str, account: LocalAccount
) -> None:
    text_messages(pinpoint, project, ann="gold")
    channel = customer_function(account, f"broken-{project[:8]}", "def answer(event): return 1 / 0")
    channel.let_in(hub["campaign_role_arn"])

    campaign = campaign_to_all(
        pinpoint,
        project,
        CustomDeliveryConfiguration={"DeliveryUri": channel.arn, "EndpointTypes": ["SMS"]},
    )
    activity = activity_of(account, pinpoint, project, campaign)

    assert (activity["Result"], activity["SuccessfulEndpointCount"]) == ("FAIL", 0)
    assert activity["ExecutionMetrics"]["CUSTOM_DELIVERY_FAILURE"] == "1"
    assert len(channel.calls()) == 1


@terraform("engagement_hub", scope="module")
def test_a_voice_campaign_calls_from_the_hubs_number_in_the_voice_of_its_template(
    engagement_hub: Any, pinpoint: Any, project: str, account: LocalAccount, voice_number: str
) -> None:
    template, number = f"call-{project}", f"+1425{int(project[:5], 16):07d}"
    pinpoint.create_voice_template(
        TemplateName=template,
        VoiceTemplateRequest={
            "Body": "Hello {{User.UserAttributes.FirstName}}.",
            "LanguageCode": "en-US",
            "VoiceId": "Joanna",
        },
    )
    pinpoint.update_endpoint(
        ApplicationId=project,
        EndpointId="ann",
        EndpointRequest={
            "ChannelType": "VOICE",
            "Address": number,
            "User": {"UserId": "ann", "UserAttributes": {"FirstName": ["Ann"]}},
        },
    )

    campaign = campaign_to_all(
        pinpoint, project, TemplateConfiguration={"VoiceTemplate": {"Name": template}}
    )
    activity = activity_of(account, pinpoint, project, campaign)

    assert (activity["Result"], activity["SuccessfulEndpointCount"]) == ("SUCCESS", 1)
    [call] = [one for one in account.outbox("voice") if one["to"] == number]
    assert (call["from"], call["body"]) == (voice_number, "Hello Ann.")
    assert call["voice_id"] == "JOANNA"


@terraform("engagement_hub", scope="module")
def test_a_direct_send_that_the_client_repeats_goes_out_once_in_the_form_that_ses_takes(
    engagement_hub: Any, hub: dict[str, Any], project: str, account: LocalAccount
) -> None:
    client = hub_client(hub["api_url"])
    client.meta.events.register("before-send.pinpoint", as_one_call)
    address = f"Ann-{project[:8]}@münchen.example"
    request = {
        "Addresses": {
            address: {"ChannelType": "EMAIL"},
            address.lower(): {"ChannelType": "EMAIL"},
        },
        "MessageConfiguration": {
            "EmailMessage": {
                "FromAddress": f"Müller, News <{EMAIL_FROM_ADDRESS}>",
                "SimpleEmail": {"Subject": {"Data": "Hello"}, "TextPart": {"Data": "Hello"}},
            }
        },
    }

    first, repeated = (
        client.send_messages(ApplicationId=project, MessageRequest=request)["MessageResponse"]
        for _ in range(2)
    )

    assert repeated == first
    assert first["Result"][address]["DeliveryStatus"] == "SUCCESSFUL", first
    assert first["Result"][address.lower()]["DeliveryStatus"] == "DUPLICATE"
    recipient = f"Ann-{project[:8]}@xn--mnchen-3ya.example"
    mails = [mail for mail in account.outbox("email") if recipient in mail["to"]]
    assert len(mails) == 1


def as_one_call(request: Any, **_: Any) -> None:
    """Give every request the id that botocore gives the attempts of one call."""
    request.headers["amz-sdk-invocation-id"] = "11111111-2222-3333-4444-555555555555"


@terraform("engagement_hub", scope="module")
def test_a_stream_that_cannot_be_written_to_is_refused(
    engagement_hub: Any, pinpoint: Any, project: str, account: LocalAccount
) -> None:
    stream = kinesis_event_stream(account, pinpoint, project)
    registered = pinpoint.get_event_stream(ApplicationId=project)["EventStream"]
    gone = registered["DestinationStreamArn"].replace(stream, "gone")

    with pytest.raises(ClientError) as refused:
        pinpoint.put_event_stream(
            ApplicationId=project,
            WriteEventStream={
                "DestinationStreamArn": gone,
                "RoleArn": registered["RoleArn"],
            },
        )

    assert refused.value.response["Error"]["Code"] == "BadRequestException"
    now = pinpoint.get_event_stream(ApplicationId=project)["EventStream"]
    assert now["DestinationStreamArn"] == registered["DestinationStreamArn"]


@terraform("engagement_hub", scope="module")
def test_events_of_a_stream_that_was_deleted_wait_in_the_work_bucket(
    engagement_hub: Any,
    hub: dict[str, Any],
    pinpoint: Any,
    project: str,
    account: LocalAccount,
) -> None:
    stream = kinesis_event_stream(account, pinpoint, project)
    account.client("kinesis").delete_stream(StreamName=stream)
    event = {"EventType": "visit", "Timestamp": "2026-03-02T17:00:00.000Z"}

    answer = pinpoint.put_events(
        ApplicationId=project,
        EventsRequest={"BatchItem": {"ann": {"Endpoint": {}, "Events": {"1": event}}}},
    )

    results = answer["EventsResponse"]["Results"]["ann"]["EventsItemResponse"]
    assert results["1"]["StatusCode"] == 202
    owner = account.client("sts").get_caller_identity()["Account"]
    s3, bucket = account.client("s3"), work_bucket(account, owner)
    listed = s3.list_objects_v2(Bucket=bucket, Prefix=f"undelivered-events/{project}/")
    [key] = [one["Key"] for one in listed["Contents"]]
    [line] = s3.get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()
    assert json.loads(line)["event_type"] == "visit"


def work_bucket(account: LocalAccount, owner: str) -> str:
    """Find the hub's bucket of work files."""
    names = [one["Name"] for one in account.client("s3").list_buckets()["Buckets"]]
    [name] = [one for one in names if one.startswith(f"hub-work-{owner}")]
    return str(name)


@terraform("engagement_hub", scope="module")
def test_events_reach_the_bucket_behind_a_firehose(
    engagement_hub: Any, pinpoint: Any, project: str, account: LocalAccount
) -> None:
    bucket = firehose_event_stream(account, pinpoint, project)
    text_messages(pinpoint, project, ann="gold", bob="basic")

    campaign = campaign_to_all(pinpoint, project, MessageConfiguration=PLAN)
    pinpoint.put_events(
        ApplicationId=project,
        EventsRequest={
            "BatchItem": {
                "ann": {
                    "Endpoint": {},
                    "Events": {
                        "1": {"EventType": "visit", "Timestamp": "2026-03-02T17:00:00.000Z"}
                    },
                }
            }
        },
    )
    events = account.eventually(
        lambda: stored_events(account, bucket), lambda seen: len(seen) >= 3, seconds=90
    )

    assert Counter(event["event_type"] for event in events) == {"_campaign.send": 2, "visit": 1}
    assert {event["application"]["app_id"] for event in events} == {project}
    sends = [event for event in events if event["event_type"] == "_campaign.send"]
    assert {event["client"]["client_id"] for event in sends} == {"ann", "bob"}
    assert {event["attributes"]["campaign_id"] for event in sends} == {campaign}
    assert {event["attributes"]["campaign_send_status"] for event in sends} == {"SUCCESS"}


SHORT_SECONDS = 8
# The first call, for the first chunk, holds the run up until the worker's time-out is changed.
OUTLASTS_THE_WORKER = """
def answer(event):
    call = objects("calls/")
    if call == 1:
        while not objects("go"):
            time.sleep(0.1)
    elif call == {long_call}:
        time.sleep({seconds})
    return event["Endpoints"]
"""
FIRST_CHUNK, SECOND_CHUNK = 3, 60  # people; a hook or a custom channel takes 50 a call


@contextmanager
def worker_time_out(account: LocalAccount) -> Iterator[Callable[[], None]]:
    """Gives a function that sets the timeout of the campaign worker to SHORT_SECONDS.

    The usual timeout is set again at the end. A fixture would do that after the example of the last
    test is destroyed.
    """
    functions = account.client("lambda")
    usual = functions.get_function_configuration(FunctionName=WORKER)["Timeout"]

    def set_to(seconds: int) -> None:
        functions.update_function_configuration(FunctionName=WORKER, Timeout=seconds)
        functions.get_waiter("function_updated_v2").wait(FunctionName=WORKER)

    try:
        yield lambda: set_to(SHORT_SECONDS)
    finally:
        set_to(usual)


def two_chunks(pinpoint: Any, project: str, channel: str, address: str) -> list[str]:
    """The ids of endpoints that a run sends to in two chunks."""
    ids = [*ids_in_shard(0, FIRST_CHUNK), *ids_in_shard(1, SECOND_CHUNK)]
    items = [
        {"Id": one, "ChannelType": channel, "Address": address.format(position)}
        for position, one in enumerate(ids)
    ]
    pinpoint.update_endpoints_batch(ApplicationId=project, EndpointBatchRequest={"Item": items})
    return ids


def run_amid_which_the_worker_times_out(
    account: LocalAccount,
    pinpoint: Any,
    project: str,
    function: CustomerFunction,
    **members: Any,
) -> dict[str, Any]:
    """A campaign's activity. The time-out is real: Lambda ends the worker while it waits."""
    timed_out = f"Task timed out after {SHORT_SECONDS}.00 seconds"
    before = len(worker_log(account, timed_out))
    campaign = campaign_to_all(
        pinpoint,
        project,
        Limits={"MessagesPerSecond": 40},  # so few that chunks are sent one after the other
        **members,
    )
    with worker_time_out(account) as shorten:
        account.eventually(function.calls, bool)
        shorten()
        function.put("go")
        activity: dict[str, Any] = activity_of(account, pinpoint, project, campaign)
    assert len(worker_log(account, timed_out)) == before + 1
    return activity


@terraform("engagement_hub", scope="module")
def test_a_worker_that_times_out_while_it_sends_sends_nobody_anything_twice(
    engagement_hub: Any,
    hub: dict[str, Any],
    pinpoint: Any,
    project: str,
    account: LocalAccount,
) -> None:
    stream = kinesis_event_stream(account, pinpoint, project)
    everyone = two_chunks(pinpoint, project, "CUSTOM", "room-{}")
    source = OUTLASTS_THE_WORKER.format(long_call=2, seconds=SHORT_SECONDS + 4)
    channel = customer_function(account, f"slow-{project[:8]}", source)
    channel.let_in(hub["campaign_role_arn"])

    activity = run_amid_which_the_worker_times_out(
        account,
        pinpoint,
        project,
        channel,
        CustomDeliveryConfiguration={"DeliveryUri": channel.arn, "EndpointTypes": ["CUSTOM"]},
    )

    calls = [list(call["Endpoints"]) for call in channel.calls()]
    assert [len(call) for call in calls] == [FIRST_CHUNK, 50, SECOND_CHUNK - 50]
    assert sorted(name for call in calls for name in call) == sorted(everyone)
    assert activity["SuccessfulEndpointCount"] == len(everyone) - 50
    assert activity["ExecutionMetrics"]["UNKNOWN"] == "50"
    sends = account.eventually(
        lambda: kinesis_events(account, stream), lambda seen: len(seen) >= len(everyone)
    )
    status = {e["client"]["client_id"]: e["attributes"]["campaign_send_status"] for e in sends}
    assert len(sends) == len(status) == len(everyone)
    assert {name for name in status if status[name] == "UNKNOWN"} == set(calls[1])
    assert {status[name] for name in calls[0] + calls[2]} == {"SUCCESS"}


@terraform("engagement_hub", scope="module")
def test_a_worker_that_times_out_while_a_hook_runs_knows_what_it_sent_before(
    engagement_hub: Any,
    hub: dict[str, Any],
    pinpoint: Any,
    project: str,
    account: LocalAccount,
) -> None:
    area = f"+1425{int(project[:6], 16) % 100_000:05d}"
    everyone = two_chunks(pinpoint, project, "SMS", area + "{:02d}")
    source = OUTLASTS_THE_WORKER.format(long_call=3, seconds=SHORT_SECONDS + 4)
    hook = customer_function(account, f"slow-hook-{project[:8]}", source)
    hook.let_in(hub["campaign_role_arn"])

    activity = run_amid_which_the_worker_times_out(
        account,
        pinpoint,
        project,
        hook,
        MessageConfiguration={"SMSMessage": {"Body": "Hi", "MessageType": "TRANSACTIONAL"}},
        Hook={"LambdaFunctionName": hook.arn, "Mode": "FILTER"},
    )

    texts = Counter(one["to"] for one in account.outbox("sms") if one["to"].startswith(area))
    assert set(texts.values()) == {1}
    assert len(texts) == activity["SuccessfulEndpointCount"] == len(everyone)
    assert "UNKNOWN" not in activity["ExecutionMetrics"]


def cell(call: str, name: str, unknown: int = 0, **where: Any) -> Any:
    """A cell of the fault matrix; `unknown` recipients have no outcome, by the fault."""
    return pytest.param(call, name, unknown, where, id=f"{call}-{name}")


TEXT_SENT = {"service": "sms-voice", "operation": "SendTextMessage", "skip": 1}
EMAIL_SENT = {
    "service": "ses",
    "method": "POST",
    "path": "/v2/email/outbound-emails",
    "skip": 1,
}
ITEM_UPDATED = {"service": "dynamodb", "operation": "UpdateItem"}
CAMPAIGN_CALLS: dict[str, dict[str, Any]] = {
    "start": {"service": "states", "operation": "StartExecution", "function": API},
    "audience-write": {"service": "s3", "method": "PUT", "path": "*/chunks/*"},
    "audience-read": {"service": "s3", "method": "GET", "path": "*/chunks/*"},
    "claim": {**ITEM_UPDATED, "contains": '":claimed"'},
    "send-sms": TEXT_SENT,
    "send-email": EMAIL_SENT,
    "outcome": {**ITEM_UPDATED, "contains": '":o0"'},
    "count": {"service": "dynamodb", "operation": "TransactWriteItems", "contains": "#chunk#"},
}


def channel_of(call: str) -> str:
    return "EMAIL" if call == "send-email" else "SMS"


def assert_books(
    account: LocalAccount,
    hub: dict[str, Any],
    pinpoint: Any,
    project: str,
    channel: str,
    to: list[str],
    unknown: int,
) -> None:
    """Compare the only campaign of a project, once it is over, with the outbox."""
    [campaign] = pinpoint.get_campaigns(ApplicationId=project)["CampaignsResponse"]["Item"]
    activity = activity_of(account, pinpoint, project, campaign["Id"])
    machine = hub["state_machine_arns"]["campaign"]
    execution = machine.replace(":stateMachine:", ":execution:") + f":{campaign['Id']}-1"
    assert account.finished(execution)["status"] == "SUCCEEDED"
    state = pinpoint.get_campaign(ApplicationId=project, CampaignId=campaign["Id"])
    assert state["CampaignResponse"]["State"]["CampaignStatus"] == "COMPLETED"
    sent = len(to) - unknown
    counted = {"SUCCESS": sent, "UNKNOWN": unknown, "ENDPOINT_OPT_OUT": 1}
    metrics = {name: int(value) for name, value in activity["ExecutionMetrics"].items()}
    assert metrics.pop("ENDPOINT_PRODUCED") == activity["TotalEndpointCount"] == len(to)
    assert metrics == {name: value for name, value in counted.items() if value}
    assert activity["SuccessfulEndpointCount"] == sent
    messages = messages_to(account, channel, to)
    assert set(messages.values()) <= {1}
    assert sent <= len(messages) <= sent + unknown
    assert dead_letters(account, hub["dead_letter_queue_urls"]) == 0


@pytest.mark.fault_matrix
@pytest.mark.parametrize(
    ("call", "name", "unknown", "where"),
    [
        cell("start", "kill-before"),
        cell("start", "kill-after"),
        cell("audience-write", "throttled"),
        cell("audience-write", "reset-after"),
        cell("audience-write", "kill-after"),
        cell("audience-read", "5xx"),
        cell("claim", "5xx"),
        cell("claim", "reset-after"),
        cell("claim", "kill-before"),
        cell("send-sms", "throttled"),
        cell("send-sms", "5xx"),
        cell("send-sms", "reset-before", unknown=1),
        cell("send-sms", "reset-after", unknown=1),
        cell("send-sms", "delay"),
        cell("send-email", "reset-after", unknown=1),
        cell("outcome", "kill-after"),
        cell("count", "reset-after"),
    ],
)
@terraform("engagement_hub", scope="module")
def test_a_fault_amid_a_campaign_loses_nobody_and_sends_nothing_twice(
    engagement_hub: Any,
    hub: dict[str, Any],
    pinpoint: Any,
    project: str,
    account: LocalAccount,
    call: str,
    name: str,
    unknown: int,
    where: dict[str, Any],
) -> None:
    channel = channel_of(call)
    to = two_small_chunks(pinpoint, project, channel)

    with fault(account, name, **{"function": WORKER} | CAMPAIGN_CALLS[call] | where):
        campaign = campaign_to_all(
            pinpoint, project, MessageConfiguration=CAMPAIGN_CONTENT[channel]
        )
        activity_of(account, pinpoint, project, campaign)

    assert_books(account, hub, pinpoint, project, channel, to, unknown)


@contextmanager
def no_chunk_is_read(account: LocalAccount) -> Iterator[Callable[[], None]]:
    """Let runs come as far as their chunks.

    Yields a function that waits for the next try to read a chunk, which ends a worker.
    """
    reads = {**CAMPAIGN_CALLS["audience-read"], "function": WORKER, "times": None}
    account.local("faults", reads | {"kind": "error", "status": 403, "code": "AccessDenied"})

    def tries() -> int:
        return int(account.local("faults")[0]["done"])

    def next_try() -> None:
        before = tries()
        account.eventually(tries, lambda seen: seen > before)

    try:
        yield next_try
    finally:
        account.local("faults", method="DELETE")


@pytest.mark.fault_matrix
@pytest.mark.parametrize(
    ("call", "name", "unknown", "where"),
    [
        cell("send-sms", "kill-before", unknown=CLAIM),
        cell("send-sms", "kill-after", unknown=CLAIM),
    ],
)
@terraform("engagement_hub", scope="module")
def test_a_fault_that_kills_a_sender_leaves_the_outcomes_of_its_claim_unknown(
    engagement_hub: Any,
    hub: dict[str, Any],
    pinpoint: Any,
    project: str,
    account: LocalAccount,
    call: str,
    name: str,
    unknown: int,
    where: dict[str, Any],
) -> None:
    to = two_small_chunks(pinpoint, project, "SMS")

    # A run waits until the time of a dead worker would be over. The audience needs the usual time.
    with worker_time_out(account) as shorten:
        with no_chunk_is_read(account) as next_try:
            campaign = campaign_to_all(
                pinpoint, project, MessageConfiguration=CAMPAIGN_CONTENT["SMS"]
            )
            next_try()
            shorten()
            next_try()  # of a worker that may have begun with the usual time
        with fault(account, name, **{"function": WORKER} | CAMPAIGN_CALLS[call] | where):
            activity_of(account, pinpoint, project, campaign)

    assert_books(account, hub, pinpoint, project, "SMS", to, unknown)


DIRECT_CALLS: dict[str, dict[str, Any]] = {
    "claim": {"service": "dynamodb", "operation": "PutItem"},
    "send-sms": TEXT_SENT,
    "send-email": EMAIL_SENT,
    "outcome": {**ITEM_UPDATED, "contains": "#done"},
}
DIRECT_RECIPIENTS = 3
# More often than the hub's client of DynamoDB tries: the request is refused, and repeated.
BEYOND_THE_HUBS_RETRIES = 4


@pytest.mark.fault_matrix
@pytest.mark.parametrize(
    ("call", "name", "unknown", "where"),
    [
        cell("claim", "throttled", times=BEYOND_THE_HUBS_RETRIES),
        cell("claim", "reset-after"),
        cell("claim", "kill-before"),
        cell("send-sms", "throttled"),
        cell("send-sms", "5xx"),
        cell("send-sms", "reset-before", unknown=1),
        cell("send-sms", "reset-after", unknown=1),
        cell("send-sms", "delay"),
        cell("send-sms", "kill-after", unknown=DIRECT_RECIPIENTS),
        cell("send-email", "reset-after", unknown=1),
        cell("outcome", "reset-after"),
        cell("outcome", "kill-after"),
    ],
)
@terraform("engagement_hub", scope="module")
def test_a_fault_amid_a_direct_send_leaves_a_result_for_each_address_and_sends_nothing_twice(
    engagement_hub: Any,
    hub: dict[str, Any],
    project: str,
    account: LocalAccount,
    call: str,
    name: str,
    unknown: int,
    where: dict[str, Any],
) -> None:
    channel = channel_of(call)
    to = addresses(project, channel, DIRECT_RECIPIENTS)
    client = hub_client(hub["api_url"])
    client.meta.events.register("before-send.pinpoint", as_one_call)

    with fault(account, name, **{"function": API} | DIRECT_CALLS[call] | where):
        answer = direct_send(client, project, channel, to)
    repeated = answer
    if answer["ResponseMetadata"]["RetryAttempts"] == 0:  # else botocore repeated it
        repeated = direct_send(client, project, channel, to)

    results = answer["MessageResponse"]["Result"]
    assert repeated["MessageResponse"] == answer["MessageResponse"]
    assert set(results) == set(to)
    sent = DIRECT_RECIPIENTS - unknown
    statuses = Counter(result["DeliveryStatus"] for result in results.values())
    assert statuses == +Counter(SUCCESSFUL=sent, UNKNOWN_FAILURE=unknown)
    messages = messages_to(account, channel, to)
    assert set(messages.values()) <= {1}
    assert sent <= len(messages) <= sent + unknown
    assert dead_letters(account, hub["dead_letter_queue_urls"]) == 0


@pytest.fixture
def files(account: LocalAccount, project: str) -> tuple[str, str]:
    """A bucket of the customer, and the ARN of a role that lets the hub read it."""
    bucket = f"customer-{project[:8]}-files"
    account.client("s3").create_bucket(Bucket=bucket)
    read = {
        "Effect": "Allow",
        "Action": ["s3:GetObject", "s3:GetObjectVersion", "s3:ListBucket"],
        "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
    }
    return bucket, role_for_the_hub(account, f"{project[:8]}-files", project, read)


def imported(
    account: LocalAccount,
    pinpoint: Any,
    project: str,
    files: tuple[str, str],
    rows: str,
    **definition: Any,
) -> dict[str, Any]:
    """Import a CSV file, and return the finished job."""
    bucket, role_arn = files
    key = f"{uuid.uuid4().hex}.csv"
    account.client("s3").put_object(Bucket=bucket, Key=key, Body=rows.encode())
    job = pinpoint.create_import_job(
        ApplicationId=project,
        ImportJobRequest={
            "Format": "CSV",
            "S3Url": f"s3://{bucket}/{key}",
            "RoleArn": role_arn,
            "DefineSegment": True,
            "RegisterEndpoints": True,
            "SegmentName": "people",
            **definition,
        },
    )["ImportJobResponse"]
    done: dict[str, Any] = account.eventually(
        lambda: pinpoint.get_import_job(ApplicationId=project, JobId=job["Id"])[
            "ImportJobResponse"
        ],
        lambda seen: seen["JobStatus"] in ("COMPLETED", "FAILED"),
        seconds=120,
    )
    return done


def members_of(account: LocalAccount, project: str, list_id: str) -> list[str]:
    """Return the entries of a list of members that are in the hub's table."""
    items = account.client("dynamodb").get_paginator("scan").paginate(TableName="hub-endpoints")
    return [
        item["sk"]["S"]
        for page in items
        for item in page["Items"]
        if item["pk"]["S"].startswith(f"{project}#list#{list_id}#")
    ]


@terraform("engagement_hub", scope="module")
def test_lists_of_members_that_no_segment_has_are_deleted_by_the_import_machine(
    engagement_hub: Any,
    hub: dict[str, Any],
    pinpoint: Any,
    project: str,
    files: tuple[str, str],
    account: LocalAccount,
) -> None:
    states, machine = account.client("stepfunctions"), hub["state_machine_arns"]["import"]

    def purges_of(list_id: str) -> list[dict[str, Any]]:
        return [
            states.describe_execution(executionArn=one["executionArn"])
            for one in account.executions(machine)
            if one["name"].startswith(f"purge-{list_id}-")
        ]

    first = imported(account, pinpoint, project, files, "ChannelType,Address\nSMS,+14255550362\n")
    segment_id = first["Definition"]["SegmentId"]
    second = imported(
        account,
        pinpoint,
        project,
        files,
        "ChannelType,Address\nSMS,+14255550162\nSMS,+14255550163\n",
        SegmentId=segment_id,
    )
    assert (first["JobStatus"], second["JobStatus"]) == ("COMPLETED", "COMPLETED")
    listed = pinpoint.get_segment_import_jobs(ApplicationId=project, SegmentId=segment_id)
    assert {job["Id"] for job in listed["ImportJobsResponse"]["Item"]} == {
        first["Id"],
        second["Id"],
    }
    pinpoint.delete_segment(ApplicationId=project, SegmentId=segment_id)

    for job, entries in ((first, 1), (second, 2)):
        [ordered] = purges_of(job["Id"])
        assert ordered["status"] == "RUNNING"  # it waits for six hours
        assert len(members_of(account, project, job["Id"])) == entries
        states.stop_execution(executionArn=ordered["executionArn"])
        at_once = json.loads(ordered["input"])
        at_once["Purge"]["WaitSeconds"] = 0
        started = states.start_execution(stateMachineArn=machine, input=json.dumps(at_once))
        assert account.finished(started["executionArn"])["status"] == "SUCCEEDED"
        assert members_of(account, project, job["Id"]) == []


@terraform("engagement_hub", scope="module")
def test_a_role_may_call_only_the_operations_that_its_policy_names(
    engagement_hub: Any, hub: dict[str, Any], project: str, account: LocalAccount
) -> None:
    api_id = hub["api_url"].rstrip("/").rsplit("/", 1)[-1]
    owner = account.client("sts").get_caller_identity()["Account"]
    execution_arn = f"arn:aws:execute-api:us-east-1:{owner}:{api_id}"
    role_name = f"reader-{project[:8]}"
    iam = account.client("iam")
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{owner}:root"},
                "Action": "sts:AssumeRole",
            }
        ],
    }
    role = iam.create_role(RoleName=role_name, AssumeRolePolicyDocument=json.dumps(trust))["Role"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": "execute-api:Invoke",
                "Resource": f"{execution_arn}/*/GET/v1/apps/{project}",
            }
        ],
    }
    iam.put_role_policy(RoleName=role_name, PolicyName="p", PolicyDocument=json.dumps(policy))
    keys = account.client("sts").assume_role(RoleArn=role["Arn"], RoleSessionName="tests")[
        "Credentials"
    ]
    session = boto3.Session(
        keys["AccessKeyId"], keys["SecretAccessKey"], keys["SessionToken"], "us-east-1"
    )
    reader = hub_client(hub["api_url"], session)

    assert reader.get_app(ApplicationId=project)["ApplicationResponse"]["Id"] == project
    with pytest.raises(ClientError) as refusal:
        reader.get_segments(ApplicationId=project)
    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@terraform("engagement_hub", scope="module")
def test_a_request_signed_for_pinpoint_itself_is_refused(
    engagement_hub: Any, hub: dict[str, Any]
) -> None:
    client = boto3.client("pinpoint", endpoint_url=hub["api_url"])

    with pytest.raises(ClientError) as refusal:
        client.get_apps()

    assert refusal.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


@terraform("engagement_hub", scope="module")
def test_a_draft_of_a_journey_is_kept_tagged_and_reviewed(
    engagement_hub: Any, pinpoint: Any, project: str
) -> None:
    template = f"reminder-{project[:8]}"
    made = pinpoint.create_sms_template(
        TemplateName=template, SMSTemplateRequest={"Body": "See you soon"}
    )
    segment = pinpoint.create_segment(
        ApplicationId=project, WriteSegmentRequest={"Name": "all", "Dimensions": {}}
    )["SegmentResponse"]
    request: Any = journey_request(
        StartActivity="day",
        StartCondition={"SegmentStartCondition": {"SegmentId": segment["Id"]}},
        Activities={"day": wait("remind"), "remind": text_message(TemplateName=template)},
    )

    journey = pinpoint.create_journey(ApplicationId=project, WriteJourneyRequest=request)
    of_it = {"ApplicationId": project, "JourneyId": journey["JourneyResponse"]["Id"]}
    arn = f"{made['CreateTemplateMessageBody']['Arn'].split('templates/')[0]}apps/{project}"
    journey_arn = f"{arn}/journeys/{of_it['JourneyId']}"
    pinpoint.tag_resource(ResourceArn=journey_arn, TagsModel={"tags": {"team": "crm"}})
    pinpoint.delete_sms_template(TemplateName=template)
    with pytest.raises(pinpoint.exceptions.NotFoundException, match="Activities.remind.SMS"):
        pinpoint.update_journey_state(**of_it, JourneyStateRequest={"State": "ACTIVE"})

    [kept] = pinpoint.list_journeys(ApplicationId=project)["JourneysResponse"]["Item"]
    assert {name: kept[name] for name in request} == request
    assert (kept["State"], kept["tags"]) == ("DRAFT", {"team": "crm"})
    assert pinpoint.get_journey_runs(**of_it)["JourneyRunsResponse"]["Item"] == []


@terraform("engagement_hub", scope="module")
def test_an_operation_that_is_not_handed_on_says_so(
    engagement_hub: Any, pinpoint: Any, project: str
) -> None:
    with pytest.raises(pinpoint.exceptions.MethodNotAllowedException, match="the input forward"):
        pinpoint.phone_number_validate(NumberValidateRequest={"PhoneNumber": "+12065550142"})


@terraform("engagement_hub", scope="module")
def test_a_second_plan_of_the_hub_is_empty(engagement_hub: Any) -> None:
    assert second_plan(engagement_hub) == ""
