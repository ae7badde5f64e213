"""Event records in the format of Pinpoint's event stream.

Every function returns one record, or a list of them, as a dict; the caller writes it as one line of
JSON. Times are epoch milliseconds, attribute values strings.

How ids come back with delivery events:

- SMS: the `Context` of End User Messaging has five entries of 800 characters. The hub uses one,
  `hub`: a compact JSON object of ids (`HubIds`), and a second, `customer_context`, for the Context
  the client gave (a JSON string). Entries under other names count as the client's too.
- Email: SES tags allow letters, digits, `_` and `-` only. Ids that fit are tags of their own name;
  others travel under the name with `_b64` appended, as base64url without padding.

Sources: Pinpoint developer guide, "Streaming Amazon Pinpoint event data"; SES developer guide,
"Contents of event data"; End User Messaging user guide, "Example event data".
"""

import base64
import binascii
import json
import re
import uuid
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from engagement_hub.engagement.campaigns import DEFAULT_TREATMENT, SendStatus
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.hooks import endpoint_definition
from engagement_hub.engagement.model import Endpoint, Event

EVENT_VERSION = "3.1"
APP_EVENT_VERSION = "3.0"
HUB_CONTEXT = "hub"
CUSTOMER_CONTEXT = "customer_context"
CONTEXT_VALUE_LIMIT = 800
ENCODED_TAG = "_b64"
RESERVED_TAG = "ses:"
TAG_LIMIT = 256
_TAG_SAFE = re.compile(r"[A-Za-z0-9_-]{1,256}")

Record = dict[str, Any]


class MalformedEvent(Exception):
    """A delivery event lacks a documented member; retrying cannot help."""


# Ids


@dataclass(frozen=True, slots=True)
class HubIds:
    """What a message was sent for. Absent ids are None."""

    application_id: str | None = None
    campaign_id: str | None = None
    campaign_activity_id: str | None = None
    treatment_id: str | None = None
    endpoint_id: str | None = None
    request_id: str | None = None
    journey_id: str | None = None
    journey_run_id: str | None = None
    journey_activity_id: str | None = None

    @classmethod
    def of(cls, values: Mapping[Any, Any]) -> "HubIds":
        """The ids among other values, by their names."""
        found = {name: values.get(name) for name in _ID_NAMES}
        found["application_id"] = found["application_id"] or values.get(_SHORT_APPLICATION_ID)
        return cls(**{name: None if value is None else str(value) for name, value in found.items()})

    def given(self) -> dict[str, str]:
        """The ids that are there, by name."""
        values = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: value for name, value in values.items() if value is not None}

    def attributes(self) -> dict[str, str]:
        """The ids that Pinpoint's records carry as attributes."""
        kept = _JOURNEY_ATTRIBUTES if self.journey_id else _CAMPAIGN_ATTRIBUTES
        given = self.given()
        return {name: given[name] for name in kept if name in given}


_ID_NAMES = tuple(field.name for field in fields(HubIds))
_SHORT_APPLICATION_ID = "app_id"  # as Pinpoint's records name it
_OURS = frozenset({*_ID_NAMES, _SHORT_APPLICATION_ID})
# The one-letter names of a compact `hub` entry; only read, for messages of other senders.
_LETTERS = {
    "a": "application_id",
    "c": "campaign_id",
    "v": "campaign_activity_id",
    "t": "treatment_id",
    "e": "endpoint_id",
    "r": "request_id",
}
_CAMPAIGN_ATTRIBUTES = ("treatment_id", "campaign_activity_id", "campaign_id")
_JOURNEY_ATTRIBUTES = ("journey_run_id", "journey_id", "journey_activity_id")


def encode_id(value: str) -> str:
    """An id in the alphabet of SES tags: base64url without padding."""
    return base64.urlsafe_b64encode(value.encode()).decode().rstrip("=")


def decode_id(encoded: str) -> str:
    """The id that `encode_id` encoded.

    Raises:
        MalformedEvent: it did not.
    """
    try:
        padded = encoded + "=" * (-len(encoded) % 4)
        return base64.b64decode(padded, altchars=b"-_", validate=True).decode()
    except (binascii.Error, ValueError) as error:
        raise MalformedEvent("A message tag is not base64url of an id.") from error


