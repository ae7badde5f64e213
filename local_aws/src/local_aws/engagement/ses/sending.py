"""Sending by Amazon SES: complete records of the emails, and what becomes of them.

ministack keeps a record of each email, but of an SESv2 send neither the tags nor the headers
nor the configuration set; it takes a configuration set that does not exist, fills in only plain
names in templates, and tells no event.
"""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Awaitable, Callable, Iterator, Mapping
from email import message_from_bytes, policy
from email.utils import getaddresses
from typing import Any
from urllib.parse import parse_qs, unquote, urlencode

from local_aws.engagement import registration
from local_aws.engagement.ses import (
    addresses,
    attachments,
    events,
    exports,
    message,
    permissions,
    quota,
    sandbox,
    suppression,
    templates,
)

REQUIRED = (
    "ministack.services.iam._access_keys",
    "ministack.services.ses._config_set_missing",
    "ministack.services.ses._configuration_sets",
    "ministack.services.ses._error",
    "ministack.services.ses._render_template",
    "ministack.services.ses._send_notifications",
    "ministack.services.ses._sent_emails_list",
    "ministack.services.ses._templates",
    "ministack.services.ses._xml",
    "ministack.services.ses.handle_request",
    "ministack.services.ses_v2._config_sets",
    "ministack.services.ses_v2._create_config_set",
    "ministack.services.ses_v2._render_template",
    "ministack.services.ses_v2.handle_request",
    "ministack.services.sts._sessions",
    *events.REQUIRED,
    *exports.REQUIRED,
    *sandbox.REQUIRED,
    *suppression.REQUIRED,
)

Json = dict[str, Any]
Answer = tuple[int, Any, bytes]
Handler = Callable[[str, str, dict[str, str], bytes, Json], Awaitable[Answer]]
MAX_RECIPIENTS = 50  # of one message, and of one call: messages of a bulk email
V1_SENDS = ("SendEmail", "SendRawEmail", "SendTemplatedEmail", "SendBulkTemplatedEmail")


def register() -> None:
    from ministack.services import ses, ses_v2

    ses._render_template = ses_v2._render_template = _render
    ses._send_notifications = lambda *_: None  # events.py tells them, of SESv2 sends as well
    ses_v2.handle_request = _watched_v2(ses_v2.handle_request)
    ses.handle_request = _watched_v1(ses.handle_request)
    exports.register()
    events.start()


class _Unrendered(str):
    """Stands where the text of a template would, and holds SES's reason for its absence."""

    reason: str


def _render(template: Json, data: str | Json | None) -> dict[str, str]:
    """In ministack's place: the parts of a template filled in, or all of them unrendered."""
    values = json.loads(data or "{}") if isinstance(data, str) else data or {}
    parts = {"Subject": "SubjectPart", "Text": "TextPart", "Html": "HtmlPart"}
    try:
        return {
            name: templates.render(template.get(part) or "", values) for name, part in parts.items()
        }
    except templates.RenderingFailed as failed:
        unrendered = _Unrendered()
        unrendered.reason = str(failed)
        return dict.fromkeys(parts, unrendered)


def _accept(
    record: Json,
    email: Json,
    headers: Mapping[str, str],
    operation: str,
    mime: bytes = b"",
    attached: tuple[bytes, ...] = (),
) -> None:
    """Let an email that ministack has recorded meet its fate."""
    from ministack.services import ses

    subject = record.get("Subject") or record.get("RenderedSubject")
    unrendered = next(
        (v for v in record.values() if isinstance(v, _Unrendered)),
        subject if isinstance(subject, _Unrendered) else None,
    )
    if unrendered is not None:
        ses._sent_emails_list().remove(record)
    events.accept(
        message.Accepted(
            email,
            operation,
            _caller(headers),
            template=record.get("Template") or ("inline" if "TemplateData" in record else ""),
            rendering_failure=unrendered.reason if unrendered is not None else "",
            mime=mime,
            attachments=attached,
        )
    )


def _caller(headers: Mapping[str, str]) -> str:
    """The name of the user or role that signed the request."""
    from ministack.services import iam, sts

    found = re.search(r"Credential=([^/]+)/", headers.get("authorization", ""))
    key = found[1] if found else ""
    if key in sts._sessions:
        return str(sts._sessions[key]["Arn"]).split("/")[1]
    return str((iam._access_keys.get(key) or {}).get("UserName", "root"))


