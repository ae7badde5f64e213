"""Mail that arrives: the active receipt rule set is run for it."""

from __future__ import annotations

import base64
import io
import json
import zipfile
from collections.abc import Callable
from email import message_from_bytes, policy
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis.strategies import lists, sampled_from, text

from builders.local_server import LocalServer, allow, eventually
from builders.local_server import policy as document
from local_aws.engagement.ses.receiving import mail as received
from local_aws.engagement.ses.receiving import matches

SAMPLES = Path(__file__).parents[1] / "data" / "ses_receiving"
ACCOUNT = "000000000000"
SES = "ses.amazonaws.com"
MAIL = {"from": "Ann <ann@customer.example>", "to": ["shop@example.com"], "text": "Hello"}
STOP = {"StopAction": {"Scope": "RuleSet"}}
EICAR = "X5O!P%@AP[4\\PZX54(P^)7CC)7}$" + "EICAR-STANDARD-ANTIVIRUS-TEST-FILE!$H+H*"

Receiving = Callable[..., Any]


@pytest.fixture
def ses(local_aws: LocalServer) -> Any:
    """SES with the domain example.com and the empty active rule set ``main``."""
    local_aws.client("sesv2").create_email_identity(EmailIdentity="example.com")
    client = local_aws.client("ses")
    client.create_receipt_rule_set(RuleSetName="main")
    client.set_active_receipt_rule_set(RuleSetName="main")
    return client


def add_rule(ses: Any, name: str, *actions: dict[str, Any], **more: Any) -> None:
    """Append a rule to the active set."""
    rules = ses.describe_receipt_rule_set(RuleSetName="main")["Rules"]
    after = {"After": rules[-1]["Name"]} if rules else {}
    rule = {"Name": name, "Enabled": True, "ScanEnabled": True, "Actions": list(actions)} | more
    ses.create_receipt_rule(RuleSetName="main", Rule=rule, **after)


def add_header(name: str) -> dict[str, Any]:
    return {"AddHeaderAction": {"HeaderName": "X-Rule", "HeaderValue": name}}


def source(rule: str) -> str:
    return f"arn:aws:ses:us-east-1:{ACCOUNT}:receipt-rule-set/main:receipt-rule/{rule}"


def receive(local_aws: LocalServer, **mail: Any) -> dict[str, Any]:
    status, answer = local_aws.post("inbound/email", MAIL | mail)
    assert status == 200, answer
    taken: dict[str, Any] = answer
    return taken


def function(
    local_aws: LocalServer, name: str, code: str, *, rule: str, **options: Any
) -> dict[str, Any]:
    """A function that SES may invoke for one rule; the action that does."""
    role = local_aws.role(
        f"{name}-role", {"Service": "lambda.amazonaws.com"}, allow(["s3:*", "sqs:SendMessage"])
    )
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as files:
        files.writestr("app.py", code)
    functions = local_aws.client("lambda")
    arn = functions.create_function(
        FunctionName=name,
        Role=role,
        Runtime="python3.13",
        Handler="app.handler",
        Code={"ZipFile": archive.getvalue()},
        **options,
    )["FunctionArn"]
    functions.add_permission(
        FunctionName=name,
        StatementId="ses",
        Action="lambda:InvokeFunction",
        Principal=SES,
        SourceAccount=ACCOUNT,
        SourceArn=source(rule),
    )
    return {"LambdaAction": {"FunctionArn": arn, "InvocationType": "Event"}}


KEEPS_EVENT = """
import boto3, json
def handler(event, context):
    boto3.client("s3").put_object(Bucket="seen", Key="event", Body=json.dumps(event).encode())
"""


def kept(local_aws: LocalServer, key: str = "event") -> Any:
    s3 = local_aws.client("s3")
    eventually(lambda: s3.list_objects_v2(Bucket="seen").get("KeyCount"), bool)
    return json.load(s3.get_object(Bucket="seen", Key=key)["Body"])


