"""Claims and outcomes against DynamoDB's own conditions."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import boto3
import pytest
from moto import mock_aws

from ses_load_testing.ledger import Claim, ClaimState, Ledger, Result
from tests.builders.load_testing import FakeTime
from tests.builders.tables import PK_AND_SK

TABLE = "state"
IN_FLIGHT_SECONDS = 120


@pytest.fixture
def dynamodb() -> Iterator[object]:
    with mock_aws():
        client = boto3.client(
            "dynamodb",
            region_name="eu-west-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_table(TableName=TABLE, **PK_AND_SK)
        yield client


@pytest.fixture
def time() -> FakeTime:
    return FakeTime()


@pytest.fixture
def ledger(dynamodb: object, time: FakeTime) -> Ledger:
    return Ledger(
        dynamodb,  # type: ignore[arg-type] # moto's
        TABLE,
        keep_days=15,
        in_flight_seconds=IN_FLIGHT_SECONDS,
        clock=time,
        sleep=time.sleep,
        threads=4,
    )


def claims(*keys: str) -> list[Claim]:
    return [Claim(key, number, f"m-{key}") for number, key in enumerate(keys)]


def test_a_message_is_claimed_once(ledger: Ledger):
    assert ledger.claim("one", claims("a", "b")) == [ClaimState.OURS] * 2
    assert ledger.claim("two", claims("b", "c")) == [ClaimState.IN_FLIGHT, ClaimState.OURS]


def test_the_outcome_of_a_call_settles_each_of_its_messages(ledger: Ledger):
    ledger.claim("one", claims("sent", "refused", "unknown"))
    ledger.record("one", [Result.SENT, Result.REFUSED, Result.UNKNOWN])

    states = ledger.claim("two", claims("sent", "refused", "unknown"))

    assert states == [ClaimState.SENT, ClaimState.OURS, ClaimState.UNKNOWN]


def test_a_claim_without_an_outcome_is_unknown_once_its_function_must_have_ended(
    ledger: Ledger, time: FakeTime
):
    ledger.claim("one", claims("a"))

    time.now += IN_FLIGHT_SECONDS - 2
    assert ledger.claim("two", claims("a")) == [ClaimState.IN_FLIGHT]

    time.now += 2
    assert ledger.claim("three", claims("a")) == [ClaimState.UNKNOWN]


def test_a_refused_message_is_claimed_anew_by_one_only(ledger: Ledger):
    ledger.claim("one", claims("a"))
    ledger.record("one", [Result.REFUSED])

    with ThreadPoolExecutor(8) as threads:
        states = [
            state
            for answer in threads.map(lambda n: ledger.claim(f"again-{n}", claims("a")), range(8))
            for state in answer
        ]

    assert sorted(states) == sorted([ClaimState.OURS, *[ClaimState.IN_FLIGHT] * 7])


def test_the_sdk_s_own_retry_of_a_claim_finds_it_ours(ledger: Ledger):
    ledger.claim("one", claims("a"))

    assert ledger.claim("one", claims("a")) == [ClaimState.OURS]


def test_items_hold_no_address_and_expire(ledger: Ledger, dynamodb: object, time: FakeTime):
    ledger.claim("one", claims("a"))
    ledger.record("one", [Result.SENT])

    items = dynamodb.scan(TableName=TABLE)["Items"]  # type: ignore[attr-defined] # moto's

    assert {item["expires_at"]["N"] for item in items} == {str(int(time.now) + 15 * 86_400)}
    assert all("@" not in str(item) for item in items)


def test_an_outcome_of_fifty_fits_one_write_unit(ledger: Ledger, dynamodb: object):
    ledger.record("one" * 11, [Result.SENT] * 50)

    (item,) = dynamodb.scan(TableName=TABLE)["Items"]  # type: ignore[attr-defined] # moto's
    size = sum(len(name) + len(str(*value.values())) for name, value in item.items())
    assert size < 1024


def test_outcomes_of_more_than_a_hundred_calls_are_read(ledger: Ledger):
    for number in range(120):
        ledger.claim(f"call-{number}", claims(f"k{number}"))
        ledger.record(f"call-{number}", [Result.SENT])

    states = ledger.claim("late", claims(*(f"k{number}" for number in range(120))))

    assert states == [ClaimState.SENT] * 120
