"""An import job: its request, and the meaning of its answer."""

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

__all__ = [
    "Assessment",
    "BadImportRequest",
    "Outcome",
    "assess",
    "copy_key",
    "import_request",
    "job_started_before",
    "newest_imported_segment",
    "refused_file",
    "s3_url_from",
    "segment_name",
    "trimmed",
    "version_of",
    "with_original_file",
]

# SNS and Step Functions both stop at 256 KB; the rest of the state needs some of it.
RESULT_BYTES = 180_000
SEGMENT_NAME_CHARACTERS = 128
# The reasons that a failed execution shows: enough to act on, all others are in Failures.
REASONS_TOLD = 5
REASON_CHARACTERS = 1_500
_GZIP_ENDING = re.compile(r"\.gz\Z", re.IGNORECASE)
# The project's host writes the texts, and a log shows the cause of an execution.
_PERSONAL = re.compile(r"[^\s,;:]+@[^\s,;:]+|(?<![\w-])[+(]*\d[\d ().-]{5,}\d(?![\w-])")


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


def copy_key(prefix: str, execution: str, key: str, *, mapped: bool) -> str:
    """Return the key of a run's copy of a file: a folder of the run, and the file's own name.

    A mapped copy is plain text, so an ending that says gzip goes.
    """
    name = key.rsplit("/", 1)[-1]
    return f"{prefix}{execution}/{_GZIP_ENDING.sub('', name) if mapped else name}"


def version_of(run_input: Mapping[str, Any]) -> dict[str, str]:
    """Return the parameters of GetObject for the version that a run's input names.

    A bucket without versioning has ETags only: S3 refuses another content under the key.
    """
    if version := run_input.get("VersionId"):
        return {"VersionId": str(version)}
    return {"IfMatch": str(etag)} if (etag := run_input.get("ETag")) else {}


def refused_file(reason: str) -> dict[str, Any]:
    """Build the result of a run whose file was refused before a job started."""
    return {
        "Outcome": Outcome.FAILURE,
        "ImportResult": {"JobStatus": "FAILED", "FailureReason": reason},
    }


def import_request(
    s3_url: str, *, file_format: str, role_arn: str, name: str, segment_id: str | None = None
) -> dict[str, Any]:
    """Return the ImportJobRequest for a file.

    Args:
        name: of the segment.
        segment_id: an imported segment to fill anew; None makes a segment named after the file.
    """
    request: dict[str, Any] = {
        "S3Url": s3_url,
        "Format": file_format,
        "RoleArn": role_arn,
        "DefineSegment": True,
        # The default of an omitted RegisterEndpoints is not published: say it.
        "RegisterEndpoints": True,
        "SegmentName": name,
    }
    if segment_id is not None:
        request["SegmentId"] = segment_id
    return request


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


def _first_reasons(job: Mapping[str, Any]) -> str:
    """Join the first of the job's Failures, without addresses and numbers."""
    failures = [str(failure) for failure in job.get("Failures") or []]
    told = [_PERSONAL.sub("…", text)[:REASON_CHARACTERS] for text in failures[:REASONS_TOLD]]
    if len(failures) > REASONS_TOLD:
        told.append(f"{len(failures) - REASONS_TOLD} more are in the notification.")
    return " ".join(told)


def with_original_file(job: Mapping[str, Any], copy: Mapping[str, Any]) -> dict[str, Any]:
    """Rewrite the response of a job that read a copy in terms of the dropped file.

    Rows that were rejected while a mapped copy was written count as the job's own.

    Args:
        copy: the answer of the step that wrote the copy; empty without a copy.
    """
    if not copy:
        return dict(job)
    original = str(copy["OriginalKey"])
    failures = [str(text).replace(str(copy["Key"]), original) for text in job.get("Failures") or []]
    result = {**job, "Failures": failures}
    if "Definition" in job:
        result["Definition"] = {**job["Definition"], "S3Url": f"s3://{copy['Bucket']}/{original}"}
    if mapped := copy.get("Rows"):
        rejected = int(mapped["Rejected"])
        result |= {
            "TotalProcessed": int(job.get("TotalProcessed") or 0) + rejected,
            "TotalFailures": int(job.get("TotalFailures") or 0) + rejected,
            "Failures": [*mapped["Reasons"], *failures],
            "RowsWithoutAddress": int(mapped["WithoutAddress"]),
        }
    return result


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
