"""Settings, clients and metrics of the functions."""

from __future__ import annotations

import time
from collections.abc import Mapping
from functools import cache

from botocore.config import Config

from shared.aws import aws_client
from shared.metrics import write_counts
from shared.settings import optional_env, required_env
from sms_retry.chains import Chains
from sms_retry.failures import Policy
from sms_retry.final import FinalFailures
from sms_retry.intake import Intake
from sms_retry.remember import Texts

__all__ = ["CALLS", "chains", "finals", "intake", "policy", "report", "texts"]

CALLS = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
NAMESPACE = "SmsRetry"


@cache
def policy() -> Policy:
    return Policy.of(required_env("POLICY"), optional_env("PROJECT_ID"))


@cache
def chains() -> Chains:
    return Chains(
        aws_client("dynamodb", config=CALLS),
        required_env("CHAINS_TABLE"),
        clock=time.time,
        keep_seconds=policy().max_age_seconds,
    )


@cache
def texts() -> Texts:
    return Texts(aws_client("dynamodb", config=CALLS), required_env("TEXTS_TABLE"), time.time)


@cache
def finals() -> FinalFailures:
    return FinalFailures(aws_client("sns", config=CALLS), required_env("TOPIC_ARN"), texts())


@cache
def intake() -> Intake:
    return Intake(
        policy=policy(),
        chains=chains(),
        finals=finals(),
        sqs=aws_client("sqs", config=CALLS),
        queue_url=required_env("QUEUE_URL"),
        clock=time.time,
    )


def report(function_name: str, counts: Mapping[str, int]) -> None:
    """Write the counts that are not zero: CloudWatch bills a metric for each hour with a value."""
    found = {name: count for name, count in counts.items() if count}
    if found:
        write_counts(NAMESPACE, function_name, found)
