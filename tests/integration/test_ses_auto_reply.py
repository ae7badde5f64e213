"""Email arrives at unattended mailboxes: which senders get a reply, its text, and how often."""

from __future__ import annotations

import html
import json
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from pytest_terraform import terraform

from tests.builders.faults import FAULTS, fault
from tests.builders.local_account import LocalAccount, local
from tests.builders.logs import log_lines
from tests.builders.terraform_example import left_behind, outputs, second_plan

pytestmark = pytest.mark.integration

PEOPLE = "customers.example.org"


@pytest.fixture(scope="module")
def example(ses_auto_reply: Any) -> dict[str, Any]:
    return outputs(ses_auto_reply)


def arrives(sender: str, *to: str, **mail: Any) -> dict[str, Any]:
    """Deliver an email from outside. Returns the actions of SES's receipt rules."""
    taken: dict[str, Any] = local(
        "inbound/email", {"from": sender, "to": list(to), "text": "Hello"} | mail
    )
    return taken


def decision(account: LocalAccount, function: str, mail: dict[str, Any]) -> str:
    """Wait for the function's decision about an email, and read it from the log."""
    logs = account.client("logs")

    def decided() -> list[str]:
        events = logs.filter_log_events(
            logGroupName=f"/aws/lambda/{function}", filterPattern=f'"{mail["message_id"]}"'
        )["events"]
        lines = [json.loads(e["message"]) for e in events if e["message"].startswith("{")]
        return [
            line["decision"]
            for line in lines
            if line.get("mail_id") == mail["message_id"] and "decision" in line
        ]

    return account.eventually(decided, bool)[0]


def decisions_counted(account: LocalAccount) -> set[str]:
    """The decisions of which there is a metric."""
    watch = account.client("cloudwatch")
    return {
        dimension["Value"]
        for metric in watch.list_metrics(Namespace="SesAutoReply", MetricName="Mails")["Metrics"]
        for dimension in metric["Dimensions"]
        if dimension["Name"] == "Decision"
    }


def replies(account: LocalAccount, to: str) -> list[dict[str, Any]]:
    return [email for email in account.outbox("email") if email["to"] == [to]]


def reply(account: LocalAccount, to: str) -> dict[str, Any]:
    """Wait for the only reply to an address."""
    [only] = account.eventually(lambda: replies(account, to), bool)
    return only


@contextmanager
def without_permission_to_send(account: LocalAccount, function: str) -> Iterator[None]:
    """Make SES refuse every reply within the block."""
    iam = account.client("iam")
    role = f"{function}-lambda"
    before = iam.get_role_policy(RoleName=role, PolicyName="send")["PolicyDocument"]
    iam.delete_role_policy(RoleName=role, PolicyName="send")
    try:
        yield
    finally:
        iam.put_role_policy(RoleName=role, PolicyName="send", PolicyDocument=json.dumps(before))


@terraform("ses_auto_reply", scope="module")
def test_a_mail_gets_one_reply_that_continues_its_thread(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount
) -> None:
    ann, mailbox = f"ann@{PEOPLE}", example["reply_address"]

    mail = arrives(
        f'"O\'Neill, <b>Ann</b>" <{ann}>',
        mailbox,
        subject="Wo bleibt mein Päckchen?",
        headers={"Message-ID": "<one@customers.example.org>", "References": "<zero@x.example>"},
    )

    answer = reply(account, ann)
    assert answer["from"] == mailbox
    assert answer["subject"] == "We got your message: Wo bleibt mein Päckchen?"
    shown = html.escape(f'"O\'Neill, <b>Ann</b>" <{ann}>')
    assert f"from {shown}, has" in answer["html"]
    assert "<b>Ann" not in answer["html"]
    assert answer["html"].count(mail["message_id"]) == 2
    assert f'from "O\'Neill, <b>Ann</b>" <{ann}>, has' in answer["text"]
    assert answer["text"].count(mail["message_id"]) == 2
    headers = answer["headers"]
    assert headers["In-Reply-To"] == "<one@customers.example.org>"
    assert headers["References"] == "<zero@x.example> <one@customers.example.org>"
    assert headers["Auto-Submitted"] == "auto-replied"
    assert headers["X-Auto-Response-Suppress"] == "All"


