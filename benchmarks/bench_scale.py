"""Simulate two million endpoints: import, audience, campaign, deletion of the list.

Real: the workers' code, which imports, selects and sends in projects of growing size while
`recorded_aws` answers: the calls of each step, the capacity they consume, the order of the chunks,
and the CPU time. Modelled: the time. The recorded steps are played again on `simulated_aws` by as
many functions as the state machines run, until two million endpoints are through.
"""

from __future__ import annotations

import json
import random
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from benchmarks import Figure
from benchmarks import simulated_aws as aws
from benchmarks.hub_steps import Project, chunk_keys, recorded_hub
from benchmarks.recorded_aws import Call, Step
from benchmarks.simulated_aws import Bucket, Clock, Pace, Process, Table

SIZES = (10_000, 20_000, 40_000, 80_000)
ENDPOINTS = 2_000_000
MANY = 100_000_000
CHUNK = 200
CHUNKS_SENT = 50
SHARDS = 32
PIECE = 1_000
PARALLEL = 8  # threads of a step
MESSAGES_PER_SECOND = 20_000
# Functions of the module: memory in MB, and how many run at a time.
IMPORT_MB, CAMPAIGN_MB = 1769, 512
AUDIENCE_FUNCTIONS = 16
SENDING_FUNCTIONS = MESSAGES_PER_SECOND // 40
# Waiting for capacity, as `store.waits_for_capacity` does, and the retries of the state machines.
PATIENT_SECONDS, IMPATIENT_SECONDS = 840.0, 3.0
BOTOCORE_ATTEMPTS = 4
STEP_ATTEMPTS = 30


@dataclass(frozen=True, slots=True)
class Scenario:
    """An account: the rate that its tables are warm for (None: new tables), and the module's input
    `import_concurrency`."""

    name: str
    table_rate: float | None
    import_concurrency: int


SCENARIOS = (
    Scenario("new tables", None, 8),
    Scenario("tables warm for the default quota", aws.TABLE_QUOTA, 100),
    Scenario("tables warm for four times the quota", 4 * aws.TABLE_QUOTA, 100),
)
FIGURES = {
    "cpu_milliseconds.*": Figure(
        "CPU time of a hub's steps for 1,000 rows, endpoints, messages or entries, by the size of "
        "the project",
        "ms",
    ),
    "calls.*": Figure("AWS calls of the same, in the largest project", "calls"),
    "write_units.*": Figure("DynamoDB write units of the same", "units"),
    "read_units.*": Figure("DynamoDB read units of the same", "units"),
    "growth.*, calls": Figure(
        "Calls for 1,000 in a project of 80,000, as a multiple of the calls in a project of 10,000",
        "×",
        at_most=1.05,
    ),
    "growth.*, cpu": Figure(
        "The same of CPU time, on a busy machine: measurements of one size differ by a third",
        "×",
        at_most=1.5,
    ),
    "seconds.*": Figure(
        "Simulated time of {endpoints:,} endpoints: step by step, at documented limits", "s"
    ),
    "hours.*": Figure("The same of {many:,} endpoints, from the rates of the simulation", "hours"),
    "throttled.*": Figure("Calls that DynamoDB refused in the simulation, by limit", "calls"),
    "failed_chunks.*": Figure(
        "Chunks, pieces and shards that failed in the simulation", "failures", at_most=0
    ),
}


@dataclass(frozen=True, slots=True)
class Played:
    """A recorded call as the simulation plays it: units by hot key, `@` for the process's shard."""

    operation: str
    table: str
    kind: str
    units: dict[str, float]
    sends_paced: int


def hot_key(pk: str) -> str:
    """Return the name of a partition key that many calls share, or "" of another one."""
    if "#endpoint#" in pk or "#list#" in pk:
        return ("list " if "#list#" in pk else "endpoint ") + pk[-2:]
    if pk.startswith("pace#"):
        return "pace"
    shared = pk.startswith(("run#", "import#")) and "#chunk#" not in pk and "#address#" not in pk
    return pk.split("#")[0] if shared else ""


def played(call: Call, *, one_shard: bool) -> Played:
    """Return a call for playing; with `one_shard` all its shards are the process's own."""
    units: defaultdict[str, float] = defaultdict(float)
    for pk, some in (call.writes or call.reads).items():
        key = hot_key(pk)
        shard = one_shard and key.startswith(("endpoint ", "list "))
        units[key[:-2] + "@" if shard else key] += some
    kind = "writes" if call.writes else "reads"
    return Played(call.operation, call.table, kind, dict(units), 50 if "pace" in units else 0)


def stages(step: Step, *, one_shard: bool) -> list[tuple[list[Played], float, bool]]:
    """Group the calls, with their CPU time and whether a pool made them: a single call of the main
    thread, or up to 16 of a pool."""
    groups: list[tuple[list[Played], bool]] = []
    for call in step.calls:
        one = played(call, one_shard=one_shard)
        if call.in_pool and groups and groups[-1][1] and len(groups[-1][0]) < 2 * PARALLEL:
            groups[-1][0].append(one)
        else:
            groups.append(([one], call.in_pool))
    each = step.cpu_seconds / len(step.calls)
    return [(calls, each * len(calls), pooled) for calls, pooled in groups]


