"""The rules of the simulation that benchmarks/bench_scale.py runs on."""

import pytest

from benchmarks.simulated_aws import Bucket, Clock, Pace, Process, Table


def test_the_clock_runs_processes_in_the_order_of_their_times() -> None:
    clock, seen = Clock(), []

    def process(name: str, *delays: float) -> Process:
        for delay in delays:
            yield delay
            seen.append((name, clock.now))

    clock.start(process("slow", 2, 2))
    clock.start(process("fast", 1, 2))
    clock.start(process("late", 0), after=3)

    end = clock.run()

    assert seen == [("fast", 1), ("slow", 2), ("fast", 3), ("late", 3), ("slow", 4)]
    assert end == 4


def test_a_partition_takes_1000_writes_in_a_second_and_refuses_the_next() -> None:
    table = Table(40_000, 40_000)

    taken = sum(table.take(0.0, "writes", {"hot": 1}) for _ in range(1_500))

    assert taken == 1_000
    assert table.throttled == {"partition writes": 500}
    assert table.take(0.0, "writes", {"another": 1})
    assert table.take(0.5, "writes", {"hot": 500})
    assert not table.take(0.5, "writes", {"hot": 1})


def test_a_partition_takes_3000_reads_in_a_second() -> None:
    table = Table(40_000, 40_000)

    assert table.take(0.0, "reads", {"hot": 3_000})
    assert not table.take(0.0, "reads", {"hot": 0.5})


def test_a_new_table_takes_4000_writes_however_they_are_spread() -> None:
    table = Table()

    taken = sum(table.take(0.0, "writes", {f"key {n}": 100}) for n in range(100))

    assert taken == 40
    assert table.throttled == {"table writes": 60}


def test_a_refused_call_consumes_nothing() -> None:
    table = Table(40_000, 40_000)
    table.take(0.0, "writes", {"hot": 1_000})

    assert not table.take(0.0, "writes", {"hot": 1, "cool": 1_000})
    assert table.take(0.0, "writes", {"cool": 1_000})


def test_a_table_that_was_busy_for_half_an_hour_takes_twice_as_much() -> None:
    table = Table()
    for second in range(1_800):
        assert table.take(float(second), "writes", {"": 4_000})

    assert table.take(1_800.0, "writes", {"": 8_000})
    assert not table.take(1_800.0, "writes", {"": 1})


def test_a_table_does_not_grow_past_its_quota_nor_while_it_is_idle() -> None:
    busy, idle = Table(30_000, 30_000), Table()
    for second in range(1_800):
        busy.take(float(second), "writes", {"": 30_000})

    assert busy.take(1_800.0, "writes", {"": 40_000})
    assert not busy.take(1_800.0, "writes", {"": 1})
    assert not (idle.take(1_800.0, "writes", {"": 4_000}) and idle.take(1_800.0, "writes", {"": 1}))


def test_a_bucket_refills_at_its_rate_up_to_its_size() -> None:
    bucket = Bucket(rate=150, size=800)

    assert sum(bucket.take(0.0) for _ in range(1_000)) == 800
    assert sum(bucket.take(1.0) for _ in range(1_000)) == 150
    assert sum(bucket.take(100.0) for _ in range(1_000)) == 800


def test_a_pace_of_several_items_keeps_to_the_rate_in_all() -> None:
    pace = Pace(rate=20_000, items=4)

    starts = [pace.reserve(0.0, 50, slot) for slot in range(4_000)]

    assert max(starts) == pytest.approx(4_000 * 50 / 20_000, abs=0.02)
    assert max(pace.reserve(0.0, 50, 0) for _ in range(100)) > 10.9
