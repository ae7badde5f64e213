"""Journeys of staging arrive in production whole, once, and as drafts."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.local_account import Inbox, LocalAccount
from tests.builders.terraform_example import outputs, second_plan

pytestmark = pytest.mark.integration

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module", autouse=True)
def revision() -> Iterator[None]:
    """Give plan and destroy the revision that a test applies."""
    yield
    os.environ.pop("TF_VAR_revision", None)


@pytest.fixture(scope="module")
def example(journey_copy: Any) -> dict[str, Any]:
    return outputs(journey_copy)


@pytest.fixture(scope="module")
def inbox(example: dict[str, Any], account: LocalAccount) -> Inbox:
    return account.subscribe(example["notification_topic_arn"], f"copies-{time.time_ns()}")


@pytest.fixture(scope="module")
def staging(example: dict[str, Any]) -> Project:
    return Project(example["staging"])


@pytest.fixture(scope="module")
def production(example: dict[str, Any]) -> Project:
    return Project(example["production"])


@pytest.fixture(scope="module")
def welcome(example: dict[str, Any]) -> str:
    """The journey that the example's program drafts; its id."""
    return drafted(example)


def drafted(example: dict[str, Any], *arguments: str) -> str:
    document = json.dumps({name: {"value": value} for name, value in example.items()})
    command = [sys.executable, ROOT / "examples" / "journey_copy" / "draft_journey.py", *arguments]
    done = subprocess.run(command, input=document, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


class Project:
    """A project for its owner."""

    def __init__(self, project: dict[str, Any]) -> None:
        self.id = project["project_id"]
        self.client = hub_client(project["api"]["url"])

    def journeys(self) -> list[dict[str, Any]]:
        answer = self.client.list_journeys(ApplicationId=self.id)
        return list(answer["JourneysResponse"]["Item"])

    def draft(self, **members: Any) -> str:
        answer = self.client.create_journey(ApplicationId=self.id, WriteJourneyRequest=members)
        return str(answer["JourneyResponse"]["Id"])

    def journey(self, journey_id: str) -> dict[str, Any]:
        answer = self.client.get_journey(ApplicationId=self.id, JourneyId=journey_id)
        return dict(answer["JourneyResponse"])

    def segment(self, segment_id: str) -> dict[str, Any]:
        answer = self.client.get_segment(ApplicationId=self.id, SegmentId=segment_id)
        return dict(answer["SegmentResponse"])


def run(account: LocalAccount, example: dict[str, Any], **run_input: Any) -> Any:
    execution = account.client("stepfunctions").start_execution(
        stateMachineArn=example["state_machine_arn"], input=json.dumps(run_input)
    )
    return account.finished(execution["executionArn"], seconds=180)


def report_of(account: LocalAccount, execution: Any, inbox: Inbox, kind: str) -> dict[str, Any]:
    """The report that the notification of an execution names."""
    name = execution["executionArn"].split(":")[-1]
    body = inbox.wait_for(kind, lambda body: body["CorrelationId"] == name)["body"]
    place = body["JourneyCopyResult"]
    stored = account.client("s3").get_object(Bucket=place["Bucket"], Key=place["Key"])
    return dict(json.loads(stored["Body"].read()))


@terraform("journey_copy", scope="module")
def test_an_apply_without_a_journey_copies_none(journey_copy: Any, example: dict[str, Any]) -> None:
    assert example["applied_copy"]["counts"] == {}
    assert example["applied_copy"]["report"].startswith(f"s3://{example['bucket_name']}/reports/")


@terraform("journey_copy", scope="module")
def test_a_dry_run_lists_what_would_be_created_and_creates_nothing(
    journey_copy: Any,
    example: dict[str, Any],
    welcome: str,
    production: Project,
    inbox: Inbox,
    account: LocalAccount,
) -> None:
    execution = run(account, example, All=True, DryRun=True)

    assert execution["status"] == "SUCCEEDED", execution
    report = report_of(account, execution, inbox, "success")
    assert report["Counts"] == {"WOULD_BE_CREATED": 1}
    assert [resource["Kind"] for resource in report["Journeys"][0]["Resources"]] == [
        "SEGMENT",
        "EMAIL_TEMPLATE",
        "SMS_TEMPLATE",
    ]
    assert production.journeys() == []
    rows = account.client("dynamodb").scan(TableName=example["mapping_table_name"])
    assert rows["Count"] == 0


@terraform("journey_copy", scope="module")
def test_an_apply_copies_a_journey_with_its_segment_and_templates(
    journey_copy: Any,
    example: dict[str, Any],
    welcome: str,
    staging: Project,
    production: Project,
    account: LocalAccount,
) -> None:
    os.environ.update({"TF_VAR_revision": "2"})

    applied = apply_again(journey_copy)["applied_copy"]["value"]

    assert applied["counts"] == {"CREATED": 1}
    copy, source = production.journey(applied["copies"][welcome]), staging.journey(welcome)
    assert (copy["Name"], copy["State"]) == ("welcome", "DRAFT")
    assert copy["Schedule"] == source["Schedule"]
    assert copy["Limits"] == source["Limits"]
    segment_id = copy["StartCondition"]["SegmentStartCondition"]["SegmentId"]
    original = source["StartCondition"]["SegmentStartCondition"]["SegmentId"]
    assert segment_id != original
    assert production.segment(segment_id)["Dimensions"] == staging.segment(original)["Dimensions"]
    remind = copy["Activities"]["remind"]["SMS"]
    template = production.client.get_sms_template(
        TemplateName=remind["TemplateName"], Version=remind["TemplateVersion"]
    )["SMSTemplateResponse"]
    assert template["Body"] == "Free delivery ends on Sunday."
    greet = copy["Activities"]["greet"]["EMAIL"]
    email = production.client.get_email_template(TemplateName=greet["TemplateName"])
    assert email["EmailTemplateResponse"]["Subject"].startswith("Welcome")


@terraform("journey_copy", scope="module")
def test_a_repeated_run_changes_nothing(
    journey_copy: Any,
    example: dict[str, Any],
    welcome: str,
    production: Project,
    inbox: Inbox,
    account: LocalAccount,
) -> None:
    before = production.journeys()

    execution = run(account, example, JourneyIds=[welcome])

    assert execution["status"] == "SUCCEEDED", execution
    assert report_of(account, execution, inbox, "success")["Counts"] == {"UNCHANGED": 1}
    assert production.journeys() == before
    assert inbox.wait_for("started")["subject"] == "Amazon Pinpoint Journey Copy Started"


@terraform("journey_copy", scope="module")
def test_a_journey_that_cannot_be_copied_is_reported_and_stops_no_other(
    journey_copy: Any,
    example: dict[str, Any],
    welcome: str,
    staging: Project,
    production: Project,
    inbox: Inbox,
    account: LocalAccount,
) -> None:
    foreign = drafted(example, "abroad")
    changed = {"Name": "welcome", "Limits": {"DailyCap": 3}}
    staging.client.update_journey(
        ApplicationId=staging.id, JourneyId=welcome, WriteJourneyRequest=changed
    )
    # A version that the mapping does not know, and a segment built on another one.
    staging.client.update_email_template(
        TemplateName=example["email_template_name"],
        CreateNewVersion=True,
        EmailTemplateRequest={"Subject": "Hello", "HtmlPart": "<p>Hello</p>"},
    )
    staging.client.update_template_active_version(
        TemplateName=example["email_template_name"],
        TemplateType="EMAIL",
        TemplateActiveVersionRequest={"Version": "latest"},
    )
    built = staging.client.create_segment(
        ApplicationId=staging.id,
        WriteSegmentRequest={
            "Name": "built",
            "SegmentGroups": {
                "Include": "ALL",
                "Groups": [
                    {
                        "SourceSegments": [{"Id": example["segment_id"], "Version": 1}],
                        "SourceType": "ALL",
                        "Type": "ALL",
                    }
                ],
            },
        },
    )["SegmentResponse"]["Id"]
    staging.client.update_segment(
        ApplicationId=staging.id,
        SegmentId=example["segment_id"],
        WriteSegmentRequest={"Name": "newest customers", "Dimensions": {}},
    )
    layered = staging.draft(
        Name="layered", StartCondition={"SegmentStartCondition": {"SegmentId": built}}
    )

    execution = run(account, example, JourneyIds=[welcome, foreign, layered, "nowhere"])

    assert (execution["status"], execution["error"]) == ("FAILED", "JourneyCopyFailed")
    assert "2 of 4 journeys were not copied" in execution["cause"]
    entries = report_of(account, execution, inbox, "failure")["Journeys"]
    assert {entry["SourceJourneyId"]: entry["Result"] for entry in entries} == {
        welcome: "UPDATED",
        foreign: "BLOCKED",
        layered: "CREATED",
        "nowhere": "FAILED",
    }
    by_name = {journey["Name"]: journey for journey in production.journeys()}
    assert set(by_name) == {"welcome", "layered"}
    assert by_name["welcome"]["Limits"] == {"DailyCap": 3}
    greeting = production.client.get_email_template(TemplateName=example["email_template_name"])
    assert greeting["EmailTemplateResponse"]["Subject"] == "Hello"
    segment_id = by_name["layered"]["StartCondition"]["SegmentStartCondition"]["SegmentId"]
    group = production.segment(segment_id)["SegmentGroups"]["Groups"][0]
    frozen = production.segment(group["SourceSegments"][0]["Id"])
    assert frozen["Name"] == "new customers (version 1)"


@terraform("journey_copy", scope="module")
def test_an_overwritten_version_of_a_template_is_a_new_version_of_its_copy(
    journey_copy: Any,
    example: dict[str, Any],
    welcome: str,
    staging: Project,
    production: Project,
    account: LocalAccount,
) -> None:
    name = example["sms_template_name"]
    staging.client.update_sms_template(
        TemplateName=name, SMSTemplateRequest={"Body": "Free delivery ended."}
    )

    assert run(account, example, JourneyIds=[welcome])["status"] == "SUCCEEDED"

    copies = [one for one in production.journeys() if one["Name"] == "welcome"]
    assert copies[0]["Activities"]["remind"]["SMS"]["TemplateVersion"] == "2"
    pinned = production.client.get_sms_template(TemplateName=name, Version="2")
    assert pinned["SMSTemplateResponse"]["Body"] == "Free delivery ended."


@terraform("journey_copy", scope="module")
@pytest.mark.parametrize("run_input", [{}, {"JourneyIds": ["../x"]}, {"All": True, "Foo": 1}])
def test_an_input_that_names_no_journeys_ends_in_a_failure_notification(
    journey_copy: Any,
    example: dict[str, Any],
    inbox: Inbox,
    account: LocalAccount,
    run_input: dict[str, Any],
) -> None:
    execution = run(account, example, **run_input)

    assert execution["status"] == "FAILED"
    name = execution["executionArn"].split(":")[-1]
    body = inbox.wait_for("failure", lambda body: body["CorrelationId"] == name)["body"]
    assert body["JourneyCopyResult"]["FailureReason"].startswith("BadCopyRequest")


@terraform("journey_copy", scope="module")
def test_a_second_plan_of_journey_copy_is_empty(journey_copy: Any) -> None:
    assert second_plan(journey_copy) == ""


@terraform("journey_copy", scope="module")
def test_a_destroy_deletes_the_drafts_that_were_copied_and_no_other_journey(
    journey_copy: Any, example: dict[str, Any], production: Project, account: LocalAccount
) -> None:
    theirs = production.draft(Name="theirs")
    function = example["state_machine_arn"].split(":")[-1].removesuffix("-copy") + "-apply"
    event = {"JourneyIds": None, "DryRun": False, "DeleteCopies": True, "Revision": "2"}

    answer = account.client("lambda").invoke(
        FunctionName=function, Payload=json.dumps({**event, "tf": {"action": "delete"}})
    )

    assert json.loads(answer["Payload"].read()) == {"Deleted": 2, "Kept": 0}
    assert [journey["Id"] for journey in production.journeys()] == [theirs]


def apply_again(state: Any) -> dict[str, Any]:
    """Apply the example with the variables of the environment. Returns its outputs."""
    runner = state.terraform
    environment = {**os.environ, "TF_DATA_DIR": runner.work_dir}
    place = f"-state={runner.state_path}"
    for command in (
        ["apply", "-auto-approve", "-no-color", "-input=false", "-refresh=false", place],
        ["output", "-json", place],
    ):
        done = subprocess.run(
            [runner.tf_bin, *command],
            cwd=runner.module_dir,
            env=environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, done.stdout + done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer
