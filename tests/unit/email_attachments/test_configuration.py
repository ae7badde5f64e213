"""`CustomMessage.Data`: a JSON object or the comma-separated form, and clear refusals."""

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_attachments.configuration import (
    BadConfiguration,
    Configuration,
    Delivery,
    Files,
    Rules,
    Unsubscribe,
    members_of,
    read_configuration,
    read_rules,
)
from shared.mailbox import Mailbox
from tests.builders.random_input import WHOLE_TEXTS, fuzz, json_values

BANK = Mailbox("bank@example.com", "The Bank")
RULES = Rules(
    senders={BANK.key: BANK, "news@example.com": Mailbox("news@example.com")},
    folder="statements/",
    link_seconds=3600,
)
SMALLEST = {"TemplateName": "statement"}
PER_RECIPIENT = {**SMALLEST, "Files": "ONE_PER_RECIPIENT", "FilePrefix": "2026-10/statement"}


def read(rules: Rules = RULES, **members: Any) -> Configuration:
    return read_configuration(json.dumps(members), rules)


def refusal(data: str | None, rules: Rules = RULES) -> str:
    with pytest.raises(BadConfiguration) as refused:
        read_configuration(data, rules)
    return str(refused.value)


def test_a_template_alone_is_a_message_without_a_file_from_the_default_sender() -> None:
    assert read(**SMALLEST) == Configuration("statement", BANK)


def test_every_member_has_its_effect() -> None:
    configuration = read(
        TemplateName="statement",
        TemplateVersion="3",
        FromName="Example, Inc.",
        FromAddress="News@Example.com",
        ReplyToAddresses=["Help <help@example.com>"],
        Files="ONE_FOR_ALL",
        Delivery="LINK",
        FilePrefix="2026/terms",
        FileType=".zip",
        FileName="Terms of 2026.zip",
        LinkSeconds=600,
        Unsubscribe={"Url": "https://example.com/u?{{Id}}", "OneClick": True},
    )

    assert configuration == Configuration(
        template_name="statement",
        template_version="3",
        sender=Mailbox("News@example.com", "Example, Inc."),
        files=Files.ONE_FOR_ALL,
        delivery=Delivery.LINK,
        folder="statements/",
        file_prefix="2026/terms",
        file_type=".zip",
        file_name="Terms of 2026.zip",
        link_seconds=600,
        reply_to=("Help <help@example.com>",),
        unsubscribe=Unsubscribe("https://example.com/u?{{Id}}", None, True),
    )


def test_the_unsubscribe_links_of_the_module_serve_configurations_without_their_own() -> None:
    rules = replace(RULES, unsubscribe=Unsubscribe("https://example.com/u"))

    assert read(rules, **SMALLEST).unsubscribe == rules.unsubscribe
    own = read(rules, **SMALLEST, Unsubscribe={"Mailto": "mailto:u@example.com"})
    assert own.unsubscribe == Unsubscribe(None, "mailto:u@example.com")


# The form of AWS's architecture


@pytest.mark.parametrize(
    ("mode", "how", "files", "delivery"),
    [
        ("ONEPER", "URL", Files.ONE_PER_RECIPIENT, Delivery.LINK),
        ("ONEPER", "FILE", Files.ONE_PER_RECIPIENT, Delivery.ATTACHMENT),
        ("ONEALL", "URL", Files.ONE_FOR_ALL, Delivery.LINK),
        ("ONEALL", "FILE", Files.ONE_FOR_ALL, Delivery.ATTACHMENT),
    ],
)
def test_the_form_of_the_original_is_read(
    mode: str, how: str, files: Files, delivery: Delivery
) -> None:
    data = f"The Bank,statement,news@example.com,{mode},Oct-Statement,{how}"

    configuration = read_configuration(data, RULES)

    assert (configuration.files, configuration.delivery) == (files, delivery)
    assert configuration.sender == Mailbox("news@example.com", "The Bank")
    assert configuration.file_prefix == "Oct-Statement"


@pytest.mark.parametrize("rest", ["", ",", ",,", ",Oct-Statement,URL"])
def test_without_a_file_the_rest_of_the_original_form_does_not_matter(rest: str) -> None:
    configuration = read_configuration(f"NA, statement, bank@example.com, NO{rest}", RULES)

    assert configuration == Configuration("statement", Mailbox("bank@example.com", "The Bank"))


def test_7_a_comma_in_a_name_is_in_quotation_marks_or_is_refused_with_the_way_out() -> None:
    rest = "statement, bank@example.com, ONEALL, terms, FILE"

    quoted = read_configuration(f'"Example, Inc.", {rest}', RULES)

    assert quoted.sender.name == "Example, Inc."
    assert "in quotation marks" in refusal(f"Example, Inc., {rest}")