def shape(value: Any) -> Any:
    """Names and types, without values; a list by its first item."""
    if isinstance(value, dict):
        return {name: shape(each) for name, each in value.items()}
    return [shape(value[0])] if isinstance(value, list) else type(value).__name__


def header(mail: dict[str, Any], name: str) -> list[str]:
    return [each["value"] for each in mail["headers"] if each["name"] == name]


# -- which rules run ---------------------------------------------------------------------


@pytest.mark.parametrize(
    ("condition", "address", "applies"),
    [
        ("shop@example.com", "Shop@Example.com", True),
        ("shop@example.com", "shop+spring@example.com", True),
        ("shop+spring@example.com", "shop+spring@example.com", True),
        ("shop+spring@example.com", "shop+autumn@example.com", False),
        ("shop+spring@example.com", "shop@example.com", False),
        ("shop@example.com", "shopping@example.com", False),
        ("shop@example.com", "shop@sub.example.com", False),
        ("example.com", "anyone@example.com", True),
        ("example.com", "anyone@sub.example.com", False),
        ("example.com", "anyone@notexample.com", False),
        (".example.com", "anyone@deep.sub.example.com", True),
        (".example.com", "anyone@example.com", False),
        (".example.com", "anyone@notexample.com", False),
        ("shop@.example.com", "shop@sub.example.com", True),
        ("shop@.example.com", "anyone@sub.example.com", False),
    ],
)
def test_a_condition_applies_to(condition: str, address: str, applies: bool) -> None:
    assert matches(condition, address) is applies


def test_enabled_rules_that_apply_run_in_order_until_one_stops(
    local_aws: LocalServer, ses: Any
) -> None:
    add_rule(ses, "all", add_header("all"))
    add_rule(ses, "off", add_header("off"), Enabled=False)
    add_rule(ses, "other", add_header("other"), Recipients=["other@example.com"])
    add_rule(ses, "shop", add_header("shop"), STOP, Recipients=["shop@example.com"])
    add_rule(ses, "late", add_header("late"))

    answer = receive(local_aws)

    assert answer["rules"] == ["all", "shop"]
    assert [(each["rule"], each["type"]) for each in answer["actions"]] == [
        ("all", "AddHeader"),
        ("shop", "AddHeader"),
        ("shop", "Stop"),
    ]


def test_mail_is_taken_for_verified_identities_only(local_aws: LocalServer, ses: Any) -> None:
    local_aws.client("sesv2").create_email_identity(EmailIdentity="me@elsewhere.example")
    add_rule(ses, "all", add_header("all"))
    to = ["you@elsewhere.example", "me+label@elsewhere.example", "a@sub.example.com"]

    status, refused = local_aws.post("inbound/email", MAIL | {"to": ["you@elsewhere.example"]})
    partly = receive(local_aws, to=to)

    assert status == 409
    assert "no verified identity stands for you@elsewhere.example" in refused["error"]
    assert partly["refused"] == ["you@elsewhere.example"]


def test_mail_that_no_active_rule_applies_to_is_refused(local_aws: LocalServer, ses: Any) -> None:
    add_rule(ses, "other", add_header("other"), Recipients=["other@example.com"])

    status, no_rule = local_aws.post("inbound/email", MAIL)
    ses.set_active_receipt_rule_set()
    _, no_set = local_aws.post("inbound/email", MAIL | {"to": ["other@example.com"]})

    assert status == 409
    assert "no enabled rule of main applies to shop@example.com" in no_rule["error"]
    assert "SetActiveReceiptRuleSet" in no_set["error"]


def test_a_rule_that_requires_tls_refuses_mail_without(local_aws: LocalServer, ses: Any) -> None:
    add_rule(ses, "strict", add_header("strict"), TlsPolicy="Require")

    status, refused = local_aws.post("inbound/email", MAIL | {"tls": False})

    assert status == 409
    assert "strict requires TLS" in refused["error"]
    assert receive(local_aws)["rules"] == ["strict"]


