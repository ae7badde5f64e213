"""Events on their way: who may receive them, and where they go when nobody takes them."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import (
    ACCOUNT,
    REGION,
    MinistackServer,
    ministack_server,
    wait_for,
)

# Notes each call in a queue, then fails when the event says so.
CODE = """
import boto3, json, os
def handler(event, context):
    text = json.dumps(event)
    boto3.client("sqs").send_message(QueueUrl=os.environ["CALLS"], MessageBody=text)
    if "fail" in text:
        raise RuntimeError("cannot")
"""
PASS = {"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}}


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        server.role("functions", "lambda.amazonaws.com", [allow("sqs:*"), allow("kinesis:*")])
        yield server


FUNCTION_ROLE = f"arn:aws:iam::{ACCOUNT}:role/functions"


def allow(action: str, resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def open_to(service: str, queue: str) -> str:
    statement = {**allow("sqs:SendMessage", queue), "Principal": {"Service": service}}
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def queue_open_to(aws: MinistackServer, name: str, service: str) -> tuple[str, str]:
    arn = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    return aws.queue(name, Policy=open_to(service, arn))


def noting_function(aws: MinistackServer, name: str, **options: Any) -> tuple[str, str]:
    """A function and the URL of the queue that receives a copy of each event it is given."""
    calls, _ = aws.queue(f"{name}-calls")
    arn = aws.function(
        name, CODE, FUNCTION_ROLE, Environment={"Variables": {"CALLS": calls}}, **options
    )
    return arn, calls


def permit(aws: MinistackServer, name: str, service: str, source: str) -> None:
    aws.client("lambda").add_permission(
        FunctionName=name,
        StatementId="allowed",
        Action="lambda:InvokeFunction",
        Principal=service,
        SourceArn=source,
    )


def rule(aws: MinistackServer, name: str, *targets: dict[str, Any]) -> str:
    events = aws.client("events")
    pattern = json.dumps({"source": [name]})
    arn: str = events.put_rule(Name=name, EventPattern=pattern)["RuleArn"]
    events.put_targets(Rule=name, Targets=[{"Id": str(i), **t} for i, t in enumerate(targets)])
    return arn


def emit(aws: MinistackServer, source: str, detail: dict[str, Any] | None = None) -> None:
    entry = {"Source": source, "DetailType": "t", "Detail": json.dumps(detail or {})}
    aws.client("events").put_events(Entries=[entry])


def nothing_in(aws: MinistackServer, url: str) -> bool:
    return "Messages" not in aws.client("sqs").receive_message(QueueUrl=url)


def test_a_rule_invokes_only_a_function_whose_policy_lets_it(aws: MinistackServer) -> None:
    dead_url, dead = queue_open_to(aws, "rule-dead", "events.amazonaws.com")
    function, calls = noting_function(aws, "by-rule")
    arn = rule(aws, "by-rule", {"Arn": function, "DeadLetterConfig": {"Arn": dead}})

    emit(aws, "by-rule", {"n": 1})
    letter = aws.messages(dead_url)[0]
    permit(aws, "by-rule", "events.amazonaws.com", arn)
    emit(aws, "by-rule", {"n": 2})

    attributes = {k: v["StringValue"] for k, v in letter["MessageAttributes"].items()}
    assert (attributes["RULE_ARN"], attributes["TARGET_ARN"]) == (arn, function)
    assert attributes["ERROR_CODE"] == "NO_PERMISSIONS"
    assert json.loads(letter["Body"])["detail"] == {"n": 1}
    assert json.loads(aws.messages(calls)[0]["Body"])["detail"] == {"n": 2}


def test_a_rule_starts_a_state_machine_as_the_role_of_its_target(aws: MinistackServer) -> None:
    dead_url, dead = queue_open_to(aws, "machine-dead", "events.amazonaws.com")
    machine = aws.machine("by-rule", aws.role("machine", "states.amazonaws.com"), PASS)
    role = aws.role("starts", "events.amazonaws.com")
    rule(aws, "start", {"Arn": machine, "RoleArn": role, "DeadLetterConfig": {"Arn": dead}})
    states = aws.client("stepfunctions")

    emit(aws, "start")
    letter = aws.messages(dead_url)[0]
    before = states.list_executions(stateMachineArn=machine)["executions"]
    aws.grant("starts", [allow("states:StartExecution", machine)])
    emit(aws, "start")

    assert "states:StartExecution" in letter["MessageAttributes"]["ERROR_MESSAGE"]["StringValue"]
    assert before == []
    assert wait_for(lambda: states.list_executions(stateMachineArn=machine)["executions"])


@pytest.mark.parametrize("allowed", [False, True])
def test_a_rule_sends_only_to_a_queue_whose_policy_lets_it(
    aws: MinistackServer, allowed: bool
) -> None:
    name = f"policy-{allowed}".lower()
    service = "events.amazonaws.com" if allowed else "sns.amazonaws.com"
    dead_url, dead = queue_open_to(aws, f"{name}-dead", "events.amazonaws.com")
    url, queue = queue_open_to(aws, name, service)
    rule(aws, name, {"Arn": queue, "DeadLetterConfig": {"Arn": dead}})

    emit(aws, name)

    assert aws.messages(url if allowed else dead_url)
    assert nothing_in(aws, dead_url if allowed else url)


def test_a_dead_letter_queue_that_does_not_let_events_in_stays_empty(aws: MinistackServer) -> None:
    url, queue = aws.queue("shut")
    dead_url, dead = aws.queue("shut-dead")
    rule(aws, "shut", {"Arn": queue, "DeadLetterConfig": {"Arn": dead}})

    emit(aws, "shut")
    time.sleep(0.5)

    assert nothing_in(aws, url)
    assert nothing_in(aws, dead_url)


def test_a_function_that_fails_on_an_event_is_retried_and_then_dead_lettered(
    aws: MinistackServer,
) -> None:
    dead_url, dead = aws.queue("function-dead")
    function, calls = noting_function(aws, "retried", DeadLetterConfig={"TargetArn": dead})
    permit(aws, "retried", "events.amazonaws.com", rule(aws, "retried", {"Arn": function}))

    emit(aws, "retried", {"fail": True})

    letter = aws.messages(dead_url)[0]
    assert json.loads(letter["Body"])["detail"] == {"fail": True}
    assert letter["MessageAttributes"]["ErrorMessage"]["StringValue"] == "cannot"
    assert len(aws.messages(calls, 3)) == 3


def test_a_topic_invokes_with_permission_and_retries(aws: MinistackServer) -> None:
    dead_url, dead = queue_open_to(aws, "topic-dead", "sns.amazonaws.com")
    sns = aws.client("sns")
    topic = sns.create_topic(Name="to-function")["TopicArn"]
    function, calls = noting_function(aws, "by-topic")
    redrive = json.dumps({"deadLetterTargetArn": dead})
    sns.subscribe(
        TopicArn=topic, Protocol="lambda", Endpoint=function, Attributes={"RedrivePolicy": redrive}
    )

    sns.publish(TopicArn=topic, Message="first")
    letter = aws.messages(dead_url)[0]
    permit(aws, "by-topic", "sns.amazonaws.com", topic)
    sns.publish(TopicArn=topic, Message="please fail")

    assert json.loads(letter["Body"])["Message"] == "first"
    assert len(aws.messages(calls, 3)) == 3


def test_a_message_that_a_queue_does_not_take_goes_to_the_subscriptions_dead_letter_queue(
    aws: MinistackServer,
) -> None:
    dead_url, dead = queue_open_to(aws, "subscription-dead", "sns.amazonaws.com")
    _, queue = aws.queue("unwilling")
    sns = aws.client("sns")
    topic = sns.create_topic(Name="to-queue")["TopicArn"]
    attributes = {
        "RedrivePolicy": json.dumps({"deadLetterTargetArn": dead}),
        "RawMessageDelivery": "true",
    }
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue, Attributes=attributes)

    sns.publish(TopicArn=topic, Message="hello")

    assert aws.messages(dead_url)[0]["Body"] == "hello"


def test_a_bucket_invokes_only_a_function_whose_policy_lets_it(aws: MinistackServer) -> None:
    s3, bucket = aws.client("s3"), "notifying"
    s3.create_bucket(Bucket=bucket)
    function, calls = noting_function(aws, "by-bucket")
    s3.put_bucket_notification_configuration(
        Bucket=bucket,
        NotificationConfiguration={
            "LambdaFunctionConfigurations": [
                {"LambdaFunctionArn": function, "Events": ["s3:ObjectCreated:*"]}
            ]
        },
    )

    s3.put_object(Bucket=bucket, Key="first", Body=b"")
    time.sleep(0.5)
    permit(aws, "by-bucket", "s3.amazonaws.com", f"arn:aws:s3:::{bucket}")
    s3.put_object(Bucket=bucket, Key="second", Body=b"")

    seen = [json.loads(m["Body"])["Records"][0]["s3"]["object"]["key"] for m in aws.messages(calls)]
    assert seen == ["second"]


def test_a_mapping_needs_the_role_of_its_function_to_read_the_source(aws: MinistackServer) -> None:
    url, source = aws.queue("source")
    calls, calls_arn = aws.queue("reader-calls")
    role = aws.role("reader", "lambda.amazonaws.com", [allow("sqs:SendMessage", calls_arn)])
    aws.function("reader", CODE, role, Environment={"Variables": {"CALLS": calls}})
    client, read = (
        aws.client("lambda"),
        ["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"],
    )

    with pytest.raises(
        ClientError, match="does not have permissions to call ReceiveMessage on SQS"
    ):
        client.create_event_source_mapping(FunctionName="reader", EventSourceArn=source)
    send = allow("sqs:SendMessage", calls_arn)
    aws.grant("reader", [send, {"Effect": "Allow", "Action": read, "Resource": source}])
    client.create_event_source_mapping(FunctionName="reader", EventSourceArn=source)
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="one")
    first = aws.messages(calls)
    aws.grant("reader", [send])
    aws.client("sqs").send_message(QueueUrl=url, MessageBody="two")
    time.sleep(2)

    assert "one" in first[0]["Body"]
    assert nothing_in(aws, calls)


def test_an_object_event_names_key_version_and_order(aws: MinistackServer) -> None:
    s3, bucket, key = aws.client("s3"), "to-events", "in/a b+c=ü.csv"
    s3.create_bucket(Bucket=bucket)
    s3.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    s3.put_bucket_notification_configuration(
        Bucket=bucket, NotificationConfiguration={"EventBridgeConfiguration": {}}
    )
    url, queue = queue_open_to(aws, "object-events", "events.amazonaws.com")
    events = aws.client("events")
    events.put_rule(Name="objects", EventPattern='{"source":["aws.s3"]}')
    events.put_targets(Rule="objects", Targets=[{"Id": "q", "Arn": queue}])

    put = s3.put_object(Bucket=bucket, Key=key, Body=b"x")

    seen = json.loads(aws.messages(url)[0]["Body"])["detail"]["object"]
    assert (seen["key"], seen["version-id"]) == (key, put["VersionId"])
    assert seen["etag"] == put["ETag"].strip('"')
    assert int(seen["sequencer"], 16) > 0


def test_dead_letters_can_be_moved_back(aws: MinistackServer) -> None:
    dead_url, dead = aws.queue("move-dead")
    redrive = json.dumps({"deadLetterTargetArn": dead, "maxReceiveCount": 1})
    url, _ = aws.queue("move", RedrivePolicy=redrive)
    sqs = aws.client("sqs")
    sqs.send_message(QueueUrl=dead_url, MessageBody="again")

    sqs.start_message_move_task(SourceArn=dead)

    assert aws.messages(url)[0]["Body"] == "again"
    assert sqs.list_message_move_tasks(SourceArn=dead)["Results"][0]["Status"] == "COMPLETED"
