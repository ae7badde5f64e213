"""Phone numbers of a project, validated within the account's quota."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.local_account import Inbox, LocalAccount, local
from tests.builders.terraform_example import outputs, second_plan

pytestmark = pytest.mark.integration

NUMBERS = {
    "mobile": "+12065550181",
    "as-typed": "(206) 555-0182",
    "same-again": "206.555.0182",
    "landline": "+442079460981",
    "impossible": "12345",
    "words": "call me",
}


@pytest.fixture(scope="module")
def validation(phone_number_validate: Any) -> dict[str, Any]:
    return outputs(phone_number_validate)


@pytest.fixture(scope="module")
def inbox(validation: dict[str, Any], account: LocalAccount) -> Inbox:
    return account.subscribe(validation["notification_topic_arn"], f"phones-{time.time_ns()}")


def start(account: LocalAccount, validation: dict[str, Any], run_input: dict[str, Any]) -> Any:
    execution = account.client("stepfunctions").start_execution(
        stateMachineArn=validation["state_machine_arn"], input=json.dumps(run_input)
    )
    return account.finished(execution["executionArn"], seconds=180)


def validations_answered() -> int:
    """How many paid calls of PhoneNumberValidate the local AWS has answered."""
    return int(local("health")["phone_number_validate"]["answered"])


@terraform("phone_number_validate", scope="module")
def test_a_run_writes_what_it_found_and_an_invalid_number_does_not_stop_it(
    phone_number_validate: Any, validation: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    pinpoint = hub_client(validation["api_url"])
    project = validation["project_id"]
    for name, number in NUMBERS.items():
        pinpoint.update_endpoint(
            ApplicationId=project,
            EndpointId=name,
            EndpointRequest={"ChannelType": "SMS", "Address": number},
        )

    execution = start(account, validation, {})

    assert execution["status"] == "SUCCEEDED", execution
    found = {
        name: pinpoint.get_endpoint(ApplicationId=project, EndpointId=name)["EndpointResponse"]
        for name in NUMBERS
    }
    kinds = {name: e["Attributes"]["PNV_PhoneType"] for name, e in found.items()}
    assert kinds == {
        "mobile": ["MOBILE"],
        "as-typed": ["MOBILE"],
        "same-again": ["MOBILE"],
        "landline": ["LANDLINE"],
        "impossible": ["INVALID"],
        "words": ["INVALID"],
    }
    assert {e["Attributes"]["PNV_PhoneNumberValidated"][0] for e in found.values()} == {"Yes"}
    assert found["as-typed"]["Address"] == found["same-again"]["Address"] == "+12065550182"
    active = [found[name]["EndpointStatus"] for name in ("as-typed", "same-again")]
    assert sorted(active) == ["ACTIVE", "INACTIVE"]
    body = inbox.wait_for("success")["body"]
    assert body["Message"] == "Phone Validate Successful"
    validated = body["ValidatePhoneResult"]["ValidateOutput"]
    assert validated["InvalidPhoneNumbers"] == 2
    bucket, _, key = validated["InvalidNumbersReport"].removeprefix("s3://").partition("/")
    report = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()
    assert {json.loads(line)["EndpointId"] for line in report} == {"impossible", "words"}
    assert body["CorrelationId"]


@terraform("phone_number_validate", scope="module")
def test_a_second_run_validates_nothing_again_and_nothing_exported_is_left(
    phone_number_validate: Any, validation: dict[str, Any], account: LocalAccount
) -> None:
    hub_client(validation["api_url"]).update_endpoint(
        ApplicationId=validation["project_id"],
        EndpointId="known",
        EndpointRequest={"ChannelType": "SMS", "Address": "+12065550189"},
    )
    before_the_first = validations_answered()
    first = start(account, validation, {})
    before_the_second = validations_answered()

    execution = start(account, validation, {})

    assert execution["status"] == first["status"] == "SUCCEEDED", (first, execution)
    assert before_the_second > before_the_first
    assert validations_answered() == before_the_second
    output = json.loads(execution["output"])
    assert "'TotalPhoneNumbersValidated': 0" in str(output)
    listed = account.client("s3").list_object_versions(Bucket=validation["work_bucket"])
    left = [version["Key"] for version in listed.get("Versions", [])]
    assert [key for key in left if not key.startswith("reports/")] == []


@terraform("phone_number_validate", scope="module")
def test_an_unknown_segment_ends_in_a_failure_notification_and_a_failed_execution(
    phone_number_validate: Any, validation: dict[str, Any], inbox: Inbox, account: LocalAccount
) -> None:
    execution = start(account, validation, {"SegmentId": "0" * 32, "CorrelationId": "unknown"})

    assert execution["status"] == "FAILED"
    failed = inbox.wait_for("failure", lambda body: body["CorrelationId"] == "unknown")
    assert failed["subject"] == "Amazon Pinpoint Phone Validate Failed"


@terraform("phone_number_validate", scope="module")
def test_a_second_plan_of_phone_number_validate_is_empty(phone_number_validate: Any) -> None:
    assert second_plan(phone_number_validate) == ""
