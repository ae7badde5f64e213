"""SES refuses addresses and names that are not ASCII or not RFC 5322, before it sends anything."""

from __future__ import annotations

from collections.abc import Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer
from local_aws.engagement.ses.addresses import in_header, refusal

SENDER = "shop@example.com"
BODY = {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hi"}}}
SIMPLE = {"Simple": BODY}


@pytest.mark.parametrize(
    "mailbox",
    [
        "ann@example.com",
        "Ann Lee <ann@example.com>",
        '"Lee, Ann" <ann@example.com>',
        r'"Ann \"Lee\"" <ann@example.com>',
        "=?utf-8?q?M=C3=BCller_GmbH?= <ann@example.com>",
        "<ann@example.com>",
        '"ann lee"@example.com',
        "ann@xn--mnchen-3ya.example",
        "Ann (at home) <ann@example.com>",
        "ann+tag=x@[192.0.2.1]",
    ],
)
def test_what_rfc_5322_allows_in_ascii_is_taken(mailbox: str) -> None:
    assert refusal([mailbox]) is None


@pytest.mark.parametrize(
    ("mailbox", "said"),
    [
        ("änn@example.com", "Local address contains control or whitespace"),
        ("ann lee@example.com", "Local address contains control or whitespace"),
        ("ann@example.com, bob@example.com", "Domain contains control or whitespace"),
        ("git:ann@example.com", "Local address contains illegal character"),
        ("ann..lee@example.com", "Local address contains dot-dot"),
        ("ann@münchen.example", "Domain contains control or whitespace"),
        ("ann@ex ample.com", "Domain contains control or whitespace"),
        ("ann@example.com%!", "Domain contains illegal character"),
        ("ann@.example.com", "Domain starts with dot"),
        ("ann@example..com", "Domain contains dot-dot"),
        ("ann@example.com.", "Domain ends with dot"),
        ("ann", "Missing final '@domain'"),
        ("ann@", "Missing domain"),
        ("@example.com", "Missing local name"),
        ("", "Empty address"),
        ("Foo, Inc. <ann@example.com>", "Illegal address"),
        ("Müller GmbH <ann@example.com>", "Illegal address"),
        ("ann@example.org <ann@example.com>", "Illegal address"),
        ("Ann <ann@example.com> and Bob", "Illegal address"),
        ("Ann <ann@example.com", "Missing '>'"),
        ('"Lee, Ann <ann@example.com>', "Missing '\"'"),
        ('"ann"lee@example.com', "Quote not at end of local address"),
    ],
)
def test_what_is_not_ascii_or_not_rfc_5322_is_refused_in_ses_s_words(
    mailbox: str, said: str
) -> None:
    assert refusal(["bob@example.com", mailbox]) == said


def test_an_address_header_is_read_mailbox_by_mailbox() -> None:
    value = '"Lee, Ann" <ann@example.com>, bob@example.com (Bob, at work), Cy <cy@example.com>'

    assert [mailbox.strip() for mailbox in in_header(value)] == [
        '"Lee, Ann" <ann@example.com>',
        "bob@example.com (Bob, at work)",
        "Cy <cy@example.com>",
    ]


@pytest.fixture
def sesv2(local_aws: LocalServer) -> Iterator[Any]:
    client = local_aws.client("sesv2")
    client.create_email_identity(EmailIdentity=SENDER)
    client.create_email_template(
        TemplateName="hello", TemplateContent={"Subject": "Hi", "Text": "Hi"}
    )
    yield client


def mime(sender: str) -> bytes:
    return f"From: {sender}\nTo: ann@example.com\nSubject: Hi\n\nHi".encode()


def requests(bad: str) -> dict[str, dict[str, Any]]:
    """SendEmail with the bad mailbox in each place that has one."""
    good = {"FromEmailAddress": SENDER, "Content": SIMPLE}
    to_ann = {"ToAddresses": ["ann@example.com"]}
    return {
        "from": {**good, "FromEmailAddress": bad, "Destination": to_ann},
        "to": {**good, "Destination": {"ToAddresses": ["ann@example.com", bad]}},
        "bcc": {**good, "Destination": {"BccAddresses": [bad]}},
        "reply-to": {**good, "Destination": to_ann, "ReplyToAddresses": [bad]},
        "feedback": {**good, "Destination": to_ann, "FeedbackForwardingEmailAddress": bad},
        "mime": {"Content": {"Raw": {"Data": mime(bad)}}, "Destination": to_ann},
    }


@pytest.mark.parametrize("place", requests(""))
@pytest.mark.parametrize("bad", ["Müller GmbH <shop@example.com>", "shöp@example.com"])
def test_a_mailbox_that_is_not_ascii_is_a_bad_request_wherever_it_is(
    local_aws: LocalServer, sesv2: Any, place: str, bad: str
) -> None:
    with pytest.raises(sesv2.exceptions.BadRequestException):
        sesv2.send_email(**requests(bad)[place])

    assert local_aws.outbox("email") == []


def test_a_name_with_a_comma_is_refused_bare_and_taken_in_quotation_marks(
    local_aws: LocalServer, sesv2: Any
) -> None:
    with pytest.raises(sesv2.exceptions.BadRequestException, match="Illegal address"):
        sesv2.send_email(**requests(f"Foo, Inc. <{SENDER}>")["from"])

    sesv2.send_email(**requests(f'"Foo, Inc." <{SENDER}>')["from"])

    [email] = local_aws.outbox("email")
    assert email["from"] == f'"Foo, Inc." <{SENDER}>'


def test_an_encoded_name_in_a_mime_message_is_taken(local_aws: LocalServer, sesv2: Any) -> None:
    message = EmailMessage()
    message["From"], message["To"] = f"Müller & Söhne <{SENDER}>", "ann@example.com"
    message["Subject"] = "Hi"
    message.set_content("Hi")
    sesv2.send_email(Content={"Raw": {"Data": message.as_bytes()}})

    assert len(local_aws.outbox("email")) == 1


def test_one_bad_address_refuses_a_whole_call_of_send_bulk_email(
    local_aws: LocalServer, sesv2: Any
) -> None:
    entries = [
        {"Destination": {"ToAddresses": [to]}} for to in ("ann@example.com", "ann@münchen.example")
    ]

    with pytest.raises(sesv2.exceptions.BadRequestException, match="Domain contains"):
        sesv2.send_bulk_email(
            FromEmailAddress=SENDER,
            DefaultContent={"Template": {"TemplateName": "hello", "TemplateData": "{}"}},
            BulkEmailEntries=entries,
        )

    assert local_aws.outbox("email") == []


def test_the_older_api_calls_it_an_invalid_parameter_value(
    local_aws: LocalServer, sesv2: Any
) -> None:
    with pytest.raises(ClientError) as refused:
        local_aws.client("ses").send_email(
            Source=SENDER, Destination={"ToAddresses": ["änn@example.com"]}, Message=BODY
        )

    assert refused.value.response["Error"]["Code"] == "InvalidParameterValue"
    assert local_aws.outbox("email") == []
