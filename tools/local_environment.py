"""Starts and stops a local AWS by its command line, and makes it the AWS of this process."""

from __future__ import annotations

import os
import socket
import subprocess
import sys

from tools import terraform_run
from tools.errors import ToolError
from tools.local_shell import read_changes

ROOT = terraform_run.ROOT


def free_port() -> int:
    """Return a free port of the loopback interface."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def local_aws(*arguments: str) -> str:
    """Run one command of the local AWS; return its output."""
    run = subprocess.run(
        [sys.executable, "-m", "local_aws", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    if run.returncode != 0:
        raise ToolError(f"local AWS: {run.stderr.strip() or run.stdout.strip()}")
    return run.stdout


def use_local_aws(port: int) -> None:
    """Point this process, and the programs that it starts, at the local AWS."""
    changes = read_changes(local_aws("env", "--port", str(port)).splitlines())
    for name, value in changes.items():
        if value is None:
            os.environ.pop(name, None)
        else:
            os.environ[name] = value
