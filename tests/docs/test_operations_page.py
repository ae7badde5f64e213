"""The page that the hub's refusals name lists every operation where it belongs."""

from __future__ import annotations

from pathlib import Path

import pytest

from engagement_hub.engagement.errors import OPERATIONS_PAGE, NotImplementedOperation
from tools import docs, hub_operations

ROOT = Path(__file__).resolve().parents[2]
PAGE = ROOT / OPERATIONS_PAGE.split()[0]


def test_the_page_has_the_state_of_every_operation_of_the_model() -> None:
    text = PAGE.read_text()

    assert f"\n## {OPERATIONS_PAGE.partition('(')[2].rstrip(')')}\n" in text
    assert docs.OPERATIONS in text
    assert docs.generated(PAGE) == text


def test_every_operation_has_one_state_and_a_refusal_has_its_reason() -> None:
    states = hub_operations.states()

    assert len(states) == 122
    assert {state for state, _ in states.values()} <= set(hub_operations.STATES)
    assert [name for name, (state, why) in states.items() if state == "refused" and not why] == []


def test_a_refused_operation_that_lives_on_points_to_awss_own_endpoint() -> None:
    text = str(NotImplementedOperation("PhoneNumberValidate"))

    assert "no endpoint_url" in text
    assert OPERATIONS_PAGE not in text


@pytest.mark.parametrize("operation", ["GetInAppMessages", "GetCampaignDateRangeKpi"])
def test_any_other_refused_operation_points_to_the_list(operation: str) -> None:
    assert OPERATIONS_PAGE in str(NotImplementedOperation(operation))
