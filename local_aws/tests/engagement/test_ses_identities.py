"""Identities of SES: one list for both versions of the API, and the topics of their feedback."""

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


def attributes(aws: MinistackServer, name: str) -> Any:
    ses = aws.client("ses")
    found = ses.get_identity_notification_attributes(Identities=[name])["NotificationAttributes"]
    return found.get(name)


def topic(aws: MinistackServer, name: str, *, open_to: str | None = "ses.amazonaws.com") -> str:
    arn = f"arn:aws:sns:{REGION}:{ACCOUNT}:{name}"
    statements = [
        {
            "Effect": "Allow",
            "Principal": {"Service": open_to},
            "Action": "sns:Publish",
            "Resource": arn,
        }
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    given = {"Policy": policy} if open_to else {}
    aws.client("sns").create_topic(Name=name, Attributes=given)
    return arn


def test_an_identity_of_v2_is_one_of_v1_and_goes_from_both(aws: MinistackServer):
    aws.client("sesv2").create_email_identity(EmailIdentity="v2.example.com")

    assert "v2.example.com" in aws.client("ses").list_identities()["Identities"]
    assert attributes(aws, "v2.example.com") == {"ForwardingEnabled": True}

    aws.client("sesv2").delete_email_identity(EmailIdentity="v2.example.com")
    assert "v2.example.com" not in aws.client("ses").list_identities()["Identities"]


def test_an_identity_of_v1_is_one_of_v2_and_goes_from_both(aws: MinistackServer):
    def listed() -> set[str]:
        found = aws.client("sesv2").list_email_identities()["EmailIdentities"]
        return {identity["IdentityName"] for identity in found}

    aws.client("ses").verify_email_identity(EmailAddress="ann@v1.example.com")
    aws.client("ses").verify_domain_identity(Domain="v1.example.com")

    assert listed() >= {"ann@v1.example.com", "v1.example.com"}
    aws.client("ses").delete_identity(Identity="v1.example.com")
    assert "v1.example.com" not in listed()


def test_topics_are_kept_told_and_cleared(aws: MinistackServer):
    ses = aws.client("ses")
    arn = topic(aws, "feedback")
    url, queue = aws.queue("feedback")
    aws.client("sns").subscribe(TopicArn=arn, Protocol="sqs", Endpoint=queue)
    statement = {
        "Effect": "Allow",
        "Principal": {"Service": "sns.amazonaws.com"},
        "Action": "sqs:SendMessage",
        "Resource": queue,
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    aws.client("sqs").set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy})
    ses.verify_domain_identity(Domain="topics.example.com")

    ses.set_identity_notification_topic(
        Identity="topics.example.com", NotificationType="Bounce", SnsTopic=arn
    )

    assert attributes(aws, "topics.example.com") == {"BounceTopic": arn, "ForwardingEnabled": True}
    [greeting] = aws.messages(url)
    told = json.loads(json.loads(greeting["Body"])["Message"])
    assert told["notificationType"] == "AmazonSnsSubscriptionSucceeded"
    ses.verify_domain_identity(Domain="topics.example.com")
    assert attributes(aws, "topics.example.com")["BounceTopic"] == arn
    ses.set_identity_notification_topic(Identity="topics.example.com", NotificationType="Bounce")
    assert attributes(aws, "topics.example.com") == {"ForwardingEnabled": True}


def test_an_unknown_identity_or_a_closed_topic_is_refused(aws: MinistackServer):
    ses = aws.client("ses")
    ses.verify_domain_identity(Domain="closed.example.com")
    closed, opened = topic(aws, "closed", open_to=None), topic(aws, "opened")

    for identity, arn in (("closed.example.com", closed), ("unknown.example.com", opened)):
        with pytest.raises(ClientError) as refusal:
            ses.set_identity_notification_topic(
                Identity=identity, NotificationType="Bounce", SnsTopic=arn
            )
        assert refusal.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert attributes(aws, "closed.example.com") == {"ForwardingEnabled": True}
    assert attributes(aws, "unknown.example.com") is None
