"""The Data of a campaign: templates, defaults and options of the channel."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from connect_campaign_channel.content import Content, MalformedData, NotRendered, read_content

MARY = {"Attributes": {"Car": ["Beetle"]}, "User": {"UserAttributes": {"FirstName": ["Mary"]}}}


def test_4_a_text_is_the_message_and_is_rendered_for_each_endpoint() -> None:
    content = read_content("Hello {{User.UserAttributes.FirstName}}, your {{Attributes.Car}} is in")

    assert content.rendered("e1", MARY) == {"Message": "Hello Mary, your Beetle is in"}


def test_a_text_that_begins_with_a_placeholder_is_no_object() -> None:
    content = read_content("{{User.UserAttributes.FirstName}}, your car is in")

    assert content.rendered("e1", MARY) == {"Message": "Mary, your car is in"}


def test_an_object_has_several_values_with_defaults_and_options() -> None:
    data = {
        "values": {"Message": "Hi {{User.UserAttributes.FirstName}}", "Car": "{{Attributes.Car}}"},
        "defaults": {"User.UserAttributes.FirstName": "there"},
        "options": {"template": "spring"},
    }

    content = read_content(json.dumps(data))

    assert content.rendered("e1", {}) == {"Message": "Hi there", "Car": ""}
    assert content.rendered("e1", MARY) == {"Message": "Hi Mary", "Car": "Beetle"}
    assert content.options == {"template": "spring"}


def test_the_text_is_spoken_so_it_is_not_escaped() -> None:
    endpoint = {"Attributes": {"Car": ["A & B"]}}

    assert read_content("{{Attributes.Car}}").rendered("e1", endpoint) == {"Message": "A & B"}


@pytest.mark.parametrize(
    ("data", "named"),
    [
        (None, "Data is missing"),
        ("", "Data is missing"),
        (" \n", "Data is missing"),
        ("{", "JSON object"),
        ('{"values": {"Message": "Hi"}', "JSON object"),
        ("{}", "values"),
        ('{"options": {"template": "spring"}}', "values"),
        ('{"values": null}', "values"),
        ('{"values": []}', "values"),
        ('{"values": "Hi"}', "values"),
        ('{"values": {"Message": 5}}', "values"),
        ('{"values": {"Message": "Hi"}, "defaults": []}', "defaults"),
        ('{"values": {"Message": "Hi"}, "options": {"a": 1}}', "options"),
        ('{"message": "Hi"}', "'message'"),
        ("Hello \ud800", "surrogate"),
        ('{"values": {"Message": "\\ud800"}}', "surrogate"),
        ("Hello {{Attributes.Car", "Message"),
        ("Hello {{#if x}}", "never closed"),
        ("Hello {{shout x}}", "shout"),
        ('{"values": {"Car": "{{/if}}"}}', "'Car'"),
        ("{" + '"a":{' * 5000, "JSON object"),
    ],
)
def test_data_that_cannot_be_used_is_refused_by_member_and_rule(
    data: str | None, named: str
) -> None:
    with pytest.raises(MalformedData, match=named):
        read_content(data)


def test_a_value_that_a_helper_cannot_use_fails_its_endpoint_only() -> None:
    content = read_content("{{divide Attributes.Total 0}}")

    with pytest.raises(NotRendered) as caught:
        content.rendered("e1", {"Attributes": {"Total": ["secret-7"]}})

    assert "secret-7" not in str(caught.value)


@given(st.none() | st.text() | st.dictionaries(st.text(), st.text() | st.none()).map(json.dumps))
def test_any_data_is_content_or_refused_by_name(data: Any) -> None:
    try:
        assert isinstance(read_content(data), Content)
    except MalformedData as error:
        assert str(error)
