"""What the documentation names exists, and what exists is documented."""

from __future__ import annotations

import re
from pathlib import Path

import hcl2
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
    readme = module / "README.md"

    assert docs.BEGIN in readme.read_text()
    assert docs.generated(readme) == readme.read_text()


def test_the_figures_of_the_readme_are_those_that_were_measured() -> None:
    readme = ROOT / "README.md"

    assert docs.FIGURES in readme.read_text()
    assert docs.generated(readme) == readme.read_text()


def test_every_test_that_the_list_of_weaknesses_names_exists() -> None:
    page = (ROOT / "docs" / "weaknesses.md").read_text()
    tests = "\n".join(path.read_text() for path in (ROOT / "tests").rglob("test_*.py"))

    names = set(re.findall(r"\b(test_[a-z0-9_]+)\b(?!\.py)", page))

    assert names
    assert [name for name in sorted(names) if f"def {name}(" not in tests] == []


@pytest.mark.parametrize("module", ARCHITECTURES, ids=named)
def test_the_usage_in_a_readme_gives_every_required_input_and_no_unknown_one(module: Path) -> None:
    text = (module / "README.md").read_text()
    usage = re.search(r"```hcl\n(.*?)```", text, re.DOTALL)
    assert usage is not None
    calls = [
        body
        for block in hcl2.loads(usage[1])["module"]
        for body in block.values()
        if docs.unquoted(body["source"]).endswith(f"/{module.name}")
    ]
    inputs = dict(docs.blocks(module, "variable"))
    required = {name for name, body in inputs.items() if "default" not in body}

    assert len(calls) == 1
    given = {name for name in calls[0] if name != "source" and not name.startswith("__")}
    assert given <= set(inputs)
    assert required <= given
