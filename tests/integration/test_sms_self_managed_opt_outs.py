"""STOP by text message ends promotional messages, is answered once, and is kept as evidence."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.hub_client import hub_client
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import outputs, second_plan

pytestmark = pytest.mark.integration

STOPPED = (
    "You will get no more promotional messages from this number. Reply START to get them again."
)


@pytest.fixture(scope="module")
def example(sms_self_managed_opt_outs: Any) -> dict[str, Any]:
    return outputs(sms_self_managed_opt_outs)


class Person:
    """A number with an endpoint, whose id says nothing about the number."""

    def __init__(self, account: LocalAccount, example: dict[str, Any], number: str) -> None:
        self._account, self._example, self.number = account, example, number
        self._pinpoint = hub_client(example["api_url"])
        self.endpoint_id = f"mobile-{uuid.uuid4().hex[:8]}"
        self._pinpoint.update_endpoint(
            ApplicationId=example["project_id"],
            EndpointId=self.endpoint_id,
            EndpointRequest={
                "ChannelType": "SMS",
                "Address": number,
                "User": {"UserId": f"user-{self.endpoint_id}"},
            },
        )

    def is_sent(self, kind: str) -> str:
        """The delivery status of a message of the shop, by SendMessages."""
        origin = self._example["phone_numbers"][kind.lower()]
        answer = self._pinpoint.send_messages(
            ApplicationId=self._example["project_id"],
            MessageRequest={
                "Endpoints": {self.endpoint_id: {}},
                "MessageConfiguration": {
                    "SMSMessage": {
                        "Body": f"{kind} news",
                        "MessageType": kind,
                        "OriginationNumber": origin,
                    }
                },
            },
        )
        result = answer["MessageResponse"]["EndpointResult"][self.endpoint_id]
        return str(result["DeliveryStatus"])

    def writes(self, text: str, *, to: str = "promotional") -> str:
        message = {"from": self.number, "to": self._example["phone_numbers"][to], "body": text}
        return str(self._account.local("inbound/sms", message)["inboundMessageId"])

    def record(self, message_id: str) -> dict[str, str]:
        """The record of a message, when all of it is done."""
        table = self._example["preferences_table_name"]
        key = {"pk": {"S": self.number}, "sk": {"S": f"message#{message_id}"}}
        dynamodb = self._account.client("dynamodb")
        item = self._account.eventually(
            lambda: dynamodb.get_item(TableName=table, Key=key).get("Item", {}),
            lambda item: "settled_at" in item or item.get("outcome", {}).get("S") == "ANSWERED",
            seconds=60,
        )
        return {name: value["S"] for name, value in item.items()}

    def endpoint(self) -> dict[str, Any]:
        found = self._pinpoint.get_endpoint(
            ApplicationId=self._example["project_id"], EndpointId=self.endpoint_id
        )
        return dict(found["EndpointResponse"])

    def marked(self, expected: list[str]) -> None:
        """Wait until the endpoint is marked so."""
        self._account.eventually(
            lambda: (self.endpoint().get("Attributes") or {}).get("sms_opt_outs", []),
            lambda mark: mark == expected,
            seconds=60,
        )

    def texts(self) -> list[tuple[str, str]]:
        """Sender and body of the messages that the person got, without the shop's news."""
        sent = self._account.sent_to(self.number)
        return [(one["from"], one["body"]) for one in sent if not one["body"].endswith(" news")]


@pytest.fixture(scope="module")
def ann(account: LocalAccount, example: dict[str, Any]) -> Person:
    return Person(account, example, "+12065550145")


