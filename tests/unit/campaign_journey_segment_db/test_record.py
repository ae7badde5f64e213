"""Changes of entities become rows, in whatever order they arrive."""

from __future__ import annotations

import itertools
import uuid
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from campaign_journey_segment_db.changes import MalformedChange, change_in
from campaign_journey_segment_db.entities import Kind, entity_of
from campaign_journey_segment_db.project import Project
from tests.builders.architectures import CONTEXT, load_function, service_error, sqs_event
from tests.builders.names_database import (
    ENVIRONMENT,
    PROJECT,
    FakePinpoint,
    Tables,
    announcement,
    campaign,
    journey,
    message,
    names_database,
    segment,
    trail,
)

LATER = "2026-11-29T11:00:00.000Z"


@pytest.fixture(scope="module")
def database() -> Iterator[Tables]:
    with names_database() as tables:
        yield tables


@pytest.fixture
def tables(database: Tables) -> Tables:
    database.empty()
    return database


@pytest.fixture
def pinpoint() -> FakePinpoint:
    return FakePinpoint()


@pytest.fixture
def function(monkeypatch: pytest.MonkeyPatch, tables: Tables, pinpoint: FakePinpoint) -> ModuleType:
    module = load_function(monkeypatch, "campaign_journey_segment_db.functions.record", ENVIRONMENT)
    project = Project(pinpoint, PROJECT)  # type: ignore[arg-type]  # a fake
    monkeypatch.setattr(module, "project", lambda: project)
    return module


def recorded(function: ModuleType, *events: Any) -> list[str]:
    """Deliver the events in one batch; return the ids of messages to deliver again."""
    bodies = [event if isinstance(event, str) else message(event) for event in events]
    answer = function.lambda_handler(sqs_event(*bodies), CONTEXT)
    return [failure["itemIdentifier"] for failure in answer["batchItemFailures"]]


def test_a_campaign_s_row_has_its_facts_in_types_of_their_own(function, tables):
    event = announcement(
        status="SCHEDULED",
        segmentId="s1",
        eventName="cart.abandoned",
        description="For readers",
        treatments={"0": "Blue", "1": "Green"},
        tags={"Team": "retail"},
    )

    assert recorded(function, event) == []

    row = tables.row("campaigns", "c1")
    assert row is not None
    updated_at = row.pop("updated_at")
    assert updated_at.endswith("Z")
    assert row == {
        "id": "c1",
        "application_id": PROJECT,
        "type": "campaign",
        "name": "Spring",
        "deleted": False,
        "status": "SCHEDULED",
        "segment_id": "s1",
        "event_name": "cart.abandoned",
        "description": "For readers",
        "treatments": {"0": "Blue", "1": "Green"},
        "tags": {"Team": "retail"},
        "version": 1,
        "changed_at": "2026-11-29T10:00:00.000Z",
        "revision": 2,
        "state_order": "0000000001 2026-11-29T10:00:00.000Z",
    }


def test_a_fact_that_is_not_there_is_absent_and_no_word_null(function, tables):
    recorded(function, announcement(kind="journey", id="j1", version=None))

    row = tables.row("campaigns", "j1")

    assert row is not None
    assert {"segment_id", "event_name", "version", "tags"}.isdisjoint(row)
    assert "null" not in row.values()
    assert row["deleted"] is False


def test_a_renamed_campaign_has_its_new_name(function, tables):
    recorded(function, announcement(revision=1), announcement(revision=2, name="Spring sale"))

    row = tables.row("campaigns", "c1")

    assert row is not None and row["name"] == "Spring sale"


def test_an_old_creation_does_not_resurrect_a_deleted_entity(function, tables):
    recorded(function, announcement(change="deleted", revision=3))
    deleted = tables.row("campaigns", "c1")

    assert recorded(function, announcement(change="created", revision=1)) == []

    assert tables.row("campaigns", "c1") == deleted
    assert deleted is not None and deleted["deleted"] is True


def test_no_reading_of_the_project_resurrects_a_deleted_entity(function, tables):
    recorded(function, announcement(change="deleted", revision=3))
    seen = entity_of(Kind.CAMPAIGN, campaign(Version=9, LastModifiedDate=LATER), PROJECT)

    assert not tables.store.observe(seen, None, now=LATER)

    row = tables.row("campaigns", "c1")
    assert row is not None and row["deleted"] is True


