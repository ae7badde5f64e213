"""No request, however odd, is answered with a 5xx or with an error that its operation has not.

Requests follow botocore's model, with wrong types, odd ids and the ends of every range mixed in.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.api.operations import OPERATIONS
from engagement_hub.api.responder import respond
from engagement_hub.hub import Account, Hub
from engagement_hub.machines import Machines
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import EntityStore
from engagement_hub.store.runs import RunStore
from engagement_hub.store.sent_requests import SentRequests
from tests.builders.dynamodb_limits import enforce_limits, enforce_no_limits
from tests.builders.hub import ACCOUNT_ID, REGION, TABLES, OneCallAtATime, http_event, hub_tables
from tests.builders.hub_fakes import FakePaces, FakeSenders, FakeStream, FakeUndelivered
from tests.builders.random_input import MODEL, fuzz, model_values

REQUESTS = 8

SEGMENT, CAMPAIGN, JOURNEY = "5" * 32, "c" * 32, "7" * 32
ROLE = f"arn:aws:iam::{ACCOUNT_ID}:role/engagement-hub/customer"
ODD_IDS = ["a?b", "100%", "a/b", "ü" * 600, "x" * 3000, "a\tb", "user#u1", "👋", "..", " "]
IDS = st.sampled_from(["e1", "e2", "u1", "t", SEGMENT, CAMPAIGN, JOURNEY, *ODD_IDS])
TEXTS = st.one_of(
    st.sampled_from(
        [
            *("IMMEDIATE", "2026-11-23T10:00:00Z", "9999-12-31T23:00:00-11:00", "0001-01-01"),
            *("2030-02-30", "22:00", "UTC", "utc", "UTC+99", "1", "latest", "-1", "1e999999999"),
            *("+12065550100", "ann@example.com", "s3://files/a.csv", ROLE, '{"a": {"b": 1}}', "{"),
            *(
                "{{Attributes.a}}",
                "{{#if}",
                "{{#each User}}x{{/each}}",
                "<speak>",
                "\x00",
                "x" * 999,
            ),
        ]
    ),
    IDS,
    st.just(""),
    st.text(max_size=5),
)


@st.composite
def requests(draw: Any) -> tuple[str, str, str, str | None]:
    """An operation, its path (with APP for a project's id), its query and its body."""
    name = draw(st.sampled_from(sorted(OPERATIONS)))
    operation = MODEL["operations"][name]
    members = MODEL["shapes"][operation["input"]["shape"]]["members"]
    path, query = operation["http"]["requestUri"], []
    for member in members.values():
        word = member.get("locationName")
        if member.get("location") == "uri":
            path = path.replace(f"{{{word}}}", quote(draw(_label(word)), safe=""))
        elif member.get("location") == "querystring" and draw(st.booleans()):
            query.append(f"{word}={quote(draw(TEXTS))}")
    payload = MODEL["shapes"][operation["input"]["shape"]].get("payload")
    body = None
    if payload is not None:
        body = json.dumps(
            draw(model_values(members[payload]["shape"], TEXTS)), ensure_ascii=draw(st.booleans())
        )
    return name, path, "&".join(query), body


def _label(word: str) -> st.SearchStrategy[str]:
    likely = {
        "application-id": ["APP"],
        "endpoint-id": ["e1"],
        "user-id": ["u1"],
        "segment-id": [SEGMENT],
        "campaign-id": [CAMPAIGN],
        "journey-activity-id": ["a"],
        "journey-id": [JOURNEY],
        "kpi-name": ["journey-emails-sent"],
        "template-name": ["t"],
        "template-type": ["SMS", "email"],
        "attribute-type": ["endpoint-custom-attributes", "endpoint-user-attributes"],
        "version": ["1"],
        "resource-arn": [f"arn:aws:mobiletargeting:{REGION}:{ACCOUNT_ID}:apps/APP"],
    }
    return st.one_of(st.sampled_from(likely.get(word, ["x"])), IDS)


class Idle(Machines):
    """Starts nothing."""

    def _start(self, *_: Any) -> None:
        pass

    def schedule_run(self, *_: Any, **__: Any) -> None:
        pass

    def cancel_run(self, *_: Any) -> None:
        pass


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with hub_tables() as client:
        hub = Hub(
            entities=EntityStore(TABLES["ENTITIES_TABLE"], client),
            endpoints=EndpointStore(TABLES["ENDPOINTS_TABLE"], client=OneCallAtATime(client)),
            account=Account("aws", REGION, ACCOUNT_ID),
            machines=Idle(),
        )
        fakes: Any = hub
        fakes.paces = FakePaces(hub.clock)
        fakes.senders = FakeSenders()
        fakes.stream = FakeStream()
        fakes.undelivered = FakeUndelivered()
        hub.runs = RunStore(TABLES["RUNS_TABLE"], client)
        hub.sent_requests = SentRequests(TABLES["RUNS_TABLE"], hub.clock, client)
        enforce_limits(client)
        yield hub
        enforce_no_limits(client)


def ask(hub: Hub, method: str, path: str, query: str = "", body: str | None = None) -> Any:
    return respond(hub, http_event(method, path, query=query, body=body))


def project_with_one_of_each(hub: Hub) -> str:
    created = ask(hub, "POST", "/v1/apps", body='{"Name": "shop"}')
    app: str = json.loads(created["body"])["Id"]
    endpoint = {"ChannelType": "SMS", "Address": "+12065550100", "User": {"UserId": "u1"}}
    ask(hub, "PUT", f"/v1/apps/{app}/endpoints/e1", body=json.dumps(endpoint))
    with_ids = iter([SEGMENT, CAMPAIGN, JOURNEY])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("engagement_hub.api.creation.new_id", lambda: next(with_ids))
        ask(hub, "POST", f"/v1/apps/{app}/segments", body='{"Name": "all", "Dimensions": {}}')
        campaign = {
            "Name": "spring",
            "SegmentId": SEGMENT,
            "Schedule": {"StartTime": "2030-01-01T12:00:00Z", "Frequency": "DAILY"},
            "MessageConfiguration": {"SMSMessage": {"Body": "Hi"}},
        }
        made = ask(hub, "POST", f"/v1/apps/{app}/campaigns", body=json.dumps(campaign))
        assert made["statusCode"] == 201, made["body"]
        journey = {"Name": "welcome", "Activities": {"a": {"SMS": {}}}}
        made = ask(hub, "POST", f"/v1/apps/{app}/journeys", body=json.dumps(journey))
        assert made["statusCode"] == 201, made["body"]
    ask(hub, "POST", "/v1/templates/t/sms", body='{"Body": "Hi"}')
    return app


@fuzz(80)
@given(st.lists(requests(), min_size=REQUESTS, max_size=REQUESTS))
def test_no_request_is_answered_with_a_failure_or_an_undeclared_error(hub: Hub, asked: list[Any]):
    app = project_with_one_of_each(hub)

    for name, path, query, body in asked:
        operation = MODEL["operations"][name]
        answer = ask(hub, operation["http"]["method"], path.replace("APP", app), query, body)

        assert answer["statusCode"] < 500, (name, path, query, body)
        error = answer["headers"].get("x-amzn-ErrorType")
        declared = {one["shape"] for one in operation.get("errors", [])}
        assert error is None or not declared or error in declared, (name, error, path, body)
