"""The steps of an import: one job per run despite lost responses, and the check of its result."""

import json
from types import SimpleNamespace

import pytest

from s3_triggered_import.job import (
    BadImportRequest,
    copy_key,
    import_request,
    newest_imported_segment,
    s3_url_from,
    segment_name,
)
from shared.import_jobs import Outcome, assess, job_started_before, trimmed
from shared.transient import ServiceUnavailable
from tests.builders.architectures import (
    CONTEXT,
    assert_well_built,
    load_function,
    pages,
    service_error,
    state_machine,
)

URL = "s3://files/import/people.csv"
STARTED = "2026-11-23T10:00:00.500Z"


def job(status="COMPLETED", **members):
    return {
        "Id": "j1",
        "ApplicationId": "app1",
        "JobStatus": status,
        "Type": "IMPORT",
        "CreationDate": "2026-11-23T10:00:01.000Z",
        "Definition": {"Format": "CSV", "S3Url": URL, "RoleArn": "arn:role"},
    } | members


class FakePinpoint:
    def __init__(self):
        self.jobs = []
        self.segments = []
        self.created = []
        self.loses_answers = 0

    def create_import_job(self, *, ApplicationId, ImportJobRequest):
        new = job("CREATED", Id=f"j{len(self.jobs) + 1}")
        new["Definition"] = dict(ImportJobRequest)
        self.jobs.append(new)
        self.created.append(ImportJobRequest)
        if self.loses_answers:
            self.loses_answers -= 1
            raise service_error("CreateImportJob", "504", 504)
        return {"ImportJobResponse": new}

    def get_import_job(self, *, ApplicationId, JobId):
        return {"ImportJobResponse": next(j for j in self.jobs if j["Id"] == JobId)}

    def get_import_jobs(self, **parameters):
        return pages(self.jobs, "ImportJobsResponse")(**parameters)

    def get_segments(self, **parameters):
        return pages(self.segments, "SegmentsResponse")(**parameters)


@pytest.fixture
def pinpoint():
    return FakePinpoint()


def load(monkeypatch, pinpoint, **environment):
    settings = {
        "PROJECT_ID": "app1",
        "IMPORT_ROLE_ARN": "arn:role",
        "FILE_FORMAT": "CSV",
        "MAX_FAILURE_RATIO": "0.5",
        "REUSE_SEGMENT": "false",
        "TIMEOUT_MINUTES": "1",
    } | environment
    first = load_function(monkeypatch, "s3_triggered_import.functions.start_job", settings)
    later = load_function(monkeypatch, "s3_triggered_import.functions.read_job", settings)
    monkeypatch.setattr(first, "pinpoint", pinpoint)
    monkeypatch.setattr(first, "pinpoint_once", lambda: pinpoint)
    monkeypatch.setattr(later, "pinpoint", pinpoint)
    return SimpleNamespace(start=first.lambda_handler, read=later.lambda_handler)


@pytest.fixture
def steps(monkeypatch, pinpoint):
    return load(monkeypatch, pinpoint)


def start_event(retry=0, url=URL):
    return {"Input": {"S3URL": url}, "ExecutionStarted": STARTED, "RetryCount": retry}


def test_the_segment_is_named_after_the_file(steps, pinpoint):
    steps.start(start_event(url="s3://files/import/spring sale+1.csv"), CONTEXT)

    assert pinpoint.created == [
        {
            "S3Url": "s3://files/import/spring sale+1.csv",
            "Format": "CSV",
            "RoleArn": "arn:role",
            "DefineSegment": True,
            "RegisterEndpoints": True,
            "SegmentName": "spring sale+1.csv",
        }
    ]


def test_a_retry_after_a_lost_answer_finds_the_job_instead_of_starting_another(steps, pinpoint):
    pinpoint.loses_answers = 1
    with pytest.raises(ServiceUnavailable):
        steps.start(start_event(), CONTEXT)

    answer = steps.start(start_event(retry=1), CONTEXT)

    assert answer["JobId"] == "j1"
    assert len(pinpoint.created) == 1


def test_a_retry_starts_another_job_where_the_one_before_could_not_be_started(steps, pinpoint):
    pinpoint.jobs = [job("FAILED", Failures=["The state machine is busy (ThrottlingException)."])]

    answer = steps.start(start_event(retry=1), CONTEXT)

    assert answer["JobId"] == "j2"


