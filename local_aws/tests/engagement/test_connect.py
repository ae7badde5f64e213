"""Amazon Connect as boto3 and Terraform see it: an instance, its resources, and calls."""

import json
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer, allow
from builders.terraform import terraform_on

FLOW = {
    "Version": "2019-10-30",
    "StartAction": "say",
    "Actions": [
        {
            "Identifier": "say",
            "Type": "MessageParticipant",
            "Parameters": {"Text": "$.Attributes.Message"},
            "Transitions": {"NextAction": "end", "Errors": [], "Conditions": []},
        },
        {"Identifier": "end", "Type": "DisconnectParticipant", "Transitions": {}},
    ],
}
TO = "+14255550199"


class Centre:
    """An instance with a flow and a number, and calls with both."""

    def __init__(self, local_aws: LocalServer, **instance: Any) -> None:
        self.aws = local_aws
        self.connect = local_aws.client("connect")
        self.instance_id: str = self.connect.create_instance(
            **{
                "IdentityManagementType": "CONNECT_MANAGED",
                "InstanceAlias": "shop",
                "InboundCallsEnabled": True,
                "OutboundCallsEnabled": True,
                **instance,
            }
        )["Id"]
        self.flow_id: str = self.connect.create_contact_flow(
            InstanceId=self.instance_id,
            Name="Offer",
            Type="CONTACT_FLOW",
            Content=json.dumps(FLOW),
        )["ContactFlowId"]
        target = {"InstanceId": self.instance_id}
        (free, *_) = self.connect.search_available_phone_numbers(
            PhoneNumberCountryCode="US", PhoneNumberType="DID", **target
        )["AvailableNumbersList"]
        self.number: str = free["PhoneNumber"]
        self.number_id: str = self.connect.claim_phone_number(PhoneNumber=self.number, **target)[
            "PhoneNumberId"
        ]

    def call(self, client: Any = None, **changes: Any) -> str:
        request = {
            "InstanceId": self.instance_id,
            "ContactFlowId": self.flow_id,
            "DestinationPhoneNumber": TO,
            "SourcePhoneNumber": self.number,
            "ClientToken": "one",
            **changes,
        }
        given = {name: value for name, value in request.items() if value is not ...}
        contact: str = (client or self.connect).start_outbound_voice_contact(**given)["ContactId"]
        return contact

    def code(self, **changes: Any) -> tuple[str, int]:
        with pytest.raises(ClientError) as caught:
            self.call(**changes)
        response: Any = caught.value.response
        return response["Error"]["Code"], response["ResponseMetadata"]["HTTPStatusCode"]

    def calls(self) -> list[dict[str, Any]]:
        return self.aws.outbox("connect")


@pytest.fixture
def centre(local_aws: LocalServer) -> Centre:
    return Centre(local_aws)


def test_a_call_is_in_the_outbox_with_its_flow_its_numbers_and_its_attributes(
    centre: Centre,
) -> None:
    contact_id = centre.call(Attributes={"Message": "Hello"})

    (call,) = centre.calls()
    assert call["contact_id"] == contact_id
    assert (call["from"], call["to"]) == (centre.number, TO)
    assert call["contact_flow_id"] == centre.flow_id
    assert call["attributes"] == {"Message": "Hello"}
    assert call["traffic_type"] == "GENERAL"


def test_a_client_token_makes_one_call_however_often_it_comes(centre: Centre) -> None:
    first, again, other = centre.call(), centre.call(), centre.call(ClientToken="two")

    assert first == again != other
    assert len(centre.calls()) == 2


