"""Run ``terraform validate`` on every module and every example."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools import terraform_run


def validate(folder: Path) -> str | None:
    """Return Terraform's errors about a folder, or None."""
    for step in (terraform_run.init(folder), terraform_run.run(folder, "validate", "-no-color")):
        if step.returncode != 0:
            return step.stdout
    return None


def main() -> int:
    folders = terraform_run.root_modules("modules", "examples")
    with ThreadPoolExecutor(2) as pool:
        complaints = dict(zip(folders, pool.map(validate, folders), strict=True))
    for folder, complaint in complaints.items():
        if complaint is not None:
            print(f"{folder.relative_to(terraform_run.ROOT)}:\n{complaint}", file=sys.stderr)
    wrong = sum(complaint is not None for complaint in complaints.values())
    print(f"terraform validate: {len(folders)} folders, {wrong} with errors")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