@pytest.mark.parametrize(
    "data",
    [
        "name",
        "name,statement",
        "name,statement,bank@example.com",
        "name,statement,bank@example.com,ONEPER",
        "name,statement,bank@example.com,ONEPER,prefix",
        "name,statement,bank@example.com,ONEPER,,URL",
        "name,statement,bank@example.com,oneper,prefix,URL",
        "name,statement,bank@example.com,ONEPER,prefix,MAIL",
        "name,,bank@example.com,NO",
        "name,statement,,NO",
        '"name,statement,bank@example.com,NO',
        "name,statement,bank@example.com,NO\nname,statement,bank@example.com,NO",
        "a,b,c,d,e,f,g,h",
    ],
)
def test_7_missing_and_misspelt_fields_are_one_clear_error(data: str) -> None:
    assert refusal(data)


@pytest.mark.parametrize(
    "name", ["Bank\r\nBcc: all@example.com", "Bank <x>", "a\x00b", "x" * 201, "Ba\u2028nk"]
)
def test_7_a_sender_name_cannot_add_a_header(name: str) -> None:
    assert "FromName" in refusal(json.dumps({**SMALLEST, "FromName": name}))


# Refusals


@pytest.mark.parametrize(
    "data",
    [
        json.dumps({**SMALLEST, "FromName": "\ud800"}),
        json.dumps({**SMALLEST, "ReplyToAddresses": ["\ud800 <a@example.com>"]}),
        json.dumps({**PER_RECIPIENT, "FileName": "\ud800.pdf"}),
        "\ud800,statement,bank@example.com,NO",
    ],
)
def test_half_of_a_surrogate_pair_is_refused_before_anything_is_queued(data: str) -> None:
    assert "surrogate" in refusal(data)


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({}, "TemplateName must be"),
        ({"TemplateName": ""}, "TemplateName must be"),
        ({"TemplateName": 7}, "TemplateName must be a string"),
        ({"TemplateName": "-x"}, "TemplateName must be"),
        ({**SMALLEST, "Template": "x"}, "Template is no member of the configuration"),
        ({**SMALLEST, "TemplateVersion": 2}, "TemplateVersion must be a string"),
        ({**SMALLEST, "TemplateVersion": "latest"}, "Leave it out for the active version"),
        ({**SMALLEST, "FromAddress": "nobody"}, "FromAddress cannot be used"),
        ({**SMALLEST, "FromAddress": "ceo@example.com"}, "email.other_senders"),
        ({**SMALLEST, "ReplyToAddresses": "a@example.com"}, "must be a list"),
        ({**SMALLEST, "ReplyToAddresses": [1]}, "must be a string"),
        ({**SMALLEST, "ReplyToAddresses": ["a b"]}, "An entry of ReplyToAddresses"),
        ({**SMALLEST, "Files": "ALL"}, "Files must be one of NONE, ONE_FOR_ALL"),
        ({**SMALLEST, "Files": None}, "Files must be one of"),
        ({**SMALLEST, "Files": ["NONE"]}, "Files must be one of"),
        ({**SMALLEST, "FilePrefix": "x"}, "FilePrefix has no effect without files"),
        ({**SMALLEST, "Delivery": "LINK"}, "Delivery has no effect without files"),
        ({**PER_RECIPIENT, "FilePrefix": ""}, "FilePrefix is missing"),
        ({**PER_RECIPIENT, "FilePrefix": "../other/bill"}, "FilePrefix cannot be used"),
        ({**PER_RECIPIENT, "FilePrefix": "a/./b"}, "FilePrefix cannot be used"),
        ({**PER_RECIPIENT, "FilePrefix": "a\nb"}, "control characters"),
        ({**PER_RECIPIENT, "FilePrefix": "ü" * 520}, "S3 takes 1024"),
        ({**PER_RECIPIENT, "FileType": "pdf"}, "FileType must be an extension"),
        ({**PER_RECIPIENT, "FileType": "/../x.pdf"}, "FileType must be an extension"),
        ({**PER_RECIPIENT, "FileType": ".exe"}, "SES refuses attachments of type .exe"),
        ({**PER_RECIPIENT, "FileType": ".TAR.JS"}, "SES refuses attachments"),
        ({**PER_RECIPIENT, "FileName": "bill.html"}, "FileName must end with"),
        ({**PER_RECIPIENT, "Delivery": "URL"}, "Delivery must be one of ATTACHMENT, LINK"),
        ({**PER_RECIPIENT, "LinkSeconds": 60}, "no effect without Delivery LINK"),
        ({**PER_RECIPIENT, "Delivery": "LINK", "LinkSeconds": 3601}, "must be 60-3600"),
        ({**PER_RECIPIENT, "Delivery": "LINK", "LinkSeconds": 59}, "must be 60-3600"),
        ({**PER_RECIPIENT, "Delivery": "LINK", "LinkSeconds": "60"}, "whole number"),
        ({**PER_RECIPIENT, "Delivery": "LINK", "LinkSeconds": True}, "whole number"),
        ({**SMALLEST, "Unsubscribe": {}}, "Unsubscribe must be an object"),
        ({**SMALLEST, "Unsubscribe": {"URL": "https://x"}}, "Unsubscribe must be an object"),
        ({**SMALLEST, "Unsubscribe": {"OneClick": False}}, "must have Url, Mailto or both"),
        ({**SMALLEST, "Unsubscribe": {"Url": "http://x"}}, "an https:// URL"),
        ({**SMALLEST, "Unsubscribe": {"Url": "https://x y"}}, "without spaces"),
        ({**SMALLEST, "Unsubscribe": {"Url": "https://x>,<y"}}, "an https:// URL"),
        ({**SMALLEST, "Unsubscribe": {"Url": "https://x{{#if"}}, "Unsubscribe.Url"),
        ({**SMALLEST, "Unsubscribe": {"Mailto": "u@example.com"}}, "a mailto: address"),
        (
            {**SMALLEST, "Unsubscribe": {"Mailto": "mailto:u@example.com", "OneClick": True}},
            "OneClick needs Url",
        ),
        ({**SMALLEST, "Unsubscribe": {"Url": "https://x", "OneClick": "yes"}}, "true or false"),
    ],
)
def test_a_bad_member_is_named_with_the_rule(members: dict[str, Any], said: str) -> None:
    assert said in refusal(json.dumps(members))


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (None, "CustomMessage.Data is missing"),
        ("", "CustomMessage.Data is missing"),
        (" \n", "CustomMessage.Data is missing"),
        ("{", "is no JSON"),
        ("{'TemplateName': 'x'}", "is no JSON"),
        ('{"TemplateName": "x", "TemplateName": "y"}', "TemplateName is given twice"),
        ('{"Unsubscribe": ' * 3000, "is no JSON"),
        ("[1]", "must be NO, ONEPER or ONEALL"),
    ],
)
def test_a_text_of_neither_form_is_refused(data: str | None, said: str) -> None:
    assert said in refusal(data)


