"""Settings of all tests."""

from __future__ import annotations

import os

import pytest
from hypothesis import settings

# A slow machine is no counterexample. In CI the same examples are drawn every time.
settings.register_profile("any-machine", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("any-machine")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--repeat", type=int, default=1, help="run each cell of the fault matrix so many times"
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Repeat the cells of the fault matrix, against one applied example."""
    times = metafunc.config.getoption("repeat")
    if times > 1 and any(metafunc.definition.iter_markers("fault_matrix")):
        metafunc.fixturenames.append("repetition")
        metafunc.parametrize("repetition", range(1, times + 1))
