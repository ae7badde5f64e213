"""Writes entities that a request creates: one for all attempts of a client's call.

An AWS SDK repeats a call that got no answer or a 5xx. The attempt before may have created the
entity and started its work, or may still be at it. The id of the entity is therefore a digest of
the call, which has the same invocation id at every attempt.
"""

from collections.abc import Callable, Iterator
from itertools import count

from engagement_hub.api.operation import new_id
from engagement_hub.api.wire import Call
from engagement_hub.engagement.model import JsonObject
from engagement_hub.engagement.starts import START, StartOutcome, is_given_up
from engagement_hub.hub import Hub
from engagement_hub.machines import NotStarted
from engagement_hub.store.entities import AlreadyExists, Kind

__all__ = ["create_and_start", "create_once"]


def create_once(
    hub: Hub, call: Call, scope: str, kind: Kind, body_of: Callable[[str], JsonObject]
) -> JsonObject:
    """Write a new entity; return it, or the entity of an earlier attempt of the same call.

    Args:
        scope: the project, or ACCOUNT.
        body_of: checks the request and returns the body for an id. It is not called where an
            earlier attempt has made the entity: time has passed since its checks.

    Raises:
        BadRequest: the body is too large.
    """
    return next(_entities(hub, call, scope, kind, body_of))


def create_and_start(
    hub: Hub,
    call: Call,
    kind: Kind,
    body_of: Callable[[str], JsonObject],
    *,
    start: Callable[[JsonObject], None],
    is_waiting: Callable[[JsonObject], bool],
    given_up: Callable[[JsonObject, NotStarted], JsonObject],
) -> JsonObject:
    """Write a new entity of the project and start its work; both once for all attempts of a call.

    The entity is written first, because its work reads it. An entity that could not be started
    stays as it is, and the next attempt writes another one.

    Args:
        body_of: as in `create_once`.
        start: starts the work under a name made of the entity's id, or raises NotStarted.
        is_waiting: checks whether the work has not begun yet.
        given_up: returns the entity as one that could not be started. Its work must not begin.

    Raises:
        EngagementError: the work could not be started.
    """
    for body in _entities(hub, call, call.app_id, kind, body_of):
        if is_given_up(body):
            continue
        if START in body or not is_waiting(body):
            return body
        failure: NotStarted | None = None
        try:
            start(body)
        except NotStarted as error:
            failure = error
        if failure is None and call.invocation is None:
            return body  # no other attempt will come

        def settled(kept: JsonObject, failure: NotStarted | None = failure) -> JsonObject:
            # Work that has begun was started, although the answer to its start may be lost.
            if START in kept or not is_waiting(kept):
                return kept
            if failure is None:
                return {**kept, START: StartOutcome.STARTED.value}
            return {**given_up(kept, failure), START: StartOutcome.GIVEN_UP.value}

        body = hub.entities.update(call.app_id, kind, body["Id"], settled)
        if not is_given_up(body):
            return body
        if failure is not None:
            raise failure.answer from failure
        # Another attempt of the call has given the entity up, so that its work will not begin.
    raise AssertionError("the ids do not end")


def _entities(
    hub: Hub, call: Call, scope: str, kind: Kind, body_of: Callable[[str], JsonObject]
) -> Iterator[JsonObject]:
    """Yield the entities of a call in the order of their ids; write an entity that is missing.

    An entity that was deleted under way is left out.
    """
    for entity_id in _ids(call):
        body = None if call.invocation is None else hub.entities.get(scope, kind, entity_id)
        if body is None:
            body = body_of(entity_id)
            try:
                hub.entities.put_new(scope, kind, entity_id, body)
            except AlreadyExists:
                body = hub.entities.get(scope, kind, entity_id)
        if body is not None:
            yield body


def _ids(call: Call) -> Iterator[str]:
    """Yield ids: the same ones for every attempt of a call, random ones for a client without ids
    of calls."""
    for number in count():
        digest = call.digest(dict(call.labels), number)
        yield new_id() if digest is None else digest[:32]
