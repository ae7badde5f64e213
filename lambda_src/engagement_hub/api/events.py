"""Events that clients report (PutEvents), and the stream they go to."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

from botocore.exceptions import ClientError

from engagement_hub.api.operation import Operation
from engagement_hub.api.wire import Call
from engagement_hub.customer_role import RoleDoesNotTrust, RoleNotAssumable
from engagement_hub.engagement.endpoint_requests import checked_id
from engagement_hub.engagement.errors import BadRequest, EngagementError, NotFound
from engagement_hub.engagement.events import custom_event, stream_test
from engagement_hub.engagement.model import Endpoint, EndpointRequest, Event, JsonObject
from engagement_hub.event_stream import (
    LARGEST_LINE_BYTES,
    STREAM_FAILURES,
    EventsNotDelivered,
    line_of,
)
from engagement_hub.hub import Hub
from engagement_hub.store import error_code
from engagement_hub.store.entities import Kind
from engagement_hub.store.names import EVENT_STREAM_ID
from shared.transient import is_transient

__all__ = ["OPERATIONS", "publish_or_keep"]

# Source: Pinpoint developer guide, "Quotas" (event ingestion).
_EVENTS = 100
_KEYS = 40
_KEY_CHARACTERS = 50
_VALUE_CHARACTERS = 200

_STREAM_ARN = re.compile(
    r"arn:[a-z-]+:(?:kinesis:[a-z0-9-]+:\d{12}:stream|firehose:[a-z0-9-]+:\d{12}:deliverystream)"
    r"/[A-Za-z0-9_.-]+"
)
_ACCESS_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "KMSAccessDeniedException"})
# IAM: a role or policy that was just created does not count everywhere for some seconds.
_NEW_ROLE_SECONDS = 16.0
_PAUSE_SECONDS = 2.0


def put_events(hub: Hub, call: Call) -> JsonObject:
    """PutEvents: each endpoint is created or merged, each event goes to the event stream.

    A bad endpoint or event has a 400 of its own in the answer and fails no other. An empty endpoint
    only shows that it is in use. Events that the stream refuses are kept in the work bucket, and
    count as accepted.

    Raises:
        BadRequest: more than 100 events.
    """
    batch: Mapping[str, Any] = call.body["BatchItem"]
    if sum(len(item["Events"]) for item in batch.values()) > _EVENTS:
        raise BadRequest(f"BatchItem holds more than {_EVENTS} events; send at most that many.")

    endpoints: dict[str, Endpoint | EngagementError] = {}
    updates: list[tuple[str, EndpointRequest | None]] = []
    for endpoint_id, item in batch.items():
        try:
            checked_id("The endpoint's id", endpoint_id)
        except BadRequest as error:
            endpoints[endpoint_id] = error
        else:
            updates.append((endpoint_id, cast("EndpointRequest", item["Endpoint"]) or None))
    merged = hub.endpoints.try_update_many(
        call.app_id, updates, now=call.timestamp, request_id=call.request_id
    )
    endpoints.update(zip([endpoint_id for endpoint_id, _ in updates], merged, strict=True))
    records: list[Mapping[str, Any]] = []
    results = {
        endpoint_id: _results(call, item["Events"], endpoints[endpoint_id], records)
        for endpoint_id, item in batch.items()
    }
    publish_or_keep(hub, call, records)
    return {"Results": results}


def publish_or_keep(hub: Hub, call: Call, records: Sequence[Mapping[str, Any]]) -> None:
    """Write events to the project's stream; keep them in the work bucket when it fails.

    Raises:
        ClientError, BotoCoreError: the work bucket does not take the events either.
    """
    try:
        hub.stream.publish(call.app_id, records)
    except STREAM_FAILURES as error:
        key = f"undelivered-events/{call.app_id}/{call.timestamp}-{call.request_id}.jsonl"
        hub.undelivered.keep(key, records, error)


def _results(
    call: Call,
    events: Mapping[str, Event],
    endpoint: Endpoint | EngagementError,
    records: list[Mapping[str, Any]],
) -> JsonObject:
    """Return the results of one endpoint and its events; add the good events to the records."""
    if isinstance(endpoint, EngagementError):
        refused = "The event's endpoint was refused."
        return {
            "EndpointItemResponse": {"StatusCode": endpoint.status, "Message": endpoint.message},
            "EventsItemResponse": {key: _bad(refused) for key in events},
        }
    answers: JsonObject = {}
    for key, event in events.items():
        try:
            _check(event)
            record = custom_event(event, endpoint, app_id=call.app_id, now=call.now)
            _check_size(record)
        except BadRequest as error:
            answers[key] = _bad(error.message)
        else:
            records.append(record)
            answers[key] = {"StatusCode": 202, "Message": "Accepted"}
    return {
        "EndpointItemResponse": {"StatusCode": 202, "Message": "Accepted"},
        "EventsItemResponse": answers,
    }


def _bad(message: str) -> JsonObject:
    return {"StatusCode": 400, "Message": message}


def _check(event: Event) -> None:
    attributes, metrics = event.get("Attributes") or {}, event.get("Metrics") or {}
    if len(event["EventType"]) > _KEY_CHARACTERS:
        raise BadRequest(f"EventType must have at most {_KEY_CHARACTERS} characters.")
    if len(attributes) + len(metrics) > _KEYS:
        raise BadRequest(f"Attributes and Metrics have more than {_KEYS} keys together.")
    if any(not 0 < len(key) <= _KEY_CHARACTERS for key in (*attributes, *metrics)):
        raise BadRequest(
            f"A key of Attributes or Metrics must have 1 to {_KEY_CHARACTERS} characters."
        )
    if any(len(value) > _VALUE_CHARACTERS for value in attributes.values()):
        raise BadRequest(f"A value of Attributes must have at most {_VALUE_CHARACTERS} characters.")


def _check_size(record: Mapping[str, Any]) -> None:
    size = len(line_of(record))
    if size > LARGEST_LINE_BYTES:
        raise BadRequest(
            f"The event has {size} bytes as the stream gets it; at most {LARGEST_LINE_BYTES} are "
            "taken. Shorten AppTitle, AppPackageName, SdkName or other texts of the event."
        )


def put_event_stream(hub: Hub, call: Call) -> JsonObject:
    """PutEventStream: a project has one; another stream replaces it.

    The hub writes a test event to the stream first, as Pinpoint did. A role or policy that was just
    created does not count everywhere for some seconds, so a refusal is final only after
    some seconds.

    Raises:
        BadRequest: the stream cannot be written to under the role.
    """
    arn: str = call.body["DestinationStreamArn"]
    if not _STREAM_ARN.fullmatch(arn):
        raise BadRequest(
            "DestinationStreamArn must be the ARN of a Kinesis data stream or of a Firehose stream."
        )
    if ":role/" not in call.body["RoleArn"]:
        raise BadRequest("RoleArn must be the ARN of an IAM role.")
    stream = {
        "ApplicationId": call.app_id,
        "DestinationStreamArn": arn,
        "RoleArn": call.body["RoleArn"],
        "ExternalId": call.app_id,
        "LastModifiedDate": call.timestamp,
    }
    _check_stream(hub, call, stream)
    hub.entities.put(call.app_id, Kind.EVENT_STREAM, EVENT_STREAM_ID, stream)
    hub.stream.forget(call.app_id)
    return stream


def _check_stream(hub: Hub, call: Call, stream: Mapping[str, Any]) -> None:
    record = stream_test(call.app_id, hub.account.account_id, call.now)
    end = hub.monotonic() + _NEW_ROLE_SECONDS
    while (problem := _problem(hub, call, stream, record)) is not None:
        if hub.monotonic() + _PAUSE_SECONDS > end:
            raise BadRequest(problem)
        hub.sleep(_PAUSE_SECONDS)


def _problem(
    hub: Hub, call: Call, stream: Mapping[str, Any], record: Mapping[str, Any]
) -> str | None:
    """Write to a stream; return why it cannot be written to, where that may change by itself.

    Raises:
        BadRequest: the stream or its role can never be used.
        ClientError, BotoCoreError: the stream or STS failed; the same request may succeed later.
    """
    try:
        hub.stream.check(stream, call.app_id, record)
    except EventsNotDelivered:
        return None  # it throttles: the role may write, and refused events are kept
    except RoleDoesNotTrust as error:
        return str(error)
    except RoleNotAssumable as error:
        raise BadRequest(str(error)) from error
    except ClientError as error:
        if is_transient(error):
            raise
        code = error_code(error)
        problem = f"DestinationStreamArn cannot be written to under RoleArn ({code})."
        if code not in _ACCESS_DENIED:
            raise BadRequest(problem) from error
        actions = "kinesis:PutRecords or firehose:PutRecordBatch"
        return (
            f"{problem} The role's policy must allow {actions} on the stream, and use of its key."
        )
    return None


def get_event_stream(hub: Hub, call: Call) -> JsonObject:
    """GetEventStream."""
    stream = hub.entities.get(call.app_id, Kind.EVENT_STREAM, EVENT_STREAM_ID)
    if stream is None:
        raise _no_stream()
    return stream


def delete_event_stream(hub: Hub, call: Call) -> JsonObject:
    """DeleteEventStream: answers the stream as it was."""
    stream = hub.entities.delete(call.app_id, Kind.EVENT_STREAM, EVENT_STREAM_ID)
    if stream is None:
        raise _no_stream()
    return stream


def _no_stream() -> NotFound:
    return NotFound("The project has no event stream. Set one with PutEventStream.")


OPERATIONS: dict[str, Operation] = {
    "DeleteEventStream": delete_event_stream,
    "GetEventStream": get_event_stream,
    "PutEvents": put_events,
    "PutEventStream": put_event_stream,
}
