"""The function: every record of a batch has its own outcome, and no record delays the others."""

import base64
import copy
import json
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pinpoint_event_processing.records import feedback_in
from shared.stream_records import DeadLetters
from shared.suppression import FeedbackKind, MalformedFeedback
from tests.builders.architectures import CONTEXT, load_function
from tests.builders.event_records import sample, samples
from tests.builders.suppression import World, client_error

ANN, BOB, EVE = "ann@example.com", "bob@example.com", "eve@example.com"
STREAM = "arn:aws:kinesis:eu-west-1:111122223333:stream/news"
SETTINGS = {
    "ADDRESS_TABLE": "addresses",
    "FEEDBACK_TABLE": "feedback",
    "EVENT_BUS_NAME": "default",
    "EVENT_SOURCE": "pinpoint_event_processing",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.eu-west-1.amazonaws.com/111122223333/dead",
}
NOTHING: dict[str, Any] = {"batchItemFailures": []}
PERSONAL = ("example.com", "Your spring offers")


def event(kind: str, *addresses: str, **detail: Any) -> dict[str, Any]:
    """The sample `email_<kind>` about these addresses, with a feedback id of its own."""
    value = copy.deepcopy(sample(f"pinpoint/email_{kind}"))
    mail_event = value["facets"]["email_channel"]["mail_event"]
    member, past = ("complaint", "complained") if kind == "complaint" else ("bounce", "bounced")
    said = {"status": "4.4.7"} if kind == "softbounce" else {}
    mail_event[member][f"{past}_recipients"] = [
        {"email_address": each, **said} for each in addresses
    ]
    mail_event[member]["feedback_id"] = f"{kind}-{'-'.join(addresses)}"
    mail_event[member].update(detail)
    return value


def records(*data: object) -> dict[str, Any]:
    """Build Lambda's event for records: bytes, texts, or values as JSON with a newline."""
    found = []
    for number, one in enumerate(data, 1):
        text = one if isinstance(one, bytes | str) else json.dumps(one) + "\n"
        raw = text.encode() if isinstance(text, str) else text
        found.append(
            {
                "eventID": f"shardId-000000000000:{number}",
                "eventSourceARN": STREAM,
                "kinesis": {
                    "sequenceNumber": str(number),
                    "partitionKey": "ann",
                    "data": base64.b64encode(raw).decode(),
                    "approximateArrivalTimestamp": 1772470823.28,
                },
            }
        )
    return {"Records": found}


def failures(*numbers: int) -> dict[str, Any]:
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}


