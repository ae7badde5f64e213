"""A run ends, its books balance and no address gets two messages, whatever fails.

Targeted = sent + failed + unknown + skipped by reason.
"""

from __future__ import annotations

import functools
import io
import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from engagement_hub.customer_functions import CustomerFunctions
from engagement_hub.engagement.campaigns import SendStatus
from engagement_hub.engagement.eligibility import address_key
from engagement_hub.hub import Hub
from engagement_hub.senders import channels
from engagement_hub.store.entities import Kind
from engagement_hub.store.runs import RunTableBusy
from engagement_hub.workers import campaign_plan, campaign_send, sending_rates
from engagement_hub.workers import campaign_run as steps
from engagement_hub.workers.send_chunk import ChunkSender
from shared.send_outcome import attempt
from shared.transient import ServiceUnavailable
from tests.builders.campaign_runs import Unpaced, campaign
from tests.builders.hub_fakes import SendingServices
from tests.builders.hub_workers import (
    APP,
    NOW,
    Context,
    RunningOut,
    emptied,
    endpoints,
    hub_on_moto,
    segment,
)
from tests.builders.random_input import TEXTS, changed, fuzz, json_values

# A step that fails is tried again so often; then its Catch goes on.
ATTEMPTS = 4
PATIENCE = 60
TURNS = 400
HELLO = {
    "SMSMessage": {"Body": "Hi {{User.UserAttributes.FirstName}} {{Location.City}}"},
    "EmailMessage": {
        "Title": "Hi {{Attributes.Plan}}",
        "HtmlBody": "<p>{{#each RecommendationItems}}{{Name}}, {{/each}}{{Metrics.n}}</p>.",
    },
    "DefaultMessage": {"Body": "Hi"},
}


class Fault(Exception):
    """A fault of the function itself."""


TRANSIENT = (ClientError, ServiceUnavailable, RunTableBusy, Fault)


class FaultyTable:
    """A DynamoDB client whose calls fail by their number: before or after they took effect, or
    twice, as botocore repeats a call whose answer was lost."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.faults: dict[int, str] = {}
        self._calls = 0

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)
        if not callable(operation) or name == "exceptions":
            return operation

        def call(**request: Any) -> Any:
            self._calls += 1
            fault = self.faults.pop(self._calls, None)
            if fault == "before":
                raise self._error(name)
            answer = operation(**request)
            if fault == "after":
                raise self._error(name)
            return operation(**request) if fault == "twice" else answer

        return call

    def arm(self, faults: Mapping[int, str]) -> None:
        self.faults = {self._calls + number: fault for number, fault in faults.items()}

    @staticmethod
    def _error(name: str) -> ClientError:
        error: Any = {
            "Error": {"Code": "InternalServerError", "Message": ""},
            "ResponseMetadata": {"HTTPStatusCode": 500},
        }
        return ClientError(error, name)


class Lambdas:
    """The customer's functions: a hook with answers of the test, and a custom channel."""

    def __init__(self) -> None:
        self.answer: Callable[[Mapping[str, Any]], Any] = lambda payload: payload["Endpoints"]
        self.delivered: list[list[str]] = []
        self.fails = False

    def invoke(self, *, FunctionName: str, Payload: bytes) -> dict[str, Any]:  # noqa: N803
        payload, answer = json.loads(Payload), None
        if FunctionName == "deliver":
            self.delivered.append(list(payload["Endpoints"]))
        else:
            answer = self.answer(payload)
        body = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        error = {"FunctionError": "Unhandled"} if self.fails else {}
        return {"Payload": io.BytesIO(body), **error}


