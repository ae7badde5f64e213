"""Everything that the documentation names exists, and everything that exists is documented."""

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
    [
        *ROOT.glob("*.md"),
        *(
            path
            for top in ("docs", "modules", "examples", "benchmarks")
            for path in (ROOT / top).rglob("*.md")
            if "skeleton" not in path.parts  # its links hold once it is copied
        ),
    ]
)
WITHOUT_CODE = {"encryption_key", "event_stream"}
# Used by other examples, so it has no example of its own.
SHOWN_ELSEWHERE = {"pinpoint_resources": "campaign_create"}
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


@pytest.mark.parametrize("page", PAGES, ids=named)
def test_a_result_of_athena_is_read_after_the_end_of_its_query(page: Path) -> None:
    for block in re.findall(r"```sh\n(.*?)```", page.read_text(), re.DOTALL):
        before, asked, _ = block.partition("aws athena get-query-results")
        # Athena refuses to answer a query that is still running.
        assert not asked or "aws athena get-query-execution" in before


@pytest.mark.parametrize("module", ARCHITECTURES, ids=named)
def test_every_architecture_has_its_source_its_example_and_its_row_in_the_readme(
    module: Path,
) -> None:
    # A module whose function comes from pinpoint_resources alone needs no code of its own.
    if module.name not in WITHOUT_CODE:
        assert (ROOT / "lambda_src" / module.name).is_dir()
    example = ROOT / "examples" / SHOWN_ELSEWHERE.get(module.name, module.name)
    assert f'"../../modules/{module.name}"' in (example / "main.tf").read_text()
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


@pytest.mark.parametrize(
    ("page", "part"),
    [("README.md", docs.HEADLINES), ("benchmarks/README.md", docs.FIGURES)],
    ids=["headlines in the README", "all figures beside the benchmarks"],
)
def test_the_figures_of_a_page_are_those_that_were_measured(page: str, part: str) -> None:
    text = (ROOT / page).read_text()

    assert part in text
    assert docs.generated(ROOT / page) == text


def test_the_readme_shows_at_most_eight_figures_and_each_has_a_goal() -> None:
    shown = [row.figure for row in docs.rows(docs.results()) if row.figure.headline]

    assert 1 <= len(shown) <= 8
    assert [figure.measured for figure in shown if not figure.has_goal] == []


@pytest.mark.parametrize(
    ("unit", "beside"),
    [("s", "A"), ("ms", "A"), ("rows/s", "A"), ("USD", "A"), ("%", "any"), ("calls", "any")],
)
def test_a_time_a_rate_and_a_price_have_their_machine_beside_them(unit: str, beside: str) -> None:
    row = docs.Row(Figure("Rows", unit), "Rows", {"rows": 1.0}, "import_rows", "A")

    assert row.line() == f"| Rows | 1 {unit} | – | {beside} | `make bench BENCH=import_rows` |"


@pytest.mark.parametrize(
    ("kind", "shown"),
    [
        ("string", "`string`"),
        ("object({arn = string})", "`object({arn = string})`"),
        (
            "object({topic_arn = string, detailed = optional(bool, false)})",
            "[`object({…})`](variables.tf#L3)",
        ),
        (
            "map(object({name = string, at = object({row = number}), more = list(string)}))",
            "[`map(object({…}))`](variables.tf#L3)",
        ),
    ],
)
def test_a_long_object_type_is_a_link_to_its_declaration(
    tmp_path: Path, kind: str, shown: str
) -> None:
    (tmp_path / "variables.tf").write_text('# One input.\n\nvariable "it" {\n  type = string\n}\n')

    assert docs.type_cell(tmp_path, "it", kind) == shown


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
    recorded: dict[str, dict[str, object]] = {"a": old, "b": new, "c": later, "d": {}}

    assert docs.machine_labels(recorded) == {"a": "A", "b": "B", "c": "B"}
    assert docs.machines(recorded) == (
        "Machine A: Linux x86_64 with 2 cores, Python 3.11.7, boto3 1.43.106, measured 2026-11-02. "
        "Machine B: Linux x86_64 with 2 cores, Python 3.13.1, boto3 1.43.106, "
        "measured 2026-11-03 to 2026-11-05."
    )


def test_every_building_block_has_its_row_in_the_list_of_blocks() -> None:
    blocks = {path.name for path in (ROOT / "modules" / "internal").iterdir() if path.is_dir()}

    listed = re.findall(
        r"^\| `([a-z_]+)` \|",
        (ROOT / "modules" / "internal" / "README.md").read_text(),
        re.MULTILINE,
    )

    assert sorted(listed) == sorted(blocks)


def test_every_test_that_the_list_of_weaknesses_names_exists() -> None:
    page = (ROOT / "docs" / "weaknesses.md").read_text()
    folders = (ROOT / "tests", ROOT / "local_aws" / "tests")
    files = (path for folder in folders for path in folder.rglob("test_*.py"))
    tests = "\n".join(path.read_text() for path in files)

    names = set(re.findall(r"\b(test_[a-z0-9_]+)\b(?!\.py)", page))

    assert names
    assert [name for name in sorted(names) if f"def {name}(" not in tests] == []


@pytest.mark.parametrize("module", ARCHITECTURES, ids=named)
def test_the_usage_in_a_readme_gives_every_required_input_and_no_unknown_one(module: Path) -> None:
    usage = docs.usage(module / "README.md")
    calls = [
        body
        for block in hcl2.loads(usage)["module"]
        for body in block.values()
        if docs.unquoted(body["source"]) == docs.git_source(module.name)
    ]
    inputs = dict(docs.blocks(module, "variable"))
    required = {name for name, body in inputs.items() if "default" not in body}

    assert len(calls) == 1
    given = {name for name in calls[0] if name != "source" and not name.startswith("__")}
    assert given <= set(inputs)
    assert required <= given
