"""Which template and which language a recipient gets."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_templates.locales import canonical, fall_backs
from campaign_templates.rules import Rule, choose, recipient_of, rules_from


def recipient(treatment: str | None = "0", locale_from: str = "Demographic.Locale", **members: Any):
    return recipient_of(members, treatment, locale_from)


@pytest.mark.parametrize(
    ("reported", "tried"),
    [
        ("de-AT", ("de-AT", "de", "default")),
        ("de_at", ("de-AT", "de", "default")),
        ("de_AT.UTF-8", ("de-AT", "de", "default")),
        ("ZH-hant-tw", ("zh-Hant-TW", "zh-Hant", "zh", "default")),
        ("es-419", ("es-419", "es", "default")),
        ("th_TH@calendar=buddhist", ("th-TH", "th", "default")),
        ("de-DE-u-co-phonebk", ("de-DE", "de", "default")),
        (" fr ", ("fr", "default")),
    ],
)
def test_a_locale_falls_back_to_its_language_and_then_to_the_default(reported, tried):
    assert fall_backs(reported) == tried


@pytest.mark.parametrize(
    "nonsense",
    [
        None,
        "",
        "-",
        "d",
        "german",
        "../../secret",
        "de/../fr",
        "de AT",
        "12",
        "de-",
        "de%2F",
        "default",
    ],
)
def test_a_text_that_is_no_locale_gets_the_default(nonsense):
    assert fall_backs(nonsense) == ("default",)


@given(st.text(max_size=40))
def test_no_locale_can_leave_its_place_in_a_key_or_url(text):
    for locale in fall_backs(text):
        assert all(letter.isalnum() or letter == "-" for letter in locale)
        assert locale.isascii()


@given(st.text(max_size=20))
def test_the_letter_case_of_a_locale_is_settled_by_one_step(text):
    once = canonical(text)

    assert once is None or canonical(once) == once


def test_the_first_rule_that_holds_decides():
    rules = [Rule("gold", user_attributes={"Tier": frozenset({"gold"})}), Rule("all")]
    gold = recipient(User={"UserAttributes": {"Tier": ["silver", "gold"]}})
    other = recipient(User={"UserAttributes": {"Tier": ["bronze"]}})

    assert [choose(rules, one, "default") for one in (gold, other)] == ["gold", "all"]


def test_a_recipient_for_whom_no_rule_holds_gets_the_default_template():
    assert choose([Rule("x", treatments=frozenset({"1"}))], recipient("0"), "welcome") == "welcome"


@pytest.mark.parametrize(("treatment", "expected"), [("0", "a"), ("1", "b"), (None, "a")])
def test_a_treatment_of_an_ab_test_chooses_and_a_journey_has_none(treatment, expected):
    rules = [Rule("b", treatments=frozenset({"1", "2"}))]

    assert choose(rules, recipient(treatment), "a") == expected


@pytest.mark.parametrize(
    ("locale", "expected"), [("de_AT", "german"), ("de", "german"), ("en", "any"), ("x", "any")]
)
def test_a_rule_for_a_language_holds_in_all_its_regions(locale, expected):
    rules = rules_from([{"template": "german", "locales": ["de"]}])

    assert choose(rules, recipient(Demographic={"Locale": locale}), "any") == expected


def test_every_condition_of_a_rule_must_hold():
    rules = rules_from(
        [
            {
                "template": "x",
                "attributes": {"Interest": ["music", "art"]},
                "user_attributes": {"Tier": ["gold"]},
                "treatments": ["0"],
                "locales": ["de-AT"],
            }
        ]
    )
    fits: dict[str, Any] = {
        "Attributes": {"Interest": ["art"]},
        "User": {"UserAttributes": {"Tier": ["gold"]}},
        "Demographic": {"Locale": "de_AT"},
    }

    assert choose(rules, recipient(**fits), "no") == "x"
    assert choose(rules, recipient("1", **fits), "no") == "no"
    for member in fits:
        assert choose(rules, recipient(**{**fits, member: {}}), "no") == "no"


@pytest.mark.parametrize(
    ("locale_from", "members"),
    [
        ("Attributes.Language", {"Attributes": {"Language": ["fr-CA"]}}),
        ("Attributes.Language", {"Attributes": {"Language": "fr-CA"}}),
        ("User.UserAttributes.Language", {"User": {"UserAttributes": {"Language": ["fr-CA"]}}}),
        ("Demographic.Locale", {"Demographic": {"Locale": "fr-CA"}}),
    ],
)
def test_the_locale_can_be_in_any_of_three_places(locale_from, members):
    assert recipient(locale_from=locale_from, **members).locale == "fr-CA"


@pytest.mark.parametrize(
    "members",
    [
        {"Attributes": None, "User": None, "Demographic": None},
        {"Attributes": [], "User": "x", "Demographic": 1},
        {"User": {"UserAttributes": 1}, "Demographic": {"Locale": 5}},
        {"Attributes": {"Tier": [1, None, {"gold": 1}]}},
        {"Attributes": {"Tier": None}},
    ],
)
def test_members_of_another_type_count_as_absent(members):
    rules = [Rule("x", attributes={"Tier": frozenset({"gold"})})]

    assert choose(rules, recipient(**members), "default") == "default"
