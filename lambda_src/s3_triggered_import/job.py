"""An import job: its request, and the meaning of its answer."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = [
    "Assessment",
    "BadImportRequest",
    "Outcome",
    "assess",
    "import_request",
    "job_started_before",
    "newest_imported_segment",
    "s3_url_from",
    "segment_name",
    "trimmed",
]

# SNS and Step Functions both stop at 256 KB; the rest of the state needs some of it.
RESULT_BYTES = 180_000
SEGMENT_NAME_CHARACTERS = 128


class BadImportRequest(ValueError):
    """The input of a run cannot be imported; the message says what to change."""


class Outcome(StrEnum):
    """The next step of the state machine."""

    WAIT = "WAIT"
    SUCCESS = "SUCCESS"
    FAILURE = "FAILURE"


@dataclass(frozen=True, slots=True)
class Assessment:
    outcome: Outcome
    reason: str | None = None


def s3_url_from(run_input: Any) -> str:
    """Return the S3URL out of a run's input `{"S3URL": "s3://bucket/key"}`.

    Raises:
        BadImportRequest: it is missing, or not the URL of an object.
    """
    url = run_input.get("S3URL") if isinstance(run_input, Mapping) else None
    if not isinstance(url, str) or not url:
        raise BadImportRequest('The input has no S3URL: give {"S3URL": "s3://bucket/key"}.')
    bucket, _, key = url.removeprefix("s3://").partition("/")
    if not url.startswith("s3://") or not bucket or not key or key.endswith("/"):
        raise BadImportRequest(
            "S3URL must name one object, as s3://bucket/key; a prefix or another scheme is refused."
        )
    return url


def segment_name(s3_url: str) -> str:
    """Return the file's base name, extension included; the end of it when it is very long."""
    return s3_url.rsplit("/", 1)[-1][-SEGMENT_NAME_CHARACTERS:]


def import_request(
    s3_url: str, *, file_format: str, role_arn: str, segment_id: str | None = None
) -> dict[str, Any]:
    """Return the ImportJobRequest for a file.

    Args:
        segment_id: an imported segment to fill anew; None makes a segment named after the file.
    """
    request: dict[str, Any] = {
        "S3Url": s3_url,
        "Format": file_format,
        "RoleArn": role_arn,
        "DefineSegment": True,
        # The default of an omitted RegisterEndpoints is not published: say it.
        "RegisterEndpoints": True,
        "SegmentName": segment_name(s3_url),
    }
    if segment_id is not None:
        request["SegmentId"] = segment_id
    return request


def job_started_before(
    jobs: Iterable[Mapping[str, Any]], s3_url: str, since: str
) -> Mapping[str, Any] | None:
    """Return the newest job for the same file since the run began: the effect of an attempt whose
    answer was lost.

    Args:
        since: the run's start, ISO 8601 in UTC, as are the jobs' CreationDate.
    """
    ours = [
        job
        for job in jobs
        if job["Definition"]["S3Url"] == s3_url and _to_second(job["CreationDate"]) >= since[:19]
    ]
    return max(ours, key=lambda job: str(job["CreationDate"]), default=None)


def newest_imported_segment(
    segments: Iterable[Mapping[str, Any]], name: str
) -> Mapping[str, Any] | None:
    """Return the imported segment of a name that was made last."""
    matching = [s for s in segments if s.get("Name") == name and s.get("SegmentType") == "IMPORT"]
    return max(matching, key=lambda s: str(s["CreationDate"]), default=None)


def assess(job: Mapping[str, Any], max_failure_ratio: float) -> Assessment:
    """Translate an ImportJobResponse into the next step of the run.

    A finished job whose share of rejected rows is above `max_failure_ratio` (0-1) is a failure.
    """
    status = job["JobStatus"]
    if status == "FAILED":
        return Assessment(Outcome.FAILURE, "The import job failed; Failures holds its reasons.")
    if status != "COMPLETED":
        return Assessment(Outcome.WAIT)

    rejected = int(job.get("TotalFailures") or 0)
    rows = max(int(job.get("TotalProcessed") or 0), rejected)
    if rows and rejected / rows > max_failure_ratio:
        return Assessment(
            Outcome.FAILURE,
            f"{rejected} of {rows} rows were rejected, more than max_failure_ratio "
            f"{max_failure_ratio:g} allows; Failures holds the first reasons.",
        )
    return Assessment(Outcome.SUCCESS)


def trimmed(job: Mapping[str, Any], limit_bytes: int = RESULT_BYTES) -> dict[str, Any]:
    """Return the response, with as many of its Failures as fit into `limit_bytes` of JSON."""
    result = dict(job)
    failures = list(result.get("Failures") or [])
    while failures and len(json.dumps(result).encode()) > limit_bytes:
        failures = failures[: len(failures) // 2]
        result["Failures"] = failures
    return result


def _to_second(timestamp: str) -> str:
    # Milliseconds are optional in what the services write; whole seconds compare alike.
    return timestamp[:19]
