"""The steps of a validation: no number is paid twice, left out, or able to stop a run."""

import gzip
import io
import json
from itertools import count
from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

from phone_number_validate.export_job import ExportFailed
from phone_number_validate.paid_verdicts import KEPT_AT_ONCE, THREADS
from phone_number_validate.verdict_cache import VerdictCache
from phone_number_validate.verdicts import verdict_from
from shared.transient import ServiceUnavailable
from tests.builders.architectures import (
    CONTEXT,
    assert_well_built,
    load_function,
    pages,
    service_error,
    state_machine,
)
from tests.builders.tables import PK_AND_SK

BUCKET = "work"
RUN_STARTED = "2026-11-23T10:00:00.000Z"


class BadRequest(Exception):
    pass


class FakePinpoint:
    """Endpoints and paid validations; counts its calls. There is no GetEndpoint."""

    exceptions = SimpleNamespace(BadRequestException=BadRequest)

    def __init__(self):
        self.asked = []
        self.writes = []
        self.failing = {}
        self.refused_ids = set()
        self.exports = []
        self.export_jobs = []
        self.loses_answers = 0
        self.job_status = "COMPLETED"
        self.job_failures = []

    def phone_number_validate(self, *, NumberValidateRequest):
        number = NumberValidateRequest["PhoneNumber"]
        self.asked.append(NumberValidateRequest)
        if number in self.failing:
            raise self.failing[number]
        answer = {"PhoneType": "INVALID"}
        if not number.startswith("+1000"):
            answer = {"PhoneType": "MOBILE", "CleansedPhoneNumberE164": number}
        return {"NumberValidateResponse": answer}

    def update_endpoints_batch(self, *, ApplicationId, EndpointBatchRequest):
        items = EndpointBatchRequest["Item"]
        assert len(items) <= 100
        if self.refused_ids & {item["Id"] for item in items}:
            raise BadRequest
        self.writes.append(items)

    def create_export_job(self, *, ApplicationId, ExportJobRequest):
        self.exports.append(ExportJobRequest)
        job = {
            "Id": f"x{len(self.exports)}",
            "JobStatus": "CREATED",
            "CreationDate": f"2026-11-23T10:00:0{len(self.exports)}.000Z",
            "Definition": ExportJobRequest,
        }
        self.export_jobs.append(job)
        if self.loses_answers:
            self.loses_answers -= 1
            raise service_error("CreateExportJob", "504", 504)
        return {"ExportJobResponse": job}

    def get_segment_export_jobs(self, *, ApplicationId, SegmentId, **page):
        jobs = [job for job in self.export_jobs if job["Definition"]["SegmentId"] == SegmentId]
        return pages(jobs, "ExportJobsResponse")(**page)

    def get_export_job(self, *, ApplicationId, JobId):
        job = {"Id": JobId, "JobStatus": self.job_status, "Failures": self.job_failures}
        return {"ExportJobResponse": job}

    @property
    def written(self):
        return {item["Id"]: item for batch in self.writes for item in batch}


class ImmediateLimiter:
    def reserve(self, n):
        return 0.0


@pytest.fixture
def pinpoint():
    return FakePinpoint()


@pytest.fixture
def aws(monkeypatch):
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    with mock_aws():
        boto3.client("s3").create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        boto3.client("s3").put_bucket_versioning(
            Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"}
        )
        boto3.client("dynamodb").create_table(TableName="verdicts", **PK_AND_SK)
        yield boto3.client("s3")


def load_validate_batch(monkeypatch):
    return load_function(
        monkeypatch,
        "phone_number_validate.functions.validate_batch",
        {
            "PROJECT_ID": "app1",
            "BUCKET": BUCKET,
            "TABLE": "verdicts",
            "CACHE_DAYS": "90",
            "VALIDATIONS_PER_SECOND": "20",
        },
    )


@pytest.fixture
def batch(aws, monkeypatch, pinpoint):
    module = load_validate_batch(monkeypatch)
    monkeypatch.setattr(module, "pinpoint", pinpoint)
    monkeypatch.setattr(module, "aws_pinpoint", pinpoint)
    monkeypatch.setattr(module, "limiter", ImmediateLimiter())
    monkeypatch.setattr(module, "QUOTA", 1_000_000)
    return module


