"""The hub, as a program written for Amazon Pinpoint meets it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import uuid
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.local_account import LocalAccount
from tests.builders.terraform_example import outputs, second_plan
from tools.terraform_run import ROOT

PROGRAM = ROOT / "examples" / "engagement_hub" / "program.py"

pytestmark = pytest.mark.integration

# Taken by every example that has a variable of this name.
EMAIL_FROM_ADDRESS = os.environ.setdefault("TF_VAR_email_from_address", "news@example.com")


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
    """The first activity of a campaign that has a result."""
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


def event_stream_of(account: LocalAccount, pinpoint: Any, project: str) -> str:
    """Register a Kinesis stream with a project; return the stream's name."""
    kinesis, iam = account.client("kinesis"), account.client("iam")
    name = f"events-{project[:8]}"
    kinesis.create_stream(StreamName=name, ShardCount=1)
    description = account.eventually(
        lambda: kinesis.describe_stream_summary(StreamName=name)["StreamDescriptionSummary"],
        lambda seen: seen["StreamStatus"] == "ACTIVE",
    )
    stream_arn = description["StreamARN"]
    owner = stream_arn.split(":")[4]
    trust = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{owner}:root"},
                "Action": "sts:AssumeRole",
                "Condition": {"StringEquals": {"sts:ExternalId": project}},
            }
        ],
    }
    role = iam.create_role(
        Path="/engagement-hub/", RoleName=name, AssumeRolePolicyDocument=json.dumps(trust)
    )["Role"]
    policy = {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Effect": "Allow",
                "Action": ["kinesis:PutRecords", "kinesis:DescribeStream"],
                "Resource": stream_arn,
            }
        ],
    }
    iam.put_role_policy(RoleName=name, PolicyName="put", PolicyDocument=json.dumps(policy))
    pinpoint.put_event_stream(
        ApplicationId=project,
        WriteEventStream={"DestinationStreamArn": stream_arn, "RoleArn": role["Arn"]},
    )
    return name


def records(account: LocalAccount, stream: str) -> list[dict[str, Any]]:
    """Every event on a stream so far."""
    kinesis = account.client("kinesis")
    shard = kinesis.list_shards(StreamName=stream)["Shards"][0]["ShardId"]
    iterator = kinesis.get_shard_iterator(
        StreamName=stream, ShardId=shard, ShardIteratorType="TRIM_HORIZON"
    )["ShardIterator"]
    found = kinesis.get_records(ShardIterator=iterator, Limit=1000)["Records"]
    return [json.loads(record["Data"]) for record in found]


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
    stream = event_stream_of(account, pinpoint, project)
    for name, number in (("ann", "+14255550151"), ("bob", "+14255550152")):
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
        lambda: [r for r in records(account, stream) if r["event_type"] == "_campaign.send"],
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
@pytest.mark.parametrize(("sender", "sent"), [(None, 1), ("somebody-else@example.com", 0)])
def test_an_email_campaign_goes_out_from_the_hubs_own_address_and_from_no_other(
    engagement_hub: Any,
    pinpoint: Any,
    project: str,
    account: LocalAccount,
    sender: str | None,
    sent: int,
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
    campaign = pinpoint.create_campaign(
        ApplicationId=project,
        WriteCampaignRequest={
            "Name": "mail",
            "SegmentId": segment["Id"],
            "Schedule": {"StartTime": "IMMEDIATE"},
            "MessageConfiguration": {
                "EmailMessage": {
                    **({"FromAddress": sender} if sender else {}),
                    "Title": "News for {{User.UserAttributes.FirstName}}",
                    "HtmlBody": "<p>Hi {{User.UserAttributes.FirstName}}</p>",
                }
            },
        },
    )["CampaignResponse"]

    activity = activity_of(account, pinpoint, project, campaign["Id"])

    assert activity["SuccessfulEndpointCount"] == sent
    mails = [mail for mail in account.outbox("email") if recipient in mail["to"]]
    assert [(m["from"], m["subject"], m["html"]) for m in mails] == [
        (EMAIL_FROM_ADDRESS, "News for <Ann>", "<p>Hi &lt;Ann&gt;</p>")
    ][:sent]


@terraform("engagement_hub", scope="module")
def test_a_campaign_scheduled_once_goes_out_at_its_time_and_a_paused_one_does_not(
    engagement_hub: Any, pinpoint: Any, project: str, account: LocalAccount
) -> None:
    number = "+14255550161"
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
    activity_of(account, pinpoint, project, going)
    time.sleep(5)

    assert [message["body"] for message in account.sent_to(number)] == ["going out"]
    state = pinpoint.get_campaign(ApplicationId=project, CampaignId=paused)
    assert state["CampaignResponse"]["State"] == {"CampaignStatus": "PAUSED"}


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
def test_an_operation_that_is_not_there_says_so(
    engagement_hub: Any, pinpoint: Any, project: str
) -> None:
    with pytest.raises(pinpoint.exceptions.MethodNotAllowedException, match="ListJourneys"):
        pinpoint.list_journeys(ApplicationId=project)


@terraform("engagement_hub", scope="module")
def test_a_second_plan_of_the_hub_is_empty(engagement_hub: Any) -> None:
    assert second_plan(engagement_hub) == ""
