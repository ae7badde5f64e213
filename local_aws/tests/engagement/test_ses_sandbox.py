"""In the SES sandbox recipients are verified identities, and need permission of their own."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer
from builders.ministack_server import ACCOUNT, REGION, ministack_server

SENDER = "shop@example.com"
SIMPLE = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hi"}}}}


def enter_sandbox(sesv2: Any) -> None:
    sesv2.put_account_details(
        MailType="TRANSACTIONAL", WebsiteURL="https://example.com", ProductionAccessEnabled=False
    )


def send(sesv2: Any, to: str) -> str | None:
    """Send an email; the code of the error, or None."""
    try:
        sesv2.send_email(FromEmailAddress=SENDER, Destination={"ToAddresses": [to]}, Content=SIMPLE)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return None


@pytest.fixture
def sesv2(local_aws: LocalServer) -> Any:
    client = local_aws.client("sesv2")
    for identity in (SENDER, "ann@example.org", "example.net"):
        client.create_email_identity(EmailIdentity=identity)
    return client


def test_in_the_sandbox_email_goes_to_verified_identities_and_to_the_simulator(
    local_aws: LocalServer, sesv2: Any
) -> None:
    assert send(sesv2, "bob@example.org") is None  # not in the sandbox

    enter_sandbox(sesv2)

    assert sesv2.get_account()["ProductionAccessEnabled"] is False
    assert send(sesv2, "bob@example.org") == "MessageRejected"
    assert send(sesv2, "ann@example.org") is None
    assert send(sesv2, "Cy <cy@shop.example.net>") is None
    assert send(sesv2, "success@simulator.amazonses.com") is None
    assert len(local_aws.outbox("email")) == 4


def test_the_older_api_refuses_in_the_sandbox_too(local_aws: LocalServer, sesv2: Any) -> None:
    enter_sandbox(sesv2)

    with pytest.raises(ClientError, match="not verified") as refused:
        local_aws.client("ses").send_email(
            Source=SENDER,
            Destination={"ToAddresses": ["bob@example.org"]},
            Message=SIMPLE["Simple"],
        )

    assert refused.value.response["Error"]["Code"] == "MessageRejected"


def test_in_the_sandbox_the_identity_of_the_recipient_needs_permission_too() -> None:
    prefix = f"arn:aws:ses:{REGION}:{ACCOUNT}:identity"
    with ministack_server() as server:
        root = server.client("sesv2")
        for identity in (SENDER, "ann@example.org"):
            root.create_email_identity(EmailIdentity=identity)
        clients = [
            server.client("sesv2", _keys(server.client("iam"), name, resources))
            for name, resources in (
                ("sender-alone", [f"{prefix}/{SENDER}"]),
                ("both", [f"{prefix}/{SENDER}", f"{prefix}/ann@example.org"]),
            )
        ]
        assert [send(client, "ann@example.org") for client in clients] == [None, None]

        enter_sandbox(root)

        assert [send(client, "ann@example.org") for client in clients] == [
            "AccessDeniedException",
            None,
        ]


def _keys(iam: Any, user: str, resources: list[str]) -> dict[str, str]:
    statement = {"Effect": "Allow", "Action": "ses:SendEmail", "Resource": resources}
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam.create_user(UserName=user)
    iam.put_user_policy(UserName=user, PolicyName="send", PolicyDocument=document)
    key = iam.create_access_key(UserName=user)["AccessKey"]
    return {
        "aws_access_key_id": key["AccessKeyId"],
        "aws_secret_access_key": key["SecretAccessKey"],
    }
