"""From an HTTP API event to a call of an operation, and from its result to the answer.

Source: Pinpoint's service model (protocol rest-json): the body is the payload member itself,
without a wrapper; errors are {"Message", "RequestID"}, their class in the header x-amzn-ErrorType,
and in `__type` for a client behind a proxy that drops the header.
"""

import base64
import binascii
import hashlib
import json
import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import parse_qsl

from engagement_hub.api.routes import Routes
from engagement_hub.api.shapes import check, prune
from engagement_hub.engagement.endpoint_requests import checked_id
from engagement_hub.engagement.errors import (
    BadRequest,
    EngagementError,
    NotImplementedOperation,
    PayloadTooLarge,
)
from shared.instants import iso

__all__ = ["Call", "answer", "operation_names", "read_call", "refusal", "request_id_of"]

_MODEL: dict[str, Any] = json.loads(
    Path(__file__).with_name("service_model.json").read_text(encoding="utf-8")
)
_OPERATIONS: dict[str, dict[str, Any]] = _MODEL["operations"]
_SHAPES: dict[str, Any] = _MODEL["shapes"]
_ROUTES = Routes(_OPERATIONS)

# Pinpoint's own limit; a function behind an HTTP API gets at most 6 MB anyway.
_BODY_BYTES = 7 * 1024 * 1024

# AWS does not say how many items a page has; ours.
DEFAULT_PAGE_SIZE = 100
LARGEST_PAGE_SIZE = 500

# The labels of a path that clients choose, and their names in an error.
_CLIENTS_IDS = {"endpoint-id": "EndpointId", "user-id": "UserId"}
_REPLACEMENT = "\ufffd"

# The SDKs for PHP and Android, and earlier ones for Java, send the second name.
_INVOCATION_HEADERS = ("amz-sdk-invocation-id", "aws-sdk-invocation-id")


@dataclass(frozen=True, slots=True)
class Call:
    """A request that fits the model.

    `labels` are labels of the path (`application-id` …), `query` the parameters (lists for repeated
    parameters), `body` the payload as the model has it, {} for operations without a payload.
    `invocation` is the id that an AWS SDK gives a call, the same for every attempt of it; None for
    a client without such ids.
    """

    operation: str
    labels: Mapping[str, str]
    query: Mapping[str, Any]
    body: dict[str, Any]
    request_id: str
    now: datetime = field(default_factory=lambda: datetime.now(UTC))
    invocation: str | None = None

    def digest(self, *parts: Any) -> str | None:
        """Return a text that is the same for every attempt of this call of a client; None for a
        client without ids of calls.

        Args:
            parts: further JSON values, which tell several texts of a call from each other.
        """
        if self.invocation is None:
            return None
        values = [self.operation, self.invocation, self.body, *parts]
        text = json.dumps(values, sort_keys=True, separators=(",", ":"))
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def app_id(self) -> str:
        """The project the request is about."""
        return self.labels["application-id"]

    @property
    def timestamp(self) -> str:
        """When the request came, as the API writes instants."""
        return iso(self.now)

    @property
    def page_size(self) -> int:
        """How many items the client wants.

        Raises:
            BadRequest: `page-size` is no number from 1.
        """
        text = self.query.get("page-size")
        if text is None:
            return DEFAULT_PAGE_SIZE
        if not text.isascii() or not text.isdecimal() or int(text[:9]) == 0:
            raise BadRequest(
                "PageSize (page-size in the URL) must be a whole number from 1; more than "
                f"{LARGEST_PAGE_SIZE} counts as {LARGEST_PAGE_SIZE}."
            )
        return min(int(text[:9]), LARGEST_PAGE_SIZE)

    @property
    def token(self) -> str | None:
        """Where the page begins."""
        return self.query.get("token") or self.query.get("next-token") or None


def operation_names() -> list[str]:
    """Return every operation of the API."""
    return list(_OPERATIONS)


def request_id_of(event: Mapping[str, Any]) -> str:
    """Return the gateway's id of the request, or a new one."""
    context = event.get("requestContext") or {}
    return str(context.get("requestId") or uuid.uuid4())


