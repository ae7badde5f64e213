"""Attachments of SESv2: shown in the outbox, and refused as SES refuses them."""

import base64
import hashlib
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer

SENDER = "bank@example.com"
PDF = b"%PDF-1.7\n\x00\xff statement"


@pytest.fixture
def sesv2(local_aws: LocalServer) -> Any:
    client = local_aws.client("sesv2")
    client.create_email_identity(EmailIdentity=SENDER)
    return client


def send(client: Any, *attachments: dict[str, Any], **simple: Any) -> Any:
    content = {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "text"}}}
    return client.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": ["ann@example.com"]},
        Content={"Simple": content | {"Attachments": list(attachments)} | simple},
    )


def attachment(**members: Any) -> dict[str, Any]:
    return {
        "FileName": "statement.pdf",
        "RawContent": PDF,
        "ContentTransferEncoding": "BASE64",
    } | members


def refusal(client: Any, *attachments: dict[str, Any], **simple: Any) -> str:
    with pytest.raises(ClientError) as refused:
        send(client, *attachments, **simple)
    error = refused.value.response["Error"]
    assert error["Code"] == "BadRequestException"
    return str(error["Message"])


def test_an_attachment_is_shown_with_its_content(local_aws: LocalServer, sesv2: Any) -> None:
    send(sesv2, attachment(ContentType="application/pdf", ContentDisposition="ATTACHMENT"))

    [email] = local_aws.outbox("email")
    assert email["attachments"] == [
        {
            "name": "statement.pdf",
            "type": "application/pdf",
            "disposition": "ATTACHMENT",
            "size": len(PDF),
            "sha256": hashlib.sha256(PDF).hexdigest(),
            "content": base64.b64encode(PDF).decode(),
        }
    ]


def test_an_email_without_attachments_is_shown_without_them(
    local_aws: LocalServer, sesv2: Any
) -> None:
    send(sesv2)

    [email] = local_aws.outbox("email")
    assert "attachments" not in email


@pytest.mark.parametrize(
    ("members", "said"),
    [
        ({"FileName": "run.exe"}, "Illegal filename 'run.exe'."),
        ({"FileName": "RUN.JS"}, "Illegal filename 'RUN.JS'."),
        ({"FileName": "x" * 252 + ".pdf"}, "FileName of an attachment exceeds 255"),
        ({"ContentType": "a/" + "b" * 77}, "ContentType of an attachment exceeds 78"),
        ({"RawContent": b""}, "FileName and RawContent are required"),
        ({"ContentTransferEncoding": "GZIP"}, "ContentTransferEncoding must be one of"),
        ({"ContentTransferEncoding": "SEVEN_BIT"}, "does not fit ContentTransferEncoding"),
        ({"RawContent": bytes(31_000_000)}, "Message length is more than 41943040 bytes long."),
    ],
)
def test_what_ses_refuses_of_an_attachment_is_refused(
    local_aws: LocalServer, sesv2: Any, members: dict[str, Any], said: str
) -> None:
    assert said in refusal(sesv2, attachment(**members))
    assert local_aws.outbox("email") == []


def test_a_binary_file_without_an_encoding_is_refused_because_ses_takes_it_for_seven_bits(
    sesv2: Any,
) -> None:
    binary = attachment()
    del binary["ContentTransferEncoding"]

    assert "does not fit ContentTransferEncoding SEVEN_BIT" in refusal(sesv2, binary)
    send(sesv2, binary | {"FileName": "a.txt", "RawContent": b"seven bits"})


def test_a_sixteenth_header_is_refused(sesv2: Any) -> None:
    headers = [{"Name": f"X-{number}", "Value": "1"} for number in range(16)]

    assert "The number of headers exceeds 15." in refusal(sesv2, Headers=headers)
    send(sesv2, Headers=headers[:15])