def _watched_v2(handle: Handler) -> Handler:
    async def handle_request(
        method: str, path: str, headers: dict[str, str], body: bytes, query: Json
    ) -> Answer:
        operation = path.rstrip("/").rpartition("/")[2]
        try:
            if method == "POST" and operation in ("outbound-emails", "outbound-bulk-emails"):
                return await _send_v2(handle, method, path, headers, body, query)
            if exports.serves(path):
                return await exports.service.handle(method, path, headers, body, query)
            held = suppression.serve(method, path, body, query)
            if held is not None:
                return _json(*held)
            refusal = _refused_destination(method, path, body)
        except ValueError:
            return _error("BadRequestException", "The request body is not JSON.")
        except suppression.Invalid as error:
            return _error("BadRequestException", str(error))
        except KeyError as error:
            message = f"Email address {error.args[0]} does not exist on your suppression list."
            return _error("NotFoundException", message, 404)
        if refusal:
            return _error("BadRequestException", refusal)
        answer = await handle(method, path, headers, body, query)
        if path.rstrip("/") == "/v2/email/account" and method == "GET":
            account = json.loads(answer[2])
            reasons = suppression.account_reasons()
            account["SuppressionAttributes"] = {"SuppressedReasons": reasons}
            account["SendQuota"] = quota.here().send_quota()
            account["VdmAttributes"] = exports.vdm_attributes()
            return _json(200, account)
        _share_configuration_sets(method, path, body, answer[0])
        return answer

    return handle_request


async def _send_v2(
    handle: Handler, method: str, path: str, headers: dict[str, str], body: bytes, query: Json
) -> Answer:
    from ministack.services import ses, ses_v2

    request = json.loads(body)
    name = request.get("ConfigurationSetName")
    if name and name not in ses_v2._config_sets:
        return _error("NotFoundException", f"Configuration set <{name}> does not exist.", 404)
    if name and not _sending_enabled(name):
        message = f"Sending is disabled for configuration set <{name}>."
        return _error("SendingPausedException", message)
    if not all(_is_object(text) for text in _template_data_v2(request)):
        return _error("BadRequestException", "Template rendering data is invalid.")
    # One bad address refuses a whole call of SendBulkEmail.
    if illegal := addresses.refusal(permissions.read_v2(request).mailboxes):
        return _error("BadRequestException", illegal)
    if unverified := _unverified(permissions.read_v2(request).recipients):
        return _error("MessageRejected", unverified)
    if path.rstrip("/").endswith("outbound-bulk-emails"):
        _fill_in_defaults(request)
        return await _send_bulk_v2(handle, path, headers, request, query)
    recipients = _recipients_v2(request)
    if len(recipients) > MAX_RECIPIENTS:
        return _error("BadRequestException", f"Recipient count exceeds {MAX_RECIPIENTS}.")
    if refused := attachments.refusal(request):
        return _error("BadRequestException", refused)
    limits = quota.here()
    [refusal] = limits.refusals([recipients])
    if refusal:
        code, status = refusal.code_v2
        return _error(code, refusal.value, status)
    before = len(ses._sent_emails_list())
    answer = await handle(method, path, headers, json.dumps(request).encode(), query)
    raw = ((request.get("Content") or {}).get("Raw") or {}).get("Data", "")
    for record in ses._sent_emails_list()[before:]:
        limits.count(recipients)
        email = _sent_by_v2(record, request)
        mime = base64.b64decode(raw)
        _accept(record, email, headers, "SendEmail", mime, attachments.contents(request))
    return answer


async def _send_bulk_v2(
    handle: Handler, path: str, headers: dict[str, str], request: Json, query: Json
) -> Answer:
    from ministack.services import ses

    entries = request.get("BulkEmailEntries") or []
    recipients = [_recipients_v2(entry) for entry in entries]
    if max(len(entries), *(len(each) for each in recipients), 0) > MAX_RECIPIENTS:
        return _error("BadRequestException", f"Recipient count exceeds {MAX_RECIPIENTS}.")
    limits = quota.here()
    refusals = limits.refusals(recipients)
    request["BulkEmailEntries"] = [
        entry for entry, refusal in zip(entries, refusals, strict=True) if refusal is None
    ]
    results: list[Json] = []
    if request["BulkEmailEntries"] or not entries:
        before = len(ses._sent_emails_list())
        answer = await handle("POST", path, headers, json.dumps(request).encode(), query)
        if answer[0] != 200:
            return answer
        results = json.loads(answer[2])["BulkEmailEntryResults"]
        _accept_bulk(ses._sent_emails_list()[before:], request, headers, results)
    remaining = iter(results)
    answered = []
    for each, refusal in zip(recipients, refusals, strict=True):
        if refusal is None:
            result = next(remaining)
            if result["Status"] == "SUCCESS":
                limits.count(each)
        else:
            result = {"Status": refusal.bulk_status_v2, "Error": refusal.value}
        answered.append(result)
    return _json(200, {"BulkEmailEntryResults": answered})


def _unverified(recipients: list[str]) -> str | None:
    """Why the sandbox refuses an email; a bulk email as a whole."""
    return sandbox.refusal(recipients) if sandbox.applies() else None


