"""The push notification for one recipient: configuration and template to content.

Inline content wins over a template, and the notification of a platform over the default one, as in
`content`. The hub sends no push messages; a copy of a message that Amazon Pinpoint sent is made
here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from shared.messages.content import Clock, default_substitutions
from shared.messages.templates import RenderingFailed, compile_template

__all__ = ["PUSH_MEMBERS", "PushContent", "push_content"]

PUSH_MEMBERS = {
    "ADM": "ADMMessage",
    "APNS": "APNSMessage",
    "APNS_SANDBOX": "APNSMessage",
    "APNS_VOIP": "APNSMessage",
    "APNS_VOIP_SANDBOX": "APNSMessage",
    "BAIDU": "BaiduMessage",
    "GCM": "GCMMessage",
}
"""The member of a message configuration for each channel type of push."""

# Members of a notification that are no text for people, so that they have no variables.
_NO_TEXT = frozenset({"Action", "SilentPush", "TimeToLive", "JsonBody", "Substitutions"})


@dataclass(frozen=True, slots=True)
class PushContent:
    """A notification with its members as the API names them: Title, Body, Action, RawContent …"""

    notification: Mapping[str, Any]


def push_content(
    configuration: Mapping[str, Any],
    template: Mapping[str, Any] | None,
    channel: str,
    variables: Mapping[str, Any],
    clock: Clock,
) -> PushContent | None:
    """Return the notification of a channel for one recipient, or None if there is no such message.

    Args:
        configuration: MessageConfiguration of a campaign or a treatment.
        template: a PushNotificationTemplateResponse.

    Raises:
        BadRequest: a text cannot be compiled, or the values do not fit.
    """
    member = PUSH_MEMBERS[channel]
    inline = configuration.get(member) or configuration.get("DefaultPushNotificationMessage")
    defaults: Mapping[str, Any] = {}
    if inline is not None and _has_text(inline):
        notification = inline
    elif template is not None:
        platform = template.get(member.removesuffix("Message"))
        notification = platform or template.get("Default") or {}
        defaults = default_substitutions(template)
    else:
        notification = configuration.get("DefaultMessage") or {}
    if not _has_text(notification):
        return None
    written = {
        name: compile_template(value).render(variables, defaults, substitutions={}, clock=clock)
        if isinstance(value, str) and name not in _NO_TEXT
        else value
        for name, value in notification.items()
        if value not in (None, "")
    }
    if not _has_text(written):
        raise RenderingFailed("The push message renders to nothing for this recipient.")
    return PushContent(written)


def _has_text(notification: Mapping[str, Any]) -> bool:
    return any(
        str(notification.get(name) or "").strip() for name in ("Title", "Body", "RawContent")
    )
