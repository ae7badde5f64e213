"""Error objects."""

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.event_rows.errors import (
    BrokenErrorObject,
    Refused,
    error_key,
    error_line,
    refused_data,
)

NOW = datetime(2026, 11, 23, 14, 30, tzinfo=UTC)
ARRIVED = 1795441800000  # 2026-11-23 13:50 UTC


def test_a_line_has_the_members_of_firehoses_own():
    line = json.loads(error_line(Refused(b"broken", "not JSON", ARRIVED), NOW))

    assert line == {
        "attemptsMade": 1,
        "arrivalTimestamp": ARRIVED,
        "errorCode": "Transform.Unreadable",
        "errorMessage": "A part of the record cannot be read: not JSON.",
        "attemptEndingTimestamp": 1795441800000 + 40 * 60_000,
        "rawData": "YnJva2Vu",
    }


def test_an_object_is_in_the_hour_of_its_arrival():
    key = error_key("errors/", [Refused(b"a", "x", ARRIVED)], NOW)

    assert key.startswith("errors/unreadable/2026/11/23/13/")


def test_a_retry_writes_the_same_object_and_other_records_another():
    first = error_key("errors/", [Refused(b"a", "x", ARRIVED), Refused(b"b", "x", ARRIVED)], NOW)

    again = datetime(2026, 11, 23, 15, tzinfo=UTC)
    assert first == error_key(
        "errors/", [Refused(b"a", "x", ARRIVED), Refused(b"b", "x", ARRIVED)], again
    )
    assert first != error_key("errors/", [Refused(b"ab", "x", ARRIVED)], NOW)
    assert first != error_key("errors/", [Refused(b"a", "x", ARRIVED)], NOW)


@given(st.lists(st.binary(), max_size=5))
def test_what_was_written_is_read_again(parts):
    lines = [error_line(Refused(part, "x", ARRIVED), NOW) for part in parts]

    assert refused_data("".join(lines).encode()) == parts


@pytest.mark.parametrize(
    "line",
    ["{", "[]", "5", '{"rawData":5}', '{"rawData":"?"}', '{"other":"eA=="}', "\xff", "[" * 99_999],
)
def test_a_line_that_is_none_is_named_by_its_number(line):
    good = error_line(Refused(b"a", "x", ARRIVED), NOW)

    with pytest.raises(BrokenErrorObject, match=r"^Line 3 "):
        refused_data(f"{good}\n{line}\n{good}".encode("latin-1"))
