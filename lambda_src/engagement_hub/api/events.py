"""Events that clients report (PutEvents), and the stream they go to."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from engagement_hub.api.hub import Hub, Operation
from engagement_hub.api.wire import Call
from engagement_hub.engagement.errors import BadRequest, EngagementError, NotFound
from engagement_hub.engagement.events import custom_event
from engagement_hub.engagement.model import Endpoint, EndpointRequest, Event, JsonObject
from engagement_hub.store.entities import Kind
from engagement_hub.store.names import EVENT_STREAM_ID

__all__ = ["OPERATIONS"]

# Source: Pinpoint developer guide, "Quotas" (event ingestion).
_EVENTS = 100
_KEYS = 40
_KEY_CHARACTERS = 50
_VALUE_CHARACTERS = 200

_ARN_PARTS = 6


def put_events(hub: Hub, call: Call) -> JsonObject:
    """PutEvents: each endpoint is created or merged, each event goes to the event stream.

    A bad endpoint or event has a 400 of its own in the answer and fails no other. An empty endpoint
    only shows that it is in use.

    Raises:
        BadRequest: more than 100 events.
        InternalServerError: the event stream does not take the events. Endpoints are written by
            then; sending the request again is harmless to them.
    """
    batch: Mapping[str, Any] = call.body["BatchItem"]
    if sum(len(item["Events"]) for item in batch.values()) > _EVENTS:
        raise BadRequest(f"BatchItem holds more than {_EVENTS} events; send at most that many.")

    updates = [
        (endpoint_id, cast("EndpointRequest", item["Endpoint"]))
        for endpoint_id, item in batch.items()
    ]
    merged = hub.endpoints.try_update_many(
        call.app_id, updates, now=call.timestamp, request_id=call.request_id
    )
    records: list[Mapping[str, Any]] = []
    results: JsonObject = {}
    for (endpoint_id, item), endpoint in zip(batch.items(), merged, strict=True):
        results[endpoint_id] = _results(call, item["Events"], endpoint, records)
    hub.stream.publish(call.app_id, records)
    return {"Results": results}


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
            records.append(custom_event(event, endpoint, app_id=call.app_id, now=call.now))
        except BadRequest as error:
            answers[key] = _bad(error.message)
        else:
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


def put_event_stream(hub: Hub, call: Call) -> JsonObject:
    """PutEventStream: a project has one; another stream replaces it."""
    arn: str = call.body["DestinationStreamArn"]
    parts = arn.split(":")
    if len(parts) != _ARN_PARTS or parts[2] not in ("kinesis", "firehose"):
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
    hub.entities.put(call.app_id, Kind.EVENT_STREAM, EVENT_STREAM_ID, stream)
    return stream


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