@pytest.mark.parametrize(
    ("request_", "says"),
    [
        ({}, "from must be an address"),
        ({"from": "a@b.example"}, "to must be a list of addresses"),
        ({**MAIL, "to": "nobody"}, "to must be a list of addresses"),
        ({**MAIL, "to": [1]}, "to must be a list of strings"),
        ({**MAIL, "subject": 1}, "subject must be a string"),
        ({**MAIL, "headers": {"X-A": "a\r\nBcc: b@c.example"}}, "without line ends"),
        ({**MAIL, "headers": []}, None),
        ({**MAIL, "headers": ["X-A"]}, "headers must be a map"),
        ({**MAIL, "verdicts": {"spam": "MAYBE"}}, "PASS, FAIL, GRAY, PROCESSING_FAILED"),
        ({**MAIL, "verdicts": {"dmarcPolicy": "PASS"}}, "none, quarantine, reject"),
        ({"raw": "Subject: nobody's\n\n"}, "to must be a list of addresses"),
    ],
)
def test_a_request_that_describes_no_email_is_told_why(
    local_aws: LocalServer, ses: Any, request_: dict[str, Any], says: str | None
) -> None:
    add_rule(ses, "all", add_header("all"))

    status, answer = local_aws.post("inbound/email", request_)

    assert (status, says is None or says in answer["error"]) == (400 if says else 200, True)


# -- functions ---------------------------------------------------------------------------


def test_a_function_gets_the_event_of_the_documentation(local_aws: LocalServer, ses: Any) -> None:
    local_aws.client("s3").create_bucket(Bucket="seen")
    keeps = function(local_aws, "keeps", KEEPS_EVENT, rule="reply")
    add_rule(ses, "reply", add_header("reply"), keeps, Recipients=["shop@example.com"])

    answer = receive(
        local_aws,
        to=["shop@example.com", "boss@example.com"],
        subject="Grüße",
        headers={"In-Reply-To": "<1@example.com>", "To": "Shop <shop@example.com>"},
    )

    event, sample = kept(local_aws), json.loads((SAMPLES / "lambda_action.json").read_text())
    mail, receipt = event["Records"][0]["ses"]["mail"], event["Records"][0]["ses"]["receipt"]
    assert shape(event) == shape(sample)
    assert mail["messageId"] == answer["message_id"]
    assert mail["source"] == "ann@customer.example"
    assert mail["destination"] == ["shop@example.com"]  # of the headers
    assert receipt["recipients"] == ["shop@example.com"]  # of the envelope, that matched
    assert mail["commonHeaders"]["subject"] == "Grüße"
    assert header(mail, "Subject") == ["=?utf-8?b?R3LDvMOfZQ==?="]
    assert header(mail, "X-Rule") == ["reply"]
    assert header(mail, "Return-Path") == ["<ann@customer.example>"]
    assert receipt["action"]["invocationType"] == "Event"


def test_verdicts_are_told_as_given(local_aws: LocalServer, ses: Any) -> None:
    local_aws.client("s3").create_bucket(Bucket="seen")
    add_rule(ses, "all", function(local_aws, "keeps", KEEPS_EVENT, rule="all"))

    receive(
        local_aws,
        verdicts={"spam": "GRAY", "dmarc": "FAIL", "dmarcPolicy": "reject"},
        text=EICAR,
    )

    receipt = kept(local_aws)["Records"][0]["ses"]["receipt"]
    told = {name: receipt[name]["status"] for name in receipt if name.endswith("Verdict")}
    assert told == {
        "spamVerdict": "GRAY",
        "virusVerdict": "FAIL",
        "spfVerdict": "PASS",
        "dkimVerdict": "PASS",
        "dmarcVerdict": "FAIL",
    }
    assert receipt["dmarcPolicy"] == "reject"