@terraform("ses_auto_reply", scope="module")
def test_a_second_mail_in_the_window_gets_no_reply_whichever_mailbox_of_the_rule_it_names(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount
) -> None:
    bo, function = f"bo@{PEOPLE}", example["reply_function_name"]
    first = arrives(bo, example["support_address"], subject="First")
    assert decision(account, function, first) == "REPLIED"

    second = arrives(f"Bo <{bo.upper()}>", example["reply_address"], subject="Second")

    assert decision(account, function, second) == "ANSWERED_LATELY"
    assert reply(account, bo)["from"] == example["reply_address"]


@terraform("ses_auto_reply", scope="module")
def test_two_auto_responders_end_after_one_reply(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount
) -> None:
    # Both mailboxes are ours: an email is sent in the name of one responder to the other.
    mailbox, other = example["reply_address"], example["orders_reply_address"]
    arrives(other, mailbox, subject="Ping")
    answer = reply(account, other)

    back = arrives(answer["from"], other, subject=answer["subject"], headers=answer["headers"])

    assert decision(account, example["orders_reply_function_name"], back) == "AUTOMATIC"
    assert replies(account, mailbox) == []
    assert len(replies(account, other)) == 1


@terraform("ses_auto_reply", scope="module")
def test_a_template_of_the_hub_answers_from_the_address_that_was_written_to(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount
) -> None:
    cy, mailbox = f"cy@{PEOPLE}", example["orders_reply_address"]

    mail = arrives(f"Cy <{cy}>", mailbox.replace("@", "+spring@").upper(), subject="3 pens")

    answer = reply(account, cy)
    assert answer["from"] == mailbox.replace("@", "+spring@")
    assert answer["subject"] == "Your order: 3 pens"
    assert f"from Cy &lt;{cy}&gt;:" in answer["html"]
    assert mail["message_id"] in answer["text"]


LEFT: dict[str, tuple[dict[str, Any], str]] = {
    "spam": ({"verdicts": {"spam": "FAIL"}}, "SPAM"),
    "virus": ({"verdicts": {"virus": "FAIL"}}, "VIRUS"),
    "forged": ({"verdicts": {"dmarc": "FAIL", "dmarcPolicy": "none"}}, "DMARC_FAILED"),
    "unsigned": (
        {"verdicts": {"dmarc": "GRAY", "spf": "FAIL", "dkim": "GRAY"}},
        "UNAUTHENTICATED",
    ),
    "list": ({"headers": {"List-Id": "<people.example.org>"}}, "LIST"),
    "bulk": ({"headers": {"Precedence": "bulk"}}, "BULK"),
    "vacation": ({"headers": {"Auto-Submitted": "auto-replied"}}, "AUTOMATIC"),
    "bounce": ({"mail_from": ""}, "NULL_RETURN_PATH"),
    "daemon": ({"mail_from": f"MAILER-DAEMON@{PEOPLE}"}, "MACHINE"),
    "several": ({"headers": {"From": f"several@{PEOPLE}, dee@{PEOPLE}"}}, "SEVERAL_SENDERS"),
    "huge": ({"subject": "x" * 2_000_000}, "HEADERS_TRUNCATED"),
}


@terraform("ses_auto_reply", scope="module")
def test_what_a_good_citizen_does_not_answer_is_left(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount
) -> None:
    mails = {
        name: arrives(f"{name}@{PEOPLE}", example["reply_address"], **mail)
        for name, (mail, _) in LEFT.items()
    }
    ours = arrives(example["support_address"], example["reply_address"])

    function = example["reply_function_name"]
    decided = {name: decision(account, function, mail) for name, mail in mails.items()}
    assert decided == {name: reason for name, (_, reason) in LEFT.items()}
    assert decision(account, function, ours) == "OWN_ADDRESS"
    assert [name for name in LEFT if replies(account, f"{name}@{PEOPLE}")] == []


