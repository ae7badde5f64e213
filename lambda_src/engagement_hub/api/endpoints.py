"""Endpoints, users and attributes."""

from __future__ import annotations

from typing import cast

from engagement_hub.api.hub import Hub, Operation
from engagement_hub.api.wire import Call
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.model import Endpoint, EndpointRequest, JsonObject

__all__ = ["OPERATIONS", "accepted"]

_BATCH = 100
_ATTRIBUTE_TYPES = (
    "endpoint-custom-attributes",
    "endpoint-metric-attributes",
    "endpoint-user-attributes",
)


def accepted(call: Call, message: str = "Accepted") -> JsonObject:
    """Return the MessageBody that many operations answer."""
    return {"Message": message, "RequestID": call.request_id}


def get_endpoint(hub: Hub, call: Call) -> Endpoint:
    """GetEndpoint."""
    endpoint = hub.endpoints.get(call.app_id, call.labels["endpoint-id"])
    if endpoint is None:
        raise _no_endpoint()
    return endpoint


def update_endpoint(hub: Hub, call: Call) -> JsonObject:
    """UpdateEndpoint: create or merge."""
    hub.endpoints.update_many(
        call.app_id,
        [(call.labels["endpoint-id"], cast("EndpointRequest", call.body))],
        now=call.timestamp,
        request_id=call.request_id,
    )
    return accepted(call)


def update_endpoints_batch(hub: Hub, call: Call) -> JsonObject:
    """UpdateEndpointsBatch: all of it, or nothing when one breaks a rule."""
    items = call.body["Item"]
    if len(items) > _BATCH:
        raise BadRequest(f"Item holds {len(items)} endpoints; send at most {_BATCH} at once.")
    updates: list[tuple[str, EndpointRequest]] = []
    for number, item in enumerate(items):
        if "Id" not in item:
            raise BadRequest(f"Item[{number}].Id is missing, and is required.")
        update = {name: one for name, one in item.items() if name != "Id"}
        updates.append((item["Id"], cast("EndpointRequest", update)))
    hub.endpoints.update_many(call.app_id, updates, now=call.timestamp, request_id=call.request_id)
    return accepted(call)


def delete_endpoint(hub: Hub, call: Call) -> Endpoint:
    """DeleteEndpoint: answers the endpoint as it was."""
    endpoint = hub.endpoints.delete(call.app_id, call.labels["endpoint-id"])
    if endpoint is None:
        raise _no_endpoint()
    return endpoint


def get_user_endpoints(hub: Hub, call: Call) -> JsonObject:
    """GetUserEndpoints."""
    endpoints = hub.endpoints.user_endpoints(call.app_id, call.labels["user-id"])
    if not endpoints:
        raise _no_user()
    return {"Item": endpoints}


def delete_user_endpoints(hub: Hub, call: Call) -> JsonObject:
    """DeleteUserEndpoints: answers the endpoints as they were."""
    endpoints = hub.endpoints.delete_user(call.app_id, call.labels["user-id"])
    if not endpoints:
        raise _no_user()
    return {"Item": endpoints}


def remove_attributes(hub: Hub, call: Call) -> JsonObject:
    """RemoveAttributes: from every endpoint of the project.

    AWS's texts contradict each other; this is the reading that a client can see the effect of.

    Raises:
        TooManyRequests: out of time; the next request goes on.
    """
    attribute_type = call.labels["attribute-type"]
    if attribute_type not in _ATTRIBUTE_TYPES:
        raise BadRequest(f"attribute-type must be one of {', '.join(_ATTRIBUTE_TYPES)}.")
    patterns = call.body.get("Blacklist") or []
    if not patterns:
        raise BadRequest("Blacklist is missing: name the attributes to remove, or give patterns.")
    removed = hub.endpoints.remove_attributes(
        call.app_id, attribute_type, patterns, out_of_time=hub.stopwatch()
    )
    return {
        "ApplicationId": call.app_id,
        "AttributeType": attribute_type,
        "Attributes": removed,
    }


# Neither id is repeated: clients often make them of addresses.


def _no_endpoint() -> NotFound:
    return NotFound("The project has no endpoint with this id.")


def _no_user() -> NotFound:
    return NotFound("The project has no user with this id.")


OPERATIONS: dict[str, Operation] = {
    "DeleteEndpoint": delete_endpoint,
    "DeleteUserEndpoints": delete_user_endpoints,
    "GetEndpoint": get_endpoint,
    "GetUserEndpoints": get_user_endpoints,
    "RemoveAttributes": remove_attributes,
    "UpdateEndpoint": update_endpoint,
    "UpdateEndpointsBatch": update_endpoints_batch,
}
