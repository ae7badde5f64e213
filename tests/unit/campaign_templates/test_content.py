"""Content of a store, and the subject and bodies that one recipient gets of it."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_templates.content import Content, UnusableContent, read_content, read_document
from campaign_templates.rendering import Limits, render

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
MARY = {"Attributes": {"Offer": ["<b>50 %</b>"]}, "User": {"UserAttributes": {"Name": ["Mary"]}}}


def rendered(subject="Hi", html=None, text=None, defaults=None, limits=None, recipient=MARY):
    content = Content(subject, html, text, defaults or {})
    return render(content, recipient, limits or Limits(), lambda: NOW)


@pytest.mark.parametrize(
    "document",
    [
        None,
        [],
        "text",
        {},
        {"html": "<p>Hi</p>"},
        {"subject": "Hi"},
        {"subject": "", "html": "<p>Hi</p>"},
        {"subject": "  ", "html": "<p>Hi</p>"},
        {"subject": "Hi", "html": " "},
        {"subject": 5, "html": "<p>Hi</p>"},
        {"subject": "Hi", "html": ["<p>Hi</p>"]},
        {"subject": "Hi", "text": {"en": "Hi"}},
        {"subject": "Hi", "Html": "<p>Hi</p>", "text": "Hi"},
        {"subject": "Hi", "html": "<p>{{Attributes.Offer</p>"},
        {"subject": "Hi {{unknown helper x}}", "html": "<p>Hi</p>"},
        {"subject": "Hi", "html": "{{#if x}}<p>"},
        {"subject": "Hi", "text": "Hi", "defaults": ["x"]},
        {"subject": "Hi", "text": "Hi", "defaults": {"x": 5}},
        {"subject": "Hi", "text": "Hi", "defaults": {"x": [5]}},
    ],
)
def test_content_that_cannot_be_sent_is_refused_with_the_rule(document):
    with pytest.raises(UnusableContent, match=r"content"):
        read_content(document)


@pytest.mark.parametrize(
    "document", [b"", b"\xff\xfe", b"{", b"<html>", b"[" * 100_000, b"1" * 9_999]
)
def test_a_document_that_is_no_json_is_refused(document):
    with pytest.raises(UnusableContent, match="JSON object in UTF-8"):
        read_document(document)


@given(st.binary(max_size=60) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3)
    | st.dictionaries(st.sampled_from(["subject", "html", "text", "defaults", "x"]), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_any_document_is_content_or_named_as_unusable(document):
    try:
        content = read_document(document)
    except UnusableContent:
        return
    assert content.subject.strip()
    assert (content.html or content.text or "").strip()


def test_placeholders_are_filled_and_values_are_escaped_in_html_only():
    result = rendered(
        "For {{User.UserAttributes.Name}}: {{Attributes.Offer}}",
        "<p>{{Attributes.Offer}}</p>",
        "{{Attributes.Offer}}",
    )

    assert result.subject == "For Mary: <b>50 %</b>"
    assert result.html == "<p>&lt;b&gt;50 %&lt;/b&gt;</p>"
    assert result.text == "<b>50 %</b>"


def test_three_braces_print_markup_of_a_value_without_its_scripts():
    recipient = {"Attributes": {"Offer": ["<b>50 %</b><script>steal()</script>"]}}

    assert rendered(html="<p>{{{Attributes.Offer}}}</p>", recipient=recipient).html == (
        "<p><b>50 %</b></p>"
    )


def test_a_value_is_never_read_as_a_template_again():
    recipient = {"Attributes": {"Offer": ["{{Address}}"]}, "Address": "mary@example.com"}

    assert rendered(html="<p>{{Attributes.Offer}}</p>", recipient=recipient).html == (
        "<p>{{Address}}</p>"
    )


def test_defaults_take_the_place_of_values_that_are_missing_and_only_of_those():
    defaults = {"User.UserAttributes.Name": "there", "User.UserAttributes.City": "your city"}

    result = rendered(
        "{{User.UserAttributes.Name}}, {{User.UserAttributes.City}}", "x", defaults=defaults
    )

    assert result.subject == "Mary, your city"


def test_a_value_cannot_add_a_header_to_the_subject():
    recipient = {"Attributes": {"Offer": ["x\r\nBcc: all@example.com\x00"]}}

    assert rendered("{{Attributes.Offer}}", "x", recipient=recipient).subject == (
        "x Bcc: all@example.com"
    )


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"subject": "{{Attributes.None}}", "text": "x"}, "subject .* renders to nothing"),
        ({"html": "<script>x</script>"}, "render to nothing that may be sent"),
        ({"html": "{{Attributes.None}}"}, "render to nothing that may be sent"),
        ({"subject": "x" * 11, "text": "x"}, "subject .* 11 characters; the limit is 10"),
        ({"html": "é" * 6}, "html .* 12 bytes; the limit is 10"),
        ({"text": "é" * 6}, "text .* 12 bytes; the limit is 10"),
        ({"text": "{{divide Attributes.Offer 2}}"}, "cannot be rendered"),
        ({"subject": "x\ud83d", "text": "x"}, "half a character"),
        ({"html": "<p>\ud83d"}, "half a character"),
    ],
)
def test_content_that_does_not_fit_one_recipient_is_refused_for_that_recipient(members, reason):
    with pytest.raises(UnusableContent, match=reason) as refused:
        rendered(**members, limits=Limits(10, 10, 10))

    assert "50 %" not in str(refused.value)


def test_html_that_grows_far_beyond_its_limit_is_refused_before_it_is_sanitised(monkeypatch):
    monkeypatch.setattr("campaign_templates.rendering._sanitised", lambda html: 1 / 0)
    loops = "{{#each Attributes.x}}" * 3 + "<p>" + "{{/each}}" * 3
    recipient = {"Attributes": {"x": ["x"] * 15}}

    with pytest.raises(UnusableContent, match="before it is sanitised"):
        rendered(html=loops, limits=Limits(html_bytes=11), recipient=recipient)


def test_comments_that_are_left_out_do_not_count_for_the_size_that_is_sent():
    found = rendered(html="<p>Hi</p><!-- a note -->", limits=Limits(html_bytes=9))

    assert found.html == "<p>Hi</p>"


def test_a_document_of_an_editor_that_writes_a_byte_order_mark_is_read():
    document = b"\xef\xbb\xbf" + json.dumps({"subject": "Hi", "text": "Hi"}).encode()

    assert read_document(document).subject == "Hi"
