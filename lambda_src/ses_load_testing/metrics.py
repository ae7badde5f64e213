"""One metric record per invocation, in CloudWatch's embedded format: a line of the log."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence

from ses_load_testing.sender import Fate, Report

__all__ = ["NAMESPACE", "record_of", "report_metrics"]

NAMESPACE = "SesLoadTesting"
_MOST_VALUES = 100  # "Embedded metric format specification": of one metric in one record


def report_metrics(report: Report) -> dict[str, float | list[float]]:
    """Write the metrics of a batch. Times are lists, from which CloudWatch makes percentiles."""
    return {
        "Processed": len(report.fates),
        "Sent": report.count(Fate.SENT),
        "Duplicates": report.count(Fate.DUPLICATE),
        "Failed": report.count(Fate.FAILED),
        "Parked": report.count(Fate.PARKED),
        "ReturnedToQueue": report.count(Fate.LATER),
        "Throttled": report.throttled,
        "UnrecordedCalls": report.unrecorded,
        "QueueToSendMilliseconds": [round(s * 1000) for s in report.queue_to_send_seconds],
        "SesCallMilliseconds": [round(s * 1000, 1) for s in report.call_seconds],
    }


def record_of(
    metrics: Mapping[str, float | Sequence[float]], function_name: str, now: float
) -> str:
    """Return the line of the log; a metric without values is left out."""
    values = {
        name: list(value)[:_MOST_VALUES] if isinstance(value, Sequence) else value
        for name, value in metrics.items()
        if not isinstance(value, Sequence) or value
    }
    directive = {
        "Namespace": NAMESPACE,
        "Dimensions": [["FunctionName"]],
        "Metrics": [{"Name": name, "Unit": _unit(name)} for name in values],
    }
    return json.dumps(
        {
            "_aws": {"Timestamp": math.floor(now * 1000), "CloudWatchMetrics": [directive]},
            "FunctionName": function_name,
            **values,
        }
    )


def _unit(name: str) -> str:
    return "Milliseconds" if name.endswith("Milliseconds") else "Count"
