"""The steps of a run: one query, a copy of its result, one import, and an end for each outcome."""

import io
import json

import pytest
from botocore.exceptions import ClientError

from federated_segmentation.run import (
    QueryState,
    UnexpectedResult,
    execution_name,
    query_ended,
    query_refused,
    read_head,
    request_token,
    success,
)
from shared.transient import ServiceUnavailable
from tests.builders.architectures import (
    CONTEXT,
    FakeStates,
    assert_well_built,
    load_function,
    pages,
    service_error,
    state_machine,
)

SETTINGS = {
    "DATABASE": "shop",
    "DATABASES": "shop,news_events",
    "IMPORT_PREFIX": "imports/",
    "IMPORT_ROLE_ARN": "arn:role",
    "IMPORT_TIMEOUT_MINUTES": "1",
    "MAX_FAILURE_RATIO": "0.5",
    "PROJECT_ID": "app1",
    "QUERY_TIMEOUT_MINUTES": "1",
    "STATE_MACHINE_ARN": "arn:machine",
    "WORKGROUP": "red",
}
EXECUTION = "arn:aws:states:eu-west-1:123456789012:execution:red-run:nightly-1"
STARTED = "2026-11-23T10:00:00.500Z"
SQL = 'SELECT a AS "Id" FROM t'
INPUT = {"Query": SQL, "Type": "direct", "SegmentName": "Red shoes"}
REQUEST = {
    "Type": "direct",
    "SegmentName": "Red shoes",
    "SegmentId": None,
    "Writes": False,
    "Columns": ["Id"],
}
MUTATE = REQUEST | {"Type": "mutate", "SegmentName": None, "Writes": True}
QUERY = {
    "QueryExecutionId": "q1",
    "DataScannedInBytes": 42,
    "OutputLocation": "s3://red-results/results/q1.csv",
}


class FakeAthena:
    """Athena's idempotent start, and a query that passes through the given states."""

    def __init__(self, *states, reason=None):
        self.states = list(states)
        self.reason = reason
        self.queries = {}
        self.requests = []
        self.stopped = []
        self.error = None

    def start_query_execution(self, *, ClientRequestToken, **request):
        self.requests.append(request)
        if self.error is not None:
            raise self.error
        query_id = self.queries.setdefault(ClientRequestToken, f"q{len(self.queries) + 1}")
        return {"QueryExecutionId": query_id}

    def get_query_execution(self, *, QueryExecutionId):
        state = self.states.pop(0) if len(self.states) > 1 else self.states[0]
        status = {"State": state} | ({"StateChangeReason": self.reason} if self.reason else {})
        return {
            "QueryExecution": {
                "QueryExecutionId": QueryExecutionId,
                "Status": status,
                "Statistics": {"DataScannedInBytes": 42},
                "ResultConfiguration": {"OutputLocation": QUERY["OutputLocation"]},
            }
        }

    def stop_query_execution(self, *, QueryExecutionId):
        self.stopped.append(QueryExecutionId)


class FakeS3:
    def __init__(self, content, size=None):
        self.content = content
        self.size = size or len(content)
        self.copies = []

    def get_object(self, *, Bucket, Key, Range):
        assert (Bucket, Key, Range) == ("red-results", "results/q1.csv", "bytes=0-1048575")
        return {
            "Body": io.BytesIO(self.content),
            "ContentRange": f"bytes 0-{len(self.content) - 1}/{self.size}",
        }

    def copy_object(self, **request):
        self.copies.append(request)


class FakePinpoint:
    def __init__(self):
        self.jobs = []
        self.created = []
        self.loses_answers = 0

    def create_import_job(self, *, ApplicationId, ImportJobRequest):
        job = import_job("CREATED", Id=f"j{len(self.jobs) + 1}", Definition=ImportJobRequest)
        self.jobs.append(job)
        self.created.append(ImportJobRequest)
        if self.loses_answers:
            self.loses_answers -= 1
            raise service_error("CreateImportJob", "504", 504)
        return {"ImportJobResponse": job}

    def get_import_job(self, *, ApplicationId, JobId):
        return {"ImportJobResponse": next(job for job in self.jobs if job["Id"] == JobId)}

    def get_import_jobs(self, **parameters):
        return pages(self.jobs, "ImportJobsResponse")(**parameters)


