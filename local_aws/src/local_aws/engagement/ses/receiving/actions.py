"""What a receipt rule does with an email, and what SES tells about it.

Shapes and limits: SES developer guide, "Action options" and "Contents of event notifications
for email receiving". What is refused at a target is refused here too, by the target's policy for
the rule; AWS does not publish what becomes of the other actions then: here they go on.
"""

from __future__ import annotations

import base64
import contextvars
import json
import logging
import threading
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, make_msgid
from enum import Enum
from typing import Any

from local_aws.engagement import outbox
from local_aws.engagement.registration import here
from local_aws.engagement.ses import receipt_rules
from local_aws.engagement.ses.receiving.mail import NULL_SENDER, Mail, iso

REQUIRED = (
    "ministack.services.lambda_svc._execute_function",
    "ministack.services.lambda_svc._execution_record_for_config",
    "ministack.services.lambda_svc._get_func_record_for_ref",
    "ministack.services.lambda_svc.invoke_async_with_retry",
    "ministack.services.s3._put_object",
    "ministack.services.ses._identity_verified",
    "ministack.services.sns.SnsPublishError",
    "ministack.services.sns.publish_internal",
)

logger = logging.getLogger("local_aws.ses")

Json = dict[str, Any]
MAX_SNS_CONTENT_BYTES = 150 * 1024  # longer mail bounces: "Publish to Amazon SNS topic action"
FUNCTION_SECONDS = 30  # SES waits no longer for a synchronous function
MAILER_DAEMON = "MAILER-DAEMON@amazonses.com"


class Course(Enum):
    """How it goes on after an action."""

    CONTINUE = "CONTINUE"
    STOP_RULE = "STOP_RULE"
    STOP_RULE_SET = "STOP_RULE_SET"


class Failed(Exception):
    """An action could not be taken; the message says why."""


@dataclass(frozen=True)
class Run:
    """A rule at work on an email."""

    mail: Mail
    rule_set: str
    rule: Json
    recipients: list[str]  # those that the rule applies to

    @property
    def source_arn(self) -> str:
        return receipt_rules.rule_arn(self.rule_set, str(self.rule["Name"]))

    def told(self, action: Json) -> Json:
        """``mail`` and ``receipt`` as an event about the action holds them."""
        mail, verdicts = self.mail, self.mail.verdicts
        virus = "FAIL" if mail.holds_virus() else "PASS"
        scans = {"spam": verdicts.get("spam", "PASS"), "virus": verdicts.get("virus", virus)}
        if not self.rule["ScanEnabled"]:
            scans = dict.fromkeys(scans, "DISABLED")
        checks = {name: verdicts.get(name, "PASS") for name in ("spf", "dkim", "dmarc")}
        passed = int((datetime.now(UTC) - mail.received).total_seconds() * 1000)
        receipt: Json = {
            "timestamp": iso(mail.received),
            "processingTimeMillis": max(1, passed),
            "recipients": self.recipients,
            **{f"{name}Verdict": {"status": s} for name, s in (scans | checks).items()},
        }
        if checks["dmarc"] == "FAIL":
            receipt["dmarcPolicy"] = verdicts.get("dmarcPolicy", "none")
        return {"mail": mail.told(), "receipt": receipt | {"action": action}}


def stamp(mail: Mail, *, scanned: bool) -> None:
    """Put SES's own headers in front of the mail."""
    _, region = here()
    helo = mail.sender.rpartition("@")[2].strip("<>") or "localhost"
    received = format_datetime(mail.received)
    mail.added[:0] = [
        ("Return-Path", f"<{mail.sender.strip('<>')}>"),
        (
            "Received",
            f"from {helo} ({helo} [127.0.0.1]) by inbound-smtp.{region}.amazonaws.com with SMTP "
            f"id {mail.message_id} for {mail.recipients[0]}; {received} (UTC)",
        ),
    ]
    if scanned:
        virus = "FAIL" if mail.holds_virus() else "PASS"
        mail.added += [
            ("X-SES-Spam-Verdict", mail.verdicts.get("spam", "PASS")),
            ("X-SES-Virus-Verdict", mail.verdicts.get("virus", virus)),
        ]


