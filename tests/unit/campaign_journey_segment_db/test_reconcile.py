"""The reconciliation makes the tables agree with the project, and exports them."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest

from campaign_journey_segment_db.changes import change_in
from campaign_journey_segment_db.project import Project
from campaign_journey_segment_db.reconciliation import OutOfTime
from shared.new_permissions import once_permitted
from tests.builders.architectures import CONTEXT, load_function, service_error
from tests.builders.names_database import (
    BUCKET,
    CHANGED,
    ENVIRONMENT,
    PROJECT,
    REGION,
    FakePinpoint,
    Tables,
    announcement,
    campaign,
    journey,
    message,
    names_database,
    segment,
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
    module = load_function(
        monkeypatch, "campaign_journey_segment_db.functions.reconcile", ENVIRONMENT
    )
    project = Project(pinpoint, PROJECT)  # type: ignore[arg-type]  # a fake
    monkeypatch.setattr(module, "project", project)
    return module


def context(seconds: float = 300) -> Any:
    return SimpleNamespace(
        **vars(CONTEXT), get_remaining_time_in_millis=lambda: int(seconds * 1000)
    )


def run(function: ModuleType) -> dict[str, Any]:
    return dict(function.lambda_handler({}, context()))


def exported(table: str) -> list[dict[str, Any]]:
    s3 = boto3.client("s3", region_name=REGION)
    body = s3.get_object(Bucket=BUCKET, Key=f"names/{table}/names.jsonl")["Body"].read()
    return [json.loads(line) for line in body.decode().splitlines()]


def announce(tables: Tables, **detail: Any) -> None:
    change: Any = change_in(message(announcement(**detail)), PROJECT)
    assert tables.store.record(change, now=CHANGED)


def test_a_project_with_segments_and_no_campaign_is_recorded(function, tables, pinpoint):
    pinpoint.segments = {"s1": segment(), "s2": segment("s2", Name="Fans")}

    report = run(function)

    assert report["Added"] == 2
    assert {row["name"] for row in tables.rows("segments").values()} == {"Readers", "Fans"}
    assert tables.rows("campaigns") == {}


def test_an_empty_project_gives_empty_files(function):
    assert run(function)["Exported"] == {"campaigns_and_journeys": 0, "segments": 0}

    assert exported("campaigns_and_journeys") == exported("segments") == []


def test_every_page_of_every_list_is_read(function, tables, pinpoint):
    pinpoint.campaigns = {f"c{n}": campaign(f"c{n}") for n in range(5)}
    pinpoint.journeys = {f"j{n}": journey(f"j{n}") for n in range(3)}
    pinpoint.segments = {f"s{n}": segment(f"s{n}") for n in range(4)}

    report = run(function)

    assert report["Added"] == 12
    assert len(tables.rows("campaigns")) == 8
    assert len(tables.rows("segments")) == 4
    assert len(pinpoint.calls) == 12  # a page each, and no call for an entity


def test_drafts_imports_treatments_tags_and_descriptions_are_recorded(function, tables, pinpoint):
    pinpoint.journeys = {"j1": journey()}
    pinpoint.segments = {"s1": segment(SegmentType="IMPORT", tags={"Team": "shop"})}
    pinpoint.campaigns = {
        "c1": campaign(
            Description="For readers",
            TreatmentName="Blue",
            AdditionalTreatments=[{"Id": "1", "TreatmentName": "Green"}],
        )
    }

    run(function)

    rows = {**tables.rows("campaigns"), **tables.rows("segments")}
    assert rows["j1"]["status"] == "DRAFT"
    assert (rows["s1"]["segment_type"], rows["s1"]["tags"]) == ("IMPORT", {"Team": "shop"})
    assert rows["c1"]["description"] == "For readers"
    assert rows["c1"]["treatments"] == {"0": "Blue", "1": "Green"}


def test_a_renamed_entity_whose_change_was_lost_gets_its_name(function, tables, pinpoint):
    pinpoint.campaigns = {"c1": campaign()}
    run(function)
    pinpoint.campaigns = {"c1": campaign(Name="Summer", Version=2, LastModifiedDate=LATER)}

    assert run(function)["Changed"] == 1

    row = tables.row("campaigns", "c1")
    assert row is not None and row["name"] == "Summer"


def test_a_row_that_somebody_changed_is_corrected(function, tables, pinpoint):
    pinpoint.segments = {"s1": segment()}
    run(function)
    tables.change("segments", "s1", "Wrong")

    assert run(function)["Changed"] == 1

    row = tables.row("segments", "s1")
    assert row is not None and row["name"] == "Readers"


def test_a_deleted_entity_whose_deletion_was_lost_is_marked_and_keeps_its_name(
    function, tables, pinpoint
):
    pinpoint.campaigns, pinpoint.journeys = {"c1": campaign()}, {"j1": journey()}
    run(function)
    pinpoint.campaigns = {}

    assert run(function)["Deleted"] == 1

    rows = tables.rows("campaigns")
    assert (rows["c1"]["name"], rows["c1"]["deleted"]) == ("Spring", True)
    assert rows["c1"]["deleted_at"]
    assert rows["j1"]["deleted"] is False


def test_an_entity_that_no_page_shows_and_that_is_there_is_not_marked_as_deleted(
    function, tables, pinpoint
):
    pinpoint.segments = {"s1": segment()}
    run(function)
    pinpoint.unlisted = {"s1"}

    assert run(function)["Deleted"] == 0

    row = tables.row("segments", "s1")
    assert row is not None and row["deleted"] is False


def test_an_entity_that_was_deleted_while_the_pages_were_read_stays_deleted(
    function, tables, pinpoint, monkeypatch
):
    pinpoint.segments = {"s1": segment(Name="New", Version=2)}
    announce(tables, kind="segment", id="s1", change="created", revision=1)
    listed = pinpoint.get_segments

    def deleted_meanwhile(**request: Any) -> Any:
        answer = listed(**request)
        announce(tables, kind="segment", id="s1", change="deleted", revision=3)
        return answer

    monkeypatch.setattr(function.project, "_lists", {**function.project._lists})
    function.project._lists = {
        kind: deleted_meanwhile if kind == "segment" else call
        for kind, call in function.project._lists.items()
    }

    run(function)

    row = tables.row("segments", "s1")
    assert row is not None and row["deleted"] is True


def test_a_change_that_was_recorded_while_the_pages_were_read_is_kept(function, tables, pinpoint):
    pinpoint.segments = {"s1": segment(tags={"Team": "old"})}
    announce(tables, kind="segment", id="s1", change="created", revision=1)
    listed = pinpoint.get_segments

    def tagged_meanwhile(**request: Any) -> Any:
        answer = listed(**request)
        announce(tables, kind="segment", id="s1", revision=2, tags={"Team": "new"})
        tables.client.update_item(  # another moment than the creation was recorded at
            TableName="segments",
            Key={"id": {"S": "s1"}},
            UpdateExpression="SET updated_at = :now",
            ExpressionAttributeValues={":now": {"S": LATER}},
        )
        return answer

    function.project._lists = {
        kind: tagged_meanwhile if kind == "segment" else call
        for kind, call in function.project._lists.items()
    }

    run(function)

    row = tables.row("segments", "s1")
    assert row is not None and row["tags"] == {"Team": "new"}


def test_a_second_run_writes_nothing(function, tables, pinpoint):
    pinpoint.campaigns, pinpoint.segments = {"c1": campaign()}, {"s1": segment()}
    run(function)
    before = tables.rows("campaigns")

    report = run(function)

    assert report == {
        "Added": 0,
        "Changed": 0,
        "Deleted": 0,
        "Unchanged": 2,
        "Contradicted": 0,
        "Exported": {"campaigns_and_journeys": 1, "segments": 1},
    }
    assert tables.rows("campaigns") == before


def test_a_row_that_is_marked_as_deleted_and_listed_is_counted_and_stays(
    function, tables, pinpoint
):
    announce(tables, kind="segment", id="s1", change="deleted")
    pinpoint.segments = {"s1": segment()}

    assert run(function)["Contradicted"] == 1

    row = tables.row("segments", "s1")
    assert row is not None and row["deleted"] is True


def test_rows_of_a_project_that_the_module_had_before_stay_as_they_are(function, tables, pinpoint):
    other: Any = change_in(message(announcement(applicationId="b" * 32)), "b" * 32)
    tables.store.record(other, now=CHANGED)

    assert run(function)["Deleted"] == 0

    row = tables.row("campaigns", "c1")
    assert row is not None and row["deleted"] is False


def test_the_files_have_every_row_and_names_in_any_alphabet(function, tables, pinpoint):
    pinpoint.campaigns = {"c1": campaign(Name='Größe "L" 👋\nzweite Zeile')}
    announce(tables, kind="segment", id="s9", change="deleted", name="Gone")

    run(function)

    [line] = exported("campaigns_and_journeys")
    assert (line["id"], line["name"]) == ("c1", 'Größe "L" 👋\nzweite Zeile')
    assert line["deleted"] is False
    assert line["version"] == 1
    assert {"revision", "state_order"}.isdisjoint(line)
    [gone] = exported("segments")
    assert (gone["name"], gone["deleted"]) == ("Gone", True)


def test_a_run_that_fails_leaves_the_files_of_the_run_before(function, pinpoint):
    pinpoint.segments = {"s1": segment()}
    run(function)
    pinpoint.error = service_error("GetCampaigns", "InternalServerErrorException", 500)

    with pytest.raises(type(pinpoint.error)):
        run(function)

    assert [line["id"] for line in exported("segments")] == ["s1"]


def test_a_policy_that_is_seconds_old_and_does_not_count_yet_is_waited_for(
    function, tables, pinpoint, monkeypatch
):
    pinpoint.segments = {"s1": segment()}
    pinpoint.error = service_error("GetCampaigns", "ForbiddenException", 403)
    waits: list[float] = []

    def permitted_after_seven_seconds(seconds: float) -> None:
        waits.append(seconds)
        if sum(waits) >= 7:
            pinpoint.error = None

    monkeypatch.setattr(once_permitted, "__defaults__", (permitted_after_seven_seconds,))

    assert run(function)["Added"] == 1

    assert waits == [1, 2, 4]


def test_a_policy_that_lacks_a_permission_ends_the_run(function, pinpoint, monkeypatch):
    pinpoint.error = service_error("GetCampaigns", "ForbiddenException", 403)
    waits: list[float] = []
    monkeypatch.setattr(once_permitted, "__defaults__", (waits.append,))

    with pytest.raises(type(pinpoint.error)):
        run(function)

    assert waits == [1, 2, 4, 8]


def test_a_run_that_is_out_of_time_says_so_and_keeps_what_it_wrote(function, tables, pinpoint):
    pinpoint.campaigns = {f"c{n}": campaign(f"c{n}") for n in range(5)}
    left = iter([300, 300, 5])

    with pytest.raises(OutOfTime, match="Rows that are written stay"):
        function.lambda_handler(
            {},
            SimpleNamespace(
                **vars(CONTEXT), get_remaining_time_in_millis=lambda: next(left) * 1000
            ),
        )

    assert len(tables.rows("campaigns")) == 2


def test_without_an_event_database_no_file_is_written(monkeypatch, tables, pinpoint):
    environment = {k: v for k, v in ENVIRONMENT.items() if not k.startswith("EXPORT")}
    for name in ("EXPORT_BUCKET", "EXPORT_PREFIX"):
        monkeypatch.delenv(name, raising=False)
    module = load_function(
        monkeypatch, "campaign_journey_segment_db.functions.reconcile", environment
    )
    monkeypatch.setattr(module, "project", Project(pinpoint, PROJECT))
    s3 = boto3.resource("s3", region_name=REGION)
    s3.Bucket(BUCKET).objects.delete()

    assert run(module)["Exported"] == {}

    assert boto3.client("s3", region_name=REGION).list_objects_v2(Bucket=BUCKET)["KeyCount"] == 0
