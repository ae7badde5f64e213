"""Runs each module's `*.tftest.hcl` with a mocked provider, and keeps the versions in step.

The tests of modules/<path> are in tests/terraform/<path>.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.builders.terraform_tree import (
    FOLDERS,
    MODULES,
    ROOT,
    TESTS,
    folder_of_tests,
    initialise,
    terraform,
)


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_keeps_what_its_terraform_tests_promise(module: Path, copied_tree: Path):
    initialise(copied_tree, module)

    test = terraform(copied_tree, module, "test", "-no-color")

    assert test.returncode == 0, test.stdout
    ran = re.search(r"Success! (\d+) passed", test.stdout)
    assert ran is not None and int(ran[1]) > 0, f"{folder_of_tests(module)} holds no *.tftest.hcl"


def requirements(versions: Path) -> str:
    """The `terraform` block without comments and layout."""
    lines = (line.split("#")[0] for line in versions.read_text().splitlines())
    return " ".join(" ".join(lines).split())


@pytest.mark.parametrize("folder", FOLDERS, ids=str)
def test_every_module_and_example_supports_the_versions_that_the_root_names(folder: Path):
    assert requirements(ROOT / folder / "versions.tf") == requirements(ROOT / "versions.tf")


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_no_module_configures_a_provider(module: Path):
    configured = [
        path.name
        for path in (ROOT / module).glob("*.tf")
        if re.search(r'^\s*provider\s+"', path.read_text(), re.MULTILINE)
    ]

    assert configured == []


def test_every_folder_of_terraform_tests_belongs_to_a_module():
    tested = {path.parent.relative_to(TESTS) for path in TESTS.rglob("*.tftest.hcl")}

    assert tested <= {module.relative_to("modules") for module in MODULES}
