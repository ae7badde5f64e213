"""Rules: which changes an event causes."""

from __future__ import annotations

import json
from typing import Any

import pytest

from event_based_segmentation.attribute_values import Verb
from event_based_segmentation.events import event_from
from event_based_segmentation.rules import Scope, rules_from
from tests.builders.segmentation import NOON, SHIPPED, event, rule, settings_of


def caused(given: dict[str, Any], record: dict[str, Any]) -> list[tuple[str, str, tuple[str, ...]]]:
    """Owner and attribute, verb and values of the changes that an event causes."""
    rules = rules_from(settings_of({"rule": given}))
    seen = event_from(record)
    return [
        (f"{each.scope}.{each.change.attribute}", each.change.verb.name, each.change.values)
        for found in rules.of(seen)
        for each in found.changes(seen)
        if each.change is not None
    ]


def bought(**given: Any) -> dict[str, Any]:
    return event("bought", **{"attributes": {}, "metrics": {}, **given})


def when(**conditions: Any) -> dict[str, Any]:
    return rule("bought", endpoint={"add": {"customer": ["yes"]}}, **conditions)


YES = [("endpoint.customer", "ADD", ("yes",))]


def test_a_rule_is_about_events_of_its_type():
    assert caused(when(), bought()) == YES
    assert caused(when(), event("sold")) == []


@pytest.mark.parametrize(
    ("condition", "value", "holds"),
    [
        ({"type": "INCLUSIVE", "values": ["shoes", "hats"]}, "hats", True),
        ({"type": "INCLUSIVE", "values": ["shoes"]}, "Shoes", False),
        ({"type": "INCLUSIVE", "values": ["shoes"]}, None, False),
        ({"type": "EXCLUSIVE", "values": ["shoes"]}, "hats", True),
        ({"type": "EXCLUSIVE", "values": ["shoes"]}, "shoes", False),
        ({"type": "EXCLUSIVE", "values": ["shoes"]}, None, True),
        ({"type": "CONTAINS", "values": ["sho"]}, "red shoes", True),
        ({"type": "CONTAINS", "values": ["sho"]}, "hats", False),
        ({"type": "CONTAINS", "values": ["sho"]}, None, False),
    ],
)
def test_a_condition_on_an_attribute_has_the_meaning_of_a_segments_dimension(
    condition, value, holds
):
    attributes = {} if value is None else {"kind": value}

    found = caused(when(attributes={"kind": condition}), bought(attributes=attributes))

    assert found == (YES if holds else [])


@pytest.mark.parametrize(
    ("comparison", "holding"),
    [
        ("EQUAL", {10}),
        ("GREATER_THAN", {11}),
        ("GREATER_THAN_OR_EQUAL", {10, 11}),
        ("LESS_THAN", {9.5}),
        ("LESS_THAN_OR_EQUAL", {9.5, 10}),
    ],
)
def test_a_condition_on_a_metric_compares_and_needs_the_metric(comparison, holding):
    given = when(metrics={"price": {"comparison": comparison, "value": 10}})

    for price in (9.5, 10, 11):
        expected = YES if price in holding else []
        assert caused(given, bought(metrics={"price": price})) == expected
    assert caused(given, bought()) == []


def test_all_conditions_must_hold():
    given = when(
        attributes={"kind": {"type": "INCLUSIVE", "values": ["shoes"]}},
        metrics={"price": {"comparison": "GREATER_THAN", "value": 10}},
    )

    assert caused(given, bought(attributes={"kind": "shoes"}, metrics={"price": 11})) == YES
    assert caused(given, bought(attributes={"kind": "shoes"}, metrics={"price": 9})) == []
    assert caused(given, bought(attributes={"kind": "hats"}, metrics={"price": 11})) == []


def test_a_rule_ends_at_its_instant():
    given = when(until="2026-12-26T12:00:00Z")

    assert caused(given, event("bought", at=NOON - 1)) == YES
    assert caused(given, event("bought", at=NOON)) == []


