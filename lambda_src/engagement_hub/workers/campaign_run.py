"""The steps of a campaign run: open it, build the audience, send the chunks, close it.

    runs/<run>/plan.json                                          campaign, segment, templates
    runs/<run>/chunks/<shard>-<part>-<treatment>-<kind>.jsonl     at most 200 recipients each
    runs/<run>/undelivered-events/<chunk>.jsonl                   what the event stream refused

A run is `<campaign>-<number>`. Every step may run twice.
"""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.exceptions import ClientError

from engagement_hub.customer_role import RoleNotAssumable
from engagement_hub.engagement import campaigns, events
from engagement_hub.engagement.campaigns import ExecutionMetric, SendStatus, StoredCampaign
from engagement_hub.engagement.errors import BadRequest, NotFound
from engagement_hub.engagement.messages import template_references
from engagement_hub.engagement.model import (
    Activity,
    ActivityState,
    ChannelType,
    Endpoint,
    EndpointStatus,
    OptOut,
)
from engagement_hub.event_stream import EventsNotDelivered
from engagement_hub.machines import Machines
from engagement_hub.senders import Senders
from engagement_hub.senders.outcome import OPTED_OUT
from engagement_hub.store import dynamodb_client, in_threads
from engagement_hub.store.entities import Kind
from engagement_hub.store.names import (
    activity_entity_id,
    load_template,
    run_activity_id,
    run_scope,
)
from engagement_hub.store.runs import Outcome
from engagement_hub.workers.audience import Audience, require_whole, segment_at, snapshot
from engagement_hub.workers.campaign_plan import (
    ChunkName,
    RunPlan,
    Treatment,
    chunk_key,
    chunk_prefix,
    plan_key,
    run_id_of,
)
from engagement_hub.workers.customer_functions import CustomerFunctions
from engagement_hub.workers.hub import Answer, Event, Hub, all_shards, logger, time_is_up
from engagement_hub.workers.send_chunk import (
    FILTERED,
    ChunkSender,
    Pace,
    Recipient,
    counters_of,
    settled,
)
from shared.pacing import RateLimiter
from shared.pinpoint_events import HubIds
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

CHUNK_RECIPIENTS = 200
# Left of a function's time for writing the last chunks and the totals.
_LAST_MILLISECONDS = 30_000
# One DynamoDB item takes some 1,000 writes a second; a claim of up to 50 sends is one write. Above
# this rate a channel's schedule is spread over several items, each with its share of the rate.
_RATE_PER_PACE_ITEM = 5_000
# Sends a second that one invocation reaches with some margin; sizes the number of invocations.
_RATE_PER_INVOCATION = 40
_MAX_CONCURRENCY = 1_000
_DEFAULT_RATES = {"EMAIL": 14.0, "SMS": 20.0, "VOICE": 1.0}  # new accounts' quotas
_UNLIMITED_RATE = 1_000.0  # a custom channel's function is only held back by the campaign's limit


# Opening


