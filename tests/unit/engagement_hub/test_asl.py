"""The hub's state machines: valid, bounded, and each step has code in its function."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from engagement_hub.functions import import_endpoints
from engagement_hub.workers import campaign_run, export_job, journey_work

MODULE = Path(__file__).parents[3] / "modules" / "engagement_hub"
FLOWS = ("campaign", "export", "import", "journey")
CLOSING = ("campaign", "export", "import")
STEPS = {
    "campaign": campaign_run.STEPS,
    "export": export_job.STEPS,
    "import": import_endpoints.STEPS,
    "journey": journey_work.STEPS,
}


def machine(flow: str) -> dict[str, Any]:
    loaded: dict[str, Any] = json.loads((MODULE / f"{flow}.asl.json").read_text())
    return loaded


def scopes(definition: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The machine, and each Map's own machine."""
    yield definition
    for state in definition["States"].values():
        if state["Type"] == "Map":
            yield from scopes(state["ItemProcessor"])


def states(flow: str, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for scope in scopes(machine(flow)):
        for name, state in scope["States"].items():
            if state["Type"] == kind:
                yield name, state


def targets(state: dict[str, Any]) -> Iterator[str]:
    for holder in (state, *state.get("Choices", ()), *state.get("Catch", ())):
        if "Next" in holder:
            yield holder["Next"]
    if "Default" in state:
        yield state["Default"]


@pytest.mark.parametrize("flow", FLOWS)
def test_every_transition_leads_to_a_state_and_every_state_is_reached(flow):
    for scope in scopes(machine(flow)):
        names = set(scope["States"])
        reached = {scope["StartAt"]}
        for state in scope["States"].values():
            reached.update(targets(state))

        assert reached == names


@pytest.mark.parametrize("flow", FLOWS)
def test_every_task_has_a_time_out_a_retry_that_names_errors_and_a_catch(flow):
    for name, state in states(flow, "Task"):
        assert state["TimeoutSeconds"] > 0, name
        named = [error for retry in state["Retry"] for error in retry["ErrorEquals"]]
        assert named and "States.ALL" not in named, name
        assert state["Catch"][-1]["ErrorEquals"] == ["States.ALL"], name


@pytest.mark.parametrize("flow", FLOWS)
def test_a_function_has_exactly_the_steps_that_its_machine_asks_for(flow):
    asked = {state["Parameters"]["Payload"]["Step"] for _, state in states(flow, "Task")}

    assert asked == set(STEPS[flow])


@pytest.mark.parametrize("flow", FLOWS)
def test_every_distributed_map_reads_from_s3_bounds_its_concurrency_and_outlives_failures(flow):
    for name, state in states(flow, "Map"):
        assert "MaxConcurrency" in state or "MaxConcurrencyPath" in state, name
        assert state["Catch"], name
        if state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED":
            assert ":s3:" in state["ItemReader"]["Resource"], name
            assert state["ToleratedFailurePercentage"] == 100, name


@pytest.mark.parametrize("flow", FLOWS)
def test_the_machine_as_a_whole_is_bounded_and_can_end_in_fail(flow):
    definition = machine(flow)

    assert definition["TimeoutSeconds"] > 0
    assert any(state["Type"] == "Fail" for state in definition["States"].values())


@pytest.mark.parametrize("flow", CLOSING)
def test_a_broken_off_flow_writes_its_end_down_before_it_fails(flow):
    definition = machine(flow)["States"]
    closing = {"campaign": "EndTheRunAsFailed"}.get(flow, "CloseAsBrokenOff")

    for name, state in definition.items():
        if name == "PurgeTheList":  # no job waits for this end
            continue
        for catch in state.get("Catch", ()):
            expected = closing if name != closing else definition[closing]["Next"]
            assert catch["Next"] == expected, name
    assert definition[definition[closing]["Next"]]["Type"] == "Fail"


def test_broken_off_work_of_a_journey_fails_and_is_done_again():
    for name, state in machine("journey")["States"].items():
        for catch in state.get("Catch", ()):
            assert catch["Next"] == "TheWorkFailed", name


@pytest.mark.parametrize("flow", ["campaign", "journey"])
def test_the_results_of_a_distributed_map_go_to_s3(flow):
    distributed = [
        (name, state)
        for name, state in states(flow, "Map")
        if state["ItemProcessor"]["ProcessorConfig"]["Mode"] == "DISTRIBUTED"
    ]

    assert distributed
    for name, state in distributed:
        assert state["ResultWriter"]["Resource"].endswith(":states:::s3:putObject"), name
        caught = [error for catch in state["Catch"] for error in catch["ErrorEquals"]]
        assert "States.DataLimitExceeded" in caught, name


@pytest.mark.parametrize("flow", ["campaign", "journey"])
def test_throttling_by_lambda_and_failing_services_have_more_attempts_than_faults(flow):
    for name, state in states(flow, "Task"):
        attempts = {
            error: retry["MaxAttempts"]
            for retry in state["Retry"]
            for error in retry["ErrorEquals"]
        }

        assert attempts["Lambda.TooManyRequestsException"] >= 20, name
        assert attempts["ServiceUnavailable"] >= 20, name
        assert attempts["States.TaskFailed"] <= 5, name