def run(rule: Run, done: list[Json]) -> Course:
    """Take the rule's actions until one ends it; ``done`` gets an account of each."""
    for entry in rule.rule["Actions"]:
        ((kind, settings),) = entry.items()
        account: Json = {"rule": rule.rule["Name"], "type": kind.removesuffix("Action")}
        done.append(account)
        course = Course.CONTINUE
        try:
            course = _ACTIONS[kind](rule, settings, account)
        except Failed as failed:
            account["error"] = str(failed)
            logger.warning("%s: %s: %s", rule.source_arn, kind, failed)
        else:
            _notify(rule, kind, settings, account)
        if course is not Course.CONTINUE:
            return course
    return Course.CONTINUE


def _action(account: Json) -> Json:
    """The ``action`` of events."""
    return {k: v for k, v in account.items() if k not in ("rule", "disposition", "error")}


def _publish(rule: Run, topic: str, told: Json) -> None:
    from ministack.services import sns

    if refused := receipt_rules.refused_topic(topic, rule.source_arn):
        raise Failed(refused)
    text = json.dumps({"notificationType": "Received", **told})
    try:
        sns.publish_internal(topic, text, receipt_rules.SUBJECT)
    except sns.SnsPublishError as error:
        raise Failed(f"{topic}: {error}") from error


def _notify(rule: Run, kind: str, settings: Json, account: Json) -> None:
    """Tell the topic of an action other than SNS that it was taken."""
    topic = settings.get("TopicArn")
    if not topic or kind == "SNSAction":
        return
    try:
        _publish(rule, topic, rule.told(_action(account)))
    except Failed as failed:
        account["error"] = str(failed)
        logger.warning("%s: %s: %s", rule.source_arn, kind, failed)


def _with_topic(settings: Json) -> Json:
    return {"topicArn": settings["TopicArn"]} if settings.get("TopicArn") else {}


def _add_header(rule: Run, settings: Json, account: Json) -> Course:
    account |= {"headerName": settings["HeaderName"], "headerValue": settings["HeaderValue"]}
    rule.mail.added.append((settings["HeaderName"], settings["HeaderValue"]))
    return Course.CONTINUE


def _stop(rule: Run, settings: Json, account: Json) -> Course:
    account |= _with_topic(settings)
    return Course.STOP_RULE_SET


def _to_bucket(rule: Run, settings: Json, account: Json) -> Course:
    from ministack.services import s3

    key = f"{settings.get('ObjectKeyPrefix', '')}{rule.mail.message_id}"
    bucket = settings["BucketName"]
    account |= {**_with_topic(settings), "bucketName": bucket, "objectKey": key}
    if refused := receipt_rules.refused_object(settings, key, rule.source_arn):
        raise Failed(refused)
    status, _, answer = s3._put_object(bucket, key, rule.mail.content(), {})
    if status != 200:
        raise Failed(f"bucket {bucket} answered {answer!r}")
    return Course.CONTINUE


def _to_topic(rule: Run, settings: Json, account: Json) -> Course:
    content, topic = rule.mail.content(), settings["TopicArn"]
    encoding = "BASE64" if settings.get("Encoding") == "Base64" else "UTF8"
    account |= {"topicArn": topic, "encoding": encoding}
    if len(content) > MAX_SNS_CONTENT_BYTES:
        _send_bounce(rule, MAILER_DAEMON, "552 5.3.4 Message size exceeds fixed maximum")
        raise Failed(
            f"The mail has {len(content)} bytes, and an SNS action takes {MAX_SNS_CONTENT_BYTES} "
            "with headers: it bounced. Use an S3 action for longer mail."
        )
    text = base64.b64encode(content) if encoding == "BASE64" else content
    told = rule.told(_action(account))
    _publish(rule, topic, told | {"content": text.decode("utf-8", "replace")})
    return Course.CONTINUE


