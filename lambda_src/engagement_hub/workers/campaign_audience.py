"""Builds the audience of a campaign run: its recipients, in chunks for the senders.

    runs/<run>/chunks/<band>-<shard>-<part>-<treatment>-<kind>.jsonl     at most 200 recipients each

Every step may run twice.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from engagement_hub.engagement import campaigns
from engagement_hub.engagement.campaigns import CHUNKS, ExecutionMetric, SendStatus
from engagement_hub.engagement.eligibility import Rules, Skip, decide
from engagement_hub.engagement.model import Activity, Endpoint
from engagement_hub.hub import Hub
from engagement_hub.store import in_threads
from engagement_hub.workers.audience import Audience, require_whole
from engagement_hub.workers.campaign_plan import (
    CHUNKS_A_BAND,
    ChunkName,
    RunPlan,
    band_prefix,
    chunk_key,
    chunk_prefix,
    plan_of,
    results_prefix,
    run_id_of,
)
from engagement_hub.workers.campaign_records import change_activity
from engagement_hub.workers.sending_rates import concurrency_of
from engagement_hub.workers.steps import Answer, Event, time_is_up

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CHUNK_RECIPIENTS = 200
# Left of a function's time for writing the last chunks and the totals.
_LAST_MILLISECONDS = 30_000


def build_audience(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the chunks of many shards, one after the other, for as long as `Seconds` allows.

    Takes {"Progress": [{"Shard", "After", "Part"}, …], "Seconds"} and returns what is left of it as
    {"Remaining": […], "Done"}. A small project is done in this one call; a large one is left to
    BuildShard, many at a time.
    """
    run_id = run_id_of(event)
    plan, audience = _audience(hub, run_id)
    out_of_time = time_is_up(hub, event, context, _LAST_MILLISECONDS)
    remaining = list(event["Progress"])
    first_parts = {one["Shard"]: one["Part"] for one in remaining}
    _drop_chunks(hub, hub.bucket.keys(chunk_prefix(run_id)), first_parts)
    while remaining and not out_of_time():
        ahead = _build(hub, plan, audience, remaining.pop(0), out_of_time)
        if ahead["After"] is not None:
            remaining.insert(0, ahead)
    return {"Remaining": remaining, "Done": not remaining}