def read_call(
    event: Mapping[str, Any], implemented: Mapping[str, Any], now: datetime | None = None
) -> Call:
    """Read an event of an HTTP API (payload format 2.0).

    Raises:
        NotFound, MethodNotAllowed: the path, or the method, is no operation's.
        NotImplementedOperation: the operation is not among the implemented ones.
        PayloadTooLarge, BadRequest: the body, a parameter or an id is not what the model says.
    """
    http = (event.get("requestContext") or {}).get("http") or {}
    match = _ROUTES.match(str(http.get("method", "")), _path(event))
    if match.operation not in implemented:
        raise NotImplementedOperation(match.operation)
    operation = _OPERATIONS[match.operation]
    for label, member in _CLIENTS_IDS.items():
        if label in match.labels:
            checked_id(member, match.labels[label])
    return Call(
        match.operation,
        match.labels,
        _query(operation["query"], str(event.get("rawQueryString") or "")),
        _body(event, operation["body"]),
        request_id_of(event),
        now or datetime.now(UTC),
        _invocation(event),
    )


def answer(call: Call, result: Any) -> dict[str, Any]:
    """Return the HTTP answer with an operation's result, in the form and with the code of the
    model."""
    operation = _OPERATIONS[call.operation]
    shape = operation["answer"]
    text = "" if shape is None else _json(prune(_SHAPES, shape, result))
    return _http(operation["status"], text, call.request_id)


def refusal(error: EngagementError, request_id: str) -> dict[str, Any]:
    """Return the HTTP answer for an error."""
    body = {"__type": error.code, "Message": error.message, "RequestID": request_id}
    text = _json(body)
    return _http(error.status, text, request_id, {"x-amzn-ErrorType": error.code})


def _http(
    status: int, text: str, request_id: str, headers: Mapping[str, str] | None = None
) -> dict[str, Any]:
    return {
        "statusCode": status,
        "headers": {
            "Content-Type": "application/json",
            "x-amzn-RequestId": request_id,
            **(headers or {}),
        },
        "body": text,
        "isBase64Encoded": False,
    }


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _invocation(event: Mapping[str, Any]) -> str | None:
    headers = event.get("headers") or {}
    return next((headers[name] for name in _INVOCATION_HEADERS if headers.get(name)), None)


def _path(event: Mapping[str, Any]) -> str:
    path = str(event.get("rawPath") or "")
    stage = str((event.get("requestContext") or {}).get("stage") or "$default")
    # The path begins with a named stage, and not with the default stage.
    return path if stage == "$default" else path.removeprefix(f"/{stage}")


def _query(parameters: Mapping[str, str], raw: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in parse_qsl(raw, keep_blank_values=True):
        shape = _SHAPES.get(parameters.get(name, ""))
        if shape is None:
            continue
        if shape["type"] == "list":
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _body(event: Mapping[str, Any], shape: str | None) -> dict[str, Any]:
    if shape is None:
        return {}
    text = _text(event)
    if len(text) > _BODY_BYTES:
        raise PayloadTooLarge(f"The request body is over {_BODY_BYTES} bytes. Send it in parts.")
    if not text.strip():
        raise BadRequest("The request body is missing: send a JSON object.")
    try:
        value = json.loads(text.decode("utf-8-sig"), parse_constant=_no_constant)
        if b"\\u" in text:
            _json(value).encode()  # half a surrogate pair is no text, and could not be stored
    except (ValueError, RecursionError):
        raise BadRequest("The request body is not JSON in UTF-8.") from None
    checked: dict[str, Any] = check(_SHAPES, shape, value)
    return checked


def _text(event: Mapping[str, Any]) -> bytes:
    body = event.get("body") or ""
    if not event.get("isBase64Encoded"):
        text = str(body).encode(errors="surrogatepass")
        if _REPLACEMENT in body and _sent_bytes(event) not in (None, len(text)):
            # The gateway replaced bytes that are not UTF-8, and so changed the length.
            raise BadRequest("The request body is not JSON in UTF-8.")
        return text
    try:
        return base64.b64decode(body)
    except (binascii.Error, ValueError):
        raise BadRequest("The request body is not base64, but says so.") from None


def _sent_bytes(event: Mapping[str, Any]) -> int | None:
    length = str((event.get("headers") or {}).get("content-length") or "")
    return int(length) if length.isascii() and length.isdecimal() else None


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no JSON number")