@pytest.fixture
def files(aws, monkeypatch):
    settings = {
        "BUCKET": BUCKET,
        "DEFAULT_COUNTRY": "US",
        "MAX_CONCURRENCY": "4",
        "RECHECK_AFTER_SECONDS": "60",
        "VALIDATIONS_PER_SECOND": "20",
    }
    loaded = {
        name: load_function(monkeypatch, f"phone_number_validate.functions.{name}", settings)
        for name in ("list_numbers", "add_up", "delete_files")
    }
    handlers = {name: module.lambda_handler for name, module in loaded.items()}
    return SimpleNamespace(s3=loaded["list_numbers"].s3, **handlers)


@pytest.fixture
def export(monkeypatch, pinpoint):
    settings = {
        "PROJECT_ID": "app1",
        "EXPORT_ROLE_ARN": "arn:role",
        "BUCKET": BUCKET,
        "NEEDS_VALIDATION_SEGMENT_ID": "unvalidated",
        "TIMEOUT_MINUTES": "1",
    }
    steps = {}
    for step in ("start", "read"):
        module = load_function(
            monkeypatch, f"phone_number_validate.functions.{step}_export", settings
        )
        monkeypatch.setattr(module, "pinpoint", pinpoint)
        monkeypatch.setattr(module, "pinpoint_once", lambda: pinpoint, raising=False)
        steps[step] = module.lambda_handler
    return SimpleNamespace(**steps)


def item(row, number, *ids, address=None, country="US"):
    return {
        "Row": row,
        "Number": number,
        "Country": country,
        "Endpoints": [
            {
                "Id": id,
                "Address": address or number,
                "Original": address or number,
                "Inactive": False,
            }
            for id in ids
        ],
    }


def run(batch, *items, round_=1, marks=True, started=RUN_STARTED):
    return batch.lambda_handler(
        {
            "Items": list(items),
            "BatchInput": {
                "RunStarted": started,
                "Round": round_,
                "MarksEndpoints": marks,
                "ResultsPrefix": "work/run/results/",
            },
        },
        CONTEXT,
    )


def counts(aws, row=0):
    key = f"work/run/results/1-{row:010}.json"
    return json.load(aws.get_object(Bucket=BUCKET, Key=key)["Body"])["Counts"]


def add_up(files, changed=0):
    event = {"Prefix": "work/run/results/", "Execution": "run", "ChangedMeanwhile": changed}
    return files.add_up(event, CONTEXT)


def list_numbers(files, round_=1):
    event = {"Prefix": f"exports/run/{round_}/0/", "Execution": "run", "Round": round_}
    return files.list_numbers(event, CONTEXT)


# Validating a batch


def test_an_invalid_number_is_marked_and_does_not_stop_the_batch(batch, pinpoint, aws):
    run(batch, item(0, "+10005550100", "e1"), item(1, "+14256791901", "e2"))

    marks = {id: update["Attributes"] for id, update in pinpoint.written.items()}
    assert marks["e1"]["PNV_PhoneNumberValidated"] == ["Yes"]
    assert marks["e1"]["PNV_PhoneType"] == ["INVALID"]
    assert marks["e2"]["PNV_PhoneType"] == ["MOBILE"]
    assert (counts(aws)["Valid"], counts(aws)["Invalid"]) == (1, 1)


def test_a_number_that_aws_refuses_to_look_at_is_invalid_and_does_not_stop_the_batch(
    batch, pinpoint
):
    pinpoint.failing["+14256791901"] = BadRequest()

    run(batch, item(0, "+14256791901", "e1"), item(1, "+14256791902", "e2"))

    assert pinpoint.written["e1"]["Attributes"]["PNV_PhoneType"] == ["INVALID"]
    assert pinpoint.written["e2"]["Attributes"]["PNV_PhoneType"] == ["MOBILE"]


def test_an_impossible_number_costs_nothing(batch, pinpoint, aws):
    run(batch, item(0, None, "e1", address="abc"))

    assert pinpoint.asked == []
    assert pinpoint.written["e1"]["Attributes"]["PNV_PhoneType"] == ["INVALID"]
    assert counts(aws)["Paid"] == 0


