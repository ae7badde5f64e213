"""The two functions: calls become messages, and each message of a batch has its own end."""

import json
from datetime import timedelta
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ReadTimeoutError

from connect_campaign_channel.channel import Answer, Misconfigured, Status
from connect_campaign_channel.contact_claims import Outcome
from connect_campaign_channel.contacting import Again, Done, Wait
from shared.campaign_calls import MalformedCall
from shared.channel_intake import NotQueued, read_message
from shared.outcome_events import ChannelOutcome
from tests.builders.architectures import CONTEXT, load_function, service_error, sqs_event
from tests.builders.contacts import NUMBER, PROJECT, endpoint, message

CALLS = Path(__file__).parents[2] / "data" / "events" / "campaign_hook"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/endpoints"
CONNECT = {"instance_id": "i1", "contact_flow_id": "f1", "source_phone_number": "+12065550100"}
SETTINGS = {
    "CALLING_HOURS": json.dumps({"opens": "09:00", "closes": "20:00", "days": ["MON"]}),
    "CHANNEL": "connect",
    "CHANNEL_SETTINGS": json.dumps(CONNECT),
    "CONTACTS_PER_SECOND": "2",
    "MAX_AGE_HOURS": "24",
    "PROJECT_ID": PROJECT,
    "QUEUE_URL": QUEUE,
    "TABLE": "contacts",
    "TIMEOUT_SECONDS": "180",
}
ACCEPTED = Outcome(ChannelOutcome.ACCEPTED, None, "c1")


class Sqs:
    """A queue that takes messages, except for the entries that the test refuses."""

    def __init__(self) -> None:
        self.bodies: list[str] = []
        self.delays: list[int] = []
        self.hidden: dict[str, int] = {}
        self.refusing = False
        self.down: Exception | None = None

    def send_message_batch(self, *, QueueUrl: str, Entries: list[Any]) -> dict[str, Any]:
        if self.down:
            raise self.down
        if self.refusing:
            return {"Failed": [{"Id": one["Id"], "Code": "InternalError"} for one in Entries]}
        self.bodies += [one["MessageBody"] for one in Entries]
        return {}

    def send_message(self, *, QueueUrl: str, MessageBody: str, DelaySeconds: int) -> None:
        if self.down:
            raise self.down
        self.bodies.append(MessageBody)
        self.delays.append(DelaySeconds)

    def change_message_visibility(
        self, *, QueueUrl: str, ReceiptHandle: str, VisibilityTimeout: int
    ) -> None:
        if self.down:
            raise self.down
        assert 0 <= VisibilityTimeout <= 43_200
        self.hidden[ReceiptHandle] = VisibilityTimeout


def call(name: str = "custom_channel_campaign_request", **changes: Any) -> dict[str, Any]:
    event = json.loads((CALLS / f"{name}.json").read_text())
    changed = {**event, "ApplicationId": PROJECT, "Data": "Hello", **changes}
    return {member: value for member, value in changed.items() if value is not ...}


# Campaign → queue


@pytest.fixture
def sqs() -> Sqs:
    return Sqs()


@pytest.fixture
def intake(monkeypatch: Any, sqs: Sqs) -> ModuleType:
    module = load_function(monkeypatch, "connect_campaign_channel.functions.take", SETTINGS)
    monkeypatch.setattr(module, "sqs", sqs)
    monkeypatch.setattr("shared.channel_intake.time.sleep", lambda _: None)
    return module


@pytest.mark.parametrize(
    "name", ["custom_channel_campaign_request", "custom_channel_journey_request"]
)
def test_1_a_campaigns_and_a_journeys_call_are_queued_by_endpoint(
    intake: ModuleType, sqs: Sqs, name: str
) -> None:
    endpoints = {"e1": endpoint(), "e2": endpoint(ChannelType="SMS")}

    intake.lambda_handler(call(name, Endpoints=endpoints), CONTEXT)

    queued = [read_message(body) for body in sqs.bodies]
    assert [one.endpoint_id for one in queued] == ["e1", "e2"]
    assert [one.endpoint for one in queued] == list(endpoints.values())
    assert {one.problem for one in queued} == {None}
    assert {one.sending.journey_id is None for one in queued} == {"campaign" in name}


