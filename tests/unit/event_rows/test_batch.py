"""A batch of Firehose records into rows."""

import base64
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.event_rows import NotOfThisTable
from shared.event_rows.batch import ANSWER_FULL, RESPONSE_BUDGET, transform
from shared.event_rows.errors import Refused
from tests.builders.event_records import ARRIVED, record, rows_of


def as_they_are(event, arrival):
    """A table that takes any object with an event type."""
    if "event_type" not in event.value:
        raise NotOfThisTable
    return [dict(event.value)]


def answered(*data, **options):
    records = [record(one, number) for number, one in enumerate(data)]
    return transform(records, as_they_are, **options)


def test_each_record_gets_an_answer_in_its_place():
    answer = answered({"event_type": "a"}, "", "broken", {"event_type": "b"})

    assert [one["recordId"] for one in answer.records] == [f"record-{n}" for n in range(4)]
    assert [one["result"] for one in answer.records] == [
        "Ok",
        "Dropped",
        "ProcessingFailed",
        "Ok",
    ]
    assert answer.reasons == {"not JSON": 1}


def test_only_records_that_are_ok_have_data():
    answer = answered({"event_type": "a"}, "", "broken")

    assert [set(one) for one in answer.records] == [
        {"recordId", "result", "data"},
        {"recordId", "result"},
        {"recordId", "result"},
    ]


def test_every_row_is_a_line():
    (answer,) = answered('{"event_type":"a"}{"event_type":"b"}').records

    text = base64.b64decode(answer["data"]).decode()
    assert text.endswith("\n")
    assert [json.loads(line)["event_type"] for line in text.splitlines()] == ["a", "b"]


def test_the_sound_part_of_a_record_is_ok_and_the_other_is_told():
    answer = answered('{"event_type":"a"}\nbroken\n{"no type":1}')

    assert answer.records[0]["result"] == "Ok"
    assert len(rows_of(answer.records[0])) == 1
    assert answer.refused == {
        "record-0": [
            Refused(b"broken", "not JSON", ARRIVED),
            Refused(b'{"no type":1}', "NotOfThisTable", ARRIVED),
        ]
    }
    assert answer.reasons == {"not JSON": 1, "NotOfThisTable": 1}


def test_a_record_whose_other_part_could_not_be_stored_is_left_to_firehose():
    answer = answered('{"event_type":"a"}broken', {"event_type": "b"})

    answer.refuse_whole()

    assert answer.records[0] == {"recordId": "record-0", "result": "ProcessingFailed"}
    assert answer.records[1]["result"] == "Ok"


def test_an_error_in_one_event_is_that_events_alone():
    def table(event, arrival):
        return [{"n": 1 / event.value["n"]}]

    answer = transform([record({"n": 0}, 0), record({"n": 1}, 1)], table)

    assert [one["result"] for one in answer.records] == ["ProcessingFailed", "Ok"]
    assert answer.reasons == {"ZeroDivisionError": 1}


def test_a_row_that_is_no_json_is_refused_instead_of_written():
    answer = transform([record({"n": 0})], lambda event, arrival: [{"n": float("nan")}])

    assert answer.records[0]["result"] == "ProcessingFailed"
    assert answer.reasons == {"ValueError": 1}


def test_an_event_at_the_edge_of_what_can_be_nested_fails_no_other():
    # Reading, making rows and writing reach Python's limit at different depths; all are tried.
    for depth in (*range(300, 1100, 5), 3_000, 20_000):
        deep = '{"n":' + "[" * depth + "]" * depth + "}"

        answer = answered({"event_type": "a"}, f'{{"event_type":"b"}}\n{deep}', deep)

        first, second, third = (one["result"] for one in answer.records)
        assert (first, third) == ("Ok", "ProcessingFailed")
        assert second == ("Ok" if answer.refused else "ProcessingFailed")


def test_a_table_sees_when_and_where_an_event_came():
    seen = []

    def table(event, arrival):
        seen.append(arrival)
        return []

    transform([record({"a": 1})], table, account_id="123")

    assert seen == [(ARRIVED, "123")]


def test_an_answer_stays_below_what_lambda_takes():
    megabyte = {"event_type": "a", "text": "x" * 1_000_000}

    answer = answered(*[megabyte] * 8)

    results = [one["result"] for one in answer.records]
    assert results == ["Ok"] * 4 + ["ProcessingFailed"] * 4
    assert answer.reasons == {ANSWER_FULL: 4}
    assert len(json.dumps({"records": answer.records})) < RESPONSE_BUDGET


def test_a_small_record_still_fits_where_a_big_one_does_not():
    big, small = {"event_type": "a", "text": "x" * 2_000}, {"event_type": "b"}

    answer = answered(small, big, small, budget=1_000)

    assert [one["result"] for one in answer.records] == ["Ok", "ProcessingFailed", "Ok"]


@pytest.mark.parametrize("text", ["x" * 1_020_000, "é" * 500_000, "😀" * 250_000, '"' * 500_000])
def test_a_record_of_the_greatest_size_fits_the_answer(text):
    answer = answered(json.dumps({"event_type": "a", "text": text}, ensure_ascii=False))

    assert answer.records[0]["result"] == "Ok"
    assert rows_of(answer.records[0])[0]["text"] == text


@pytest.mark.parametrize("text", ["Größe", "日本", "😀", "\u2028", "\ud800", "a\udfffb", "\x00"])
def test_any_text_comes_through(text):
    (answer,) = answered({"event_type": "a", "text": text}).records

    (row,) = rows_of(answer)
    assert row["text"] == text


def test_an_envelope_is_kept_in_unmapped_and_is_not_in_the_id():
    bare = {"event_type": "a", "n": 1}
    wrapped = {"detail-type": "x", "id": "e1", "detail": bare}

    answer = answered(bare, wrapped, {**wrapped, "id": "e2"})

    rows = [rows_of(one)[0] for one in answer.records]
    assert len({row["event_id"] for row in rows}) == 1
    assert [json.loads(row["unmapped"]["envelope"])["id"] for row in rows[1:]] == ["e1", "e2"]


def test_a_name_that_comes_twice_is_kept_in_unmapped():
    text = '{"event_type":"a","n":1,"n":2}'

    (row,) = rows_of(answered(text).records[0])

    assert row["n"] == 2
    assert json.loads(row["unmapped"]["repeated_names"]) == text


def test_a_copy_has_the_same_id_in_another_batch_place_and_order_of_members():
    first = {"event_type": "a", "x": {"one": 1, "two": 2}, "arrival_timestamp": 5}
    shuffled = {"arrival_timestamp": 5, "x": {"two": 2, "one": 1}, "event_type": "a"}

    alone = rows_of(answered(first).records[0])
    behind = rows_of(answered({"event_type": "b"}, shuffled).records[1])

    assert alone == behind


def test_events_that_differ_have_other_ids():
    events = [{"event_type": "a", "n": n} for n in range(50)]

    ids = {rows_of(one)[0]["event_id"] for one in answered(*events).records}

    assert len(ids) == 50


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.lists(st.binary(max_size=80) | st.text(max_size=80) | json_values, max_size=5))
def test_whatever_arrives_gets_an_answer_that_is_json(data):
    answer = answered(*data)

    assert len(answer.records) == len(data)
    for one in answer.records:
        assert (one["result"] == "Ok") == ("data" in one)
        rows_of(one)
