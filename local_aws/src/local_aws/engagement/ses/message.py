"""An email as SES took it, and the mail object by which its events tell it.

The shape is that of the SES developer guide: "Contents of event data that Amazon SES publishes".
"""

from __future__ import annotations

import contextvars
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.utils import parseaddr
from typing import Any

from local_aws.engagement.registration import arn, here
from local_aws.engagement.ses.permissions import identity_of

Json = dict[str, Any]
MAX_HEADER_BYTES = 10 * 1024  # "headersTruncated": more than 10 KB of headers are cut
# The European Institute for Computer Antivirus Research's test file, in two parts so that
# scanners leave this file alone. SES takes it for a virus: "Using the mailbox simulator".
TEST_VIRUS = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"


@dataclass(frozen=True)
class Accepted:
    """An email that SES took: what the request said, before anything became of it."""

    email: Json  # the outbox's shape
    operation: str
    caller: str
    template: str = ""
    rendering_failure: str = ""
    mime: bytes = b""  # of a raw message
    attachments: tuple[bytes, ...] = ()
    sent: datetime = field(default_factory=lambda: datetime.now(UTC))

    def has_virus(self) -> bool:
        """Whether the test file is in the email."""
        contents: list[Any] = [(self.email[name] or "").encode() for name in ("html", "text")]
        if self.mime:
            contents = [
                part.get_payload(decode=True) for part in message_from_bytes(self.mime).walk()
            ]
        contents += self.attachments
        return any(TEST_VIRUS.encode() in each for each in contents if isinstance(each, bytes))


@dataclass(frozen=True)
class Message:
    """An accepted email as its events tell it."""

    mail: Json
    configuration_set: str
    identity: str
    html: str
    text: str
    source_ip: str
    caller: str
    context: contextvars.Context  # account and region

    @property
    def recipients(self) -> list[str]:
        return [parseaddr(address)[1] for address in self.mail["destination"]]


def iso(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def message_of(accepted: Accepted) -> Message:
    """The mail object of an accepted email, and what else its events need."""
    from ministack.services import ses_v2

    email = accepted.email
    account, _ = here()
    identity = identity_of(email["from"])
    configuration_set = (
        email["configuration_set"]
        or (ses_v2._identities.get(identity) or {}).get("ConfigurationSetName")
        or ""
    )
    tags = {
        "ses:operation": [accepted.operation],
        "ses:configuration-set": [configuration_set],
        "ses:source-ip": ["127.0.0.1"],
        "ses:from-domain": [parseaddr(email["from"])[1].rpartition("@")[2]],
        "ses:caller-identity": [accepted.caller],
        **{name: [value] for name, value in email["tags"].items()},
    }
    headers = _headers(accepted)
    kept = within(headers, MAX_HEADER_BYTES)
    common: Json = {"from": [email["from"]]}
    named = {"to": "to", "cc": "cc", "bcc": "bcc"}
    common |= {name: email[member] for name, member in named.items() if email[member]}
    by_name = {header["name"].lower(): header["value"] for header in headers}
    if "reply-to" in by_name:
        common["replyTo"] = [part.strip() for part in by_name["reply-to"].split(",")]
    if "date" in by_name:
        common["date"] = by_name["date"]
    common["messageId"] = email["message_id"]
    # The final subject of a templated message is not known when SES publishes its Send event.
    if not accepted.template:
        common["subject"] = email["subject"]
    mail = {
        "timestamp": iso(accepted.sent),
        "source": email["from"],
        "sourceArn": arn("ses", f"identity/{identity}"),
        "sendingAccountId": account,
        "messageId": email["message_id"],
        "destination": [*email["to"], *email["cc"], *email["bcc"]],
        "headersTruncated": len(kept) < len(headers),
        "headers": kept,
        "commonHeaders": common,
        "tags": tags,
    }
    return Message(
        mail,
        configuration_set,
        identity,
        email["html"] or "",
        email["text"] or "",
        "127.0.0.1",
        accepted.caller,
        contextvars.copy_context(),
    )


def _headers(accepted: Accepted) -> list[Json]:
    email = accepted.email
    if accepted.mime:
        message = message_from_bytes(accepted.mime, policy=policy.default)
        # SES takes its own headers and Bcc out before it sends the message.
        return [
            {"name": name, "value": str(value)}
            for name, value in message.items()
            if not name.lower().startswith("x-ses-") and name.lower() != "bcc"
        ]
    pairs = {"From": email["from"], "To": ", ".join(email["to"]), "Cc": ", ".join(email["cc"])}
    if not accepted.template:
        pairs["Subject"] = email["subject"]
    pairs = {name: value for name, value in pairs.items() if value} | email["headers"]
    kind = "text/plain" if not email["html"] else "text/html"
    if email["html"] and email["text"]:
        kind = f'multipart/alternative; boundary="----=_Part_{email["message_id"][:8]}"'
    else:
        kind += "; charset=UTF-8"
    pairs |= {"MIME-Version": "1.0", "Content-Type": kind}
    return [{"name": name, "value": value} for name, value in pairs.items()]


def within(headers: list[Json], limit: int) -> list[Json]:
    kept, size = [], 0
    for header in headers:
        size += len(header["name"].encode()) + len(header["value"].encode())
        if size > limit:
            break
        kept.append(header)
    return kept
