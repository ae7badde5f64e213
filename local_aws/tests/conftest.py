"""Settings of all tests, and a local AWS that those of its services share."""

import os
from collections.abc import Iterator

import pytest
from hypothesis import settings

from builders.local_server import LocalServer, local_server

# A slow machine is no counterexample. In CI the same examples are drawn every time.
settings.register_profile("any-machine", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("any-machine")


@pytest.fixture(scope="session", autouse=True)
def state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Keep the state of every server that a test starts apart from a developer's."""
    with pytest.MonkeyPatch.context() as environment:
        environment.setenv("LOCAL_AWS_STATE", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture(scope="session")
def running_local_aws(state: None) -> Iterator[LocalServer]:
    with local_server() as server:
        yield server


@pytest.fixture
def local_aws(running_local_aws: LocalServer) -> LocalServer:
    """The local AWS, empty."""
    running_local_aws.post("reset")
    return running_local_aws
