"""Measure the endpoints that one core evaluates for a compiled segment in a second."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from pathlib import Path
from statistics import median
from time import perf_counter
from typing import Any

from benchmarks import Figure

sys.path.insert(0, str(Path(__file__).parent.parent / "lambda_src"))

from engagement_hub.engagement.model import Endpoint, SegmentRequest  # noqa: E402 - path first
from engagement_hub.engagement.segments import compile_segment, in_audience  # noqa: E402 - same

ENDPOINTS = 100_000
REPEATS = 5
FIGURES = {
    "simple_evaluations_per_second": Figure(
        "Endpoints evaluated for a segment by attribute and channel, {endpoints:,} endpoints, on "
        "one core",
        "evaluations/s",
        at_least=150_000,
        headline=True,
    ),
    "demanding_evaluations_per_second": Figure(
        "Endpoints evaluated for a segment by recency, metric, distance and date, on one core",
        "evaluations/s",
    ),
}
NOW = datetime(2026, 11, 1, tzinfo=UTC)

SIMPLE: SegmentRequest = {
    "Dimensions": {
        "Attributes": {"Plan": {"AttributeType": "INCLUSIVE", "Values": ["gold", "silver"]}},
        "Demographic": {"Channel": {"DimensionType": "INCLUSIVE", "Values": ["SMS"]}},
    }
}
DEMANDING: SegmentRequest = {
    "SegmentGroups": {
        "Include": "ALL",
        "Groups": [
            {
                "Type": "ALL",
                "Dimensions": [
                    {
                        "Behavior": {"Recency": {"Duration": "DAY_30", "RecencyType": "ACTIVE"}},
                        "Metrics": {"Visits": {"ComparisonOperator": "GREATER_THAN", "Value": 3}},
                    },
                    {
                        "Location": {
                            "GPSPoint": {
                                "Coordinates": {"Latitude": 47.6, "Longitude": -122.3},
                                "RangeInKilometers": 500,
                            }
                        },
                        "UserAttributes": {
                            "Joined": {"AttributeType": "AFTER", "Values": ["2020-01-01"]}
                        },
                    },
                ],
            }
        ],
    }
}


def typical_endpoints() -> list[Endpoint]:
    """Build endpoints: two thirds SMS, half on the gold plan, near and far."""
    return [
        {
            "Id": f"{number:032x}",
            "Address": f"+1206555{number:07d}",
            "ChannelType": "EMAIL" if number % 3 == 0 else "SMS",
            "EndpointStatus": "ACTIVE",
            "OptOut": "NONE",
            "EffectiveDate": f"2026-{number % 9 + 2:02d}-15T09:00:00.000Z",
            "Attributes": {"Plan": ["gold" if number % 2 else "free"]},
            "Metrics": {"Visits": float(number % 10)},
            "Location": {"Latitude": 40.0 + number % 10, "Longitude": -122.3},
            "User": {"UserId": f"user-{number}", "UserAttributes": {"Joined": ["2021-05-06"]}},
        }
        for number in range(ENDPOINTS)
    ]


def rate(segment: SegmentRequest, endpoints: list[Endpoint]) -> float:
    """Return the median evaluations per second over the repeats, with the audience rule."""
    belongs = in_audience(
        compile_segment(segment, now=NOW, sources=lambda _id, _version: lambda _endpoint: True)
    )
    seconds = []
    for _ in range(REPEATS):
        start = perf_counter()
        members = sum(map(belongs, endpoints))
        seconds.append(perf_counter() - start)
        assert 0 < members < ENDPOINTS
    return ENDPOINTS / median(seconds)


def run() -> dict[str, Any]:
    """Return evaluations per second and core: two set criteria; four costly criteria in a group."""
    endpoints = typical_endpoints()
    return {
        "repeats": REPEATS,
        "endpoints": ENDPOINTS,
        "simple_evaluations_per_second": round(rate(SIMPLE, endpoints)),
        "demanding_evaluations_per_second": round(rate(DEMANDING, endpoints)),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