def open_run(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Enter the run: state, next run, activities, snapshot.

    Returns {"Outcome": "RUN", "Progress": […]}, or {"Outcome": "SKIPPED"} for a run that must not
    take place (paused, deleted or ended since it was scheduled, or already over).

    Raises:
        NotFound: the segment or a template is gone. The run fails.
        BadRequest: the segment cannot be evaluated, since it builds on itself. The run fails.
    """
    app_id, campaign_id, run = event["ApplicationId"], event["CampaignId"], int(event["Run"])
    run_id, now = run_id_of(event), hub.now()
    scheduled = datetime.fromisoformat(str(event["ScheduledStart"]))

    def started(body: dict[str, Any]) -> dict[str, Any]:
        return cast(dict[str, Any], campaigns.start_run(cast(StoredCampaign, body), run, now))

    try:
        campaign = cast(
            StoredCampaign, hub.entities.update(app_id, Kind.CAMPAIGN, campaign_id, started)
        )
    except campaigns.RunNotAllowed:
        _skip(hub, app_id, campaign_id, run_id, scheduled)
        return {"Outcome": "SKIPPED", "Progress": []}
    except NotFound:
        return {"Outcome": "SKIPPED", "Progress": []}  # the campaign was deleted
    # EventBridge Scheduler delivers at least once: a second execution must not share the run.
    if not hub.runs.own(run_scope(run_id), str(event.get("Execution", ""))):
        return {"Outcome": "SKIPPED", "Progress": []}
    # Schedules work to the second, so a run may begin just before its own time.
    _schedule_next(campaign, max(now, scheduled))
    for content in campaigns.treatments_of(campaign):
        activity = campaigns.new_activity(
            campaign,
            content.id,
            activity_id=run_activity_id(run_id, content.id),
            scheduled_start=scheduled,
        )
        _put_activity(hub, app_id, campaign_id, campaigns.start_activity(activity, now))
    segment = snapshot(hub, app_id, campaign["SegmentId"], campaign.get("SegmentVersion"))
    hub.bucket.write_json(
        plan_key(run_id),
        {
            "Campaign": campaign,
            "Segment": segment,
            "Templates": _templates(hub, campaign),
            "ScheduledStart": scheduled.isoformat(),
            "StartedAt": now.isoformat(),
        },
    )
    return {"Outcome": "RUN", "Progress": all_shards(hub)}


def _schedule_next(campaign: StoredCampaign, after: datetime) -> None:
    """Schedule the run that comes next, if any; schedules are named after runs, so once."""
    upcoming = campaigns.upcoming_run(campaign, after)
    if upcoming is not None:
        Machines().schedule_run(campaign["ApplicationId"], campaign["Id"], upcoming)


def _skip(hub: Hub, app_id: str, campaign_id: str, run_id: str, scheduled: datetime) -> None:
    """Leave an activity that says why a run did not take place, when the campaign is paused."""
    body = hub.entities.get(app_id, Kind.CAMPAIGN, campaign_id)
    if body is None or not body.get("IsPaused"):
        return
    campaign = cast(StoredCampaign, body)
    for content in campaigns.treatments_of(campaign):
        activity = campaigns.new_activity(
            campaign,
            content.id,
            activity_id=run_activity_id(run_id, content.id),
            scheduled_start=scheduled,
        )
        paused = campaigns.count(activity, metrics={ExecutionMetric.PAUSED: 1})
        paused["State"] = ActivityState.PAUSED.value
        _put_activity(hub, app_id, campaign_id, paused)


def _put_activity(hub: Hub, app_id: str, campaign_id: str, activity: Activity) -> None:
    key = activity_entity_id(campaign_id, activity["Id"])
    hub.entities.upsert(
        app_id,
        Kind.ACTIVITY,
        key,
        lambda current: cast(dict[str, Any], activity) if current is None else current,
    )


def _templates(hub: Hub, campaign: StoredCampaign) -> dict[str, dict[str, Any]]:
    """Return template bodies by treatment and channel, in their active versions."""
    found: dict[str, dict[str, Any]] = {}
    for content in campaigns.treatments_of(campaign):
        references = template_references(content.templates)
        found[content.id] = {
            channel: load_template(hub.entities, channel, name, version)
            for channel, (name, version) in references.items()
        }
    return found


# The audience


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
    _drop_chunks(hub, chunk_prefix(run_id), {one["Shard"]: one["Part"] for one in remaining})
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
    _drop_chunks(hub, f"{chunk_prefix(run_id)}{shard:02x}-", {shard: int(event["Part"])})
    ahead = _build(hub, plan, audience, event, out_of_time)
    return {**ahead, "Done": ahead["After"] is None}


def _audience(hub: Hub, run_id: str) -> tuple[RunPlan, Audience]:
    plan = _plan(hub, run_id)
    return plan, Audience(hub, plan.app_id, plan.segment)


def _drop_chunks(hub: Hub, prefix: str, first_parts: Mapping[int, int]) -> None:
    """Remove the chunks that an earlier try of the same call left behind.

    The audience may have changed since, and no endpoint may be in two chunks.
    """

    def is_left_over(key: str) -> bool:
        shard, part = key.rsplit("/", 1)[-1].split("-")[:2]
        first = first_parts.get(int(shard, 16))
        return first is not None and int(part) >= first

    hub.bucket.delete(key for key in hub.bucket.keys(prefix) if is_left_over(key))


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
            _place(plan, endpoint, writer, counters)
        writer.write_full()
        after = page.after
        if after is None or out_of_time():
            break
    writer.flush()
    _add(counters, campaigns.DEFAULT_TREATMENT, "Chunks", writer.part - first_part)
    if any(value for own in counters.values() for value in own.values()):
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
) -> None:
    """Put an endpoint into its treatment's chunk, or count why it gets no message."""
    reason = _unreachable(endpoint)
    if reason is not None:
        _add(counters, campaigns.DEFAULT_TREATMENT, reason, 1)
        return
    channel = endpoint["ChannelType"]
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


def _unreachable(endpoint: Endpoint) -> str | None:
    if endpoint.get("EndpointStatus") == EndpointStatus.INACTIVE:
        return ExecutionMetric.ENDPOINT_INACTIVE
    if endpoint.get("OptOut") == OptOut.ALL:
        return ExecutionMetric.ENDPOINT_OPT_OUT
    if not endpoint.get("ChannelType"):
        return ExecutionMetric.ENDPOINT_MISSING_CHANNEL
    if not endpoint.get("Address"):
        return ExecutionMetric.ENDPOINT_MISSING_ADDRESS
    return None


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
        NotFound: the segment was deleted while its members were read. The run fails.
    """
    run_id = run_id_of(event)
    plan = _plan(hub, run_id)
    require_whole(hub, plan.app_id, plan.segment, plan.started_at)
    hub.runs.complete_once(plan.scope, "audience", hub.runs.parts(plan.scope))
    totals = hub.runs.totals(plan.scope)
    for treatment in plan.treatments.values():
        produced = totals.get(treatment.id, {}).get(ExecutionMetric.ENDPOINT_PRODUCED, 0)
        _change_activity(
            hub, plan, treatment, lambda body, n=produced: {**body, "TotalEndpointCount": n}
        )
    return {
        "Chunks": sum(counts.get("Chunks", 0) for counts in totals.values()),
        "Bucket": hub.bucket.name,
        "Prefix": chunk_prefix(run_id),
        "Concurrency": _concurrency(plan),
    }


def _concurrency(plan: RunPlan) -> int:
    """Count how many chunks to work on at a time: enough for the rate, few enough not to queue."""
    channels = [
        channel
        for channel in ("SMS", "EMAIL", "VOICE")
        if any(treatment.plan(channel) for treatment in plan.treatments.values())
    ]
    rate = sum(channel_rate(channel) for channel in channels) or _UNLIMITED_RATE
    rate = min(rate, plan.limits.messages_per_second or rate)
    return max(1, min(_MAX_CONCURRENCY, math.ceil(rate / _RATE_PER_INVOCATION)))


# Sending


_PLANS: dict[str, RunPlan] = {}


def _plan(hub: Hub, run_id: str) -> RunPlan:
    """Return the run's snapshot; the last one is kept, since a function works on many of its
    chunks."""
    if run_id not in _PLANS:
        _PLANS.clear()
        _PLANS[run_id] = RunPlan.load(hub, run_id)
    return _PLANS[run_id]


def channel_rate(channel: str) -> float:
    """Return the messages a second that a channel of this hub may send."""
    if channel not in _DEFAULT_RATES:
        return _UNLIMITED_RATE
    return float(os.environ.get(f"{channel}_MESSAGES_PER_SECOND") or _DEFAULT_RATES[channel])


class Paces:
    """The rate limiters of a chunk: the channel's, shared by all projects, and the run's own."""

    def __init__(self, plan: RunPlan, chunk: ChunkName) -> None:
        self._plan = plan
        self._slot = int(chunk.id[:2], 16)  # the shard: chunks are spread evenly over them
        self._known: dict[str, Sequence[Pace]] = {}

    def of(self, channel: str) -> Sequence[Pace]:
        if channel not in self._known:
            # The run's own first: a reservation in vain there delays no other run.
            own = self._plan.limits.messages_per_second
            limits = [(self._plan.run_id, float(own))] if own else []
            if channel != ChannelType.CUSTOM:
                limits.append((channel, channel_rate(channel)))
            self._known[channel] = [self._limiter(key, rate) for key, rate in limits]
        return self._known[channel]

    def rate(self, channel: str) -> float:
        """Return the rate at which one invocation may send its reserved messages."""
        own = self._plan.limits.messages_per_second
        return min(channel_rate(channel), float(own)) if own else channel_rate(channel)

    def _limiter(self, key: str, rate: float) -> RateLimiter:
        items = math.ceil(rate / _RATE_PER_PACE_ITEM)
        return RateLimiter(
            dynamodb_client(),
            required_env("RUNS_TABLE"),
            f"{key}#{self._slot % items}",
            rate / items,
        )


def send_chunk(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Send one chunk, report its events, and count it; {"Status": "continue"} when time ran out.

    Raises:
        ClaimLost: another invocation works on the chunk; a retry finds out how that ended.
    """
    run_id, chunk = run_id_of(event), ChunkName.of(str(event["Key"]))
    plan = _plan(hub, run_id)
    record = hub.runs.chunk(plan.scope, chunk.id)
    if record.done:
        return {"Status": "done"}
    recipients = [
        Recipient(position, line["Endpoint"], line.get("Skip"))
        for position, line in enumerate(hub.bucket.read_lines(str(event["Key"])))
    ]
    treatment = plan.treatments[chunk.treatment_id]
    paces = Paces(plan, chunk)
    sender = ChunkSender(
        plan=plan,
        treatment=treatment,
        custom=chunk.custom,
        runs=hub.runs,
        sender=_senders(),
        functions=_functions(),
        pace_for=paces.of,
        rate_for=paces.rate,
        remaining_milliseconds=context.get_remaining_time_in_millis,
        clock=hub.clock,
    )
    if not sender.run(chunk.id, recipients):
        return {"Status": "continue"}
    _conclude(hub, plan, treatment, chunk, recipients)
    return {"Status": "done"}


@lru_cache(maxsize=1)
def _senders() -> Senders:
    senders = Senders.from_environment()
    senders.prepare()
    return senders


@lru_cache(maxsize=1)
def _functions() -> CustomerFunctions:
    return CustomerFunctions()


def _conclude(
    hub: Hub,
    plan: RunPlan,
    treatment: Treatment,
    chunk: ChunkName,
    recipients: Sequence[Recipient],
) -> None:
    """Report and count a chunk whose recipients are all claimed."""
    outcomes = hub.runs.chunk(plan.scope, chunk.id).outcomes
    results = settled(recipients, outcomes)
    _publish(hub, plan, chunk, _events(hub, plan, treatment, chunk, results))
    counters = {treatment.id: counters_of(results)}
    refusals = Counter(str(outcome["reason"]) for _, outcome in results if "reason" in outcome)
    if refusals:
        logger.warning("sends refused", run=plan.run_id, chunk=chunk.id, reasons=dict(refusals))
    hub.runs.finish_chunk(plan.scope, chunk.id, counters)


def _events(
    hub: Hub,
    plan: RunPlan,
    treatment: Treatment,
    chunk: ChunkName,
    results: Sequence[tuple[Recipient, Outcome]],
) -> list[dict[str, Any]]:
    now, account = hub.now(), required_env("ACCOUNT_ID")
    records = []
    for one, outcome in results:
        status = str(outcome["status"])
        if status == FILTERED:
            continue
        records.append(
            events.campaign_send(
                one.endpoint,
                status,
                app_id=plan.app_id,
                campaign_id=plan.campaign["Id"],
                activity_id=treatment.activity_id,
                treatment_id=treatment.id,
                delivery_type="CUSTOM" if chunk.custom else one.channel,
                now=now,
                account_id=account,
            )
        )
        refusal = _refusal_status(outcome)
        if one.channel == ChannelType.SMS and refusal is not None:
            ids = HubIds(
                application_id=plan.app_id,
                campaign_id=plan.campaign["Id"],
                campaign_activity_id=treatment.activity_id,
                treatment_id=treatment.id,
                endpoint_id=one.id,
            )
            records.append(
                events.sms_refused(
                    refusal, ids=ids, destination=one.address, now=now, account_id=account
                )
            )
    return records


def _refusal_status(outcome: Outcome) -> str | None:
    """Return the record_status of a text that the sending service refused without an event.

    None for a text that was accepted, or may have been: delivery events will report it.
    """
    reason = outcome.get("reason")
    if reason is None or outcome["status"] == SendStatus.UNKNOWN:
        return None
    if reason == OPTED_OUT:
        return events.RefusedStatus.OPTED_OUT
    if str(reason).startswith("MONTHLY_SPEND_LIMIT_REACHED"):
        return events.RefusedStatus.MAX_PRICE_EXCEEDED
    return events.RefusedStatus.UNKNOWN


def _publish(
    hub: Hub, plan: RunPlan, chunk: ChunkName, records: Sequence[Mapping[str, Any]]
) -> None:
    """Write events to the stream; keep refused events in the work bucket.

    The messages are out by now: a stream that is gone must not stop the run.
    """
    try:
        hub.stream.publish(plan.app_id, records)
    except (EventsNotDelivered, RoleNotAssumable, ClientError) as error:
        key = f"runs/{plan.run_id}/undelivered-events/{chunk.id}.jsonl"
        hub.bucket.write_lines(key, records)
        logger.error(
            "events undelivered", key=key, count=len(records), error_type=type(error).__name__
        )
        with single_metric(
            name="UndeliveredEvents",
            unit=MetricUnit.Count,
            value=len(records),
            namespace="EngagementHub",
            default_dimensions={"service": "engagement-hub"},
        ) as metric:
            metric.add_dimension(
                "FunctionName", os.environ.get("AWS_LAMBDA_FUNCTION_NAME", "local")
            )


def chunk_failed(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Conclude a chunk that failed again and again: claimed ones without outcome are UNKNOWN, those
    never claimed end as FAILURE. The run ends with Result FAIL."""
    run_id, chunk = run_id_of(event), ChunkName.of(str(event["Key"]))
    plan = _plan(hub, run_id)
    treatment = plan.treatments[chunk.treatment_id]
    lines = hub.bucket.read_lines(str(event["Key"]))
    recipients = [
        Recipient(position, line["Endpoint"], line.get("Skip"))
        for position, line in enumerate(lines)
    ]
    record = hub.runs.chunk(plan.scope, chunk.id)
    if record.done:
        return {"Status": "done"}
    if record.claimed < len(recipients):
        failed: Outcome = {"status": SendStatus.FAILURE.value}
        hub.runs.claim(plan.scope, chunk.id, held=record.claimed, upto=len(recipients))
        hub.runs.record(
            plan.scope,
            chunk.id,
            {one.position: failed for one in recipients[record.claimed :]},
        )
    hub.runs.complete_once(plan.scope, f"failed#{chunk.id}", {treatment.id: {"ChunksFailed": 1}})
    _conclude(hub, plan, treatment, chunk, recipients)
    return {"Status": "done"}


# Closing


_OWN_COUNTERS = frozenset({"Chunks", "ChunksDone", "ChunksFailed"})
# No other event reports these: the caller's function failed, and its recipients got nothing.
_FAILURES = ("ChunksFailed", SendStatus.HOOK_FAILURE, SendStatus.CUSTOM_DELIVERY_FAILURE)


def close_run(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the activities' counters and results, and the campaign's state after the run."""
    run_id, now = run_id_of(event), hub.now()
    plan = _plan(hub, run_id)
    totals = hub.runs.totals(plan.scope)
    chunks = sum(counts.get("Chunks", 0) for counts in totals.values())
    done = sum(counts.get("ChunksDone", 0) for counts in totals.values())
    results = []
    for treatment in plan.treatments.values():
        counts = totals.get(treatment.id, {})
        failed = done < chunks or any(counts.get(name, 0) for name in _FAILURES)
        metrics = {
            name: str(value)
            for name, value in counts.items()
            if value and name not in _OWN_COUNTERS
        }

        def closed(
            body: dict[str, Any],
            counts: Mapping[str, int] = counts,
            metrics: Mapping[str, str] = metrics,
            failed: bool = failed,
        ) -> dict[str, Any]:
            counted = {
                **body,
                "TotalEndpointCount": counts.get(ExecutionMetric.ENDPOINT_PRODUCED, 0),
                "SuccessfulEndpointCount": counts.get(SendStatus.SUCCESS, 0),
                "ExecutionMetrics": metrics,
            }
            finished = campaigns.finish_activity(cast(Activity, counted), now, failed=failed)
            return cast(dict[str, Any], finished)

        _change_activity(hub, plan, treatment, closed)
        results.append("FAIL" if failed else "SUCCESS")
    _finish_campaign(hub, event, now)
    return {"Result": "FAIL" if "FAIL" in results else "SUCCESS"}


def _change_activity(hub: Hub, plan: RunPlan, treatment: Treatment, change: Any) -> None:
    key = activity_entity_id(plan.campaign["Id"], treatment.activity_id)
    hub.entities.update(plan.app_id, Kind.ACTIVITY, key, change)


def _finish_campaign(hub: Hub, event: Event, now: datetime) -> None:
    try:
        body = hub.entities.update(
            event["ApplicationId"],
            Kind.CAMPAIGN,
            event["CampaignId"],
            lambda body: cast(
                dict[str, Any], campaigns.finish_run(cast(StoredCampaign, body), now)
            ),
        )
    except NotFound:
        logger.info("campaign deleted during its run", CampaignId=event["CampaignId"])
        return
    # Again: when this run took longer than the period, the next one came and had to be skipped.
    _schedule_next(cast(StoredCampaign, body), now)


def fail_run(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """End a run that broke off: activities FAIL; the campaign DELETED when its segment is gone,
    INVALID when anything else it names is, else as after any run.

    Source of DELETED: Pinpoint user guide, "Deleting a segment".
    """
    app_id, campaign_id = event["ApplicationId"], event["CampaignId"]
    run_id, now = run_id_of(event), hub.now()
    body = hub.entities.get(app_id, Kind.CAMPAIGN, campaign_id)
    if body is None:
        return {"Result": "FAIL"}
    campaign = cast(StoredCampaign, body)
    totals = hub.runs.totals(run_scope(run_id))
    for content in campaigns.treatments_of(campaign):
        counts = totals.get(content.id, {})

        def failed(
            activity: dict[str, Any] | None, counts: Mapping[str, int] = counts
        ) -> dict[str, Any]:
            counted = {
                **(activity or {}),
                "SuccessfulEndpointCount": counts.get(SendStatus.SUCCESS, 0),
            }
            finished = campaigns.finish_activity(cast(Activity, counted), now, failed=True)
            return cast(dict[str, Any], finished)

        key = activity_entity_id(campaign_id, run_activity_id(run_id, content.id))
        if hub.entities.get(app_id, Kind.ACTIVITY, key) is not None:
            hub.entities.update(app_id, Kind.ACTIVITY, key, failed)
    change = _end_of(hub, app_id, campaign)
    after = hub.entities.update(
        app_id,
        Kind.CAMPAIGN,
        campaign_id,
        lambda current: cast(dict[str, Any], change(cast(StoredCampaign, current), now)),
    )
    _schedule_next(cast(StoredCampaign, after), now)
    return {"Result": "FAIL"}


def _end_of(hub: Hub, app_id: str, campaign: StoredCampaign) -> Any:
    try:
        segment_at(hub, app_id, campaign["SegmentId"], None)
    except NotFound:
        return campaigns.delete_campaign
    try:
        snapshot(hub, app_id, campaign["SegmentId"], campaign.get("SegmentVersion"))
        _templates(hub, campaign)
    except (BadRequest, NotFound):
        return campaigns.invalidate_campaign
    return campaigns.finish_run


STEPS = {
    "OpenRun": open_run,
    "BuildAudience": build_audience,
    "BuildShard": build_shard,
    "SealAudience": seal_audience,
    "SendChunk": send_chunk,
    "ChunkFailed": chunk_failed,
    "CloseRun": close_run,
    "FailRun": fail_run,
}