def test_a_link_to_a_type_that_ses_refuses_as_an_attachment_is_allowed() -> None:
    configuration = read(**PER_RECIPIENT, Delivery="LINK", FileType=".exe")

    assert configuration.key("1") == "statements/2026-10/statement_1.exe"


def test_the_settings_of_the_module_are_read() -> None:
    rules = read_rules(
        {
            "SENDERS": '["The Bank <bank@example.com>"]',
            "FILES": '{"prefix": "f/", "type": ".zip", "link_seconds": 60, "largest_mb": 7}',
            "UNSUBSCRIBE": '{"url": "https://x", "mailto": null, "one_click": true}',
        }
    )

    assert rules == Rules({BANK.key: BANK}, "f/", ".zip", 60, Unsubscribe("https://x", None, True))


@given(WHOLE_TEXTS | json_values().map(json.dumps))
@fuzz(300)
def test_any_text_is_a_configuration_or_a_refusal(data: str) -> None:
    try:
        configuration = read_configuration(data, RULES)
    except BadConfiguration as error:
        assert str(error)
    else:
        assert configuration.sender.key in RULES.senders


@given(
    st.fixed_dictionaries(
        {},
        optional=dict.fromkeys(
            ("TemplateName", "FromName", "FilePrefix", "FileType", "FileName", "Unsubscribe"),
            json_values(),
        )
        | {
            "Files": st.sampled_from(["NONE", "ONE_FOR_ALL", "ONE_PER_RECIPIENT"]),
            "Delivery": st.sampled_from(["ATTACHMENT", "LINK"]),
        },
    )
)
@fuzz(300)
def test_a_configuration_that_is_read_never_leaves_the_folder_of_the_module(
    members: dict[str, Any],
) -> None:
    data = json.dumps({**SMALLEST, **members})
    try:
        configuration = read_configuration(data, RULES)
    except BadConfiguration:
        return
    assert set(members_of(data)) <= {*SMALLEST, *members}
    if configuration.files is not Files.NONE:
        key = configuration.key("1")
        assert key.startswith("statements/")
        assert not {".", ".."} & set(key.split("/"))
        assert "/" not in configuration.file_name
