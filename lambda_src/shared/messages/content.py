"""Which words go to one recipient: configuration and templates to content, by channel.

`resolve` turns a campaign's MessageConfiguration, or the DirectMessageConfiguration of SendMessages
and SendUsersMessages, into a plan for one channel; the plan renders for any number of recipients.

Choices where AWS is silent:

- Per channel, inline text wins over the template, and the template over DefaultMessage. A channel
  message without text (only a MessageType, say) lends its settings to the template's text.
- Substitutions of the address or endpoint win over the message's substitutions, these over the
  endpoint's own values, and the endpoint's values over the template's defaults. The substitutions
  of the message belong to the part that supplied the text.
- DefaultMessage serves SMS and VOICE, and EMAIL only when it has a Title to be the subject.
- Voice in campaigns takes its text from TemplateConfiguration.VoiceTemplate or DefaultMessage,
  since a campaign's MessageConfiguration has no VoiceMessage (Pinpoint had no voice campaigns).
- An email's BodyOverride replaces the HTML when there is HTML, otherwise the text, and the other
  part is dropped, so that no reader sees a different message.
- A text has one sender, so OriginationNumber wins over SenderId.
- Push and in-app content is not sent by this hub: those channels resolve to None. So does CUSTOM,
  which has a function instead of a message.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from typing import Any, Protocol

from shared.messages.errors import BadRequest
from shared.messages.templates import RenderingFailed, Template, compile_template

SMS_BODY_LIMIT = 1_600  # Pinpoint quotas, "Message templates"
EMAIL_BYTES_LIMIT = 10 * 1024 * 1024  # Pinpoint quotas, "Email message size"
VOICE_RENDERED_LIMIT = 6_000  # SendVoiceMessage.MessageBody

Clock = Callable[[], datetime]
TemplateBody = Mapping[str, Any]  # an EmailTemplate, SmsTemplate or VoiceTemplate

TEMPLATE_MEMBERS = {
    "SMS": "SMSTemplate",
    "EMAIL": "EmailTemplate",
    "VOICE": "VoiceTemplate",
}
"""The member of TemplateConfiguration that names a channel's template."""


def system_clock() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class SmsContent:
    """A text message. `message_type` None leaves the type to the origination identity."""

    body: str
    message_type: str | None = None
    origination_identity: str | None = None
    sender_id: str | None = None
    entity_id: str | None = None
    template_id: str | None = None
    media_url: str | None = None
    keyword: str | None = None


@dataclass(frozen=True, slots=True)
class EmailContent:
    """An email. With `raw` (a whole MIME message) subject, html, text and headers stay empty."""

    from_address: str | None = None
    subject: str | None = None
    html: str | None = None
    text: str | None = None
    headers: tuple[tuple[str, str], ...] = ()
    reply_to: tuple[str, ...] = ()
    raw: bytes | None = None
    configuration_set: str | None = None
    feedback_address: str | None = None


@dataclass(frozen=True, slots=True)
class VoiceContent:
    """A spoken message, plain text or SSML.

    The template decides which of the two: a recipient's value that looks like SSML is read out as
    text, and in SSML it is escaped.
    """

    body: str
    ssml: bool = False
    language: str | None = None
    voice_id: str | None = None
    origination: str | None = None


Content = SmsContent | EmailContent | VoiceContent


class MessagePlan(Protocol):
    """A channel's message, ready to render."""

    def render(
        self,
        variables: Mapping[str, Any],
        substitutions: Mapping[str, Any] | None = None,
        *,
        title_override: str | None = None,
        body_override: str | None = None,
        clock: Clock = system_clock,
    ) -> Content:
        """Return the content for one recipient.

        Raises:
            RenderingFailed: the values do not fit the template, or the result is empty or too
                long for the channel.
            TemplateError: an override cannot be read.
        """
        ...


