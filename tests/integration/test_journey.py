"""A journey of the hub, made by a program that was written for Amazon Pinpoint."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.hub_faults import dead_letters
from tests.builders.local_account import LocalAccount
from tests.builders.terraform_example import outputs, second_plan
from tools.terraform_run import ROOT

PROGRAM = ROOT / "examples" / "journey" / "program.py"
NUMBERS = ("+14255550152", "+14255550153", "+14255550154")

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def made(journey: Any) -> dict[str, Any]:
    return outputs(journey)


@terraform("journey", scope="module")
def test_people_get_the_messages_of_their_paths_once_and_leave(
    journey: Any, made: dict[str, Any], account: LocalAccount
) -> None:
    names = {"PINPOINT_API_URL": made["api_url"], "PROJECT_ID": made["project_id"]}

    run = subprocess.run(
        [sys.executable, str(PROGRAM)],
        env={**os.environ, **names},
        capture_output=True,
        text=True,
        timeout=450,
    )

    assert run.returncode == 0, run.stdout + run.stderr
    said = [line.split(maxsplit=1) for line in run.stdout.splitlines()]
    assert said[2:] == [
        ["state", "COMPLETED"],
        ["journey", "ENDPOINT_ENTERED 3, ENDPOINT_LEFT 3"],
        ["welcome", "SUCCESS 3"],
        ["free", "Branch_FALSE 2, Branch_TRUE 1"],
        ["offer", "SUCCESS 1"],
    ]
    sent = Counter((one["to"], one["body"]) for one in account.sent_to(*NUMBERS))
    assert sent == {
        **{(number, "Welcome to your trial."): 1 for number in NUMBERS},
        ("+14255550153", "Gold is half the price."): 1,
    }
    assert dead_letters(account, made["dead_letter_queue_urls"]) == 0


@terraform("journey", scope="module")
def test_a_deleted_journey_leaves_no_participant_behind(
    journey: Any, made: dict[str, Any], account: LocalAccount
) -> None:
    pinpoint = hub_client(made["api_url"])
    project = made["project_id"]
    journeys = pinpoint.list_journeys(ApplicationId=project)["JourneysResponse"]["Item"]
    table = account.client("dynamodb")

    def kept() -> list[Any]:
        items = table.scan(TableName=made["table_names"]["journeys"])["Items"]
        return [one for one in items if one["sk"]["S"].startswith(("endpoint#", "count#"))]

    before = len(kept())
    for one in journeys:
        pinpoint.delete_journey(ApplicationId=project, JourneyId=one["Id"])

    assert before > 0
    account.eventually(kept, lambda items: items == [], seconds=60)


@terraform("journey", scope="module")
def test_a_second_plan_of_the_journey_is_empty(journey: Any) -> None:
    assert second_plan(journey) == ""
