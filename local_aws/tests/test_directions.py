"""Packages import in one direction, and no module imports itself by way of others."""

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path

import pytest

import local_aws

SOURCE = Path(local_aws.__file__).parent
# What each package may import, besides itself and ministack.
ALLOWED = {
    "athena": set(),
    "patches": {"athena", "names"},
    "engagement": {"patches"},
}


def module_of(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


MODULES = {module_of(path): path for path in SOURCE.rglob("*.py")}


def imported(path: Path) -> Iterator[str]:
    """The modules of this project that a file imports, in functions too."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module in MODULES:
            names = [f"{node.module}.{name.name}" for name in node.names]
            submodules = [name for name in names if name in MODULES]
            yield from submodules
            if len(submodules) < len(names):
                yield str(node.module)


@pytest.mark.parametrize("package", ALLOWED)
def test_a_package_imports_only_those_below_it(package: str) -> None:
    files = [path for path in MODULES.values() if path.relative_to(SOURCE).parts[0] == package]

    packages = {name.split(".")[1] for path in files for name in imported(path) if "." in name}

    assert files
    assert packages - {package} <= ALLOWED[package]


def test_no_module_imports_itself_by_way_of_others() -> None:
    graph = {module: set(imported(path)) - {module} for module, path in MODULES.items()}

    order = list(graphlib.TopologicalSorter(graph).static_order())

    assert len(order) == len(MODULES)
