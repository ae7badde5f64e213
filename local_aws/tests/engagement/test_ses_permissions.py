"""Who may send an email as whom, to whom and by which configuration set."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from email.message import EmailMessage
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.ministack_server import ACCOUNT, REGION, MinistackServer, ministack_server

PREFIX = f"arn:aws:ses:{REGION}:{ACCOUNT}"
DOMAIN = f"{PREFIX}:identity/example.com"
NEWS = f"{PREFIX}:configuration-set/news"
SIMPLE = {"Simple": {"Subject": {"Data": "Hi"}, "Body": {"Text": {"Data": "Hi"}}}}
TO_ANN = {"ToAddresses": ["Ann <ann@example.org>"]}

Send = Callable[..., Any]


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        ses = server.client("sesv2")
        ses.create_email_identity(EmailIdentity="example.com")
        ses.create_email_identity(EmailIdentity="vip@example.com")
        ses.create_configuration_set(ConfigurationSetName="news")
        ses.create_email_template(
            TemplateName="hello", TemplateContent={"Subject": "Hi", "Text": "Hi"}
        )
        yield server


@pytest.fixture
def allowed(aws: MinistackServer) -> Callable[..., dict[str, str]]:
    """Keys of a fresh user with one statement about sending."""

    def keys(resource: str | list[str], condition: Any = None, action: Any = "ses:Send*") -> Any:
        statement = {"Effect": "Allow", "Action": action, "Resource": resource}
        if condition:
            statement["Condition"] = condition
        iam, user = aws.client("iam"), f"user-{uuid.uuid4()}"
        iam.create_user(UserName=user)
        iam.put_user_policy(UserName=user, PolicyName="all", PolicyDocument=_document(statement))
        key = iam.create_access_key(UserName=user)["AccessKey"]
        return {
            "aws_access_key_id": key["AccessKeyId"],
            "aws_secret_access_key": key["SecretAccessKey"],
        }

    return keys


def _document(statement: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})


def mime(sender: str, **headers: str) -> bytes:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = sender, "ann@example.org", "Hi"
    for name, value in headers.items():
        message[name.replace("_", "-")] = value
    message.set_content("Hi")
    return message.as_bytes()


def send_v2(client: Any, sender: str, **more: Any) -> Any:
    more = {"Content": SIMPLE, "Destination": TO_ANN} | more
    return client.send_email(FromEmailAddress=sender, **more)


def send_raw_v2(client: Any, sender: str) -> Any:
    return client.send_email(Content={"Raw": {"Data": mime(sender)}})


def send_bulk_v2(client: Any, sender: str) -> Any:
    return client.send_bulk_email(
        FromEmailAddress=sender,
        DefaultContent={"Template": {"TemplateName": "hello", "TemplateData": "{}"}},
        BulkEmailEntries=[{"Destination": TO_ANN}],
    )


def send_v1(client: Any, sender: str) -> Any:
    return client.send_email(Source=sender, Destination=TO_ANN, Message=SIMPLE["Simple"])


def send_raw_v1(client: Any, sender: str) -> Any:
    return client.send_raw_email(RawMessage={"Data": mime(sender)})


def refusal(call: Send, *arguments: Any, **more: Any) -> tuple[str, str]:
    with pytest.raises(ClientError) as refused:
        call(*arguments, **more)
    error = refused.value.response["Error"]
    return error["Code"], error["Message"]


@pytest.mark.parametrize(
    ("api", "send", "code"),
    [
        ("sesv2", send_v2, "AccessDeniedException"),
        ("sesv2", send_raw_v2, "AccessDeniedException"),
        ("ses", send_v1, "AccessDenied"),
        ("ses", send_raw_v1, "AccessDenied"),
    ],
)
def test_a_policy_for_one_identity_and_one_from_address_allows_only_it(
    aws: MinistackServer, allowed: Send, api: str, send: Send, code: str
) -> None:
    shop = {"StringEquals": {"ses:FromAddress": "shop@example.com"}}
    client = aws.client(api, allowed([DOMAIN, NEWS], shop))

    sent = send(client, "The shop <shop@example.com>")
    other_address = refusal(send, client, "boss@example.com")
    other_identity = refusal(send, client, "vip@example.com")

    assert sent["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert other_address[0] == other_identity[0] == code
    assert f"on resource `{DOMAIN}'" in other_address[1]
    assert f"on resource `{PREFIX}:identity/vip@example.com'" in other_identity[1]


@pytest.mark.parametrize("action", ["ses:SendEmail", "ses:SendRawEmail"])
def test_an_email_with_attachments_needs_two_actions(
    aws: MinistackServer, allowed: Send, action: str
) -> None:
    both = ["ses:SendEmail", "ses:SendRawEmail"]
    attached = [{"FileName": "a.txt", "RawContent": b"a"}]
    content = {"Content": {"Simple": SIMPLE["Simple"] | {"Attachments": attached}}}

    sent = send_v2(
        aws.client("sesv2", allowed([DOMAIN], action=both)), "shop@example.com", **content
    )
    refused = refusal(
        send_v2,
        aws.client("sesv2", allowed([DOMAIN], action=action)),
        "shop@example.com",
        **content,
    )

    [other] = set(both) - {action}
    assert sent["MessageId"]
    assert refused[0] == "AccessDeniedException"
    assert f"`{other}'" in refused[1]


@pytest.mark.parametrize("action", ["ses:SendBulkEmail", "ses:SendBulkTemplatedEmail"])
def test_a_bulk_email_of_sesv2_needs_two_actions(
    aws: MinistackServer, allowed: Send, action: str
) -> None:
    both = ["ses:SendBulkEmail", "ses:SendBulkTemplatedEmail"]
    resources = [DOMAIN, f"{PREFIX}:template/hello"]

    sent = send_bulk_v2(aws.client("sesv2", allowed(resources, action=both)), "shop@example.com")
    refused = refusal(
        send_bulk_v2, aws.client("sesv2", allowed(resources, action=action)), "shop@example.com"
    )

    [other] = set(both) - {action}
    assert sent["BulkEmailEntryResults"][0]["Status"] == "SUCCESS"
    assert refused[0] == "AccessDeniedException"
    assert f"to perform `{other}'" in refused[1]


def test_a_raw_email_of_sesv2_needs_the_action_of_the_older_api(
    aws: MinistackServer, allowed: Send
) -> None:
    client = aws.client("sesv2", allowed(DOMAIN, action="ses:SendEmail"))

    assert refusal(send_raw_v2, client, "shop@example.com")[0] == "AccessDeniedException"


def test_a_sender_that_cannot_be_read_is_no_question_of_permission(
    aws: MinistackServer, allowed: Send
) -> None:
    client = aws.client("sesv2", allowed(DOMAIN))

    code, _ = refusal(send_v2, client, "Foo, Inc. <shop@example.com>")

    assert code != "AccessDeniedException"  # the service says what is wrong with it


def send_templated_v2(client: Any, sender: str) -> Any:
    content = {"Template": {"TemplateName": "hello", "TemplateData": "{}"}}
    return send_v2(client, sender, Content=content)


def send_templated_v1(client: Any, sender: str) -> Any:
    return client.send_templated_email(
        Source=sender, Destination=TO_ANN, Template="hello", TemplateData="{}"
    )


@pytest.mark.parametrize(
    ("api", "send"),
    [("sesv2", send_bulk_v2), ("sesv2", send_templated_v2), ("ses", send_templated_v1)],
)
def test_a_template_needs_permission_of_its_own(
    aws: MinistackServer, allowed: Send, api: str, send: Send
) -> None:
    template = f"{PREFIX}:template/hello"
    granted = aws.client(api, allowed([DOMAIN, template]))

    sent = send(granted, "shop@example.com")
    refused = refusal(send, aws.client(api, allowed(DOMAIN)), "shop@example.com")

    assert sent["ResponseMetadata"]["HTTPStatusCode"] == 200
    assert f"on resource `{template}'" in refused[1]


def test_a_bulk_email_of_the_new_api_has_no_condition_keys_about_itself(
    aws: MinistackServer, allowed: Send
) -> None:
    shop = {"StringEquals": {"ses:FromAddress": "shop@example.com"}}
    client = aws.client("sesv2", allowed([DOMAIN, f"{PREFIX}:template/hello"], shop))

    assert refusal(send_bulk_v2, client, "shop@example.com")[0] == "AccessDeniedException"


def test_a_configuration_set_needs_permission_of_its_own(
    aws: MinistackServer, allowed: Send
) -> None:
    client = aws.client("sesv2", allowed(DOMAIN))
    shop = {"StringEquals": {"ses:FromAddress": "shop@example.com"}}
    both = aws.client("sesv2", allowed([DOMAIN, NEWS], shop))

    without = send_v2(client, "shop@example.com")
    named = refusal(send_v2, client, "shop@example.com", ConfigurationSetName="news")
    raw = {"Raw": {"Data": mime("shop@example.com", X_SES_CONFIGURATION_SET="news")}}
    in_header = refusal(send_v2, client, "shop@example.com", Content=raw)
    granted = send_v2(both, "shop@example.com", ConfigurationSetName="news")

    assert without["MessageId"] and granted["MessageId"]
    assert f"`ses:SendEmail' on resource `{NEWS}'" in named[1]
    assert f"`ses:SendRawEmail' on resource `{NEWS}'" in in_header[1]


def test_a_raw_message_needs_the_permission_to_send_raw_messages(
    aws: MinistackServer, allowed: Send
) -> None:
    client = aws.client("sesv2", allowed(DOMAIN, action="ses:SendEmail"))

    code, message = refusal(send_raw_v2, client, "shop@example.com")

    assert code == "AccessDeniedException"
    assert "is not authorized to perform `ses:SendRawEmail'" in message
    assert send_v2(client, "shop@example.com")["MessageId"]


def test_recipients_and_display_name_can_be_restricted(aws: MinistackServer, allowed: Send) -> None:
    condition = {
        "ForAllValues:StringLike": {"ses:Recipients": "*@example.org"},
        "StringEquals": {"ses:FromDisplayName": "The shop", "ses:ApiVersion": "2"},
    }
    client = aws.client("sesv2", allowed(DOMAIN, condition))
    stranger = {"ToAddresses": ["ann@example.org"], "BccAddresses": ["eve@example.net"]}

    sent = send_v2(client, "The shop <shop@example.com>")
    to_others = refusal(send_v2, client, "The shop <shop@example.com>", Destination=stranger)
    by_others = refusal(send_v2, client, "The boss <shop@example.com>")

    assert sent["MessageId"]
    assert to_others[0] == by_others[0] == "AccessDeniedException"


def test_an_address_below_the_domain_of_an_identity_uses_that_identity(
    aws: MinistackServer, allowed: Send
) -> None:
    client = aws.client("sesv2", allowed(DOMAIN))

    assert send_v2(client, "shop@mail.Example.com")["MessageId"]
    assert "identity/shop@example.net'" in refusal(send_v2, client, "shop@example.net")[1]