class World:
    """A hub on moto with real senders; `now` moves by the pauses of a run alone."""

    def __init__(self, hub: Hub, table: FaultyTable, services: SendingServices) -> None:
        self.hub, self.table, self.services = hub, table, services
        self.now = NOW
        self.lambdas = Lambdas()
        self.events: list[dict[str, Any]] = []
        self.contexts: Iterator[Any] = iter(())

    def clear(self) -> None:
        self.table.arm({})
        emptied(self.hub, self.table)
        campaign_plan._PLANS.clear()
        self.now = NOW
        self.lambdas = Lambdas()
        self.events.clear()
        self.contexts = iter(())
        self.services.answers.clear()
        self.services.taken.clear()
        self.services.before = lambda address: None
        self.hub.endpoints.shards = 2
        client: Any = self.lambdas
        self.hub.customer_functions = CustomerFunctions(client, sleep=no_sleep)

    # The state machine

    def step(self, function: Any, event: Mapping[str, Any], attempts: int = ATTEMPTS) -> Any:
        for _ in range(attempts - 1):
            with suppress(*TRANSIENT):
                return function(self.hub, event, next(self.contexts, Context()))
        return function(self.hub, event, next(self.contexts, Context()))

    def run(self, event: dict[str, Any], between: Callable[[], object]) -> bool:
        """Run a campaign to its end; return whether it came to its senders."""
        try:
            opened = self.step(steps.open_run, event)
            assert opened["Outcome"] == "RUN"
            progress = opened["Progress"]
            while progress:
                progress = self.step(steps.build_audience, {**event, "Progress": progress})[
                    "Remaining"
                ]
            sealed = self.step(steps.seal_audience, event)
        except TRANSIENT:
            self.step(steps.fail_run, event, PATIENCE)
            return False
        between()
        for key in list(self.hub.bucket.keys(sealed["Prefix"])):
            try:
                self._send(event, key)
            except TRANSIENT:
                self.step(steps.chunk_failed, {**event, "Key": key}, PATIENCE)
        self.step(steps.close_run, event, PATIENCE)
        return True

    def _send(self, event: dict[str, Any], key: str) -> None:
        turn = 0
        for _ in range(TURNS):
            answer = self.step(steps.send_chunk, {**event, "Key": key, "Turn": turn})
            if answer["Status"] == "done":
                return
            turn = answer["Turn"]
            self.now += answer["Seconds"]
        raise AssertionError("the chunk never ends")

    # Its books

    def metrics(self, campaign_id: str) -> Counter[str]:
        found = self.hub.entities.list(APP, Kind.ACTIVITY, 50).items
        metrics: Counter[str] = Counter()
        for one in found:
            if one["CampaignId"] == campaign_id:
                assert one["State"] == "COMPLETED" and one["End"]
                metrics.update({name: int(n) for name, n in one["ExecutionMetrics"].items()})
        return metrics

    def kept(self) -> dict[str, Any]:
        ids = [f"e{number}" for number in range(12)]
        return dict(self.hub.endpoints.get_many(APP, ids))


@pytest.fixture(scope="module")
def module_world() -> Iterator[World]:
    with pytest.MonkeyPatch.context() as patch:
        tables: list[FaultyTable] = []

        def around(client: Any) -> FaultyTable:
            tables.append(FaultyTable(client))
            return tables[0]

        with hub_on_moto(patch, around) as hub:
            world = World(hub, tables[0], SendingServices())
            hub.clock = lambda: world.now
            hub.senders = world.services.senders
            patch.setattr(
                campaign_send, "ChunkSender", functools.partial(ChunkSender, sleep=no_sleep)
            )
            patch.setattr(channels, "attempt", functools.partial(attempt, sleep=no_sleep))
            patch.setattr(sending_rates.ChunkPaces, "_limiter", lambda *_: Unpaced(hub.clock))
            patch.setattr(sending_rates, "channel_rate", lambda channel: 1e9)
            patch.setattr(
                hub.stream, "publish", lambda app_id, records: world.events.extend(records)
            )
            yield world


@pytest.fixture
def world(module_world: World) -> World:
    return module_world


def no_sleep(seconds: float) -> None:
    pass


# -- who is there ------------------------------------------------------------------------

NUMBERS = ["+14255550100", "+14255550101", " +14255550101", "4255550100", "ann"]
EMAILS = ["ann@example.com", "Ann@Example.com", "Ann <ann@example.com>", "bob@example.com", "x@"]
ZONES = ["America/Los_Angeles", "Asia/Tokyo", "Europe/London", "utc", "Mars/Base", "../etc"]


@st.composite
def people(draw: Any) -> dict[str, Any]:
    channel = draw(
        st.sampled_from(["SMS", "SMS", "SMS", "EMAIL", "EMAIL", "VOICE", "GCM", "CUSTOM"])
    )
    one: dict[str, Any] = {
        "ChannelType": channel,
        "Address": draw(st.sampled_from(EMAILS if channel == "EMAIL" else NUMBERS)),
        "OptOut": draw(st.sampled_from(["NONE"] * 5 + ["ALL"])),
        "EndpointStatus": draw(st.sampled_from(["ACTIVE"] * 5 + ["INACTIVE"])),
        "Attributes": {"Plan": draw(st.lists(st.sampled_from(["gold", "free"]), max_size=2))},
        "Demographic": {"Timezone": draw(st.sampled_from(ZONES))},
    }
    if draw(st.booleans()):
        name = draw(TEXTS)[:100]
        one["User"] = {
            "UserId": draw(st.sampled_from(["u1", "u2"])),
            "UserAttributes": {"FirstName": [name]},
        }
    for member in draw(
        st.sets(st.sampled_from(["ChannelType", "Demographic", "Attributes"]), max_size=1)
    ):
        if draw(st.integers(0, 3)) == 0:
            del one[member]
    if "ChannelType" not in one:
        del one["Address"]  # the API takes no address without a channel
    return one


