"""The stream that Terraform registers with a project, and streams registered elsewhere."""

from __future__ import annotations

import os
import re
import subprocess
import uuid
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.hub_customer import kinesis_event_stream, kinesis_events
from tests.builders.local_account import LocalAccount
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

REGISTRATION = (
    'module.event_stream.module.registration.aws_lambda_invocation.this["EventStream/project"]'
)


@pytest.fixture(scope="module")
def example(event_stream: Any) -> dict[str, Any]:
    return outputs(event_stream)


@pytest.fixture(scope="module")
def pinpoint(example: dict[str, Any]) -> Any:
    return hub_client(example["api_url"])


def registered(pinpoint: Any, project: str) -> str:
    found = pinpoint.get_event_stream(ApplicationId=project)["EventStream"]
    return str(found["DestinationStreamArn"])


def report(pinpoint: Any, project: str) -> str:
    """Let a program report an event; its type, which no other event has."""
    kind = f"visit-{uuid.uuid4().hex[:8]}"
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"EventType": kind, "Timestamp": now}
    pinpoint.put_events(
        ApplicationId=project,
        EventsRequest={"BatchItem": {"ann": {"Endpoint": {}, "Events": {"1": event}}}},
    )
    return kind


def arrives(account: LocalAccount, stream: str, kind: str) -> None:
    account.eventually(
        lambda: [event["event_type"] for event in kinesis_events(account, stream)],
        lambda seen: kind in seen,
    )


def apply(state: Any, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Apply the example once more."""
    runner = state.terraform
    command = [runner.tf_bin, "apply", "-auto-approve", "-no-color", "-input=false"]
    return subprocess.run(
        [*command, f"-state={runner.state_path}", *arguments],
        cwd=runner.module_dir,
        env={**os.environ, "TF_DATA_DIR": runner.work_dir},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )


@terraform("event_stream", scope="module")
def test_the_project_writes_its_events_to_the_stream_of_terraform(
    event_stream: Any, example: dict[str, Any], pinpoint: Any, account: LocalAccount
) -> None:
    assert registered(pinpoint, example["project_id"]) == example["stream_arn"]

    kind = report(pinpoint, example["project_id"])

    arrives(account, example["stream_name"], kind)


@terraform("event_stream", scope="module")
def test_a_second_plan_of_the_stream_is_empty(event_stream: Any) -> None:
    assert second_plan(event_stream) == ""


@terraform("event_stream", scope="module")
def test_a_stream_that_others_registered_is_replaced_only_when_told(
    event_stream: Any, example: dict[str, Any], pinpoint: Any, account: LocalAccount
) -> None:
    project = example["project_id"]
    theirs = kinesis_event_stream(account, pinpoint, project)
    their_arn = registered(pinpoint, project)
    assert their_arn != example["stream_arn"]

    refused = apply(event_stream, f"-replace={REGISTRATION}")

    assert refused.returncode != 0
    told = re.sub(r"[\s│]+", " ", refused.stdout)
    assert "EventStream that is there was made by something else" in told
    assert "TakeOver = true" in told
    assert registered(pinpoint, project) == their_arn
    arrives(account, theirs, report(pinpoint, project))

    taken = apply(event_stream, "-var=take_over=true")

    assert taken.returncode == 0, taken.stdout
    assert registered(pinpoint, project) == example["stream_arn"]
    arrives(account, example["stream_name"], report(pinpoint, project))
    account.client("kinesis").delete_stream(StreamName=theirs)


@terraform("event_stream", scope="module")
def test_destroying_the_stream_leaves_nothing(event_stream: Any, account: LocalAccount) -> None:
    assert len(left_behind(account, "events")) > 10

    event_stream.terraform.destroy()

    assert left_behind(account, "events") == []
