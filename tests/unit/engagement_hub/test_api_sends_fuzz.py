"""Direct sends and PutEvents: each recipient and event has one result, and costs no other."""

from __future__ import annotations

import functools
import itertools
import json
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.api.responder import respond
from engagement_hub.engagement.eligibility import address_key
from engagement_hub.hub import Account, Hub
from engagement_hub.senders import channels
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import ACCOUNT, EntityStore, Kind
from engagement_hub.store.sent_requests import SentRequests
from shared.send_outcome import attempt
from tests.builders.dynamodb_limits import enforce_limits, enforce_no_limits
from tests.builders.hub import ACCOUNT_ID, REGION, TABLES, OneCallAtATime, http_event, hub_tables
from tests.builders.hub_fakes import FakePaces, FakeStream, FakeUndelivered, SendingServices
from tests.builders.random_input import TEXTS, WHOLE_TEXTS, changed, fuzz, model_values

APP = "app1"
KNOWN = {
    "sms": {"ChannelType": "SMS", "Address": "+14255550100", "User": {"UserId": "u1"}},
    "twin": {"ChannelType": "SMS", "Address": " +14255550100", "User": {"UserId": "u1"}},
    "mail": {"ChannelType": "EMAIL", "Address": "Ann@example.com", "User": {"UserId": "u1"}},
    "out": {"ChannelType": "SMS", "Address": "+14255550101", "OptOut": "ALL"},
    "call": {"ChannelType": "VOICE", "Address": "+14255550102", "User": {"UserId": "u2"}},
    "push": {"ChannelType": "GCM", "Address": "token"},
}
ADDRESSES = st.sampled_from(
    [
        "+14255550100",
        "ann@example.com",
        "Ann <ann@example.com>",
        "ann@",
        "+1 425 555 0103",
        "a,b@x.de",
    ]
)


class World:
    """The API with real senders, whose requests end in a list."""

    def __init__(self, hub: Hub, services: SendingServices) -> None:
        self.hub, self.services = hub, services
        self.numbers = itertools.count()
        self.stream = FakeStream()
        fakes: Any = hub
        fakes.paces = FakePaces(hub.clock)
        fakes.stream = self.stream
        fakes.undelivered = FakeUndelivered()
        hub.senders = services.senders
        hub.sent_requests = SentRequests(TABLES["RUNS_TABLE"], hub.clock, hub.entities._client)
        hub.entities.put(ACCOUNT, Kind.APP, APP, {"Id": APP, "Name": "shop"})

    def clear(self) -> None:
        self.services.answers.clear()
        self.services.taken.clear()
        self.stream.records.clear()
        updates: Any = list(KNOWN.items())
        self.hub.endpoints.update_many(APP, updates, now="2027-01-15T07:00:00.000Z", request_id="r")

    def ask(self, path: str, body: Any, invocation: str | None = None) -> tuple[int, Any]:
        event = http_event(
            "POST",
            f"/v1/apps/{APP}/{path}",
            body=json.dumps(body),
            request_id=f"request-{next(self.numbers)}",
            invocation=invocation,
        )
        answer = respond(self.hub, event)
        return answer["statusCode"], json.loads(answer["body"])


@pytest.fixture(scope="module")
def world() -> Iterator[World]:
    with hub_tables() as client, pytest.MonkeyPatch.context() as patch:
        enforce_limits(client)
        patch.setattr(channels, "attempt", functools.partial(attempt, sleep=lambda seconds: None))
        one_at_a_time: Any = OneCallAtATime(client)
        hub = Hub(
            entities=EntityStore(TABLES["ENTITIES_TABLE"], one_at_a_time),
            endpoints=EndpointStore(TABLES["ENDPOINTS_TABLE"], client=one_at_a_time),
            account=Account("aws", REGION, ACCOUNT_ID),
            sleep=lambda seconds: None,
        )
        yield World(hub, SendingServices())
        enforce_no_limits(client)


@st.composite
def configurations(draw: Any) -> dict[str, Any]:
    """A DirectMessageConfiguration with content for most channels, odd here and there."""
    sound: dict[str, Any] = {
        "SMSMessage": {"Body": "Hi {{User.UserId}}", "MessageType": "TRANSACTIONAL"},
        "EmailMessage": {
            "SimpleEmail": {
                "Subject": {"Data": "Hi {{Name}}"},
                "TextPart": {"Data": "{{#each Names}}{{this}}{{/each}}."},
                "Headers": [{"Name": "X-Offer", "Value": "{{Name}}"}],
            }
        },
        "VoiceMessage": {"Body": "Hi {{Name}}", "VoiceId": "Joanna"},
        "DefaultMessage": {"Body": "Hi", "Substitutions": {"Name": ["Ann"]}},
    }
    if draw(st.booleans()):
        return sound
    odd = draw(model_values("DirectMessageConfiguration", TEXTS))
    return sound | odd if isinstance(odd, dict) else sound