@dataclass(slots=True)
class Simulation:
    """The account: tables, state machines, functions, and the clock of all."""

    table_rate: float | None
    clock: Clock = field(default_factory=Clock)
    rng: random.Random = field(default_factory=lambda: random.Random(1))
    tables: dict[str, Table] = field(init=False)
    starts: Bucket = field(default_factory=lambda: Bucket(aws.STARTS_A_SECOND, aws.STARTS))
    transitions: Bucket = field(
        default_factory=lambda: Bucket(aws.TRANSITIONS_A_SECOND, aws.TRANSITIONS)
    )
    prefixes: dict[str, Bucket] = field(
        default_factory=lambda: {
            "GetObject": aws.a_second_of(aws.PREFIX_READS),
            "PutObject": aws.a_second_of(aws.PREFIX_WRITES),
        }
    )
    pace: Pace = field(default_factory=lambda: Pace(MESSAGES_PER_SECOND, 4))
    failed: int = 0

    def __post_init__(self) -> None:
        rate = self.table_rate
        self.tables = {
            name: Table() if rate is None else Table(rate, rate, rate)
            for name in ("endpoints", "runs", "entities")
        }

    def throttled(self) -> Counter[str]:
        """Return the refused calls by table and limit."""
        return Counter(
            {
                f"{name} {limit}": number
                for name, table in self.tables.items()
                for limit, number in table.throttled.items()
            }
        )

    def map(
        self,
        items: Iterable[Any],
        functions: int,
        work: Callable[[Any], Process],
        *,
        children: bool = True,
    ) -> None:
        """Let functions work on items in their order, as a Map does."""
        left = iter(items)

        def function() -> Process:
            yield aws.COLD_START_SECONDS
            for item in left:
                tokens = 4 if children else 2
                while children and not self.starts.take(self.clock.now):
                    yield 0.05
                while not self.transitions.take(self.clock.now, tokens):
                    yield 0.05
                yield tokens * aws.TRANSITION_SECONDS
                yield from work(item)

        for number in range(min(functions, aws.ACCOUNT_CONCURRENCY, aws.CHILD_EXECUTIONS)):
            self.clock.start(function(), number // aws.ENVIRONMENTS * aws.ENVIRONMENTS_SECONDS)

    def play(
        self,
        step: Sequence[tuple[list[Played], float, bool]],
        *,
        memory_mb: float,
        shard: int = 0,
        slot: int = 0,
        patient: bool = False,
    ) -> Process:
        """Play a step: CPU at the function's share of a core, waiting, capacity, paces."""
        cpu = memory_mb / aws.MEMORY_OF_A_CPU
        attempts = 0
        for calls, cpu_seconds, pooled in step:
            latencies = [aws.LATENCY[call.operation] for call in calls]
            wait = max(max(latencies), sum(latencies) / PARALLEL) if pooled else sum(latencies)
            yield max(wait, cpu_seconds / cpu) if pooled else wait + cpu_seconds / cpu
            pending = [call for call in calls if call.table or call.operation in self.prefixes]
            while pending := (yield from self._obtain(pending, shard, patient=patient)):
                attempts += 1  # the step has failed; the state machine runs it again
                if attempts > STEP_ATTEMPTS:
                    self.failed += 1
                    return
                yield self.rng.uniform(0, min(60, 2 * 2**attempts))
            paced = sum(call.sends_paced for call in calls)
            if paced:
                start = self.pace.reserve(self.clock.now, paced, slot)
                yield max(0.0, start - self.clock.now - 0.1)

    def _obtain(
        self, pending: list[Played], shard: int, *, patient: bool
    ) -> Any:  # a generator of pauses; returns the calls that gave up
        began, delay = self.clock.now, 0.05
        while True:
            pauses = aws.botocore_pauses(BOTOCORE_ATTEMPTS, self.rng)
            for pause in [*pauses, 0.0]:
                pending = [call for call in pending if not self._take(call, shard)]
                if not pending:
                    return []
                yield pause
            # Batches and an import's transactions wait for capacity, other writes fail.
            batch = all(call.operation.startswith("Batch") for call in pending)
            allowed = PATIENT_SECONDS if patient else IMPATIENT_SECONDS if batch else 0.0
            if self.clock.now - began >= allowed:
                return pending
            yield self.rng.uniform(delay / 2, delay)
            delay = min(2 * delay, 20.0)

    def _take(self, call: Played, shard: int) -> bool:
        if call.operation in self.prefixes:
            return self.prefixes[call.operation].take(self.clock.now)
        units = {
            f"{key[:-1]}{shard:02x}" if key.endswith("@") else key: some
            for key, some in call.units.items()
        }
        return self.tables[call.table].take(self.clock.now, call.kind, units)


def repeated(step: Any, times: float) -> Iterator[Any]:
    """Play a step several times, the last time in part."""
    for _ in range(int(times)):
        yield from step
    yield from step[: int((times % 1) * len(step))]


def of_list_shard(step: Step, shard: int) -> Step:
    """Return the part of a deletion that one thread does in one shard of the list."""
    calls = [
        replace(call, in_pool=False)
        for call in step.calls
        if f"list {shard:02x}" in map(hot_key, call.writes or call.reads)
    ]
    return Step(calls, step.cpu_seconds * len(calls) / len(step.calls))


def simulated(name: str, recorded: Sequence[Step], scenario: Scenario) -> Simulation:
    """Return the account after one part of the work for all endpoints."""
    account = Simulation(scenario.table_rate)
    rng = random.Random(2)
    if name == "delete":
        recorded = [of_list_shard(recorded[0], shard) for shard in range(SHARDS)]
    steps = [stages(step, one_shard=name != "import") for step in recorded]
    per_shard = ENDPOINTS / SIZES[-1]

    def shard_step(shard: int, memory_mb: float) -> Process:
        step = list(repeated(steps[shard], per_shard))
        return account.play(step, memory_mb=memory_mb, shard=shard, patient=name == "delete")

    if name == "import":
        account.map(
            range(ENDPOINTS // PIECE),
            scenario.import_concurrency,
            lambda _: account.play(rng.choice(steps), memory_mb=IMPORT_MB, patient=True),
        )
    elif name == "send":
        account.map(
            chunk_keys(ENDPOINTS // CHUNK // SHARDS, SHARDS),
            SENDING_FUNCTIONS,
            lambda place: account.play(
                rng.choice(steps), memory_mb=CAMPAIGN_MB, shard=place[0], slot=place[1]
            ),
        )
    elif name == "delete":  # the threads of one function
        share = IMPORT_MB / PARALLEL
        account.map(range(SHARDS), PARALLEL, lambda one: shard_step(one, share), children=False)
    else:
        shards = range(SHARDS)
        account.map(
            shards, AUDIENCE_FUNCTIONS, lambda one: shard_step(one, CAMPAIGN_MB), children=False
        )
    account.clock.run()
    return account


def measured(rows: int, hub: Any, recorded: Any) -> tuple[dict[str, list[Step]], dict[str, int]]:
    """Run all steps in a project of `rows` people; return them, and the units of work of each."""
    project = Project(hub, recorded, rows)
    steps = {"parse": project.parse(), "import": project.register()}
    run = project.open("people")
    steps["list"] = project.audience(run)
    steps["send"] = project.send(run, CHUNKS_SENT)
    steps["criteria"] = project.audience(project.open("all"))
    steps["delete"] = [project.delete_list()]
    work = dict.fromkeys(steps, rows) | {"send": len(steps["send"]) * CHUNK}
    return steps, work


def run() -> dict[str, Any]:
    """Return what was measured of the code, and what the simulation makes of it."""
    by_size: dict[int, dict[str, dict[str, float]]] = {}
    with recorded_hub() as (hub, recorded):
        for rows in SIZES:
            steps, work = measured(rows, hub, recorded)
            by_size[rows] = {
                name: figures_of(some, work[name] / 1_000) for name, some in steps.items()
            }
            recorded.objects.clear()
    first, last = by_size[SIZES[0]], by_size[SIZES[-1]]
    result: dict[str, Any] = {
        "endpoints": ENDPOINTS,
        "many": MANY,
        "cpu_milliseconds": {
            f"{name}, {rows:,}": round(by_size[rows][name]["cpu"] * 1000, 1)
            for name in last
            for rows in SIZES
        },
        **{
            figure: {name: round(values[figure], 1) for name, values in last.items()}
            for figure in ("calls", "write_units", "read_units")
        },
        "growth": {
            f"{name}, {figure}": round(last[name][figure] / first[name][figure], 2)
            for name in last
            for figure in ("calls", "cpu")
        },
        **simulation({name: some for name, some in steps.items() if name != "parse"}),
    }
    return result


def figures_of(steps: Sequence[Step], thousands: float) -> dict[str, float]:
    """Return CPU seconds, calls and units for 1,000."""
    calls = [call for step in steps for call in step.calls]
    return {
        "cpu": sum(step.cpu_seconds for step in steps) / thousands,
        "calls": len(calls) / thousands,
        "write_units": sum(sum(call.writes.values()) for call in calls) / thousands,
        "read_units": sum(sum(call.reads.values()) for call in calls) / thousands,
    }


def simulation(steps: dict[str, list[Step]]) -> dict[str, Any]:
    """Return the times of all parts in all accounts, and the refusals."""
    seconds: dict[str, float] = {}
    hours: dict[str, float] = {}
    throttled: dict[str, int] = {}
    failed: dict[str, int] = {}
    for name, recorded in steps.items():
        for scenario in SCENARIOS:
            key = f"{name}, {scenario.name}"
            account = simulated(name, recorded, scenario)
            seconds[key] = round(account.clock.now)
            throttled |= {f"{key}: {limit}": n for limit, n in account.throttled().items()}
            failed[key] = account.failed
            if scenario.table_rate is not None:
                hours[key] = round(account.clock.now * MANY / ENDPOINTS / 3600, 1)
    return {"seconds": seconds, "hours": hours, "throttled": throttled, "failed_chunks": failed}


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