def test_a_rule_changes_attributes_of_the_endpoint_and_of_the_user():
    given = rule(
        "bought",
        endpoint={"set": {"last": ["shoes"]}, "clear": ["cart"]},
        user={"add": {"kinds": ["shoes"]}, "remove": {"wishes": ["shoes"]}},
    )

    assert caused(given, bought()) == [
        ("endpoint.cart", "SET", ()),
        ("endpoint.last", "SET", ("shoes",)),
        ("user.wishes", "REMOVE", ("shoes",)),
        ("user.kinds", "ADD", ("shoes",)),
    ]


@pytest.mark.parametrize(
    ("template", "value"),
    [
        ("{{attributes.kind}}", "shoes"),
        ("{{ attributes.kind }}/{{metrics.price}}", "shoes/19.99"),
        ("{{metrics.count}}", "3"),
        ("{{event_type}}", "bought"),
        ("{{event_time}}", "2026-12-26T12:00:00.000Z"),
        ("plain", "plain"),
    ],
)
def test_a_placeholder_takes_its_value_from_the_event(template, value):
    given = rule("bought", endpoint={"add": {"seen": [template]}})
    record = bought(attributes={"kind": "shoes"}, metrics={"price": 19.99, "count": 3})

    assert caused(given, record) == [("endpoint.seen", "ADD", (value,))]


@pytest.mark.parametrize("verb", ["add", "remove", "set"])
@pytest.mark.parametrize("attributes", [{}, {"kind": ""}, {"kind": None}])
def test_an_event_without_the_attribute_of_a_placeholder_causes_no_change(verb, attributes):
    given = rule("bought", endpoint={verb: {"seen": ["{{attributes.kind}}"]}})

    assert caused(given, bought(attributes=attributes)) == []


@pytest.mark.parametrize("verb", ["add", "set"])
def test_a_value_that_an_endpoint_cannot_keep_is_refused_and_empties_nothing(verb):
    given = rule("bought", endpoint={verb: {"seen": ["{{attributes.link}}"]}})
    rules = rules_from(settings_of({"rule": given}))
    for link in ("x" * 101, "\ud800"):
        seen = event_from(bought(attributes={"link": link}))

        [found] = rules.of(seen)[0].changes(seen)

        assert (found.change, found.refused) == (None, 1)


def test_the_fitting_values_of_a_change_are_kept():
    given = rule("bought", endpoint={"add": {"seen": ["ok", "{{attributes.link}}"]}})

    found = caused(given, bought(attributes={"link": "x" * 101}))

    assert found == [("endpoint.seen", "ADD", ("ok",))]


@pytest.mark.parametrize(
    ("rules", "ordered"),
    [
        ({"a": rule("x", endpoint={"add": {"n": ["1"]}})}, set()),
        (
            {
                "a": rule("x", endpoint={"add": {"n": ["1"]}}),
                "b": rule("y", endpoint={"add": {"n": ["2"]}}),
            },
            set(),
        ),
        ({"a": rule("x", endpoint={"set": {"n": ["1"]}})}, set()),
        (
            {
                "a": rule("x", endpoint={"set": {"n": ["1"]}}),
                "b": rule("y", endpoint={"set": {"n": ["2"]}}),
            },
            {"n"},
        ),
        (
            {
                "a": rule("x", endpoint={"add": {"n": ["1"]}}),
                "b": rule("y", endpoint={"remove": {"n": ["1"]}}),
            },
            {"n"},
        ),
        ({"a": rule("x", endpoint={"set": {"n": ["{{attributes.a}}"]}})}, {"n"}),
        (SHIPPED, {"email_opened", "webinar_registration"}),
    ],
)
def test_times_are_kept_only_for_attributes_whose_changes_depend_on_the_order(rules, ordered):
    found = rules_from(settings_of(rules))

    assert found.ordered == {Scope.ENDPOINT: ordered, Scope.USER: frozenset()}


def test_the_verbs_of_the_settings_are_the_verbs_of_the_code():
    assert set(rule("x")["endpoint"]) == {"clear", *(verb.name.lower() for verb in Verb)}


def test_settings_of_another_program_are_an_error():
    with pytest.raises(KeyError):
        rules_from(json.dumps({"rules": {"a": {"event_type": "x"}}}))
