"""Export jobs of SESv2: who may, when, and a report of what was really sent."""

from __future__ import annotations

import csv
import io
import json
import time
import urllib.error
import urllib.request
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer, allow, eventually

SENDER = "shop@example.com"
TODAY = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
SEND = {"Name": "SEND", "Aggregation": "VOLUME"}


@pytest.fixture
def sesv2(local_aws: LocalServer) -> Any:
    """SESv2 with a verified sender, two configuration sets and VDM enabled."""
    client = local_aws.client("sesv2")
    client.create_email_identity(EmailIdentity=SENDER)
    for name in ("news", "receipts"):
        client.create_configuration_set(ConfigurationSetName=name)
    client.put_account_vdm_attributes(VdmAttributes={"VdmEnabled": "ENABLED"})
    return client


def send(sesv2: Any, *to: str, configuration_set: str = "news", html: str = "") -> str:
    body = {"Html": {"Data": html}} if html else {"Text": {"Data": "Hello"}}
    answer = sesv2.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": list(to)},
        Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": body}},
        ConfigurationSetName=configuration_set,
    )
    return str(answer["MessageId"])


def export(sesv2: Any, data_format: str = "CSV", **source: Any) -> str:
    """Create a job for today; ``source`` replaces members of its MetricsDataSource."""
    metrics = {
        "Dimensions": {"ISP": ["*"]},
        "Namespace": "VDM",
        "Metrics": [SEND],
        "StartDate": TODAY,
        "EndDate": TODAY + timedelta(days=1),
        **source,
    }
    answer = sesv2.create_export_job(
        ExportDataSource={"MetricsDataSource": metrics},
        ExportDestination={"DataFormat": data_format},
    )
    return str(answer["JobId"])


def finished(sesv2: Any, job_id: str) -> dict[str, Any]:
    def look() -> dict[str, Any]:
        job: dict[str, Any] = sesv2.get_export_job(JobId=job_id)
        return job

    return eventually(look, lambda job: job["JobStatus"] not in ("CREATED", "PROCESSING"), 5)


def fetched(url: str) -> str:
    with urllib.request.urlopen(url) as answer:
        return str(answer.read().decode())


def report(sesv2: Any, **source: Any) -> list[dict[str, str]]:
    job = finished(sesv2, export(sesv2, **source))
    return list(csv.DictReader(io.StringIO(fetched(job["ExportDestination"]["S3Url"]))))


def code(refused: pytest.ExceptionInfo[ClientError]) -> str:
    return str(refused.value.response["Error"]["Code"])


def test_a_job_is_created_processed_and_completed(sesv2: Any) -> None:
    job_id = export(sesv2)

    seen = [sesv2.get_export_job(JobId=job_id)]
    while seen[-1]["JobStatus"] != "COMPLETED":
        seen.append(sesv2.get_export_job(JobId=job_id))

    assert list(dict.fromkeys(job["JobStatus"] for job in seen)) == [
        "CREATED",
        "PROCESSING",
        "COMPLETED",
    ]
    assert "S3Url" not in seen[0]["ExportDestination"]
    assert seen[-1]["ExportSourceType"] == "METRICS_DATA"
    assert seen[-1]["CompletedTimestamp"] > seen[-1]["CreatedTimestamp"]


def test_the_report_counts_what_was_sent_by_mailbox_provider(
    local_aws: LocalServer, sesv2: Any
) -> None:
    complained, opened = (send(sesv2, f"{name}@gmail.com", html="<p>") for name in "ab")
    bounced = send(sesv2, "c@outlook.com")
    local_aws.post(f"email/{complained}/complaint")
    for _ in range(2):
        local_aws.post(f"email/{opened}/open")
    local_aws.post(f"email/{bounced}/bounce")
    names = ["SEND", "DELIVERY", "DELIVERY_COMPLAINT", "PERMANENT_BOUNCE", "TRANSIENT_BOUNCE"]
    metrics = [{"Name": name, "Aggregation": "VOLUME"} for name in names]
    metrics += [{"Name": name, "Aggregation": "RATE"} for name in ("COMPLAINT", "OPEN")]

    rows = report(sesv2, Metrics=metrics)

    figures = [[row.pop("ISP"), *row.values()] for row in rows]
    assert figures == [
        ["Gmail", "2.0000", "2.0000", "0.0000", "0.0000", "0.0000", "0.5000", "0.5000"],
        ["Hotmail", "1.0000", "1.0000", "1.0000", "1.0000", "0.0000", "0.0000", "0.0000"],
    ]