PEOPLE = st.lists(people(), min_size=1, max_size=10)
LIMITS = st.fixed_dictionaries(
    {},
    optional={
        "Daily": st.integers(1, 2),
        "Total": st.integers(1, 2),
        "MaximumDuration": st.sampled_from([60, 3600]),
        "MessagesPerSecond": st.sampled_from([1, 50]),
    },
)
QUIET = st.sampled_from(
    [{}, {"Start": "22:00", "End": "06:00"}, {"Start": "00:00", "End": "23:59"}]
)
CUSTOM = {"DeliveryUri": "deliver", "EndpointTypes": ["SMS", "CUSTOM"]}


@st.composite
def campaigns(draw: Any) -> dict[str, Any]:
    request: dict[str, Any] = {
        "MessageConfiguration": HELLO,
        "Limits": draw(LIMITS),
        "Schedule": {"StartTime": "IMMEDIATE", "QuietTime": draw(QUIET)},
        "HoldoutPercent": draw(st.sampled_from([0, 0, 30])),
    }
    if draw(st.booleans()):
        treatment = {"SizePercent": 40, "TreatmentName": "b", "MessageConfiguration": HELLO}
        if draw(st.booleans()):
            treatment["CustomDeliveryConfiguration"] = CUSTOM
        request["AdditionalTreatments"] = [treatment]
    if draw(st.integers(0, 3)) == 0:
        request["CustomDeliveryConfiguration"] = CUSTOM
    if draw(st.integers(0, 2)) == 0:
        request["Hook"] = {"LambdaFunctionName": "filter", "Mode": "FILTER"}
    return request


CHANGES = st.dictionaries(
    st.integers(0, 9).map("e{}".format),
    st.sampled_from(
        [
            None,  # deleted
            {"OptOut": "ALL"},
            {"EndpointStatus": "INACTIVE"},
            {"Address": "+14255550101"},
            {"Address": "carol@example.com", "ChannelType": "EMAIL"},
        ]
    ),
    max_size=3,
)
ANSWERS = st.dictionaries(
    st.sampled_from(["+14255550100", "+14255550101", "4255550100", "ann@example.com", "ann"]),
    st.lists(
        st.sampled_from(
            [
                *("ok", "silent", ("ThrottlingException", 400), ("TooManyRequestsException", 429)),
                *(("AccessDeniedException", 400), ("InternalServerException", 500)),
                *(("ServiceUnavailable", 503), ("ValidationException", 400), ("Odd", 418)),
            ]
        ),
        max_size=12,
    ),
    max_size=3,
)
FAULTS = st.dictionaries(
    st.integers(1, 150), st.sampled_from(["before", "after", "twice"]), max_size=6
)


class Hooks:
    """Answers of FILTER hooks, drawn when they are asked for."""

    def __init__(self, data: st.DataObject) -> None:
        self._draw = data.draw

    def __call__(self, payload: Mapping[str, Any]) -> Any:
        asked = payload["Endpoints"]
        kind = self._draw(
            st.sampled_from(
                ["same", "odd", "odd", "some", "more", "others", "any", "huge", "deep", "bytes"]
            )
        )
        if kind == "deep":
            return {id: json.loads("[" * 400 + "]" * 400) for id in asked}
        if kind == "bytes":
            return self._draw(st.sampled_from([b"[" * 100_000, b"1" * 5_000, b"\xff", b"", b"NaN"]))
        if kind == "same":
            return asked
        if kind == "odd":
            return changed(self._draw, asked, 12)
        if kind == "some":
            return {id: one for id, one in asked.items() if self._draw(st.booleans())}
        if kind == "more":
            return asked | {"stranger": {"ChannelType": "SMS", "Address": "+14255550666"}}
        if kind == "others":
            stranger = {"Address": "+14255550666", "ChannelType": "SMS", "OptOut": "NONE"}
            override = self._draw(TEXTS | st.sampled_from(["{{Address}}", "x" * 2_000]))
            return {
                id: one | stranger | {"Id": "e1", "BodyOverride": override}
                for id, one in asked.items()
            }
        if kind == "huge":
            items = [{"Name": "x" * 5_000}] * 300
            return {id: one | {"RecommendationItems": items} for id, one in asked.items()}
        return self._draw(json_values())


