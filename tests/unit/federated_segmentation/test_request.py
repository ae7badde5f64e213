"""The input of a run: two types, their members, and every rule that a bad input breaks."""

import pytest

from federated_segmentation.request import InvalidRequest, Request, RequestType, request_from

QUERY = 'SELECT a AS "Id" FROM t'
DIRECT = {"Query": QUERY, "Type": "direct", "SegmentName": "Red shoes"}
MUTATE = {"Query": QUERY, "Type": "mutate"}


def test_a_direct_run_names_its_segment_and_may_fill_one_that_exists():
    assert request_from(DIRECT) == Request(QUERY, RequestType.DIRECT, "Red shoes", None)
    assert request_from(DIRECT | {"SegmentId": "s1"}).segment_id == "s1"


def test_a_mutate_run_has_no_segment():
    assert request_from(MUTATE) == Request(QUERY, RequestType.MUTATE, None, None)


def test_an_execution_that_another_execution_starts_may_say_so():
    request_from(MUTATE | {"AWS_STEP_FUNCTIONS_STARTED_BY_EXECUTION_ID": "arn:…"})


BAD = {
    "not an object": ([QUERY], "must be an object"),
    "a text": (QUERY, "must be an object"),
    "nothing": (None, "must be an object"),
    "empty": ({}, "Query is missing. Give one SELECT statement. Type is missing."),
    "no query": ({"Type": "mutate"}, "Query is missing"),
    "an empty query": (MUTATE | {"Query": "  "}, "Query must be a text that is not empty"),
    "a query that is no text": (MUTATE | {"Query": 7}, "Query must be a text"),
    "a null query": (MUTATE | {"Query": None}, "Query must be a text"),
    "no type": ({"Query": QUERY}, "Type is missing. Give direct or mutate."),
    "another type": (MUTATE | {"Type": "delete"}, "Type must be direct or mutate"),
    "a type in upper case": (DIRECT | {"Type": "DIRECT"}, "Type must be direct or mutate"),
    "a type that is a list": (DIRECT | {"Type": ["direct"]}, "Type must be a text"),
    "no segment name": ({"Query": QUERY, "Type": "direct"}, "SegmentName is missing"),
    "an empty segment name": (DIRECT | {"SegmentName": ""}, "SegmentName must be a text"),
    "a null segment name": (DIRECT | {"SegmentName": None}, "SegmentName must be a text"),
    "a long segment name": (DIRECT | {"SegmentName": "x" * 129}, "more than 128 characters"),
    "an id that is a number": (DIRECT | {"SegmentId": 5}, "SegmentId must be a text"),
    "mutate with a name": (MUTATE | {"SegmentName": "x"}, "SegmentName belongs to Type direct"),
    "mutate with an id": (MUTATE | {"SegmentId": "x"}, "SegmentId belongs to Type direct"),
    "an unknown member": (DIRECT | {"Segment": "x"}, "Segment is not a member of the input"),
    "a misspelt member": (MUTATE | {"query": "x"}, "query is not a member of the input"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_input_is_refused_by_the_name_of_its_member(name):
    run_input, reason = BAD[name]

    with pytest.raises(InvalidRequest, match=reason):
        request_from(run_input)


def test_every_rule_that_an_input_breaks_is_named_at_once():
    with pytest.raises(InvalidRequest) as caught:
        request_from({"Type": "mutate", "SegmentId": "s1", "Database": "shop"})

    text = str(caught.value)
    assert all(part in text for part in ("Database is not", "Query is missing", "SegmentId bel"))
