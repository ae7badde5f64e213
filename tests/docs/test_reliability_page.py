"""The page of the fault matrix has a cell for every test of a fault, and the other way round."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.builders.faults import FAULTS

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / "docs" / "reliability.md"

Cell = tuple[str, str]  # the test function, and the id of one of its cells


@pytest.fixture(scope="module")
def collected() -> list[str]:
    """The node ids of the cells, as pytest collects them."""
    run = subprocess.run(
        [sys.executable, "-m", "pytest", "--collect-only", "-q", "-m", "fault_matrix"]
        + ["tests/integration"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert run.returncode == 0, run.stdout + run.stderr
    return [line for line in run.stdout.splitlines() if "::" in line]


def cells_of_tests(node_ids: list[str]) -> list[Cell]:
    found = [re.fullmatch(r".+::(test_\w+)\[(.+)\]", node_id) for node_id in node_ids]
    return [(cell[1], cell[2]) for cell in found if cell]


def sections_of_the_page() -> list[tuple[set[str], list[str]]]:
    """Read each section: its test functions, and the ids of the cells in its table."""
    sections = []
    for text in PAGE.read_text().split("\n## ")[1:]:
        columns, cells = list[str](), list[str]()
        for line in text.splitlines():
            row = [part.strip() for part in line.strip("|").split("|")] if line[:1] == "|" else []
            if row[:1] == ["Call"]:
                columns = row[1:]
            call = re.match(r"`([a-z0-9-]+)`", row[0]) if row and columns else None
            if call:
                outcomes = zip(columns, row[1:], strict=True)
                cells += [f"{call[1]}-{fault}" for fault, outcome in outcomes if outcome != "–"]
        sections.append((set(re.findall(r"`(test_a_fault_\w+)`", text)), cells))
    return sections


def test_every_cell_of_the_page_is_a_test_and_every_test_of_a_fault_is_a_cell(
    collected: list[str],
) -> None:
    tests = cells_of_tests(collected)

    named = [function for functions, _ in sections_of_the_page() for function in functions]
    assert sorted(named) == sorted({function for function, _ in tests})
    for functions, cells in sections_of_the_page():
        assert sorted(cells) == sorted(cell for function, cell in tests if function in functions)


def test_the_cells_are_the_tests_that_are_named_after_a_fault(collected: list[str]) -> None:
    tests = "\n".join(path.read_text() for path in (ROOT / "tests/integration").glob("test_*.py"))

    named = set(re.findall(r"def (test_a_fault_\w+)", tests))

    assert named == {function for function, _ in cells_of_tests(collected)}
    assert len(collected) == len(cells_of_tests(collected))


def test_every_table_of_cells_has_the_faults_as_its_columns() -> None:
    heads = re.findall(r"^\| Call \| (.+) \|$", PAGE.read_text(), re.MULTILINE)

    assert {tuple(head.split(" | ")) for head in heads} <= {tuple(FAULTS)}


def test_every_fault_is_explained_once() -> None:
    explained = re.findall(r"^\| ([a-z0-9-]+) \|", PAGE.read_text(), re.MULTILINE)

    assert explained == list(FAULTS)
