"""Write one metrics record per invocation, in CloudWatch's embedded metric format."""

from __future__ import annotations

from typing import Any

from shared.metrics import write_counts
from shared.suppression.feedback import FeedbackKind
from shared.suppression.suppressor import Outcome

__all__ = ["NAMESPACE", "report_metrics"]

NAMESPACE = "AddressSuppression"


def report_metrics(outcome: Outcome[Any], function_name: str, **counts: int) -> None:
    """Write the metrics of an invocation: recipients by outcome.

    Args:
        counts: of messages or records, by the name of the metric.
    """
    recipients = {
        "AddressesSuppressed": outcome.suppressed,
        "Complaints": outcome.recorded[FeedbackKind.COMPLAINT],
        "Copies": outcome.copies,
        "HardBounces": outcome.recorded[FeedbackKind.HARD_BOUNCE],
        "SoftBounces": outcome.recorded[FeedbackKind.SOFT_BOUNCE],
    }
    write_counts(NAMESPACE, function_name, {**recipients, **counts})
