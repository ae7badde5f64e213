"""Sends of campaigns and journeys, and the successful ones in a project's event stream."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any

__all__ = ["NotRenderable", "Origin", "Send", "read_send"]

Json = Mapping[str, Any]

_LATEST = 253_402_300_799_999  # the last millisecond of the year 9999


class NotRenderable(Exception):
    """The message cannot be made again, and another attempt cannot help.

    The text is the reason, for logs and dead letters. It names no address and no content.
    """


class Origin(StrEnum):
    """The kind of program that sent a message."""

    CAMPAIGN = "campaign"
    JOURNEY = "journey"


# Event type → origin, and the attribute with the outcome.
_TYPES = {
    "_campaign.send": (Origin.CAMPAIGN, "campaign_send_status"),
    "_journey.send": (Origin.JOURNEY, "journey_send_status"),
}
_SENT = "SUCCESS"
_IDS = {
    Origin.CAMPAIGN: ("campaign_id", "campaign_activity_id", "treatment_id"),
    Origin.JOURNEY: ("journey_id", "journey_run_id", "journey_activity_id"),
}
_NEEDED_IDS = {
    Origin.CAMPAIGN: ("campaign_id",),
    Origin.JOURNEY: ("journey_id", "journey_activity_id"),
}


@dataclass(frozen=True, slots=True)
class Send:
    """One message that was accepted for delivery.

    `ids` has those ids of the campaign or journey that the event has. `endpoint` is the snapshot in
    the event, with its `Id`. `channel` is None for a journey's message without a type.
    """

    origin: Origin
    application_id: str
    endpoint_id: str
    sent_at: datetime
    ids: Mapping[str, str]
    channel: str | None
    endpoint: Json
    attributes: Mapping[str, str]

    @property
    def address(self) -> str:
        return str(self.endpoint.get("Address") or "")

    @property
    def user_id(self) -> str | None:
        user = self.endpoint.get("User")
        found = user.get("UserId") if isinstance(user, Mapping) else None
        return found if isinstance(found, str) and found else None


def read_send(event: Json) -> Send | None:
    """Return the send that an event reports, or None for an event of another type or outcome.

    Raises:
        NotRenderable: the event lacks a member that a send has.

    Source: Pinpoint developer guide, "Streaming Amazon Pinpoint event data".
    """
    kind = _TYPES.get(str(event.get("event_type")))
    if kind is None:
        return None
    origin, status_name = kind
    attributes = _texts(event.get("attributes"))
    if attributes.get(status_name) != _SENT:
        return None
    endpoint_id = _text(_part(event, "client"), "client_id", "client.client_id")
    ids = {name: attributes[name] for name in _IDS[origin] if attributes.get(name)}
    for name in _NEEDED_IDS[origin]:
        if name not in ids:
            raise NotRenderable(f"The event has no attributes.{name}.")
    return Send(
        origin=origin,
        application_id=_text(_part(event, "application"), "app_id", "application.app_id"),
        endpoint_id=endpoint_id,
        sent_at=_moment(event.get("event_timestamp")),
        ids=ids,
        channel=attributes.get("delivery_type") or attributes.get("journey_activity_type"),
        endpoint={**_endpoint(event), "Id": endpoint_id},
        attributes=attributes,
    )


def _part(event: Json, name: str) -> Json:
    part = event.get(name)
    return part if isinstance(part, Mapping) else {}


def _text(part: Json, name: str, path: str) -> str:
    value = part.get(name)
    if not isinstance(value, str) or not value:
        raise NotRenderable(f"The event has no {path}.")
    return value


def _texts(attributes: Any) -> dict[str, str]:
    if not isinstance(attributes, Mapping):
        return {}
    return {str(name): str(value) for name, value in attributes.items() if value is not None}


def _moment(timestamp: Any) -> datetime:
    is_number = isinstance(timestamp, int | float) and not isinstance(timestamp, bool)
    if not is_number or not 0 <= timestamp <= _LATEST:
        raise NotRenderable("event_timestamp is not a number of epoch milliseconds.")
    seconds, milliseconds = divmod(int(timestamp), 1000)
    return datetime.fromtimestamp(seconds, UTC).replace(microsecond=milliseconds * 1000)


def _endpoint(event: Json) -> Json:
    text = _part(_part(event, "client_context"), "custom").get("endpoint")
    try:
        endpoint = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        endpoint = None
    if not isinstance(endpoint, dict):
        raise NotRenderable(
            "client_context.custom.endpoint is not a string that holds the endpoint as JSON."
        )
    return endpoint
