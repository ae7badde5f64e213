"""One email for each endpoint of a run, with the own file, whatever fails on the way."""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest
from botocore.exceptions import (
    ConnectTimeoutError,
    CredentialRetrievalError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from email_attachments.ledger import Ledger, State
from shared.pinpoint_events import ids_of_email
from tests.builders.architectures import load_function, service_error
from tests.builders.bank import (
    SENDER,
    STATEMENT,
    TABLE,
    TEMPLATE,
    VISIT,
    Accepted,
    Bank,
    bank,
    endpoint,
    queued,
)

NO_FILE = {"TemplateName": "statement", "TemplateVersion": "2"}
FOR_ALL = {**NO_FILE, "Files": "ONE_FOR_ALL", "FilePrefix": "terms"}
LINK = {**STATEMENT, "TemplateName": "linked", "Delivery": "LINK"}
LOST = ReadTimeoutError(endpoint_url="https://email.eu-west-1.amazonaws.com")


@pytest.fixture
def the(monkeypatch: Any) -> Iterator[Bank]:
    yield from bank(monkeypatch)


def statement_of(the: Bank, *names: str) -> None:
    for name in names:
        the.file(f"2026-10/statement_{name}.pdf", f"%PDF of {name}".encode())


def attachments(the: Bank) -> dict[str, bytes]:
    """Content of the attachment by the address that got it."""
    return {
        request["Destination"]["ToAddresses"][0]: attachment["RawContent"]
        for request in the.ses.sent
        for attachment in request["Content"]["Simple"].get("Attachments", [])
    }


# The email


def test_the_request_has_one_recipient_both_parts_the_file_and_the_ids(the: Bank) -> None:
    statement_of(the, "ann")

    assert the.receive(queued("ann")) == []

    [request] = the.ses.sent
    tags = {tag["Name"]: [tag["Value"]] for tag in request.pop("EmailTags")}
    assert request == {
        "FromEmailAddress": "The Bank <bank@example.com>",
        "Destination": {"ToAddresses": ["ann@example.com"]},
        "ConfigurationSetName": "statements",
        "Content": {
            "Simple": {
                "Subject": {"Data": "For Ann", "Charset": "UTF-8"},
                "Body": {
                    "Html": {"Data": "<p>Dear Ann</p>", "Charset": "UTF-8"},
                    "Text": {"Data": "Dear Ann", "Charset": "UTF-8"},
                },
                "Attachments": [
                    {
                        "FileName": "statement.pdf",
                        "ContentType": "application/pdf",
                        "ContentDisposition": "ATTACHMENT",
                        "ContentTransferEncoding": "BASE64",
                        "RawContent": b"%PDF of ann",
                    }
                ],
            }
        },
    }
    ids, _ = ids_of_email(tags)
    assert (ids.campaign_id, ids.endpoint_id) == ("campaign-1", "ann")
    [(_, event)] = the.pinpoint.events
    assert event["Attributes"] == {
        "message_id": "ses-1",
        "template_name": "statement",
        "template_version": "2",
        "files": "ONE_PER_RECIPIENT",
        "delivery": "ATTACHMENT",
        "campaign_id": "campaign-1",
        "campaign_activity_id": "activity-1",
        "treatment_id": "0",
        "channel": "email_attachments",
    }


def test_10_a_journey_is_in_the_tags_and_in_the_outcome(the: Bank) -> None:
    the.receive(queued("ann", sending=VISIT, configuration=NO_FILE))

    tags = {tag["Name"]: [tag["Value"]] for tag in the.ses.sent[0]["EmailTags"]}
    ids, _ = ids_of_email(tags)
    [(_, event)] = the.pinpoint.events
    assert (ids.journey_id, ids.journey_activity_id) == ("journey-1", "activity-7")
    assert event["Attributes"]["journey_id"] == "journey-1"
    # No identifier of the campaign or journey is in the parts that recipients see.
    assert "journey-1" not in json.dumps(the.ses.sent[0]["Content"])


def test_3_a_file_for_all_is_one_email_for_each_recipient_with_a_to_header(the: Bank) -> None:
    the.file("terms.pdf", b"%PDF terms")

    the.receive(*(queued(name, configuration=FOR_ALL) for name in ("ann", "bob", "eve")))

    assert the.ses.recipients == ["ann@example.com", "bob@example.com", "eve@example.com"]
    assert set(attachments(the).values()) == {b"%PDF terms"}


def test_4_a_value_of_the_recipient_is_escaped_in_html_and_not_in_text(the: Bank) -> None:
    of = endpoint("ann", User={"UserAttributes": {"FirstName": ["<b>A&B"]}})

    the.receive(queued("ann", configuration=NO_FILE, of=of))

    body = the.ses.sent[0]["Content"]["Simple"]["Body"]
    assert body["Html"]["Data"] == "<p>Dear &lt;b&gt;A&amp;B</p>"
    assert body["Text"]["Data"] == "Dear <b>A&B"


def test_3_the_unsubscribe_headers_are_the_recipients_own_and_cannot_be_broken(the: Bank) -> None:
    ways = {"Url": "https://x.example/u?id={{Id}}", "Mailto": "mailto:u@x.example?subject={{Id}}"}
    the.pinpoint.templates["statement"] |= {
        "Headers": [{"Name": "list-unsubscribe", "Value": "<https://old>"}]
    }
    the.receive(
        queued(
            "a b>, <https://evil.example/&x=\r\nBcc: ü",
            configuration={**NO_FILE, "Unsubscribe": {**ways, "OneClick": True}},
            of=endpoint("ann"),
        )
    )

    [request] = the.ses.sent
    headers = {one["Name"]: one["Value"] for one in request["Content"]["Simple"]["Headers"]}
    encoded = "a%20b%3E%2C%20%3Chttps%3A%2F%2Fevil.example%2F%26x%3D%0D%0ABcc%3A%20%C3%BC"
    assert headers == {
        "List-Unsubscribe": (
            f"<https://x.example/u?id={encoded}>, <mailto:u@x.example?subject={encoded}>"
        ),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
    }
    the.pinpoint.templates["statement"].pop("Headers")


# Files


def test_1_every_recipient_gets_the_own_file(the: Bank) -> None:
    ids = ["1", "11", "1_1", "a/b", "a b", "büro", "..", "1.pdf"]
    statement_of(the, *ids)

    the.receive(*(queued(one, of=endpoint(f"r{n}")) for n, one in enumerate(ids)))

    assert attachments(the) == {
        f"r{n}@example.com": f"%PDF of {one}".encode() for n, one in enumerate(ids)
    }


def test_6_a_missing_file_is_its_own_recipients_failure_only(the: Bank) -> None:
    statement_of(the, "ann", "eve")

    assert the.receive(*(queued(name) for name in ("ann", "bob", "eve"))) == []

    assert the.ses.recipients == ["ann@example.com", "eve@example.com"]
    assert the.pinpoint.outcomes == [
        ("ann", "accepted", None),
        ("bob", "failed", "FILE_MISSING"),
        ("eve", "accepted", None),
    ]


@pytest.mark.parametrize(
    ("configuration", "options", "reason"),
    [
        (STATEMENT, {"Metadata": {"endpoint-id": "bob"}}, "FILE_OF_ANOTHER"),
        (LINK, {"Metadata": {"endpoint-id": "bob"}}, "FILE_OF_ANOTHER"),
        (STATEMENT, {"content": b""}, "FILE_EMPTY"),
        (LINK, {"content": b""}, "FILE_EMPTY"),
        (STATEMENT, {"content": b"x" * 2000}, "FILE_TOO_LARGE"),
        (STATEMENT, {"StorageClass": "GLACIER"}, "FILE_UNREADABLE"),
        (LINK, {"StorageClass": "GLACIER"}, "FILE_UNREADABLE"),
    ],
)
def test_8_a_file_that_cannot_be_sent_is_a_failure_with_its_reason(
    the: Bank, configuration: dict[str, Any], options: dict[str, Any], reason: str
) -> None:
    the.file("2026-10/statement_ann.pdf", **options)

    assert the.receive(queued("ann", configuration=configuration)) == []

    assert the.pinpoint.outcomes == [("ann", "failed", reason)]
    assert the.ses.calls == 0


def test_a_link_has_no_limit_of_size(the: Bank) -> None:
    the.file("2026-10/statement_ann.pdf", b"x" * 2000)

    the.receive(queued("ann", configuration=LINK))

    assert the.ses.recipients == ["ann@example.com"]


def test_1_an_id_with_a_dot_segment_reads_no_other_file(the: Bank) -> None:
    the.file("secret.pdf", b"%PDF secret")

    the.receive(queued("x/../../secret", of=endpoint("ann")))

    assert the.pinpoint.outcomes == [("x/../../secret", "failed", "KEY_REFUSED")]


def test_a_refusal_of_s3_is_tried_again_and_is_no_missing_file(the: Bank) -> None:
    the.s3.delete_bucket(Bucket="bank-files")

    assert the.receive(queued("ann")) == ["m0"]

    assert the.pinpoint.outcomes == []


# Links


def test_5_a_link_is_signed_for_the_recipients_object_and_its_life(the: Bank) -> None:
    statement_of(the, "ann")

    the.receive(queued("ann", configuration={**LINK, "LinkSeconds": 600}))

    body = the.ses.sent[0]["Content"]["Simple"]["Body"]
    link = body["Text"]["Data"].removeprefix("Read ")
    assert body["Html"]["Data"].startswith('<a href="https://')
    assert "Attachments" not in the.ses.sent[0]["Content"]["Simple"]
    parts = urllib.parse.urlsplit(link)
    query = dict(urllib.parse.parse_qsl(parts.query))
    assert parts.path.endswith("/statements/2026-10/statement_ann.pdf")
    assert query["X-Amz-Algorithm"] == "AWS4-HMAC-SHA256"
    assert query["X-Amz-Expires"] == "600"
    assert query["response-content-disposition"] == "attachment; filename*=UTF-8''statement.pdf"


def test_5_no_link_is_made_to_a_file_that_is_not_there(the: Bank) -> None:
    the.receive(queued("ann", configuration=LINK))

    assert the.pinpoint.outcomes == [("ann", "failed", "FILE_MISSING")]
    assert the.ses.calls == 0


# Endpoints


@pytest.mark.parametrize(
    ("members", "outcome", "reason"),
    [
        ({"OptOut": "ALL"}, "skipped", "OPTED_OUT"),
        ({"EndpointStatus": "INACTIVE"}, "skipped", "INACTIVE"),
        ({"ChannelType": "SMS"}, "skipped", "NOT_AN_EMAIL_ENDPOINT"),
        ({"ChannelType": None}, "skipped", "NOT_AN_EMAIL_ENDPOINT"),
        ({"Address": "nobody"}, "failed", "ADDRESS_REFUSED"),
        ({"Address": None}, "failed", "ADDRESS_REFUSED"),
        ({"Address": "a@example.com\r\nBcc: b@example.com"}, "failed", "ADDRESS_REFUSED"),
        ({"Address": "a@example.com, b@example.com"}, "failed", "ADDRESS_REFUSED"),
    ],
)
def test_8_an_endpoint_that_may_get_no_email_gets_none(
    the: Bank, members: dict[str, Any], outcome: str, reason: str
) -> None:
    the.receive(queued("ann", configuration=NO_FILE, of=endpoint("ann", **members)))

    assert the.pinpoint.outcomes == [("ann", outcome, reason)]
    assert the.ses.calls == 0


@pytest.mark.parametrize(
    ("now", "reason"),
    [
        (None, "ENDPOINT_DELETED"),
        (endpoint("ann", OptOut="ALL"), "OPTED_OUT"),
        (endpoint("ann", EndpointStatus="INACTIVE"), "INACTIVE"),
        (endpoint("ann", Address="new@example.com"), "ENDPOINT_CHANGED"),
    ],
)
def test_8_an_endpoint_that_waited_is_looked_at_again(
    the: Bank, now: dict[str, Any] | None, reason: str
) -> None:
    if now is not None:
        the.pinpoint.endpoints["ann"] = now

    the.receive(queued("ann", configuration=NO_FILE, seconds_ago=61))

    assert the.pinpoint.outcomes == [("ann", "skipped", reason)]
    assert the.ses.calls == 0


def test_an_endpoint_that_is_as_it_was_gets_its_email_after_a_wait(the: Bank) -> None:
    the.pinpoint.endpoints["ann"] = endpoint("ann")

    the.receive(queued("ann", configuration=NO_FILE, seconds_ago=61))

    assert the.ses.recipients == ["ann@example.com"]


def test_a_fresh_endpoint_costs_no_call(the: Bank) -> None:
    the.receive(queued("ann", configuration=NO_FILE))

    assert the.pinpoint.asked == ["statement"]


def test_problems_that_the_intake_found_are_reported(the: Bank) -> None:
    the.receive(queued("ann", problem="OPTED_OUT", of={}))
    the.receive(queued("bob", problem="MALFORMED_ENDPOINT", of={}))

    assert the.pinpoint.outcomes == [
        ("ann", "skipped", "OPTED_OUT"),
        ("bob", "failed", "MALFORMED_ENDPOINT"),
    ]


# At most once


def test_6_a_redelivered_message_is_sent_once_and_its_outcome_is_reported_again(the: Bank) -> None:
    statement_of(the, "ann")

    for _ in range(3):
        assert the.receive(queued("ann")) == []

    assert the.ses.recipients == ["ann@example.com"]
    reports = [(event["EventType"], event["Attributes"]) for _, event in the.pinpoint.events]
    assert reports == [reports[0]] * 3


@pytest.mark.parametrize("later", ["opted out", "deleted", "file gone", "template gone"])
def test_6_an_email_that_was_sent_stays_accepted_whatever_changes_before_the_report(
    the: Bank, later: str
) -> None:
    statement_of(the, "ann")
    the.pinpoint.events_down = LOST
    assert the.receive(queued("ann")) == ["m0"]
    the.pinpoint.events_down = None
    waited = 61 if later in ("opted out", "deleted") else 0
    if later == "opted out":
        the.pinpoint.endpoints["ann"] = endpoint("ann", OptOut="ALL")
    elif later == "file gone":
        the.s3.delete_object(Bucket="bank-files", Key="statements/2026-10/statement_ann.pdf")
    elif later == "template gone":
        the.pinpoint.templates.clear()

    assert the.receive(queued("ann", seconds_ago=waited)) == []

    assert the.ses.recipients == ["ann@example.com"]
    assert the.pinpoint.outcomes == [("ann", "accepted", None)]


def test_6_a_call_that_is_repeated_after_an_opt_out_reports_the_email_that_was_sent(
    the: Bank,
) -> None:
    the.receive(queued("ann", configuration=NO_FILE))

    the.receive(queued("ann", problem="OPTED_OUT", of={}))

    assert the.pinpoint.outcomes == [("ann", "accepted", None)] * 2


def test_another_run_and_another_visit_are_other_emails(the: Bank) -> None:
    later = replace(VISIT, scheduled_time="2026-04-03")
    for sending in (VISIT, later):
        the.receive(queued("ann", sending=sending, configuration=NO_FILE))

    assert the.ses.recipients == ["ann@example.com"] * 2


def test_a_lost_answer_of_ses_is_unknown_and_never_sent_again(the: Bank) -> None:
    the.ses.answers = [Accepted(LOST)]

    for _ in range(2):
        assert the.receive(queued("ann", configuration=NO_FILE)) == []

    assert len(the.ses.sent) == 1
    assert the.pinpoint.outcomes == [("ann", "unknown", "NO_ANSWER")] * 2


def test_a_sender_that_was_killed_after_the_claim_leaves_an_unknown_outcome(the: Bank) -> None:
    class Killed(BaseException):
        pass

    the.ses.answers = [Accepted(Killed())]
    with pytest.raises(Killed):
        the.receive(queued("ann", configuration=NO_FILE))

    assert the.receive(queued("ann", configuration=NO_FILE)) == ["m0"]  # it may still work
    the.change(clock=lambda: time.time() + 300)
    the.pinpoint.endpoints["ann"] = endpoint("ann")
    assert the.receive(queued("ann", configuration=NO_FILE)) == []

    assert len(the.ses.sent) == 1
    assert the.pinpoint.outcomes == [("ann", "unknown", "SENDER_STOPPED")]


@pytest.mark.parametrize(
    "error",
    [
        service_error("SendEmail", "TooManyRequestsException", 429),
        service_error("SendEmail", "LimitExceededException", 400),
        service_error("SendEmail", "SendingPausedException", 400),
        service_error("SendEmail", "AccessDeniedException", 403),
        service_error("SendEmail", "ServiceUnavailable", 503),
        EndpointConnectionError(endpoint_url="https://email"),
        ConnectTimeoutError(endpoint_url="https://email"),
        CredentialRetrievalError(provider="assume-role", error_msg="no answer"),
    ],
    ids=lambda error: type(error).__name__ + str(getattr(error, "response", {}).get("Error", "")),
)
def test_what_was_surely_not_sent_is_sent_later_and_once(the: Bank, error: Exception) -> None:
    the.ses.answers = [error] * 4

    assert the.receive(
        *(queued(name, configuration=NO_FILE) for name in ("ann", "bob")), receives=3
    )[:1] == ["m0"]
    the.ses.answers = []
    the.receive(*(queued(name, configuration=NO_FILE) for name in ("ann", "bob")))

    assert sorted(the.ses.recipients) == ["ann@example.com", "bob@example.com"]
    assert the.sqs.waits["0"] == 60


def test_a_throttled_account_stops_the_rest_of_the_batch(the: Bank) -> None:
    the.ses.answers = [service_error("SendEmail", "TooManyRequestsException", 429)]

    back = the.receive(*(queued(name, configuration=NO_FILE) for name in ("ann", "bob", "eve")))

    assert back == ["m0", "m1", "m2"]
    assert the.ses.calls == 1  # a second attempt would be outside the pace


def test_a_refused_email_is_a_failure_with_the_code_of_ses(the: Bank) -> None:
    the.ses.answers = [service_error("SendEmail", "MessageRejected", 400)]

    for _ in range(2):
        assert the.receive(queued("ann", configuration=NO_FILE)) == []

    assert the.pinpoint.outcomes == [("ann", "failed", "MessageRejected")] * 2
    assert the.ses.calls == 1


def test_without_its_claim_nothing_is_sent(the: Bank) -> None:
    the.dynamodb.delete_table(TableName=TABLE)

    assert the.receive(queued("ann", configuration=NO_FILE)) == ["m0"]

    assert the.ses.calls == 0


def test_a_claim_whose_answer_was_lost_is_the_own_one(the: Bank, monkeypatch: Any) -> None:
    ledger = the.function.sender.ledger
    put = ledger._dynamodb.put_item

    def lost(**request: Any) -> Any:
        put(**request)
        return put(**request)  # as botocore repeats it

    monkeypatch.setattr(ledger._dynamodb, "put_item", lost)

    assert the.receive(queued("ann", configuration=NO_FILE)) == []

    assert the.ses.recipients == ["ann@example.com"]


def test_an_outcome_that_could_not_be_written_is_reported_and_nothing_is_sent_again(
    the: Bank, monkeypatch: Any
) -> None:
    def down(self: Ledger, *_: Any, **__: Any) -> None:
        raise service_error("UpdateItem", "InternalServerError", 500)

    monkeypatch.setattr(Ledger, "settle", down)

    assert the.receive(queued("ann", configuration=NO_FILE)) == []
    assert the.receive(queued("ann", configuration=NO_FILE)) == ["m0"]

    assert the.ses.recipients == ["ann@example.com"]
    assert the.pinpoint.outcomes == [("ann", "accepted", None)]


def test_outcomes_that_could_not_be_reported_come_back_and_send_nothing(the: Bank) -> None:
    the.pinpoint.events_down = service_error("PutEvents", "InternalServerErrorException", 500)
    assert the.receive(queued("ann", configuration=NO_FILE)) == ["m0"]
    the.pinpoint.events_down = None

    assert the.receive(queued("ann", configuration=NO_FILE)) == []

    assert the.ses.recipients == ["ann@example.com"]
    assert the.pinpoint.outcomes == [("ann", "accepted", None)]


def test_outcomes_that_the_project_refuses_do_not_come_back_for_ever(the: Bank) -> None:
    the.pinpoint.refuse_events = True

    assert the.receive(queued("ann", configuration=NO_FILE)) == []

    assert the.ses.recipients == ["ann@example.com"]


def test_a_new_environment_knows_what_the_last_one_sent(the: Bank, monkeypatch: Any) -> None:
    the.receive(queued("ann", configuration=NO_FILE))
    the.use(load_function(monkeypatch, "email_attachments.functions.send_emails", SENDER))

    the.receive(queued("ann", configuration=NO_FILE))

    assert the.ses.recipients == ["ann@example.com"]


# Batches


@pytest.mark.parametrize(
    "body", ["", "{}", "[]", "null", "{", '{"queued_at": "x"}', queued("ann")[:-5]]
)
def test_a_message_that_is_none_is_parked_with_its_reason(the: Bank, body: str) -> None:
    assert the.receive(body, queued("bob", configuration=NO_FILE)) == []

    [(parked, reason)] = the.sqs.parked
    assert (parked, bool(reason)) == (body, True)
    assert the.ses.recipients == ["bob@example.com"]


def test_a_message_that_cannot_be_parked_comes_back(the: Bank) -> None:
    the.sqs.down = service_error("SendMessage", "InternalError", 500)

    assert the.receive("{}") == ["m0"]


def test_9_a_batch_without_time_comes_back_unsent(the: Bank) -> None:
    the.remaining = 40_000

    assert the.receive(queued("ann", configuration=NO_FILE)) == ["m0"]

    assert the.ses.calls == 0


def test_a_rate_that_is_booked_out_leaves_the_message_in_the_queue(the: Bank) -> None:
    class BookedOut:
        def reserve(self, n: int, by: float) -> float | None:
            return None

    the.change(pacer=BookedOut())

    assert the.receive(queued("ann", configuration=NO_FILE)) == ["m0"]

    assert the.ses.calls == 0


def test_the_sends_wait_for_their_turns(the: Bank) -> None:
    waits: list[float] = []
    turns = iter([100.5, 101.0])

    class Pacer:
        def reserve(self, n: int, by: float) -> float | None:
            return next(turns)

    the.change(pacer=Pacer(), clock=lambda: 100.0, sleep=waits.append, recheck_seconds=1e12)

    the.receive(*(queued(name, configuration=NO_FILE) for name in ("ann", "bob")))

    assert waits == [0.5, 1.0]


@pytest.mark.parametrize("down", ["pinpoint", "template"])
def test_a_service_that_is_down_before_the_send_costs_nothing_but_time(
    the: Bank, down: str
) -> None:
    the.pinpoint.down = service_error("Get", "InternalServerErrorException", 500)
    age = 61 if down == "pinpoint" else 0

    assert the.receive(queued("ann", configuration=NO_FILE, seconds_ago=age)) == ["m0"]

    assert the.ses.calls == 0
    assert the.pinpoint.outcomes == []


@pytest.mark.parametrize(
    "configuration",
    [
        {"TemplateName": "statement", "TemplateVersion": "3"},
        {"TemplateName": "gone", "TemplateVersion": "2"},
        {"TemplateName": "linked", "TemplateVersion": "2"},
        {"Nothing": 1},
    ],
)
def test_a_configuration_that_went_bad_in_the_queue_is_a_failure(
    the: Bank, configuration: dict[str, Any]
) -> None:
    assert the.receive(queued("ann", configuration=configuration)) == []

    assert the.pinpoint.outcomes == [("ann", "failed", "BAD_CONFIGURATION")]


@pytest.mark.parametrize(
    "members",
    [
        {"User": "no object"},
        {"User": {"UserAttributes": ["no", "object"]}},
        {"User": {"UserAttributes": {"FirstName": {"a": 1}}}},
        {"Attributes": 7},
    ],
)
def test_odd_members_of_an_endpoint_cost_no_other_recipient(
    the: Bank, members: dict[str, Any]
) -> None:
    odd = queued("ann", configuration=NO_FILE, of=endpoint("ann", **members))

    assert the.receive(odd, queued("bob", configuration=NO_FILE)) == []

    assert "bob@example.com" in the.ses.recipients


@pytest.mark.parametrize(
    ("endpoint_id", "template"),
    [
        ("ü" * 400, {}),  # 2,400 characters in the URL
        ("ann", {"HtmlPart": None, "TextPart": "{{Attributes.missing}}"}),
        ("ann", {"HtmlPart": "{{#each Attributes}}{{divide 1 0}}{{/each}}{{divide 1 0}}"}),
        ("ann", {"Headers": [{"Name": f"X-{n}", "Value": "1"} for n in range(15)]}),
        ("ann", {"Headers": [{"Name": "X-Name", "Value": "{{Attributes.missing}}"}]}),
        ("ann", {"Headers": [{"Name": "X Name", "Value": "1"}]}),
    ],
)
def test_an_email_that_cannot_be_rendered_is_its_recipients_failure(
    the: Bank, endpoint_id: str, template: dict[str, Any]
) -> None:
    the.pinpoint.templates["statement"] = {**TEMPLATE, **template}
    unsubscribe = {"Url": "https://x.example/u?id={{Id}}"}
    body = queued(
        endpoint_id,
        configuration={**NO_FILE, "Unsubscribe": unsubscribe},
        of=endpoint("ann", Attributes={"a": ["1"]}),
    )

    assert the.receive(body) == []

    assert the.pinpoint.outcomes == [(endpoint_id, "failed", "RENDERING_FAILED")]
    assert the.ses.calls == 0


def test_a_subject_that_a_value_breaks_into_lines_stays_one_line(the: Bank) -> None:
    of = endpoint("ann", User={"UserAttributes": {"FirstName": ["A\r\nBcc: all@example.com"]}})

    the.receive(queued("ann", configuration=NO_FILE, of=of))

    assert the.ses.sent[0]["Content"]["Simple"]["Subject"]["Data"] == "For A Bcc: all@example.com"


def test_a_subject_that_is_no_text_is_its_recipients_failure(the: Bank) -> None:
    the.pinpoint.templates["statement"] = {**TEMPLATE, "HtmlPart": "Hi", "TextPart": None}
    of = endpoint("ann", User={"UserAttributes": {"FirstName": ["\ud800"]}})

    assert the.receive(queued("ann", configuration=NO_FILE, of=of)) == []

    assert the.pinpoint.outcomes == [("ann", "failed", "RENDERING_FAILED")]


def test_nothing_that_is_logged_names_a_person(the: Bank, caplog: Any, capsys: Any) -> None:
    statement_of(the, "ann")
    the.ses.answers = [None, service_error("SendEmail", "MessageRejected", 400)]

    the.receive(
        queued("ann"),
        queued("bob", configuration=NO_FILE),
        queued("eve", configuration=LINK),
        queued("x/../kim"),
    )

    written = capsys.readouterr().out + "".join(str(vars(record)) for record in caplog.records)
    assert "FILE_MISSING" in written
    for name in ("bob", "kim", "example.com", "+1425", "X-Amz", "statement_"):
        assert name not in written


def test_the_claim_holds_no_endpoint_id(the: Bank) -> None:
    the.receive(queued("ann@example.com", configuration=NO_FILE, of=endpoint("ann")))

    items = the.dynamodb.scan(TableName=TABLE)["Items"]
    [claim] = [item for item in items if item["sk"]["S"] == "claim"]
    assert claim["state"]["S"] == State.ACCEPTED
    assert "ann" not in json.dumps(claim)
