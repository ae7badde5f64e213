"""A campaign calls customers: in their hours, at Connect's pace, once each."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

CALLS = Path(__file__).parents[1] / "data" / "events" / "campaign_hook"
MARY, TOM, ZOE, LEO = "+14255550101", "+14255550102", "+14255550103", "+14255550104"
DATA = json.dumps(
    {
        "values": {"Message": "Hello {{User.UserAttributes.FirstName}}, your car is ready."},
        "defaults": {"User.UserAttributes.FirstName": "there"},
    }
)


def zone_where_it_is(hour: int) -> str:
    """A time zone in which it is this hour now."""
    east = (hour - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-east:+d}" if east else "Etc/GMT"


@pytest.fixture(scope="module")
def example(connect_campaign_channel: Any) -> dict[str, Any]:
    return outputs(connect_campaign_channel)


class Customers:
    """Endpoints of the project, the campaign that calls them, and what was seen of it."""

    def __init__(self, account: LocalAccount, example: dict[str, Any]) -> None:
        self._account, self._example = account, example
        self._project = example["project_id"]
        self._pinpoint = hub_client(example["api_url"])

    def join(self, name: str, number: str, hour: int, **members: Any) -> None:
        self._pinpoint.update_endpoint(
            ApplicationId=self._project,
            EndpointId=name,
            EndpointRequest={
                "ChannelType": "VOICE",
                "Address": number,
                "Attributes": {"call": ["yes"]},
                "Demographic": {"Timezone": zone_where_it_is(hour)},
                "User": {"UserId": name, "UserAttributes": {"FirstName": [name.capitalize()]}},
                **members,
            },
        )

    def campaign(self, data: str) -> str:
        """Run a campaign to its end. Returns its id."""
        campaign_id: str = self._pinpoint.create_campaign(
            ApplicationId=self._project,
            WriteCampaignRequest={
                "Name": "Ready",
                "SegmentId": self._example["segment_id"],
                "Schedule": {"StartTime": "IMMEDIATE"},
                "MessageConfiguration": {"CustomMessage": {"Data": data}},
                "CustomDeliveryConfiguration": {
                    "DeliveryUri": self._example["delivery_uri"],
                    "EndpointTypes": ["VOICE", "SMS", "CUSTOM"],
                },
            },
        )["CampaignResponse"]["Id"]
        one = {"ApplicationId": self._project, "CampaignId": campaign_id}
        self._account.eventually(
            lambda: self._pinpoint.get_campaign(**one)["CampaignResponse"]["State"],
            lambda state: state["CampaignStatus"] == "COMPLETED",
            seconds=90,
        )
        return campaign_id

    def events(self, kind: str) -> list[dict[str, Any]]:
        """The events of the stream whose type begins so."""
        kinesis, stream = self._account.client("kinesis"), self._example["stream_name"]
        found = []
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
            iterator = kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            for record in kinesis.get_records(ShardIterator=iterator)["Records"]:
                found.append(json.loads(record["Data"]))
        return [event for event in found if event["event_type"].startswith(kind)]

    def outcomes(self, count: int) -> dict[str, dict[str, Any]]:
        """The outcome events by endpoint, once there are so many."""
        events = self._account.eventually(
            lambda: self.events("custom_channel."), lambda seen: len(seen) >= count
        )
        return {event["client"]["client_id"]: event for event in events}

    def claims(self) -> list[dict[str, Any]]:
        pages = self._account.client("dynamodb").get_paginator("scan")
        items = [
            item
            for page in pages.paginate(TableName=self._example["contacts_table_name"])
            for item in page["Items"]
        ]
        return [item for item in items if item["pk"]["S"].startswith("contact#")]


@pytest.fixture(scope="module")
def customers(account: LocalAccount, example: dict[str, Any]) -> Customers:
    return Customers(account, example)


def hidden(account: LocalAccount, example: dict[str, Any]) -> int:
    """The number of messages on the queue that wait for their time, or are being worked on."""
    name = "ApproximateNumberOfMessagesNotVisible"
    attributes = account.client("sqs").get_queue_attributes(
        QueueUrl=example["queue_url"], AttributeNames=[name]
    )["Attributes"]
    return int(attributes[name])


@terraform("connect_campaign_channel", scope="module")
def test_a_campaign_calls_who_may_be_called_now_with_a_message_of_their_own(
    connect_campaign_channel: Any,
    account: LocalAccount,
    customers: Customers,
    example: dict[str, Any],
) -> None:
    customers.join("mary", MARY, hour=12)
    customers.join("tom", TOM, hour=15, ChannelType="SMS", User={"UserId": "tom"})
    customers.join("zoe", ZOE, hour=12, OptOut="ALL")
    customers.join("leo", LEO, hour=2)

    campaign_id = customers.campaign(DATA)

    outcomes = customers.outcomes(2)
    calls = {call["to"]: call for call in account.outbox("connect")}
    assert {number: call["attributes"]["Message"] for number, call in calls.items()} == {
        MARY: "Hello Mary, your car is ready.",
        TOM: "Hello there, your car is ready.",
    }
    assert {call["from"] for call in calls.values()} == {example["source_phone_number"]}
    assert {call["contact_flow_id"] for call in calls.values()} == {example["contact_flow_id"]}
    for name, number in (("mary", MARY), ("tom", TOM)):
        event = outcomes[name]
        assert event["event_type"] == "custom_channel.accepted"
        assert event["attributes"]["campaign_id"] == campaign_id
        assert event["attributes"]["contact_id"] == calls[number]["contact_id"]
    # The messages of the others leave the queue after their outcomes are written; leo's waits.
    account.eventually(lambda: hidden(account, example), lambda number: number == 1)


@terraform("connect_campaign_channel", scope="module")
def test_a_call_that_is_repeated_and_a_journeys_call_ring_once_for_each_endpoint_and_run(
    connect_campaign_channel: Any,
    account: LocalAccount,
    customers: Customers,
    example: dict[str, Any],
) -> None:
    before = len(account.outbox("connect"))
    reported = len(customers.events("custom_channel."))
    event = json.loads((CALLS / "custom_channel_journey_request.json").read_text())
    noon = {"Timezone": zone_where_it_is(12)}
    event |= {
        "ApplicationId": example["project_id"],
        "Data": "Hello {{Attributes.name}}",
        "Endpoints": {
            "ann": {
                "ChannelType": "CUSTOM",
                "Address": "+1 (425) 555-0111",
                "Attributes": {"name": ["Ann"]},
                "Demographic": noon,
            },
            "bob": {"ChannelType": "SMS", "Address": "+14255550112", "OptOut": "ALL"},
            "eve": {"ChannelType": "SMS", "Address": "room-42", "Demographic": noon},
        },
    }

    answers = []
    for _ in range(2):
        run = account.client("lambda").invoke(
            FunctionName=example["intake_function_name"], Payload=json.dumps(event).encode()
        )
        answers.append(json.load(run["Payload"]))

    assert answers[0] == answers[1]
    results = {name: answer["EventAttributes"] for name, answer in answers[0].items()}
    assert results == {
        "ann": {"Result": "Queued"},
        "bob": {"Result": "Skipped", "Reason": "OPTED_OUT"},
        "eve": {"Result": "Skipped", "Reason": "NO_PHONE_NUMBER"},
    }
    outcomes = customers.outcomes(reported + 3)
    account.eventually(
        lambda: account.client("sqs").get_queue_attributes(
            QueueUrl=example["queue_url"], AttributeNames=["ApproximateNumberOfMessages"]
        )["Attributes"]["ApproximateNumberOfMessages"],
        lambda left: left == "0",
    )
    calls = account.outbox("connect")[before:]
    assert [(call["to"], call["attributes"]) for call in calls] == [
        ("+14255550111", {"Message": "Hello Ann"})
    ]
    journey = {"journey_id": event["JourneyId"], "journey_activity_id": event["ActivityId"]}
    assert journey.items() <= outcomes["ann"]["attributes"].items()
    reasons = {name: outcomes[name]["attributes"].get("reason") for name in ("bob", "eve")}
    assert reasons == {"bob": "OPTED_OUT", "eve": "NO_PHONE_NUMBER"}


@terraform("connect_campaign_channel", scope="module")
def test_data_that_cannot_be_used_fails_the_call_by_name_and_queues_nothing(
    connect_campaign_channel: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    event = json.loads((CALLS / "custom_channel_campaign_request.json").read_text())
    event |= {"ApplicationId": example["project_id"], "Data": "Hello {{#if x}}"}

    run = account.client("lambda").invoke(
        FunctionName=example["intake_function_name"], Payload=json.dumps(event).encode()
    )

    answer = json.load(run["Payload"])
    assert answer["errorType"] == "MalformedData"
    assert "never closed" in answer["errorMessage"]


@terraform("connect_campaign_channel", scope="module")
def test_neither_the_logs_nor_the_claims_hold_a_number_or_a_name(
    connect_campaign_channel: Any,
    account: LocalAccount,
    customers: Customers,
    example: dict[str, Any],
) -> None:
    functions = (example["intake_function_name"], example["contact_function_name"])
    kept = "\n".join(line for function in functions for line in log_lines(account, function))
    kept += json.dumps(customers.claims())

    assert len(customers.claims()) == 5
    for secret in ("4255550", "Mary", "mary", "Hello"):
        assert secret not in kept


@terraform("connect_campaign_channel", scope="module")
def test_a_second_plan_of_connect_campaign_channel_is_empty(connect_campaign_channel: Any) -> None:
    assert second_plan(connect_campaign_channel) == ""


@terraform("connect_campaign_channel", scope="module")
def test_destroying_connect_campaign_channel_leaves_nothing(
    connect_campaign_channel: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "calls")) > 10

    connect_campaign_channel.terraform.destroy()

    assert left_behind(account, "calls") == []
    assert account.client("connect").list_instances()["InstanceSummaryList"] == []
