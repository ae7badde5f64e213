"""Everything that a project's stream may carry, in SQL within a minute: as the example comes."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.analyst import Analyst, as_record, put, replay, wait_for_alarm
from tests.builders.event_records import INDEX, sample, samples
from tests.builders.hub_client import hub_client
from tests.builders.hub_customer import TEST_EVENT, delivery_stream
from tests.builders.local_account import LocalAccount
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

QUERYABLE_WITHIN_SECONDS = 60
NO_EVENT = b"this is no event"
HALF_AN_EVENT = b'{"event_type": "half", "attrib'
# Values that senders use in place of a JSON object of strings → the tags of the row.
CONTEXTS: dict[str, dict[str, str] | None] = {
    '{"Order": "A-17"}': {"Order": "A-17"},
    '{"Order": {"id": 17}}': {"Order": '{"id":17}'},
    '{"Order": ': None,
    "[17]": None,
    "not JSON": None,
    "": None,
}


@dataclass
class Brought:
    """Events that were sent, and can be queried."""

    streamed: list[dict[str, Any]]  # by the project's stream


@pytest.fixture(scope="module")
def example(pinpoint_event_database: Any) -> dict[str, Any]:
    return outputs(pinpoint_event_database)


@pytest.fixture(scope="module")
def analyst(account: LocalAccount, example: dict[str, Any]) -> Analyst:
    return Analyst(account, example)


@pytest.fixture(scope="module")
def other_subscriber(account: LocalAccount, example: dict[str, Any]) -> str:
    """A bucket that another Firehose fills from the same stream."""
    kinesis = account.client("kinesis")
    stream = kinesis.describe_stream_summary(StreamName=example["stream_name"])
    delivery_stream(account, "other", stream["StreamDescriptionSummary"]["StreamARN"])
    return "other-events"


@pytest.fixture(scope="module")
def brought(
    account: LocalAccount, example: dict[str, Any], analyst: Analyst, other_subscriber: str
) -> Brought:
    streamed = [sample(name) for name in samples("pinpoint")]
    streamed += [text_with(context, number) for number, context in enumerate(CONTEXTS)]
    whole_and_half = as_record({**sample("pinpoint/session_start"), "event_type": "whole"})
    records = [*map(as_record, streamed), NO_EVENT, b" \n", whole_and_half + HALF_AN_EVENT]
    account.client("kinesis").put_records(
        StreamName=example["stream_name"],
        Records=[{"Data": record, "PartitionKey": str(n)} for n, record in enumerate(records)],
    )
    put(account, example["firehose_name"], *(sample(one) for one in samples("two_way_sms")))
    put_events(hub_client(example["api_url"]), example["project_id"], "visit")
    analyst.wait_for(
        "SELECT event_type FROM custom_events WHERE event_type IN ('visit', 'whole')",
        lambda rows: len(rows) == 2,
        seconds=120,
    )
    inbound = {inbound_id(sample(name)) for name in samples("two_way_sms")}
    analyst.wait_for(
        "SELECT count(DISTINCT message_id) AS number FROM all_phone_events WHERE source = 'sms'",
        lambda rows: rows[0]["number"] == len(inbound),
        seconds=120,
    )
    return Brought(streamed)


def text_with(context: str, number: int) -> dict[str, Any]:
    """The sample of a delivered text with another customer_context."""
    event = sample("pinpoint/sms_success_customer_context")
    ids = {"message_id": f"context-{number}", "customer_context": context}
    return {**event, "attributes": {**event["attributes"], **ids}}


def put_events(pinpoint: Any, project: str, kind: str) -> None:
    now = datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
    event = {"EventType": kind, "Timestamp": now, "Attributes": {"Page": "Shop"}}
    pinpoint.put_events(
        ApplicationId=project,
        EventsRequest={"BatchItem": {"ann": {"Endpoint": {}, "Events": {"1": event}}}},
    )


@terraform("pinpoint_event_database", scope="module")
def test_an_event_can_be_queried_within_a_minute(
    pinpoint_event_database: Any, account: LocalAccount, example: dict[str, Any], brought: Brought
) -> None:
    stream = account.client("firehose").describe_delivery_stream(
        DeliveryStreamName=example["firehose_name"]
    )["DeliveryStreamDescription"]
    [destination] = stream["Destinations"]
    to_s3 = destination["ExtendedS3DestinationDescription"]
    waits = [to_s3["BufferingHints"]["IntervalInSeconds"]]
    for processor in to_s3["ProcessingConfiguration"]["Processors"]:
        parameters = {p["ParameterName"]: p["ParameterValue"] for p in processor["Parameters"]}
        waits.append(int(parameters["BufferIntervalInSeconds"]))

    # Files and queries take some seconds more; benchmarks/ measures the whole.
    assert sum(waits) < QUERYABLE_WITHIN_SECONDS


@terraform("pinpoint_event_database", scope="module")
def test_every_event_of_the_stream_is_in_the_table_under_its_type(
    pinpoint_event_database: Any, analyst: Analyst, brought: Brought
) -> None:
    answer = analyst.ask(
        "SELECT event_type, count(*) AS number FROM events "
        f"WHERE source = 'pinpoint' AND event_type <> '{TEST_EVENT}' GROUP BY 1"
    )

    sent = Counter(event["event_type"] for event in brought.streamed)
    assert {row["event_type"]: row["number"] for row in answer} == sent + Counter(
        ["visit", "whole"]
    )


@terraform("pinpoint_event_database", scope="module")
def test_what_had_no_view_has_one(
    pinpoint_event_database: Any, analyst: Analyst, brought: Brought
) -> None:
    views = {
        "email_rendering_failure": ["_email.rendering_failure"],
        "session_events": ["_session."],
        "push_notification": [".opened_notification", ".received_"],
        "journey_send": ["_journey.send"],
    }
    for view, parts in views.items():
        expected = [
            event
            for event in brought.streamed
            if any(part in event["event_type"] for part in parts)
        ]

        assert analyst.number(f"SELECT count(*) FROM {view}") == len(expected) > 0


@terraform("pinpoint_event_database", scope="module")
def test_what_people_text_back_is_there(
    pinpoint_event_database: Any, analyst: Analyst, brought: Brought
) -> None:
    answer = analyst.ask(
        "SELECT event_type, count(DISTINCT message_id) AS number FROM all_phone_events "
        "WHERE source = 'sms' GROUP BY 1"
    )

    names = samples("two_way_sms")
    ids = {(INDEX[f"{name}.json"]["maps_to"][0], inbound_id(sample(name))) for name in names}
    expected = Counter(kind for kind, _ in ids)
    assert {row["event_type"]: row["number"] for row in answer} == expected


def inbound_id(record: dict[str, Any]) -> str:
    if "Records" in record:
        record = json.loads(record["Records"][0]["Sns"]["Message"])
    return str(record["inboundMessageId"])


@terraform("pinpoint_event_database", scope="module")
def test_no_customer_context_fails_a_query_or_is_lost(
    pinpoint_event_database: Any, analyst: Analyst, brought: Brought
) -> None:
    answer = analyst.ask(
        "SELECT message_id, element_at(attributes, 'customer_context') AS context, "
        "element_at(message_tags, 'Order') AS tag FROM all_phone_events "
        "WHERE message_id LIKE 'context-%'"
    )

    found = {row["context"]: row["tag"] for row in answer}
    assert found == {context: (tags or {}).get("Order") for context, tags in CONTEXTS.items()}


@terraform("pinpoint_event_database", scope="module")
def test_what_cannot_be_read_is_kept_counted_and_told(
    pinpoint_event_database: Any,
    account: LocalAccount,
    example: dict[str, Any],
    analyst: Analyst,
    brought: Brought,
) -> None:
    account.eventually(lambda: analyst.error_records(""), lambda seen: len(seen) >= 2)

    assert analyst.error_records("processing-failed/") == [NO_EVENT]
    assert analyst.error_records("unreadable/") == [HALF_AN_EVENT]
    wait_for_alarm(account, "project-db-unreadable-records")
    counted = replay(account, example, "", dry_run=True)
    assert (counted["Objects"], counted["Records"], counted["DryRun"]) == (2, 2, True)
    assert len(analyst.error_records("")) == 2


@terraform("pinpoint_event_database", scope="module")
def test_another_subscriber_of_the_stream_gets_every_event_too(
    pinpoint_event_database: Any,
    account: LocalAccount,
    analyst: Analyst,
    brought: Brought,
    other_subscriber: str,
) -> None:
    s3 = account.client("s3")
    bodies = [
        s3.get_object(Bucket=other_subscriber, Key=one["Key"])["Body"].read()
        for one in s3.list_objects_v2(Bucket=other_subscriber).get("Contents", [])
    ]

    seen = b"".join(bodies)
    for event in brought.streamed:
        assert as_record(event) in seen
    assert b'"visit"' in seen


@terraform("pinpoint_event_database", scope="module")
def test_a_second_plan_of_the_project_database_is_empty(pinpoint_event_database: Any) -> None:
    assert second_plan(pinpoint_event_database) == ""


@terraform("pinpoint_event_database", scope="module")
def test_destroying_the_project_database_leaves_nothing(
    pinpoint_event_database: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "project")) > 10

    pinpoint_event_database.terraform.destroy()

    assert left_behind(account, "project") == []
