"""What the documentation names exists, and what exists is documented."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tools import docs

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for top in ("README.md", "docs", "modules", "examples")
    for path in ([ROOT / top] if top.endswith(".md") else (ROOT / top).rglob("*.md"))
)
ARCHITECTURES = sorted(
    folder
    for folder in (ROOT / "modules").iterdir()
    if folder.is_dir() and folder.name != "internal"
)
SECTIONS = ("Usage", "Inputs and outputs", "Cost", "Operations", "Failure modes", "Limits")


def named(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_every_link_to_a_file_of_the_project_leads_somewhere(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)[^)]*\)", page.read_text())

    missing = [link for link in links if not (page.parent / link).exists()]

    assert missing == []


@pytest.mark.parametrize("module", ARCHITECTURES, ids=named)
def test_every_architecture_has_its_source_its_example_and_its_row_in_the_readme(
    module: Path,
) -> None:
    assert (ROOT / "lambda_src" / module.name).is_dir()
    assert (ROOT / "examples" / module.name).is_dir()
    assert f"(modules/{module.name})" in (ROOT / "README.md").read_text()


@pytest.mark.parametrize("module", ARCHITECTURES, ids=named)
def test_every_module_readme_has_each_section_and_a_diagram(module: Path) -> None:
    text = (module / "README.md").read_text()

    assert [section for section in SECTIONS if f"\n## {section}\n" not in text] == []
    assert "```mermaid" in text


@pytest.mark.parametrize("module", ARCHITECTURES, ids=named)
def test_the_tables_of_inputs_and_outputs_are_those_of_the_code(module: Path) -> None:
    text = (module / "README.md").read_text()

    assert docs.BEGIN in text
    assert docs.with_tables(text, module) == text


def test_every_test_that_the_list_of_weaknesses_names_exists() -> None:
    page = (ROOT / "docs" / "weaknesses.md").read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))

    names = set(re.findall(r"\b(test_[a-z0-9_]+)\b(?!\.py)", page))

    assert names
    assert [name for name in sorted(names) if f"def {name}(" not in tests] == []