def test_a_rule_without_scanning_has_no_verdict_about_spam_and_viruses(
    local_aws: LocalServer, ses: Any
) -> None:
    local_aws.client("s3").create_bucket(Bucket="seen")
    keeps = function(local_aws, "keeps", KEEPS_EVENT, rule="all")
    add_rule(ses, "all", keeps, ScanEnabled=False)

    receive(local_aws, verdicts={"spam": "FAIL", "spf": "FAIL"})

    told = kept(local_aws)["Records"][0]["ses"]
    statuses = [told["receipt"][f"{name}Verdict"]["status"] for name in ("spam", "virus", "spf")]
    assert statuses == ["DISABLED", "DISABLED", "FAIL"]
    assert header(told["mail"], "X-SES-Spam-Verdict") == []


@pytest.mark.parametrize(
    ("disposition", "rules", "types"),
    [
        ("CONTINUE", ["first", "second"], ["Lambda", "AddHeader", "AddHeader"]),
        ("STOP_RULE", ["first", "second"], ["Lambda", "AddHeader"]),
        ("STOP_RULE_SET", ["first"], ["Lambda"]),
        ("anything else", ["first", "second"], ["Lambda", "AddHeader", "AddHeader"]),
    ],
)
def test_a_synchronous_function_decides_how_it_goes_on(
    local_aws: LocalServer, ses: Any, disposition: str, rules: list[str], types: list[str]
) -> None:
    code = f"def handler(event, context): return {{'disposition': {disposition!r}}}"
    action = function(local_aws, "decides", code, rule="first")
    action["LambdaAction"]["InvocationType"] = "RequestResponse"
    add_rule(ses, "first", action, add_header("first"))
    add_rule(ses, "second", add_header("second"))

    answer = receive(local_aws)

    assert answer["rules"] == rules
    assert [each["type"] for each in answer["actions"]] == types


def test_a_function_that_lost_its_permission_is_not_invoked(
    local_aws: LocalServer, ses: Any
) -> None:
    action = function(local_aws, "decides", "def handler(event, context): pass", rule="all")
    action["LambdaAction"]["InvocationType"] = "RequestResponse"
    add_rule(ses, "all", action)
    local_aws.client("lambda").remove_permission(FunctionName="decides", StatementId="ses")

    (account,) = receive(local_aws)["actions"]

    assert f"does not let {SES} invoke it for {source('all')}" in account["error"]


def test_a_failing_function_is_tried_again_and_its_event_goes_to_the_failure_destination(
    local_aws: LocalServer, ses: Any
) -> None:
    sqs = local_aws.client("sqs")
    url = sqs.create_queue(QueueName="failed")["QueueUrl"]
    add_rule(
        ses,
        "all",
        function(local_aws, "fails", "def handler(event, context): raise ValueError()", rule="all"),
    )
    local_aws.client("lambda").put_function_event_invoke_config(
        FunctionName="fails",
        MaximumRetryAttempts=1,
        DestinationConfig={"OnFailure": {"Destination": f"arn:aws:sqs:us-east-1:{ACCOUNT}:failed"}},
    )

    answer = receive(local_aws)
    messages = eventually(
        lambda: sqs.receive_message(QueueUrl=url).get("Messages", []), bool, seconds=30
    )

    failure = json.loads(messages[0]["Body"])
    assert "error" not in answer["actions"][0]
    told = failure["requestPayload"]["Records"][0]["ses"]["mail"]
    assert told["messageId"] == answer["message_id"]


def test_a_synchronous_function_that_fails_is_told_and_the_rule_goes_on(
    local_aws: LocalServer, ses: Any
) -> None:
    action = function(
        local_aws, "fails", "def handler(event, context): raise ValueError('no')", rule="all"
    )
    action["LambdaAction"]["InvocationType"] = "RequestResponse"
    add_rule(ses, "all", action, add_header("all"))

    failed, added = receive(local_aws)["actions"]

    assert "ValueError" in failed["error"]
    assert added["type"] == "AddHeader"


# -- buckets, topics, bounces ------------------------------------------------------------


