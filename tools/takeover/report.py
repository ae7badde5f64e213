"""The report of a run: each resource and its end, and the problems of files."""

from __future__ import annotations

import json
import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any

__all__ = ["Entry", "Report", "Result", "private"]

_SHOWN = 20


class Result(StrEnum):
    """The end of one resource.

    LEFT_OUT is history that a hub has no use for, such as a completed campaign. NOT_TAKEN is a
    resource that should be there.
    """

    CREATED = "CREATED"
    ALREADY_THERE = "ALREADY_THERE"
    WOULD_BE_CREATED = "WOULD_BE_CREATED"
    LEFT_OUT = "LEFT_OUT"
    NOT_TAKEN = "NOT_TAKEN"


@dataclass(slots=True)
class Entry:
    """One resource of the old project. `reasons` say why it is not there."""

    kind: str
    old: str
    name: str
    result: Result = Result.NOT_TAKEN
    new: str | None = None
    reasons: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)

    def to_json(self) -> dict[str, Any]:
        """Return the entry as the report's file has it."""
        return {
            "Kind": self.kind,
            "Old": self.old,
            "Name": self.name,
            "Result": self.result,
            "New": self.new,
            "Reasons": self.reasons,
            "Warnings": self.warnings,
        }


@dataclass(slots=True)
class Report:
    """All that a run has to say.

    `problems` are about files and endpoints. `functions` are the Lambda functions that campaigns,
    journeys and settings name. `endpoints` are numbers of endpoints by their end.
    """

    dry_run: bool
    entries: list[Entry] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    functions: set[str] = field(default_factory=set)
    endpoints: Counter[str] = field(default_factory=Counter)

    def add(self, entry: Entry) -> Entry:
        """Add a resource."""
        self.entries.append(entry)
        return entry

    @property
    def is_complete(self) -> bool:
        """Check whether everything that should be there is there, or would be."""
        return not self.problems and not any(
            entry.result is Result.NOT_TAKEN for entry in self.entries
        )

    def write(self, path: Path) -> None:
        """Write the whole report as JSON."""
        document = {
            "DryRun": self.dry_run,
            "Counts": self._counts(),
            "Endpoints": dict(sorted(self.endpoints.items())),
            "Problems": self.problems,
            "Warnings": self.warnings,
            "Functions": sorted(self.functions),
            "Resources": [entry.to_json() for entry in self.entries],
        }
        with private(path) as file:
            json.dump(document, file, indent=2, ensure_ascii=False)
            file.write("\n")

    def lines(self, path: Path) -> Iterator[str]:
        """Yield the summary for a terminal."""
        for kind, counts in self._counts().items():
            shown = ", ".join(f"{count} {result}" for result, count in counts.items())
            yield f"{kind}: {shown}"
        if self.endpoints:
            shown = ", ".join(f"{count} {name}" for name, count in sorted(self.endpoints.items()))
            yield f"endpoints: {shown}"
        told = [f"problem: {text}" for text in self.problems]
        told += [
            f"not taken: {entry.kind} {entry.name} ({entry.old}): {' '.join(entry.reasons)}"
            for entry in self.entries
            if entry.result is Result.NOT_TAKEN
        ]
        told += [f"check: {text}" for text in self.warnings]
        told += [
            f"check: {entry.kind} {entry.name}: {text}"
            for entry in self.entries
            for text in entry.warnings
        ]
        yield from told[:_SHOWN]
        if len(told) > _SHOWN:
            yield f"{len(told) - _SHOWN} more are in the report."
        if self.functions:
            yield (
                f"{len(self.functions)} Lambda functions have to admit the hub's campaign role "
                "(input campaign_function_arns); the report names them."
            )
        yield f"report: {path}"

    def _counts(self) -> dict[str, dict[str, int]]:
        counts: dict[str, Counter[str]] = {}
        for entry in self.entries:
            counts.setdefault(entry.kind, Counter())[entry.result.value] += 1
        return {kind: dict(found) for kind, found in counts.items()}


def private(path: Path) -> Any:
    """Open a text file for writing that only its owner reads."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w")
