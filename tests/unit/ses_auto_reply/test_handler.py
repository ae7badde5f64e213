"""From an event to at most one reply: claims, refusals, unknown outcomes."""

import json
import uuid
from collections.abc import Iterator
from email import message_from_bytes, policy
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import (
    ClientError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    ParamValidationError,
    ReadTimeoutError,
)
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from ses_auto_reply.claims import Claim, Claims
from ses_auto_reply.incoming import MalformedEvent
from ses_auto_reply.reply import Template
from ses_auto_reply.sending import PAUSES_SECONDS, OutcomeUnknown, ReplyRefused, send
from ses_auto_reply.templates import (
    CACHED_SECONDS,
    TemplateStore,
    UnusableTemplate,
    template_reader,
)
from shared.settings import MissingSetting
from shared.transient import ServiceUnavailable
from tests.builders.architectures import CONTEXT, load_function, service_error
from tests.builders.event_records import sample
from tests.builders.incoming_mail import ANN, MAILBOX, event

SETTINGS = {
    "TABLE_NAME": "answered",
    "TEMPLATE_NAME": "thanks",
    "TEMPLATE_SOURCE": "SES",
    "TRUNCATED_HEADERS": "IGNORE",
    "WINDOW_HOURS": "24",
}
HOUR = 3600
URL = "https://email.eu-west-1.amazonaws.com"
READ_TIMEOUT = ReadTimeoutError(endpoint_url=URL)


class FakeSes:
    """SES v2's SendEmail: `answers` are raised in turn, then it takes everything."""

    def __init__(self) -> None:
        self.calls: list[dict[str, Any]] = []
        self.taken: list[dict[str, Any]] = []
        self.answers: list[Exception | None] = []
        self.takes_what_it_fails = False

    def send_email(self, **request: Any) -> dict[str, str]:
        self.calls.append(request)
        answer = self.answers.pop(0) if self.answers else None
        if answer is None or self.takes_what_it_fails:
            self.taken.append(request)
        if answer is not None:
            raise answer
        return {"MessageId": f"reply-{len(self.taken)}"}


@pytest.fixture(scope="module")
def tables() -> Iterator[Any]:
    with pytest.MonkeyPatch.context() as patch, mock_aws():
        patch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
        client = boto3.client("dynamodb")
        client.create_table(
            TableName="answered",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}],
            AttributeDefinitions=[{"AttributeName": "pk", "AttributeType": "S"}],
        )
        yield client


@pytest.fixture
def dynamodb(tables: Any) -> Any:
    """The table of claims, empty."""
    for item in tables.scan(TableName="answered")["Items"]:
        tables.delete_item(TableName="answered", Key={"pk": item["pk"]})
    return tables


@pytest.fixture
def clock() -> SimpleNamespace:
    return SimpleNamespace(now=1_800_000_000.0)


@pytest.fixture
def ses() -> FakeSes:
    return FakeSes()


@pytest.fixture
def handler(monkeypatch: Any, dynamodb: Any, ses: FakeSes, clock: Any) -> Any:
    module = load_function(monkeypatch, "ses_auto_reply.functions.answer_mail", SETTINGS)
    monkeypatch.setattr(module, "ses", ses)
    monkeypatch.setattr(
        module, "claims", Claims(dynamodb, "answered", 24 * HOUR, clock=lambda: clock.now)
    )
    template = Template("Thank you:", "<p>%%NAME%% %%ID%%</p>", "%%NAME%% %%ID%%")
    monkeypatch.setattr(module, "templates", TemplateStore(lambda: template))
    monkeypatch.setattr("ses_auto_reply.sending.PAUSES_SECONDS", (0.0,) * len(PAUSES_SECONDS))
    return module


def decision(handler: Any, **mail: Any) -> str:
    return str(handler.lambda_handler(event(**mail), CONTEXT)["decision"])


# --- one mail, one answer ---------------------------------------------------------------------


def test_a_mail_ends_in_one_raw_email_to_its_sender(handler, ses):
    answer = handler.lambda_handler(event(message_id="ses-1"), CONTEXT)

    assert answer == {"decision": "REPLIED"}
    [request] = ses.taken
    assert request["FromEmailAddress"] == MAILBOX
    assert request["Destination"] == {"ToAddresses": [ANN]}
    message = message_from_bytes(request["Content"]["Raw"]["Data"], policy=policy.default)
    assert message["Auto-Submitted"] == "auto-replied"
    assert "ses-1" in message.get_body(("plain",)).get_content()
    assert "ConfigurationSetName" not in request


