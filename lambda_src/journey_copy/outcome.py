"""The outcome of one journey, and the report of all journeys of a run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

__all__ = ["Action", "Outcome", "Result", "Step", "failure_reason", "is_failure", "report"]

_SHOWN = 10  # a notification holds 256 KiB


class Result(StrEnum):
    """The end of the copy of one journey."""

    CREATED = "CREATED"
    UPDATED = "UPDATED"
    UNCHANGED = "UNCHANGED"
    WOULD_BE_CREATED = "WOULD_BE_CREATED"
    WOULD_BE_UPDATED = "WOULD_BE_UPDATED"
    BLOCKED = "BLOCKED"
    FAILED = "FAILED"


class Action(StrEnum):
    """The change of the target, made or planned."""

    CREATE = "CREATE"
    UPDATE = "UPDATE"
    REUSE = "REUSE"
    SUBSTITUTE = "SUBSTITUTE"


@dataclass(frozen=True, slots=True)
class Step:
    """One resource that the copy refers to. `target` is unknown before it is created."""

    action: Action
    kind: str
    source: str
    target: str | None
    version: str | None = None


@dataclass(slots=True)
class Outcome:
    """One journey of a run.

    `problems` keep the journey from being copied. `warnings` are for a person to check.
    """

    source_id: str
    result: Result
    name: str | None = None
    target_id: str | None = None
    target_name: str | None = None
    steps: list[Step] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the journey's entry in the report."""
        return {
            "SourceJourneyId": self.source_id,
            "Name": self.name,
            "Result": self.result,
            "TargetJourneyId": self.target_id,
            "TargetName": self.target_name,
            "Resources": [
                {name.title(): value for name, value in asdict(step).items() if value is not None}
                for step in self.steps
            ],
            "Problems": self.problems,
            "Warnings": self.warnings,
        }


def is_failure(entry: Mapping[str, Any], *, dry_run: bool) -> bool:
    """Check whether a journey fails its run. A dry run exists to find blocked journeys."""
    return entry["Result"] == Result.FAILED or (entry["Result"] == Result.BLOCKED and not dry_run)


def report(entries: Sequence[Mapping[str, Any]], **run: Any) -> dict[str, Any]:
    """Return the report of a run: the members of the run, the counts and the journeys."""
    counts = Counter(str(entry["Result"]) for entry in entries)
    return {
        **run,
        "Counts": {result.value: counts[result.value] for result in Result if counts[result.value]},
        "Journeys": list(entries),
    }


def failure_reason(
    entries: Iterable[Mapping[str, Any]], total: int, *, dry_run: bool
) -> str | None:
    """Say which journeys were not copied, and why; None if all were."""
    failed = [entry for entry in entries if is_failure(entry, dry_run=dry_run)]
    if not failed:
        return None
    shown = [
        f"{entry.get('Name') or entry['SourceJourneyId']} ({entry['Result']}): "
        + " ".join(entry["Problems"][:3])
        for entry in failed[:_SHOWN]
    ]
    more = [] if len(failed) <= _SHOWN else [f"{len(failed) - _SHOWN} more are in the report."]
    return " ".join([f"{len(failed)} of {total} journeys were not copied.", *shown, *more])
