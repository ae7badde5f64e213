"""Every example is applied by pytest-terraform, with IAM enforced, on a local AWS of this run."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from tests.builders.local_account import LocalAccount, local_account
from tools import terraform_cli


@pytest.fixture(scope="session", autouse=True)
def account() -> Iterator[LocalAccount]:
    """The account that Terraform applies to, whose environment every client uses."""
    before = dict(os.environ)
    with local_account() as account:
        variables = account.variables | terraform_cli.environment()
        variables.pop("TF_WORKSPACE", None)  # of a shell that evaluated `make local-env`
        os.environ.clear()
        os.environ.update(variables)
        yield account
        os.environ.clear()
        os.environ.update(before)
