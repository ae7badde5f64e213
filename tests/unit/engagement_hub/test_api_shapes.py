import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.api.shapes import WrongRequest, check, prune

SHAPES = {
    "Thing": {
        "type": "structure",
        "members": {
            "Name": "__string",
            "Size": "__integer",
            "Weight": "__double",
            "On": "__boolean",
            "Parts": "ListOfThing",
            "Addresses": "MapOfThing",
            "ByName": "MapOfThing",
            "Kind": "Kind",
            "Data": "__blob",
            "Attributes": "MapOfListOf__string",
            "Substitutions": "MapOfListOf__string",
        },
        "required": ["Name"],
    },
    "ListOfThing": {"type": "list", "member": "Thing"},
    "MapOfThing": {"type": "map", "value": "Thing"},
    "MapOfListOf__string": {"type": "map", "value": "ListOf__string"},
    "ListOf__string": {"type": "list", "member": "__string"},
    "Kind": {"type": "string", "enum": ["A", "B"]},
    "__string": {"type": "string"},
    "__integer": {"type": "integer"},
    "__double": {"type": "double"},
    "__boolean": {"type": "boolean"},
    "__blob": {"type": "blob"},
}


@pytest.mark.parametrize("given_as", ["B", "b"])
def test_the_letter_case_of_an_enumeration_does_not_matter(given_as):
    assert check(SHAPES, "Thing", {"Name": "a", "Kind": given_as})["Kind"] == "B"


@pytest.mark.parametrize(
    ("value", "member"),
    [
        ({}, "Name"),
        ({"Name": None}, "Name"),
        ({"Name": 1}, "Name"),
        ({"Name": "a", "Size": 1.5}, "Size"),
        ({"Name": "a", "Size": True}, "Size"),
        ({"Name": "a", "Size": 2**31}, "Size"),
        ({"Name": "a", "Weight": "1"}, "Weight"),
        ({"Name": "a", "On": "true"}, "On"),
        ({"Name": "a", "Kind": "Z"}, "Kind"),
        ({"Name": "a", "Data": "no base64!"}, "Data"),
        ({"Name": "a", "Parts": {}}, "Parts"),
        ({"Name": "a", "Parts": [{"Name": "b"}, {}]}, "Parts[1].Name"),
        ({"Name": "a", "Parts": [None]}, "Parts[0]"),
        ({"Name": "a", "ByName": {"k": {"Name": 1}}}, "ByName.k.Name"),
        ({"Name": "a", "Addresses": {"+1206": {"Name": 1}}}, "Addresses[0].Name"),
        ({"Name": "a", "Substitutions": {"k": "v"}}, "Substitutions.k"),
        ([], "The request body"),
        ("x", "The request body"),
    ],
)
def test_a_member_that_does_not_fit_is_named(value, member):
    with pytest.raises(WrongRequest) as error:
        check(SHAPES, "Thing", value)

    assert error.value.member == member
    assert error.value.message.startswith(member)


def test_what_fits_is_kept_and_what_is_unknown_or_null_is_not():
    value = {"Name": "a", "Size": 3.0, "Weight": 1, "Kind": "B", "On": None, "Other": [1]}

    assert check(SHAPES, "Thing", value) == {"Name": "a", "Size": 3, "Weight": 1, "Kind": "B"}


def test_the_values_of_endpoint_attributes_are_left_for_the_domain_to_read():
    value = {"Name": "a", "Attributes": {"x": "bare", "y": 5}}

    assert check(SHAPES, "Thing", value) == value


def test_an_answer_has_neither_nulls_nor_members_of_our_own():
    value = {"Name": "a", "Size": None, "Own": 1, "Parts": [{"Name": "b", "Own": 2}]}

    assert prune(SHAPES, "Thing", value) == {"Name": "a", "Parts": [{"Name": "b"}]}


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=10,
)


@given(st.dictionaries(st.sampled_from(list(SHAPES["Thing"]["members"])), json_values))
def test_whatever_comes_is_either_refused_by_name_or_fits_the_shape(value):
    try:
        checked = check(SHAPES, "Thing", value)
    except WrongRequest as error:
        assert error.member
    else:
        assert check(SHAPES, "Thing", checked) == checked
