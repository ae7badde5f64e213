"""The existence of every resource is known at plan, for any values of the caller.

Each public module is planned twice in one configuration (`for_each` over two instances) with every
string that it takes coming from a resource of the same plan: once with its required inputs only and
once with every input. A `count` or a key that depends on such a value fails the plan.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.builders.terraform_tree import PUBLIC_MODULES, ROOT, TESTS, initialise, terraform
from tools import docs

UNKNOWN = "tostring(terraform_data.unknown[each.key].output)"
INSTANCES = ("first", "second")
# Keys that an input's own validation asks for; any other input takes any key.
KEYS = {("pinpoint_resources", "channels"): "sms", ("ses_vdm_export", "dimensions"): "ISP"}

# AWS's prices in USD a month: CloudWatch, KMS and Kinesis pricing pages, us-east-1.
MONTHLY_PRICES = {
    "aws_cloudwatch_metric_alarm": 0.10,
    "aws_cloudwatch_dashboard": 3.00,
    "aws_kms_key": 1.00,
    "aws_kinesis_stream": 10.95,
}
# An architecture that costs more at rest, and why; its README names the price.
DEARER = {
    "event_stream": "a shard of Kinesis",
    "ses_event_processing": "a KMS key: SES cannot publish to a topic under AWS's own key",
}


def tokens(text: str) -> Iterator[str]:
    yield from re.findall(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*|[0-9.]+|[{}()\[\]=,]', text)


class TypeReader:
    """Reads a type constraint and gives an expression of that type whose strings are unknown."""

    def __init__(self, text: str, key: str) -> None:
        self.words = list(tokens(text))
        self.key = key

    def take(self, expected: str | None = None) -> str:
        word = self.words.pop(0)
        assert expected is None or word == expected, (word, expected, self.words)
        return word

    def expression(self) -> str | None:
        """Read a type. Returns None for a value to leave out: an optional number or boolean."""
        kind = self.take()
        if kind == "string":
            return UNKNOWN
        if kind in ("number", "bool"):
            return "1" if kind == "number" else "true"
        self.take("(")
        if kind == "optional":
            given = self.expression()
            while self.words[0] != ")":  # the default
                if self.take() in ("{", "["):
                    while self.take() not in ("}", "]"):
                        pass
            self.take(")")
            return None if given in ("1", "true") else given
        if kind == "object":
            given = self.members()
        else:
            given = self.expression() or ""
            given = f"{{ {self.key} = {given} }}" if kind == "map" else f"[{given}]"
        self.take(")")
        return given

    def members(self) -> str:
        self.take("{")
        given = {}
        while self.words[0] != "}":
            if self.words[0] == ",":
                self.take()
                continue
            name = self.take()
            self.take("=")
            given[name] = self.expression()
        self.take("}")
        return "{ " + ", ".join(f"{name} = {text}" for name, text in given.items() if text) + " }"


def inputs(module: Path, *, every: bool) -> dict[str, str]:
    """Input => expression; without `every` the required ones."""
    given = {}
    for name, body in docs.blocks(ROOT / module, "variable"):
        optional = "default" in body
        if optional and not every:
            continue
        key = KEYS.get((module.name, name), "key")
        text = TypeReader(str(docs.unquoted(body["type"])), key).expression()
        # A member with a default and without a string keeps the default.
        if text is not None and not (optional and UNKNOWN not in text):
            given[name] = text
    return given


def configuration(module: Path, *, every: bool) -> str:
    arguments = "".join(
        f"  {name} = {text}\n" for name, text in inputs(module, every=every).items()
    )
    return (
        'resource "terraform_data" "unknown" {\n'
        f"  for_each = toset({json.dumps(INSTANCES)})\n  input = each.key\n}}\n\n"
        'module "subject" {\n'
        f'  source   = "../../modules/{module.name}"\n'
        f"  for_each = toset({json.dumps(INSTANCES)})\n\n{arguments}}}\n"
    )


def planned(tree: Path, module: Path, *, every: bool) -> Counter[str]:
    """How many resources of each type one instance gets; fails where it cannot be planned."""
    folder = Path("unknown") / f"{module.name}-{'every' if every else 'required'}"
    (tree / folder / "mocks").mkdir(parents=True)
    for mock in (TESTS / "mocks").iterdir():
        (tree / folder / "mocks" / mock.name).write_text(mock.read_text())
    (tree / folder / "main.tf").write_text(configuration(module, every=every))
    (tree / folder / "versions.tf").write_text((ROOT / "versions.tf").read_text())
    (tree / folder / "unknown.tftest.hcl").write_text(
        'mock_provider "aws" {\n  source = "./mocks"\n}\n\nrun "plan" {\n  command = plan\n}\n'
    )
    initialise(tree, folder)

    test = terraform(tree, folder, "test", "-json", "-verbose")

    messages: list[dict[str, Any]] = [json.loads(line) for line in test.stdout.splitlines()]
    problems = [message["diagnostic"] for message in messages if "diagnostic" in message]
    errors = [problem for problem in problems if problem["severity"] == "error"]
    assert errors == [], json.dumps(errors, indent=1)
    (plan,) = [message["test_plan"] for message in messages if message["type"] == "test_plan"]
    types = Counter(
        change["type"]
        for change in plan["resource_changes"]
        if change["mode"] == "managed" and change["type"] != "terraform_data"
    )
    assert types, "The plan holds no resource."
    return Counter({kind: number // len(INSTANCES) for kind, number in types.items()})


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=str)
def test_every_input_may_come_from_a_resource_of_the_same_plan(module: Path, copied_tree: Path):
    planned(copied_tree, module, every=True)


@pytest.mark.parametrize("module", PUBLIC_MODULES, ids=str)
def test_an_architecture_at_its_defaults_has_few_alarms_and_costs_a_dollar_a_month_at_most(
    module: Path, copied_tree: Path
):
    resources = planned(copied_tree, module, every=False)

    monthly = sum(price * resources[kind] for kind, price in MONTHLY_PRICES.items())
    assert resources["aws_cloudwatch_metric_alarm"] <= 10
    assert (monthly <= 1.0) is (module.name not in DEARER), f"{module.name}: {monthly:.2f} USD"
