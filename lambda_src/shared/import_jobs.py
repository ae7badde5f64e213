"""An import job of a Pinpoint-compatible project: the meaning of its answers."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = [
    "Assessment",
    "Outcome",
    "assess",
    "job_started_before",
    "trimmed",
    "without_addresses",
]

# SNS and Step Functions both stop at 256 KB; the rest of the state needs some of it.
RESULT_BYTES = 180_000
# The reasons that a failed execution shows: enough to act on, all others are in Failures.
REASONS_TOLD = 5
REASON_CHARACTERS = 1_500
# The project's host writes the texts, and a log shows the cause of an execution.
_PERSONAL = re.compile(r"[^\s,;:]+@[^\s,;:]+|(?<![\w-])[+(]*\d[\d ().-]{5,}\d(?![\w-])")


class Outcome(StrEnum):
    """The next step of a state machine."""

    WAIT = "WAIT"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class Assessment:
    outcome: Outcome
    reason: str | None = None


def job_started_before(
    jobs: Iterable[Mapping[str, Any]], s3_url: str, since: str
) -> Mapping[str, Any] | None:
    """Return the newest job for the same file since the run began: the effect of an attempt whose
    answer was lost.

    A FAILED job is ignored. An engagement hub keeps a job that it could not start, for want of
    capacity for instance, as FAILED, and answers the request with an error.

    Args:
        since: the run's start, ISO 8601 in UTC, as are the jobs' CreationDate.
    """
    ours = [
        job
        for job in jobs
        if job["Definition"]["S3Url"] == s3_url
        and job["JobStatus"] != "FAILED"
        and _to_second(job["CreationDate"]) >= since[:19]
    ]
    return max(ours, key=lambda job: str(job["CreationDate"]), default=None)


def assess(job: Mapping[str, Any], max_failure_ratio: float) -> Assessment:
    """Translate an ImportJobResponse into the next step of the run.

    A finished job whose share of rejected rows is above `max_failure_ratio` (0-1) is a failure.
    """
    status = job["JobStatus"]
    if status == "FAILED":
        return Assessment(Outcome.FAILURE, f"The import job failed. {_first_reasons(job)}".rstrip())
    if status != "COMPLETED":
        return Assessment(Outcome.WAIT)

    rejected = int(job.get("TotalFailures") or 0)
    rows = max(int(job.get("TotalProcessed") or 0), rejected)
    if rows and rejected / rows > max_failure_ratio:
        return Assessment(
            Outcome.FAILURE,
            f"{rejected} of {rows} rows were rejected, more than max_failure_ratio "
            f"{max_failure_ratio:g} allows. {_first_reasons(job)}".rstrip(),
        )
    return Assessment(Outcome.SUCCESS)


def without_addresses(text: str) -> str:
    """Return the text with an ellipsis in the place of each email address and number."""
    return _PERSONAL.sub("…", text)


def trimmed(job: Mapping[str, Any], limit_bytes: int = RESULT_BYTES) -> dict[str, Any]:
    """Return the response, with as many of its Failures as fit into `limit_bytes` of JSON."""
    result = dict(job)
    failures = list(result.get("Failures") or [])
    while failures and len(json.dumps(result).encode()) > limit_bytes:
        failures = failures[: len(failures) // 2]
        result["Failures"] = failures
    return result


def _first_reasons(job: Mapping[str, Any]) -> str:
    """Join the first of the job's Failures, without addresses and numbers."""
    failures = [str(failure) for failure in job.get("Failures") or []]
    told = [without_addresses(text)[:REASON_CHARACTERS] for text in failures[:REASONS_TOLD]]
    if len(failures) > REASONS_TOLD:
        told.append(f"{len(failures) - REASONS_TOLD} more are in the notification.")
    return " ".join(told)


def _to_second(timestamp: str) -> str:
    # Milliseconds are optional in what the services write; whole seconds compare alike.
    return timestamp[:19]