def import_job(status="COMPLETED", **members):
    return {
        "Id": "j1",
        "JobStatus": status,
        "CreationDate": "2026-11-23T10:00:01.000Z",
        "Definition": {"S3Url": "s3://red-results/imports/q1.csv", "SegmentId": "s1"},
    } | members


@pytest.fixture
def load(monkeypatch):
    def load(name, **clients):
        module = load_function(monkeypatch, f"federated_segmentation.functions.{name}", SETTINGS)
        for client, fake in clients.items():
            monkeypatch.setattr(module, client, fake)
        return lambda event: module.lambda_handler(event, CONTEXT)

    return load


# Start of the query


def test_a_query_runs_in_the_workgroup_and_database_of_the_module(load):
    athena = FakeAthena()

    answer = load("start_query", athena=athena)({"Input": INPUT, "ExecutionArn": EXECUTION})

    assert athena.requests == [
        {
            "QueryString": SQL,
            "QueryExecutionContext": {"Database": "shop", "Catalog": "AwsDataCatalog"},
            "WorkGroup": "red",
        }
    ]
    assert answer == {
        "Refused": False,
        "Request": REQUEST,
        "Query": {"QueryExecutionId": "q1", "Attempt": 0, "WaitSeconds": 2},
    }


def test_every_attempt_of_a_run_is_one_query_and_another_run_is_another(load):
    athena = FakeAthena()
    start = load("start_query", athena=athena)

    ids = [
        start({"Input": INPUT, "ExecutionArn": arn})["Query"]["QueryExecutionId"]
        for arn in (EXECUTION, EXECUTION, f"{EXECUTION}0")
    ]

    assert ids == ["q1", "q1", "q2"]
    assert 32 <= len(request_token(EXECUTION)) <= 128  # as Athena demands


@pytest.mark.parametrize(
    ("run_input", "reason"),
    [
        (INPUT | {"Query": "DROP TABLE t; " + SQL}, "must be one SELECT"),
        (INPUT | {"Type": "both"}, "Type must be direct or mutate"),
        ({"Query": SQL, "Type": "mutate"}, "no column is one"),
        ("text", "must be an object"),
    ],
)
def test_a_bad_query_is_refused_before_it_costs_anything(load, run_input, reason):
    athena = FakeAthena()

    answer = load("start_query", athena=athena)({"Input": run_input, "ExecutionArn": EXECUTION})

    assert answer["Refused"] is True
    assert reason in answer["End"]["Result"]["StatusMessage"]
    assert athena.requests == []


def malformed(code):
    response = {
        "Error": {"Code": "InvalidRequestException", "Message": "line 1:8: mismatched input"},
        "AthenaErrorCode": code,
        "ResponseMetadata": {"HTTPStatusCode": 400},
    }
    return ClientError(response, "StartQueryExecution")


def test_sql_that_athena_alone_refuses_is_an_invalid_query(load):
    athena = FakeAthena()
    athena.error = malformed("MALFORMED_QUERY")

    answer = load("start_query", athena=athena)({"Input": INPUT, "ExecutionArn": EXECUTION})

    assert answer["End"]["Error"] == "QueryInvalid"
    assert "mismatched input" in answer["End"]["Result"]["StatusMessage"]


def test_another_refusal_of_athena_is_an_error_of_the_step(load):
    athena = FakeAthena()
    athena.error = malformed("INVALID_INPUT")

    with pytest.raises(ClientError, match="InvalidRequestException"):
        load("start_query", athena=athena)({"Input": INPUT, "ExecutionArn": EXECUTION})


def test_a_throttled_start_is_worth_another_attempt(load):
    athena = FakeAthena()
    athena.error = service_error("StartQueryExecution", "TooManyRequestsException", 400)

    with pytest.raises(ServiceUnavailable):
        load("start_query", athena=athena)({"Input": INPUT, "ExecutionArn": EXECUTION})


def test_the_end_of_a_refused_query_has_the_members_of_the_original():
    end = query_refused(INPUT | {"Query": "DROP TABLE t"}, "No.")

    assert (end["Subject"], end["Message"]) == (
        "Federated Segmentation Query Invalid",
        "Query Invalid",
    )
    assert end["Result"] == {
        "Query": "DROP TABLE t",
        "Type": "direct",
        "SegmentName": "Red shoes",
        "SegmentId": "none",
        "Status": "INVALID",
        "StatusMessage": "No.",
    }


