"""The calls that an audience takes: the figures of docs/scale.md."""

import json
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest

from engagement_hub.engagement.campaigns import new_campaign
from engagement_hub.hub import Hub
from engagement_hub.store import batch_write
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import EntityStore, Kind
from engagement_hub.workers import campaign_plan
from engagement_hub.workers import campaign_run as steps
from tests.builders.hub import CallCounter, OneCallAtATime
from tests.builders.hub_workers import APP, Context, endpoints, hub_on_moto, segment, sms

CONTEXT: Any = Context()
PEOPLE = 1000


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub of one shard, so that a thousand people are a page."""
    with hub_on_moto(monkeypatch) as hub:
        hub.endpoints.shards = 1
        yield hub


def people(hub: Hub) -> None:
    """Register a thousand endpoints e0, e1 … of users u0, u1 …: copies of one endpoint's items.

    moto copies its whole table for each transaction, so a thousand updates would take minutes.
    """
    endpoints(hub, eNUMBER=sms("+14255550100", User={"UserId": "uNUMBER"}))
    client = boto3.client("dynamodb")
    originals = client.scan(TableName="endpoints")["Items"]
    batch_write(
        client,
        "endpoints",
        (
            {"PutRequest": {"Item": json.loads(json.dumps(item).replace("NUMBER", str(n)))}}
            for item in originals
            if "#address#" not in item["pk"]["S"]
            for n in range(PEOPLE)
        ),
    )
    hub.endpoints.delete(APP, "eNUMBER")


def calls_of_building(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Open a run and count the calls of building its audience."""
    body: Any = new_campaign(
        {  # type: ignore[typeddict-item]
            "Name": "hello",
            "SegmentId": "seg1",
            "Schedule": {"StartTime": "IMMEDIATE"},
            "MessageConfiguration": {"SMSMessage": {"Body": "Hi"}},
        },
        app_id=APP,
        campaign_id="c1",
        arn="arn",
        segment_version=1,
        now=datetime(2027, 1, 15, 8, tzinfo=UTC),
        settings=None,
    )
    hub.entities.put(APP, Kind.CAMPAIGN, "c1", body)
    event = {
        "ApplicationId": APP,
        "CampaignId": "c1",
        "Run": 1,
        "ScheduledStart": "2027-01-15T08:00:00.000Z",
    }
    opened = steps.open_run(hub, event, CONTEXT)
    client = boto3.client("dynamodb")
    counter = CallCounter(client)
    monkeypatch.setattr(hub, "endpoints", EndpointStore("endpoints", 1, OneCallAtATime(client)))
    monkeypatch.setattr(hub, "entities", EntityStore("entities", OneCallAtATime(client)))
    bucket: Any = hub.bucket
    bucket_counter = CallCounter(bucket._client)
    begun = steps.build_audience(hub, {**event, "Progress": opened["Progress"]}, CONTEXT)
    assert begun["Done"]
    campaign_plan._PLANS.clear()
    return counter.calls + bucket_counter.calls


def test_a_thousand_endpoints_by_criteria_take_a_query_ten_reads_and_five_objects(hub, monkeypatch):
    people(hub)
    segment(hub)

    calls = calls_of_building(hub, monkeypatch)

    assert calls["Query"] == 1
    assert calls["BatchGetItem"] == 10  # their users
    assert calls["PutObject"] == 5


def test_a_thousand_endpoints_of_a_list_take_a_query_and_twenty_reads(hub, monkeypatch):
    people(hub)
    hub.endpoints.add_members(APP, "seg1", [f"e{n}" for n in range(PEOPLE)])
    segment(hub, SegmentType="IMPORT")

    calls = calls_of_building(hub, monkeypatch)

    assert calls["Query"] == 1
    assert calls["BatchGetItem"] == 20  # the endpoints, and their users


def test_a_thousand_users_of_a_list_take_ten_pages_of_four_reads(hub, monkeypatch):
    people(hub)
    hub.endpoints.add_members(APP, "seg1", [f"u{n}" for n in range(PEOPLE)], users=True)
    segment(hub, SegmentType="IMPORT")

    calls = calls_of_building(hub, monkeypatch)

    assert calls["Query"] == 10
    # Each page: its users, their endpoints, the users' attributes, and which are listed themselves.
    assert calls["BatchGetItem"] == 40


def test_a_list_that_is_left_out_takes_two_more_reads_for_a_hundred_endpoints(hub, monkeypatch):
    people(hub)
    segment(hub, "list1", SegmentType="IMPORT")
    group = {"SourceType": "NONE", "SourceSegments": [{"Id": "list1"}]}
    segment(hub, Dimensions=None, SegmentGroups={"Groups": [group]})

    calls = calls_of_building(hub, monkeypatch)

    assert calls["BatchGetItem"] == 10 + 20  # each endpoint by its own id and its user's
