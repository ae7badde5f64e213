"""Changes of campaigns, journeys and segments become events, whichever function makes them."""

from __future__ import annotations

import json
import random
from typing import Any

import boto3
import pytest
from botocore.exceptions import ConnectTimeoutError
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.entity_changes import change_in, requests
from engagement_hub.functions import announce_changes as function
from engagement_hub.hub import Hub
from engagement_hub.store import entities as entities_module
from engagement_hub.store.entities import EntityStore, Kind
from engagement_hub.workers import import_job as import_steps
from shared.entity_summary import summary_of
from tests.builders.campaign_runs import CONTEXT, campaign, people, run
from tests.builders.hub_workers import APP, import_job, put_file, segment

CALL: Any = None  # a Lambda context, which the handler does not read


class Stream:
    """The stream of the entities table, read as Lambda reads it."""

    def __init__(self, table: str) -> None:
        dynamodb = boto3.client("dynamodb")
        settings = {"StreamEnabled": True, "StreamViewType": "NEW_AND_OLD_IMAGES"}
        dynamodb.update_table(TableName=table, StreamSpecification=settings)  # type: ignore[arg-type]  # a plain dict
        self._arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]

    def records(self) -> list[dict[str, Any]]:
        streams = boto3.client("dynamodbstreams")
        described = streams.describe_stream(StreamArn=self._arn)["StreamDescription"]
        iterator = streams.get_shard_iterator(
            StreamArn=self._arn,
            ShardId=described["Shards"][0]["ShardId"],
            ShardIteratorType="TRIM_HORIZON",
        )["ShardIterator"]
        found = streams.get_records(ShardIterator=iterator, Limit=1000)["Records"]
        for record in found:
            written: Any = record["dynamodb"]
            moment = written["ApproximateCreationDateTime"]
            written["ApproximateCreationDateTime"] = moment.timestamp()
        return list(found)  # type: ignore[arg-type]  # as Lambda hands them over

    def details(self) -> list[dict[str, Any]]:
        changes = map(change_in, self.records())
        return [dict(change.detail) for change in changes if change is not None]


@pytest.fixture
def stream(hub: Hub) -> Stream:
    return Stream("entities")