def test_the_answer_holds_no_disposition_because_an_event_invocation_decides_nothing(handler):
    # A function that SES waits for would answer this; ours leaves stopping to the rule.
    disposition = sample("ses_receiving/lambda_response_stop_rule")

    answer = handler.lambda_handler(sample("ses_receiving/lambda_action"), CONTEXT)

    assert answer == {"decision": "REPLIED"}
    assert not disposition.keys() & answer.keys()


def test_a_second_mail_within_the_window_gets_no_second_answer(handler, ses, clock):
    assert decision(handler, message_id="m1") == "REPLIED"
    clock.now += 24 * HOUR - 1

    assert decision(handler, message_id="m2") == "ANSWERED_LATELY"
    assert decision(handler, message_id="m3", sender="ANN+x@Example.org") == "ANSWERED_LATELY"
    assert len(ses.taken) == 1


def test_after_the_window_a_sender_is_answered_again(handler, ses, clock):
    decision(handler, message_id="m1")
    clock.now += 24 * HOUR + 1

    assert decision(handler, message_id="m2") == "REPLIED"
    assert len(ses.taken) == 2


def test_another_sender_is_answered_within_the_window(handler, ses):
    decision(handler, message_id="m1")

    assert decision(handler, message_id="m2", sender="bo@example.net") == "REPLIED"
    assert len(ses.taken) == 2


def test_the_same_event_again_sends_nothing_and_is_no_failure(handler, ses, clock):
    decision(handler, message_id="m1")

    assert decision(handler, message_id="m1") == "ANSWERED_BEFORE"
    clock.now += 25 * HOUR
    assert decision(handler, message_id="m1") == "ANSWERED_BEFORE"
    assert len(ses.taken) == 1


def test_two_responders_that_mark_nothing_end_after_one_answer(handler, ses):
    decision(handler, message_id="m0")

    # The other side answers each of ours with a new mail, its thread in Reply-To.
    for number in range(1, 20):
        label = (("Reply-To", f"case-{number}@example.net"),)
        assert decision(handler, message_id=f"m{number}", headers=label) == "ANSWERED_LATELY"

    assert len(ses.taken) == 1


def test_many_senders_cannot_make_us_write_to_one_victim(handler, ses):
    for number in range(20):
        victim = (("Reply-To", "victim@example.net"),)
        decision(handler, message_id=f"m{number}", sender=f"s{number}@x.org", headers=victim)

    assert len(ses.taken) == 1


def test_nothing_is_claimed_for_a_mail_that_is_left(handler, dynamodb):
    assert decision(handler, headers=(("List-Id", "<x>"),)) == "LIST"

    assert dynamodb.scan(TableName="answered")["Items"] == []


def test_the_table_holds_no_address(handler, dynamodb):
    decision(handler)

    [item] = dynamodb.scan(TableName="answered")["Items"]
    assert "example" not in json.dumps(item)
    assert int(item["expires_at"]["N"]) == int(item["window_ends"]["N"])


# --- refusals and unknown outcomes ------------------------------------------------------------

REFUSALS = [
    service_error("SendEmail", "MessageRejected", 400),
    service_error("SendEmail", "MailFromDomainNotVerifiedException", 400),
    service_error("SendEmail", "AccessDeniedException", 403),
]
LATER = [
    service_error("SendEmail", "TooManyRequestsException", 429),
    service_error("SendEmail", "LimitExceededException", 400),
    service_error("SendEmail", "ServiceUnavailable", 503),
    ConnectTimeoutError(endpoint_url=URL),
    EndpointConnectionError(endpoint_url=URL),
]
UNKNOWN = [
    READ_TIMEOUT,
    ConnectionClosedError(endpoint_url=URL),
    service_error("SendEmail", "InternalServiceErrorException", 500),
    service_error("SendEmail", "GatewayTimeout", 504),
]


@pytest.mark.parametrize("refusal", REFUSALS, ids=str)
def test_a_refused_reply_raises_and_a_retry_of_the_event_sends_it(handler, ses, refusal):
    ses.answers = [refusal]

    with pytest.raises(ReplyRefused):
        decision(handler)

    assert len(ses.calls) == 1
    assert decision(handler) == "REPLIED"
    assert len(ses.taken) == 1


