from collections.abc import Iterator

import pytest

from tests.builders.local_server import LocalServer, local_server


@pytest.fixture(scope="session")
def running_local_aws() -> Iterator[LocalServer]:
    with local_server() as server:
        yield server


@pytest.fixture
def local_aws(running_local_aws: LocalServer) -> LocalServer:
    """The local AWS, empty."""
    running_local_aws.post("reset")
    return running_local_aws
