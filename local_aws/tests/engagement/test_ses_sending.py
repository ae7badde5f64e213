"""Emails in the outbox, with all that the request said."""

import json
from email.message import EmailMessage
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer

SENDER = "shop@example.com"


@pytest.fixture
def sesv2(local_aws: LocalServer) -> Any:
    """SESv2 with a verified sender, a configuration set and a template."""
    client = local_aws.client("sesv2")
    client.create_email_identity(EmailIdentity=SENDER)
    client.create_configuration_set(ConfigurationSetName="news")
    client.create_email_template(
        TemplateName="welcome",
        TemplateContent={
            "Subject": "Welcome {{name}}",
            "Html": "<p>{{name}}</p>",
            "Text": "Hi {{name}}",
        },
    )
    return client


def mime() -> bytes:
    message = EmailMessage()
    message["From"], message["To"] = SENDER, "Ann <ann@example.com>, bob@example.com"
    message["Cc"], message["Subject"] = "cc@example.com", "Raw"
    message["X-SES-MESSAGE-TAGS"] = "kind=receipt, shop=7"
    message["X-SES-CONFIGURATION-SET"] = "news"
    message.set_content("text")
    message.add_alternative("<b>html</b>", subtype="html")
    return message.as_bytes()


def test_a_simple_email_is_shown_with_recipients_tags_headers_and_configuration_set(
    local_aws: LocalServer, sesv2: Any
) -> None:
    sent = sesv2.send_email(
        FromEmailAddress=SENDER,
        Destination={
            "ToAddresses": ["ann@example.com"],
            "CcAddresses": ["cc@example.com"],
            "BccAddresses": ["bcc@example.com"],
        },
        ReplyToAddresses=["help@example.com"],
        Content={
            "Simple": {
                "Subject": {"Data": "Hello"},
                "Body": {"Text": {"Data": "text"}, "Html": {"Data": "<b>html</b>"}},
                "Headers": [{"Name": "List-Unsubscribe", "Value": "<https://example.com/u>"}],
            }
        },
        EmailTags=[{"Name": "campaign", "Value": "c-1"}],
        ConfigurationSetName="news",
    )

    [email] = local_aws.outbox("email")
    assert email.pop("at").endswith("Z")
    assert email == {
        "from": SENDER,
        "to": ["ann@example.com"],
        "cc": ["cc@example.com"],
        "bcc": ["bcc@example.com"],
        "subject": "Hello",
        "html": "<b>html</b>",
        "text": "text",
        "tags": {"campaign": "c-1"},
        "configuration_set": "news",
        "headers": {
            "List-Unsubscribe": "<https://example.com/u>",
            "Reply-To": "help@example.com",
        },
        "message_id": sent["MessageId"],
    }


def test_a_raw_email_is_shown_by_what_its_mime_says(local_aws: LocalServer, sesv2: Any) -> None:
    sesv2.send_email(Content={"Raw": {"Data": mime()}})

    [email] = local_aws.outbox("email")
    assert (email["from"], email["to"]) == (SENDER, ["ann@example.com", "bob@example.com"])
    assert (email["cc"], email["subject"]) == (["cc@example.com"], "Raw")
    assert (email["text"].strip(), email["html"].strip()) == ("text", "<b>html</b>")
    assert email["tags"] == {"kind": "receipt", "shop": "7"}
    assert email["configuration_set"] == "news"


def test_a_templated_email_is_shown_rendered(local_aws: LocalServer, sesv2: Any) -> None:
    sesv2.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": ["ann@example.com"]},
        Content={
            "Template": {"TemplateName": "welcome", "TemplateData": json.dumps({"name": "Ann"})}
        },
    )

    [email] = local_aws.outbox("email")
    assert (email["subject"], email["html"], email["text"]) == (
        "Welcome Ann",
        "<p>Ann</p>",
        "Hi Ann",
    )


