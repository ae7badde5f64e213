"""Recommenders: their rules, and what a message gets of a model and a function."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from engagement_hub.customer_role import RoleNotAssumable
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.recommenders import (
    checked_recommender,
    recommendations_in,
    uses_recommendations,
)
from engagement_hub.hub import Hub
from engagement_hub.recommendations import Recommendations
from engagement_hub.store.entities import ACCOUNT, Kind
from engagement_hub.store.names import ACTIVE_VERSION, template_id
from engagement_hub.workers import campaign_run as steps
from tests.builders.campaign_runs import CONTEXT, activity, campaign, people, run, state, statuses
from tests.builders.hub_workers import APP, endpoints, segment, sms

SAMPLES = Path(__file__).parents[2] / "data" / "events" / "campaign_hook"
MODEL = "arn:aws:personalize:eu-west-1:111122223333:campaign/shoes"
ROLE = "arn:aws:iam::111122223333:role/engagement-hub/personalize"
ITEMS_ALONE = {
    "RecommendationProviderUri": MODEL,
    "RecommendationProviderRoleArn": ROLE,
    "RecommendationsDisplayName": "Shoes",
}
WITH_FUNCTION = {
    "RecommendationProviderUri": MODEL,
    "RecommendationProviderRoleArn": ROLE,
    "RecommendationTransformerUri": "describe-shoes",
    "Attributes": {"Title": "Title", "Price": "Price"},
}


# Rules


def test_a_configuration_has_the_defaults_of_the_api() -> None:
    assert checked_recommender(ITEMS_ALONE) == {
        **ITEMS_ALONE,
        "RecommendationProviderIdType": "PINPOINT_ENDPOINT_ID",
        "RecommendationsPerMessage": 5,
    }


@pytest.mark.parametrize(
    ("base", "change", "named"),
    [
        (ITEMS_ALONE, {"RecommendationProviderUri": "shoes"}, "RecommendationProviderUri"),
        (
            ITEMS_ALONE,
            {"RecommendationProviderUri": MODEL.replace("campaign", "recommender")},
            "RecommendationProviderUri",
        ),
        (
            ITEMS_ALONE,
            {"RecommendationProviderRoleArn": "arn:aws:iam::111122223333:role/other"},
            "/engagement-hub/",
        ),
        (ITEMS_ALONE, {"RecommendationProviderIdType": "EMAIL"}, "RecommendationProviderIdType"),
        (ITEMS_ALONE, {"RecommendationsPerMessage": 0}, "RecommendationsPerMessage"),
        (ITEMS_ALONE, {"RecommendationsPerMessage": 6}, "RecommendationsPerMessage"),
        (ITEMS_ALONE, {"Name": "-shoes"}, "Name"),
        (ITEMS_ALONE, {"Name": "a" * 129}, "Name"),
        (ITEMS_ALONE, {"Description": "a" * 129}, "Description"),
        (ITEMS_ALONE, {"Description": "<b>"}, "Description"),
        (ITEMS_ALONE, {"RecommendationsDisplayName": "a" * 26}, "RecommendationsDisplayName"),
        (ITEMS_ALONE, {"RecommendationsDisplayName": ""}, "RecommendationsDisplayName is missing"),
        (ITEMS_ALONE, {"Attributes": {"Title": "Title"}}, "RecommendationTransformerUri too"),
        (WITH_FUNCTION, {"Attributes": {}}, "Attributes must name 1 to 10"),
        (
            WITH_FUNCTION,
            {"Attributes": {f"a{n}": "a" for n in range(11)}},
            "Attributes must name 1 to 10",
        ),
        (WITH_FUNCTION, {"Attributes": {"the title": "a"}}, "Attributes: name 1"),
        (WITH_FUNCTION, {"Attributes": {"Title": "a" * 26}}, r"Attributes\.Title"),
        (WITH_FUNCTION, {"RecommendationTransformerUri": "a b"}, "RecommendationTransformerUri"),
    ],
)
def test_a_configuration_that_breaks_a_rule_is_refused_by_the_name_of_its_member(
    base: Mapping[str, Any], change: Mapping[str, Any], named: str
) -> None:
    with pytest.raises(BadRequest, match=named):
        checked_recommender({**base, **change})


@pytest.mark.parametrize(
    ("template", "used"),
    [
        ({"RecommenderId": "r1", "Body": "Try {{RecommendationItems.[0]}}"}, True),
        ({"RecommenderId": "r1", "HtmlPart": "{{#each Recommendations.Title}}x{{/each}}"}, True),
        ({"RecommenderId": "r1", "Headers": [{"Value": "{{RecommendationItems}}"}]}, True),
        ({"RecommenderId": "r1", "Body": "Hello"}, False),
        ({"Body": "{{RecommendationItems}}"}, False),
    ],
)
def test_a_model_is_asked_where_the_template_has_variables_for_its_answer(
    template: Mapping[str, Any], used: bool
) -> None:
    assert uses_recommendations(template) is used


@pytest.mark.parametrize(
    "answer",
    [
        None,
        [],
        "text",
        {},
        {"e1": None},
        {"e1": {}},
        {"e1": {"Recommendations": ["a"]}},
        {"e1": {"Recommendations": {"Title": [{"a": 1}]}}},
        {"e2": {"Recommendations": {"Title": ["a"]}}},
    ],
)
def test_an_answer_without_recommendations_gives_an_endpoint_none(answer: Any) -> None:
    assert recommendations_in(answer, ["e1"]) == {}


# The model and the function


class Model:
    """The runtime of Amazon Personalize, by user of the model."""

    def __init__(self) -> None:
        self.items: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        self.role: Exception | None = None
        self.roles: list[tuple[str, str, str, str]] = []

    def client(self, role_arn: str, app_id: str, service: str, region: str) -> Any:
        self.roles.append((role_arn, app_id, service, region))
        if self.role:
            raise self.role
        return SimpleNamespace(get_recommendations=self._answer)

    def _answer(self, **request: Any) -> dict[str, Any]:
        self.asked.append(request)
        items = self.items[request["userId"]]
        if isinstance(items, Exception):
            raise items
        listed = [{"itemId": one} for one in items[: request["numResults"]]]
        return {"itemList": listed, "recommendationId": "r"}


@pytest.fixture
def model(hub: Hub, functions: Any) -> Model:
    fake = Model()
    hub.recommendations = Recommendations(fake, functions)  # type: ignore[arg-type]
    return fake


def template(hub: Hub, body: str, configuration: Mapping[str, Any], **members: Any) -> None:
    """An SMS template `picks`, and its recommender `r1`."""
    recommender = {**checked_recommender(configuration), "Id": "r1"}
    hub.entities.put(ACCOUNT, Kind.RECOMMENDER, "r1", recommender)
    hub.entities.put(
        ACCOUNT,
        Kind.TEMPLATE,
        template_id("picks", "SMS"),
        {
            "Body": body,
            "RecommenderId": "r1",
            "TemplateName": "picks",
            "TemplateType": "SMS",
            "Version": "1",
            ACTIVE_VERSION: "1",
            "LastModifiedDate": "2027-01-15T07:00:00.000Z",
            **members,
        },
    )


def picks(hub: Hub, **request: Any) -> dict[str, Any]:
    return campaign(
        hub,
        MessageConfiguration={"SMSMessage": {"MessageType": "PROMOTIONAL"}},
        TemplateConfiguration={"SMSTemplate": {"Name": "picks"}},
        **request,
    )


def test_the_items_of_a_model_are_in_each_message(hub, sender, stream, model) -> None:
    template(hub, "For you: {{RecommendationItems.[0]}}", {**ITEMS_ALONE})
    segment(hub)
    people(hub, 2)
    model.items = {"e0": ["boots", "clogs"], "e1": ["heels"]}

    run(hub, picks(hub))

    assert sorted(sender.sent) == [
        ("+14255550000", "For you: boots"),
        ("+14255550001", "For you: heels"),
    ]
    assert set(model.roles) == {(ROLE, APP, "personalize-runtime", "eu-west-1")}
    assert model.asked[0].items() >= {"campaignArn": MODEL, "numResults": 5}.items()


def test_a_function_makes_attributes_of_the_items(hub, sender, stream, functions, model) -> None:
    template(hub, "{{Recommendations.Title.[0]}} at {{Recommendations.Price.[0]}}", WITH_FUNCTION)
    segment(hub)
    endpoints(hub, **{"ep-mary-email": sms("+14255550100", Attributes={"Interests": ["music"]})})
    model.items = {"ep-mary-email": ["1815", "2009", "1527"]}
    functions.answer = json.loads((SAMPLES / "recommender_response.json").read_text())

    run(hub, picks(hub))

    sample = json.loads((SAMPLES / "recommender_request.json").read_text())
    [payload] = functions.payloads
    assert sender.sent == [("+14255550100", "Shoe A at 10")]
    assert payload.keys() == sample.keys()
    [definition] = payload["Endpoints"].values()
    assert definition["RecommendationItems"] == ["1815", "2009", "1527"]
    assert definition["Attributes"] == {"Interests": ["music"]}


def test_a_user_is_asked_about_once_for_all_its_endpoints(hub, sender, stream, model) -> None:
    of_users = {**ITEMS_ALONE, "RecommendationProviderIdType": "PINPOINT_USER_ID"}
    template(hub, "{{RecommendationItems.[0]}}", of_users)
    hub.endpoints.shards = 1
    segment(hub)
    user = {"UserId": "ann"}
    endpoints(
        hub,
        one=sms("+14255550100", User=user),
        two=sms("+14255550101", User=user),
        bare=sms("+14255550102"),
    )
    model.items = {"ann": ["boots"]}

    done = run(hub, picks(hub))

    assert sender.addresses == ["+14255550100", "+14255550101"]
    assert [one["userId"] for one in model.asked] == ["ann"]
    assert statuses(stream) == {
        "one": "SUCCESS",
        "two": "SUCCESS",
        "bare": "RECOMMENDATION_FAILURE",  # a model of users knows no endpoint without a UserId
    }
    assert done["ExecutionMetrics"]["RECOMMENDATION_FAILURE"] == "1"


@pytest.mark.parametrize(
    "failure",
    [
        ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "GetRecommendations"),
        ReadTimeoutError(endpoint_url="https://model.example"),
    ],
)
def test_one_recipient_without_items_costs_no_other_one_its_message(
    hub, sender, stream, model, caplog, failure
) -> None:
    template(hub, "{{RecommendationItems.[0]}}", ITEMS_ALONE)
    segment(hub)
    people(hub, 2)
    model.items = {"e0": failure, "e1": ["heels"]}

    run(hub, picks(hub))

    assert sender.sent == [("+14255550001", "heels")]
    assert statuses(stream) == {"e0": "RECOMMENDATION_FAILURE", "e1": "SUCCESS"}
    assert any("recommendations failed" in record.message for record in caplog.records)


def test_a_role_that_the_hub_may_not_assume_sends_nothing_and_says_why(
    hub, sender, stream, model, caplog
) -> None:
    template(hub, "{{RecommendationItems.[0]}}", ITEMS_ALONE)
    segment(hub)
    people(hub, 2)
    model.role = RoleNotAssumable("its trust policy must admit this account")

    run(hub, picks(hub))

    assert sender.sent == []
    assert set(statuses(stream).values()) == {"RECOMMENDATION_FAILURE"}
    assert any("trust policy" in str(vars(record).get("reasons")) for record in caplog.records)


def test_a_function_that_fails_sends_nothing_to_its_endpoints(
    hub, sender, stream, functions, model
) -> None:
    template(hub, "{{Recommendations.Title.[0]}}", WITH_FUNCTION)
    segment(hub)
    people(hub, 1)
    model.items = {"e0": ["boots"]}
    functions.fails = True

    run(hub, picks(hub))

    assert sender.sent == []
    assert statuses(stream) == {"e0": "RECOMMENDATION_FAILURE"}


def test_a_model_without_items_leaves_the_templates_defaults(hub, sender, stream, model) -> None:
    defaults = json.dumps({"RecommendationItems": "our bestsellers"})
    template(hub, "{{RecommendationItems.[0]}}", ITEMS_ALONE, DefaultSubstitutions=defaults)
    segment(hub)
    people(hub, 1)
    model.items = {"e0": []}

    run(hub, picks(hub))

    assert sender.sent == [("+14255550000", "our bestsellers")]


def test_a_function_gets_the_attributes_that_the_hook_gave(
    hub, sender, stream, functions, model
) -> None:
    template(hub, "{{Attributes.Tone}}: {{Recommendations.Title.[0]}}", WITH_FUNCTION)
    segment(hub)
    people(hub, 1)
    model.items = {"e0": ["boots"]}

    def answer(payload: Mapping[str, Any]) -> Any:
        [(endpoint_id, one)] = payload["Endpoints"].items()
        if "RecommendationItems" not in one:
            return {endpoint_id: {**one, "Attributes": {"Tone": ["Hey"]}}}
        title = f"{one['RecommendationItems'][0]} ({one['Attributes']['Tone'][0]})"
        return {endpoint_id: {**one, "Recommendations": {"Title": [title]}}}

    functions.answer = answer

    run(hub, picks(hub, Hook={"LambdaFunctionName": "filter", "Mode": "FILTER"}))

    assert sender.sent == [("+14255550000", "Hey: boots (Hey)")]


def test_a_model_is_not_asked_about_people_who_opted_out(hub, sender, stream, model) -> None:
    template(hub, "{{RecommendationItems.[0]}}", ITEMS_ALONE)
    segment(hub)
    endpoints(hub, out=sms("+14255550100", OptOut="ALL"), on=sms("+14255550101"))
    model.items = {"on": ["boots"]}

    run(hub, picks(hub))

    assert [one["userId"] for one in model.asked] == ["on"]


def test_inline_text_needs_no_recommender(hub, sender, stream, model) -> None:
    template(hub, "{{RecommendationItems.[0]}}", ITEMS_ALONE)
    segment(hub)
    people(hub, 1)

    run(hub, campaign(hub, TemplateConfiguration={"SMSTemplate": {"Name": "picks"}}))

    assert (sender.sent, model.asked) == ([("+14255550000", "Hi ")], [])


def test_a_recommender_that_is_gone_fails_the_run_and_makes_the_campaign_invalid(
    hub, sender, stream, model
) -> None:
    template(hub, "{{RecommendationItems.[0]}}", ITEMS_ALONE)
    segment(hub)
    people(hub, 1)
    hub.entities.delete(ACCOUNT, Kind.RECOMMENDER, "r1")
    event = picks(hub)

    with pytest.raises(NotFound, match="no recommender 'r1'"):
        steps.open_run(hub, event, CONTEXT)
    steps.fail_run(hub, event, CONTEXT)

    assert (activity(hub)["Result"], state(hub)) == ("FAIL", "INVALID")
    assert sender.sent == []
