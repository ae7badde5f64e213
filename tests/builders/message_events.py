"""Events of messages as SES, End User Messaging and the hub write them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

Event = dict[str, Any]

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
ANN, BOB = "ann@example.com", "bob@example.com"


def after(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def iso(moment: datetime) -> str:
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def millis(moment: datetime) -> int:
    return round(moment.timestamp() * 1000)


def _mail(
    kind: str,
    message_id: str,
    to: Sequence[str] = (ANN,),
    sent: datetime = NOON,
    subject: str | None = "Hello",
    tags: dict[str, str] | None = None,
) -> Event:
    return {
        "eventType": kind,
        "mail": {
            "timestamp": iso(sent),
            "source": "shop@example.com",
            "sendingAccountId": "123456789012",
            "messageId": message_id,
            "destination": list(to),
            "headersTruncated": False,
            "commonHeaders": {"from": ["shop@example.com"], "to": list(to), "messageId": message_id}
            | ({} if subject is None else {"subject": subject}),
            "tags": {"ses:configuration-set": ["shop"]}
            | {name: [value] for name, value in (tags or {}).items()},
        },
    }


def email_sent(message_id: str, **mail: Any) -> Event:
    return _mail("Send", message_id, **mail) | {"send": {}}


def email_delivered(
    message_id: str, *, at: datetime, recipients: Sequence[str] = (ANN,), **mail: Any
) -> Event:
    detail = {"timestamp": iso(at), "recipients": list(recipients), "processingTimeMillis": 500}
    return _mail("Delivery", message_id, **mail) | {"delivery": detail}


def email_bounced(
    message_id: str,
    *,
    at: datetime,
    kind: str = "Permanent",
    sub_type: str = "General",
    recipients: Sequence[str] | None = (ANN,),
    **mail: Any,
) -> Event:
    """A bounce; without its list of recipients when `recipients` is None."""
    detail: Event = {"bounceType": kind, "bounceSubType": sub_type, "timestamp": iso(at)}
    if recipients is not None:
        detail["bouncedRecipients"] = [
            {"emailAddress": one, "status": "5.1.1", "diagnosticCode": f"smtp; 550 no {one}"}
            for one in recipients
        ]
    return _mail("Bounce", message_id, **mail) | {"bounce": detail}


def email_complained(
    message_id: str,
    *,
    at: datetime,
    feedback: str | None = "abuse",
    recipients: Sequence[str] | None = (ANN,),
    **mail: Any,
) -> Event:
    detail: Event = {"timestamp": iso(at), "complaintFeedbackType": feedback}
    if recipients is not None:
        detail["complainedRecipients"] = [{"emailAddress": one} for one in recipients]
    return _mail("Complaint", message_id, **mail) | {"complaint": detail}


def email_opened(message_id: str, *, at: datetime, **mail: Any) -> Event:
    detail = {"timestamp": iso(at), "ipAddress": "192.0.2.1", "userAgent": "Mail"}
    return _mail("Open", message_id, **mail) | {"open": detail}


def email_clicked(
    message_id: str,
    *,
    at: datetime,
    link: str = "https://example.com/",
    link_tags: dict[str, list[str]] | None = None,
    **mail: Any,
) -> Event:
    detail = {
        "timestamp": iso(at),
        "ipAddress": "192.0.2.1",
        "userAgent": "Mail",
        "link": link,
        "linkTags": link_tags,
    }
    return _mail("Click", message_id, **mail) | {"click": detail}


def email_delayed(
    message_id: str, *, at: datetime, recipients: Sequence[str] = (ANN,), **mail: Any
) -> Event:
    detail = {
        "timestamp": iso(at),
        "delayType": "MailboxFull",
        "expirationTime": iso(at + timedelta(hours=14)),
        "delayedRecipients": [
            {"emailAddress": one, "status": "4.2.2", "diagnosticCode": "full"} for one in recipients
        ],
    }
    return _mail("DeliveryDelay", message_id, **mail) | {"deliveryDelay": detail}


def text(
    status: str,
    message_id: str,
    *,
    at: datetime,
    final: bool | None = None,
    kind: str = "TEXT",
    price: float | None = 0.00645,
    fee: float | None = 0.0025,
    message_type: str = "TRANSACTIONAL",
    number: str = "+14255550156",
    **members: Any,
) -> Event:
    """An event of End User Messaging; final unless it is one of those on the way."""
    on_the_way = ("QUEUED", "PENDING", "SENT", "SUCCESSFUL", "INITIATED", "RINGING", "ANSWERED")
    event = {
        "eventType": f"{kind}_{status}",
        "eventVersion": "1.0",
        "eventTimestamp": millis(at),
        "isFinal": status not in on_the_way if final is None else final,
        "originationPhoneNumber": "+12065550152",
        "destinationPhoneNumber": number,
        "isoCountryCode": "US",
        "messageId": message_id,
        "messageRequestTimestamp": millis(NOON),
        "messageEncoding": "GSM",
        "messageType": message_type,
        "messageStatus": status,
        "messageStatusDescription": f"It is {status}",
        "totalMessageParts": 1,
        "totalMessagePrice": price,
        "totalCarrierFee": fee,
    }
    return {name: value for name, value in (event | members).items() if value is not None}


def campaign_send(
    campaign_id: str, endpoint_id: str, *, status: str = "SUCCESS", treatment_id: str = "0"
) -> Event:
    return {
        "event_type": "_campaign.send",
        "event_timestamp": millis(NOON),
        "arrival_timestamp": millis(NOON),
        "event_version": "3.1",
        "application": {"app_id": "app-1", "sdk": {}},
        "client": {"client_id": endpoint_id},
        "device": {"platform": {}},
        "session": {},
        "attributes": {
            "campaign_id": campaign_id,
            "campaign_activity_id": "activity-1",
            "treatment_id": treatment_id,
            "delivery_type": "EMAIL",
            "campaign_send_status": status,
        },
        "awsAccountId": "123456789012",
    }
