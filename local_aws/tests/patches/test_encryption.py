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


# KMS Developer Guide, "Default key policy": with it, IAM policies of the account's users decide.
IAM_COUNTS = allow("kms:*", Principal={"AWS": f"arn:aws:iam::{ACCOUNT}:root"})


def key(aws: MinistackServer, *services: str) -> str:
    granted = [
        allow(["kms:GenerateDataKey*", "kms:Decrypt"], Principal={"Service": s}) for s in services
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": [IAM_COUNTS, *granted]})
    arn: str = aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    return arn


def user(aws: MinistackServer, name: str, *statements: dict[str, Any]) -> dict[str, str]:
    """The credentials of a new user with these permissions.

    Where only the key may refuse a call, they are all actions of the called service.
    """
    iam = aws.client("iam")
    iam.create_user(UserName=name)
    iam.put_user_policy(
        UserName=name, PolicyName="all", PolicyDocument=json.dumps({"Statement": [*statements]})
    )
    made = iam.create_access_key(UserName=name)["AccessKey"]
    return {
        "aws_access_key_id": made["AccessKeyId"],
        "aws_secret_access_key": made["SecretAccessKey"],
    }


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
    keys = user(aws, "reader", allow("sqs:*", queue))

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


ONE_COLUMN: dict[str, Any] = {
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
    "BillingMode": "PAY_PER_REQUEST",
}


def table(aws: MinistackServer, name: str, key_arn: str) -> None:
    settings = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key_arn}
    aws.client("dynamodb").create_table(TableName=name, SSESpecification=settings, **ONE_COLUMN)


@pytest.mark.parametrize(
    ("operation", "arguments"),
    [
        ("put_item", {"Item": {"pk": {"S": "a"}}}),
        ("get_item", {"Key": {"pk": {"S": "a"}}}),
        ("scan", {}),
    ],
)
def test_a_caller_needs_the_key_of_the_table(
    aws: MinistackServer, operation: str, arguments: dict[str, Any]
) -> None:
    name, arn = f"sealed-{operation}".replace("_", "-"), key(aws)
    table(aws, name, arn)
    without = aws.client("dynamodb", user(aws, f"{name}-1", allow("dynamodb:*")))
    having = user(aws, f"{name}-2", allow("dynamodb:*"), allow("kms:Decrypt", arn))

    with pytest.raises(ClientError) as refused:
        getattr(without, operation)(TableName=name, **arguments)
    getattr(aws.client("dynamodb", having), operation)(TableName=name, **arguments)

    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert f"kms:Decrypt on resource: {arn}" in str(refused.value)


def test_a_policy_may_let_a_caller_in_through_one_service_and_for_one_table_only(
    aws: MinistackServer,
) -> None:
    arn = key(aws)
    table(aws, "named", arn)
    table(aws, "other", arn)
    condition = {
        "kms:ViaService": f"dynamodb.{REGION}.amazonaws.com",
        "kms:EncryptionContext:aws:dynamodb:tableName": "named",
    }
    decrypt = allow("kms:Decrypt", arn, Condition={"StringEquals": condition})
    dynamodb = aws.client("dynamodb", user(aws, "one-table", allow("dynamodb:*"), decrypt))

    dynamodb.scan(TableName="named")

    with pytest.raises(ClientError, match="kms:Decrypt"):
        dynamodb.scan(TableName="other")


def test_the_creator_of_an_encrypted_table_may_make_grants_for_dynamodb_only(
    aws: MinistackServer,
) -> None:
    arn = key(aws)
    settings = {"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": arn}
    for_aws = {"Bool": {"kms:GrantIsForAWSResource": "true"}}
    describe = allow(["dynamodb:*", "kms:DescribeKey"])
    without = aws.client("dynamodb", user(aws, "creates-1", describe))
    grants = user(aws, "creates-2", describe, allow("kms:CreateGrant", arn, Condition=for_aws))

    with pytest.raises(ClientError, match="kms:CreateGrant"):
        without.create_table(TableName="granted", SSESpecification=settings, **ONE_COLUMN)
    aws.client("dynamodb", grants).create_table(
        TableName="granted", SSESpecification=settings, **ONE_COLUMN
    )
    with pytest.raises(ClientError, match="AccessDenied"):
        aws.client("kms", grants).create_grant(
            KeyId=arn, GranteePrincipal=f"arn:aws:iam::{ACCOUNT}:root", Operations=["Decrypt"]
        )