def test_the_country_is_sent_with_the_number(batch, pinpoint):
    run(batch, item(0, "+32478123456", "e1", country="BE"))

    assert pinpoint.asked == [{"PhoneNumber": "+32478123456", "IsoCountryCode": "BE"}]


def test_a_number_is_paid_for_once_whatever_the_endpoints_that_carry_it(batch, pinpoint, aws):
    run(batch, item(0, "+14256791901", "e1", "e2", "e3"))

    assert len(pinpoint.asked) == 1
    assert set(pinpoint.written) == {"e1", "e2", "e3"}
    assert counts(aws)["Valid"] == 3


def test_a_number_validated_lately_is_not_paid_for_again(batch, pinpoint):
    run(batch, item(0, "+14256791901", "e1"))

    run(batch, item(0, "+14256791901", "e9"))

    assert len(pinpoint.asked) == 1
    assert pinpoint.written["e9"]["Attributes"]["PNV_PhoneType"] == ["MOBILE"]


def test_throttling_is_worth_another_attempt_which_pays_only_for_what_is_missing(batch, pinpoint):
    pinpoint.failing["+14256791902"] = service_error(
        "PhoneNumberValidate", "TooManyRequestsException", 429
    )
    items = (item(0, "+14256791901", "e1"), item(1, "+14256791902", "e2"))
    with pytest.raises(ServiceUnavailable):
        run(batch, *items)

    pinpoint.failing.clear()
    run(batch, *items)

    asked = [request["PhoneNumber"] for request in pinpoint.asked]
    assert asked.count("+14256791901") == 1
    assert set(pinpoint.written) == {"e1", "e2"}


class Died(BaseException):
    """The end of a function's process, which no handler catches."""


def test_a_function_that_dies_amid_a_batch_pays_again_for_its_last_calls_only(
    batch, pinpoint, monkeypatch
):
    items = [item(n, f"+14255550{n:03}", f"e{n}") for n in range(100)]
    ask = pinpoint.phone_number_validate

    def dies_at_the_last_number(**request):
        if request["NumberValidateRequest"]["PhoneNumber"] == items[-1]["Number"]:
            raise Died
        return ask(**request)

    monkeypatch.setattr(pinpoint, "phone_number_validate", dies_at_the_last_number)
    with pytest.raises(Died):
        run(batch, *items)
    monkeypatch.setattr(pinpoint, "phone_number_validate", ask)

    run(batch, *items)

    assert len(pinpoint.written) == 100
    assert len(pinpoint.asked) < 100 + KEPT_AT_ONCE + THREADS


def fail_writes(monkeypatch, batch, times):
    """Let DynamoDB leave verdicts unprocessed in the first `times` writes of the cache."""
    write, writes = batch.cache.write, count()

    def write_or_fail(verdicts):
        if next(writes) < times:
            raise ServiceUnavailable("DynamoDB left items unprocessed.")
        write(verdicts)

    monkeypatch.setattr(batch.cache, "write", write_or_fail)


def test_a_failed_write_amid_a_batch_loses_no_verdict_that_was_paid_for(
    batch, pinpoint, monkeypatch
):
    items = [item(n, f"+14255550{n:03}", f"e{n}") for n in range(100)]
    fail_writes(monkeypatch, batch, times=1)
    with pytest.raises(ServiceUnavailable, match="unprocessed"):
        run(batch, *items)

    run(batch, *items)

    assert len(pinpoint.written) == 100
    assert len(pinpoint.asked) == 100


def test_while_no_verdict_can_be_kept_hardly_any_is_bought(batch, pinpoint, monkeypatch):
    fail_writes(monkeypatch, batch, times=2)

    with pytest.raises(ServiceUnavailable, match="unprocessed"):
        run(batch, *(item(n, f"+14255550{n:03}", f"e{n}") for n in range(100)))

    assert len(pinpoint.asked) < KEPT_AT_ONCE + THREADS


def test_a_failed_write_of_the_last_verdicts_is_repeated_and_fails_nothing(
    batch, pinpoint, monkeypatch
):
    fail_writes(monkeypatch, batch, times=1)

    run(batch, *(item(n, f"+14255550{n:03}", f"e{n}") for n in range(KEPT_AT_ONCE)))

    assert len(pinpoint.written) == KEPT_AT_ONCE


