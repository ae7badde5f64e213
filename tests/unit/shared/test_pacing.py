import threading
from collections.abc import Iterator

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from moto import mock_aws

from shared.pacing import RateLimiter
from tests.builders.tables import PK_AND_SK

EPOCH = 1_772_470_800.0
TABLE = "runs"


class FakeClock:
    def __init__(self) -> None:
        self.now = EPOCH

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        assert seconds > 0
        self.now += seconds


class MemoryTable:
    """A client for the two conditional updates the limiter makes, without DynamoDB's
    milliseconds."""

    def __init__(self) -> None:
        self.items: dict[str, int] = {}
        self.calls = 0

    def update_item(self, *, Key, UpdateExpression, ExpressionAttributeValues, **rest):  # noqa: N803 - boto3's names
        self.calls += 1
        key = Key["pk"]["S"]
        values = {name: int(value["N"]) for name, value in ExpressionAttributeValues.items()}
        current = self.items.get(key)
        if ":cost" in values:
            allowed = current is not None and values[":now"] <= current <= values[":latest"]
            after = (current or 0) + values[":cost"]
        else:
            allowed = current is None or current < values[":now"]
            after = values[":after"]
        if not allowed:
            error = {"Error": {"Code": "ConditionalCheckFailedException"}}
            item = {} if current is None else {"Item": {"next": {"N": str(current)}}}
            raise ClientError({**error, **item}, "UpdateItem")
        self.items[key] = after
        return {"Attributes": {"next": {"N": str(after)}}}


@pytest.fixture(scope="module")
def dynamodb() -> Iterator[object]:
    with mock_aws():
        client = boto3.client(
            "dynamodb",
            region_name="us-east-1",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )
        client.create_table(TableName=TABLE, **PK_AND_SK)
        yield client


def assert_paced(starts: list[tuple[float, int]], rate: float) -> None:
    """Over any window, at most rate × window + the largest reservation."""
    starts = sorted(starts)
    burst = max(n for _, n in starts)
    microsecond = rate * 1e-6  # no finer than a float of epoch seconds tells
    for first, (begin, _) in enumerate(starts):
        sent = 0
        for moment, n in starts[first:]:
            sent += n
            assert sent <= rate * (moment - begin) + burst + microsecond + 1e-6


def test_reservations_follow_one_another_at_the_rate(dynamodb):
    clock = FakeClock()
    limiter = RateLimiter(dynamodb, TABLE, "follow", 10, clock, clock.sleep)

    starts = [limiter.reserve(5) for _ in range(4)]

    assert starts == pytest.approx([EPOCH, EPOCH + 0.5, EPOCH + 1.0, EPOCH + 1.5])


def test_the_schedule_is_kept_in_integer_microseconds_under_the_agreed_key(dynamodb):
    clock = FakeClock()

    RateLimiter(dynamodb, TABLE, "app/SMS", 4, clock, clock.sleep).reserve(1)

    item = dynamodb.get_item(
        TableName=TABLE, Key={"pk": {"S": "pace#app/SMS"}, "sk": {"S": "pace"}}
    )["Item"]
    assert item["next"] == {"N": str(int(EPOCH * 1_000_000) + 250_000)}


def test_a_schedule_that_is_full_until_the_latest_start_reserves_nothing(dynamodb):
    clock = FakeClock()
    limiter = RateLimiter(dynamodb, TABLE, "full", 10, clock, clock.sleep)
    limiter.reserve(20)

    assert limiter.reserve(5, by=EPOCH + 1.9) is None
    assert limiter.reserve(5, by=EPOCH - 1) is None
    assert limiter.reserve(5, by=EPOCH + 2) == pytest.approx(EPOCH + 2)
    assert limiter.reserve(5) == pytest.approx(EPOCH + 2.5)


