"""A call of a campaign or journey is queued as a whole, or refused with one clear error."""

from __future__ import annotations

import json
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from email_attachments.configuration import BadConfiguration
from email_attachments.templates import TemplateMissing, Templates
from shared.campaign_calls import MalformedCall
from shared.transient import ServiceUnavailable
from tests.builders.architectures import CONTEXT, load_function, service_error
from tests.builders.bank import PROJECT, RULES, STATEMENT, TEMPLATE, Pinpoint, Sqs, endpoint
from tests.builders.event_records import sample
from tests.builders.random_input import changed, fuzz, json_values

DATA = json.dumps({key: value for key, value in STATEMENT.items() if key != "TemplateVersion"})


class Intake:
    def __init__(self, function: ModuleType) -> None:
        self.function = function
        self.pinpoint, self.sqs = Pinpoint(), Sqs()
        function.sqs = self.sqs  # type: ignore[attr-defined]
        function.pinpoint = self.pinpoint  # type: ignore[attr-defined]
        function.templates = Templates(self.pinpoint)  # type: ignore[attr-defined,arg-type]

    def __call__(self, call: Any) -> Any:
        return self.function.lambda_handler(call, CONTEXT)


@pytest.fixture
def intake(monkeypatch: Any) -> Iterator[Intake]:
    yield Intake(load_function(monkeypatch, "email_attachments.functions.take_calls", RULES))


def call(form: str = "campaign", **members: Any) -> dict[str, Any]:
    return {
        **sample(f"campaign_hook/custom_channel_{form}_request"),
        "ApplicationId": PROJECT,
        "Data": DATA,
        "Endpoints": {name: endpoint(name) for name in ("ann", "bob")},
        **members,
    }


@pytest.mark.parametrize("form", ["campaign", "journey"])
def test_2_campaigns_and_journeys_are_queued_endpoint_by_endpoint(
    intake: Intake, form: str
) -> None:
    answer = intake(call(form))

    assert [message["endpoint_id"] for message in intake.sqs.queued] == ["ann", "bob"]
    [sending] = {json.dumps(message["sending"]) for message in intake.sqs.queued}
    assert json.loads(sending)[f"{form}_id"]
    assert set(answer) == {"ann", "bob"}


def test_the_active_version_of_the_template_is_fixed_for_the_call(intake: Intake) -> None:
    intake(call())

    data = json.loads(intake.sqs.queued[0]["data"])
    assert data == {**json.loads(DATA), "TemplateVersion": "2"}


def test_the_form_of_the_original_is_queued_as_json(intake: Intake) -> None:
    intake(call(Data="NA, statement, bank@example.com, ONEPER, Oct, FILE"))

    assert json.loads(intake.sqs.queued[0]["data"])["Files"] == "ONE_PER_RECIPIENT"


def test_8_endpoints_that_get_no_email_are_queued_with_the_reason(intake: Intake) -> None:
    endpoints = {
        "jon": endpoint("jon", OptOut="ALL"),
        "kim": endpoint("kim", ChannelType="SMS"),
        "leo": "no endpoint",
    }

    answer = intake(call(Endpoints=endpoints))

    assert [message["problem"] for message in intake.sqs.queued] == [
        "OPTED_OUT",
        "NOT_AN_EMAIL_ENDPOINT",
        "MALFORMED_ENDPOINT",
    ]
    assert all("Queued" not in json.dumps(one) for one in answer.values())


