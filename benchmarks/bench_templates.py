"""Measure renders per second on one core: a short SMS, an SMS with helpers, an HTML email."""

import json
import statistics
import sys
import time
from pathlib import Path
from typing import Any

from benchmarks import Figure

sys.path.insert(0, str(Path(__file__).parents[1] / "lambda_src"))

from shared.messages.templates import Template, compile_template

REPEATS = 5
RENDERS = 20_000
FIGURES = {
    "renders.sms_160_characters_two_variables": Figure(
        "Templates of text messages rendered, 160 characters and two variables, on one core",
        "renders/s",
        at_least=30_000,
    ),
    "renders.sms_with_if_and_helpers": Figure(
        "Templates of text messages rendered, with conditions and helpers, on one core",
        "renders/s",
        at_least=30_000,
    ),
    "renders.html_email_20_kb_twenty_variables": Figure(
        "Templates of HTML emails rendered, 20 kB and twenty variables, on one core", "renders/s"
    ),
    "compiles_per_second": Figure(
        "Templates of text messages compiled, on one core, one run of 500", "templates/s"
    ),
}
ENDPOINT: dict[str, Any] = {
    "Address": "+14255550199",
    "ChannelType": "SMS",
    "Attributes": {"Interests": ["music", "travel"], "Store": ["Pike Street"]},
    "Location": {"City": "Seattle", "Country": "US"},
    "User": {"UserId": "user-1001", "UserAttributes": {"FirstName": ["Mary"], "Age": ["22"]}},
}
DEFAULTS = {"User.UserAttributes.FirstName": "there"}

_SMS = "Hello {{User.UserAttributes.FirstName}}, your table in {{Location.City}} is ready. "
TEMPLATES = {
    "sms_160_characters_two_variables": _SMS + "x" * (160 - len(_SMS)),
    "sms_with_if_and_helpers": (
        "{{#if Attributes.Nick}}Hey {{Attributes.Nick}}{{else}}Dear {{capitalizeFirst (lower "
        'User.UserAttributes.FirstName)}}{{/if}}, {{#gt User.UserAttributes.Age "17"}}your table '
        "{{/gt}}awaits in {{join Attributes.Interests ' and '}}."
    ),
    "html_email_20_kb_twenty_variables": (
        "<p>" + ("Hello {{User.UserAttributes.FirstName}} " + "x" * 1_000) * 20 + "</p>"
    ),
}


def _renders_per_second(template: Template) -> float:
    started = time.perf_counter()
    for _ in range(RENDERS):
        template.render(ENDPOINT, DEFAULTS)
    return RENDERS / (time.perf_counter() - started)


def run() -> dict[str, Any]:
    """Return the medians of five runs, in renders per second."""
    results = {}
    for name, text in TEMPLATES.items():
        template = compile_template(text, html=name.startswith("html"))
        results[name] = round(
            statistics.median(_renders_per_second(template) for _ in range(REPEATS))
        )
    started = time.perf_counter()
    for number in range(500):
        compile_template(f"{TEMPLATES['sms_160_characters_two_variables']}{number}")
    return {
        "unit": "renders per second per core",
        "repeats": REPEATS,
        "renders": results,
        "compiles_per_second": round(500 / (time.perf_counter() - started)),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
