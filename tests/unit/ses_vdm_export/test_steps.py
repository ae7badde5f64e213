"""The steps of an export: one export a month despite failures, and no secret in an output."""

import http.server
import io
import json
import logging
import threading
from copy import deepcopy
from types import SimpleNamespace

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

from ses_vdm_export import report
from ses_vdm_export.claims import ClaimLost
from ses_vdm_export.month import BadExportRequest
from shared.transient import ServiceUnavailable
from tests.builders.architectures import (
    CONTEXT,
    assert_well_built,
    load_function,
    publishes,
    service_error,
    state_machine,
    tasks,
)
from tests.builders.tables import PK_AND_SK

STARTED = "2026-11-23T10:00:00.123Z"
FIRST, SECOND = "arn:aws:states:::execution:vdm-export:first", "arn:second"
SIGNATURE = "X-Amz-Signature=5ec3e7"
CSV = b"EMAIL_IDENTITY,SEND_VOLUME\nnews@example.com,2.0000\n"
MACHINE = state_machine("ses_vdm_export", "export.asl.json")


class BadRequest(ClientError):
    pass


class NotFound(ClientError):
    pass


class Unknown(Exception):
    pass


class FakeSes:
    """Export jobs as a test leaves them; `failing` holds errors of the next calls."""

    exceptions = SimpleNamespace(BadRequestException=BadRequest, NotFoundException=NotFound)

    def __init__(self):
        self.jobs = {}
        self.created = []
        self.failing = []

    def create_export_job(self, **request):
        if self.failing:
            raise self.failing.pop(0)
        self.created.append(request)
        job_id = f"j{len(self.created)}"
        self.jobs[job_id] = {"JobId": job_id, "JobStatus": "CREATED"}
        return {"JobId": job_id}

    def get_export_job(self, *, JobId):
        if JobId not in self.jobs:
            raise NotFound({"Error": {"Code": "NotFoundException"}}, "GetExportJob")
        return self.jobs[JobId]

    def becomes(self, status, job_id="j1", **members):
        self.jobs[job_id] = {"JobId": job_id, "JobStatus": status} | members

    def completes(self, url, job_id="j1", **members):
        destination = {"DataFormat": "CSV", "S3Url": url}
        self.becomes("COMPLETED", job_id, ExportDestination=destination, **members)


class FakeStates:
    """Status of executions; an execution that is absent does not exist."""

    exceptions = SimpleNamespace(ExecutionDoesNotExist=Unknown)

    def __init__(self):
        self.statuses = {}
        self.read = set()

    def describe_execution(self, *, executionArn, includedData="ALL_DATA"):
        self.read.add(includedData)
        if executionArn not in self.statuses:
            raise Unknown
        return {"status": self.statuses[executionArn]}


