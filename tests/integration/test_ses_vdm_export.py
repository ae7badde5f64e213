"""Report of a month: scheduled, manual, repeated, after failures; compared with the sent emails."""

from __future__ import annotations

import csv
import json
import time
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_terraform import terraform

from tests.builders.local_account import Inbox, LocalAccount, local
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

NOW = datetime.now(UTC)
THIS_MONTH = f"{NOW:%Y-%m}"
NEXT_MONTH = datetime(NOW.year + NOW.month // 12, NOW.month % 12 + 1, 1, 6, tzinfo=UTC)


@pytest.fixture(scope="module", autouse=True)
def impatient() -> Iterator[None]:
    """Set a short timeout before the example is applied."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_timeout_seconds", "10")
        yield


@pytest.fixture(scope="module")
def example(ses_vdm_export: Any) -> dict[str, Any]:
    return outputs(ses_vdm_export)


@pytest.fixture(scope="module")
def inbox(account: LocalAccount, example: dict[str, Any]) -> Inbox:
    return account.subscribe(example["topic_arn"], f"finance-{time.time_ns()}")


def fire(example: dict[str, Any], at: datetime) -> dict[str, Any]:
    """The schedule's target invoked as at that time."""
    path = f"scheduler/{example['schedule_name']}/fire?at={at:%Y-%m-%dT%H:%M:%SZ}"
    fired: dict[str, Any] = local(path, {})
    return fired


def send(account: LocalAccount, example: dict[str, Any], to: str) -> str:
    html = '<p><a href="https://example.com/">Shop</a></p>'
    return str(
        account.client("sesv2").send_email(
            FromEmailAddress=example["from_address"],
            Destination={"ToAddresses": [to]},
            Content={"Simple": {"Subject": {"Data": "News"}, "Body": {"Html": {"Data": html}}}},
        )["MessageId"]
    )


def objects(account: LocalAccount, example: dict[str, Any]) -> dict[str, str]:
    """Key => text of every report, each of which has one version."""
    s3, bucket = account.client("s3"), example["report_bucket"]
    versions = s3.list_object_versions(Bucket=bucket).get("Versions", [])
    keys = [version["Key"] for version in versions]
    assert len(set(keys)) == len(keys), "a report was written twice"
    return {key: s3.get_object(Bucket=bucket, Key=key)["Body"].read().decode() for key in keys}


def report_of(month: str, account: LocalAccount, example: dict[str, Any]) -> list[str]:
    """The keys of a month's reports."""
    year, number = month.split("-")
    folder = f"{example['report_prefix']}year={year}/month={number}/"
    return [key for key in objects(account, example) if key.startswith(folder)]


def told(inbox: Inbox, execution_arn: str) -> list[dict[str, Any]]:
    """The notifications of one run."""
    name = execution_arn.rpartition(":")[2]
    return [n for n in inbox.notifications() if n["body"]["CorrelationId"] == name]


def by_hand(account: LocalAccount, example: dict[str, Any], **run_input: Any) -> str:
    return str(
        account.client("stepfunctions").start_execution(
            stateMachineArn=example["state_machine_arn"], input=json.dumps(run_input)
        )["executionArn"]
    )


@dataclass
class Month:
    """A month that was exported: its execution and how that ended."""

    execution: dict[str, Any]
    output: dict[str, Any]


@pytest.fixture(scope="module")
def reported(account: LocalAccount, example: dict[str, Any], inbox: Inbox) -> Month:
    """This month, by the schedule firing on the 1st of the next, after some mail was sent."""
    ann = send(account, example, "ann@gmail.com")
    send(account, example, "abe@gmail.com")
    bob = send(account, example, "bob@yahoo.com")
    cat = send(account, example, "cat@yahoo.com")
    send(account, example, "success@simulator.amazonses.com")  # counts nowhere
    local(f"email/{ann}/open", {})
    local(f"email/{ann}/open", {})
    local(f"email/{ann}/click", {})
    local(f"email/{bob}/bounce", {})
    local(f"email/{cat}/complaint", {})

    fired = fire(example, NEXT_MONTH)
    assert fired["result"] == "invoked", fired
    execution = account.finished(fired["executionArn"])
    assert execution["status"] == "SUCCEEDED", execution
    return Month(execution, json.loads(execution["output"]))


@terraform("ses_vdm_export", scope="module")
def test_on_the_1st_the_month_before_ends_in_a_report_with_the_numbers_of_what_was_sent(
    ses_vdm_export: Any, account: LocalAccount, example: dict[str, Any], reported: Month
) -> None:
    [key] = report_of(THIS_MONTH, account, example)

    rows = [
        row
        for row in csv.DictReader(objects(account, example)[key].splitlines())
        if row["EMAIL_IDENTITY"] == example["from_address"]
    ]
    figures = {row.pop("ISP"): {name: row[name] for name in row} for row in rows}
    numbers = {
        isp: {name: float(value) for name, value in row.items() if name != "EMAIL_IDENTITY"}
        for isp, row in figures.items()
    }
    assert {isp: row["SEND_VOLUME"] for isp, row in numbers.items()} == {"Gmail": 2, "Yahoo": 2}
    assert numbers["Gmail"]["PERMANENT_BOUNCE_VOLUME"] == 0
    assert numbers["Yahoo"]["PERMANENT_BOUNCE_VOLUME"] == 1
    assert numbers["Yahoo"]["COMPLAINT_VOLUME"] == 1
    assert numbers["Gmail"]["DELIVERY_VOLUME"] == 2
    assert (numbers["Gmail"]["OPEN_RATE"], numbers["Gmail"]["CLICK_RATE"]) == (0.5, 0.5)


@terraform("ses_vdm_export", scope="module")
def test_exactly_one_notification_names_the_object_and_links_to_it_without_a_secret(
    ses_vdm_export: Any,
    account: LocalAccount,
    example: dict[str, Any],
    inbox: Inbox,
    reported: Month,
) -> None:
    execution = reported.execution["executionArn"]
    account.eventually(lambda: told(inbox, execution), bool)
    [key] = report_of(THIS_MONTH, account, example)

    [notice] = told(inbox, execution)

    body = notice["body"]
    assert (notice["kind"], notice["subject"]) == (
        "success",
        f"Amazon SES VDM Report {THIS_MONTH}",
    )
    assert (body["Month"], body["Object"]) == (THIS_MONTH, f"s3://{example['report_bucket']}/{key}")
    link = urlsplit(body["Link"])
    assert link.hostname == "us-east-1.console.aws.amazon.com"
    assert link.path.endswith(f"/{example['report_bucket']}")
    assert parse_qs(link.query)["prefix"] == [key]
    pages = account.client("stepfunctions").get_paginator("get_execution_history")
    history = json.dumps(list(pages.paginate(executionArn=execution)), default=str)
    assert body["JobId"] in history
    assert "Signature=" not in history + json.dumps(body)


@terraform("ses_vdm_export", scope="module")
def test_firing_again_exports_and_tells_nothing_again(
    ses_vdm_export: Any,
    account: LocalAccount,
    example: dict[str, Any],
    inbox: Inbox,
    reported: Month,
) -> None:
    ses = account.client("sesv2")
    before = objects(account, example), len(ses.list_export_jobs()["ExportJobs"])

    fired = fire(example, NEXT_MONTH)
    again = account.finished(fired["executionArn"])

    assert again["status"] == "SUCCEEDED"
    [key] = report_of(THIS_MONTH, account, example)
    answer = json.loads(again["output"])
    assert "already exported" in answer["Message"]
    assert answer["Object"] == f"s3://{example['report_bucket']}/{key}"
    assert (objects(account, example), len(ses.list_export_jobs()["ExportJobs"])) == before
    assert told(inbox, fired["executionArn"]) == []


@terraform("ses_vdm_export", scope="module")
def test_two_months_by_hand_at_the_same_time_both_get_their_report(
    ses_vdm_export: Any, account: LocalAccount, example: dict[str, Any], inbox: Inbox
) -> None:
    """SES takes one job a second: one of the two is refused first."""
    months = ["2024-02", "2025-12"]

    runs = [by_hand(account, example, month=month) for month in months]
    ends = [account.finished(run) for run in runs]

    assert [end["status"] for end in ends] == ["SUCCEEDED", "SUCCEEDED"]
    for month, run in zip(months, runs, strict=True):
        assert len(report_of(month, account, example)) == 1
        [notice] = account.eventually(lambda run=run: told(inbox, run), bool)
        assert notice["body"]["Month"] == month
    plans = [json.loads(end["output"])["Plan"] for end in ends]
    assert [(plan["StartDate"], plan["EndDate"]) for plan in plans] == [
        ("2024-02-01T00:00:00Z", "2024-03-01T00:00:00Z"),
        ("2025-12-01T00:00:00Z", "2026-01-01T00:00:00Z"),
    ]


@terraform("ses_vdm_export", scope="module")
def test_a_failed_export_job_ends_in_a_failure_notification_and_a_failed_execution(
    ses_vdm_export: Any, account: LocalAccount, example: dict[str, Any], inbox: Inbox
) -> None:
    local("ses/exports", {"next": "FAILED"})

    run = by_hand(account, example, month="2025-08")
    end = account.finished(run)

    assert (end["status"], end["error"]) == ("FAILED", "ExportJobFailed")
    [notice] = account.eventually(lambda: told(inbox, run), bool)
    assert (notice["kind"], notice["body"]["Month"]) == ("failure", "2025-08")
    assert "try again later" in notice["body"]["Cause"]
    assert report_of("2025-08", account, example) == []
    # The next run makes a job of its own.
    assert account.finished(by_hand(account, example, month="2025-08"))["status"] == "SUCCEEDED"


@terraform("ses_vdm_export", scope="module")
def test_a_job_that_hangs_ends_the_run_in_time_and_a_cancelled_one_too(
    ses_vdm_export: Any, account: LocalAccount, example: dict[str, Any], inbox: Inbox
) -> None:
    local("ses/exports", {"next": "PROCESSING"})

    run = by_hand(account, example, month="2025-07")
    end = account.finished(run, seconds=60)

    assert (end["status"], end["error"]) == ("FAILED", "ExportTimedOut")
    [notice] = account.eventually(lambda: told(inbox, run), bool)
    assert (notice["kind"], "timeout_seconds" in notice["body"]["Cause"]) == ("failure", True)

    # Started again, the run waits for the same job, which the test cancels.
    ses = account.client("sesv2")
    jobs = ses.list_export_jobs()["ExportJobs"]
    hanging = next(job["JobId"] for job in jobs if job["JobStatus"] == "PROCESSING")
    run = by_hand(account, example, month="2025-07")
    account.eventually(lambda: holder(account, example, "2025-07"), lambda seen: seen == run)
    ses.cancel_export_job(JobId=hanging)
    end = account.finished(run)
    assert (end["status"], end["error"]) == ("FAILED", "ExportJobFailed")
    assert "cancelled" in end["cause"]
    assert len(ses.list_export_jobs()["ExportJobs"]) == len(jobs)


def claim_on(account: LocalAccount, example: dict[str, Any], month: str) -> dict[str, Any]:
    items = account.client("dynamodb").scan(TableName=example["claims_table"])["Items"]
    return next((item for item in items if item["pk"]["S"].startswith(month)), {})


def holder(account: LocalAccount, example: dict[str, Any], month: str) -> str:
    """The execution that has a month."""
    return str(claim_on(account, example, month).get("execution", {}).get("S", ""))


@terraform("ses_vdm_export", scope="module")
def test_a_run_whose_predecessor_was_stopped_half_way_continues_its_job(
    ses_vdm_export: Any, account: LocalAccount, example: dict[str, Any], inbox: Inbox
) -> None:
    first = by_hand(account, example, month="2025-05")
    claim = account.eventually(
        lambda: claim_on(account, example, "2025-05"), lambda seen: "job_id" in seen, 30
    )
    account.client("stepfunctions").stop_execution(executionArn=first)

    run = by_hand(account, example, month="2025-05")
    end = account.finished(run)

    assert end["status"] == "SUCCEEDED"
    [notice] = account.eventually(lambda: told(inbox, run), bool)
    assert notice["body"]["JobId"] == claim["job_id"]["S"]
    assert told(inbox, first) == []


@terraform("ses_vdm_export", scope="module")
@pytest.mark.parametrize(
    ("run_input", "said"),
    [
        ({"month": "October"}, "month must be a year and a month as in 2026-10"),
        ({"month": f"{NEXT_MONTH:%Y-%m}"}, "is not over"),
        ({"Month": "2026-10"}, "either month or scheduled_time"),
    ],
)
def test_a_bad_month_is_a_failure_that_says_what_to_give(
    ses_vdm_export: Any,
    account: LocalAccount,
    example: dict[str, Any],
    inbox: Inbox,
    run_input: dict[str, str],
    said: str,
) -> None:
    run = by_hand(account, example, **run_input)
    end = account.finished(run)

    assert (end["status"], end["error"]) == ("FAILED", "BadExportRequest")
    assert said in end["cause"]
    [notice] = account.eventually(lambda: told(inbox, run), bool)
    assert (notice["kind"], said in notice["body"]["Cause"]) == ("failure", True)


@terraform("ses_vdm_export", scope="module")
def test_a_run_that_could_not_be_started_waits_in_the_dead_letter_queue(
    ses_vdm_export: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    iam = account.client("iam")
    own = {"RoleName": "vdm-schedule", "PolicyName": "schedule"}
    policy = iam.get_role_policy(**own)["PolicyDocument"]
    without = [s for s in policy["Statement"] if "states:StartExecution" not in json.dumps(s)]
    assert without != policy["Statement"]
    iam.put_role_policy(**own, PolicyDocument=json.dumps(policy | {"Statement": without}))

    try:
        fired = fire(example, NEXT_MONTH)
    finally:
        iam.put_role_policy(**own, PolicyDocument=json.dumps(policy))

    assert fired["result"] == "failed"
    [kept] = account.messages(example["dead_letter_queue_url"])
    assert json.loads(kept) == {"scheduled_time": f"{NEXT_MONTH:%Y-%m-%dT%H:%M:%SZ}"}


@terraform("ses_vdm_export", scope="module")
def test_a_second_plan_of_the_export_is_empty(ses_vdm_export: Any) -> None:
    assert second_plan(ses_vdm_export) == ""


@terraform("ses_vdm_export", scope="module")
def test_destroying_the_export_leaves_nothing(ses_vdm_export: Any, account: LocalAccount) -> None:
    assert len(left_behind(account, "vdm")) > 10

    ses_vdm_export.terraform.destroy()

    assert left_behind(account, "vdm") == []
    assert account.client("scheduler").list_schedules(NamePrefix="vdm-")["Schedules"] == []
