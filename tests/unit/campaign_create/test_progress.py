"""Progress of a campaign: waiting while it runs, and the result at its end."""

import pytest

from campaign_create.progress import Outcome, progress


def campaign(status="COMPLETED"):
    return {"Id": "c1", "State": {"CampaignStatus": status}}


def activity(state="COMPLETED", **members):
    return {"Id": "a1", "State": state, "ScheduledStart": "2026-11-23T10:00:00.000Z"} | members


COMPLETED = {
    "Result": "SUCCESS",
    "Start": "2026-11-23T10:00:01.000Z",
    "End": "2026-11-23T10:00:09.000Z",
    "SuccessfulEndpointCount": 3,
    "TotalEndpointCount": 4,
}


@pytest.mark.parametrize("status", ["SCHEDULED", "EXECUTING"])
def test_a_campaign_without_an_activity_yet_is_waited_for(status):
    assert progress(campaign(status), []).outcome is Outcome.WAIT


def test_a_running_activity_without_result_or_end_is_waited_for():
    seen = progress(campaign("EXECUTING"), [activity("RUNNING")])

    assert (seen.outcome, seen.status, seen.result, seen.end) == (
        Outcome.WAIT,
        "RUNNING",
        None,
        None,
    )


def test_a_completed_campaign_reports_times_and_counts():
    seen = progress(campaign(), [activity(**COMPLETED)])

    assert seen.outcome is Outcome.SUCCESS
    assert (seen.status, seen.result) == ("COMPLETED", "SUCCESS")
    assert (seen.start, seen.end) == ("2026-11-23T10:00:01.000Z", "2026-11-23T10:00:09.000Z")
    assert (seen.successful, seen.total) == (3, 4)


def test_all_treatments_are_counted_and_the_last_end_is_the_end():
    seen = progress(
        campaign(),
        [
            activity(**COMPLETED),
            activity(
                TreatmentId="t1",
                **(COMPLETED | {"End": "2026-11-23T10:01:00.000Z", "TotalEndpointCount": 6}),
            ),
        ],
    )

    assert (seen.successful, seen.total) == (6, 10)
    assert seen.end == "2026-11-23T10:01:00.000Z"


def test_one_treatment_that_still_runs_is_waited_for():
    seen = progress(campaign("EXECUTING"), [activity(**COMPLETED), activity("RUNNING")])

    assert seen.outcome is Outcome.WAIT


def test_a_treatment_whose_activity_is_not_there_yet_is_waited_for():
    assert progress(campaign("EXECUTING"), [activity(**COMPLETED)]).outcome is Outcome.WAIT


@pytest.mark.parametrize("state", ["CANCELLED", "PAUSED"])
def test_a_run_that_stopped_short_is_a_failure_under_its_own_name(state):
    seen = progress(campaign("EXECUTING"), [activity(state)])

    assert (seen.outcome, seen.status) == (Outcome.FAILURE, state)


@pytest.mark.parametrize("status", ["INVALID", "DELETED", "PAUSED"])
@pytest.mark.parametrize("activities", [[], [activity("PENDING")]])
def test_a_campaign_that_will_not_run_is_a_failure_under_its_own_name(status, activities):
    seen = progress(campaign(status), activities)

    assert (seen.outcome, seen.status) == (Outcome.FAILURE, status)


def test_completed_with_result_fail_is_a_failure():
    seen = progress(campaign(), [activity(**(COMPLETED | {"Result": "FAIL"}))])

    assert (seen.outcome, seen.status, seen.result) == (Outcome.FAILURE, "COMPLETED", "FAIL")


@pytest.mark.parametrize(
    "activities",
    [[], [activity(Result="SUCCESS", SuccessfulEndpointCount=0, TotalEndpointCount=0)]],
)
def test_an_audience_of_nobody_is_a_success_that_reached_nobody(activities):
    seen = progress(campaign(), activities)

    assert (seen.outcome, seen.status, seen.successful, seen.total) == (
        Outcome.SUCCESS,
        "COMPLETED",
        0,
        0,
    )


def test_a_recurring_campaign_is_over_with_its_first_run():
    second = activity("PENDING") | {"ScheduledStart": "2026-11-24T10:00:00.000Z"}

    seen = progress(campaign("PENDING_NEXT_RUN"), [second, activity(**COMPLETED)])

    assert (seen.outcome, seen.total) == (Outcome.SUCCESS, 4)


def test_a_recurring_campaign_paused_after_its_first_run_has_run():
    assert progress(campaign("PAUSED"), [activity(**COMPLETED)]).outcome is Outcome.SUCCESS