def test_a_throttled_number_gets_another_turn_at_the_common_rate(batch, pinpoint, monkeypatch):
    reserved = []
    monkeypatch.setattr(
        batch, "limiter", SimpleNamespace(reserve=lambda n: reserved.append(n) or 0.0)
    )
    ask = pinpoint.phone_number_validate
    answers = iter([service_error("PhoneNumberValidate", "TooManyRequestsException", 429)])

    def throttled_once(**request):
        for error in answers:
            raise error
        return ask(**request)

    monkeypatch.setattr(pinpoint, "phone_number_validate", throttled_once)

    run(batch, item(0, "+14256791901", "e1"))

    assert set(pinpoint.written) == {"e1"}
    assert reserved == [1, 1]


def test_paid_calls_are_not_retried_beside_the_rate(aws, monkeypatch):
    module = load_validate_batch(monkeypatch)

    assert module.aws_pinpoint.meta.config.retries["total_max_attempts"] == 1


def test_a_thousand_endpoints_take_ten_writes(batch, pinpoint):
    for first in range(0, 1000, 100):
        run(batch, *(item(n, f"+1425555{n:04}", f"e{n}") for n in range(first, first + 100)))

    assert len(pinpoint.writes) == 10


def test_an_endpoint_that_no_update_fits_does_not_keep_the_others_unmarked(batch, pinpoint, aws):
    pinpoint.refused_ids = {"e1"}

    run(batch, item(0, "+14256791901", "e1"), item(1, "+14256791902", "e2"))

    assert set(pinpoint.written) == {"e2"}
    assert counts(aws)["Refused"] == 1


def run_round(batch, files, aws, round_):
    """List an export and run its batches, as the state machine does; returns whether it marks."""
    listed = list_numbers(files, round_)
    body = aws.get_object(Bucket=BUCKET, Key=listed["Key"])["Body"].read()
    items = [json.loads(line) for line in body.splitlines()]
    for first in range(0, len(items), 100):
        run(
            batch,
            *items[first : first + 100],
            round_=round_,
            marks=listed["MarksEndpoints"],
            started="2000-01-01T00:00:00Z",
        )
    return listed


def people(count):
    return {f"e{n}": f"+1425679{n:04}" for n in range(count)}


def put_people(aws, round_, endpoints):
    rows = [exported(id, address) for id, address in endpoints.items()]
    put_export(aws, f"exports/run/{round_}/0/a.gz", *rows)


def test_two_thousand_new_numbers_at_the_default_quota_take_twenty_calls_of_the_project(
    batch, pinpoint, aws, files
):
    put_people(aws, 1, people(2000))
    put_people(aws, 2, people(2000))

    first = run_round(batch, files, aws, 1)
    asked = len(pinpoint.asked)
    second = run_round(batch, files, aws, 2)

    assert (first["MarksEndpoints"], second["MarksEndpoints"]) == (False, True)
    assert asked == len(pinpoint.asked) == 2000
    assert len(pinpoint.writes) == 20
    assert set(pinpoint.written) == set(people(2000))
    total = add_up(files)
    assert (total["ValidPhoneNumbers"], total["PaidValidations"]) == (2000, 2000)
    assert total["DistinctPhoneNumbers"] == 2000


def test_numbers_that_take_less_than_a_minute_are_marked_in_the_first_round(files, aws):
    put_people(aws, 1, people(1200))

    assert list_numbers(files)["MarksEndpoints"] is True


def test_endpoints_deleted_or_changed_between_the_exports_stay_as_they_are(
    batch, pinpoint, aws, files
):
    before = people(1300)
    now = {**before, "e1": "+14256799999"}
    del now["e0"]
    put_people(aws, 1, before)
    put_people(aws, 2, now)

    run_round(batch, files, aws, 1)
    second = run_round(batch, files, aws, 2)

    assert set(pinpoint.written) == set(now)
    assert pinpoint.written["e1"]["Address"] == "+14256799999"
    assert second["ChangedMeanwhile"] == 2
    assert add_up(files, second["ChangedMeanwhile"])["EndpointsChangedMeanwhile"] == 2


