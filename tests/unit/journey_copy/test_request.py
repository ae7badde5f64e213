"""The input of a run names journeys, or says by its member what is wrong."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from journey_copy.request import MOST_JOURNEYS, BadCopyRequest, CopyRequest, copy_request
from tests.builders.random_input import json_values


def test_given_ids_are_copied_once_each_in_their_order() -> None:
    assert copy_request({"JourneyIds": ["b", "a", "b"]}) == CopyRequest(("b", "a"), False)


def test_all_means_every_journey() -> None:
    assert copy_request({"All": True, "DryRun": True}) == CopyRequest(None, True)


@pytest.mark.parametrize(
    ("run_input", "names"),
    [
        (None, "JSON object"),
        ([], "JSON object"),
        ("all", "JSON object"),
        ({}, "either JourneyIds"),
        ({"All": False}, "either JourneyIds"),
        ({"All": True, "JourneyIds": ["a"]}, "either JourneyIds"),
        ({"All": "yes"}, "All must be true or false"),
        ({"All": 1}, "All must be true or false"),
        ({"All": None}, "All must be true or false"),
        ({"All": True, "DryRun": "no"}, "DryRun must be true or false"),
        ({"All": True, "DryRun": None}, "DryRun must be true or false"),
        ({"All": True, "CorrelationId": 7}, "CorrelationId"),
        ({"All": True, "CorrelationId": ""}, "CorrelationId"),
        ({"JourneyIds": []}, "at least one"),
        ({"JourneyIds": "a"}, "must be a list"),
        ({"JourneyIds": {"a": 1}}, "must be a list"),
        ({"JourneyIds": ["a", 7]}, "JourneyIds[1]"),
        ({"JourneyIds": [""]}, "JourneyIds[0]"),
        ({"JourneyIds": ["a/b"]}, "JourneyIds[0]"),
        ({"JourneyIds": ["../x"]}, "JourneyIds[0]"),
        ({"JourneyIds": ["x" * 65]}, "JourneyIds[0]"),
        ({"JourneyIds": [["a"]]}, "JourneyIds[0]"),
        ({"JourneyIds": [str(n) for n in range(MOST_JOURNEYS + 1)]}, "at most 1000"),
        ({"journeyIds": ["a"]}, "'journeyIds'"),
        ({"All": True, "ids": 1}, "'ids'"),
    ],
)
def test_an_input_that_names_no_journeys_is_refused_by_its_member(
    run_input: Any, names: str
) -> None:
    with pytest.raises(BadCopyRequest) as refused:
        copy_request(run_input)

    assert names in str(refused.value)


@given(
    json_values() | st.dictionaries(st.sampled_from(["All", "JourneyIds", "DryRun"]), json_values())
)
def test_no_json_is_more_than_a_bad_request(run_input: Any) -> None:
    try:
        request = copy_request(run_input)
    except BadCopyRequest:
        return
    assert request.journey_ids is None or request.journey_ids
