"""Phone numbers of a project, validated within the account's quota."""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.faults import fault
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


def reported(account: LocalAccount, output: dict[str, Any]) -> list[str]:
    """The endpoints of a run's report of invalid numbers."""
    bucket, _, key = output["InvalidNumbersReport"].removeprefix("s3://").partition("/")
    report = account.client("s3").get_object(Bucket=bucket, Key=key)["Body"].read().splitlines()
    return [json.loads(line)["EndpointId"] for line in report]


def files_of(account: LocalAccount, bucket: str, *prefixes: str) -> list[str]:
    """The keys of all versions of objects below the prefixes."""
    s3 = account.client("s3")
    listings = [s3.list_object_versions(Bucket=bucket, Prefix=prefix) for prefix in prefixes]
    return [version["Key"] for listed in listings for version in listed.get("Versions", [])]


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
    assert set(reported(account, validated)) == {"impossible", "words"}
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


BATCH_FUNCTION = "phone-validate-run-validate-batch"
CALLS: dict[str, dict[str, Any]] = {
    "export-creation": {"service": "execute-api", "method": "POST", "path": "*/jobs/export"},
    "numbers-write": {"service": "s3", "method": "PUT", "path": "*/numbers-*"},
    "cache-read": {"operation": "BatchGetItem"},
    "rate": {"operation": "UpdateItem"},
    "paid-call": {
        "service": "mobiletargeting",
        "method": "POST",
        "path": "*/phone/number/validate",
        "skip": 2,
    },
    "cache-write": {"operation": "BatchWriteItem", "skip": 1},  # of two
    "marks": {"service": "execute-api", "method": "PUT", "path": "*/endpoints"},
    "results-write": {"service": "s3", "method": "PUT", "path": "*/results/*"},
}
for in_the_table in ("cache-read", "rate", "cache-write"):
    CALLS[in_the_table] |= {"service": "dynamodb", "function": BATCH_FUNCTION}
GATEWAY_THROTTLES = {"status": 429, "code": None}
# The last member is the number of paid questions that a fault may cost. A function that dies loses
# fewer than ten verdicts and the calls of its 16 threads.
FAULTS_OF_CALLS: list[tuple[str, str, dict[str, Any], int]] = [
    ("export-creation", "throttled", GATEWAY_THROTTLES, 0),
    ("export-creation", "reset-after", {}, 0),
    ("numbers-write", "5xx", {}, 0),
    ("cache-read", "throttled", {}, 0),
    ("rate", "reset-after", {}, 0),
    ("paid-call", "throttled", {"status": 429, "code": "TooManyRequestsException"}, 0),
    ("paid-call", "5xx", {}, 0),
    ("paid-call", "reset-before", {}, 0),
    ("paid-call", "reset-after", {}, 1),
    ("paid-call", "delay", {}, 0),
    ("paid-call", "kill-after", {"skip": 49}, 25),  # of NUMBERS_OF_CELLS
    ("cache-write", "throttled", {}, 0),
    ("cache-write", "reset-after", {}, 0),
    ("cache-write", "kill-before", {}, 2),
    ("marks", "throttled", GATEWAY_THROTTLES, 0),
    ("marks", "5xx", {"code": None}, 0),
    ("marks", "reset-after", {}, 0),
    ("marks", "kill-after", {}, 0),
    ("results-write", "reset-after", {}, 0),
]
# Cells with another number of numbers than 12.
NUMBERS_OF_CELLS = {("paid-call", "kill-after"): 60}
ENDPOINTS_PER_USER = 14  # a project has at most 15
numbers = itertools.count(12065560000)


