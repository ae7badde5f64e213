"""The two stages of the chain: each notification starts its stage once, or stays queued."""

import json

import pytest

from tests.builders.architectures import (
    CONTEXT,
    FakeStates,
    load_function,
    pages,
    service_error,
    sqs_event,
)

STARTING = "import_validate_campaign.starting"


def notification(message):
    return json.dumps(
        {
            "Type": "Notification",
            "Message": json.dumps(message),
            "Timestamp": "2026-11-23T10:00:00.000Z",
        }
    )


def imported(run="run-1", segment="s1"):
    return notification(
        {
            "Message": "Import Successful",
            "ImportResult": {
                "Id": "j1",
                "Definition": {"SegmentId": segment, "SegmentName": "people.csv"},
            },
            "CorrelationId": run,
        }
    )


def validated(run="run-1", segment="s1"):
    return notification(
        {
            "Message": "Phone Validate Successful",
            "ValidatePhoneResult": {
                "ValidateOutput": {"ValidPhoneNumbers": 7},
                "ValidateInput": {"SegmentId": segment} if segment else {},
            },
            "CorrelationId": run,
        }
    )


class FakePinpoint:
    def __init__(self):
        self.segments = [{"Id": "other", "Name": "other"}]
        self.failure = None

    def get_segments(self, **parameters):
        return pages(self.segments, "SegmentsResponse")(**parameters)

    def create_segment(self, *, ApplicationId, WriteSegmentRequest):
        if self.failure:
            raise self.failure
        segment = {"Id": f"a{len(self.segments)}"} | WriteSegmentRequest
        self.segments.append(segment)
        return {"SegmentResponse": segment}


@pytest.fixture
def states():
    return FakeStates()


@pytest.fixture
def pinpoint():
    return FakePinpoint()


def load(monkeypatch, states, name, environment):
    module = load_function(
        monkeypatch,
        f"import_validate_campaign.functions.{name}",
        {"STATE_MACHINE_ARN": "arn:machine"} | environment,
        also=[STARTING],
    )
    monkeypatch.setattr(f"{STARTING}.states", states)
    return module


@pytest.fixture
def to_validation(monkeypatch, states):
    return load(monkeypatch, states, "start_validation", {})


@pytest.fixture
def to_campaign(monkeypatch, states, pinpoint):
    module = load(
        monkeypatch,
        states,
        "start_campaign",
        {
            "PROJECT_ID": "app1",
            "SMS_TEMPLATE_NAME": "greeting",
            "PHONE_TYPES": "MOBILE,VOIP",
            "DELAY_MINUTES": "0",
        },
    )
    monkeypatch.setattr(module, "pinpoint", pinpoint)
    return module


def test_a_successful_import_starts_a_validation_under_its_correlation_id(to_validation, states):
    to_validation.lambda_handler(sqs_event(imported()), CONTEXT)

    assert states.started["validate-run-1"]["SegmentId"] == "s1"
    assert states.started["validate-run-1"]["CorrelationId"] == "run-1"


def test_a_redelivered_notification_starts_nothing(to_validation, states):
    answer = to_validation.lambda_handler(sqs_event(imported(), imported()), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert len(states.started) == 1


def test_two_files_that_land_together_are_validated_each_on_its_own(to_validation, states):
    event = sqs_event(imported("run-1", "s1"), imported("run-2", "s2"))

    to_validation.lambda_handler(event, CONTEXT)

    assert {run["SegmentId"] for run in states.started.values()} == {"s1", "s2"}


def test_a_start_that_fails_keeps_its_message_and_only_its_own(to_validation, states):
    states.failing["run-1"] = service_error("StartExecution", "AccessDeniedException", 400)

    answer = to_validation.lambda_handler(sqs_event(imported("run-1"), imported("run-2")), CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert list(states.started) == ["validate-run-2"]


def test_a_validation_starts_a_campaign_to_its_audience(to_campaign, states, pinpoint):
    to_campaign.lambda_handler(sqs_event(validated()), CONTEXT)

    assert states.started == {
        "campaign-run-1": {
            "CorrelationId": "run-1",
            "SegmentId": "a1",
            "SegmentName": "s1",
            "SmsTemplateName": "greeting",
        }
    }
    assert pinpoint.segments[1]["Name"].startswith("s1 able to receive SMS [")
    assert pinpoint.segments[1]["tags"] == {"CorrelationId": "run-1"}


def test_a_redelivered_validation_makes_neither_a_second_audience_nor_a_second_campaign(
    to_campaign, states, pinpoint
):
    for receive_count in ("1", "2"):
        event = sqs_event(validated())
        event["Records"][0]["attributes"]["ApproximateReceiveCount"] = receive_count
        assert to_campaign.lambda_handler(event, CONTEXT) == {"batchItemFailures": []}

    assert len(states.started) == 1
    assert len(pinpoint.segments) == 2


def test_a_first_delivery_reads_no_list_of_segments(to_campaign, states, pinpoint, monkeypatch):
    monkeypatch.delattr(FakePinpoint, "get_segments")

    to_campaign.lambda_handler(sqs_event(validated()), CONTEXT)

    assert len(states.started) == 1


def test_a_manual_validation_of_everything_starts_no_campaign_and_is_no_error(
    to_campaign, states, pinpoint
):
    answer = to_campaign.lambda_handler(sqs_event(validated(segment=None)), CONTEXT)

    assert answer == {"batchItemFailures": []}
    assert states.started == {}
    assert len(pinpoint.segments) == 1


def test_a_segment_that_cannot_be_made_keeps_the_message(to_campaign, states, pinpoint):
    pinpoint.failure = service_error("CreateSegment", "TooManyRequestsException", 429)

    answer = to_campaign.lambda_handler(sqs_event(validated()), CONTEXT)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert states.started == {}


def test_the_log_has_the_reason_of_a_notification_that_is_left(to_validation, states, caplog):
    states.failing["run-1"] = service_error("StartExecution", "AccessDeniedException", 400)

    to_validation.lambda_handler(sqs_event("{", notification({}), imported("run-1")), CONTEXT)

    reasons = [line.reason for line in caplog.records if line.levelname == "WARNING"]
    assert reasons == [
        "Not an SNS message with a JSON body: JSONDecodeError. "
        "The subscription must not use raw message delivery.",
        "Not an import notification: KeyError 'ImportResult'.",
        "AccessDeniedException",
    ]
