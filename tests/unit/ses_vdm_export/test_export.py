"""Requests to SES, the key of the report, and the state of a claim."""

from datetime import UTC, datetime

import botocore.session
import pytest
from botocore.validate import validate_parameters

from ses_vdm_export.claims import Claim, Standing, standing
from ses_vdm_export.export import Outcome, Specification, assess, console_link
from ses_vdm_export.month import Month

OCTOBER = Month(2026, 10)
ALL = {"EMAIL_IDENTITY": ["*"], "CONFIGURATION_SET": ["*"], "ISP": ["*"]}
METRICS = [
    {"Name": name, "Aggregation": aggregation}
    for name in (
        "SEND",
        "DELIVERY",
        "TRANSIENT_BOUNCE",
        "PERMANENT_BOUNCE",
        "COMPLAINT",
        "OPEN",
        "CLICK",
        "DELIVERY_OPEN",
        "DELIVERY_CLICK",
        "DELIVERY_COMPLAINT",
    )
    for aggregation in ("VOLUME", "RATE")
]


def specification(dimensions=ALL, metrics=METRICS[:3], data_format="CSV"):
    return Specification(dimensions, metrics, data_format)


def job(status, **members):
    return {"JobId": "j1", "JobStatus": status} | members


def claim(report=None, execution="arn:first", job_id="j1"):
    return Claim("2026-10#x", execution, datetime(2026, 11, 1, tzinfo=UTC), job_id, report)


def asked(a_specification):
    return a_specification.request("2026-10-01T00:00:00Z", "2026-11-01T00:00:00Z")


@pytest.mark.parametrize("number", range(1, 11))
def test_any_number_of_metrics_from_one_to_ten_is_exported(number):
    metrics = METRICS[:number]

    request = asked(specification(metrics=metrics))

    assert request["ExportDataSource"]["MetricsDataSource"]["Metrics"] == metrics
    model = botocore.session.get_session().get_service_model("sesv2")
    validate_parameters(request, model.operation_model("CreateExportJob").input_shape)


@pytest.mark.parametrize(
    "dimensions",
    [{"ISP": ["*"]}, ALL, {"CONFIGURATION_SET": ["marketing", "receipts"], "ISP": ["Gmail"]}],
)
def test_the_report_is_broken_down_by_the_dimensions_that_were_chosen(dimensions):
    source = asked(specification(dimensions))["ExportDataSource"]["MetricsDataSource"]

    assert source["Dimensions"] == dimensions


def test_the_request_is_about_the_whole_month_in_the_format_chosen():
    request = asked(specification(data_format="JSON"))

    source = request["ExportDataSource"]["MetricsDataSource"]
    assert (source["Namespace"], source["StartDate"], source["EndDate"]) == (
        "VDM",
        "2026-10-01T00:00:00Z",
        "2026-11-01T00:00:00Z",
    )
    assert request["ExportDestination"] == {"DataFormat": "JSON"}


def test_a_report_lies_under_its_year_and_month():
    key = specification(data_format="JSON").object_key("reports/", Month(2027, 1))

    assert key.startswith("reports/year=2027/month=01/vdm-2027-01-")
    assert key.endswith(".json")


@pytest.mark.parametrize(
    "other",
    [
        specification({"ISP": ["*"]}),
        specification(metrics=METRICS[:2]),
        specification(data_format="JSON"),
    ],
)
def test_another_specification_is_another_report_and_overwrites_none(other):
    assert other.claim(OCTOBER) != specification().claim(OCTOBER)
    assert other.object_key("", OCTOBER) != specification().object_key("", OCTOBER)


def test_the_order_of_dimensions_makes_no_other_report():
    backwards = dict(reversed(ALL.items()))

    assert specification(backwards).claim(OCTOBER) == specification().claim(OCTOBER)


@pytest.mark.parametrize("status", ["CREATED", "PROCESSING", "SOMETHING_NEW"])
def test_a_job_under_way_is_waited_for(status):
    assert assess(job(status)).outcome is Outcome.WAIT


def test_a_failed_job_is_a_failure_with_the_reason_that_ses_gives():
    assessment = assess(job("FAILED", FailureInfo={"ErrorMessage": "Too many rows."}))

    assert assessment.outcome is Outcome.FAILURE
    assert "Too many rows." in (assessment.reason or "")


@pytest.mark.parametrize(
    "answer",
    [job("FAILED"), job("CANCELLED"), job("COMPLETED"), job("COMPLETED", ExportDestination={})],
)
def test_a_job_that_ends_without_a_report_is_a_failure(answer):
    assessment = assess(answer)

    assert assessment.outcome is Outcome.FAILURE
    assert assessment.reason


def test_the_link_leads_to_the_object_in_the_console_and_carries_no_signature():
    link = console_link(
        "https://eu-west-1.console.aws.amazon.com", "eu-west-1", "files", "a b/year=2026/vdm.csv"
    )

    assert link == (
        "https://eu-west-1.console.aws.amazon.com/s3/object/files"
        "?region=eu-west-1&prefix=a+b%2Fyear%3D2026%2Fvdm.csv"
    )


@pytest.mark.parametrize("status", ["RUNNING", "PENDING_REDRIVE"])
def test_a_month_that_a_living_run_has_is_left_to_it(status):
    assert standing(claim(), "arn:second", status) is Standing.BUSY
    assert standing(claim(report={}), "arn:second", status) is Standing.BUSY


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED", None])
def test_a_month_that_a_dead_run_left_unfinished_is_taken_over(status):
    assert standing(claim(), "arn:second", status) is Standing.ABANDONED


@pytest.mark.parametrize("status", ["SUCCEEDED", None])
def test_a_month_that_was_told_is_done_also_after_its_execution_is_forgotten(status):
    assert standing(claim(report={"Object": "s3://b/k"}), "arn:second", status) is Standing.DONE


@pytest.mark.parametrize("status", ["FAILED", "TIMED_OUT", "ABORTED"])
def test_a_report_whose_run_died_before_telling_is_taken_over_to_tell(status):
    standing_now = standing(claim(report={"Object": "s3://b/k"}), "arn:second", status)

    assert standing_now is Standing.ABANDONED


def test_a_retry_within_a_run_finds_its_own_claim():
    assert standing(claim(), "arn:first", "RUNNING") is Standing.OWN
