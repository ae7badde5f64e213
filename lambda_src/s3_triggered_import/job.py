"""An import job: its request, and the meaning of its answer."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

from shared.import_jobs import Outcome

__all__ = [
    "BadImportRequest",
    "copy_key",
    "import_request",
    "newest_imported_segment",
    "refused_file",
    "s3_url_from",
    "segment_name",
    "version_of",
    "with_original_file",
]

SEGMENT_NAME_CHARACTERS = 128
_GZIP_ENDING = re.compile(r"\.gz\Z", re.IGNORECASE)


class BadImportRequest(ValueError):
    """The input of a run cannot be imported; the message says what to change."""


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


def newest_imported_segment(
    segments: Iterable[Mapping[str, Any]], name: str
) -> Mapping[str, Any] | None:
    """Return the imported segment of a name that was made last."""
    matching = [s for s in segments if s.get("Name") == name and s.get("SegmentType") == "IMPORT"]
    return max(matching, key=lambda s: str(s["CreationDate"]), default=None)


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
