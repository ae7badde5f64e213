"""A copy of modules/ in which Terraform plans with a mocked provider.

The copy has the mocked answers of tests/terraform/mocks beside the tests (`./tests/mocks`) and an
empty zip for every package, so that nothing has to be built first and nothing is left behind.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import zipfile
from pathlib import Path

from tools import terraform_cli, terraform_run

ROOT = terraform_run.ROOT
TESTS = ROOT / "tests" / "terraform"
FOLDERS = [path.relative_to(ROOT) for path in terraform_run.root_modules("modules", "examples")]
MODULES = [folder for folder in FOLDERS if folder.parts[0] == "modules"]
PUBLIC_MODULES = [folder for folder in MODULES if folder.parts[1] != "internal"]


def folder_of_tests(module: Path) -> Path:
    return TESTS / module.relative_to("modules")


def copy_tree(tree: Path) -> Path:
    """Copy modules/ with their tests into the folder; return it."""
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
    """Run Terraform in a folder of the copy; standard error is in ``stdout``."""
    environ = {
        **os.environ,
        **terraform_cli.environment(),
        "TF_DATA_DIR": str(tree / "data" / "-".join(folder.parts)),
        # A mocked provider calls no API, but it needs a region.
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


def initialise(tree: Path, folder: Path) -> None:
    init = terraform(tree, folder, "init", "-backend=false", "-input=false", "-no-color")
    assert init.returncode == 0, init.stdout
