"""Write the generated parts of the documentation.

A page asks for one with a pair of comments, between which this tool owns the text::

    <!-- inputs and outputs: make docs -->     the tables of a module, in its README
    <!-- end -->

    <!-- figures: make docs -->                what the benchmarks measured
    <!-- end -->
"""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path
from typing import Any

import hcl2

from tools import terraform_run

BEGIN, END = "<!-- inputs and outputs: make docs -->", "<!-- end -->"
FIGURES = "<!-- figures: make docs -->"
RESULTS = terraform_run.ROOT / "benchmarks" / "results"
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
    """What the last run of each benchmark measured, as one Markdown table."""
    lines = ["| Benchmark | Figure | Measured |", "|---|---|---|"]
    for path in sorted(RESULTS.glob("*.json")):
        for name, value in flat(json.loads(path.read_text())["figures"]):
            lines.append(f"| `{path.stem}` | {name} | {value} |")
    return "\n".join(lines)


def flat(figures: dict[str, Any], above: str = "") -> list[tuple[str, str]]:
    """Names in words and values, of nested figures too; anything but a number is left out."""
    found = []
    for key, value in figures.items():
        if key == "repeats":
            continue
        name = f"{above} {key.replace('_', ' ')}".strip()
        if isinstance(value, dict):
            found += flat(value, name)
        elif isinstance(value, int | float) and not isinstance(value, bool):
            found.append((name, f"{value:,}" if abs(value) >= 1000 else f"{value:g}"))
    return found


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
