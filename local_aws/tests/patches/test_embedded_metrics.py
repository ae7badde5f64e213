"""What functions print in the embedded metric format becomes metrics, and alarms see it."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import Any

import pytest

from builders.ministack_server import ACCOUNT, MinistackServer, ministack_server, wait_for

CODE = """
import json, time
def handler(event, context):
    print("an ordinary line")
    print(json.dumps({"_aws": {"Timestamp": int(time.time() * 1000), "CloudWatchMetrics": [
        {"Namespace": "Events", "Dimensions": [["service"], []], "Metrics": [
            {"Name": "Unreadable", "Unit": "Count"}, {"Name": "Sizes", "Unit": "Bytes"}]}]},
        "service": "db", "Unreadable": event["count"], "Sizes": [1.0, 5]}))
    print(json.dumps({"_aws": {"CloudWatchMetrics": "broken"}}))
"""


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        server.role("functions", "lambda.amazonaws.com")
        server.function("measuring", CODE, f"arn:aws:iam::{ACCOUNT}:role/functions")
        yield server


def statistics(aws: MinistackServer, name: str, dimensions: dict[str, str]) -> dict[str, Any]:
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace="Events",
        MetricName=name,
        Dimensions=[{"Name": key, "Value": value} for key, value in dimensions.items()],
        StartTime=time.time() - 3600,
        EndTime=time.time() + 60,
        Period=7200,
        Statistics=["Sum", "SampleCount", "Maximum"],
    )["Datapoints"]
    return {name: value for point in points for name, value in point.items()}


def test_a_printed_metric_is_counted_by_each_set_of_its_dimensions(aws: MinistackServer) -> None:
    aws.client("lambda").invoke(FunctionName="measuring", Payload=b'{"count": 3}')

    counted = statistics(aws, "Unreadable", {"service": "db"})
    sizes = statistics(aws, "Sizes", {"service": "db"})

    assert (counted["Sum"], counted["Unit"]) == (3, "Count")
    assert (sizes["SampleCount"], sizes["Sum"], sizes["Maximum"]) == (2, 6, 5)


def test_an_alarm_on_a_printed_metric_goes_off(aws: MinistackServer) -> None:
    cloudwatch = aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="unreadable",
        Namespace="Events",
        MetricName="Unreadable",
        Dimensions=[{"Name": "service", "Value": "db"}],
        Statistic="Sum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0,
        ComparisonOperator="GreaterThanThreshold",
        TreatMissingData="notBreaching",
    )

    aws.client("lambda").invoke(FunctionName="measuring", Payload=b'{"count": 1}')

    def state() -> bool:
        [alarm] = cloudwatch.describe_alarms(AlarmNames=["unreadable"])["MetricAlarms"]
        return bool(alarm["StateValue"] == "ALARM")

    assert wait_for(state)
