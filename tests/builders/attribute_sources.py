"""Settings, calls and sources in memory of the hook that adds attributes."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

from campaign_attributes.settings import Settings, settings_from
from campaign_attributes.sources import Fetched
from shared.campaign_calls import CampaignCall, Sending, read_call
from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed

SENDING = Sending(
    application_id="app", activity_id="run-1", campaign_id="campaign-1", treatment_id="0"
)


def settings_document(**members: Any) -> dict[str, Any]:
    """The settings that the Terraform module writes at its defaults."""
    policies = ("no_key", "missing", "unusable", "source_failed")
    table = {"name": "offers", "partition_key": "id", "key_type": "S", "expiry": "expires_at"}
    document: dict[str, Any] = {
        "attributes": {"Offer": {"from": "offer", "default": "10 % off"}},
        "allowed": None,
        "cache_seconds": 60,
        "deadline_seconds": 5,
        "key": "User.UserId",
        "max_value_characters": 100,
        "on_failure": dict.fromkeys(policies, "send_default"),
        "source": {"table": table},
    }
    policy = members.pop("on_failure", {})
    return {**document, **members, "on_failure": {**document["on_failure"], **policy}}


def settings(**members: Any) -> Settings:
    return settings_from(json.dumps(settings_document(**members)))


def endpoint(user: str | None = None, **members: Any) -> dict[str, Any]:
    made: dict[str, Any] = {"ChannelType": "EMAIL", "Address": "someone@example.com", **members}
    return made if user is None else {**made, "User": {"UserId": user}}


def event(endpoints: Mapping[str, Any], **members: Any) -> dict[str, Any]:
    """A call of a campaign; `JourneyId` makes it a journey's."""
    made: dict[str, Any] = {
        "Message": {},
        "ApplicationId": "app",
        "CampaignId": "campaign-1",
        "TreatmentId": "0",
        "ActivityId": "run-1",
        "ScheduledTime": "2026-03-02T17:00:00.000Z",
        "Endpoints": dict(endpoints),
        **members,
    }
    if "JourneyId" in members:
        del made["CampaignId"], made["TreatmentId"]
    return made


def call(endpoints: Mapping[str, Any], **members: Any) -> CampaignCall:
    return read_call(event(endpoints, **members))


class Source:
    """A source in memory: items by key; `failure` fails every question, `failed` single keys."""

    def __init__(
        self, items: Mapping[str, Mapping[str, Any]] | None = None, per_campaign: bool = False
    ) -> None:
        self.items = dict(items or {})
        self.per_campaign = per_campaign
        self.failure: FetchFailed | None = None
        self.failed: dict[str, FetchFailed] = {}
        self.questions: list[list[str]] = []
        self.seconds: list[float] = []

    def fetch(self, keys: Sequence[str], sending: Sending, deadline: Deadline) -> Fetched:
        self.questions.append(list(keys))
        self.seconds.append(deadline.seconds_left)
        if self.failure is not None:
            raise self.failure
        return Fetched(
            {key: self.items[key] for key in keys if key in self.items},
            {key: self.failed[key] for key in keys if key in self.failed},
        )
