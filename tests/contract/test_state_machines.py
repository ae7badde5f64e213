"""Rules of AWS that every state machine of the repository keeps.

Sources: Step Functions Developer Guide, "Handling errors in Step Functions workflows" (States.ALL
is alone in a Catcher and does not match States.DataLimitExceeded), "ResultWriter", "Service
quotas" (256 KiB of state data); Lambda Developer Guide, "Quotas" (new accounts have a reduced
concurrency); "Handle transient Lambda service exceptions" (the four errors of the service, and
Lambda.Unknown). Lambda's answer for a process that died has the type Runtime.ExitError, or
Runtime.OutOfMemory for want of memory, and for a function that took too long Sandbox.Timedout.
"""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

MODULES = Path(__file__).parents[2] / "modules"
FILES = sorted(MODULES.glob("**/*.asl.json"))
THROTTLED = "Lambda.TooManyRequestsException"
# Errors of the function itself. An execution must not spend the attempts for them on throttling.
OF_THE_FUNCTION = {"States.TaskFailed", "States.Timeout", "Lambda.Unknown", "ServiceUnavailable"}
# Errors that say nothing about the function's input: another attempt may succeed.
PASSING = {
    "Lambda.AWSLambdaException",
    "Lambda.ClientExecutionTimeoutException",
    "Lambda.SdkClientException",
    "Lambda.ServiceException",
    "Lambda.Unknown",
    "Runtime.ExitError",
    "Runtime.OutOfMemory",
    "Sandbox.Timedout",
    "States.Timeout",
}
PATIENT_ATTEMPTS = 20
PATIENT_SECONDS = 60

State = dict[str, Any]


def states(machine: State) -> Iterator[tuple[str, State]]:
    """Every state of a machine, and of the machines inside of its Maps."""
    for name, state in machine["States"].items():
        yield name, state
        if state["Type"] == "Map":
            yield from states(state["ItemProcessor"])


def machine(file: Path) -> State:
    loaded: State = json.loads(file.read_text())
    return loaded


def is_distributed(state: State) -> bool:
    return bool(state["ItemProcessor"].get("ProcessorConfig", {}).get("Mode") == "DISTRIBUTED")


def distributed_maps(definition: State) -> Iterator[tuple[str, State]]:
    for name, state in states(definition):
        if state["Type"] == "Map" and is_distributed(state):
            yield name, state


def invokes_a_function(state: State) -> bool:
    resource = str(state.get("Resource", ""))
    return state["Type"] == "Task" and (
        resource.endswith(":states:::lambda:invoke") or resource.endswith("_function_arn}")
    )


def has_an_empty_output(state: State) -> bool:
    """Check that an execution which ends in the state has the output {}."""
    if "OutputPath" in state and state["OutputPath"] is None:
        return True
    return state["Type"] == "Pass" and state.get("Result") == {} and "ResultPath" not in state


by_file = pytest.mark.parametrize(
    "file", FILES, ids=lambda file: file.relative_to(MODULES).as_posix()
)


def test_the_state_machines_are_found():
    assert len(FILES) >= 7


@by_file
def test_a_distributed_map_writes_its_results_to_s3_under_its_role(file):
    for name, state in distributed_maps(machine(file)):
        writer = state.get("ResultWriter", {})

        assert writer.get("Resource", "").endswith(":states:::s3:putObject"), name
        assert {key.removesuffix(".$") for key in writer["Parameters"]} == {"Bucket", "Prefix"}
        # ItemReader and ResultWriter are not among the fields that take intrinsic functions.
        assert "States." not in json.dumps(writer["Parameters"]), name
        assert state["ResultPath"] is None, name


@by_file
def test_a_child_execution_ends_with_an_empty_output(file):
    for name, state in distributed_maps(machine(file)):
        children = state["ItemProcessor"]["States"]
        ends = {n: s for n, s in children.items() if s.get("End") or s["Type"] == "Succeed"}

        assert ends, name
        assert [n for n, s in ends.items() if not has_an_empty_output(s)] == [], name


@by_file
def test_a_map_catches_the_error_that_states_all_does_not_match(file):
    for name, state in states(machine(file)):
        if state["Type"] == "Map":
            caught = [catch["ErrorEquals"] for catch in state["Catch"]]

            assert any("States.DataLimitExceeded" in errors for errors in caught), name
            assert caught[-1] == ["States.ALL"], f"{name}: States.ALL stands alone and last"


@by_file
def test_a_task_on_lambda_waits_patiently_for_concurrency(file):
    for name, state in states(machine(file)):
        if not invokes_a_function(state):
            continue
        first = next(
            retrier
            for retrier in state["Retry"]
            if {THROTTLED, "States.ALL", "States.TaskFailed"} & set(retrier["ErrorEquals"])
        )

        assert THROTTLED in first["ErrorEquals"], name
        assert not OF_THE_FUNCTION & set(first["ErrorEquals"]), name
        assert first["MaxAttempts"] >= PATIENT_ATTEMPTS, name
        assert first["MaxDelaySeconds"] >= PATIENT_SECONDS, name
        assert first["JitterStrategy"] == "FULL", name


@by_file
def test_a_task_on_lambda_is_tried_again_after_its_function_died(file):
    for name, state in states(machine(file)):
        if not invokes_a_function(state):
            continue
        retried = {
            error
            for retrier in state["Retry"]
            if retrier.get("MaxAttempts") != 0
            for error in retrier["ErrorEquals"]
        }
        # States.TaskFailed matches every error but a time-out of the state.
        matched = PASSING - {"States.Timeout"} if "States.TaskFailed" in retried else set()

        assert PASSING - matched - retried == set(), name


@by_file
def test_a_notification_is_tried_again_whatever_the_error_is_called(file):
    # SNS documents the errors that each operation models. Its common errors (ThrottlingException,
    # ServiceUnavailable, InternalFailure) reach a state machine under names of Step Functions' SDK.
    for name, state in states(machine(file)):
        if str(state.get("Resource", "")).endswith(":states:::sns:publish"):
            retried = {error for retrier in state["Retry"] for error in retrier["ErrorEquals"]}

            assert "States.TaskFailed" in retried, name