def test_a_bucket_gets_the_whole_mail_and_the_topic_of_the_action_is_told(
    local_aws: LocalServer, ses: Any
) -> None:
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="mails")
    grant = {
        **allow("s3:PutObject", "arn:aws:s3:::mails/inbound/*"),
        "Principal": {"Service": SES},
        "Condition": {"StringEquals": {"aws:SourceArn": source("all")}},
    }
    s3.put_bucket_policy(Bucket="mails", Policy=document(grant))
    topic, told = local_aws.inbox("stored", SES)
    action = {"BucketName": "mails", "ObjectKeyPrefix": "inbound/", "TopicArn": topic}
    add_rule(ses, "all", add_header("all"), {"S3Action": action})

    answer = receive(local_aws, subject="Attached", html="<p>Hello</p>")
    (notification,) = eventually(told, bool)

    key = f"inbound/{answer['message_id']}"
    stored = s3.get_object(Bucket="mails", Key=key)["Body"].read()
    message = message_from_bytes(stored, policy=policy.default)
    sample = json.loads((SAMPLES / "s3_action.json").read_text())
    assert message["X-Rule"] == "all"
    assert message["Subject"] == "Attached"
    html = message.get_body(("html",))
    assert html is not None
    assert html.get_content().strip() == "<p>Hello</p>"
    assert b"\n" not in stored.replace(b"\r\n", b"")
    assert shape(notification["receipt"]) == shape(sample["receipt"])
    assert set(notification) == set(sample)
    assert notification["receipt"]["action"]["objectKey"] == key


def test_a_bucket_that_no_longer_lets_ses_write_stays_as_it_is(
    local_aws: LocalServer, ses: Any
) -> None:
    s3 = local_aws.client("s3")
    s3.create_bucket(Bucket="mails")
    grant = {**allow("s3:PutObject", "arn:aws:s3:::mails/*"), "Principal": {"Service": SES}}
    s3.put_bucket_policy(Bucket="mails", Policy=document(grant))
    add_rule(ses, "all", {"S3Action": {"BucketName": "mails"}})
    s3.delete_bucket_policy(Bucket="mails")

    (account,) = receive(local_aws)["actions"]

    objects = [each["Key"] for each in s3.list_objects_v2(Bucket="mails")["Contents"]]
    assert "the policy of bucket mails does not let" in account["error"]
    assert objects == ["AMAZON_SES_SETUP_NOTIFICATION"]


@pytest.mark.parametrize(("encoding", "told_as"), [("UTF-8", "UTF8"), ("Base64", "BASE64")])
def test_a_topic_gets_mail_and_content(
    local_aws: LocalServer, ses: Any, encoding: str, told_as: str
) -> None:
    topic, told = local_aws.inbox("mails", SES)
    add_rule(ses, "all", {"SNSAction": {"TopicArn": topic, "Encoding": encoding}})

    receive(local_aws, text="Grüße")
    setup, notification = eventually(told, lambda seen: len(seen) == 2)

    sample = json.loads((SAMPLES / "sns_action.json").read_text())
    content = notification["content"].encode()
    content = base64.b64decode(content) if encoding == "Base64" else content
    body = message_from_bytes(content, policy=policy.default)
    assert setup["mail"]["messageId"] == "AMAZON_SES_SETUP_NOTIFICATION"
    assert set(notification) == set(sample)
    assert notification["receipt"]["action"] == {
        "type": "SNS",
        "topicArn": topic,
        "encoding": told_as,
    }
    assert body.get_content().strip() == "Grüße"


def test_mail_too_long_for_a_topic_bounces(local_aws: LocalServer, ses: Any) -> None:
    topic, told = local_aws.inbox("mails", SES)
    add_rule(ses, "all", {"SNSAction": {"TopicArn": topic}}, add_header("all"))

    answer = receive(local_aws, text="0123456789\n" * 15_000)

    assert "an SNS action takes 153600" in answer["actions"][0]["error"]
    assert [each["to"] for each in local_aws.outbox("email")] == [["ann@customer.example"]]
    assert len(told()) == 1  # the setup notification