def test_the_end_of_a_huge_query_fits_into_a_notification():
    end = query_refused(INPUT | {"Query": "x" * 262_144}, "Too long.")

    assert len(json.dumps(end)) < 50_000


# Look at the query


def look(load, athena, attempt=0):
    read = load("read_query", athena=athena)
    return read({"QueryExecutionId": "q1", "Attempt": attempt})


@pytest.mark.parametrize("state", ["QUEUED", "RUNNING"])
def test_a_query_that_runs_is_looked_at_again(load, state):
    assert look(load, FakeAthena(state)) == {
        "State": "RUNNING",
        "QueryExecutionId": "q1",
        "Attempt": 1,
        "WaitSeconds": 2,
    }


def test_a_query_that_succeeded_has_the_place_of_its_result(load):
    assert look(load, FakeAthena("SUCCEEDED")) == {"State": "SUCCEEDED", **QUERY}


@pytest.mark.parametrize(
    ("state", "error", "message"),
    [
        ("FAILED", "QueryFailed", "Query Failed"),
        ("CANCELLED", "QueryCancelled", "Query Cancelled"),
    ],
)
def test_a_query_that_ends_without_a_result_ends_the_run_as_what_it_is(load, state, error, message):
    answer = look(load, FakeAthena(state, reason="TABLE_NOT_FOUND: line 1:8"))

    assert answer["State"] == "ENDED"
    assert (answer["End"]["Error"], answer["End"]["Message"]) == (error, message)
    assert answer["End"]["Result"]["QueryState"] == state
    assert answer["End"]["Cause"] == "TABLE_NOT_FOUND: line 1:8"


def test_a_query_that_takes_too_long_is_stopped_and_timed_out(load):
    athena = FakeAthena("RUNNING", "CANCELLED")

    answer = look(load, athena, attempt=500)

    assert athena.stopped == ["q1"]
    assert answer["End"]["Error"] == "QueryTimedOut"
    assert answer["End"]["Subject"] == "Federated Segmentation Query Timed Out"
    assert "after 1 minutes (timeouts.query_minutes)" in answer["End"]["Cause"]


def test_a_query_that_ends_while_it_is_stopped_counts_as_done(load):
    assert look(load, FakeAthena("RUNNING", "SUCCEEDED"), attempt=500)["State"] == "SUCCEEDED"


def test_the_reason_of_a_failed_query_quotes_no_address():
    query = {"QueryExecutionId": "q1"}

    end = query_ended(QueryState.FAILED, query, "Cannot cast 'ann@example.com' to date")

    assert "ann@example.com" not in json.dumps(end)


# Result


def prepare(load, s3, request=REQUEST):
    return load("prepare_result", s3=s3)({"Query": QUERY, "Request": request})


def test_the_result_is_copied_away_from_its_metadata(load):
    s3 = FakeS3(b'"Id"\n"ann"\n')

    answer = prepare(load, s3)

    assert answer == {"Next": "IMPORT", "S3Url": "s3://red-results/imports/q1.csv"}
    assert s3.copies == [
        {
            "Bucket": "red-results",
            "Key": "imports/q1.csv",
            "CopySource": {"Bucket": "red-results", "Key": "results/q1.csv"},
        }
    ]


def test_an_empty_result_empties_the_segment_of_a_direct_run(load):
    s3 = FakeS3(b'"Id"\n')

    assert prepare(load, s3)["Next"] == "IMPORT"
    assert len(s3.copies) == 1


def test_an_empty_result_is_the_end_of_a_mutate_run(load):
    s3 = FakeS3(b'"Id","Attributes.A"\n')

    answer = prepare(load, s3, MUTATE | {"Columns": ["Id", "Attributes.A"]})

    assert (answer["Next"], answer["Result"]["Outcome"]) == ("DONE", "EMPTY")
    assert s3.copies == []


def test_a_result_that_no_import_takes_is_told_instead_of_imported(load):
    s3 = FakeS3(b'"Id"\n"ann"\n', size=1024**3 + 1)

    answer = prepare(load, s3)

    assert answer["Next"] == "END"
    assert "1,073,741,825 bytes" in answer["End"]["ImportResult"]["FailureReason"]
    assert s3.copies == []


def test_a_result_with_other_columns_than_the_query_is_an_error(load):
    with pytest.raises(UnexpectedResult, match="not the 1 columns"):
        prepare(load, FakeS3(b'"endpoint_id"\n"ann"\n'))