@terraform("ses_auto_reply", scope="module")
def test_reply_to_several_recipients_and_bcc_are_answered_once(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount
) -> None:
    mailbox, support = example["reply_address"], example["support_address"]

    arrives(f"no-reply@{PEOPLE}", support, headers={"Reply-To": f"eve@{PEOPLE}"}, mail_from="w@x.y")
    arrives(f"flo@{PEOPLE}", "someone@elsewhere.example", support, mailbox)
    blind = f"From: gus@{PEOPLE}\r\nTo: someone@elsewhere.example\r\n\r\nHello"
    local("inbound/email", {"raw": blind, "to": [mailbox]})

    for name in ("eve", "flo", "gus"):
        answer = reply(account, f"{name}@{PEOPLE}")
        assert answer["from"] == mailbox
    assert replies(account, f"gus@{PEOPLE}")[0]["subject"] == "We got your message:"
    assert replies(account, f"no-reply@{PEOPLE}") == []


@terraform("ses_auto_reply", scope="module")
def test_a_refused_reply_is_tried_again_then_parked_under_an_alarm_and_can_be_sent_later(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount
) -> None:
    hal, function = f"hal@{PEOPLE}", example["reply_function_name"]
    with without_permission_to_send(account, function):
        mail = arrives(hal, example["reply_address"])
        [letter] = account.eventually(
            lambda: (
                account.client("sqs")
                .receive_message(QueueUrl=example["dead_letter_queue_url"], VisibilityTimeout=0)
                .get("Messages", [])
            ),
            bool,
            seconds=90,
        )
        parked = json.loads(letter["Body"])
        assert parked["requestContext"]["condition"] == "RetriesExhausted"
        assert parked["requestContext"]["approximateInvokeCount"] == 3
        assert parked["responsePayload"]["errorType"] == "ReplyRefused"
        assert hal not in parked["responsePayload"]["errorMessage"]

    assert "REFUSED" in decisions_counted(account)
    queue = example["dead_letter_queue_name"]
    [alarm] = account.client("cloudwatch").describe_alarms(AlarmNames=[f"{queue}-not-empty"])[
        "MetricAlarms"
    ]
    assert alarm["Dimensions"] == [{"Name": "QueueName", "Value": queue}]
    assert (alarm["MetricName"], alarm["Threshold"], alarm["Period"]) == (
        "ApproximateNumberOfMessagesVisible",
        0,
        60,
    )
    assert replies(account, hal) == []
    account.client("lambda").invoke(
        FunctionName=function,
        InvocationType="Event",
        Payload=json.dumps(parked["requestPayload"]),
    )

    assert mail["message_id"] in reply(account, hal)["text"]
    account.client("sqs").delete_message(
        QueueUrl=example["dead_letter_queue_url"], ReceiptHandle=letter["ReceiptHandle"]
    )


@terraform("ses_auto_reply", scope="module")
def test_replies_that_ses_throttles_go_out_a_little_later(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount
) -> None:
    people = [f"many{number}@{PEOPLE}" for number in range(5)]
    before = account.client("sesv2").get_account()["SendQuota"]
    quota = {"max_24_hour_send": before["Max24HourSend"]}
    local("ses/quota", quota | {"max_send_rate": 1})
    try:
        for person in people:
            arrives(person, example["reply_address"])
        account.eventually(
            lambda: [len(replies(account, person)) for person in people],
            lambda counts: counts == [1] * len(people),
            seconds=90,
        )
    finally:
        local("ses/quota", quota | {"max_send_rate": before["MaxSendRate"]})

    assert account.messages(example["dead_letter_queue_url"]) == []


# The calls of the function in the rows of the fault matrix.
CALLS: dict[str, dict[str, Any]] = {
    "template": {"service": "ses", "method": "GET", "path": "/v2/email/templates/*"},
    "claim": {"service": "dynamodb", "operation": "TransactWriteItems"},
    "send": {"service": "ses", "method": "POST", "path": "/v2/email/outbound-emails"},
    "record": {"service": "dynamodb", "operation": "UpdateItem"},
}
# In these cells all three attempts of the SDK meet the fault, in the others one attempt.
EXHAUSTED = {"template-throttled", "claim-throttled", "claim-reset-after", "record-throttled"}
# In these cells the mail ends in the dead-letter queue. The number counts replies in the outbox.
UNKNOWN = {
    "claim-kill-after": 0,
    "send-reset-before": 0,
    "send-reset-after": 1,
    "send-kill-before": 0,
    "send-kill-after": 1,
    "record-kill-before": 1,
}