def bounce(sender: str) -> dict[str, Any]:
    reply = {"SmtpReplyCode": "550", "StatusCode": "5.1.1", "Message": "No such user"}
    return {"BounceAction": {**reply, "Sender": sender}}


def test_a_bounce_goes_to_the_sender_of_the_envelope(local_aws: LocalServer, ses: Any) -> None:
    add_rule(ses, "all", bounce("postmaster@example.com"))

    receive(local_aws, mail_from="prvs=1=ann@customer.example", headers={"Message-ID": "<1@c>"})
    receive(local_aws, mail_from="")  # a bounce itself: no bounce of it

    (sent,) = local_aws.outbox("email")
    assert (sent["from"], sent["to"]) == ("postmaster@example.com", ["prvs=1=ann@customer.example"])
    assert "550 5.1.1 No such user" in sent["text"]
    assert sent["headers"]["Auto-Submitted"] == "auto-replied"
    assert sent["headers"]["In-Reply-To"] == "<1@c>"


def test_a_bounce_comes_from_a_verified_sender_only(local_aws: LocalServer, ses: Any) -> None:
    add_rule(ses, "all", bounce("postmaster@elsewhere.example"))

    (account,) = receive(local_aws)["actions"]

    assert "postmaster@elsewhere.example is not a verified identity" in account["error"]
    assert local_aws.outbox("email") == []


def test_actions_that_are_not_emulated_say_so(local_aws: LocalServer, ses: Any) -> None:
    organization = f"arn:aws:workmail:us-east-1:{ACCOUNT}:organization/m-1"
    add_rule(ses, "all", {"WorkmailAction": {"OrganizationArn": organization}})

    (account,) = receive(local_aws)["actions"]

    assert "Workmail actions are not emulated" in account["error"]


def test_receipt_rules_need_permission(local_aws: LocalServer, ses: Any) -> None:
    add_rule(ses, "all", add_header("all"))
    reader = local_aws.as_role("ses", allow("ses:DescribeActiveReceiptRuleSet"))

    seen = reader.describe_active_receipt_rule_set()
    with pytest.raises(ClientError) as refused:
        reader.update_receipt_rule(RuleSetName="main", Rule={"Name": "all"})

    assert seen["Metadata"]["Name"] == "main"
    assert refused.value.response["Error"]["Code"] == "AccessDenied"


# -- what events tell of a mail ----------------------------------------------------------


def raw(text: str, **more: Any) -> dict[str, Any]:
    taken = received.read({"raw": text, "to": ["shop@example.com"], **more})
    return taken.told()


def test_headers_are_told_as_they_came_and_the_common_ones_decoded() -> None:
    told = raw(
        "From: =?utf-8?q?M=C3=BCller=2C_J=C3=B6rg?= <joerg@customer.example>\n"
        'To: "Doe, John" <shop@example.com>,\n\tboss@example.com\n'
        "Cc: cc@example.com\nReply-To: answer@customer.example\n"
        "Subject: =?utf-8?q?Gr=C3=BC=C3=9Fe?=\nX-Twice: 1\nX-Twice: 2\n\nHello\n"
    )

    common = told["commonHeaders"]
    assert common["from"] == ['"Müller, Jörg" <joerg@customer.example>']
    assert common["to"] == ['"Doe, John" <shop@example.com>', "boss@example.com"]
    assert common["cc"] == ["cc@example.com"]
    assert common["replyTo"] == ["answer@customer.example"]
    assert common["subject"] == "Grüße"
    assert header(told, "To") == ['"Doe, John" <shop@example.com>,\tboss@example.com']
    assert header(told, "Subject") == ["=?utf-8?q?Gr=C3=BC=C3=9Fe?="]
    assert header(told, "X-Twice") == ["1", "2"]
    assert told["destination"] == ["shop@example.com", "boss@example.com", "cc@example.com"]


