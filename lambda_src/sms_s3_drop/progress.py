"""How far a run is: its counts, when to look again, and the status object in S3."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from sms_s3_drop.ledger import FINAL, Run, Status

__all__ = [
    "REPORTED",
    "Progress",
    "refused_status",
    "result_key",
    "status_key",
    "status_object",
    "wait_seconds",
]

# The states that a result has, in the order of the documentation. They add up to the rows.
REPORTED = (Status.SENT, Status.OPTED_OUT, Status.REJECTED, Status.FAILED, Status.UNKNOWN)
# A look costs nine of the execution's 25,000 events. With these waits a week takes 2,200 looks.
_SHORTEST_WAIT_SECONDS = 2
_LONGEST_WAIT_SECONDS = 300
_SHARE_OF_AGE = 1 / 30


@dataclass(frozen=True, slots=True)
class Progress:
    """Counts of the rows of a run."""

    rows: int
    counts: Mapping[Status, int]

    @classmethod
    def of(cls, run: Run, chunks: Iterable[Mapping[Status, int]]) -> Progress:
        """Add up the counts of chunks. Rows of chunks without counts are waiting."""
        total: Counter[Status] = Counter()
        for chunk in chunks:
            total.update(chunk)
        counts = {status: total[status] for status in REPORTED}
        counts[Status.REJECTED] += run.rejected
        return cls(run.rows, counts)

    @property
    def waiting(self) -> int:
        return self.rows - sum(self.counts[status] for status in FINAL)

    def as_json(self) -> dict[str, int]:
        named = {status.title().replace("_", ""): self.counts[status] for status in REPORTED}
        return {"Rows": self.rows, **named, "Waiting": self.waiting}


def wait_seconds(age: float, longest: int = _LONGEST_WAIT_SECONDS) -> int:
    """Return the seconds until the next look at a run: a thirtieth of its age, 2 s to 5 minutes."""
    return max(_SHORTEST_WAIT_SECONDS, min(longest, int(age * _SHARE_OF_AGE)))


def status_key(run: str) -> str:
    return f"runs/{run}/status.json"


def result_key(run: str) -> str:
    return f"runs/{run}/result.csv"


def status_object(
    run: Run,
    progress: Progress,
    *,
    state: str,
    file: Mapping[str, str],
    now: float,
    result: str | None = None,
) -> dict[str, Any]:
    """Return the status object: it holds counts and places, and nothing out of a row.

    Args:
        state: SENDING, STOPPING or FINISHED.
        result: location of the result file.
    """
    return {
        "Run": run.run,
        "Execution": run.execution,
        "File": dict(file),
        "State": state,
        "Started": _instant(run.started),
        "SendsUntil": _instant(run.deadline),
        "AsOf": _instant(now),
        "Finished": _instant(now) if state == "FINISHED" else None,
        "Counts": progress.as_json(),
        "Result": result,
    }


def refused_status(
    run: str, execution: str, file: Mapping[str, str], reason: str, now: float
) -> dict[str, Any]:
    """Return the status object of a file that was refused as a whole."""
    return {
        "Run": run,
        "Execution": execution,
        "File": dict(file),
        "State": "REFUSED",
        "AsOf": _instant(now),
        "Finished": _instant(now),
        "Reason": reason,
    }


def _instant(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