def _to_function(rule: Run, settings: Json, account: Json) -> Course:
    from ministack.services import lambda_svc

    arn, invocation = settings["FunctionArn"], settings.get("InvocationType", "Event")
    account |= {**_with_topic(settings), "functionArn": arn, "invocationType": invocation}
    if refused := receipt_rules.refused_function(arn, rule.source_arn):
        raise Failed(refused)
    function, config, _ = lambda_svc._get_func_record_for_ref(arn)
    record = lambda_svc._execution_record_for_config(function, config)
    told = rule.told(_action(account))
    event = {"Records": [{"eventSource": "aws:ses", "eventVersion": "1.0", "ses": told}]}
    if invocation == "Event":
        lambda_svc.invoke_async_with_retry(record, event)
        return Course.CONTINUE
    answer = _within_seconds(FUNCTION_SECONDS, lambda: lambda_svc._execute_function(record, event))
    if answer is None:
        raise Failed(f"{arn} did not answer within {FUNCTION_SECONDS} s")
    if answer.get("error"):
        raise Failed(f"{arn} failed: {answer.get('body')}")
    body = answer.get("body")
    if isinstance(body, str | bytes):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    wanted = body.get("disposition") if isinstance(body, dict) else None
    known = [course for course in Course if course.value == wanted]
    account["disposition"] = known[0].value if known else Course.CONTINUE.value
    return known[0] if known else Course.CONTINUE


def _within_seconds(seconds: float, call: Callable[[], Json]) -> Json | None:
    answers: list[Json] = []
    context = contextvars.copy_context()
    thread = threading.Thread(target=lambda: answers.append(context.run(call)), daemon=True)
    thread.start()
    thread.join(seconds)
    return answers[0] if answers else None


def _bounce(rule: Run, settings: Json, account: Json) -> Course:
    from ministack.services import ses

    members = {"SmtpReplyCode": "smtpReplyCode", "StatusCode": "statusCode"}
    members |= {"Message": "message", "Sender": "sender"}
    account |= _with_topic(settings)
    account |= {name: settings[given] for given, name in members.items() if settings.get(given)}
    if not ses._identity_verified(settings["Sender"]):
        raise Failed(f"the sender {settings['Sender']} is not a verified identity")
    reply = (settings["SmtpReplyCode"], settings.get("StatusCode"), settings["Message"])
    _send_bounce(rule, settings["Sender"], " ".join(part for part in reply if part))
    return Course.CONTINUE


def _send_bounce(rule: Run, sender: str, reply: str) -> None:
    """A delivery status notification to the sender of the envelope, if there is one (RFC 3464)."""
    if rule.mail.sender == NULL_SENDER:
        return
    common = rule.mail.told()["commonHeaders"]
    text = (
        "An error occurred while trying to deliver the mail to the following recipients:\n"
        + "\n".join(rule.recipients)
        + f"\n\n{reply}\n"
    )
    headers = {
        "From": sender,
        "To": rule.mail.sender,
        "Subject": "Delivery Status Notification (Failure)",
        "Auto-Submitted": "auto-replied",
        "Content-Type": "multipart/report; report-type=delivery-status",
        "Date": format_datetime(datetime.now(UTC)),
        "Message-ID": make_msgid(domain="email.amazonses.com"),
        "Return-Path": NULL_SENDER,
    }
    if original := common.get("messageId"):
        headers |= {"In-Reply-To": original, "References": original}
    outbox.deliver(
        "email",
        {
            "from": sender,
            "to": [rule.mail.sender],
            "cc": [],
            "bcc": [],
            "subject": headers["Subject"],
            "html": None,
            "text": text,
            "tags": {},
            "configuration_set": None,
            "headers": headers,
            "message_id": str(uuid.uuid4()),
        },
    )


def _not_emulated(rule: Run, settings: Json, account: Json) -> Course:
    raise Failed(
        f"{account['type']} actions are not emulated: take it out of the rule {account['rule']} "
        "here, and test it on AWS."
    )


_ACTIONS: dict[str, Callable[[Run, Json, Json], Course]] = {
    "AddHeaderAction": _add_header,
    "BounceAction": _bounce,
    "ConnectAction": _not_emulated,
    "LambdaAction": _to_function,
    "S3Action": _to_bucket,
    "SNSAction": _to_topic,
    "StopAction": _stop,
    "WorkmailAction": _not_emulated,
}