@dataclass(frozen=True, slots=True)
class _Values:
    """Where a plan's variables come from, besides the recipient."""

    message: Mapping[str, Any] = field(default_factory=dict)
    defaults: Mapping[str, Any] = field(default_factory=dict)

    def fill(
        self,
        template: Template,
        variables: Mapping[str, Any],
        substitutions: Mapping[str, Any] | None,
        clock: Clock,
    ) -> str:
        own = {**self.message, **substitutions} if substitutions else self.message
        return template.render(variables, self.defaults, substitutions=own, clock=clock)


def _checked(text: str, limit: int, channel: str) -> str:
    if not text.strip():
        raise RenderingFailed(f"The {channel} message renders to nothing for this recipient.")
    if len(text) > limit:
        raise RenderingFailed(
            f"The {channel} message renders to {len(text)} characters; the limit is {limit}."
        )
    return text


def _one_line(text: str) -> str:
    return re.sub(r"[\r\n]+", " ", text)  # a value must not start a header of its own


@dataclass(frozen=True, slots=True)
class SmsPlan:
    """See MessagePlan."""

    body: Template
    values: _Values
    settings: Mapping[str, Any]

    def render(
        self,
        variables: Mapping[str, Any],
        substitutions: Mapping[str, Any] | None = None,
        *,
        title_override: str | None = None,
        body_override: str | None = None,
        clock: Clock = system_clock,
    ) -> SmsContent:
        template = compile_template(body_override) if body_override else self.body
        body = self.values.fill(template, variables, substitutions, clock)
        return SmsContent(
            body=_checked(body, SMS_BODY_LIMIT, "SMS"),
            message_type=self.settings.get("MessageType") or None,
            origination_identity=self.settings.get("OriginationNumber") or None,
            sender_id=self.settings.get("SenderId") or None,
            entity_id=self.settings.get("EntityId") or None,
            template_id=self.settings.get("TemplateId") or None,
            media_url=self.settings.get("MediaUrl") or None,
            keyword=self.settings.get("Keyword") or None,
        )


@dataclass(frozen=True, slots=True)
class VoicePlan:
    """See MessagePlan."""

    body: Template
    ssml: bool
    values: _Values
    settings: Mapping[str, Any]

    def render(
        self,
        variables: Mapping[str, Any],
        substitutions: Mapping[str, Any] | None = None,
        *,
        title_override: str | None = None,
        body_override: str | None = None,
        clock: Clock = system_clock,
    ) -> VoiceContent:
        template, ssml = _spoken(body_override) if body_override else (self.body, self.ssml)
        body = self.values.fill(template, variables, substitutions, clock)
        return VoiceContent(
            body=_checked(body, VOICE_RENDERED_LIMIT, "voice"),
            ssml=ssml,
            language=self.settings.get("LanguageCode") or None,
            voice_id=self.settings.get("VoiceId") or None,
            origination=self.settings.get("OriginationNumber") or None,
        )


@dataclass(frozen=True, slots=True)
class EmailPlan:
    """See MessagePlan. A raw message is passed on as it is: no variables, no overrides."""

    values: _Values
    settings: Mapping[str, Any]
    subject: Template | None = None
    html: Template | None = None
    text: Template | None = None
    headers: tuple[tuple[str, Template], ...] = ()
    raw: bytes | None = None

    def render(
        self,
        variables: Mapping[str, Any],
        substitutions: Mapping[str, Any] | None = None,
        *,
        title_override: str | None = None,
        body_override: str | None = None,
        clock: Clock = system_clock,
    ) -> EmailContent:
        envelope = EmailContent(
            from_address=self.settings.get("FromAddress") or None,
            reply_to=tuple(self.settings.get("ReplyToAddresses") or ()),
            feedback_address=self.settings.get("FeedbackForwardingAddress") or None,
        )
        if self.raw is not None:
            return replace(envelope, raw=self.raw)

        def fill(template: Template | None) -> str | None:
            if template is None:
                return None
            return self.values.fill(template, variables, substitutions, clock)

        subject = compile_template(title_override) if title_override else self.subject
        html, text = self.html, self.text
        if body_override and html is not None:
            html, text = compile_template(body_override, html=True), None
        elif body_override:
            text = compile_template(body_override)
        content = replace(
            envelope,
            subject=_one_line(fill(subject) or ""),
            html=fill(html) or None,
            text=fill(text) or None,
            headers=tuple((name, _one_line(fill(value) or "")) for name, value in self.headers),
        )
        size = sum(len(part.encode()) for part in (content.html or "", content.text or ""))
        if not size:
            raise RenderingFailed("The email renders to nothing for this recipient.")
        if size > EMAIL_BYTES_LIMIT:
            raise RenderingFailed(
                f"The email renders to {size} bytes; the limit is {EMAIL_BYTES_LIMIT}."
            )
        return content