def test_a_run_pays_once_even_where_no_verdict_is_kept(batch, pinpoint, monkeypatch):
    cache = VerdictCache(boto3.client("dynamodb"), "verdicts", days=0, clock=lambda: 1795428001.0)
    monkeypatch.setattr(batch, "cache", cache)

    run(batch, item(0, "+14256791901", "e1"), marks=False)
    run(batch, item(0, "+14256791901", "e1"), round_=2)
    assert len(pinpoint.asked) == 1

    run(batch, item(0, "+14256791901", "e1"), started="2026-11-23T10:00:02.000Z")
    assert len(pinpoint.asked) == 2


def test_a_repeated_batch_is_counted_once(batch, aws, files):
    for _ in range(2):
        run(batch, item(0, "+14256791901", "e1"))

    assert add_up(files)["TotalPhoneNumbersValidated"] == 1


def test_the_report_names_every_invalid_number_with_its_endpoint_and_the_reason(batch, aws, files):
    run(batch, item(0, "+10005550100", "e1"), item(1, "+14256791901", "e2"))
    run(
        batch,
        item(2, None, "e3", address="555-0142", country=None),
        item(3, None, "e4", address="+1425", country="US"),
        item(4, None, "e5", "e6", address="zwölf", country="DE"),
    )

    total = add_up(files)

    assert total["InvalidNumbersReport"] == f"s3://{BUCKET}/reports/run/invalid_numbers.jsonl"
    report = aws.get_object(Bucket=BUCKET, Key="reports/run/invalid_numbers.jsonl")["Body"].read()
    lines = [json.loads(line) for line in report.decode().splitlines()]
    assert [(line["EndpointId"], line["Address"]) for line in lines] == [
        ("e1", "+10005550100"),
        ("e3", "555-0142"),
        ("e4", "+1425"),
        ("e5", "zwölf"),
        ("e6", "zwölf"),
    ]
    reasons = [line["Reason"] for line in lines]
    assert reasons[0] == "PhoneNumberValidate answered INVALID."
    assert "no country code" in reasons[1] and "default_country" in reasons[1]
    assert reasons[2] == "The number is too short, too long or no phone number."
    assert set(reasons[3:]) == {"The number holds letters. Write it in digits."}


def test_without_an_invalid_number_there_is_no_report(batch, aws, files):
    run(batch, item(0, "+14256791901", "e1"))

    assert add_up(files)["InvalidNumbersReport"] is None
    assert "Contents" not in aws.list_objects_v2(Bucket=BUCKET, Prefix="reports/")


def test_the_report_outlives_the_files_of_its_run(batch, aws, files):
    run(batch, item(0, None, "e1", address="abc"))
    add_up(files)

    files.delete_files({"Execution": "run"}, CONTEXT)

    listed = aws.list_objects_v2(Bucket=BUCKET)["Contents"]
    assert [thing["Key"] for thing in listed] == ["reports/run/invalid_numbers.jsonl"]


def test_the_answer_of_a_batch_does_not_grow_with_the_run(batch):
    assert run(batch, item(0, "+14256791901", "e1")) == {}


def test_no_number_and_no_endpoint_id_reaches_the_log(batch, pinpoint, monkeypatch):
    log = io.StringIO()
    monkeypatch.setattr(batch.logger.registered_handler, "stream", log)
    pinpoint.refused_ids = {"ann@example.com"}

    run(
        batch,
        item(0, "+14256791901", "ann@example.com", "bob"),
        item(1, None, "e2", address="425-bad"),
    )

    assert "Batch validated" in log.getvalue()
    assert "refused" in log.getvalue()
    assert "ann@example.com" not in log.getvalue()
    assert "4256791901" not in log.getvalue()
    assert "425-bad" not in log.getvalue()


# The cache


def test_a_verdict_is_used_until_it_is_too_old(aws):
    now = [1_000_000.0]
    cache = VerdictCache(boto3.client("dynamodb"), "verdicts", days=1, clock=lambda: now[0])
    verdict = verdict_from({"PhoneType": "MOBILE", "CleansedPhoneNumberE164": "+14256791901"})
    cache.write({"+14256791901": verdict})

    now[0] += 86_399
    assert cache.read(["+14256791901"], since=now[0]) == {"+14256791901": verdict}
    now[0] += 1
    assert cache.read(["+14256791901"], since=now[0]) == {}


