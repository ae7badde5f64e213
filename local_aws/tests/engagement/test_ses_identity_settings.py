"""Lists of SES identities, and what an identity does about feedback."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import MinistackServer, ministack_server

SENDER = "shop@example.com"


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        server.client("ses").verify_email_identity(EmailAddress=SENDER)
        yield server


def attributes(aws: MinistackServer) -> dict[str, Any]:
    answer = aws.client("ses").get_identity_notification_attributes(Identities=[SENDER])
    found: dict[str, Any] = answer["NotificationAttributes"][SENDER]
    return found


def test_identities_are_listed_in_pages(aws: MinistackServer) -> None:
    client = aws.client("ses")
    names = [f"customer-{number}.example.org" for number in range(25)]
    for name in names:
        client.verify_domain_identity(Domain=name)

    pages = list(
        client.get_paginator("list_identities").paginate(
            IdentityType="Domain", PaginationConfig={"PageSize": 10}
        )
    )

    assert [len(page["Identities"]) for page in pages] == [10, 10, 5]
    assert sorted(name for page in pages for name in page["Identities"]) == sorted(names)


@pytest.mark.parametrize("asked", [{"NextToken": "nothing"}, {"MaxItems": 1001}])
def test_a_page_that_cannot_be_is_refused(aws: MinistackServer, asked: dict[str, Any]) -> None:
    with pytest.raises(ClientError) as refused:
        aws.client("ses").list_identities(**asked)

    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_headers_in_notifications_are_kept(aws: MinistackServer) -> None:
    aws.client("ses").set_identity_headers_in_notifications_enabled(
        Identity=SENDER, NotificationType="Bounce", Enabled=True
    )

    flags = {name: value for name, value in attributes(aws).items() if name.startswith("Headers")}
    assert flags == {"HeadersInBounceNotificationsEnabled": True}


def test_an_unknown_kind_of_notification_is_refused(aws: MinistackServer) -> None:
    with pytest.raises(ClientError, match="NotificationType must be one of") as refused:
        aws.client("ses").set_identity_notification_topic(
            Identity=SENDER, NotificationType="Open", SnsTopic="arn:aws:sns:us-east-1:0:t"
        )

    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"


def test_both_apis_say_whether_feedback_is_forwarded(aws: MinistackServer) -> None:
    sesv2 = aws.client("sesv2")
    before = sesv2.get_email_identity(EmailIdentity=SENDER)["FeedbackForwardingStatus"]

    sesv2.put_email_identity_feedback_attributes(EmailIdentity=SENDER, EmailForwardingEnabled=False)

    assert (before, attributes(aws)["ForwardingEnabled"]) == (True, False)
    assert sesv2.get_email_identity(EmailIdentity=SENDER)["FeedbackForwardingStatus"] is False
