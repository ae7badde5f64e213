"""AWS End User Messaging Social as boto3 sees it: WhatsApp messages and what becomes of them."""

import json
from typing import Any

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer, allow

TO = "+14255550199"
FROM = "+12065550100"


def linked(local_aws: LocalServer) -> dict[str, str]:
    status, answer = local_aws.post(
        "whatsapp/accounts",
        {
            "phone_number": FROM,
            "templates": [{"name": "spring", "language": "en", "parameters": 1}],
        },
    )
    assert status == 200
    return dict(answer)


def template(*parameters: str, name: str = "spring") -> dict[str, Any]:
    return {
        "messaging_product": "whatsapp",
        "to": TO,
        "type": "template",
        "template": {
            "name": name,
            "language": {"code": "en"},
            "components": [
                {
                    "type": "body",
                    "parameters": [{"type": "text", "text": text} for text in parameters],
                }
            ],
        },
    }


def text() -> dict[str, Any]:
    return {"messaging_product": "whatsapp", "to": TO, "type": "text", "text": {"body": "Hello"}}


def send(client: Any, number_id: str, message: Any, version: str = "v20.0") -> str:
    message_id: str = client.send_whatsapp_message(
        originationPhoneNumberId=number_id,
        message=message if isinstance(message, bytes) else json.dumps(message).encode(),
        metaApiVersion=version,
    )["messageId"]
    return message_id


def test_a_message_by_an_approved_template_is_sent(local_aws: LocalServer) -> None:
    number_id = linked(local_aws)["phone_number_id"]

    message_id = send(local_aws.client("socialmessaging"), number_id, template("Mary"))

    (message,) = local_aws.outbox("whatsapp")
    assert (message["from"], message["to"]) == (FROM, TO)
    assert message["message_id"] == message_id
    assert (message["status"], message["error"]) == ("sent", None)


@pytest.mark.parametrize(
    ("message", "error"),
    [
        (template("Mary", name="summer"), 132001),
        (template(), 132000),
        (template("Mary", "Major"), 132000),
        (text(), 131047),
    ],
)
def test_a_message_that_whatsapp_refuses_is_accepted_first(
    local_aws: LocalServer, message: dict[str, Any], error: int
) -> None:
    number_id = linked(local_aws)["phone_number_id"]

    send(local_aws.client("socialmessaging"), number_id, message)

    (sent,) = local_aws.outbox("whatsapp")
    assert (sent["status"], sent["error"]) == ("failed", error)


def test_a_customer_who_writes_can_get_text_for_a_day(local_aws: LocalServer) -> None:
    number_id = linked(local_aws)["phone_number_id"]
    local_aws.post("inbound/whatsapp", {"from": TO, "to": FROM})

    send(local_aws.client("socialmessaging"), number_id, text())

    (sent,) = local_aws.outbox("whatsapp")
    assert sent["status"] == "sent"


@pytest.mark.parametrize(
    ("number_id", "message", "version", "code"),
    [
        ("phone-number-id-0", template("Mary"), "v20.0", "ResourceNotFoundException"),
        ("12065550100", template("Mary"), "v20.0", "ValidationException"),
        (None, template("Mary"), "20", "ValidationException"),
        (None, b"no json", "v20.0", "InvalidParametersException"),
        (None, {**template("Mary"), "to": "room-42"}, "v20.0", "InvalidParametersException"),
        (None, {"to": TO, "type": "text"}, "v20.0", "InvalidParametersException"),
        (None, {**text(), "type": "template"}, "v20.0", "InvalidParametersException"),
    ],
)
def test_a_request_of_another_form_is_refused(
    local_aws: LocalServer, number_id: str | None, message: Any, version: str, code: str
) -> None:
    own = linked(local_aws)["phone_number_id"]

    with pytest.raises(ClientError) as caught:
        send(local_aws.client("socialmessaging"), number_id or own, message, version)

    assert caught.value.response["Error"]["Code"] == code
    assert local_aws.outbox("whatsapp") == []


def test_a_role_sends_by_the_number_that_its_policy_names(local_aws: LocalServer) -> None:
    first, second = linked(local_aws), linked(local_aws)
    client = local_aws.as_role(
        "socialmessaging", allow("social-messaging:SendWhatsAppMessage", first["arn"])
    )

    send(client, first["phone_number_id"], template("Mary"))

    with pytest.raises(ClientError, match="AccessDenied"):
        send(client, second["phone_number_id"], template("Mary"))
    assert len(local_aws.outbox("whatsapp")) == 1


@pytest.mark.parametrize(
    "request_", [{}, {"phone_number": 1}, {"phone_number": FROM, "templates": [{"name": "spring"}]}]
)
def test_an_account_of_another_form_is_not_linked(
    local_aws: LocalServer, request_: dict[str, Any]
) -> None:
    status, answer = local_aws.post("whatsapp/accounts", request_)

    assert status == 400
    assert "phone_number" in answer["error"] or "A template has" in answer["error"]


@pytest.mark.parametrize(
    "components", [None, 7, "x", {"a": 1}, [None], ["x"], [{"type": "body", "parameters": None}]]
)
def test_a_template_whose_components_have_another_form_is_refused(
    local_aws: LocalServer, components: Any
) -> None:
    number_id = linked(local_aws)["phone_number_id"]
    message = template("Ada")
    message["template"]["components"] = components

    with pytest.raises(ClientError, match="InvalidParametersException"):
        send(local_aws.client("socialmessaging"), number_id, message)

    assert local_aws.outbox("whatsapp") == []


@pytest.mark.parametrize("to", [None, 7, [], {}, [FROM], "+12065550199"])
def test_a_message_to_a_number_that_is_not_linked_is_refused(
    local_aws: LocalServer, to: Any
) -> None:
    linked(local_aws)

    status, answer = local_aws.post("inbound/whatsapp", {"from": TO, "to": to})

    assert status == 400
    assert "linked number" in answer["error"]
