"""Terraform as a client of the local AWS."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from builders.local_server import LocalServer
from local_aws import credentials


def terraform_on(
    local_aws: LocalServer, folder: Path
) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Terraform in a folder, as the administrator of a local AWS; called with its arguments.

    The variable ``TF`` names the program. The provider comes from where Terraform's own
    configuration (``TF_CLI_CONFIG_FILE``) finds it.
    """
    binary = os.environ.get("TF")
    if not binary:
        pytest.skip("TF names no Terraform: set it to the program to test with")
    own = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment = own | {
        "AWS_ENDPOINT_URL": local_aws.url,
        "AWS_ACCESS_KEY_ID": credentials.ACCESS_KEY_ID,
        "AWS_SECRET_ACCESS_KEY": credentials.SECRET_ACCESS_KEY,
        "AWS_REGION": credentials.REGION,
    }

    def terraform(*arguments: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [binary, *arguments, "-no-color", "-input=false"],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )

    return terraform
