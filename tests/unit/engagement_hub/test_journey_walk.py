"""The way of a participant through a journey: stops, splits, hours, entries."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given, settings

from engagement_hub.engagement.eligibility import Count, Period
from engagement_hub.engagement.journey_messages import Outgoing, caps_of, outgoing, zones_for
from engagement_hub.engagement.journey_walk import (
    Entry,
    EventSeen,
    Fact,
    Hold,
    Left,
    Message,
    Place,
    Traveller,
    entry_of,
    next_activity,
    percentile,
    walk,
)
from engagement_hub.engagement.journeys import review_journey
from tests.builders import journey_oracle
from tests.builders.journeys import (
    SEGMENT_ID,
    custom,
    email,
    holdout,
    in_segment,
    journey_of,
    multi,
    opened,
    random_split,
    text_message,
    wait,
    yes_no,
)
from tests.builders.random_journeys import START, journeys, people

NOON = datetime(2026, 1, 12, 12, 0, tzinfo=UTC)  # a Monday
ANN: Any = {
    "Id": "ann",
    "ChannelType": "EMAIL",
    "Address": "ann@example.com",
    "Attributes": {"Plan": ["gold"]},
    "Demographic": {"Timezone": "Europe/Berlin"},
}
GOLD = {"segmentDimensions": {"Attributes": {"Plan": {"Values": ["gold"]}}}}
FREE = {"segmentDimensions": {"Attributes": {"Plan": {"Values": ["free"]}}}}


def traveller(*endpoints: Any, **members: Any) -> Traveller:
    return Traveller("endpoint#ann", 1, endpoints or (ANN,), **members)


def stop_of(journey: Any, who: Traveller | None = None, place: Place | None = None) -> Any:
    start = place or Place(journey["StartActivity"])
    return walk(journey, start, who or traveller(), NOON, lambda segment, endpoint: False)[0]


def sends(journey: Any, *endpoints: Any, now: datetime = NOON, **members: Any) -> Any:
    place = members.pop("place", Place("a0"))
    who = traveller(*endpoints)
    return outgoing(journey, place, who, now, zones=zones_for(journey), **members)


# The walk


def travel(journey: Any, person: Any, at: datetime) -> list[tuple[datetime, str]]:
    """The messages of one participant, with nothing but the clock between two stops."""
    who = Traveller(f"endpoint#{person['Id']}", 1, [person])
    place: Place | None = Place(journey["StartActivity"])
    sent = []
    while True:
        stop, _ = walk(journey, place, who, at, lambda segment, endpoint: False)
        if isinstance(stop, Message):
            out = outgoing(journey, stop.place, who, at, zones=zones_for(journey))
            if isinstance(out, Outgoing):
                sent += [(at, stop.place.activity)] * len(out.endpoints)
                place = next_activity(journey, stop.place.activity)
                continue
            stop = out
        if isinstance(stop, Left):
            return sent
        assert isinstance(stop, Hold) and stop.until > at
        place, at = stop.place, stop.until


@settings(max_examples=150)
@given(journeys(), people())
def test_a_person_who_walks_alone_gets_the_same_messages_at_the_same_moments(journey, people):
    review_journey(journey, START)

    messages = {one["Id"]: travel(journey, one, START) for one in people}

    assert messages == {one["Id"]: list(journey_oracle.sent(journey, one, START)) for one in people}


def test_a_participant_stops_at_a_message_and_leaves_after_the_last_one():
    journey = journey_of(email("a1"), text_message())

    assert stop_of(journey) == Message(Place("a0"))
    assert next_activity(journey, "a0") == Place("a1")
    assert next_activity(journey, "a1") is None
    assert walk(journey, None, traveller(), NOON, lambda s, e: False) == (Left(), [])


def test_a_wait_for_a_duration_stands_still_with_the_journey_and_one_until_a_moment_does_not():
    until = {"Wait": {"WaitTime": {"WaitUntil": "2026-01-13T00:00:00Z"}}}

    assert stop_of(journey_of(wait())) == Hold(
        Place("a0", waited=True), NOON + timedelta(days=1), real=False
    )
    assert stop_of(journey_of(until)) == Hold(
        Place("a0", waited=True), datetime(2026, 1, 13, tzinfo=UTC), real=True
    )


def test_a_wait_until_a_moment_that_has_passed_is_over_at_once():
    past = {"Wait": {"WaitTime": {"WaitUntil": "2026-01-01T00:00:00Z"}, "NextActivity": "a1"}}

    stop, facts = walk(
        journey_of(past, email()), Place("a0"), traveller(), NOON, lambda s, e: False
    )

    assert stop == Message(Place("a1"))
    assert facts == [Fact("a0", "WAIT_STARTED"), Fact("a0", "WAIT_FINISHED")]


@pytest.mark.parametrize(
    ("conditions", "operator", "way"),
    [
        ([GOLD, FREE], "ALL", "no"),
        ([GOLD, FREE], "ANY", "yes"),
        ([FREE], "ANY", "no"),
        ([GOLD], "ALL", "yes"),
    ],
)
def test_a_split_asks_all_or_any_of_its_conditions(conditions, operator, way):
    split = yes_no(*conditions, yes="a1", no="a2")
    split["ConditionalSplit"]["Condition"]["Operator"] = operator

    stop = stop_of(journey_of(split, email(), text_message()))

    assert stop == Message(Place({"yes": "a1", "no": "a2"}[way]))


def test_a_split_waits_before_it_asks():
    split = yes_no(GOLD, yes="a1")
    split["ConditionalSplit"]["EvaluationWaitTime"] = {"WaitFor": "PT2H"}
    journey = journey_of(split, email())

    assert stop_of(journey) == Hold(Place("a0", waited=True), NOON + timedelta(hours=2), real=False)
    assert stop_of(journey, place=Place("a0", waited=True)) == Message(Place("a1"))


def test_a_split_with_several_branches_takes_the_first_that_holds():
    split = multi(FREE, GOLD, GOLD)
    for number, branch in enumerate(split["MultiCondition"]["Branches"], start=1):
        branch["NextActivity"] = f"a{number}"

    stop, facts = walk(
        journey_of(split, email(), email(), email()),
        Place("a0"),
        traveller(),
        NOON,
        lambda s, e: False,
    )

    assert (stop, facts) == (Message(Place("a2")), [Fact("a0", "Branch_2")])


def test_a_segment_condition_holds_for_a_user_when_it_holds_for_one_endpoint():
    journey = journey_of(yes_no(in_segment(), yes="a1"), email())
    other = {**ANN, "Id": "other"}

    stop, _ = walk(
        journey,
        Place("a0"),
        traveller(ANN, other),
        NOON,
        lambda segment, endpoint: (segment, endpoint["Id"]) == (SEGMENT_ID, "other"),
    )

    assert stop == Message(Place("a1"))


def test_an_event_condition_asks_the_events_of_the_message_that_it_names():
    journey = journey_of(email("a1"), yes_no(opened("a0"), yes="a2"), text_message())
    other = traveller(seen={"a2": [EventSeen("_email.open")]})
    reader = traveller(seen={"a0": [EventSeen("_email.delivered"), EventSeen("_email.open")]})

    assert stop_of(journey, other, Place("a1")) == Left()
    assert stop_of(journey, reader, Place("a1")) == Message(Place("a2"))


def test_the_answer_of_a_custom_channel_decides_a_split():
    accepted = {"Attributes": {"Result": {"Values": ["Accepted"]}}}
    condition = {"EventCondition": {"MessageActivity": "a0", "Dimensions": accepted}}
    journey = journey_of(custom("a1"), yes_no(condition, yes="a2"), email())

    def stop(result: str) -> Any:
        seen = {"a0": [EventSeen(None, {"Result": [result]})]}
        return stop_of(journey, traveller(seen=seen), Place("a1"))

    assert stop("Accepted") == Message(Place("a2"))
    assert stop("Failed") == Left()


def test_shares_of_a_random_split_and_a_holdout_are_kept_and_a_visit_is_decided_once():
    split = journey_of(random_split(20, 30, 50))
    held = journey_of(holdout(25, "a1"), email())
    visits = [Traveller(f"endpoint#{number}", 1, [ANN]) for number in range(4000)]

    ways: Counter[str] = Counter()
    for one in visits:
        _, facts = walk(split, Place("a0"), one, NOON, lambda s, e: False)
        assert facts == walk(split, Place("a0"), one, NOON, lambda s, e: False)[1]
        ways[facts[0].metric] += 1
        stop, facts = walk(held, Place("a0"), one, NOON, lambda s, e: False)
        assert isinstance(stop, Left) is (facts == [Fact("a0", "HELDOUT")])
        ways[facts[0].metric] += 1

    shares = {name: round(count / 40) for name, count in ways.items()}
    assert shares["Branch_1"] == pytest.approx(20, abs=3)
    assert shares["Branch_2"] == pytest.approx(30, abs=3)
    assert shares["HELDOUT"] == pytest.approx(25, abs=3)


def test_another_visit_draws_anew():
    drawn = {percentile("j", "a", Traveller("p", visit, ())) for visit in range(1, 20)}

    assert len(drawn) == 19
    assert all(0 <= one < 100 for one in drawn)


# Entries


@pytest.mark.parametrize(
    ("limits", "visits", "hours", "answer"),
    [
        ({}, 0, None, Entry.ENTERS),
        ({}, 1, 1000, Entry.TOO_OFTEN),
        ({"EndpointReentryCap": 2}, 1, 1, Entry.ENTERS),
        ({"EndpointReentryCap": 2}, 2, 1, Entry.TOO_OFTEN),
        ({"EndpointReentryCap": 0}, 99, 1, Entry.ENTERS),
        ({"EndpointReentryCap": 0, "EndpointReentryInterval": "PT2H"}, 1, 1, Entry.TOO_OFTEN),
        ({"EndpointReentryCap": 0, "EndpointReentryInterval": "PT2H"}, 1, 2, Entry.ENTERS),
    ],
)
def test_a_participant_enters_as_often_and_as_soon_as_the_limits_say(limits, visits, hours, answer):
    entered = None if hours is None else NOON - timedelta(hours=hours)

    said = entry_of(limits, visits=visits, inside=False, entered=entered, now=NOON)

    assert said is answer


def test_a_participant_who_is_inside_is_rejected():
    limits = {"EndpointReentryCap": 0}

    assert entry_of(limits, visits=1, inside=True, entered=NOON, now=NOON) is Entry.IS_INSIDE


# Recipients of the message, and its moment


def test_every_endpoint_of_a_user_on_the_channel_gets_the_message():
    second = {**ANN, "Id": "second", "Address": "ann2@example.com"}
    phone = {**ANN, "Id": "phone", "ChannelType": "SMS", "Address": "+14255550100"}
    gone = {**ANN, "Id": "gone", "OptOut": "ALL"}

    out = sends(journey_of(email()), ANN, second, phone, gone)

    assert [one["Id"] for one in out.endpoints] == ["ann", "second"]
    assert out.refused == {"gone": "ENDPOINT_OPT_OUT"}


def test_an_endpoint_of_another_channel_and_an_inactive_one_get_nothing():
    assert sends(journey_of(text_message())).refused == {"ann": "ENDPOINT_CHANNEL_MISMATCH"}
    inactive = {**ANN, "EndpointStatus": "INACTIVE"}
    assert sends(journey_of(email()), inactive).refused == {"ann": "ENDPOINT_INACTIVE"}
    assert sends(journey_of(email()), disabled=frozenset({"EMAIL"})).refused == {
        "ann": "CHANNEL_DISABLED"
    }


def test_a_custom_channel_sends_to_the_types_that_it_names():
    journey = journey_of(custom(EndpointTypes=["EMAIL", "SMS"]))

    assert [one["Id"] for one in sends(journey).endpoints] == ["ann"]
    assert sends(journey_of(custom())).refused == {"ann": "ENDPOINT_CHANNEL_MISMATCH"}


QUIET = {"QuietTime": {"Start": "20:00", "End": "08:00"}}
EVENING = datetime(2026, 1, 12, 21, 30, tzinfo=UTC)  # 22:30 in Berlin


def test_in_quiet_time_the_message_is_left_out_or_waits_for_its_end():
    skipped = sends(journey_of(email(), **QUIET), now=EVENING)
    waits = sends(journey_of(email(), WaitForQuietTime=True, **QUIET), now=EVENING)
    morning = datetime(2026, 1, 13, 7, 1, tzinfo=UTC)

    assert skipped.refused == {"ann": "QUIET_TIME"}
    assert waits == Hold(Place("a0", waited=True), morning, real=True)
    after = sends(
        journey_of(email(), WaitForQuietTime=True, **QUIET), now=morning, place=waits.place
    )
    assert (len(after.endpoints), after.waited) == (1, True)


def test_without_a_time_zone_quiet_time_holds_nothing_back_and_open_hours_let_nothing_pass():
    nowhere = {**ANN, "Demographic": {}}
    hours = {"SendingSchedule": True, "OpenHours": {"EMAIL": {"MONDAY": [OPEN]}}}

    assert len(sends(journey_of(email(), **QUIET), nowhere, now=EVENING).endpoints) == 1
    for waiting in (False, True):
        journey = journey_of(email(), WaitForQuietTime=waiting, **QUIET, **hours)
        assert sends(journey, nowhere).refused == {"ann": "QUIET_TIME_MISSING_TIMEZONE"}


OPEN = {"StartTime": "09:00", "EndTime": "17:00"}


def test_open_hours_hold_for_their_channel_and_closed_days_are_skipped():
    scheduled = {
        "SendingSchedule": True,
        "WaitForQuietTime": True,
        "QuietTime": {"Start": "23:00", "End": "05:00"},
        "OpenHours": {"EMAIL": {"MONDAY": [OPEN], "TUESDAY": [OPEN], "FRIDAY": [OPEN]}},
        "ClosedDays": {
            "EMAIL": [
                {"StartDateTime": "2026-01-13T00:00:00", "EndDateTime": "2026-01-14T00:00:00"}
            ]
        },
    }
    phone = {**ANN, "Id": "phone", "ChannelType": "SMS", "Address": "+4915112345678"}
    evening = datetime(2026, 1, 12, 17, 0, tzinfo=UTC)

    assert sends(journey_of(email(), **scheduled), now=evening) == Hold(
        Place("a0", waited=True), datetime(2026, 1, 16, 8, 0, tzinfo=UTC), real=True
    )
    assert len(sends(journey_of(text_message(), **scheduled), phone, now=evening).endpoints) == 1
    off = {**scheduled, "SendingSchedule": False}
    assert len(sends(journey_of(email(), **off), now=evening).endpoints) == 1


def test_a_zone_is_estimated_from_the_number_where_the_journey_asks_for_it():
    phone = {**ANN, "ChannelType": "SMS", "Address": "+4930123456", "Demographic": {}}
    estimating = {"TimezoneEstimationMethods": ["PHONE_NUMBER"]}

    assert sends(journey_of(text_message(), **QUIET, **estimating), phone, now=EVENING).refused
    assert sends(journey_of(text_message(), **QUIET), phone, now=EVENING).endpoints


def test_a_user_with_endpoints_in_two_zones_waits_for_the_hours_of_both():
    tokyo = {**ANN, "Id": "tokyo", "Demographic": {"Timezone": "Asia/Tokyo"}}
    journey = journey_of(email(), WaitForQuietTime=True, **QUIET)

    hold = sends(journey, ANN, tokyo, now=EVENING)

    assert hold.until == datetime(2026, 1, 13, 7, 1, tzinfo=UTC)  # 08:01 and 16:01


def test_hours_of_two_zones_that_never_meet_leave_the_message_out():
    zones = ("Europe/Berlin", "Asia/Tokyo")
    both = [{**ANN, "Id": zone, "Demographic": {"Timezone": zone}} for zone in zones]
    quiet = {"QuietTime": {"Start": "10:00", "End": "08:00"}, "WaitForQuietTime": True}

    assert set(sends(journey_of(email(), **quiet), *both).refused.values()) == {"QUIET_TIME"}


def test_caps_are_the_journeys_own_or_the_projects_and_refuse_by_their_names():
    own = {"Limits": {"DailyCap": 2, "TotalCap": 0}}
    project = {"DailyCap": 9, "TotalCap": 3, "TimeframeCap": {"Cap": 4, "Days": 7}}
    journey = journey_of(email(), **own)
    caps = caps_of(journey, project)
    counts = {cap.key: Count(4, int(NOON.timestamp())) for cap in caps}

    assert [(cap.period, cap.most, cap.days) for cap in caps] == [
        (Period.DAY, 2, 1),
        (Period.DAYS, 4, 7),
    ]
    for cap, reason in zip(caps, ("DAILY_CAP", "TIMEFRAME_CAP"), strict=True):
        one = {"ann": {cap.key: counts[cap.key]}}
        assert sends(journey, caps=caps, counts=one).refused == {"ann": reason}


def test_a_timeframe_begins_anew_after_its_days():
    [cap] = caps_of(journey_of(email()), {"TimeframeCap": {"Cap": 1, "Days": 7}})
    long_ago = {"ann": {cap.key: Count(1, int((NOON - timedelta(days=7)).timestamp()))}}
    lately = {"ann": {cap.key: Count(1, int((NOON - timedelta(days=6)).timestamp()))}}
    journey = journey_of(email())

    assert sends(journey, caps=(cap,), counts=long_ago).endpoints
    assert sends(journey, caps=(cap,), counts=lately).refused == {"ann": "TIMEFRAME_CAP"}
