"""Calls of campaign runs and journey activities to functions: FILTER hooks and custom channels.

Both send at most 50 endpoints. A campaign names CampaignId, TreatmentId and ActivityId, which is a
run's; a journey names JourneyId and ActivityId, which is the activity's in every run.

Source: Pinpoint developer guide, "Customizing segments using an AWS Lambda function" and "Creating
a custom channel in Amazon Pinpoint"; AWS's sample functions for the members of a journey's call, of
which no full payload is published.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from shared.pinpoint_events import HubIds

__all__ = [
    "ENDPOINTS_PER_CALL",
    "CampaignCall",
    "MalformedCall",
    "Refusal",
    "Sending",
    "endpoint_label",
    "read_call",
    "refusal_of",
]

ENDPOINTS_PER_CALL = 50


class MalformedCall(Exception):
    """The event is no call of a campaign or journey; the text names the member and the rule."""


class Refusal(StrEnum):
    """Reason why an endpoint gets no message. The campaign checked it when its run began."""

    OPTED_OUT = "OPTED_OUT"
    INACTIVE = "INACTIVE"


@dataclass(frozen=True, slots=True)
class Sending:
    """Campaign run or journey activity that a call is about. Absent ids are None."""

    application_id: str
    activity_id: str
    campaign_id: str | None = None
    treatment_id: str | None = None
    journey_id: str | None = None
    journey_run_id: str | None = None
    scheduled_time: str = ""

    @property
    def key(self) -> str:
        """Key of one visit: a call that is repeated has the same key, another run another one.

        A campaign's ActivityId is new in each run. A journey's is not, so its run, where the call
        names it, and the scheduled time belong to the key.
        """
        if self.campaign_id is not None:
            return f"{self.application_id}/{self.campaign_id}/{self.activity_id}"
        return "/".join(
            (
                self.application_id,
                self.journey_id or "",
                self.journey_run_id or "",
                self.activity_id,
                self.scheduled_time,
            )
        )

    def ids(self, endpoint_id: str) -> HubIds:
        """Return the ids that the delivery events of a message to this endpoint carry."""
        of_journey = self.journey_id is not None
        return HubIds(
            application_id=self.application_id,
            endpoint_id=endpoint_id,
            campaign_id=self.campaign_id,
            campaign_activity_id=None if of_journey else self.activity_id,
            treatment_id=self.treatment_id,
            journey_id=self.journey_id,
            journey_run_id=self.journey_run_id,
            journey_activity_id=self.activity_id if of_journey else None,
        )


@dataclass(frozen=True, slots=True)
class CampaignCall:
    """A call with its endpoints by id.

    `message` is the MessageConfiguration of a FILTER hook and `{}` of a custom channel. `data` is
    the custom channel's `CustomMessage.Data`, None without a custom message.
    """

    sending: Sending
    endpoints: Mapping[str, Mapping[str, Any]]
    message: Mapping[str, Any]
    data: str | None


def read_call(event: Any) -> CampaignCall:
    """Read the event of a function that a campaign or journey called.

    Members that are not known are ignored. An endpoint that is no object is kept as it is, and is
    the caller's to refuse: it must not cost the other endpoints their messages.

    Raises:
        MalformedCall: the event is no such call. Retrying cannot help.
    """
    if not isinstance(event, Mapping):
        raise MalformedCall("The event must be an object, as campaigns and journeys send it.")
    endpoints = event.get("Endpoints")
    if not isinstance(endpoints, Mapping):
        raise MalformedCall("Endpoints must be an object from endpoint id to endpoint.")
    if len(endpoints) > ENDPOINTS_PER_CALL:
        raise MalformedCall(
            f"Endpoints must have at most {ENDPOINTS_PER_CALL} entries, not {len(endpoints)}: "
            "campaigns and journeys send no more in one call."
        )
    campaign_id, journey_id = _text(event, "CampaignId"), _text(event, "JourneyId")
    if (campaign_id is None) == (journey_id is None):
        raise MalformedCall("The event must have either CampaignId or JourneyId.")
    data = event.get("Data")
    if not isinstance(data, str | None):
        raise MalformedCall("Data must be a string: the CustomMessage.Data of the campaign.")
    message = event.get("MessageConfiguration") or event.get("Message") or {}
    if not isinstance(message, Mapping):
        raise MalformedCall("MessageConfiguration must be an object.")
    sending = Sending(
        application_id=_required(event, "ApplicationId"),
        activity_id=_required(event, "ActivityId"),
        campaign_id=campaign_id,
        treatment_id=_text(event, "TreatmentId"),
        journey_id=journey_id,
        journey_run_id=_text(event, "JourneyRunId"),
        scheduled_time=_text(event, "ScheduledTime") or "",
    )
    return CampaignCall(sending, endpoints, message, data)


def refusal_of(endpoint: Mapping[str, Any]) -> Refusal | None:
    """Return why an endpoint must get no message now; None where it may."""
    if endpoint.get("OptOut") == "ALL":
        return Refusal.OPTED_OUT
    if endpoint.get("EndpointStatus") == "INACTIVE":
        return Refusal.INACTIVE
    return None


def endpoint_label(call: CampaignCall, endpoint_id: str) -> str:
    """Name an endpoint for a log by its place in the call: an id may be an address."""
    place = list(call.endpoints).index(endpoint_id) + 1
    return f"endpoint {place} of {len(call.endpoints)}"


def _text(event: Mapping[str, Any], member: str) -> str | None:
    value = event.get(member)
    if not isinstance(value, str | None):
        raise MalformedCall(f"{member} must be a string.")
    return value or None


def _required(event: Mapping[str, Any], member: str) -> str:
    value = _text(event, member)
    if value is None:
        raise MalformedCall(f"{member} is missing or empty: campaigns and journeys send it.")
    return value
