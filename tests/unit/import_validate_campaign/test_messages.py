"""Messages from stage to stage, and their execution names."""

import json
import re
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis.strategies import text

from import_validate_campaign.messages import (
    ImportFinished,
    MalformedNotification,
    ValidationFinished,
    audience_name,
    audience_segment,
    campaign_input,
    execution_name,
    import_finished,
    notification_in,
    template_for,
    validation_finished,
    validation_input,
)

PUBLISHED = datetime(2026, 11, 23, 10, 0, tzinfo=UTC)
DONE = ValidationFinished("run-1", "s1", "people.csv", valid=7)


def validated(**validate_input):
    return {
        "Message": "Phone Validate Successful",
        "ValidatePhoneResult": {
            "ValidateOutput": {"TotalPhoneNumbersValidated": 9, "ValidPhoneNumbers": 7},
            "ValidateInput": validate_input,
        },
        "CorrelationId": "run-1",
    }


def campaign_for(done=DONE, **options):
    options = {
        "sms_template_name": "greeting",
        "published": PUBLISHED,
        "delay_minutes": 0,
        "max_recipients": None,
    } | options
    return campaign_input(done, "audience-1", **options)


def test_validation_is_scoped_to_the_imported_segment():
    done = import_finished(
        {
            "ImportResult": {
                "Id": "j1",
                "Definition": {"SegmentId": "s1", "SegmentName": "people.csv"},
                "Failures": ["x"] * 100,
            },
            "CorrelationId": "run-1",
        }
    )

    assert validation_input(done) == {
        "CorrelationId": "run-1",
        "Definition": {"SegmentId": "s1", "SegmentName": "people.csv"},
        "ImportJobId": "j1",
        "SegmentId": "s1",
        "SegmentName": "people.csv",
    }


def test_the_next_stage_reads_what_this_one_passes_on():
    passed_on = validation_input(ImportFinished("run-1", "s1", "people.csv", "j1"))

    assert validation_finished(validated(**passed_on)) == DONE


def test_a_manual_run_over_everything_unvalidated_leads_to_no_campaign():
    assert validation_finished(validated()) is None


def test_a_run_with_the_reference_architecture_s_input_is_understood():
    message = validated(Definition={"SegmentId": "s1", "SegmentName": "people.csv"})

    assert validation_finished(message) == DONE


@pytest.mark.parametrize("message", [{}, {"ImportResult": {}}, {"ImportResult": None}])
def test_what_is_no_import_notification_says_so(message):
    with pytest.raises(MalformedNotification, match="Not an import notification"):
        import_finished(message)


@pytest.mark.parametrize("message", [{}, {"ValidatePhoneResult": None}])
def test_what_is_no_validation_notification_says_so(message):
    with pytest.raises(MalformedNotification, match="Not a validation notification"):
        validation_finished(message)


@pytest.mark.parametrize("body", ["", "{}", '{"Message": "hello"}', '{"Message": "[1]"}', "[]"])
def test_what_is_no_sns_envelope_says_so(body):
    with pytest.raises(MalformedNotification):
        notification_in(body)


def test_the_time_of_a_notification_is_sns_s_own():
    body = json.dumps({"Message": "{}", "Timestamp": "2026-11-23T10:00:00.000Z"})

    assert notification_in(body) == ({}, PUBLISHED)


def test_the_audience_is_the_imported_segment_s_sms_endpoints_able_to_receive():
    segment = audience_segment(DONE, ["MOBILE", "VOIP"])

    assert segment["SegmentGroups"] == {
        "Include": "ALL",
        "Groups": [
            {
                "SourceType": "ALL",
                "SourceSegments": [{"Id": "s1"}],
                "Type": "ALL",
                "Dimensions": [
                    {
                        "Demographic": {
                            "Channel": {"DimensionType": "INCLUSIVE", "Values": ["SMS"]}
                        },
                        "Attributes": {
                            "PNV_PhoneType": {
                                "AttributeType": "INCLUSIVE",
                                "Values": ["MOBILE", "VOIP"],
                            }
                        },
                    }
                ],
            }
        ],
    }


def test_the_campaign_goes_to_the_audience_and_carries_the_correlation_id():
    assert campaign_for() == {
        "CorrelationId": "run-1",
        "SegmentId": "audience-1",
        "SegmentName": "people.csv",
        "SmsTemplateName": "greeting",
    }


def test_a_delay_schedules_the_campaign_from_when_the_validation_ended():
    assert campaign_for(delay_minutes=15)["Schedule"] == {"StartTime": "2026-11-23T10:15:00Z"}


def test_the_size_guard_is_passed_on_with_the_count_it_guards():
    campaign = campaign_for(max_recipients=5)

    assert (campaign["ExpectedRecipients"], campaign["MaxRecipients"]) == (7, 5)


def test_a_correlation_id_that_fits_is_readable_in_the_execution_s_name():
    assert execution_name("campaign", "import-0a1b") == "campaign-import-0a1b"


@given(text(min_size=1), text(min_size=1))
def test_execution_names_are_valid_and_one_per_correlation_id(one, other):
    names = execution_name("validate", one), execution_name("validate", other)

    assert all(re.fullmatch(r"[A-Za-z0-9_-]{1,80}", name) for name in names)
    assert (names[0] == names[1]) == (one == other)


def test_audiences_of_two_runs_have_names_of_their_own_however_long_the_file_s():
    names = {
        audience_name(ValidationFinished(run, "s1", "x" * 300, 1)) for run in ("run-1", "r" * 80)
    }

    assert [len(name) for name in names] == [64, 64]


@pytest.mark.parametrize(
    ("file", "template"),
    [("spring-sale.csv", "sale"), ("spring.csv", "season"), ("people.csv", "greeting")],
)
def test_files_may_have_templates_of_their_own(file, template):
    by_prefix = {"spring": "season", "spring-sale": "sale"}

    assert template_for(file, "greeting", by_prefix) == template
