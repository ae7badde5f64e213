"""One copy of the modules for all tests of a worker."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.builders.terraform_tree import copy_tree


@pytest.fixture(scope="session")
def copied_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copy_tree(tmp_path_factory.mktemp("tree"))
