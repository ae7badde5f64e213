"""Calls by Amazon Connect: each contact starts a flow with an outbound call.

Source: Amazon Connect API reference, StartOutboundVoiceContact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import timedelta
from functools import cached_property
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connect_campaign_channel.channel import Answer, Contact, answer_to, phone_number_of
from connect_campaign_channel.content import Content, MalformedData
from shared.aws import aws_client

__all__ = ["ATTRIBUTE_BYTES", "ConnectChannel"]

ATTRIBUTE_BYTES = 32_768
"""UTF-8 bytes of all names and values of a contact's attributes."""

# Channel types whose address is a number that can be called.
_CALLED = ("VOICE", "SMS", "CUSTOM")
_ATTRIBUTE = re.compile(r"[A-Za-z0-9_-]{1,100}")
# AWS keeps a token for seven days from the first attempt.
_TOKEN_LIFE = timedelta(days=7) - timedelta(hours=1)


class ConnectChannel:
    """Starts a flow for each endpoint; the rendered values are attributes of the contact.

    Settings: `instance_id`, `contact_flow_id`, and optional `queue_id`, `source_phone_number`,
    `ring_timeout_seconds`, `answering_machine` (`{"await_prompt": bool}`).
    """

    name = "connect"
    repeatable = _TOKEN_LIFE

    def __init__(self, settings: Mapping[str, Any]) -> None:
        optional = {
            "QueueId": settings.get("queue_id"),
            "SourcePhoneNumber": settings.get("source_phone_number"),
            "RingTimeoutInSeconds": settings.get("ring_timeout_seconds"),
        }
        self._request: dict[str, Any] = {
            "InstanceId": settings["instance_id"],
            "ContactFlowId": settings["contact_flow_id"],
            **{name: value for name, value in optional.items() if value is not None},
        }
        detection = settings.get("answering_machine")
        # API reference: CAMPAIGN where answering machines are detected, else GENERAL.
        self._request["TrafficType"] = "GENERAL" if detection is None else "CAMPAIGN"
        if detection is not None:
            self._request["AnswerMachineDetectionConfig"] = {
                "EnableAnswerMachineDetection": True,
                "AwaitAnswerMachinePrompt": bool(detection.get("await_prompt")),
            }

    @cached_property
    def _connect(self) -> Any:
        return aws_client(
            "connect",
            config=Config(connect_timeout=3, read_timeout=10, retries={"total_max_attempts": 1}),
        )

    def problem(self, endpoint: Mapping[str, Any]) -> str | None:
        if endpoint.get("ChannelType") not in _CALLED:
            return "OTHER_CHANNEL"
        return "NO_PHONE_NUMBER" if phone_number_of(endpoint) is None else None

    def check(self, content: Content) -> None:
        for name in content.values:
            if not _ATTRIBUTE.fullmatch(name):
                raise MalformedData(
                    f"The value {name!r} of Data cannot be an attribute of a contact: names have "
                    "1-100 letters, digits, hyphens and underscores."
                )
        if content.options:
            raise MalformedData("options of Data must be empty: calls have no options.")

    def contact(self, contact: Contact) -> Answer:
        attributes = dict(contact.values)
        size = sum(len(f"{name}{value}".encode()) for name, value in attributes.items())
        if size > ATTRIBUTE_BYTES:
            return Answer.refused("ATTRIBUTES_TOO_LARGE")
        try:
            answer = self._connect.start_outbound_voice_contact(
                **self._request,
                DestinationPhoneNumber=contact.address,
                Attributes=attributes,
                ClientToken=contact.token,
            )
        except (ClientError, BotoCoreError) as error:
            return answer_to(error)
        return Answer.accepted(answer["ContactId"])
