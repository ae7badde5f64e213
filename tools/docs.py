"""Write the generated parts of the documentation.

A page asks for a part with a pair of comments. This tool owns the text between them::

    <!-- inputs and outputs: make docs -->     the tables of a module, in its README
    <!-- end -->

    <!-- headline figures: make docs -->       the figures with a goal that the root README shows
    <!-- end -->

    <!-- figures: make docs -->                all figures of all benchmarks
    <!-- end -->

    <!-- operations: make docs -->             the operations of the hub's API
    <!-- end -->
"""

from __future__ import annotations

import importlib
import json
import re
import statistics
import sys
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import hcl2

import benchmarks
from benchmarks import Figure
from tools import hub_operations, terraform_run
from tools.errors import ToolError

BEGIN, END = "<!-- inputs and outputs: make docs -->", "<!-- end -->"
FIGURES = "<!-- figures: make docs -->"
OPERATIONS = "<!-- operations: make docs -->"
HEADLINES = "<!-- headline figures: make docs -->"
RESULTS = terraform_run.ROOT / "benchmarks" / "results"
FEW = 4  # a row lists up to this many values by name
LONGEST_TYPE = 40  # characters; a longer object type is a link to its declaration
NOT_SET = object()
# The address of the repository is not known yet: EXAMPLE is a placeholder for its owner.
REPOSITORY = "https://github.com/EXAMPLE/engagement-reference-architectures.git"


def version() -> str:
    """Read the version that pyproject.toml gives the project."""
    with (terraform_run.ROOT / "pyproject.toml").open("rb") as file:
        return str(tomllib.load(file)["project"]["version"])


def git_source(module: str) -> str:
    """Return the source by which a user calls a module: pinned to the release of this version."""
    return f"git::{REPOSITORY}//modules/{module}?ref=v{version()}"


def usage(readme: Path) -> str:
    """Return the first block of HCL in a README: the smallest real call."""
    block = re.search(r"```hcl\n(.*?)```", readme.read_text(), re.DOTALL)
    if block is None:
        raise ToolError(f"{readme} shows no usage: add a block that starts with ```hcl.")
    return block[1]


