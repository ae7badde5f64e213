"""The steps of a campaign: created once despite retries, and reported with its true result."""

from types import SimpleNamespace

import boto3
import pytest
from moto import mock_aws

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

SETTINGS = {
    "PROJECT_ID": "app1",
    "MESSAGE_TYPE": "TRANSACTIONAL",
    "TABLE": "created",
    "TIMEOUT_MINUTES": "1",
}
INPUT = {"SegmentId": "s1", "SegmentName": "people.csv", "SmsTemplateName": "greeting"}


class NotFound(Exception):
    pass


class FakePinpoint:
    exceptions = SimpleNamespace(NotFoundException=NotFound)

    def __init__(self):
        self.listed = 0
        self.campaigns = []
        self.activities = []
        self.loses_answers = 0
        self.cannot_start = 0

    def create_campaign(self, *, ApplicationId, WriteCampaignRequest):
        campaign = {
            "Id": f"c{len(self.campaigns) + 1}",
            "Name": WriteCampaignRequest["Name"],
            "SegmentId": WriteCampaignRequest["SegmentId"],
            "State": {"CampaignStatus": "SCHEDULED"},
        }
        self.campaigns.append(campaign)
        if self.cannot_start:  # as a hub does whose state machine is throttled
            self.cannot_start -= 1
            campaign["State"] = {"CampaignStatus": "INVALID"}
            raise service_error("CreateCampaign", "TooManyRequestsException", 429)
        if self.loses_answers:
            self.loses_answers -= 1
            raise service_error("CreateCampaign", "504", 504)
        return {"CampaignResponse": campaign}

    def get_campaigns(self, **parameters):
        self.listed += 1
        return pages(self.campaigns, "CampaignsResponse")(**parameters)

    def get_campaign(self, *, ApplicationId, CampaignId):
        for campaign in self.campaigns:
            if campaign["Id"] == CampaignId:
                return {"CampaignResponse": campaign}
        raise NotFound

    def get_campaign_activities(self, *, CampaignId, **parameters):
        return pages(self.activities, "ActivitiesResponse")(**parameters)


@pytest.fixture
def pinpoint():
    return FakePinpoint()


@pytest.fixture
def table(monkeypatch):
    with mock_aws():
        boto3.client("dynamodb", region_name="eu-west-1").create_table(
            TableName="created", **PK_AND_SK
        )
        yield


@pytest.fixture
def steps(monkeypatch, pinpoint, table):
    first = load_function(monkeypatch, "campaign_create.functions.create", SETTINGS)
    later = load_function(monkeypatch, "campaign_create.functions.read", SETTINGS)
    monkeypatch.setattr(first, "pinpoint", pinpoint)
    monkeypatch.setattr(first, "pinpoint_once", lambda: pinpoint)
    monkeypatch.setattr(later, "pinpoint", pinpoint)
    return SimpleNamespace(create=first.lambda_handler, read=later.lambda_handler)


def create(steps, correlation_id="run-1"):
    return steps.create({"Input": INPUT, "CorrelationId": correlation_id}, CONTEXT)


def test_a_retried_execution_finds_its_campaign_and_sends_nothing_twice(steps, pinpoint):
    first = create(steps)

    again = create(steps)

    assert again["CampaignId"] == first["CampaignId"]
    assert len(pinpoint.campaigns) == 1


def test_a_lost_answer_does_not_lead_to_a_second_campaign(steps, pinpoint):
    pinpoint.loses_answers = 1
    with pytest.raises(ServiceUnavailable):
        create(steps)

    create(steps)

    assert len(pinpoint.campaigns) == 1


def test_a_campaign_that_could_not_start_is_created_again_and_once(steps, pinpoint):
    pinpoint.cannot_start = 1
    with pytest.raises(ServiceUnavailable):
        create(steps)
    pinpoint.loses_answers = 1
    with pytest.raises(ServiceUnavailable):
        create(steps)

    answer = create(steps)

    assert (answer["CampaignId"], answer["CampaignStatus"]) == ("c2", "SCHEDULED")
    assert len(pinpoint.campaigns) == 2


def test_a_campaign_that_became_invalid_after_its_run_began_is_not_created_again(steps, pinpoint):
    create(steps)
    pinpoint.campaigns[0]["State"] = {"CampaignStatus": "INVALID"}
    pinpoint.activities = [{"Id": "a1", "CampaignId": "c1"}]

    assert create(steps)["CampaignId"] == "c1"
    assert len(pinpoint.campaigns) == 1


def test_another_run_with_the_same_input_is_another_campaign(steps, pinpoint):
    create(steps, "run-1")
    create(steps, "run-2")

    assert len(pinpoint.campaigns) == 2


def test_a_campaign_whose_answer_was_lost_is_found_on_any_page(steps, pinpoint):
    for run in range(4):
        create(steps, f"run-{run}")
    pinpoint.loses_answers = 1
    with pytest.raises(ServiceUnavailable):
        create(steps, "run-4")

    assert create(steps, "run-4")["CampaignId"] == "c5"
    assert pinpoint.listed > 1


