"""Write the generated parts of the documentation.

A page asks for one with a pair of comments, between which this tool owns the text::

    <!-- inputs and outputs: make docs -->     the tables of a module, in its README
    <!-- end -->

    <!-- figures: make docs -->                what the benchmarks measured
    <!-- end -->
"""

from __future__ import annotations

import importlib
import json
import re
import statistics
import sys
from pathlib import Path
from typing import Any

import hcl2

import benchmarks
from benchmarks import Figure
from tools import terraform_run

BEGIN, END = "<!-- inputs and outputs: make docs -->", "<!-- end -->"
FIGURES = "<!-- figures: make docs -->"
RESULTS = terraform_run.ROOT / "benchmarks" / "results"
FEW = 4  # values that stand in one row by name
NOT_SET = object()


def blocks(folder: Path, kind: str) -> list[tuple[str, dict[str, Any]]]:
    """The blocks of a kind (``variable``, ``output``) in the order of the files."""
    found = []
    for path in sorted(folder.glob("*.tf")):
        with path.open() as file:
            parsed = hcl2.load(file)
        for block in parsed.get(kind, []):
            found += [(unquoted(name), body) for name, body in block.items()]
    return found


def unquoted(text: Any) -> Any:
    """The value of what the parser returns: strings keep their quotes, expressions ``${}``."""
    if isinstance(text, list):
        return [unquoted(item) for item in text]
    if not isinstance(text, str):
        return text
    if text.startswith('"'):
        return json.loads(text)
    return re.sub(r"^\$\{(.*)\}$", r"\1", text, flags=re.DOTALL)


def cell(text: str) -> str:
    """Text that stays within one cell of a table."""
    return re.sub(r"\s+", " ", text).replace("|", "\\|").strip()


def default(body: dict[str, Any]) -> str:
    """How a README shows a default; an input without one is required."""
    value = body.get("default", NOT_SET)
    if value is NOT_SET:
        return "**required**"
    plain = unquoted(value)
    return f"`{plain if isinstance(value, str) and value.startswith('$') else json.dumps(plain)}`"


def tables(folder: Path) -> str:
    """Inputs and outputs of a module as two Markdown tables."""
    lines = ["| Input | What it does | Type | Default |", "|---|---|---|---|"]
    for name, body in blocks(folder, "variable"):
        kind = cell(str(unquoted(body["type"])))
        text = cell(unquoted(body["description"]))
        lines.append(f"| `{name}` | {text} | `{kind}` | {default(body)} |")
    lines += ["", "| Output | What it is |", "|---|---|"]
    for name, body in blocks(folder, "output"):
        lines.append(f"| `{name}` | {cell(unquoted(body['description']))} |")
    return "\n".join(lines)


def figures() -> str:
    """What the last run of each benchmark measured: a table, long rows in full, the machine."""
    lines = ["| What was measured | Measured | Goal | Command |", "|---|---|---|---|"]
    details = []
    results = {}
    for path in sorted(RESULTS.parent.glob("bench_*.py")):
        name = path.stem.removeprefix("bench_")
        described = importlib.import_module(f"benchmarks.{path.stem}").FIGURES
        result = RESULTS / f"{name}.json"
        results[name] = json.loads(result.read_text()) if result.exists() else {}
        numbers = benchmarks.numbers_of(results[name].get("figures", {}))
        for key, values in benchmarks.described(numbers, described).items():
            figure = described[key]
            text = cell(figure.sentence(numbers))
            lines.append(
                f"| {text} | {measured(figure, values)} | {goal(figure, values)} "
                f"| `make bench BENCH={name}` |"
            )
            if len(values) > FEW:
                details += ["", f"{text} ({figure.unit}): {listed(values)}."]
    return "\n".join([*lines, *details, "", machines(results)])


def measured(figure: Figure, values: dict[str, float]) -> str:
    """A value, a few by name, or the middle and the worst of many."""
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
    """What is wanted, and whether that was reached: a miss is shown, and no reason to fail."""
    bounds = (("at least", figure.at_least), ("at most", figure.at_most))
    wanted = ", ".join(f"{word} {number(bound)}" for word, bound in bounds if bound is not None)
    if not wanted or not values:
        return wanted or "–"
    missed = sum(not figure.meets_goal(value) for value in values.values())
    if not missed:
        return f"{wanted}: met"
    return f"{wanted}: **missed**" + (f" by {missed} of {len(values)}" if len(values) > 1 else "")


def listed(values: dict[str, float]) -> str:
    """Many values in one line, the highest first."""
    ordered = sorted(values.items(), key=lambda item: -item[1])
    return ", ".join(f"`{name}` {number(value)}" for name, value in ordered)


def number(value: float) -> str:
    """Four digits, or all those before the point."""
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.4g}"


def machines(results: dict[str, dict[str, Any]]) -> str:
    """On what and when the results were measured; a sentence for each machine that differs."""
    names: dict[str, list[str]] = {}
    days: dict[str, list[str]] = {}
    for name, result in results.items():
        if result:
            machine = result["machine"]
            words = (
                f"{machine['system']} {machine['machine']} with {machine['cores']} cores, "
                f"Python {machine['python']}, boto3 {machine['boto3']}"
            )
            names.setdefault(words, []).append(f"`{name}`")
            days.setdefault(words, []).append(machine["measured_at"][:10])
    sentences = []
    for words, those in names.items():
        first, last = min(days[words]), max(days[words])
        which = f" ({', '.join(those)})" if len(names) > 1 else ""
        when = first if first == last else f"{first} to {last}"
        sentences.append(f"Measured{which} on {words}, {when}.")
    return " ".join(sentences)


def between(text: str, begin: str, generated: str) -> str:
    """The text with what is generated between the comment `begin` and the next end."""
    before, _, rest = text.partition(begin)
    _, _, after = rest.partition(END)
    return f"{before}{begin}\n{generated}\n{END}{after}"


def generated(path: Path) -> str:
    """A page as it should be."""
    text = path.read_text()
    if BEGIN in text:
        text = between(text, BEGIN, tables(path.parent))
    if FIGURES in text:
        text = between(text, FIGURES, figures())
    return text


def main(arguments: list[str]) -> int:
    check = arguments == ["--check"]
    stale = []
    root = terraform_run.ROOT
    for page in [root / "README.md", *sorted((root / "modules").rglob("README.md"))]:
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
