"""Valid campaigns and endpoints; a test names only what matters to it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from engagement_hub.engagement.campaigns import StoredCampaign, new_campaign

APP_ID = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
CAMPAIGN_ID = "4f8d6097c2e8400fa3081d8750c1e2a3"
NOW = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)

_EVENTS = Path(__file__).parents[1] / "data" / "events"


def sample(name: str) -> Any:
    """A sample record, by folder and name: "ses/click"."""
    return json.loads((_EVENTS / f"{name}.json").read_text(encoding="utf-8"))


def samples(folder: str) -> list[str]:
    """The names of a folder's sample records, for `sample`."""
    return sorted(f"{folder}/{path.stem}" for path in (_EVENTS / folder).glob("*.json"))


def campaign_request(**members: Any) -> dict[str, Any]:
    """A CreateCampaign request for an immediate SMS campaign."""
    return {
        "Name": "spring",
        "SegmentId": "seg1",
        "Schedule": {"StartTime": "IMMEDIATE"},
        "MessageConfiguration": {"SMSMessage": {"Body": "Hi", "MessageType": "PROMOTIONAL"}},
        **members,
    }


def campaign(settings: Any = None, now: datetime = NOW, **members: Any) -> StoredCampaign:
    """A campaign just created at `now`."""
    return new_campaign(
        campaign_request(**members),  # type: ignore[arg-type]  # tests also pass invalid members
        app_id=APP_ID,
        campaign_id=CAMPAIGN_ID,
        arn=f"arn:aws:mobiletargeting:us-east-1:123456789012:apps/{APP_ID}/campaigns/{CAMPAIGN_ID}",
        segment_version=1,
        now=now,
        settings=settings,
    )


def schedule(start: str = "2026-03-03T09:00:00Z", **members: Any) -> dict[str, Any]:
    """A schedule with a start time."""
    return {"StartTime": start, **members}


def endpoint(endpoint_id: str = "ep-mary-sms", **members: Any) -> Any:
    """An SMS endpoint of a user with attributes."""
    return {
        "Id": endpoint_id,
        "ApplicationId": APP_ID,
        "CohortId": "17",
        "ChannelType": "SMS",
        "Address": "+14255550199",
        "EndpointStatus": "ACTIVE",
        "OptOut": "NONE",
        "CreationDate": "2026-02-01T01:06:00.000Z",
        "EffectiveDate": "2026-03-01T08:31:00.000Z",
        "Attributes": {"Last Name": ["Major"], "Interests": ["music", "travel"]},
        "Metrics": {"Visits": 3.0},
        "Location": {"City": "Los Angeles", "Country": "US"},
        "Demographic": {"Timezone": "America/Los_Angeles"},
        "User": {
            "UserId": "user-1001",
            "UserAttributes": {"FirstName": ["Mary"], "Age": ["22"], "Colors": ["red", "blue"]},
        },
        **members,
    }
