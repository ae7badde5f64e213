"""Sending an email needs permission for the sender's identity, configuration set and template.

Conditions on who sends to whom (``ses:FromAddress`` and the like) are evaluated. The keys and
resources are those of the service authorization reference of Amazon SES.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from email import policy
from email.parser import BytesHeaderParser
from email.utils import getaddresses, parseaddr
from typing import Any
from urllib.parse import parse_qs

from ministack.core import iam_evaluator
from ministack.core.responses import get_account_id

from local_aws.engagement.ses import addresses, sandbox

REQUIRED = (
    "ministack.core.iam_evaluator.AuthError",
    "ministack.core.iam_evaluator._signed_request",
    "ministack.core.iam_evaluator.enforce",
    *sandbox.REQUIRED,
)

Json = dict[str, Any]

_MAILBOXES_V2 = ("FromEmailAddress", "FeedbackForwardingEmailAddress")
_SENDING = {
    "ses:SendBulkEmail",
    "ses:SendBulkTemplatedEmail",
    "ses:SendEmail",
    "ses:SendRawEmail",
    "ses:SendTemplatedEmail",
}


@dataclass(frozen=True)
class Sending:
    """What a request says of an email, as far as permissions ask for it."""

    api_version: str
    sender: str
    recipients: list[str]
    feedback_address: str
    identity_arn: str  # given by the request; empty when it follows from the sender
    configuration_set: str
    raw: bool
    template: str = ""  # its name; empty for content that the request brings itself
    bulk_v2: bool = False
    attaches: bool = False  # files beside the content, which is not raw
    mailboxes: tuple[str, ...] = ()  # all of the request, as they are written there

    def condition_keys(self) -> Json:
        if self.bulk_v2:  # The reference gives SendBulkEmail none of the keys about the email.
            return {"ses:ApiVersion": self.api_version}
        name, address = parseaddr(self.sender)
        keys: Json = {
            "ses:ApiVersion": self.api_version,
            "ses:FromAddress": address,
            "ses:FromDisplayName": name,
            "ses:Recipients": [parseaddr(recipient)[1] for recipient in self.recipients],
            "ses:FeedbackAddress": self.feedback_address,
        }
        return {key: value for key, value in keys.items() if value}


def apply() -> None:
    enforce = iam_evaluator.enforce

    def checked(
        access_key_id: str,
        iam_action: str,
        service: str,
        region: str,
        resource_arn: str = "*",
        service_context: Json | None = None,
    ) -> Any:
        # Read first: the evaluator forgets the request once its signature is verified.
        request = iam_evaluator._signed_request.get()
        sending = None
        if iam_action in _SENDING and request is not None:
            sending = read(service, request.raw_path, request.body)
        if sending is None:
            return enforce(
                access_key_id, iam_action, service, region, resource_arn, service_context
            )
        if addresses.refusal(sending.mailboxes):
            # The identity cannot be read from such a sender: the service refuses the request.
            return None
        context = {**(service_context or {}), **sending.condition_keys()}
        for action in actions(sending, iam_action):
            for arn in resources(sending, f"arn:aws:ses:{region}:{get_account_id()}"):
                refused = enforce(access_key_id, action, service, region, arn, context)
                if isinstance(refused, iam_evaluator.AuthError):
                    return refused
                if refused:
                    return iam_evaluator.AuthError(
                        "AccessDeniedException" if sending.api_version == "2" else "AccessDenied",
                        f"User `{refused.principal_arn}' is not authorized to perform `{action}' "
                        f"on resource `{arn}'",
                    )
        return None

    iam_evaluator.enforce = checked


def actions(sending: Sending, iam_action: str) -> tuple[str, ...]:
    """The actions that sending needs permission for; SESv2 asks for some of the older API too."""
    if sending.bulk_v2:
        return (iam_action, "ses:SendBulkTemplatedEmail")
    if sending.attaches:
        # AWS does not say whether SES authorizes its own message as a raw one: both are asked.
        return (iam_action, "ses:SendRawEmail")
    return ("ses:SendRawEmail",) if sending.raw else (iam_action,)


def resources(sending: Sending, prefix: str) -> Iterator[str]:
    """The ARNs that sending needs permission for; ``prefix`` ends with the account."""
    yield sending.identity_arn or f"{prefix}:identity/{identity_of(sending.sender)}"
    if sending.configuration_set:
        yield f"{prefix}:configuration-set/{sending.configuration_set}"
    if sending.template:
        yield f"{prefix}:template/{sending.template}"
    if sandbox.applies():
        for recipient in sandbox.outside(sending.recipients):
            yield f"{prefix}:identity/{identity_of(recipient)}"


def identity_of(mailbox: str) -> str:
    """The identity that an email from the mailbox uses, or from the address of one.

    Of an identity that is not there, the service itself tells.
    """
    address = parseaddr(mailbox)[1]
    return sandbox.identity_of(address) or address


def read(service: str, raw_path: str, body: bytes) -> Sending | None:
    """The email of a request; None when the body cannot be read (the service tells)."""
    if service != "sesv2":
        query = parse_qs(raw_path.partition("?")[2]) | parse_qs(body.decode(errors="replace"))
        return read_v1({name: values[-1] for name, values in query.items()})
    try:
        request = json.loads(body)
    except ValueError:
        return None
    return read_v2(request) if isinstance(request, dict) else None


def read_v2(request: Json) -> Sending:
    """The email of an SESv2 request, or of one entry of a bulk email."""
    raw = ((request.get("Content") or {}).get("Raw") or {}).get("Data", "")
    content = request.get("Content") or request.get("DefaultContent") or {}
    template = content.get("Template") or {}
    entries = request.get("BulkEmailEntries") or [request]
    recipients = [
        address
        for entry in entries
        for kind in ("ToAddresses", "CcAddresses", "BccAddresses")
        for address in (entry.get("Destination") or {}).get(kind) or []
    ]
    headers = _headers(raw)
    return Sending(
        api_version="2",
        sender=request.get("FromEmailAddress") or headers["from"],
        recipients=recipients or headers["recipients"],
        feedback_address=request.get("FeedbackForwardingEmailAddress") or "",
        identity_arn=request.get("FromEmailAddressIdentityArn") or "",
        configuration_set=request.get("ConfigurationSetName") or headers["configuration_set"],
        raw=bool(raw),
        template=template.get("TemplateName")
        or str(template.get("TemplateArn") or "").rpartition("/")[2],
        bulk_v2="BulkEmailEntries" in request,
        attaches=bool((content.get("Simple") or template).get("Attachments")),
        mailboxes=(
            *(request.get(name) or "" for name in _MAILBOXES_V2 if request.get(name)),
            *(request.get("ReplyToAddresses") or []),
            *recipients,
            *headers["mailboxes"],
        ),
    )


def read_v1(parameters: Mapping[str, str]) -> Sending:
    """The email of a request of the older API."""
    raw = parameters.get("RawMessage.Data", "")
    # Destination.ToAddresses.member.1, Destinations.member.1 (raw messages), and
    # Destinations.member.1.Destination.CcAddresses.member.1 (bulk).
    recipients = [
        value
        for name, value in parameters.items()
        if name.startswith("Destination")
        and ("Addresses.member." in name or name.count(".") == 2 and "@" in value)
    ]
    headers = _headers(raw)
    return Sending(
        api_version="1",
        sender=parameters.get("Source") or headers["from"],
        recipients=recipients or headers["recipients"],
        feedback_address=parameters.get("ReturnPath", ""),
        identity_arn=parameters.get("SourceArn") or parameters.get("FromArn", ""),
        configuration_set=parameters.get("ConfigurationSetName") or headers["configuration_set"],
        raw=bool(raw),
        template=parameters.get("Template", ""),
        mailboxes=(
            *(parameters[name] for name in ("Source", "ReturnPath") if parameters.get(name)),
            *(v for name, v in parameters.items() if name.startswith("ReplyToAddresses.member.")),
            *recipients,
            *headers["mailboxes"],
        ),
    )


def _headers(raw: str) -> Json:
    """What the header of a MIME message says; ``raw`` is base64, empty without a message."""
    try:
        mime = base64.b64decode(raw)
    except ValueError:
        mime = b""  # the service tells
    message = BytesHeaderParser(policy=policy.default).parsebytes(mime)
    recipients = [
        address
        for name in ("To", "Cc", "Bcc")
        for _, address in getaddresses([str(value) for value in message.get_all(name, [])])
    ]
    written = BytesHeaderParser(policy=policy.compat32).parsebytes(mime)
    return {
        "from": str(message.get("From", "")),
        "recipients": recipients,
        "mailboxes": [
            mailbox
            for name in ("From", "To", "Cc", "Bcc", "Reply-To")
            for value in written.get_all(name, [])
            for mailbox in addresses.in_header(str(value))
        ],
        "configuration_set": str(message.get("X-SES-CONFIGURATION-SET", "")),
    }
