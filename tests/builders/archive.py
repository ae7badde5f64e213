"""Sends in an event stream, and a Pinpoint API in memory, for the tests of the archive."""

from __future__ import annotations

import json
from collections import Counter
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

from botocore.exceptions import ClientError

from tests.builders.architectures import CONTEXT

AWAKE = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 120_000)
SENT_AT = datetime(2026, 5, 3, 10, 15, 30, 123000, tzinfo=UTC)
BEFORE, AFTER = "2026-05-01T00:00:00.000Z", "2026-06-01T00:00:00.000Z"
APP, CAMPAIGN, JOURNEY = "0" * 32, "c" * 32, "j" * 32
ANN = {
    "ChannelType": "SMS",
    "Address": "+14255550100",
    "User": {"UserId": "ann", "UserAttributes": {"FirstName": ["Änn"]}},
}


def campaign_send(
    endpoint_id: str = "e1", endpoint: Any = None, at: datetime = SENT_AT, **attributes: str | None
) -> dict[str, Any]:
    """A successful `_campaign.send`; an attribute of None is left out."""
    given = {
        "campaign_id": CAMPAIGN,
        "campaign_activity_id": "a1",
        "treatment_id": "0",
        "delivery_type": (endpoint or ANN).get("ChannelType", "SMS"),
        "campaign_send_status": "SUCCESS",
    } | attributes
    return _event("_campaign.send", endpoint_id, endpoint, at, given)


def journey_send(
    activity: str = "email",
    endpoint_id: str = "e1",
    endpoint: Any = None,
    at: datetime = SENT_AT,
    **attributes: str | None,
) -> dict[str, Any]:
    """A successful `_journey.send` of an activity."""
    given = {
        "journey_id": JOURNEY,
        "journey_run_id": "r1",
        "journey_activity_id": activity,
        "journey_send_status": "SUCCESS",
    } | attributes
    return _event("_journey.send", endpoint_id, endpoint, at, given)


def _event(
    event_type: str, endpoint_id: str, endpoint: Any, at: datetime, attributes: dict[str, Any]
) -> dict[str, Any]:
    snapshot = json.dumps(ANN if endpoint is None else endpoint, ensure_ascii=False)
    return {
        "event_type": event_type,
        "event_timestamp": int(at.timestamp() * 1000),
        "arrival_timestamp": int(at.timestamp() * 1000),
        "event_version": "3.1",
        "application": {"app_id": APP, "sdk": {}},
        "client": {"client_id": endpoint_id},
        "device": {"platform": {}},
        "session": {},
        "attributes": {name: one for name, one in attributes.items() if one is not None},
        "client_context": {"custom": {"endpoint": snapshot}},
        "awsAccountId": "111122223333",
    }


