"""Customer managed keys: who may use them decides who may use what they encrypt."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import ACCOUNT, REGION, MinistackServer, ministack_server


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        yield server


def allow(action: str | list[str], resource: str = "*", **rest: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource, **rest}


def key(aws: MinistackServer, *services: str) -> str:
    root = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})
    granted = [
        allow(["kms:GenerateDataKey*", "kms:Decrypt"], Principal={"Service": s}) for s in services
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [root, *granted]})
    arn: str = aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    return arn


def state_machine(aws: MinistackServer, name: str, resource: str, arguments: dict[str, Any]) -> str:
    state = {"Type": "Task", "Resource": resource, "Parameters": arguments, "End": True}
    role = aws.role(name, "states.amazonaws.com")
    return aws.machine(name, role, {"StartAt": "Do", "States": {"Do": state}})


def test_a_role_needs_the_key_of_the_queue_it_sends_to(aws: MinistackServer) -> None:
    arn = key(aws)
    url, queue = aws.queue("encrypted", KmsMasterKeyId=arn)
    send = allow("sqs:SendMessage", queue)
    arguments = {"QueueUrl": url, "MessageBody": "hello"}
    machine = state_machine(aws, "sends", "arn:aws:states:::sqs:sendMessage", arguments)

    aws.grant("sends", [send])
    denied = aws.run(machine)
    aws.grant("sends", [send, allow(["kms:GenerateDataKey", "kms:Decrypt"], arn)])
    allowed = aws.run(machine)

    assert denied["status"] == "FAILED"
    assert f"kms:GenerateDataKey on resource: {arn}" in denied["cause"]
    assert allowed["status"] == "SUCCEEDED"


def test_a_role_needs_the_key_of_the_bucket_it_reads(aws: MinistackServer) -> None:
    arn, s3 = key(aws), aws.client("s3")
    s3.create_bucket(Bucket="sealed")
    default = {"SSEAlgorithm": "aws:kms", "KMSMasterKeyID": arn}
    s3.put_bucket_encryption(
        Bucket="sealed",
        ServerSideEncryptionConfiguration={
            "Rules": [{"ApplyServerSideEncryptionByDefault": default}]
        },
    )
    s3.put_object(Bucket="sealed", Key="k", Body=b"1")
    get = "arn:aws:states:::aws-sdk:s3:getObject"
    machine = state_machine(aws, "reads", get, {"Bucket": "sealed", "Key": "k"})

    aws.grant("reads", [allow("s3:GetObject")])
    denied = aws.run(machine)
    aws.grant("reads", [allow("s3:GetObject"), allow("kms:Decrypt", arn)])
    allowed = aws.run(machine)

    assert denied["status"] == "FAILED"
    assert f"kms:Decrypt on resource: {arn}" in denied["cause"]
    assert json.loads(allowed["output"])["Body"] == "1"


@pytest.mark.parametrize("granted", [True, False, None], ids=["granted", "not granted", "AWS's"])
def test_a_service_delivers_only_with_a_key_that_grants_it(
    aws: MinistackServer, granted: bool | None
) -> None:
    service, name = "events.amazonaws.com", f"rule-{granted}".lower()
    arn = "alias/aws/sqs" if granted is None else key(aws, *([service] if granted else []))
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    dead = f"{queue}-dead"
    policies = [
        json.dumps({"Statement": [allow("sqs:SendMessage", q, Principal={"Service": service})]})
        for q in (queue, dead)
    ]
    url, _ = aws.queue(name, KmsMasterKeyId=arn, Policy=policies[0])
    dead_url, _ = aws.queue(f"{name}-dead", Policy=policies[1])
    events = aws.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    target = {"Id": "q", "Arn": queue, "DeadLetterConfig": {"Arn": dead}}
    events.put_targets(Rule=name, Targets=[target])

    events.put_events(Entries=[{"Source": name, "DetailType": "t", "Detail": "{}"}])

    assert aws.messages(url if granted else dead_url)


def test_an_alarm_publishes_only_to_a_topic_whose_key_grants_it(aws: MinistackServer) -> None:
    url, queue = aws.queue("alarms")
    sns, cloudwatch = aws.client("sns"), aws.client("cloudwatch")
    allowed = {
        "Statement": [allow("sqs:SendMessage", queue, Principal={"Service": "sns.amazonaws.com"})]
    }
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": json.dumps(allowed)})
    for name, key_id in (("shut", "alias/aws/sns"), ("open", key(aws, "cloudwatch.amazonaws.com"))):
        topic = sns.create_topic(Name=name, Attributes={"KmsMasterKeyId": key_id})["TopicArn"]
        sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=queue)
        cloudwatch.put_metric_alarm(
            AlarmName=name,
            Namespace="Own",
            MetricName="M",
            Statistic="Sum",
            Period=60,
            EvaluationPeriods=1,
            Threshold=1.0,
            ComparisonOperator="GreaterThanThreshold",
            AlarmActions=[topic],
        )

    cloudwatch.put_metric_data(Namespace="Own", MetricData=[{"MetricName": "M", "Value": 5.0}])

    seen = {json.loads(json.loads(m["Body"])["Message"])["AlarmName"] for m in aws.messages(url)}
    assert seen == {"open"}


def test_without_its_key_a_queue_stays_readable_for_nobody(aws: MinistackServer) -> None:
    url, queue = aws.queue("unread", KmsMasterKeyId=key(aws))
    iam = aws.client("iam")
    iam.create_user(UserName="reader")
    iam.put_user_policy(
        UserName="reader",
        PolicyName="all",
        PolicyDocument=json.dumps({"Statement": [allow("sqs:*", queue)]}),
    )
    made = iam.create_access_key(UserName="reader")["AccessKey"]
    keys = {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
    }

    with pytest.raises(ClientError, match="kms:Decrypt"):
        aws.client("sqs", keys).receive_message(QueueUrl=url)


def test_a_producer_needs_the_key_of_the_kinesis_stream(aws: MinistackServer) -> None:
    arn, kinesis = key(aws), aws.client("kinesis")
    kinesis.create_stream(StreamName="sealed", ShardCount=1)
    kinesis.describe_stream_summary(StreamName="sealed")
    kinesis.start_stream_encryption(StreamName="sealed", EncryptionType="KMS", KeyId=arn)
    put = "arn:aws:states:::aws-sdk:kinesis:putRecord"
    record = {"StreamName": "sealed", "Data": "x", "PartitionKey": "1"}
    machine = state_machine(aws, "produces", put, record)

    aws.grant("produces", [allow("kinesis:PutRecord")])
    denied = aws.run(machine)
    aws.grant("produces", [allow("kinesis:PutRecord"), allow("kms:GenerateDataKey", arn)])
    allowed = aws.run(machine)

    assert f"kms:GenerateDataKey on resource: {arn}" in denied["cause"]
    assert allowed["status"] == "SUCCEEDED"


def test_a_disabled_key_lets_nobody_in(aws: MinistackServer) -> None:
    arn, sqs = key(aws), aws.client("sqs")
    url, _ = aws.queue("disabled", KmsMasterKeyId=arn)
    sqs.send_message(QueueUrl=url, MessageBody="before")

    aws.client("kms").disable_key(KeyId=arn)

    with pytest.raises(ClientError, match="disabled"):
        sqs.send_message(QueueUrl=url, MessageBody="after")
