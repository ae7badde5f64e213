"""The chain on the Terraform that `make setup` installs on a machine without Terraform."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.builders.local_account import LocalAccount
from tools import bundled_terraform, terraform_cli, terraform_run

EXAMPLE = terraform_run.ROOT / "examples" / "import_validate_campaign"

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def chain(account: LocalAccount, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Any]:
    folder = tmp_path_factory.mktemp("bundled")
    bundled = bundled_terraform.install(folder)
    if terraform_cli.version_of(bundled) == terraform_cli.version_of(
        terraform_cli.find_terraform()
    ):
        pytest.skip("all the other tests run on the bundled Terraform already")
    environ = {"TF": str(bundled), "TF_DATA_DIR": str(folder / "data")}
    state = f"-state={folder / 'terraform.tfstate'}"

    def terraform(*arguments: str) -> str:
        run = terraform_run.run(EXAMPLE, *arguments, environ=environ)
        assert run.returncode == 0, run.stdout
        return run.stdout

    terraform("init", "-input=false", "-no-color")
    terraform("apply", "-input=false", "-no-color", "-auto-approve", state, "-var=name=bundled")
    yield {
        name: output["value"]
        for name, output in json.loads(terraform("output", "-json", state)).items()
    }
    terraform("destroy", "-input=false", "-no-color", "-auto-approve", state, "-var=name=bundled")


def test_the_chain_works_on_the_bundled_terraform(
    chain: dict[str, Any], account: LocalAccount
) -> None:
    account.client("s3").put_object(
        Bucket=chain["import_bucket"],
        Key=f"{chain['import_prefix']}people.csv",
        Body=b"ChannelType,Address,User.UserId,User.UserAttributes.FirstName\n"
        b"SMS,+12065550171,u71,Kofi\n",
    )

    sent = account.eventually(lambda: account.sent_to("+12065550171"), bool, seconds=120)

    assert "Kofi" in sent[0]["body"]
