"""Entry points are found by name: `lambda_src/<architecture>/functions/<verb>.py`.

Each of these files has one `lambda_handler`, and a module of modules/ names it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import hcl2
import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "lambda_src"
TERRAFORM = sorted(
    path for path in (ROOT / "modules").rglob("*.tf") if ".terraform" not in path.parts
)
FUNCTIONS = sorted(path for path in SOURCE.glob("*/functions/*.py") if path.name != "__init__.py")
HANDLER = re.compile(
    r'"(?P<package>\w+|\$\{var\.(?P<input>\w+)\})\.functions'
    r'\.(?P<verb>\w*(?:\$\{each\.key\})?\w*)\.lambda_handler"'
)


def relative(path: Path) -> str:
    return path.relative_to(SOURCE).as_posix()


def functions_named_by(path: Path) -> Iterator[str]:
    """The functions that a `.tf` file names, as `<architecture>/functions/<verb>.py`."""
    text = path.read_text()
    for match in HANDLER.finditer(text):
        packages = [match["package"]]
        if match["input"]:  # a block that several architectures share
            packages = values_of(path.parent, match["input"])
        verbs = [match["verb"]]
        if "${each.key}" in match["verb"]:
            local = re.findall(r"for_each += local\.(\w+)", text[: match.start()])[-1]
            verbs = [match["verb"].replace("${each.key}", key) for key in keys_of(path, local)]
        yield from (f"{package}/functions/{verb}.py" for package in packages for verb in verbs)


def values_of(block: Path, name: str) -> list[str]:
    """List the values that architectures give to an input of a block of modules/internal."""
    source = re.escape(block.name)
    calls = rf'source += "[./]*internal/{source}"(?:.(?!^}}))*?\b{name} += "(\w+)"'
    found = [
        name
        for path in TERRAFORM
        for name in re.findall(calls, path.read_text(), re.DOTALL | re.MULTILINE)
    ]
    assert found, f"no architecture gives {block.name} a {name}"
    return found


def keys_of(path: Path, local: str) -> list[str]:
    """The keys of a map among the locals of a module."""
    for file in path.parent.glob("*.tf"):
        for block in hcl2.loads(file.read_text()).get("locals", []):
            if local in block:
                return [key.strip('"') for key in block[local] if not key.startswith("__")]
    raise AssertionError(f"{path.parent.name} has no local {local}")


def names_bound_in(path: Path) -> list[str]:
    """Names of functions and variables at the top level of a module."""
    names = []
    for node in ast.parse(path.read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.append(node.name)
        elif isinstance(node, ast.Assign):
            names += [target.id for target in node.targets if isinstance(target, ast.Name)]
    return names


def test_modules_name_every_function_and_no_other() -> None:
    named = {name for path in TERRAFORM for name in functions_named_by(path)}

    assert named == {relative(path) for path in FUNCTIONS}


@pytest.mark.parametrize("path", TERRAFORM, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_no_module_names_a_handler_in_another_way(path: Path) -> None:
    literal = re.findall(r'^\s*handler\s*=\s*.*".*$', path.read_text(), re.MULTILINE)

    assert [line for line in literal if not HANDLER.search(line)] == []


@pytest.mark.parametrize("path", FUNCTIONS, ids=relative)
def test_every_function_has_one_handler(path: Path) -> None:
    assert names_bound_in(path).count("lambda_handler") == 1


def test_nothing_else_has_a_handler() -> None:
    others = [path for path in SOURCE.rglob("*.py") if path not in FUNCTIONS]

    assert [relative(path) for path in others if "lambda_handler" in names_bound_in(path)] == []
