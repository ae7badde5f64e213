"""The page of template helpers shows what the hub makes of each example."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest

from shared.messages.template_helpers import HELPERS
from shared.messages.templates import compile_template

PAGE = (Path(__file__).resolve().parents[2] / "docs" / "template_helpers.md").read_text()
ENDPOINT = json.loads(PAGE.split("```json\n")[1].split("```")[0])
EXAMPLES = re.findall(r"^\| `(\{\{.*?)` \| (?:`(.*?)`|nothing) \|", PAGE, re.MULTILINE)


@pytest.mark.parametrize(("template", "text"), EXAMPLES, ids=[first for first, _ in EXAMPLES])
def test_an_example_gives_what_the_page_says(template: str, text: str) -> None:
    now = datetime(2026, 3, 2, 17, tzinfo=UTC)

    assert compile_template(template).render(ENDPOINT, clock=lambda: now).strip() == text.strip()


def test_every_helper_and_block_has_an_example() -> None:
    shown = set(re.findall(r"[{(]#?(\w+)", " ".join(re.findall(r"^\| `(.*?)` \|", PAGE, re.M))))

    assert {*HELPERS, "if", "unless", "each", "with"} - shown == set()
