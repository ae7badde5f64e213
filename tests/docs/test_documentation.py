"""What the documentation names exists, and what exists is documented."""

from __future__ import annotations

import importlib
import json
import re
from pathlib import Path

import hcl2
import pytest

from benchmarks import Figure, described, undescribed
from tools import docs

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted(
    path
    for top in ("README.md", "docs", "modules", "examples")
    for path in ([ROOT / top] if top.endswith(".md") else (ROOT / top).rglob("*.md"))
)
WITHOUT_CODE = {"event_stream"}
ARCHITECTURES = sorted(
    folder
    for folder in (ROOT / "modules").iterdir()
    if folder.is_dir() and folder.name != "internal"
)
BENCHMARKS = sorted(
    path.stem.removeprefix("bench_") for path in (ROOT / "benchmarks").glob("bench_*.py")
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
    # What a module takes from pinpoint_resources alone needs no code of its own.
    if module.name not in WITHOUT_CODE:
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


def test_every_result_belongs_to_a_benchmark() -> None:
    assert {path.stem for path in docs.RESULTS.glob("*.json")} <= set(BENCHMARKS)


@pytest.mark.parametrize("name", BENCHMARKS)
def test_every_figure_that_was_measured_is_described_in_words(name: str) -> None:
    figures = importlib.import_module(f"benchmarks.bench_{name}").FIGURES
    result = docs.RESULTS / f"{name}.json"
    recorded = json.loads(result.read_text())["figures"] if result.exists() else {}

    assert figures
    assert [key for key, figure in figures.items() if not (figure.measured and figure.unit)] == []
    assert undescribed(recorded, figures) == []


def test_a_number_that_no_figure_describes_and_no_sentence_names_is_found() -> None:
    result = {"rows": 10, "repeats": 5, "read": {"p50": 1.5, "p99": 2.5}, "written": 3, "unit": "s"}
    figures = {"read.*": Figure("{rows} rows read", "ms")}

    assert undescribed(result, figures) == ["written"]
    assert undescribed(result, figures | {"written": Figure("Rows written", "rows")}) == []


def test_of_two_keys_that_fit_a_figure_the_first_describes_it() -> None:
    figures = {"hub_*": Figure("The hub", "ms"), "*": Figure("All", "ms")}

    rows = described({"hub_p50": 1.0, "p50": 2.0}, figures)

    assert rows == {"hub_*": {"p50": 1.0}, "*": {"p50": 2.0}}


@pytest.mark.parametrize(
    ("figure", "values", "measured", "goal"),
    [
        (Figure("Rows", "rows/s", at_least=50_000), [50_000.0], "50,000 rows/s", "met"),
        (Figure("Rows", "rows/s", at_least=50_000), [49_999.6], "50,000 rows/s", "**missed**"),
        (Figure("Calls", "calls", at_most=1), [1.0], "1 calls", "met"),
        (Figure("Import", "ms", at_most=190), [190.01], "190 ms", "**missed**"),
        (
            Figure("Imports", "ms", at_most=190),
            [84.9, 150.0, 180.0, 231.0, 314.0],
            "median 180, highest 314 ms",
            "**missed** by 2 of 5",
        ),
        (
            Figure("Rates", "rows/s", at_least=10),
            [9.0, 10.0, 11.0, 12.0, 13.0],
            "median 11, lowest 9 rows/s",
            "**missed** by 1 of 5",
        ),
    ],
)
def test_a_figure_is_shown_with_its_unit_and_a_missed_goal_as_missed(
    figure: Figure, values: list[float], measured: str, goal: str
) -> None:
    named_values = {f"value {number}": value for number, value in enumerate(values)}

    assert docs.measured(figure, named_values) == measured
    assert docs.goal(figure, named_values).split(": ")[1] == goal


def test_a_figure_that_was_not_measured_yet_says_so_and_claims_no_goal() -> None:
    figure = Figure("A file of {rows:,} rows", "s", at_most=60)

    assert figure.sentence({}) == "A file of … rows"
    assert docs.measured(figure, {}) == "not measured yet"
    assert docs.goal(figure, {}) == "at most 60"


def test_a_figure_without_a_goal_shows_none() -> None:
    assert docs.goal(Figure("Rows", "rows/s"), {"rows": 1.0}) == "–"


def test_results_of_two_machines_are_told_apart() -> None:
    machine = {"system": "Linux", "machine": "x86_64", "cores": 2, "boto3": "1.43.106"}
    old = {"machine": machine | {"python": "3.11.7", "measured_at": "2026-11-02T10:00:00+00:00"}}
    new = {"machine": machine | {"python": "3.13.1", "measured_at": "2026-11-03T10:00:00+00:00"}}
    later = {"machine": machine | {"python": "3.13.1", "measured_at": "2026-11-05T10:00:00+00:00"}}

    line = docs.machines({"a": old, "b": new, "c": later, "d": {}})

    assert line == (
        "Measured (`a`) on Linux x86_64 with 2 cores, Python 3.11.7, boto3 1.43.106, 2026-11-02. "
        "Measured (`b`, `c`) on Linux x86_64 with 2 cores, Python 3.13.1, boto3 1.43.106, "
        "2026-11-03 to 2026-11-05."
    )


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