@terraform("sms_self_managed_opt_outs", scope="module")
def test_stop_ends_promotional_messages_and_leaves_transactional_messages(
    sms_self_managed_opt_outs: Any, account: LocalAccount, example: dict[str, Any], ann: Person
) -> None:
    assert [ann.is_sent(kind) for kind in ("PROMOTIONAL", "TRANSACTIONAL")] == ["SUCCESSFUL"] * 2

    record = ann.record(ann.writes("Stop!"))

    assert [ann.is_sent(kind) for kind in ("PROMOTIONAL", "TRANSACTIONAL")] == [
        "OPT_OUT",
        "SUCCESSFUL",
    ]
    assert ann.texts() == [(example["phone_numbers"]["promotional"], STOPPED)]
    assert (record["outcome"], record["reply"]) == ("CHANGED", "SENT")
    # The event stream shows the endpoint of the message, before or after the opt-out.
    ann.marked(["promotional"])
    assert ann.endpoint()["OptOut"] == "NONE"


@terraform("sms_self_managed_opt_outs", scope="module")
def test_a_second_stop_a_weekend_and_a_copy_send_no_text(
    sms_self_managed_opt_outs: Any, account: LocalAccount, example: dict[str, Any], ann: Person
) -> None:
    already = ann.record(ann.writes("STOP"))
    ann.writes("See you at the weekend, friend")
    sqs, topic = account.client("sqs"), {"originationNumber": ann.number, "messageBody": "stop"}
    copy = {
        **topic,
        "destinationNumber": example["phone_numbers"]["promotional"],
        "inboundMessageId": already["message_id"],
    }
    sqs.send_message(QueueUrl=example["queue_url"], MessageBody=json.dumps(copy))
    answered = ann.record(ann.writes("help"))

    assert already["outcome"] == "ALREADY"
    # HELP comes from a number whose opt-out list has the person: the service refuses the answer.
    assert answered["outcome"] == "ANSWERED"
    assert ann.texts() == [(example["phone_numbers"]["promotional"], STOPPED)]


@terraform("sms_self_managed_opt_outs", scope="module")
def test_start_takes_stop_back_and_french_is_answered_in_french(
    sms_self_managed_opt_outs: Any, account: LocalAccount, example: dict[str, Any], ann: Person
) -> None:
    before = len(ann.texts())

    ann.record(ann.writes("DÉBUT"))

    assert ann.texts()[before:] == [
        (
            example["phone_numbers"]["promotional"],
            "Vous recevrez à nouveau nos messages. Répondez ARRET pour y mettre fin, AIDE pour "
            "obtenir de l'aide.",
        )
    ]
    assert ann.is_sent("PROMOTIONAL") == "SUCCESSFUL"
    ann.marked([])


@terraform("sms_self_managed_opt_outs", scope="module")
def test_stop_all_ends_every_message_and_opts_the_endpoint_out(
    sms_self_managed_opt_outs: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    # The event stream may show the endpoint after the opt-out: it is marked then.
    bob = Person(account, example, "+12065550146")
    bob.is_sent("TRANSACTIONAL")

    bob.record(bob.writes("STOP ALL", to="transactional"))

    bob.marked(["all", "promotional", "transactional"])
    assert bob.endpoint()["OptOut"] == "ALL"
    assert {bob.is_sent("PROMOTIONAL"), bob.is_sent("TRANSACTIONAL")} == {"OPT_OUT"}


@terraform("sms_self_managed_opt_outs", scope="module")
def test_a_message_that_cannot_be_read_comes_back_and_the_log_has_no_number(
    sms_self_managed_opt_outs: Any, account: LocalAccount, example: dict[str, Any], ann: Person
) -> None:
    account.client("sqs").send_message(
        QueueUrl=example["queue_url"], MessageBody=json.dumps({"originationNumber": ann.number})
    )

    account.eventually(
        lambda: log_lines(account, example["function_name"], "Message comes back"), bool, seconds=30
    )

    assert not log_lines(account, example["function_name"], ann.number.lstrip("+"))


@terraform("sms_self_managed_opt_outs", scope="module")
def test_a_second_plan_changes_nothing(sms_self_managed_opt_outs: Any) -> None:
    assert second_plan(sms_self_managed_opt_outs) == ""
