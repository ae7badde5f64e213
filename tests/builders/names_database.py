"""The names database on moto: its tables, a project that a test fills, and messages to record."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from boto3.dynamodb.types import TypeDeserializer
from botocore.exceptions import ClientError
from moto import mock_aws

from campaign_journey_segment_db.tables import NameTables
from tests.builders.architectures import pages, service_error

PROJECT = "a" * 32
BUCKET = "database-events"
ENVIRONMENT = {
    "CAMPAIGNS_TABLE": "campaigns",
    "EXPORT_BUCKET": BUCKET,
    "EXPORT_PREFIX": "names/",
    "PROJECT_ID": PROJECT,
    "SEGMENTS_TABLE": "segments",
}
REGION = "eu-west-1"
CHANGED = "2026-11-29T10:00:00.000Z"

Json = dict[str, Any]
_read = TypeDeserializer().deserialize


class Tables:
    """Both tables, and the rows in them."""

    def __init__(self) -> None:
        self.client: Any = boto3.client("dynamodb", region_name=REGION)
        for table in ("campaigns", "segments"):
            self.client.create_table(
                TableName=table,
                BillingMode="PAY_PER_REQUEST",
                KeySchema=[{"AttributeName": "id", "KeyType": "HASH"}],
                AttributeDefinitions=[{"AttributeName": "id", "AttributeType": "S"}],
            )
        self.store = NameTables(self.client, campaigns="campaigns", segments="segments")

    def empty(self) -> None:
        """Delete every row."""
        for table in ("campaigns", "segments"):
            for entity_id in self.rows(table):
                self.client.delete_item(TableName=table, Key={"id": {"S": entity_id}})

    def row(self, table: str, entity_id: str) -> Json | None:
        item = self.client.get_item(TableName=table, Key={"id": {"S": entity_id}}).get("Item")
        return item and {name: _read(value) for name, value in item.items()}

    def rows(self, table: str) -> Json:
        items = self.client.scan(TableName=table)["Items"]
        rows = [{name: _read(value) for name, value in item.items()} for item in items]
        return {row["id"]: row for row in rows}

    def change(self, table: str, entity_id: str, name: str) -> None:
        """Write a name over a row, as no function of ours would."""
        self.client.update_item(
            TableName=table,
            Key={"id": {"S": entity_id}},
            UpdateExpression="SET #n = :n",
            ExpressionAttributeNames={"#n": "name"},
            ExpressionAttributeValues={":n": {"S": name}},
        )


@contextmanager
def names_database() -> Iterator[Tables]:
    """Empty tables and an empty bucket, in an AWS of their own."""
    with mock_aws():
        location: Any = {"LocationConstraint": REGION}
        s3 = boto3.client("s3", region_name=REGION)
        s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration=location)
        yield Tables()


class FakePinpoint:
    """A project: `campaigns`, `journeys` and `segments` by id, one on each page of a list."""

    def __init__(self) -> None:
        self.campaigns: dict[str, Json] = {}
        self.journeys: dict[str, Json] = {}
        self.segments: dict[str, Json] = {}
        self.calls: list[str] = []
        self.error: ClientError | None = None
        # Ids that lists leave out although the entity is there.
        self.unlisted: set[str] = set()

    def get_campaigns(self, **request: Any) -> Json:
        return self._list("GetCampaigns", self.campaigns, "CampaignsResponse", request)

    def list_journeys(self, **request: Any) -> Json:
        return self._list("ListJourneys", self.journeys, "JourneysResponse", request)

    def get_segments(self, **request: Any) -> Json:
        return self._list("GetSegments", self.segments, "SegmentsResponse", request)

    def get_campaign(self, ApplicationId: str, CampaignId: str) -> Json:  # noqa: N803  # boto3's names
        return self._get("GetCampaign", self.campaigns, CampaignId, "CampaignResponse")

    def get_journey(self, ApplicationId: str, JourneyId: str) -> Json:  # noqa: N803  # as above
        return self._get("GetJourney", self.journeys, JourneyId, "JourneyResponse")

    def get_segment(self, ApplicationId: str, SegmentId: str) -> Json:  # noqa: N803  # as above
        return self._get("GetSegment", self.segments, SegmentId, "SegmentResponse")

    def _list(self, operation: str, found: Mapping[str, Json], member: str, request: Any) -> Json:
        self.calls.append(operation)
        if self.error:
            raise self.error
        listed: list[Mapping[str, Any]] = [
            body for key, body in found.items() if key not in self.unlisted
        ]
        answer: Json = pages(listed, member)(**request)
        return answer

    def _get(self, operation: str, found: Mapping[str, Json], key: str, member: str) -> Json:
        self.calls.append(operation)
        if self.error:
            raise self.error
        if key not in found:
            raise service_error(operation, "NotFoundException", 404)
        return {"ResponseMetadata": {}, member: found[key]}


def campaign(campaign_id: str = "c1", **members: Any) -> Json:
    """A campaign as the API shows it."""
    return {
        "Id": campaign_id,
        "ApplicationId": PROJECT,
        "Name": "Spring",
        "SegmentId": "s1",
        "State": {"CampaignStatus": "SCHEDULED"},
        "LastModifiedDate": CHANGED,
        "Version": 1,
        "tags": {},
        **members,
    }


def journey(journey_id: str = "j1", **members: Any) -> Json:
    """A journey as the API shows it."""
    return {
        "Id": journey_id,
        "ApplicationId": PROJECT,
        "Name": "Welcome",
        "State": "DRAFT",
        "LastModifiedDate": CHANGED,
        **members,
    }


def segment(segment_id: str = "s1", **members: Any) -> Json:
    """A segment as the API shows it."""
    return {
        "Id": segment_id,
        "ApplicationId": PROJECT,
        "Name": "Readers",
        "SegmentType": "DIMENSIONAL",
        "LastModifiedDate": CHANGED,
        "Version": 1,
        **members,
    }


def announcement(**detail: Any) -> Json:
    """An event of a hub; a member None is left out."""
    whole = {
        "applicationId": PROJECT,
        "kind": "campaign",
        "id": "c1",
        "change": "changed",
        "revision": 2,
        "at": CHANGED,
        "name": "Spring",
        "version": 1,
        "modifiedAt": CHANGED,
        **detail,
    }
    return {
        "source": "engagement_hub",
        "detail-type": "Entity Changed",
        "detail": {name: value for name, value in whole.items() if value is not None},
    }


def trail(operation: str = "CreateCampaign", **detail: Any) -> Json:
    """An event of CloudTrail, with the names masked as CloudTrail masks them."""
    kind = operation.removeprefix("Create").removeprefix("Update").removeprefix("Delete").lower()
    return {
        "source": "aws.pinpoint",
        "detail-type": "AWS API Call via CloudTrail",
        "detail": {
            "eventSource": "pinpoint.amazonaws.com",
            "eventName": operation,
            "requestParameters": {"application-id": PROJECT, f"{kind}-id": f"{kind[0]}1"},
            "responseElements": {"Id": f"{kind[0]}1", "Name": "***"},
            **detail,
        },
    }


def message(event: Json) -> str:
    """The body of a message of the queue."""
    return json.dumps(event)