def test_missing_headers_are_missing() -> None:
    told = raw("From: ann@customer.example\n\nHello\n")

    assert set(told["commonHeaders"]) == {"returnPath", "from"}
    assert told["destination"] == []


@pytest.mark.parametrize("given", ["", "<>"])
def test_a_null_return_path_is_told(given: str) -> None:
    told = raw("From: MAILER-DAEMON@customer.example\n\nHello\n", mail_from=given)

    assert told["source"] == "<>"
    assert told["commonHeaders"]["returnPath"] == "<>"


def test_more_than_ten_kilobytes_of_headers_are_cut() -> None:
    long = "".join(f"X-{number}: {'x' * 90}\n" for number in range(200))

    told = raw(f"From: ann@customer.example\n{long}Subject: Late\n\nHello\n")

    size = sum(len(each["name"]) + len(each["value"]) for each in told["headers"])
    assert told["headersTruncated"] is True
    assert 10_000 < size <= 10_240
    assert told["commonHeaders"]["subject"] == "Late"


def test_words_that_only_look_encoded_are_left_alone() -> None:
    told = raw("From: a@b.example\nSubject: =?nonsense?q?x?= =?utf-8?b?!!!?=\n\n")

    assert told["commonHeaders"]["subject"] == "=?nonsense?q?x?= =?utf-8?b?!!!?="


def test_text_outside_ascii_and_a_very_long_subject_are_written_as_mail() -> None:
    request = MAIL | {
        "from": "Jörg Müller <joerg@customer.example>",
        "subject": "Grüße!" * 20_000,
        "headers": {"X-Note": "naïve", "Date": None, "References": "<1@a> <2@b>"},
    }

    taken = received.read(request)

    told = taken.told()["commonHeaders"]
    assert told["from"] == ["Jörg Müller <joerg@customer.example>"]
    assert told["subject"] == "Grüße!" * 20_000
    assert "date" not in told
    assert max(len(line) for line in taken.content().split(b"\r\n")) < 998


@given(text(), lists(sampled_from(["From", "To", "Cc", "Subject", "Sender"])), text())
def test_any_text_is_a_mail(value: str, names: list[str], body: str) -> None:
    """Servers send what they like; what the local AWS makes of it can be written as JSON."""
    head = "".join(f"{name}: {value}\n" for name in names)

    told = raw(f"{head}\n{body}")

    assert json.loads(json.dumps(told)) == told


def test_every_mail_has_an_id_of_its_own_in_sess_form() -> None:
    ids = {received.read(MAIL).message_id for _ in range(50)}

    assert len(ids) == 50
    assert all(len(each) == 40 and each.isalnum() and each == each.lower() for each in ids)


# -- an answer sent back -----------------------------------------------------------------


def test_a_raw_reply_is_in_the_outbox_with_headers_text_and_html(
    local_aws: LocalServer, ses: Any
) -> None:
    reply = (
        "From: shop@example.com\r\nTo: Ann <ann@customer.example>\r\nSubject: Re: Hello\r\n"
        "Auto-Submitted: auto-replied\r\nIn-Reply-To: <1@c.example>\r\n"
        "References: <0@c.example> <1@c.example>\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/alternative; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain; charset=utf-8\r\n\r\nHello\r\n"
        "--b\r\nContent-Type: text/html; charset=utf-8\r\n\r\n<p>Hello</p>\r\n--b--\r\n"
    )

    local_aws.client("sesv2").send_email(Content={"Raw": {"Data": reply.encode()}})

    (sent,) = local_aws.outbox("email")
    assert sent["headers"]["Auto-Submitted"] == "auto-replied"
    assert sent["headers"]["In-Reply-To"] == "<1@c.example>"
    assert sent["headers"]["References"] == "<0@c.example> <1@c.example>"
    assert (sent["text"], sent["html"]) == ("Hello", "<p>Hello</p>")
    assert sent["to"] == ["ann@customer.example"]