@pytest.mark.parametrize(
    ("changes", "code", "status"),
    [
        ({"InstanceId": "nope"}, "ResourceNotFoundException", 404),
        ({"ContactFlowId": "nope"}, "ResourceNotFoundException", 404),
        ({"QueueId": "nope"}, "ResourceNotFoundException", 404),
        ({"SourcePhoneNumber": "+12065550100"}, "InvalidParameterException", 400),
        ({"SourcePhoneNumber": ...}, "InvalidParameterException", 400),
        ({"DestinationPhoneNumber": "14255550199"}, "InvalidParameterException", 400),
        ({"DestinationPhoneNumber": "+1425"}, "InvalidParameterException", 400),
        ({"DestinationPhoneNumber": "+447700900123"}, "DestinationNotAllowedException", 403),
        ({"DestinationPhoneNumber": ...}, "InvalidParameterException", 400),
        ({"Attributes": {"a b": "c"}}, "InvalidParameterException", 400),
        ({"Attributes": {"a": "c" * 32_768}}, "InvalidParameterException", 400),
        ({"RingTimeoutInSeconds": 14}, "InvalidParameterException", 400),
        ({"TrafficType": "BULK"}, "InvalidParameterException", 400),
        ({"TrafficType": "CAMPAIGN"}, "OutboundContactNotPermittedException", 403),
        (
            {"AnswerMachineDetectionConfig": {"EnableAnswerMachineDetection": True}},
            "InvalidParameterException",
            400,
        ),
    ],
)
def test_a_call_that_connect_does_not_make_is_refused_by_its_code(
    centre: Centre, changes: dict[str, Any], code: str, status: int
) -> None:
    assert centre.code(**changes) == (code, status)
    assert centre.calls() == []


def test_an_instance_without_outbound_calls_makes_none(local_aws: LocalServer) -> None:
    centre = Centre(local_aws, OutboundCallsEnabled=False)

    assert centre.code() == ("OutboundContactNotPermittedException", 403)


def test_campaign_calls_are_made_once_their_quota_is_raised(
    local_aws: LocalServer, centre: Centre
) -> None:
    local_aws.post("connect/quota", {"campaign_calls": True})

    centre.call(
        TrafficType="CAMPAIGN",
        AnswerMachineDetectionConfig={
            "EnableAnswerMachineDetection": True,
            "AwaitAnswerMachinePrompt": True,
        },
    )

    (call,) = centre.calls()
    assert call["answer_machine_detection"] and call["await_answer_machine_prompt"]


def test_calls_over_the_rate_are_throttled_and_not_made(
    local_aws: LocalServer, centre: Centre
) -> None:
    local_aws.post("connect/quota", {"per_second": 0.001, "burst": 2})
    centre.call(ClientToken="1")
    centre.call(ClientToken="2")

    assert centre.code(ClientToken="3") == ("TooManyRequestsException", 429)
    assert len(centre.calls()) == 2
    quota = local_aws.get("connect/quota")[1]
    assert (quota["started"], quota["throttled"]) == (2, 1)


def test_the_rate_is_awss_default_until_it_is_set(local_aws: LocalServer) -> None:
    quota = local_aws.get("connect/quota")[1]

    assert (quota["per_second"], quota["burst"]) == (2, 5)


def test_a_role_calls_by_the_contacts_of_one_instance(
    local_aws: LocalServer, centre: Centre
) -> None:
    instance = f"arn:aws:connect:us-east-1:000000000000:instance/{centre.instance_id}"
    allowed = local_aws.as_role(
        "connect", allow("connect:StartOutboundVoiceContact", f"{instance}/contact/*")
    )
    of_the_flow = local_aws.as_role(
        "connect",
        allow("connect:StartOutboundVoiceContact", instance),
        allow("connect:StartOutboundVoiceContact", f"{instance}/contact-flow/*"),
    )

    centre.call(allowed)

    with pytest.raises(ClientError, match="AccessDenied"):
        centre.call(of_the_flow, ClientToken="two")
    assert len(centre.calls()) == 1


def test_a_queue_has_the_number_that_the_customer_sees(centre: Centre) -> None:
    instance = {"InstanceId": centre.instance_id}
    hours_id = centre.connect.create_hours_of_operation(
        **instance, Name="Always", TimeZone="UTC", Config=[]
    )["HoursOfOperationId"]
    queue_id = centre.connect.create_queue(
        **instance,
        Name="Sales",
        HoursOfOperationId=hours_id,
        OutboundCallerConfig={"OutboundCallerIdNumberId": centre.number_id},
    )["QueueId"]

    centre.call(QueueId=queue_id, SourcePhoneNumber=...)

    (call,) = centre.calls()
    assert (call["from"], call["queue_id"]) == (centre.number, queue_id)


