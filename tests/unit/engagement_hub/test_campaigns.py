from collections import Counter
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.engagement.campaigns import (
    RunLimits,
    RunNotAllowed,
    UpcomingRun,
    delete_campaign,
    finish_activity,
    finish_run,
    first_run,
    hook_of,
    invalidate_campaign,
    limits_of,
    new_activity,
    next_run,
    public,
    quiet_time_of,
    start_activity,
    start_run,
    status_of,
    treatment_for,
    treatments_of,
    upcoming_run,
    update_campaign,
    validate_campaign,
    validate_settings,
    with_counts,
)
from engagement_hub.engagement.eligibility import Cap, Period
from engagement_hub.engagement.errors import BadRequest
from shared.instants import iso
from tests.builders.campaigns import APP_ID, CAMPAIGN_ID, NOW, campaign, campaign_request, schedule

LAMBDA = "arn:aws:lambda:us-east-1:123456789012:function:deliver"
SMS = {"MessageConfiguration": {"SMSMessage": {"Body": "b"}}}
DAILY = schedule(Frequency="DAILY")
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


def test_a_new_campaign_has_version_one_and_is_scheduled():
    made = public(campaign(Schedule=schedule(), tags={"team": "a"}))

    assert made == {
        "Id": CAMPAIGN_ID,
        "ApplicationId": APP_ID,
        "Arn": made["Arn"],
        "Name": "spring",
        "SegmentId": "seg1",
        "SegmentVersion": 1,
        "Schedule": {"StartTime": "2026-03-03T09:00:00Z"},
        "MessageConfiguration": {"SMSMessage": {"Body": "Hi", "MessageType": "PROMOTIONAL"}},
        "HoldoutPercent": 0,
        "IsPaused": False,
        "State": {"CampaignStatus": "SCHEDULED"},
        "Version": 1,
        "CreationDate": "2026-03-02T17:00:00.000Z",
        "LastModifiedDate": "2026-03-02T17:00:00.000Z",
        "tags": {"team": "a"},
        # Empty members that programs read without asking.
        "AdditionalTreatments": [],
        "Limits": {},
        "TemplateConfiguration": {},
    }


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"Name": ""}, "Name is missing"),
        ({"Name": "n" * 65}, "Name must have at most 64"),
        ({"SegmentId": None}, "SegmentId is missing"),
        ({"Schedule": None}, "Schedule is missing"),
        ({"SegmentVersion": 0}, "SegmentVersion must be a whole number from 1"),
        ({"IsPaused": True}, "IMMEDIATE cannot be paused"),
        ({"HoldoutPercent": 101}, "HoldoutPercent must be a whole number from 0 to 100"),
        ({"Priority": 6}, "Priority"),
        ({"Limits": {"Daily": 101}}, "Limits.Daily must be a whole number from 0 to 100"),
        ({"Limits": {"Total": -1}}, "Limits.Total"),
        ({"Limits": {"MaximumDuration": 59}}, "Limits.MaximumDuration .* 60 or more"),
        ({"Limits": {"MessagesPerSecond": 20_001}}, "Limits.MessagesPerSecond"),
        ({"Hook": {"Mode": "DELIVERY", "LambdaFunctionName": "f"}}, "Hook.Mode DELIVERY"),
        ({"Hook": {"Mode": "FILTER", "WebUrl": "https://x"}}, "Hook.WebUrl is not implemented"),
        ({"Hook": {"Mode": "FILTER"}}, "Hook.LambdaFunctionName"),
        ({"Hook": {"Mode": "OTHER", "LambdaFunctionName": "f"}}, "Hook.Mode must be FILTER"),
        ({"MessageConfiguration": {}}, "has no content"),
        ({"MessageConfiguration": {"SMSMessage": {"MessageType": "PROMOTIONAL"}}}, "no content"),
        ({"MessageConfiguration": {"GCMMessage": {"Body": "x"}}}, "GCMMessage alone"),
        ({"MessageConfiguration": {"InAppMessage": {"Body": "x"}}}, "InAppMessage alone"),
        (
            {"MessageConfiguration": {}, "TemplateConfiguration": {"PushTemplate": {"Name": "p"}}},
            "PushTemplate alone",
        ),
        ({"MessageConfiguration": {"SMSMessage": {"Body": "{{"}}}, "SMSMessage.Body: Template"),
        ({"CustomDeliveryConfiguration": {"DeliveryUri": "https://x"}}, "web addresses are not"),
        ({"CustomDeliveryConfiguration": {"DeliveryUri": ""}}, "DeliveryUri must be"),
        (
            {"CustomDeliveryConfiguration": {"DeliveryUri": LAMBDA, "EndpointTypes": ["FAX"]}},
            "EndpointTypes",
        ),
        ({"AdditionalTreatments": [{"SizePercent": 10}] * 5}, "at most 4"),
        ({"AdditionalTreatments": [{}]}, r"AdditionalTreatments\[0\].SizePercent"),
        (
            {"AdditionalTreatments": [{"SizePercent": 60}], "HoldoutPercent": 41},
            "make 101; at most 100",
        ),
        (
            {"AdditionalTreatments": [{"SizePercent": 5, "Schedule": schedule()}]},
            r"AdditionalTreatments\[0\].Schedule",
        ),
        (
            {"MessageConfiguration": {}, "AdditionalTreatments": [{"SizePercent": 5, **SMS}]},
            "default treatment has recipients but no content",
        ),
    ],
)
def test_a_campaign_that_breaks_a_rule_is_refused_by_member(members, problem):
    with pytest.raises(BadRequest, match=problem):
        validate_campaign(campaign_request(**members), NOW)