def test_the_first_attempt_does_not_take_another_run_s_job_for_its_own(steps, pinpoint):
    pinpoint.jobs = [job(Id="other")]

    assert steps.start(start_event(), CONTEXT)["JobId"] != "other"


def test_a_retry_starts_the_job_when_none_was_started(steps, pinpoint):
    pinpoint.jobs = [job(CreationDate="2026-11-23T09:59:59.000Z")]

    steps.start(start_event(retry=1), CONTEXT)

    assert len(pinpoint.created) == 1


def test_another_file_s_job_is_not_the_run_s():
    other = job()
    other["Definition"] = other["Definition"] | {"S3Url": "s3://files/import/other.csv"}

    assert job_started_before([other], URL, STARTED) is None


def test_a_file_may_refill_the_segment_of_its_name(monkeypatch, pinpoint):
    pinpoint.segments = [
        {"Id": "s1", "Name": "people.csv", "SegmentType": "IMPORT", "CreationDate": "2026-01-01"},
        {"Id": "s2", "Name": "people.csv", "SegmentType": "IMPORT", "CreationDate": "2026-02-01"},
        {"Id": "s3", "Name": "people.csv", "SegmentType": "DIMENSIONAL", "CreationDate": "2026-03"},
    ]

    load(monkeypatch, pinpoint, REUSE_SEGMENT="true").start(start_event(), CONTEXT)

    assert pinpoint.created[0]["SegmentId"] == "s2"


def test_without_a_segment_of_its_name_there_is_nothing_to_refill():
    assert newest_imported_segment([], "people.csv") is None


@pytest.mark.parametrize(
    "run_input",
    [None, {}, {"S3URL": ""}, {"S3URL": 1}, {"S3URL": "s3://files/import/"}, {"S3URL": "s3://b"}],
)
def test_an_input_that_names_no_object_is_refused_with_the_way_out(run_input):
    with pytest.raises(BadImportRequest, match="s3://bucket/key"):
        s3_url_from(run_input)


def test_a_very_long_name_is_cut_at_its_start():
    name = segment_name("s3://files/" + "x" * 300 + ".csv")

    assert len(name) == 128
    assert name.endswith("x.csv")


def test_a_finished_import_is_a_success_and_carries_the_job_s_whole_answer(steps, pinpoint):
    pinpoint.jobs = [job(TotalProcessed=10, TotalFailures=0)]

    answer = steps.read({"JobId": "j1", "Attempt": 0}, CONTEXT)

    assert answer["Outcome"] == "SUCCESS"
    assert answer["ImportResult"] == pinpoint.jobs[0]


def test_an_answer_without_segment_or_external_id_is_read_all_the_same(steps, pinpoint):
    pinpoint.jobs = [job()]
    assert "SegmentId" not in pinpoint.jobs[0]["Definition"]

    assert steps.read({"JobId": "j1", "Attempt": 0}, CONTEXT)["Outcome"] == "SUCCESS"


def test_more_rejected_rows_than_allowed_are_a_failure(steps, pinpoint):
    pinpoint.jobs = [job(TotalProcessed=10, TotalFailures=6, Failures=["row 2: no address"])]

    answer = steps.read({"JobId": "j1", "Attempt": 0}, CONTEXT)

    assert answer["Outcome"] == "FAILURE"
    assert answer["ImportResult"]["Failures"] == ["row 2: no address"]
    assert "6 of 10 rows" in answer["ImportResult"]["FailureReason"]


@pytest.mark.parametrize(
    ("processed", "rejected", "most", "outcome"),
    [
        (10, 5, 0.5, Outcome.SUCCESS),
        (10, 1, 0.0, Outcome.FAILURE),
        (10, 10, 1.0, Outcome.SUCCESS),
        (0, 0, 0.0, Outcome.SUCCESS),
        (0, 3, 0.5, Outcome.FAILURE),
    ],
)
def test_the_share_of_rejected_rows_decides(processed, rejected, most, outcome):
    assert assess(job(TotalProcessed=processed, TotalFailures=rejected), most).outcome is outcome


def test_a_failed_job_is_a_failure_for_the_job_s_own_reasons(steps, pinpoint):
    pinpoint.jobs = [job("FAILED", Failures=["people.csv: Column Shoe is not one of an endpoint."])]

    answer = steps.read({"JobId": "j1", "Attempt": 0}, CONTEXT)

    assert answer["Outcome"] == "FAILURE"
    assert answer["ImportResult"]["FailureReason"] == (
        "The import job failed. people.csv: Column Shoe is not one of an endpoint."
    )


