"""The page that the hub's refusals name lists every operation where it belongs."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from engagement_hub.api.operations import OPERATIONS
from engagement_hub.engagement.errors import (
    LIVES_ON_AT_AWS,
    OPERATIONS_PAGE,
    NotImplementedOperation,
)

ROOT = Path(__file__).resolve().parents[2]
EVERY = json.loads(
    (ROOT / "modules" / "internal" / "pinpoint_access" / "operations.json").read_text()
)
PAGE = ROOT / OPERATIONS_PAGE.split()[0]


def columns() -> list[set[str]]:
    """Read the operations of the table: served by the hub, by AWS, by neither."""
    table = PAGE.read_text().split("## Operations\n\n")[1].split("\n\n")[0]
    rows = [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]
    return [
        {name for row in rows for name in re.findall(r"\w+", row[at]) if name in EVERY}
        for at in (1, 2, 3)
    ]


def test_every_operation_is_in_the_column_of_who_answers_it() -> None:
    hub, aws, neither = columns()

    assert hub == set(OPERATIONS)
    assert aws == {name for name in EVERY if LIVES_ON_AT_AWS.fullmatch(name)} - hub
    assert neither == set(EVERY) - hub - aws


def test_a_refused_operation_that_lives_on_points_to_awss_own_endpoint() -> None:
    text = str(NotImplementedOperation("PhoneNumberValidate"))

    assert "no endpoint_url" in text
    assert OPERATIONS_PAGE not in text


@pytest.mark.parametrize("operation", ["CreateRecommenderConfiguration", "GetCampaignDateRangeKpi"])
def test_any_other_refused_operation_points_to_the_list(operation: str) -> None:
    assert OPERATIONS_PAGE in str(NotImplementedOperation(operation))
