"""Write one metrics record per invocation, in CloudWatch's embedded metric format."""

from __future__ import annotations

from collections.abc import Mapping

from aws_lambda_powertools.metrics import EphemeralMetrics, MetricUnit

__all__ = ["write_counts"]


def write_counts(namespace: str, function_name: str, counts: Mapping[str, int]) -> None:
    """Write counts by the name of the metric, with the dimension FunctionName."""
    metrics = EphemeralMetrics(namespace=namespace)
    metrics.add_dimension("FunctionName", function_name)
    for name, count in counts.items():
        metrics.add_metric(name, MetricUnit.Count, count)
    metrics.flush_metrics()