@pytest.mark.parametrize("personal", ["ann@example.com", "+12065550142", "(206) 555-0142"])
def test_the_reason_of_a_failure_quotes_no_address_and_no_number(personal):
    failed = job("FAILED", Failures=[f"Row 7: {personal} is refused; see jobs/1234567a-1234/x."])

    reason = assess(failed, 0.5).reason

    assert personal not in reason
    assert reason.endswith("Row 7: … is refused; see jobs/1234567a-1234/x.")


def test_of_many_reasons_the_first_are_told():
    failed = job("FAILED", Failures=[f"row {i}: {'x' * 5000}" for i in range(100)])

    reason = assess(failed, 0.5).reason

    assert len(reason) < 10_000
    assert reason.endswith("95 more are in the notification.")


MAPPED = {
    "Refused": False,
    "S3URL": "s3://files/mapped/run-1/people.csv",
    "Bucket": "files",
    "Key": "mapped/run-1/people.csv",
    "OriginalKey": "import/people.csv",
    "VersionId": "v1",
    "Rows": {
        "Rejected": 2,
        "Reasons": ["import/people.csv, row 3: The quotes do not fit."],
        "WithoutAddress": 5,
    },
}


def test_the_job_reads_the_mapped_copy_and_the_segment_is_named_after_the_file(steps, pinpoint):
    steps.start(start_event() | {"Copy": MAPPED}, CONTEXT)

    assert pinpoint.created[0]["S3Url"] == MAPPED["S3URL"]
    assert pinpoint.created[0]["SegmentName"] == "people.csv"


def test_a_retry_finds_the_job_of_the_mapped_copy(steps, pinpoint):
    steps.start(start_event() | {"Copy": MAPPED}, CONTEXT)

    steps.start(start_event(retry=1) | {"Copy": MAPPED}, CONTEXT)

    assert len(pinpoint.created) == 1


def test_rows_rejected_by_the_mapping_count_and_are_told_in_terms_of_the_file(steps, pinpoint):
    pinpoint.jobs = [
        job(
            TotalProcessed=10,
            TotalFailures=1,
            Failures=["mapped/run-1/people.csv, row 9: Address is missing."],
        )
    ]

    answer = steps.read({"JobId": "j1", "Attempt": 0, "Copy": MAPPED}, CONTEXT)

    result = answer["ImportResult"]
    assert (result["TotalProcessed"], result["TotalFailures"]) == (12, 3)
    assert result["RowsWithoutAddress"] == 5
    assert result["Definition"]["S3Url"] == URL
    assert result["Failures"] == [
        "import/people.csv, row 3: The quotes do not fit.",
        "import/people.csv, row 9: Address is missing.",
    ]


def test_the_result_of_a_plain_copy_is_told_in_terms_of_the_file(steps, pinpoint):
    pinpoint.jobs = [job(TotalFailures=1, Failures=["mapped/run-1/people.csv, row 9: no."])]
    copy = {name: value for name, value in MAPPED.items() if name != "Rows"}

    result = steps.read({"JobId": "j1", "Attempt": 0, "Copy": copy}, CONTEXT)["ImportResult"]

    assert result["Definition"]["S3Url"] == URL
    assert result["Failures"] == ["import/people.csv, row 9: no."]
    assert (result["TotalFailures"], "RowsWithoutAddress" in result) == (1, False)


def test_a_run_whose_input_names_a_version_reads_a_copy_of_it():
    states = state_machine("s3_triggered_import", "import.asl.json")["States"]

    (choice,) = states["IsACopyNeeded"]["Choices"]
    variables = {rule["Variable"] for rule in choice["Or"]}
    assert variables == {"$.MapsColumns", "$.Input.VersionId", "$.Input.ETag"}
    assert (choice["Next"], states["IsACopyNeeded"]["Default"]) == ("CopyFile", "StartImportJob")


def test_rows_rejected_by_the_mapping_can_fail_the_import(monkeypatch, pinpoint):
    pinpoint.jobs = [job(TotalProcessed=10, TotalFailures=0)]

    answer = load(monkeypatch, pinpoint, MAX_FAILURE_RATIO="0.1").read(
        {"JobId": "j1", "Attempt": 0, "Copy": MAPPED}, CONTEXT
    )

    assert answer["Outcome"] == "FAILURE"
    assert "2 of 12 rows" in answer["ImportResult"]["FailureReason"]


