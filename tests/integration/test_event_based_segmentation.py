"""People move between segments by events, and a campaign reaches the people of a segment."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/605.1.15 Safari/605.1.15"
APPLES_MACHINE = "Mozilla/5.0"
WEBINAR = "webinar_registration"


@pytest.fixture(scope="module")
def example(event_based_segmentation: Any) -> dict[str, Any]:
    return outputs(event_based_segmentation)


@pytest.fixture(scope="module")
def pinpoint(example: dict[str, Any]) -> Any:
    return hub_client(example["api_url"])


class People:
    """Endpoints of the project with addresses of their own, and their events."""

    def __init__(self, account: LocalAccount, pinpoint: Any, example: dict[str, Any]) -> None:
        self._account, self._pinpoint, self._project = account, pinpoint, example["project_id"]
        self.addresses: dict[str, str] = {}

    def join(self, *names: str, **members: Any) -> None:
        for name in names:
            self.addresses[name] = f"{name}-{uuid.uuid4().hex[:8]}@segments.example.com"
            self._pinpoint.update_endpoint(
                ApplicationId=self._project,
                EndpointId=name,
                EndpointRequest={
                    "ChannelType": "EMAIL",
                    "Address": self.addresses[name],
                    **members,
                },
            )

    def report(self, name: str, *kinds: str, seconds_ago: float = 0) -> None:
        """Let an app report events of a person, in their order."""
        began = datetime.now(UTC) - timedelta(seconds=seconds_ago, milliseconds=len(kinds))
        events = {
            str(number): {
                "EventType": kind,
                "Timestamp": (began + timedelta(milliseconds=number)).isoformat(),
            }
            for number, kind in enumerate(kinds)
        }
        answer = self._pinpoint.put_events(
            ApplicationId=self._project,
            EventsRequest={"BatchItem": {name: {"Endpoint": {}, "Events": events}}},
        )
        results = answer["EventsResponse"]["Results"][name]["EventsItemResponse"].values()
        assert [each["StatusCode"] for each in results] == [202] * len(kinds)

    def attributes(self, name: str) -> dict[str, list[str]]:
        found = self._pinpoint.get_endpoint(ApplicationId=self._project, EndpointId=name)
        return dict(found["EndpointResponse"].get("Attributes") or {})

    def becomes(self, name: str, expected: dict[str, list[str]]) -> None:
        self._account.eventually(lambda: self.attributes(name), lambda seen: seen == expected)

    def campaign(self, segment_id: str, title: str) -> dict[str, Any]:
        """Run an email campaign to a segment. Returns its emails by the person's name."""
        started = self._pinpoint.create_campaign(
            ApplicationId=self._project,
            WriteCampaignRequest={
                "Name": title,
                "SegmentId": segment_id,
                "Schedule": {"StartTime": "IMMEDIATE"},
                "MessageConfiguration": {"EmailMessage": {"Title": title, "HtmlBody": "<p>Hi</p>"}},
            },
        )["CampaignResponse"]
        one = {"ApplicationId": self._project, "CampaignId": started["Id"]}
        self._account.eventually(
            lambda: self._pinpoint.get_campaign(**one)["CampaignResponse"]["State"],
            lambda state: state["CampaignStatus"] == "COMPLETED",
            seconds=90,
        )
        names = {address: name for name, address in self.addresses.items()}
        return {
            names[mail["to"][0]]: mail
            for mail in self._account.outbox("email")
            if mail["subject"] == title
        }

    def opens(self, mail: dict[str, Any], agent: str) -> None:
        path = f"email/{mail['message_id']}/open"
        assert self._account.local(path, {"userAgent": agent})


@pytest.fixture(scope="module")
def people(account: LocalAccount, pinpoint: Any, example: dict[str, Any]) -> People:
    return People(account, pinpoint, example)


@terraform("event_based_segmentation", scope="module")
def test_a_campaign_reaches_exactly_the_people_who_registered_and_did_not_cancel(
    event_based_segmentation: Any, people: People, example: dict[str, Any]
) -> None:
    people.join("ann", "bob", "eve")
    people.report("ann", "registered_for_webinar5")
    people.report("bob", "registered_for_webinar5", "cancelled_webinar5", "registered_for_webinar5")
    people.report("eve", "registered_for_webinar5", "cancelled_webinar5")
    people.becomes("ann", {WEBINAR: ["webinar5"]})
    people.becomes("bob", {WEBINAR: ["webinar5"]})
    assert WEBINAR not in people.attributes("eve")

    sent = people.campaign(example["segment_ids"]["registered"], "Webinar 5 begins")

    assert set(sent) == {"ann", "bob"}


