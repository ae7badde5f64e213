"""EventBridge Scheduler: validation, time, roles and dead letters."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import MinistackServer, ministack_server


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        yield server


def schedule(
    aws: MinistackServer, name: str, expression: str, target: dict[str, Any], **rest: Any
) -> None:
    aws.client("scheduler").create_schedule(
        Name=name,
        ScheduleExpression=expression,
        FlexibleTimeWindow={"Mode": "OFF"},
        Target=target,
        **rest,
    )


def in_seconds(seconds: float, zone: str = "UTC") -> str:
    at = datetime.now(UTC) + timedelta(seconds=seconds)
    return f"at({at.astimezone(ZoneInfo(zone)):%Y-%m-%dT%H:%M:%S})"


@pytest.mark.parametrize(
    "expression",
    ["cron(61 * * * ? *)", "cron(0 25 * * ? *)", "cron(x)", "rate(1 fortnight)", "at(soon)"],
)
def test_an_expression_that_makes_no_sense_is_refused(
    aws: MinistackServer, expression: str
) -> None:
    role = "arn:aws:iam::000000000000:role/none"
    with pytest.raises(ClientError, match="Invalid Schedule Expression") as refused:
        schedule(
            aws, "bad", expression, {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": role}
        )

    assert refused.value.response["Error"]["Code"] == "ValidationException"


def test_a_schedule_fires_soon_in_its_time_zone_with_its_attributes(aws: MinistackServer) -> None:
    url, queue = aws.queue("fired")
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue}
    role = aws.role("sends", "scheduler.amazonaws.com", [send])
    text = json.dumps(
        {"arn": "<aws.scheduler.schedule-arn>", "at": "<aws.scheduler.scheduled-time>"}
    )
    expression = in_seconds(1, "Asia/Tokyo")

    schedule(
        aws,
        "tokyo",
        expression,
        {"Arn": queue, "RoleArn": role, "Input": text},
        ScheduleExpressionTimezone="Asia/Tokyo",
    )

    body = json.loads(aws.messages(url, seconds=30)[0]["Body"])
    due = datetime.fromisoformat(expression[3:-1]).replace(tzinfo=ZoneInfo("Asia/Tokyo"))
    assert body["arn"].endswith(":schedule/default/tokyo")
    assert body["at"] == f"{due.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("cron(0 6 1 * ? *)", "2026-12-01T06:00:00"),
        ("at(2026-12-01T05:59:58)", "2026-12-01T05:59:58"),
        ("rate(1 day)", "2026-12-01T06:00:01"),
    ],
)
def test_the_scheduled_time_is_when_it_was_due_not_when_it_was_noticed(
    expression: str, expected: str
) -> None:
    from local_aws.patches import scheduler

    noticed = datetime(2026, 12, 1, 6, 0, 1, tzinfo=UTC).timestamp()

    due = scheduler.due({"ScheduleExpression": expression}, noticed)

    assert datetime.fromtimestamp(due, UTC) == datetime.fromisoformat(f"{expected}+00:00")


def test_what_the_role_may_not_do_goes_to_the_dead_letter_queue(aws: MinistackServer) -> None:
    url, queue = aws.queue("target")
    dead_url, dead = aws.queue("schedule-dead")
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": dead}
    role = aws.role("only-dead", "scheduler.amazonaws.com", [statement])

    schedule(
        aws,
        "denied",
        in_seconds(0),
        {"Arn": queue, "RoleArn": role, "Input": "{}", "DeadLetterConfig": {"Arn": dead}},
    )

    letter = aws.messages(dead_url, seconds=30)[0]
    assert letter["MessageAttributes"]["ERROR_CODE"]["StringValue"] == "NO_PERMISSIONS"
    assert letter["MessageAttributes"]["TARGET_ARN"]["StringValue"] == queue
    assert "Messages" not in aws.client("sqs").receive_message(QueueUrl=url)


def test_a_universal_target_calls_the_service_as_the_role(aws: MinistackServer) -> None:
    url, queue = aws.queue("universal")
    send = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": queue}
    role = aws.role("universal", "scheduler.amazonaws.com", [send])
    call = json.dumps({"QueueUrl": url, "MessageBody": "hello"})

    schedule(
        aws,
        "universal",
        in_seconds(0),
        {"Arn": "arn:aws:scheduler:::aws-sdk:sqs:sendMessage", "RoleArn": role, "Input": call},
    )

    assert aws.messages(url, seconds=30)[0]["Body"] == "hello"


def test_a_schedule_is_authorized_under_the_group_that_it_is_in(aws: MinistackServer) -> None:
    aws.client("scheduler").create_schedule_group(Name="campaigns")
    target = aws.role("runs-campaigns", "scheduler.amazonaws.com", [])
    allowed = {
        "Effect": "Allow",
        "Action": "scheduler:GetSchedule",
        "Resource": "arn:aws:scheduler:us-east-1:000000000000:schedule/campaigns/*",
    }
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allowed]})
    iam.put_user_policy(UserName="reader", PolicyName="p", PolicyDocument=policy)
    key = iam.create_access_key(UserName="reader")["AccessKey"]
    for group in ("campaigns", "default"):
        schedule(
            aws,
            "in-a-group",
            in_seconds(3600),
            {"Arn": "arn:aws:sqs:us-east-1:000000000000:q", "RoleArn": target},
            GroupName=group,
        )

    client = aws.client(
        "scheduler",
        {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        },
    )

    assert client.get_schedule(Name="in-a-group", GroupName="campaigns")["Name"] == "in-a-group"
    with pytest.raises(ClientError, match="GetSchedule"):
        client.get_schedule(Name="in-a-group", GroupName="default")
