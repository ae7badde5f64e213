"""The sending identities of the hub, and one sender for all its channels."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.events import sms_context
from shared.aws import aws_client
from shared.mailbox import MailboxRefused, read_address, read_mailbox
from shared.messages.content import EmailContent, SmsContent, VoiceContent
from shared.pinpoint_events import CUSTOMER_CONTEXT, HubIds, email_tags
from shared.send_outcome import ONE_ATTEMPT, SendOutcome, attempt

if TYPE_CHECKING:
    from mypy_boto3_pinpoint_sms_voice_v2 import PinpointSMSVoiceV2Client
    from mypy_boto3_sesv2 import SESV2Client


@dataclass(frozen=True, slots=True)
class SendingIdentities:
    """The hub's identities, used unless a message names others. None: the service's default."""

    email_from: str | None = None
    email_configuration_set: str | None = None
    sms_origination: str | None = None
    sms_configuration_set: str | None = None
    voice_origination: str | None = None

    @classmethod
    def from_environment(cls) -> SendingIdentities:
        return cls(
            email_from=os.environ.get("EMAIL_FROM_ADDRESS"),
            email_configuration_set=os.environ.get("EMAIL_CONFIGURATION_SET"),
            sms_origination=os.environ.get("SMS_ORIGINATION_IDENTITY"),
            sms_configuration_set=os.environ.get("SMS_CONFIGURATION_SET"),
            voice_origination=os.environ.get("VOICE_ORIGINATION_IDENTITY"),
        )


class Senders:
    """Sends SMS and voice by End User Messaging and email by SES. Safe to share by threads."""

    def __init__(
        self,
        identities: SendingIdentities,
        *,
        phone: PinpointSMSVoiceV2Client | None = None,
        email: SESV2Client | None = None,
    ) -> None:
        self._identities = identities
        self._phone_client = phone
        self._email_client = email

    @classmethod
    def from_environment(cls) -> Senders:
        """Make the senders; a client is created at its first send, which shortens cold starts."""
        return cls(SendingIdentities.from_environment())

    def prepare(self) -> None:
        """Make every client now. Clients are made in one thread only: call it before threads."""
        _ = (self._phone, self._email)

    @property
    def _phone(self) -> PinpointSMSVoiceV2Client:
        if self._phone_client is None:
            self._phone_client = aws_client("pinpoint-sms-voice-v2", config=ONE_ATTEMPT)
        return self._phone_client

    @property
    def _email(self) -> SESV2Client:
        if self._email_client is None:
            self._email_client = aws_client("sesv2", config=ONE_ATTEMPT)
        return self._email_client

    def send(
        self,
        content: SmsContent | EmailContent | VoiceContent,
        address: str,
        *,
        context: Mapping[str, str],
    ) -> SendOutcome:
        """Send one message to one address.

        `context` holds the ids that delivery events must bring back (application_id, campaign_id,
        campaign_activity_id, treatment_id, endpoint_id, request_id, …; absent ones left out) and
        the client's own Context, loose or as a JSON object under `customer_context`.

        Returns an outcome for everything AWS answers; raises only for a fault of our own.
        """
        ids, customer = _split(context)
        try:
            match content:
                case SmsContent():
                    return self._send_sms(content, address, sms_context(ids, customer))
                case EmailContent():
                    return self._send_email(content, address, email_tags(ids, customer))
                case VoiceContent():
                    return self._send_voice(content, address, sms_context(ids, customer))
                case _:
                    return SendOutcome.refused(
                        f"The hub has no sender for {type(content).__name__}."
                    )
        except BadRequest as error:
            return SendOutcome.refused(str(error))

    def _send_sms(
        self, content: SmsContent, address: str, context: Mapping[str, str]
    ) -> SendOutcome:
        origination = (
            content.origination_identity or content.sender_id or self._identities.sms_origination
        )
        request: dict[str, Any] = {
            "DestinationPhoneNumber": address,
            "MessageBody": content.body,
            "Context": context,
        }
        if origination:
            request["OriginationIdentity"] = origination
        if self._identities.sms_configuration_set:
            request["ConfigurationSetName"] = self._identities.sms_configuration_set
        if content.media_url:
            if not origination:
                return SendOutcome.refused(
                    "A message with MediaUrl needs an origination identity: give the hub's sms "
                    "object an origination_identity_arn."
                )
            request["MediaUrls"] = [content.media_url]
            return attempt(lambda: self._phone.send_media_message(**request))
        if content.keyword:
            request["Keyword"] = content.keyword
        if content.message_type:
            request["MessageType"] = content.message_type
        india = {"IN_ENTITY_ID": content.entity_id, "IN_TEMPLATE_ID": content.template_id}
        if any(india.values()):
            request["DestinationCountryParameters"] = {k: v for k, v in india.items() if v}
        return attempt(lambda: self._phone.send_text_message(**request))

    def _send_voice(
        self, content: VoiceContent, address: str, context: Mapping[str, str]
    ) -> SendOutcome:
        origination = content.origination or self._identities.voice_origination
        if not origination:
            return SendOutcome.refused(
                "A voice message needs an origination identity: give the hub's voice object an "
                "origination_identity_arn."
            )
        request: dict[str, Any] = {
            "DestinationPhoneNumber": address,
            "OriginationIdentity": origination,
            "MessageBody": content.body,
            "MessageBodyTextType": "SSML" if content.ssml else "TEXT",
            "Context": context,
        }
        if content.voice_id:
            # Pinpoint took "Joanna"; the voice service takes "JOANNA".
            request["VoiceId"] = content.voice_id.upper()
        return attempt(lambda: self._phone.send_voice_message(**request))

    def _send_email(
        self, content: EmailContent, address: str, tags: Mapping[str, str]
    ) -> SendOutcome:
        sender = content.from_address or self._identities.email_from
        if not sender:
            return SendOutcome.refused(
                "An email needs a from address: give the hub an email object with from_address."
            )
        try:
            request: dict[str, Any] = {
                "FromEmailAddress": read_mailbox(sender).header,
                "Destination": {"ToAddresses": [read_address(address)]},
                "Content": _email_body(content),
                "EmailTags": [{"Name": name, "Value": value} for name, value in tags.items()],
            }
            if content.reply_to:
                request["ReplyToAddresses"] = [read_mailbox(one).header for one in content.reply_to]
            if content.feedback_address:
                request["FeedbackForwardingEmailAddress"] = read_address(content.feedback_address)
        except MailboxRefused as error:
            return SendOutcome.refused(f"SES cannot send the email: {error}", reason=error.rule)
        configuration_set = content.configuration_set or self._identities.email_configuration_set
        if configuration_set:
            request["ConfigurationSetName"] = configuration_set
        return attempt(lambda: self._email.send_email(**request))


def _email_body(content: EmailContent) -> dict[str, Any]:
    if content.raw is not None:
        return {"Raw": {"Data": content.raw}}
    parts = {"Html": content.html, "Text": content.text}
    simple: dict[str, Any] = {
        "Subject": {"Data": content.subject or "", "Charset": "UTF-8"},
        "Body": {
            name: {"Data": text, "Charset": "UTF-8"}
            for name, text in parts.items()
            if text is not None
        },
    }
    if content.headers:
        simple["Headers"] = [{"Name": name, "Value": value} for name, value in content.headers]
    return {"Simple": simple}


def _split(context: Mapping[str, str]) -> tuple[HubIds, dict[str, str]]:
    """Return the hub's ids and the client's own entries (loose, or in customer_context)."""
    ids = HubIds.of(context)
    customer = {
        name: value
        for name, value in context.items()
        if name != CUSTOMER_CONTEXT and name not in ids.given()
    }
    packed = context.get(CUSTOMER_CONTEXT)
    if packed:
        customer.update(json.loads(packed))
    return ids, customer
