"""Schedules fired by hand: ``POST /_local/scheduler/{name}/fire``."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import datetime
from typing import Any
from urllib.parse import quote

from builders.local_server import LocalServer, allow, eventually

SCHEDULER = {"Service": "scheduler.amazonaws.com"}
ACCOUNT = "000000000000"
NEXT_YEAR = "cron(0 6 1 1 ? *)"
WHEN = "<aws.scheduler.scheduled-time>"


def schedule(local_aws: LocalServer, name: str, target: dict[str, Any], **settings: Any) -> None:
    local_aws.client("scheduler").create_schedule(
        **{
            "Name": name,
            "ScheduleExpression": NEXT_YEAR,
            "FlexibleTimeWindow": {"Mode": "OFF"},
            "Target": target,
            **settings,
        }
    )


def queue(local_aws: LocalServer, name: str) -> tuple[str, str]:
    url: str = local_aws.client("sqs").create_queue(QueueName=name)["QueueUrl"]
    return url, f"arn:aws:sqs:us-east-1:{ACCOUNT}:{name}"


def received(local_aws: LocalServer, url: str) -> list[str]:
    answer = local_aws.client("sqs").receive_message(QueueUrl=url, MaxNumberOfMessages=10)
    return [message["Body"] for message in answer.get("Messages", [])]


def fire(local_aws: LocalServer, name: str, at: str = "", **query: str) -> tuple[int, Any]:
    values = {**query, **({"at": at} if at else {})}
    asked = "&".join(f"{key}={quote(value)}" for key, value in values.items())
    return local_aws.post(f"scheduler/{name}/fire?{asked}")


def test_a_state_machine_is_started_as_if_it_were_the_given_time(local_aws: LocalServer) -> None:
    states = local_aws.client("stepfunctions")
    runs = local_aws.role("runs", {"Service": "states.amazonaws.com"})
    definition = {"StartAt": "End", "States": {"End": {"Type": "Succeed"}}}
    machine = states.create_state_machine(
        name="export", roleArn=runs, definition=json.dumps(definition)
    )["stateMachineArn"]
    role = local_aws.role("starts", SCHEDULER, allow("states:StartExecution", machine))
    target = {"Arn": machine, "RoleArn": role, "Input": json.dumps({"at": WHEN})}
    schedule(local_aws, "monthly", target)

    status, fired = fire(local_aws, "monthly", "2024-03-01T07:00:00+01:00")

    assert (status, fired["result"]) == (200, "invoked")
    execution = states.describe_execution(executionArn=fired["executionArn"])
    assert json.loads(execution["input"]) == {"at": "2024-03-01T06:00:00Z"}


def test_a_disabled_schedule_is_fired_too_and_the_answer_says_so(local_aws: LocalServer) -> None:
    url, arn = queue(local_aws, "fired")
    role = local_aws.role("sends", SCHEDULER, allow("sqs:SendMessage", arn))
    schedule(local_aws, "off", {"Arn": arn, "RoleArn": role, "Input": WHEN}, State="DISABLED")

    _, fired = fire(local_aws, "off", "2026-12-01T06:00:00Z")

    assert fired["state"] == "DISABLED"
    assert received(local_aws, url) == ["2026-12-01T06:00:00Z"]


def test_without_a_time_it_is_now(local_aws: LocalServer) -> None:
    url, arn = queue(local_aws, "now")
    role = local_aws.role("sends", SCHEDULER, allow("sqs:SendMessage", arn))
    schedule(local_aws, "now", {"Arn": arn, "RoleArn": role, "Input": WHEN})
    before = datetime.now().astimezone().replace(microsecond=0)

    fire(local_aws, "now")

    [body] = received(local_aws, url)
    assert before <= datetime.fromisoformat(body) <= datetime.now().astimezone()


def test_a_function_is_invoked(local_aws: LocalServer) -> None:
    url, arn = queue(local_aws, "from-a-function")
    code = (
        "import boto3, json\n"
        "def handler(event, context):\n"
        f"    boto3.client('sqs').send_message(QueueUrl={url!r}, MessageBody=json.dumps(event))\n"
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as package:
        package.writestr("app.py", code)
    sends = local_aws.role(
        "sends", {"Service": "lambda.amazonaws.com"}, allow("sqs:SendMessage", arn)
    )
    function = local_aws.client("lambda").create_function(
        FunctionName="fired",
        Role=sends,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
    )["FunctionArn"]
    role = local_aws.role("invokes", SCHEDULER, allow("lambda:InvokeFunction", function))
    schedule(local_aws, "calls", {"Arn": function, "RoleArn": role, "Input": '{"month": 2}'})

    _, fired = fire(local_aws, "calls")

    assert fired["result"] == "invoked"
    assert eventually(lambda: received(local_aws, url), bool) == ['{"month": 2}']


def test_a_universal_target_is_called_and_its_answer_told(local_aws: LocalServer) -> None:
    url, arn = queue(local_aws, "universal")
    role = local_aws.role("calls", SCHEDULER, allow("sqs:SendMessage", arn))
    call = json.dumps({"QueueUrl": url, "MessageBody": WHEN})
    target = {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": role, "Input": call}
    schedule(local_aws, "universal", target)

    _, fired = fire(local_aws, "universal", "2026-02-28T23:59:59Z")

    assert fired["answer"]["MessageId"]
    assert received(local_aws, url) == ["2026-02-28T23:59:59Z"]


def test_what_the_role_may_not_do_fails_and_is_a_dead_letter(local_aws: LocalServer) -> None:
    url, arn = queue(local_aws, "closed")
    dead_url, dead = queue(local_aws, "dead")
    role = local_aws.role("powerless", SCHEDULER, allow("sqs:SendMessage", dead))
    target = {"Arn": arn, "RoleArn": role, "Input": "x", "DeadLetterConfig": {"Arn": dead}}
    schedule(local_aws, "denied", target)

    status, fired = fire(local_aws, "denied")

    assert (status, fired["result"], fired["code"]) == (200, "failed", "NO_PERMISSIONS")
    assert (received(local_aws, url), received(local_aws, dead_url)) == ([], ["x"])


def test_a_name_in_two_groups_needs_the_group(local_aws: LocalServer) -> None:
    local_aws.client("scheduler").create_schedule_group(Name="reports")
    url, arn = queue(local_aws, "grouped")
    role = local_aws.role("sends", SCHEDULER, allow("sqs:SendMessage", arn))
    for group in ("default", "reports"):
        target = {"Arn": arn, "RoleArn": role, "Input": group}
        schedule(local_aws, "twice", target, GroupName=group)

    ambiguous, _ = fire(local_aws, "twice")
    named, _ = fire(local_aws, "twice", group="reports")

    assert (ambiguous, named) == (404, 200)
    assert received(local_aws, url) == ["reports"]


def test_an_unknown_schedule_and_an_unreadable_time_are_named(local_aws: LocalServer) -> None:
    unknown, said = fire(local_aws, "nobody")
    refused, asked = fire(local_aws, "nobody", "next month")

    assert unknown == 404
    assert "nobody" in said["error"]
    assert refused == 400
    assert "ISO 8601" in asked["error"]


def test_a_schedule_with_a_key_needs_a_role_that_may_decrypt_it(local_aws: LocalServer) -> None:
    key = local_aws.client("kms").create_key()["KeyMetadata"]["Arn"]
    url, arn = queue(local_aws, "sealed")
    send = allow("sqs:SendMessage", arn)
    for name, statements in (("without", [send]), ("having", [send, allow("kms:Decrypt", key)])):
        role = local_aws.role(name, SCHEDULER, *statements)
        target = {"Arn": arn, "RoleArn": role, "Input": name}
        schedule(local_aws, name, target, KmsKeyArn=key)

    results = {name: fire(local_aws, name)[1]["result"] for name in ("without", "having")}

    assert results == {"without": "failed", "having": "invoked"}
    assert received(local_aws, url) == ["having"]
