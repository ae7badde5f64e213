"""Each customer gets the own statement, and never the file of another customer."""

from __future__ import annotations

import base64
import json
import urllib.error
import urllib.request
import uuid
from collections.abc import Mapping
from typing import Any
from urllib.parse import quote

import pytest
from pytest_terraform import terraform

from tests.builders.event_records import sample
from tests.builders.hub_client import hub_client
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

FOLDER = "statements/"
STATEMENT = "2026-10/statement"
# A slash, a space and letters beyond ASCII: an id that is an address in all but name.
ANN = "ann/büro+1 @home"


@pytest.fixture(scope="module")
def example(email_attachments: Any) -> dict[str, Any]:
    return outputs(email_attachments)


@pytest.fixture(scope="module")
def pinpoint(example: dict[str, Any]) -> Any:
    return hub_client(example["api_url"])


class Bank:
    """The bank's files, campaigns and journeys, and the emails and outcomes that come of them."""

    def __init__(self, account: LocalAccount, pinpoint: Any, example: dict[str, Any]) -> None:
        self._account, self._pinpoint, self._example = account, pinpoint, example

    def address(self, endpoint_id: str) -> str:
        name = "".join(c if c.isascii() and c.isalnum() else "-" for c in endpoint_id)
        return f"{name}@customers.example.com"

    def endpoint(self, endpoint_id: str, **members: Any) -> dict[str, Any]:
        return {
            "ChannelType": "EMAIL",
            "Address": self.address(endpoint_id),
            "User": {"UserAttributes": {"FirstName": [endpoint_id[:3].title()]}},
            **members,
        }

    def join(self, *endpoint_ids: str) -> None:
        for endpoint_id in endpoint_ids:
            self._pinpoint.update_endpoint(
                ApplicationId=self._example["project_id"],
                EndpointId=endpoint_id,
                EndpointRequest=self.endpoint(endpoint_id),
            )

    def file(self, key: str, content: bytes, **metadata: str) -> None:
        self._account.client("s3").put_object(
            Bucket=self._example["bucket_name"],
            Key=f"{FOLDER}{key}",
            Body=content,
            Metadata={name.replace("_", "-"): value for name, value in metadata.items()},
        )

    def campaign(self, data: str) -> str:
        request = {
            "Name": f"campaign {uuid.uuid4().hex}",
            "SegmentId": self._example["segment_id"],
            "Schedule": {"StartTime": "IMMEDIATE"},
            "CustomDeliveryConfiguration": {
                "DeliveryUri": self._example["function_arn"],
                "EndpointTypes": ["EMAIL"],
            },
            "MessageConfiguration": {"CustomMessage": {"Data": data}},
        }
        return str(
            self._pinpoint.create_campaign(
                ApplicationId=self._example["project_id"], WriteCampaignRequest=request
            )["CampaignResponse"]["Id"]
        )

    def visit(self, endpoints: Mapping[str, Any], data: str, **members: Any) -> Any:
        """Call the channel as a journey's activity does. Returns the answer."""
        call = {
            **sample("campaign_hook/custom_channel_journey_request"),
            "ApplicationId": self._example["project_id"],
            "Data": data,
            "Endpoints": endpoints,
            **members,
        }
        answer = self._account.client("lambda").invoke(
            FunctionName=self._example["function_arn"], Payload=json.dumps(call).encode()
        )
        return json.loads(answer["Payload"].read())

    def emails(self, endpoint_id: str) -> list[dict[str, Any]]:
        return [
            email
            for email in self._account.outbox("email")
            if email["to"] == [self.address(endpoint_id)]
        ]

    def events(self) -> list[dict[str, Any]]:
        kinesis = self._account.client("kinesis")
        stream = self._example["stream_name"]
        found = []
        for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
            iterator = kinesis.get_shard_iterator(
                StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
            )["ShardIterator"]
            found += kinesis.get_records(ShardIterator=iterator)["Records"]
        return [json.loads(record["Data"]) for record in found]

    def outcomes(self, **ids: str) -> list[tuple[str, str, str | None]]:
        """Endpoint, outcome and reason of a run's or activity's messages, as often as reported."""
        return sorted(
            (
                event["client"]["client_id"],
                event["event_type"].removeprefix("custom_channel."),
                event["attributes"].get("reason"),
            )
            for event in self.events()
            if event["event_type"].startswith("custom_channel.")
            and ids.items() <= event["attributes"].items()
        )

    def settled(self, count: int, **ids: str) -> list[tuple[str, str, str | None]]:
        return self._account.eventually(
            lambda: self.outcomes(**ids), lambda seen: len(seen) >= count, seconds=90
        )


