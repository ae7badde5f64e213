"""Write the tables of inputs and outputs into the README of every module that asks for them.

A README asks with a pair of comments, between which this tool owns the text::

    <!-- inputs and outputs: make docs -->
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


def with_tables(text: str, folder: Path) -> str:
    """The README with fresh tables between its comments."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{tables(folder)}\n{END}{after}"


def main(arguments: list[str]) -> int:
    check = arguments == ["--check"]
    stale = []
    for readme in sorted((terraform_run.ROOT / "modules").rglob("README.md")):
        text = readme.read_text()
        if BEGIN not in text:
            continue
        fresh = with_tables(text, readme.parent)
        if fresh != text:
            stale.append(readme.relative_to(terraform_run.ROOT))
            if not check:
                readme.write_text(fresh)
    for path in stale:
        print(f"{'out of date, run `make docs`' if check else 'written'}: {path}")
    return 1 if check and stale else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
