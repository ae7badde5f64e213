"""State machines: whose permissions their tasks have, how they fail and when they end."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import MinistackServer, ministack_server

CODE = """
class NotToday(Exception):
    pass

def handler(event, context):
    if event.get("fail"):
        raise NotToday("come back")
    return {"echo": event}
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        server.function("work", CODE, server.role("work", "lambda.amazonaws.com"))
        yield server


def allow(action: str | list[str], resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def one_task(resource: str, arguments: dict[str, Any], **rest: Any) -> dict[str, Any]:
    state = {"Type": "Task", "Resource": resource, "Parameters": arguments, "End": True, **rest}
    return {"StartAt": "Do", "States": {"Do": state}}


INVOKE = "arn:aws:states:::lambda:invoke"


def test_a_task_has_the_permissions_of_the_execution_role(aws: MinistackServer) -> None:
    role = aws.role("tasks", "states.amazonaws.com")
    machine = aws.machine(
        "tasks", role, one_task(INVOKE, {"FunctionName": "work", "Payload": {"a": 1}})
    )

    denied = aws.run(machine)
    aws.grant("tasks", [allow("lambda:InvokeFunction", "arn:aws:lambda:*:*:function:work")])
    allowed = aws.run(machine)

    assert (denied["status"], denied["error"]) == ("FAILED", "Lambda.AccessDeniedException")
    assert "lambda:InvokeFunction" in denied["cause"]
    assert "output" not in denied
    assert json.loads(allowed["output"])["Payload"] == {"echo": {"a": 1}}


@pytest.mark.parametrize(
    ("resource", "arguments", "action"),
    [
        ("sqs:sendMessage", {"QueueUrl": "{queue}", "MessageBody": {"a": 1}}, "sqs:SendMessage"),
        ("sns:publish", {"TopicArn": "{topic}", "Message": "hi"}, "sns:Publish"),
        (
            "dynamodb:putItem",
            {"TableName": "items", "Item": {"pk": {"S": "1"}}},
            "dynamodb:PutItem",
        ),
        (
            "aws-sdk:s3:putObject",
            {"Bucket": "sdk", "Key": "k", "Body": {"a": 1}},
            "s3:PutObject",
        ),
        ("aws-sdk:kinesis:listStreams", {}, "kinesis:ListStreams"),
        ("aws-sdk:sesv2:listEmailIdentities", {}, "ses:ListEmailIdentities"),
        ("aws-sdk:scheduler:listSchedules", {}, "scheduler:ListSchedules"),
    ],
)
def test_every_integration_is_refused_without_and_works_with_its_permission(
    aws: MinistackServer, resource: str, arguments: dict[str, Any], action: str
) -> None:
    name = resource.replace(":", "-")
    queue = aws.queue("integrations")[0]
    topic = aws.client("sns").create_topic(Name="integrations")["TopicArn"]
    aws.client("s3").create_bucket(Bucket="sdk")
    if "items" not in aws.client("dynamodb").list_tables()["TableNames"]:
        aws.client("dynamodb").create_table(
            TableName="items",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
    filled = json.loads(json.dumps(arguments).replace("{queue}", queue).replace("{topic}", topic))
    role = aws.role(name, "states.amazonaws.com")
    machine = aws.machine(name, role, one_task(f"arn:aws:states:::{resource}", filled))

    denied = aws.run(machine)
    aws.grant(name, [allow(action)])
    allowed = aws.run(machine)

    assert denied["status"] == "FAILED"
    assert action.split(":")[1].lower() in denied["cause"].lower()
    assert allowed["status"] == "SUCCEEDED", allowed


def test_objects_read_by_a_task_come_as_text(aws: MinistackServer) -> None:
    aws.client("s3").create_bucket(Bucket="texts")
    aws.client("s3").put_object(Bucket="texts", Key="a.json", Body=b'{"a": 1}')
    role = aws.role("reads", "states.amazonaws.com", [allow("s3:*")])
    get = "arn:aws:states:::aws-sdk:s3:getObject"
    machine = aws.machine("reads", role, one_task(get, {"Bucket": "texts", "Key": "a.json"}))

    found = json.loads(aws.run(machine)["output"])

    assert (found["Body"], found["ContentLength"]) == ('{"a": 1}', 8)


def test_a_python_exception_is_caught_by_its_class_name(aws: MinistackServer) -> None:
    role = aws.role("catches", "states.amazonaws.com", [allow("lambda:InvokeFunction")])
    definition = one_task(
        INVOKE,
        {"FunctionName": "work", "Payload": {"fail": True}},
        Catch=[{"ErrorEquals": ["NotToday"], "Next": "Caught"}],
    )
    definition["States"]["Caught"] = {"Type": "Pass", "End": True}

    ended = aws.run(aws.machine("catches", role, definition))

    assert ended["status"] == "SUCCEEDED"
    assert json.loads(json.loads(ended["output"])["Cause"])["errorMessage"] == "come back"


def test_a_child_execution_needs_permission_and_hands_back_its_output(aws: MinistackServer) -> None:
    plain = {"StartAt": "A", "States": {"A": {"Type": "Pass", "Result": {"b": 2}, "End": True}}}
    child = aws.machine("child", aws.role("child", "states.amazonaws.com"), plain)
    role = aws.role("parent", "states.amazonaws.com")
    sync = "arn:aws:states:::states:startExecution.sync:2"
    parent = aws.machine("parent", role, one_task(sync, {"StateMachineArn": child, "Input": {}}))

    denied = aws.run(parent)
    aws.grant("parent", [allow(["states:StartExecution", "states:DescribeExecution"])])
    allowed = aws.run(parent)

    assert denied["error"] == "StepFunctions.AccessDeniedException"
    assert json.loads(allowed["output"])["Output"] == {"b": 2}


def test_an_execution_ends_when_its_time_is_up(aws: MinistackServer) -> None:
    role = aws.role("slow", "states.amazonaws.com")
    wait = {
        "StartAt": "Sleep",
        "TimeoutSeconds": 1,
        "States": {"Sleep": {"Type": "Wait", "Seconds": 4, "End": True}},
    }

    ended = aws.run(aws.machine("slow", role, wait))

    assert (ended["status"], ended.get("error")) == ("TIMED_OUT", "States.Timeout")


def test_retries_wait_no_longer_than_their_maximum(aws: MinistackServer) -> None:
    role = aws.role("retries", "states.amazonaws.com", [allow("lambda:InvokeFunction")])
    retry = {
        "ErrorEquals": ["NotToday"],
        "IntervalSeconds": 1,
        "BackoffRate": 10,
        "MaxAttempts": 2,
        "MaxDelaySeconds": 1,
    }
    arguments = {"FunctionName": "work", "Payload": {"fail": True}}
    machine = aws.machine("retries", role, one_task(INVOKE, arguments, Retry=[retry]))

    ended = aws.run(machine, seconds=9)

    assert ended["error"] == "NotToday"
    assert (ended["stopDate"] - ended["startDate"]).total_seconds() < 8


def test_a_result_over_256_kilobytes_fails_the_execution(aws: MinistackServer) -> None:
    role = aws.role("big", "states.amazonaws.com", [allow("lambda:InvokeFunction")])
    data = {"x": "y" * 200_000}
    machine = aws.machine(
        "big",
        role,
        {
            "StartAt": "Copy",
            "States": {
                "Copy": {"Type": "Pass", "Parameters": {"a.$": "$.x", "b.$": "$.x"}, "End": True}
            },
        },
    )

    assert aws.run(machine, data)["error"] == "States.DataLimitExceeded"


@pytest.mark.parametrize(
    ("states", "reason"),
    [
        ({"Other": {"Type": "Pass", "End": True}}, "MISSING_TRANSITION_TARGET"),
        ({"A": {"Type": "Pass", "Next": "Nowhere"}}, "MISSING_TRANSITION_TARGET"),
        ({"A": {"Type": "Pass"}}, "needs Next or End"),
        ({"A": {"Type": "Guess", "End": True}}, "Type 'Guess' is unknown"),
        (
            {"A": {"Type": "Map", "End": True, "ItemProcessor": {"StartAt": "B", "States": {}}}},
            "must have States",
        ),
    ],
)
def test_a_definition_that_cannot_run_is_refused(
    aws: MinistackServer, states: dict[str, Any], reason: str
) -> None:
    role = f"bad-{abs(hash(reason + str(states)))}"
    with pytest.raises(ClientError, match=reason) as refused:
        aws.machine(
            "bad", aws.role(role, "states.amazonaws.com"), {"StartAt": "A", "States": states}
        )

    assert refused.value.response["Error"]["Code"] == "InvalidDefinition"


def test_the_same_start_twice_is_one_execution(aws: MinistackServer) -> None:
    wait = {"StartAt": "W", "States": {"W": {"Type": "Wait", "Seconds": 2, "End": True}}}
    machine = aws.machine("once", aws.role("once", "states.amazonaws.com"), wait)
    states = aws.client("stepfunctions")

    first = states.start_execution(stateMachineArn=machine, name="n", input='{"a":1}')
    again = states.start_execution(stateMachineArn=machine, name="n", input='{"a":1}')
    with pytest.raises(ClientError) as other:
        states.start_execution(stateMachineArn=machine, name="n", input='{"a":2}')

    assert again["executionArn"] == first["executionArn"]
    assert other.value.response["Error"]["Code"] == "ExecutionAlreadyExists"


def test_executions_are_listed_newest_first(aws: MinistackServer) -> None:
    role = aws.role("listed", "states.amazonaws.com")
    definition = {"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}}
    machine = aws.machine("listed", role, definition)
    states = aws.client("stepfunctions")

    # A run waits for its end, and an end has its own millisecond: the order is that of time.
    started = [aws.run(machine)["executionArn"] for _ in range(3)]

    pages = states.get_paginator("list_executions").paginate(
        stateMachineArn=machine, PaginationConfig={"PageSize": 2}
    )
    listed = [found["executionArn"] for page in pages for found in page["executions"]]
    assert listed == started[::-1]


def test_a_state_machine_may_be_deleted_twice(aws: MinistackServer) -> None:
    role = aws.role("idle", "states.amazonaws.com")
    machine = aws.machine(
        "gone", role, {"StartAt": "End", "States": {"End": {"Type": "Pass", "End": True}}}
    )
    states = aws.client("stepfunctions")

    for _ in range(2):
        states.delete_state_machine(stateMachineArn=machine)

    names = [found["name"] for found in states.list_state_machines()["stateMachines"]]
    assert "gone" not in names