@pytest.mark.fault_matrix
@terraform("phone_number_validate", scope="module")
@pytest.mark.parametrize(
    ("call", "name", "more", "asked_again"),
    FAULTS_OF_CALLS,
    ids=[f"{call}-{name}" for call, name, _, _ in FAULTS_OF_CALLS],
)
def test_a_fault_amid_a_validation_marks_every_number_and_pays_for_no_kept_answer_again(
    phone_number_validate: Any,
    validation: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
    call: str,
    name: str,
    more: dict[str, Any],
    asked_again: int,
) -> None:
    pinpoint, project = hub_client(validation["api_url"]), validation["project_id"]
    cell = f"{call}-{name}-{time.time_ns()}"
    distinct = NUMBERS_OF_CELLS.get((call, name), 12)
    mobile = [f"+{next(numbers)}" for _ in range(distinct)]
    typed = {f"{cell}-{n}": number for n, number in enumerate(mobile)}
    typed |= {f"{cell}-again": mobile[0].removeprefix("+1"), f"{cell}-impossible": "12345"}
    users = {id_: f"{cell}-user-{n // ENDPOINTS_PER_USER}" for n, id_ in enumerate(typed)}
    pinpoint.update_endpoints_batch(
        ApplicationId=project,
        EndpointBatchRequest={
            "Item": [
                {
                    "Id": id_,
                    "ChannelType": "SMS",
                    "Address": number,
                    "Attributes": {"Cell": [cell]},
                    "User": {"UserId": users[id_]},
                }
                for id_, number in typed.items()
            ]
        },
    )
    in_the_cell = {"Cell": {"AttributeType": "INCLUSIVE", "Values": [cell]}}
    segment = pinpoint.create_segment(
        ApplicationId=project,
        WriteSegmentRequest={"Name": cell, "Dimensions": {"Attributes": in_the_cell}},
    )["SegmentResponse"]["Id"]
    paid_before = validations_answered()

    with fault(account, name, **CALLS[call] | more):
        run_input = {"SegmentId": segment, "CorrelationId": cell}
        execution = start(account, validation, run_input)
        inbox.wait_for("success", lambda body: body["CorrelationId"] == cell)

    assert execution["status"] == "SUCCEEDED", execution
    told = [n for n in inbox.notifications() if n["body"]["CorrelationId"] == cell]
    assert [n["kind"] for n in told] == ["success"]
    assert distinct <= validations_answered() - paid_before <= distinct + asked_again
    found = {
        endpoint["Id"]: endpoint
        for user in sorted(set(users.values()))
        for endpoint in pinpoint.get_user_endpoints(ApplicationId=project, UserId=user)[
            "EndpointsResponse"
        ]["Item"]
    }
    marks = {
        id_: (e["Attributes"]["PNV_PhoneType"], e["Attributes"]["PNV_OriginalPhoneNumber"])
        for id_, e in found.items()
    }
    assert marks == {
        id_: (["INVALID" if number == "12345" else "MOBILE"], [number])
        for id_, number in typed.items()
    }
    addresses = [found[id_]["Address"] for id_ in typed]
    assert addresses == [*mobile, mobile[0], "12345"]
    awake = [id_ for id_, e in found.items() if e["EndpointStatus"] == "ACTIVE"]
    # The project keeps one of two endpoints with one number active.
    assert len(awake) == distinct + 1
    assert {found[id_]["Address"] for id_ in awake} == {*mobile, "12345"}
    output = told[0]["body"]["ValidatePhoneResult"]["ValidateOutput"]
    counted = ("TotalPhoneNumbersValidated", "ValidPhoneNumbers", "InvalidPhoneNumbers")
    assert [output[counter] for counter in counted] == [distinct + 2, distinct + 1, 1]
    assert output["DistinctPhoneNumbers"] == distinct + 1
    assert reported(account, output) == [f"{cell}-impossible"]
    run = execution["executionArn"].rsplit(":", 1)[-1]
    # After a lost answer another export may still write its files, which expire.
    folders = ["work/"] if call == "export-creation" else ["work/", "exports/"]
    kept = files_of(account, validation["work_bucket"], *(f"{f}{run}/" for f in folders))
    assert kept == []


@terraform("phone_number_validate", scope="module")
def test_a_second_plan_of_phone_number_validate_is_empty(phone_number_validate: Any) -> None:
    assert second_plan(phone_number_validate) == ""
