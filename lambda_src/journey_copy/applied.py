"""The invocation that Terraform makes: its request, and the deletion of copies."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from journey_copy.mapping import Copy

__all__ = [
    "AppliedRequest",
    "BadApplyRequest",
    "CopyFailed",
    "CopyStillRunning",
    "applied_request",
    "delete_drafts",
    "result_of",
]

_ACTIONS = ("create", "update", "delete")


class BadApplyRequest(ValueError):
    """The Terraform module sends no such event."""


class CopyFailed(RuntimeError):
    """The execution failed: journeys were not copied."""


class CopyStillRunning(RuntimeError):
    """The execution takes longer than the function waits."""


@dataclass(frozen=True, slots=True)
class AppliedRequest:
    """One action of Terraform. `run_input` is the input of the execution."""

    deletes: bool
    delete_copies: bool
    revision: str
    run_input: dict[str, Any]


def applied_request(event: Mapping[str, Any]) -> AppliedRequest:
    """Read the input of an `aws_lambda_invocation`, to which the provider adds `tf`.

    Raises:
        BadApplyRequest: a member is missing, or the provider does not send such an action.
    """
    lifecycle = event.get("tf")
    action = lifecycle.get("action") if isinstance(lifecycle, Mapping) else None
    if action not in _ACTIONS:
        raise BadApplyRequest(
            "The input has no tf.action of create, update or delete: invoke this function by "
            'aws_lambda_invocation with lifecycle_scope = "CRUD".'
        )
    missing = [
        name for name in ("JourneyIds", "DryRun", "DeleteCopies", "Revision") if name not in event
    ]
    if missing:
        raise BadApplyRequest(f"The input lacks {', '.join(missing)}.")
    ids = event["JourneyIds"]
    journeys: dict[str, Any] = {"All": True} if ids is None else {"JourneyIds": ids}
    return AppliedRequest(
        deletes=action == "delete",
        delete_copies=event["DeleteCopies"] is True,
        revision=str(event["Revision"]),
        run_input={**journeys, "DryRun": event["DryRun"]},
    )


def result_of(execution: Mapping[str, Any]) -> dict[str, Any]:
    """Return the parts of an execution's output that Terraform keeps in its state."""
    output = json.loads(execution["output"])
    report = output["Report"]
    return {
        "Execution": execution["executionArn"],
        "Counts": report["Counts"],
        "Copies": report["Copies"],
        "Report": f"s3://{report['Bucket']}/{report['Key']}",
    }


class _Target(Protocol):
    def journey(self, journey_id: str) -> dict[str, Any] | None: ...
    def delete_journey(self, journey_id: str) -> None: ...


class _Mapping(Protocol):
    def copies(self, prefix: str) -> Iterator[tuple[str, Copy]]: ...
    def forget(self, resource: str) -> None: ...


def delete_drafts(target: _Target, mapping: _Mapping) -> tuple[int, int]:
    """Delete the copies that are still DRAFT. Returns the numbers of deleted and kept copies.

    Only journeys in the mapping are copies. A copy that was published, or that is gone, is left
    alone.
    """
    deleted = kept = 0
    for resource, copy in mapping.copies("journey#"):
        journey = target.journey(copy.target_id)
        if journey is not None and journey.get("State", "DRAFT") != "DRAFT":
            kept += 1
            continue
        if journey is not None:
            target.delete_journey(copy.target_id)
            deleted += 1
        mapping.forget(resource)
    return deleted, kept
