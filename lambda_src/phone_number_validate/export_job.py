"""When the wait for an export job ends."""

from shared.polling import Polling

__all__ = ["ExportFailed", "is_finished"]


class ExportFailed(RuntimeError):
    """The export job ended as FAILED or did not end in time; nothing was validated."""


def is_finished(job_id: str, status: str, looks: int, polling: Polling) -> bool:
    """Check whether an export job with this status after so many looks is over.

    Raises:
        ExportFailed: the job failed, or there shall be no other look.
    """
    if status == "FAILED":
        raise ExportFailed(f"Export job {job_id} failed.")
    if status != "COMPLETED" and polling.exhausted(looks):
        raise ExportFailed(
            f"Export job {job_id} was still {status} after "
            f"{polling.timeout_seconds // 60} minutes (timeout_minutes)."
        )
    return status == "COMPLETED"