def test_an_entity_that_was_created_and_deleted_at_once_has_a_row_with_its_name(function, tables):
    recorded(function, announcement(change="deleted", revision=2, name="Short-lived"))

    row = tables.row("campaigns", "c1")

    assert row is not None
    assert (row["name"], row["deleted"]) == ("Short-lived", True)
    assert row["deleted_at"] == "2026-11-29T10:00:00.000Z"


def test_a_row_that_a_reading_wrote_is_not_renamed_back_by_an_older_announcement(function, tables):
    newer = entity_of(
        Kind.CAMPAIGN, campaign(Name="New", Version=2, LastModifiedDate=LATER), PROJECT
    )
    tables.store.observe(newer, None, now=LATER)

    recorded(function, announcement(revision=7, name="Old", version=1))

    row = tables.row("campaigns", "c1")
    assert row is not None and row["name"] == "New"


def test_a_tag_that_changed_after_a_reading_is_recorded(function, tables):
    tables.store.observe(entity_of(Kind.CAMPAIGN, campaign(), PROJECT), None, now=LATER)

    recorded(function, announcement(revision=7, tags={"Team": "shop"}))

    row = tables.row("campaigns", "c1")
    assert row is not None and row["tags"] == {"Team": "shop"}


def history(entity_id: str) -> list[Any]:
    """A creation, two renamings and the deletion of an entity."""
    states = (("created", "One", 1), ("changed", "Two", 2), ("changed", "Three", 3))
    events = [
        announcement(id=entity_id, change=change, revision=number, name=name, version=number)
        for change, name, number in states
    ]
    gone = announcement(id=entity_id, change="deleted", revision=4, name="Three", version=3)
    return [*events, gone]


def test_every_order_of_a_history_ends_in_the_same_row(function, tables):
    orders = list(itertools.permutations(range(4)))
    for order in orders:
        events = history(f"c{order}")
        assert recorded(function, *(events[number] for number in order)) == []

    rows = tables.rows("campaigns").values()

    assert len(rows) == len(orders) == 24
    assert {(row["name"], row["deleted"]) for row in rows} == {("Three", True)}


