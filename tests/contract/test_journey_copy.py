"""Journeys are copied between two hubs whose API answers in process, by the hub's own rules."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from engagement_hub.api.responder import respond
from engagement_hub.hub import Account, Hub
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import EntityStore
from journey_copy.copier import Copier, Setting
from journey_copy.mapping import Mapping
from journey_copy.outcome import Result
from journey_copy.projects import Project
from journey_copy.rules import Place
from journey_copy.substitutes import NO_SUBSTITUTES
from tests.builders.hub import ACCOUNT_ID, REGION, hub_client, hub_tables
from tests.builders.journey_copies import journey
from tests.builders.tables import PK_AND_SK

HERE = Place(ACCOUNT_ID, REGION)


class Side(NamedTuple):
    """A hub for its owner."""

    client: Any
    project: Project


@pytest.fixture
def tables() -> Iterator[Any]:
    with hub_tables() as client:
        for name in ("staging", "production", "mapping"):
            client.create_table(TableName=name, **PK_AND_SK)
        yield client


def side(name: str, tables: Any) -> Side:
    hub: Any = Hub(
        entities=EntityStore(name, tables),
        endpoints=EndpointStore(f"{name}-endpoints", client=tables),
        account=Account("aws", REGION, ACCOUNT_ID),
        clock=time.time,
        monotonic=time.monotonic,
    )
    client = hub_client(lambda event: respond(hub, event), decoded_path=True)
    app = client.create_app(CreateApplicationRequest={"Name": name})["ApplicationResponse"]
    return Side(client, Project(app["Id"], client, client))


@pytest.fixture
def staging(tables: Any) -> Side:
    one = side("staging", tables)
    one.client.create_email_template(
        TemplateName="greeting", EmailTemplateRequest={"Subject": "Hi", "HtmlPart": "<p>Hi</p>"}
    )
    one.client.create_sms_template(TemplateName="reminder", SMSTemplateRequest={"Body": "One"})
    one.client.update_sms_template(
        TemplateName="reminder", CreateNewVersion=True, SMSTemplateRequest={"Body": "Two"}
    )
    return one


@pytest.fixture
def production(tables: Any) -> Side:
    return side("production", tables)


def welcome(staging: Side) -> str:
    """Draft a journey on a segment that is built on a version of another segment."""
    create = staging.client.create_segment
    project_id = staging.project.project_id
    base = create(
        ApplicationId=project_id,
        WriteSegmentRequest={"Name": "buyers", "Dimensions": {}, "tags": {"team": "crm"}},
    )["SegmentResponse"]
    group = {
        "SourceSegments": [{"Id": base["Id"], "Version": 1}],
        "SourceType": "ALL",
        "Type": "ALL",
    }
    built = create(
        ApplicationId=project_id,
        WriteSegmentRequest={
            "Name": "loyal",
            "SegmentGroups": {"Groups": [group], "Include": "ALL"},
        },
    )["SegmentResponse"]
    body = {**journey(built["Id"]), "State": "DRAFT"}
    del body["Activities"]["greet"]["EMAIL"]["MessageConfig"]  # the hub's own address
    return staging.project.create_journey(body)


def copier(staging: Side, production: Side, tables: Any) -> Copier:
    return Copier(
        staging.project,
        production.project,
        Mapping(tables, "mapping", "pair#1"),
        NO_SUBSTITUTES,
        Setting(HERE, HERE, same_templates=False, source_host="0123456789abcdef"),
    )


def test_a_hub_takes_the_copy_of_another_hubs_journey(
    staging: Side, production: Side, tables: Any
) -> None:
    journey_id = welcome(staging)

    outcome = copier(staging, production, tables).copy(journey_id, dry_run=False)

    assert outcome.result is Result.CREATED, outcome
    source = staging.project.journey(journey_id)
    copy = production.project.journey(str(outcome.target_id))
    assert source is not None and copy is not None
    assert copy["Schedule"] == source["Schedule"] and copy["State"] == "DRAFT"
    segments = {segment["Name"]: segment for segment in production.project.segments()}
    assert set(segments) == {"buyers (version 1)", "loyal"}
    version = copy["Activities"]["remind"]["SMS"]["TemplateVersion"]
    template = production.client.get_sms_template(TemplateName="reminder", Version=version)
    assert template["SMSTemplateResponse"]["Body"] == "Two"


def test_a_hub_keeps_a_copy_as_it_is_at_a_second_copy(
    staging: Side, production: Side, tables: Any
) -> None:
    journey_id = welcome(staging)
    copier(staging, production, tables).copy(journey_id, dry_run=False)

    again = copier(staging, production, tables).copy(journey_id, dry_run=False)

    assert again.result is Result.UNCHANGED
    assert {step.action for step in again.steps} == {"REUSE"}


def test_a_hub_takes_the_changes_of_a_journey(staging: Side, production: Side, tables: Any) -> None:
    journey_id = welcome(staging)
    copier(staging, production, tables).copy(journey_id, dry_run=False)
    staging.client.update_journey(
        ApplicationId=staging.project.project_id,
        JourneyId=journey_id,
        WriteJourneyRequest={"Name": "welcome", "QuietTime": {}, "Limits": {"DailyCap": 3}},
    )
    staging.client.update_sms_template(
        TemplateName="reminder", Version="2", SMSTemplateRequest={"Body": "Two, corrected"}
    )
    staging.client.update_email_template(
        TemplateName="greeting",
        CreateNewVersion=True,
        EmailTemplateRequest={"Subject": "Hello", "HtmlPart": "<p>Hello</p>"},
    )
    staging.client.update_template_active_version(
        TemplateName="greeting",
        TemplateType="EMAIL",
        TemplateActiveVersionRequest={"Version": "latest"},
    )

    outcome = copier(staging, production, tables).copy(journey_id, dry_run=False)

    assert outcome.result is Result.UPDATED, outcome
    copy = production.project.journey(str(outcome.target_id))
    assert copy is not None and "QuietTime" not in copy and copy["Limits"] == {"DailyCap": 3}
    version = copy["Activities"]["remind"]["SMS"]["TemplateVersion"]
    corrected = production.client.get_sms_template(TemplateName="reminder", Version=version)
    assert corrected["SMSTemplateResponse"]["Body"] == "Two, corrected"
    greeting = production.client.get_email_template(TemplateName="greeting")
    assert greeting["EmailTemplateResponse"]["Subject"] == "Hello"
    again = copier(staging, production, tables).copy(journey_id, dry_run=False)
    assert again.result is Result.UNCHANGED
