"""A Lambda package has the same bytes on every machine, and is complete."""

from __future__ import annotations

import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tools import package
from tools.imports import MissingModule


def a_project(root: Path, requirements: str = "", imports: str = "") -> Path:
    source = root / "lambda_src"
    for name in ("shared", "greeter", "greeter/functions"):
        (source / name).mkdir(parents=True)
        (source / name / "__init__.py").write_text("")
    function = source / "greeter" / "functions" / "greet.py"
    function.write_text(imports + "def lambda_handler(event, context): ...\n")
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


@pytest.mark.skipif(not (package.ROOT / ".git").exists(), reason="an archive has no attributes")
def test_a_clone_has_the_same_line_endings_however_git_is_set_up() -> None:
    sources = [path for path in package.ROOT.glob("lambda_src/**/*") if path.is_file()]
    names = "\0".join(path.relative_to(package.ROOT).as_posix() for path in sources)

    attributes = subprocess.run(
        ["git", "check-attr", "-z", "--stdin", "eol"],
        input=names,
        cwd=package.ROOT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split("\0")

    assert len(sources) > 100
    assert attributes[2::3] == ["lf"] * len(sources)


def test_a_package_holds_its_source_and_what_is_shared(tmp_path: Path) -> None:
    target = package.build("greeter", root=a_project(tmp_path))

    assert zipfile.ZipFile(target).namelist() == [
        "greeter/__init__.py",
        "greeter/functions/__init__.py",
        "greeter/functions/greet.py",
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


def test_of_a_library_a_package_holds_what_its_functions_can_load_and_the_licence(
    tmp_path: Path,
) -> None:
    requirements = "aws-lambda-powertools==3.37.0\ntyping_extensions==4.16.0\n"
    root = a_project(tmp_path, requirements, "from aws_lambda_powertools import Logger\n")

    names = zipfile.ZipFile(package.build("greeter", root=root)).namelist()

    assert "aws_lambda_powertools/logging/logger.py" in names
    assert "aws_lambda_powertools-3.37.0.dist-info/licenses/LICENSE" in names
    assert [name for name in names if "/event_handler/" in name or "/parser/" in name] == []


def test_a_library_that_no_function_loads_is_left_out_with_its_metadata(tmp_path: Path) -> None:
    root = a_project(tmp_path, "tzdata==2026.6\n")

    names = zipfile.ZipFile(package.build("greeter", root=root)).namelist()

    assert [name for name in names if name.startswith("tzdata")] == []


def test_a_program_that_asks_for_a_time_zone_brings_all_of_them(tmp_path: Path) -> None:
    root = a_project(tmp_path, "tzdata==2026.6\n", "from zoneinfo import ZoneInfo\n")

    names = zipfile.ZipFile(package.build("greeter", root=root)).namelist()

    assert "tzdata/zoneinfo/Europe/Berlin" in names


def test_a_function_that_imports_what_nothing_provides_is_refused(tmp_path: Path) -> None:
    root = a_project(tmp_path, "", "import phonenumbers\n")

    with pytest.raises(MissingModule, match="greet.py imports phonenumbers"):
        package.build("greeter", root=root)