def log_key(aws: MinistackServer, service: str, group: str) -> str:
    """A key for the log groups of that name (pattern)."""
    groups = f"arn:aws:logs:{REGION}:{ACCOUNT}:log-group:{group}"
    logs = allow(
        ["kms:Encrypt", "kms:Decrypt", "kms:GenerateDataKey*", "kms:DescribeKey"],
        Principal={"Service": service},
        Condition={"ArnLike": {"kms:EncryptionContext:aws:logs:arn": groups}},
    )
    policy = json.dumps({"Version": "2012-10-17", "Statement": [IAM_COUNTS, logs]})
    arn: str = aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    return arn


@pytest.mark.parametrize(
    ("service", "group"),
    [("logs.amazonaws.com", "/of/*"), (f"logs.{REGION}.amazonaws.com", "/others/*")],
    ids=["another service", "another log group"],
)
def test_a_log_group_takes_no_key_that_does_not_let_cloudwatch_logs_in(
    aws: MinistackServer, service: str, group: str
) -> None:
    logs, arn = aws.client("logs"), log_key(aws, service, group)
    logs.create_log_group(logGroupName=f"/of/{service}")

    with pytest.raises(ClientError) as created:
        logs.create_log_group(logGroupName="/of/new", kmsKeyId=arn)
    with pytest.raises(ClientError) as associated:
        logs.associate_kms_key(logGroupName=f"/of/{service}", kmsKeyId=arn)

    for refused in (created, associated):
        assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
        assert "not allowed to be used with Arn" in str(refused.value)


def test_a_log_group_gets_and_loses_a_key_that_lets_cloudwatch_logs_in(
    aws: MinistackServer,
) -> None:
    logs, arn = aws.client("logs"), log_key(aws, f"logs.{REGION}.amazonaws.com", "/mine/*")

    logs.create_log_group(logGroupName="/mine/first", kmsKeyId=arn)
    logs.create_log_group(logGroupName="/mine/second")
    logs.associate_kms_key(logGroupName="/mine/second", kmsKeyId=arn)
    logs.disassociate_kms_key(logGroupName="/mine/first")

    found = logs.describe_log_groups(logGroupNamePrefix="/mine/")["logGroups"]
    assert {group["logGroupName"]: group.get("kmsKeyId") for group in found} == {
        "/mine/first": None,
        "/mine/second": arn,
    }


SAY = """
import os
def handler(event, context):
    return os.environ.get("SAID", "nothing")
"""


def test_a_function_needs_the_key_of_its_environment(aws: MinistackServer) -> None:
    arn, role = key(aws), aws.role("speaks", "lambda.amazonaws.com")
    variables = {"Variables": {"SAID": "hello"}}
    aws.function("speaks", SAY, role, KMSKeyArn=arn, Environment=variables)
    functions = aws.client("lambda")

    with pytest.raises(ClientError) as refused:
        functions.invoke(FunctionName="speaks")
    aws.grant("speaks", [allow("kms:Decrypt", arn)])
    answer = functions.invoke(FunctionName="speaks")

    assert refused.value.response["Error"]["Code"] == "KMSAccessDeniedException"
    assert f"kms:Decrypt on resource: {arn}" in str(refused.value)
    assert json.loads(answer["Payload"].read()) == "hello"


def test_a_grant_of_the_key_lets_a_function_s_role_decrypt(aws: MinistackServer) -> None:
    arn, role = key(aws), aws.role("is-granted", "lambda.amazonaws.com")
    variables = {"Variables": {"SAID": "hello"}}
    aws.function("is-granted", SAY, role, KMSKeyArn=arn, Environment=variables)
    aws.client("kms").create_grant(KeyId=arn, GranteePrincipal=role, Operations=["Decrypt"])

    answer = aws.client("lambda").invoke(FunctionName="is-granted")

    assert json.loads(answer["Payload"].read()) == "hello"