@pytest.mark.parametrize(
    "content",
    [
        "",
        "[]",
        "{}",
        json.dumps({**FLOW, "StartAction": "nowhere"}),
        json.dumps({**FLOW, "Version": "2020-01-01"}),
        json.dumps(FLOW).replace('"NextAction": "end"', '"NextAction": "x"'),
    ],
)
def test_a_flow_that_leads_nowhere_is_refused(centre: Centre, content: str) -> None:
    with pytest.raises(ClientError, match="InvalidContactFlowException"):
        centre.connect.create_contact_flow(
            InstanceId=centre.instance_id, Name="Bad", Type="CONTACT_FLOW", Content=content
        )


@pytest.mark.parametrize(
    "change", [{"per_second": 0}, {"burst": "5"}, {"campaign_calls": 1}, {"rate": 2}]
)
def test_a_quota_of_another_form_is_refused(local_aws: LocalServer, change: dict[str, Any]) -> None:
    status, answer = local_aws.post("connect/quota", change)

    assert status == 400
    assert "must be above 0" in answer["error"] or "A quota has" in answer["error"]


RESOURCES = """
terraform {
  required_providers {
    aws = { source = "hashicorp/aws" }
  }
}

provider "aws" {
  region = "us-east-1"
}

resource "aws_connect_instance" "this" {
  identity_management_type = "CONNECT_MANAGED"
  inbound_calls_enabled    = false
  outbound_calls_enabled   = true
  instance_alias           = "shop"
  tags                     = { team = "crm" }
}

resource "aws_connect_contact_flow" "this" {
  instance_id = aws_connect_instance.this.id
  name        = "Offer"
  content     = jsonencode(CONTENT)
  tags        = { team = "crm" }
}

resource "aws_connect_phone_number" "this" {
  target_arn   = aws_connect_instance.this.arn
  country_code = "US"
  type         = "DID"
}

resource "aws_connect_hours_of_operation" "this" {
  instance_id = aws_connect_instance.this.id
  name        = "Office"
  time_zone   = "UTC"

  config {
    day = "MONDAY"
    start_time {
      hours   = 9
      minutes = 0
    }
    end_time {
      hours   = 17
      minutes = 0
    }
  }
}

resource "aws_connect_queue" "this" {
  instance_id           = aws_connect_instance.this.id
  name                  = "Sales"
  hours_of_operation_id = aws_connect_hours_of_operation.this.hours_of_operation_id

  outbound_caller_config {
    outbound_caller_id_name      = "Shop"
    outbound_caller_id_number_id = aws_connect_phone_number.this.id
  }
}
"""


def test_terraform_makes_an_instance_plans_nothing_more_and_destroys(
    local_aws: LocalServer, tmp_path: Path
) -> None:
    (tmp_path / "main.tf").write_text(RESOURCES.replace("CONTENT", json.dumps(FLOW)))
    terraform = terraform_on(local_aws, tmp_path)
    assert terraform("init").returncode == 0

    applied = terraform("apply", "-auto-approve")
    planned = terraform("plan", "-detailed-exitcode")
    destroyed = terraform("destroy", "-auto-approve")

    assert applied.returncode == 0, applied.stderr
    assert planned.returncode == 0, planned.stdout
    assert destroyed.returncode == 0, destroyed.stderr
    assert local_aws.client("connect").list_instances()["InstanceSummaryList"] == []


@pytest.mark.parametrize("number", ["+999123456", "+14"])
def test_a_number_without_a_country_is_refused_and_not_a_failure(
    local_aws: LocalServer, number: str
) -> None:
    centre = Centre(local_aws)

    with pytest.raises(ClientError, match="InvalidParameterException"):
        centre.call(DestinationPhoneNumber=number)
    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        centre.connect.claim_phone_number(PhoneNumber=number, InstanceId=centre.instance_id)

    assert local_aws.outbox("connect") == []


@pytest.mark.parametrize("value", [0, -1, 1_000_001, 10**400])
def test_a_quota_out_of_range_is_refused(local_aws: LocalServer, value: int) -> None:
    status, answer = local_aws.post("connect/quota", {"per_second": value})

    assert status == 400
    assert "above 0" in answer["error"]
