"""Numbers validated per second against a stub that takes 50 ms: under the 20/s quota, and without.

The stub counts what arrives in every window of a second, so the result says both whether the rate
is reached and whether it is ever exceeded. The reservations are shared.pacing's, on a table kept in
memory by moto.
"""

import json
import os
import sys
import time
from bisect import bisect_left
from pathlib import Path
from statistics import median
from typing import Any

from benchmarks import Figure

sys.path.insert(0, str(Path(__file__).parent.parent / "lambda_src"))

import boto3  # noqa: E402 - path first
from moto import mock_aws  # noqa: E402 - same

from phone_number_validate.paced_calls import (  # noqa: E402 - same
    Reservations,
    call_paced,
    reserved_rate,
)
from shared.pacing import RateLimiter  # noqa: E402 - same

LATENCY_SECONDS = 0.050
QUOTA = 20
THREADS = 16
REPEATS = 5
NUMBERS_PACED = 100  # a batch of the Distributed Map
NUMBERS_UNPACED = 1_000
FIGURES = {
    "validations_per_second_under_quota": Figure(
        "Phone numbers validated under a quota of {quota_per_second} a second, against a stub that "
        "takes {latency_seconds} s, by {threads} threads",
        "validations/s",
        at_least=19.5,
        headline=True,
    ),
    "most_in_any_second_under_quota": Figure(
        "Validation calls under that quota in the busiest second of all runs",
        "calls",
        at_most=QUOTA,
    ),
    "validations_per_second_without_quota": Figure(
        "Phone numbers validated without a quota, against the same stub", "validations/s"
    ),
}


class Stub:
    """PhoneNumberValidate as AWS sees it: records arrivals, answers after the latency."""

    def __init__(self) -> None:
        self.arrivals: list[float] = []

    def __call__(self, number: int) -> int:
        self.arrivals.append(time.monotonic())
        time.sleep(LATENCY_SECONDS)
        return number

    @property
    def per_second(self) -> float:
        """Return the steady rate: intervals between the first and the last arrival."""
        arrivals = sorted(self.arrivals)
        return (len(arrivals) - 1) / (arrivals[-1] - arrivals[0])

    @property
    def most_in_a_second(self) -> int:
        arrivals = sorted(self.arrivals)
        return max(bisect_left(arrivals, at + 1.0) - i for i, at in enumerate(arrivals))


def _validate(numbers: int, reservations: Reservations | None) -> Stub:
    stub = Stub()
    results = list(
        call_paced(
            range(numbers), stub, reservations=reservations, calls_per_second=QUOTA, threads=THREADS
        )
    )
    assert len(results) == numbers
    return stub


def _limiter(dynamodb: Any, key: str) -> RateLimiter:
    return RateLimiter(dynamodb, "pace", key, reserved_rate(QUOTA))


def run() -> dict[str, Any]:
    """Return the medians of the repeats, and the busiest second of all repeats."""
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        os.environ.setdefault(name, "testing")
    os.environ.setdefault("AWS_DEFAULT_REGION", "us-east-1")
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        dynamodb.create_table(
            TableName="pace",
            BillingMode="PAY_PER_REQUEST",
            KeySchema=[
                {"AttributeName": "pk", "KeyType": "HASH"},
                {"AttributeName": "sk", "KeyType": "RANGE"},
            ],
            AttributeDefinitions=[
                {"AttributeName": "pk", "AttributeType": "S"},
                {"AttributeName": "sk", "AttributeType": "S"},
            ],
        )
        paced = [
            _validate(NUMBERS_PACED, _limiter(dynamodb, f"run-{repeat}"))
            for repeat in range(REPEATS)
        ]
    unpaced = [_validate(NUMBERS_UNPACED, None) for _ in range(REPEATS)]
    return {
        "latency_seconds": LATENCY_SECONDS,
        "threads": THREADS,
        "quota_per_second": QUOTA,
        "validations_per_second_under_quota": median(stub.per_second for stub in paced),
        "most_in_any_second_under_quota": max(stub.most_in_a_second for stub in paced),
        "validations_per_second_without_quota": median(stub.per_second for stub in unpaced),
        "repeats": REPEATS,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