def test_an_event_for_a_function_without_its_key_ends_in_its_dead_letter_queue(
    aws: MinistackServer,
) -> None:
    url, queue = aws.queue("undecrypted")
    role = aws.role("mute", "lambda.amazonaws.com", [allow("sqs:SendMessage", queue)])
    aws.function(
        "mute",
        SAY,
        role,
        KMSKeyArn=key(aws),
        Environment={"Variables": {"SAID": "hello"}},
        DeadLetterConfig={"TargetArn": queue},
    )

    aws.client("lambda").invoke(FunctionName="mute", InvocationType="Event", Payload=b'{"a": 1}')

    [message] = aws.messages(url)
    assert json.loads(message["Body"]) == {"a": 1}
    error = message["MessageAttributes"]["ErrorMessage"]["StringValue"]
    assert "unable to decrypt the environment variables" in error


def test_a_function_without_environment_keeps_no_key(aws: MinistackServer) -> None:
    role, functions = aws.role("bare", "lambda.amazonaws.com"), aws.client("lambda")
    arn = key(aws)
    aws.function("bare", SAY, role, KMSKeyArn=arn)

    made = functions.get_function_configuration(FunctionName="bare")
    functions.update_function_configuration(FunctionName="bare", KMSKeyArn=arn)
    changed = functions.get_function_configuration(FunctionName="bare")

    assert (made.get("KMSKeyArn"), changed.get("KMSKeyArn")) == ("", "")


def test_the_creator_of_a_function_needs_to_encrypt_its_environment(aws: MinistackServer) -> None:
    arn, role = key(aws), aws.role("created", "lambda.amazonaws.com")
    may = [allow(["lambda:*", "iam:PassRole"]), allow("kms:CreateGrant", arn)]
    functions = aws.client("lambda", user(aws, "creates-functions", *may))

    with pytest.raises(ClientError, match="kms:Encrypt"):
        functions.create_function(
            FunctionName="created",
            Role=role,
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": b""},
            KMSKeyArn=arn,
            Environment={"Variables": {"SAID": "hello"}},
        )


def encrypted_machine(aws: MinistackServer, name: str, arn: str) -> str:
    """A machine that passes its input on; its role may use the key."""
    role = aws.role(name, "states.amazonaws.com", [allow(["kms:GenerateDataKey", "kms:Decrypt"])])
    definition = {"StartAt": "Do", "States": {"Do": {"Type": "Pass", "End": True}}}
    machine: str = aws.client("stepfunctions").create_state_machine(
        name=name,
        roleArn=role,
        definition=json.dumps(definition),
        encryptionConfiguration={"type": "CUSTOMER_MANAGED_KMS_KEY", "kmsKeyId": arn},
    )["stateMachineArn"]
    return machine


@pytest.mark.parametrize("lacking", ["kms:Decrypt", "kms:GenerateDataKey"])
def test_a_caller_needs_both_uses_of_the_key_to_start_an_encrypted_state_machine(
    aws: MinistackServer, lacking: str
) -> None:
    name, arn = f"starts-without-{lacking[4:]}", key(aws)
    machine = encrypted_machine(aws, name, arn)
    other = {"kms:Decrypt": "kms:GenerateDataKey", "kms:GenerateDataKey": "kms:Decrypt"}[lacking]
    caller = user(aws, name, allow("states:*"), allow(other, arn))

    with pytest.raises(ClientError) as refused:
        aws.client("stepfunctions", caller).start_execution(stateMachineArn=machine)

    assert refused.value.response["Error"]["Code"] == "KmsAccessDeniedException"
    assert f"{lacking} on resource: {arn}" in str(refused.value)
    assert aws.run(machine, {"a": 1})["status"] == "SUCCEEDED"


def test_without_the_key_a_caller_reads_no_more_of_an_execution_than_its_metadata(
    aws: MinistackServer,
) -> None:
    machine = encrypted_machine(aws, "described", key(aws))
    execution = aws.run(machine, {"a": 1})["executionArn"]
    states = aws.client("stepfunctions", user(aws, "describes", allow("states:*")))

    with pytest.raises(ClientError, match="kms:Decrypt"):
        states.describe_execution(executionArn=execution)
    with pytest.raises(ClientError, match="kms:Decrypt"):
        states.get_execution_history(executionArn=execution)
    metadata = states.describe_execution(executionArn=execution, includedData="METADATA_ONLY")

    assert metadata["status"] == "SUCCEEDED"
    assert "input" not in metadata
    assert "output" not in metadata


