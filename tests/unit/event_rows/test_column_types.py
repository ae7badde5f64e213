"""Hive types, and what fits them."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.event_rows.types import UnknownType, compile_columns, compile_type, set_aside
from tests.builders.event_records import fits, lost

json_values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
scalars = st.sampled_from(["string", "boolean", "int", "bigint", "double"])
hive_types = st.recursive(
    scalars,
    lambda inner: st.one_of(
        inner.map("array<{}>".format),
        inner.map("map<string,{}>".format),
        st.lists(inner, min_size=1, max_size=3).map(
            lambda kinds: f"struct<{','.join(f'm{n}:{kind}' for n, kind in enumerate(kinds))}>"
        ),
    ),
    max_leaves=5,
)


def coerced(kind, value):
    unmapped = {}
    return compile_type(kind)(value, "x", unmapped), unmapped


@pytest.mark.parametrize(
    ("kind", "value", "fitting"),
    [
        ("string", "a", "a"),
        ("string", "", ""),
        ("string", 5, "5"),
        ("string", 0.5, "0.5"),
        ("string", True, "true"),
        ("string", ["a"], "a"),
        ("string", [], "[]"),
        ("string", ["a", "b"], '["a","b"]'),
        ("string", [5], "[5]"),
        ("string", {"a": None}, '{"a":null}'),
        ("bigint", 2**63 - 1, 2**63 - 1),
        ("bigint", -(2**63), -(2**63)),
        ("bigint", 1.7e12, 1_700_000_000_000),
        ("bigint", "1772470821380", 1772470821380),
        ("bigint", "1.7e12", 1_700_000_000_000),
        ("int", 2**31 - 1, 2**31 - 1),
        ("double", 0.5, 0.5),
        ("double", 3, 3.0),
        ("double", "0.09582", 0.09582),
        ("double", "-1e-3", -0.001),
        ("boolean", False, False),
        ("boolean", "True", True),
        ("array<string>", "a", ["a"]),
        ("array<string>", ["a", None, 5], ["a", None, "5"]),
        ("array<struct<a:string>>", {"a": "b"}, [{"a": "b"}]),
        ("map<string,string>", {"A": "b", "c": None, "d": [1]}, {"A": "b", "d": "[1]"}),
        ("map<string,array<string>>", {"a": "b", "c": ["d"]}, {"a": ["b"], "c": ["d"]}),
        ("struct<a:string,b:bigint>", {"A": "x", "B": "5"}, {"a": "x", "b": 5}),
        ("struct<a:string>", {}, {}),
    ],
)
def test_a_value_that_loses_nothing_is_made_to_fit(kind, value, fitting):
    made, unmapped = coerced(kind, value)

    assert (made, unmapped) == (fitting, {})
    assert json.dumps(made) == json.dumps(fitting)  # tells 3 from 3.0 and 1 from true


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("bigint", 2**63),
        ("bigint", 0.5),
        ("bigint", True),
        ("bigint", "007"),
        ("bigint", ""),
        ("bigint", "1e999999999"),
        ("bigint", "9" * 5000),
        ("bigint", "１"),  # a digit, but not JSON's
        ("bigint", [5]),
        ("int", 2**31),
        ("int", "-2147483649"),
        ("double", "NaN"),
        ("double", "1e999"),
        ("double", "0.12345678901234567891"),
        ("double", 2**53 + 1),
        ("double", 10**400),
        ("double", True),
        ("boolean", 1),
        ("boolean", "yes"),
        ("map<string,string>", ["a"]),
        ("map<string,string>", "{}"),
        ("struct<a:string>", "a"),
        ("struct<a:string>", [{"a": "b"}]),
        ("array<bigint>", "many"),
    ],
)
def test_a_value_that_would_lose_something_is_set_aside(kind, value):
    made, unmapped = coerced(kind, value)

    assert made is None
    assert {path: json.loads(text) for path, text in unmapped.items()} == {"x": value}


@pytest.mark.parametrize("kind", ["string", "bigint", "array<string>", "struct<a:int>"])
def test_null_is_absence(kind):
    assert coerced(kind, None) == (None, {})


def test_what_is_set_aside_is_under_its_path():
    kind = "struct<a:array<struct<b:bigint>>,c:map<string,double>>"

    made, unmapped = coerced(kind, {"a": [{"b": 1}, {"b": "x", "B": 2, "d": 3}], "c": {"e": "y"}})

    assert made == {"a": [{"b": 1}, {}], "c": {}}
    assert unmapped == {
        "x.a[1].b": '"x"',
        "x.a[1].B": "2",
        "x.a[1].d": "3",
        "x.c.e": '"y"',
    }


def test_a_member_in_other_case_gives_way_to_the_exact_one_whatever_their_order():
    kind = "struct<name:string>"

    for members in (["name", "NAME", "Name"], ["NAME", "Name", "name"]):
        made, unmapped = coerced(kind, {member: member for member in members})

        assert made == {"name": "name"}
        assert unmapped == {"x.NAME": '"NAME"', "x.Name": '"Name"'}


def test_paths_that_look_the_same_keep_both_values():
    unmapped = {}

    for value in (1, 2, 3):
        set_aside(unmapped, "a.b", value)

    assert unmapped == {"a.b": "1", "a.b#2": "2", "a.b#3": "3"}


@pytest.mark.parametrize(
    ("kind", "problem"),
    [
        ("decimal(10,2)", "decimal is none of string"),
        ("array<string", "'>' is missing at position 12"),
        ("map<int,string>", "no string"),
        ("map<string>", "',' is missing"),
        ("struct<>", "member's name is missing"),
        ("struct<a string>", "':' is missing"),
        ("string>", "left over"),
        ("", "type is missing"),
    ],
)
def test_a_type_that_cannot_be_read_is_named(kind, problem):
    with pytest.raises(UnknownType, match=problem):
        compile_type(kind)
    with pytest.raises(UnknownType, match=f"Column c: .*{problem}"):
        compile_columns([{"name": "c", "type": kind}])


@given(hive_types, json_values)
def test_any_value_fits_any_type_or_is_set_aside_whole(kind, value):
    made, unmapped = coerced(kind, value)

    assert fits(made, kind)
    assert lost(value, [made, unmapped]) == []


@given(hive_types, json_values)
def test_what_fits_once_fits_as_it_is(kind, value):
    made, _ = coerced(kind, value)

    again, unmapped = coerced(kind, made)

    assert (again, unmapped) == (made, {})
