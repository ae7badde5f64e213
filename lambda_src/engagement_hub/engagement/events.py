"""Events that the hub itself makes for a project's event stream, and the ids its messages carry.

Every function returns one record as a dict; the caller writes it as one line of JSON. Times are
epoch milliseconds, attribute values strings. Events of SES and End User Messaging become records in
`shared.pinpoint_events`.

How delivery events carry the ids:

- SMS: the `Context` of End User Messaging has five entries of 800 characters. The hub uses one,
  `hub`: a compact JSON object of ids (`HubIds`), and a second, `customer_context`, for the Context
  the client gave (a JSON string). Entries under other names count as the client's too.
- Email: SES tags allow letters, digits, `_` and `-` only. Ids that fit are tags of their own name;
  others travel under the name with `_b64` appended, as base64url without padding.

Source: Pinpoint developer guide, "Streaming Amazon Pinpoint event data".
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from engagement_hub.engagement.campaigns import DEFAULT_TREATMENT, SendStatus
from engagement_hub.engagement.errors import BadRequest
from engagement_hub.engagement.hooks import endpoint_definition
from engagement_hub.engagement.model import Endpoint, Event
from shared.pinpoint_events import (
    CUSTOMER_CONTEXT,
    HUB_CONTEXT,
    MESSAGE_TYPES,
    HubIds,
    MalformedEvent,
    Record,
    anonymous,
    compact,
    envelope,
    instant,
    milliseconds,
)

APP_EVENT_VERSION = "3.0"
CONTEXT_VALUE_LIMIT = 800


# Ids


def sms_context(ids: HubIds, customer: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the `Context` of an SMS or voice send. Five entries of 800 characters at most.

    Raises:
        BadRequest: the client's Context does not fit in one entry.
    """
    packed = compact(ids.given())
    context = {HUB_CONTEXT: packed} if len(packed) <= CONTEXT_VALUE_LIMIT else {}
    if customer:
        context[CUSTOMER_CONTEXT] = compact(customer)
        if len(context[CUSTOMER_CONTEXT]) > CONTEXT_VALUE_LIMIT:
            raise BadRequest(
                f"Context is longer than {CONTEXT_VALUE_LIMIT} characters as JSON; shorten it."
            )
    return context


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
    content: Mapping[str, str] | None = None,
) -> Record:
    """Write `_campaign.send`: the outcome of one endpoint in one run.

    Args:
        treatment_id: None for an endpoint held out; the record says "0" then, as AWS's does.
        delivery_type: the endpoint's channel, or CUSTOM when a custom channel delivered.
        content: attributes of the content that the run sends, which Amazon Pinpoint's events do not
            have: `campaign_version`; `template_version` and `template_modified` for a template;
            `content_digest` for a message that was sent.
    """
    record = envelope(
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
            **(content or {}),
        },
        account_id=account_id,
    )
    definition = endpoint_definition(endpoint)
    definition.pop("CreationDate", None)
    record["client_context"] = {"custom": {"endpoint": compact(definition)}}
    return record


# Journeys


def journey_send(
    endpoint: Endpoint,
    status: str,
    *,
    app_id: str,
    journey_id: str,
    run_id: str,
    activity_id: str,
    activity_type: str | None,
    now: datetime,
    account_id: str,
) -> Record:
    """Write `_journey.send`: the outcome of a journey's message to one endpoint.

    Args:
        activity_type: EMAIL, SMS or CUSTOM; None with QUIET_TIME_WAIT_FINISHED.
    """
    record = envelope(
        "_journey.send",
        app_id=app_id,
        client_id=endpoint["Id"],
        event_timestamp=milliseconds(now),
        arrival_timestamp=milliseconds(now),
        attributes={
            "journey_id": journey_id,
            "journey_run_id": run_id,
            "journey_activity_id": activity_id,
            "journey_send_status": str(status),
            **({} if activity_type is None else {"journey_activity_type": activity_type}),
        },
        account_id=account_id,
    )
    definition = endpoint_definition(endpoint)
    definition.pop("CreationDate", None)
    record["client_context"] = {"custom": {"endpoint": compact(definition)}}
    return record