@pytest.mark.parametrize(
    "members",
    [
        SMS,
        {"MessageConfiguration": {"EmailMessage": {"Title": "t", "HtmlBody": "<p>x</p>"}}},
        {"MessageConfiguration": None, "TemplateConfiguration": {"SMSTemplate": {"Name": "s"}}},
        {"MessageConfiguration": None, "TemplateConfiguration": {"VoiceTemplate": {"Name": "v"}}},
        {"MessageConfiguration": None, "CustomDeliveryConfiguration": {"DeliveryUri": LAMBDA}},
        {"MessageConfiguration": None, "CustomDeliveryConfiguration": {"DeliveryUri": "deliver"}},
        {"MessageConfiguration": {"DefaultMessage": {"Body": "x"}, "GCMMessage": {"Body": "x"}}},
        {"Hook": {"Mode": "FILTER", "LambdaFunctionName": LAMBDA}},
        {"Hook": {"LambdaFunctionName": "", "Mode": ""}},
        {"Limits": {"Daily": 0, "MaximumDuration": 0, "MessagesPerSecond": 50, "Total": 100}},
        {"Schedule": schedule(), "IsPaused": True},
        {"AdditionalTreatments": [{"SizePercent": 25, **SMS}] * 4},
    ],
)
def test_what_the_hub_implements_is_accepted(members):
    validate_campaign(campaign_request(**members), NOW)


def test_a_paused_campaign_starts_when_it_is_resumed():
    paused = campaign(Schedule=DAILY, IsPaused=True)

    resumed = update_campaign(paused, {"IsPaused": False}, now=NOW + DAY)

    assert status_of(paused) == "PAUSED"
    assert upcoming_run(paused, NOW) is None
    assert status_of(resumed) == "SCHEDULED"
    assert upcoming_run(resumed, NOW + DAY) == UpcomingRun(1, NOW + 2 * DAY - 8 * HOUR)


def test_a_campaign_goes_from_run_to_run():
    waiting = campaign(Schedule=DAILY)

    running = start_run(waiting, 1, NOW + DAY)
    between = finish_run(running, 1, NOW + DAY)
    again = start_run(between, 2, NOW + 2 * DAY)

    assert [status_of(c) for c in (waiting, running, between, again)] == [
        "SCHEDULED",
        "EXECUTING",
        "PENDING_NEXT_RUN",
        "EXECUTING",
    ]
    assert upcoming_run(running, NOW + DAY) == UpcomingRun(2, NOW + 2 * DAY - 8 * HOUR)


def test_a_campaign_without_another_run_is_completed():
    running = start_run(campaign(), 1, NOW)

    assert status_of(finish_run(running, 1, NOW + HOUR)) == "COMPLETED"
    assert upcoming_run(running, NOW) is None


