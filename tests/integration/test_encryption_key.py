"""Every architecture under one customer managed key: each entry point is driven once.

The other files run the architectures with AWS's own keys, for which a role needs no permission.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
from botocore.exceptions import ClientError
from pytest_terraform import terraform

from tests.builders.analyst import Analyst
from tests.builders.hub_client import hub_client
from tests.builders.local_account import LocalAccount, local
from tests.builders.terraform_example import left_behind, outputs, second_plan
from tests.builders.viewers import view

pytestmark = pytest.mark.integration

NAME = "sealed"
BOUNCES = "simulator.amazonses.com"


@pytest.fixture(scope="module", autouse=True)
def pipeline(account: LocalAccount) -> Iterator[dict[str, str]]:
    """Credentials of a user that may create tables and has no KMS permission.

    The settings of the example are made before it is applied: this user is a deployer, and buffers
    are short.
    """
    iam, name = account.client("iam"), "pipeline"
    user = iam.create_user(UserName=name)["User"]["Arn"]
    allow = {"Effect": "Allow", "Action": "dynamodb:*", "Resource": "*"}
    policy = json.dumps({"Version": "2012-10-17", "Statement": [allow]})
    iam.put_user_policy(UserName=name, PolicyName="tables", PolicyDocument=policy)
    made = iam.create_access_key(UserName=name)["AccessKey"]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("TF_VAR_buffer_seconds", "1")
        patch.setenv("TF_VAR_deployers", json.dumps({"pipeline": user}))
        yield {
            "aws_access_key_id": made["AccessKeyId"],
            "aws_secret_access_key": made["SecretAccessKey"],
        }


@pytest.fixture(scope="module")
def example(encryption_key: Any) -> dict[str, Any]:
    return outputs(encryption_key)


def analyst(account: LocalAccount, example: dict[str, Any], database: str) -> Analyst:
    return Analyst(account, example["databases"][database])


def table_of(example: dict[str, Any], database: str) -> str:
    return str(example["databases"][database]["table_name"])


def reason(account: LocalAccount, table: str, address: str) -> str | None:
    """The reason for which an address is in a table of addresses; None for another address."""
    key = {"address": {"S": address}}
    item = account.client("dynamodb").get_item(TableName=table, Key=key).get("Item", {})
    return item.get("reason", {}).get("S")


@terraform("encryption_key", scope="module")
def test_a_file_becomes_a_text_message_whose_event_reaches_the_project_s_database(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    number = "+12065550141"
    header = "ChannelType,Address,User.UserId,User.UserAttributes.FirstName,Location.Country\n"
    account.drop(example, "people.csv", f"{header}SMS,{number},u1,Ada,US\n")

    [message] = account.eventually(lambda: account.sent_to(number), bool, seconds=180)

    assert "Ada" in message["body"]
    analyst(account, example, "project").wait_for(
        f"SELECT event_type FROM {table_of(example, 'project')} WHERE event_type LIKE '_SMS%'"
    )


@terraform("encryption_key", scope="module")
def test_a_message_of_the_project_that_bounces_suppresses_its_recipient(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    address = f"bounce+{uuid.uuid4().hex[:8]}@{BOUNCES}"
    text = {"Subject": {"Data": "News"}, "TextPart": {"Data": "Hello"}}

    hub_client(example["api_urls"]["hub"]).send_messages(
        ApplicationId=example["project_id"],
        MessageRequest={
            "Addresses": {address: {"ChannelType": "EMAIL"}},
            "MessageConfiguration": {"EmailMessage": {"SimpleEmail": text}},
        },
    )

    account.eventually(
        lambda: reason(account, example["address_tables"]["project"], address),
        lambda seen: seen == "BOUNCE",
    )


@terraform("encryption_key", scope="module")
def test_an_email_of_a_program_that_bounces_suppresses_its_recipient(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    address = f"bounce+{uuid.uuid4().hex[:8]}@{BOUNCES}"
    text = {"Subject": {"Data": "News"}, "Body": {"Text": {"Data": "Hello"}}}

    account.client("sesv2").send_email(
        FromEmailAddress=example["from_address"],
        Destination={"ToAddresses": [address]},
        ConfigurationSetName=example["configuration_sets"]["direct"],
        Content={"Simple": text},
    )

    account.eventually(
        lambda: reason(account, example["address_tables"]["direct"], address),
        lambda seen: seen == "BOUNCE",
    )


@terraform("encryption_key", scope="module")
def test_a_mail_to_the_mailbox_gets_a_reply(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    ann = "ann@sealed-customers.example.org"

    local("inbound/email", {"from": ann, "to": [example["reply_address"]], "text": "Hello"})

    account.eventually(
        lambda: [mail for mail in account.outbox("email") if mail["to"] == [ann]], bool
    )


@terraform("encryption_key", scope="module")
def test_an_email_on_the_queue_is_sent_and_its_events_reach_the_email_database(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    address = "queued@sealed-customers.example.org"
    message = {
        "from": example["from_address"],
        "to": address,
        "template_name": example["email_template_name"],
        "user_id": "1",
        "config_set": example["configuration_sets"]["queue"],
        "tags": [],
        "unique_code": "code-1",
    }

    account.client("dynamodb").put_item(
        TableName=example["users_table"],
        Item={"user_id": {"S": "1"}, "metadata": {"M": {"first_name": {"S": "Ann"}}}},
    )
    account.client("sqs").send_message(
        QueueUrl=example["queue_url"], MessageBody=json.dumps(message)
    )

    account.eventually(
        lambda: [mail for mail in account.outbox("email") if mail["to"] == [address]], bool
    )
    analyst(account, example, "email").wait_for(f"SELECT 1 FROM {table_of(example, 'email')}")


@terraform("encryption_key", scope="module")
def test_the_events_of_a_text_reach_the_sms_database(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    account.client("pinpoint-sms-voice-v2").send_text_message(
        DestinationPhoneNumber="+12065550142",
        MessageBody="Hello",
        ConfigurationSetName=example["configuration_sets"]["texts"],
    )

    analyst(account, example, "sms").wait_for(f"SELECT 1 FROM {table_of(example, 'sms')}")


@terraform("encryption_key", scope="module")
def test_the_schedule_of_the_report_starts_an_export_that_ends_well(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    now = datetime.now(UTC)
    next_month = datetime(now.year + now.month // 12, now.month % 12 + 1, 1, 6, tzinfo=UTC)

    fired = local(
        f"scheduler/{example['report_schedule_name']}/fire?at={next_month:%Y-%m-%dT%H:%M:%SZ}", {}
    )

    assert fired["result"] == "invoked", fired
    ended = account.finished(fired["executionArn"])
    assert ended["status"] == "SUCCEEDED", ended


def keys_in_use(account: LocalAccount) -> Iterator[tuple[str, str | None]]:
    """Every resource of the example that can have a key, and the key that it has."""
    logs, sns, sqs = (account.client(service) for service in ("logs", "sns", "sqs"))
    dynamodb, states = account.client("dynamodb"), account.client("stepfunctions")
    for page in logs.get_paginator("describe_log_groups").paginate():
        for group in page["logGroups"]:
            yield f"log group {group['logGroupName']}", group.get("kmsKeyId")
    for function in account.client("lambda").get_paginator("list_functions").paginate():
        for each in function["Functions"]:
            if each.get("Environment", {}).get("Variables"):
                yield f"function {each['FunctionName']}", each.get("KMSKeyArn")
    for page in sqs.get_paginator("list_queues").paginate():
        for url in page.get("QueueUrls", []):
            found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
            yield f"queue {url.rsplit('/', 1)[1]}", found.get("KmsMasterKeyId")
    for page in sns.get_paginator("list_topics").paginate():
        for topic in page["Topics"]:
            found = sns.get_topic_attributes(TopicArn=topic["TopicArn"])["Attributes"]
            yield f"topic {topic['TopicArn'].rsplit(':', 1)[1]}", found.get("KmsMasterKeyId")
    for page in dynamodb.get_paginator("list_tables").paginate():
        for name in page["TableNames"]:
            table = dynamodb.describe_table(TableName=name)["Table"]
            yield f"table {name}", table.get("SSEDescription", {}).get("KMSMasterKeyArn")
    for page in states.get_paginator("list_state_machines").paginate():
        for machine in page["stateMachines"]:
            found = states.describe_state_machine(stateMachineArn=machine["stateMachineArn"])
            key = found.get("encryptionConfiguration", {}).get("kmsKeyId")
            yield f"state machine {machine['name']}", key


@terraform("encryption_key", scope="module")
def test_everything_that_can_have_a_key_has_this_one(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    found = {
        resource: key
        for resource, key in keys_in_use(account)
        if NAME in resource.replace("/", "-").replace(" ", "-").split("-")
    }

    assert len(found) > 80
    assert {resource: key for resource, key in found.items() if key != example["kms_key_arn"]} == {}


@terraform("encryption_key", scope="module")
def test_a_deployer_uses_the_key_through_a_service_and_not_by_itself(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any], pipeline: dict[str, str]
) -> None:
    dynamodb, kms = account.client("dynamodb", **pipeline), account.client("kms", **pipeline)
    key = example["kms_key_arn"]

    dynamodb.create_table(
        TableName="deployed",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
        AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        BillingMode="PAY_PER_REQUEST",
        SSESpecification={"Enabled": True, "SSEType": "KMS", "KMSMasterKeyId": key},
    )
    dynamodb.put_item(TableName="deployed", Item={"pk": {"S": "a"}})

    with pytest.raises(ClientError, match="AccessDenied"):
        kms.encrypt(KeyId=key, Plaintext=b"a")
    with pytest.raises(ClientError, match="AccessDenied"):
        kms.create_grant(KeyId=key, GranteePrincipal=key, Operations=["Decrypt"])


@terraform("encryption_key", scope="module")
def test_a_viewer_gets_an_encrypted_page_of_the_site(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    site = example["site"]
    s3 = account.client("s3")
    s3.put_object(Bucket=site["bucket"], Key="index.html", Body=b"sealed")

    answer = view(account, site["domain"], "/")

    stored = s3.head_object(Bucket=site["bucket"], Key="index.html")
    assert stored["SSEKMSKeyId"] == example["kms_key_arn"]
    assert (answer.status, answer.text) == (200, "sealed")


@terraform("encryption_key", scope="module")
def test_every_dead_letter_queue_is_empty_after_all_of_that(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    left = {name: account.messages(url) for name, url in example["dead_letter_queue_urls"].items()}

    assert left == {name: [] for name in left}


@terraform("encryption_key", scope="module")
def test_a_second_plan_of_everything_is_empty(encryption_key: Any) -> None:
    assert second_plan(encryption_key) == ""


@terraform("encryption_key", scope="module")
def test_destroying_everything_leaves_the_key_waiting_for_its_deletion_only(
    encryption_key: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    encryption_key.terraform.destroy()

    assert left_behind(account, NAME) == []
    state = account.client("kms").describe_key(KeyId=example["kms_key_arn"])["KeyMetadata"]
    assert state["KeyState"] == "PendingDeletion"