class Queue:
    """The dead-letter queue; `down` has errors, taken off one by one."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []
        self.down: list[Exception] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        assert QueueUrl == SETTINGS["DEAD_LETTER_QUEUE_URL"]
        if self.down:
            raise self.down.pop(0)
        self.letters.append(json.loads(MessageBody))


class Function:
    """The handler, cold-started, with services in memory."""

    def __init__(self, monkeypatch, capsys):
        self.module = load_function(
            monkeypatch, "pinpoint_event_processing.functions.suppress", SETTINGS
        )
        self.world, self.queue, self._capsys = World(), Queue(), capsys
        monkeypatch.setattr(self.module, "suppressor", self.world.suppressor)
        monkeypatch.setattr(
            self.module,
            "dead_letters",
            DeadLetters(SETTINGS["DEAD_LETTER_QUEUE_URL"], self.module.logger, lambda: self.queue),
        )

    def __call__(self, *data, seconds=60):
        context = SimpleNamespace(
            **vars(CONTEXT), get_remaining_time_in_millis=lambda: seconds * 1000
        )
        return self.module.lambda_handler(records(*data), context)

    def printed(self):
        return self._capsys.readouterr().out


@pytest.fixture
def function(monkeypatch, capsys):
    return Function(monkeypatch, capsys)


def test_hard_bounces_and_complaints_suppress_every_recipient_they_name(function):
    answer = function(event("hardbounce", ANN, "BOB@example.com"), event("complaint", EVE))

    assert answer == NOTHING
    assert function.world.ses.suppressed == {ANN: "BOUNCE", BOB: "BOUNCE", EVE: "COMPLAINT"}
    assert function.world.item(ANN)["hard_bounces"] == 1
    assert {detail["address"] for detail in function.world.events.details} == {ANN, BOB, EVE}


def test_soft_bounces_count_until_they_are_too_many(function):
    def soft(number: int) -> dict[str, Any]:
        return event("softbounce", ANN, feedback_id=f"soft-{number}")

    function(soft(1), soft(2))
    assert function.world.ses.suppressed == {}

    function(soft(3))

    assert function.world.ses.suppressed == {ANN: "BOUNCE"}
    assert function.world.item(ANN)["soft_bounces"] == 3


def test_a_complaint_that_is_praise_suppresses_nobody(function):
    assert function(event("complaint", ANN, complaint_feedback_type="not-spam")) == NOTHING

    assert function.world.log == []


@pytest.mark.parametrize("name", samples("pinpoint"))
def test_every_documented_event_is_read_and_only_feedback_acts(function, name):
    answer = function(sample(name))

    assert answer == NOTHING
    assert function.queue.letters == []
    acts = name.removeprefix("pinpoint/email_") in ("hardbounce", "complaint", "softbounce")
    assert (function.world.item("mary.major@example.com") != {}) == acts


def test_a_batch_that_comes_twice_in_another_order_changes_nothing(function):
    batch = [event("hardbounce", ANN), event("complaint", ANN), event("hardbounce", BOB)]
    function(*batch)
    before = {address: function.world.item(address) for address in (ANN, BOB)}

    assert function(*reversed(batch)) == NOTHING

    assert {address: function.world.item(address) for address in (ANN, BOB)} == before
    assert function.world.ses.suppressed == {ANN: "COMPLAINT", BOB: "BOUNCE"}
    # Two, and the complaint again after the copy of a bounce, whose first attempt may have died.
    assert function.world.ses.calls == 3


@pytest.mark.parametrize(
    ("data", "reason"),
    [
        (b"\xff\xfe", "The record is not JSON."),
        ("[1]", "The record is not a JSON object."),
        ("[" * 100_000, "The record is not JSON."),
        ({"event_type": "_email.hardbounce"}, "The event's facets is not an object."),
    ],
)
def test_a_malformed_record_is_parked_at_once_and_holds_up_nobody(function, data, reason):
    answer = function(event("hardbounce", ANN), data, event("hardbounce", BOB))

    assert answer == NOTHING, "the shard goes on"
    assert set(function.world.ses.suppressed) == {ANN, BOB}
    [letter] = function.queue.letters
    assert letter["Reason"] == reason
    assert letter["StreamArn"] == STREAM
    assert (letter["ShardId"], letter["SequenceNumber"]) == ("shardId-000000000000", "2")
    assert letter["Data"] == records(data)["Records"][0]["kinesis"]["data"]


def test_a_recipient_that_cannot_be_read_is_parked_and_the_others_are_suppressed(function):
    assert function(event("hardbounce", ANN, "Lee, Bob"), event("complaint", EVE)) == NOTHING

    assert function.world.ses.suppressed == {ANN: "BOUNCE", EVE: "COMPLAINT"}
    [letter] = function.queue.letters
    assert letter["SequenceNumber"] == "1"


def test_a_record_that_the_table_will_never_take_is_parked_and_holds_up_nobody(function):
    refused = client_error("TransactWriteItems", "ValidationException")
    function.world.dynamodb.down = [refused, refused]

    assert function(event("hardbounce", ANN), event("hardbounce", BOB)) == NOTHING

    assert len(function.queue.letters) == 1


def test_what_ses_will_never_take_is_parked_and_not_tried_for_hours(function):
    function.world.ses.failing[ANN] = [client_error("Put", "BadRequestException")]

    assert function(event("hardbounce", ANN), event("hardbounce", BOB)) == NOTHING

    assert [letter["Reason"] for letter in function.queue.letters] == ["BadRequestException"]
    assert function.world.ses.suppressed == {BOB: "BOUNCE"}


def test_a_throttled_suppression_comes_back_and_is_done_then(function):
    function.world.ses.failing[ANN] = [client_error("Put", "TooManyRequestsException", 429)]
    batch = [event("hardbounce", BOB), event("hardbounce", ANN), event("complaint", EVE)]

    assert function(*batch) == failures(2)
    assert function(*batch[1:]) == NOTHING

    assert function.world.ses.suppressed == {ANN: "BOUNCE", BOB: "BOUNCE", EVE: "COMPLAINT"}
    assert function.world.ses.calls == 4, "what was done is not done again"


def test_a_malformed_record_behind_a_failure_is_parked_once(function):
    function.world.ses.failing[ANN] = [client_error("Put", "TooManyRequestsException", 429)]
    batch = [event("hardbounce", ANN), "no event"]

    assert function(*batch) == failures(1)
    assert function.queue.letters == []
    assert function(*batch) == NOTHING

    assert len(function.queue.letters) == 1


def test_a_malformed_record_that_cannot_be_parked_comes_back(function):
    function.queue.down = [client_error("SendMessage", "RequestThrottled")]

    assert function("no event", event("hardbounce", ANN)) == failures(1)

    assert function.world.ses.suppressed == {ANN: "BOUNCE"}
    assert function("no event") == NOTHING
    assert len(function.queue.letters) == 1


def test_what_there_is_no_time_for_comes_back(function):
    assert function(event("hardbounce", ANN), seconds=5) == failures(1)


def test_a_wave_of_a_thousand_bounces_takes_few_calls_beside_those_to_the_list(function):
    addresses = [f"a{number}@example.com" for number in range(1000)]

    for start in range(0, 1000, 100):
        batch = [event("hardbounce", address) for address in addresses[start : start + 100]]
        assert function(*batch) == NOTHING

    assert set(function.world.ses.suppressed) == set(addresses)
    assert function.world.ses.calls == 1000
    assert function.world.events.calls == 100
    assert sum(function.world.dynamodb.calls.values()) <= 100


def test_nothing_that_is_logged_names_a_person(function, caplog):
    function.world.ses.failing[BOB] = [client_error("Put", "TooManyRequestsException", 429)]
    broken = event("hardbounce", EVE)
    del broken["facets"]["email_channel"]["mail_event"]["bounce"]["bounce_type"]

    function(event("hardbounce", ANN), broken, event("complaint", BOB))

    logged = [str(vars(record)) for record in caplog.records]
    assert any("Record is parked" in line for line in logged)
    assert any("Record comes back" in line for line in logged)
    printed = function.printed() + "".join(logged)
    assert not [word for word in PERSONAL if word in printed]


def test_an_invocation_writes_one_metrics_record(function):
    function(event("hardbounce", ANN, BOB), event("complaint", EVE), "no event")

    lines = [json.loads(line) for line in function.printed().splitlines() if '"_aws"' in line]
    [metrics] = lines
    assert metrics["FunctionName"] == "function"
    assert (metrics["HardBounces"], metrics["Complaints"]) == ([2], [1])
    assert (metrics["AddressesSuppressed"], metrics["ParkedRecords"]) == ([3], [1])
    assert (metrics["FailedRecords"], metrics["Copies"], metrics["SoftBounces"]) == ([0], [0], [0])


@pytest.mark.parametrize("ending", ["", "\n", "\r\n", "  "])
def test_a_record_may_end_in_a_newline_or_not(ending):
    text = json.dumps(event("hardbounce", ANN)) + ending

    [feedback] = feedback_in(base64.b64encode(text.encode()).decode())

    assert (feedback.kind, feedback.recipients) == (FeedbackKind.HARD_BOUNCE, (ANN,))


@given(st.binary(max_size=200))
@settings(max_examples=200)
def test_no_record_is_too_odd_to_be_parked(data):
    try:
        assert feedback_in(base64.b64encode(data).decode()) == ()
    except MalformedFeedback as error:
        assert str(error)