def test_each_entry_of_a_bulk_email_has_its_own_data_and_tags(
    local_aws: LocalServer, sesv2: Any
) -> None:
    def entry(name: str) -> dict[str, Any]:
        data = json.dumps({"name": name})
        return {
            "Destination": {"ToAddresses": [f"{name}@example.com"]},
            "ReplacementTags": [{"Name": "person", "Value": name}],
            "ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": data}},
        }

    sesv2.send_bulk_email(
        FromEmailAddress=SENDER,
        DefaultEmailTags=[{"Name": "campaign", "Value": "c-1"}],
        DefaultContent={"Template": {"TemplateName": "welcome", "TemplateData": "{}"}},
        BulkEmailEntries=[entry("ann"), entry("bob")],
        ConfigurationSetName="news",
    )

    emails = local_aws.outbox("email")
    assert [(e["to"], e["text"], e["tags"]) for e in emails] == [
        (["ann@example.com"], "Hi ann", {"campaign": "c-1", "person": "ann"}),
        (["bob@example.com"], "Hi bob", {"campaign": "c-1", "person": "bob"}),
    ]
    assert {e["configuration_set"] for e in emails} == {"news"}


def test_the_older_api_is_shown_in_the_same_shape(local_aws: LocalServer, sesv2: Any) -> None:
    ses = local_aws.client("ses")
    ses.create_configuration_set(ConfigurationSet={"Name": "old-news"})

    ses.send_email(
        Source=SENDER,
        Destination={"ToAddresses": ["ann@example.com"]},
        Message={"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "text"}}},
        Tags=[{"Name": "campaign", "Value": "c-1"}],
        ReplyToAddresses=["help@example.com"],
        ConfigurationSetName="old-news",
    )
    ses.send_raw_email(RawMessage={"Data": mime()}, Destinations=["only@example.com"])

    simple, raw = local_aws.outbox("email")
    assert (simple["to"], simple["subject"], simple["text"], simple["html"]) == (
        ["ann@example.com"],
        "Hello",
        "text",
        None,
    )
    assert simple["tags"] == {"campaign": "c-1"}
    assert simple["headers"] == {"Reply-To": "help@example.com"}
    assert simple["configuration_set"] == "old-news"
    assert (raw["to"], raw["tags"]) == (["only@example.com"], {"kind": "receipt", "shop": "7"})


def test_the_older_bulk_api_keeps_data_and_tags_with_their_recipient(
    local_aws: LocalServer, sesv2: Any
) -> None:
    ses = local_aws.client("ses")
    ses.create_template(
        Template={"TemplateName": "old", "SubjectPart": "Hi {{name}}", "TextPart": "{{name}}"}
    )

    ses.send_bulk_templated_email(
        Source=SENDER,
        Template="old",
        DefaultTemplateData="{}",
        DefaultTags=[{"Name": "campaign", "Value": "c-1"}],
        Destinations=[
            {
                "Destination": {"ToAddresses": [f"{name}@example.com"]},
                "ReplacementTags": [{"Name": "person", "Value": name}],
                "ReplacementTemplateData": json.dumps({"name": name}),
            }
            for name in ("ann", "bob")
        ],
    )

    assert [(e["to"], e["subject"], e["text"], e["tags"]) for e in local_aws.outbox("email")] == [
        (["ann@example.com"], "Hi ann", "ann", {"campaign": "c-1", "person": "ann"}),
        (["bob@example.com"], "Hi bob", "bob", {"campaign": "c-1", "person": "bob"}),
    ]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"FromEmailAddress": "other@example.org"}, "MessageRejected"),
        ({"ConfigurationSetName": "unknown"}, "NotFoundException"),
    ],
    ids=["unverified sender", "unknown configuration set"],
)
def test_what_ses_refuses_does_not_reach_the_outbox(
    local_aws: LocalServer, sesv2: Any, change: dict[str, str], code: str
) -> None:
    request = {
        "FromEmailAddress": SENDER,
        "Destination": {"ToAddresses": ["ann@example.com"]},
        "Content": {"Simple": {"Subject": {"Data": "x"}, "Body": {"Text": {"Data": "x"}}}},
    }

    with pytest.raises(ClientError) as refused:
        sesv2.send_email(**request | change)

    assert refused.value.response["Error"]["Code"] == code
    assert local_aws.outbox("email") == []
