"""Attributes for the endpoints of a call, and the policy for an endpoint without them."""

from __future__ import annotations

import copy
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_attributes.attributes import BatchFailed, Outcome, add_attributes, keys_of
from campaign_attributes.keys import key_of
from campaign_attributes.policies import Failure
from campaign_attributes.settings import InvalidSettings, settings_from
from campaign_attributes.sources import Fetched
from campaign_attributes.values import UnusableValue, values_from
from shared.campaign_calls import read_call
from shared.fetching.failures import FetchFailed, Reason
from tests.builders.attribute_sources import call, endpoint, settings, settings_document

DATA = Path(__file__).parents[2] / "data" / "events" / "campaign_hook"
LATE = FetchFailed(Reason.TIMED_OUT, "late.")
OFFERS = {"u-ann": {"offer": "red shoes"}, "u-bob": {"offer": "umbrella"}}


def added(endpoints: Any, fetched: Fetched | None = None, **members: Any) -> Outcome:
    chosen = settings(**members)
    asked = call(endpoints)
    return add_attributes(asked, chosen, keys_of(asked, chosen), fetched or Fetched(OFFERS))


def offers(outcome: Outcome) -> dict[str, Any]:
    return {name: each["Attributes"].get("Offer") for name, each in outcome.endpoints.items()}


def test_each_endpoint_gets_the_value_of_its_own_key() -> None:
    outcome = added({"ann": endpoint("u-ann"), "bob": endpoint("u-bob")})

    assert offers(outcome) == {"ann": ["red shoes"], "bob": ["umbrella"]}
    assert (outcome.fetched, outcome.defaulted, outcome.dropped) == (2, 0, 0)


def test_two_endpoints_of_one_user_get_the_same_value() -> None:
    outcome = added({"email": endpoint("u-ann"), "phone": endpoint("u-ann", ChannelType="SMS")})

    assert offers(outcome) == {"email": ["red shoes"], "phone": ["red shoes"]}


def test_nothing_of_an_endpoint_changes_but_the_attributes_of_the_settings() -> None:
    endpoints = {
        "ann": endpoint(
            "u-ann", Attributes={"Interests": ["music", "travel"]}, Metrics={"visits": 3.0}
        )
    }
    before = copy.deepcopy(endpoints)

    outcome = added(endpoints)

    assert endpoints == before
    attributes = {"Interests": ["music", "travel"], "Offer": ["red shoes"]}
    assert outcome.endpoints["ann"] == {**before["ann"], "Attributes": attributes}


@pytest.mark.parametrize("own", [{}, {"Attributes": None}, {"Attributes": {}}])
def test_an_endpoint_without_attributes_gets_them_and_breaks_no_batch(own: Any) -> None:
    outcome = added({"ann": endpoint("u-ann", **own), "bob": endpoint("u-bob")})

    assert offers(outcome) == {"ann": ["red shoes"], "bob": ["umbrella"]}


def failing(failure: Failure) -> tuple[dict[str, Any], Fetched]:
    """A call in which one of two endpoints meets the failure."""
    items: dict[str, Any] = dict(OFFERS)
    failed = {}
    if failure is Failure.MISSING:
        del items["u-ann"]
    elif failure is Failure.UNUSABLE:
        items["u-ann"] = {"offer": "x" * 101}
    elif failure is Failure.SOURCE_FAILED:
        failed["u-ann"] = LATE
    ann = endpoint(None if failure is Failure.NO_KEY else "u-ann")
    return {"ann": ann, "bob": endpoint("u-bob")}, Fetched(items, failed)


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_sends_the_default_to_its_own_endpoint_alone(failure: Failure) -> None:
    outcome = added(*failing(failure))

    assert offers(outcome) == {"ann": ["10 % off"], "bob": ["umbrella"]}
    assert (outcome.failures, outcome.defaulted) == ({failure: 1}, 1)


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_drops_its_own_recipient_alone(failure: Failure) -> None:
    outcome = added(*failing(failure), on_failure={failure.value: "drop_recipient"})

    assert offers(outcome) == {"bob": ["umbrella"]}
    assert (outcome.failures, outcome.dropped) == ({failure: 1}, 1)


@pytest.mark.parametrize("failure", Failure)
def test_a_failure_fails_the_batch_where_its_policy_says_so(failure: Failure) -> None:
    with pytest.raises(BatchFailed, match=failure.value):
        added(*failing(failure), on_failure={failure.value: "fail_batch"})


@pytest.mark.parametrize("failure", Failure)
def test_a_policy_is_about_its_own_failure_only(failure: Failure) -> None:
    others = {other.value: "fail_batch" for other in Failure if other is not failure}

    assert offers(added(*failing(failure), on_failure=others))["ann"] == ["10 % off"]


