"""Lists of values end the same, in whatever order and however often events arrive."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from event_based_segmentation.attribute_values import (
    VALUES_PER_ATTRIBUTE,
    Change,
    Verb,
    apply_changes,
)

ORDERED = frozenset({"seen"})


def change(verb: Verb, *values: str, at: int = 1, attribute: str = "seen") -> Change:
    return Change(attribute, verb, values, at)


def applied(*changes: Change, lists: Any = None, ordered: Any = ORDERED) -> dict[str, list[str]]:
    """The lists after changes that arrive one by one."""
    now: dict[str, list[str]] = dict(lists or {})
    times: dict[str, int] = {}
    for each in changes:
        result = apply_changes(now, times, [each], ordered=ordered)
        now, times = {**now, **result.lists}, result.times
    return now


def test_a_value_is_added_to_the_values_that_are_there():
    assert applied(change(Verb.ADD, "b"), lists={"seen": ["a"]}) == {"seen": ["a", "b"]}


def test_a_value_is_there_once():
    result = apply_changes(
        {"seen": ["a"]}, {}, [change(Verb.ADD, "a"), change(Verb.ADD, "a")], ordered=()
    )

    assert result.lists == {}


def test_a_removal_takes_one_value_and_leaves_the_others():
    assert applied(change(Verb.REMOVE, "a"), lists={"seen": ["a", "b"]}) == {"seen": ["b"]}


def test_a_set_replaces_the_list_and_without_values_it_empties_the_list():
    assert applied(change(Verb.SET, "c"), lists={"seen": ["a", "b"]}) == {"seen": ["c"]}
    assert applied(change(Verb.SET), lists={"seen": ["a", "b"]}) == {"seen": []}


def test_an_attribute_that_nothing_changes_is_not_in_the_result():
    result = apply_changes(
        {"seen": ["a"], "other": ["b"]}, {}, [change(Verb.REMOVE, "x")], ordered=ORDERED
    )

    assert result.lists == {}


def test_an_older_addition_does_not_undo_a_newer_removal():
    removed, added = change(Verb.REMOVE, "a", at=2), change(Verb.ADD, "a", at=1)

    assert applied(removed, added, lists={"seen": ["a"]}) == {"seen": []}
    assert apply_changes({}, applied_times(removed), [added], ordered=ORDERED).stale == 1


def applied_times(*changes: Change) -> dict[str, int]:
    return apply_changes({}, {}, changes, ordered=ORDERED).times


def test_an_older_set_keeps_what_newer_events_added_and_removed():
    newer = (change(Verb.ADD, "b", at=3), change(Verb.REMOVE, "a", at=3))

    assert applied(*newer, change(Verb.SET, "a", "c", at=2), lists={"seen": ["x"]}) == {
        "seen": ["c", "b"]
    }


def test_a_set_of_the_values_that_are_there_in_another_order_is_no_change():
    events = (change(Verb.SET, "c", "a", at=2), change(Verb.ADD, "c", at=5))

    assert applied(*events, events[0]) == applied(*events) == {"seen": ["c", "a"]}


def test_of_one_event_the_removal_comes_before_the_addition():
    result = apply_changes(
        {"seen": ["a"]}, {}, [change(Verb.ADD, "b"), change(Verb.SET)], ordered=ORDERED
    )

    assert result.lists == {"seen": ["b"]}


def test_the_fifty_first_value_is_refused_and_the_fifty_stay():
    full = [f"v{number}" for number in range(VALUES_PER_ATTRIBUTE)]

    result = apply_changes({"seen": full}, {}, [change(Verb.ADD, "new")], ordered=())

    assert result.lists == {}
    assert result.refused == 1


def test_times_name_no_value():
    assert "ann" not in str(applied_times(change(Verb.ADD, "ann")))


@st.composite
def histories(draw: Any) -> list[Change]:
    """Changes at different times."""
    size = draw(st.integers(1, 8))
    values = st.lists(st.sampled_from("abc"), max_size=2, unique=True).map(tuple)
    return [Change("seen", draw(st.sampled_from(Verb)), draw(values), at) for at in range(size)]


@given(histories(), st.lists(st.sampled_from("abcx"), unique=True), st.data())
def test_the_order_of_arrival_makes_no_difference_to_what_events_decide(history, before, data):
    shuffled = data.draw(st.permutations(history))
    lists = {"seen": before}

    in_order, out_of_order = applied(*history, lists=lists), applied(*shuffled, lists=lists)

    assert set(in_order["seen"]) == set(out_of_order["seen"])


@given(histories(), st.data())
def test_events_that_arrive_again_change_nothing(history, data):
    repeated = data.draw(st.lists(st.sampled_from(history)))

    assert applied(*history, *repeated) == applied(*history)


@given(histories(), st.integers(0, 8))
def test_batches_of_any_size_end_the_same(history, first):
    one = apply_changes({}, {}, history[:first], ordered=ORDERED)
    two = apply_changes(one.lists, one.times, history[first:], ordered=ORDERED)
    whole = apply_changes({}, {}, history, ordered=ORDERED)

    assert {**one.lists, **two.lists}.get("seen", []) == whole.lists.get("seen", [])
