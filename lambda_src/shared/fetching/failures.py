"""Failures of a source, sorted by the cure. No text repeats an answer."""

from enum import StrEnum

__all__ = ["FetchFailed", "Reason"]


class Reason(StrEnum):
    """Why a source gave no answer, for logs and counts."""

    TIMED_OUT = "TIMED_OUT"  # no whole answer within the deadline
    UNAVAILABLE = "UNAVAILABLE"  # it throttled, failed on its side or could not be reached
    REFUSED = "REFUSED"  # it answered no: permission, address or request is wrong
    UNUSABLE_ANSWER = "UNUSABLE_ANSWER"  # too large, redirected or not in the agreed form
    PAUSED = "PAUSED"  # it failed several times just now, and is not asked for a while


class FetchFailed(Exception):
    """A source gave no answer. The text names the rule that was broken, and holds no data.

    `status` is the HTTP status, where a server answered one.
    """

    def __init__(self, reason: Reason, text: str, status: int | None = None) -> None:
        super().__init__(f"{reason}: {text}")
        self.reason = reason
        self.status = status