def resolve(
    message_configuration: Mapping[str, Any] | None,
    templates: Mapping[str, TemplateBody],
    channel: str,
) -> MessagePlan | None:
    """Return the message of one channel, or None when the configuration has no such message.

    Args:
        message_configuration: MessageConfiguration or DirectMessageConfiguration.
        templates: the bodies of the templates that TemplateConfiguration names, by channel type:
            "SMS", "EMAIL", "VOICE" (`template_references` lists the names).

    Raises:
        BadRequest: a text cannot be compiled, or a raw email is not base64.
    """
    configuration = message_configuration or {}
    if channel == "EMAIL":
        return _email_plan(configuration, templates.get(channel))
    if channel == "SMS":
        message = configuration.get("SMSMessage") or {}
        source = _text_source(message, templates.get(channel), configuration)
        return source and SmsPlan(compile_template(source[0]), source[1], message)
    if channel == "VOICE":
        message = configuration.get("VoiceMessage") or {}
        template = templates.get(channel)
        source = _text_source(message, template, configuration)
        if source is None:
            return None
        settings = {**(template or {}), **_given(message)}
        _check_voice(settings)
        return VoicePlan(*_spoken(source[0]), source[1], settings)
    return None


def default_substitutions(template: Mapping[str, Any]) -> dict[str, Any]:
    """Return the template's default values, decoded.

    Raises:
        BadRequest: DefaultSubstitutions is no string that holds a JSON object.
    """
    encoded = template.get("DefaultSubstitutions")
    if encoded is None or encoded == "":
        return {}
    try:
        decoded = json.loads(encoded)
    except (TypeError, ValueError, RecursionError):
        decoded = None
    if not isinstance(decoded, dict):
        raise BadRequest(
            "DefaultSubstitutions must be a string that holds a JSON object, such as "
            '{"User.UserAttributes.FirstName": "there"}.'
        )
    return decoded


def _check_voice(settings: Mapping[str, Any]) -> None:
    """Check that the voice speaks the language: the voice service takes no language, and its own
    default voice is an American one."""
    language, voice = settings.get("LanguageCode"), settings.get("VoiceId")
    if language and not voice and language.lower() != "en-us":
        raise BadRequest(
            "LanguageCode of a voice message has no effect without VoiceId: the voice decides the "
            "language. Give VoiceId of a voice that speaks it, such as Hans for de-DE."
        )


