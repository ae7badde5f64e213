"""Write one metrics record per invocation, in CloudWatch's embedded metric format."""

from __future__ import annotations

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

__all__ = ["NAMESPACE", "report"]

NAMESPACE = "MessageArchive"


def report(function_name: str, counts: dict[str, int]) -> None:
    """Write counts by the name of the metric."""
    metrics = EphemeralMetrics(namespace=NAMESPACE)
    metrics.add_dimension("FunctionName", function_name)
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()