def blocks(folder: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """Read the blocks of a kind (``variable``, ``output``) in the order of the files."""
    found = []
    for path in sorted(folder.glob("*.tf")):
        with path.open() as file:
            parsed = hcl2.load(file)
        for block in parsed.get(kind, []):
            found += [(unquoted(name), body) for name, body in block.items()]
    return found


def unquoted(text: Any) -> Any:
    """Take the quotes of a string, or the ``${}`` of an expression, off a value of the parser."""
    if isinstance(text, list):
        return [unquoted(item) for item in text]
    if isinstance(text, dict):
        return {unquoted(name): unquoted(value) for name, value in text.items()}
    if not isinstance(text, str):
        return text
    if text.startswith('"'):
        return json.loads(text)
    return re.sub(r"^\$\{(.*)\}$", r"\1", text, flags=re.DOTALL)


def cell(text: str) -> str:
    """Write text so that it stays within one cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def default(body: dict[str, Any]) -> str:
    """Write a default as a README shows it; an input without a default is required."""
    value = body.get("default", NOT_SET)
    if value is NOT_SET:
        return "**required**"
    plain = unquoted(value)
    return f"`{plain if isinstance(value, str) and value.startswith('$') else json.dumps(plain)}`"


def collapsed(kind: str) -> str:
    """Replace the members of each outermost object in a type by an ellipsis."""
    parts, rest = [], kind
    while match := re.search(r"object\(\{", rest):
        parts.append(rest[: match.start()] + "object({…})")
        depth, end = 1, match.end() - 1
        while depth and end < len(rest):
            depth += {"(": 1, ")": -1}.get(rest[end], 0)
            end += 1
        rest = rest[end:]
    return "".join([*parts, rest])


def declared_at(folder: Path, name: str) -> str:
    """Name the file and line of a variable, as a relative link."""
    for path in sorted(folder.glob("*.tf")):
        for number, line in enumerate(path.read_text().splitlines(), start=1):
            if line.startswith(f'variable "{name}"'):
                return f"{path.name}#L{number}"
    raise ToolError(f"{folder} declares no variable {name!r} at the start of a line.")


def type_cell(folder: Path, name: str, kind: str) -> str:
    """Write a type in full where it is short, and as a link to its declaration where it is long."""
    if len(kind) <= LONGEST_TYPE or "object({" not in kind:
        return f"`{kind}`"
    return f"[`{collapsed(kind)}`]({declared_at(folder, name)})"


def tables(folder: Path) -> str:
    """Write the inputs and outputs of a module as two Markdown tables."""
    lines = ["| Input | What it does | Type | Default |", "|---|---|---|---|"]
    for name, body in blocks(folder, "variable"):
        kind = type_cell(folder, name, cell(str(unquoted(body["type"]))))
        text = cell(unquoted(body["description"]))
        lines.append(f"| `{name}` | {text} | {kind} | {default(body)} |")
    lines += ["", "| Output | What it is |", "|---|---|"]
    for name, body in blocks(folder, "output"):
        lines.append(f"| `{name}` | {cell(unquoted(body['description']))} |")
    return "\n".join(lines)


@dataclass(frozen=True, slots=True)
class Row:
    """A figure with its values, the benchmark that measures it, and a label of its machine."""

    figure: Figure
    sentence: str
    values: dict[str, float]
    benchmark: str
    machine: str

    def line(self) -> str:
        """Write the row of the table."""
        beside = self.machine if self.figure.depends_on_the_machine and self.values else "any"
        return (
            f"| {cell(self.sentence)} | {measured(self.figure, self.values)} "
            f"| {goal(self.figure, self.values)} | {beside} "
            f"| `make bench BENCH={self.benchmark}` |"
        )


HEADER = ["| What was measured | Measured | Goal | Machine | Command |", "|---|---|---|---|---|"]


def results() -> dict[str, dict[str, Any]]:
    """Read the last result of each benchmark; empty where there is no result."""
    found = {}
    for path in sorted(RESULTS.parent.glob("bench_*.py")):
        name = path.stem.removeprefix("bench_")
        result = RESULTS / f"{name}.json"
        found[name] = json.loads(result.read_text()) if result.exists() else {}
    return found


def rows(recorded: dict[str, dict[str, Any]]) -> list[Row]:
    """Pair each figure of each benchmark with its measured values."""
    found = []
    labels = machine_labels(recorded)
    for name, result in recorded.items():
        described = importlib.import_module(f"benchmarks.bench_{name}").FIGURES
        numbers = benchmarks.numbers_of(result.get("figures", {}))
        for key, values in benchmarks.described(numbers, described).items():
            figure = described[key]
            found.append(Row(figure, figure.sentence(numbers), values, name, labels.get(name, "–")))
    return found


def figures() -> str:
    """Write all figures: a table, rows of many values in full, and the machines."""
    recorded = results()
    lines, details = list(HEADER), []
    for row in rows(recorded):
        lines.append(row.line())
        if len(row.values) > FEW:
            details += ["", f"{cell(row.sentence)} ({row.figure.unit}): {listed(row.values)}."]
    return "\n".join([*lines, *details, "", machines(recorded)])


def headlines() -> str:
    """Write the figures that the root README shows, and the machines they were measured on."""
    recorded = results()
    shown = [row for row in rows(recorded) if row.figure.headline]
    named = {row.benchmark for row in shown if row.figure.depends_on_the_machine}
    used = {name: result for name, result in recorded.items() if name in named}
    labels = machine_labels(recorded)
    return "\n".join([*HEADER, *(row.line() for row in shown), "", machines(used, labels)])


def measured(figure: Figure, values: dict[str, float]) -> str:
    """Write one value, a few values by name, or the median and the worst of many."""
    if not values:
        return "not measured yet"
    if len(values) == 1:
        return f"{number(*values.values())} {figure.unit}"
    if len(values) <= FEW:
        return f"{', '.join(f'{name} {number(one)}' for name, one in values.items())} {figure.unit}"
    word, worst = ("highest", max) if figure.at_least is None else ("lowest", min)
    return (
        f"median {number(statistics.median(values.values()))}, "
        f"{word} {number(worst(values.values()))} {figure.unit}"
    )


def goal(figure: Figure, values: dict[str, float]) -> str:
    """Write the goal and whether the values meet it. A missed goal is shown; it is no error."""
    bounds = (("at least", figure.at_least), ("at most", figure.at_most))
    wanted = ", ".join(f"{word} {number(bound)}" for word, bound in bounds if bound is not None)
    if not wanted or not values:
        return wanted or "–"
    missed = sum(not figure.meets_goal(value) for value in values.values())
    if not missed:
        return f"{wanted}: met"
    return f"{wanted}: **missed**" + (f" by {missed} of {len(values)}" if len(values) > 1 else "")


def listed(values: dict[str, float]) -> str:
    """Write many values in one line, the highest first."""
    ordered = sorted(values.items(), key=lambda item: -item[1])
    return ", ".join(f"`{name}` {number(value)}" for name, value in ordered)


def number(value: float) -> str:
    """Write four digits, or all digits before the point where there are more."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def machine_of(result: dict[str, Any]) -> str:
    """Describe the machine and the versions of a result."""
    machine = result["machine"]
    return (
        f"{machine['system']} {machine['machine']} with {machine['cores']} cores, "
        f"Python {machine['python']}, boto3 {machine['boto3']}"
    )


def machine_labels(recorded: dict[str, dict[str, Any]]) -> dict[str, str]:
    """Give each distinct machine a letter; map benchmarks to the letter of their machine."""
    letters: dict[str, str] = {}
    labels = {}
    for name, result in recorded.items():
        if result:
            described = machine_of(result)
            letters.setdefault(described, chr(ord("A") + len(letters)))
            labels[name] = letters[described]
    return labels


def machines(recorded: dict[str, dict[str, Any]], labels: dict[str, str] | None = None) -> str:
    """Describe each machine and the days of its measurements, a sentence each."""
    labels = machine_labels(recorded) if labels is None else labels
    days: dict[tuple[str, str], list[str]] = {}
    for name, result in recorded.items():
        if result:
            day = result["machine"]["measured_at"][:10]
            days.setdefault((labels[name], machine_of(result)), []).append(day)
    sentences = []
    for (label, described), measured_on in sorted(days.items()):
        first, last = min(measured_on), max(measured_on)
        when = first if first == last else f"{first} to {last}"
        sentences.append(f"Machine {label}: {described}, measured {when}.")
    return " ".join(sentences)


def between(text: str, begin: str, generated: str) -> str:
    """Put the generated text between the comment `begin` and the next end."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(END)
    return f"{before}{begin}\n{generated}\n{END}{after}"


def generated(path: Path) -> str:
    """Return a page with its generated parts up to date."""
    text = path.read_text()
    if BEGIN in text:
        text = between(text, BEGIN, tables(path.parent))
    if HEADLINES in text:
        text = between(text, HEADLINES, headlines())
    if FIGURES in text:
        text = between(text, FIGURES, figures())
    if OPERATIONS in text:
        text = between(text, OPERATIONS, hub_operations.table())
    return text


def pages() -> list[Path]:
    """List the pages that may have generated parts."""
    root = terraform_run.ROOT
    tops = [root / "README.md", root / "benchmarks" / "README.md"]
    return [*tops, *sorted((root / "modules").rglob("README.md"))]


def main(arguments: list[str]) -> int:
    check = arguments == ["--check"]
    stale = []
    root = terraform_run.ROOT
    for page in pages():
        fresh = generated(page)
        if fresh != page.read_text():
            stale.append(page.relative_to(root))
            if not check:
                page.write_text(fresh)
    for path in stale:
        print(f"{'out of date, run `make docs`' if check else 'written'}: {path}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
