"""Failures to find an attribute of one endpoint, and the policy for each."""

from enum import StrEnum

__all__ = ["Failure", "Policy"]


class Policy(StrEnum):
    """The effect of a failure on the recipient."""

    SEND_DEFAULT = "send_default"
    DROP_RECIPIENT = "drop_recipient"
    FAIL_BATCH = "fail_batch"


class Failure(StrEnum):
    """Why an endpoint has no value of an attribute."""

    NO_KEY = "no_key"  # the endpoint has no such id or attribute
    MISSING = "missing"  # the source has nothing, or nothing under this name
    UNUSABLE = "unusable"  # the value breaks a limit, or is no text, number, boolean or list
    SOURCE_FAILED = "source_failed"  # no answer, or no answer in time
