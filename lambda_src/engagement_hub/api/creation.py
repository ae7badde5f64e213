"""Writes entities that a request creates: one for all attempts of a client's call.

An AWS SDK repeats a call that got no answer or a 5xx, and the attempt before may have created the
entity and started its work. The id of the entity is therefore a digest of the call, which has the
same invocation id at every attempt.
"""

import hashlib
import json
from collections.abc import Callable, Iterator
from itertools import count

from engagement_hub.api.operation import new_id
from engagement_hub.api.wire import Call
from engagement_hub.engagement.model import JsonObject
from engagement_hub.hub import Hub
from engagement_hub.store.entities import AlreadyExists, Kind

__all__ = ["create_once"]


def create_once(
    hub: Hub,
    call: Call,
    scope: str,
    kind: Kind,
    body_of: Callable[[str], JsonObject],
    *,
    failed: Callable[[JsonObject], bool] = lambda _: False,
) -> JsonObject:
    """Write a new entity; return it, or the entity of an earlier attempt of the same call.

    Args:
        scope: the project, or ACCOUNT.
        body_of: returns the body for an id.
        failed: checks whether the entity of an earlier attempt could not be started. It stays as it
            is, and another entity is written.

    Raises:
        BadRequest: the body is too large.
    """
    for entity_id in _ids(call):
        body = body_of(entity_id)
        try:
            hub.entities.put_new(scope, kind, entity_id, body)
        except AlreadyExists:
            kept = hub.entities.get(scope, kind, entity_id)
            if kept is None or failed(kept):
                continue
            return kept
        return body
    raise AssertionError("the ids do not end")


def _ids(call: Call) -> Iterator[str]:
    """Yield ids: the same ones for every attempt of a call, random ones for a client without ids
    of calls."""
    for number in count():
        if call.invocation is None:
            yield new_id()
        else:
            parts = [call.operation, dict(call.labels), call.invocation, call.body, number]
            text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
            yield hashlib.sha256(text.encode()).hexdigest()[:32]
