"""The push notification for one recipient: configuration and template to content.

Inline content wins over a template, and the notification of a platform over the default one, as in
`content`. AWS sends it for a direct send of the hub. Of a message that Amazon Pinpoint sent for a
campaign, a copy is made here.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from shared.messages.content import Clock, default_substitutions, system_clock
from shared.messages.templates import RenderingFailed, compile_template

__all__ = ["PUSH_MEMBERS", "PushContent", "PushPlan", "push_content", "push_plan"]

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
_NO_TEXT = frozenset({"Action", "SilentPush", "TimeToLive", "JsonBody"})


@dataclass(frozen=True, slots=True)
class PushContent:
    """A notification with its members as the API names them: Title, Body, Action, RawContent …"""

    notification: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class PushPlan:
    """The notification of a channel, ready to render. See MessagePlan.

    `is_template` says that the notification is the template's and not inline.
    """

    notification: Mapping[str, Any]
    defaults: Mapping[str, Any] = field(default_factory=dict)
    is_template: bool = False

    def render(
        self,
        variables: Mapping[str, Any],
        substitutions: Mapping[str, Any] | None = None,
        *,
        title_override: str | None = None,
        body_override: str | None = None,
        clock: Clock = system_clock,
    ) -> PushContent:
        """Return the notification for one recipient.

        Raises:
            BadRequest: a text cannot be compiled, or the values do not fit.
        """
        overrides = {"Title": title_override, "Body": body_override}
        own = {**(self.notification.get("Substitutions") or {}), **(substitutions or {})}
        written = {
            name: compile_template(value).render(
                variables, self.defaults, substitutions=own, clock=clock
            )
            if isinstance(value, str) and name not in _NO_TEXT
            else value
            for name, value in {**self.notification, **_given(overrides)}.items()
            if value not in (None, "") and name != "Substitutions"
        }
        if not _has_text(written):
            raise RenderingFailed("The push message renders to nothing for this recipient.")
        return PushContent(written)


def push_plan(
    configuration: Mapping[str, Any], template: Mapping[str, Any] | None, channel: str
) -> PushPlan | None:
    """Return the notification of a channel, or None if there is no such message.

    Args:
        configuration: MessageConfiguration of a campaign or a treatment, or
            DirectMessageConfiguration.
        template: a PushNotificationTemplateResponse.

    Raises:
        BadRequest: the template's DefaultSubstitutions cannot be read.
    """
    member = PUSH_MEMBERS[channel]
    inline = configuration.get(member) or configuration.get("DefaultPushNotificationMessage")
    if inline is not None and _has_text(inline):
        plan = PushPlan(inline)
    elif template is not None:
        platform = template.get(member.removesuffix("Message"))
        notification = platform or template.get("Default") or {}
        plan = PushPlan(notification, default_substitutions(template), is_template=True)
    else:
        plan = PushPlan(configuration.get("DefaultMessage") or {})
    return plan if _has_text(plan.notification) else None


def push_content(
    configuration: Mapping[str, Any],
    template: Mapping[str, Any] | None,
    channel: str,
    variables: Mapping[str, Any],
    clock: Clock,
) -> PushContent | None:
    """Return the notification of a channel for one recipient, or None if there is no such message.

    Raises:
        BadRequest: a text cannot be compiled, or the values do not fit.
    """
    plan = push_plan(configuration, template, channel)
    return None if plan is None else plan.render(variables, clock=clock)


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value}


def _has_text(notification: Mapping[str, Any]) -> bool:
    return any(
        str(notification.get(name) or "").strip() for name in ("Title", "Body", "RawContent")
    )
