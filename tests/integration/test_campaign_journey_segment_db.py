"""Ids have names, in two tables and in SQL: the example as it comes, changed through the API."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pytest
from boto3.dynamodb.types import TypeDeserializer
from pytest_terraform import terraform

from tests.builders.analyst import Analyst, put, throttled
from tests.builders.event_records import sample
from tests.builders.example_program import example_program
from tests.builders.hub_client import hub_client
from tests.builders.hub_customer import role_for_the_hub
from tests.builders.journeys import journey_request, wait
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

Row = dict[str, Any]
_read = TypeDeserializer().deserialize


@dataclass(frozen=True)
class Names:
    """The example: its project, its tables and its event bus."""

    account: LocalAccount
    outputs: dict[str, Any]
    pinpoint: Any

    @property
    def project(self) -> str:
        return str(self.outputs["project_id"])

    def row(self, table: str, entity_id: str) -> Row | None:
        """The row of an entity in the table `campaigns` or `segments`."""
        dynamodb = self.account.client("dynamodb")
        name = self.outputs[f"{table}_table"]
        item = dynamodb.get_item(TableName=name, Key={"id": {"S": entity_id}}).get("Item")
        return item and {key: _read(value) for key, value in item.items()}

    def until(
        self, table: str, entity_id: str, accept: Callable[[Row], bool] = lambda row: True
    ) -> Row:
        """Wait until the row of an entity is acceptable."""
        row = self.account.eventually(
            lambda: self.row(table, entity_id), lambda row: row is not None and accept(row)
        )
        assert row is not None
        return row

    def segment(self, name: str) -> str:
        answer = self.pinpoint.create_segment(
            ApplicationId=self.project,
            WriteSegmentRequest={"Name": name, "Dimensions": {}, "tags": {"Team": "retail"}},
        )
        return str(answer["SegmentResponse"]["Id"])

    def campaign(self, name: str, segment_id: str, **members: Any) -> str:
        answer = self.pinpoint.create_campaign(
            ApplicationId=self.project,
            WriteCampaignRequest={
                "Name": name,
                "SegmentId": segment_id,
                "Schedule": {"StartTime": "2031-05-01T09:00:00Z", "Frequency": "ONCE"},
                "MessageConfiguration": {"SMSMessage": {"Body": "Hello"}},
                **members,
            },
        )
        return str(answer["CampaignResponse"]["Id"])

    def announce(self, **detail: Any) -> None:
        """Put an event on the bus as if the hub had sent it."""
        whole = {"applicationId": self.project, "at": "2026-11-29T10:00:00.000Z", **detail}
        answer = self.account.client("events").put_events(
            Entries=[
                {
                    "EventBusName": self.outputs["event_bus"],
                    "Source": "engagement_hub",
                    "DetailType": "Entity Changed",
                    "Detail": json.dumps(whole),
                }
            ]
        )
        assert answer["FailedEntryCount"] == 0

    def reconcile(self) -> dict[str, Any]:
        """Invoke the function that compares the tables with the project; its answer."""
        answer = self.account.client("lambda").invoke(
            FunctionName=self.outputs["reconcile_function_name"], Payload=b"{}"
        )
        body = json.load(answer["Payload"])
        assert "FunctionError" not in answer, body
        return dict(body)


@pytest.fixture(scope="module")
def names(campaign_journey_segment_db: Any, account: LocalAccount) -> Names:
    example = outputs(campaign_journey_segment_db)
    return Names(account, example, hub_client(example["api_url"]))


@pytest.fixture(scope="module")
def readers(names: Names) -> str:
    """A segment whose row is there."""
    segment_id = names.segment("Readers")
    names.until("segments", segment_id)
    return segment_id


@pytest.fixture(scope="module")
def summer(names: Names) -> str:
    """The campaign of the example's program, whose events are on their way to the database."""
    campaign_id = example_program("campaign_journey_segment_db", "summer").summer(names.outputs)
    event = sample("pinpoint/email_send_campaign")
    ids = {"campaign_id": campaign_id, "treatment_id": "0"}
    event["attributes"] = {**event["attributes"], **ids}
    put(names.account, names.outputs["firehose_name"], event)
    return str(campaign_id)


@contextmanager
def impatient_queue(account: LocalAccount, name: str) -> Iterator[None]:
    """Deliver failed messages of a queue again after a second, within the block."""
    sqs = account.client("sqs")
    url = sqs.get_queue_url(QueueName=name)["QueueUrl"]
    before = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])
    sqs.set_queue_attributes(QueueUrl=url, Attributes={"VisibilityTimeout": "1"})
    try:
        yield
    finally:
        sqs.set_queue_attributes(QueueUrl=url, Attributes=before["Attributes"])


