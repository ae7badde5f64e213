"""Contents of the bucket that become email templates of the project."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from campaign_templates.content import Content, UnusableContent
from campaign_templates.publishing import (
    ForeignTemplate,
    MalformedEvent,
    Outcome,
    Publisher,
    Variant,
    Version,
    changed_key,
    sanitised_template,
    template_request,
    variant_of,
)
from engagement_hub.engagement.template_requests import validate_template
from shared.messages.templates import TemplateError, compile_template
from tests.builders.html_reader import HtmlReader

DE = Variant("welcome", "de")
MARK = "Published by campaign_templates"


class Project:
    """Templates by name: their versions, and which one is active."""

    def __init__(self, **foreign: str) -> None:
        self.versions: dict[str, list[Mapping[str, Any]]] = {
            name: [{"TemplateDescription": description}] for name, description in foreign.items()
        }
        self.active = dict.fromkeys(foreign, 0)
        self.failing: list[str] = []  # steps after which the answer is lost, once each

    def description(self, name: str) -> str | None:
        found = self.versions.get(name)
        return found[self.active[name]]["TemplateDescription"] if found else None

    def newest_description(self, name: str) -> str | None:
        return self.versions[name][-1]["TemplateDescription"]

    def create(self, name: str, request: Mapping[str, Any]) -> None:
        assert name not in self.versions
        self.active[name] = 0
        self._add("create", name, request)

    def add_version(self, name: str, request: Mapping[str, Any]) -> None:
        assert name in self.versions
        self._add("add", name, request)

    def activate_newest(self, name: str) -> None:
        self.active[name] = len(self.versions[name]) - 1
        self._answer("activate")

    def sent(self, name: str) -> Any:
        return self.versions[name][self.active[name]]["HtmlPart"]

    def _add(self, step: str, name: str, request: Mapping[str, Any]) -> None:
        validate_template("EMAIL", request)
        self.versions.setdefault(name, []).append(request)
        self._answer(step)

    def _answer(self, step: str) -> None:
        if step in self.failing:
            self.failing.remove(step)
            raise ConnectionError


def versions(*texts: str | None) -> Callable[[Variant], Version]:
    """Give one version after the other, and the last one for ever."""
    found = [
        Version(f"v{number}", None if text is None else Content("Hi", f"<p>{text}</p>"))
        for number, text in enumerate(texts, start=1)
    ]
    given = itertools.chain(found, itertools.repeat(found[-1]))
    return lambda variant: next(given)


def test_22_2_a_content_becomes_a_template_and_its_change_a_version():
    project = Project()

    first = Publisher(versions("one"), project, "news").publish(DE)
    second = Publisher(versions("one"), project, "news").publish(DE)
    Publisher(lambda _: Version("v2", Content("Hi", "<p>two</p>")), project, "news").publish(DE)

    assert (first, second) == (Outcome.PUBLISHED, Outcome.UNCHANGED)
    assert [each["HtmlPart"] for each in project.versions["news-welcome-de"]] == [
        "<p>one</p>",
        "<p>two</p>",
    ]
    assert project.sent("news-welcome-de") == "<p>two</p>"


def test_a_version_that_is_written_during_the_publication_is_published_too():
    project = Project()

    Publisher(versions("one", "two"), project, "news").publish(DE)

    assert project.sent("news-welcome-de") == "<p>two</p>"


@pytest.mark.parametrize("step", ["create", "add", "activate"])
def test_a_repeated_message_after_a_lost_answer_adds_no_version(step):
    project = Project()
    project.failing = [step]
    for version in ("v1", "v2"):
        publisher = Publisher(
            lambda _, version=version: Version(version, Content("Hi", f"<p>{version}</p>")),
            project,
            "news",
        )
        with suppress(ConnectionError):
            publisher.publish(DE)
        publisher.publish(DE)

    assert project.failing == []
    assert len(project.versions["news-welcome-de"]) == 2
    assert project.sent("news-welcome-de") == "<p>v2</p>"


@given(st.lists(st.integers(0, 2), min_size=1, max_size=12))
def test_events_in_any_order_end_with_the_newest_version(writes):
    project, current = Project(), [0]

    def newest(variant: Variant) -> Version:
        return Version(f"v{current[0]}", Content("Hi", f"<p>{current[0]}</p>"))

    publisher = Publisher(newest, project, "news")
    for write in writes:
        current[0] += write
        publisher.publish(DE)

    found = project.versions["news-welcome-de"]
    assert project.sent("news-welcome-de") == f"<p>{current[0]}</p>"
    assert len({each["TemplateDescription"] for each in found}) == len(found)


def test_an_object_that_is_gone_leaves_its_template():
    project = Project(**{"news-welcome-de": f"{MARK}, welcome/de, version v1"})

    assert Publisher(versions(None), project, "news").publish(DE) is Outcome.ABSENT
    assert "news-welcome-de" in project.versions


@pytest.mark.parametrize(
    "description",
    ["", "Made by hand", f"{MARK}, b-welcome/de, version v1", f"{MARK}, welcome/de-AT, version v1"],
)
def test_a_template_of_another_program_is_not_overwritten(description):
    project = Project(**{"news-welcome-de": description})

    with pytest.raises(ForeignTemplate, match="Rename one"):
        Publisher(versions("one"), project, "news").publish(DE)

    assert len(project.versions["news-welcome-de"]) == 1


def test_an_object_that_changes_all_the_time_is_tried_again_later():
    changing = versions(*(str(number) for number in range(20)))

    with pytest.raises(UnusableContent, match="changed 5 times"):
        Publisher(changing, Project(), "news").publish(DE)


@pytest.mark.parametrize(
    "html",
    [
        "<p>{{User.UserAttributes.Name}}</p>",
        '<a href="https://www.example.com/?u={{User.UserId}}&amp;x=1">x</a>',
        "<ul>{{#each Attributes.Offers}}<li>{{this}}</li>{{else}}none{{/each}}</ul>",
        '<p>{{#if (gt Metrics.Points 3)}}many{{else}}few{{/if}}</p>',
        '<p>{{#* inline "x"}}<b>y</b>{{/inline}}{{> x}}</p>',
        '<p>{{abbreviate User.UserId 3}}{{! a comment }}{{round Metrics.Price}}</p>',
        "<p>{{!-- it's }} --}}{{Attributes.[it's]}} <i>it's</i></p>",
        '<p style="color: {{#if Attributes.x}}red{{else}}blue{{/if}}">{ {{Attributes.x}} }</p>',
        '<style>p { color: {{Attributes.colour}} }</style>',
    ],
)  # fmt: skip
def test_placeholders_stay_as_they_are(html):
    assert sanitised_template(html) == html
    compile_template(html, html=True)


@pytest.mark.parametrize(
    ("html", "reason"),
    [
        ("<p>{{{Attributes.x}}}</p>", "two braces"),
        ("<p>{{~{Attributes.x}}}</p>", "two braces"),
        ("<p>{{&Attributes.x}}</p>", "two braces"),
        ("<p>\ue0000\ue001</p>", "private use"),
        ("<p {{#if x}}class=a{{/if}}>x</p>", "round whole elements"),
        ("{{#if x}}<script>{{/if}}</script>", "round whole elements"),
        # Braces that meet when the part between them is left out.
        ("<p>{<!-- -->{{Attributes.x}}}</p>", "would become a placeholder"),
        ("<p>{<blink>{{Attributes.x}}</blink>}</p>", "would become a placeholder"),
        ("<p>{\x01{{Attributes.x}}}</p>", "would become a placeholder"),
        ("<p>&#123;{{Attributes.x}}&#125;</p>", "would become a placeholder"),
        ("<p>&#123;&#123;Attributes.x&#125;&#125;</p>", "would become a placeholder"),
        ("<p>\\<blink>{{Attributes.x}}</blink></p>", "would become a placeholder"),
        # Blocks that take a quote away when their condition does not hold.
        ('<p title="{{#if x}}">t{{/if}}<b class=" onload=steal() ">y</b></p>', "into one value"),
        ('{{#* inline "x"}}<b class=" onload=steal() ">{{/inline}}<p id="{{> x}}">', "one value"),
        ("<style>{{#if x}}</style>{{/if}}@import 'https://evil.example'", "into one value"),
    ],
)
def test_html_whose_result_cannot_be_vouched_for_is_refused(html, reason):
    with pytest.raises(UnusableContent, match=reason):
        sanitised_template(html)


@pytest.mark.parametrize(
    "html",
    [
        "<script>{{Attributes.x}}</script><p>x</p>",
        '<a href="{{Attributes.link}}">x</a>',
        '<a href="javascript:{{Attributes.x}}">x</a>',
        "<p onclick='{{Attributes.x}}'>x</p>",
        "<!-- {{Attributes.x}} --><p>x</p>",
    ],
)
def test_a_placeholder_in_the_place_of_code_goes_with_it(html):
    assert "{{" not in sanitised_template(html)


@pytest.mark.parametrize(
    "html",
    [
        """{{!-- ' --}}<script>steal()</script><b title='{{Attributes.x}}'>x</b>""",
        """{{!-- " --}}<img src=x onerror=steal()><b title="{{Attributes.x}}">x</b>""",
        """{{Attributes.[a']}}<script>steal()</script><b title='{{Attributes.x}}'>x</b>""",
        """\\{{'<script>steal()</script>'}}""",
    ],
)
def test_markup_between_quotes_of_a_comment_or_name_is_sanitised(html):
    result = sanitised_template(html)

    assert "<script" not in result
    assert "onerror" not in result