def test_more_numbers_than_one_read_takes_are_all_found(aws):
    cache = VerdictCache(boto3.client("dynamodb"), "verdicts", days=1)
    numbers = [f"+1425555{n:04}" for n in range(250)]
    cache.write({number: verdict_from({}) for number in numbers})

    assert set(cache.read(numbers, since=0)) == set(numbers)


class Unwilling:
    """A DynamoDB client that leaves all items unprocessed a number of times."""

    def __init__(self, refusals):
        self.refusals = refusals
        self.kept = {}

    def batch_write_item(self, RequestItems):  # noqa: N803 - boto3's name
        if self.refusals:
            self.refusals -= 1
            return {"UnprocessedItems": RequestItems}
        for put in RequestItems["verdicts"]:
            item = put["PutRequest"]["Item"]
            self.kept[item["pk"]["S"]] = item
        return {"UnprocessedItems": {}}


def test_verdicts_that_dynamodb_left_unwritten_are_written_again():
    dynamodb, pauses = Unwilling(refusals=2), []

    VerdictCache(dynamodb, "verdicts", days=1, sleep=pauses.append).write(
        {"+14256791901": verdict_from({})}
    )

    assert set(dynamodb.kept) == {"number#+14256791901"}
    assert len(pauses) == 2


def test_a_cache_that_never_takes_the_verdicts_is_worth_another_attempt():
    cache = VerdictCache(Unwilling(refusals=1000), "verdicts", days=1, sleep=lambda _: None)

    with pytest.raises(ServiceUnavailable, match="unprocessed"):
        cache.write({"+14256791901": verdict_from({})})


# The export


def start_event(run_input, retry=0):
    return {"Input": run_input, "Execution": "run", "Round": 1, "RetryCount": retry}


def test_the_export_is_of_the_segment_that_the_run_names(export, pinpoint):
    export.start(start_event({"Definition": {"SegmentId": "s1"}}), CONTEXT)

    assert pinpoint.exports == [
        {
            "S3UrlPrefix": "s3://work/exports/run/1/0/",
            "RoleArn": "arn:role",
            "SegmentId": "s1",
        }
    ]


def test_without_a_segment_everything_unvalidated_is_exported(export, pinpoint):
    export.start(start_event({}), CONTEXT)

    assert pinpoint.exports[0]["SegmentId"] == "unvalidated"


def test_a_retry_after_a_lost_answer_finds_the_export_instead_of_starting_another(export, pinpoint):
    pinpoint.loses_answers = 1
    with pytest.raises(ServiceUnavailable):
        export.start(start_event({}), CONTEXT)

    answer = export.start(start_event({}, retry=1), CONTEXT)

    assert (answer["JobId"], answer["Prefix"]) == ("x1", "exports/run/1/0/")
    assert len(pinpoint.exports) == 1


def test_a_retry_starts_another_export_where_the_one_before_could_not_be_started(export, pinpoint):
    export.start(start_event({}), CONTEXT)
    pinpoint.export_jobs[0]["JobStatus"] = "FAILED"

    answer = export.start(start_event({}, retry=1), CONTEXT)

    assert (answer["JobId"], answer["Prefix"]) == ("x2", "exports/run/1/1/")


def test_the_export_of_another_round_or_run_is_not_the_retrys(export, pinpoint):
    export.start(start_event({}), CONTEXT)
    export.start({**start_event({}), "Execution": "run-2"}, CONTEXT)

    second_round = {**start_event({}, retry=1), "Round": 2}

    assert export.start(second_round, CONTEXT)["JobId"] == "x3"


def test_waiting_for_an_export_ends(export, pinpoint):
    pinpoint.job_status = "PROCESSING"
    state = export.start(start_event({}), CONTEXT)

    with pytest.raises(ExportFailed, match="still PROCESSING after 1 minutes"):
        for _ in range(20):
            state = export.read(state, CONTEXT)
            assert not state["Finished"]


def test_a_failed_export_fails_the_run_for_the_job_s_own_reasons(export, pinpoint):
    pinpoint.job_status = "FAILED"
    pinpoint.job_failures = ["The RoleArn of the job cannot be assumed."]

    with pytest.raises(ExportFailed, match=r"x1 failed\. The RoleArn of the job cannot"):
        export.read(export.start(start_event({}), CONTEXT), CONTEXT)


# The files