def build_shard(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the chunks of one shard, as far as the time of the function reaches.

    Takes {"Shard", "After", "Part"} and returns the same, further on, with "Done".
    """
    run_id, shard = run_id_of(event), int(event["Shard"])
    plan, audience = _audience(hub, run_id)
    out_of_time = time_is_up(hub, event, context, _LAST_MILLISECONDS)
    first_part = int(event["Part"])
    # The last band first, each in one request: a try that ends amid this leaves no band behind a
    # band without chunks, which the next try would not find.
    for band in reversed(list(_bands_from(hub, run_id, shard, first_part))):
        _drop_chunks(hub, band, {shard: first_part})
    ahead = _build(hub, plan, audience, event, out_of_time)
    return {**ahead, "Done": ahead["After"] is None}


def _audience(hub: Hub, run_id: str) -> tuple[RunPlan, Audience]:
    plan = plan_of(hub, run_id)
    return plan, Audience(hub, plan.app_id, plan.segment)


def _bands_from(hub: Hub, run_id: str, shard: int, part: int) -> Iterator[list[str]]:
    """Yield the chunks of a shard by band, from the band of a part on, until a band is empty."""
    while found := list(hub.bucket.keys(band_prefix(run_id, shard, part))):
        yield found
        part += CHUNKS_A_BAND


def _drop_chunks(hub: Hub, keys: Iterable[str], first_parts: Mapping[int, int]) -> None:
    """Remove the chunks that an earlier try of the same call left behind.

    The audience may have changed since, and no endpoint may be in two chunks.
    """

    def is_left_over(key: str) -> bool:
        chunk = ChunkName.of(key)
        return chunk.shard in first_parts and chunk.part >= first_parts[chunk.shard]

    hub.bucket.delete(key for key in keys if is_left_over(key))


def _build(
    hub: Hub,
    plan: RunPlan,
    audience: Audience,
    at: Mapping[str, Any],
    out_of_time: Callable[[], bool],
) -> Answer:
    """Continue with one shard, by a page at least; return the new position."""
    shard, after, first_part = int(at["Shard"]), at["After"], int(at["Part"])
    writer = _ChunkWriter(hub, plan.run_id, shard, first_part)
    counters: dict[str, dict[str, int]] = {}
    while True:
        page = audience.page(shard, after)
        missed = page.looked_at - len(page.endpoints)
        _add(counters, campaigns.DEFAULT_TREATMENT, ExecutionMetric.FILTERED_OUT_BY_SEGMENT, missed)
        _add(
            counters,
            campaigns.DEFAULT_TREATMENT,
            ExecutionMetric.DUPLICATE_ENDPOINT,
            page.duplicates,
        )
        for endpoint in page.endpoints:
            _place(plan, endpoint, writer, counters, hub.now())
        writer.write_full()
        after = page.after
        if after is None or out_of_time():
            break
    writer.flush()
    _add(counters, campaigns.DEFAULT_TREATMENT, CHUNKS, writer.part - first_part)
    # Also without recipients: an earlier try of this call may have counted some.
    hub.runs.put_part(plan.scope, f"{shard:02x}#{first_part:06d}", counters)
    return {"Shard": shard, "After": after, "Part": writer.part}


def _add(counters: dict[str, dict[str, int]], group: str, name: str, value: int) -> None:
    own = counters.setdefault(group, {})
    own[str(name)] = own.get(str(name), 0) + value


def _place(
    plan: RunPlan,
    endpoint: Endpoint,
    writer: _ChunkWriter,
    counters: dict[str, dict[str, int]],
    now: datetime,
) -> None:
    """Put an endpoint into its treatment's chunk, or count why it gets no message.

    The same rule decides again at the moment of sending.
    """
    decision = decide(endpoint, Rules(), now=now)
    if isinstance(decision, Skip):
        _add(counters, campaigns.DEFAULT_TREATMENT, decision.reason, 1)
        return
    channel = decision.channel
    treatment_id = campaigns.treatment_for(plan.campaign, int(endpoint.get("CohortId") or 0))
    if treatment_id is None:
        _add(counters, campaigns.DEFAULT_TREATMENT, ExecutionMetric.TREATMENT_HOLDOUT, 1)
        writer.add(campaigns.DEFAULT_TREATMENT, False, endpoint, SendStatus.HOLDOUT)
        return
    treatment = plan.treatments[treatment_id]
    custom = treatment.content.is_custom(channel)
    skip = None
    if not custom and treatment.plan(channel) is None:
        if not treatment.has_push(channel):
            _add(counters, treatment_id, ExecutionMetric.ENDPOINT_CHANNEL_MISMATCH, 1)
            return
        skip = SendStatus.UNSUPPORTED_CHANNEL
    _add(counters, treatment_id, ExecutionMetric.ENDPOINT_PRODUCED, 1)
    writer.add(treatment_id, custom, endpoint, skip)


class _ChunkWriter:
    """Collects recipients by treatment and kind, and writes chunks of CHUNK_RECIPIENTS."""

    def __init__(self, hub: Hub, run_id: str, shard: int, part: int) -> None:
        self._bucket = hub.bucket
        self._run_id = run_id
        self._shard = shard
        self._lines: dict[tuple[str, bool], list[dict[str, Any]]] = {}
        self._full: list[tuple[str, list[dict[str, Any]]]] = []
        self.part = part

    def add(self, treatment_id: str, custom: bool, endpoint: Endpoint, skip: str | None) -> None:
        line: dict[str, Any] = {"Endpoint": endpoint}
        if skip:
            line["Skip"] = str(skip)
        lines = self._lines.setdefault((treatment_id, custom), [])
        lines.append(line)
        if len(lines) == CHUNK_RECIPIENTS:
            self._write((treatment_id, custom))

    def flush(self) -> None:
        """Write the last chunks, too."""
        for kind in list(self._lines):
            self._write(kind)
        self.write_full()

    def write_full(self) -> None:
        """Write the full chunks, several at a time."""
        in_threads(lambda chunk: self._bucket.write_lines(*chunk), self._full)
        self._full = []

    def _write(self, kind: tuple[str, bool]) -> None:
        key = chunk_key(self._run_id, self._shard, self.part, kind[0], custom=kind[1])
        self._full.append((key, self._lines.pop(kind)))
        self.part += 1


def seal_audience(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Publish how many endpoints each treatment has; say where the chunks are.

    Raises:
        NotFound: the segment was deleted while its audience was built, which therefore may lack
            members. The run fails before it sends anything.
    """
    run_id = run_id_of(event)
    plan = plan_of(hub, run_id)
    require_whole(hub, plan.app_id, plan.segment, plan.started_at)
    hub.runs.complete_once(plan.scope, "audience", hub.runs.parts(plan.scope))
    totals = hub.runs.totals(plan.scope)
    for treatment in plan.treatments.values():
        produced = totals.get(treatment.id, {}).get(ExecutionMetric.ENDPOINT_PRODUCED, 0)
        change_activity(
            hub,
            plan.app_id,
            plan.campaign["Id"],
            treatment.activity_id,
            partial(_with_total, produced),
        )
    return {
        "Chunks": sum(counts.get(CHUNKS, 0) for counts in totals.values()),
        "Bucket": hub.bucket.name,
        "Prefix": chunk_prefix(run_id),
        "ResultsPrefix": results_prefix(run_id),
        "Concurrency": concurrency_of(plan),
    }


def _with_total(total: int, activity: Activity) -> Activity:
    return {**activity, "TotalEndpointCount": total}