def test_the_simulator_and_mail_to_several_recipients_do_not_count(sesv2: Any) -> None:
    send(sesv2, "success@simulator.amazonses.com")
    send(sesv2, "ann@gmail.com", "bob@gmail.com")
    send(sesv2, "ann@gmail.com")

    assert report(sesv2) == [{"ISP": "Gmail", "SEND_VOLUME": "1.0000"}]


def test_dimensions_combine(sesv2: Any) -> None:
    send(sesv2, "ann@gmail.com")
    send(sesv2, "ann@gmail.com", configuration_set="receipts")
    send(sesv2, "bob@example.org")

    rows = report(sesv2, Dimensions={"CONFIGURATION_SET": ["news"], "ISP": ["*"]})

    assert [list(row.values()) for row in rows] == [
        ["news", "Gmail", "1.0000"],
        ["news", "UNKNOWN_ISP", "1.0000"],
    ]


def test_named_values_have_a_row_each_even_without_mail(sesv2: Any) -> None:
    send(sesv2, "ann@gmail.com")

    rows = report(sesv2, Dimensions={"CONFIGURATION_SET": ["news", "receipts"]})

    assert [list(row.values()) for row in rows] == [["news", "1.0000"], ["receipts", "0.0000"]]


def test_another_day_has_a_heading_only(sesv2: Any) -> None:
    send(sesv2, "ann@gmail.com")
    days = {"StartDate": TODAY - timedelta(days=31), "EndDate": TODAY}

    job = finished(sesv2, export(sesv2, **days))

    assert fetched(job["ExportDestination"]["S3Url"]) == "ISP,SEND_VOLUME\n"


def test_json_is_a_list_of_objects(sesv2: Any) -> None:
    send(sesv2, "ann@gmail.com")

    job = finished(sesv2, export(sesv2, "JSON", Dimensions={"EMAIL_IDENTITY": ["*"]}))

    assert json.loads(fetched(job["ExportDestination"]["S3Url"])) == [
        {"EMAIL_IDENTITY": SENDER, "SEND_VOLUME": 1}
    ]


def test_a_link_dies_and_cannot_be_changed(local_aws: LocalServer, sesv2: Any) -> None:
    job_id = export(sesv2)
    good = finished(sesv2, job_id)["ExportDestination"]["S3Url"]
    local_aws.post("ses/exports", {"link_seconds": 0})
    old = sesv2.get_export_job(JobId=job_id)["ExportDestination"]["S3Url"]

    assert fetched(good)
    for url in (old, good.replace("Expires=", "Expires=9")):
        with pytest.raises(urllib.error.HTTPError) as refused:
            fetched(url)
        with refused.value:
            assert refused.value.code == 403


@pytest.mark.parametrize(
    ("source", "reason"),
    [
        ({"StartDate": TODAY + timedelta(days=1)}, "Invalid date range"),
        ({"StartDate": TODAY - timedelta(hours=1)}, "midnight to midnight UTC"),
        ({"Dimensions": {}}, "Dimensions"),
        ({"Dimensions": {"COUNTRY": ["*"]}}, "enum value set"),
        ({"Dimensions": {"ISP": ["*"], "CONFIGURATION_SET": ["a", "b"]}}, "only contain one"),
        ({"Metrics": [{"Name": "SENT"}]}, "enum value set"),
        ({"Namespace": "SES"}, "enum value set"),
    ],
)
def test_a_job_that_makes_no_sense_is_refused(
    sesv2: Any, source: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ClientError, match=reason) as refused:
        export(sesv2, **source)

    assert code(refused) == "BadRequestException"


def test_the_virtual_deliverability_manager_must_be_enabled(sesv2: Any) -> None:
    sesv2.put_account_vdm_attributes(VdmAttributes={"VdmEnabled": "DISABLED"})

    with pytest.raises(ClientError, match="Virtual Deliverability Manager") as refused:
        export(sesv2)

    assert code(refused) == "BadRequestException"
    assert sesv2.get_account()["VdmAttributes"] == {"VdmEnabled": "DISABLED"}


def test_one_job_is_created_a_second(sesv2: Any) -> None:
    export(sesv2)

    with pytest.raises(ClientError) as refused:
        export(sesv2)
    time.sleep(1.05)

    assert code(refused) == "TooManyRequestsException"
    assert refused.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    assert export(sesv2)


