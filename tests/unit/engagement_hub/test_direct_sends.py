"""Direct sends: once, paced, within the request's time, from the project's senders."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator, Mapping
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ClientError, ReadTimeoutError

from engagement_hub.api import delivery
from engagement_hub.api.responder import respond
from engagement_hub.hub import Account, Hub
from engagement_hub.pace import Paces
from engagement_hub.senders import SendOutcome
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import ACCOUNT, EntityStore, Kind
from engagement_hub.store.sent_requests import SentRequests
from shared.pacing import PacingContention
from tests.builders.hub import (
    ACCOUNT_ID,
    REGION,
    TABLES,
    OneCallAtATime,
    http_event,
    hub_client,
    hub_tables,
)
from tests.builders.hub_fakes import FakePaces, FakeSenders, FakeStream, FakeUndelivered

APP = "app1"
IDENTITY = f"arn:aws:ses:{REGION}:{ACCOUNT_ID}:identity/shop.example"


class FaultyTable:
    """A DynamoDB client whose writes to records of requests fail, or lose their answers."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.fail: list[str] = []
        self.lose: list[str] = []

    def __getattr__(self, name: str) -> Any:
        operation = getattr(self._client, name)

        def call(**request: Any) -> Any:
            if name in self.fail:
                self.fail.remove(name)
                raise ClientError({"Error": {"Code": "InternalServerError"}}, name)
            answer = operation(**request)
            if name in self.lose:
                self.lose.remove(name)
                return operation(**request)  # as botocore does after a lost answer
            return answer

        return call


class World:
    """A hub with fakes at its seams, and a clock that only sleeping moves."""

    def __init__(self, tables: Any) -> None:
        self.seconds = 1_000.0
        self.table = FaultyTable(OneCallAtATime(tables))
        self.hub = self.container()
        self.senders: FakeSenders = FakeSenders()
        self.paces = FakePaces(self.hub.clock)
        self.stream = FakeStream()
        self.undelivered = FakeUndelivered()
        fakes: Any = self.hub
        fakes.senders = self.senders
        fakes.paces = self.paces
        fakes.stream = self.stream
        fakes.undelivered = self.undelivered
        self.hub.entities.put(ACCOUNT, Kind.APP, APP, {"Id": APP, "Name": "shop"})
        self._requests = 0

    def container(self) -> Hub:
        hub = Hub(
            entities=EntityStore(TABLES["ENTITIES_TABLE"], self.table),  # type: ignore[arg-type]
            endpoints=EndpointStore(TABLES["ENDPOINTS_TABLE"], client=self.table),  # type: ignore[arg-type]
            account=Account("aws", REGION, ACCOUNT_ID),
            clock=lambda: self.seconds,
            monotonic=lambda: self.seconds,
            sleep=self.sleep,
        )
        hub.sent_requests = SentRequests(TABLES["RUNS_TABLE"], hub.clock, self.table)  # type: ignore[arg-type]
        return hub

    def sleep(self, seconds: float) -> None:
        self.seconds += seconds

    def endpoint(self, endpoint_id: str, **members: Any) -> None:
        self.hub.endpoints.update_many(
            APP,
            [(endpoint_id, members)],
            now="2027-01-15T07:00:00.000Z",
            request_id="r",  # type: ignore[list-item]
        )

    def call(
        self, method: str, path: str, body: Mapping[str, Any], invocation: str | None = None
    ) -> tuple[int, Any]:
        self._requests += 1
        event = http_event(
            method,
            f"/v1/apps/{APP}/{path}",
            body=json.dumps(body),
            request_id=f"request-{self._requests}",
            invocation=invocation,
        )
        answer = respond(self.hub, event)
        return answer["statusCode"], json.loads(answer["body"])

    def send(self, invocation: str | None = None, **request: Any) -> Any:
        status, answer = self.call("POST", "messages", message(**request), invocation)
        assert status == 200, answer
        return answer

    def send_to_users(self, users: Any, invocation: str | None = None) -> tuple[int, Any]:
        body = {
            "Users": dict.fromkeys(users, {}),
            "MessageConfiguration": {"SMSMessage": {"Body": "Hi"}},
        }
        return self.call("POST", "users-messages", body, invocation)


