"""What becomes of an email, told to the event destinations of its configuration set.

Ordinary addresses take everything; those of the mailbox simulator do what their name says. The
shapes are those of the SES developer guide: "Examples of event data that Amazon SES publishes".
An event says which recipients it is about; ``mail.destination`` always lists all of them.

AWS publishes after it answered, and so does this: one thread tells the events in their order.
"""

from __future__ import annotations

import base64
import contextvars
import json
import logging
import queue
import re
import threading
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import Any

from local_aws.engagement import outbox
from local_aws.engagement.registration import arn
from local_aws.engagement.ses import statistics, suppression
from local_aws.engagement.ses.message import Accepted, Message, iso, message_of
from local_aws.patches.encryption import topic_allows
from local_aws.patches.service_access import role_allows, role_trusts

REQUIRED = (
    "ministack.services.cloudwatch.record_metric",
    "ministack.services.eventbridge._put_events",
    "ministack.services.firehose._put_record_batch",
    "ministack.services.firehose._streams",
    "ministack.services.ses._notification_identity",
    "ministack.services.ses_v2._config_sets",
    "ministack.services.ses_v2._identities",
    "ministack.services.sns.publish_internal",
    "ministack.services.sns.topic_policy_for_arn",
)

logger = logging.getLogger("local_aws.ses")

Json = dict[str, Any]
SERVICE = "ses.amazonaws.com"
SUBJECT = "Amazon SES Email Event Notification"
MTA = "a8-70.smtp-out.amazonses.com"


@dataclass(frozen=True)
class Kind:
    """One kind of event: its names in the record, the API and EventBridge."""

    event_type: str
    detail: str
    matching: str
    detail_type: str


KINDS = {
    kind.event_type: kind
    for kind in (
        Kind("Send", "send", "SEND", "Email Sent"),
        Kind("Delivery", "delivery", "DELIVERY", "Email Delivered"),
        Kind("Bounce", "bounce", "BOUNCE", "Email Bounced"),
        Kind("Complaint", "complaint", "COMPLAINT", "Email Complaint Received"),
        Kind("Reject", "reject", "REJECT", "Email Rejected"),
        Kind("Open", "open", "OPEN", "Email Opened"),
        Kind("Click", "click", "CLICK", "Email Clicked"),
        Kind("Rendering Failure", "failure", "RENDERING_FAILURE", "Email Rendering Failed"),
        Kind("DeliveryDelay", "deliveryDelay", "DELIVERY_DELAY", "Email Delivery Delayed"),
    )
}
# Headers are not part of these ("Examples of event data", Rendering Failure and DeliveryDelay).
_WITHOUT_HEADERS = ("Rendering Failure", "DeliveryDelay")
_WITHOUT_SOURCE_ARN = ("Open", "Click")


_messages: dict[str, Message] = {}
_jobs: queue.SimpleQueue[tuple[int, contextvars.Context, Callable[[], None]]] = queue.SimpleQueue()
_era = 0  # jobs of an earlier one are dropped: everything was reset since


def start() -> None:
    threading.Thread(target=_tell_all, name="ses-events", daemon=True).start()


def reset() -> None:
    global _era
    _era += 1
    _messages.clear()
    statistics.reset()
    suppression.reset()


def _tell_all() -> None:
    while True:
        era, context, job = _jobs.get()
        if era != _era:
            continue
        try:
            context.run(job)
        except Exception:  # one event must not end the telling of all others
            logger.exception("an event was not told")


# -- what becomes of an email ------------------------------------------------------------


def accept(accepted: Accepted) -> None:
    """Put the email into the outbox, if it is sent at all, and tell its events."""
    message = message_of(accepted)
    if accepted.rendering_failure:
        failure = {
            "templateName": accepted.template,
            "errorMessage": accepted.rendering_failure,
        }
        _tell(message, "Rendering Failure", failure)
        return
    if accepted.has_virus():
        _tell(message, "Reject", {"reason": "Bad content"})
        return
    outbox.deliver("email", accepted.email)
    _messages[message.mail["messageId"]] = message
    _tell(message, "Send", {})
    groups: dict[tuple[str, str, str], list[str]] = {}
    for address in message.recipients:
        for outcome in _outcomes(address, message.configuration_set):
            groups.setdefault(outcome, []).append(address)
    # In time's order: what was delivered, then what was said about it.
    for outcome in sorted(groups, key=lambda each: list(KINDS).index(each[0])):
        event_type, _, sub_type = outcome
        detail = _detail(event_type, message, groups[outcome], {"subType": sub_type})
        _tell(message, event_type, detail)