@terraform("campaign_journey_segment_db", scope="module")
def test_a_project_without_campaigns_is_deployed_and_exported_as_empty_tables(
    campaign_journey_segment_db: Any, names: Names
) -> None:
    analyst = Analyst(names.account, names.outputs)

    assert analyst.number("SELECT count(*) FROM campaigns_and_journeys") == 0
    assert analyst.number("SELECT count(*) FROM segments") == 0


@terraform("campaign_journey_segment_db", scope="module")
def test_a_campaign_is_recorded_renamed_and_marked_as_deleted(
    campaign_journey_segment_db: Any, names: Names, readers: str, summer: str
) -> None:
    campaign_id = names.campaign("Spring", readers, TreatmentName="Blue", tags={"Team": "shop"})
    created = names.until("campaigns", campaign_id)
    names.pinpoint.update_campaign(
        ApplicationId=names.project,
        CampaignId=campaign_id,
        WriteCampaignRequest={"Name": "Spring sale"},
    )
    renamed = names.until("campaigns", campaign_id, lambda row: row["name"] == "Spring sale")
    names.pinpoint.delete_campaign(ApplicationId=names.project, CampaignId=campaign_id)
    deleted = names.until("campaigns", campaign_id, lambda row: row["deleted"])

    assert (created["type"], created["name"], created["deleted"]) == ("campaign", "Spring", False)
    assert (created["segment_id"], created["status"]) == (readers, "SCHEDULED")
    assert (created["treatments"], created["tags"]) == ({"0": "Blue"}, {"Team": "shop"})
    assert "event_name" not in created
    assert renamed["revision"] > created["revision"]
    assert deleted["name"] == "Spring sale"


@terraform("campaign_journey_segment_db", scope="module")
def test_a_journey_is_recorded_as_a_draft_and_with_its_later_name(
    campaign_journey_segment_db: Any, names: Names, readers: str
) -> None:
    start = {"SegmentStartCondition": {"SegmentId": readers}}
    request = journey_request(
        Name="Welcome", StartCondition=start, StartActivity="day", Activities={"day": wait()}
    )
    answer = names.pinpoint.create_journey(ApplicationId=names.project, WriteJourneyRequest=request)
    journey_id = answer["JourneyResponse"]["Id"]
    draft = names.until("campaigns", journey_id)
    names.pinpoint.update_journey(
        ApplicationId=names.project,
        JourneyId=journey_id,
        WriteJourneyRequest={**request, "Name": "Welcome-back"},
    )

    names.until("campaigns", journey_id, lambda row: row["name"] == "Welcome-back")

    assert (draft["type"], draft["status"], draft["segment_id"]) == ("journey", "DRAFT", readers)
    assert "version" not in draft


@terraform("campaign_journey_segment_db", scope="module")
def test_an_imported_segment_is_recorded_when_its_import_is_done(
    campaign_journey_segment_db: Any, names: Names
) -> None:
    bucket = f"people-{uuid.uuid4().hex[:8]}"
    s3 = names.account.client("s3")
    s3.create_bucket(Bucket=bucket)
    people = "ChannelType,Address,Id\nSMS,+14255550100,e1\n"
    s3.put_object(Bucket=bucket, Key="people.csv", Body=people.encode())
    role_arn = role_for_the_hub(
        names.account,
        f"{bucket}-reader",
        names.project,
        {
            "Effect": "Allow",
            "Action": ["s3:GetObject", "s3:ListBucket"],
            "Resource": [f"arn:aws:s3:::{bucket}", f"arn:aws:s3:::{bucket}/*"],
        },
    )

    job = names.pinpoint.create_import_job(
        ApplicationId=names.project,
        ImportJobRequest={
            "Format": "CSV",
            "S3Url": f"s3://{bucket}/people.csv",
            "RoleArn": role_arn,
            "DefineSegment": True,
            "RegisterEndpoints": True,
            "SegmentName": "Imported people",
        },
    )["ImportJobResponse"]

    row = names.until("segments", job["Definition"]["SegmentId"])
    assert (row["name"], row["segment_type"]) == ("Imported people", "IMPORT")


