"""Runs each module's `*.tftest.hcl` with a mocked provider, and keeps the versions in step.

The tests of modules/<path> are in tests/terraform/<path>. They run in a copy of the tree, which
has the mocked answers of tests/terraform/mocks beside them (`source = "./tests/mocks"`) and an
empty zip for every package, so that nothing has to be built first and nothing is left behind.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tools import terraform_cli, terraform_run

ROOT = terraform_run.ROOT
TESTS = ROOT / "tests" / "terraform"
FOLDERS = [path.relative_to(ROOT) for path in terraform_run.root_modules("modules", "examples")]
MODULES = [folder for folder in FOLDERS if folder.parts[0] == "modules"]


def folder_of_tests(module: Path) -> Path:
    return TESTS / module.relative_to("modules")


@pytest.fixture(scope="session")
def copied_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tree = tmp_path_factory.mktemp("tree")
    state = shutil.ignore_patterns(".terraform", ".terraform.lock.hcl", "terraform.tfstate*")
    shutil.copytree(ROOT / "modules", tree / "modules", ignore=state)
    for module in MODULES:
        if folder_of_tests(module).is_dir():
            shutil.copytree(
                folder_of_tests(module),
                tree / module / "tests",
                ignore=lambda folder, names: [n for n in names if (Path(folder) / n).is_dir()],
            )
            shutil.copytree(TESTS / "mocks", tree / module / "tests" / "mocks")
    (tree / "dist").mkdir()
    for source in (ROOT / "lambda_src").glob("*/requirements.txt"):
        with zipfile.ZipFile(tree / "dist" / f"{source.parent.name}.zip", "w"):
            pass
    return tree


def terraform(tree: Path, folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environ = {
        **os.environ,
        **terraform_cli.environment(),
        "TF_DATA_DIR": str(tree / "data" / "-".join(folder.parts)),
        # A mocked provider asks nobody, but it wants to know where it is.
        "AWS_REGION": "eu-west-1",
        "AWS_EC2_METADATA_DISABLED": "true",
    }
    return subprocess.run(
        [str(terraform_cli.find_terraform()), *arguments],
        cwd=tree / folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def initialised(tree: Path, folder: Path) -> None:
    init = terraform(tree, folder, "init", "-backend=false", "-input=false", "-no-color")
    assert init.returncode == 0, init.stdout


@pytest.mark.parametrize("module", MODULES, ids=str)
def test_every_module_keeps_what_its_terraform_tests_promise(module: Path, copied_tree: Path):
    initialised(copied_tree, module)

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
