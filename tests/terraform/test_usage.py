"""The usage blocks of all module READMEs plan together, with a mocked provider.

The blocks refer to each other (`module.hub`, `module.event_stream`), so they are one root module.
Their pinned git sources are replaced by this checkout.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path
from typing import Any

import pytest

from tools import docs, terraform_cli, terraform_run

ROOT = terraform_run.ROOT
MODULES = sorted(
    readme.parent
    for readme in (ROOT / "modules").glob("*/README.md")
    if readme.parent.name != "internal"
)
# The values of `packages` that docs/packages.md shows.
PACKAGES = re.findall(
    r"^ *(packages = \{ (?:directory|s3) .*\})$",
    (ROOT / "docs" / "packages.md").read_text(),
    re.MULTILINE,
)
# Resources that the blocks name and a user has.
SURROUNDINGS = """
provider "aws" {
  region = "eu-west-1"
}

resource "aws_sesv2_email_identity" "example" {
  email_identity = "example.com"
}

resource "aws_sesv2_email_identity" "sender" {
  email_identity = "sender@example.com"
}

resource "aws_pinpointsmsvoicev2_phone_number" "news" {
  iso_country_code    = "US"
  message_type        = "PROMOTIONAL"
  number_capabilities = ["SMS"]
  number_type         = "TOLL_FREE"
}

variable "short_code_arn" {
  default = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-short"
}

variable "long_code_arn" {
  default = "arn:aws:sms-voice:eu-west-1:111122223333:phone-number/phone-long"
}

module "announcing_hub" {
  source = "HUB"

  name          = "announcing"
  project       = { name = "newsletter" }
  entity_events = {}
}
"""
TEST = """
mock_provider "aws" {
  source = "./tests/mocks"
}

run "plans" {
  command = plan
}
"""
# A module of a global service demands the region of that service; the mocked region is another.
US_EAST_1 = """
override_data {
  target = module.%s.data.aws_region.current
  values = { id = "us-east-1", name = "us-east-1" }
}
"""


def label_of(module: Path) -> str:
    """Return the label that a README gives its call."""
    (label,) = re.findall(r'^module "(\w+)"', docs.usage(module / "README.md"), re.MULTILINE)
    return str(label)


def call_of(module: Path) -> str:
    """Return a label that is unique among all READMEs: the first README keeps its own."""
    label = label_of(module)
    first = next(other for other in MODULES if label_of(other) == label)
    return label if first == module else f"{label}_{module.name}"


def root_module(folder: Path) -> None:
    """Write the usage blocks of all READMEs into a folder, with this checkout as their source."""
    hub = os.path.relpath(ROOT / "modules" / "engagement_hub", folder)
    (folder / "main.tf").write_text(SURROUNDINGS.replace("HUB", hub))
    shutil.copy(ROOT / "versions.tf", folder)
    for module in MODULES:
        text = docs.usage(module / "README.md")
        path = os.path.relpath(module, folder)
        local = text.replace(f'"{docs.git_source(module.name)}"', f'"{path}"')
        assert local != text, f"{module.name}: the usage has another source than docs.git_source"
        label = label_of(module)
        local = local.replace(f'module "{label}"', f'module "{call_of(module)}"')
        (folder / f"{module.name}.tf").write_text(local)
    add_test(folder, US_EAST_1 % call_of(ROOT / "modules" / "simple_cms"))


def add_test(folder: Path, overrides: str = "") -> None:
    """Write a Terraform test that plans the root module with the mocked answers."""
    (folder / "tests").mkdir()
    (folder / "tests" / "usage.tftest.hcl").write_text(TEST + overrides)
    shutil.copytree(ROOT / "tests" / "terraform" / "mocks", folder / "tests" / "mocks")


@pytest.fixture(scope="module")
def planned(provider: None, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """Plan all usage blocks as one root module; return the resources that the plan creates."""
    folder = tmp_path_factory.mktemp("usage")
    root_module(folder)
    return plan(folder)


def plan(folder: Path) -> list[dict[str, Any]]:
    """Plan a root module with a mocked provider; return the resources that the plan creates."""
    environ = {
        **os.environ,
        **terraform_cli.environment(),
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    for arguments in (["init", "-backend=false", "-no-color"], ["test", "-json", "-verbose"]):
        run = subprocess.run(
            [str(terraform_cli.find_terraform()), *arguments],
            cwd=folder,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert run.returncode == 0, run.stdout
    messages = [json.loads(line) for line in run.stdout.splitlines()]
    (only,) = [message["test_plan"] for message in messages if message["type"] == "test_plan"]
    resources: list[dict[str, Any]] = only["resource_changes"]
    return resources


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_the_usage_of_every_readme_plans_as_it_stands(
    module: Path, planned: list[dict[str, Any]]
) -> None:
    created = [
        resource["address"]
        for resource in planned
        if resource["address"].startswith(f"module.{call_of(module)}.")
    ]

    assert created


@pytest.mark.parametrize("module", MODULES, ids=lambda module: module.name)
def test_the_cost_of_a_readme_counts_the_alarms_that_its_usage_creates(
    module: Path, planned: list[dict[str, Any]]
) -> None:
    created = [
        resource
        for resource in planned
        if resource["type"] == "aws_cloudwatch_metric_alarm"
        and resource["address"].startswith(f"module.{call_of(module)}.")
    ]
    _, _, rest = (module / "README.md").read_text().partition("\n## Cost\n")
    cost, _, _ = rest.partition("\n## ")

    stated = re.findall(r"\b(\d+) alarms?\b", cost)

    assert stated == [str(len(created))]


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("packages", PACKAGES)
def test_the_packages_of_the_page_about_packages_plan_as_they_stand(
    packages: str, tmp_path: Path
) -> None:
    (tmp_path / "packages" / "dist").mkdir(parents=True)
    with zipfile.ZipFile(tmp_path / "packages" / "dist" / "campaign_create.zip", "w"):
        pass
    source = os.path.relpath(ROOT / "modules" / "campaign_create", tmp_path)
    call = f"""
      module "campaign" {{
        source   = "{source}"
        name     = "greeting"
        pinpoint = {{ project_id = "app1" }}
        {packages}
      }}
    """
    (tmp_path / "main.tf").write_text(call)
    shutil.copy(ROOT / "versions.tf", tmp_path)
    add_test(tmp_path)

    resources = plan(tmp_path)

    functions = [resource for resource in resources if resource["type"] == "aws_lambda_function"]
    uploads = [resource for resource in resources if resource["type"] == "aws_s3_object"]
    assert len(functions) == 2
    assert len(uploads) == (0 if "s3" in packages else 1)
