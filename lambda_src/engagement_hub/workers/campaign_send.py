"""Sends the chunks of a campaign run, and reports and counts their outcomes.

runs/<run>/undelivered-events/<chunk>.jsonl                   what the event stream refused
"""

from __future__ import annotations

import math
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from engagement_hub.engagement import events
from engagement_hub.engagement.campaigns import CHUNKS_FAILED, SendStatus
from engagement_hub.engagement.model import ChannelType
from engagement_hub.event_stream import STREAM_FAILURES
from engagement_hub.hub import Hub
from engagement_hub.store.channels import channel_settings
from engagement_hub.store.runs import ClaimLost, Outcome
from engagement_hub.workers.campaign_plan import (
    ChunkName,
    RunPlan,
    Treatment,
    plan_of,
    run_id_of,
)
from engagement_hub.workers.chunk_outcomes import (
    CONTENT_DIGEST,
    Recipient,
    counters_of,
    settled,
)
from engagement_hub.workers.send_chunk import ChunkSender
from engagement_hub.workers.sending_rates import ChunkPaces
from engagement_hub.workers.steps import Answer, Event, logger
from shared.pinpoint_events import HubIds
from shared.send_outcome import OPTED_OUT

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

_STATUSES = frozenset(str(status) for status in SendStatus)
# Pauses before a rate that other runs have booked out is asked for again, by the number of
# invocations for the chunk. An execution has 25,000 events, and each invocation takes ten.
_BOOKED_OUT_SECONDS = ((100, 30), (500, 120))
_LONG_BOOKED_OUT_SECONDS = 1_200


def send_chunk(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Send one chunk, report its events, and count it.

    Returns {"Status": "done"}, or {"Status": "continue"} with `Seconds`, the pause before the next
    invocation for the same chunk, and `Turn`, the number of that invocation.
    """
    pause = _send_rest(hub, event, context)
    return {
        "Status": "done" if pause is None else "continue",
        "Seconds": math.ceil(pause or 0),
        "Turn": int(event.get("Turn", 0)) + 1,
    }


def _send_rest(hub: Hub, event: Event, context: LambdaContext) -> float | None:
    """Send what is left of a chunk; return None at its end, else the seconds to wait."""
    run_id, chunk = run_id_of(event), ChunkName.of(str(event["Key"]))
    plan = plan_of(hub, run_id)
    if hub.runs.chunk(plan.scope, chunk.id).done:
        return None
    recipients = _recipients(hub, event)
    treatment = plan.treatments[chunk.treatment_id]
    paces = ChunkPaces(plan.run_id, plan.limits.messages_per_second, chunk.id)
    sender = ChunkSender(
        plan=plan,
        treatment=treatment,
        chunk=chunk.id,
        custom=chunk.custom,
        token=uuid.uuid4().hex,
        settings=channel_settings(hub.entities, plan.app_id),
        booked_out_seconds=booked_out_seconds(int(event.get("Turn", 0))),
        runs=hub.runs,
        endpoints=hub.endpoints,
        sender=hub.senders,
        functions=hub.customer_functions,
        recommendations=hub.recommendations,
        pace_for=paces.of,
        rate_for=paces.rate,
        remaining_milliseconds=context.get_remaining_time_in_millis,
        clock=hub.clock,
    )
    try:
        pause = sender.run(recipients)
    except ClaimLost:
        # Another invocation works on the chunk; when it is over, its outcomes are known.
        record = hub.runs.chunk(plan.scope, chunk.id)
        return max(record.claimed_until - hub.clock(), 1)
    record = hub.runs.chunk(plan.scope, chunk.id)
    if pause is None and len(record.outcomes) < len(recipients):
        # The outcomes that are missing may still come, from an invocation that is not over.
        left = record.claimed_until - hub.clock()
        pause = left if left > 0 else None
    if pause is None:
        _conclude(hub, plan, treatment, chunk, recipients)
    return pause


def _recipients(hub: Hub, event: Event) -> list[Recipient]:
    return [
        Recipient(position, line["Endpoint"], line.get("Skip"))
        for position, line in enumerate(hub.bucket.read_lines(str(event["Key"])))
    ]


def booked_out_seconds(turn: int) -> float:
    return next(
        (seconds for turns, seconds in _BOOKED_OUT_SECONDS if turn < turns),
        _LONG_BOOKED_OUT_SECONDS,
    )


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
    unknown = counters[treatment.id].get(SendStatus.UNKNOWN, 0)
    if unknown:
        logger.warning("outcomes unknown", run=plan.run_id, chunk=chunk.id, count=unknown)
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
    now, account = hub.now(), hub.account.account_id
    records = []
    for one, outcome in results:
        status = str(outcome["status"])
        if status not in _STATUSES:
            continue  # the event has no word for it; the activity's ExecutionMetrics count it
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
                content=_content_attributes(plan, treatment, one, outcome),
            )
        )
        refusal = refusal_status(str(outcome["status"]), outcome.get("reason"))
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


def _content_attributes(
    plan: RunPlan, treatment: Treatment, recipient: Recipient, outcome: Outcome
) -> dict[str, str]:
    """Name the content of the run's snapshot: edits after the start of the run do not change it."""
    attributes = {"campaign_version": str(plan.campaign["Version"])}
    template = treatment.templates.get(recipient.channel)
    if template is not None:
        attributes["template_version"] = str(template["Version"])
        attributes["template_modified"] = str(template["LastModifiedDate"])
    if CONTENT_DIGEST in outcome:
        attributes[CONTENT_DIGEST] = str(outcome[CONTENT_DIGEST])
    return attributes


def refusal_status(status: str, reason: str | None) -> str | None:
    """Return the record_status of a text that the sending service refused without an event.

    None for a text that was accepted, or may have been: delivery events will report it.
    """
    if reason is None or status == SendStatus.UNKNOWN:
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
    except STREAM_FAILURES as error:
        key = f"runs/{plan.run_id}/undelivered-events/{chunk.id}.jsonl"
        hub.undelivered.keep(key, records, error)


def chunk_failed(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Conclude a chunk that failed again and again: claimed ones without outcome are UNKNOWN, those
    never claimed end as FAILURE. The run ends with Result FAIL."""
    run_id, chunk = run_id_of(event), ChunkName.of(str(event["Key"]))
    plan = plan_of(hub, run_id)
    treatment = plan.treatments[chunk.treatment_id]
    recipients = _recipients(hub, event)
    record = hub.runs.chunk(plan.scope, chunk.id)
    if record.done:
        return {"Status": "done"}
    if record.claimed < len(recipients):
        hub.runs.claim(
            plan.scope,
            chunk.id,
            held=record.claimed,
            upto=len(recipients),
            token="chunk failed",
            until=0,
            outcomes={
                one.position: {"status": one.skip or SendStatus.FAILURE.value}
                for one in recipients[record.claimed :]
            },
        )
    hub.runs.complete_once(plan.scope, f"failed#{chunk.id}", {treatment.id: {CHUNKS_FAILED: 1}})
    _conclude(hub, plan, treatment, chunk, recipients)
    return {"Status": "done"}