@pytest.mark.parametrize(
    "status",
    [
        "CREATED",
        "PREPARING_FOR_INITIALIZATION",
        "INITIALIZING",
        "PROCESSING",
        "PENDING_JOB",
        "COMPLETING",
        "FAILING",
    ],
)
def test_a_job_that_is_not_over_is_waited_for(steps, pinpoint, status):
    pinpoint.jobs = [job(status)]

    answer = steps.read({"JobId": "j1", "Attempt": 0}, CONTEXT)

    assert answer["Outcome"] == "WAIT"
    assert "ImportResult" not in answer


def test_waiting_ends_in_a_failure_that_says_so(steps, pinpoint):
    pinpoint.jobs = [job("PROCESSING")]
    answer = {"JobId": "j1", "Attempt": 0, "Outcome": "WAIT"}
    looks = 0

    while answer["Outcome"] == "WAIT":
        looks += 1
        answer = steps.read({"JobId": "j1", "Attempt": answer["Attempt"]}, CONTEXT)

    assert looks < 15
    assert answer["Outcome"] == "FAILURE"
    assert "still PROCESSING after 1 minutes" in answer["ImportResult"]["FailureReason"]


def test_the_result_stays_under_what_a_notification_can_hold():
    failures = [f"row {i}: {'x' * 5000}" for i in range(100)]

    result = trimmed(job(Failures=failures))

    assert len(json.dumps(result)) < 200_000
    assert result["Failures"] == failures[: len(result["Failures"])]
    assert result["Failures"]


def test_failures_that_fit_are_all_kept():
    assert trimmed(job(Failures=["a"] * 100))["Failures"] == ["a"] * 100


def test_the_request_leaves_a_segment_id_out_unless_there_is_one():
    request = import_request(URL, file_format="CSV", role_arn="arn:role", name="people.csv")

    assert "SegmentId" not in request


def test_the_state_machine_keeps_the_rules():
    assert_well_built(state_machine("s3_triggered_import", "import.asl.json"))


def test_every_way_to_an_end_of_the_job_deletes_the_copy_first():
    states = state_machine("s3_triggered_import", "import.asl.json")["States"]

    assert states["IsImportFinished"]["Default"] == "IsACopyLeft"
    assert states["DescribeFailure"]["Next"] == "IsACopyLeft"
    assert states["DeleteCopy"]["Next"] == "IsImportSuccessful"
    assert [catch["Next"] for catch in states["DeleteCopy"]["Catch"]] == ["IsImportSuccessful"]


def test_a_copy_that_a_job_may_still_read_is_left_to_the_lifecycle_rule():
    state = state_machine("s3_triggered_import", "import.asl.json")["States"]["IsACopyLeft"]

    (choice,) = state["Choices"]
    copied, no_failed_step, known, ended = choice["And"]
    assert (copied["Variable"], copied["IsPresent"]) == ("$.Copy.VersionId", True)
    assert (no_failed_step["Variable"], no_failed_step["IsPresent"]) == ("$.Failure", False)
    assert (known["Variable"], known["IsPresent"]) == ("$.Job.ImportResult.JobStatus", True)
    assert {rule["StringEquals"] for rule in ended["Or"]} == {"COMPLETED", "FAILED"}
    assert (choice["Next"], state["Default"]) == ("DeleteCopy", "IsImportSuccessful")


def test_subjects_and_bodies_are_those_of_the_reference_architecture():
    states = state_machine("s3_triggered_import", "import.asl.json")["States"]

    notices = {
        state["Parameters"]["Subject"]: (
            state["Parameters"]["Message"]["Message"],
            state["Parameters"]["MessageAttributes"]["notification_type"]["StringValue"],
            "ImportResult.$" in state["Parameters"]["Message"],
        )
        for state in states.values()
        if "TopicArn" in state.get("Parameters", {})
    }

    assert notices == {
        "Amazon Pinpoint Import Started": ("Import Started", "started", False),
        "Amazon Pinpoint Import Successful": ("Import Successful", "success", True),
        "Amazon Pinpoint Import Failed": ("Import Failed", "failure", True),
    }


@pytest.mark.parametrize("name", ["people.csv", "people.csv.gz", "PEOPLE.CSV.GZ"])
def test_the_name_of_a_plain_copy_has_no_gzip_ending_in_any_case(name):
    key = copy_key("mapped/", "run-1", f"import/{name}", mapped=True)

    assert key.lower() == "mapped/run-1/people.csv"
