"""Rows of ses_events."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import ses_event_database
from ses_event_database.ses_events import rows
from shared.event_rows.batch import transform
from shared.pinpoint_events import EMAIL_TYPES
from tests.builders.event_records import INDEX, fits, lost, record, rows_of, sample, samples

ROOT = Path(__file__).parents[3]
COLUMNS = json.loads(Path(ses_event_database.__file__).with_name("ses_events.json").read_text())
BARE = [
    name
    for name in samples("ses", "ses_notification")
    if "wrapper" not in INDEX[f"{name}.json"].get("note", "")
]


def row_for(event):
    answer = transform([record(event)], rows)
    assert answer.records[0]["result"] == "Ok", answer.reasons
    (row,) = rows_of(answer.records[0])
    return row


def fits_the_table(row):
    kinds = {column["name"]: column["type"] for column in COLUMNS}
    return set(row) <= set(kinds) and all(fits(value, kinds[key]) for key, value in row.items())


def test_the_module_and_the_package_have_the_same_columns():
    declared = ROOT / "modules" / "ses_event_database" / "ses_events.json"

    assert json.loads(declared.read_text()) == COLUMNS
    for column in COLUMNS:
        assert column["type"] == column["type"].lower() and " " not in column["type"]
        assert 0 < len(column["comment"]) <= 255  # what Glue takes


@pytest.mark.parametrize("name", samples("ses", "ses_notification"))
def test_a_sample_becomes_one_row_that_fits_and_loses_nothing(name):
    event = sample(name)

    row = row_for(event)

    assert fits_the_table(row)
    assert lost(event, row) == []


@pytest.mark.parametrize("name", BARE)
def test_a_documented_event_leaves_nothing_to_unmapped(name):
    assert "unmapped" not in row_for(sample(name))


def test_all_ten_types_have_a_column_for_their_details():
    names = {column["name"] for column in COLUMNS}

    assert len(EMAIL_TYPES) == 10
    assert {entry["detail"].lower() for entry in EMAIL_TYPES.values()} <= names


@pytest.mark.parametrize("name", samples("ses_notification"))
def test_a_notifications_type_is_in_the_same_column(name):
    event = sample(name)

    assert row_for(event)["eventtype"] == event["notificationType"]


def test_tags_are_a_map_under_their_real_keys():
    event = sample("ses/send")
    event["mail"]["tags"]["myOwn-Tag"] = ["a", "b"]

    tags = row_for(event)["mail"]["tags"]

    assert tags == event["mail"]["tags"]
    assert tags["ses:configuration-set"] == ["ConfigSet"]


def test_a_type_that_is_new_at_ses_is_kept():
    event = sample("ses/send") | {"eventType": "Teleport", "teleport": {"to": "Mars"}}

    row = row_for(event)

    assert row["eventtype"] == "Teleport"
    assert row["unmapped"] == {"teleport": '{"to":"Mars"}'}
    assert len(row["event_id"]) == 32


@pytest.mark.parametrize(
    "event",
    [
        {"eventType": "Send"},
        {"mail": {}},
        {"eventType": "Send", "mail": "text"},
        {"notificationType": "Received", "mail": {}},
        sample("sms/text_delivered"),
        sample("pinpoint/email_send"),
        sample("ses_receiving/sns_action"),
    ],
)
def test_what_is_no_event_of_ses_goes_to_the_error_prefix(event):
    answer = transform([record(event)], rows)

    assert answer.records[0]["result"] == "ProcessingFailed"
    assert answer.reasons == {"NotOfThisTable": 1}


@pytest.mark.parametrize("name", samples("ses", "ses_notification"))
def test_a_row_that_comes_again_stays_as_it_is(name):
    row = row_for(sample(name))

    assert row_for(copy.deepcopy(row)) == row


def test_a_notification_and_the_published_event_have_one_id():
    notification = sample("ses_notification/bounce_with_dsn")
    published = {"eventType": "Bounce"} | {
        key: value for key, value in notification.items() if key != "notificationType"
    }

    assert row_for(notification) == row_for(published)


@pytest.mark.parametrize("time", ["2026-03-02T17:01:41.155+00:00", "2026-03-02T18:01:41.155+01:00"])
def test_one_time_written_in_two_ways_gives_one_id(time):
    event = sample("ses/click")
    other = copy.deepcopy(event)
    other["click"]["timestamp"] = time

    assert row_for(event)["event_id"] == row_for(other)["event_id"]


@pytest.mark.parametrize(
    "change",
    [
        {"eventType": "Open"},
        {"click": {"link": "other"}},
        {"click": {"timestamp": "2026-03-02T17:05:00Z"}},
        {"mail": {"messageId": "other"}},
    ],
)
def test_another_event_has_another_id(change):
    event = sample("ses/click")
    other = copy.deepcopy(event)
    for member, value in change.items():
        other[member] = {**other[member], **value} if isinstance(value, dict) else value

    assert row_for(event)["event_id"] != row_for(other)["event_id"]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)


@given(
    st.sampled_from(BARE),
    st.dictionaries(st.text(max_size=8), json_values, max_size=3),
    st.dictionaries(
        st.sampled_from(["destination", "tags", "headers", "messageId", "timestamp", "x"]),
        json_values,
        max_size=3,
    ),
    st.dictionaries(
        st.sampled_from(["timestamp", "link", "linkTags", "bouncedRecipients", "recipients"]),
        json_values,
        max_size=3,
    ),
)
def test_whatever_an_event_holds_the_row_fits_and_nothing_is_lost(name, top, mail, detail):
    event = {**top, **sample(name)}
    event["mail"] |= mail
    for entry in EMAIL_TYPES.values():
        if isinstance(event.get(entry["detail"]), dict):
            event[entry["detail"]] = {**event[entry["detail"]], **detail}

    row = row_for(event)

    assert fits_the_table(row)
    assert lost(event, row) == []