@pytest.mark.parametrize("error", LATER, ids=str)
def test_what_surely_was_not_sent_is_tried_again_at_once(handler, ses, error):
    ses.answers = [error, error]

    assert decision(handler) == "REPLIED"
    assert len(ses.taken) == 1


def test_lasting_throttling_is_left_to_lambda_s_retries(handler, ses):
    ses.answers = [LATER[0]] * (len(PAUSES_SECONDS) + 1)

    with pytest.raises(ReplyRefused, match="TooManyRequestsException"):
        decision(handler)

    assert decision(handler) == "REPLIED"


@pytest.mark.parametrize("error", UNKNOWN, ids=str)
@pytest.mark.parametrize("taken", [True, False])
def test_a_reply_that_may_be_out_is_never_sent_again(handler, ses, clock, error, taken):
    ses.answers, ses.takes_what_it_fails = [error], taken

    for _ in range(3):  # Lambda's three attempts; after them the event is parked
        with pytest.raises(OutcomeUnknown):
            decision(handler, message_id="m1")
        clock.now += 3 * HOUR
    with pytest.raises(OutcomeUnknown):
        clock.now += 12 * HOUR
        decision(handler, message_id="m1")

    assert len(ses.calls) == 1
    assert decision(handler, message_id="m2") == "ANSWERED_LATELY"


def test_a_crash_between_claim_and_send_or_send_and_record_sends_nothing_again(handler, ses):
    class Crash(BaseException):
        """The environment ends: no handler of ours runs."""

    ses.answers, ses.takes_what_it_fails = [Crash()], True  # type: ignore[list-item]  # not an Exception
    with pytest.raises(Crash):
        decision(handler)

    with pytest.raises(OutcomeUnknown, match="claimed by an earlier attempt"):
        decision(handler)

    assert len(ses.calls) == 1


@given(story=st.lists(st.sampled_from(["ok", "refused", "crash", "no answer"]), max_size=6))
def test_whatever_ses_does_and_however_often_lambda_tries_a_mail_has_one_reply_at_most(
    tables, story
):
    claims = Claims(tables, "answered", HOUR)
    mail = str(uuid.uuid4())
    taken = parked = 0

    for attempt in story:
        claim = claims.take([mail], mail)
        parked += claim is Claim.OPEN
        if claim is Claim.TAKEN and attempt == "refused":
            claims.release([mail], mail)
        elif claim is Claim.TAKEN:
            taken += attempt in ("ok", "no answer")
            if attempt == "ok":
                claims.sent([mail], mail)

    assert taken <= 1
    decisive = next((attempt for attempt in story if attempt != "refused"), "refused")
    assert taken == (decisive in ("ok", "no answer"))
    assert (parked > 0) <= (decisive in ("crash", "no answer"))


class LostAnswers:
    """A table whose answers get lost after the work was done; `lost` names the calls, in order."""

    def __init__(self, table: Any, *lost: str) -> None:
        self._table, self.lost = table, list(lost)

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._table, name)

        def answer(**request: Any) -> Any:
            result = call(**request)
            if self.lost and self.lost[0] == name:
                self.lost.pop(0)
                raise ReadTimeoutError(endpoint_url=URL)
            return result

        return answer


def claimed(table: Any) -> list[Any]:
    return list(table.scan(TableName="answered")["Items"])


def test_a_claim_whose_answer_was_lost_is_given_up_and_the_mail_is_answered_by_the_retry(
    handler, dynamodb, ses, monkeypatch
):
    monkeypatch.setattr(handler.claims, "_dynamodb", LostAnswers(dynamodb, "transact_write_items"))

    with pytest.raises(ServiceUnavailable):
        decision(handler)

    assert claimed(dynamodb) == []
    assert decision(handler) == "REPLIED"
    assert len(ses.taken) == 1


class FaultyTable:
    """A table on which each call fails before its work, or loses its answer after it, by a plan."""

    def __init__(self, table: Any, faults: list[str]) -> None:
        self._table, self._faults = table, faults

    def __getattr__(self, name: str) -> Any:
        def answer(**request: Any) -> Any:
            fault = self._faults.pop(0) if self._faults else "none"
            if fault == "before":
                raise service_error(name, "InternalServerError", 500)
            result = getattr(self._table, name)(**request)
            if fault == "after":
                raise ReadTimeoutError(endpoint_url=URL)
            return result

        return answer


