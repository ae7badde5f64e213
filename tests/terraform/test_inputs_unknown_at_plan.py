"""The existence of every resource is known at plan, for any values of the caller.

All public modules are planned in one configuration, twice each (`for_each` over two instances),
with every string that they take coming from a resource of the same plan: once with the required
inputs and once with every input. A `count` or a key that depends on such a value fails the plan.
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
# Members of which an input takes one only, and which are left out here in favour of another.
LEFT_OUT = {
    ("campaign_attributes", "attribute_source"): ("https", "function"),
    ("connect_campaign_channel", "channel"): ("whatsapp", "other"),
    ("campaign_templates", "store"): ("cms", "function"),
}
# Optional inputs that a project of a hub demands, as `pinpoint` is given here with an API.
DEMANDED_BY_A_HUB = ("campaign_role",)

# A module of a global service demands the region of that service; the mocked region is another.
US_EAST_1 = "".join(
    f"""
override_data {{
  target = module.simple_cms["{instance}"].data.aws_region.current
  values = {{ id = "us-east-1", name = "us-east-1" }}
}}
"""
    for instance in INSTANCES
)

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
    "sms_retry": "a KMS key, unless a project's event stream has the events",
    "sms_self_managed_opt_outs": "a KMS key: End User Messaging publishes to its topic",
    "ses_event_processing": "a KMS key: SES cannot publish to a topic under AWS's own key",
}


def tokens(text: str) -> Iterator[str]:
    yield from re.findall(r'"(?:[^"\\]|\\.)*"|[A-Za-z_][\w-]*|[0-9.]+|[{}()\[\]=,]', text)


class TypeReader:
    """Reads a type constraint and gives an expression of that type whose strings are unknown."""

    def __init__(self, text: str, key: str, left_out: tuple[str, ...] = ()) -> None:
        self.words = list(tokens(text))
        self.key = key
        self.left_out = left_out

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
            member = self.expression()
            given[name] = None if name in self.left_out else member
        self.take("}")
        return "{ " + ", ".join(f"{name} = {text}" for name, text in given.items() if text) + " }"


def inputs(module: Path, *, every: bool) -> dict[str, str]:
    """Input => expression; without `every` the required ones."""
    given = {}
    for name, body in docs.blocks(ROOT / module, "variable"):
        optional = "default" in body
        if optional and not every and name not in DEMANDED_BY_A_HUB:
            continue
        key = KEYS.get((module.name, name), "key")
        left_out = LEFT_OUT.get((module.name, name), ())
        text = TypeReader(str(docs.unquoted(body["type"])), key, left_out).expression()
        # A member with a default and without a string keeps the default.
        if text is not None and not (optional and UNKNOWN not in text):
            given[name] = text
    return given


def call(module: Path, *, every: bool) -> str:
    arguments = "".join(
        f"  {name} = {text}\n" for name, text in inputs(module, every=every).items()
    )
    return (
        f'module "{module.name}" {{\n'
        f'  source   = "../../modules/{module.name}"\n'
        f"  for_each = toset({json.dumps(INSTANCES)})\n\n{arguments}}}\n"
    )


def planned(tree: Path, *, every: bool) -> dict[str, Counter[str]]:
    """Plan all modules at once; return how many resources of each type an instance of each gets.

    One plan for all, because Terraform takes seconds to read the provider's schemas.
    """
    folder = Path("unknown") / ("every" if every else "required")
    (tree / folder / "mocks").mkdir(parents=True)
    for mock in (TESTS / "mocks").iterdir():
        (tree / folder / "mocks" / mock.name).write_text(mock.read_text())
    unknown = (
        'resource "terraform_data" "unknown" {\n'
        f"  for_each = toset({json.dumps(INSTANCES)})\n  input = each.key\n}}\n"
    )
    calls = [call(module, every=every) for module in PUBLIC_MODULES]
    (tree / folder / "main.tf").write_text("\n".join([unknown, *calls]))
    (tree / folder / "versions.tf").write_text((ROOT / "versions.tf").read_text())
    (tree / folder / "unknown.tftest.hcl").write_text(
        'mock_provider "aws" {\n  source = "./mocks"\n}\n\nrun "plan" {\n  command = plan\n}\n'
        + US_EAST_1
    )
    initialise(tree, folder)

    test = terraform(tree, folder, "test", "-json", "-verbose")

    messages: list[dict[str, Any]] = [json.loads(line) for line in test.stdout.splitlines()]
    problems = [message["diagnostic"] for message in messages if "diagnostic" in message]
    errors = [problem for problem in problems if problem["severity"] == "error"]
    assert errors == [], json.dumps(errors, indent=1)
    (plan,) = [message["test_plan"] for message in messages if message["type"] == "test_plan"]
    resources: dict[str, Counter[str]] = {module.name: Counter() for module in PUBLIC_MODULES}
    for change in plan["resource_changes"]:
        found = re.match(rf'module\.(\w+)\["{INSTANCES[0]}"\]', change["address"])
        if change["mode"] == "managed" and found:
            resources[found[1]][change["type"]] += 1
    return resources


@pytest.mark.usefixtures("provider")
def test_every_input_of_every_module_may_come_from_a_resource_of_the_same_plan(copied_tree: Path):
    resources = planned(copied_tree, every=True)

    assert [name for name, types in resources.items() if not types] == []


@pytest.mark.usefixtures("provider")
def test_an_architecture_at_its_defaults_has_few_alarms_and_costs_a_dollar_a_month_at_most(
    copied_tree: Path,
):
    resources = planned(copied_tree, every=False)

    alarms = {name: types["aws_cloudwatch_metric_alarm"] for name, types in resources.items()}
    monthly = {
        name: sum(price * types[kind] for kind, price in MONTHLY_PRICES.items())
        for name, types in resources.items()
    }
    assert [name for name, number in alarms.items() if number > 10] == []
    assert {name for name, price in monthly.items() if price > 1.0} == set(DEARER), monthly
