"""Every example is applied by pytest-terraform, with IAM enforced, on a local AWS of this run."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator

import pytest

from tests.builders.local_account import LocalAccount
from tools import terraform_cli
from tools.demo import free_port, use_local_aws


def _local_aws(*arguments: str) -> None:
    subprocess.run(
        [sys.executable, "-m", "local_aws", *arguments], cwd=terraform_cli.ROOT, check=True
    )


@pytest.fixture(scope="session", autouse=True)
def local_aws() -> Iterator[None]:
    """A local AWS on a free port, and an environment in which everybody talks to it."""
    before = dict(os.environ)
    os.environ.update(terraform_cli.environment())
    os.environ.pop("TF_WORKSPACE", None)  # of a shell that evaluated `make local-env`
    port = free_port()
    _local_aws("up", "--port", str(port))
    use_local_aws(port)
    yield
    _local_aws("down", "--port", str(port))
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def account(local_aws: None) -> LocalAccount:
    """What tests look at: outboxes, queues, executions, tables."""
    return LocalAccount()