def test_pausing_a_running_campaign_stops_only_the_next_run():
    running = start_run(campaign(Schedule=DAILY), 1, NOW + DAY)

    paused = update_campaign(running, {"IsPaused": True}, now=NOW + DAY)
    finished = finish_run(paused, 1, NOW + DAY + HOUR)
    resumed = update_campaign(finished, {"IsPaused": False}, now=NOW + 9 * DAY)

    assert status_of(paused) == "EXECUTING"
    assert upcoming_run(paused, NOW + DAY) is None
    assert status_of(finished) == "PAUSED"
    assert status_of(resumed) == "PENDING_NEXT_RUN"
    assert upcoming_run(resumed, NOW + 9 * DAY) == UpcomingRun(2, NOW + 10 * DAY - 8 * HOUR)


def test_a_recurring_campaign_that_is_resumed_after_its_end_is_completed():
    ends = {**DAILY, "EndTime": iso(NOW + 3 * DAY)}
    running = start_run(campaign(Schedule=ends), 1, NOW + DAY)
    paused = finish_run(update_campaign(running, {"IsPaused": True}, now=NOW + DAY), 1, NOW + DAY)

    resumed = update_campaign(paused, {"IsPaused": False}, now=NOW + 4 * DAY)

    assert status_of(paused) == "PAUSED"
    assert status_of(resumed) == "COMPLETED"
    assert upcoming_run(resumed, NOW + 4 * DAY) is None


def test_an_update_may_repeat_the_empty_members_of_the_answer_after_a_run():
    running = start_run(campaign(Schedule=DAILY), 1, NOW + DAY)
    answer = public(running)
    repeated = {"AdditionalTreatments": [], "Limits": {}, "TemplateConfiguration": {}}

    paused = update_campaign(running, {**repeated, "IsPaused": True}, now=NOW + DAY)

    assert repeated.items() <= answer.items()
    assert paused["IsPaused"] is True


def test_entering_the_same_run_twice_changes_nothing():
    running = start_run(campaign(), 1, NOW)

    assert start_run(running, 1, NOW + HOUR) == running


@pytest.mark.parametrize(
    "stopped",
    [
        campaign(Schedule=DAILY, IsPaused=True),
        delete_campaign(campaign(), NOW),
        invalidate_campaign(campaign(), NOW),
        finish_run(start_run(campaign(), 1, NOW), 1, NOW),
        start_run(campaign(Schedule=DAILY), 2, NOW),
    ],
    ids=["paused", "deleted", "invalid", "completed", "in another run"],
)
def test_a_run_does_not_start_when_the_campaign_may_not(stopped):
    with pytest.raises(RunNotAllowed):
        start_run(stopped, 1, NOW)


def test_a_campaign_deleted_while_running_stays_deleted():
    deleted = delete_campaign(start_run(campaign(Schedule=DAILY), 1, NOW), NOW)

    assert status_of(finish_run(deleted, 1, NOW)) == "DELETED"


def test_an_update_keeps_what_it_leaves_out_and_counts_versions():
    updated = update_campaign(
        campaign(Schedule=DAILY, tags={"a": "b"}),
        {"Name": "summer", "tags": {"c": "d"}},
        now=NOW + HOUR,
    )

    assert (updated["Name"], updated["Version"], updated["SegmentId"]) == ("summer", 2, "seg1")
    assert updated["tags"] == {"a": "b"}
    assert updated["LastModifiedDate"] == "2026-03-02T18:00:00.000Z"


@pytest.mark.parametrize("finished", [False, True])
def test_a_campaign_that_is_sending_or_has_sent_cannot_be_edited(finished):
    sent = start_run(campaign(Schedule=DAILY), 1, NOW + DAY)
    sent = finish_run(sent, 1, NOW + DAY) if finished else sent

    with pytest.raises(BadRequest, match="not Description"):
        update_campaign(sent, {"Description": "x"}, now=NOW + DAY)


def test_repeating_what_is_there_is_no_edit():
    running = start_run(campaign(Schedule=DAILY), 1, NOW + DAY)
    whole = campaign_request(Schedule=DAILY, IsPaused=True)

    assert update_campaign(running, whole, now=NOW + DAY)["IsPaused"] is True


