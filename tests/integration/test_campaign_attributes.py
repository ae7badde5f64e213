"""A campaign's email has the offer that a table has for its reader when the campaign sends."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.faults import fault
from tests.builders.hub_client import hub_client
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

DEFAULT = "10 % off everything"


@pytest.fixture(scope="module")
def example(campaign_attributes: Any) -> dict[str, Any]:
    return outputs(campaign_attributes)


@pytest.fixture(scope="module")
def pinpoint(example: dict[str, Any]) -> Any:
    return hub_client(example["api_url"])


class Shop:
    """The project with its subscribers, the table of offers, and campaigns."""

    def __init__(self, account: LocalAccount, pinpoint: Any, example: dict[str, Any]) -> None:
        self._account, self._pinpoint, self._example = account, pinpoint, example
        self._project = example["project_id"]
        self.addresses: dict[str, str] = {}

    def subscribe(self, name: str, customer: str | None) -> None:
        self.addresses[name] = f"{name}-{uuid.uuid4().hex[:8]}@offers.example.com"
        request: dict[str, Any] = {
            "ChannelType": "EMAIL",
            "Address": self.addresses[name],
            "Attributes": {"newsletter": ["offers"]},
        }
        if customer is not None:
            request["User"] = {"UserId": customer}
        self._pinpoint.update_endpoint(
            ApplicationId=self._project, EndpointId=name, EndpointRequest=request
        )

    def leave(self) -> None:
        for name in self.addresses:
            self._pinpoint.delete_endpoint(ApplicationId=self._project, EndpointId=name)
        self.addresses.clear()

    def write(self, customer: str, **values: Any) -> None:
        item = {"id": {"S": customer}, **values}
        self._account.client("dynamodb").put_item(TableName=self._example["table_name"], Item=item)

    def campaign(self, title: str, **members: Any) -> tuple[dict[str, str], dict[str, Any]]:
        """Run a campaign. Returns its emails' subjects by the reader's name, and its activity."""
        message = {
            "Title": f"{title}: {{{{Attributes.Offer}}}}",
            "HtmlBody": "<p>This week: {{Attributes.Offer}}.</p>",
        }
        started = self._pinpoint.create_campaign(
            ApplicationId=self._project,
            WriteCampaignRequest={
                "Name": title,
                "SegmentId": self._example["segment_id"],
                "Schedule": {"StartTime": "IMMEDIATE"},
                "MessageConfiguration": {"EmailMessage": message},
                **members,
            },
        )["CampaignResponse"]
        one = {"ApplicationId": self._project, "CampaignId": started["Id"]}
        self._account.eventually(
            lambda: self._pinpoint.get_campaign(**one)["CampaignResponse"]["State"],
            lambda state: state["CampaignStatus"] == "COMPLETED",
            seconds=90,
        )
        [activity] = self._pinpoint.get_campaign_activities(**one)["ActivitiesResponse"]["Item"]
        names = {address: name for name, address in self.addresses.items()}
        mails = [m for m in self._account.outbox("email") if m["subject"].startswith(title)]
        for mail in mails:
            offer = mail["subject"].removeprefix(f"{title}: ")
            assert f"This week: {offer}." in mail["html"]
        return {names[mail["to"][0]]: mail["subject"] for mail in mails}, activity


@pytest.fixture(scope="module")
def shop(account: LocalAccount, pinpoint: Any, example: dict[str, Any]) -> Shop:
    return Shop(account, pinpoint, example)


@terraform("campaign_attributes", scope="module")
def test_each_reader_gets_an_offer_of_the_table_or_the_default_and_who_has_no_number_no_mail(
    campaign_attributes: Any, account: LocalAccount, shop: Shop, example: dict[str, Any]
) -> None:
    shop.subscribe("ann", "customer-1")
    shop.subscribe("bob", "customer-2")
    shop.subscribe("eve", None)
    shop.subscribe("sam", "customer-3")
    shop.write("customer-4", offer={"S": "last week's"}, expires_at={"N": "1000000000"})
    shop.subscribe("tom", "customer-4")
    shop.write("customer-5", offer={"S": "long " * 21})
    shop.subscribe("zoe", "customer-5")

    with fault(account, "throttled", service="dynamodb", operation="BatchGetItem"):
        subjects, activity = shop.campaign("Offer", Hook=example["campaign_hook"])

    assert subjects == {
        "ann": "Offer: two for one on red shoes",
        "bob": f"Offer: {DEFAULT}",
        "sam": "Offer: a free umbrella",
        "tom": f"Offer: {DEFAULT}",
        "zoe": f"Offer: {DEFAULT}",
    }
    assert activity["ExecutionMetrics"]["FILTERED_OUT_BY_HOOK"] == "1"
    stored = shop._pinpoint.get_endpoint(ApplicationId=example["project_id"], EndpointId="ann")
    assert stored["EndpointResponse"]["Attributes"] == {"newsletter": ["offers"]}
    [logged] = account.eventually(
        lambda: log_lines(account, example["function_name"], "Values cannot be used"), bool
    )
    assert "more than 100 characters" in logged
    every_line = " ".join(log_lines(account, example["function_name"], ""))
    assert not any(text in every_line for text in ("@offers.example.com", "customer-", "long long"))


@terraform("campaign_attributes", scope="module")
def test_a_journey_gets_the_offers_too(
    campaign_attributes: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    endpoints = {
        name: {"ChannelType": "EMAIL", "User": {"UserId": customer}}
        for name, customer in (("ann", "customer-1"), ("bob", "customer-2"))
    }
    event = {
        "Message": {},
        "ApplicationId": example["project_id"],
        "JourneyId": "546401670c5547b08811ac6a9d3e2f10",
        "ActivityId": "7tRexample2",
        "ScheduledTime": "2026-03-03T09:11:00.000Z",
        "Endpoints": endpoints,
    }

    answer = account.client("lambda").invoke(
        FunctionName=example["function_name"], Payload=json.dumps(event)
    )

    assert json.load(answer["Payload"]) == {
        "ann": {**endpoints["ann"], "Attributes": {"Offer": ["two for one on red shoes"]}},
        "bob": {**endpoints["bob"], "Attributes": {"Offer": [DEFAULT]}},
    }


@terraform("campaign_attributes", scope="module")
def test_a_second_plan_changes_nothing(campaign_attributes: Any) -> None:
    assert second_plan(campaign_attributes) == ""


@terraform("campaign_attributes", scope="module")
def test_destroy_leaves_nothing(campaign_attributes: Any, account: LocalAccount) -> None:
    campaign_attributes.terraform.destroy()

    assert left_behind(account, "offers") == []