@st.composite
def message_requests(draw: Any, recipients: str) -> dict[str, Any]:
    """A MessageRequest, or a SendUsersMessageRequest, that is sound in most members."""
    own = st.fixed_dictionaries(
        {},
        optional={
            "BodyOverride": TEXTS,
            "TitleOverride": TEXTS,
            "Substitutions": st.dictionaries(TEXTS | st.just("Name"), st.lists(TEXTS), max_size=2),
            "Context": st.dictionaries(TEXTS, TEXTS, max_size=2),
        },
    )
    channel = st.sampled_from(["SMS", "EMAIL", "VOICE", "GCM"])
    request: dict[str, Any] = {"MessageConfiguration": draw(configurations())}
    if recipients == "users":
        request["Users"] = draw(st.dictionaries(st.sampled_from(["u1", "u2", "?"]) | TEXTS, own))
        return request
    named = st.tuples(own, channel).map(lambda pair: pair[0] | {"ChannelType": pair[1]})
    request["Addresses"] = draw(st.dictionaries(ADDRESSES | TEXTS, named, max_size=4))
    request["Endpoints"] = draw(
        st.dictionaries(st.sampled_from(sorted(KNOWN)) | TEXTS, own, max_size=4)
    )
    if draw(st.booleans()):
        request["Context"] = draw(st.dictionaries(TEXTS, TEXTS, max_size=2))
    return request


ANSWERS = st.lists(
    st.sampled_from(["ok", "silent", ("ThrottlingException", 400), ("ConflictException", 409)]),
    max_size=6,
)
DELIVERED = ("SUCCESSFUL", "UNKNOWN_FAILURE")


@pytest.mark.books
@fuzz(25)
@given(st.data(), st.sampled_from(["messages", "users"]), ANSWERS, st.booleans())
def test_each_recipient_of_a_direct_send_has_one_result_and_one_message_at_most(
    world, data, kind, answers, repeated
):
    world.clear()
    request = data.draw(message_requests(kind))
    for address in ("+14255550100", "ann@example.com"):
        world.services.answers[address] = list(answers)
    path = "messages" if kind == "messages" else "users-messages"
    invocation = f"call-{next(world.numbers)}" if repeated else None

    status, answer = world.ask(path, request, invocation)

    assert status < 500, answer
    if status != 200:
        assert answer["Message"]
        assert world.services.taken == []
        return
    if kind == "messages":
        assert answer.get("Result", {}).keys() == request["Addresses"].keys()
        assert answer.get("EndpointResult", {}).keys() == request["Endpoints"].keys()
        results = [*answer.get("Result", {}).values(), *answer.get("EndpointResult", {}).values()]
    else:
        assert answer["Result"].keys() == request["Users"].keys()
        results = [one for user in answer["Result"].values() for one in user.values()]
    assert all(one["DeliveryStatus"] and one["StatusMessage"] for one in results)
    known = sum(one["DeliveryStatus"] in DELIVERED for one in results)
    sure = sum(one["DeliveryStatus"] == "SUCCESSFUL" for one in results)
    taken = [address_key(channel, address) for channel, address, _ in world.services.taken]
    assert sure <= len(taken) <= known
    assert max(Counter(taken).values(), default=1) == 1
    assert "SMS|+14255550101" not in taken or "+14255550101" in request.get("Addresses", {})
    if repeated:
        assert world.ask(path, request, invocation)[0] == 200
        assert len(world.services.taken) == len(taken)


EVENT = {
    "EventType": "purchase",
    "Timestamp": "2026-03-02T17:00:00Z",
    "Attributes": {"color": "red"},
    "Metrics": {"price": 3.5},
    "Session": {"Id": "s1", "StartTimestamp": "2026-03-02T17:00:00Z"},
    "AppTitle": "shop",
}
ENDPOINT = {"ChannelType": "SMS", "Address": "+14255550103", "Attributes": {"Plan": ["gold"]}}


@pytest.mark.books
@fuzz(25)
@given(st.data())
def test_each_event_is_accepted_or_refused_by_name_and_costs_no_other_event(world, data):
    world.clear()
    texts = WHOLE_TEXTS if data.draw(st.integers(0, 9)) == 0 else TEXTS
    good = {"Endpoint": ENDPOINT, "Events": {"bought": EVENT}}
    batch: dict[str, Any] = {"good": good}
    for id in data.draw(st.lists(st.sampled_from(["a", "b", "sms"]) | texts, max_size=3)):
        if data.draw(st.booleans()):
            item = data.draw(model_values("EventsBatch", texts))
        else:
            item = changed(data.draw, good, 20)
        batch.setdefault(id, item)

    status, answer = world.ask("events", {"BatchItem": batch})

    assert status < 500, answer
    if status != 202:  # the model has no such request, and no part of it counts
        assert status == 400 and answer["Message"]
        assert world.stream.records == []
        return
    results = answer["Results"]
    asked = {id: item for id, item in batch.items() if item is not None}
    assert results.keys() == asked.keys()
    accepted = 0
    for id, item in asked.items():
        own = results[id].get("EventsItemResponse", {})
        assert own.keys() == {key for key, one in item["Events"].items() if one is not None}
        assert all(one["StatusCode"] in (202, 400) and one["Message"] for one in own.values())
        accepted += sum(one["StatusCode"] == 202 for one in own.values())
    assert len(world.stream.records) == accepted
    assert results["good"]["EventsItemResponse"]["bought"]["StatusCode"] == 202
