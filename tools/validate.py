"""Run ``terraform validate`` on every module and every example.

A module that another folder calls is validated as a part of it: Terraform validates a called module
as it does a root module, with unknown inputs.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tools import terraform_cli, terraform_run


def called(folders: Iterable[Path]) -> set[Path]:
    """Find the folders that the Terraform files of other folders name as the source of a module."""
    return {
        (path.parent / source).resolve()
        for folder in folders
        for path in folder.glob("*.tf")
        for source in re.findall(r'^\s*source\s*=\s*"(\.[^"]*)"', path.read_text(), re.MULTILINE)
    }


def validate(folder: Path, environ: Mapping[str, str]) -> str | None:
    """Return Terraform's errors about a folder, or None."""
    init = terraform_run.init(folder, environ=environ)
    if init.returncode != 0:
        return init.stdout
    validation = terraform_run.run(folder, "validate", "-no-color", environ=environ)
    return validation.stdout if validation.returncode != 0 else None


def main() -> int:
    folders = terraform_run.root_modules("modules", "examples")
    modules = called(folders)
    roots = [folder for folder in folders if folder not in modules]
    with terraform_cli.running_provider() as environ, ThreadPoolExecutor(2) as pool:
        found = pool.map(lambda folder: validate(folder, environ), roots)
        complaints = dict(zip(roots, found, strict=True))
    for folder, complaint in complaints.items():
        if complaint is not None:
            print(f"{folder.relative_to(terraform_run.ROOT)}:\n{complaint}", file=sys.stderr)
    wrong = sum(complaint is not None for complaint in complaints.values())
    print(f"terraform validate: {len(folders)} folders by {len(roots)} roots, {wrong} with errors")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