@pytest.fixture(scope="module")
def bank(account: LocalAccount, pinpoint: Any, example: dict[str, Any]) -> Bank:
    return Bank(account, pinpoint, example)


@terraform("email_attachments", scope="module")
def test_each_recipient_of_a_campaign_gets_the_own_file_and_a_missing_one_costs_no_other(
    email_attachments: Any, bank: Bank, example: dict[str, Any]
) -> None:
    bank.join(ANN, "bob", "eve")
    bank.file(f"{STATEMENT}_{ANN}.pdf", b"%PDF of ann", endpoint_id=quote(ANN, safe=""))
    bank.file(f"{STATEMENT}_eve.pdf", b"%PDF of mallory", endpoint_id="mallory")

    campaign = bank.campaign(
        json.dumps(
            {
                "TemplateName": example["template_names"]["statement"],
                "Files": "ONE_PER_RECIPIENT",
                "FilePrefix": STATEMENT,
            }
        )
    )
    outcomes = bank.settled(3, campaign_id=campaign)

    assert outcomes == [
        (ANN, "accepted", None),
        ("bob", "failed", "FILE_MISSING"),
        ("eve", "failed", "FILE_OF_ANOTHER"),
    ]
    [email] = bank.emails(ANN)
    [attachment] = email["attachments"]
    assert base64.b64decode(attachment["content"]) == b"%PDF of ann"
    assert (attachment["name"], attachment["type"]) == ("statement.pdf", "application/pdf")
    assert email["subject"] == "Your statement of October, Ann"
    assert email["html"].startswith("<p>Dear Ann,</p>")
    assert email["text"] == "Dear Ann, your statement is attached."
    assert email["from"] == f"Example Bank <{example['from_address']}>"
    assert email["headers"]["List-Unsubscribe"] == (
        f"<https://bank.example.com/unsubscribe?who={quote(ANN, safe='')}>"
    )
    assert email["tags"]["campaign_id"] == campaign
    assert bank.emails("bob") == bank.emails("eve") == []


@terraform("email_attachments", scope="module")
def test_the_events_of_ses_are_attributed_to_the_campaign_and_the_endpoint(
    email_attachments: Any, bank: Bank, account: LocalAccount
) -> None:
    [email] = bank.emails(ANN)

    [delivery] = account.eventually(
        lambda: [
            event
            for event in bank.events()
            if event["event_type"] == "_email.delivered" and event["client"]["client_id"] == ANN
        ],
        bool,
    )

    assert delivery["attributes"]["campaign_id"] == email["tags"]["campaign_id"]


@terraform("email_attachments", scope="module")
def test_a_journey_sends_a_file_to_all_in_the_form_of_the_original_and_once(
    email_attachments: Any, bank: Bank, example: dict[str, Any]
) -> None:
    bank.file("terms.pdf", b"%PDF terms")
    template, sender = example["template_names"]["statement"], example["from_address"]
    endpoints = {
        "ida": bank.endpoint("ida"),
        "jon": bank.endpoint("jon", OptOut="ALL"),
        "kim": bank.endpoint("kim", ChannelType="SMS", Address="+14255550100"),
        "leo": "no endpoint",
    }
    journey = uuid.uuid4().hex
    data = f'"Example, Inc.", {template}, {sender}, ONEALL, terms, FILE'

    answers = [bank.visit(endpoints, data, JourneyId=journey) for _ in range(2)]

    outcomes = bank.settled(8, journey_id=journey)
    skipped = [
        ("jon", "skipped", "OPTED_OUT"),
        ("kim", "skipped", "NOT_AN_EMAIL_ENDPOINT"),
        ("leo", "failed", "MALFORMED_ENDPOINT"),
    ]
    assert outcomes == sorted([("ida", "accepted", None), *skipped] * 2, key=lambda one: one[0])
    [email] = bank.emails("ida")
    assert base64.b64decode(email["attachments"][0]["content"]) == b"%PDF terms"
    assert email["from"].startswith('"Example, Inc." <')
    assert email["tags"]["journey_id"] == journey
    assert set(answers[0]) == set(endpoints)