def test_5_the_answer_has_a_result_of_each_endpoint_by_which_a_journey_branches(
    intake: ModuleType,
) -> None:
    endpoints = {
        "queued": endpoint(),
        "out": endpoint(OptOut="ALL"),
        "off": endpoint(EndpointStatus="INACTIVE"),
        "mail": endpoint(ChannelType="EMAIL", Address="mary@example.com"),
        "room": endpoint(ChannelType="CUSTOM", Address="room-42"),
        "broken": "text",
    }

    answer = intake.lambda_handler(
        call("custom_channel_journey_request", Endpoints=endpoints), CONTEXT
    )

    assert {name: one["EventAttributes"] for name, one in answer.items()} == {
        "queued": {"Result": "Queued"},
        "out": {"Result": "Skipped", "Reason": "OPTED_OUT"},
        "off": {"Result": "Skipped", "Reason": "INACTIVE"},
        "mail": {"Result": "Skipped", "Reason": "OTHER_CHANNEL"},
        "room": {"Result": "Skipped", "Reason": "NO_PHONE_NUMBER"},
        "broken": {"Result": "Skipped", "Reason": "MALFORMED_ENDPOINT"},
    }


@pytest.mark.parametrize(
    "event",
    [
        None,
        [],
        "text",
        {},
        call(Endpoints=...),
        call(Endpoints=[]),
        call(Endpoints={f"e{n}": {} for n in range(51)}),
        call(ApplicationId=...),
        call(ApplicationId=5),
        call(ApplicationId="another-project"),
        call(CampaignId=...),
        call(CampaignId=["c"]),
        call(ActivityId=...),
        call(ActivityId=""),
        call(JourneyId="j1"),
        call(Data={}),
        call(Data=7),
        call(TreatmentId=0),
        call(ScheduledTime=1),
    ],
)
def test_a_call_of_another_form_is_refused_and_queues_nothing(
    intake: ModuleType, sqs: Sqs, event: Any
) -> None:
    with pytest.raises(MalformedCall):
        intake.lambda_handler(event, CONTEXT)

    assert sqs.bodies == []


@pytest.mark.parametrize(
    "data", [..., None, "", "  ", "{", "{}", '{"values": {"a b": "x"}}', "{{#if x}}"]
)
def test_4_data_that_cannot_be_used_fails_the_call_by_name(
    intake: ModuleType, sqs: Sqs, data: Any
) -> None:
    with pytest.raises(ValueError, match="Data") as caught:
        intake.lambda_handler(call(Data=data, Endpoints={"e1": endpoint()}), CONTEXT)

    assert type(caught.value).__name__ == "MalformedData"
    assert sqs.bodies == []


def test_2_messages_that_the_queue_refuses_fail_the_call_so_that_it_is_repeated(
    intake: ModuleType, sqs: Sqs
) -> None:
    sqs.refusing = True

    with pytest.raises(NotQueued):
        intake.lambda_handler(call(Endpoints={"e1": endpoint()}), CONTEXT)


def test_a_function_for_an_unknown_channel_does_not_start(monkeypatch: Any) -> None:
    with pytest.raises(LookupError, match="'letters'"):
        load_function(
            monkeypatch,
            "connect_campaign_channel.functions.take",
            {**SETTINGS, "CHANNEL": "letters"},
        )


# Queue → channel


class Project:
    """A project that takes events, except of the endpoints that it refuses."""

    def __init__(self) -> None:
        self.events: dict[str, list[dict[str, Any]]] = {}
        self.refused: set[str] = set()
        self.not_for: set[str] = set()  # a call with one of these endpoints is refused whole
        self.down: Exception | None = None
        self.calls = 0

    def put_events(self, *, ApplicationId: str, EventsRequest: Any) -> dict[str, Any]:
        assert ApplicationId == PROJECT
        self.calls += 1
        if self.down:
            raise self.down
        if self.not_for & EventsRequest["BatchItem"].keys():
            raise service_error("PutEvents", "BadRequestException", 400)
        results = {}
        for endpoint_id, item in EventsRequest["BatchItem"].items():
            status = 400 if endpoint_id in self.refused else 202
            results[endpoint_id] = {
                "EventsItemResponse": {name: {"StatusCode": status} for name in item["Events"]}
            }
            if status == 202:
                self.events.setdefault(endpoint_id, []).extend(item["Events"].values())
        return {"EventsResponse": {"Results": results}}


class Claims:
    """The notes that outcomes were reported."""

    def __init__(self) -> None:
        self.reported: list[str] = []
        self.down: Exception | None = None

    def mark_reported(self, key: str) -> None:
        if self.down:
            raise self.down
        self.reported.append(key)