def test_time_nobody_used_is_not_saved_up(dynamodb):
    clock = FakeClock()
    limiter = RateLimiter(dynamodb, TABLE, "idle", 1, clock, clock.sleep)
    limiter.reserve(1)
    clock.now += 3_600

    starts = [limiter.reserve(1) for _ in range(3)]

    assert starts == pytest.approx([clock.now, clock.now + 1, clock.now + 2])


class AtomicTable:
    """DynamoDB checks a condition and writes in one step; moto lets another thread in between."""

    def __init__(self, dynamodb) -> None:
        self._dynamodb = dynamodb
        self._lock = threading.Lock()

    def update_item(self, **update):
        with self._lock:
            return self._dynamodb.update_item(**update)


def test_limiters_in_several_threads_share_one_rate(dynamodb):
    clock = FakeClock()
    dynamodb = AtomicTable(dynamodb)
    starts: list[tuple[float, int]] = []

    def work() -> None:
        limiter = RateLimiter(dynamodb, TABLE, "threads", 50, clock, clock.sleep)
        for _ in range(25):
            starts.append((limiter.reserve(2), 2))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(starts) == 100
    assert_paced(starts, 50)
    taken = max(starts)[0] - min(starts)[0] + 2 / 50
    assert 200 / taken == pytest.approx(50, rel=0.02)


@given(
    rate=st.floats(0.5, 20_000),
    steps=st.lists(
        st.tuples(st.integers(0, 2), st.integers(1, 200), st.floats(0, 5)), min_size=1, max_size=60
    ),
)
@settings(suppress_health_check=[HealthCheck.too_slow])
def test_no_window_ever_holds_more_than_its_share(rate, steps):
    clock, memory = FakeClock(), MemoryTable()
    limiters = [RateLimiter(memory, TABLE, "k", rate, clock, clock.sleep) for _ in range(3)]
    starts = []

    for who, n, pause in steps:
        clock.now += pause
        start = limiters[who].reserve(n)
        assert start >= clock.now - 1e-6
        starts.append((start, n))

    assert_paced(starts, rate)


@given(rate=st.floats(1, 20_000), sizes=st.lists(st.integers(1, 200), min_size=1, max_size=5))
def test_a_long_run_keeps_the_rate_within_two_percent(rate, sizes):
    clock, memory = FakeClock(), MemoryTable()
    limiter = RateLimiter(memory, TABLE, "k", rate, clock, clock.sleep)
    sent = 0

    while sent < 2_000:
        for n in sizes:
            limiter.wait(n)
            sent += n
    limiter.wait(1)

    assert sent / (clock.now - EPOCH) == pytest.approx(rate, rel=0.02)


def test_a_busy_limiter_makes_one_call_per_reservation():
    clock, memory = FakeClock(), MemoryTable()
    limiter = RateLimiter(memory, TABLE, "k", 10, clock, clock.sleep)
    limiter.reserve(1)
    before = memory.calls

    for _ in range(100):
        limiter.reserve(1)

    assert memory.calls - before == 100


def test_waiting_sleeps_until_the_reserved_time():
    clock, memory = FakeClock(), MemoryTable()
    limiter = RateLimiter(memory, TABLE, "k", 2, clock, clock.sleep)

    limiter.wait(1)
    limiter.wait(1)

    assert clock.now == pytest.approx(EPOCH + 0.5)


def test_reserving_nothing_costs_nothing():
    clock, memory = FakeClock(), MemoryTable()

    assert RateLimiter(memory, TABLE, "k", 2, clock, clock.sleep).reserve(0) == EPOCH
    assert memory.calls == 0


@pytest.mark.parametrize("rate", [0, -1, float("nan"), float("inf")])
def test_a_rate_that_is_no_rate_is_refused(rate):
    with pytest.raises(ValueError, match="rate_per_second"):
        RateLimiter(MemoryTable(), TABLE, "k", rate)


def test_other_dynamodb_errors_reach_the_caller(dynamodb):
    limiter = RateLimiter(dynamodb, "gone", "k", 1)

    with pytest.raises(ClientError, match="ResourceNotFoundException"):
        limiter.reserve(1)