def sms_context(ids: HubIds, customer: Mapping[str, str] | None = None) -> dict[str, str]:
    """The `Context` of an SMS or voice send. Five entries of 800 characters at most.

    Raises:
        BadRequest: the client's Context does not fit in one entry.
    """
    packed = _compact(ids.given())
    context = {HUB_CONTEXT: packed} if len(packed) <= CONTEXT_VALUE_LIMIT else {}
    if customer:
        context[CUSTOMER_CONTEXT] = _compact(customer)
        if len(context[CUSTOMER_CONTEXT]) > CONTEXT_VALUE_LIMIT:
            raise BadRequest(
                f"Context is longer than {CONTEXT_VALUE_LIMIT} characters as JSON; shorten it."
            )
    return context


def email_tags(ids: HubIds, customer: Mapping[str, str] | None = None) -> dict[str, str]:
    """The message tags of an email, names and values in SES's alphabet.

    Entries of the client's Context become tags too, where their names fit SES's alphabet; names of
    the hub's own ids are not theirs to set.
    """
    theirs = {
        name: value
        for name, value in (customer or {}).items()
        if name.removesuffix(ENCODED_TAG) not in _OURS
    }
    tags = {}
    for name, value in {**theirs, **ids.given()}.items():
        if not _TAG_SAFE.fullmatch(name):
            continue
        if _TAG_SAFE.fullmatch(value):
            tags[name] = value
        elif len(encode_id(value)) in range(1, TAG_LIMIT + 1):
            tags[name + ENCODED_TAG] = encode_id(value)
    return tags


def _unpacked(entries: dict[str, Any]) -> dict[str, Any]:
    """The entries with those of `customer_context` in its place, when it holds a JSON object."""
    try:
        packed = json.loads(entries.get(CUSTOMER_CONTEXT, ""))
    except (TypeError, ValueError):
        return entries
    if not isinstance(packed, dict):
        return entries
    others = {name: value for name, value in entries.items() if name != CUSTOMER_CONTEXT}
    return {**packed, **others}


def ids_of_sms(context: Mapping[str, Any] | None) -> tuple[HubIds, dict[str, Any]]:
    """The hub's ids and the client's own Context, out of the context of an SMS event.

    Raises:
        MalformedEvent: the `hub` entry is not the hub's.
    """
    entries = dict(context or {})
    hub = entries.pop(HUB_CONTEXT, None)
    entries = _unpacked(entries)
    if hub is None:
        return HubIds(), entries
    try:
        ids = json.loads(hub)
    except (TypeError, ValueError) as error:
        raise MalformedEvent("The event's context entry `hub` is not JSON.") from error
    if not isinstance(ids, dict):
        raise MalformedEvent("The event's context entry `hub` is not a JSON object.")
    named = {_LETTERS.get(name): value for name, value in ids.items()}
    return HubIds.of({**named, **ids}), entries


def ids_of_email(tags: Mapping[str, Sequence[str]] | None) -> tuple[HubIds, dict[str, Any]]:
    """The hub's ids and the client's own entries, out of the tags of an SES event.

    Raises:
        MalformedEvent: an encoded tag cannot be decoded.
    """
    values: dict[str, Any] = {}
    for name, items in (tags or {}).items():
        if name.startswith(RESERVED_TAG) or not items:
            continue
        value = items[0] if isinstance(items, list | tuple) else str(items)
        if name.endswith(ENCODED_TAG):
            values[name.removesuffix(ENCODED_TAG)] = decode_id(value)
        else:
            values[name] = value
    others = _unpacked(values)
    return HubIds.of(values), {name: v for name, v in others.items() if name not in _OURS}


# The envelope


def milliseconds(moment: datetime) -> int:
    """Epoch milliseconds."""
    return round(moment.timestamp() * 1000)


def _anonymous(message_id: str) -> str:
    """The client id of a message to a bare address: a UUID, the same in all its events."""
    return str(uuid.uuid5(uuid.NAMESPACE_OID, message_id))


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), ensure_ascii=False)


def _envelope(
    event_type: str,
    *,
    app_id: str | None,
    client_id: str,
    event_timestamp: int,
    arrival_timestamp: int,
    attributes: Mapping[str, str],
    account_id: str,
) -> Record:
    return {
        "event_type": event_type,
        "event_timestamp": event_timestamp,
        "arrival_timestamp": arrival_timestamp,
        "event_version": EVENT_VERSION,
        "application": {"app_id": app_id, "sdk": {}},
        "client": {"client_id": client_id},
        "device": {"platform": {}},
        "session": {},
        "attributes": dict(attributes),
        "awsAccountId": account_id,
    }


