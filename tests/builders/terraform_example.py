"""A second look at an applied example: what would Terraform still change, what is left."""

from __future__ import annotations

import os
import subprocess
from typing import Any


def outputs(state: Any) -> dict[str, Any]:
    """The outputs of a pytest-terraform fixture by name."""
    return {name: output["value"] for name, output in state.outputs.items()}


def second_plan(state: Any) -> str:
    """The text of a plan made after the apply; empty when nothing would change."""
    runner = state.terraform
    command = [runner.tf_bin, "plan", "-detailed-exitcode", "-no-color", "-input=false"]
    run = subprocess.run(
        [*command, f"-state={runner.state_path}"],
        cwd=runner.module_dir,
        env={**os.environ, "TF_DATA_DIR": runner.work_dir},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    return "" if run.returncode == 0 else run.stdout
