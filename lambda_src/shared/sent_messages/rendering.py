"""Make the message of a send again, with the renderer of the hub."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from shared.messages.content import (
    TEMPLATE_MEMBERS,
    Content,
    EmailContent,
    MessagePlan,
    content_digest,
    endpoint_variables,
    has_inline_text,
    resolve,
)
from shared.messages.errors import BadRequest
from shared.messages.push import PUSH_MEMBERS, PushContent, push_content
from shared.sent_messages.contents import Contents, Template
from shared.sent_messages.sends import NotRenderable, Origin, Send

__all__ = ["Fidelity", "HandedOver", "Message", "MessageMaker"]

Json = Mapping[str, Any]

DEFAULT_TREATMENT = "0"
MASK = "XXXXXXXX"
_CONTENT_MEMBERS = ("MessageConfiguration", "TemplateConfiguration", "CustomDeliveryConfiguration")
_MOST_PLANS = 200


class Fidelity(StrEnum):
    """How surely a message is the one that was sent."""

    VERIFIED = "verified"
    """The event proves it: the digest of the content is that of the message that was sent."""
    RECONSTRUCTED = "reconstructed"
    """Made of the content and the endpoint that the API and the event tell; nothing proves it."""
    DIFFERS = "differs"
    """The event proves that the message had other words, or went to another address."""


@dataclass(frozen=True, slots=True)
class HandedOver:
    """Input of a custom channel's function or a contact center, which get no message."""

    handed_over: Json


@dataclass(frozen=True, slots=True)
class Message:
    """A send with its content."""

    send: Send
    channel: str
    content: Content | PushContent | HandedOver
    fidelity: Fidelity
    address: str
    from_address: str | None = None
    campaign_version: str | None = None
    template: Template | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    """The content of one treatment, or of one activity of a journey."""

    configuration: Json
    templates: Json
    custom: Json | None = None
    is_exact: bool = False
    version: str | None = None
    key: tuple[str, ...] = ()