@pytest.mark.parametrize(
    ("data", "template"),
    [
        (None, TEMPLATE),
        ("", TEMPLATE),
        ("{", TEMPLATE),
        ("name,statement", TEMPLATE),
        (json.dumps({"TemplateName": "gone"}), TEMPLATE),
        (json.dumps({"TemplateName": "statement", "TemplateVersion": "9"}), TEMPLATE),
        (json.dumps({"TemplateName": "statement", "Colour": "red"}), TEMPLATE),
        (DATA, {**TEMPLATE, "HtmlPart": "{{#if", "TextPart": None}),
        (DATA, {**TEMPLATE, "Subject": None}),
        (DATA, {**TEMPLATE, "HtmlPart": None, "TextPart": None}),
        (DATA, {**TEMPLATE, "DefaultSubstitutions": "[]"}),
        (DATA, {**TEMPLATE, "HtmlPart": "<a href='{{S3URL}}'>"}),
        (json.dumps({**json.loads(DATA), "Delivery": "LINK"}), TEMPLATE),
    ],
)
def test_a_bad_configuration_or_template_is_one_error_and_an_outcome_for_each_endpoint(
    intake: Intake, data: str | None, template: dict[str, Any]
) -> None:
    intake.pinpoint.templates["statement"] = template

    with pytest.raises((BadConfiguration, TemplateMissing)):
        intake(call(Data=data))

    assert intake.sqs.queued == []
    assert intake.pinpoint.outcomes == [
        ("ann", "failed", "BAD_CONFIGURATION"),
        ("bob", "failed", "BAD_CONFIGURATION"),
    ]


def test_a_bad_configuration_is_an_error_also_when_its_outcomes_cannot_be_reported(
    intake: Intake,
) -> None:
    intake.pinpoint.events_down = service_error("PutEvents", "ForbiddenException", 403)

    with pytest.raises(BadConfiguration):
        intake(call(Data="{"))


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "call",
        {},
        call(Endpoints=[]),
        call(Endpoints={str(n): endpoint() for n in range(51)}),
        call(Data=7),
        call(ApplicationId=None),
        call(ApplicationId="another-project"),
        call(CampaignId=None),
        call(JourneyId="both"),
        call(ActivityId=""),
        call(ActivityId=["x"]),
        call(ScheduledTime=5),
        call(Message="text"),
    ],
)
def test_an_event_that_is_no_call_of_the_project_is_refused_and_queues_nothing(
    intake: Intake, event: Any
) -> None:
    with pytest.raises(MalformedCall):
        intake(event)

    assert intake.sqs.queued == []
    assert intake.pinpoint.events == []


def test_a_queue_that_is_down_fails_the_call(intake: Intake) -> None:
    intake.sqs.down = service_error("SendMessageBatch", "InternalError", 500)

    with pytest.raises(Exception, match="InternalError"):
        intake(call())


def test_an_api_that_is_down_fails_the_call_and_blames_no_configuration(intake: Intake) -> None:
    intake.pinpoint.down = service_error("GetEmailTemplate", "InternalServerErrorException", 500)

    with pytest.raises(ServiceUnavailable):
        intake(call())

    assert intake.pinpoint.events == []


def test_a_template_is_read_once_for_the_calls_of_a_minute(intake: Intake) -> None:
    for _ in range(5):
        intake(call())

    assert intake.pinpoint.asked == ["statement"]


def test_nothing_that_is_logged_names_a_person(intake: Intake, caplog: Any, capsys: Any) -> None:
    intake(call())

    # The folder of a checkout can have a person's name.
    records = [{**vars(record), "pathname": ""} for record in caplog.records]
    written = capsys.readouterr().out + str(records)
    assert "Call is queued" in written
    assert "ann" not in written
    assert "example.com" not in written


@st.composite
def calls(draw: Any) -> Any:
    """Calls with odd, missing and mistyped members, and values that are no calls."""
    whole = call("campaign" if draw(st.booleans()) else "journey")
    return changed(draw, whole) if draw(st.integers(0, 4)) else draw(json_values())


@given(calls())
@fuzz(100)
def test_any_event_is_queued_or_refused_by_a_named_error(event: Any) -> None:
    with pytest.MonkeyPatch.context() as patch:
        intake = Intake(load_function(patch, "email_attachments.functions.take_calls", RULES))
        try:
            intake(event)
        except (BadConfiguration, MalformedCall, TemplateMissing):
            assert intake.sqs.queued == []
