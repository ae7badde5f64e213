"""What was configured is answered, so that a second plan has nothing to do."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import botocore.session
import pytest
from botocore.loaders import Loader

from builders.ministack_server import (
    ACCESS_KEY,
    REGION,
    SECRET_KEY,
    MinistackServer,
    ministack_server,
)

TOPIC = "arn:aws:sns:us-east-1:000000000000:alarms"


@pytest.fixture(scope="module")
def aws() -> Iterator[MinistackServer]:
    with ministack_server() as server:
        yield server


PLAIN = {
    "AlarmDescription": "too many <errors>",
    "Namespace": "AWS/Lambda",
    "MetricName": "Errors",
    "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
    "Statistic": "Sum",
    "Period": 60,
    "EvaluationPeriods": 5,
    "DatapointsToAlarm": 2,
    "Threshold": 1.0,
    "ComparisonOperator": "GreaterThanOrEqualToThreshold",
    "TreatMissingData": "notBreaching",
    "AlarmActions": [TOPIC],
    "OKActions": [TOPIC],
    "InsufficientDataActions": [TOPIC],
}
MATH = {
    "EvaluationPeriods": 1,
    "Threshold": 0.05,
    "ComparisonOperator": "GreaterThanThreshold",
    "Metrics": [
        {"Id": "rate", "Expression": "e / 1", "Label": "rate", "ReturnData": True},
        {
            "Id": "e",
            "MetricStat": {
                "Metric": {
                    "Namespace": "AWS/Lambda",
                    "MetricName": "Errors",
                    "Dimensions": [{"Name": "FunctionName", "Value": "f"}],
                },
                "Period": 300,
                "Stat": "Sum",
            },
            "ReturnData": False,
        },
    ],
}


@pytest.mark.parametrize("protocol", ["query", "json", "smithy-rpc-v2-cbor"])
@pytest.mark.parametrize("alarm", [PLAIN, MATH], ids=["one metric", "metric math"])
def test_an_alarm_is_described_as_it_was_put(
    aws: MinistackServer, alarm: dict[str, Any], protocol: str
) -> None:
    client = speaking(aws, protocol)

    client.put_metric_alarm(AlarmName="a", **alarm)

    found = client.describe_alarms(AlarmNames=["a"])["MetricAlarms"][0]
    assert {key: found.get(key) for key in alarm} == alarm
    assert found["ActionsEnabled"] is True
    if alarm is MATH:
        assert not {"Period", "Statistic", "MetricName", "Namespace"} & set(found)


def speaking(aws: MinistackServer, protocol: str) -> Any:
    """A CloudWatch client that speaks this one of the service's protocols.

    Versions of the Terraform provider differ in it, as versions of the SDKs do.
    """

    class OneProtocol(Loader):
        def load_service_model(self, *args: Any, **named: Any) -> Any:
            model = super().load_service_model(*args, **named)
            if "metadata" not in model:
                return model
            metadata = {"jsonVersion": "1.0", "targetPrefix": "GraniteServiceVersion20100801"}
            metadata |= {**model["metadata"], "protocol": protocol, "protocols": [protocol]}
            return {**model, "metadata": metadata}

    session = botocore.session.get_session()
    paths = session.get_component("data_loader").search_paths
    session.register_component("data_loader", OneProtocol(extra_search_paths=paths))
    return session.create_client(
        "cloudwatch",
        region_name=REGION,
        aws_access_key_id=ACCESS_KEY,
        aws_secret_access_key=SECRET_KEY,
        endpoint_url=aws.url,
    )


def test_an_alarm_on_one_function_ignores_the_metrics_of_another(aws: MinistackServer) -> None:
    client = aws.client("cloudwatch")
    one = {**PLAIN, "EvaluationPeriods": 1, "DatapointsToAlarm": 1, "Namespace": "Own"}

    def report(name: str) -> str:
        metric = {
            "MetricName": "Errors",
            "Value": 5.0,
            "Dimensions": [{"Name": "FunctionName", "Value": name}],
        }
        client.put_metric_data(Namespace="Own", MetricData=[metric])
        client.put_metric_alarm(AlarmName="one", **one)
        return str(client.describe_alarms(AlarmNames=["one"])["MetricAlarms"][0]["StateValue"])

    assert report("other") != "ALARM"
    assert report("f") == "ALARM"


def test_a_state_machine_keeps_its_tracing(aws: MinistackServer) -> None:
    role = aws.role("traced", "states.amazonaws.com")
    states = aws.client("stepfunctions")
    definition = json.dumps({"StartAt": "A", "States": {"A": {"Type": "Pass", "End": True}}})

    arn = states.create_state_machine(
        name="traced", roleArn=role, definition=definition, tracingConfiguration={"enabled": True}
    )["stateMachineArn"]
    created = states.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"]
    states.update_state_machine(stateMachineArn=arn, tracingConfiguration={"enabled": False})
    updated = states.describe_state_machine(stateMachineArn=arn)["tracingConfiguration"]

    assert (created, updated) == ({"enabled": True}, {"enabled": False})


def test_a_stream_keeps_the_tags_it_was_created_with(aws: MinistackServer) -> None:
    kinesis = aws.client("kinesis")

    kinesis.create_stream(StreamName="tagged", ShardCount=1, Tags={"a": "b"})

    assert kinesis.list_tags_for_stream(StreamName="tagged")["Tags"] == [{"Key": "a", "Value": "b"}]


def test_batches_of_a_stream_are_100_by_default(aws: MinistackServer) -> None:
    kinesis = aws.client("kinesis")
    kinesis.create_stream(StreamName="batched", ShardCount=1)
    arn = kinesis.describe_stream_summary(StreamName="batched")["StreamDescriptionSummary"][
        "StreamARN"
    ]
    read = {"Effect": "Allow", "Action": "kinesis:*", "Resource": arn}
    role = aws.role("batched", "lambda.amazonaws.com", [read])
    aws.function("batched", "def handler(event, context):\n    pass\n", role)

    mapping = aws.client("lambda").create_event_source_mapping(
        FunctionName="batched", EventSourceArn=arn, StartingPosition="LATEST"
    )

    assert mapping["BatchSize"] == 100


def test_an_identity_keeps_its_configuration_set(aws: MinistackServer) -> None:
    ses = aws.client("sesv2")
    ses.create_configuration_set(ConfigurationSetName="one")

    ses.create_email_identity(EmailIdentity="a@example.com", ConfigurationSetName="one")
    created = ses.get_email_identity(EmailIdentity="a@example.com")["ConfigurationSetName"]
    ses.put_email_identity_configuration_set_attributes(
        EmailIdentity="a@example.com", ConfigurationSetName="two"
    )

    assert created == "one"
    assert ses.get_email_identity(EmailIdentity="a@example.com")["ConfigurationSetName"] == "two"
