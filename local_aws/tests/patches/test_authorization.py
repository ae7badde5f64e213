"""Keys, signatures and passed roles, over HTTP."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import (
    ACCESS_KEY,
    ACCOUNT,
    REGION,
    MinistackServer,
    ministack_server,
)

CODE = "def handler(event, context):\n    return 'done'\n"
ONE_STATE = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        yield server


def keys_of(aws: MinistackServer, user: str, statements: list[dict[str, object]]) -> dict[str, str]:
    iam = aws.client("iam")
    iam.create_user(UserName=user)
    iam.put_user_policy(
        UserName=user,
        PolicyName="all",
        PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
    )
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }


def test_the_deploying_key_works_only_with_its_secret(aws: MinistackServer) -> None:
    wrong = {"aws_access_key_id": ACCESS_KEY, "aws_secret_access_key": "guessed"}

    with pytest.raises(ClientError) as refused:
        aws.client("sts", wrong).get_caller_identity()

    assert refused.value.response["Error"]["Code"] == "SignatureDoesNotMatch"
    assert aws.client("sts").get_caller_identity()["Account"] == ACCOUNT


@pytest.mark.parametrize("key", ["test", "123456789012", "AKIANOBODYKNOWSTHIS0"])
def test_a_key_that_belongs_to_nobody_is_refused(aws: MinistackServer, key: str) -> None:
    stranger = {"aws_access_key_id": key, "aws_secret_access_key": "test"}

    for service, call in (
        ("sqs", "list_queues"),
        ("sts", "get_caller_identity"),
        ("s3", "list_buckets"),
    ):
        with pytest.raises(ClientError) as refused:
            getattr(aws.client(service, stranger), call)()

        assert refused.value.response["Error"]["Code"] in {
            "InvalidClientTokenId",
            "UnrecognizedClientException",
            "InvalidAccessKeyId",
        }


def test_a_batch_needs_the_permission_of_its_parts_and_has_none_of_its_own(
    aws: MinistackServer,
) -> None:
    url = aws.client("sqs").create_queue(QueueName="batches")["QueueUrl"]
    queue = f"arn:aws:sqs:{REGION}:{ACCOUNT}:batches"
    singles = ["sqs:SendMessage", "sqs:DeleteMessage", "sqs:ChangeMessageVisibility"]
    may = keys_of(aws, "sender", [{"Effect": "Allow", "Action": singles, "Resource": queue}])
    only = {"Effect": "Allow", "Action": "sqs:SendMessageBatch", "Resource": queue}
    may_not = keys_of(aws, "batcher", [only])
    entries = [{"Id": "1", "MessageBody": "one"}]

    sent = aws.client("sqs", may).send_message_batch(QueueUrl=url, Entries=entries)
    with pytest.raises(ClientError) as refused:
        aws.client("sqs", may_not).send_message_batch(QueueUrl=url, Entries=entries)

    assert len(sent["Successful"]) == 1
    assert refused.value.response["Error"]["Code"] == "AccessDenied"
    (received,) = aws.client("sqs").receive_message(QueueUrl=url)["Messages"]
    handle = {"Id": "1", "ReceiptHandle": received["ReceiptHandle"]}
    aws.client("sqs", may).change_message_visibility_batch(
        QueueUrl=url, Entries=[{**handle, "VisibilityTimeout": 30}]
    )
    aws.client("sqs", may).delete_message_batch(QueueUrl=url, Entries=[handle])


def test_strangers_read_only_what_a_policy_makes_public(aws: MinistackServer) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="partly-public")
    s3.delete_public_access_block(Bucket="partly-public")
    for key in ("public/a", "private/a"):
        s3.put_object(Bucket="partly-public", Key=key, Body=b"1")
    everybody = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": "arn:aws:s3:::partly-public/public/*",
    }
    s3.put_bucket_policy(Bucket="partly-public", Policy=json.dumps({"Statement": [everybody]}))

    with urllib.request.urlopen(f"{aws.url}/partly-public/public/a", timeout=9) as answer:
        read = answer.read()
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{aws.url}/partly-public/private/a", timeout=9)
    refused.value.close()

    assert read == b"1"
    assert refused.value.code == 403


def test_a_bucket_that_demands_tls_is_open_to_its_owner(aws: MinistackServer) -> None:
    s3 = aws.client("s3")
    s3.create_bucket(Bucket="tls-only")
    deny = {
        "Effect": "Deny",
        "Principal": "*",
        "Action": "s3:*",
        "Resource": ["arn:aws:s3:::tls-only", "arn:aws:s3:::tls-only/*"],
        "Condition": {"Bool": {"aws:SecureTransport": "false"}},
    }
    s3.put_bucket_policy(Bucket="tls-only", Policy=json.dumps({"Statement": [deny]}))

    s3.put_object(Bucket="tls-only", Key="a", Body=b"1")

    assert s3.get_object(Bucket="tls-only", Key="a")["Body"].read() == b"1"


def test_a_role_is_passed_only_by_those_who_may_pass_it_to_that_service(
    aws: MinistackServer,
) -> None:
    role = aws.role("passed", "states.amazonaws.com")
    create = {"Effect": "Allow", "Action": "states:*", "Resource": "*"}
    to_lambda = {
        "Effect": "Allow",
        "Action": "iam:PassRole",
        "Resource": role,
        "Condition": {"StringEquals": {"iam:PassedToService": "lambda.amazonaws.com"}},
    }
    without = aws.client("stepfunctions", keys_of(aws, "no-pass", [create, to_lambda]))
    to_lambda["Condition"] = {"StringEquals": {"iam:PassedToService": "states.amazonaws.com"}}
    allowed = aws.client("stepfunctions", keys_of(aws, "may-pass", [create, to_lambda]))

    with pytest.raises(ClientError) as refused:
        without.create_state_machine(name="no", roleArn=role, definition=ONE_STATE)
    made = allowed.create_state_machine(name="yes", roleArn=role, definition=ONE_STATE)

    assert refused.value.response["Error"]["Code"] == "AccessDeniedException"
    assert f"iam:PassRole on resource: {role}" in str(refused.value)
    assert made["stateMachineArn"].endswith(":yes")


def test_a_service_gets_no_role_that_does_not_trust_it(aws: MinistackServer) -> None:
    role = aws.role("for-glue", "glue.amazonaws.com")
    events, queue = aws.client("events"), f"arn:aws:sqs:{REGION}:{ACCOUNT}:none"
    events.put_rule(Name="untrusted", EventPattern='{"source":["x"]}')

    with pytest.raises(ClientError, match="cannot be assumed by Lambda"):
        aws.function("untrusted", CODE, role)
    with pytest.raises(ClientError, match=r"states\.amazonaws\.com"):
        aws.client("stepfunctions").create_state_machine(
            name="untrusted", roleArn=role, definition=ONE_STATE
        )
    with pytest.raises(ClientError, match=r"assumed by principal 'events\.amazonaws\.com'"):
        events.put_targets(Rule="untrusted", Targets=[{"Id": "1", "Arn": queue, "RoleArn": role}])
    with pytest.raises(ClientError, match="must allow AWS EventBridge Scheduler"):
        aws.client("scheduler").create_schedule(
            Name="untrusted",
            ScheduleExpression="rate(1 day)",
            FlexibleTimeWindow={"Mode": "OFF"},
            Target={"Arn": queue, "RoleArn": role, "Input": "{}"},
        )


def test_changing_a_functions_role_and_giving_one_to_firehose_passes_it_too(
    aws: MinistackServer,
) -> None:
    function_role = aws.role("function-role", "lambda.amazonaws.com")
    stream_role = aws.role("stream-role", "firehose.amazonaws.com")
    aws.function("handed", CODE, function_role)
    keys = keys_of(
        aws,
        "cannot-pass",
        [{"Effect": "Allow", "Action": ["lambda:*", "firehose:*"], "Resource": "*"}],
    )

    with pytest.raises(ClientError, match=f"iam:PassRole on resource: {function_role}"):
        aws.client("lambda", keys).update_function_configuration(
            FunctionName="handed", Role=function_role
        )
    with pytest.raises(ClientError, match=f"iam:PassRole on resource: {stream_role}"):
        aws.client("firehose", keys).create_delivery_stream(
            DeliveryStreamName="s",
            ExtendedS3DestinationConfiguration={
                "RoleARN": stream_role,
                "BucketARN": "arn:aws:s3:::b",
            },
        )


def test_a_trust_policy_may_name_the_account_and_resource_it_serves(aws: MinistackServer) -> None:
    condition = {
        "StringEquals": {"aws:SourceAccount": ACCOUNT},
        "ArnLike": {"aws:SourceArn": f"arn:aws:states:{REGION}:{ACCOUNT}:stateMachine:mine-*"},
    }
    role = aws.role("narrow", "states.amazonaws.com", Condition=condition)
    states = aws.client("stepfunctions")

    made = states.create_state_machine(name="mine-1", roleArn=role, definition=ONE_STATE)
    with pytest.raises(ClientError, match="authorized to assume"):
        states.create_state_machine(name="other", roleArn=role, definition=ONE_STATE)

    assert made["stateMachineArn"].endswith(":mine-1")


def test_a_trust_policy_can_name_the_roles_under_a_path_as_principals(
    aws: MinistackServer,
) -> None:
    account = {"AWS": f"arn:aws:iam::{ACCOUNT}:root"}
    trust: dict[str, object] = {
        "Effect": "Allow",
        "Principal": account,
        "Action": "sts:AssumeRole",
    }
    under_path = {"ArnLike": {"aws:PrincipalArn": f"arn:aws:iam::{ACCOUNT}:role/functions/*"}}
    iam = aws.client("iam")
    assume_any = {"Effect": "Allow", "Action": "sts:AssumeRole", "Resource": "*"}
    for name, path, statement in (
        ("reader", "/functions/", trust),
        ("stranger", "/", trust),
        ("data", "/", {**trust, "Condition": under_path}),
    ):
        iam.create_role(
            RoleName=name,
            Path=path,
            AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statement}),
        )
        iam.put_role_policy(
            RoleName=name,
            PolicyName="assume",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": assume_any}),
        )

    def assume(role: str, keys: dict[str, str] | None = None) -> dict[str, str]:
        arn = iam.get_role(RoleName=role)["Role"]["Arn"]
        made = aws.client("sts", keys).assume_role(RoleArn=arn, RoleSessionName="test")
        credentials = made["Credentials"]
        return {
            "aws_access_key_id": credentials["AccessKeyId"],
            "aws_secret_access_key": credentials["SecretAccessKey"],
            "aws_session_token": credentials["SessionToken"],
        }

    assert assume("data", assume("reader"))
    with pytest.raises(ClientError) as refused:
        assume("data", assume("stranger"))
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


def test_the_inline_policies_of_a_role_have_at_most_10240_characters(aws: MinistackServer) -> None:
    iam = aws.client("iam")
    aws.role("wordy", "lambda.amazonaws.com")
    half = [
        {"Effect": "Allow", "Action": "s3:GetObject", "Resource": f"arn:aws:s3:::{'x' * 5_000}"}
    ]
    aws.grant("wordy", half)
    large = json.dumps({"Version": "2012-10-17", "Statement": half + half}, indent=2)

    with pytest.raises(ClientError) as refused:
        iam.put_role_policy(RoleName="wordy", PolicyName="more", PolicyDocument=large)

    assert refused.value.response["Error"]["Code"] == "LimitExceeded"
    assert "10240" in refused.value.response["Error"]["Message"]


def test_a_managed_policy_has_at_most_6144_characters(aws: MinistackServer) -> None:
    iam = aws.client("iam")
    resource = f"arn:aws:s3:::{'x' * 6_100}"
    statement = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": resource}
    large = json.dumps({"Version": "2012-10-17", "Statement": [statement]})

    with pytest.raises(ClientError) as refused:
        iam.create_policy(PolicyName="wordy", PolicyDocument=large)

    assert refused.value.response["Error"]["Code"] == "LimitExceeded"
    assert "6144" in refused.value.response["Error"]["Message"]


def test_a_role_may_do_what_a_managed_policy_allows_while_it_is_attached(
    aws: MinistackServer,
) -> None:
    iam = aws.client("iam")
    trust = {
        "Effect": "Allow",
        "Principal": {"AWS": f"arn:aws:iam::{ACCOUNT}:root"},
        "Action": "sts:AssumeRole",
    }
    role = iam.create_role(
        RoleName="helped",
        AssumeRolePolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": trust}),
    )["Role"]["Arn"]
    url, arn = aws.queue("helped")
    statement = {"Effect": "Allow", "Action": "sqs:SendMessage", "Resource": arn}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    policy = iam.create_policy(PolicyName="send", PolicyDocument=document)["Policy"]["Arn"]
    made = aws.client("sts").assume_role(RoleArn=role, RoleSessionName="test")["Credentials"]
    sqs = aws.client(
        "sqs",
        {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
            "aws_session_token": made["SessionToken"],
        },
    )

    def send() -> None:
        sqs.send_message(QueueUrl=url, MessageBody="hello")

    with pytest.raises(ClientError):
        send()
    iam.attach_role_policy(RoleName="helped", PolicyArn=policy)
    send()
    iam.detach_role_policy(RoleName="helped", PolicyArn=policy)
    with pytest.raises(ClientError):
        send()
