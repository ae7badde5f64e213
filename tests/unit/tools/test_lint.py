"""`make lint` scans every Terraform file with checkov."""

from __future__ import annotations

import re
import shlex
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parents[3]


def checkov_commands() -> list[list[str]]:
    """Read the commands of `make lint` that run checkov, without running them."""
    dry = subprocess.run(
        ["make", "--dry-run", "lint"], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return [
        shlex.split(line) for line in dry.stdout.splitlines() if re.search("bin/checkov ", line)
    ]


def values(command: list[str], option: str) -> list[str]:
    return [value for name, value in zip(command, command[1:], strict=False) if name == option]


def test_every_module_and_every_example_is_scanned() -> None:
    commands = checkov_commands()

    # checkov scans the first directory of a command only.
    assert [command for command in commands if len(values(command, "--directory")) > 1] == []
    folders = [Path(folder) for command in commands for folder in values(command, "--directory")]
    files = {Path(file) for command in commands for file in values(command, "--file")}
    terraform = {
        path.relative_to(ROOT)
        for top in ("modules", "examples")
        for path in (ROOT / top).rglob("*.tf")
    }
    assert (
        terraform
        and {
            path
            for path in terraform
            if ".terraform" not in path.parts
            and path not in files
            and not any(path.is_relative_to(folder) for folder in folders)
        }
        == set()
    )
