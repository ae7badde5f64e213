"""A Lambda package is the same bytes wherever it is built, and complete."""

from __future__ import annotations

import shutil
import zipfile
from pathlib import Path

import pytest

from tools import package


def a_project(root: Path, requirements: str = "") -> Path:
    source = root / "lambda_src"
    for name in ("shared", "greeter"):
        (source / name).mkdir(parents=True)
        (source / name / "__init__.py").write_text("")
    (source / "greeter" / "handler.py").write_text("def lambda_handler(event, context): ...\n")
    (source / "greeter" / "words.json").write_text("{}")
    (source / "greeter" / "requirements.txt").write_text(requirements)
    return root


def test_two_builds_from_two_directories_have_the_same_digest(tmp_path: Path) -> None:
    for name in ("one", "two"):
        source = tmp_path / name / "lambda_src"
        shutil.copytree(package.ROOT / "lambda_src", source)
        for number, path in enumerate(sorted(source.rglob("*.py"))):
            path.chmod(0o644 if number % 2 else 0o600)

    for architecture in package.architectures(package.ROOT / "lambda_src"):
        digests = {
            package.sha256(package.build(architecture, root=tmp_path / name))
            for name in ("one", "two")
        }

        assert len(digests) == 1, architecture


def test_a_package_holds_its_source_and_what_is_shared(tmp_path: Path) -> None:
    target = package.build("greeter", root=a_project(tmp_path))

    assert zipfile.ZipFile(target).namelist() == [
        "greeter/__init__.py",
        "greeter/handler.py",
        "greeter/words.json",
        "shared/__init__.py",
    ]


def test_a_second_build_leaves_an_unchanged_package_alone(tmp_path: Path) -> None:
    root = a_project(tmp_path)
    first = package.build("greeter", root=root).stat().st_mtime_ns

    assert package.build("greeter", root=root).stat().st_mtime_ns == first


def test_a_requirement_without_an_exact_version_is_refused(tmp_path: Path) -> None:
    root = a_project(tmp_path, "aws-lambda-powertools>=3\n")

    with pytest.raises(package.UnpinnedRequirement, match="name one version"):
        package.build("greeter", root=root)


def test_a_requirement_of_a_requirement_has_to_be_pinned_too(tmp_path: Path) -> None:
    root = a_project(tmp_path, "aws-lambda-powertools==3.37.0\n")

    with pytest.raises(package.MissingRequirement, match="typing-extensions"):
        package.build("greeter", root=root)


def test_a_compiled_distribution_is_refused(tmp_path: Path) -> None:
    root = a_project(tmp_path, "duckdb==2.0.0\n")

    with pytest.raises(package.ToolError, match="pure-Python"):
        package.build("greeter", root=root)