def test_of_several_failures_of_an_endpoint_the_strictest_policy_counts() -> None:
    two = {"Offer": {"from": "offer", "default": "x"}, "Until": {"from": "until", "default": "y"}}
    fetched = Fetched({"u-ann": {"until": "x" * 101}})
    policies = {"missing": "drop_recipient", "unusable": "fail_batch"}

    with pytest.raises(BatchFailed, match="unusable"):
        added({"ann": endpoint("u-ann")}, fetched, attributes=two, on_failure=policies)

    outcome = added(
        {"ann": endpoint("u-ann")},
        fetched,
        attributes=two,
        on_failure={"unusable": "drop_recipient"},
    )
    assert (outcome.endpoints, outcome.dropped) == ({}, 1)


def test_without_a_default_an_endpoint_keeps_its_own_value() -> None:
    outcome = added(
        {"ann": endpoint("u-none", Attributes={"Offer": ["last week's"]}), "eve": endpoint()},
        attributes={"Offer": {"from": "offer", "default": None}},
    )

    assert offers(outcome) == {"ann": ["last week's"], "eve": None}


def test_a_default_takes_the_place_of_an_old_value_of_the_endpoint() -> None:
    outcome = added({"ann": endpoint("u-none", Attributes={"Offer": ["last week's"]})})

    assert offers(outcome) == {"ann": ["10 % off"]}


def test_one_missing_attribute_of_two_gets_its_default_and_the_other_its_value() -> None:
    outcome = added(
        {"ann": endpoint("u-ann")},
        attributes={
            "Offer": {"from": "offer", "default": "10 % off"},
            "Until": {"from": None, "default": "Sunday"},
        },
    )

    assert outcome.endpoints["ann"]["Attributes"] == {"Offer": ["red shoes"], "Until": ["Sunday"]}
    assert outcome.failures == {Failure.MISSING: 1}


def test_a_name_at_the_source_is_the_attributes_name_unless_another_is_given() -> None:
    outcome = added(
        {"ann": endpoint("u-ann")},
        Fetched({"u-ann": {"Offer": "red shoes"}}),
        attributes={"Offer": {}},
    )

    assert offers(outcome) == {"ann": ["red shoes"]}


@pytest.mark.parametrize("broken", [None, "text", 5, [], True])
def test_an_endpoint_that_is_no_object_is_dropped_and_breaks_no_batch(broken: Any) -> None:
    outcome = added({"broken": broken, "bob": endpoint("u-bob")})

    assert offers(outcome) == {"bob": ["umbrella"]}
    assert (outcome.failures, outcome.dropped) == ({Failure.UNUSABLE: 1}, 1)


def test_an_endpoint_without_room_for_an_attribute_is_dropped() -> None:
    full = {f"a{n}": ["x"] for n in range(250)}

    outcome = added({"full": endpoint("u-ann", Attributes=full), "bob": endpoint("u-bob")})

    assert offers(outcome) == {"bob": ["umbrella"]}
    assert "250" in str(outcome.reasons)


def test_the_log_names_the_attribute_and_the_limit_and_never_the_value() -> None:
    outcome = added({"ann": endpoint("u-ann")}, Fetched({"u-ann": {"offer": "secret" * 20}}))

    assert outcome.reasons == {"Offer: it has more than 100 characters": 1}


@pytest.mark.parametrize("name", ["filter_request", "custom_channel_journey_request"])
def test_calls_of_campaigns_and_of_journeys_get_attributes(name: str) -> None:
    asked = read_call(json.loads((DATA / f"{name}.json").read_text()))
    chosen = settings()

    outcome = add_attributes(
        asked, chosen, keys_of(asked, chosen), Fetched({"user-1001": {"offer": "red shoes"}})
    )

    assert set(outcome.endpoints) == set(asked.endpoints)
    assert set(map(str, offers(outcome).values())) == {"['red shoes']"}


# Keys


WHOLE = endpoint("u-1", Attributes={"Customer No": ["c-1", "c-2"]}, Metrics={"visits": 1}) | {
    "User": {"UserId": "u-1", "UserAttributes": {"Account": ["a-1"]}}
}


@pytest.mark.parametrize(
    ("variable", "key"),
    [
        ("Id", "ep-1"),
        ("User.UserId", "u-1"),
        ("Attributes.Customer No", "c-1"),
        ("User.UserAttributes.Account", "a-1"),
        ("Attributes.Unknown", None),
        ("User.UserAttributes.Unknown", None),
    ],
)
def test_a_key_is_named_like_a_message_variable(variable: str, key: str | None) -> None:
    assert key_of(variable, "ep-1", WHOLE) == key