def _outcomes(address: str, configuration_set: str) -> list[tuple[str, str, str]]:
    """(event type, type, subtype) of what happens at an address, in order."""
    held = suppression.holding_back(address, configuration_set)
    if held == "BOUNCE":
        return [("Bounce", "Permanent", "OnAccountSuppressionList")]
    if held == "COMPLAINT":
        return [("Complaint", "", "OnAccountSuppressionList")]
    name, _, domain = address.lower().partition("@")
    if domain == suppression.SIMULATOR:
        match name.partition("+")[0]:
            case "bounce":
                return [("Bounce", "Permanent", "General")]
            case "suppressionlist":
                return [("Bounce", "Permanent", "Suppressed")]
            case "complaint":
                return [("Delivery", "", ""), ("Complaint", "", "")]
    return [("Delivery", "", "")]  # success@, ooto@ and every ordinary address


# -- injected events ---------------------------------------------------------------------

INJECTED = {
    "open": "Open",
    "click": "Click",
    "bounce": "Bounce",
    "complaint": "Complaint",
    "deliverydelay": "DeliveryDelay",
}


class NoSuchMessage(Exception):
    """No message of this id was sent since the start or the last reset."""


def inject(message_id: str, kind: str, options: Json) -> Json:
    """Let something happen to a sent message; ``kind`` is a key of :data:`INJECTED`.

    Options, all optional: ``link``, ``linkTags``, ``userAgent``, ``ipAddress`` of an open or
    click; ``recipients`` (list), ``bounceType``, ``bounceSubType``, ``complaintFeedbackType``,
    ``delayType`` of the others; ``report`` of a bounce, the members of each recipient beside the
    address ({} for an out-of-office reply, which has none). Answers the event type and the
    destinations it goes to.

    Raises:
        NoSuchMessage: names the id.
    """
    message = _messages.get(message_id)
    if message is None:
        raise NoSuchMessage(f"No email with the message id {message_id} was sent.")
    event_type = INJECTED[kind]
    recipients = options.get("recipients") or message.recipients

    def happen() -> list[str]:
        detail = _detail(event_type, message, recipients, options)
        reason = {"Bounce": "BOUNCE", "Complaint": "COMPLAINT"}.get(event_type)
        if reason and detail.get("bounceType", "Permanent") == "Permanent":
            for address in recipients:
                suppression.add(address, reason, message.configuration_set)
        return _tell(message, event_type, detail)

    told = message.context.copy().run(happen)
    return {"eventType": event_type, "destinations": told}


def _detail(event_type: str, message: Message, recipients: list[str], options: Json) -> Json:
    now = datetime.now(UTC)
    feedback = f"{uuid.uuid4()}-000000"
    match event_type:
        case "Delivery":
            sent = datetime.fromisoformat(message.mail["timestamp"])
            return {
                "timestamp": iso(now),
                "processingTimeMillis": max(1, int((now - sent).total_seconds() * 1000)),
                "recipients": recipients,
                "smtpResponse": "250 2.6.0 Message received",
                "reportingMTA": MTA,
            }
        case "Bounce":
            sub_type = options.get("bounceSubType") or options.get("subType") or "General"
            bounce_type = options.get("bounceType", "Permanent")
            usual = _PASSING if bounce_type == "Transient" else _DIAGNOSES["General"]
            known = usual if sub_type == "General" else _DIAGNOSES.get(sub_type, usual)
            bounced = options.get("report", {"action": "failed", **known})
            return {
                "bounceType": bounce_type,
                "bounceSubType": sub_type,
                "bouncedRecipients": [{"emailAddress": each, **bounced} for each in recipients],
                "timestamp": iso(now),
                "feedbackId": feedback,
                "reportingMTA": "dns; amazonses.com" if sub_type in _HELD_BACK else f"dsn; {MTA}",
            }
        case "Complaint":
            detail: Json = {
                "complainedRecipients": [{"emailAddress": each} for each in recipients],
                "timestamp": iso(now),
                "feedbackId": feedback,
                "complaintSubType": options.get("subType") or None,
            }
            if not options.get("subType"):
                detail |= {
                    "userAgent": options.get("userAgent", "Amazon SES Mailbox Simulator"),
                    "complaintFeedbackType": options.get("complaintFeedbackType", "abuse"),
                    "arrivalDate": iso(now),
                }
            return detail
        case "DeliveryDelay":
            delayed = {
                "status": "4.4.1",
                "diagnosticCode": "smtp; 421 4.4.1 Unable to connect to remote host",
            }
            return {
                "timestamp": iso(now),
                "delayType": options.get("delayType", "TransientCommunicationFailure"),
                "expirationTime": iso(now + timedelta(hours=14)),
                "delayedRecipients": [{"emailAddress": each, **delayed} for each in recipients],
            }
    seen = {
        "ipAddress": options.get("ipAddress", "192.0.2.1"),
        "timestamp": iso(now),
        "userAgent": options.get("userAgent", "Mozilla/5.0 (X11; Linux x86_64)"),
    }
    if event_type == "Open":
        return seen
    link, tags = _link(message, options.get("link"))
    return {**seen, "link": link, "linkTags": options.get("linkTags", tags)}