MARKUP_PARTS = [
    "{{Attributes.x}}", "{{#if Attributes.x}}", "{{#unless Attributes.x}}", "{{else}}", "{{/if}}",
    "{{/unless}}", "{{! c }}", "{{!-- ' --}}", '{{!-- " --}}', "{{Attributes.[']}}", "\\", "{", "}",
    "<p>", "<p title='", '<b class="', "'", '"', ">", "</p>", "</b>", "<style>", "</style>",
    "<!-- ", " -->", "<blink>", "<script>", "</script>", " onload=steal() ", "&#123;", "text",
]  # fmt: skip


@given(st.lists(st.sampled_from(MARKUP_PARTS), max_size=25), st.booleans())
def test_no_mixture_leaves_code_whatever_the_recipients_value_is(parts, has_value):
    html = "".join(parts)
    recipient = {"Attributes": {"x": ["<script>steal()</script>"] if has_value else []}}
    with suppress(TemplateError, UnusableContent):
        compile_template(html, html=True)  # as the content is read

        sent = compile_template(sanitised_template(html), html=True).render(recipient)

        assert HtmlReader(sent).found == []


def test_the_request_has_subject_text_and_defaults():
    request = template_request(Content("Hi", None, "Text", {"User.UserId": "you"}), "d")

    assert request == {
        "Subject": "Hi",
        "TextPart": "Text",
        "TemplateDescription": "d",
        "DefaultSubstitutions": json.dumps({"User.UserId": "you"}),
    }
    with pytest.raises(UnusableContent, match="nothing that may be sent"):
        template_request(Content("Hi", "<script>x</script>"), "d")


