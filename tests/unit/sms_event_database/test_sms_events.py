"""Rows of sms_events."""

import copy
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import sms_event_database
from shared.event_rows.batch import transform
from sms_event_database.sms_events import rows
from tests.builders.event_records import INDEX, fits, lost, record, rows_of, sample, samples

ROOT = Path(__file__).parents[3]
COLUMNS = json.loads(Path(sms_event_database.__file__).with_name("sms_events.json").read_text())
BARE = [name for name in samples("sms") if "wrapper" not in INDEX[f"{name}.json"].get("note", "")]


def row_for(event):
    answer = transform([record(event)], rows)
    assert answer.records[0]["result"] == "Ok", answer.reasons
    (row,) = rows_of(answer.records[0])
    return row


def fits_the_table(row):
    kinds = {column["name"]: column["type"] for column in COLUMNS}
    return set(row) <= set(kinds) and all(fits(value, kinds[key]) for key, value in row.items())


def test_the_module_and_the_package_have_the_same_columns():
    declared = ROOT / "modules" / "sms_event_database" / "sms_events.json"

    assert json.loads(declared.read_text()) == COLUMNS
    for column in COLUMNS:
        assert column["type"] == column["type"].lower() and " " not in column["type"]
        assert 0 < len(column["comment"]) <= 255  # what Glue takes


@pytest.mark.parametrize("name", samples("sms"))
def test_a_sample_becomes_one_row_that_fits_and_loses_nothing(name):
    event = sample(name)

    row = row_for(event)

    assert fits_the_table(row)
    assert lost(event, row) == []


@pytest.mark.parametrize("name", BARE)
def test_a_documented_event_leaves_nothing_to_unmapped(name):
    event = sample(name)

    row = row_for(event)

    assert "unmapped" not in row
    assert row["eventtype"] == event["eventType"]


def test_what_the_original_dropped_is_there():
    event = sample("sms/text_delivered")

    row = row_for(event)

    assert row["context"] == event["context"]
    assert (row["carriername"], row["mcc"], row["mnc"]) == ("Example Wireless", "310", "800")
    assert row["isfinal"] is True


@pytest.mark.parametrize(
    ("dollars", "micros"),
    [
        (0.09582, 95_820),
        (0.1, 100_000),
        (0.00645, 6_450),
        ("0.29", 290_000),
        (0, 0),
        (1.1, 1_100_000),
        (-0.5, -500_000),
        (None, None),
        ("much", None),
        (1e300, None),
    ],
)
@pytest.mark.parametrize("member", ["totalMessagePrice", "totalCarrierFee"])
def test_money_is_exact_in_millionths(member, dollars, micros):
    row = row_for(sample("sms/text_delivered") | {member: dollars})

    assert row.get(f"{member.lower()}micros") == micros


@pytest.mark.parametrize(("written", "read"), [("true", True), ("False", False), (True, True)])
def test_is_final_is_a_boolean_however_it_is_written(written, read):
    assert row_for(sample("sms/text_successful") | {"isFinal": written})["isfinal"] is read


def test_a_type_that_is_new_is_kept():
    event = sample("sms/text_delivered") | {"eventType": "FAX_SENT", "pages": 3}

    row = row_for(event)

    assert row["eventtype"] == "FAX_SENT"
    assert row["unmapped"] == {"pages": "3"}


@pytest.mark.parametrize(
    "event",
    [
        {},
        {"eventType": None},
        {"eventType": ""},
        sample("ses/send"),
        sample("pinpoint/sms_success"),
        sample("two_way_sms/opt_out_stop"),
    ],
)
def test_what_is_no_event_of_end_user_messaging_goes_to_the_error_prefix(event):
    answer = transform([record(event)], rows)

    assert answer.records[0]["result"] == "ProcessingFailed"
    assert answer.reasons == {"NotOfThisTable": 1}


@pytest.mark.parametrize("name", samples("sms"))
def test_a_row_that_comes_again_stays_as_it_is(name):
    row = row_for(sample(name))

    assert row_for(copy.deepcopy(row)) == row


@pytest.mark.parametrize("change", [{}, {"carrierName": "Other"}, {"totalMessagePrice": None}])
def test_a_copy_has_the_same_id(change):
    event = sample("sms/text_delivered")

    assert row_for(event)["event_id"] == row_for(event | change)["event_id"]


@pytest.mark.parametrize(
    "change",
    [
        {"eventType": "TEXT_QUEUED"},
        {"messageId": "other"},
        {"messageStatus": "OTHER"},
        {"eventTimestamp": 1772471234513},
    ],
)
def test_another_event_has_another_id(change):
    event = sample("sms/text_delivered")

    assert row_for(event)["event_id"] != row_for(event | change)["event_id"]


def test_an_event_without_a_message_has_the_id_of_all_its_content():
    event = sample("sms/text_delivered")
    del event["messageId"]

    ids = [row_for(one)["event_id"] for one in (event, event, event | {"mcc": "311"})]

    assert ids[0] == ids[1] != ids[2]


json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
members = sorted({member for name in BARE for member in sample(name)} - {"eventType"})


@given(
    st.sampled_from(BARE),
    st.dictionaries(st.sampled_from(members), json_values, max_size=4),
    # An event with the member mail is an event of SES.
    st.dictionaries(
        st.text(max_size=8).filter(lambda name: name != "mail"), json_values, max_size=3
    ),
)
def test_whatever_an_event_holds_the_row_fits_and_nothing_is_lost(name, changes, more):
    event = {**more, **sample(name), **changes}

    row = row_for(event)

    assert fits_the_table(row)
    assert lost(event, row) == []


def test_a_mail_that_is_null_is_none():
    event = sample("sms/text_delivered")

    assert row_for(event | {"mail": None}) == row_for(event)