# Campaigns


def campaign_send(
    endpoint: Endpoint,
    status: SendStatus | str,
    *,
    app_id: str,
    campaign_id: str,
    activity_id: str,
    treatment_id: str | None,
    delivery_type: str,
    now: datetime,
    account_id: str,
    arrived: datetime | None = None,
) -> Record:
    """`_campaign.send`: what became of one endpoint in one run.

    Args:
        treatment_id: None for an endpoint held out; the record says "0" then, as AWS's does.
        delivery_type: the endpoint's channel, or CUSTOM when a custom channel delivered.
    """
    record = _envelope(
        "_campaign.send",
        app_id=app_id,
        client_id=endpoint["Id"],
        event_timestamp=milliseconds(now),
        arrival_timestamp=milliseconds(arrived or now),
        attributes={
            "campaign_id": campaign_id,
            "campaign_activity_id": activity_id,
            "treatment_id": treatment_id or DEFAULT_TREATMENT,
            "delivery_type": delivery_type,
            "campaign_send_status": str(status),
        },
        account_id=account_id,
    )
    definition = endpoint_definition(endpoint)
    definition.pop("CreationDate", None)
    record["client_context"] = {"custom": {"endpoint": _compact(definition)}}
    return record


# SMS

_BUFFERED, _SUCCESS, _FAILURE = "_SMS.BUFFERED", "_SMS.SUCCESS", "_SMS.FAILURE"

SMS_TYPES: dict[str, tuple[str, str]] = {
    "QUEUED": (_BUFFERED, "PENDING"),
    "PENDING": (_BUFFERED, "PENDING"),
    "SENT": (_BUFFERED, "PENDING"),
    "SUCCESSFUL": (_BUFFERED, "SUCCESSFUL"),  # final: _SMS.SUCCESS
    "DELIVERED": (_SUCCESS, "DELIVERED"),
    **{
        status: (_FAILURE, status)
        for status in (
            "INVALID",
            "INVALID_MESSAGE",
            "UNREACHABLE",
            "CARRIER_UNREACHABLE",
            "BLOCKED",
            "CARRIER_BLOCKED",
            "SPAM",
            "UNKNOWN",
            "TTL_EXPIRED",
        )
    },
    "PROTECT_BLOCKED": (_FAILURE, "BLOCKED"),
    "FILE_INACCESSIBLE": (_FAILURE, "INVALID_MESSAGE"),
    "FILE_TYPE_UNSUPPORTED": (_FAILURE, "INVALID_MESSAGE"),
    "FILE_SIZE_EXCEEDED": (_FAILURE, "INVALID_MESSAGE"),
}
"""Status of a TEXT_ or MEDIA_ event to Pinpoint's event type and `record_status`."""

_MESSAGE_TYPES = {"TRANSACTIONAL": "Transactional", "PROMOTIONAL": "Promotional"}
MILLICENTS_PER_DOLLAR = 100_000


def _need(record: Mapping[str, Any], *path: str) -> Any:
    value: Any = record
    for member in path:
        if not isinstance(value, Mapping) or member not in value:
            raise MalformedEvent(f"The event has no {'.'.join(path)}.")
        value = value[member]
    return value