@terraform("campaign_journey_segment_db", scope="module")
def test_a_change_that_arrives_late_neither_resurrects_an_entity_nor_renames_it_back(
    campaign_journey_segment_db: Any, names: Names, readers: str
) -> None:
    gone = names.segment("Short-lived")
    names.pinpoint.delete_segment(ApplicationId=names.project, SegmentId=gone)
    deleted = names.until("segments", gone, lambda row: row["deleted"])
    names.pinpoint.update_segment(
        ApplicationId=names.project,
        SegmentId=readers,
        WriteSegmentRequest={"Name": "Faithful readers", "Dimensions": {}},
    )
    renamed = names.until("segments", readers, lambda row: row["name"] == "Faithful readers")

    for entity_id, name in ((gone, "Short-lived"), (readers, "Readers")):
        names.announce(kind="segment", id=entity_id, change="created", revision=1, name=name)

    def refused() -> list[str]:
        return log_lines(names.account, "names-entity-record", "The row has a later state")

    names.account.eventually(
        refused, lambda lines: all(any(i in line for line in lines) for i in (gone, readers))
    )
    assert names.row("segments", gone) == deleted
    assert names.row("segments", readers) == renamed


@terraform("campaign_journey_segment_db", scope="module")
def test_a_change_is_announced_late_and_not_lost_while_its_function_cannot_run(
    campaign_journey_segment_db: Any, names: Names
) -> None:
    with throttled(names.account, "names-hub-entity-events"):
        segment_id = names.segment("Made meanwhile")
        names.announce(kind="segment", id="marker", change="created", revision=1, name="Marker")
        names.until("segments", "marker")
        assert names.row("segments", segment_id) is None

    names.until("segments", segment_id, lambda row: row["name"] == "Made meanwhile")


@terraform("campaign_journey_segment_db", scope="module")
def test_a_message_that_is_no_change_is_kept_and_the_others_are_recorded(
    campaign_journey_segment_db: Any, names: Names
) -> None:
    with impatient_queue(names.account, "names-entity-changes"):
        names.announce(kind="banana", id="bad", change="created", revision=1, name="Bad")
        names.announce(kind="segment", id="good", change="created", revision=1, name="Good")

        names.until("segments", "good")
        kept = names.account.eventually(
            lambda: names.account.messages(names.outputs["dead_letter_queue_urls"]["changes"]),
            bool,
        )

    assert [json.loads(message)["detail"]["id"] for message in kept] == ["bad"]


@terraform("campaign_journey_segment_db", scope="module")
def test_the_reconciliation_finds_missing_renamed_and_deleted_entities(
    campaign_journey_segment_db: Any, names: Names, readers: str
) -> None:
    before = names.until("segments", readers)["name"]
    campaign_id = names.campaign("Autumn", readers)
    names.until("campaigns", campaign_id)
    names.announce(kind="segment", id="ghost", change="created", revision=1, name="Ghost")
    names.until("segments", "ghost")
    dynamodb = names.account.client("dynamodb")
    dynamodb.delete_item(TableName=names.outputs["campaigns_table"], Key={"id": {"S": campaign_id}})
    dynamodb.update_item(
        TableName=names.outputs["segments_table"],
        Key={"id": {"S": readers}},
        UpdateExpression="SET #name = :name",
        ExpressionAttributeNames={"#name": "name"},
        ExpressionAttributeValues={":name": {"S": "Wrong"}},
    )

    report = names.reconcile()

    assert report["Added"] == report["Changed"] == 1
    campaign, segment, ghost = (
        names.row("campaigns", campaign_id),
        names.row("segments", readers),
        names.row("segments", "ghost"),
    )
    assert campaign is not None and campaign["name"] == "Autumn"
    assert segment is not None and segment["name"] == before
    assert ghost is not None and (ghost["deleted"], ghost["name"]) == (True, "Ghost")
    assert names.reconcile()["Changed"] == 0


@terraform("campaign_journey_segment_db", scope="module")
def test_athena_gives_the_names_of_a_campaign_its_treatment_and_its_segment(
    campaign_journey_segment_db: Any, names: Names, summer: str
) -> None:
    names.reconcile()
    analyst = Analyst(names.account, names.outputs)

    for view in ("campaign_send_with_names", "email_send_with_names"):
        [row] = analyst.wait_for(
            f"SELECT campaign_name, treatment_name, segment_name FROM {view} "
            f"WHERE pinpoint_campaign_id = '{summer}'",
            seconds=120,
        )

        assert row == {
            "campaign_name": "Summer",
            "treatment_name": "Blue",
            "segment_name": "Faithful readers",
        }


@terraform("campaign_journey_segment_db", scope="module")
def test_a_second_plan_of_the_names_is_empty(
    campaign_journey_segment_db: Any, names: Names
) -> None:
    assert second_plan(campaign_journey_segment_db) == ""


@terraform("campaign_journey_segment_db", scope="module")
def test_destroying_the_names_leaves_nothing(
    campaign_journey_segment_db: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "names")) > 10

    campaign_journey_segment_db.terraform.destroy()

    assert left_behind(account, "names") == []