def test_a_run_reads_no_list_of_campaigns_whatever_the_project_has(steps, pinpoint):
    for run in range(50):
        create(steps, f"run-{run}")

    assert create(steps, "run-7")["CampaignId"] == "c8"
    assert pinpoint.listed == 0


@pytest.mark.parametrize("trace", ["deleted", "gone"])
def test_a_run_that_is_repeated_after_its_campaign_was_deleted_creates_another(
    steps, pinpoint, trace
):
    create(steps)
    if trace == "deleted":
        pinpoint.campaigns[0]["State"]["CampaignStatus"] = "DELETED"
    else:
        pinpoint.campaigns[0]["Id"] = "other"

    assert create(steps)["CampaignId"] == "c2"
    assert create(steps)["CampaignId"] == "c2"


def test_creating_is_not_repeated_below_the_state_machine(monkeypatch):
    module = load_function(monkeypatch, "campaign_create.functions.create", SETTINGS)

    assert module.pinpoint_once().meta.config.retries["total_max_attempts"] == 1


def test_a_success_names_the_endpoints_whose_fate_is_unknown(steps, pinpoint):
    state = create(steps)
    pinpoint.campaigns[0]["State"]["CampaignStatus"] = "COMPLETED"
    pinpoint.activities = [
        {
            "State": "COMPLETED",
            "Result": "SUCCESS",
            "ScheduledStart": "2026-11-23T10:00:00Z",
            "SuccessfulEndpointCount": successful,
            "TotalEndpointCount": successful + unknown + 1,
            "ExecutionMetrics": {"UNKNOWN": str(unknown), "THROTTLED": "1"},
        }
        for successful, unknown in ((200, 15), (31, 4))
    ]

    output = steps.read(state, CONTEXT)["CampaignCreateOutput"]

    assert (output["SuccessfulEndpointCount"], output["UnknownEndpointCount"]) == (231, 19)
    assert output["ExecutionMetrics"] == {"UNKNOWN": 19, "THROTTLED": 2}


def test_the_report_has_the_seven_fields(steps, pinpoint):
    state = create(steps)
    pinpoint.campaigns[0]["State"]["CampaignStatus"] = "COMPLETED"
    pinpoint.activities = [
        {
            "State": "COMPLETED",
            "Result": "SUCCESS",
            "ScheduledStart": "2026-11-23T10:00:00Z",
            "Start": "2026-11-23T10:00:01Z",
            "End": "2026-11-23T10:00:09Z",
            "SuccessfulEndpointCount": n,
            "TotalEndpointCount": n + 1,
        }
        for n in (3, 4)
    ]

    answer = steps.read(state, CONTEXT)

    assert answer["Outcome"] == "SUCCESS"
    assert answer["CampaignCreateOutput"] == {
        "CampaignId": "c1",
        "CampaignStatus": "COMPLETED",
        "Result": "SUCCESS",
        "Start": "2026-11-23T10:00:01Z",
        "End": "2026-11-23T10:00:09Z",
        "SuccessfulEndpointCount": 7,
        "TotalEndpointCount": 9,
        "UnknownEndpointCount": 0,
        "ExecutionMetrics": {},
    }


def test_a_cancelled_run_says_so(steps, pinpoint):
    state = create(steps)
    pinpoint.activities = [{"State": "CANCELLED"}]

    answer = steps.read(state, CONTEXT)

    assert answer["Outcome"] == "FAILURE"
    assert answer["CampaignCreateOutput"]["CampaignStatus"] == "CANCELLED"
    assert "CANCELLED" in answer["CampaignCreateOutput"]["FailureReason"]


def test_waiting_ends_in_a_failure_that_says_so(steps, pinpoint):
    state = create(steps) | {"Outcome": "WAIT"}
    looks = 0

    while state["Outcome"] == "WAIT":
        looks += 1
        state = steps.read(state, CONTEXT)

    assert looks < 15
    assert "after 1 minutes" in state["CampaignCreateOutput"]["FailureReason"]


def test_the_state_machine_keeps_the_rules():
    assert_well_built(state_machine("campaign_create", "campaign.asl.json"))


def test_subjects_and_bodies_are_those_of_the_reference_architecture():
    states = state_machine("campaign_create", "campaign.asl.json")["States"]

    success = states["ReportCampaignSuccessful"]["Parameters"]
    failure = states["ReportCampaignFailed"]["Parameters"]

    for parameters, outcome in ((success, "Successful"), (failure, "Failed")):
        assert parameters["Subject"] == f"Amazon Pinpoint Campaign Create {outcome}"
        assert parameters["Message"]["Message"] == f"Campaign Create {outcome}"
        assert set(parameters["Message"]["CampaignCreateResult"]) == {
            "CampaignCreateOutput.$",
            "CampaignCreateInput.$",
        }
