"""Tags of projects, campaigns, journeys, segments and templates, by their ARNs.

The tags of the project at AWS that represents the hub's projects are AWS's: calls about its ARN
are handed on.
"""

import functools
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from engagement_hub.api.forwarded import forward
from engagement_hub.api.operation import Operation
from engagement_hub.api.wire import Call
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.model import JsonObject
from engagement_hub.hub import Hub
from engagement_hub.store.entities import ACCOUNT, Kind
from engagement_hub.store.names import template_id

__all__ = ["OPERATIONS", "tags_of"]

# Source: Pinpoint API reference, TagResource.
_MOST = 50
_KEY_CHARACTERS = 128
_VALUE_CHARACTERS = 256

_KINDS = {"campaigns": Kind.CAMPAIGN, "journeys": Kind.JOURNEY, "segments": Kind.SEGMENT}


@dataclass(frozen=True, slots=True)
class _Tagged:
    """The entity behind an ARN."""

    app_id: str
    kind: Kind
    entity_id: str


def tags_of(body: JsonObject) -> dict[str, str]:
    """Return the tags of a request that creates something.

    Raises:
        BadRequest: there are too many, or one is too long.
    """
    tags: dict[str, str] = body.get("tags") or {}
    _check(tags)
    return tags


def _check(tags: Mapping[str, str]) -> None:
    if len(tags) > _MOST:
        raise BadRequest(f"tags has {len(tags)} entries; a resource has at most {_MOST}.")
    for key, value in tags.items():
        if not 1 <= len(key) <= _KEY_CHARACTERS or len(value) > _VALUE_CHARACTERS:
            raise BadRequest(
                f"tags: a key has 1 to {_KEY_CHARACTERS} characters, a value at most "
                f"{_VALUE_CHARACTERS}. Shorten {key[:_KEY_CHARACTERS]!r}."
            )


def list_tags_for_resource(hub: Hub, call: Call) -> JsonObject:
    """ListTagsForResource."""
    tagged = _tagged(hub, call)
    body = hub.entities.get(tagged.app_id, tagged.kind, tagged.entity_id)
    if body is None:
        raise _unknown(call)
    return {"tags": body.get("tags") or {}}


def tag_resource(hub: Hub, call: Call) -> None:
    """TagResource: add tags, and replace the values of existing keys."""

    def added(tags: dict[str, str]) -> dict[str, str]:
        return {**tags, **call.body["tags"]}

    _change(hub, call, added)


def untag_resource(hub: Hub, call: Call) -> None:
    """UntagResource: absent keys are no error."""
    keys = call.query.get("tagKeys")
    if not keys:
        raise BadRequest("tagKeys is missing: name the keys to remove.")
    _change(hub, call, lambda tags: {key: one for key, one in tags.items() if key not in keys})


def _change(hub: Hub, call: Call, change: Callable[[dict[str, str]], dict[str, str]]) -> None:
    tagged = _tagged(hub, call)

    def changed(body: JsonObject) -> JsonObject:
        tags = change(body.get("tags") or {})
        _check(tags)
        return {**body, "tags": tags}

    hub.entities.update(tagged.app_id, tagged.kind, tagged.entity_id, changed)


def _tagged(hub: Hub, call: Call) -> _Tagged:
    arn = call.labels["resource-arn"]
    prefix = hub.account.arn("")
    if not arn.startswith(prefix):
        raise _unknown(call)
    match arn.removeprefix(prefix).split("/"):
        case ["apps", app_id]:
            return _Tagged(ACCOUNT, Kind.APP, app_id)
        case ["apps", app_id, word, entity_id] if word in _KINDS:
            return _Tagged(app_id, _KINDS[word], entity_id)
        case ["templates", name, kind]:
            return _Tagged(ACCOUNT, Kind.TEMPLATE, template_id(name, kind))
    raise _unknown(call)


def _unknown(call: Call) -> NotFound:
    return NotFound(
        f"There is no resource {call.labels['resource-arn']}. Use the Arn that the API answered "
        "for a project, campaign, segment or template; a journey's ends with "
        "apps/<project>/journeys/<id>."
    )


def _of_its_owner(operation: Operation, hub: Hub, call: Call) -> Any:
    """Answer a call about a resource of the hub, and hand on a call about the project at AWS."""
    if call.operation in hub.forwards:
        at_aws = hub.account.arn(f"apps/{hub.forwarding.project_id}")
        if call.labels["resource-arn"] == at_aws:
            return forward(hub, call)
    return operation(hub, call)


OPERATIONS: dict[str, Operation] = {
    "ListTagsForResource": functools.partial(_of_its_owner, list_tags_for_resource),
    "TagResource": functools.partial(_of_its_owner, tag_resource),
    "UntagResource": functools.partial(_of_its_owner, untag_resource),
}