class Caller:
    """The function behind the queue, with a decision for each endpoint id."""

    def __init__(self, module: ModuleType, monkeypatch: Any, sqs: Sqs) -> None:
        self.module, self.sqs = module, sqs
        self.project, self.claims = Project(), Claims()
        self.ends: dict[str, Any] = {}
        self.handled: list[tuple[str, str, int]] = []
        monkeypatch.setattr(module, "sqs", sqs)
        monkeypatch.setattr(module, "pinpoint", self.project)
        monkeypatch.setattr(module, "claims", self.claims)
        monkeypatch.setattr(module, "contacting", SimpleNamespace(handle=self._handle))

    def _handle(self, one: Any, holder: str, receives: int) -> Any:
        self.handled.append((one.endpoint_id, holder, receives))
        end = self.ends[one.endpoint_id]
        if isinstance(end, Exception):
            raise end
        return end

    def __call__(self, *endpoint_ids: str, receives: int = 1, seconds: int = 180) -> list[str]:
        """Handle a batch. Returns the ids of the messages to redeliver."""
        return self.bodies(
            *(message(one).body() for one in endpoint_ids), receives=receives, seconds=seconds
        )

    def bodies(self, *bodies: str, receives: int = 1, seconds: int = 180) -> list[str]:
        event = sqs_event(*bodies)
        for record in event["Records"]:
            record["attributes"]["ApproximateReceiveCount"] = str(receives)
            record["receiptHandle"] = record["messageId"]
        context = SimpleNamespace(
            **vars(CONTEXT), get_remaining_time_in_millis=lambda: seconds * 1000
        )
        answer = self.module.lambda_handler(event, context)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


@pytest.fixture
def caller(monkeypatch: Any, sqs: Sqs) -> Caller:
    module = load_function(monkeypatch, "connect_campaign_channel.functions.contact", SETTINGS)
    return Caller(module, monkeypatch, sqs)


def test_3_each_outcome_is_an_event_of_its_endpoint_with_ids_and_reason(caller: Caller) -> None:
    caller.ends = {
        "mary": Done(ACCEPTED),
        "tom": Done(Outcome(ChannelOutcome.SKIPPED, "OPTED_OUT")),
    }

    assert caller("mary", "tom") == []

    (accepted,), (skipped,) = caller.project.events["mary"], caller.project.events["tom"]
    assert accepted["EventType"] == "custom_channel.accepted"
    assert accepted["Attributes"] == {
        "campaign_id": "c1",
        "campaign_activity_id": "run1",
        "channel": "connect",
        "contact_id": "c1",
    }
    assert skipped["EventType"] == "custom_channel.skipped"
    assert skipped["Attributes"]["reason"] == "OPTED_OUT"
    assert caller.claims.reported == [message("mary").key, message("tom").key]


def test_an_outcome_that_was_reported_makes_no_event(caller: Caller) -> None:
    caller.ends = {"mary": Done(None)}

    assert caller("mary") == []
    assert caller.project.events == {}


def test_a_message_that_waits_is_hidden_until_it_is_due_and_comes_back(caller: Caller) -> None:
    caller.ends = {"mary": Wait(3600, "HOURS"), "tom": Done(ACCEPTED)}

    assert caller("mary", "tom") == ["m0"]
    assert caller.sqs.hidden == {"m0": 3600}


def test_a_wait_of_more_than_twelve_hours_is_cut_to_what_the_queue_can_hide(
    caller: Caller,
) -> None:
    caller.ends = {"mary": Wait(60 * 3600, "HOURS")}

    assert caller("mary") == ["m0"]
    assert caller.sqs.hidden == {"m0": 43_000}


def test_waiting_brings_no_message_to_the_dead_letter_queue(caller: Caller) -> None:
    caller.ends = {"mary": Wait(3600, "HOURS")}

    assert caller("mary", receives=5) == []
    assert caller.sqs.bodies == [message("mary").body()]
    assert caller.sqs.delays == [900]


def test_a_copy_that_the_queue_refuses_keeps_the_message(caller: Caller) -> None:
    caller.ends = {"mary": Wait(3600, "HOURS")}
    caller.sqs.down = service_error("SendMessage", "ThrottlingException", 400)

    assert caller("mary", receives=5) == ["m0"]


@pytest.mark.parametrize(
    "end",
    [
        Again("ReadTimeoutError"),
        Misconfigured("ResourceNotFoundException"),
        service_error("GetItem", "ProvisionedThroughputExceededException", 400),
        ReadTimeoutError(endpoint_url="https://dynamodb"),
        KeyError("a member that a channel of yours did not foresee"),
    ],
)
def test_a_failure_brings_its_own_message_back_and_no_other(caller: Caller, end: Any) -> None:
    caller.ends = {"mary": end, "tom": Done(ACCEPTED)}

    assert caller("mary", "tom") == ["m0"]
    assert set(caller.project.events) == {"tom"}
    assert caller.sqs.hidden == {"m0": 30}


