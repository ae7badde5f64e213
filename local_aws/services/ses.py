"""Amazon SES: what ministack sends, shown in the outbox with all that the request said.

ministack keeps a record of each email, but of an SESv2 send neither the tags nor the headers
nor the configuration set, and it takes a configuration set that does not exist.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Awaitable, Callable, Mapping
from email import message_from_bytes, policy
from email.utils import getaddresses
from typing import Any
from urllib.parse import parse_qs

from local_aws.services import outbox

REQUIRED = (
    "ministack.services.ses._render_template",
    "ministack.services.ses._sent_emails_list",
    "ministack.services.ses._templates",
    "ministack.services.ses.handle_request",
    "ministack.services.ses_v2._config_sets",
    "ministack.services.ses_v2.handle_request",
)

Json = dict[str, Any]
Handler = Callable[[str, str, dict[str, str], bytes, Json], Awaitable[tuple[int, Any, bytes]]]


def register() -> None:
    from ministack.services import ses, ses_v2

    ses_v2.handle_request = _watched_v2(ses_v2.handle_request)
    ses.handle_request = _watched_v1(ses.handle_request)


def _watched_v2(handle: Handler) -> Handler:
    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Json
    ) -> tuple[int, Any, bytes]:
        from ministack.services import ses, ses_v2

        operation = path.rstrip("/").rpartition("/")[2]
        if method != "POST" or operation not in ("outbound-emails", "outbound-bulk-emails"):
            return await handle(method, path, headers, body, query)
        try:
            request = json.loads(body)
        except ValueError:
            return _error("BadRequestException", "The request body is not JSON.")
        name = request.get("ConfigurationSetName")
        if name and name not in ses_v2._config_sets:
            return _error("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
        before = len(ses._sent_emails_list())
        answer = await handle(method, path, headers, body, query)
        records = ses._sent_emails_list()[before:]
        if operation == "outbound-emails":
            for record in records:
                outbox.deliver("email", _sent_by_v2(record, request))
        else:
            _deliver_bulk(records, request, answer[2])
        return answer

    return handle_request


def _error(code: str, message: str, status: int = 400) -> tuple[int, Json, bytes]:
    headers = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return status, headers, json.dumps({"message": message}).encode()


def _email(record: Json, **more: Any) -> Json:
    """The outbox's shape of one of ministack's records; ``more`` replaces what it lacks."""
    return {
        "from": record["Source"],
        "to": record.get("To", []),
        "cc": record.get("CC", []),
        "bcc": record.get("BCC", []),
        "subject": record.get("Subject") or record.get("RenderedSubject", ""),
        "html": record.get("BodyHtml") or record.get("RenderedBodyHtml"),
        "text": record.get("BodyText") or record.get("RenderedBodyText"),
        "tags": {},
        "configuration_set": record.get("ConfigurationSetName"),
        "headers": {},
        "message_id": record["MessageId"],
    } | {name: value for name, value in more.items() if value}


def _pairs(items: list[Json] | None) -> dict[str, str]:
    return {item["Name"]: item["Value"] for item in items or []}


def _sent_by_v2(record: Json, request: Json) -> Json:
    content = request.get("Content", {})
    more: Json = _raw(content["Raw"]["Data"]) if content.get("Raw") else {}
    part = content.get("Simple") or content.get("Template") or {}
    headers = more.pop("headers", {}) | _pairs(part.get("Headers"))
    tags = more.pop("tags", {}) | _pairs(request.get("EmailTags"))
    configuration_set = request.get("ConfigurationSetName") or more.get("configuration_set")
    if request.get("ReplyToAddresses"):
        headers["Reply-To"] = ", ".join(request["ReplyToAddresses"])
    destination = request.get("Destination", {})
    more |= {
        name: destination[member]
        for name, member in (("to", "ToAddresses"), ("cc", "CcAddresses"), ("bcc", "BccAddresses"))
        if destination.get(member)
    }
    if request.get("FromEmailAddress"):
        more["from"] = request["FromEmailAddress"]
    more |= {"headers": headers, "tags": tags, "configuration_set": configuration_set}
    return _email(record, **more)


def _deliver_bulk(records: list[Json], request: Json, answer: bytes) -> None:
    """One record per successful entry, in the entries' order."""
    results = json.loads(answer).get("BulkEmailEntryResults", [])
    remaining = iter(records)
    headers = _pairs(request.get("DefaultContent", {}).get("Template", {}).get("Headers"))
    for entry, result in zip(request.get("BulkEmailEntries", []), results, strict=True):
        if result["Status"] != "SUCCESS":
            continue
        tags = _pairs(request.get("DefaultEmailTags")) | _pairs(entry.get("ReplacementTags"))
        message_headers = headers | _pairs(entry.get("ReplacementHeaders"))
        outbox.deliver("email", _email(next(remaining), tags=tags, headers=message_headers))