def sms_event(
    record: Mapping[str, Any], *, account_id: str, arrived: datetime, app_id: str | None = None
) -> Record:
    """An End User Messaging event (TEXT_, MEDIA_, VOICE_ or RCS_) as Pinpoint's.

    TEXT_ and MEDIA_ become `_SMS.*` by `SMS_TYPES`. Voice and RCS, of which Pinpoint streamed
    nothing, become `_VOICE.<STATUS>` and `_RCS.<STATUS>` of the same shape.

    Args:
        app_id: for messages that carry no application id.

    Raises:
        MalformedEvent: a member that every such event has is missing, or its type is unknown.
    """
    kind, _, status = str(_need(record, "eventType")).partition("_")
    if kind in ("VOICE", "RCS"):
        event_type, record_status = f"_{kind}.{status}", status
    elif kind in ("TEXT", "MEDIA") and status in SMS_TYPES:
        event_type, record_status = SMS_TYPES[status]
        if status == "SUCCESSFUL" and record.get("isFinal"):
            event_type = _SUCCESS
    else:
        raise MalformedEvent(f"Event type {record['eventType']} is unknown.")
    ids, customer = ids_of_sms(record.get("context"))
    message_id = str(_need(record, "messageId"))
    parts = record.get("totalMessageParts")
    attributes: dict[str, Any] = {
        "sender_request_id": ids.request_id or message_id,
        "origination_phone_number": record.get("originationPhoneNumber"),
        "destination_phone_number": record.get("destinationPhoneNumber"),
        "record_status": record_status,
        "iso_country_code": record.get("isoCountryCode"),
        "number_of_message_parts": None if parts is None else str(parts),
        "message_id": message_id,
        "message_type": _MESSAGE_TYPES.get(record.get("messageType", "")),
        "treatment_id": DEFAULT_TREATMENT,
        **ids.attributes(),
        "customer_context": _compact(customer) if customer else None,
        "message_kind": "MEDIA" if kind == "MEDIA" else None,
        "protect_status": (record.get("protectConfiguration") or {}).get("protectStatus"),
    }
    event = _envelope(
        event_type,
        app_id=ids.application_id or app_id,
        client_id=ids.endpoint_id or _anonymous(message_id),
        event_timestamp=int(_need(record, "eventTimestamp")),
        arrival_timestamp=milliseconds(arrived),
        attributes={name: value for name, value in attributes.items() if value is not None},
        account_id=account_id,
    )
    price = record.get("totalMessagePrice")
    if price is not None:
        millicents = Decimal(str(price)) * MILLICENTS_PER_DOLLAR
        event["metrics"] = {"price_in_millicents_usd": float(millicents)}
    return event


class RefusedStatus(StrEnum):
    """`record_status` of a text the sending service refused to take."""

    OPTED_OUT = "OPTED_OUT"
    MAX_PRICE_EXCEEDED = "MAX_PRICE_EXCEEDED"
    UNKNOWN = "UNKNOWN"


def sms_refused(
    record_status: str,
    *,
    ids: HubIds,
    destination: str,
    now: datetime,
    account_id: str,
    message_type: str | None = None,
    origination: str | None = None,
    customer: Mapping[str, str] | None = None,
) -> Record:
    """`_SMS.FAILURE` for a message the service refused, which therefore sends no event of its own.

    There is no message id, so the request's id stands in, or a new one.
    """
    request_id = ids.request_id or str(uuid.uuid4())
    attributes: dict[str, Any] = {
        "sender_request_id": request_id,
        "origination_phone_number": origination,
        "destination_phone_number": destination,
        "record_status": record_status,
        "message_id": request_id,
        "message_type": _MESSAGE_TYPES.get(message_type or ""),
        "treatment_id": DEFAULT_TREATMENT,
        **ids.attributes(),
        "customer_context": _compact(customer) if customer else None,
    }
    return _envelope(
        _FAILURE,
        app_id=ids.application_id,
        client_id=ids.endpoint_id or _anonymous(request_id),
        event_timestamp=milliseconds(now),
        arrival_timestamp=milliseconds(now),
        attributes={name: value for name, value in attributes.items() if value is not None},
        account_id=account_id,
    )


# Email

_BOUNCES = {
    "Permanent": "hardbounce",
    "Transient": "softbounce",
    "Undetermined": "softbounce",
}
_UNSUBSCRIBE_TAG = "unsubscribeLinkTag"

# SES event type: (Pinpoint's, attributes.feedback, SES's detail member, Pinpoint's)
EMAIL_TYPES: dict[str, tuple[str, str, str, str]] = {
    "Send": ("_email.send", "received", "send", "send"),
    "Delivery": ("_email.delivered", "delivered", "delivery", "delivery"),
    "Bounce": ("_email.softbounce", "softbounce", "bounce", "bounce"),  # by type: _BOUNCES
    "Complaint": ("_email.complaint", "complaint", "complaint", "complaint"),
    "Reject": ("_email.rejected", "rejected", "reject", "reject"),
    "Open": ("_email.open", "opened", "open", "open"),
    "Click": ("_email.click", "", "click", "click"),  # feedback is the link
    "Rendering Failure": (
        "_email.rendering_failure",
        "rendering_failure",
        "failure",
        "rendering_failure",
    ),
    "DeliveryDelay": ("_email.delivery_delay", "delayed", "deliveryDelay", "delivery_delay"),
    "Subscription": ("_email.subscription", "", "subscription", "subscription"),
}
_DETAIL_NAMES = {"reportingMTA": "reporting_mta"}
# What the hub's records leave out of SES's details: the envelope has the time, and Pinpoint's
# records never had these.
_DETAIL_LEFT_OUT = frozenset({"timestamp", "linkTags", "arrivalDate", "remoteMtaIp"})