def balance(world: World, campaign_id: str, targeted: int, reached: Mapping[str, Any]) -> None:
    """Check the books of one run.

    Args:
        targeted: the endpoints that the run looked at.
        reached: the endpoints as they were when the sends began.
    """
    metrics = world.metrics(campaign_id)
    produced = metrics.pop("ENDPOINT_PRODUCED", 0)
    held = metrics.pop("TREATMENT_HOLDOUT", 0)
    assert sum(metrics.values()) == targeted, metrics
    assert metrics["HOLDOUT"] <= held
    assert produced <= targeted
    taken = [address_key(channel, address) for channel, address, _ in world.services.taken]
    functions = [id for payload in world.lambdas.delivered for id in payload]
    sure = metrics["SUCCESS"] + metrics["CUSTOM_DELIVERY_FAILURE"]
    assert sure <= len(taken) + len(functions) <= sure + metrics["UNKNOWN"]
    assert max(Counter(functions).values(), default=1) == 1
    assert max(Counter(taken).values(), default=1) == 1
    willing = {
        address_key(one["ChannelType"], one["Address"])
        for one in reached.values()
        # An update during the run can give an address to an endpoint without a channel.
        if one.keys() >= {"Address", "ChannelType"}
        and one["OptOut"] != "ALL"
        and one["EndpointStatus"] == "ACTIVE"
    }
    assert set(taken) <= willing
    for id in functions:
        assert reached[id]["OptOut"] != "ALL"


@pytest.mark.books
@fuzz(20)
@given(
    PEOPLE,
    campaigns(),
    CHANGES,
    ANSWERS,
    FAULTS,
    st.sampled_from(["all", "list", "gold"]),
    st.data(),
)
def test_the_books_of_a_run_balance_and_nobody_is_sent_to_twice(
    world, everyone, request, changes, answers, faults, audience, data
):
    world.clear()
    endpoints(world.hub, **{f"e{number}": one for number, one in enumerate(everyone)})
    targeted = len(everyone)
    if audience == "list":
        ids = data.draw(st.sets(st.sampled_from(sorted(world.kept()))))
        world.hub.endpoints.add_members(APP, "seg1", sorted(ids))
        world.hub.endpoints.add_members(APP, "seg1", ["u1"], users=True)
        segment(world.hub, SegmentType="IMPORT")
        of_user = world.hub.endpoints.endpoints_of_users(APP, ["u1"])
        targeted = len(ids) + len(of_user)
    elif audience == "gold":
        gold = {"Attributes": {"Plan": {"Values": ["gold"], "AttributeType": "INCLUSIVE"}}}
        segment(world.hub, Dimensions=gold)
    else:
        segment(world.hub)
    world.lambdas.answer = Hooks(data)
    world.lambdas.fails = data.draw(st.integers(0, 9)) == 0
    world.services.answers.update({address: list(one) for address, one in answers.items()})
    crash = data.draw(st.sampled_from([None, None, None, "ann@example.com", "+14255550100"]))
    crashes = iter([crash])
    looks = data.draw(st.lists(st.integers(0, 6), max_size=3))
    event = campaign(world.hub, **request)
    reached: dict[str, Any] = {}

    def before(address: str) -> None:
        if address == crash and next(crashes, None):
            raise Fault

    def between() -> None:
        world.table.faults, armed = {}, world.table.faults
        for id, change in changes.items():
            if id in world.kept():
                if change is None:
                    world.hub.endpoints.delete(APP, id)
                else:
                    endpoints(world.hub, **{id: change})
        reached.update(world.kept())
        world.contexts = iter([RunningOut(look) for look in looks])
        world.table.faults = armed

    world.services.before = before
    world.table.arm(faults)
    began = world.run(event, between)
    world.table.arm({})

    assert world.hub.entities.require(APP, Kind.CAMPAIGN, "c1")["State"]["CampaignStatus"] in (
        "COMPLETED",
        "INVALID",
    )
    if not began:
        assert world.services.taken == [] and world.lambdas.delivered == []
        return
    balance(world, "c1", targeted, reached)
    told = {
        record["client"]["client_id"]: record["attributes"]["campaign_send_status"]
        for record in world.events
        if record["event_type"] == "_campaign.send"
    }
    metrics = world.metrics("c1")
    if audience != "list":  # a list may hold an endpoint twice
        assert Counter(told.values()) == {
            status: metrics[status] for status in map(str, SendStatus) if metrics[status]
        }
