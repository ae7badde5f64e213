"""The function: every message of a batch has its own outcome."""

import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest

from shared.suppression import MalformedFeedback
from tests.builders.architectures import CONTEXT, load_function, sqs_event
from tests.builders.event_records import sample
from tests.builders.suppression import World, bounce, client_error, complaint, envelope

ANN, BOB = "ann@example.com", "bob@example.com"
SETTINGS = {
    "ADDRESS_TABLE": "addresses",
    "FEEDBACK_TABLE": "feedback",
    "EVENT_BUS_NAME": "default",
    "EVENT_SOURCE": "ses_event_processing",
    "TRANSIENT_BOUNCES_LIMIT": "3",
    "TRANSIENT_BOUNCES_WINDOW_DAYS": "7",
}
GREETING = "Successfully validated SNS topic for Amazon SES event publishing."
NOTHING = {"batchItemFailures": []}


def from_event_bridge(detail_type, detail):
    """Build EventBridge's envelope of an SES event."""
    return sample("ses/eventbridge_bounce") | {"detail-type": detail_type, "detail": detail}


class Function:
    """The handler, cold-started, with services in memory."""

    def __init__(self, monkeypatch, capsys, caplog):
        self.module = load_function(
            monkeypatch, "ses_event_processing.functions.suppress", SETTINGS
        )
        self.world = World()
        self._capsys, self._caplog = capsys, caplog
        monkeypatch.setattr(self.module, "suppressor", self.world.suppressor)

    def __call__(self, *bodies, seconds=30):
        context = SimpleNamespace(
            **vars(CONTEXT), get_remaining_time_in_millis=lambda: seconds * 1000
        )
        return self.module.lambda_handler(sqs_event(*bodies), context)

    def logged(self):
        """Join the log records with their extra values."""
        return str([vars(record) for record in self._caplog.records])

    def metrics(self):
        """Read the metrics record of the only invocation since the last call."""
        lines = self._capsys.readouterr().out.splitlines()
        [record] = [json.loads(line) for line in lines if '"_aws"' in line]
        return record


@pytest.fixture
def function(monkeypatch, capsys, caplog):
    return Function(monkeypatch, capsys, caplog)


@pytest.mark.parametrize("style", ["eventType", "notificationType"])
@pytest.mark.parametrize("wrapped", [envelope, json.dumps])
def test_events_and_notifications_suppress_wrapped_by_sns_or_not(function, style, wrapped):
    answer = function(wrapped(bounce(ANN, style=style)), wrapped(complaint(BOB, style=style)))

    assert answer == NOTHING
    assert function.world.ses.suppressed == {ANN: "BOUNCE", BOB: "COMPLAINT"}


@pytest.mark.parametrize("wrapped", [json.dumps, envelope])
def test_events_by_event_bridge_suppress_sent_to_the_queue_or_by_a_topic(function, wrapped):
    bounced = from_event_bridge("Email Bounced", bounce(ANN))
    complained = from_event_bridge("Email Complaint Received", complaint(BOB))

    assert function(wrapped(bounced), wrapped(complained)) == NOTHING

    assert function.world.ses.suppressed == {ANN: "BOUNCE", BOB: "COMPLAINT"}


def test_an_event_by_event_bridge_and_by_a_topic_counts_once(function):
    event = bounce(ANN)

    function(envelope(event), json.dumps(from_event_bridge("Email Bounced", event)))

    assert function.world.item(ANN)["hard_bounces"] == 1


def test_a_recipient_that_cannot_be_read_comes_back_and_the_others_are_suppressed(function):
    answer = function(envelope(bounce(ANN, "Lee, Bob", BOB)))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert set(function.world.ses.suppressed) == {ANN, BOB}


def test_three_out_of_office_replies_of_a_week_suppress_nobody(function):
    function(*(envelope(bounce(ANN, kind="Transient", report={})) for _ in range(3)))

    assert (function.world.ses.suppressed, function.world.item(ANN)) == ({}, {})


def test_an_event_of_a_configuration_set_is_no_key_error(function):
    assert function(envelope(sample("ses/bounce_permanent_general"))) == NOTHING
    assert function.world.ses.suppressed == {"recipient@example.com": "BOUNCE"}


