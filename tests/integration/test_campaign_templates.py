"""Recipients of a campaign get the subject and HTML that a bucket holds for them."""

from __future__ import annotations

import json
import uuid
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.campaigns import sample
from tests.builders.hub_client import hub_client
from tests.builders.local_account import LocalAccount
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration


@pytest.fixture(scope="module")
def example(campaign_templates: Any) -> dict[str, Any]:
    return outputs(campaign_templates)


@pytest.fixture(scope="module")
def pinpoint(example: dict[str, Any]) -> Any:
    return hub_client(example["api_url"])


class Campaigns:
    """Campaigns of the example's project, and the emails that they send."""

    def __init__(self, account: LocalAccount, pinpoint: Any, example: dict[str, Any]) -> None:
        self._account, self._pinpoint, self._example = account, pinpoint, example
        self.people: dict[str, str] = {}

    def join(self, name: str, locale: str | None = None, **user: list[str]) -> None:
        self.people[f"{name}-{uuid.uuid4().hex[:8]}@templates.example.com"] = name
        request: dict[str, Any] = {
            "ChannelType": "EMAIL",
            "Address": list(self.people)[-1],
            "User": {"UserId": name, "UserAttributes": {"FirstName": [name.title()], **user}},
        }
        if locale:
            request["Demographic"] = {"Locale": locale}
        self._pinpoint.update_endpoint(
            ApplicationId=self._example["project_id"], EndpointId=name, EndpointRequest=request
        )

    def run(self, **members: Any) -> dict[str, Any]:
        """Run a campaign to everyone. Returns its emails by the person's name."""
        before = {mail["message_id"] for mail in self._account.outbox("email")}
        started = self._pinpoint.create_campaign(
            ApplicationId=self._example["project_id"],
            WriteCampaignRequest={
                "Name": "welcome",
                "SegmentId": self._example["segment_id"],
                "Schedule": {"StartTime": "IMMEDIATE"},
                "TemplateConfiguration": {
                    "EmailTemplate": {"Name": self._example["template_name"]}
                },
                "Hook": self._example["campaign_hook"],
                **members,
            },
        )["CampaignResponse"]
        one = {"ApplicationId": self._example["project_id"], "CampaignId": started["Id"]}
        self._account.eventually(
            lambda: self._pinpoint.get_campaign(**one)["CampaignResponse"]["State"],
            lambda state: state["CampaignStatus"] == "COMPLETED",
            seconds=90,
        )
        return {
            self.people[mail["to"][0]]: mail
            for mail in self._account.outbox("email")
            if mail["message_id"] not in before
        }


@pytest.fixture(scope="module")
def campaigns(account: LocalAccount, pinpoint: Any, example: dict[str, Any]) -> Campaigns:
    return Campaigns(account, pinpoint, example)


def changed(account: LocalAccount, example: dict[str, Any], name: str, **content: Any) -> str:
    """Write a new version of a content. Returns its id."""
    return str(
        account.client("s3").put_object(
            Bucket=example["bucket_name"],
            Key=f"templates/{name}.json",
            Body=json.dumps(content).encode(),
        )["VersionId"]
    )


@terraform("campaign_templates", scope="module")
def test_everyone_gets_subject_and_html_of_the_bucket_in_the_nearest_language(
    campaign_templates: Any, account: LocalAccount, campaigns: Campaigns, example: dict[str, Any]
) -> None:
    campaigns.join("ann", "en_GB")
    campaigns.join("franz", "de_AT")
    campaigns.join("zoe", "fr_FR")  # there is no content in French
    campaigns.join("kim", Tier=["gold"])  # the template of the rule has no content at all

    mails = campaigns.run()

    assert {name: mail["subject"] for name, mail in mails.items()} == {
        "ann": "Welcome, Ann",
        "franz": "Willkommen, Franz",
        "zoe": "Welcome, Zoe",
        "kim": "Welcome",
    }
    assert "<h1>Willkommen, Franz!</h1>" in mails["franz"]["html"]
    assert mails["kim"]["html"] == "<html><p>Welcome, Kim!</p></html>"
    html = mails["ann"]["html"]
    assert html.count("<html") == html.count("<body") == 1  # one document, not one in another
    assert "script" not in html  # the content in English has one
    [line] = log_lines(account, example["function_name"], "no content")
    assert "members" in line
    assert not any(name in line.lower() for name in ("kim", "templates.example.com"))


@terraform("campaign_templates", scope="module")
def test_a_treatment_of_an_ab_test_gets_another_template(
    campaign_templates: Any, campaigns: Campaigns
) -> None:
    mails = campaigns.run(AdditionalTreatments=[{"SizePercent": 100}])

    assert mails["ann"]["subject"] == "One free month, Ann"
    assert mails["franz"]["subject"] == "Ein Monat kostenlos, Franz"


@terraform("campaign_templates", scope="module")
def test_a_changed_content_is_published_as_a_version_of_a_template_that_a_campaign_can_name(
    campaign_templates: Any,
    account: LocalAccount,
    pinpoint: Any,
    campaigns: Campaigns,
    example: dict[str, Any],
) -> None:
    name = f"{example['published_template_prefix']}welcome-es"

    def published(version: str) -> None:
        def description() -> str:
            try:
                found = pinpoint.get_email_template(TemplateName=name)["EmailTemplateResponse"]
            except pinpoint.exceptions.NotFoundException:
                return ""
            return str(found["TemplateDescription"])

        account.eventually(description, lambda found: found.endswith(version))

    published(changed(account, example, "welcome/es", subject="Hola", text="Hola"))
    long = "<p>Mucho texto.</p>" * 10_000  # more than an answer of the hook can hold
    published(
        changed(
            account,
            example,
            "welcome/es",
            subject="Hola, {{User.UserAttributes.FirstName}}",
            html=f"<body>{long}<script>x()</script><b>{{{{User.UserId}}}}</b></body>",
        )
    )

    mails = campaigns.run(TemplateConfiguration={"EmailTemplate": {"Name": name}}, Hook={})

    assert mails["franz"]["subject"] == "Hola, Franz"
    assert mails["franz"]["html"] == f"<body>{long}<b>franz</b></body>"


@terraform("campaign_templates", scope="module")
def test_a_journey_can_call_the_function_too(
    campaign_templates: Any, account: LocalAccount, example: dict[str, Any]
) -> None:
    call = sample("campaign_hook/custom_channel_journey_request")
    call["ApplicationId"] = example["project_id"]

    answer = account.client("lambda").invoke(
        FunctionName=example["function_name"], Payload=json.dumps(call)
    )

    endpoints = json.load(answer["Payload"])
    assert set(endpoints) == set(call["Endpoints"])
    assert endpoints["ep-mary-email"]["Attributes"]["subject"] == ["Welcome, Mary"]


@terraform("campaign_templates", scope="module")
def test_a_second_plan_of_campaign_templates_is_empty(campaign_templates: Any) -> None:
    assert second_plan(campaign_templates) == ""


@terraform("campaign_templates", scope="module")
def test_destroying_campaign_templates_leaves_nothing(
    campaign_templates: Any, account: LocalAccount
) -> None:
    assert len(left_behind(account, "welcome")) > 10

    campaign_templates.terraform.destroy()

    assert left_behind(account, "welcome") == []