def _snake(name: str) -> str:
    return _DETAIL_NAMES.get(name) or re.sub(r"(?<=[a-z0-9])([A-Z])", r"_\1", name).lower()


def _snaked(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {_snake(k): _snaked(v) for k, v in value.items()}
    if isinstance(value, list):
        return [_snaked(item) for item in value]
    return value


def _instant(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except (TypeError, ValueError) as error:
        raise MalformedEvent("The event has a time that is not ISO 8601.") from error
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)


def _mail(mail: Mapping[str, Any], recipient: str | None) -> Record:
    facet: Record = {
        "message_id": _need(mail, "messageId"),
        "message_send_timestamp": milliseconds(_instant(_need(mail, "timestamp"))),
        "from_address": mail.get("source"),
        "destination": [recipient] if recipient else list(mail.get("destination") or ()),
        "headers_truncated": bool(mail.get("headersTruncated")),
    }
    if mail.get("headers") is not None:
        facet["headers"] = [{"name": h["name"], "value": h["value"]} for h in mail["headers"]]
    common = mail.get("commonHeaders")
    if common is not None:
        senders = common.get("from") or []
        facet["common_headers"] = {
            "from": ", ".join(senders) if isinstance(senders, list) else senders,
            "to": list(common.get("to") or ()),
        }
        for name in ("subject", "date"):
            if common.get(name) is not None:
                facet["common_headers"][name] = common[name]
    return facet


def _recipients(detail: Mapping[str, Any], mail: Mapping[str, Any]) -> list[str | None]:
    """Whom the event is about; SES may name several, and Pinpoint's records name one each."""
    for name in ("bouncedRecipients", "complainedRecipients", "delayedRecipients"):
        if detail.get(name):
            return [recipient.get("emailAddress") for recipient in detail[name]]
    return list(detail.get("recipients") or mail.get("destination") or ()) or [None]


def _detail_of(detail: Mapping[str, Any], recipient: str | None) -> Record:
    """Details in Pinpoint's names, about one recipient."""
    own: Record = {}
    for name, value in detail.items():
        if name in _DETAIL_LEFT_OUT or value is None:
            continue
        if name == "recipients":
            value = [recipient]
        elif name.endswith("Recipients"):
            value = [item for item in value if item.get("emailAddress") == recipient]
        own[_snake(name)] = _snaked(value)
    return own


def _opted_out(subscription: Mapping[str, Any]) -> bool:
    new = subscription.get("newTopicPreferences") or {}
    old = subscription.get("oldTopicPreferences") or {}

    def out(preferences: Mapping[str, Any]) -> set[str]:
        return {
            topic["topicName"]
            for topic in preferences.get("topicSubscriptionStatus") or ()
            if str(topic.get("subscriptionStatus")).lower() == "optout"
        }

    return bool(new.get("unsubscribeAll")) or bool(out(new) - out(old))


def email_event(record: Mapping[str, Any], *, account_id: str | None = None) -> list[Record]:
    """An SES event as Pinpoint's: one record per recipient, two for a click that unsubscribes.

    `event_timestamp` is the time the message was sent, in all its events; `arrival_timestamp` is
    the time of the event itself (Pinpoint's was its own, moments later).

    Args:
        account_id: the sending account's when left out.

    Raises:
        MalformedEvent: a documented member is missing, or the type is unknown.
    """
    kind = str(_need(record, "eventType"))
    if kind not in EMAIL_TYPES:
        raise MalformedEvent(f"Event type {kind} is unknown.")
    event_type, feedback, member, facet_name = EMAIL_TYPES[kind]
    mail = _need(record, "mail")
    detail = record.get(member) or {}
    event_types = [event_type]
    if kind == "Bounce":
        feedback = _BOUNCES.get(str(detail.get("bounceType")), "softbounce")
        event_types = [f"_email.{feedback}"]
    elif kind == "Click":
        feedback = detail.get("link") or ""
        if _UNSUBSCRIBE_TAG in (detail.get("linkTags") or {}):
            event_types.append("_email.unsubscribe")
    elif kind == "Subscription":
        feedback = detail.get("source") or ""
        event_types = ["_email.unsubscribe" if _opted_out(detail) else event_type]
    ids, customer = ids_of_email(mail.get("tags"))
    sent = milliseconds(_instant(_need(mail, "timestamp")))
    happened = milliseconds(_instant(detail["timestamp"])) if detail.get("timestamp") else sent
    records = []
    for recipient in _recipients(detail, mail):
        for one_type in event_types:
            event = _envelope(
                one_type,
                app_id=ids.application_id,
                client_id=ids.endpoint_id or _anonymous(str(_need(mail, "messageId"))),
                event_timestamp=sent,
                arrival_timestamp=happened,
                attributes={
                    **{name: str(value) for name, value in customer.items()},
                    "feedback": feedback,
                    **ids.attributes(),
                },
                account_id=account_id or str(mail.get("sendingAccountId") or ""),
            )
            event["client_context"] = {"custom": {"legacy_identifier": ids.application_id}}
            event["facets"] = {
                "email_channel": {
                    "mail_event": {
                        "mail": _mail(mail, recipient),
                        facet_name: _detail_of(detail, recipient),
                    }
                }
            }
            records.append(event)
    return records


# App events


def _app_device(endpoint: Endpoint) -> Record:
    demographic = endpoint.get("Demographic") or {}
    device: Record = {}
    locale = demographic.get("Locale")
    if locale:
        language, _, country = locale.replace("-", "_").partition("_")
        device["locale"] = {"code": locale, "country": country, "language": language}
    for name, key in (("make", "Make"), ("model", "Model")):
        if demographic.get(key):
            device[name] = demographic[key]  # type: ignore[literal-required]  # one of two members
    names = (("name", "Platform"), ("version", "PlatformVersion"))
    device["platform"] = {
        name: demographic[key]  # type: ignore[literal-required]  # one of two members
        for name, key in names
        if demographic.get(key)
    }
    return device


def _event_time(text: str | None, member: str) -> int:
    try:
        return milliseconds(_instant(text or ""))
    except MalformedEvent as error:
        raise BadRequest(f"{member} must be ISO 8601, such as 2026-03-02T17:00:00Z.") from error


def custom_event(
    event: Event,
    endpoint: Endpoint,
    *,
    app_id: str,
    now: datetime,
) -> Record:
    """An event that a client reported by PutEvents. AWS's app events name no account.

    Raises:
        BadRequest: EventType is missing or a time is not ISO 8601.
    """
    if not event.get("EventType"):
        raise BadRequest("EventType is missing.")
    optional = {
        "package_name": event.get("AppPackageName"),
        "title": event.get("AppTitle"),
        "version_code": event.get("AppVersionCode"),
        "version_name": (endpoint.get("Demographic") or {}).get("AppVersion"),
    }
    record = _envelope(
        event["EventType"],
        app_id=app_id,
        client_id=endpoint["Id"],
        event_timestamp=_event_time(event.get("Timestamp"), "Timestamp"),
        arrival_timestamp=milliseconds(now),
        attributes=event.get("Attributes") or {},
        account_id="",
    )
    del record["awsAccountId"]
    record["event_version"] = APP_EVENT_VERSION
    sdk = {"name": event.get("SdkName"), "version": event.get("ClientSdkVersion")}
    record["application"] = {
        "app_id": app_id,
        "sdk": {name: value for name, value in sdk.items() if value},
        **{name: value for name, value in optional.items() if value},
    }
    record["device"] = _app_device(endpoint)
    session = event.get("Session") or {}
    if session:
        record["session"] = {"session_id": session.get("Id", "")}
        for name, member in (
            ("start_timestamp", "StartTimestamp"),
            ("stop_timestamp", "StopTimestamp"),
        ):
            if session.get(member):
                text = str(session[member])  # type: ignore[literal-required]  # one of two members
                record["session"][name] = _event_time(text, f"Session.{member}")
    record["metrics"] = {name: float(v) for name, v in (event.get("Metrics") or {}).items()}
    return record