@pytest.mark.parametrize(
    "body",
    [
        GREETING,
        envelope(GREETING),
        envelope({"notificationType": "AmazonSnsSubscriptionSucceeded", "message": "…"}),
        envelope(sample("ses/delivery")),
        envelope(complaint(ANN, kind="not-spam")),
        json.loads(json.dumps(sample("ses/sqs_sns_click")))["Records"][0]["body"],
        envelope(bounce(kind="Undetermined", sub_type="Undetermined")),
        envelope(bounce(ANN, kind="Transient", report={})),
        json.dumps(from_event_bridge("Email Delivered", sample("ses/delivery"))),
        json.dumps(from_event_bridge("Sending Status Disabled", {"version": "1.0"})),
        json.dumps(from_event_bridge(["Email Bounced"], bounce(ANN))),
    ],
)
def test_what_says_nothing_against_a_recipient_is_done_with_at_once(function, body):
    assert function(body) == NOTHING
    assert function.world.log == []


@pytest.mark.parametrize(
    "body",
    [
        "not JSON",
        "[]",
        "null",
        json.dumps({"Type": "Notification", "Message": "not JSON"}),
        envelope("[1]"),
        envelope({"eventType": "Bounce"}),
        json.dumps(from_event_bridge("Email Bounced", "no object")),
        envelope(bounce("cy@example.com", kind="Transient", at=datetime(1, 1, 1, tzinfo=UTC))),
        "[" * 100_000,
    ],
)
def test_a_malformed_message_fails_alone(function, body):
    answer = function(envelope(bounce(ANN)), body, envelope(bounce(BOB)))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m1"}]}
    assert set(function.world.ses.suppressed) == {ANN, BOB}


def test_a_throttled_suppression_leaves_its_message_and_only_its_own(function):
    function.world.ses.failing[ANN] = [
        client_error("PutSuppressedDestination", "TooManyRequestsException", 429)
    ]

    answer = function(envelope(bounce(ANN)), envelope(bounce(BOB)))

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}
    assert function.world.ses.suppressed == {BOB: "BOUNCE"}


def test_what_is_left_when_the_function_ends_comes_back(function):
    answer = function(envelope(bounce(ANN)), seconds=5)

    assert answer == {"batchItemFailures": [{"itemIdentifier": "m0"}]}


def test_nothing_logged_quotes_an_address(function):
    function.world.ses.failing[ANN] = [
        client_error("PutSuppressedDestination", "BadRequestException")
    ]
    broken = bounce(BOB)
    del broken["bounce"]["feedbackId"]

    function(envelope(bounce(ANN)), envelope(broken), envelope(complaint("cy@example.com")))

    logged = function.logged()
    assert "BadRequestException" in logged and "bounce.feedbackId" in logged
    assert "@example.com" not in logged


def test_an_invocation_makes_one_metrics_record_with_counts(function):
    one = bounce(ANN)

    function(*map(envelope, (one, one, complaint(ANN, BOB), bounce(BOB, kind="Transient"))), "?")

    record = function.metrics()
    counts = {
        "AddressesSuppressed": [2],
        "HardBounces": [1],
        "SoftBounces": [1],
        "Complaints": [2],
        "Copies": [1],
        "FailedMessages": [1],
    }
    assert {name: record[name] for name in counts} == counts
    [directive] = record["_aws"]["CloudWatchMetrics"]
    assert (directive["Namespace"], directive["Dimensions"]) == (
        "AddressSuppression",
        [["FunctionName"]],
    )


def test_a_setting_that_is_missing_fails_the_cold_start_by_its_name(monkeypatch):
    with pytest.raises(RuntimeError, match="FEEDBACK_TABLE"):
        load_function(
            monkeypatch,
            "ses_event_processing.functions.suppress",
            SETTINGS | {"FEEDBACK_TABLE": ""},
        )


def test_a_malformed_message_is_no_error_of_another_kind(function):
    from ses_event_processing.messages import feedback_in

    with pytest.raises(MalformedFeedback, match="Message is not JSON"):
        feedback_in(envelope("{"))
