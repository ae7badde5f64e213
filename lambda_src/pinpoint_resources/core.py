"""Plan the API calls that bring one managed resource to the state that Terraform asks for.

Nothing here calls anything. `plan` is a generator: it yields each `Call`, is sent the answer
(None where the resource was not found) and returns the answer for Terraform. Every action can be
repeated: creating an existing resource changes nothing, deleting an absent one succeeds.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from pinpoint_resources.calls import CannotChange, MalformedInput, Plan, Resource, UnknownType
from pinpoint_resources.kinds import TYPES

Action = Literal["create", "update", "delete"]
ACTIONS = ("create", "update", "delete")


@dataclass(frozen=True, slots=True)
class Request:
    """The request of one invocation; `previous` is the wanted resource before an update."""

    action: Action
    wanted: Resource
    previous: Resource | None
    revision: str


def parse_request(event: Mapping[str, Any]) -> Request:
    """Read the input of an `aws_lambda_invocation` with lifecycle_scope = "CRUD".

    The provider adds ``tf = {action, prev_input}`` to the input; prev_input is null on create.

    Raises:
        MalformedInput: a member is missing, or the provider does not send such an action.
        UnknownType: the type is not managed here.
    """
    lifecycle = event.get("tf")
    if not isinstance(lifecycle, Mapping) or lifecycle.get("action") not in ACTIONS:
        raise MalformedInput(
            "The input has no tf.action of create, update or delete: invoke this function by "
            'aws_lambda_invocation with lifecycle_scope = "CRUD".'
        )
    previous = lifecycle.get("prev_input")
    return Request(
        action=lifecycle["action"],
        wanted=_resource(event),
        previous=_resource(previous) if isinstance(previous, Mapping) and previous else None,
        revision=str(event.get("revision", "")),
    )


def _resource(event: Mapping[str, Any]) -> Resource:
    missing = [name for name in ("type", "owner", "project_id", "properties") if name not in event]
    if missing:
        raise MalformedInput(f"The input lacks {', '.join(missing)}.")
    if event["type"] not in TYPES:
        raise UnknownType(
            f"{event['owner']} has the type {event['type']}, which is not managed here. "
            f"Use one of {', '.join(TYPES)}."
        )
    properties = dict(event["properties"])
    take_over = properties.pop("TakeOver", False)
    return Resource(
        type=event["type"],
        owner=event["owner"],
        project_id=event["project_id"],
        properties=properties,
        take_over=take_over is True,
    )


def plan(request: Request) -> Plan:
    """Yield the calls of one invocation.

    Returns:
        What Terraform keeps as the result: the short members of the API's answer (Id, Arn,
        Version …) and `Revision`; nothing after a delete.

    Raises:
        PinpointResourcesError: one of its kinds; nothing but tags was changed then.
    """
    wanted, previous = request.wanted, request.previous
    if previous is not None and previous.type != wanted.type:
        raise CannotChange(
            f"{wanted.owner} was of type {previous.type} and cannot become {wanted.type}: "
            "give the new resource a key of its own."
        )

    kind = TYPES[wanted.type](wanted)
    if request.action == "delete":
        yield from kind.remove()
        return {}

    # Resources of another project are out of reach of this function's role, and were mostly deleted
    # with the project.
    if previous is not None and previous.project_id != wanted.project_id:
        previous = None
    before = None if previous is None else TYPES[previous.type](previous)
    renamed = before is not None and before.identity() != kind.identity()

    made = yield from kind.bring_about(None if renamed else before)
    if before is not None and renamed:
        yield from before.remove()
    if made is None:
        made = yield from kind.find()

    return {**_short(made or {}), "Revision": request.revision}


def _short(answer: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members that identify the resource: Terraform keeps results in its state."""
    return {
        key: value
        for key, value in answer.items()
        if isinstance(value, bool | int) or (isinstance(value, str) and len(value) <= 512)
    }
