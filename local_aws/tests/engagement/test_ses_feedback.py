"""Feedback notifications of an identity, with or without the headers of the email."""

from __future__ import annotations

import pytest

from builders.local_server import LocalServer, eventually

SENDER = "shop@example.com"


@pytest.mark.parametrize("wanted", [False, True])
def test_a_notification_has_the_headers_if_the_identity_says_so(
    local_aws: LocalServer, wanted: bool
) -> None:
    topic, received = local_aws.inbox("feedback", "ses.amazonaws.com")
    ses, sesv2 = local_aws.client("ses"), local_aws.client("sesv2")
    sesv2.create_email_identity(EmailIdentity=SENDER)
    about = {"Identity": SENDER, "NotificationType": "Bounce"}
    ses.set_identity_notification_topic(**about, SnsTopic=topic)
    ses.set_identity_headers_in_notifications_enabled(**about, Enabled=wanted)

    sesv2.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": ["bounce@simulator.amazonses.com"]},
        Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}},
    )

    def bounces() -> list[dict[str, object]]:
        return [each for each in received() if each.get("notificationType") == "Bounce"]

    [told] = eventually(bounces, bool)
    mail = told["mail"]
    assert isinstance(mail, dict)
    assert ("commonHeaders" in mail, "headers" in mail) == (wanted, wanted)
