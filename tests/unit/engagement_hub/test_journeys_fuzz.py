"""An odd journey is refused or kept, never a failure; a kept one can be read and sent back."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from typing import Any

import pytest
from botocore.model import ServiceModel
from botocore.parsers import create_parser
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.api.responder import respond
from engagement_hub.hub import Account, Hub
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import ACCOUNT, EntityStore, Kind
from engagement_hub.store.names import template_id
from tests.builders.dynamodb_limits import enforce_limits, enforce_no_limits
from tests.builders.hub import ACCOUNT_ID, REGION, TABLES, http_event, hub_tables
from tests.builders.journeys import (
    SEGMENT_ID,
    custom,
    email,
    holdout,
    in_segment,
    journey_request,
    multi,
    random_split,
    text_message,
    wait,
    welcome_activities,
    yes_no,
)
from tests.builders.random_input import MODEL, WHOLE_TEXTS, fuzz, model_values

APP = "app1"
OPERATION = ServiceModel(MODEL).operation_model("GetJourney")
PARSER = create_parser("rest-json")


@pytest.fixture(scope="module")
def hub() -> Iterator[Hub]:
    with hub_tables() as client:
        enforce_limits(client)
        hub = Hub(
            entities=EntityStore(TABLES["ENTITIES_TABLE"], client),
            endpoints=EndpointStore(TABLES["ENDPOINTS_TABLE"], client=client),
            account=Account("aws", REGION, ACCOUNT_ID),
        )
        hub.entities.put(ACCOUNT, Kind.APP, APP, {"Id": APP, "Name": "shop"})
        segment = {"Id": SEGMENT_ID, "SegmentType": "DIMENSIONAL", "Dimensions": {}, "Version": 1}
        hub.entities.put(APP, Kind.SEGMENT, SEGMENT_ID, segment)
        for kind, name in (("EMAIL", "welcome"), ("SMS", "reminder")):
            template = {"TemplateName": name, "Version": "1", "ActiveVersion": "1"}
            hub.entities.put(ACCOUNT, Kind.TEMPLATE, template_id(name, kind), template)
        yield hub
        enforce_no_limits(client)


def ask(hub: Hub, method: str, path: str, body: Any = None) -> tuple[int, Any]:
    text = None if body is None else json.dumps(body)
    answer = respond(hub, http_event(method, f"/v1/apps/{APP}/journeys{path}", body=text))
    return answer["statusCode"], answer


SOUND: dict[str, Any] = journey_request(
    Activities={
        **welcome_activities(),
        "call": custom("half", MessageConfig={"Data": "x"}),
        "half": random_split(50, 50),
        "some": holdout(10),
        "until": {"Wait": {"WaitTime": {"WaitUntil": "2030-01-15T00:00:00Z"}}},
        "which": multi(in_segment(), {"segmentDimensions": {"Metrics": {}}}),
        "one": yes_no(in_segment(), yes="two"),
        "two": email("three", MessageConfig={"FromAddress": "hub@example.com"}),
        "three": text_message(MessageConfig={"MessageType": "PROMOTIONAL"}),
        "push": {"PUSH": {"MessageConfig": {"TimeToLive": "60"}}},
        "agent": {"ContactCenter": {}},
        "nap": wait(duration="PT1H"),
    },
    Schedule={
        "StartTime": "2030-01-01T00:00:00Z",
        "EndTime": "2030-02-01T00:00:00Z",
        "Timezone": "UTC-08",
    },
    Limits={
        "DailyCap": 3,
        "EndpointReentryInterval": "PT1H",
        "TimeframeCap": {"Cap": 9, "Days": 7},
    },
    QuietTime={"Start": "22:00", "End": "06:00"},
    RefreshFrequency="PT12H",
    SendingSchedule=True,
    OpenHours={"SMS": {"MONDAY": [{"StartTime": "08:00", "EndTime": "18:00"}]}},
    ClosedDays={
        "SMS": [
            {"Name": "ny", "StartDateTime": "2030-01-01T00:00", "EndDateTime": "2030-01-02T00:00"}
        ]
    },
    State="DRAFT",
)


def test_the_sound_journey_of_these_tests_is_kept(hub: Hub):
    assert ask(hub, "POST", "", SOUND)[0] == 201


def _paths(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Yield the paths of all members of a JSON value."""
    if path:
        yield path
    if isinstance(value, dict | list):
        for name, one in value.items() if isinstance(value, dict) else enumerate(value):
            yield from _paths(one, (*path, name))


PATHS = sorted(_paths(SOUND), key=str)
ODD_VALUES = WHOLE_TEXTS | st.sampled_from(
    [None, False, 0, 1, 100, 101, -1, 0.5, 10**40, [], {}, [None], [{}], {"": None}, "day", "call"]
)


@st.composite
def odd_journeys(draw: Any) -> Any:
    """A journey with a few odd or missing members, or one made up by the model of the API."""
    if draw(st.integers(0, 5)) == 0:
        return draw(model_values("WriteJourneyRequest", WHOLE_TEXTS))
    journey = copy.deepcopy(SOUND)
    for path in draw(st.lists(st.sampled_from(PATHS), max_size=3, unique=True)):
        holder = journey
        try:
            for step in path[:-1]:
                holder = holder[step]
            if draw(st.booleans()):
                del holder[path[-1]]
            else:
                holder[path[-1]] = draw(ODD_VALUES)
        except (KeyError, IndexError, TypeError):
            continue  # an odd value stands where the path would go on
    return journey


@fuzz(60)
@given(odd_journeys(), odd_journeys())
def test_an_odd_journey_is_refused_or_kept_and_a_kept_one_can_be_sent_back(
    hub: Hub, request: Any, change: Any
):
    status, answer = ask(hub, "POST", "", request)

    assert status in (201, 400, 404), answer
    if status != 201:
        return
    journey = json.loads(answer["body"])
    path = f"/{journey['Id']}"
    read_status, read = ask(hub, "GET", path)
    parsed = PARSER.parse(
        {"status_code": read_status, "headers": {}, "body": read["body"].encode()},
        OPERATION.output_shape,
    )
    sent_status, sent = ask(hub, "PUT", path, journey)
    changed_status, changed_answer = ask(hub, "PUT", path, change)

    assert parsed["JourneyResponse"]["Id"] == journey["Id"]
    assert sent_status == 200
    assert json.loads(sent["body"]) == {
        **journey,
        "LastModifiedDate": json.loads(sent["body"])["LastModifiedDate"],
    }
    assert changed_status in (200, 400, 404), changed_answer