@pytest.mark.parametrize(
    "user",
    [None, "text", 5, [], {}, {"UserId": None}, {"UserId": ""}, {"UserId": True}, {"UserId": ["x"]},
     {"UserId": {}}, {"UserId": "\ud800"}],
)  # fmt: skip
def test_an_endpoint_without_a_readable_user_has_no_key(user: Any) -> None:
    assert key_of("User.UserId", "ep-1", {"User": user}) is None


@pytest.mark.parametrize(
    ("values", "key"), [([], None), ([None], None), ([""], None), ("bare", "bare"), (7, "7")]
)
def test_the_first_value_of_an_attribute_counts(values: Any, key: str | None) -> None:
    assert key_of("Attributes.No", "ep-1", {"Attributes": {"No": values}}) == key


# Values


@pytest.mark.parametrize(
    ("value", "values"),
    [
        ("red shoes", ["red shoes"]),
        (5, ["5"]),
        (Decimal("10.50"), ["10.50"]),
        (True, ["true"]),
        (False, ["false"]),
        (["a", "b"], ["a", "b"]),
        ([1, None, "", "b"], ["1", "b"]),
        ("x" * 100, ["x" * 100]),
        (["x"] * 50, ["x"] * 50),
        (None, []),
        ("", []),
        ([], []),
    ],
)
def test_a_value_of_a_source_becomes_a_list_of_texts(value: Any, values: list[str]) -> None:
    assert values_from(value, max_characters=100) == values


@pytest.mark.parametrize(
    "value",
    [
        "x" * 101,
        ["ok", "x" * 101],
        ["x"] * 51,
        {"a": 1},
        [{"a": 1}],
        [["nested"]],
        b"bytes",
        1.5,
        float("nan"),
        Decimal("NaN"),
        Decimal("Infinity"),
        Decimal("1e5000"),
        Decimal("1e-5000"),
        10**200,
        "\ud800",
        object(),
    ],
)
def test_a_value_that_no_attribute_can_have_is_refused_and_never_repeated(value: Any) -> None:
    with pytest.raises(UnusableValue) as caught:
        values_from(value, max_characters=100)

    assert str(value)[:50] not in str(caught.value)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text() | st.binary() | st.decimals(),
        lambda inner: st.lists(inner, max_size=60) | st.dictionaries(st.text(), inner, max_size=2),
        max_leaves=60,
    ),
    st.integers(1, 200),
)
def test_whatever_a_source_has_an_attribute_is_within_its_limits(value: Any, most: int) -> None:
    try:
        values = values_from(value, max_characters=most)
    except UnusableValue:
        return

    assert len(values) <= 50
    assert all(isinstance(text, str) and 1 <= len(text) <= most for text in values)
    json.dumps(values, ensure_ascii=False).encode()


# Settings


@pytest.mark.parametrize(
    "broken",
    [
        {"attributes": {}},
        {"attributes": []},
        {"attributes": {"Offer": 5}},
        {"key": None, "attributes": None},
        {"on_failure": {"missing": "ignore"}},
        {"on_failure": {"missing": None}},
        {"source": {}},
        {"source": {"table": {}, "https": {}}},
        {"source": None},
        {"deadline_seconds": None},
        {"deadline_seconds": "soon"},
        {"cache_seconds": []},
        {"max_value_characters": "many"},
        {"allowed": {"campaign_ids": ["c"]}},
        {"allowed": "campaign-1"},
        {"allowed": {"campaign_ids": 5, "journey_ids": []}},
    ],
)
def test_settings_that_cannot_be_used_fail_the_cold_start(broken: dict[str, Any]) -> None:
    with pytest.raises(InvalidSettings):
        settings(**broken)


@pytest.mark.parametrize("text", ["", "null", "[]", "{", '"text"', "{}"])
def test_settings_that_cannot_be_read_fail_the_cold_start(text: str) -> None:
    with pytest.raises(InvalidSettings):
        settings_from(text)


@pytest.mark.parametrize("member", sorted(set(settings_document()) - {"allowed"}))
def test_settings_need_every_member(member: str) -> None:
    document = settings_document()
    del document[member]

    with pytest.raises(InvalidSettings, match=member):
        settings_from(json.dumps(document))


def test_a_campaign_or_journey_gets_attributes_when_it_is_allowed() -> None:
    chosen = settings(allowed={"campaign_ids": ["c1"], "journey_ids": ["j1"]})

    sendings = [
        call({}, CampaignId="c1"), call({}, CampaignId="c2"),
        call({}, JourneyId="j1"), call({}, JourneyId="j2"),
    ]  # fmt: skip
    assert [chosen.concern(each.sending) for each in sendings] == [True, False, True, False]
    assert settings().concern(sendings[1].sending)
