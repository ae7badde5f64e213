"""A text is remembered before it is sent, encrypted and for a time."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from sms_retry.remember import CannotRemember, remember
from tests.builders.text_retries import World, world


@pytest.fixture
def here(monkeypatch: Any) -> Iterator[World]:
    with world(monkeypatch) as one:
        yield one


def test_a_text_is_found_by_the_key_in_the_context_until_it_is_of_no_use(here: World) -> None:
    entry = here.remember("Your code is 1", useful_seconds=60, keyword="BANK")

    found = here.texts.find(entry["retry_key"])
    here.now += 60_000

    assert found is not None
    assert (found.body, found.settings) == ("Your code is 1", {"Keyword": "BANK"})
    assert here.texts.find(entry["retry_key"]) is None


def test_each_text_has_a_key_of_its_own_that_tells_nothing(here: World) -> None:
    first, second = here.remember("Hello"), here.remember("Hello")

    assert first != second
    assert set(first) == {"retry_key"}
    assert len(first["retry_key"]) == 36


def test_an_item_that_was_not_written_by_remember_is_no_text(here: World) -> None:
    here.dynamodb.put_item(TableName="texts", Item={"pk": {"S": "k"}, "body": {"S": "Hello"}})

    assert here.texts.find("k") is None
    assert here.texts.find("absent") is None


@pytest.mark.parametrize("settings", ["[]", "7", "null", "{", '["Keyword"]'])
def test_settings_of_another_form_are_no_settings(here: World, settings: str) -> None:
    entry = here.remember("Hello")
    item = here.dynamodb.scan(TableName="texts")["Items"][0]
    here.dynamodb.put_item(TableName="texts", Item={**item, "settings": {"S": settings}})

    assert here.texts.find(entry["retry_key"]) is None


@pytest.mark.parametrize(
    ("given", "named"),
    [
        ({"body": ""}, "body"),
        ({"body": "  \n"}, "body"),
        ({"body": "x" * 1601}, "body"),
        ({"body": None}, "body"),
        ({"body": b"Hello"}, "body"),
        ({"useful_seconds": 0}, "useful_seconds"),
        ({"useful_seconds": -1}, "useful_seconds"),
        ({"useful_seconds": 259_201}, "useful_seconds"),
        ({"useful_seconds": 1.5}, "useful_seconds"),
        ({"useful_seconds": True}, "useful_seconds"),
        ({"useful_seconds": None}, "useful_seconds"),
        ({"keyword": ""}, "keyword"),
        ({"keyword": "x" * 31}, "keyword"),
        ({"max_price": "a cent"}, "max_price"),
        ({"max_price": 0.05}, "max_price"),
        ({"country_parameters": {"US_ENTITY_ID": "1"}}, "country_parameters"),
        ({"country_parameters": {"IN_ENTITY_ID": ""}}, "country_parameters"),
        ({"country_parameters": ["IN_ENTITY_ID"]}, "country_parameters"),
    ],
)
def test_a_text_that_could_not_be_sent_is_refused_before_the_send(
    here: World, given: dict[str, Any], named: str
) -> None:
    text = given.pop("body", "Your code is 123456")

    with pytest.raises(CannotRemember, match=named) as error:
        remember(here.dynamodb, "texts", text, **given)

    assert "123456" not in str(error.value)
    assert here.dynamodb.scan(TableName="texts")["Count"] == 0