@pytest.mark.parametrize(
    ("content", "empty"),
    [
        (b'"Id"', True),
        (b'"Id"\n', True),
        (b'"Id"\n\n', True),
        (b'"Id"\n"ann"', False),
        (b'"Id"\n""\n', False),
    ],
)
def test_a_result_is_empty_when_only_its_header_is_there(content, empty):
    assert read_head(content, len(content), ["Id"]).empty is empty


def test_names_with_commas_and_quotes_are_read_as_athena_writes_them():
    head = b'"Id","Attributes.a, ""b"""\n"1","2"\n'

    assert not read_head(head, len(head), ["Id", 'Attributes.a, "b"']).empty


# Import


def start_import(load, pinpoint, request=REQUEST, retry=0):
    start = load("start_import", pinpoint_client=lambda: pinpoint, pinpoint_once=lambda: pinpoint)
    return start(
        {
            "Request": request,
            "S3Url": "s3://red-results/imports/q1.csv",
            "ExecutionStarted": STARTED,
            "RetryCount": retry,
        }
    )


def test_a_direct_run_makes_a_segment_and_leaves_endpoints_as_they_are(load):
    pinpoint = FakePinpoint()

    assert start_import(load, pinpoint) == {"JobId": "j1", "Attempt": 0, "WaitSeconds": 2}
    assert pinpoint.created == [
        {
            "S3Url": "s3://red-results/imports/q1.csv",
            "Format": "CSV",
            "RoleArn": "arn:role",
            "DefineSegment": True,
            "RegisterEndpoints": False,
            "SegmentName": "Red shoes",
        }
    ]


def test_a_direct_run_writes_the_columns_that_it_selects(load):
    pinpoint = FakePinpoint()

    start_import(load, pinpoint, REQUEST | {"Writes": True, "SegmentId": "s7"})

    assert pinpoint.created[0]["RegisterEndpoints"] is True
    assert pinpoint.created[0]["SegmentId"] == "s7"


def test_a_mutate_run_writes_endpoints_and_makes_no_segment(load):
    pinpoint = FakePinpoint()

    start_import(load, pinpoint, MUTATE)

    assert pinpoint.created == [
        {
            "S3Url": "s3://red-results/imports/q1.csv",
            "Format": "CSV",
            "RoleArn": "arn:role",
            "DefineSegment": False,
            "RegisterEndpoints": True,
        }
    ]


def test_a_retry_after_a_lost_answer_finds_the_job_instead_of_starting_another(load):
    pinpoint = FakePinpoint()
    pinpoint.loses_answers = 1
    with pytest.raises(ServiceUnavailable):
        start_import(load, pinpoint)

    assert start_import(load, pinpoint, retry=1)["JobId"] == "j1"
    assert len(pinpoint.created) == 1


def read_import(load, job, request=REQUEST, attempt=0):
    pinpoint = FakePinpoint()
    pinpoint.jobs = [job]
    read = load("read_import", pinpoint=pinpoint)
    return read({"Job": {"JobId": "j1", "Attempt": attempt}, "Request": request, "Query": QUERY})


def test_a_job_that_runs_is_looked_at_again(load):
    assert read_import(load, import_job("PROCESSING")) == {
        "Outcome": "WAIT",
        "JobId": "j1",
        "Attempt": 1,
        "WaitSeconds": 2,
    }


@pytest.mark.parametrize(
    ("rows", "rejected", "outcome"), [(3, 0, "IMPORTED"), (3, 1, "PARTIAL"), (0, 0, "EMPTY")]
)
def test_an_import_is_told_as_what_it_is(load, rows, rejected, outcome):
    job = import_job(TotalProcessed=rows, TotalFailures=rejected)

    answer = read_import(load, job)

    assert answer["Outcome"] == "SUCCESS"
    assert answer["Result"] == {
        "Outcome": outcome,
        "Type": "direct",
        "SegmentName": "Red shoes",
        "SegmentId": "s1",
        "QueryExecutionId": "q1",
        "DataScannedInBytes": 42,
        "ImportResult": job,
    }


def test_too_many_rejected_rows_are_a_failed_import(load):
    job = import_job(TotalProcessed=4, TotalFailures=3, Failures=["Row 2: ann@example.com is bad."])

    end = read_import(load, job)["End"]

    assert end["Error"] == "ImportFailed"
    assert "3 of 4 rows" in end["Cause"] and "ann@example.com" not in end["Cause"]
    assert end["ImportResult"]["Failures"] == ["Row 2: ann@example.com is bad."]