_DIAGNOSES = {
    "General": {"status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1 user unknown"},
    "Suppressed": {
        "status": "5.1.1",
        "diagnosticCode": "Amazon SES has suppressed sending to this address because it has a "
        "recent history of bouncing as an invalid address.",
    },
    "OnAccountSuppressionList": {
        "status": "5.1.1",
        "diagnosticCode": "Amazon SES did not send the message to this address because it is on "
        "the suppression list for your account.",
    },
    "MailboxFull": {"status": "4.2.2", "diagnosticCode": "smtp; 452 4.2.2 mailbox full"},
}
_PASSING = {"status": "4.4.7", "diagnosticCode": "smtp; 550 4.4.7 Message expired"}
_HELD_BACK = ("Suppressed", "OnAccountSuppressionList")  # no server was asked
_ANCHOR = re.compile(r"<a\s[^>]*>", re.IGNORECASE)
_HREF = re.compile(r"""href\s*=\s*["']([^"']+)["']""", re.IGNORECASE)
_TAGS = re.compile(r"""ses:tags\s*=\s*["']([^"']+)["']""", re.IGNORECASE)


def _link(message: Message, wanted: str | None) -> tuple[str, dict[str, list[str]] | None]:
    """The link clicked (the first of the message, unless one is named) and its ``ses:tags``."""
    for anchor in _ANCHOR.findall(message.html):
        href, tags = _HREF.search(anchor), _TAGS.search(anchor)
        if href and wanted in (None, href[1]):
            pairs = [pair.split(":", 1) for pair in (tags[1] if tags else "").split(";")]
            return href[1], {pair[0]: [pair[1]] for pair in pairs if len(pair) == 2} or None
    plain = re.search(r"https?://\S+", message.text)
    return wanted or (plain[0] if plain else "https://example.com/"), None


# -- destinations ------------------------------------------------------------------------


def _tell(message: Message, event_type: str, detail: Json) -> list[str]:
    """Queue an event; the names of the destinations it goes to."""
    from ministack.services import ses_v2

    statistics.record(message, event_type, detail)
    kind = KINDS[event_type]
    configured = ses_v2._config_sets.get(message.configuration_set) or {}
    destinations = {
        name: destination
        for name, destination in (configured.get("EventDestinations") or {}).items()
        if destination["Enabled"] and kind.matching in destination["MatchingEventTypes"]
    }
    mail = dict(message.mail)
    if event_type in _WITHOUT_HEADERS:
        mail = {k: v for k, v in mail.items() if k not in ("headers", "commonHeaders")}
    if event_type in _WITHOUT_SOURCE_ARN:
        del mail["sourceArn"]
    if event_type == "Delivery":
        mail["tags"] = {**mail["tags"], "ses:outgoing-ip": ["192.0.2.8"]}
    event = {"eventType": event_type, "mail": mail, kind.detail: detail}
    source = arn("ses", f"configuration-set/{message.configuration_set}")

    def tell() -> None:
        for name, destination in destinations.items():
            refused = _deliver(destination, event, kind, source)
            if refused:
                logger.warning("event destination %s of %s: %s", name, source, refused)
        _notify(message, kind, detail)
        statistics.publish_reputation(message.configuration_set)

    context = message.context.copy()
    _jobs.put((_era, context, tell))
    return list(destinations)