@pytest.fixture
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        boto3.client("s3").create_bucket(
            Bucket="files", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        boto3.client("dynamodb").create_table(TableName="claims", **PK_AND_SK)
        yield boto3.client("s3")


@pytest.fixture
def ses():
    return FakeSes()


@pytest.fixture
def states():
    return FakeStates()


@pytest.fixture
def steps(aws, ses, states, monkeypatch):
    """The three functions after a cold start, by name."""
    environment = {
        "AWS_REGION": "eu-west-1",
        "CLAIMS_TABLE": "claims",
        "CONSOLE_URL": "https://eu-west-1.console.aws.amazon.com",
        "REPORT_BUCKET": "files",
        "REPORT_PREFIX": "reports/",
        "SPECIFICATION": json.dumps(
            {
                "DataFormat": "CSV",
                "Dimensions": {"EMAIL_IDENTITY": ["*"]},
                "Metrics": [{"Name": "SEND", "Aggregation": "VOLUME"}],
            }
        ),
        "TIMEOUT_SECONDS": "60",
        "TIME_ZONE": "Europe/Berlin",
    }
    loaded = {
        name: load_function(monkeypatch, f"ses_vdm_export.functions.{name}", environment)
        for name in ("plan", "start", "collect")
    }
    monkeypatch.setattr(loaded["start"], "ses", ses)
    monkeypatch.setattr(loaded["start"], "states", states)
    monkeypatch.setattr(loaded["collect"], "ses", ses)
    return SimpleNamespace(**loaded)


class Server(http.server.BaseHTTPRequestHandler):
    """Responds with the test's `status`, `body` and `announced` (a length)."""

    def do_GET(self):
        self.send_response(self.server.status)
        self.send_header("Content-Length", str(self.server.announced or len(self.server.body)))
        self.end_headers()
        self.wfile.write(self.server.body)

    def log_message(self, *_):
        pass


@pytest.fixture
def server():
    with http.server.HTTPServer(("127.0.0.1", 0), Server) as running:
        running.status, running.body, running.announced = 200, CSV, None
        running.url = f"http://127.0.0.1:{running.server_port}/report.csv?{SIGNATURE}"
        thread = threading.Thread(target=running.serve_forever, args=(0.01,))
        thread.start()
        yield running
        running.shutdown()
        thread.join()


def planned(steps, month="2026-10"):
    return steps.plan.lambda_handler({"Input": {"month": month}, "Started": STARTED}, CONTEXT)


def started(steps, execution=FIRST, month="2026-10"):
    return steps.start.lambda_handler(
        {"Plan": planned(steps, month), "Execution": execution}, CONTEXT
    )


def collected(steps, execution=FIRST, job_id="j1", attempt=0):
    event = {"Plan": planned(steps), "Execution": execution, "JobId": job_id, "Attempt": attempt}
    return steps.collect.lambda_handler(event, CONTEXT)


def objects(aws):
    return {
        found["Key"]: aws.get_object(Bucket="files", Key=found["Key"])["Body"].read()
        for found in aws.list_objects_v2(Bucket="files").get("Contents", [])
    }


def test_the_plan_of_a_scheduled_run_is_the_month_before_in_the_time_zone_chosen(steps):
    """23:00 of UTC on October 31 is November in Berlin; the last hour of October is waited for."""
    event = {"Input": {"scheduled_time": "2026-10-31T23:00:00Z"}, "Started": STARTED}

    plan = steps.plan.lambda_handler(event, CONTEXT)

    key = plan.pop("ObjectKey")
    assert plan.pop("Claim").startswith("2026-10#")
    assert plan == {
        "Month": "2026-10",
        "StartDate": "2026-10-01T00:00:00Z",
        "EndDate": "2026-11-01T00:00:00Z",
        "WaitSeconds": 3600,
    }
    assert key.startswith("reports/year=2026/month=10/vdm-2026-10-")


def test_a_month_by_hand_that_is_none_is_refused(steps):
    with pytest.raises(BadExportRequest, match="2026-10"):
        planned(steps, "last month")


def test_a_run_makes_one_export_job_and_waits_for_it(steps, ses):
    answer = started(steps)

    assert answer == {"Outcome": "WAIT", "JobId": "j1", "Attempt": 0, "WaitSeconds": 2}
    [request] = ses.created
    source = request["ExportDataSource"]["MetricsDataSource"]
    assert (source["StartDate"], source["EndDate"]) == (
        "2026-10-01T00:00:00Z",
        "2026-11-01T00:00:00Z",
    )


def test_the_report_is_copied_to_the_bucket_under_a_dated_key(steps, ses, aws, server):
    started(steps)
    ses.completes(server.url, Statistics={"ExportedRecordsCount": 1})

    answer = collected(steps)

    [(key, body)] = objects(aws).items()
    assert body == CSV
    assert key == planned(steps)["ObjectKey"]
    assert aws.head_object(Bucket="files", Key=key)["ContentType"] == "text/csv"
    told = answer["Report"]
    assert answer["Outcome"] == "SUCCESS"
    assert (told["Object"], told["Rows"], told["Bytes"]) == (f"s3://files/{key}", 1, len(CSV))
    assert told["Link"].startswith("https://eu-west-1.console.aws.amazon.com/s3/object/files?")


def test_the_url_of_ses_is_in_no_answer_no_claim_and_no_log(steps, ses, server, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    answers = [started(steps)]
    ses.completes(server.url)

    answers.append(collected(steps))

    claims = boto3.client("dynamodb").scan(TableName="claims")["Items"]
    said = capsys.readouterr()
    logged = [vars(record) for record in caplog.records if record.name == "ses-vdm-export"]
    everything = json.dumps([answers, claims, said.out, said.err, logged], default=str)
    assert "SUCCESS" in everything
    assert SIGNATURE not in everything


def test_the_url_is_in_no_error_either(steps, ses, server):
    started(steps)
    server.status = 503
    ses.completes(server.url)

    with pytest.raises(ServiceUnavailable) as failure:
        collected(steps)

    chain = failure.value
    while chain is not None:
        assert SIGNATURE not in str(chain)
        chain = chain.__cause__


def test_a_report_larger_than_memory_goes_part_by_part(aws, monkeypatch):
    monkeypatch.setattr(report, "PART_BYTES", 5 * 1024 * 1024)
    whole = bytes(range(256)) * (13 * 1024 * 4)  # 13 MiB
    read = []

    class Source(io.BytesIO):
        def read(self, size=-1):
            read.append(size)
            return super().read(min(size, 3_000_000))  # sockets give less than they are asked for

    size = report.store(
        Source(whole), s3=aws, bucket="files", key="k", content_type="text/csv", length=len(whole)
    )

    assert size == len(whole)
    assert objects(aws) == {"k": whole}
    assert aws.head_object(Bucket="files", Key="k")["ETag"].endswith('-3"')
    assert 0 < max(read) <= report.PART_BYTES and min(read) > 0


@pytest.mark.parametrize("size", [10, 6 * 1024 * 1024])
def test_a_report_that_broke_off_leaves_no_object_and_no_upload(aws, monkeypatch, size):
    monkeypatch.setattr(report, "PART_BYTES", 5 * 1024 * 1024)

    with pytest.raises(ServiceUnavailable, match=f"after {size} of {size + 1} bytes"):
        report.store(
            io.BytesIO(bytes(size)),
            s3=aws,
            bucket="files",
            key="k",
            content_type="text/csv",
            length=size + 1,
        )

    assert objects(aws) == {}
    assert aws.list_multipart_uploads(Bucket="files").get("Uploads", []) == []


def test_a_download_that_breaks_off_is_worth_another_attempt(steps, ses, aws, server):
    started(steps)
    server.announced = len(CSV) + 5
    ses.completes(server.url)

    with pytest.raises(ServiceUnavailable):
        collected(steps)

    assert objects(aws) == {}
    server.announced = None
    assert collected(steps)["Outcome"] == "SUCCESS"


@pytest.mark.parametrize("url", ["file:///etc/passwd", "s3://bucket/key"])
def test_only_web_addresses_are_fetched(steps, ses, aws, url):
    started(steps)
    ses.completes(url)

    answer = collected(steps)

    assert (answer["Outcome"], answer["Reason"]) == ("FAILURE", "ReportGone")
    assert objects(aws) == {}


def test_a_link_that_ended_is_a_failure_and_the_next_run_exports_anew(steps, ses, states, server):
    started(steps)
    server.status = 403
    ses.completes(server.url)

    answer = collected(steps)
    states.statuses[FIRST] = "FAILED"

    assert (answer["Outcome"], answer["Reason"]) == ("FAILURE", "ReportGone")
    assert started(steps, SECOND)["JobId"] == "j2"


def test_a_run_for_a_month_already_exported_exports_nothing_and_names_the_object(
    steps, ses, states, server
):
    started(steps)
    ses.completes(server.url)
    copied = collected(steps)
    states.statuses[FIRST] = "SUCCEEDED"

    answer = started(steps, SECOND)

    assert answer == {
        "Outcome": "NOTHING",
        "Message": f"The report of 2026-10 was already exported to {copied['Report']['Object']}",
        "Object": copied["Report"]["Object"],
    }
    assert len(ses.created) == 1


class Repeating:
    """DynamoDB where the answer to each write is lost, and botocore repeats the write."""

    def __init__(self):
        self._client = boto3.client("dynamodb")
        self.exceptions = self._client.exceptions

    def put_item(self, **request):
        self._client.put_item(**request)
        return self._client.put_item(**request)

    def update_item(self, **request):
        self._client.update_item(**request)
        return self._client.update_item(**request)


def test_a_run_whose_writes_are_repeated_recognises_its_own_claim(
    steps, ses, aws, states, server, monkeypatch
):
    for step in (steps.start, steps.collect):
        monkeypatch.setattr(step.claims, "_client", Repeating())

    assert started(steps)["JobId"] == "j1"
    states.statuses[FIRST] = "ABORTED"
    assert started(steps, SECOND)["JobId"] == "j1"  # taken over
    ses.completes(server.url)
    assert collected(steps, SECOND)["Outcome"] == "SUCCESS"
    states.statuses[SECOND] = "SUCCEEDED"
    assert started(steps, "arn:third")["Outcome"] == "NOTHING"
    assert len(ses.created) == 1


def test_two_runs_at_the_same_time_make_one_export(steps, ses, states):
    states.statuses[FIRST] = "RUNNING"
    started(steps)

    answer = started(steps, SECOND)

    assert answer["Outcome"] == "NOTHING"
    assert FIRST in answer["Message"]
    assert len(ses.created) == 1


def test_looking_at_another_run_reads_no_encrypted_data_of_it(steps, ses, states):
    states.statuses[FIRST] = "RUNNING"
    started(steps)

    started(steps, SECOND)

    assert states.read == {"METADATA_ONLY"}


def test_a_run_that_step_functions_does_not_know_yet_is_not_taken_for_dead(steps, ses):
    started(steps)

    with pytest.raises(ServiceUnavailable):
        started(steps, SECOND)

    assert len(ses.created) == 1


@pytest.mark.parametrize("status", ["CREATED", "PROCESSING", "COMPLETED"])
def test_a_run_whose_predecessor_died_continues_its_job(steps, ses, states, server, status):
    started(steps)
    if status == "COMPLETED":
        ses.completes(server.url)
    else:
        ses.becomes(status)
    states.statuses[FIRST] = "ABORTED"

    answer = started(steps, SECOND)

    assert (answer["Outcome"], answer["JobId"]) == ("WAIT", "j1")
    assert len(ses.created) == 1


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED", None])
def test_a_run_after_a_job_that_leads_nowhere_makes_another(steps, ses, states, status):
    started(steps)
    if status:
        ses.becomes(status)
    else:
        ses.jobs.clear()  # SES forgets jobs
    states.statuses[FIRST] = "FAILED"

    assert started(steps, SECOND)["JobId"] == "j2"


def test_a_report_copied_but_never_told_is_told_by_the_next_run_without_another_export(
    steps, ses, aws, states, server
):
    started(steps)
    ses.completes(server.url)
    copied = collected(steps)
    states.statuses[FIRST] = "TIMED_OUT"

    answer = started(steps, SECOND)

    assert answer == {"Outcome": "SUCCESS", "Report": copied["Report"]}
    states.statuses[SECOND] = "SUCCEEDED"
    assert started(steps, "arn:third")["Outcome"] == "NOTHING"
    assert len(ses.created) == 1


def test_a_retry_of_the_first_step_finds_its_own_job(steps, ses):
    assert started(steps) == started(steps)
    assert len(ses.created) == 1


def test_months_do_not_stand_in_each_others_way(steps, ses):
    assert started(steps)["JobId"] == "j1"
    assert started(steps, SECOND, "2026-09")["JobId"] == "j2"


@pytest.mark.parametrize("code", ["TooManyRequestsException", "LimitExceededException"])
def test_a_second_export_within_a_second_is_tried_again_later_by_the_state_machine(
    steps, ses, code
):
    ses.failing = [service_error("CreateExportJob", code, 429 if code[0] == "T" else 400)]

    with pytest.raises(ServiceUnavailable):
        started(steps)
    answer = started(steps)

    assert answer["JobId"] == "j1"
    [retry] = [
        retry
        for retry in MACHINE["States"]["StartExport"]["Retry"]
        if "ServiceUnavailable" in retry["ErrorEquals"]
    ]
    assert retry["IntervalSeconds"] >= 2
    assert steps.start.ONCE.retries["total_max_attempts"] == 1


def test_a_refused_export_is_a_failure_that_says_what_to_check(steps, ses):
    refusal = {"Error": {"Code": "BadRequestException", "Message": "You must enable VDM."}}
    ses.failing = [BadRequest(refusal, "CreateExportJob")]

    answer = started(steps)

    assert (answer["Outcome"], answer["Reason"]) == ("FAILURE", "ExportRefused")
    assert "You must enable VDM." in answer["Cause"]
    assert "Virtual Deliverability Manager is on" in answer["Cause"]


def test_a_missing_permission_is_no_reason_to_try_again(steps, ses):
    ses.failing = [service_error("CreateExportJob", "AccessDeniedException", 403)]

    with pytest.raises(ClientError, match="AccessDenied"):
        started(steps)


@pytest.mark.parametrize("status", ["FAILED", "CANCELLED"])
def test_a_job_that_ends_without_a_report_is_a_failure_and_no_object(steps, ses, aws, status):
    started(steps)
    ses.becomes(status)

    answer = collected(steps)

    assert (answer["Outcome"], answer["Reason"]) == ("FAILURE", "ExportJobFailed")
    assert objects(aws) == {}


def test_waiting_for_an_export_ends_in_a_failure_that_says_how_to_go_on(steps, ses):
    started(steps)
    ses.becomes("PROCESSING")
    answer, waited = {"Attempt": 0, "Outcome": "WAIT", "WaitSeconds": 2}, 0

    while answer["Outcome"] == "WAIT":
        waited += answer["WaitSeconds"]
        answer = collected(steps, attempt=answer["Attempt"])

    assert (answer["Outcome"], answer["Reason"]) == ("FAILURE", "ExportTimedOut")
    assert "timeout_seconds" in answer["Cause"] and "PROCESSING" in answer["Cause"]
    assert 60 <= waited <= 90


def test_a_run_that_lost_its_month_records_nothing(steps, ses, states, server):
    started(steps)
    states.statuses[FIRST] = "ABORTED"
    started(steps, SECOND)
    ses.completes(server.url)

    with pytest.raises(ClaimLost):
        collected(steps)

    assert collected(steps, SECOND)["Outcome"] == "SUCCESS"


def test_the_state_machine_keeps_the_rules():
    """The exception is the path that succeeds without a notification; see the next test."""
    machine = deepcopy(MACHINE)
    choice = machine["States"]["IsReportThere"]
    choice["Choices"] = [c for c in choice["Choices"] if c["Next"] != "NothingToExport"]
    del machine["States"]["NothingToExport"]

    assert_well_built(machine)


def test_a_run_with_nothing_to_export_succeeds_and_tells_nobody_twice():
    states = MACHINE["States"]

    [choice] = [
        choice
        for choice in states["IsReportThere"]["Choices"]
        if choice["StringEquals"] == "NOTHING"
    ]

    assert states[choice["Next"]]["End"] is True
    assert states[choice["Next"]]["OutputPath"] == "$.Export"


def test_the_machine_never_asks_ses_itself_so_that_the_url_is_not_in_its_history():
    resources = {task["Resource"] for _, task in tasks(MACHINE)}

    assert not [resource for resource in resources if "sesv2" in resource]


def test_a_step_waits_a_quarter_of_an_hour_for_the_concurrency_of_a_young_account():
    for name, task in tasks(MACHINE):
        if "function" not in task["Resource"]:
            continue
        [retry] = [
            retry
            for retry in task["Retry"]
            if "Lambda.TooManyRequestsException" in retry["ErrorEquals"]
        ]
        waits = [
            min(retry["MaxDelaySeconds"], retry["IntervalSeconds"] * retry["BackoffRate"] ** number)
            for number in range(retry["MaxAttempts"])
        ]

        assert retry["ErrorEquals"] == ["Lambda.TooManyRequestsException"], name
        assert sum(waits) / 2 > 12 * 60, name  # full jitter: half of it on average


@pytest.mark.parametrize("status", [408, 425, 429])
def test_a_server_that_says_later_is_no_link_that_ended(steps, ses, server, status):
    started(steps)
    ses.completes(server.url)
    server.status = status

    with pytest.raises(ServiceUnavailable):
        collected(steps)


def test_every_run_is_bounded():
    """The wait for a month to end (14 h), the longest time-out (24 h), the retries of the steps."""
    assert (14 + 24) * 3600 < MACHINE["TimeoutSeconds"] <= 7 * 86400


def test_the_message_of_a_report_has_the_month_the_object_the_rows_and_the_link():
    [told] = [s["Parameters"] for s in MACHINE["States"].values() if publishes(s, "success")]

    assert {"Month.$", "Object.$", "Rows.$", "Link.$", "CorrelationId.$"} <= set(told["Message"])
    assert "$.Plan.Month" in told["Subject.$"]


def test_the_message_of_a_failure_has_a_subject_the_month_and_the_reason():
    [told] = [s["Parameters"] for s in MACHINE["States"].values() if publishes(s, "failure")]

    assert told["Subject"] == "Amazon SES VDM Report Failed"
    assert {"Month.$", "Reason.$", "Cause.$", "Input.$"} <= set(told["Message"])