@terraform("email_attachments", scope="module")
def test_a_link_opens_the_recipients_file_and_a_missing_file_has_none(
    email_attachments: Any, bank: Bank, example: dict[str, Any]
) -> None:
    bank.file("bill_mia.pdf", b"%PDF of mia")
    journey = uuid.uuid4().hex
    configuration = {
        "TemplateName": example["template_names"]["terms"],
        "Files": "ONE_PER_RECIPIENT",
        "Delivery": "LINK",
        "FilePrefix": "bill",
        "Unsubscribe": {"Url": "https://bank.example.com/u/{{Id}}", "OneClick": True},
    }

    bank.visit(
        {name: bank.endpoint(name) for name in ("mia", "ned")},
        json.dumps(configuration),
        JourneyId=journey,
    )

    assert bank.settled(2, journey_id=journey) == [
        ("mia", "accepted", None),
        ("ned", "failed", "FILE_MISSING"),
    ]
    [email] = bank.emails("mia")
    assert "attachments" not in email
    assert email["headers"]["List-Unsubscribe"] == "<https://bank.example.com/u/mia>"
    assert email["headers"]["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    link = email["text"].rpartition(" ")[2]
    with urllib.request.urlopen(link) as answer:
        assert answer.read() == b"%PDF of mia"
        assert answer.headers["Content-Disposition"].startswith("attachment; filename")


@terraform("email_attachments", scope="module")
def test_a_guessed_key_opens_no_file_without_a_signature(
    email_attachments: Any, bank: Bank
) -> None:
    link = bank.emails("mia")[0]["text"].rpartition(" ")[2]
    place, _, signature = link.partition("?")
    stolen = place.replace("bill_mia", "bill_ned") + f"?{signature}"
    bank.file("bill_ned.pdf", b"%PDF of ned")

    for url in (place, stolen):
        with pytest.raises(urllib.error.HTTPError) as refused:
            urllib.request.urlopen(url)
        with refused.value as answer:
            assert answer.code == 403


@terraform("email_attachments", scope="module")
def test_a_bad_configuration_fails_the_campaign_and_sends_nothing(
    email_attachments: Any, bank: Bank, account: LocalAccount
) -> None:
    before = len(bank.emails(ANN))

    campaign = bank.campaign(json.dumps({"TemplateName": "no-such-template"}))

    outcomes = bank.settled(3, campaign_id=campaign)
    assert {(outcome, reason) for _, outcome, reason in outcomes} == {
        ("failed", "BAD_CONFIGURATION")
    }
    assert len(bank.emails(ANN)) == before
    sends = account.eventually(
        lambda: [
            event["attributes"]["campaign_send_status"]
            for event in bank.events()
            if event["event_type"] == "_campaign.send"
            and event["attributes"]["campaign_id"] == campaign
        ],
        lambda seen: len(seen) == 3,
    )
    assert set(sends) == {"CUSTOM_DELIVERY_FAILURE"}


@terraform("email_attachments", scope="module")
def test_a_message_that_is_none_is_parked_with_its_reason(
    email_attachments: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    sqs = account.client("sqs")
    sqs.send_message(QueueUrl=example["queue_url"], MessageBody="{}")

    [letter] = account.eventually(
        lambda: sqs.receive_message(
            QueueUrl=example["dead_letter_queue_url"], MessageAttributeNames=["All"]
        ).get("Messages", []),
        bool,
    )

    assert letter["MessageAttributes"]["Reason"]["StringValue"].startswith("queued_at")


@terraform("email_attachments", scope="module")
def test_the_logs_of_the_channel_name_nobody(
    email_attachments: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    functions = (example["sender_function_name"], example["function_arn"].rpartition(":")[2])
    log = "\n".join(line for one in functions for line in log_lines(account, one))

    assert "Email is not sent" in log
    assert "Call is queued" in log
    for name in ("customers.example.com", "büro", "b\\u00fcro", "bob", "X-Amz-Signature"):
        assert name not in log


@terraform("email_attachments", scope="module")
def test_a_second_plan_of_email_attachments_is_empty(email_attachments: Any) -> None:
    assert second_plan(email_attachments) == ""


@terraform("email_attachments", scope="module")
def test_destroying_email_attachments_leaves_nothing(
    email_attachments: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "statements")) > 10

    email_attachments.terraform.destroy()

    assert left_behind(account, "statements") == []
