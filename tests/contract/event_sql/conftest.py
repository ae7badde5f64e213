"""The three event databases on one local AWS, each empty for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders.event_database import TABLES, EventDatabase
from tests.builders.local_server import LocalServer, local_server


@pytest.fixture(scope="session")
def server_of_databases() -> Iterator[LocalServer]:
    with local_server() as server:
        yield server


@pytest.fixture(scope="session")
def databases(server_of_databases: LocalServer) -> dict[str, EventDatabase]:
    return {module: EventDatabase(server_of_databases, module) for module in TABLES}


@pytest.fixture
def pinpoint(databases: dict[str, EventDatabase]) -> EventDatabase:
    databases["pinpoint_event_database"].empty()
    return databases["pinpoint_event_database"]


@pytest.fixture
def ses(databases: dict[str, EventDatabase]) -> EventDatabase:
    databases["ses_event_database"].empty()
    return databases["ses_event_database"]


@pytest.fixture
def sms(databases: dict[str, EventDatabase]) -> EventDatabase:
    databases["sms_event_database"].empty()
    return databases["sms_event_database"]
