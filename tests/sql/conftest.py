"""The three event databases on one local AWS, each empty for every test."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.builders.event_database import TABLES, EventDatabase
from tests.builders.local_account import LocalAccount, local_account


@pytest.fixture(scope="session")
def account_of_databases() -> Iterator[LocalAccount]:
    with local_account() as account:
        yield account


@pytest.fixture(scope="session")
def databases(account_of_databases: LocalAccount) -> dict[str, EventDatabase]:
    return {module: EventDatabase(account_of_databases, module) for module in TABLES}


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