# SMS


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
    """Write `_SMS.FAILURE` for a refused message, about which the service sends no event.

    There is no message id, so the request's id, or a new id, takes its place.
    """
    request_id = ids.request_id or str(uuid.uuid4())
    attributes: dict[str, Any] = {
        "sender_request_id": request_id,
        "origination_phone_number": origination,
        "destination_phone_number": destination,
        "record_status": record_status,
        "message_id": request_id,
        "message_type": MESSAGE_TYPES.get(message_type or ""),
        "treatment_id": DEFAULT_TREATMENT,
        **ids.attributes(),
        "customer_context": compact(customer) if customer else None,
    }
    return envelope(
        "_SMS.FAILURE",
        app_id=ids.application_id,
        client_id=ids.endpoint_id or anonymous(request_id),
        event_timestamp=milliseconds(now),
        arrival_timestamp=milliseconds(now),
        attributes={name: value for name, value in attributes.items() if value is not None},
        account_id=account_id,
    )


# App events

# Event types that only the sending services and the hub itself write. Programs that read the stream
# rely on the members such events have.
_SYSTEM_PREFIXES = ("_email.", "_sms.", "_campaign.", "_journey.")
# Reports of the AWS mobile SDKs about push notifications of campaigns and journeys.
_REPORTED_BY_APPS = frozenset(
    f"_{sender}.{report}"
    for sender in ("campaign", "journey")
    for report in ("opened_notification", "received_background", "received_foreground")
)


def check_event_type(event_type: str) -> None:
    """Check that an app may report events of the type.

    Names with a leading underscore that the SDKs report are allowed: `_session.start`,
    `_userauth.sign_in`, `_monetization.purchase`, and reports about push notifications.

    Raises:
        BadRequest: the type is empty, or the hub's own.
    """
    if not event_type:
        raise BadRequest("EventType is missing.")
    if event_type in _REPORTED_BY_APPS:
        return
    if event_type.lower().startswith(_SYSTEM_PREFIXES):
        raise BadRequest(
            "EventType must not begin with _email., _SMS., _campaign. or _journey.: events of "
            "these types come from sent messages. Use a name of your own."
        )


def stream_test(app_id: str, account_id: str, now: datetime) -> Record:
    """Return the record that shows whether a stream can be written to.

    Pinpoint wrote an event of the same type when a stream was registered; programs that read
    streams leave it out.
    """
    return envelope(
        "_test.event_stream",
        app_id=app_id,
        client_id=app_id,
        event_timestamp=milliseconds(now),
        arrival_timestamp=milliseconds(now),
        attributes={},
        account_id=account_id,
    )


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
        return milliseconds(instant(text or ""))
    except MalformedEvent as error:
        raise BadRequest(f"{member} must be ISO 8601, such as 2026-03-02T17:00:00Z.") from error


def custom_event(
    event: Event,
    endpoint: Endpoint,
    *,
    app_id: str,
    now: datetime,
) -> Record:
    """Return an event that a client reported by PutEvents. AWS's app events name no account.

    Raises:
        BadRequest: an app may not report the EventType, a time is not ISO 8601, or a metric is not
            finite.
    """
    check_event_type(event.get("EventType", ""))
    optional = {
        "package_name": event.get("AppPackageName"),
        "title": event.get("AppTitle"),
        "version_code": event.get("AppVersionCode"),
        "version_name": (endpoint.get("Demographic") or {}).get("AppVersion"),
    }
    record = envelope(
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
    session = event.get("Session")
    if session:
        record["session"] = {"session_id": session.get("Id", "")}
        for name, member in (
            ("start_timestamp", "StartTimestamp"),
            ("stop_timestamp", "StopTimestamp"),
        ):
            if session.get(member):
                text = str(session[member])  # type: ignore[literal-required]  # one of two members
                record["session"][name] = _event_time(text, f"Session.{member}")
    record["metrics"] = {
        name: _finite(name, value) for name, value in (event.get("Metrics") or {}).items()
    }
    return record


def _finite(name: str, value: float) -> float:
    """Return a metric as a float: JSON has digits for numbers that a float has not."""
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise BadRequest(f"Metrics.{name} must be a number of at most 1.7e308.")
    return number