def with_an_empty_cache(account: LocalAccount, function: str) -> None:
    """Have the function start in a new environment, as after any update of its configuration."""
    functions = account.client("lambda")
    memory = functions.get_function_configuration(FunctionName=function)["MemorySize"]
    functions.update_function_configuration(FunctionName=function, MemorySize=memory)
    functions.get_waiter("function_updated_v2").wait(
        FunctionName=function, WaiterConfig={"Delay": 1}
    )


@pytest.mark.fault_matrix
@pytest.mark.parametrize(
    ("call", "name"),
    [pytest.param(call, name, id=f"{call}-{name}") for call in CALLS for name in FAULTS],
)
@terraform("ses_auto_reply", scope="module")
def test_a_fault_of_the_function_leads_to_one_reply_or_to_a_letter_for_a_person(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount, call: str, name: str
) -> None:
    cell, function = f"{call}-{name}", example["reply_function_name"]
    sender, queue = f"{uuid.uuid4().hex}@{PEOPLE}", example["dead_letter_queue_url"]
    if call == "template":
        with_an_empty_cache(account, function)

    letters: list[str] = []
    times = 3 if cell in EXHAUSTED else 1
    with fault(account, name, function=function, times=times, seconds=1, **CALLS[call]):
        mail = arrives(sender, example["reply_address"])
        if cell in UNKNOWN:
            letters = account.eventually(lambda: account.messages(queue), bool)
        else:
            # The second attempt finds the reply recorded that the first attempt sent.
            answered = "ANSWERED_BEFORE" if cell == "record-kill-after" else "REPLIED"
            assert decision(account, function, mail) == answered

    assert len(replies(account, sender)) == UNKNOWN.get(cell, 1)
    errors = [json.loads(letter)["responsePayload"]["errorType"] for letter in letters]
    assert errors == (["OutcomeUnknown"] if cell in UNKNOWN else [])
    assert all(mail["message_id"] in letter for letter in letters)
    assert account.messages(queue) == []


@terraform("ses_auto_reply", scope="module")
def test_decisions_are_counted_and_no_address_is_kept_or_logged(
    ses_auto_reply: Any, example: dict[str, Any], account: LocalAccount
) -> None:
    ida, mailbox = f"ida@{PEOPLE}", example["reply_address"]
    function = example["reply_function_name"]
    for expected, mail in (
        ("REPLIED", {"subject": "secret-words"}),
        ("ANSWERED_LATELY", {"subject": "secret-words"}),
        ("SPAM", {"verdicts": {"spam": "FAIL"}}),
    ):
        assert decision(account, function, arrives(ida, mailbox, **mail)) == expected

    lines = log_lines(account, function)
    items = account.client("dynamodb").scan(TableName=example["table_name"])["Items"]
    assert items
    assert lines
    assert [
        text for text in [*lines, json.dumps(items)] if PEOPLE in text or "secret-" in text
    ] == []
    assert decisions_counted(account) >= {"REPLIED", "ANSWERED_LATELY", "SPAM"}


@terraform("ses_auto_reply", scope="module")
def test_a_second_plan_of_ses_auto_reply_is_empty(ses_auto_reply: Any) -> None:
    assert second_plan(ses_auto_reply) == ""


@terraform("ses_auto_reply", scope="module")
def test_destroying_the_mailboxes_leaves_nothing(
    ses_auto_reply: Any, account: LocalAccount
) -> None:
    def mail_settings() -> list[str]:
        ses = account.client("ses")
        names = [found["Name"] for found in ses.list_receipt_rule_sets()["RuleSets"]]
        names += [found["Name"] for found in ses.list_templates()["TemplatesMetadata"]]
        return [name for name in names if name.startswith("answers-")]

    assert len(left_behind(account, "answers")) > 10
    assert len(mail_settings()) == 2

    ses_auto_reply.terraform.destroy()

    assert left_behind(account, "answers") == []
    assert mail_settings() == []
    assert account.client("ses").describe_active_receipt_rule_set().get("Metadata") is None
