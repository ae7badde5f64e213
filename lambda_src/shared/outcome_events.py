"""Events about the outcome of a custom channel's messages, written to the project's event stream.

Campaigns and journeys only record that they called the channel. A channel reports what became of
each message as a custom event of the endpoint, by PutEvents: `custom_channel.accepted`,
`custom_channel.failed`, … Pinpoint has no event types of its own for that.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ParamValidationError

from shared.campaign_calls import Sending
from shared.instants import iso
from shared.transient import error_code

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient

__all__ = ["ChannelOutcome", "OutcomeEvent", "OutcomesRefused", "put_outcomes"]

# Source: Pinpoint developer guide, "Quotas" (event ingestion).
_EVENTS_PER_CALL = 100
_VALUE_CHARACTERS = 200
# Pinpoint API reference, "Events": answers about the content of a call.
_REFUSALS = frozenset({"BadRequestException", "PayloadTooLargeException"})
_BAD_REQUEST = 400


class ChannelOutcome(StrEnum):
    """Outcome of one message. ACCEPTED is accepted for delivery; UNKNOWN may have been sent."""

    ACCEPTED = "accepted"
    DELIVERED = "delivered"
    FAILED = "failed"
    SKIPPED = "skipped"
    UNKNOWN = "unknown"

    @property
    def event_type(self) -> str:
        return f"custom_channel.{self}"


class OutcomesRefused(Exception):
    """The project refused some of the events, and took the others.

    `outcomes` are the refused ones. The text holds counts and codes, no address.
    """

    def __init__(self, refused: Sequence[tuple[OutcomeEvent, int]]) -> None:
        codes = ", ".join(str(code) for code in sorted({code for _, code in refused}))
        super().__init__(f"The project refused {len(refused)} outcome events ({codes}).")
        self.outcomes = [outcome for outcome, _ in refused]


@dataclass(frozen=True, slots=True)
class OutcomeEvent:
    """Outcome of the message to one endpoint.

    `channel` names the channel, as in `connect` or `email_attachments`. `attributes` hold more
    facts, such as the contact id; never an address or a number.
    """

    sending: Sending
    endpoint_id: str
    channel: str
    outcome: ChannelOutcome
    at: datetime
    reason: str | None = None
    attributes: Mapping[str, str] = field(default_factory=dict)

    def as_event(self) -> dict[str, Any]:
        ids = self.sending.ids(self.endpoint_id).attributes()
        attributes = {**self.attributes, **ids, "channel": self.channel}
        if self.reason is not None:
            attributes["reason"] = self.reason
        return {
            "EventType": self.outcome.event_type,
            "Timestamp": iso(self.at),
            "Attributes": {
                name: value[:_VALUE_CHARACTERS] for name, value in attributes.items() if value
            },
        }


def put_outcomes(client: PinpointClient, outcomes: Iterable[OutcomeEvent]) -> None:
    """Write outcomes, at most 100 in one PutEvents.

    PutEvents makes an endpoint that is not there, without an address: nothing is sent to it.

    Raises:
        OutcomesRefused: the project refused events; all others are written.
        ClientError, BotoCoreError: the call failed; the outcomes before it are written.
    """
    refused: list[tuple[OutcomeEvent, int]] = []
    by_application: dict[str, list[OutcomeEvent]] = {}
    for outcome in outcomes:
        by_application.setdefault(outcome.sending.application_id, []).append(outcome)
    for application_id, theirs in by_application.items():
        for start in range(0, len(theirs), _EVENTS_PER_CALL):
            refused += _put(client, application_id, theirs[start : start + _EVENTS_PER_CALL])
    if refused:
        raise OutcomesRefused(refused)


def _put(
    client: PinpointClient, application_id: str, batch: Sequence[OutcomeEvent]
) -> list[tuple[OutcomeEvent, int]]:
    """Write outcomes in one call. Returns the refused ones with their codes."""
    items: dict[str, Any] = {}
    for number, outcome in enumerate(batch):
        item = items.setdefault(outcome.endpoint_id, {"Endpoint": {}, "Events": {}})
        item["Events"][str(number)] = outcome.as_event()
    request: Any = {"BatchItem": items}
    try:
        answer = client.put_events(ApplicationId=application_id, EventsRequest=request)
    except (ClientError, ParamValidationError) as error:
        if isinstance(error, ClientError) and error_code(error) not in _REFUSALS:
            raise
        if len(batch) == 1:
            return [(batch[0], _BAD_REQUEST)]
        # One event that the project refuses must not keep the others out of the stream.
        return [one for outcome in batch for one in _put(client, application_id, [outcome])]
    results = answer["EventsResponse"].get("Results", {})
    return [
        (batch[int(number)], event.get("StatusCode", 0))
        for item in results.values()
        for number, event in item.get("EventsItemResponse", {}).items()
        if event.get("StatusCode") not in (200, 202)
    ]
