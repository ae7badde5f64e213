"""The answer of a FILTER hook."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.hook_answers import (
    ATTRIBUTES_PER_ENDPOINT,
    MAX_ANSWER_BYTES,
    AnswerTooLarge,
    TooManyAttributes,
    hook_answer,
    with_attributes,
)

DATA = Path(__file__).parents[2] / "data" / "events" / "campaign_hook"
REQUEST = json.loads((DATA / "filter_request.json").read_text())
RESPONSE = json.loads((DATA / "filter_response.json").read_text())


def test_the_answer_is_the_map_of_endpoints_that_the_documentation_shows() -> None:
    kept = {
        endpoint_id: with_attributes(REQUEST["Endpoints"][endpoint_id], {"CreditScore": ["715"]})
        for endpoint_id in RESPONSE
    }

    assert hook_answer(kept) == RESPONSE


@given(
    st.dictionaries(st.text(max_size=3), st.lists(st.text(max_size=3))),
    st.dictionaries(st.text(max_size=3), st.lists(st.text(max_size=3))),
)
def test_nothing_but_the_named_attributes_changes(
    own: dict[str, list[str]], given_: dict[str, list[str]]
) -> None:
    endpoint = {"Address": "ann@example.com", "OptOut": "NONE", "Attributes": own}
    before = copy.deepcopy(endpoint)

    after = with_attributes(endpoint, given_)

    assert endpoint == before
    assert {**after, "Attributes": own} == before
    assert after["Attributes"] == {**own, **given_}


@pytest.mark.parametrize("own", [None, "text", 5, ["list"]])
def test_an_endpoint_whose_attributes_are_no_object_gets_them(own: Any) -> None:
    assert with_attributes({"Attributes": own}, {"Offer": ["x"]})["Attributes"] == {"Offer": ["x"]}


def test_an_endpoint_without_attributes_gets_them() -> None:
    assert with_attributes({}, {"Offer": ("x",)}) == {"Attributes": {"Offer": ["x"]}}


def test_an_endpoint_has_250_attributes_at_most() -> None:
    full = {f"a{n}": ["x"] for n in range(ATTRIBUTES_PER_ENDPOINT)}

    assert len(with_attributes({"Attributes": full}, {"a0": ["y"]})["Attributes"]) == 250
    with pytest.raises(TooManyAttributes, match="at most 250"):
        with_attributes({"Attributes": full}, {"Offer": ["x"]})


def test_an_answer_that_lambda_would_refuse_names_the_limit() -> None:
    large = {str(n): {"Attributes": {"Offer": ["x" * (MAX_ANSWER_BYTES // 50)]}} for n in range(50)}

    with pytest.raises(AnswerTooLarge, match="50 endpoints"):
        hook_answer(large)


def test_a_broken_text_of_one_endpoint_costs_no_other_endpoint_the_answer() -> None:
    broken = json.loads('{"Attributes": {"Name": ["Ann \\ud83d"]}}')
    whole = {"Attributes": {"Name": ["Bob \U0001f44b"]}}

    answer = hook_answer({"ann": broken, "bob": whole})

    # As the runtime writes it.
    written = json.loads(json.dumps(answer, ensure_ascii=False).encode())
    assert written == {"ann": {"Attributes": {"Name": ["Ann ?"]}}, "bob": whole}