def _raw(data: str) -> Json:
    """What a MIME message says of itself; ``data`` is base64."""
    mime = message_from_bytes(base64.b64decode(data), policy=policy.default)
    bodies = {
        kind: part.get_content() if (part := mime.get_body((kind,))) else None
        for kind in ("html", "plain")
    }
    tags = str(mime.get("X-SES-MESSAGE-TAGS", ""))
    named = {
        name.lower(): [address for _, address in getaddresses(mime.get_all(name, []))]
        for name in ("To", "Cc", "Bcc")
    }
    return {
        "from": str(mime.get("From", "")),
        **named,
        "subject": str(mime.get("Subject", "")),
        "html": bodies["html"],
        "text": bodies["plain"],
        "tags": dict(pair.strip().split("=", 1) for pair in tags.split(",") if "=" in pair),
        "headers": {name: str(value) for name, value in mime.items()},
        "configuration_set": str(mime.get("X-SES-CONFIGURATION-SET", "")) or None,
    }


def _watched_v1(handle: Handler) -> Handler:
    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Json
    ) -> tuple[int, Any, bytes]:
        from ministack.services import ses

        if path.startswith("/v2/") or "sesv2" in headers.get("x-amz-target", "").lower():
            return await handle(method, path, headers, body, query)  # comes back as v2
        before = len(ses._sent_emails_list())
        answer = await handle(method, path, headers, body, query)
        parameters = {
            name: values[-1]
            for name, values in {**query, **parse_qs(body.decode(errors="replace"))}.items()
        }
        for record in ses._sent_emails_list()[before:]:
            outbox.deliver("email", _sent_by_v1(record, parameters))
        return answer

    return handle_request


def _sent_by_v1(record: Json, parameters: Mapping[str, str]) -> Json:
    from ministack.services import ses

    more: Json = {}
    tag_lists = ["Tags"]
    if record["Type"] == "SendRawEmail":
        more = _raw(parameters["RawMessage.Data"])
        if parameters.get("Source"):
            more["from"] = parameters["Source"]
        if destinations := _members(parameters, "Destinations.member"):
            more["to"] = destinations
    elif record["Type"] == "SendBulkTemplatedEmail":
        rendered = ses._render_template(ses._templates[record["Template"]], record["TemplateData"])
        more = {"html": rendered.get("Html"), "text": rendered.get("Text")}
        tag_lists = ["DefaultTags"] + [
            f"Destinations.member.{n}.ReplacementTags"
            for n in range(1, 51)
            if _members(parameters, f"Destinations.member.{n}.Destination.ToAddresses.member")
            == record["To"]
        ]
    more["tags"] = more.get("tags", {}) | {
        parameters[f"{prefix}.member.{n}.Name"]: parameters[f"{prefix}.member.{n}.Value"]
        for prefix in tag_lists
        for n in range(1, 51)
        if f"{prefix}.member.{n}.Name" in parameters
    }
    if parameters.get("ConfigurationSetName"):
        more["configuration_set"] = parameters["ConfigurationSetName"]
    if replies := _members(parameters, "ReplyToAddresses.member"):
        more["headers"] = more.get("headers", {}) | {"Reply-To": ", ".join(replies)}
    return _email(record, **more)


def _members(parameters: Mapping[str, str], prefix: str) -> list[str]:
    return [parameters[f"{prefix}.{n}"] for n in range(1, 51) if f"{prefix}.{n}" in parameters]
