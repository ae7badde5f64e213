"""An export job: whether an earlier attempt started it, and when the wait for it ends."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from shared.polling import Polling

__all__ = ["ExportFailed", "is_finished", "job_started_before"]

REASONS = 5  # of the job's Failures; the hub's and Amazon Pinpoint's name files and roles


class ExportFailed(RuntimeError):
    """The export job ended as FAILED or did not end in time; nothing was validated."""


def job_started_before(
    jobs: Iterable[Mapping[str, Any]], location: str
) -> Mapping[str, Any] | None:
    """Return the newest job that writes below an S3 URL: the effect of an attempt whose answer was
    lost. A job that failed is ignored: its host may have answered with an error, too.
    """
    ours = [
        job
        for job in jobs
        if job["Definition"]["S3UrlPrefix"].startswith(location) and job["JobStatus"] != "FAILED"
    ]
    return max(ours, key=lambda job: str(job["CreationDate"]), default=None)


def is_finished(
    job_id: str, status: str, failures: Sequence[str], looks: int, polling: Polling
) -> bool:
    """Check whether an export job with this status after so many looks is over.

    Raises:
        ExportFailed: the job failed, with its own reasons, or there shall be no other look.
    """
    if status == "FAILED":
        raise ExportFailed(" ".join([f"Export job {job_id} failed.", *failures[:REASONS]]))
    if status != "COMPLETED" and polling.exhausted(looks):
        raise ExportFailed(
            f"Export job {job_id} was still {status} after "
            f"{polling.timeout_seconds // 60} minutes (timeout_minutes)."
        )
    return status == "COMPLETED"