def test_a_job_is_cancelled_until_it_is_done(sesv2: Any) -> None:
    job_id = export(sesv2)
    sesv2.cancel_export_job(JobId=job_id)

    with pytest.raises(ClientError, match="<CANCELLED>"):
        sesv2.cancel_export_job(JobId=job_id)

    assert finished(sesv2, job_id)["JobStatus"] == "CANCELLED"


def test_the_next_job_can_be_made_to_fail_or_to_hang(local_aws: LocalServer, sesv2: Any) -> None:
    local_aws.post("ses/exports", {"next": "FAILED"})
    failed = finished(sesv2, export(sesv2))
    local_aws.post("ses/exports", {"next": "PROCESSING"})
    hanging = export(sesv2)
    time.sleep(1.7)

    assert (failed["JobStatus"], bool(failed["FailureInfo"]["ErrorMessage"])) == ("FAILED", True)
    assert sesv2.get_export_job(JobId=hanging)["JobStatus"] == "PROCESSING"
    assert local_aws.post("ses/exports", {"next": "LATER"})[0] == 400


def test_jobs_are_listed_newest_first_by_status_and_page(sesv2: Any) -> None:
    first = export(sesv2)
    sesv2.cancel_export_job(JobId=first)
    time.sleep(1.05)
    second = export(sesv2)

    page = sesv2.list_export_jobs(PageSize=1)
    rest = sesv2.list_export_jobs(PageSize=1, NextToken=page["NextToken"])
    cancelled = sesv2.list_export_jobs(JobStatus="CANCELLED")

    assert [job["JobId"] for job in page["ExportJobs"]] == [second]
    assert ([job["JobId"] for job in rest["ExportJobs"]], "NextToken" in rest) == ([first], False)
    assert [job["JobId"] for job in cancelled["ExportJobs"]] == [first]


@pytest.mark.parametrize(
    ("job_id", "expected"),
    [("nothing", "BadRequestException"), (f"{0:08}-0000-0000-0000-{0:012}", "NotFoundException")],
)
def test_an_unknown_job_is_named(sesv2: Any, job_id: str, expected: str) -> None:
    with pytest.raises(ClientError) as refused:
        sesv2.get_export_job(JobId=job_id)

    assert code(refused) == expected


def test_a_job_is_authorized_by_its_own_arn(local_aws: LocalServer, sesv2: Any) -> None:
    job_id = export(sesv2)
    one = f"arn:aws:ses:us-east-1:000000000000:export-job/{job_id}"
    reader = local_aws.as_role("sesv2", allow(["ses:GetExportJob", "ses:CreateExportJob"], one))

    assert reader.get_export_job(JobId=job_id)["JobId"] == job_id
    with pytest.raises(ClientError, match="AccessDenied"):
        reader.cancel_export_job(JobId=job_id)
    with pytest.raises(ClientError, match="AccessDenied"):
        export(reader)


def test_a_state_machine_creates_a_job_and_sees_the_rate_by_its_name(
    local_aws: LocalServer, sesv2: Any
) -> None:
    role = local_aws.role(
        "exports", {"Service": "states.amazonaws.com"}, allow("ses:CreateExportJob")
    )
    days = {"StartDate": "2026-01-01T00:00:00Z", "EndDate": "2026-02-01T00:00:00Z"}
    metrics = {"Dimensions": {"ISP": ["*"]}, "Namespace": "VDM", "Metrics": [SEND], **days}
    create: dict[str, Any] = {
        "Type": "Task",
        "Resource": "arn:aws:states:::aws-sdk:sesv2:createExportJob",
        "Parameters": {
            "ExportDataSource": {"MetricsDataSource": metrics},
            "ExportDestination": {"DataFormat": "CSV"},
        },
    }
    states = local_aws.client("stepfunctions")
    machine = states.create_state_machine(
        name="export",
        roleArn=role,
        definition=json.dumps(
            {
                "StartAt": "First",
                "States": {
                    "First": {**create, "ResultPath": "$.first", "Next": "Second"},
                    "Second": {**create, "End": True},
                },
            }
        ),
    )["stateMachineArn"]

    started = states.start_execution(stateMachineArn=machine)["executionArn"]

    def look() -> dict[str, Any]:
        execution: dict[str, Any] = states.describe_execution(executionArn=started)
        return execution

    ended = eventually(look, lambda execution: execution["status"] != "RUNNING")
    assert ended["error"] == "SesV2.TooManyRequestsException"
    assert len(sesv2.list_export_jobs()["ExportJobs"]) == 1