def _recipients_v2(message: Json) -> list[str]:
    """Whom an email or an entry of a bulk email is for; a raw message may say it itself."""
    return permissions.read_v2(message).recipients


def _sending_enabled(configuration_set: str) -> bool:
    from ministack.services import ses_v2

    options = ses_v2._config_sets[configuration_set].get("SendingOptions") or {}
    return bool(options.get("SendingEnabled", True))


def _is_object(text: str | None) -> bool:
    try:
        return not text or isinstance(json.loads(text), dict)
    except ValueError:
        return False


def _template_data_v2(request: Json) -> Iterator[str | None]:
    content = request.get("Content") or request.get("DefaultContent") or {}
    yield (content.get("Template") or {}).get("TemplateData")
    for entry in request.get("BulkEmailEntries") or []:
        yield _replacement(entry).get("ReplacementTemplateData")


def _replacement(entry: Json) -> Json:
    content = entry.get("ReplacementEmailContent") or {}
    return content.get("ReplacementTemplate") or {}


def _fill_in_defaults(request: Json) -> None:
    """An entry of a bulk email has the default data wherever it gives none of its own."""
    template = (request.get("DefaultContent") or {}).get("Template") or {}
    defaults = json.loads(template.get("TemplateData") or "{}")
    for entry in request.get("BulkEmailEntries") or []:
        own = json.loads(_replacement(entry).get("ReplacementTemplateData") or "{}")
        entry["ReplacementEmailContent"] = {
            "ReplacementTemplate": {"ReplacementTemplateData": json.dumps(defaults | own)}
        }


def _refused_destination(method: str, path: str, body: bytes) -> str | None:
    """Why SES would not take an event destination. (Its role is checked where all are.)"""
    from ministack.services import firehose

    found = re.fullmatch(r"/v2/email/configuration-sets/([^/]+)/event-destinations(/[^/]+)?", path)
    if not found or method not in ("POST", "PUT"):
        return None
    source = registration.arn("ses", f"configuration-set/{unquote(found[1])}")
    destination = json.loads(body or b"{}").get("EventDestination") or {}
    if to_firehose := destination.get("KinesisFirehoseDestination"):
        stream = to_firehose.get("DeliveryStreamArn", "")
        if stream.rpartition("/")[2] not in firehose._streams:
            return f"Kinesis Firehose stream <{stream}> does not exist."
    if to_topic := destination.get("SnsDestination"):
        topic = to_topic.get("TopicArn", "")
        return events.refused_topic(topic, source, announce=method == "POST")
    return None


def _share_configuration_sets(method: str, path: str, body: bytes, status: int) -> None:
    """Both APIs have the same configuration sets; ministack keeps two lists of them."""
    from ministack.services import ses

    found = re.fullmatch(r"/v2/email/configuration-sets(?:/([^/]+))?/?", path)
    if not found or status != 200:
        return
    if method == "POST" and not found[1]:
        name = json.loads(body)["ConfigurationSetName"]
        ses._configuration_sets.setdefault(name, {"Name": name})
    elif method == "DELETE" and found[1]:
        ses._configuration_sets.pop(unquote(found[1]), None)


def _json(status: int, content: Json) -> tuple[int, Json, bytes]:
    return status, {"Content-Type": "application/json"}, json.dumps(content).encode()


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
    more["attachments"] = attachments.shown(request)
    return _email(record, **more)


def _accept_bulk(
    records: list[Json], request: Json, headers_of: Mapping[str, str], results: list[Json]
) -> None:
    """One record per successful entry, in the entries' order."""
    remaining = iter(records)
    headers = _pairs(request.get("DefaultContent", {}).get("Template", {}).get("Headers"))
    for entry, result in zip(request.get("BulkEmailEntries", []), results, strict=True):
        if result["Status"] != "SUCCESS":
            continue
        tags = _pairs(request.get("DefaultEmailTags")) | _pairs(entry.get("ReplacementTags"))
        message_headers = headers | _pairs(entry.get("ReplacementHeaders"))
        record = next(remaining)
        email = _email(record, tags=tags, headers=message_headers)
        _accept(record, email, headers_of, "SendBulkEmail")


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
    ) -> Answer:
        from ministack.services import ses

        if path.startswith("/v2/") or "sesv2" in headers.get("x-amz-target", "").lower():
            return await handle(method, path, headers, body, query)  # comes back as v2
        parameters = {
            name: values[-1]
            for name, values in {**query, **parse_qs(body.decode(errors="replace"))}.items()
        }
        action = parameters.get("Action", "")
        recipients: list[str] = []
        if action in V1_SENDS:
            refused = _refused_v1(parameters)
            if refused:
                return refused
            if action == "SendBulkTemplatedEmail":
                return await _send_bulk_v1(handle, path, headers, parameters)
            recipients = permissions.read_v1(parameters).recipients
            [refusal] = quota.here().refusals([recipients])
            if refusal:
                throttled: Answer = ses._error("Throttling", refusal.value, 400)
                return throttled
        if action == "GetSendQuota":
            return _send_quota_v1()
        before = len(ses._sent_emails_list())
        answer = await handle(method, path, headers, body, query)
        for record in ses._sent_emails_list()[before:]:
            quota.here().count(recipients)
            mime = base64.b64decode(parameters.get("RawMessage.Data", ""))
            _accept(record, _sent_by_v1(record, parameters), headers, action, mime)
        if answer[0] == 200:
            _share_v1_configuration_sets(action, parameters)
        return answer

    return handle_request


