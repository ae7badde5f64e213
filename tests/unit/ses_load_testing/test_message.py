"""Messages that producers may send, and the text of each refusal."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ses_load_testing.message import MalformedMessage, message_of, read_message
from tests.builders.load_testing import body


def test_a_message_is_read_whole():
    message = read_message(json.dumps(body(1)))

    assert message.sender == "shop@example.com"
    assert message.to == "user-1@example.com"
    assert message.template == "SimpleEmail"
    assert message.user_id == "1"
    assert message.configuration_set == "tracked"
    assert message.tags == (("campaign", "run1"),)
    assert message.unique_code == "code-1"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"from": None}, "from"),
        ({"from": "nobody"}, "from"),
        ({"from": "a@b.example\r\nBcc: c@d.example"}, "from"),
        ({"to": None}, "to"),
        ({"to": ["a@b.example"]}, "to"),
        ({"to": "a@b.example, c@d.example"}, "to"),
        ({"to": "Ann <a@b.example>"}, "to"),
        ({"to": "änn@example.com"}, "to"),
        ({"to": "ann@straße.example"}, "to"),
        ({"from": "änn@example.com"}, "from"),
        ({"from": "A <a@b.example>, B <c@d.example>"}, "from"),
        ({"template_name": ""}, "template_name"),
        ({"template_name": "x" * 65}, "template_name"),
        ({"user_id": 4711}, "user_id"),
        ({"user_id": "ü" * 1025}, "user_id"),  # 2,050 bytes: no key of DynamoDB
        ({"user_id": "\ud800"}, "user_id"),
        ({"unique_code": "\ud800"}, "unique_code"),
        ({"config_set": 4711}, "config_set"),
        ({"unique_code": ""}, "unique_code"),
        ({"idempotency_key": "x" * 257}, "idempotency_key"),
        ({"tags": {"campaign": "run1"}}, "tags"),
        ({"tags": [{"Name": "campaign"}]}, "tags"),
        ({"tags": [{"Name": "cam paign", "Value": "x"}]}, "tags"),
        ({"tags": [{"Name": "a", "Value": "x"}, {"Name": "a", "Value": "y"}]}, "tags"),
        ({"tags": [{"Name": f"t{n}", "Value": "x"} for n in range(51)]}, "tags"),
    ],
)
def test_a_refusal_names_the_field_its_rule_and_the_way_out(changes: dict[str, Any], field: str):
    with pytest.raises(MalformedMessage) as refused:
        message_of({**body(1), **changes})

    assert refused.value.field == field
    assert refused.value.rule and refused.value.way_out
    for value in changes.values():  # nothing of the message is quoted
        assert value in (None, "") or str(value) not in str(refused.value)


@pytest.mark.parametrize("text", ["", "{", "[]", "5", "null", '"text"', "[" * 100_000])
def test_what_is_no_object_is_refused_as_a_body(text: str):
    with pytest.raises(MalformedMessage, match="^body "):
        read_message(text)


@pytest.mark.parametrize(
    ("written", "sent"),
    [
        ("Müller GmbH <shop@example.com>", "=?utf-8?q?M=C3=BCller_GmbH?= <shop@example.com>"),
        ("Foo, Inc. <shop@example.com>", '"Foo, Inc." <shop@example.com>'),
        ("Shop & Co + 100 % <shop@example.com>", "Shop & Co + 100 % <shop@example.com>"),
        ("shop@bücher.example", "shop@xn--bcher-kva.example"),
    ],
)
def test_a_sender_is_written_as_ses_takes_it(written: str, sent: str):
    assert message_of(body(1, **{"from": written})).sender == sent


def test_a_recipient_s_domain_is_sent_in_punycode():
    assert message_of(body(1, to="ann@münchen.example")).to == "ann@xn--mnchen-3ya.example"


def test_characters_of_a_code_pass_unchanged():
    assert message_of(body(1, unique_code="a&b+c%d")).unique_code == "a&b+c%d"


def test_the_same_code_for_the_same_people_is_the_same_identity():
    key = message_of(body(1)).key

    assert message_of(body(1, template_name="Other", tags=None)).key == key
    assert message_of(body(1, to="USER-1@EXAMPLE.com")).key == key
    assert message_of(body(1, **{"from": "<shop@example.com>"})).key == key
    assert message_of(body(2, unique_code="code-1")).key != key
    assert message_of(body(1, **{"from": "other@example.com"})).key != key


def test_a_given_key_wins_and_without_either_there_is_none():
    assert (
        message_of(body(1, idempotency_key="k")).key == message_of(body(2, idempotency_key="k")).key
    )
    assert message_of(body(1, unique_code=None)).key is None


@given(st.recursive(st.none() | st.booleans() | st.text() | st.integers(), st.lists, max_leaves=5))
def test_whatever_stands_in_a_field_is_read_or_refused_by_name(value: Any):
    for field in body(1):
        try:
            message_of({**body(1), field: value})
        except MalformedMessage as error:
            assert error.field == field
