"""Any text is a template or is refused with its place; any recipient gets a text or is refused."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.template_requests import validate_template
from shared.messages.content import resolve
from shared.messages.template_helpers import HELPERS
from shared.messages.template_scope import MAX_REPEATED_CHARACTERS
from shared.messages.templates import TemplateError, compile_template
from tests.builders.random_input import TEXTS, fuzz, json_values

NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)
PATHS = [
    *("Attributes.a", "Attributes.a.[0]", "Attributes.a.0", "User.UserAttributes.a", "a", "b", "x"),
    *("this", ".", "..", "../a", "../../a", "@index", "@key", "@root", "@root.a", "@../index"),
    *(
        "Metrics.n",
        "Location.City",
        "Address",
        "[odd name]",
        "Attributes.[a b]",
        "a.length",
        "else",
    ),
    *("RecommendationItems.[0].Id", "Demographic.Timezone", "Id", "null", "true", "undefined"),
]
PATTERNS = st.sampled_from(
    ['"yyyy-MM-dd"', '"EEEE, d. MMMM yyyy HH:mm:ss.SSS z"', '"full"', '"long"', '"x\'y"', "short"]
)
ZONES = st.sampled_from(['"Europe/Berlin"', "America/Los_Angeles", '"UTC+99"', '""', '"../a"'])
WORDS = (
    st.sampled_from(PATHS)
    | TEXTS.map(lambda text: '"' + text.replace('"', "'") + '"')
    | st.sampled_from(["0", "1", "-1", "2.5", "100000", "9" * 40, "1e9", "007"])
    | PATTERNS
)


@st.composite
def calls(draw: Any, depth: int = 0) -> str:
    """The words of a tag: a value, or a helper with values that may be calls themselves."""
    if depth > 3 or draw(st.integers(0, 3)) == 0:
        return str(draw(WORDS))
    name = draw(st.sampled_from(sorted(HELPERS)))
    helper = HELPERS[name]
    least, most = helper.least, min(helper.most, helper.least + 2)
    count = draw(st.integers(max(0, least - (draw(st.integers(0, 9)) == 0)), most))
    words = [name]
    for _ in range(count):
        inner = draw(calls(depth + 1))
        words.append(f"({inner})" if " " in inner or inner in HELPERS else inner)
    for option in draw(st.lists(st.sampled_from(sorted(helper.named) or ["size"]), max_size=2)):
        value = ZONES if option == "tz" else PATTERNS if "ormat" in option else WORDS
        words.append(f"{option}={draw(value)}")
    return " ".join(words)


@st.composite
def templates(draw: Any, depth: int = 0) -> str:
    """A template that mostly compiles: texts, tags, blocks and inline partials."""
    parts = []
    for _ in range(draw(st.integers(1, 3))):
        kind = draw(st.integers(0, 11 if depth < 3 else 4))
        if kind < 2:
            parts.append(draw(TEXTS | st.sampled_from(["\\{{a}}", "{{! x }}", "{{!-- }} --}}"])))
        elif kind < 5:
            opened, closed = draw(st.sampled_from([("{{", "}}"), ("{{{", "}}}"), ("{{~", "~}}")]))
            parts.append(f"{opened}{draw(calls())}{closed}")
        elif kind < 9:
            name = draw(st.sampled_from(["if", "unless", "each", "with", "eq", "gt", "and"]))
            words = draw(calls(1))
            if name in ("eq", "gt", "and"):
                words += f" {draw(WORDS)}"
            elif " " in words:
                words = f"({words})"
            otherwise = draw(st.sampled_from(["", "{{else}}no", "{{else if a}}x{{else}}y"]))
            inner = draw(templates(depth + 1))
            parts.append(f"{{{{#{name} {words}}}}}{inner}{otherwise}{{{{/{name}}}}}")
        elif kind < 11:
            inner = draw(templates(depth + 1))
            name = draw(st.sampled_from(["p", "q"]))
            parts.append(f'{{{{#* inline "{name}"}}}}{inner}{{{{/inline}}}}{{{{> {name}}}}}')
        else:
            parts.append(draw(st.text(alphabet="{}#/^>&!~ abif.[]()\"'=@else-\n", max_size=9)))
    return "".join(parts)


VALUES = json_values(TEXTS)
LISTS = st.dictionaries(
    st.sampled_from(["a", "b", "odd name", "n"]), st.lists(TEXTS, max_size=4), max_size=3
)
RECIPIENTS = st.fixed_dictionaries(
    {},
    optional={
        "Id": TEXTS,
        "Address": TEXTS,
        "Attributes": LISTS,
        "Metrics": st.dictionaries(st.just("n"), st.floats(allow_nan=False, allow_infinity=False)),
        "Location": VALUES,  # a hook may put anything there
        "Demographic": VALUES,
        "RecommendationItems": st.lists(VALUES, max_size=2),
        "User": st.fixed_dictionaries({}, optional={"UserId": TEXTS, "UserAttributes": LISTS}),
        "a": VALUES,
        "b": VALUES,
    },
)


@fuzz(60)
@given(templates() | TEXTS, RECIPIENTS, LISTS, st.dictionaries(TEXTS, VALUES), st.booleans())
def test_a_template_renders_or_says_where_it_cannot_be_read(
    text, recipient, substitutions, defaults, html
):
    try:
        template = compile_template(text, html=html)
    except TemplateError as error:
        lines = text.split("\n")
        assert 1 <= error.line <= len(lines)
        assert 1 <= error.column <= len(lines[error.line - 1]) + 1
        assert error.reason
        return
    try:
        written = template.render(
            recipient, defaults, substitutions=substitutions, clock=lambda: NOW
        )
    except BadRequest as error:
        assert error.message
        return

    # Tags outside of loops print a value each; everything that repeats is bounded by the render.
    longest = len(json.dumps([recipient, substitutions, defaults], ensure_ascii=False)) + 1_000
    assert len(written) <= MAX_REPEATED_CHARACTERS + 6 * (len(text) + text.count("{{") * longest)


@fuzz(40)
@given(
    st.sampled_from(["SMS", "EMAIL", "VOICE"]),
    templates(),
    st.dictionaries(TEXTS, VALUES) | st.just(None),
    RECIPIENTS,
)
def test_a_template_that_is_created_costs_a_recipient_the_message_at_most(
    kind, text, defaults, recipient
):
    request: dict[str, Any] = {"Body": text}
    if kind == "EMAIL":
        request = {"Subject": text, "HtmlPart": text, "TextPart": text}
        request["Headers"] = [{"Name": "X-Offer", "Value": text}]
    if defaults is not None:
        request["DefaultSubstitutions"] = json.dumps(defaults)
    try:
        validate_template(kind, request)
    except BadRequest as refused:
        assert refused.message
        return
    plan = resolve({}, {kind: request}, kind)
    if plan is None:
        return
    try:
        content = plan.render(recipient, clock=lambda: NOW)
    except BadRequest as refused:
        assert refused.message
        return

    assert content.body.strip() if kind != "EMAIL" else content.html or content.text