@given(
    faults=st.lists(st.sampled_from(["none", "before", "after"]), max_size=12),
    answers=st.lists(st.sampled_from(["taken", "refused", "silent", "silent, taken"]), max_size=4),
)
@settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_whatever_the_table_and_ses_do_a_mail_has_one_reply_or_a_person_looks(
    handler, tables, faults, answers
):
    mail, ses = str(uuid.uuid4()), FakeSes()
    errors = {"refused": REFUSALS[0], "silent": READ_TIMEOUT, "silent, taken": READ_TIMEOUT}
    outcomes: list[str] = []

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(handler, "ses", ses)
        patch.setattr(handler.claims, "_dynamodb", FaultyTable(tables, list(faults)))
        for _ in range(len(faults) + len(answers) + 1):  # Lambda's attempts and redrives
            answer = answers[len(ses.calls)] if len(ses.calls) < len(answers) else "taken"
            ses.answers = [errors[answer]] if answer in errors else []
            ses.takes_what_it_fails = answer == "silent, taken"
            try:
                outcomes.append(decision(handler, sender=f"{mail}@example.org", message_id=mail))
            except (ServiceUnavailable, ReplyRefused, OutcomeUnknown) as error:
                outcomes.append(type(error).__name__)

    assert len(ses.taken) <= 1
    assert "REPLIED" in outcomes or "OutcomeUnknown" in outcomes
    if "OutcomeUnknown" not in outcomes:
        assert len(ses.taken) == 1
    if "REPLIED" in outcomes and "before" not in faults and "after" not in faults:
        assert set(outcomes[outcomes.index("REPLIED") + 1 :]) <= {"ANSWERED_BEFORE"}


def test_a_transaction_that_is_still_in_progress_is_given_up_and_tried_again(
    handler, dynamodb, ses, monkeypatch
):
    """botocore repeats a transaction while the first one, whose answer was lost, runs."""

    def in_progress(**request: Any) -> None:
        dynamodb.transact_write_items(**request)
        raise service_error("TransactWriteItems", "TransactionInProgressException", 400)

    table = SimpleNamespace(transact_write_items=in_progress, delete_item=dynamodb.delete_item)
    with monkeypatch.context() as patch:
        patch.setattr(handler.claims, "_dynamodb", table)
        with pytest.raises(ServiceUnavailable):
            decision(handler)

    assert decision(handler) == "REPLIED"
    assert len(ses.taken) == 1


def test_a_repeated_transaction_recognises_its_own_claims(handler, dynamodb, ses, monkeypatch):
    """botocore repeats the same request when the answer of the first is lost."""

    def twice(**request: Any) -> Any:
        dynamodb.transact_write_items(**request)
        request["ClientRequestToken"] = "another"  # as if the first were forgotten
        return dynamodb.transact_write_items(**request)

    table = SimpleNamespace(transact_write_items=twice, update_item=dynamodb.update_item)
    monkeypatch.setattr(handler.claims, "_dynamodb", table)

    assert decision(handler) == "REPLIED"
    assert len(ses.taken) == 1


def test_a_claim_given_up_is_never_that_of_an_earlier_attempt(handler, dynamodb, ses, monkeypatch):
    ses.answers = [READ_TIMEOUT]
    with pytest.raises(OutcomeUnknown):
        decision(handler)

    def unavailable(**_: Any) -> None:
        raise service_error("TransactWriteItems", "InternalServerError", 500)

    table = SimpleNamespace(
        transact_write_items=unavailable,
        delete_item=dynamodb.delete_item,
    )
    with monkeypatch.context() as patch:
        patch.setattr(handler.claims, "_dynamodb", table)
        with pytest.raises(ServiceUnavailable):
            decision(handler)

    with pytest.raises(OutcomeUnknown):
        decision(handler)
    assert len(ses.calls) == 1