@given(order=st.lists(st.sampled_from(range(3)), min_size=1, max_size=8))
@settings(
    max_examples=50,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
def test_repetitions_and_disorder_end_in_the_latest_state_that_was_delivered(tables, order):
    entity_id = uuid.uuid4().hex
    events = history(entity_id)

    for number in order:
        change: Any = change_in(message(events[number]), PROJECT)
        tables.store.record(change, now=LATER)

    row = tables.row("campaigns", entity_id)
    assert row is not None and row["revision"] == max(order) + 1


def test_a_change_of_another_project_makes_no_call_and_no_row(function, tables, pinpoint):
    other = announcement(applicationId="b" * 32)
    called = trail(requestParameters={"application-id": "b" * 32})

    assert recorded(function, other, called) == []

    assert tables.rows("campaigns") == {}
    assert pinpoint.calls == []


def test_a_call_that_failed_changes_nothing(function, tables, pinpoint):
    failed = trail(errorCode="BadRequestException", responseElements=None)

    assert recorded(function, failed) == []

    assert (tables.rows("campaigns"), pinpoint.calls) == ({}, [])


@pytest.mark.parametrize(
    ("operation", "table", "entity_id"),
    [
        ("CreateCampaign", "campaigns", "c1"),
        ("UpdateCampaign", "campaigns", "c1"),
        ("CreateJourney", "campaigns", "j1"),
        ("UpdateJourney", "campaigns", "j1"),
        ("CreateSegment", "segments", "s1"),
        ("UpdateSegment", "segments", "s1"),
    ],
)
def test_a_call_in_the_trail_whose_name_is_masked_is_recorded_with_the_entity_s_name(
    function, tables, pinpoint, operation, table, entity_id
):
    pinpoint.campaigns["c1"] = campaign()
    pinpoint.journeys["j1"] = journey()
    pinpoint.segments["s1"] = segment()

    assert recorded(function, trail(operation)) == []

    row = tables.row(table, entity_id)
    assert row is not None
    assert row["name"] in ("Spring", "Welcome", "Readers")
    assert len(pinpoint.calls) == 1


def test_the_state_of_a_journey_in_the_trail_is_recorded(function, tables, pinpoint):
    pinpoint.journeys["j1"] = journey()
    recorded(function, trail("CreateJourney"))
    pinpoint.journeys["j1"] = journey(State="CANCELLED", LastModifiedDate=LATER)
    asked = {"application-id": PROJECT, "journey-id": "j1"}

    recorded(function, trail("UpdateJourneyState", requestParameters=asked))

    row = tables.row("campaigns", "j1")
    assert row is not None and row["status"] == "CANCELLED"


def test_a_deletion_in_the_trail_marks_the_row_and_keeps_its_name(function, tables, pinpoint):
    pinpoint.segments["s1"] = segment()
    recorded(function, trail("CreateSegment"))
    del pinpoint.segments["s1"]

    recorded(function, trail("DeleteSegment"))

    row = tables.row("segments", "s1")
    assert row is not None
    assert (row["name"], row["deleted"]) == ("Readers", True)


def test_a_deletion_in_the_trail_writes_no_row_without_a_name(function, tables, pinpoint):
    assert recorded(function, trail("DeleteSegment")) == []

    assert tables.rows("segments") == {}


def test_a_message_about_an_entity_is_delivered_again_when_the_project_does_not_answer(
    function, tables, pinpoint
):
    pinpoint.error = service_error("GetCampaign", "TooManyRequestsException", 429)

    assert recorded(function, announcement(kind="segment", id="s9"), trail()) == ["m1"]

    assert set(tables.rows("segments")) == {"s9"}


BAD = {
    "no JSON": "{",
    "an empty message": "",
    "a list": "[]",
    "a text": '"change"',
    "no detail": message({"source": "engagement_hub"}),
    "detail a text": message({"source": "engagement_hub", "detail": "x"}),
    "no source": message({"detail": {}}),
    "another service": message({**trail(), "source": "aws.personalize"}),
    "no project": message(announcement(applicationId=None)),
    "project a number": message(announcement(applicationId=7)),
    "an unknown kind": message(announcement(kind="banana")),
    "kind a list": message(announcement(kind=["campaign"])),
    "no kind": message(announcement(kind=None)),
    "an unknown change": message(announcement(change="renamed")),
    "no id": message(announcement(id=None)),
    "an empty id": message(announcement(id="")),
    "no revision": message(announcement(revision=None)),
    "revision 0": message(announcement(revision=0)),
    "revision a text": message(announcement(revision="2")),
    "revision true": message(announcement(revision=True)),
    "no time": message(announcement(at=None)),
    "no name": message(announcement(name=None)),
    "an empty name": message(announcement(name="")),
    "name a number": message(announcement(name=5)),
    "version a text": message(announcement(version="1")),
    "tags a list": message(announcement(tags=["a"])),
    "tags of numbers": message(announcement(tags={"a": 1})),
    "treatments a text": message(announcement(treatments="Blue")),
    "status a number": message(announcement(status=1)),
    "a trail without an operation": message(trail(eventName=None)),
    "an operation of no entity": message(trail("CreateApp")),
    "a trail without parameters": message(trail(requestParameters=None)),
    "a trail without a project": message(trail(requestParameters={"campaign-id": "c1"})),
    "a trail without an id": message(
        trail(requestParameters={"application-id": PROJECT}, responseElements=None)
    ),
}


def test_a_message_that_is_no_change_is_kept_and_the_others_are_recorded(function, tables):
    good = announcement(kind="segment", id="s1", name="Readers")

    assert recorded(function, *BAD.values(), good) == [f"m{n}" for n in range(len(BAD))]

    assert set(tables.rows("segments")) == {"s1"}
    assert tables.rows("campaigns") == {}


@pytest.mark.parametrize("bad", BAD.values(), ids=BAD)
def test_the_error_names_the_member_and_its_rule_and_not_the_value(bad):
    with pytest.raises(MalformedChange, match=r"(must|is no JSON)") as error:
        change_in(bad, PROJECT)

    assert "banana" not in str(error.value)


def test_the_log_has_ids_and_no_name(function, caplog):
    recorded(function, announcement(name="Secret plan"))

    lines = [vars(line) for line in caplog.records]
    assert any(line.get("id") == "c1" for line in lines)
    assert "Secret plan" not in str(lines)


def test_the_log_has_the_reason_of_a_message_that_is_delivered_again(
    function, caplog, tables, pinpoint
):
    pinpoint.error = service_error("GetCampaign", "TooManyRequestsException", 429)

    recorded(function, "{", announcement(revision=0, name="Secret plan"), trail())

    reasons = [line.reason for line in caplog.records if line.levelname == "WARNING"]
    assert reasons == [
        "The message is no JSON. Only events of EventBridge belong into this queue.",
        "detail.revision must be a whole number of 1 or more.",
        "TooManyRequestsException",
    ]