class Bus:
    """Fake of EventBridge: records entries; refuses those whose id has a code."""

    def __init__(self) -> None:
        self.calls: list[list[dict[str, Any]]] = []
        self.refuses: dict[str, str] = {}
        self.error: Exception | None = None

    def put_events(self, Entries: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # boto3's name
        if self.error is not None:
            raise self.error
        self.calls.append(Entries)
        ids = [json.loads(entry["Detail"])["id"] for entry in Entries]
        answers = [{"ErrorCode": self.refuses[one]} if one in self.refuses else {} for one in ids]
        return {"FailedEntryCount": len(self.refuses), "Entries": answers}

    @property
    def announced(self) -> list[str]:
        return [json.loads(entry["Detail"])["id"] for call in self.calls for entry in call]


@pytest.fixture
def bus(monkeypatch: pytest.MonkeyPatch) -> Bus:
    bus = Bus()
    monkeypatch.setenv("EVENT_BUS_NAME", "changes")
    monkeypatch.setattr(function, "_events", lambda: bus)
    return bus


def record(entity_id: str, *, number: int = 1, name: str = "News") -> dict[str, Any]:
    """A record of the stream: a segment was created."""
    return {
        "eventName": "INSERT",
        "dynamodb": {
            "ApproximateCreationDateTime": 1_800_000_000,
            "SequenceNumber": str(number),
            "NewImage": {
                "pk": {"S": f"{APP}#segment"},
                "sk": {"S": entity_id},
                "revision": {"N": "1"},
                "summary": {"S": json.dumps({"name": name})},
            },
        },
    }


def test_an_entity_is_announced_as_created_changed_and_deleted_with_its_name_each_time(hub, stream):
    segment(hub, Name="Readers", LastModifiedDate="2027-01-15T08:00:00.000Z")
    hub.entities.update(
        APP, Kind.SEGMENT, "seg1", lambda body: {**body, "Name": "Fans", "Version": 2}
    )
    hub.entities.delete(APP, Kind.SEGMENT, "seg1")

    told = stream.details()

    assert [(one["change"], one["name"], one["revision"], one["version"]) for one in told] == [
        ("created", "Readers", 1, 1),
        ("changed", "Fans", 2, 2),
        ("deleted", "Fans", 3, 2),
    ]
    assert {(one["applicationId"], one["kind"], one["id"]) for one in told} == {
        (APP, "segment", "seg1")
    }


def test_an_imported_segment_is_announced_by_the_worker_that_defines_it(hub, stream):
    put_file("people.csv", "ChannelType,Address,Id\nSMS,+14255550100,e1\n")
    event = import_job(hub, DefineSegment=True, SegmentId="seg9", SegmentName="Imported")

    opened = import_steps.open_job(hub, event, CONTEXT)
    for file in hub.bucket.read_json(opened["ManifestKey"]):
        import_steps.parse_object(hub, {**event, "File": file}, CONTEXT)
    for key in list(hub.bucket.keys(import_steps.count_pieces(hub, event, CONTEXT)["Prefix"])):
        import_steps.register_piece(hub, {**event, "Key": key}, CONTEXT)
    import_steps.close_job(hub, event, CONTEXT)

    [told] = stream.details()
    assert (told["change"], told["id"], told["name"]) == ("created", "seg9", "Imported")
    assert told["segmentType"] == "IMPORT"


def test_the_statuses_of_a_campaign_s_run_are_announced_in_their_order(hub, sender, stream):
    segment(hub)
    people(hub, 2)

    run(hub, campaign(hub))

    told = [one for one in stream.details() if one["kind"] == "campaign"]
    statuses = [one["status"] for one in told]
    assert (statuses[0], statuses[-1]) == ("SCHEDULED", "COMPLETED")
    assert "EXECUTING" in statuses
    revisions = [one["revision"] for one in told]
    assert revisions == sorted(set(revisions))


def test_a_journey_is_announced_with_its_state_segment_and_event(hub, stream):
    journey = {
        "Id": "j1",
        "Name": "Welcome",
        "State": "DRAFT",
        "LastModifiedDate": "2027-01-15T08:00:00.000Z",
        "StartCondition": {
            "EventStartCondition": {
                "SegmentId": "seg1",
                "EventFilter": {"Dimensions": {"EventType": {"Values": ["signup"]}}},
            }
        },
    }

    assert summary_of("journey", journey) == {
        "name": "Welcome",
        "modifiedAt": "2027-01-15T08:00:00.000Z",
        "status": "DRAFT",
        "segmentId": "seg1",
        "eventName": "signup",
    }


def test_a_write_that_changes_no_fact_of_the_summary_is_not_announced(hub, stream):
    segment(hub)

    hub.entities.update(APP, Kind.SEGMENT, "seg1", lambda body: {**body, "Members": "list2"})

    assert [one["change"] for one in stream.details()] == ["created"]


def test_other_kinds_and_versions_are_not_announced(hub, stream):
    hub.entities.put("account", Kind.TEMPLATE, "SMS#hello", {"Version": 1, "Body": "Hi"})
    hub.entities.put(APP, Kind.CHANNEL, "sms", {"Enabled": True})
    segment(hub)

    assert len(stream.records()) >= 4  # a template, its version, a channel, a segment, its version
    assert [one["kind"] for one in stream.details()] == ["segment"]


def test_a_campaign_too_large_for_an_item_is_announced_without_a_look_at_its_parts(
    hub, stream, monkeypatch
):
    monkeypatch.setattr(entities_module, "_PLAIN_BYTES", 10)
    monkeypatch.setattr(entities_module, "_PART_BYTES", 50)

    campaign(hub, Name="Huge")
    hub.entities.delete(APP, Kind.CAMPAIGN, "c1")

    told = [(one["change"], one["name"]) for one in stream.details()]
    assert told == [("created", "Huge"), ("deleted", "Huge")]


def test_a_write_that_is_repeated_by_the_sdk_is_one_revision(hub):
    store = EntityStore("entities", boto3.client("dynamodb"))
    store.put_new(APP, Kind.SEGMENT, "s", {"Id": "s", "Version": 1})
    store.update(APP, Kind.SEGMENT, "s", lambda body: {**body, "Version": 2})

    item = boto3.client("dynamodb").get_item(
        TableName="entities", Key={"pk": {"S": f"{APP}#segment"}, "sk": {"S": "s"}}
    )["Item"]

    assert item["revision"] == {"N": "2"}


def test_an_event_names_its_bus_source_type_and_time(bus):
    answer = function.lambda_handler({"Records": [record("s1")]}, CALL)

    assert answer == {"batchItemFailures": []}
    [[entry]] = bus.calls
    assert (entry["EventBusName"], entry["Source"], entry["DetailType"]) == (
        "changes",
        "engagement_hub",
        "Entity Changed",
    )
    assert json.loads(entry["Detail"]) == {
        "applicationId": APP,
        "kind": "segment",
        "id": "s1",
        "change": "created",
        "revision": 1,
        "at": "2027-01-15T08:00:00.000Z",
        "name": "News",
    }


def test_a_call_has_ten_events_at_most_in_the_order_of_the_stream(bus):
    records = [record(f"s{n}", number=n) for n in range(25)]

    function.lambda_handler({"Records": records}, CALL)

    assert [len(call) for call in bus.calls] == [10, 10, 5]
    assert bus.announced == [f"s{n}" for n in range(25)]


def test_a_refused_event_is_tried_again_with_every_later_one(bus):
    bus.refuses = {"s3": "ThrottlingException"}
    records = [record(f"s{n}", number=n) for n in range(12)]

    answer = function.lambda_handler({"Records": records}, CALL)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "3"}]}
    assert "s10" not in bus.announced  # the next call would overtake s3