def _deliver(destination: Mapping[str, Any], event: Json, kind: Kind, source: str) -> str | None:
    """Send an event to one destination; why it could not be, if so."""
    text = json.dumps(event)
    if topic := (destination.get("SnsDestination") or {}).get("TopicArn"):
        return _publish(topic, text, source)
    if firehose_of := destination.get("KinesisFirehoseDestination"):
        return _to_firehose(firehose_of, f"{text}\n", source)
    if destination.get("EventBridgeDestination"):
        from ministack.services import eventbridge

        entry = {
            "Source": "aws.ses",
            "DetailType": kind.detail_type,
            "Detail": text,
            "Resources": [event["mail"].get("sourceArn", source)],
            "EventBusName": "default",
        }
        eventbridge._put_events({"Entries": [entry]}, allow_aws_source=True)
    elif metrics := destination.get("CloudWatchDestination"):
        _count(metrics, event, kind)
    return None


def _publish(topic: str, text: str, source: str) -> str | None:
    from ministack.services import sns

    if not topic_allows(topic, SERVICE, source):
        return f"the policy or key of {topic} does not let {SERVICE} publish"
    sns.publish_internal(topic, text, SUBJECT)
    return None


def _to_firehose(destination: Mapping[str, str], text: str, source: str) -> str | None:
    from ministack.services import firehose

    role, stream = destination["IamRoleArn"], destination["DeliveryStreamArn"]
    if not role_trusts(role, SERVICE, source):
        return f"{SERVICE} cannot assume {role}"
    if not role_allows(role, "firehose:PutRecordBatch", stream):
        return f"{role} is not allowed to firehose:PutRecordBatch on {stream}"
    data = base64.b64encode(text.encode()).decode()
    status, _, answer = firehose._put_record_batch(
        {"DeliveryStreamName": stream.rpartition("/")[2], "Records": [{"Data": data}]}
    )
    return None if status == 200 else f"{stream} answered {answer!r}"


def refused_topic(topic: str, source: str, *, announce: bool) -> str | None:
    """Why SES cannot publish to a topic; None when it can, which it says there if it shall."""
    if not topic_allows(topic, SERVICE, source):
        return f"SNS topic <{topic}> cannot be used: its policy or key does not allow {SERVICE}."
    if announce:
        text = "Successfully validated SNS topic for Amazon SES event publishing."
        _publish(topic, text, source)
    return None


def _count(metrics: Mapping[str, Any], event: Json, kind: Kind) -> None:
    """A CloudWatch destination: one count, with dimensions of tags, headers or link tags."""
    from ministack.services import cloudwatch

    tags = {name.lower(): values[0] for name, values in event["mail"]["tags"].items()}
    headers = {h["name"].lower(): h["value"] for h in event["mail"].get("headers", [])}
    link_tags = (event.get("click") or {}).get("linkTags") or {}
    links = {name.lower(): values[0] for name, values in link_tags.items()}
    values = {"MESSAGE_TAG": tags, "EMAIL_HEADER": headers, "LINK_TAG": links}
    dimensions = {
        dimension["DimensionName"]: values[dimension["DimensionValueSource"]].get(
            dimension["DimensionName"].lower(), dimension["DefaultDimensionValue"]
        )
        for dimension in metrics.get("DimensionConfigurations") or []
    }
    name = kind.event_type.replace(" ", "")
    cloudwatch.record_metric("AWS/SES", name, 1, "Count", dimensions)


def _notify(message: Message, kind: Kind, detail: Json) -> None:
    """The older feedback notifications: topics of the sending identity itself."""
    from ministack.services.ses import _notification_identity

    found = _notification_identity(message.mail["source"])
    topic = found and found[1].get("NotificationTopics", {}).get(kind.event_type)
    if not topic:
        return
    told = ["timestamp", "sourceArn", "sendingAccountId", "messageId", "destination"]
    if (found[1].get("HeadersInNotifications") or {}).get(kind.event_type):
        told += ["headersTruncated", "headers", "commonHeaders"]
    mail = {
        **{name: message.mail[name] for name in told},
        "source": parseaddr(message.mail["source"])[1],
        "sourceIp": message.source_ip,
        "callerIdentity": message.caller,
    }
    if kind.event_type in ("Bounce", "Delivery"):
        detail = {**detail, "remoteMtaIp": "127.0.2.0"}
    notification = {"notificationType": kind.event_type, kind.detail: detail, "mail": mail}
    refused = _publish(topic, json.dumps(notification), message.mail["sourceArn"])
    if refused:
        logger.warning("notification topic of %s: %s", message.identity, refused)