def test_a_sent_reply_whose_record_cannot_be_written_stays_sent(
    handler, dynamodb, ses, monkeypatch, caplog
):
    def fail(**_: Any) -> None:
        raise service_error("UpdateItem", "InternalServerError", 500)

    table = SimpleNamespace(transact_write_items=dynamodb.transact_write_items, update_item=fail)
    monkeypatch.setattr(handler.claims, "_dynamodb", table)

    assert decision(handler) == "REPLIED"
    assert len(ses.taken) == 1
    assert any("not recorded" in record.getMessage() for record in caplog.records)


def test_a_release_whose_answer_was_lost_is_no_error_when_it_is_repeated(
    handler, dynamodb, ses, monkeypatch
):
    def twice(**request: Any) -> Any:
        dynamodb.delete_item(**request)
        return dynamodb.delete_item(**request)

    table = SimpleNamespace(
        transact_write_items=dynamodb.transact_write_items,
        update_item=dynamodb.update_item,
        delete_item=twice,
    )
    monkeypatch.setattr(handler.claims, "_dynamodb", table)
    ses.answers = [service_error("SendEmail", "MessageRejected", 400)]

    with pytest.raises(ReplyRefused):
        decision(handler)

    assert decision(handler) == "REPLIED"


def test_a_request_that_botocore_does_not_send_is_refused_and_quotes_no_address(handler, ses):
    ses.answers = [ParamValidationError(report=f"Invalid type for {ANN}")]

    with pytest.raises(ReplyRefused) as refused:
        decision(handler)

    assert len(ses.calls) == 1
    assert refused.value.__cause__ is None and ANN not in str(refused.value)
    assert decision(handler) == "REPLIED"


def test_a_claim_that_another_one_crosses_is_tried_again_later():
    crossed = service_error("TransactWriteItems", "TransactionCanceledException", 400)
    crossed.response["CancellationReasons"] = [{"Code": "TransactionConflict"}]  # type: ignore[typeddict-unknown-key]  # botocore's shape lacks it

    def refuse(**_: Any) -> None:
        raise crossed

    claims = Claims(SimpleNamespace(transact_write_items=refuse), "answered", HOUR)  # type: ignore[arg-type]  # one method of it

    with pytest.raises(ServiceUnavailable):
        claims.take([ANN], "m1")


def test_a_table_that_refuses_us_is_an_error_and_nothing_is_sent(handler, ses, monkeypatch):
    def refuse(**_: Any) -> None:
        raise service_error("TransactWriteItems", "AccessDeniedException", 400)

    monkeypatch.setattr(handler.claims, "_dynamodb", SimpleNamespace(transact_write_items=refuse))

    with pytest.raises(ClientError):
        decision(handler)

    assert ses.calls == []


def test_errors_and_logs_name_no_address(handler, ses, capsys):
    ses.answers = [service_error("SendEmail", "MessageRejected", 400)]

    with pytest.raises(ReplyRefused) as refused:
        decision(handler, sender=f"Ann <{ANN}>", subject="secret words")
    decision(handler, sender=f"Ann <{ANN}>", subject="secret words")
    decision(handler, sender=f"Ann <{ANN}>", subject="secret words", message_id="m2")

    logged = capsys.readouterr().out + str(refused.value)
    assert "REPLIED" in logged
    assert not [word for word in (ANN, MAILBOX, "secret", "+1425") if word in logged]


# --- the template -----------------------------------------------------------------------------


def test_a_template_that_cannot_be_read_loses_no_reply(handler, ses, monkeypatch):
    def fail() -> Template:
        raise service_error("GetEmailTemplate", "TooManyRequestsException", 429)

    working = handler.templates
    monkeypatch.setattr(handler, "templates", TemplateStore(fail))
    with pytest.raises(ServiceUnavailable):
        decision(handler)
    monkeypatch.setattr(handler, "templates", working)

    assert decision(handler) == "REPLIED"
    assert len(ses.taken) == 1


def test_a_template_is_read_once_in_five_minutes(clock):
    reads = []

    def read() -> Template:
        reads.append(clock.now)
        return Template("s", f"<p>{len(reads)}</p>", "")

    store = TemplateStore(read, clock=lambda: clock.now)

    first = [store.get() for _ in range(1000)]
    clock.now += CACHED_SECONDS
    assert {template.html for template in first} == {"<p>1</p>"}
    assert store.get().html == "<p>2</p>"