async def _send_bulk_v1(
    handle: Handler, path: str, headers: dict[str, str], parameters: dict[str, str]
) -> Answer:
    from ministack.services import ses

    _fill_in_defaults_v1(parameters)
    destinations = [
        {n.removeprefix(prefix): v for n, v in parameters.items() if n.startswith(prefix)}
        for prefix in (f"Destinations.member.{number}." for number in range(1, MAX_RECIPIENTS + 1))
    ]
    destinations = [destination for destination in destinations if destination]
    recipients = [
        [value for name, value in destination.items() if "Addresses.member." in name]
        for destination in destinations
    ]
    limits = quota.here()
    refusals = limits.refusals(recipients)
    admitted = [d for d, refusal in zip(destinations, refusals, strict=True) if refusal is None]
    common = {n: v for n, v in parameters.items() if not n.startswith("Destinations.")}
    request = common | {
        f"Destinations.member.{number}.{name}": value
        for number, destination in enumerate(admitted, 1)
        for name, value in destination.items()
    }
    members: list[str] = []
    if admitted or not destinations:
        before = len(ses._sent_emails_list())
        answer = await handle("POST", path, headers, urlencode(request).encode(), {})
        if answer[0] != 200:
            return answer
        for record in ses._sent_emails_list()[before:]:
            _accept(record, _sent_by_v1(record, request), headers, "SendBulkTemplatedEmail")
        members = re.findall("<member>.*?</member>", answer[2].decode(), re.DOTALL)
    remaining = iter(members)
    answered = []
    for each, refusal in zip(recipients, refusals, strict=True):
        if refusal is None:
            member = next(remaining)
            if "<Status>Success</Status>" in member:
                limits.count(each)
        else:
            status = f"<Status>{refusal.bulk_status_v1}</Status><Error>{refusal.value}</Error>"
            member = f"<member>{status}</member>"
        answered.append(member)
    content = f"<Status>{''.join(answered)}</Status>"
    return _xml_v1("SendBulkTemplatedEmail", content)


def _send_quota_v1() -> Answer:
    limits = quota.here().send_quota()
    content = "".join(f"<{name}>{value}</{name}>" for name, value in limits.items())
    return _xml_v1("GetSendQuota", content)


def _xml_v1(action: str, content: str) -> Answer:
    from ministack.services import ses

    result = f"<{action}Result>{content}</{action}Result>"
    answer: Answer = ses._xml(200, f"{action}Response", result)
    return answer


def _refused_v1(parameters: Mapping[str, str]) -> Answer | None:
    from ministack.services import ses

    name = parameters.get("ConfigurationSetName")
    refused: Answer | None = None
    if name and name not in ses._configuration_sets:
        refused = ses._config_set_missing(name)
    data = (v for n, v in parameters.items() if n.endswith("TemplateData"))
    if not all(_is_object(text) for text in data):
        message = "Template rendering data is invalid."
        refused = ses._error("InvalidParameterValue", message, 400)
    if illegal := addresses.refusal(permissions.read_v1(parameters).mailboxes):
        refused = ses._error("InvalidParameterValue", illegal, 400)
    elif unverified := _unverified(permissions.read_v1(parameters).recipients):
        refused = ses._error("MessageRejected", unverified, 400)
    return refused


def _fill_in_defaults_v1(parameters: dict[str, str]) -> None:
    defaults = json.loads(parameters.get("DefaultTemplateData") or "{}")
    for number in range(1, 51):
        prefix = f"Destinations.member.{number}"
        if f"{prefix}.Destination.ToAddresses.member.1" in parameters:
            own = json.loads(parameters.get(f"{prefix}.ReplacementTemplateData") or "{}")
            parameters[f"{prefix}.ReplacementTemplateData"] = json.dumps(defaults | own)


def _share_v1_configuration_sets(action: str, parameters: Mapping[str, str]) -> None:
    from ministack.services import ses_v2

    if action == "CreateConfigurationSet":
        ses_v2._create_config_set(parameters["ConfigurationSet.Name"], {})
    elif action == "DeleteConfigurationSet":
        ses_v2._config_sets.pop(parameters["ConfigurationSetName"], None)


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