def test_an_import_that_takes_too_long_is_timed_out(load):
    end = read_import(load, import_job("PROCESSING"), attempt=500)["End"]

    assert end["Error"] == "ImportTimedOut"
    assert "still PROCESSING after 1 minutes (timeouts.import_minutes)" in end["Cause"]


def test_the_result_of_a_mutate_run_names_no_segment():
    result = success(MUTATE, QUERY, import_job(TotalProcessed=1, Definition={}))

    assert (result["SegmentName"], result["SegmentId"]) == ("none", "none")


# Schedules


def test_a_schedule_that_fires_twice_for_a_time_starts_one_run(load):
    states = FakeStates()
    start = load("start_run", states=states)
    event = {"Schedule": "nightly", "ScheduledTime": "2026-11-29T03:00:00Z", "Input": INPUT}

    for time in ("03", "03", "04"):
        start(event | {"ScheduledTime": f"2026-11-29T{time}:00:00Z"})

    assert states.started == {
        "nightly-2026-11-29T03-00-00Z": INPUT,
        "nightly-2026-11-29T04-00-00Z": INPUT,
    }


def test_a_run_that_cannot_be_started_raises_so_that_it_is_kept(load):
    states = FakeStates()
    states.failing = {"Red": service_error("StartExecution", "AccessDeniedException", 400)}

    with pytest.raises(ClientError):
        load("start_run", states=states)(
            {"Schedule": "nightly", "ScheduledTime": "2026-11-29T03:00:00Z", "Input": INPUT}
        )


def test_the_longest_name_of_a_run_fits():
    assert len(execution_name("x" * 30, "2026-11-29T03:00:00Z")) <= 80


# State machine


def machine():
    return state_machine("federated_segmentation", "segmentation.asl.json")


def test_the_state_machine_keeps_the_rules():
    assert_well_built(machine())


def test_every_task_catches_too_much_data_too():
    for name, state in machine()["States"].items():
        if state["Type"] == "Task" and state["Resource"].endswith("_function_arn}"):
            assert ["States.DataLimitExceeded"] in [c["ErrorEquals"] for c in state["Catch"]], name


def test_the_subjects_of_the_notifications_are_those_of_the_original_without_its_errors():
    states = machine()["States"]

    assert states["ReportSuccess"]["Parameters"]["Subject"] == (
        "Federated Segmentation Query Successful"
    )
    assert states["DescribeError"]["Parameters"]["Subject"] == "Federated Segmentation Error"
    assert states["DescribeError"]["Parameters"]["Message"] == "Lambda Error"
    assert states["ReportImportFailed"]["Parameters"]["Subject"] == (
        "Federated Segmentation Amazon Pinpoint Import Failed"
    )


def test_the_state_of_a_run_never_holds_the_query():
    first = machine()["States"]["RememberTheRun"]

    assert first["Parameters"] == {"CorrelationId.$": "$$.Execution.Name"}
    assert "ResultPath" not in first


def passed(state, given):
    """The output of a Pass state."""

    def at(path):
        value = given
        for member in path.split(".")[1:]:
            value = value[member]
        return value

    result = at(state.get("InputPath", "$"))
    if "Parameters" in state:
        result = {name.removesuffix(".$"): at(path) for name, path in state["Parameters"].items()}
    target = state.get("ResultPath", "$")
    return result if target == "$" else given | {target.removeprefix("$."): result}


@pytest.mark.parametrize(
    ("rejected", "state", "members"),
    [
        (100, "DescribeImport", {"CorrelationId", "Result"}),
        (900, "DescribeImportEnd", {"CorrelationId", "End"}),
    ],
)
def test_the_longest_answer_of_an_import_fits_into_the_state(load, rejected, state, members):
    failures = [f"Row {row}: {'long ' * 600}" for row in range(100)]
    job = import_job(TotalProcessed=1000, TotalFailures=rejected, Failures=failures)
    given = {"CorrelationId": "nightly-1", "Request": REQUEST, "Query": QUERY}
    given |= {"Prepared": {"Next": "IMPORT"}, "Job": read_import(load, job)}

    after = passed(machine()["States"][state], given)

    assert members <= after.keys()
    assert 100_000 < len(json.dumps(after)) <= 262_144
