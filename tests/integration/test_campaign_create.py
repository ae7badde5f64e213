"""One execution, one campaign, one report of how it ended."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.local_account import Inbox, LocalAccount
from tests.builders.terraform_example import outputs, second_plan

pytestmark = pytest.mark.integration

NUMBER = "+12065550191"


@pytest.fixture(scope="module")
def creation(campaign_create: Any) -> dict[str, Any]:
    return outputs(campaign_create)


@pytest.fixture(scope="module")
def inbox(creation: dict[str, Any], account: LocalAccount) -> Inbox:
    return account.subscribe(creation["notification_topic_arn"], f"campaigns-{time.time_ns()}")


@pytest.fixture(scope="module")
def segment(creation: dict[str, Any]) -> dict[str, Any]:
    pinpoint = hub_client(creation["api_url"])
    pinpoint.update_endpoint(
        ApplicationId=creation["project_id"],
        EndpointId="lena",
        EndpointRequest={
            "ChannelType": "SMS",
            "Address": NUMBER,
            "User": {"UserId": "lena", "UserAttributes": {"FirstName": ["Lena"]}},
        },
    )
    answer = pinpoint.create_segment(
        ApplicationId=creation["project_id"],
        WriteSegmentRequest={"Name": "everybody", "Dimensions": {}},
    )
    return dict(answer["SegmentResponse"])


def run(account: LocalAccount, creation: dict[str, Any], **run_input: Any) -> Any:
    execution = account.client("stepfunctions").start_execution(
        stateMachineArn=creation["state_machine_arn"], input=json.dumps(run_input)
    )
    return account.finished(execution["executionArn"], seconds=180)


def request_for(creation: dict[str, Any], segment: dict[str, Any]) -> dict[str, str]:
    """The input of a run that greets the segment, with a correlation id of its own."""
    return {
        "SegmentId": segment["Id"],
        "SegmentName": segment["Name"],
        "SmsTemplateName": creation["sms_template_name"],
        "CorrelationId": uuid.uuid4().hex,
    }


def of(request: dict[str, str]) -> Callable[[dict[str, Any]], bool]:
    """Whether a notification is about that run."""
    return lambda body: bool(body["CorrelationId"] == request["CorrelationId"])


@terraform("campaign_create", scope="module")
def test_a_campaign_is_reported_with_its_true_counts(
    campaign_create: Any,
    creation: dict[str, Any],
    segment: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
) -> None:
    request = request_for(creation, segment)

    execution = run(account, creation, **request)

    assert execution["status"] == "SUCCEEDED", execution
    body = inbox.wait_for("success", of(request))["body"]
    output = body["CampaignCreateResult"]["CampaignCreateOutput"]
    assert (output["CampaignStatus"], output["Result"]) == ("COMPLETED", "SUCCESS")
    assert (output["SuccessfulEndpointCount"], output["TotalEndpointCount"]) == (1, 1)
    assert [m["body"] for m in account.sent_to(NUMBER)] == ["Hello Lena, thanks for joining us."]


@terraform("campaign_create", scope="module")
def test_a_second_execution_for_the_same_request_sends_nothing_again(
    campaign_create: Any,
    creation: dict[str, Any],
    segment: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
) -> None:
    before = len(account.sent_to(NUMBER))
    request = request_for(creation, segment)

    first = run(account, creation, **request)
    second = run(account, creation, **request)

    assert (first["status"], second["status"]) == ("SUCCEEDED", "SUCCEEDED")
    assert len(account.sent_to(NUMBER)) == before + 1


@terraform("campaign_create", scope="module")
@pytest.mark.parametrize(
    "change", [{"SmsTemplateName": "no-such-template"}, {"SegmentId": "0" * 32}, {"SegmentId": ""}]
)
def test_a_request_that_cannot_work_ends_in_a_failure_notification(
    campaign_create: Any,
    creation: dict[str, Any],
    segment: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
    change: dict[str, str],
) -> None:
    request = {**request_for(creation, segment), **change}

    execution = run(account, creation, **request)

    assert execution["status"] == "FAILED"
    failed = inbox.wait_for("failure", of(request))
    assert failed["subject"] == "Amazon Pinpoint Campaign Create Failed"


@terraform("campaign_create", scope="module")
def test_a_segment_of_nobody_ends_as_a_campaign_that_reached_nobody(
    campaign_create: Any, creation: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    nobody = hub_client(creation["api_url"]).create_segment(
        ApplicationId=creation["project_id"],
        WriteSegmentRequest={
            "Name": "nobody",
            "Dimensions": {"Attributes": {"none": {"Values": ["there"]}}},
        },
    )["SegmentResponse"]
    request = request_for(creation, nobody)

    run(account, creation, **request)

    body = inbox.wait_for("success", of(request))["body"]
    assert body["CampaignCreateResult"]["CampaignCreateOutput"]["TotalEndpointCount"] == 0


@terraform("campaign_create", scope="module")
def test_a_second_plan_of_campaign_create_is_empty(campaign_create: Any) -> None:
    assert second_plan(campaign_create) == ""