def test_a_function_without_an_answer_of_eventbridge_reports_the_first_change(bus):
    bus.error = ConnectTimeoutError(endpoint_url="events")

    answer = function.lambda_handler({"Records": [record("s1", number=7)]}, CALL)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "7"}]}


def test_the_log_has_the_id_of_a_change_that_was_refused_and_not_its_name(bus, caplog):
    bus.refuses = {"s1": "InternalFailure"}

    function.lambda_handler({"Records": [record("s1", name="Secret plan")]}, CALL)

    [line] = [vars(one) for one in caplog.records]
    assert (line["id"], line["error_code"]) == ("s1", "InternalFailure")
    assert "Secret plan" not in str(line)


@given(st.lists(st.text(max_size=3_000), min_size=1, max_size=30))
def test_no_call_exceeds_what_eventbridge_takes(names):
    changes = [
        change
        for number, name in enumerate(names)
        if (change := change_in(record("s", number=number, name=name * 20))) is not None
    ]

    for call in requests(changes):
        size = sum(len(one.entry("bus")["Detail"].encode()) for one in call)
        assert len(call) == 1 or (len(call) <= 10 and size <= 256 * 1024)


LONG = "n" * 5_000
LARGE = {
    "Id": "c1",
    "Name": LONG,
    "Description": LONG,
    "TreatmentName": LONG,
    "AdditionalTreatments": [{"Id": str(n), "TreatmentName": LONG} for n in range(1, 5)],
    "Schedule": {"EventFilter": {"Dimensions": {"EventType": {"Values": [LONG]}}}},
    "Version": 1,
    "tags": {f"key{n}": LONG for n in range(200)},
}


def test_a_summary_is_small_however_large_the_entity_is():
    summary = summary_of("campaign", LARGE)

    assert len(json.dumps(summary).encode()) <= 20_000
    assert (len(summary["name"]), len(summary["eventName"])) == (500, 500)
    assert set(summary["treatments"]) == {"0", "1", "2", "3", "4"}
    assert "tags" not in summary


def test_tags_and_descriptions_of_any_usual_size_are_in_the_summary():
    tags = {f"key-{n:03d}".ljust(64, "k"): "v" * 200 for n in range(50)}

    summary = summary_of("campaign", {"Id": "c1", "Description": "d" * 400, "tags": tags})

    assert (summary["tags"], summary["description"]) == (tags, "d" * 400)


def test_a_large_campaign_with_many_tags_fits_into_its_item(hub):
    noise = random.Random(5).randbytes(283_000).hex()  # 283 KB when it is compressed

    hub.entities.put(APP, Kind.CAMPAIGN, "c1", {**LARGE, "MessageConfiguration": noise})

    item = boto3.client("dynamodb").get_item(
        TableName="entities", Key={"pk": {"S": f"{APP}#campaign"}, "sk": {"S": "c1"}}
    )["Item"]
    bytes_of_values = [
        len(v.encode() if isinstance(v, str) else v)  # type: ignore[arg-type]
        for attribute in item.values()
        for v in attribute.values()
    ]
    assert "zip" in item
    assert sum(bytes_of_values) < 400_000
    assert hub.entities.require(APP, Kind.CAMPAIGN, "c1")["MessageConfiguration"] == noise


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"Name": None},
        {"Name": ""},
        {"tags": None},
        {"tags": {}},
        {"State": None},
        {"State": {}},
        {"Schedule": None},
        {"Schedule": {"EventFilter": None}},
        {"Schedule": {"EventFilter": {"Dimensions": None}}},
        {"Schedule": {"EventFilter": {"Dimensions": {"EventType": {"Values": []}}}}},
        {"AdditionalTreatments": None},
        {"AdditionalTreatments": [{}]},
        {"TreatmentName": None},
        {"SegmentId": ""},
        {"Description": ""},
    ],
    ids=str,
)
def test_a_member_that_is_absent_null_or_empty_is_absent_from_the_summary(body):
    assert summary_of("campaign", {"Id": "c1", **body}) == {"name": "c1"}