@pytest.mark.parametrize(
    ("source", "answer"),
    [
        ("SES", {"TemplateContent": {"Subject": "s", "Html": "h", "Text": "t"}}),
        (
            "PINPOINT",
            {"EmailTemplateResponse": {"Subject": "s", "HtmlPart": "h", "TextPart": "t"}},
        ),
    ],
)
def test_templates_of_ses_and_of_pinpoint_are_read_alike(monkeypatch, source, answer):
    asked = []
    client = SimpleNamespace(
        get_email_template=lambda **request: asked.append(request) or answer,
    )
    monkeypatch.setattr("ses_auto_reply.templates._ses", lambda: client)
    monkeypatch.setattr("ses_auto_reply.templates._pinpoint", lambda: client)

    template = template_reader(source, "thanks")()

    assert template == Template("s", "h", "t")
    assert asked == [{"TemplateName": "thanks"}]


def test_a_template_with_nothing_to_send_is_refused_by_name(monkeypatch):
    empty = SimpleNamespace(get_email_template=lambda **_: {"TemplateContent": {"Subject": "s"}})
    monkeypatch.setattr("ses_auto_reply.templates._ses", lambda: empty)

    with pytest.raises(UnusableTemplate, match="thanks"):
        TemplateStore(template_reader("SES", "thanks")).get()


# --- settings, metrics, odd events ------------------------------------------------------------


def test_a_configuration_set_is_named_and_own_addresses_are_known(
    monkeypatch, handler, dynamodb, ses
):
    settings = SETTINGS | {
        "CONFIGURATION_SET": "tracked",
        "FROM_ADDRESS": "robot@answers.example.com",
        "OWN_ADDRESSES": "Sales+x@answers.example.com,ours.example",
    }
    module = load_function(monkeypatch, "ses_auto_reply.functions.answer_mail", settings)
    for name in ("ses", "claims", "templates"):
        monkeypatch.setattr(module, name, getattr(handler, name))

    assert decision(module, sender="sales@answers.example.com") == "OWN_ADDRESS"
    assert decision(module, sender="bo@ours.example") == "OWN_ADDRESS"
    assert decision(module) == "REPLIED"
    assert ses.taken[0]["ConfigurationSetName"] == "tracked"
    assert ses.taken[0]["FromEmailAddress"] == "robot@answers.example.com"


@pytest.mark.parametrize("name", SETTINGS)
def test_a_missing_setting_fails_the_cold_start_and_is_named(monkeypatch, name):
    settings = {key: value for key, value in SETTINGS.items() if key != name}
    monkeypatch.delenv(name, raising=False)

    with pytest.raises(MissingSetting, match=name):
        load_function(monkeypatch, "ses_auto_reply.functions.answer_mail", settings)


def test_each_invocation_counts_one_decision(handler, ses, capsys):
    ses.answers = [READ_TIMEOUT]
    with pytest.raises(OutcomeUnknown):
        decision(handler, message_id="m1")
    ses.answers = [service_error("SendEmail", "MessageRejected", 400)]
    with pytest.raises(ReplyRefused):
        decision(handler, message_id="m2", sender="bo@example.net")
    decision(handler, message_id="m2", sender="bo@example.net")
    decision(handler, verdicts={"spam": "FAIL"})

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines() if "_aws" in line]
    assert [line["Decision"] for line in lines] == ["UNKNOWN", "REFUSED", "REPLIED", "SPAM"]
    assert {line["_aws"]["CloudWatchMetrics"][0]["Namespace"] for line in lines} == {"SesAutoReply"}
    assert {tuple(line["_aws"]["CloudWatchMetrics"][0]["Dimensions"][0]) for line in lines} == {
        ("FunctionName", "Decision")
    }
    assert [line["Mails"] for line in lines] == [[1.0]] * 4


def test_an_event_that_is_no_mail_is_kept_as_a_failure(handler):
    with pytest.raises(MalformedEvent):
        handler.lambda_handler({"Records": [{"eventSource": "aws:s3"}]}, CONTEXT)


def test_a_send_pauses_longer_each_time_and_gives_up_within_the_function_s_time():
    ses, slept = FakeSes(), []
    ses.answers = [LATER[0]] * 10

    with pytest.raises(ReplyRefused):
        send(ses, {}, sleep=slept.append)  # type: ignore[arg-type]  # one method of it

    assert len(ses.calls) == len(PAUSES_SECONDS) + 1
    assert sum(slept) < 12
