"""A copy of the modules for all tests of a worker, and a provider that keeps running."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.builders.terraform_tree import copy_tree
from tools import terraform_cli


@pytest.fixture(scope="session")
def copied_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_tree(tmp_path_factory.mktemp("tree"))


@pytest.fixture(scope="session")
def provider_process() -> Iterator[dict[str, str]]:
    with terraform_cli.running_provider() as variables:
        yield variables


@pytest.fixture(scope="module")
def provider(provider_process: dict[str, str]) -> Iterator[None]:
    """Attach the Terraform of a module's tests to the running provider."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in provider_process.items():
            patch.setenv(name, value)
        yield
