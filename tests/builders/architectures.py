"""Shared by the tests of the architectures' functions: loading them, calling them, fakes."""

import importlib
import json
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

ROOT = Path(__file__).parents[2]

CONTEXT = SimpleNamespace(
    function_name="function",
    memory_limit_in_mb=256,
    invoked_function_arn="arn:aws:lambda:eu-west-1:123456789012:function:function",
    aws_request_id="request-1",
)


def load_function(
    monkeypatch: Any, name: str, environment: Mapping[str, str], *, also: Iterable[str] = ()
) -> ModuleType:
    """Import a handler module afresh, as a cold start with this environment does.

    `also` names modules that read the environment and that the handler imports.
    """
    for key in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(key, "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("POWERTOOLS_DEV", "false")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    monkeypatch.delenv("PINPOINT_API_URL", raising=False)
    for key, value in environment.items():
        monkeypatch.setenv(key, value)
    for module in (*also, name):
        monkeypatch.delitem(sys.modules, module, raising=False)
    return importlib.import_module(name)


def service_error(operation: str, code: str, status: int) -> ClientError:
    """A service's error answer; its text quotes a number, which must not be passed on."""
    response: Any = {
        "Error": {"Code": code, "Message": "about +14255550123"},
        "ResponseMetadata": {"HTTPStatusCode": status},
    }
    return ClientError(response, operation)


def pages(items: list[Mapping[str, Any]], member: str, size: int = 1) -> Callable[..., Any]:
    """A listing method of Pinpoint that gives `size` items a page."""

    def list_page(*, Token: str = "0", **_: Any) -> dict[str, Any]:
        first = int(Token)
        page: dict[str, Any] = {"Item": items[first : first + size]}
        if first + size < len(items):
            page["NextToken"] = str(first + size)
        return {"ResponseMetadata": {}, member: page}

    return list_page


def sqs_event(*bodies: str) -> dict[str, Any]:
    """An SQS batch; message ids are m0, m1, …"""
    return {
        "Records": [
            {
                "messageId": f"m{i}",
                "receiptHandle": "r",
                "body": body,
                "attributes": {"ApproximateReceiveCount": "1"},
                "messageAttributes": {},
                "md5OfBody": "",
                "eventSource": "aws:sqs",
                "eventSourceARN": "arn:aws:sqs:eu-west-1:123456789012:queue",
                "awsRegion": "eu-west-1",
            }
            for i, body in enumerate(bodies)
        ]
    }


class ExecutionAlreadyExists(Exception):
    pass


class FakeStates:
    """Step Functions' StartExecution: a name can be taken once."""

    exceptions = SimpleNamespace(ExecutionAlreadyExists=ExecutionAlreadyExists)

    def __init__(self) -> None:
        self.started: dict[str, Any] = {}
        self.failing: dict[str, Exception] = {}

    def start_execution(self, *, stateMachineArn: str, name: str, input: str) -> None:
        if name in self.started:
            raise ExecutionAlreadyExists(name)
        for text, error in self.failing.items():
            if text in input:
                raise error
        self.started[name] = json.loads(input)


def state_machine(module: str, file: str) -> dict[str, Any]:
    """Read a state machine from its module, placeholders included."""
    return json.loads((ROOT / "modules" / module / file).read_text())  # type: ignore[no-any-return]


def tasks(machine: Mapping[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Every Task state of a machine, those inside of Maps included."""
    for name, state in machine["States"].items():
        if state["Type"] == "Task":
            yield name, state
        if state["Type"] == "Map":
            yield from tasks(state["ItemProcessor"])


def successors(state: Mapping[str, Any]) -> set[str]:
    """The states that can follow a state."""
    following = {state[key] for key in ("Next", "Default") if key in state}
    following |= {choice["Next"] for choice in state.get("Choices", [])}
    return following | {catch["Next"] for catch in state.get("Catch", [])}


def publishes(state: Mapping[str, Any], kind: str) -> bool:
    """Whether a state notifies with this notification_type."""
    attributes = state.get("Parameters", {}).get("MessageAttributes", {})
    value: str | None = attributes.get("notification_type", {}).get("StringValue")
    return value == kind


def assert_well_built(machine: Mapping[str, Any]) -> None:
    """The rules every machine here keeps: bounded tasks, named retries, nothing uncaught, every
    state reachable, and no way to fail that passes by the failure notification."""
    for name, task in tasks(machine):
        assert task["TimeoutSeconds"] > 0, name
        retried = {error for retry in task["Retry"] for error in retry["ErrorEquals"]}
        assert retried and "States.ALL" not in retried, f"{name} must name what it retries"
        assert any("States.ALL" in catch["ErrorEquals"] for catch in task["Catch"]), name

    states = machine["States"]
    reached: set[str] = set()
    waiting = [machine["StartAt"]]
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached.add(name)
            waiting.extend(successors(states[name]))
    assert reached == set(states)

    for name, state in states.items():
        if any(states[following]["Type"] == "Fail" for following in successors(state)):
            assert publishes(state, "failure"), f"{name} fails without a notification"
        if any(states[following]["Type"] == "Succeed" for following in successors(state)):
            assert publishes(state, "success"), f"{name} succeeds without a notification"
    for name, state in states.items():
        assert not state.get("End"), f"{name} must end in Succeed or Fail"
        if "Parameters" in state and "TopicArn" in state["Parameters"]:
            assert "CorrelationId.$" in state["Parameters"]["Message"], name
