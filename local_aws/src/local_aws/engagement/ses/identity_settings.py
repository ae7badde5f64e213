"""Identities are listed in pages, and keep whether feedback has headers and is forwarded."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from ministack.core.responses import json_response
from ministack.services import ses, ses_v2

REQUIRED = (
    "ministack.core.responses.json_response",
    "ministack.services.ses._error",
    "ministack.services.ses._esc",
    "ministack.services.ses._identities",
    "ministack.services.ses._list_identities",
    "ministack.services.ses._p",
    "ministack.services.ses._set_identity_notification_topic",
    "ministack.services.ses._xml",
    "ministack.services.ses.handle_request",
    "ministack.services.ses_v2._identities",
    "ministack.services.ses_v2.handle_request",
)

Json = dict[str, Any]
Handler = Callable[..., Any]
KINDS = ("Bounce", "Complaint", "Delivery")
PAGE = 1000


def apply() -> None:
    ses._list_identities = list_identities
    ses._set_identity_notification_topic = _of_a_kind(ses._set_identity_notification_topic)
    ses.handle_request = _with_headers(ses.handle_request)
    ses_v2.handle_request = _with_forwarding(ses_v2.handle_request)


def list_identities(params: Json) -> Any:
    """ListIdentities: MaxItems at a time, continued by NextToken."""
    kind, token = ses._p(params, "IdentityType"), ses._p(params, "NextToken")
    names = [name for name, info in ses._identities.items() if kind in ("", info["Type"])]
    size = int(ses._p(params, "MaxItems") or PAGE)
    if not 1 <= size <= PAGE:
        return _invalid(f"MaxItems must be from 1 to {PAGE}.")
    # The token names the last identity of the page before, so that others may come and go.
    if token and token not in names:
        return _invalid("The NextToken is not valid.")
    first = names.index(token) + 1 if token else 0
    page = names[first : first + size]
    members = "".join(f"<member>{ses._esc(name)}</member>" for name in page)
    content = f"<Identities>{members}</Identities>"
    if first + size < len(names):
        content += f"<NextToken>{ses._esc(page[-1])}</NextToken>"
    return _answer("ListIdentities", content)


def _invalid(message: str) -> Any:
    return ses._error("InvalidParameterValue", message, 400)


def _answer(action: str, content: str) -> Any:
    return ses._xml(200, f"{action}Response", f"<{action}Result>{content}</{action}Result>")


def _of_a_kind(set_topic: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def set_topic_of_a_kind(params: Json) -> Any:
        return _unknown_kind(params) or set_topic(params)

    return set_topic_of_a_kind


def _unknown_kind(params: Json) -> Any:
    kind = ses._p(params, "NotificationType")
    if kind in KINDS:
        return None
    return _invalid(f"NotificationType must be one of {', '.join(KINDS)}, not {kind!r}.")


def _with_headers(handle: Handler) -> Handler:
    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if not path.startswith("/v2/"):
            params = dict(query) | parse_qs(body.decode(errors="replace"))
            action = ses._p(params, "Action")
            if action == "SetIdentityHeadersInNotificationsEnabled":
                return _set_headers(action, params)
        return await handle(method, path, headers, body, query)

    return handle_request


def _set_headers(action: str, params: Json) -> Any:
    name = ses._p(params, "Identity")
    if name not in ses._identities:
        return _invalid(f"Identity <{name}> is not a verified email address or domain.")
    refused = _unknown_kind(params)
    if refused:
        return refused
    enabled = ses._identities[name].setdefault("HeadersInNotifications", {})
    enabled[ses._p(params, "NotificationType")] = ses._p(params, "Enabled").lower() == "true"
    return _answer(action, "")


def _with_forwarding(handle: Handler) -> Handler:
    """The older API's ForwardingEnabled is SESv2's FeedbackForwardingStatus."""

    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        found = re.fullmatch(r"(?:/v2/email)?/identities/([^/]+)(/feedback)?/?", path)
        name = unquote(found[1]) if found else ""
        known = ses._identities.get(name)
        if known is None or name not in ses_v2._identities:
            return await handle(method, path, headers, body, query)
        if found and found[2] and method == "PUT":
            wanted = json.loads(body or b"{}").get("EmailForwardingEnabled", False)
            known["FeedbackForwardingEnabled"] = bool(wanted)
            return json_response({})
        answer = await handle(method, path, headers, body, query)
        if method == "GET" and answer[0] == 200:
            forwarded = bool(known["FeedbackForwardingEnabled"])
            return json_response(json.loads(answer[2]) | {"FeedbackForwardingStatus": forwarded})
        return answer

    return handle_request
