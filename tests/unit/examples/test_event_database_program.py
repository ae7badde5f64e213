"""The program of examples/ses_pinpoint_event_database: its answers for people and for scripts."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import boto3
import pytest

from tests.builders.example_program import example_program

QUERIES = {"campaign_results": "SELECT campaigns", "emails_of_one_address": "SELECT emails"}


class FakeAthena:
    class exceptions:
        class InvalidRequestException(Exception):
            pass

    def __init__(self, rows: list[list[str]]) -> None:
        self.rows = rows
        self.asked: list[str] = []
        self.status = {"State": "SUCCEEDED"}

    def get_paginator(self, name: str) -> Any:
        pages = {
            "list_named_queries": {"NamedQueryIds": list(QUERIES)},
            "get_query_results": {
                "ResultSet": {
                    "Rows": [
                        {"Data": [{"VarCharValue": text} for text in row]} for row in self.rows
                    ]
                }
            },
        }
        return type("Paginator", (), {"paginate": lambda self, **_: [pages[name]]})()

    def get_named_query(self, *, NamedQueryId: str) -> Any:
        return {"NamedQuery": {"Name": NamedQueryId, "QueryString": QUERIES[NamedQueryId]}}

    def start_query_execution(self, *, QueryString: str, **_: Any) -> Any:
        self.asked.append(QueryString)
        return {"QueryExecutionId": "q1"}

    def get_query_execution(self, **_: Any) -> Any:
        return {"QueryExecution": {"Status": self.status}}


@pytest.fixture
def athena(monkeypatch: pytest.MonkeyPatch) -> FakeAthena:
    fake = FakeAthena([["message_id"], ["m-1"]])
    monkeypatch.setattr(boto3, "client", lambda _: fake)
    return fake


@pytest.fixture
def program(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    module: ModuleType = example_program("ses_pinpoint_event_database", "program")
    monkeypatch.setattr(
        module, "outputs", lambda: {"athena_workgroup": "w", "athena_database": "d"}
    )
    return module


def test_a_question_is_answered_with_its_header(
    program: ModuleType, athena: FakeAthena, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["ask", "SELECT message_id FROM email_send"]) == 0
    assert capsys.readouterr().out == "message_id\nm-1\n"


def test_a_value_for_a_script_is_the_first_cell_without_the_header(
    program: ModuleType, athena: FakeAthena, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["value", "SELECT message_id FROM email_send"]) == 0
    assert capsys.readouterr().out == "m-1\n"


def test_a_value_that_is_not_there_fails_the_script_and_is_not_the_header(
    program: ModuleType, athena: FakeAthena, capsys: pytest.CaptureFixture[str]
) -> None:
    athena.rows = [["message_id"]]

    assert program.main(["value", "SELECT message_id FROM email_send"]) == 1

    said = capsys.readouterr()
    assert said.out == ""
    assert "no rows" in said.err


def test_a_named_query_is_asked_by_its_statement(program: ModuleType, athena: FakeAthena) -> None:
    program.main(["ask", "campaign_results"])

    assert athena.asked == ["SELECT campaigns"]


def test_an_unknown_query_is_answered_with_the_nearest_and_asked_of_nobody(
    program: ModuleType, athena: FakeAthena, capsys: pytest.CaptureFixture[str]
) -> None:
    assert program.main(["ask", "campain_results"]) == 1

    assert "did you mean 'campaign_results'" in capsys.readouterr().err
    assert athena.asked == []


def test_a_statement_that_fails_says_why_without_a_traceback(
    program: ModuleType, athena: FakeAthena, capsys: pytest.CaptureFixture[str]
) -> None:
    athena.status = {"State": "FAILED", "StateChangeReason": "line 1:8: Column 'x' cannot be found"}

    assert program.main(["ask", "SELECT x FROM events"]) == 1
    assert capsys.readouterr().err == "line 1:8: Column 'x' cannot be found\n"
