"""The skeleton of a new architecture works under another name, as docs/ says."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.terraform_tree import ROOT, copy_tree, initialise, terraform
from tools import docs, new_architecture, package

NAME = "parcel_notes"
MODULE = Path("modules") / NAME
EXAMPLE = Path("examples") / NAME


@pytest.fixture(scope="module")
def tree(provider: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of the repository's shared parts, with an architecture made from the skeleton."""
    tree = copy_tree(tmp_path_factory.mktemp("skeleton"))
    for name in ("pyproject.toml", "versions.tf"):
        shutil.copy(ROOT / name, tree)
    shutil.copytree(ROOT / "lambda_src" / "shared", tree / "lambda_src" / "shared")
    for folder in ("tests/builders", "tests/terraform/mocks"):
        shutil.copytree(ROOT / folder, tree / folder)
    shutil.copy(ROOT / "tests" / "__init__.py", tree / "tests")
    # Distributions that `make package` has installed before are not fetched again.
    (tree / ".local").mkdir()
    (tree / ".local" / "packages").symlink_to(ROOT / ".local" / "packages")
    new_architecture.create(NAME, tree)
    return tree


def run(tree: Path, *command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", *command],
        cwd=tree,
        env={**os.environ, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def test_nothing_of_the_sample_s_name_is_left(tree: Path) -> None:
    # data/ is Terraform's, of tests that ran before.
    created = [
        path
        for path in tree.rglob(f"*{NAME}*")
        if path.is_dir() and path.relative_to(tree).parts[0] != "data"
    ]

    assert {path.relative_to(tree).as_posix() for path in created} == {
        f"{folder}/{NAME}"
        for folder in ("modules", "lambda_src", "examples", "tests/unit", "tests/terraform")
    }
    texts = [path.read_text() for folder in created for path in folder.rglob("*") if path.is_file()]
    assert [text for text in texts if "order_alerts" in text or "order-alerts" in text] == []


def test_the_terraform_of_the_skeleton_is_formatted(tree: Path) -> None:
    for folder in (MODULE, EXAMPLE, Path("tests/terraform") / NAME):
        check = terraform(tree, folder, "fmt", "-check", "-recursive")

        assert check.returncode == 0, check.stdout


def test_the_module_of_the_skeleton_keeps_its_terraform_tests(tree: Path) -> None:
    shutil.copytree(tree / "tests/terraform" / NAME, tree / MODULE / "tests", dirs_exist_ok=True)
    shutil.copytree(tree / "tests/terraform/mocks", tree / MODULE / "tests/mocks")
    package.build(NAME, root=tree)
    initialise(tree, MODULE)

    test = terraform(tree, MODULE, "test", "-no-color")

    assert "Success! 2 passed, 0 failed." in test.stdout, test.stdout


def test_the_example_of_the_skeleton_is_valid(tree: Path) -> None:
    initialise(tree, EXAMPLE)

    validation = terraform(tree, EXAMPLE, "validate", "-no-color")

    assert validation.returncode == 0, validation.stdout


def test_the_python_of_the_skeleton_is_clean_and_typed(tree: Path) -> None:
    folders = [f"lambda_src/{NAME}", f"tests/unit/{NAME}", f"tests/integration/test_{NAME}.py"]

    for command in (
        ["ruff", "check", "--no-cache", *folders],
        ["ruff", "format", "--check", "--no-cache", *folders],
        ["mypy", "--cache-dir", str(ROOT / ".mypy_cache"), folders[0]],
    ):
        check = run(tree, *command)

        assert check.returncode == 0, check.stdout


def test_the_unit_tests_of_the_skeleton_pass(tree: Path) -> None:
    test = run(tree, "pytest", "-q", "-p", "no:cacheprovider", f"tests/unit/{NAME}")

    assert test.returncode == 0, test.stdout
    assert "12 passed" in test.stdout


def test_the_function_of_the_package_is_loaded_from_its_zip(tree: Path) -> None:
    zipped = package.build(NAME, root=tree)
    load = f"import {NAME}.functions.notify as function; print(function.LIMIT)"

    loaded = subprocess.run(
        [sys.executable, "-c", load],
        env={
            "AWS_DEFAULT_REGION": "eu-west-1",
            "LIMIT": "1000",
            "PATH": os.environ["PATH"],
            "PYTHONPATH": str(zipped),
            "TOPIC_ARN": "arn:aws:sns:eu-west-1:111122223333:alerts",
        },
        cwd=tree / "dist",
        capture_output=True,
        text=True,
    )

    assert loaded.stdout == "1000\n", loaded.stderr


def test_the_readme_of_the_skeleton_shows_its_usage_and_its_inputs(tree: Path) -> None:
    readme = tree / MODULE / "README.md"

    assert docs.git_source(NAME) in docs.usage(readme)
    assert "| `limit` |" in docs.generated(readme)


@pytest.mark.parametrize(
    "name", ["Parcel", "parcel-notes", "1st", "_notes", "notes_", "", "n" * 41, "campaign_create"]
)
def test_a_name_that_cannot_be_used_is_refused_and_nothing_is_written(
    name: str, tmp_path: Path
) -> None:
    (tmp_path / "modules" / "campaign_create").mkdir(parents=True)
    (tmp_path / "modules" / "campaign_create" / "main.tf").write_text("")

    with pytest.raises(new_architecture.UnusableName, match="must be|taken"):
        new_architecture.create(name, tmp_path)

    assert len(list(tmp_path.rglob("*.*"))) == 1


def test_every_file_that_the_page_names_is_in_the_skeleton() -> None:
    page = (ROOT / "docs" / "writing_a_new_architecture.md").read_text()
    files = [
        path.relative_to(ROOT / "docs").as_posix()
        for path in new_architecture.SKELETON.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.stat().st_size > 0
    ]

    assert [name for name in files if f"({name})" not in page] == []
