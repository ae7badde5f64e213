"""Write one metrics record per invocation, in CloudWatch's embedded metric format."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

from shared.suppression.feedback import FeedbackKind
from shared.suppression.suppressor import Outcome

__all__ = ["NAMESPACE", "report_metrics"]

NAMESPACE = "AddressSuppression"


def report_metrics(outcome: Outcome[Any], function_name: str, **counts: int) -> None:
    """Write the metrics of an invocation: recipients by outcome.

    Args:
        counts: of messages or records, by the name of the metric.
    """
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension("FunctionName", function_name)
    recipients = {
        "AddressesSuppressed": outcome.suppressed,
        "Complaints": outcome.recorded[FeedbackKind.COMPLAINT],
        "Copies": outcome.copies,
        "HardBounces": outcome.recorded[FeedbackKind.HARD_BOUNCE],
        "SoftBounces": outcome.recorded[FeedbackKind.SOFT_BOUNCE],
    }
    for name, count in {**recipients, **counts}.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()
