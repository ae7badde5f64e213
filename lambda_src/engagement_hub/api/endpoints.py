"""Endpoints, users and attributes."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from hashlib import sha256
from typing import cast

from engagement_hub.api.operation import Operation, stopwatch
from engagement_hub.api.wire import Call
from engagement_hub.engagement.endpoint_requests import checked_id
from engagement_hub.engagement.errors import BadRequest, NotFound, TooManyRequests
from engagement_hub.engagement.model import EndpointRequest, JsonObject
from engagement_hub.hub import Hub
from engagement_hub.store.endpoints import BEGINNING, Position
from engagement_hub.store.entities import EXPIRES_AT, Kind

__all__ = ["OPERATIONS", "accepted"]

_BATCH = 100
_ATTRIBUTE_TYPES = (
    "endpoint-custom-attributes",
    "endpoint-metric-attributes",
    "endpoint-user-attributes",
)
# A RemoveAttributes that ran out of time goes on at its place when it is sent again within this
# time. Later it begins anew, since endpoints have changed.
_RESUMABLE_SECONDS = 3600


def accepted(call: Call, message: str = "Accepted") -> JsonObject:
    """Return the MessageBody that many operations answer."""
    return {"Message": message, "RequestID": call.request_id}


def get_endpoint(hub: Hub, call: Call) -> JsonObject:
    """GetEndpoint."""
    endpoint = hub.endpoints.get(call.app_id, call.labels["endpoint-id"])
    if endpoint is None:
        raise _no_endpoint()
    return _shown(endpoint)


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
        endpoint_id = checked_id(f"Item[{number}].Id", item["Id"])
        updates.append((endpoint_id, cast("EndpointRequest", update)))
    hub.endpoints.update_many(call.app_id, updates, now=call.timestamp, request_id=call.request_id)
    return accepted(call)


def delete_endpoint(hub: Hub, call: Call) -> JsonObject:
    """DeleteEndpoint: answers the endpoint as it was."""
    endpoint = hub.endpoints.delete(call.app_id, call.labels["endpoint-id"])
    if endpoint is None:
        raise _no_endpoint()
    return _shown(endpoint)


def get_user_endpoints(hub: Hub, call: Call) -> JsonObject:
    """GetUserEndpoints."""
    endpoints = hub.endpoints.user_endpoints(call.app_id, call.labels["user-id"])
    if not endpoints:
        raise _no_user()
    return {"Item": [_shown(endpoint) for endpoint in endpoints]}


def delete_user_endpoints(hub: Hub, call: Call) -> JsonObject:
    """DeleteUserEndpoints: answers the endpoints as they were."""
    endpoints = hub.endpoints.delete_user(call.app_id, call.labels["user-id"])
    if not endpoints:
        raise _no_user()
    return {"Item": [_shown(endpoint) for endpoint in endpoints]}


def remove_attributes(hub: Hub, call: Call) -> JsonObject:
    """RemoveAttributes: from every endpoint of the project.

    AWS's texts contradict each other; this is the reading that a client can see the effect of.

    Raises:
        TooManyRequests: out of time; the same request, sent again, goes on.
    """
    attribute_type = call.labels["attribute-type"]
    if attribute_type not in _ATTRIBUTE_TYPES:
        raise BadRequest(f"attribute-type must be one of {', '.join(_ATTRIBUTE_TYPES)}.")
    patterns = call.body.get("Blacklist") or []
    if not patterns:
        raise BadRequest("Blacklist is missing: name the attributes to remove, or give patterns.")
    request = _request_id(attribute_type, patterns)
    out_of_time = stopwatch(hub)
    removed, position = _interrupted(hub, call, request)
    try:
        for names, following in hub.endpoints.remove_attributes(
            call.app_id, attribute_type, patterns, position
        ):
            removed.update(dict.fromkeys(names))
            if following is None:
                break
            position = following
            if out_of_time():
                raise TooManyRequests(
                    "Removing attributes takes longer than one request may. Send the same request "
                    f"again within {_RESUMABLE_SECONDS // 60} minutes to go on."
                )
    except Exception:
        _interrupt(hub, call, request, removed, position)
        raise
    hub.entities.delete(call.app_id, Kind.LONG_REQUEST, request)
    return {
        "ApplicationId": call.app_id,
        "AttributeType": attribute_type,
        "Attributes": sorted(removed),
    }


def _request_id(attribute_type: str, patterns: Iterable[str]) -> str:
    return sha256(json.dumps([attribute_type, sorted(patterns)]).encode()).hexdigest()[:32]


def _interrupted(hub: Hub, call: Call, request: str) -> tuple[dict[str, None], Position]:
    """Return the names that earlier requests have removed, and the place to go on at."""
    kept = hub.entities.get(call.app_id, Kind.LONG_REQUEST, request)
    if kept is None or kept[EXPIRES_AT] < call.now.timestamp():
        return {}, BEGINNING
    return dict.fromkeys(kept["Removed"]), Position(kept["Shard"], kept["After"])


def _interrupt(
    hub: Hub, call: Call, request: str, removed: Iterable[str], position: Position
) -> None:
    kept = {
        "Removed": list(removed),
        "Shard": position.shard,
        "After": position.after,
        EXPIRES_AT: int(call.now.timestamp()) + _RESUMABLE_SECONDS,
    }
    hub.entities.put(call.app_id, Kind.LONG_REQUEST, request, kept)


def _shown(endpoint: Mapping[str, object]) -> JsonObject:
    """Return an endpoint as the API answers it: programs read these members unasked."""
    empty: JsonObject = {
        "Attributes": {},
        "Demographic": {},
        "Location": {},
        "Metrics": {},
        "User": {},
    }
    return {**empty, **endpoint}


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