@pytest.mark.parametrize(
    "event",
    [None, [], {}, {"detail": None}, {"detail": {}}, {"detail": {"object": []}},
     {"detail": {"object": {"key": None}}}, {"detail": {"object": {"key": 5}}},
     {"detail": {"object": {"key": ""}}}],
)  # fmt: skip
def test_a_message_that_is_no_event_of_s3_is_named(event):
    with pytest.raises(MalformedEvent, match="event of S3"):
        changed_key(event)


@pytest.mark.parametrize(
    ("key", "variant"),
    [
        ("templates/welcome/de.json", DE),
        ("templates/welcome/default.json", Variant("welcome", "default")),
        ("templates/welcome/zh-Hant-TW.json", Variant("welcome", "zh-Hant-TW")),
        ("templates/welcome/de", None),
        ("templates/welcome/de.html", None),
        ("templates/welcome/DE.json", None),
        ("templates/welcome/de_AT.json", None),
        ("templates/welcome/a/de.json", None),
        ("templates/other/de.json", None),
        ("templates/welcome", None),
        ("templates/", None),
        ("welcome/de.json", None),
        ("", None),
    ],
)
def test_only_keys_of_variants_that_the_hook_would_read_are_published(key, variant):
    assert variant_of(key, "templates/", frozenset({"welcome"})) == variant