def message(**request: Any) -> dict[str, Any]:
    email = {"SimpleEmail": {"Subject": {"Data": "S"}, "TextPart": {"Data": "T"}}}
    return {
        "MessageConfiguration": {"SMSMessage": {"Body": "Hi"}, "EmailMessage": email},
        **request,
    }


def numbers(count: int) -> dict[str, Any]:
    return {f"+1206555{number:04d}": {"ChannelType": "SMS"} for number in range(count)}


def mails(*addresses: str) -> dict[str, Any]:
    return {address: {"ChannelType": "EMAIL"} for address in addresses}


def statuses(answer: Any) -> dict[str, int]:
    counted: dict[str, int] = {}
    for result in answer["Result"].values():
        counted[result["DeliveryStatus"]] = counted.get(result["DeliveryStatus"], 0) + 1
    return counted


@pytest.fixture
def world() -> Iterator[World]:
    with hub_tables() as tables:
        yield World(tables)


# Within the request's time, at the channel's rate


@pytest.mark.parametrize(("rate", "sent"), [(14, 100), (2, 40), (1, 20)])
def test_a_request_sends_at_the_rate_for_twenty_seconds_and_leaves_the_rest_untried(
    world, rate, sent
):
    world.paces.rates["EMAIL"] = float(rate)
    began = world.seconds

    answer = world.send(Addresses=mails(*(f"a{number}@example.com" for number in range(100))))

    assert len(world.senders.sent) in range(sent, sent + 2)
    tried = len(world.senders.sent)
    rest = {"THROTTLED": 100 - tried} if tried < 100 else {}
    assert statuses(answer) == {"SUCCESSFUL": tried} | rest
    assert world.seconds - began <= 20


def test_recipients_that_were_not_tried_are_answered_429_with_the_way_out(world):
    world.paces.next["SMS"] = world.seconds + 1_000

    answer = world.send(Addresses=numbers(1))

    [result] = answer["Result"].values()
    assert (result["DeliveryStatus"], result["StatusCode"]) == ("THROTTLED", 429)
    assert "Send to this recipient again" in result["StatusMessage"]
    assert world.senders.sent == []


def test_a_channel_that_is_booked_out_holds_no_other_channel_up(world):
    world.paces.next["EMAIL"] = world.seconds + 1_000

    answer = world.send(Addresses=numbers(30) | mails("ann@example.com"))

    assert len(world.senders.sent) == 30
    assert answer["Result"]["ann@example.com"]["DeliveryStatus"] == "THROTTLED"


def test_sends_are_spread_over_the_time_that_the_rate_asks_for(world):
    world.paces.rates["SMS"] = 10.0
    waits: list[float] = []
    world.hub.sleep = lambda seconds: (waits.append(seconds), world.sleep(seconds))

    world.send(Addresses=numbers(40))

    assert waits == pytest.approx([0.1] * 39)


