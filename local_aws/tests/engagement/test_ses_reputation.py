"""The bounce and complaint rates that SES puts into CloudWatch."""

from __future__ import annotations

import time
from typing import Any

import pytest

from builders.local_server import LocalServer, eventually

SENDER = "shop@example.com"


@pytest.fixture
def sesv2(local_aws: LocalServer) -> Any:
    client = local_aws.client("sesv2")
    client.create_email_identity(EmailIdentity=SENDER)
    client.create_configuration_set(
        ConfigurationSetName="watched", ReputationOptions={"ReputationMetricsEnabled": True}
    )
    client.create_configuration_set(
        ConfigurationSetName="quiet", ReputationOptions={"ReputationMetricsEnabled": False}
    )
    return client


def send(sesv2: Any, to: str, configuration_set: str = "quiet") -> str:
    answer = sesv2.send_email(
        FromEmailAddress=SENDER,
        Destination={"ToAddresses": [to]},
        Content={"Simple": {"Subject": {"Data": "Hello"}, "Body": {"Text": {"Data": "Hello"}}}},
        ConfigurationSetName=configuration_set,
    )
    return str(answer["MessageId"])


def highest(local_aws: LocalServer, metric: str, configuration_set: str = "") -> float | None:
    name = [{"Name": "ses:configuration-set", "Value": configuration_set}]
    points = local_aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/SES",
        MetricName=f"Reputation.{metric}",
        Dimensions=name if configuration_set else [],
        StartTime=time.time() - 600,
        EndTime=time.time() + 60,
        Period=3600,
        Statistics=["Maximum"],
    )["Datapoints"]
    return max((point["Maximum"] for point in points), default=None)


def test_hard_bounces_and_complaints_are_parts_of_what_was_sent(
    local_aws: LocalServer, sesv2: Any
) -> None:
    sent = [send(sesv2, f"customer-{number}@example.org") for number in range(10)]
    local_aws.post(f"email/{sent[0]}/bounce")
    local_aws.post(f"email/{sent[1]}/bounce", {"bounceType": "Transient"})
    local_aws.post(f"email/{sent[2]}/complaint")

    assert eventually(lambda: highest(local_aws, "ComplaintRate"), bool) == 0.1
    assert highest(local_aws, "BounceRate") == 0.1


def test_the_mailbox_simulator_does_not_count(local_aws: LocalServer, sesv2: Any) -> None:
    for name in ("bounce", "complaint"):
        send(sesv2, f"{name}@simulator.amazonses.com")
    send(sesv2, "ann@example.org")

    eventually(lambda: highest(local_aws, "BounceRate"), lambda rate: rate is not None)
    assert (highest(local_aws, "BounceRate"), highest(local_aws, "ComplaintRate")) == (0, 0)


def test_what_the_suppression_list_holds_back_does_not_count(
    local_aws: LocalServer, sesv2: Any
) -> None:
    sesv2.put_suppressed_destination(EmailAddress="ann@example.org", Reason="BOUNCE")
    send(sesv2, "ann@example.org")
    send(sesv2, "bob@example.org")

    eventually(lambda: highest(local_aws, "BounceRate"), lambda rate: rate is not None)
    assert highest(local_aws, "BounceRate") == 0


def test_a_configuration_set_has_rates_of_its_own_if_it_wants_them(
    local_aws: LocalServer, sesv2: Any
) -> None:
    for name in ("quiet", "watched"):
        bounced = send(sesv2, f"{name}@example.org", name)
        send(sesv2, f"{name}-too@example.org", name)
        local_aws.post(f"email/{bounced}/bounce")

    assert eventually(lambda: highest(local_aws, "BounceRate", "watched"), bool) == 0.5
    assert highest(local_aws, "BounceRate", "quiet") is None


def test_an_alarm_on_the_account_goes_off(local_aws: LocalServer, sesv2: Any) -> None:
    cloudwatch = local_aws.client("cloudwatch")
    cloudwatch.put_metric_alarm(
        AlarmName="bounces",
        Namespace="AWS/SES",
        MetricName="Reputation.BounceRate",
        Statistic="Maximum",
        Period=60,
        EvaluationPeriods=1,
        Threshold=0.05,
        ComparisonOperator="GreaterThanOrEqualToThreshold",
        TreatMissingData="notBreaching",
    )

    local_aws.post(f"email/{send(sesv2, 'ann@example.org')}/bounce")

    def state() -> str:
        [alarm] = cloudwatch.describe_alarms(AlarmNames=["bounces"])["MetricAlarms"]
        return str(alarm["StateValue"])

    assert eventually(state, lambda seen: seen == "ALARM") == "ALARM"