@dataclass(slots=True)
class MessageMaker:
    """Makes messages.

    `masked` leaves addresses out of the messages. `default_sender` is the From address of emails
    for which neither the campaign nor the project's email channel has one.
    """

    contents: Contents
    masked: bool = False
    default_sender: str | None = None
    _plans: dict[tuple[str, ...], MessagePlan | None] = field(default_factory=dict)

    def message(self, send: Send) -> Message:
        """Return the message of a send.

        Raises:
            NotRenderable: it cannot be made; the text is the reason.
            ServiceUnavailable: the API does not answer now.
        """
        try:
            if send.origin is Origin.CAMPAIGN:
                return self._of_campaign(send)
            return self._of_journey(send)
        except BadRequest as error:
            raise NotRenderable(f"The content cannot be rendered: {error.message}") from error

    def _of_campaign(self, send: Send) -> Message:
        campaign, is_exact = self.contents.campaign(send)
        version = str(campaign.get("Version") or "") or None
        treatment_id = send.ids.get("treatment_id") or DEFAULT_TREATMENT
        treatment = _treatment(campaign, treatment_id)
        part = _Part(
            treatment.get("MessageConfiguration") or {},
            treatment.get("TemplateConfiguration") or {},
            treatment.get("CustomDeliveryConfiguration"),
            is_exact,
            version,
            ("campaign", send.application_id, send.ids["campaign_id"], version or "", treatment_id),
        )
        channel = send.channel
        if channel is None or channel == "PUSH":  # PUSH does not say which service had the message
            channel = str(send.endpoint.get("ChannelType") or "")
        if channel == "CUSTOM":
            if not part.custom:
                raise NotRenderable("The campaign has no CustomDeliveryConfiguration.")
            handed_over = {
                "CustomDeliveryConfiguration": part.custom,
                "Data": (part.configuration.get("CustomMessage") or {}).get("Data"),
            }
            return self._handed_over(send, channel, handed_over, part)
        return self._rendered(send, channel, part)

    def _of_journey(self, send: Send) -> Message:
        journey, activity = self.contents.journey_activity(send)
        journey_id, activity_id = send.ids["journey_id"], send.ids["journey_activity_id"]
        key = ("journey", send.application_id, journey_id, activity_id)
        if activity.get("CUSTOM") is not None:
            return self._handed_over(send, "CUSTOM", {"CUSTOM": activity["CUSTOM"]}, _Part({}, {}))
        if activity.get("ContactCenter") is not None:
            settings = journey.get("JourneyChannelSettings") or {}
            handed_over = {"ContactCenter": activity["ContactCenter"], **settings}
            return self._handed_over(send, "CONTACT_CENTER", handed_over, _Part({}, {}))
        for kind, member in (("EMAIL", "EmailMessage"), ("SMS", "SMSMessage"), ("PUSH", "")):
            details = activity.get(kind)
            if details is None:
                continue
            reference = {
                "Name": details.get("TemplateName"),
                "Version": details.get("TemplateVersion"),
            }
            settings = details.get("MessageConfig") or {}
            configuration = {member: settings} if member else {}
            channel = str(send.endpoint.get("ChannelType") or "") if kind == "PUSH" else kind
            name = "PushTemplate" if kind == "PUSH" else TEMPLATE_MEMBERS[kind]
            part = _Part(configuration, {name: reference}, key=key)
            return self._rendered(send, channel, part)
        kinds = ", ".join(sorted(name for name in activity if name != "Description")) or "nothing"
        raise NotRenderable(f"Activity {activity_id} of journey {journey_id} is {kinds}.")

    def _handed_over(self, send: Send, channel: str, handed_over: Json, part: _Part) -> Message:
        # The function got no rendered message: a campaign's version says all that it got.
        fidelity = Fidelity.VERIFIED if part.is_exact else Fidelity.RECONSTRUCTED
        return Message(
            send,
            channel,
            HandedOver(handed_over),
            fidelity,
            MASK if self.masked else send.address,
            campaign_version=part.version,
        )

    def _rendered(self, send: Send, channel: str, part: _Part) -> Message:
        if channel not in TEMPLATE_MEMBERS and channel not in PUSH_MEMBERS:
            raise NotRenderable(f"There is no content for channel {channel or 'without a name'}.")
        template = self._template(send, channel, part)
        content = self._content(send, channel, part, template, send.endpoint)
        digest = send.attributes.get("content_digest")
        if digest is None or isinstance(content, PushContent):
            fidelity = Fidelity.RECONSTRUCTED
        elif content_digest(content, send.address) == digest:
            fidelity = Fidelity.VERIFIED
        else:
            fidelity = Fidelity.DIFFERS
        address = send.address
        if self.masked:
            address = MASK
            content = self._content(
                send, channel, part, template, {**send.endpoint, "Address": MASK}
            )
        sender = None
        if isinstance(content, EmailContent):
            sender = (
                content.from_address
                or self.contents.email_sender(send.application_id)
                or self.default_sender
            )
            if sender is None:
                raise NotRenderable(
                    "The email has no From address: neither the campaign nor the project's email "
                    "channel has one. Set default_from_address of the archiver."
                )
        return Message(send, channel, content, fidelity, address, sender, part.version, template)

    def _template(self, send: Send, channel: str, part: _Part) -> Template | None:
        kind = "PUSH" if channel in PUSH_MEMBERS else channel
        member = "PushTemplate" if kind == "PUSH" else TEMPLATE_MEMBERS[kind]
        reference = part.templates.get(member) or {}
        if not reference.get("Name") or has_inline_text(part.configuration, channel):
            return None
        template, _ = self.contents.template(
            kind, reference["Name"], reference.get("Version"), send
        )
        return template

    def _content(
        self, send: Send, channel: str, part: _Part, template: Template | None, endpoint: Json
    ) -> Content | PushContent:
        body = template.body if template else None

        def clock() -> datetime:
            return send.sent_at

        content: Content | PushContent | None
        if channel in PUSH_MEMBERS:
            content = push_content(
                part.configuration, body, channel, endpoint_variables(endpoint), clock
            )
        else:
            plan = self._plan(channel, part, template)
            content = None
            if plan is not None:
                content = plan.render(endpoint_variables(endpoint), clock=clock)
        if content is None:
            raise NotRenderable(f"The content has no message for channel {channel}.")
        return content

    def _plan(self, channel: str, part: _Part, template: Template | None) -> MessagePlan | None:
        """Return the compiled message; one for all recipients of a version."""
        modified = str(template.body.get("LastModifiedDate")) if template else ""
        key = (*part.key, channel, template.version if template else "", modified)
        if key not in self._plans:
            if len(self._plans) >= _MOST_PLANS:
                self._plans.clear()
            bodies = {channel: template.body} if template else {}
            self._plans[key] = resolve(part.configuration, bodies, channel)
        return self._plans[key]


def _treatment(campaign: Json, treatment_id: str) -> Json:
    """Return the content of a treatment; one without content of its own has the campaign's."""
    if treatment_id == DEFAULT_TREATMENT:
        return campaign
    for treatment in campaign.get("AdditionalTreatments") or ():
        if str(treatment.get("Id")) == treatment_id:
            own: Json = treatment
            return own if any(own.get(member) for member in _CONTENT_MEMBERS) else campaign
    raise NotRenderable(f"The campaign has no treatment {treatment_id}.")
