"""The event stream's writer, delivery events, callers' roles and functions."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, EndpointConnectionError, ReadTimeoutError

from engagement_hub.customer_functions import CallFailed, CustomerFunctions
from engagement_hub.customer_role import CustomerRoles, RoleNotAssumable
from engagement_hub.event_stream import EventsNotDelivered, EventStream
from engagement_hub.functions import publish_events
from engagement_hub.hub import Hub
from engagement_hub.store.entities import Kind
from engagement_hub.workers.delivery_events import records_from
from shared.pinpoint_events import MalformedEvent
from tests.builders.hub_workers import APP, ROLE, hub_on_moto

STREAM = "arn:aws:kinesis:us-east-1:123456789012:stream/events"
ARRIVED = datetime(2027, 1, 15, tzinfo=UTC)


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_on_moto(monkeypatch) as hub:
        yield hub


@pytest.fixture
def stream(hub: Hub) -> Any:
    """The project's Kinesis stream, registered; calls give what it holds."""
    kinesis = boto3.client("kinesis")
    kinesis.create_stream(StreamName="events", ShardCount=1)
    body = {"DestinationStreamArn": STREAM, "RoleArn": ROLE}
    hub.entities.put(APP, Kind.EVENT_STREAM, "stream", body)

    def read() -> list[bytes]:
        shard = kinesis.list_shards(StreamName="events")["Shards"][0]["ShardId"]
        position = kinesis.get_shard_iterator(
            StreamName="events", ShardId=shard, ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        return [one["Data"] for one in kinesis.get_records(ShardIterator=position)["Records"]]

    return read


def test_events_reach_the_stream_as_one_line_of_json_each(hub, stream):
    records = [{"client": {"client_id": f"e{n}"}, "n": n} for n in range(3)]

    written = hub.stream.publish(APP, records)

    assert written == 3
    assert all(data.endswith(b"\n") and data.count(b"\n") == 1 for data in stream())
    assert [json.loads(data) for data in stream()] == records


def test_more_events_than_a_call_takes_are_split(hub, stream):
    hub.stream.publish(APP, [{"n": n} for n in range(1_201)])

    assert len(stream()) == 1_201


def test_a_project_without_a_stream_loses_its_events_quietly(hub):
    assert hub.stream.publish("other", [{"n": 1}]) == 0


class Kinesis:
    """Refuses some records of each call."""

    def __init__(self, refusals: list[int]) -> None:
        self.refusals = refusals
        self.kept: list[bytes] = []

    def client(self, role_arn: str, app_id: str, service: str, region: str) -> "Kinesis":
        return self

    def put_records(self, *, StreamARN: str, Records: list[dict[str, Any]]) -> dict[str, Any]:  # noqa: N803  # botocore's names
        refused = self.refusals.pop(0) if self.refusals else 0
        kept = Records[: len(Records) - refused]
        self.kept += [one["Data"] for one in kept]
        code = {"ErrorCode": "ProvisionedThroughputExceededException"}
        return {"Records": [{}] * len(kept) + [code] * refused}


def test_refused_records_and_only_those_are_put_again(hub, stream):
    kinesis: Any = Kinesis([2, 1])
    writer = EventStream(hub.entities, roles=kinesis, sleep=lambda seconds: None)

    writer.publish(APP, [{"n": n} for n in range(4)])

    assert [json.loads(data)["n"] for data in kinesis.kept] == [0, 1, 2, 3]


def test_a_stream_that_keeps_refusing_is_an_error_that_tells_how_many(hub, stream):
    kinesis: Any = Kinesis([2] * 9)
    writer = EventStream(hub.entities, roles=kinesis, sleep=lambda seconds: None)

    with pytest.raises(EventsNotDelivered, match="2 of the events"):
        writer.publish(APP, [{"n": n} for n in range(4)])


class Reads:
    """The stream of one project, and how often it was read."""

    def __init__(self, body: Any) -> None:
        self.body = body
        self.count = 0

    def get(self, app_id: str, kind: Kind, entity_id: str) -> Any:
        self.count += 1
        return self.body


class Clock:
    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> float:
        return self.seconds


REGISTERED = {"DestinationStreamArn": STREAM, "RoleArn": ROLE}


def writer_of(reads: Reads, kinesis: Any, clock: Clock | None = None) -> EventStream:
    return EventStream(reads, roles=kinesis, sleep=lambda seconds: None, clock=clock or Clock())


def test_a_projects_stream_is_read_once_in_some_seconds():
    reads, clock = Reads(REGISTERED), Clock()
    writer = writer_of(reads, Kinesis([]), clock)

    for clock.seconds in (0, 1, 4.9, 5, 9.9):
        writer.publish(APP, [{"n": 1}])

    assert reads.count == 2


def test_a_project_without_a_stream_is_asked_about_each_second():
    reads, clock, kinesis = Reads(None), Clock(), Kinesis([])
    writer = writer_of(reads, kinesis, clock)

    for clock.seconds in (0, 0.5, 0.9):
        assert writer.publish(APP, [{"n": 1}]) == 0
    reads.body, clock.seconds = REGISTERED, 1.0

    assert writer.publish(APP, [{"n": 1}]) == 1
    assert reads.count == 2


def test_a_stream_that_was_replaced_elsewhere_gets_the_events_the_old_one_refuses():
    class OldIsGone(Kinesis):
        def put_records(self, *, StreamARN: str, Records: Any) -> dict[str, Any]:  # noqa: N803  # botocore's names
            if StreamARN == STREAM:
                raise ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutRecords")
            return super().put_records(StreamARN=StreamARN, Records=Records)

    reads, kinesis = Reads(REGISTERED), OldIsGone([])
    writer = writer_of(reads, kinesis)
    with pytest.raises(ClientError):
        writer.publish(APP, [{"n": 1}])
    reads.body = REGISTERED | {"DestinationStreamArn": STREAM.replace("events", "new")}

    writer.publish(APP, [{"n": 2}])

    assert [json.loads(line)["n"] for line in kinesis.kept] == [2]


def test_a_stream_that_changed_in_this_container_counts_at_once():
    reads, kinesis = Reads(None), Kinesis([])
    writer = writer_of(reads, kinesis)
    writer.publish(APP, [{"n": 1}])

    reads.body = REGISTERED
    writer.forget(APP)

    assert writer.publish(APP, [{"n": 2}]) == 1


def text_event(**members: Any) -> dict[str, Any]:
    return {
        "eventType": "TEXT_DELIVERED",
        "eventTimestamp": 1_800_000_000_000,
        "messageId": "m1",
        "destinationPhoneNumber": "+14255550100",
        "context": {"hub": json.dumps({"application_id": APP, "endpoint_id": "e1"})},
        **members,
    }


def sns(message: Any) -> dict[str, Any]:
    text = message if isinstance(message, str) else json.dumps(message)
    return {"Records": [{"EventSource": "aws:sns", "Sns": {"Message": text}}]}


@pytest.fixture
def handler(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.setattr(publish_events, "event_stream", lambda: hub.stream)
    return lambda event: publish_events.lambda_handler(event, None)  # type: ignore[arg-type]  # the context is not read


def test_a_delivery_event_of_a_text_reaches_the_projects_stream(handler, stream):
    handler(sns(text_event()))

    [record] = map(json.loads, stream())
    assert record["event_type"] == "_SMS.SUCCESS"
    assert (record["application"]["app_id"], record["client"]["client_id"]) == (APP, "e1")


def test_an_event_of_a_message_that_others_sent_is_left_alone(handler, stream):
    handler(sns(text_event(context={})))

    assert stream() == []


def test_the_greeting_of_ses_is_no_event():
    greeting = "Successfully validated SNS topic for Amazon SES event publishing."

    assert records_from(greeting, account_id="1", arrived=ARRIVED) == []


@pytest.mark.parametrize(
    "message", ["not json", "[]", "{}", json.dumps({"eventType": "TEXT_NEW", "messageId": "m"})]
)
def test_a_message_of_unknown_shape_is_an_error_and_so_reaches_the_failure_queue(handler, message):
    with pytest.raises(MalformedEvent):
        handler(sns(message))


# Roles


class Sts:
    """Gives credentials that end an hour after ARRIVED, or the given time."""

    def __init__(self) -> None:
        self.requests: list[dict[str, str]] = []

    def assume_role(self, **request: str) -> dict[str, Any]:
        self.requests.append(request)
        keys = dict.fromkeys(("AccessKeyId", "SecretAccessKey", "SessionToken"), "x")
        return {"Credentials": {**keys, "Expiration": ARRIVED}}


def roles_of(sts: Any, clock: Any, made: list[Any]) -> CustomerRoles:
    def make_client(service: str, **settings: Any) -> Any:
        made.append((service, settings["config"]))
        return object()

    return CustomerRoles(sts, clock=clock, make_client=make_client)


def test_a_role_is_assumed_with_the_project_as_external_id_and_then_remembered(hub):
    sts: Any = Sts()
    roles = CustomerRoles(sts, clock=lambda: ARRIVED.timestamp() - 3_600)

    assert roles.session(ROLE, APP) is roles.session(ROLE, APP)
    [request] = sts.requests
    assert (request["RoleArn"], request["ExternalId"]) == (ROLE, APP)


def test_a_role_has_one_client_of_a_service_until_its_credentials_end():
    sts: Any = Sts()
    made: list[Any] = []
    ages = iter([-1_800, -301, -299])  # the first call finds nothing to compare
    roles = roles_of(sts, lambda: ARRIVED.timestamp() + next(ages), made)

    clients = [roles.client(ROLE, APP, "kinesis", "us-east-1") for _ in range(4)]

    assert clients[0] is clients[1] is clients[2]
    assert clients[3] is not clients[0]
    assert len(sts.requests) == 2
    # A stream that does not answer must leave the API's function time to keep the events.
    assert all(config.read_timeout <= 5 and config.connect_timeout <= 2 for _, config in made)


def test_a_container_remembers_a_bounded_number_of_roles():
    sts: Any = Sts()
    made: list[Any] = []
    roles = roles_of(sts, lambda: ARRIVED.timestamp() - 3_600, made)

    for number in range(100):
        roles.client(ROLE, f"app{number}", "kinesis", "us-east-1")
    roles.client(ROLE, "app99", "kinesis", "us-east-1")
    roles.client(ROLE, "app0", "kinesis", "us-east-1")

    assert len(made) == 101


@pytest.mark.parametrize(
    ("role", "hint"),
    [("arn:aws:iam::123456789012:role/other", "/engagement-hub/"), ("nonsense", "IAM role")],
)
def test_a_role_outside_the_agreed_path_is_refused_before_sts_is_asked(role, hint):
    with pytest.raises(RoleNotAssumable, match=hint):
        CustomerRoles(sts=None).session(role, APP)


def test_a_role_that_does_not_trust_the_hub_names_the_external_id():
    class Refusing:
        def assume_role(self, **request: str) -> Any:
            raise ClientError({"Error": {"Code": "AccessDenied"}}, "AssumeRole")

    refusing: Any = Refusing()

    with pytest.raises(RoleNotAssumable, match=f"sts:ExternalId {APP}"):
        CustomerRoles(refusing).session(ROLE, APP)


# Functions


class Lambda:
    """Answers each call with the next of its answers; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls = 0

    def invoke(self, **request: Any) -> dict[str, Any]:
        self.calls += 1
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        if answer == "error":
            return {"FunctionError": "Unhandled", "Payload": io.BytesIO(b"{}")}
        return {"Payload": io.BytesIO(answer) if isinstance(answer, bytes) else answer}


class BrokenOff:
    """A body whose connection is silent amid the answer."""

    def read(self) -> bytes:
        raise ReadTimeoutError(endpoint_url="x")


def functions(client: Any) -> CustomerFunctions:
    return CustomerFunctions(client, sleep=lambda seconds: None)


THROTTLED = ClientError({"Error": {"Code": "TooManyRequestsException"}}, "Invoke")


def test_a_hook_has_three_attempts():
    client = Lambda("error", b"nonsense", b'{"e1": {}}')

    assert functions(client).ask("hook", {}) == {"e1": {}}


def test_a_hook_that_fails_three_times_has_failed():
    client = Lambda("error", ReadTimeoutError(endpoint_url="x"), "error")

    with pytest.raises(CallFailed):
        functions(client).ask("hook", {})
    assert client.calls == 3


def test_a_hook_that_is_throttled_has_three_attempts_and_not_nine():
    client = Lambda(*[THROTTLED] * 9)

    with pytest.raises(CallFailed, match="3 attempts failed"):
        functions(client).ask("hook", {})
    assert client.calls == 3


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        ([ClientError({"Error": {"Code": "AccessDeniedException"}}, "Invoke")], "AccessDenied"),
        ([EndpointConnectionError(endpoint_url="x")], "EndpointConnectionError"),
        ([b"nonsense"], "did not answer in readable JSON"),
        ([b"[" * 100_000], "did not answer in readable JSON"),
        ([b'{"e1": {"Metrics": {"n": ' + b"1" * 5_000 + b"}}}"], "did not answer in readable JSON"),
        ([b"\xff"], "did not answer in readable JSON"),
        ([BrokenOff()], "ReadTimeoutError"),
        (["error"], "ended with an error"),
    ],
)
def test_a_hook_that_failed_says_why(answers, reason):
    with pytest.raises(CallFailed, match=reason):
        functions(Lambda(*answers * 3)).ask("hook", {})


def test_a_delivery_is_repeated_only_when_it_was_throttled():
    throttled, failing = Lambda(THROTTLED, b"null"), Lambda("error", b"null")

    functions(throttled).deliver("custom", {})
    with pytest.raises(CallFailed):
        functions(failing).deliver("custom", {})

    assert (throttled.calls, failing.calls) == (2, 1)
