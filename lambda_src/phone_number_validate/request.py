"""Read the request of a run, and interpret the state of its export job."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = [
    "BadValidationRequest",
    "ValidationRequest",
    "export_prefix",
    "round_prefix",
    "validation_request",
]


class BadValidationRequest(ValueError):
    """The input of a run names nothing that can be validated; the message says what to change."""


@dataclass(frozen=True, slots=True)
class ValidationRequest:
    segment_id: str


def validation_request(run_input: Any, needs_validation_segment_id: str) -> ValidationRequest:
    """Read the segment that a run validates.

    The input may be `{"SegmentId"}` or an ImportJobResponse, whose `Definition.SegmentId` counts.
    An input that names neither means everything not yet validated: the segment
    "Needs Phone Number Validated".

    Raises:
        BadValidationRequest: the input is no object, or names a segment without saying which. It
            must not widen to the whole project by mistake.
    """
    if not isinstance(run_input, Mapping):
        raise BadValidationRequest('The input must be an object, such as {"SegmentId": "…"} or {}.')

    definition = run_input.get("Definition")
    if "SegmentId" in run_input:
        segment_id = run_input["SegmentId"]
    elif definition is not None:
        segment_id = definition.get("SegmentId") if isinstance(definition, Mapping) else None
    else:
        segment_id = needs_validation_segment_id

    if not isinstance(segment_id, str) or not segment_id:
        raise BadValidationRequest(
            "SegmentId is not the id of a segment. Give its id, or leave SegmentId and Definition "
            "out to validate everything not yet validated."
        )
    return ValidationRequest(segment_id)


def round_prefix(execution: str, round_: int) -> str:
    """Return the S3 prefix of all exports of a round of a run."""
    return f"exports/{execution}/{round_}/"


def export_prefix(execution: str, round_: int, attempt: int) -> str:
    """Return the S3 prefix of an export of a run.

    Each attempt has a folder of its own: a job that an earlier attempt asked for, and that was not
    there when the retry looked, may still write into the folder before.
    """
    return f"{round_prefix(execution, round_)}{attempt}/"
