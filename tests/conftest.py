"""Settings of all tests."""

from __future__ import annotations

import os
from functools import cache

import botocore.session
import pytest
from hypothesis import settings

# A slow machine is no counterexample. In CI the same examples are drawn every time.
settings.register_profile("any-machine", deadline=None, derandomize=bool(os.environ.get("CI")))
# For a search by hand, with other examples each time: `--hypothesis-profile=longer --timeout=0`.
settings.register_profile(
    "longer",
    deadline=None,
    derandomize=False,
    print_blob=True,
    max_examples=int(os.environ.get("FUZZ_EXAMPLES", "5000")),
)
settings.load_profile("any-machine")

# Moto begins each test with a new session, which would read the models of its services again:
# two thirds of the CPU time of an empty hub. A session shares them among its clients anyway.
botocore.session.create_loader = cache(botocore.session.create_loader)


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
