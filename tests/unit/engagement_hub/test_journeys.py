"""Journeys: their rules, their review before publishing, and their references."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.journey_activities import review_activities, validate_activities
from engagement_hub.engagement.journeys import (
    KPIS,
    checked_state,
    kpi_range,
    review_journey,
    updated_journey,
)
from engagement_hub.engagement.model import Journey
from tests.builders.journeys import (
    APP_ID,
    JOURNEY_ID,
    NOW,
    SEGMENT_ID,
    custom,
    email,
    holdout,
    in_segment,
    journey,
    journey_of,
    multi,
    opened,
    random_split,
    text_message,
    wait,
    welcome_activities,
    yes_no,
)

LATER = NOW + timedelta(hours=1)
RULES = [{"StartTime": "08:00", "EndTime": "18:00"}]
EVENT = {"EventType": {"Values": ["signup"]}}


def event_start(dimensions: Any = EVENT, **members: Any) -> dict[str, Any]:
    event_filter = {"FilterType": "ENDPOINT", "Dimensions": dimensions}
    return {"EventStartCondition": {"EventFilter": event_filter, **members}}


def update(body: Journey, **members: Any) -> Journey:
    request: Any = {"Name": body["Name"], **members}
    return updated_journey(body, request, LATER)


# Create and update


def test_a_new_journey_is_a_draft_with_the_members_of_its_request():
    made = journey()

    assert made == {
        "ApplicationId": APP_ID,
        "Id": JOURNEY_ID,
        "Name": "welcome-2026",
        "State": "DRAFT",
        "StartActivity": "welcome",
        "StartCondition": {"SegmentStartCondition": {"SegmentId": SEGMENT_ID}},
        "Activities": welcome_activities(),
        "CreationDate": "2026-03-02T17:00:00.000Z",
        "LastModifiedDate": "2026-03-02T17:00:00.000Z",
    }


def test_a_draft_may_leave_everything_out_but_its_name():
    made = journey(Activities=None, StartActivity=None, StartCondition=None)

    assert made["Name"] == "welcome-2026"
    assert "Activities" not in made


def test_a_draft_may_have_activities_that_are_still_empty():
    empty: list[Any] = [
        {"EMAIL": {}},
        {"SMS": {"NextActivity": ""}},
        {"PUSH": {}},
        {"CUSTOM": {}},
        {"Wait": {}},
        {"ConditionalSplit": {}},
        {"MultiCondition": {"Branches": [{}]}},
        {"RandomSplit": {"Branches": [{"Percentage": 40}, {}]}},
    ]

    assert len(journey_of(*empty)["Activities"]) == len(empty)


def test_the_dates_of_a_request_are_the_hubs():
    made = journey(CreationDate="2020-01-01T00:00:00Z", LastModifiedDate="2020-01-01T00:00:00Z")

    assert made["CreationDate"] == made["LastModifiedDate"] == "2026-03-02T17:00:00.000Z"


def test_a_schedule_is_kept_in_utc_with_its_time_zone():
    made = journey(Schedule={"StartTime": "2026-04-01T09:00:00+02:00", "Timezone": "UTC+12:45"})

    assert made["Schedule"] == {"StartTime": "2026-04-01T07:00:00.000Z", "Timezone": "UTC+12:45"}


def test_an_update_keeps_members_that_it_leaves_out():
    changed = update(journey(LocalTime=True), RefreshFrequency="PT12H")

    assert changed["Activities"] == welcome_activities()
    assert changed["LocalTime"] is True
    assert changed["RefreshFrequency"] == "PT12H"
    assert changed["LastModifiedDate"] == "2026-03-02T18:00:00.000Z"
    assert changed["CreationDate"] == "2026-03-02T17:00:00.000Z"


def test_an_update_replaces_a_member_as_a_whole():
    before = journey(Limits={"DailyCap": 3, "TotalCap": 9})

    changed = update(before, Limits={"DailyCap": 1}, Activities={"welcome": email()})

    assert changed["Limits"] == {"DailyCap": 1}
    assert changed["Activities"] == {"welcome": email()}


def test_an_empty_member_removes_the_member_and_false_is_a_value():
    before = journey(QuietTime={"Start": "22:00", "End": "06:00"}, RefreshFrequency="PT1H")

    changed = update(
        before,
        Activities={},
        LocalTime=False,
        QuietTime={},
        RefreshFrequency="",
        StartActivity="",
        TimezoneEstimationMethods=[],
    )

    assert not changed.keys() & {"Activities", "QuietTime", "RefreshFrequency", "StartActivity"}
    assert changed["LocalTime"] is False


def test_an_update_is_checked_with_the_members_that_stay():
    with pytest.raises(BadRequest, match="StartActivity names 'welcome'"):
        update(journey(), Activities={"other": email()})


def test_what_get_journey_answers_can_be_sent_back():
    before = journey(Schedule={"EndTime": "2026-12-01T00:00:00Z"})

    assert update(before, **before) == {**before, "LastModifiedDate": "2026-03-02T18:00:00.000Z"}


# Rules of every journey

MANY = {f"a{number}": email() for number in range(41)}
CONNECT = "arn:aws:connect-campaigns:us-east-1:123456789012:campaign/0a1b"
BAD: dict[str, tuple[dict[str, Any], str]] = {
    "no name": ({"Name": ""}, "Name is missing"),
    "a name with a space": ({"Name": "my journey"}, "Name must have 1 to 150"),
    "a name with a line break": ({"Name": "my\njourney"}, "Name must have 1 to 150"),
    "a long name": ({"Name": "x" * 151}, "Name must have 1 to 150"),
    "a state that is not written": ({"State": "PAUSED"}, "must be DRAFT or ACTIVE, not PAUSED"),
    "another state": ({"State": "COMPLETED"}, "UpdateJourneyState"),
    "an unknown first activity": ({"StartActivity": "gone"}, "StartActivity names 'gone'"),
    "a first activity without activities": ({"Activities": None}, "StartActivity names 'welcome'"),
    "a long first activity": ({"StartActivity": "x" * 129}, "at most 128"),
    "41 activities": ({"Activities": MANY, "StartActivity": "a0"}, "has 41 activities"),
    "an id with a hyphen": ({"Activities": {"a-b": email()}}, "the id 'a-b' must be 1 to 100"),
    "a long id": ({"Activities": {"x" * 101: email()}}, "must be 1 to 100"),
    "a start segment without an id": (
        {"StartCondition": {"SegmentStartCondition": {"SegmentId": ""}}},
        "SegmentStartCondition.SegmentId must be the id",
    ),
    "two start conditions": (
        {"StartCondition": {**event_start(), "SegmentStartCondition": {"SegmentId": "s"}}},
        "Leave one of them out",
    ),
    "local time with an event": (
        {"StartCondition": event_start(), "LocalTime": True},
        "LocalTime true does not go with EventStartCondition",
    ),
    "two events": (
        {"StartCondition": event_start({"EventType": {"Values": ["a", "b"]}})},
        "must hold one event",
    ),
    "an event without a name": (
        {"StartCondition": event_start({"EventType": {"Values": [""]}})},
        "must hold names of event types",
    ),
    "an attribute of an event that cannot be tested": (
        {"StartCondition": event_start({"Attributes": {"a": {"Values": []}}})},
        "EventFilter.Dimensions: ",
    ),
    "a daily cap of 101": ({"Limits": {"DailyCap": 101}}, "Limits.DailyCap must be .* 0 to 100"),
    "a negative cap": ({"Limits": {"TotalCap": -1}}, "Limits.TotalCap"),
    "too many entries": ({"Limits": {"EndpointReentryCap": 101}}, "EndpointReentryCap"),
    "a negative rate": ({"Limits": {"MessagesPerSecond": -1}}, "MessagesPerSecond .* 0 or more"),
    "a long timeframe": ({"Limits": {"TimeframeCap": {"Days": 31}}}, "TimeframeCap.Days"),
    "a large timeframe cap": ({"Limits": {"TimeframeCap": {"Cap": 101}}}, "TimeframeCap.Cap"),
    "an interval in words": (
        {"Limits": {"EndpointReentryInterval": "1 hour"}},
        "EndpointReentryInterval must be an ISO 8601 duration",
    ),
    "half a quiet time": ({"QuietTime": {"Start": "22:00"}}, "QuietTime.End"),
    "a refresh in words": ({"RefreshFrequency": "daily"}, "RefreshFrequency must be an ISO 8601"),
    "a refresh of no time": ({"RefreshFrequency": "PT0S"}, "RefreshFrequency must be from 1 s"),
    "a duration of nothing": ({"RefreshFrequency": "P"}, "RefreshFrequency"),
    "a duration with an empty time": ({"RefreshFrequency": "P1DT"}, "RefreshFrequency"),
    "a start in words": ({"Schedule": {"StartTime": "soon"}}, "Schedule.StartTime must be ISO"),
    "an end before the start": (
        {"Schedule": {"StartTime": "2026-05-01", "EndTime": "2026-04-01"}},
        "EndTime must be later than Schedule.StartTime",
    ),
    "ten years": (
        {"Schedule": {"StartTime": "2026-05-01", "EndTime": "2036-05-01"}},
        "lasts at most 3600 days",
    ),
    "an unknown time zone": ({"Schedule": {"Timezone": "UTC+99"}}, "Timezone must be one of UTC,"),
    "an unknown day": ({"OpenHours": {"SMS": {"FUNDAY": RULES}}}, "OpenHours.SMS.FUNDAY"),
    "five ranges a day": ({"OpenHours": {"SMS": {"MONDAY": RULES * 5}}}, "at most 4 ranges"),
    "an open hour without an end": (
        {"OpenHours": {"SMS": {"MONDAY": [{"StartTime": "08:00"}]}}},
        r"OpenHours.SMS.MONDAY\[0\].EndTime must be an ISO 8601 time",
    ),
    "an open hour with an offset": (
        {"OpenHours": {"SMS": {"MONDAY": [{"StartTime": "08:00Z", "EndTime": "09:00"}]}}},
        "without an offset",
    ),
    "an empty open hour": (
        {"OpenHours": {"SMS": {"MONDAY": [{"StartTime": "08:00", "EndTime": "08:00"}]}}},
        "must differ from StartTime",
    ),
    "a closed day without an end": (
        {"ClosedDays": {"EMAIL": [{"Name": "new year", "StartDateTime": "2026-12-31T20:00"}]}},
        r"ClosedDays.EMAIL\[0\].EndDateTime must be ISO 8601",
    ),
    "a closed day that ends before it begins": (
        {"ClosedDays": {"EMAIL": [{"StartDateTime": "2027-01-02", "EndDateTime": "2027-01-01Z"}]}},
        "ClosedDays.EMAIL",
    ),
    "21 closed days": (
        {
            "ClosedDays": {
                "EMAIL": [{"StartDateTime": "2027-01-01", "EndDateTime": "2027-01-02"}] * 21
            }
        },
        "at most 20 periods",
    ),
    "a Connect campaign by its id": (
        {"JourneyChannelSettings": {"ConnectCampaignArn": "0a1b"}},
        "ConnectCampaignArn must be the ARN",
    ),
    "a Connect role with a path": (
        {
            "JourneyChannelSettings": {
                "ConnectCampaignArn": CONNECT,
                "ConnectCampaignExecutionRoleArn": "arn:aws:iam::123456789012:role/a/b",
            }
        },
        "without a path",
    ),
}


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_member_is_refused_by_name_when_a_journey_is_created(bad: str):
    members, message = BAD[bad]

    with pytest.raises(BadRequest, match=message):
        journey(**members)


@pytest.mark.parametrize("bad", BAD)
def test_a_bad_member_is_refused_by_name_when_a_journey_is_updated(bad: str):
    members, message = BAD[bad]
    # An update removes with an empty member.
    request = {name: {} if value is None else value for name, value in members.items()}

    with pytest.raises(BadRequest, match=message):
        update(journey(), **request)


BAD_ACTIVITIES: dict[str, tuple[dict[str, Any], str]] = {
    "no type": ({"Description": "a"}, "Activities.a0 has no type. Give one of EMAIL, SMS"),
    "two types": ({**email(), **wait()}, "Activities.a0 has the types EMAIL and Wait"),
    "an unknown next activity": (email("gone"), "Activities.a0.EMAIL.NextActivity names 'gone'"),
    "an unknown path": (yes_no(yes="gone"), "a0.ConditionalSplit.TrueActivity names 'gone'"),
    "an unknown default": (
        {"MultiCondition": {"DefaultActivity": "gone"}},
        "a0.MultiCondition.DefaultActivity names 'gone'",
    ),
    "an unknown branch": (
        {"RandomSplit": {"Branches": [{}, {"NextActivity": "gone"}]}},
        r"a0.RandomSplit.Branches\[1\].NextActivity names 'gone'",
    ),
    "itself": (wait("a0"), "Activities form a circle: a0 to a0"),
    "a short wait": (wait(duration="PT59M"), "WaitTime.WaitFor must be from 1 hour to 365 days"),
    "a long wait": (wait(duration="P366D"), "a0.Wait.WaitTime.WaitFor must be from"),
    "two waits": (
        {"Wait": {"WaitTime": {"WaitFor": "PT1H", "WaitUntil": "2026-05-01T00:00:00Z"}}},
        "a0.Wait.WaitTime has WaitFor and WaitUntil",
    ),
    "a wait until a word": (
        {"Wait": {"WaitTime": {"WaitUntil": "Monday"}}},
        "a0.Wait.WaitTime.WaitUntil must be ISO 8601",
    ),
    "an evaluation in words": (
        {"ConditionalSplit": {"EvaluationWaitTime": {"WaitFor": "soon"}}},
        "a0.ConditionalSplit.EvaluationWaitTime.WaitFor",
    ),
    "shares over 100": (random_split(60, 50), "a0.RandomSplit.Branches: the percentages make 110"),
    "shares under 100": (random_split(60, 30), "the percentages make 90"),
    "a share of nothing": (random_split(0, 100), r"Branches\[0\].Percentage must be .* 1 to 100"),
    "six random paths": (random_split(50, 10, 10, 10, 10, 10), "Branches must be at most 5"),
    "five conditions beside Else": (multi(*[in_segment()] * 5), "Branches must be at most 4"),
    "21 conditions": (yes_no(*[in_segment()] * 21), "Conditions must be at most 20"),
    "a holdout of 101": (holdout(101), "a0.Holdout.Percentage must be .* 0 to 100"),
    "a negative holdout": (holdout(-1), "a0.Holdout.Percentage"),
    "a web address": (custom(DeliveryUri="https://x.example"), "a0.CUSTOM.DeliveryUri: web"),
    "a function with a space": (custom(DeliveryUri="my function"), "a0.CUSTOM.DeliveryUri must be"),
    "much data": (
        custom(MessageConfig={"Data": "ü" * 3000}),
        "a0.CUSTOM.MessageConfig.Data must be at most 5120 bytes",
    ),
    "a custom template": (custom(TemplateName="t"), "a0.CUSTOM.TemplateName: the API has no"),
    "a time to live in words": (
        {"PUSH": {"MessageConfig": {"TimeToLive": "a day"}}},
        "a0.PUSH.MessageConfig.TimeToLive",
    ),
    "a segment without an id": (
        yes_no(in_segment("")),
        r"a0.ConditionalSplit.Condition.Conditions\[0\].SegmentCondition.SegmentId must be",
    ),
    "two conditions in one": (
        yes_no({**in_segment(), **opened("a1")}),
        r"a0.ConditionalSplit.Condition.Conditions\[0\] has EventCondition and SegmentCondition",
    ),
    "an event of an activity that sends nothing": (
        multi(opened("a0")),
        r"Branches\[0\].Condition.EventCondition.MessageActivity must be the id .* 'a0' is none",
    ),
    "a criterion that cannot be tested": (
        yes_no({"segmentDimensions": {"Attributes": {"a": {"Values": []}}}}),
        r"a0.ConditionalSplit.Condition.Conditions\[0\].segmentDimensions: ",
    ),
    "an empty event type": (
        yes_no({"EventCondition": {"Dimensions": {"EventType": {"Values": [""]}}}}),
        "EventCondition.Dimensions.EventType.Values",
    ),
}


@pytest.mark.parametrize("bad", BAD_ACTIVITIES)
def test_a_bad_activity_is_refused_with_its_id(bad: str):
    activity, message = BAD_ACTIVITIES[bad]

    with pytest.raises(BadRequest, match=message):
        journey_of(activity)


def test_a_circle_is_refused_with_the_activities_on_it():
    with pytest.raises(BadRequest, match="circle: a1 to a2 to a1"):
        journey_of(email("a1"), wait("a2"), text_message("a1"))


def test_paths_may_meet_again():
    made = journey_of(
        yes_no(in_segment(), yes="a1", no="a2"), email("a3"), text_message("a3"), wait()
    )

    assert len(made["Activities"]) == 4


def test_a_wait_ends_before_the_journey():
    until = {"Wait": {"WaitTime": {"WaitUntil": "2026-06-01T00:00:00Z"}}}

    assert journey_of(until, Schedule={"EndTime": "2026-06-02T00:00:00Z"})
    with pytest.raises(BadRequest, match=r"a0.Wait.WaitTime.WaitUntil must be earlier"):
        journey_of(until, Schedule={"EndTime": "2026-06-01T00:00:00Z"})


def test_three_contact_center_activities_are_the_most():
    call: dict[str, Any] = {"ContactCenter": {}}

    assert journey_of(call, call, call)
    with pytest.raises(BadRequest, match="4 contact center activities"):
        journey_of(call, call, call, call)


@pytest.mark.parametrize(
    "duration", ["PT1H", "P365D", "P1W", "P1Y", "P1M", "P1DT12H30M", "PT3600S"]
)
def test_a_wait_takes_every_form_of_a_duration(duration: str):
    assert journey_of(wait(duration=duration))


def test_open_hours_and_closed_days_are_kept():
    hours = {"EMAIL": {"MONDAY": [{"StartTime": "T22:00", "EndTime": "02:00:00"}]}}
    days = {"EMAIL": [{"StartDateTime": "2026-12-31T20:00", "EndDateTime": "2027-01-02T08:00"}]}

    made = journey(OpenHours=hours, ClosedDays=days, SendingSchedule=True)

    assert (made["OpenHours"], made["ClosedDays"]) == (hours, days)


# Publishing


def test_a_complete_journey_passes_its_review():
    review_journey(journey(), NOW)


CONDITION = r"a1.ConditionalSplit.Condition.Conditions\[0\]"
CALL: dict[str, Any] = {"ContactCenter": {}}
INCOMPLETE: dict[str, tuple[dict[str, Any], str]] = {
    "no activities": ({"Activities": None, "StartActivity": None}, "Activities is missing"),
    "no first activity": ({"StartActivity": None}, "StartActivity is missing"),
    "no start condition": ({"StartCondition": None}, "StartCondition is missing"),
    "an event start without an event": (
        {"StartCondition": event_start({"Attributes": {"a": {"Values": ["1"]}}})},
        "Dimensions.EventType is missing",
    ),
    "a refresh on update without a frequency": (
        {"RefreshOnSegmentUpdate": True},
        "RefreshOnSegmentUpdate true needs a RefreshFrequency",
    ),
    "open hours without the flag": (
        {"OpenHours": {"SMS": {"MONDAY": RULES}}, "QuietTime": {"Start": "22:00", "End": "06:00"}},
        "OpenHours needs SendingSchedule true",
    ),
    "closed days without a quiet time": (
        {
            "ClosedDays": {"SMS": [{"StartDateTime": "2027-01-01", "EndDateTime": "2027-01-02"}]},
            "SendingSchedule": True,
        },
        "ClosedDays needs .* QuietTime",
    ),
    "an end that is past": ({"Schedule": {"EndTime": "2026-03-01"}}, "Schedule.EndTime is past"),
}
INCOMPLETE_ACTIVITIES: dict[str, tuple[list[dict[str, Any]], str]] = {
    "an email without a template": ([{"EMAIL": {}}], "Activities.a0.EMAIL.TemplateName is missing"),
    "a text without a template": ([{"SMS": {}}], "Activities.a0.SMS.TemplateName is missing"),
    "a push message without a template": ([{"PUSH": {}}], "a0.PUSH.TemplateName is missing"),
    "no function": ([{"CUSTOM": {}}], "Activities.a0.CUSTOM.DeliveryUri is missing"),
    "no wait time": ([{"Wait": {"WaitTime": {}}}], "Activities.a0.Wait.WaitTime is missing"),
    "no conditions": ([yes_no()], "a0.ConditionalSplit.Condition.Conditions is missing"),
    "no branches": ([multi()], "a0.MultiCondition.Branches is missing"),
    "a branch without a condition": ([multi({})], r"MultiCondition.Branches\[0\].Condition"),
    "one random path": ([random_split(100)], "a0.RandomSplit.Branches must be 2 to 5"),
    "a random path without a share": (
        [{"RandomSplit": {"Branches": [{"Percentage": 40}, {}]}}],
        r"a0.RandomSplit.Branches\[1\].Percentage is missing",
    ),
    "an empty condition": ([email("a1"), yes_no({})], f"{CONDITION}.EventCondition or"),
    "an event without dimensions": (
        [email("a1"), yes_no({"EventCondition": {"MessageActivity": "a0"}})],
        f"{CONDITION}.EventCondition.Dimensions is missing",
    ),
    "an event of a later message": (
        [wait("a1"), yes_no(opened("a2"), yes="a2"), email()],
        f"{CONDITION}.EventCondition.MessageActivity .* no path leads from a2",
    ),
    "a call without a campaign": ([CALL], "ConnectCampaignArn is missing"),
}


@pytest.mark.parametrize("incomplete", INCOMPLETE)
def test_a_journey_that_lacks_something_is_a_draft_and_cannot_be_published(incomplete: str):
    members, message = INCOMPLETE[incomplete]
    draft = journey(**members)

    with pytest.raises(BadRequest, match=message):
        review_journey(draft, NOW)


@pytest.mark.parametrize("incomplete", INCOMPLETE_ACTIVITIES)
def test_the_review_names_the_activity_that_lacks_something(incomplete: str):
    activities, message = INCOMPLETE_ACTIVITIES[incomplete]
    draft = journey_of(*activities)

    with pytest.raises(BadRequest, match=message):
        review_journey(draft, NOW)


def test_a_complete_contact_center_activity_passes_the_review():
    role = "arn:aws:iam::123456789012:role/dialer"
    settings = {"ConnectCampaignArn": CONNECT, "ConnectCampaignExecutionRoleArn": role}

    review_journey(journey_of(CALL, JourneyChannelSettings=settings), NOW)


@pytest.mark.parametrize("state", [None, "DRAFT", "COMPLETED", "CLOSED"])
def test_other_states_are_set_by_no_request(state: str | None):
    with pytest.raises(BadRequest, match="State must be one of ACTIVE, PAUSED, CANCELLED"):
        checked_state(state)


# Graphs


@st.composite
def forward_graphs(draw: Any) -> dict[str, Any]:
    """Activities that only lead to later ones."""
    count = draw(st.integers(1, 12))
    activities: dict[str, Any] = {}
    for number in range(count):
        later = st.sampled_from([None, *(f"a{one}" for one in range(number + 1, count))])
        kind = draw(st.sampled_from([email, wait, custom, "split"]))
        if kind == "split":
            activities[f"a{number}"] = yes_no(in_segment(), yes=draw(later), no=draw(later))
        else:
            activities[f"a{number}"] = kind(draw(later))
    return activities


@given(forward_graphs())
def test_every_graph_that_leads_forward_passes_rules_and_review(activities: dict[str, Any]):
    validate_activities(activities, "a0", None)
    review_activities(activities, "a0")


@given(forward_graphs(), st.data())
def test_a_path_back_to_an_earlier_activity_is_a_circle(activities: dict[str, Any], data: Any):
    chain = {name: wait(f"a{number + 1}") for number, name in enumerate(activities)}
    last = f"a{len(chain) - 1}"
    back = data.draw(st.sampled_from(sorted(chain)))

    with pytest.raises(BadRequest, match=f"circle: .*{last} to {back}"):
        validate_activities({**chain, last: wait(back)}, "a0", None)


@given(forward_graphs(), st.data())
def test_an_activity_that_is_taken_away_is_missed_where_it_was_named(activities: Any, data: Any):
    named = {
        target
        for activity in activities.values()
        for body in activity.values()
        for member, target in body.items()
        if member in ("NextActivity", "TrueActivity", "FalseActivity")
    }
    assume(named)
    gone = data.draw(st.sampled_from(sorted(named)))
    left = {name: one for name, one in activities.items() if name != gone}

    with pytest.raises(BadRequest, match=f"names '{gone}'"):
        validate_activities(left, None, None)


# KPIs


def test_the_metrics_of_a_journey_are_those_that_aws_lists():
    assert len(KPIS) == 18
    assert {"journey-emails-sent", "emails-opened-grouped-by-journey-activity"} <= KPIS


def test_a_query_without_a_period_covers_31_days():
    period = kpi_range(None, None, NOW)

    assert (period.start, period.end) == (NOW - timedelta(days=31), NOW)


@pytest.mark.parametrize(
    ("start", "end", "message"),
    [
        ("yesterday", None, "start-time in the URL"),
        (None, "0001-01-01", "90 days ago"),
        ("2025-11-01", "2025-11-20", "90 days ago"),
        ("2026-01-01", "2026-02-15", "at most 31 days before"),
        ("2026-03-01", "2026-02-15", "must be before EndTime"),
    ],
)
def test_a_bad_period_is_refused(start: str | None, end: str | None, message: str):
    with pytest.raises(BadRequest, match=message):
        kpi_range(start, end, NOW)
