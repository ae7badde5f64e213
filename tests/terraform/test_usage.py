"""The usage blocks of all module READMEs plan together, with a mocked provider.

The blocks refer to each other (`module.hub`, `module.event_stream`), so they are one root module.
Their pinned git sources are replaced by this checkout.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path

from tools import docs, terraform_cli, terraform_run

ROOT = terraform_run.ROOT
MODULES = sorted(
    readme.parent
    for readme in (ROOT / "modules").glob("*/README.md")
    if readme.parent.name != "internal"
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
"""
TEST = """
mock_provider "aws" {
  source = "./tests/mocks"
}

run "plans" {
  command = plan
}
"""


def root_module(folder: Path) -> None:
    """Write the usage blocks of all READMEs into a folder, with this checkout as their source."""
    (folder / "main.tf").write_text(SURROUNDINGS)
    shutil.copy(ROOT / "versions.tf", folder)
    labels: set[str] = set()
    for module in MODULES:
        text = docs.usage(module / "README.md")
        path = os.path.relpath(module, folder)
        local = text.replace(f'"{docs.git_source(module.name)}"', f'"{path}"')
        assert local != text, f"{module.name}: the usage has another source than docs.git_source"
        (label,) = re.findall(r'^module "(\w+)"', local, re.MULTILINE)
        if label in labels:
            local = local.replace(f'module "{label}"', f'module "{label}_{module.name}"')
        labels.add(label)
        (folder / f"{module.name}.tf").write_text(local)
    (folder / "tests").mkdir()
    (folder / "tests" / "usage.tftest.hcl").write_text(TEST)
    shutil.copytree(ROOT / "tests" / "terraform" / "mocks", folder / "tests" / "mocks")


def test_the_usage_of_every_readme_plans_as_it_stands(tmp_path: Path) -> None:
    root_module(tmp_path)
    environ = {
        **os.environ,
        **terraform_cli.environment(),
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }

    for arguments in (["init", "-backend=false"], ["test"]):
        run = subprocess.run(
            [str(terraform_cli.find_terraform()), *arguments, "-no-color"],
            cwd=tmp_path,
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        assert run.returncode == 0, run.stdout
    assert "1 passed, 0 failed" in run.stdout
