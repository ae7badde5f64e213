"""The input of a run, checked."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

__all__ = ["MOST_JOURNEYS", "BadCopyRequest", "CopyRequest", "copy_request", "too_many"]

# The results of the Map have to fit into the 256 KiB of a state, and the events of an execution
# into its history of 25,000.
MOST_JOURNEYS = 1_000
_KNOWN = ("All", "CorrelationId", "DryRun", "JourneyIds")
_ID = re.compile(r"[0-9A-Za-z_-]{1,64}")


class BadCopyRequest(ValueError):
    """The input of a run names no journeys; the message names the member and the rule."""


@dataclass(frozen=True, slots=True)
class CopyRequest:
    """A checked input. `journey_ids` of None means every journey of the source."""

    journey_ids: tuple[str, ...] | None
    dry_run: bool


def copy_request(run_input: Any) -> CopyRequest:
    """Check the input of a run: `{JourneyIds: […]}` or `{All: true}`, and `DryRun`.

    Raises:
        BadCopyRequest: a member is missing, unknown, or against its rule.
    """
    if not isinstance(run_input, Mapping):
        raise BadCopyRequest('The input must be a JSON object, such as {"All": true}.')
    unknown = sorted(str(name) for name in run_input if name not in _KNOWN)
    if unknown:
        raise BadCopyRequest(f"Unknown member {unknown[0]!r}; known are {', '.join(_KNOWN)}.")
    for name in ("All", "DryRun"):
        if not isinstance(run_input.get(name, False), bool):
            raise BadCopyRequest(f"{name} must be true or false.")
    correlation_id = run_input.get("CorrelationId", "-")
    if not isinstance(correlation_id, str) or not correlation_id:
        raise BadCopyRequest("CorrelationId must be a text that is not empty.")

    ids = run_input.get("JourneyIds")
    wants_all = run_input.get("All", False)
    if (ids is not None) == wants_all:
        raise BadCopyRequest(
            "Give either JourneyIds, a list of journey ids, or All = true for every journey."
        )
    return CopyRequest(None if wants_all else _journey_ids(ids), run_input.get("DryRun", False))


def too_many(number: int) -> BadCopyRequest:
    """Return the error for a run of more journeys than one execution can hold."""
    return BadCopyRequest(
        f"The run would copy {number} journeys; one run copies at most {MOST_JOURNEYS}. "
        "Name them in JourneyIds, in several runs."
    )


def _journey_ids(ids: Any) -> tuple[str, ...]:
    if not isinstance(ids, list) or not ids:
        raise BadCopyRequest("JourneyIds must be a list with at least one journey id.")
    for position, journey_id in enumerate(ids):
        if not isinstance(journey_id, str) or not _ID.fullmatch(journey_id):
            raise BadCopyRequest(
                f"JourneyIds[{position}] must be a journey id: 1-64 letters, digits, hyphens and "
                "underscores."
            )
    unique = tuple(dict.fromkeys(ids))
    if len(unique) > MOST_JOURNEYS:
        raise too_many(len(unique))
    return unique
