"""Metrics that functions print as CloudWatch's embedded metric format become metrics.

The format is the one of the user guide, "Embedded metric format specification": a line of the
log that is a JSON object with a member ``_aws``.
"""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ministack.services import cloudwatch, lambda_svc

REQUIRED = (
    "ministack.services.cloudwatch._evaluate_all_alarms",
    "ministack.services.cloudwatch._store_datum",
    "ministack.services.lambda_svc._emit_lambda_logs",
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Datum:
    """One metric with one set of dimensions, as a line of a log told it."""

    namespace: str
    name: str
    dimensions: dict[str, str]
    timestamp: float  # seconds
    unit: str
    values: list[float]


def apply() -> None:
    emit = lambda_svc._emit_lambda_logs

    def emit_logs(
        func: dict[str, Any], request_id: str, log_text: str, *rest: Any, **more: Any
    ) -> None:
        emit(func, request_id, log_text, *rest, **more)
        found = False
        for line in (log_text or "").splitlines():
            for datum in read(line):
                found = True
                cloudwatch._store_datum(
                    datum.namespace,
                    datum.name,
                    datum.dimensions,
                    datum.timestamp,
                    datum.unit,
                    None,
                    datum.values,
                    None,
                    None,
                )
        if found:
            cloudwatch._evaluate_all_alarms()

    lambda_svc._emit_lambda_logs = emit_logs


def read(line: str) -> Iterator[Datum]:
    """The metrics of a line; none when it is no valid embedded metric document."""
    if '"_aws"' not in line:
        return
    try:
        document = json.loads(line)
        directives = document["_aws"]["CloudWatchMetrics"]
        timestamp = document["_aws"]["Timestamp"] / 1000
        data = [datum for each in directives for datum in _of_directive(each, document, timestamp)]
    except (ValueError, KeyError, TypeError) as error:
        logger.warning("a line that looks like an embedded metric is none: %r", error)
        return
    yield from data


def _of_directive(
    directive: dict[str, Any], document: dict[str, Any], timestamp: float
) -> Iterator[Datum]:
    for names in directive.get("Dimensions") or [[]]:
        dimensions = {name: str(document[name]) for name in names}
        for metric in directive["Metrics"]:
            value = document[metric["Name"]]
            values = [float(each) for each in (value if isinstance(value, list) else [value])]
            unit = metric.get("Unit", "None")
            yield Datum(directive["Namespace"], metric["Name"], dimensions, timestamp, unit, values)
