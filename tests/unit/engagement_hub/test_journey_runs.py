"""The life of a published journey: its parts, its states, its runs and its buckets."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.engagement.errors import BadRequest, Conflict
from engagement_hub.engagement.journey_runs import (
    Bucket,
    UpcomingJourneyRun,
    bucket_for,
    cancelled,
    closed,
    completed,
    first_run,
    has_ended,
    is_running,
    next_journey_run,
    pauses,
    published,
    refuse_what_does_not_run,
    require_draft,
    resumed,
    run_status,
    takes_entries,
    total_pause,
    unpublished,
    with_run,
)
from engagement_hub.engagement.journey_walk import journey_metrics
from engagement_hub.store.names import journey_run_id, journey_run_number
from tests.builders.journeys import NOW, custom, email, journey, journey_of, opened, wait, yes_no

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
RUNS = journey_of(email("a1"), wait())


def at(days: float) -> str:
    return (NOW + timedelta(days=days)).isoformat().replace("+00:00", "Z")


def active(**members: Any) -> Any:
    return published(journey_of(email(), **members), NOW)


def test_a_journey_of_parts_that_run_is_not_refused():
    answered = {"Attributes": {"Result": {"Values": ["ok"]}}}
    condition = {"EventCondition": {"MessageActivity": "a0", "Dimensions": answered}}

    refuse_what_does_not_run(journey_of(custom("a1"), yes_no(condition)))


@pytest.mark.parametrize(
    ("activities", "member"),
    [
        ([{"PUSH": {}}], "Activities.a0.PUSH"),
        ([{"ContactCenter": {}}], "Activities.a0.ContactCenter"),
        ([email("a1"), yes_no(opened("a0"))], "Activities.a1.ConditionalSplit"),
        ([custom("a1"), yes_no(opened("a0"))], "Activities.a1.ConditionalSplit"),
    ],
)
def test_an_activity_that_does_not_run_is_refused_by_its_id(activities, member):
    with pytest.raises(BadRequest, match=f"^{member}.*is not run by this engagement hub yet"):
        refuse_what_does_not_run(journey_of(*activities))


def test_a_journey_goes_from_draft_to_active_to_closed_to_completed():
    one = published(RUNS, NOW)

    states = [one["State"], closed(one, NOW)["State"], completed(closed(one, NOW), NOW)["State"]]

    assert states == ["ACTIVE", "CLOSED", "COMPLETED"]
    assert completed(one, NOW)["State"] == "ACTIVE"
    assert closed(pauses(one, NOW), NOW)["State"] == "PAUSED"


def test_a_published_journey_is_edited_by_no_update_and_a_draft_is():
    require_draft(journey())

    with pytest.raises(Conflict, match="is ACTIVE: a published journey cannot be changed"):
        require_draft(active())


@pytest.mark.parametrize("change", [pauses, resumed, cancelled])
def test_a_draft_is_neither_paused_nor_resumed_nor_cancelled(change):
    with pytest.raises(BadRequest, match="is DRAFT and cannot become"):
        change(journey(), NOW)


def test_pauses_add_up_and_a_cancelled_journey_stands():
    one = resumed(pauses(active(), NOW), NOW + HOUR)
    two = resumed(pauses(one, NOW + 2 * HOUR), NOW + 5 * HOUR)

    assert total_pause(two) == 4 * HOUR
    assert is_running(two)
    assert not is_running(pauses(two, NOW))
    assert cancelled(pauses(two, NOW), NOW)["State"] == "CANCELLED"


def test_a_journey_that_could_not_be_started_is_the_draft_that_it_was():
    assert unpublished(published(RUNS, NOW)) == RUNS


def test_entries_end_with_the_schedule():
    one = active(Schedule={"EndTime": at(1)})

    assert takes_entries(one, NOW)
    assert not takes_entries(one, NOW + DAY)
    assert has_ended(one, NOW + DAY)
    assert is_running(one)


def test_the_first_run_is_at_the_start_or_at_once():
    assert first_run(active()) == UpcomingJourneyRun(1, NOW)
    assert first_run(active(Schedule={"StartTime": at(-3)})) == UpcomingJourneyRun(1, NOW)
    assert first_run(active(Schedule={"StartTime": at(2)})).at == NOW + 2 * DAY


def test_runs_are_whole_periods_after_the_start_until_the_end():
    one = active(RefreshFrequency="PT12H", Schedule={"StartTime": at(1), "EndTime": at(2)})

    assert next_journey_run(one, NOW + DAY) == UpcomingJourneyRun(2, NOW + 1.5 * DAY)
    assert next_journey_run(one, NOW + 1.6 * DAY) is None
    assert next_journey_run(active(), NOW) is None
    daily = active(RefreshFrequency="P1D")
    assert next_journey_run(daily, NOW + 4.2 * DAY) == UpcomingJourneyRun(6, NOW + 5 * DAY)


@pytest.mark.parametrize(
    ("run", "state", "inside", "status"),
    [
        ({"Status": "SCHEDULED"}, "ACTIVE", 0, "SCHEDULED"),
        ({"Status": "SCHEDULED"}, "CANCELLED", 0, "CANCELLED"),
        ({"Status": "RUNNING"}, "ACTIVE", 0, "RUNNING"),
        ({"Status": "RUNNING", "Entered": True}, "CLOSED", 2, "RUNNING"),
        ({"Status": "RUNNING", "Entered": True}, "CANCELLED", 2, "CANCELLED"),
        ({"Status": "RUNNING", "Entered": True}, "CANCELLED", 0, "COMPLETED"),
        ({"Status": "RUNNING", "Entered": True}, "ACTIVE", 0, "COMPLETED"),
    ],
)
def test_a_run_is_over_when_its_participants_are_out(run, state, inside, status):
    assert run_status(run, {"State": state}, inside) == status


def test_the_id_of_a_run_has_its_number_and_is_of_one_journey():
    assert journey_run_number("j1", journey_run_id("j1", 12)) == 12
    assert journey_run_number("j2", journey_run_id("j1", 12)) is None
    assert journey_run_number("j1", "no run") is None
    assert len(journey_run_id("j1", 1)) == 32


def test_the_latest_run_is_the_highest():
    assert with_run(with_run({}, 3), 2)["LastRun"] == 3


@given(
    seconds=st.floats(0, 400 * 86400),
    paused=st.floats(0, 40 * 86400),
    real=st.booleans(),
)
def test_a_bucket_opens_within_half_a_minute_of_a_wait_that_is_not_short(seconds, paused, real):
    until, pause = NOW + timedelta(seconds=seconds), timedelta(seconds=paused)

    bucket = bucket_for(until, real=real, pause=pause, now=NOW)

    opens = bucket.opens(pause)
    assert opens >= NOW + timedelta(seconds=29.9)
    late = (opens - until).total_seconds()
    assert -30.1 <= late <= 90.1
    if seconds >= 120:
        assert late <= 30.1
    assert Bucket.of(bucket.name) == bucket
    assert bucket.real_time(bucket.own_time(until, pause), pause) - until < timedelta(seconds=1)


def test_a_longer_pause_opens_a_bucket_of_the_journeys_clock_later_and_no_other():
    waits = bucket_for(NOW + DAY, real=False, pause=HOUR, now=NOW)
    stays = bucket_for(NOW + DAY, real=True, pause=HOUR, now=NOW)

    assert waits.opens(3 * HOUR) == NOW + DAY + 2 * HOUR
    assert stays.opens(3 * HOUR) == NOW + DAY


@given(st.integers(0, 99), st.integers(0, 99), st.integers(0, 99), st.booleans())
def test_metrics_of_a_journey_add_up(left, rejected, inside, is_cancelled):
    totals = {
        "ENDPOINT_ENTERED": left + rejected + inside,
        "ENDPOINT_LEFT": left,
        "ACTIVE_ENDPOINT_REJECTED": rejected,
    }

    counted = journey_metrics(totals, is_cancelled=is_cancelled)

    parts = ("ENDPOINT_LEFT", "ENDPOINT_ACTIVE", "ACTIVE_ENDPOINT_REJECTED", "CANCELLED")
    assert counted["ENDPOINT_ENTERED"] == sum(counted[part] for part in parts)
    assert counted["CANCELLED" if is_cancelled else "ENDPOINT_ACTIVE"] == inside