def test_an_execution_fails_whose_role_may_not_use_the_key(aws: MinistackServer) -> None:
    arn = key(aws)
    machine = encrypted_machine(aws, "roleless", arn)
    aws.grant("roleless", [allow("kms:Decrypt", arn)])

    ended = aws.run(machine)

    assert ended["status"] == "FAILED"
    assert f"kms:GenerateDataKey on resource: {arn}" in ended["cause"]


def test_a_consumer_needs_the_key_of_the_kinesis_stream(aws: MinistackServer) -> None:
    arn, kinesis = key(aws), aws.client("kinesis")
    kinesis.create_stream(StreamName="consumed", ShardCount=1)
    kinesis.describe_stream_summary(StreamName="consumed")
    kinesis.start_stream_encryption(StreamName="consumed", EncryptionType="KMS", KeyId=arn)
    [shard] = kinesis.list_shards(StreamName="consumed")["Shards"]
    start = {"StreamName": "consumed", "ShardIteratorType": "TRIM_HORIZON"}
    position = kinesis.get_shard_iterator(ShardId=shard["ShardId"], **start)["ShardIterator"]
    consumer = aws.client("kinesis", user(aws, "consumes", allow("kinesis:*")))

    with pytest.raises(ClientError, match="kms:Decrypt"):
        consumer.get_records(ShardIterator=position)


def test_an_event_source_mapping_needs_the_key_of_its_queue(aws: MinistackServer) -> None:
    arn, functions = key(aws), aws.client("lambda")
    url, queue = aws.queue("mapped", KmsMasterKeyId=arn)
    poll = allow(["sqs:ReceiveMessage", "sqs:DeleteMessage", "sqs:GetQueueAttributes"], queue)
    role = aws.role("maps", "lambda.amazonaws.com", [poll])
    aws.function("maps", SAY, role)

    with pytest.raises(ClientError, match="permissions to call ReceiveMessage on SQS"):
        functions.create_event_source_mapping(FunctionName="maps", EventSourceArn=queue)
    aws.grant("maps", [poll, allow("kms:Decrypt", arn)])

    functions.create_event_source_mapping(FunctionName="maps", EventSourceArn=queue)


@pytest.mark.parametrize(
    ("condition", "delivered"),
    [
        ({"ArnLike": {"kms:EncryptionContext:aws:sqs:arn": "arn:aws:sqs:*:*:*"}}, True),
        ({"StringEquals": {"aws:SourceAccount": ACCOUNT}}, False),
    ],
    ids=["the queue", "the source, which EventBridge does not send"],
)
def test_the_key_of_a_rule_s_queue_can_name_the_queue_and_not_the_account_of_the_rule(
    aws: MinistackServer, condition: dict[str, Any], delivered: bool
) -> None:
    service, name = "events.amazonaws.com", f"condition-{delivered}".lower()
    conditional = allow(
        ["kms:GenerateDataKey*", "kms:Decrypt"], Principal={"Service": service}, Condition=condition
    )
    policy = json.dumps({"Version": "2012-10-17", "Statement": [IAM_COUNTS, conditional]})
    arn = aws.client("kms").create_key(Policy=policy)["KeyMetadata"]["Arn"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"
    send = [
        json.dumps({"Statement": [allow("sqs:SendMessage", q, Principal={"Service": service})]})
        for q in (queue, f"{queue}-dead")
    ]
    url, _ = aws.queue(name, KmsMasterKeyId=arn, Policy=send[0])
    dead_url, dead = aws.queue(f"{name}-dead", Policy=send[1])
    events = aws.client("events")
    events.put_rule(Name=name, EventPattern=json.dumps({"source": [name]}))
    events.put_targets(
        Rule=name, Targets=[{"Id": "q", "Arn": queue, "DeadLetterConfig": {"Arn": dead}}]
    )

    events.put_events(Entries=[{"Source": name, "DetailType": "t", "Detail": "{}"}])

    assert aws.messages(url if delivered else dead_url)
