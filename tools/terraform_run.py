"""Run Terraform on a folder of this project without leaving files in it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from pathlib import Path

from tools import terraform_cli

ROOT = terraform_cli.ROOT


def root_modules(*tops: str) -> list[Path]:
    """List every folder below the given folders that holds Terraform files, sorted."""
    found = {
        path.parent
        for top in tops
        for path in (ROOT / top).rglob("*.tf")
        if ".terraform" not in path.parts
    }
    return sorted(found)


def data_directory(folder: Path) -> Path:
    """Return the folder for Terraform's downloads and plugins of this root module."""
    return (
        terraform_cli.LOCAL_STATE
        / "terraform"
        / folder.relative_to(ROOT).as_posix().replace("/", "-")
    )


def run(
    folder: Path, *arguments: str, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run one command; ``stdout`` holds its output and standard error.

    `environ` is added to the variables of this process; ``TF`` in it names another Terraform.
    """
    environ = {**os.environ, **(environ or {})}
    environ.pop("TF_WORKSPACE", None)  # of a shell that evaluated `make local-env`
    environ |= terraform_cli.environment(environ)
    if "TF_DATA_DIR" not in environ:
        environ["TF_DATA_DIR"] = str(data_directory(folder))
    return subprocess.run(
        [str(terraform_cli.find_terraform(environ)), *arguments],
        cwd=folder,
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


def init(
    folder: Path, *, backend: bool = False, environ: Mapping[str, str] | None = None
) -> subprocess.CompletedProcess[str]:
    """Run ``terraform init``, without a backend by default."""
    with_backend = f"-backend={str(backend).lower()}"
    return run(folder, "init", "-input=false", "-no-color", with_backend, environ=environ)
