"""When the wait for an export job ends."""

from collections.abc import Sequence

from shared.polling import Polling

__all__ = ["ExportFailed", "is_finished"]

REASONS = 5  # of the job's Failures; the hub's and Amazon Pinpoint's name files and roles


class ExportFailed(RuntimeError):
    """The export job ended as FAILED or did not end in time; nothing was validated."""


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