def test_wrong_settings_are_told_in_the_log_by_their_code(caller: Caller, caplog: Any) -> None:
    caller.ends = {"mary": Misconfigured("ResourceNotFoundException")}

    caller("mary")

    (error, _) = caplog.records
    assert "check its settings and permissions" in error.message
    assert error.error_code == "ResourceNotFoundException"


@pytest.mark.parametrize(
    "body", ["", "{", "null", "[]", '"x"', "{}", message().body().replace("sending", "sent")]
)
def test_a_body_of_another_form_comes_back_soon_and_costs_no_other_message(
    caller: Caller, body: str
) -> None:
    caller.ends = {"tom": Done(ACCEPTED)}

    assert caller.bodies(body, message("tom").body()) == ["m0"]
    assert caller.sqs.hidden == {"m0": 1}
    assert set(caller.project.events) == {"tom"}


def test_a_message_that_came_too_late_in_the_invocation_is_not_begun(caller: Caller) -> None:
    assert caller("mary", seconds=149) == ["m0"]
    assert caller.handled == []


def test_each_attempt_has_a_name_of_its_own_and_knows_the_receives(caller: Caller) -> None:
    caller.ends = {"mary": Done(ACCEPTED), "tom": Done(ACCEPTED)}

    caller("mary", "tom", receives=3)

    assert caller.handled == [("mary", "request-1/m0", 3), ("tom", "request-1/m1", 3)]


def test_an_event_that_is_refused_keeps_no_other_one_out_of_the_stream(caller: Caller) -> None:
    caller.ends = {"mary": Done(ACCEPTED), "tom": Done(ACCEPTED)}
    caller.project.refused = {"mary"}

    assert caller("mary", "tom") == ["m0"]
    assert len(caller.project.events["tom"]) == 1
    assert caller.claims.reported == [message("tom").key]


def test_an_event_for_which_the_whole_call_is_refused_keeps_no_other_one_out(
    caller: Caller,
) -> None:
    caller.ends = {"mary": Done(ACCEPTED), "tom": Done(ACCEPTED)}
    caller.project.not_for = {"mary"}

    assert caller("mary", "tom") == ["m0"]
    assert len(caller.project.events["tom"]) == 1
    assert caller.claims.reported == [message("tom").key]


@pytest.mark.parametrize(
    "error",
    [
        service_error("PutEvents", "TooManyRequestsException", 429),
        ReadTimeoutError(endpoint_url="https://api"),
    ],
)
def test_outcomes_that_could_not_be_reported_come_back_after_one_call(
    caller: Caller, error: Exception
) -> None:
    caller.ends = {"mary": Done(ACCEPTED), "tom": Done(ACCEPTED)}
    caller.project.down = error

    assert caller("mary", "tom") == ["m0", "m1"]
    assert caller.claims.reported == []
    assert caller.project.calls == 1


def test_an_outcome_whose_note_is_lost_comes_back(caller: Caller) -> None:
    caller.ends = {"mary": Done(ACCEPTED)}
    caller.claims.down = ReadTimeoutError(endpoint_url="https://dynamodb")

    assert caller("mary") == ["m0"]


def test_a_visibility_that_cannot_be_changed_is_that_of_the_queue(caller: Caller) -> None:
    caller.ends = {"mary": Wait(3600, "HOURS")}
    caller.sqs.down = service_error("ChangeMessageVisibility", "InvalidParameterValue", 400)

    assert caller("mary") == ["m0"]


def test_7_no_function_logs_a_number_a_name_or_a_text(
    caller: Caller, intake: ModuleType, caplog: Any, capsys: Any
) -> None:
    caller.ends = {
        "mary@example.com": Again("ReadTimeoutError"),
        "tom@example.com": Done(ACCEPTED),
    }
    caller("mary@example.com", "tom@example.com")
    intake.lambda_handler(call(Endpoints={"mary@example.com": endpoint()}), CONTEXT)
    with pytest.raises(MalformedCall):
        intake.lambda_handler(call(ActivityId=...), CONTEXT)

    logged = str([vars(record) for record in caplog.records]) + capsys.readouterr().out

    assert "Message is redelivered" in logged
    for secret in (NUMBER, "mary", "tom@", "Hello", "Mary"):
        assert secret not in logged


def test_the_settings_become_rules(caller: Caller, monkeypatch: Any) -> None:
    module = load_function(
        monkeypatch,
        "connect_campaign_channel.functions.contact",
        {**SETTINGS, "CALLING_HOURS": ""},
    )

    assert module.hours is None
    assert caller.module.hours.days == frozenset({0})
    assert caller.module.channel.repeatable > timedelta(days=6)
    assert Answer.refused("x").status is Status.REFUSED
