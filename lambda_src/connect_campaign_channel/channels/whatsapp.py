"""WhatsApp messages by AWS End User Messaging Social.

A business may write first only with a template that Meta has approved; text needs a message of the
customer in the last 24 hours. So each contact is a template message, and the rendered values are
the parameters of its body: values named `1`, `2`, … in that order, other values by their names.

Source: End User Messaging Social user guide, "Sending messages"; WhatsApp Cloud API, "Messages".
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connect_campaign_channel.channel import Answer, Contact, answer_to, phone_number_of
from connect_campaign_channel.content import Content, MalformedData
from shared.aws import aws_client

__all__ = ["WhatsAppChannel", "template_message"]

# Channel types whose address is a number.
_WRITTEN_TO = ("SMS", "VOICE", "CUSTOM")
_OPTIONS = ("template", "language")
_TEMPLATE = re.compile(r"[a-z0-9_]{1,512}")
_LANGUAGE = re.compile(r"[a-z]{2,3}(_[A-Z]{2})?")
_PARAMETER = re.compile(r"[1-9][0-9]?|[a-z][a-z0-9_]*")
# Meta refuses a message with a parameter that is empty, or has a line break, a tab or more than
# four spaces in a row. SendWhatsAppMessage accepts it, and the refusal is an event afterwards.
_NOT_IN_TEXT = re.compile(r"[\n\r\t]| {5}")


class WhatsAppChannel:
    """Sends a template message to each endpoint.

    Settings: `phone_number_id`, `meta_api_version`, and optional `template` and `language`, which
    the options of a campaign's Data replace.
    """

    name = "whatsapp"
    repeatable = timedelta(0)  # SendWhatsAppMessage takes no token

    def __init__(self, settings: Mapping[str, Any]) -> None:
        self._number_id = settings["phone_number_id"]
        self._version = settings["meta_api_version"]
        self._defaults = {name: settings[name] for name in _OPTIONS if settings.get(name)}

    @cached_property
    def _social(self) -> Any:
        return aws_client(
            "socialmessaging",
            config=Config(connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 1}),
        )

    def problem(self, endpoint: Mapping[str, Any]) -> str | None:
        if endpoint.get("ChannelType") not in _WRITTEN_TO:
            return "OTHER_CHANNEL"
        return "NO_PHONE_NUMBER" if phone_number_of(endpoint) is None else None

    def check(self, content: Content) -> None:
        unknown = sorted(set(content.options) - set(_OPTIONS))
        if unknown:
            raise MalformedData(
                f"options of Data has the unknown member {unknown[0]!r}: the members are "
                f"{', '.join(_OPTIONS)}."
            )
        options = {**self._defaults, **content.options}
        if not _TEMPLATE.fullmatch(options.get("template", "")):
            raise MalformedData(
                "options.template of Data must be the name of an approved template: lower-case "
                "letters, digits and underscores."
            )
        if not _LANGUAGE.fullmatch(options.get("language", "")):
            raise MalformedData("options.language of Data must be a code such as en or en_US.")
        names = list(content.values)
        if not all(_PARAMETER.fullmatch(name) for name in names):
            raise MalformedData(
                "values of Data must be named as the template's parameters: 1, 2, … or lower-case "
                "letters, digits and underscores."
            )
        numbers = sorted(int(name) for name in names if name.isdecimal())
        if numbers and numbers != list(range(1, len(names) + 1)):
            raise MalformedData("values of Data must be 1, 2, … without a gap, or all have names.")

    def contact(self, contact: Contact) -> Answer:
        for value in contact.values.values():
            if not value.strip() or _NOT_IN_TEXT.search(value):
                return Answer.refused("PARAMETER_REFUSED")
        options = {**self._defaults, **contact.options}
        message = template_message(
            contact.address, options["template"], options["language"], contact.values
        )
        try:
            answer = self._social.send_whatsapp_message(
                originationPhoneNumberId=self._number_id,
                metaApiVersion=self._version,
                message=json.dumps(message).encode(),
            )
        except (ClientError, BotoCoreError) as error:
            return answer_to(error)
        return Answer.accepted(answer["messageId"])


def template_message(
    to: str, template: str, language: str, values: Mapping[str, str]
) -> dict[str, Any]:
    """Return a message of the Cloud API by an approved template.

    Meta refuses a list of parameters that is not as long as the template's: without values there is
    no body.
    """
    numbered = sorted((name for name in values if name.isdecimal()), key=int)
    parameters = [{"type": "text", "text": values[name]} for name in numbered]
    parameters += [
        {"type": "text", "parameter_name": name, "text": values[name]}
        for name in values
        if not name.isdecimal()
    ]
    return {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": to,
        "type": "template",
        "template": {
            "name": template,
            "language": {"code": language},
            "components": [{"type": "body", "parameters": parameters}] if parameters else [],
        },
    }