@pytest.mark.parametrize(
    "error",
    [
        PacingContention("busy"),
        ClientError({"Error": {"Code": "ProvisionedThroughputExceededException"}}, "UpdateItem"),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_schedule_that_cannot_be_asked_sends_nothing(world, error):
    world.paces.error = error

    answer = world.send(Addresses=numbers(3))

    assert statuses(answer) == {"THROTTLED": 3}
    assert world.senders.sent == []


def test_direct_sends_and_campaigns_share_the_schedule_of_a_channel(world):
    paces = Paces(TABLES["RUNS_TABLE"], world.table, clock=lambda: world.seconds)
    world.hub.paces = paces

    world.send(Addresses=numbers(10))

    item = world.table.get_item(
        TableName=TABLES["RUNS_TABLE"], Key={"pk": {"S": "pace#SMS#0"}, "sk": {"S": "pace"}}
    )["Item"]
    assert int(item["next"]["N"]) == 1_000_500_000  # ten texts at the hub's 20 a second


def test_a_send_without_an_answer_in_the_requests_time_is_unknown(world, monkeypatch):
    monkeypatch.setattr(delivery, "_LAST_ANSWER_SECONDS", 0.05)
    release = threading.Event()
    world.senders.before = lambda address: address.endswith("0000") and release.wait(30)

    answer = world.send(Addresses=numbers(2))
    release.set()

    assert answer["Result"]["+12065550000"]["DeliveryStatus"] == "UNKNOWN_FAILURE"
    assert answer["Result"]["+12065550001"]["DeliveryStatus"] == "SUCCESSFUL"


def test_a_fault_in_one_send_loses_no_other_result(world):
    def fail(address: str) -> None:
        if address.endswith("0001"):
            raise AttributeError(address)

    world.senders.before = fail

    answer = world.send(Addresses=numbers(3))

    assert statuses(answer) == {"SUCCESSFUL": 2, "UNKNOWN_FAILURE": 1}
    assert answer["Result"]["+12065550001"]["DeliveryStatus"] == "UNKNOWN_FAILURE"


def test_a_request_to_users_sends_to_a_hundred_endpoints_at_most(world):
    for user in range(26):
        for number in range(4):
            world.endpoint(
                f"{user}-{number}",
                ChannelType="SMS",
                Address=f"+1206555{user * 4 + number:04d}",
                User={"UserId": f"u{user}"},
            )

    status, refused = world.send_to_users(f"u{user}" for user in range(26))
    sent_in_vain = list(world.senders.sent)
    _, answer = world.send_to_users(f"u{user}" for user in range(25))

    assert status == 400
    assert "104 endpoints" in refused["Message"]
    assert sent_in_vain == []
    assert sum(len(results) for results in answer["Result"].values()) == 100
    assert len(world.senders.sent) == 100


# Once


def test_the_clients_repetition_of_a_request_sends_nothing_twice_and_gets_its_results(world):
    world.paces.rates["SMS"] = 4.0
    world.endpoint("out", ChannelType="SMS", Address="+12065559999", OptOut="ALL")
    request = {"Addresses": numbers(100), "Endpoints": {"out": {}}}
    request["Addresses"].popitem()

    first = world.send("call-1", **request)
    repeated = world.send("call-1", **request)

    assert statuses(first)["THROTTLED"] > 0
    assert repeated == first
    assert len(world.senders.addresses) == len(set(world.senders.addresses))
    assert len(world.senders.sent) == statuses(first)["SUCCESSFUL"]


def test_botocores_own_retry_of_a_request_whose_answer_is_lost_sends_nothing_twice(
    world, monkeypatch
):
    monkeypatch.setattr("botocore.endpoint.time", SimpleNamespace(sleep=lambda seconds: None))
    attempts: list[dict[str, Any]] = []

    def answer_is_lost_at_first(event: dict[str, Any]) -> dict[str, Any]:
        event["requestContext"]["requestId"] = f"attempt-{len(attempts)}"
        attempts.append(respond(world.hub, event))
        lost = {"statusCode": 503, "headers": {}, "body": '{"message":"Service Unavailable"}'}
        return lost if len(attempts) == 1 else attempts[-1]

    client = hub_client(answer_is_lost_at_first, decoded_path=True, attempts=3)

    answer = client.send_messages(ApplicationId=APP, MessageRequest=message(Addresses=numbers(2)))[
        "MessageResponse"
    ]

    assert len(attempts) == 2
    assert len(world.senders.sent) == 2
    assert (answer["RequestId"], statuses(answer)) == ("attempt-0", {"SUCCESSFUL": 2})


def test_another_call_another_body_and_a_client_without_ids_send_again(world):
    world.send("call-1", Addresses=numbers(1))

    world.send("call-2", Addresses=numbers(1))
    world.send("call-1", Addresses=numbers(2))
    world.send(None, Addresses=numbers(1))
    world.send(None, Addresses=numbers(1))

    assert len(world.senders.sent) == 1 + 1 + 2 + 1 + 1


def test_a_repetition_of_an_attempt_that_does_not_end_sends_nothing(world):
    repeated: list[Any] = []

    def repeat(address: str) -> None:
        if address.endswith("0007"):
            world.senders.before = lambda address: None
            # The first attempt stops until the repetition has waited for its whole time.
            thread = threading.Thread(
                target=lambda: repeated.append(world.send("call-1", Addresses=numbers(10)))
            )
            thread.start()
            thread.join()

    world.senders.before = repeat

    first = world.send("call-1", Addresses=numbers(10))

    assert statuses(first) == {"SUCCESSFUL": 10}
    assert len(world.senders.sent) == 10
    [answer] = repeated
    assert set(answer["Result"]) == set(first["Result"])
    # It could not wait for the end, and does not know what came of the messages.
    assert statuses(answer) == {"UNKNOWN_FAILURE": 10}


def test_a_repetition_waits_for_the_results_of_the_attempt_under_way(world):
    requests = world.hub.sent_requests.request
    first = requests(APP, "another", "request-0")
    world.hub.sent_requests.request = lambda app_id, digest, holder: requests(
        app_id, "another", holder
    )
    path = ("Result", "+12065550000")
    first.claim([path], {})
    result = {"DeliveryStatus": "SUCCESSFUL", "StatusCode": 200, "MessageId": "m-0"}

    def end_after_some_seconds(seconds: float) -> None:
        world.seconds += seconds
        if world.seconds > 1_003:
            first.finish({path: result})

    world.hub.sleep = end_after_some_seconds

    answer = world.send("call-1", Addresses=numbers(1))

    assert (answer["RequestId"], answer["Result"]) == ("request-0", {"+12065550000": result})
    assert world.senders.sent == []


def test_a_request_that_was_broken_off_is_answered_by_what_was_written(world):
    class Killed(BaseException):
        """Stands for a function that is ended."""

    world.paces.rates["SMS"] = 5.0
    reserve, windows = world.paces.reserve, iter(range(100))

    def kill_at_the_third_window(*arguments: Any) -> Any:
        if next(windows) == 2:
            raise Killed
        return reserve(*arguments)

    world.paces.reserve = kill_at_the_third_window
    with pytest.raises(Killed):
        world.send("call-1", Addresses=numbers(40))
    world.paces.reserve = reserve
    world.seconds += 31
    sent = list(world.senders.addresses)

    answer = world.send("call-1", Addresses=numbers(40))

    assert world.senders.addresses == sent
    assert statuses(answer) == {"SUCCESSFUL": 20, "UNKNOWN_FAILURE": 10, "THROTTLED": 10}
    assert answer["RequestId"] == "request-1"


def test_a_lost_answer_of_the_first_claim_is_recognised_as_ones_own(world):
    world.table.lose = ["put_item"]

    answer = world.send("call-1", Addresses=numbers(3))

    assert statuses(answer) == {"SUCCESSFUL": 3}


def test_a_request_whose_record_cannot_be_written_sends_nothing(world):
    world.table.fail = ["put_item"]

    status, _ = world.call("POST", "messages", message(Addresses=numbers(3)), "call-1")
    after_failure = list(world.senders.sent)
    answer = world.send("call-1", Addresses=numbers(3))

    assert (status, after_failure) == (500, [])
    assert statuses(answer) == {"SUCCESSFUL": 3}


def test_a_record_that_fails_midway_loses_no_result_and_stops_the_sends(world):
    world.paces.rates["SMS"] = 5.0
    world.table.fail = ["update_item"]

    answer = world.send("call-1", Addresses=numbers(30))

    assert statuses(answer) == {"SUCCESSFUL": 10, "THROTTLED": 20}
    assert len(world.senders.sent) == 10


def test_results_that_cannot_be_written_are_answered_all_the_same(world):
    world.table.fail = ["update_item"]

    answer = world.send("call-1", Addresses=numbers(3))

    assert statuses(answer) == {"SUCCESSFUL": 3}


def test_the_record_of_a_request_expires(world):
    world.send("call-1", Addresses=numbers(1))

    items = world.table.scan(TableName=TABLES["RUNS_TABLE"])["Items"]
    [record] = [item for item in items if item["pk"]["S"].startswith("sent#")]
    assert 0 < int(record["expires_at"]["N"]) - world.seconds <= 24 * 3600


def test_a_users_repeated_request_gets_the_results_of_its_endpoints(world):
    for number in range(3):
        world.endpoint(
            f"e{number}",
            ChannelType="SMS",
            Address=f"+1206555000{number}",
            User={"UserId": "ann"},
        )

    first = world.send_to_users(["ann"], "call-1")
    repeated = world.send_to_users(["ann"], "call-1")

    assert repeated == first
    assert len(world.senders.sent) == 3


# Mailboxes


def test_one_mailbox_in_two_spellings_gets_one_email(world):
    world.endpoint("e1", ChannelType="EMAIL", Address="ann@xn--mnchen-3ya.example")

    answer = world.send(
        Addresses=mails("Ann@München.example", "ann@münchen.example", "bob@example.com"),
        Endpoints={"e1": {}},
    )

    assert world.senders.addresses == ["Ann@München.example", "bob@example.com"]
    assert answer["Result"]["ann@münchen.example"]["DeliveryStatus"] == "DUPLICATE"
    assert answer["EndpointResult"]["e1"]["DeliveryStatus"] == "DUPLICATE"


# Ids that no endpoint can have


@pytest.mark.parametrize("odd", ["", "x" * 3_000, "a\tb"])
def test_an_id_that_no_endpoint_can_have_fails_alone(world, odd):
    answer = world.send(Addresses=numbers(1), Endpoints={odd: {}})
    users_status, users = world.send_to_users([odd])

    assert statuses(answer) == {"SUCCESSFUL": 1}
    assert answer["EndpointResult"][odd]["StatusCode"] == 404
    assert (users_status, users["Result"]) == (200, {odd: {}})


# Settings


def test_a_projects_email_sender_is_used_unless_the_message_names_one(world):
    channel = {
        "FromAddress": "Brand <brand@shop.example>",
        "Identity": IDENTITY,
        "ConfigurationSet": "shop",
    }
    assert world.call("PUT", "channels/email", channel)[0] == 200
    own = {"EmailMessage": {"FromAddress": "hub@example.com", "Body": "T"}}

    world.send(Addresses=mails("ann@example.com"))
    world.send(Addresses=mails("bob@example.com"), MessageConfiguration=own)

    by_address = {one.address: one.content for one in world.senders.sent}
    assert by_address["ann@example.com"].from_address == "Brand <brand@shop.example>"
    assert by_address["ann@example.com"].configuration_set == "shop"
    assert by_address["bob@example.com"].from_address == "hub@example.com"


@pytest.mark.parametrize(
    ("channel", "origination"), [({"SenderId": "SHOP"}, "SHOP"), ({"ShortCode": "12345"}, "12345")]
)
def test_a_projects_text_sender_is_used_unless_the_message_names_one(world, channel, origination):
    assert world.call("PUT", "channels/sms", channel)[0] == 200
    own = {"SMSMessage": {"Body": "Hi", "SenderId": "OTHER"}}

    world.send(Addresses=numbers(1))
    world.send(Addresses=numbers(1), MessageConfiguration=own)

    projects, messages = (one.content for one in world.senders.sent)
    assert projects.origination_identity == origination
    assert (messages.origination_identity, messages.sender_id) == (None, "OTHER")


@pytest.mark.parametrize(
    ("word", "channel", "named"),
    [
        ("email", {"FromAddress": "brand@shop.example", "Identity": ""}, "Identity"),
        ("email", {"FromAddress": "", "Identity": IDENTITY}, "FromAddress"),
        ("email", {"FromAddress": "günther@shop.example", "Identity": IDENTITY}, "FromAddress"),
        ("email", {"FromAddress": "other@shop.example", "Identity": IDENTITY}, "other_senders"),
        (
            "email",
            {"FromAddress": "brand@shop.example", "Identity": IDENTITY.replace("shop", "pop")},
            "Identity",
        ),
        (
            "email",
            {
                "FromAddress": "brand@shop.example",
                "Identity": IDENTITY,
                "ConfigurationSet": "unknown",
            },
            "other_configuration_sets",
        ),
        *(
            (
                "email",
                {
                    "FromAddress": "brand@shop.example",
                    "Identity": IDENTITY,
                    role: f"arn:aws:iam::{ACCOUNT_ID}:role/x",
                },
                role,
            )
            for role in ("RoleArn", "OrchestrationSendingRoleArn")
        ),
        ("sms", {"SenderId": "UNKNOWN"}, "other_origination_identity_arns"),
        ("sms", {"ShortCode": "12 345"}, "ShortCode"),
        ("sms", {"ShortCode": "12345", "SenderId": "SHOP"}, "SenderId and ShortCode"),
    ],
)
def test_a_channel_setting_that_the_hub_cannot_honour_is_refused(world, word, channel, named):
    status, answer = world.call("PUT", f"channels/{word}", channel)

    assert status == 400
    assert named in answer["Message"]
    assert world.hub.entities.get(APP, Kind.CHANNEL, word) is None


def test_an_empty_string_takes_a_setting_back(world):
    world.call("PUT", "channels/sms", {"SenderId": "SHOP"})

    _, channel = world.call("PUT", "channels/sms", {"SenderId": "", "ShortCode": "12345"})

    assert (channel["ShortCode"], channel.get("SenderId")) == ("12345", None)


@pytest.mark.parametrize(("word", "variable"), [("email", "EMAIL_ADDRESSES"), ("sms", "SMS_ORI")])
def test_a_hub_that_does_not_send_on_a_channel_takes_no_sender_for_it(
    world, monkeypatch, word, variable
):
    for name in ("EMAIL_ADDRESSES", "SMS_ORIGINATION_IDENTITY"):
        monkeypatch.delenv(name)
    channel = (
        {"FromAddress": "brand@shop.example", "Identity": IDENTITY}
        if word == "email"
        else {"SenderId": "SHOP"}
    )

    assert world.call("PUT", f"channels/{word}", channel)[0] == 400
    assert world.call("PUT", "channels/sms", {"Enabled": True})[0] == 200


@pytest.mark.parametrize(
    ("request_members", "named"),
    [
        ({"TraceId": "t", "Addresses": numbers(1)}, "TraceId"),
        (
            {"Addresses": {"+12065550101": {"ChannelType": "SMS", "RawContent": "{}"}}},
            "Addresses[0].RawContent",
        ),
        ({"Endpoints": {"e1": {"RawContent": "{}"}}}, "Endpoints[0].RawContent"),
        *(
            (
                {
                    "Addresses": numbers(1),
                    "MessageConfiguration": {"EmailMessage": {"Body": "T", **settings}},
                },
                named,
            )
            for settings, named in [
                ({"FromAddress": "no mailbox"}, "EmailMessage.FromAddress"),
                ({"ReplyToAddresses": ["a@example.com", "b@"]}, "ReplyToAddresses[1]"),
                (
                    {"FeedbackForwardingAddress": "A <a@example.com>"},
                    "EmailMessage.FeedbackForwardingAddress",
                ),
            ]
        ),
        *(
            (
                {
                    "Addresses": numbers(1),
                    "MessageConfiguration": {
                        "SMSMessage": {"Body": "T", "MediaUrl": "s3://b/cat.png", member: value}
                    },
                },
                member,
            )
            for member, value in [
                ("Keyword", "SHOP"),
                ("EntityId", "1"),
                ("TemplateId", "1"),
                ("MessageType", "PROMOTIONAL"),
            ]
        ),
        (
            {
                "Addresses": numbers(1),
                "MessageConfiguration": {"SMSMessage": {"Body": "T", "Keyword": "x" * 31}},
            },
            "Keyword",
        ),
        (
            {
                "Addresses": numbers(1),
                "MessageConfiguration": {"VoiceMessage": {"Body": "T", "LanguageCode": "de-DE"}},
            },
            "VoiceId",
        ),
    ],
)
def test_a_member_that_no_service_honours_is_refused(world, request_members, named):
    status, answer = world.call("POST", "messages", message(**request_members))

    assert status == 400
    assert named in answer["Message"]
    assert world.senders.sent == []


def test_a_member_that_a_service_honours_reaches_it(world):
    configuration = {
        "SMSMessage": {"Body": "T", "Keyword": "SHOP"},
        "EmailMessage": {"Body": "T", "FeedbackForwardingAddress": "bounces@example.com"},
    }

    world.send(Addresses=numbers(1) | mails("ann@example.com"), MessageConfiguration=configuration)

    by_address = {one.address: one.content for one in world.senders.sent}
    assert by_address["+12065550000"].keyword == "SHOP"
    assert by_address["ann@example.com"].feedback_address == "bounces@example.com"


# Events of refused texts


def test_events_of_refused_texts_are_kept_when_the_stream_fails(world):
    world.senders.outcomes["+12065550000"] = SendOutcome.refused("no", reason="X")
    world.stream.error = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutRecords")

    answer = world.send(Addresses=numbers(1))

    assert statuses(answer) == {"PERMANENT_FAILURE": 1}
    [[record]] = world.undelivered.kept.values()
    assert record["event_type"] == "_SMS.FAILURE"


def test_events_that_cannot_be_kept_do_not_fail_messages_that_are_out(world):
    world.senders.outcomes["+12065550000"] = SendOutcome.refused("no", reason="X")
    world.stream.error = ClientError({"Error": {"Code": "ResourceNotFoundException"}}, "PutRecords")
    world.undelivered.error = ClientError({"Error": {"Code": "SlowDown"}}, "PutObject")

    answer = world.send(Addresses=numbers(2))

    assert statuses(answer) == {"PERMANENT_FAILURE": 1, "SUCCESSFUL": 1}
