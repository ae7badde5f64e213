"""Views of campaign_journey_segment_db: events of the event database with names."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import sqlglot

from campaign_journey_segment_db.entities import row_of
from campaign_journey_segment_db.export import Export
from tests.builders.event_database import ROOT, EventDatabase, read_view
from tests.builders.event_records import sample
from tests.builders.local_account import LocalAccount

MODULE = ROOT / "modules" / "campaign_journey_segment_db"
VIEWS = sorted((MODULE / "views").glob("*.sql"))
FOLDER = "names/"
HIVE = "org.apache.hadoop.hive.ql.io"
# Columns of the tables over the exported files, as athena.tf declares them.
COLUMNS: dict[str, dict[str, str]] = {
    "campaigns_and_journeys": {
        **dict.fromkeys(["id", "application_id", "type", "name", "segment_id"], "string"),
        **dict.fromkeys(["treatments", "tags"], "map<string,string>"),
        "version": "bigint",
        "deleted": "boolean",
    },
    "segments": {
        **dict.fromkeys(["id", "application_id", "name", "segment_type"], "string"),
        "tags": "map<string,string>",
        "version": "bigint",
        "deleted": "boolean",
    },
}


class Names:
    """Exported names in the event database of all sample events."""

    def __init__(self, account: LocalAccount, events: EventDatabase) -> None:
        self.events = events
        self._bucket = events.module.replace("_", "-")
        self._export = Export(account.client("s3"), self._bucket, FOLDER)
        glue = account.client("glue")
        for table, columns in COLUMNS.items():
            glue.create_table(
                DatabaseName=events.name,
                TableInput={
                    "Name": table,
                    "TableType": "EXTERNAL_TABLE",
                    "Parameters": {"EXTERNAL": "TRUE", "classification": "json"},
                    "StorageDescriptor": {
                        "Location": f"s3://{self._bucket}/{FOLDER}{table}/",
                        "InputFormat": "org.apache.hadoop.mapred.TextInputFormat",
                        "OutputFormat": f"{HIVE}.HiveIgnoreKeyTextOutputFormat",
                        "SerdeInfo": {
                            "SerializationLibrary": "org.openx.data.jsonserde.JsonSerDe",
                            "Parameters": {"case.insensitive": "false"},
                        },
                        "Columns": [{"Name": n, "Type": t} for n, t in columns.items()],
                    },
                },
            )
        for path in VIEWS:
            events._create_view(path.stem, read_view(path))

    def export(self, *, campaigns: list[Any], segments: list[Any]) -> None:
        self._export.write("campaigns_and_journeys", campaigns)
        self._export.write("segments", segments)


@pytest.fixture(scope="module")
def made(account_of_databases: LocalAccount, databases: dict[str, EventDatabase]) -> Names:
    return Names(account_of_databases, databases["pinpoint_event_database"])


@pytest.fixture
def names(made: Names) -> Names:
    made.events.empty()
    made.export(campaigns=[], segments=[])
    return made


def event(name: str, **attributes: str) -> dict[str, Any]:
    found = sample(f"pinpoint/{name}")
    return {**found, "attributes": {**found["attributes"], **attributes}}


def row(entity_id: str, name: str, **facts: Any) -> dict[str, Any]:
    return {"id": entity_id, "application_id": "a", "name": name, "deleted": False, **facts}


@pytest.mark.parametrize("view", VIEWS, ids=lambda path: path.stem)
def test_a_view_declares_the_columns_that_its_query_yields(view: Path, names: Names) -> None:
    assert read_view(view).columns == names.events.columns_of_query(read_view(view).body)


@pytest.mark.parametrize("view", VIEWS, ids=lambda path: path.stem)
def test_a_view_has_every_column_of_the_view_without_names_and_says_what_a_row_is(
    view: Path,
) -> None:
    base = ROOT / "modules/pinpoint_event_database/views" / f"{view.stem[:-11]}.sql"
    columns, own = read_view(base).columns, read_view(view).columns

    assert [column for column in own if column in columns] == columns
    assert own[-2:] == columns[-2:]
    assert read_view(view).head.startswith("-- One row per ")


def test_a_send_has_the_names_of_its_campaign_treatment_and_segment(names: Names) -> None:
    names.events.put(
        event("campaign_send", campaign_id="c1", treatment_id="1"),
        event("campaign_send", campaign_id="c2", treatment_id="0"),
    )
    treatments = {"0": "Blue", "1": "Green"}
    names.export(
        campaigns=[row("c1", "Spring", type="campaign", segment_id="s1", treatments=treatments)],
        segments=[row("s1", "Readers")],
    )

    answer = names.events.ask(
        "SELECT pinpoint_campaign_id, campaign_name, treatment_name, segment_name "
        "FROM campaign_send_with_names ORDER BY 1"
    )

    assert [list(one.values()) for one in answer] == [
        ["c1", "Spring", "Green", "Readers"],
        ["c2", None, None, None],  # no event is lost for want of a name
    ]


def test_a_deleted_campaign_has_its_name_still(names: Names) -> None:
    names.events.put(event("campaign_send", campaign_id="c1"))
    names.export(campaigns=[row("c1", "Gone", deleted=True)], segments=[])

    [answer] = names.events.ask("SELECT campaign_name FROM campaign_send_with_names")

    assert answer["campaign_name"] == "Gone"


def test_an_email_and_a_text_of_a_journey_have_its_name(names: Names) -> None:
    names.events.put(
        event("email_send", journey_id="j1"),
        event("sms_success", journey_id="j1"),
        event("journey_send", journey_id="j1"),
    )
    names.export(
        campaigns=[row("j1", "Welcome", type="journey", segment_id="s1")],
        segments=[row("s1", "Readers")],
    )

    for view in (
        "all_email_events_with_names",
        "all_phone_events_with_names",
        "email_send_with_names",
        "journey_send_with_names",
    ):
        [answer] = names.events.ask(f"SELECT journey_name, segment_name FROM {view}")
        assert answer == {"journey_name": "Welcome", "segment_name": "Readers"}, view


def test_names_in_any_alphabet_and_tags_with_capitals_come_through(names: Names) -> None:
    names.export(
        campaigns=[row("c1", 'Größe "L" 👋\nzweite Zeile', tags={"Team": "Retail"})], segments=[]
    )

    [answer] = names.events.ask(
        "SELECT name, element_at(tags, 'Team') AS team, deleted FROM campaigns_and_journeys"
    )

    assert answer == {"name": 'Größe "L" 👋\nzweite Zeile', "team": "Retail", "deleted": "false"}


def test_the_tables_of_the_module_have_every_fact_of_a_row() -> None:
    from campaign_journey_segment_db.entities import Kind, entity_of

    body = {"Id": "c", "Name": "n", "Version": 1, "LastModifiedDate": "t", "tags": {"a": "b"}}
    terraform = (MODULE / "athena.tf").read_text()

    for kind in Kind:
        for name in row_of(entity_of(kind, body, "a")):
            assert f"      {name} " in terraform


def test_the_query_of_the_connector_is_sql() -> None:
    text = (MODULE / "current_names.sql").read_text()
    sql = text.replace("${catalog}", "dynamodb").replace("${table}", "names-campaigns")

    [statement] = sqlglot.parse(sql, read="athena")

    assert statement is not None
    assert json.dumps("names-campaigns") in statement.sql("athena")
