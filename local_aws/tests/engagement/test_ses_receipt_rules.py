"""Receipt rules of SES are changed and ordered, and name only what lets SES in."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import ACCOUNT, REGION, MinistackServer, ministack_server


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        yield server


@pytest.fixture
def rule_set(aws: MinistackServer) -> str:
    name = f"set-{uuid.uuid4()}"
    aws.client("ses").create_receipt_rule_set(RuleSetName=name)
    return name


def rule(name: str, *actions: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"Name": name, "Enabled": True, "Actions": list(actions), **more}


def source(rule_set: str, name: str) -> str:
    return f"arn:aws:ses:{REGION}:{ACCOUNT}:receipt-rule-set/{rule_set}:receipt-rule/{name}"


def names(aws: MinistackServer, rule_set: str) -> list[str]:
    rules = aws.client("ses").describe_receipt_rule_set(RuleSetName=rule_set)["Rules"]
    return [each["Name"] for each in rules]


def grant(action: str, resource: str, source_arn: str) -> str:
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "ses.amazonaws.com"},
        "Action": action,
        "Resource": resource,
        "Condition": {
            "StringEquals": {"aws:SourceAccount": ACCOUNT},
            "ArnEquals": {"aws:SourceArn": source_arn},
        },
    }
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def refusal(call: Callable[..., Any], **arguments: Any) -> str:
    with pytest.raises(ClientError) as refused:
        call(**arguments)
    return str(refused.value.response["Error"]["Code"])


def test_a_rule_is_replaced_where_it_stands(aws: MinistackServer, rule_set: str) -> None:
    ses = aws.client("ses")
    for name in ("last", "middle", "first"):  # a new rule is the first
        ses.create_receipt_rule(RuleSetName=rule_set, Rule=rule(name))

    ses.update_receipt_rule(
        RuleSetName=rule_set, Rule=rule("middle", Recipients=["ann@example.com"])
    )

    described = ses.describe_receipt_rule(RuleSetName=rule_set, RuleName="middle")["Rule"]
    assert names(aws, rule_set) == ["first", "middle", "last"]
    assert described["Recipients"] == ["ann@example.com"]
    unknown = rule("unknown")
    assert refusal(ses.update_receipt_rule, RuleSetName=rule_set, Rule=unknown) == (
        "RuleDoesNotExist"
    )


def test_rules_are_moved(aws: MinistackServer, rule_set: str) -> None:
    ses = aws.client("ses")
    for name in ("c", "b", "a"):
        ses.create_receipt_rule(RuleSetName=rule_set, Rule=rule(name))

    ses.set_receipt_rule_position(RuleSetName=rule_set, RuleName="a", After="b")
    behind = names(aws, rule_set)
    ses.set_receipt_rule_position(RuleSetName=rule_set, RuleName="c")
    in_front = names(aws, rule_set)

    assert behind == ["b", "a", "c"]
    assert in_front == ["c", "b", "a"]


@pytest.mark.parametrize("granted_to", [None, "other"])
def test_a_rule_names_a_function_only_if_its_policy_lets_ses_invoke_it_for_this_rule(
    aws: MinistackServer, rule_set: str, granted_to: str | None
) -> None:
    name = f"function-{uuid.uuid4()}"
    role = aws.role(name, "lambda.amazonaws.com")
    function = aws.function(name, "def handler(event, context): pass", role)
    ses, functions = aws.client("ses"), aws.client("lambda")
    wanted = rule("mine", {"LambdaAction": {"FunctionArn": function}})
    permission = {
        "FunctionName": name,
        "Action": "lambda:InvokeFunction",
        "Principal": "ses.amazonaws.com",
        "SourceAccount": ACCOUNT,
    }
    if granted_to:
        functions.add_permission(
            StatementId="other", SourceArn=source(rule_set, granted_to), **permission
        )

    refused = refusal(ses.create_receipt_rule, RuleSetName=rule_set, Rule=wanted)
    functions.add_permission(StatementId="mine", SourceArn=source(rule_set, "mine"), **permission)
    ses.create_receipt_rule(RuleSetName=rule_set, Rule=wanted)

    described = ses.describe_receipt_rule(RuleSetName=rule_set, RuleName="mine")["Rule"]
    assert refused == "InvalidLambdaFunction"
    assert described["Actions"] == [
        {"LambdaAction": {"FunctionArn": function, "InvocationType": "Event"}}
    ]


def test_a_rule_names_a_bucket_only_if_its_policy_lets_ses_write_and_leaves_a_trace_there(
    aws: MinistackServer, rule_set: str
) -> None:
    ses, s3, bucket = aws.client("ses"), aws.client("s3"), f"bucket-{uuid.uuid4()}"
    s3.create_bucket(Bucket=bucket)
    action = {"S3Action": {"BucketName": bucket, "ObjectKeyPrefix": "in/"}}
    wanted = {"RuleSetName": rule_set, "Rule": rule("mine", action)}

    without = refusal(ses.create_receipt_rule, **wanted)
    elsewhere = grant("s3:PutObject", f"arn:aws:s3:::{bucket}/out/*", source(rule_set, "mine"))
    s3.put_bucket_policy(Bucket=bucket, Policy=elsewhere)
    for_other_keys = refusal(ses.create_receipt_rule, **wanted)
    here = grant("s3:PutObject", f"arn:aws:s3:::{bucket}/in/*", source(rule_set, "mine"))
    s3.put_bucket_policy(Bucket=bucket, Policy=here)
    ses.create_receipt_rule(**wanted)

    kept = [each["Key"] for each in s3.list_objects_v2(Bucket=bucket)["Contents"]]
    assert (without, for_other_keys) == ("InvalidS3Configuration", "InvalidS3Configuration")
    assert kept == ["in/AMAZON_SES_SETUP_NOTIFICATION"]


@pytest.mark.parametrize(
    "action",
    [
        {"SNSAction": {"TopicArn": "{}"}},
        {"StopAction": {"Scope": "RuleSet", "TopicArn": "{}"}},
    ],
)
def test_a_rule_names_a_topic_only_if_its_policy_lets_ses_publish_for_this_rule(
    aws: MinistackServer, rule_set: str, action: dict[str, Any]
) -> None:
    ses, sns = aws.client("ses"), aws.client("sns")
    topic = sns.create_topic(Name=f"topic-{uuid.uuid4()}")["TopicArn"]
    wanted = rule("mine", json.loads(json.dumps(action).replace("{}", topic)))

    refused = refusal(ses.create_receipt_rule, RuleSetName=rule_set, Rule=wanted)
    policy = grant("sns:Publish", topic, source(rule_set, "mine"))
    sns.set_topic_attributes(TopicArn=topic, AttributeName="Policy", AttributeValue=policy)
    ses.create_receipt_rule(RuleSetName=rule_set, Rule=wanted)

    assert refused == "InvalidSnsTopic"
    assert names(aws, rule_set) == ["mine"]