def test_an_immediate_campaign_cannot_be_paused():
    with pytest.raises(BadRequest, match="cannot be paused"):
        update_campaign(start_run(campaign(), 1, NOW), {"IsPaused": True}, now=NOW)


def test_a_campaign_sent_once_cannot_be_resumed_after_its_time():
    paused = campaign(Schedule=schedule(), IsPaused=True)

    with pytest.raises(BadRequest, match="no run left"):
        update_campaign(paused, {"IsPaused": False}, now=NOW + 9 * DAY)


def test_a_completed_campaign_cannot_be_updated():
    done = finish_run(start_run(campaign(), 1, NOW), 1, NOW)

    with pytest.raises(BadRequest, match="is COMPLETED"):
        update_campaign(done, {"Name": "x"}, now=NOW)


def test_an_immediate_campaign_runs_now_and_once():
    made = campaign()

    assert first_run(made, NOW) == NOW
    assert next_run(made, NOW) is None


def test_a_start_time_that_is_now_still_counts():
    made = campaign(Schedule=schedule("2026-03-03T09:00:00Z"))

    assert first_run(made, NOW + 16 * HOUR) == NOW + 16 * HOUR
    assert next_run(made, NOW) is None


def test_cohorts_are_dealt_from_the_bottom_and_the_holdout_takes_the_top():
    made = campaign(
        HoldoutPercent=10,
        AdditionalTreatments=[{"SizePercent": 30, **SMS}, {"SizePercent": 20, **SMS}],
    )

    dealt = [treatment_for(made, cohort) for cohort in range(100)]

    assert dealt == ["1"] * 30 + ["2"] * 20 + ["0"] * 40 + [None] * 10


@given(st.lists(st.integers(0, 25), max_size=4), st.integers(0, 100))
def test_each_treatment_gets_exactly_its_share(sizes, holdout):
    holdout = min(holdout, 100 - sum(sizes))
    made = campaign(
        HoldoutPercent=holdout, AdditionalTreatments=[{"SizePercent": s, **SMS} for s in sizes]
    )

    dealt = Counter(treatment_for(made, cohort) for cohort in range(100))

    assert dealt[None] == holdout
    assert [dealt[str(n)] for n in range(1, len(sizes) + 1)] == sizes
    assert dealt["0"] == 100 - holdout - sum(sizes)


def test_treatments_have_ids_states_and_their_own_content_or_the_campaigns():
    made = campaign(
        AdditionalTreatments=[{"SizePercent": 30, **SMS}, {"SizePercent": 20, "TreatmentName": "c"}]
    )

    contents = treatments_of(made)

    assert [t["Id"] for t in made["AdditionalTreatments"]] == ["1", "2"]
    assert made["AdditionalTreatments"][0]["State"] == {"CampaignStatus": "SCHEDULED"}
    assert made["DefaultState"] == {"CampaignStatus": "SCHEDULED"}
    assert [c.messages["SMSMessage"]["Body"] for c in contents] == ["Hi", "b", "Hi"]


@pytest.mark.parametrize(
    ("types", "channel", "custom"),
    [
        (None, "CUSTOM", True),
        (None, "SMS", False),
        (["SMS"], "SMS", True),
        (["SMS"], "EMAIL", False),
    ],
)
def test_custom_delivery_takes_the_endpoint_types_it_names(types, channel, custom):
    delivery = {"DeliveryUri": LAMBDA} | ({"EndpointTypes": types} if types else {})

    content = treatments_of(campaign(CustomDeliveryConfiguration=delivery))[0]

    assert content.is_custom(channel) is custom


def test_project_settings_fill_what_the_campaign_leaves_open_but_are_not_shown():
    settings = {
        "Limits": {"Daily": 3, "Total": 9, "MessagesPerSecond": 50, "MaximumDuration": 0},
        "QuietTime": {"Start": "22:00", "End": "06:00"},
        "CampaignHook": {"LambdaFunctionName": "f", "Mode": "FILTER"},
    }

    made = campaign(settings, Limits={"Total": 2})

    assert limits_of(made) == RunLimits(
        caps=(Cap("all", Period.DAY, 3), Cap(CAMPAIGN_ID, Period.EVER, 2)), messages_per_second=50
    )
    assert quiet_time_of(made) == settings["QuietTime"]
    assert hook_of(made) == settings["CampaignHook"]
    assert not {"ProjectDefaults", "Runs"} & set(public(made))


