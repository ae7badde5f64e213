"""The table in memory does what DynamoDB (moto) does with every expression of a run."""

from __future__ import annotations

from collections import deque
from typing import Any

import boto3
from moto import mock_aws

from shared.send_outcome import DeliveryStatus, SendOutcome
from sms_s3_drop.ledger import Status
from tests.builders.sms_drop import (
    LEASE_SECONDS,
    TABLE,
    Drop,
    csv_file,
    identities,
    identity,
    number,
)
from tests.builders.tables import PK_AND_SK


def played(dynamodb: Any) -> tuple[list[Any], list[Any]]:
    """Play a run with a throttled, a stuck and a late row; return what was sent, and the result."""
    drop = Drop(identities(identity(rate=1)), dynamodb=dynamodb)
    drop.phone.answers[number(1)] = deque(
        [SendOutcome(DeliveryStatus.THROTTLED, 429, "The sending rate is exceeded.")]
    )
    run = drop.drop("r", csv_file(7) + b"nonsense\n")
    drop.drop("r", csv_file(7) + b"nonsense\n")
    drop.ledger.claim(run.lanes["alerts"].chunk("r", 0), 2, None)
    drop.clock.now += LEASE_SECONDS + 1
    drop.work()
    drop.ledger.prolong("r", "other", drop.clock.now + 10)
    drop.ledger.stop("r")
    drop.ledger.close("r")
    sent = [(round(at, 3), text.number) for at, _, text in drop.phone.sent]
    lines = [(line.row, line.status, line.reason) for line in drop.result("r")]
    return sent, lines


def test_a_run_is_the_same_with_moto_and_in_memory(monkeypatch: Any) -> None:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(TableName=TABLE, **PK_AND_SK)
        with_moto = played(dynamodb)

    in_memory = played(None)

    assert with_moto == in_memory
    assert [status for _, status, _ in in_memory[1]] == [
        Status.UNKNOWN,
        *[Status.SENT] * 6,
        Status.REJECTED,
    ]