def put_export(aws, key, *endpoints):
    body = io.BytesIO()
    with gzip.open(body, "wt") as lines:
        for endpoint in endpoints:
            lines.write(json.dumps(endpoint) + "\n")
    aws.put_object(Bucket=BUCKET, Key=key, Body=body.getvalue())


def exported(id, address):
    return {"Id": id, "Address": address, "ChannelType": "SMS"}


def test_every_page_of_an_export_s_objects_is_read(files, aws, monkeypatch):
    paginator = files.s3.get_paginator("list_objects_v2")
    small_pages = SimpleNamespace(
        paginate=lambda **given: paginator.paginate(**given, PaginationConfig={"PageSize": 2})
    )
    monkeypatch.setattr(files.s3, "get_paginator", lambda _: small_pages)
    for n in range(5):
        put_export(aws, f"exports/run/1/0/{n}.gz", exported(f"e{n}", f"+1425555{n:04}"))

    answer = list_numbers(files)

    assert answer["Numbers"] == 5
    lines = aws.get_object(Bucket=BUCKET, Key=answer["Key"])["Body"].read().splitlines()
    assert [json.loads(line)["Number"] for line in lines] == [f"+1425555{n:04}" for n in range(5)]


def test_an_export_that_is_not_compressed_is_read_by_the_line(files, aws):
    rows = [exported(f"e{n}", f"+1425555{n:04}") for n in range(100)]
    body = "".join(json.dumps(row) + "\n" for row in rows)
    aws.put_object(Bucket=BUCKET, Key="exports/run/1/0/a.json", Body=body.encode())

    assert list_numbers(files)["Numbers"] == 100


def test_an_empty_segment_is_no_numbers_and_no_error(files):
    answer = list_numbers(files)

    assert answer["Numbers"] == 0
    assert answer["ResultsPrefix"] == "work/run/results/"
    assert add_up(files) == {
        "TotalPhoneNumbersValidated": 0,
        "ValidPhoneNumbers": 0,
        "InvalidPhoneNumbers": 0,
        "InvalidNumbersReport": None,
        "EndpointsChangedMeanwhile": 0,
        "EndpointsRefused": 0,
        "DistinctPhoneNumbers": 0,
        "PaidValidations": 0,
    }


def test_no_version_of_a_run_s_files_is_left_and_no_other_run_s_is_touched(files, aws):
    for key in ("exports/run/0/a.gz", "work/run/numbers.jsonl", "exports/run2/0/a.gz"):
        aws.put_object(Bucket=BUCKET, Key=key, Body=b"1")
        aws.put_object(Bucket=BUCKET, Key=key, Body=b"2")
    aws.delete_object(Bucket=BUCKET, Key="exports/run/0/a.gz")

    files.delete_files({"Execution": "run"}, CONTEXT)

    left = aws.list_object_versions(Bucket=BUCKET)
    assert {version["Key"] for version in left["Versions"]} == {"exports/run2/0/a.gz"}
    assert "DeleteMarkers" not in left


# The state machine


def test_the_state_machine_keeps_the_rules():
    assert_well_built(state_machine("phone_number_validate", "validate.asl.json"))


def test_files_are_deleted_before_either_notification():
    states = state_machine("phone_number_validate", "validate.asl.json")["States"]

    before = {
        name: {s for s, state in states.items() if state.get("Next") == name}
        for name in ("ReportValidationSuccessful", "ReportValidationFailed")
    }

    assert before["ReportValidationSuccessful"] == {"DeleteFilesAfterSuccess"}
    assert before["ReportValidationFailed"] == {"DeleteFilesAfterFailure"}


def test_subjects_and_bodies_are_those_of_the_reference_architecture():
    states = state_machine("phone_number_validate", "validate.asl.json")["States"]

    success = states["ReportValidationSuccessful"]["Parameters"]
    failure = states["ReportValidationFailed"]["Parameters"]

    assert success["Subject"] == "Amazon Pinpoint Phone Validate Successful"
    assert success["Message"]["Message"] == "Phone Validate Successful"
    assert set(success["Message"]["ValidatePhoneResult"]) == {"ValidateOutput.$", "ValidateInput.$"}
    assert failure["Subject"] == "Amazon Pinpoint Phone Validate Failed"
    assert failure["Message"]["Message"] == "Phone Validate Failed"
