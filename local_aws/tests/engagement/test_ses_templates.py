"""The Handlebars of SES templates: what is filled in, and what fails the rendering."""

from typing import Any

import pytest

from local_aws.engagement.ses.templates import RenderingFailed, render

DATA: dict[str, Any] = {
    "name": "Ann & Bob",
    "count": 3,
    "empty": [],
    "user": {"name": "Eve", "address": {"town": "Rome"}},
    "items": [{"title": "A", "tags": ["x", "y"]}, {"title": "B", "tags": []}],
    "prices": {"EUR": 1.5, "USD": 2},
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Hi {{name}}, {{ count }} {{{name}}}", "Hi Ann & Bob, 3 Ann & Bob"),
        ("{{user.address.town}} {{items.[1].title}}", "Rome B"),
        ("{{#if count}}some{{else}}none{{/if}}", "some"),
        ("{{#if missing}}some{{else}}none{{/if}}", "none"),
        ("{{#unless empty}}nothing{{/unless}}", "nothing"),
        (
            "{{#each items}}{{title}}:{{#each tags}}{{this}}{{else}}-{{/each}} {{/each}}",
            "A:xy B:- ",
        ),
        ("{{#each items}}{{@index}}{{#if @last}}.{{else}},{{/if}}{{/each}}", "0,1."),
        ("{{#each prices}}{{@key}}={{this}};{{/each}}", "EUR=1.5;USD=2;"),
        ("{{#each items}}{{../count}}{{/each}}", "33"),
        ("{{#with user}}{{name}} of {{address.town}}{{/with}}", "Eve of Rome"),
        ("{{#with user}}{{@root.name}}{{/with}}", "Ann & Bob"),
        ('{{#* inline "sign"}}-- {{user.name}}{{/inline}}Hi{{> sign}}', "Hi-- Eve"),
        ("a{{! note }}b{{!-- {{name}} --}}c", "abc"),
        ("no names, { braces } only", "no names, { braces } only"),
    ],
)
def test_a_template_is_filled_in(text: str, expected: str) -> None:
    assert render(text, DATA) == expected


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("{{nobody}}", "Attribute 'nobody' is not present in the rendering data."),
        ("{{user.phone}}", "'user.phone'"),
        ("{{#each items}}{{price}}{{/each}}", "'price'"),
        ("{{#if name}}", "#if"),
        ("{{#if name}}{{/each}}", "/each"),
        ("{{/if}}", "/if"),
        ("{{#loop items}}{{/loop}}", "loop"),
        ("{{> nothing}}", "nothing"),
    ],
)
def test_what_cannot_be_rendered_says_why(text: str, named: str) -> None:
    with pytest.raises(RenderingFailed, match=named.replace(".", r"\.")):
        render(text, DATA)


def test_what_is_not_shown_may_be_missing() -> None:
    assert render("{{#if vip}}{{discount}}{{/if}}ok", {}) == "ok"
