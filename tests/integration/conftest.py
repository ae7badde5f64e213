"""Every example is applied by pytest-terraform, with IAM enforced, on a local AWS of this run."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pytest_terraform.tf import TerraformRunner

from tests.builders.local_account import LocalAccount, local_account
from tests.builders.service_authorization import faults, policies_of
from tests.builders.terraform_example import without_implied_dependencies
from tools import terraform_cli

# The longest files first: the others fit in beside them.
LONGEST = (
    "test_encryption_key",
    "test_engagement_hub",
    "test_s3_triggered_import",
    "test_ses_load_testing",
    "test_other_terraform",
    "test_import_validate_campaign",
    "test_phone_number_validate",
    "test_ses_auto_reply",
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    ranks = {name: rank for rank, name in enumerate(LONGEST)}
    items.sort(key=lambda item: ranks.get(item.path.stem, len(ranks)))


@pytest.fixture(scope="session", autouse=True)
def account() -> Iterator[LocalAccount]:
    """The account that Terraform applies to, whose environment every client uses."""
    before = dict(os.environ)
    with local_account() as account:
        variables = account.variables | terraform_cli.environment()
        variables.pop("TF_WORKSPACE", None)  # of a shell that evaluated `make local-env`
        # The second plan of each example has just read every resource.
        variables["TF_CLI_ARGS_destroy"] += " -refresh=false"
        os.environ.clear()
        os.environ.update(variables)
        yield account
        os.environ.clear()
        os.environ.update(before)


# TerraformRunner.apply plans to a file and applies the file. Any plan but True makes one command of
# both, which loads the provider and its schema once: 4 s of CPU an example.
PLAN_WITHIN_APPLY = "within apply"


@pytest.fixture(scope="session", autouse=True)
def policies_that_aws_knows() -> Iterator[None]:
    """Fail an example whose policies name what AWS's Service Authorization Reference does not."""
    apply, destroy = TerraformRunner.apply, TerraformRunner.destroy

    def checked(runner: Any) -> Any:
        state = apply(runner, plan=PLAN_WITHIN_APPLY)
        assert faults(list(policies_of(Path(runner.state_path).read_text()))) == []
        return state

    def destroyed(runner: Any) -> None:
        # A test that destroys its example leaves an empty state to the end of the fixture.
        state = Path(runner.state_path)
        if state.exists():
            if not json.loads(state.read_text())["resources"]:
                return
            without_implied_dependencies(state)
        destroy(runner)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(TerraformRunner, "apply", checked)
        patch.setattr(TerraformRunner, "destroy", destroyed)
        yield