def test_the_campaigns_own_settings_win():
    settings = {
        "Limits": {"Daily": 3},
        "QuietTime": {"Start": "22:00", "End": "06:00"},
        "CampaignHook": {"LambdaFunctionName": "f"},
    }
    quiet = {"Start": "01:00", "End": "02:00"}

    made = campaign(
        settings,
        Limits={"Daily": 7},
        Schedule=schedule(QuietTime=quiet),
        Hook={"LambdaFunctionName": "g"},
    )

    assert limits_of(made) == RunLimits(
        caps=(Cap(CAMPAIGN_ID, Period.DAY, 7), Cap("all", Period.DAY))
    )
    assert quiet_time_of(made) == quiet
    assert hook_of(made) == {"LambdaFunctionName": "g"}


def test_a_run_expires_after_its_maximum_duration():
    assert RunLimits(maximum_duration=60).expires(NOW) == NOW + timedelta(seconds=60)
    assert RunLimits().expires(NOW) is None


def test_messages_count_for_a_daily_that_the_project_got_after_the_campaign():
    assert limits_of(campaign(), project_has_daily=True).caps == (Cap("all", Period.DAY),)
    assert limits_of(campaign()).caps == ()


def test_a_run_that_is_over_does_not_end_the_run_after_it():
    second = start_run(start_run(campaign(Schedule=DAILY), 1, NOW), 1, NOW)
    second = start_run(finish_run(second, 1, NOW), 2, NOW + DAY)

    assert status_of(finish_run(second, 1, NOW + DAY)) == "EXECUTING"


def test_an_activity_shows_the_counters_of_its_run_and_ends_with_a_result():
    activity = new_activity(campaign(), "0", activity_id="a1", scheduled_start=NOW)
    activity = start_activity(activity, NOW)
    counts = {"ENDPOINT_PRODUCED": 4, "SUCCESS": 2, "ENDPOINT_OPT_OUT": 3, "Chunks": 1, "X": 0}
    activity = with_counts(activity, counts)

    ended = finish_activity(activity, NOW + HOUR)

    assert ended == {
        "ApplicationId": APP_ID,
        "CampaignId": CAMPAIGN_ID,
        "Id": "a1",
        "TreatmentId": "0",
        "State": "COMPLETED",
        "Result": "SUCCESS",
        "ScheduledStart": "2026-03-02T17:00:00.000Z",
        "Start": "2026-03-02T17:00:00.000Z",
        "End": "2026-03-02T18:00:00.000Z",
        "TotalEndpointCount": 4,
        "SuccessfulEndpointCount": 2,
        "TimezonesTotalCount": 0,
        "TimezonesCompletedCount": 0,
        "ExecutionMetrics": {"ENDPOINT_PRODUCED": "4", "SUCCESS": "2", "ENDPOINT_OPT_OUT": "3"},
    }
    assert finish_activity(activity, NOW, failed=True)["Result"] == "FAIL"


def test_endpoints_of_chunks_that_never_reported_are_unknown_once_the_run_is_over():
    activity = new_activity(campaign(), "0", activity_id="a1", scheduled_start=NOW)
    counts = {"ENDPOINT_PRODUCED": 10, "Settled": 7, "SUCCESS": 6, "UNKNOWN": 1}

    during, after = with_counts(activity, counts), with_counts(activity, counts, over=True)

    assert during["ExecutionMetrics"]["UNKNOWN"] == "1"
    assert after["ExecutionMetrics"]["UNKNOWN"] == "4"


@pytest.mark.parametrize(
    ("settings", "problem"),
    [
        ({"Limits": {"Daily": 500}}, "Limits.Daily"),
        ({"QuietTime": {"Start": "22:00"}}, "QuietTime.End"),
        ({"CampaignHook": {"Mode": "DELIVERY"}}, "CampaignHook.Mode DELIVERY"),
    ],
)
def test_project_settings_that_break_a_rule_are_refused(settings, problem):
    with pytest.raises(BadRequest, match=problem):
        validate_settings(settings)