class Api:
    """A boto3 `pinpoint` client; `calls` counts its requests by operation.

    `campaigns` has versions by campaign, oldest first; `templates` versions by (type, name), the
    active version in `active`; `failures` an error code by operation.
    """

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.campaigns: dict[str, list[dict[str, Any]]] = {}
        self.journeys: dict[str, dict[str, Any]] = {}
        self.templates: dict[tuple[str, str], list[dict[str, Any]]] = {}
        self.active: dict[tuple[str, str], str] = {}
        self.sender: str | None = None
        self.failures: dict[str, str] = {}

    def campaign(self, *versions: dict[str, Any], campaign_id: str = CAMPAIGN) -> None:
        self.campaigns[campaign_id] = [
            {"Id": campaign_id, "Version": number, "LastModifiedDate": BEFORE} | version
            for number, version in enumerate(versions, start=1)
        ]

    def template(self, kind: str, name: str, *versions: dict[str, Any]) -> None:
        self.templates[kind, name] = [
            {"TemplateName": name, "Version": str(number), "LastModifiedDate": BEFORE} | version
            for number, version in enumerate(versions, start=1)
        ]
        self.active[kind, name] = str(len(versions))

    def _begin(self, operation: str) -> None:
        self.calls[operation] += 1
        if operation in self.failures:
            raise _error(operation, self.failures[operation])

    def get_campaign(self, ApplicationId: str, CampaignId: str) -> Any:
        self._begin("GetCampaign")
        return {"CampaignResponse": self._versions("GetCampaign", CampaignId)[-1]}

    def get_campaign_version(self, ApplicationId: str, CampaignId: str, Version: str) -> Any:
        self._begin("GetCampaignVersion")
        for body in self._versions("GetCampaignVersion", CampaignId):
            if str(body["Version"]) == Version:
                return {"CampaignResponse": body}
        raise _error("GetCampaignVersion", "NotFoundException")

    def get_campaign_versions(
        self, ApplicationId: str, CampaignId: str, PageSize: str, Token: str = "0"
    ) -> Any:
        """Pages of one version each."""
        self._begin("GetCampaignVersions")
        versions = self._versions("GetCampaignVersions", CampaignId)
        place = int(Token)
        page: dict[str, Any] = {"Item": versions[place : place + 1]}
        if place + 1 < len(versions):
            page["NextToken"] = str(place + 1)
        return {"CampaignsResponse": page, "ResponseMetadata": {}}

    def _versions(self, operation: str, campaign_id: str) -> list[dict[str, Any]]:
        if campaign_id not in self.campaigns:
            raise _error(operation, "NotFoundException")
        return self.campaigns[campaign_id]

    def get_journey(self, ApplicationId: str, JourneyId: str) -> Any:
        self._begin("GetJourney")
        if JourneyId not in self.journeys:
            raise _error("GetJourney", "NotFoundException")
        return {"JourneyResponse": self.journeys[JourneyId]}

    def _template(self, kind: str, name: str, version: str | None) -> Any:
        operation = f"Get{kind.title()}Template"
        self._begin(operation)
        for body in self.templates.get((kind, name), []):
            if body["Version"] == (version or self.active[kind, name]):
                return body
        raise _error(operation, "NotFoundException")

    def get_email_template(self, TemplateName: str, Version: str | None = None) -> Any:
        return {"EmailTemplateResponse": self._template("EMAIL", TemplateName, Version)}

    def get_sms_template(self, TemplateName: str, Version: str | None = None) -> Any:
        return {"SMSTemplateResponse": self._template("SMS", TemplateName, Version)}

    def get_voice_template(self, TemplateName: str, Version: str | None = None) -> Any:
        return {"VoiceTemplateResponse": self._template("VOICE", TemplateName, Version)}

    def get_push_template(self, TemplateName: str, Version: str | None = None) -> Any:
        return {"PushNotificationTemplateResponse": self._template("PUSH", TemplateName, Version)}

    def list_template_versions(
        self, TemplateName: str, TemplateType: str, PageSize: str, NextToken: str = "0"
    ) -> Any:
        """Pages of one version each, without the content."""
        self._begin("ListTemplateVersions")
        rows = [
            {name: one[name] for name in ("TemplateName", "Version", "LastModifiedDate")}
            for one in self.templates[TemplateType, TemplateName]
        ]
        place = int(NextToken)
        page: dict[str, Any] = {"Item": rows[place : place + 1]}
        if place + 1 < len(rows):
            page["NextToken"] = str(place + 1)
        return {"TemplateVersionsResponse": page}

    def get_email_channel(self, ApplicationId: str) -> Any:
        self._begin("GetEmailChannel")
        if self.sender is None:
            raise _error("GetEmailChannel", "NotFoundException")
        return {"EmailChannelResponse": {"FromAddress": self.sender}}


def _error(operation: str, code: str) -> ClientError:
    status = {"NotFoundException": 404, "TooManyRequestsException": 429}.get(code, 400)
    return ClientError(
        {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}},  # type: ignore[typeddict-item]  # as much as is read
        operation,
    )
