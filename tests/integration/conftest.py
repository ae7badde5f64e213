"""Every example is applied by pytest-terraform, with IAM enforced, on a local AWS of this run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.builders.local_account import LocalAccount
from tools import local_environment, terraform_cli


@pytest.fixture(scope="session", autouse=True)
def local_aws() -> Iterator[None]:
    """A local AWS on a free port, and an environment in which everybody talks to it."""
    before = dict(os.environ)
    os.environ.update(terraform_cli.environment())
    port = local_environment.free_port()
    local_environment.local_aws("up", "--port", str(port))
    local_environment.use_local_aws(port)
    yield
    local_environment.local_aws("down", "--port", str(port))
    os.environ.clear()
    os.environ.update(before)


@pytest.fixture(scope="session")
def account(local_aws: None) -> LocalAccount:
    """What tests look at: outboxes, queues, executions, tables."""
    return LocalAccount()
