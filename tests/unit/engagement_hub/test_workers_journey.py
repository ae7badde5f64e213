"""Journeys that run: executions on a virtual clock, against tables on moto."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from engagement_hub.customer_functions import CallFailed
from engagement_hub.engagement.journey_runs import cancelled, pauses, resumed
from engagement_hub.engagement.journey_walk import journey_metrics
from engagement_hub.hub import Hub
from engagement_hub.machines import JourneyWork
from engagement_hub.senders import DeliveryStatus, SendOutcome
from engagement_hub.store.entities import ACCOUNT, Kind
from engagement_hub.store.journey_participants import Stage
from engagement_hub.workers import sending_rates
from engagement_hub.workers.journey_chunk import ChunkWalker
from engagement_hub.workers.journey_plan import JourneyPlan
from tests.builders.campaign_runs import Unpaced
from tests.builders.hub_workers import APP, Context, hub_on_moto, segment
from tests.builders.journey_world import Killed, Mortal, World, prepared
from tests.builders.journeys import (
    SEGMENT_ID,
    custom,
    email,
    holdout,
    in_segment,
    journey_of,
    text_message,
    wait,
    yes_no,
)
from tests.builders.random_journeys import START

DAY = timedelta(days=1)
ANN = "ann@example.com"
THROTTLED = SendOutcome(DeliveryStatus.THROTTLED, 429, "slow down", reason="Throttling")
UNKNOWN = SendOutcome.unknown("no answer")


def person(name: str, channel: str = "EMAIL", **members: Any) -> Any:
    address = f"{name}@example.com" if channel == "EMAIL" else "+14255550100"
    return {"Id": name, "ChannelType": channel, "Address": address, **members}


@pytest.fixture
def client() -> list[Mortal]:
    return []


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch, client: list[Mortal]) -> Iterator[Hub]:
    def around(made: Any) -> Any:
        client.append(Mortal(made))
        return client[0]

    with hub_on_moto(monkeypatch, around) as hub:
        yield hub


@pytest.fixture
def world(hub: Hub, client: list[Mortal], monkeypatch: pytest.MonkeyPatch) -> World:
    made = World(hub, START)
    made.client = client[0]
    unpaced(monkeypatch, made)
    return made


def unpaced(patch: pytest.MonkeyPatch, world: World) -> None:
    patch.setattr(
        sending_rates.ChunkPaces, "_limiter", lambda self, key, rate: Unpaced(lambda: world.now)
    )
    patch.setattr(sending_rates, "channel_rate", lambda channel: 1e9)


def balanced(world: World, journey_id: str) -> bool:
    """Check that the participants who entered have left, were rejected, or are in the journey."""
    totals = world.totals(journey_id)
    stored = world.hub.participants
    inside = sum(
        one.stage is not Stage.LEFT
        for one in stored.get_many(APP, journey_id, participants(world)).values()
    )
    gone = totals.get("ENDPOINT_LEFT", 0) + totals.get("ACTIVE_ENDPOINT_REJECTED", 0)
    return bool(totals.get("ENDPOINT_ENTERED", 0) == gone + inside)


def participants(world: World) -> list[str]:
    found = [e for shard in range(4) for e in world.hub.endpoints.scan(APP, shard).items]
    users = {e["User"]["UserId"] for e in found if e.get("User")}
    return [*(f"endpoint#{e['Id']}" for e in found), *(f"user#{user}" for user in users)]


# The way


def test_people_of_the_segment_get_the_messages_in_their_order_and_leave(world):
    prepared(world.hub, [person("ann"), person("bob", "SMS")])

    journey_id = world.publish_journey(
        journey_of(email("a1"), wait("a2", "P2D"), email("a3"), text_message())
    )
    world.play()

    assert world.sender.sent == [
        (START, "a0", ANN),
        (START + 2 * DAY, "a2", ANN),
        (START + 2 * DAY, "a3", "+14255550100"),
    ]
    assert world.state(journey_id) == "COMPLETED"
    assert world.totals(journey_id) == {"ENDPOINT_ENTERED": 2, "ENDPOINT_LEFT": 2}
    assert world.totals(journey_id, "a0") == {"SUCCESS": 1, "ENDPOINT_CHANNEL_MISMATCH": 1}
    assert world.totals(journey_id, "a1") == {"WAIT_STARTED": 2, "WAIT_FINISHED": 2}


def test_messages_and_their_events_carry_the_ids_of_journey_run_and_activity(world):
    prepared(world.hub, [person("ann")])

    journey_id = world.publish_journey(journey_of(email()))
    world.play()

    run = world.hub.entities.list(APP, Kind.JOURNEY_RUN, 5).items[0]["RunId"]
    [event] = world.stream
    assert event["event_type"] == "_journey.send"
    assert event["client"]["client_id"] == "ann"
    assert event["attributes"] == {
        "journey_id": journey_id,
        "journey_run_id": run,
        "journey_activity_id": "a0",
        "journey_send_status": "SUCCESS",
        "journey_activity_type": "EMAIL",
    }
    assert world.sender.contexts == [
        {
            "application_id": APP,
            "endpoint_id": "ann",
            "journey_id": journey_id,
            "journey_run_id": run,
            "journey_activity_id": "a0",
        }
    ]


def test_a_user_of_an_imported_list_travels_with_all_endpoints(world):
    ann = {"User": {"UserId": "u1"}}
    prepared(
        world.hub,
        [person("ann", **ann), person("ann2", **ann), person("phone", "SMS", **ann)],
        SegmentType="IMPORT",
    )
    world.hub.endpoints.add_members(APP, SEGMENT_ID, ["u1"], users=True)

    journey_id = world.publish_journey(journey_of(email("a1"), text_message()))
    world.play()

    assert sorted(world.sender.messages()) == [
        ("a0", "ann2@example.com"),
        ("a0", ANN),
        ("a1", "+14255550100"),
    ]
    assert world.totals(journey_id)["ENDPOINT_ENTERED"] == 1


def test_opted_out_inactive_and_deleted_endpoints_get_nothing(world):
    prepared(world.hub, [person("ann"), person("bob"), person("out", OptOut="ALL")])
    journey_id = world.publish_journey(journey_of(email("a1"), wait("a2"), email()))
    world.play(timedelta(hours=1))
    world.hub.endpoints.update_many(
        APP, [("ann", {"OptOut": "ALL"})], now="2026-01-12T00:00:00.000Z", request_id="r"
    )
    world.hub.endpoints.delete(APP, "bob")

    world.play()

    assert Counter(world.sender.messages()) == {("a0", ANN): 1, ("a0", "bob@example.com"): 1}
    assert world.totals(journey_id) == {
        "ENDPOINT_ENTERED": 2,
        "ENDPOINT_LEFT": 2,
        "ENDPOINT_OPT_OUT": 1,
        "ENDPOINT_DELETED": 1,
    }
    assert world.totals(journey_id, "a2") == {"ENDPOINT_OPT_OUT": 1}


def test_a_split_asks_for_a_segment_as_it_is_at_that_moment(world):
    prepared(world.hub, [person("ann"), person("bob")])
    segment(world.hub, "vip", SegmentType="IMPORT")
    split = yes_no(in_segment("vip"), yes="a2")
    world.publish_journey(journey_of(wait("a1"), split, email()))
    world.play(timedelta(hours=1))
    world.hub.endpoints.add_members(APP, "vip", ["bob"])

    world.play()

    assert world.sender.messages() == [("a2", "bob@example.com")]


def test_the_answer_of_a_function_decides_a_later_split(world):
    prepared(world.hub, [person("ann"), person("bob")])
    world.functions.answer = {
        "ann": {"EventAttributes": {"Result": "Accepted"}},
        "bob": {"EventAttributes": {"Result": "Failed"}},
    }
    accepted = {"Attributes": {"Result": {"Values": ["Accepted"]}}}
    condition = {"EventCondition": {"MessageActivity": "a0", "Dimensions": accepted}}
    both = custom("a1", EndpointTypes=["EMAIL"], MessageConfig={"Data": "welcome"})

    journey_id = world.publish_journey(
        journey_of(both, wait("a2"), yes_no(condition, yes="a3"), email())
    )
    world.play()

    calls = world.functions.payloads
    assert {one["JourneyId"] for one in calls} == {journey_id}
    assert {(one["ActivityId"], one["Data"]) for one in calls} == {("a0", "welcome")}
    assert sorted(name for one in calls for name in one["Endpoints"]) == ["ann", "bob"]
    assert world.sender.messages() == [("a3", ANN)]
    assert world.totals(journey_id, "a0") == {"SUCCESS": 2}


def test_a_function_that_fails_is_counted_and_people_go_on(world):
    prepared(world.hub, [person("ann")])
    world.functions.answer = lambda payload: (_ for _ in ()).throw(CallFailed("broken"))

    journey_id = world.publish_journey(journey_of(custom("a1", EndpointTypes=["EMAIL"]), email()))
    world.play()

    assert world.totals(journey_id, "a0") == {"CUSTOM_DELIVERY_FAILURE": 1}
    assert world.sender.messages() == [("a1", ANN)]


def test_a_template_that_is_gone_costs_its_message_and_nothing_else(world):
    prepared(world.hub, [person("ann")])

    journey_id = world.publish_journey(journey_of(email("a1", TemplateName="gone"), email()))
    world.play()

    assert world.totals(journey_id, "a0") == {"FAILURE_PERMANENT": 1}
    assert world.sender.messages() == [("a1", ANN)]


def test_a_template_that_needs_a_recommender_sends_no_message_without_its_items(world):
    prepared(world.hub, [person("ann")])
    world.hub.entities.put(
        ACCOUNT,
        Kind.TEMPLATE,
        "EMAIL#picks",
        {
            "Subject": "Try {{RecommendationItems.[0]}}",
            "RecommenderId": "r1",
            "Version": "1",
            "ActiveVersion": "1",
            "LastModifiedDate": "2026-01-01T00:00:00.000Z",
        },
    )

    journey_id = world.publish_journey(journey_of(email("a1", TemplateName="picks"), email()))
    world.play()

    assert world.totals(journey_id, "a0") == {"FAILURE_PERMANENT": 1}
    assert world.sender.messages() == [("a1", ANN)]


def test_caps_hold_across_activities_and_are_events(world):
    prepared(world.hub, [person("ann")])

    journey_id = world.publish_journey(
        journey_of(email("a1"), email("a2"), email(), Limits={"DailyCap": 2})
    )
    world.play()

    assert world.sender.messages() == [("a0", ANN), ("a1", ANN)]
    assert world.totals(journey_id, "a2") == {"DAILY_CAP": 1}
    statuses = [one["attributes"]["journey_send_status"] for one in world.stream]
    assert sorted(statuses) == ["DAILY_CAP", "SUCCESS", "SUCCESS"]


def test_a_message_that_waited_for_quiet_time_has_an_event_of_its_own(world):
    prepared(world.hub, [person("ann", Demographic={"Timezone": "UTC"})])
    quiet = {"QuietTime": {"Start": "08:00", "End": "10:00"}, "WaitForQuietTime": True}

    world.publish_journey(journey_of(email(), **quiet))
    world.play()

    assert [at for at, _, _ in world.sender.sent] == [START + timedelta(minutes=61)]
    statuses = [one["attributes"]["journey_send_status"] for one in world.stream]
    assert statuses == ["QUIET_TIME_WAIT_FINISHED", "SUCCESS"]
    assert "journey_activity_type" not in world.stream[0]["attributes"]


# Entries


def test_a_refresh_lets_new_members_in_and_rejects_those_inside(world):
    prepared(world.hub, [person("ann")])
    schedule = {"EndTime": (START + timedelta(hours=50)).isoformat().replace("+00:00", "Z")}
    journey_id = world.publish_journey(
        journey_of(email("a1"), wait(None, "P10D"), RefreshFrequency="P1D", Schedule=schedule)
    )
    world.play(timedelta(hours=1))
    prepared(world.hub, [person("bob")])

    world.play(timedelta(hours=60))
    inside = world.state(journey_id)
    world.play()

    assert Counter(world.sender.messages()) == {("a0", ANN): 1, ("a0", "bob@example.com"): 1}
    assert world.totals(journey_id) == {
        "ENDPOINT_ENTERED": 5,
        "ACTIVE_ENDPOINT_REJECTED": 3,
        "ENDPOINT_LEFT": 2,
    }
    assert world.totals(journey_id, run=2) == {
        "ENDPOINT_ENTERED": 2,
        "ACTIVE_ENDPOINT_REJECTED": 1,
        "ENDPOINT_LEFT": 1,
    }
    assert (inside, world.state(journey_id)) == ("CLOSED", "COMPLETED")


def test_re_entry_follows_its_cap(world):
    prepared(world.hub, [person("ann")])
    schedule = {"EndTime": (START + timedelta(hours=80)).isoformat().replace("+00:00", "Z")}

    journey_id = world.publish_journey(
        journey_of(
            email(),
            RefreshFrequency="P1D",
            Limits={"EndpointReentryCap": 2},
            Schedule=schedule,
        )
    )
    world.play()

    assert world.sender.messages() == [("a0", ANN)] * 2
    assert world.totals(journey_id) == {
        "ENDPOINT_ENTERED": 2,
        "ENDPOINT_LEFT": 2,
        "REENTRY_CAP_EXCEEDED": 2,
    }


# Pause, cancel


def test_a_pause_makes_waits_stand_still_and_moves_no_moment_of_the_calendar(world):
    until = {"WaitTime": {"WaitUntil": (START + 10 * DAY).isoformat()}}
    prepared(world.hub, [person("ann"), person("bob", "SMS")])
    split = yes_no(
        {"segmentDimensions": {"Demographic": {"Channel": {"Values": ["EMAIL"]}}}},
        yes="a1",
        no="a3",
    )
    journey_id = world.publish_journey(
        journey_of(
            split,
            wait("a2", "P4D"),
            email(),
            {"Wait": {**until, "NextActivity": "a4"}},
            text_message(),
            RefreshFrequency="P30D",
        )
    )
    world.play(DAY)
    world.change(journey_id, pauses)
    world.play(2 * DAY)
    world.change(journey_id, resumed)

    world.play(20 * DAY)

    assert world.sender.sent == [
        (START + 6 * DAY, "a2", ANN),
        (START + 10 * DAY, "a4", "+14255550100"),
    ]


def test_waits_that_end_in_a_pause_are_over_when_it_ends(world):
    prepared(world.hub, [person("ann")])
    until = {"WaitTime": {"WaitUntil": (START + 2 * DAY).isoformat()}, "NextActivity": "a1"}
    journey_id = world.publish_journey(
        journey_of({"Wait": until}, email(), RefreshFrequency="P30D")
    )
    world.play(DAY)
    world.change(journey_id, pauses)
    world.play(4 * DAY)
    assert world.sender.sent == []
    world.change(journey_id, resumed)

    world.play(DAY)

    assert world.sender.sent == [(START + 5 * DAY, "a1", ANN)]


def test_a_run_that_begins_in_a_pause_takes_place_after_it(world):
    prepared(world.hub, [person("ann")])
    schedule = {"StartTime": (START + DAY).isoformat()}
    made = journey_of(email(), Schedule=schedule, RefreshFrequency="P30D")
    journey_id = world.publish_journey(made)
    world.change(journey_id, pauses)
    world.play(3 * DAY)
    world.change(journey_id, resumed)

    world.play(DAY)

    assert world.sender.sent == [(START + 3 * DAY, "a0", ANN)]


def test_a_cancelled_journey_sends_nothing_more(world):
    prepared(world.hub, [person("ann")])
    journey_id = world.publish_journey(journey_of(email("a1"), wait("a2"), email()))
    world.play(timedelta(hours=1))
    world.change(journey_id, cancelled)

    world.play()

    assert world.sender.messages() == [("a0", ANN)]
    assert world.state(journey_id) == "CANCELLED"
    metrics = journey_metrics(world.totals(journey_id), is_cancelled=True)
    assert (metrics["CANCELLED"], metrics["ENDPOINT_ACTIVE"]) == (1, 0)


# Faults


def test_a_message_that_the_service_does_not_take_is_sent_later_and_counted_once(world):
    prepared(world.hub, [person("ann"), person("bob")])
    world.sender.outcomes[ANN] = [THROTTLED, THROTTLED]

    journey_id = world.publish_journey(
        journey_of(email("a1"), text_message(), Limits={"DailyCap": 1})
    )
    world.play()

    assert Counter(world.sender.messages()) == {("a0", ANN): 1, ("a0", "bob@example.com"): 1}
    assert world.totals(journey_id, "a0") == {"SUCCESS": 2}
    assert world.state(journey_id) == "COMPLETED"


def test_the_pause_before_a_rate_that_is_booked_out_grows(world, monkeypatch):
    prepared(world.hub, [person("ann")])
    free_at = world.now + 6 * 3600

    class BookedOut:
        def reserve(self, n: int, by: float) -> float | None:
            return world.now if world.now >= free_at else None

    monkeypatch.setattr(sending_rates.ChunkPaces, "_limiter", lambda self, key, rate: BookedOut())
    before = world.client.calls
    journey_id = world.publish_journey(journey_of(email()))
    world.play()

    assert world.sender.messages() == [("a0", ANN)]
    assert world.state(journey_id) == "COMPLETED"
    assert world.client.calls - before < 260 * 8


def test_only_the_endpoints_of_a_user_that_have_no_message_are_tried_again(world):
    ann = {"User": {"UserId": "u1"}}
    people = [person("ann", **ann), person("ann2", **ann)]
    prepared(world.hub, people, SegmentType="IMPORT")
    world.hub.endpoints.add_members(APP, SEGMENT_ID, ["u1"], users=True)
    world.sender.outcomes["ann2@example.com"] = [THROTTLED]

    journey_id = world.publish_journey(journey_of(email()))
    world.play()

    assert Counter(world.sender.messages()) == {("a0", ANN): 1, ("a0", "ann2@example.com"): 1}
    assert world.totals(journey_id, "a0") == {"SUCCESS": 2}


def test_a_send_without_an_answer_is_unknown_and_never_repeated(world):
    prepared(world.hub, [person("ann")])
    world.sender.outcomes[ANN] = [UNKNOWN]

    journey_id = world.publish_journey(journey_of(email("a1"), wait("a2"), email()))
    world.play()

    assert world.sender.messages() == [("a0", ANN), ("a2", ANN)]
    assert world.totals(journey_id, "a0") == {"UNKNOWN": 1}


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_function_that_dies_at_a_send_leaves_it_unknown(world, moment):
    prepared(world.hub, [person("ann")])

    def die(address: str) -> None:
        if not world.stream and world.client.dies_at is None and not died:
            died.append(address)
            world.client.dead = True
            raise Killed

    died: list[str] = []
    setattr(world.sender, moment, die)
    journey_id = world.publish_journey(journey_of(email("a1"), wait("a2"), email()))
    world.play()

    sent = [("a0", ANN)] if moment == "after" else []
    assert world.sender.messages() == [*sent, ("a2", ANN)]
    assert world.totals(journey_id, "a0") == {"UNKNOWN": 1}
    assert world.state(journey_id) == "COMPLETED"


@pytest.mark.parametrize("number", range(0, 150, 4))
def test_a_function_that_dies_at_any_call_sends_nothing_twice_and_counts_each_move_once(
    world, number
):
    prepared(world.hub, [person("ann"), person("bob"), person("cleo", "SMS")])
    world.client.dies_at = world.client.calls + 8 + number

    journey_id = world.publish_journey(
        journey_of(holdout(0, "a1"), email("a2"), wait("a3"), email("a4"), text_message())
    )
    world.play()

    assert max(Counter(world.sender.messages()).values()) == 1
    assert world.state(journey_id) == "COMPLETED"
    totals = world.totals(journey_id)
    assert totals["ENDPOINT_ENTERED"] == totals["ENDPOINT_LEFT"] == 3
    assert world.totals(journey_id, "a0") == {"CONTINUED": 3}
    for activity in ("a1", "a3"):
        outcomes = world.totals(journey_id, activity)
        assert outcomes.get("SUCCESS", 0) + outcomes.get("UNKNOWN", 0) == 2
        assert outcomes["ENDPOINT_CHANNEL_MISMATCH"] == 1


def test_answers_of_the_table_that_are_lost_change_nothing(world):
    prepared(world.hub, [person("ann"), person("bob")])
    world.client.loses = True

    journey_id = world.publish_journey(journey_of(email("a1"), wait("a2"), email()))
    world.play()

    assert set(Counter(world.sender.messages()).values()) == {1}
    assert len(world.sender.sent) == 4
    assert world.totals(journey_id) == {"ENDPOINT_ENTERED": 2, "ENDPOINT_LEFT": 2}


def test_a_repeated_schedule_starts_nothing_twice(world):
    prepared(world.hub, [person("ann")])
    journey_id = world.publish_journey(journey_of(email("a1"), wait("a2"), email()))
    doubled = [(at, f"{name} again", given) for at, name, given in world.work]
    world.work += doubled
    world.play(timedelta(hours=1))
    world.work += [(at, f"{name} again", given) for at, name, given in world.work]

    world.play()

    assert world.sender.messages() == [("a0", ANN), ("a2", ANN)]
    assert world.totals(journey_id) == {"ENDPOINT_ENTERED": 1, "ENDPOINT_LEFT": 1}


def test_two_chunks_with_one_participant_at_once_send_one_message(world):
    prepared(world.hub, [person("ann")])
    journey_id = world.publish_journey(journey_of(wait("a1"), email()))
    world.play(timedelta(hours=1))
    [stored] = world.hub.participants.get_many(APP, journey_id, ["endpoint#ann"]).values()
    pauses_of_the_other: list[float | None] = []

    def walker(chunk: str) -> ChunkWalker:
        plan = JourneyPlan.of(world.hub, {"ApplicationId": APP, "JourneyId": journey_id})
        assert plan is not None
        context = Context()
        return ChunkWalker(
            world.hub,
            plan,
            chunk,
            f"token-{chunk}",
            context.get_remaining_time_in_millis,
            bucket=stored.bucket,
        )

    def meanwhile(address: str) -> None:
        world.sender.before = lambda address: None
        pauses_of_the_other.append(walker("other").work(["endpoint#ann"]))

    world.sender.before = meanwhile
    world.now += DAY.total_seconds()
    assert walker("one").work(["endpoint#ann"]) is None
    world.now += pauses_of_the_other[0] or 0
    assert walker("other").work(["endpoint#ann"]) is None

    assert world.sender.messages() == [("a1", ANN)]
    assert pauses_of_the_other[0] and pauses_of_the_other[0] > 60
    assert balanced(world, journey_id)


def test_the_books_balance_after_each_batch(world):
    prepared(world.hub, [person(f"p{number}") for number in range(6)])
    journey_id = world.publish_journey(
        journey_of(holdout(50, "a1"), email("a2"), wait("a3"), email())
    )

    moments = []
    while world.work:
        world.work.sort(key=lambda one: one[0])
        at, name, given = world.work.pop(0)
        world.now = max(world.now, at)
        world.execute(name, given)
        moments.append(balanced(world, journey_id))

    assert len(moments) >= 2
    assert all(moments)


def test_the_participants_of_a_deleted_journey_are_deleted(world):
    prepared(world.hub, [person("ann"), person("bob")])
    journey_id = world.publish_journey(journey_of(email("a1"), wait()))
    world.play(timedelta(hours=1))
    world.hub.entities.delete(APP, Kind.JOURNEY, journey_id)
    world.start_journey(APP, journey_id, JourneyWork("PURGE", "1"))
    world.play()

    stored = world.hub.participants.get_many(APP, journey_id, participants(world))
    assert {one.step for one in stored.values()} == {0}
    assert world.totals(journey_id) == world.totals(journey_id, run=1) == {}
    assert list(world.hub.participants.pending(APP, journey_id)) == []
