"""Imports inside the hub point one way: from its functions down to its rules."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

HUB = Path(__file__).parents[3] / "lambda_src" / "engagement_hub"
# Each part of the hub → the parts that it may import, beside itself.
ALLOWED = {
    "engagement": set[str](),
    "store": {"engagement"},
    "senders": {"engagement"},
    "pace": {"store"},
    "customer_role": set[str](),
    "entity_changes": set[str](),
    "event_stream": {"customer_role", "store"},
    "machines": {"engagement", "store"},
    "forwarding": {"engagement"},
    "recommendations": {"customer_functions", "customer_role", "engagement", "store"},
    "undelivered_events": set[str](),
    "customer_functions": {"store"},
    "work_bucket": set[str](),
    "hub": {
        "customer_functions",
        "customer_role",
        "event_stream",
        "forwarding",
        "machines",
        "pace",
        "recommendations",
        "senders",
        "store",
        "undelivered_events",
        "work_bucket",
    },
    "api": {
        "customer_role",
        "engagement",
        "event_stream",
        "hub",
        "machines",
        "senders",
        "store",
    },
    "workers": {
        "customer_functions",
        "customer_role",
        "engagement",
        "event_stream",
        "hub",
        "machines",
        "pace",
        "recommendations",
        "senders",
        "store",
    },
    "functions": {"api", "entity_changes", "event_stream", "hub", "store", "workers"},
}
# Parts that the hub's functions make at first use.
MADE_LATE = {
    "boto3",
    "customer_functions",
    "forwarding",
    "pace",
    "recommendations",
    "undelivered_events",
    "work_bucket",
    "workers",
}
FILES = sorted(path for path in HUB.rglob("*.py") if path != HUB / "__init__.py")


def part(path: Path) -> str:
    return path.relative_to(HUB).with_suffix("").parts[0]


def parts_imported_by(path: Path) -> set[str]:
    """Find the parts of the hub that a file imports, at any place of the file."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module == HUB.name:
            names.update(f"{HUB.name}.{alias.name}" for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports by a relative name"
            names.add(str(node.module))
    return {name.split(".")[1] for name in names if name.startswith(f"{HUB.name}.")}


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.relative_to(HUB).as_posix())
def test_a_part_of_the_hub_imports_only_parts_below_it(path: Path) -> None:
    upward = parts_imported_by(path) - {part(path)} - ALLOWED[part(path)]

    assert upward == set()


def test_nothing_is_allowed_that_no_file_needs() -> None:
    needed: dict[str, set[str]] = {name: set() for name in ALLOWED}
    for path in FILES:
        needed[part(path)] |= parts_imported_by(path) - {part(path)}

    assert needed == ALLOWED


def test_a_cold_start_of_the_api_imports_no_part_that_is_made_late() -> None:
    loaded = subprocess.run(
        [
            sys.executable,
            "-c",
            "import sys, engagement_hub.functions.serve_api; print(*sys.modules)",
        ],
        cwd=HUB.parent,
        check=True,
        capture_output=True,
        text=True,
    ).stdout.split()

    parts = {name.removeprefix(f"{HUB.name}.") for name in loaded}
    assert "hub" in parts
    assert parts & MADE_LATE == set()
