"""Start an architecture from the skeleton: ``python -m tools.new_architecture NAME``.

Copies docs/skeleton into the repository under the new name. docs/writing_a_new_architecture.md
describes the steps that follow.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

from tools.errors import ToolError
from tools.terraform_cli import ROOT

SKELETON = ROOT / "docs" / "skeleton"
SAMPLE = "order_alerts"


class UnusableName(ToolError):
    """The name cannot be the name of an architecture."""


def create(name: str, root: Path = ROOT) -> list[Path]:
    """Copy the skeleton under a name; return the files that were written.

    Raises:
        UnusableName: the name breaks the rule for names, or files of that name exist.
    """
    if not re.fullmatch(r"[a-z][a-z0-9]*(_[a-z0-9]+)*", name) or len(name) > 40:
        raise UnusableName(
            f"{name!r} must be snake_case, start with a letter and have at most 40 characters, "
            "such as order_alerts: folders, Python packages and Lambda packages have this name."
        )
    copies = {
        root / renamed(source.relative_to(SKELETON).as_posix(), name): source
        for source in sorted(SKELETON.rglob("*"))
        if source.is_file() and "__pycache__" not in source.parts
    }
    taken = [str(target.relative_to(root)) for target in copies if target.exists()]
    if taken:
        raise UnusableName(f"{name!r} is taken by {taken[0]}: choose another name.")
    for target, source in copies.items():
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(renamed(source.read_text(), name))
    return list(copies)


def renamed(text: str, name: str) -> str:
    """Put the name, in snake_case and in kebab-case, in the place of the sample's name."""
    kebab = SAMPLE.replace("_", "-")
    return text.replace(SAMPLE, name).replace(kebab, name.replace("_", "-"))


def main(arguments: list[str]) -> int:
    if len(arguments) != 1:
        print("usage: python -m tools.new_architecture NAME", file=sys.stderr)
        return 2
    try:
        for path in create(arguments[0]):
            print(path.relative_to(ROOT))
    except ToolError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
