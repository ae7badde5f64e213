"""The email for one recipient: content from the template, and the request of SES."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

from email_attachments.configuration import BadConfiguration, Configuration, Unsubscribe
from email_attachments.files import (
    LARGEST_MESSAGE_BYTES,
    FileProblem,
    FileRefused,
    content_type,
    encoded_bytes,
)
from shared.mailbox import read_address
from shared.messages.content import EmailContent, EmailPlan, endpoint_variables, resolve
from shared.messages.errors import BadRequest
from shared.messages.templates import RenderingFailed, compile_template
from shared.pinpoint_events import HubIds, email_tags

__all__ = ["LINK_VARIABLES", "File", "plan_of", "rendered", "send_request"]

LINK_VARIABLES = ("S3URL", "URL")
"""Variables of the link: AWS's architecture has S3URL in its template and URL in its README."""

_LINK = re.compile(r"\{\{[^{}]*\b(?:S3URL|URL)\b[^{}]*\}\}")
_OWN_LINK = re.compile(r"\{\{\{?~?\s*S3URL\s*~?\}?\}\}")
# SES API v2 reference, "MessageHeader" and "Message".
_MOST_HEADERS = 15
_HEADER_NAME = re.compile(r"[!-9;-~]{1,126}")
_HEADER_VALUE = re.compile(r"[ -~]{1,995}")
_LONGEST_HEADER = 996


@dataclass(frozen=True, slots=True)
class File:
    """A file to attach."""

    name: str
    content: bytes


def plan_of(template: Mapping[str, Any], configuration: Configuration) -> EmailPlan:
    """Compile a template, and check that it suits the configuration.

    Args:
        template: EmailTemplateResponse of GetEmailTemplate.

    Raises:
        BadConfiguration: the template cannot be used with the configuration.
    """
    try:
        plan = resolve({}, {"EMAIL": template}, "EMAIL")
    except BadRequest as error:
        raise BadConfiguration(f"The template cannot be compiled: {error.message}") from error
    if not isinstance(plan, EmailPlan) or plan.subject is None:
        raise BadConfiguration("The template has no Subject, or neither HtmlPart nor TextPart.")
    parts = [str(template.get(name) or "") for name in ("HtmlPart", "TextPart")]
    if configuration.links and not any(_LINK.search(part) for part in parts):
        raise BadConfiguration(
            "The template has no place for the link: write {{S3URL}} into HtmlPart and TextPart."
        )
    if not configuration.links and any(_OWN_LINK.search(part) for part in parts):
        raise BadConfiguration(
            "The template has {{S3URL}} and the configuration gives no link: set Delivery to LINK, "
            "or use another template."
        )
    return plan


def rendered(
    plan: EmailPlan,
    configuration: Configuration,
    endpoint: Mapping[str, Any],
    endpoint_id: str,
    link: str | None,
) -> EmailContent:
    """Render the email of one recipient, headers included.

    Raises:
        RenderingFailed: the recipient's values do not fit the template; never quoted.
        UnicodeEncodeError: the subject has half of a surrogate pair, which is no text.
    """
    variables = {"Id": endpoint_id, **endpoint_variables(endpoint)}
    substitutions = dict.fromkeys(LINK_VARIABLES, link) if link else None
    content = plan.render(variables, substitutions)
    (content.subject or "").encode()
    headers = {name.lower(): (name, value) for name, value in content.headers}
    if configuration.unsubscribe is not None:
        for name, value in _unsubscribe(configuration.unsubscribe, variables).items():
            headers[name.lower()] = (name, value)
    return EmailContent(
        subject=content.subject,
        html=content.html,
        text=content.text,
        headers=_checked_headers(tuple(headers.values())),
    )


def _unsubscribe(ways: Unsubscribe, variables: Mapping[str, Any]) -> dict[str, str]:
    encoded = _percent_encoded(variables)
    links = [
        f"<{compile_template(text).render(encoded)}>" for text in (ways.url, ways.mailto) if text
    ]
    headers = {"List-Unsubscribe": ", ".join(links)}
    if ways.one_click:
        headers["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    return headers


def _percent_encoded(value: Any) -> Any:
    """Encode every text, so that a recipient's value cannot change a URL or end its header."""
    if isinstance(value, Mapping):
        return {name: _percent_encoded(one) for name, one in value.items()}
    if isinstance(value, list):
        return [_percent_encoded(one) for one in value]
    return quote(value.encode(errors="replace"), safe="") if isinstance(value, str) else value


def _checked_headers(headers: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
    if len(headers) > _MOST_HEADERS:
        raise RenderingFailed(f"The email has {len(headers)} headers; SES takes {_MOST_HEADERS}.")
    for name, value in headers:
        if (
            not _HEADER_NAME.fullmatch(name)
            or not _HEADER_VALUE.fullmatch(value)
            or len(name) + len(value) > _LONGEST_HEADER
        ):
            raise RenderingFailed(
                "A header of the email is empty, longer than 996 characters, or not ASCII for this "
                "recipient."
            )
    return headers


def send_request(
    content: EmailContent,
    configuration: Configuration,
    address: str,
    ids: HubIds,
    *,
    file: File | None = None,
    configuration_set: str | None = None,
) -> dict[str, Any]:
    """Return the parameters of SendEmail for one recipient.

    Raises:
        FileRefused: the message with the file is larger than SES takes.
        MailboxRefused: SES cannot send to the address.
    """
    simple: dict[str, Any] = {
        "Subject": {"Data": content.subject or "", "Charset": "UTF-8"},
        "Body": {
            name: {"Data": text, "Charset": "UTF-8"}
            for name, text in (("Html", content.html), ("Text", content.text))
            if text is not None
        },
    }
    if content.headers:
        simple["Headers"] = [{"Name": name, "Value": value} for name, value in content.headers]
    if file is not None:
        size = encoded_bytes(len(file.content), content.html, content.text)
        if size > LARGEST_MESSAGE_BYTES:
            raise FileRefused(
                FileProblem.FILE_TOO_LARGE,
                f"The message has {size} bytes as base64; SES takes {LARGEST_MESSAGE_BYTES}.",
            )
        simple["Attachments"] = [
            {
                "FileName": file.name,
                "ContentType": content_type(file.name),
                "ContentDisposition": "ATTACHMENT",
                # SES's default is SEVEN_BIT, which is for text of short lines.
                "ContentTransferEncoding": "BASE64",
                "RawContent": file.content,
            }
        ]
    request: dict[str, Any] = {
        "FromEmailAddress": configuration.sender.header,
        "Destination": {"ToAddresses": [read_address(address)]},
        "Content": {"Simple": simple},
        "EmailTags": [{"Name": name, "Value": value} for name, value in email_tags(ids).items()],
    }
    if configuration.reply_to:
        request["ReplyToAddresses"] = list(configuration.reply_to)
    if configuration_set is not None:
        request["ConfigurationSetName"] = configuration_set
    return request
