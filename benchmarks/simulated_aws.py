"""AWS on a virtual clock: its quotas as documented, its latencies as constants, and no work done.

A process is a generator that yields the seconds until it goes on. Services hand out capacity at the
clock's time, or refuse; the waiting after a refusal is the caller's.

Not modelled: burst capacity (DynamoDB may use it itself), the splitting of hot partitions (it takes
minutes and a pattern it can split), errors other than throttling, and other users of the account.
"""

from __future__ import annotations

import heapq
import random
from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field
from itertools import count

Process = Generator[float, None, None]

# DynamoDB Developer Guide, "Best practices for designing and using partition keys effectively":
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/bp-partition-key-design.html
PARTITION_READS, PARTITION_WRITES = 3_000.0, 1_000.0
# "DynamoDB on-demand capacity mode": the rate of a new table, the quota of every table, and twice
# the previous peak within 30 minutes.
# https://docs.aws.amazon.com/amazondynamodb/latest/developerguide/on-demand-capacity-mode.html
NEW_TABLE_READS, NEW_TABLE_WRITES = 12_000.0, 4_000.0
TABLE_QUOTA = 40_000.0
DOUBLING_SECONDS = 1_800.0
# S3 User Guide, "Best practices design patterns: optimizing Amazon S3 performance": requests per
# partitioned prefix and second, and 100-200 ms for a small object.
# https://docs.aws.amazon.com/AmazonS3/latest/userguide/optimizing-performance.html
PREFIX_WRITES, PREFIX_READS = 3_500.0, 5_500.0
# Lambda Developer Guide, "Lambda scaling behavior": execution environments per function and 10 s,
# and the default quota of an account.
# https://docs.aws.amazon.com/lambda/latest/dg/scaling-behavior.html
ENVIRONMENTS, ENVIRONMENTS_SECONDS = 1_000.0, 10.0
ACCOUNT_CONCURRENCY = 1_000
# "Configure Lambda function memory": 1,769 MB are one vCPU.
# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
MEMORY_OF_A_CPU = 1_769
# Step Functions Developer Guide, "Service quotas", the smaller ones, of most regions: bucket and
# refill of StateTransition and StartExecution, and child executions of a Distributed Map.
# https://docs.aws.amazon.com/step-functions/latest/dg/service-quotas.html
TRANSITIONS, TRANSITIONS_A_SECOND = 800.0, 800.0
STARTS, STARTS_A_SECOND = 800.0, 150.0
CHILD_EXECUTIONS = 10_000

# Seconds of one call. DynamoDB documents single-digit milliseconds for single items, S3 100-200 ms;
# the others are assumptions, above the usual.
LATENCY = {
    "GetItem": 0.005,
    "PutItem": 0.008,
    "UpdateItem": 0.008,
    "Query": 0.02,
    "BatchGetItem": 0.02,
    "BatchWriteItem": 0.015,
    "TransactWriteItems": 0.05,
    "GetObject": 0.1,
    "PutObject": 0.1,
    "ListObjectsV2": 0.1,
    "PutRecords": 0.05,
    "SendTextMessage": 0.1,
}
TRANSITION_SECONDS = 0.05
COLD_START_SECONDS = 0.5


class Clock:
    """Runs processes in the order of their times, and simultaneous ones as they came."""

    def __init__(self) -> None:
        self.now = 0.0
        self._waiting: list[tuple[float, int, Process]] = []
        self._order = count()

    def start(self, process: Process, after: float = 0.0) -> None:
        """Let a process begin `after` seconds from now."""
        heapq.heappush(self._waiting, (self.now + after, next(self._order), process))

    def run(self) -> float:
        """Run until no process is left; return the time."""
        while self._waiting:
            self.now, _, process = heapq.heappop(self._waiting)
            try:
                delay = next(process)
            except StopIteration:
                continue
            self.start(process, delay)
        return self.now


@dataclass(slots=True)
class Bucket:
    """A token bucket: `size` tokens at first, `rate` more a second."""

    rate: float
    size: float
    tokens: float = field(init=False)
    filled: float = 0.0

    def __post_init__(self) -> None:
        self.tokens = self.size

    def has(self, now: float, tokens: float) -> bool:
        """Check for tokens; a request above the bucket's size needs a full one."""
        self.tokens = min(self.size, self.tokens + (now - self.filled) * self.rate)
        self.filled = now
        return self.tokens + 1e-6 >= min(tokens, self.size)

    def take(self, now: float, tokens: float = 1.0) -> bool:
        """Take all the tokens, or refuse."""
        if not self.has(now, tokens):
            return False
        self.tokens -= tokens
        return True


def a_second_of(rate: float) -> Bucket:
    """Return the bucket of a quota per second without bursts."""
    return Bucket(rate, rate)


@dataclass(slots=True)
class Table:
    """An on-demand table: capacity of the table, which grows with its peak, and of partition keys.

    Each partition key of `hot` has a partition of its own. All others are many and spread evenly.
    """

    reads: float = NEW_TABLE_READS
    writes: float = NEW_TABLE_WRITES
    quota: float = TABLE_QUOTA
    throttled: Counter[str] = field(default_factory=Counter)
    _buckets: dict[str, Bucket] = field(default_factory=dict)
    _grown: float = 0.0
    _used: Counter[str] = field(default_factory=Counter)

    def take(self, now: float, kind: str, units: Mapping[str, float]) -> bool:
        """Take capacity for a call: `kind` is reads or writes; units by hot key, "" for others."""
        self._grow(now)
        limit = PARTITION_READS if kind == "reads" else PARTITION_WRITES
        total = sum(units.values())
        wanted = [(self._bucket(kind, getattr(self, kind)), total, "table")] + [
            (self._bucket(f"{kind} {key}", limit), some, "partition")
            for key, some in units.items()
            if key
        ]
        for bucket, some, name in wanted:
            if not bucket.has(now, some):
                self.throttled[f"{name} {kind}"] += 1
                return False
        for bucket, some, _ in wanted:
            bucket.tokens -= some
        self._used[kind] += int(total)
        return True

    def _bucket(self, name: str, rate: float) -> Bucket:
        if name not in self._buckets:
            self._buckets[name] = a_second_of(rate)
        return self._buckets[name]

    def _grow(self, now: float) -> None:
        """Allow twice the average of the last half hour, where it was busy for all of it."""
        while now - self._grown >= DOUBLING_SECONDS:
            for kind in ("reads", "writes"):
                peak = self._used[kind] / DOUBLING_SECONDS
                grown = min(self.quota, max(getattr(self, kind), 2 * peak))
                setattr(self, kind, grown)
                bucket = self._bucket(kind, grown)
                bucket.rate = bucket.size = grown
            self._used.clear()
            self._grown += DOUBLING_SECONDS


@dataclass(slots=True)
class Pace:
    """The schedules of a sending rate, as `shared.pacing` keeps them: next free time by item."""

    rate: float
    items: int
    next: dict[int, float] = field(default_factory=dict)

    def reserve(self, now: float, n: int, slot: int) -> float:
        """Return the start of the first of `n` sends."""
        item = slot % self.items
        start = max(self.next.get(item, 0.0), now)
        self.next[item] = start + n * self.items / self.rate
        return start


def botocore_pauses(attempts: int, rng: random.Random) -> list[float]:
    """Return the pauses of botocore's standard mode between its attempts for one call."""
    return [rng.random() * min(2**one, 20) for one in range(attempts - 1)]