@terraform("event_based_segmentation", scope="module")
def test_people_who_opened_an_email_are_reminded_and_a_machine_that_opened_it_is_not(
    event_based_segmentation: Any, people: People, pinpoint: Any, example: dict[str, Any]
) -> None:
    people.join("mia", "leo", Attributes={WEBINAR: ["webinar5", "webinar1"]})
    sent = people.campaign(example["segment_ids"]["registered"], "Will you come?")
    people.opens(sent["leo"], APPLES_MACHINE)
    people.opens(sent["mia"], SAFARI)
    people.becomes("mia", {WEBINAR: ["webinar5", "webinar1"], "email_opened": ["true"]})
    for name in ("mia", "leo"):
        people.report(name, "cancelled_webinar5")
    people.becomes("mia", {WEBINAR: ["webinar1"], "email_opened": ["true"]})
    people.becomes("leo", {WEBINAR: ["webinar1"]})

    reminded = people.campaign(example["segment_ids"]["undecided"], "Seats are left")

    assert set(reminded) == {"mia"}


@terraform("event_based_segmentation", scope="module")
def test_an_event_that_arrives_late_does_not_undo_a_newer_one(
    event_based_segmentation: Any, people: People
) -> None:
    people.join("tom")
    people.report("tom", "registered_for_webinar5", seconds_ago=60)
    people.becomes("tom", {WEBINAR: ["webinar5"]})
    people.report("tom", "cancelled_webinar5", seconds_ago=10)
    people.becomes("tom", {})

    people.report("tom", "registered_for_webinar5", seconds_ago=30)
    people.join("zoe")
    people.report("zoe", "registered_for_webinar5")  # behind it in the stream

    people.becomes("zoe", {WEBINAR: ["webinar5"]})
    assert people.attributes("tom") == {}


@terraform("event_based_segmentation", scope="module")
def test_an_email_to_an_address_creates_no_endpoint(
    event_based_segmentation: Any,
    account: LocalAccount,
    people: People,
    pinpoint: Any,
    example: dict[str, Any],
) -> None:
    address = f"{uuid.uuid4().hex[:8]}@segments.example.com"
    text = {"Subject": {"Data": "Receipt"}, "HtmlPart": {"Data": "<p>Thanks</p>"}}
    pinpoint.send_messages(
        ApplicationId=example["project_id"],
        MessageRequest={
            "Addresses": {address: {"ChannelType": "EMAIL"}},
            "MessageConfiguration": {"EmailMessage": {"SimpleEmail": text}},
        },
    )
    [mail] = account.eventually(
        lambda: [mail for mail in account.outbox("email") if address in mail["to"]], bool
    )

    people.opens(mail, SAFARI)

    account.eventually(
        lambda: log_lines(account, example["function_name"], "UnknownEndpoints"), bool
    )
    every = pinpoint.create_segment(
        ApplicationId=example["project_id"],
        WriteSegmentRequest={
            "Name": "opened",
            "Dimensions": {
                "Attributes": {"email_opened": {"AttributeType": "INCLUSIVE", "Values": ["true"]}}
            },
        },
    )["SegmentResponse"]["Id"]
    assert set(people.campaign(every, "To all who opened")) == {"mia"}


@terraform("event_based_segmentation", scope="module")
def test_a_poison_record_is_kept_and_does_not_hold_up_the_shard(
    event_based_segmentation: Any, account: LocalAccount, people: People, example: dict[str, Any]
) -> None:
    poison = {"event_type": "registered_for_webinar5", "application": "none"}
    account.client("kinesis").put_record(
        StreamName=example["stream_name"],
        Data=json.dumps(poison).encode(),
        PartitionKey="poison",
    )
    people.join("kim")
    people.report("kim", "registered_for_webinar5")

    people.becomes("kim", {WEBINAR: ["webinar5"]})
    [letter] = [
        json.loads(text)
        for text in account.eventually(
            lambda: account.messages(example["dead_letter_queue_url"]), bool
        )
    ]
    assert letter["Reason"] == "The event's application is not an object."
    assert json.loads(base64.b64decode(letter["Data"])) == poison


@terraform("event_based_segmentation", scope="module")
def test_the_log_of_segmentation_names_nobody(
    event_based_segmentation: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    log = "\n".join(log_lines(account, example["function_name"]))

    assert "Record is parked" in log
    assert "segments.example.com" not in log


@terraform("event_based_segmentation", scope="module")
def test_a_second_plan_of_event_based_segmentation_is_empty(event_based_segmentation: Any) -> None:
    assert second_plan(event_based_segmentation) == ""


@terraform("event_based_segmentation", scope="module")
def test_destroying_event_based_segmentation_leaves_nothing(
    event_based_segmentation: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "webinars")) > 10

    event_based_segmentation.terraform.destroy()

    assert left_behind(account, "webinars") == []
