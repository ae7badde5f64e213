"""AWS End User Messaging Social (scope ``social-messaging``): WhatsApp messages.

A WhatsApp Business Account is linked in a browser, so ``POST /_local/whatsapp/accounts`` does it
here, with its approved templates. As in AWS, a message that WhatsApp will refuse is accepted: the
outbox ``whatsapp`` shows its status.
"""

from __future__ import annotations

import base64
import json
import re
import time
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import phonenumbers

from local_aws.engagement import outbox
from local_aws.engagement.modelled import ModelledError, Service
from local_aws.engagement.registration import Scoped, arn, serve

SCOPE = "social-messaging"
Json = dict[str, Any]

WINDOW_SECONDS = 24 * 3600
_VERSION = re.compile(r"v\d+\.\d+")
# WhatsApp Cloud API, "Error codes".
NO_SUCH_TEMPLATE = 132001
WRONG_PARAMETERS = 132000
OUTSIDE_THE_WINDOW = 131047


def _absent(operation: str) -> ModelledError:
    return ModelledError(
        "ValidationException",
        f"{operation} is not available in the local AWS: run it against AWS, or leave it out.",
    )


service = Service("socialmessaging", invalid="ValidationException", absent=_absent)


@dataclass
class Accounts:
    """Linked numbers by id; `templates` are the parameters of an approved template by number,
    name and language; `windows` are the times of the last message from a customer."""

    numbers: dict[str, Json] = field(default_factory=dict)
    templates: dict[tuple[str, str, str], int] = field(default_factory=dict)
    windows: dict[tuple[str, str], float] = field(default_factory=dict)


accounts: Scoped[Accounts] = Scoped(Accounts)


def link(request: Json) -> Json:
    """Link a number with its approved templates.

    Raises:
        ValueError: a member is missing or has another type.
    """
    number, templates = request.get("phone_number"), request.get("templates", [])
    example = (
        '{"phone_number": "+12065550100", "templates": [{"name": "spring", "language": "en", '
        '"parameters": 1}]}'
    )
    if not isinstance(number, str) or not isinstance(templates, list):
        raise ValueError(f"phone_number must be a string and templates a list: {example}.")
    number_id = f"phone-number-id-{uuid.uuid4().hex}"
    linked = Accounts()
    for each in templates:
        kinds = {"name": str, "language": str, "parameters": int}
        if not isinstance(each, dict) or not all(
            isinstance(each.get(name), kind) for name, kind in kinds.items()
        ):
            raise ValueError(f"A template has name, language and parameters: {example}.")
        linked.templates[number_id, each["name"], each["language"]] = each["parameters"]
    there = accounts.here()
    there.numbers[number_id] = {"phone_number": number}
    there.templates |= linked.templates
    return {"phone_number_id": number_id, "arn": arn(SCOPE, f"phone-number-id/{_bare(number_id)}")}


def _bare(number_id: str) -> str:
    return number_id.rpartition("/")[2].removeprefix("phone-number-id-")


def receive(request: Json) -> Json:
    """Open the 24 hours of a customer who writes to a linked number.

    Raises:
        ValueError: the number is not linked, or a member is missing.
    """
    from_, to = request.get("from"), request.get("to")
    there = accounts.here()
    known = {number["phone_number"]: id_ for id_, number in there.numbers.items()}
    if not isinstance(from_, str) or not isinstance(to, str) or to not in known:
        raise ValueError('from must be a number, and to a linked number: {"from", "to"}.')
    there.windows[known[to], from_] = time.time()
    return {"open_seconds": WINDOW_SECONDS}


@service.operation
def send_whats_app_message(request: Json) -> Json:
    there = accounts.here()
    number_id = f"phone-number-id-{_bare(request['originationPhoneNumberId'])}"
    if number_id not in there.numbers:
        raise ModelledError("ResourceNotFoundException", "The origination number is not linked.")
    if not _VERSION.fullmatch(request["metaApiVersion"]):
        raise ModelledError("ValidationException", "metaApiVersion must be as in v20.0.")
    message = _message(request["message"])
    to = message["to"]
    error = _refusal(there, number_id, to, message)
    message_id = str(uuid.uuid4())
    outbox.deliver(
        "whatsapp",
        {
            "from": there.numbers[number_id]["phone_number"],
            "to": to,
            "type": message["type"],
            "message": message[message["type"]],
            "message_id": message_id,
            "status": "sent" if error is None else "failed",
            "error": error,
        },
    )
    return {"messageId": message_id}


def _message(blob: str) -> Json:
    """Read a message of the Cloud API; Meta refuses one of another form.

    Raises:
        ModelledError: a member is missing.
    """
    try:
        message = json.loads(base64.b64decode(blob))
    except ValueError:
        message = None
    if not isinstance(message, dict) or message.get("messaging_product") != "whatsapp":
        raise _invalid("messaging_product must be whatsapp.")
    to, kind = message.get("to"), message.get("type", "text")
    if not isinstance(to, str) or not _dialled(to):
        raise _invalid("to must be a phone number.")
    if not isinstance(kind, str) or not isinstance(message.get(kind), dict):
        raise _invalid("The message must have the object that its type names.")
    if kind == "template":
        template = message["template"]
        language = template.get("language")
        if not isinstance(template.get("name"), str) or not isinstance(language, dict):
            raise _invalid("A template has a name and a language with a code.")
        components = template.get("components", [])
        if not isinstance(components, list) or not all(map(_is_component, components)):
            raise _invalid("The components of a template are objects with lists of parameters.")
    return {**message, "to": to if to.startswith("+") else f"+{to}", "type": kind}


def _is_component(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("parameters", []), list)


def _invalid(reason: str) -> ModelledError:
    return ModelledError("InvalidParametersException", reason)


def _dialled(to: str) -> bool:
    try:
        number = phonenumbers.parse(to if to.startswith("+") else f"+{to}")
    except phonenumbers.NumberParseException:
        return False
    return phonenumbers.is_possible_number(number)


def _refusal(there: Accounts, number_id: str, to: str, message: Json) -> int | None:
    """The code with which WhatsApp refuses the message; None where it delivers."""
    if message["type"] != "template":
        opened = there.windows.get((number_id, to), 0.0)
        return None if time.time() - opened < WINDOW_SECONDS else OUTSIDE_THE_WINDOW
    template = message["template"]
    code = template["language"].get("code")
    wanted = there.templates.get((number_id, template["name"], str(code)))
    if wanted is None:
        return NO_SUCH_TEMPLATE
    given = sum(
        len(component.get("parameters", []))
        for component in template.get("components", [])
        if component.get("type") == "body"
    )
    return None if given == wanted else WRONG_PARAMETERS


def _resource_of(method: str, path: str, headers: Mapping[str, str], body: bytes) -> str:
    """Service Authorization Reference, "AWS End User Messaging Social"."""
    try:
        number_id = json.loads(body).get("originationPhoneNumberId")
    except (ValueError, AttributeError):
        return "*"
    return f"phone-number-id/{_bare(number_id)}" if isinstance(number_id, str) else "*"


def reset() -> None:
    accounts.reset()


def register() -> None:
    serve(SCOPE, service, _resource_of)
