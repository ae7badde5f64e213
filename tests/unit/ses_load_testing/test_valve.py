"""Deliveries stop and start again, but only after a stop of the quota watch."""

from __future__ import annotations

from typing import Any

import pytest

from ses_load_testing.account import StopReason
from ses_load_testing.valve import ValveStuck, ask_to_close
from tests.builders.load_testing import Crash, World, refusal


@pytest.fixture
def world() -> World:
    return World()


def test_closing_turns_the_mapping_off_and_remembers_why(world: World):
    world.valve.close(StopReason.DAILY_QUOTA)

    assert not world.mapping.enabled
    assert world.valve_item.reason() is StopReason.DAILY_QUOTA


def test_a_mapping_that_an_operator_turned_off_stays_off(world: World):
    world.mapping.enabled = False

    assert world.valve.look() is None
    assert world.mapping.changes == []


@pytest.mark.parametrize(("most", "opens"), [(1000, True), (1009, False), (1020, True), (-1, True)])
def test_it_opens_for_a_hundredth_of_the_quota_and_not_for_less(
    world: World, most: float, opens: bool
):
    world.ses.sent = [(0.0, "{}")] * (1000 if most != 1000 else 990)
    world.ses.max_24_hour_send = most
    world.valve.close(StopReason.DAILY_QUOTA)

    world.valve.look()

    assert world.mapping.enabled is opens
    assert (world.valve_item.reason() is None) is opens


def test_an_account_that_may_not_send_keeps_it_closed_under_that_reason(world: World):
    world.valve.close(StopReason.DAILY_QUOTA)
    world.ses.enabled = False

    assert world.valve.look() is StopReason.SENDING_PAUSED
    assert world.valve_item.reason() is StopReason.SENDING_PAUSED

    world.ses.enabled = True
    assert world.valve.look() is None
    assert world.mapping.enabled


def test_without_an_answer_of_ses_it_stays_as_it_is(world: World):
    world.valve.close(StopReason.DAILY_QUOTA)

    def throttle() -> dict[str, Any]:
        raise refusal("TooManyRequestsException", 429, "GetAccount")

    world.ses.get_account = throttle  # type: ignore[method-assign] # SES is throttled

    assert world.valve.look() is StopReason.DAILY_QUOTA
    assert not world.mapping.enabled


@pytest.mark.parametrize("opening", [True, False])
def test_a_crash_in_the_middle_is_mended_by_the_next_look(world: World, opening: bool):
    change = world.mapping.update_event_source_mapping

    def crash(**request: Any) -> dict[str, Any]:
        if opening:
            change(**request)
        raise Crash

    if opening:
        world.valve.close(StopReason.DAILY_QUOTA)
    world.mapping.update_event_source_mapping = crash  # type: ignore[method-assign] # ends here
    with pytest.raises(Crash):
        world.valve.look() if opening else world.valve.close(StopReason.DAILY_QUOTA)
    world.mapping.update_event_source_mapping = change  # type: ignore[method-assign] # restored

    assert world.valve_item.reason() is not None  # so that it is looked at again
    assert world.valve.look() is None
    assert world.mapping.enabled and world.valve_item.reason() is None


def test_a_mapping_that_is_changing_is_tried_again_and_given_up_by_name(world: World):
    def changing(**_: Any) -> dict[str, Any]:
        raise refusal("ResourceInUseException", 400, "UpdateEventSourceMapping")

    world.mapping.update_event_source_mapping = changing  # type: ignore[method-assign] # AWS

    with pytest.raises(ValveStuck, match="mapping is still changing"):
        world.valve.close(StopReason.DAILY_QUOTA)


def test_a_valve_that_fails_is_an_error_of_the_sender():
    class Failing:
        def invoke(self, **_: Any) -> dict[str, Any]:
            return {"FunctionError": "Unhandled"}

    functions: Any = Failing()

    with pytest.raises(ValveStuck, match="DAILY_QUOTA"):
        ask_to_close(functions, "valve", StopReason.DAILY_QUOTA)
