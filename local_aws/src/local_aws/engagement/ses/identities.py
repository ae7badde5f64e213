"""SES identities are one list for both versions of the API, and take topics as in AWS."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from typing import Any
from urllib.parse import parse_qs, unquote

from ministack.core.responses import get_account_id, get_region
from ministack.services import ses, ses_v2, sns

from local_aws.patches.encryption import topic_allows

REQUIRED = (
    "ministack.services.ses._collect_list",
    "ministack.services.ses._delete_identity",
    "ministack.services.ses._error",
    "ministack.services.ses._esc",
    "ministack.services.ses._identities",
    "ministack.services.ses._make_identity",
    "ministack.services.ses._p",
    "ministack.services.ses._set_identity_notification_topic",
    "ministack.services.ses._verify_domain_dkim",
    "ministack.services.ses._verify_domain_identity",
    "ministack.services.ses._verify_email_identity",
    "ministack.services.ses._xml",
    "ministack.services.ses.handle_request",
    "ministack.services.ses_v2._easy_dkim_attributes",
    "ministack.services.ses_v2._identities",
    "ministack.services.ses_v2.handle_request",
    "ministack.services.sns.publish_internal",
)

SERVICE = "ses.amazonaws.com"
_V1_MAKES = {
    "_verify_email_identity": "EmailAddress",
    "_verify_domain_identity": "Domain",
    "_verify_domain_dkim": "Domain",
}

Json = dict[str, Any]
V1 = Callable[[Json], Any]


def apply() -> None:
    for name, member in _V1_MAKES.items():
        setattr(ses, name, _made_by_v1(getattr(ses, name), member))
    ses._delete_identity = _deleted_by_v1(ses._delete_identity)
    ses_v2.handle_request = _changed_by_v2(ses_v2.handle_request)
    ses.handle_request = _with_attributes(ses.handle_request)
    ses._set_identity_notification_topic = _checked(ses._set_identity_notification_topic)


def _made_by_v1(verify: V1, member: str) -> V1:
    def made(params: Json) -> Any:
        # Verifying again changes nothing: stock forgets the topics.
        name = ses._p(params, member)
        known = ses._identities.get(name)
        answer = verify(params)
        if known is not None:
            ses._identities[name] = known
        if name not in ses_v2._identities:
            kind = "DOMAIN" if member == "Domain" else "EMAIL_ADDRESS"
            ses_v2._identities[name] = {
                "EmailIdentity": name,
                "IdentityType": kind,
                "VerifiedForSendingStatus": True,
                "DkimAttributes": ses_v2._easy_dkim_attributes(name, kind, {}),
                "MailFromAttributes": {"BehaviorOnMxFailure": "USE_DEFAULT_VALUE"},
                "Tags": [],
            }
        return answer

    return made


def _deleted_by_v1(delete: V1) -> V1:
    def deleted(params: Json) -> Any:
        answer = delete(params)
        if answer[0] == 200:
            ses_v2._identities.pop(ses._p(params, "Identity"), None)
        return answer

    return deleted


def _changed_by_v2(handle: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        answer = await handle(method, path, headers, body, query)
        found = re.fullmatch(r"(?:/v2/email)?/identities(?:/([^/]+))?/?", path)
        if found and answer[0] == 200:
            if method == "POST" and not found[1]:
                name = json.loads(body)["EmailIdentity"]
                kind = "EmailAddress" if "@" in name else "Domain"
                ses._identities.setdefault(name, ses._make_identity(name, kind))
            if method == "DELETE" and found[1]:
                ses._identities.pop(unquote(found[1]), None)
        return answer

    return handle_request


def _with_attributes(handle: Callable[..., Any]) -> Callable[..., Any]:
    async def handle_request(method: str, path: str, headers: Any, body: bytes, query: Any) -> Any:
        if not path.startswith("/v2/"):
            params = dict(query) | parse_qs(body.decode(errors="replace"))
            if ses._p(params, "Action") == "GetIdentityNotificationAttributes":
                return _attributes(params)
        return await handle(method, path, headers, body, query)

    return handle_request


def _attributes(params: Json) -> Any:
    """GetIdentityNotificationAttributes, which stock does not know."""
    names = ses._collect_list(params, "Identities.member")
    if len(names) > 100:
        return ses._error("InvalidParameterValue", "At most 100 identities at a time.", 400)
    entries = ""
    for name in names:
        known = ses._identities.get(name)
        if known is None:
            continue
        topics = "".join(
            f"<{kind}Topic>{ses._esc(topic)}</{kind}Topic>"
            for kind, topic in known["NotificationTopics"].items()
            if topic
        )
        # The flags that were ever set; the others are false, and optional in the answer.
        headers = "".join(
            f"<HeadersIn{kind}NotificationsEnabled>{str(flag).lower()}"
            f"</HeadersIn{kind}NotificationsEnabled>"
            for kind, flag in known.get("HeadersInNotifications", {}).items()
        )
        forwarding = str(bool(known["FeedbackForwardingEnabled"])).lower()
        entries += (
            f"<entry><key>{ses._esc(name)}</key><value>{topics}{headers}"
            f"<ForwardingEnabled>{forwarding}</ForwardingEnabled></value></entry>"
        )
    action = "GetIdentityNotificationAttributes"
    found = f"<NotificationAttributes>{entries}</NotificationAttributes>"
    return ses._xml(200, f"{action}Response", f"<{action}Result>{found}</{action}Result>")


def _checked(set_topic: V1) -> V1:
    """Refuse what AWS refuses, and tell a topic that it was chosen."""

    def checked(params: Json) -> Any:
        name, kind, topic = (
            ses._p(params, key) for key in ("Identity", "NotificationType", "SnsTopic")
        )
        if name not in ses._identities:
            message = f"Identity <{name}> is not a verified email address or domain."
            return ses._error("InvalidParameterValue", message, 400)
        if not topic:
            return set_topic(params)
        source = f"arn:aws:ses:{get_region()}:{get_account_id()}:identity/{name}"
        if not topic_allows(topic, SERVICE, source):
            message = f"Invalid SNS topic <{topic}>: {SERVICE} may not publish to it."
            return ses._error("InvalidParameterValue", message, 400)
        told = {
            "notificationType": "AmazonSnsSubscriptionSucceeded",
            "message": f"You have successfully subscribed your Amazon SNS topic '{topic}' to "
            f"receive '{kind}' notifications from Amazon SES for identity '{name}'.",
        }
        sns.publish_internal(topic, json.dumps(told), "Amazon SES Email Event Notification")
        return set_topic(params)

    return checked