def _given(values: Mapping[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value not in (None, "")}


def _text_source(
    message: Mapping[str, Any], template: TemplateBody | None, configuration: Mapping[str, Any]
) -> tuple[str, _Values] | None:
    if message.get("Body"):
        return message["Body"], _Values(message.get("Substitutions") or {})
    if template is not None and template.get("Body"):
        values = _Values(message.get("Substitutions") or {}, default_substitutions(template))
        return template["Body"], values
    default = configuration.get("DefaultMessage") or {}
    if default.get("Body"):
        return default["Body"], _Values(default.get("Substitutions") or {})
    return None


def _spoken(text: str) -> tuple[Template, bool]:
    """Compile a voice message: SSML when the template is, and then its values are escaped."""
    ssml = text.lstrip().startswith("<speak")
    return compile_template(text, html=ssml), ssml


def _optional(text: str | None, *, html: bool = False) -> Template | None:
    return compile_template(text, html=html) if text else None


def _headers(headers: Sequence[Mapping[str, str]] | None) -> tuple[tuple[str, Template], ...]:
    return tuple((h.get("Name", ""), compile_template(h.get("Value", ""))) for h in headers or ())


def _email_plan(
    configuration: Mapping[str, Any], template: TemplateBody | None
) -> EmailPlan | None:
    message = configuration.get("EmailMessage") or {}
    values = _Values(message.get("Substitutions") or {})
    raw = (message.get("RawEmail") or {}).get("Data")
    if raw:
        return EmailPlan(values, message, raw=_decoded(raw))
    simple = message.get("SimpleEmail") or {}
    subject = (simple.get("Subject") or {}).get("Data") or message.get("Title")
    html = (simple.get("HtmlPart") or {}).get("Data") or message.get("HtmlBody")
    text = (simple.get("TextPart") or {}).get("Data") or message.get("Body")
    headers = simple.get("Headers") or message.get("Headers")
    if not (html or text):
        default = configuration.get("DefaultMessage") or {}
        if template is not None:
            values = _Values(values.message, default_substitutions(template))
            subject = subject or template.get("Subject")
            html, text = template.get("HtmlPart"), template.get("TextPart")
            headers = headers or template.get("Headers")
        elif default.get("Body") and (subject or default.get("Title")):
            values = _Values(default.get("Substitutions") or {})
            subject, text = subject or default.get("Title"), default["Body"]
        if not (html or text):
            return None
    return EmailPlan(
        values,
        message,
        subject=_optional(subject),
        html=_optional(html, html=True),
        text=_optional(text),
        headers=_headers(headers),
    )


def _decoded(raw: str | bytes) -> bytes:
    if isinstance(raw, bytes):  # botocore's own parser has decoded the blob
        data = raw
    else:
        try:
            data = base64.b64decode(raw, validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadRequest("EmailMessage.RawEmail.Data must be base64.") from error
    if len(data) > EMAIL_BYTES_LIMIT:
        raise BadRequest(
            f"EmailMessage.RawEmail.Data has {len(data)} bytes; the limit is {EMAIL_BYTES_LIMIT}."
        )
    return data


def content_digest(content: Content, address: str) -> str:
    """Return the digest of the words that a recipient gets and of the address that gets them.

    Two contents have one digest when subject, bodies and headers agree. Senders and settings do not
    count. A record of a send carries the digest, so that a copy of the message can be verified.
    """
    match content:
        case SmsContent():
            words: list[Any] = [content.body, content.media_url]
        case VoiceContent():
            words = [content.body, content.ssml]
        case EmailContent():
            words = [content.subject, content.html, content.text, content.headers]
            if content.raw is not None:
                words.append(hashlib.sha256(content.raw).hexdigest())
    text = json.dumps([type(content).__name__, address, *words])
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def has_inline_text(message_configuration: Mapping[str, Any], channel: str) -> bool:
    """Check whether a channel's own message has the text, so that no template counts."""
    if channel == "EMAIL":
        message = message_configuration.get("EmailMessage") or {}
        simple = message.get("SimpleEmail") or {}
        parts = [simple.get(name) or {} for name in ("HtmlPart", "TextPart")]
        return bool(
            message.get("HtmlBody")
            or message.get("Body")
            or any(part.get("Data") for part in parts)
            or (message.get("RawEmail") or {}).get("Data")
        )
    member = {"SMS": "SMSMessage", "VOICE": "VoiceMessage"}.get(channel, "")
    return bool((message_configuration.get(member) or {}).get("Body"))


def template_references(
    template_configuration: Mapping[str, Any] | None,
) -> dict[str, tuple[str, str | None]]:
    """Return the templates to load, by channel type: (name, version or None for the active one)."""
    configuration = template_configuration or {}
    references = {}
    for channel, member in TEMPLATE_MEMBERS.items():
        reference = configuration.get(member) or {}
        if reference.get("Name"):
            references[channel] = (reference["Name"], reference.get("Version"))
    return references


def endpoint_variables(endpoint: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the variables of an endpoint: its own members, joined with the user's attributes."""
    return endpoint


def address_variables(address: str, channel: str) -> Mapping[str, Any]:
    """Return the variables of a bare address of SendMessages."""
    return {"Address": address, "ChannelType": channel}
