"""The steps of a journey's executions, in the order in which the state machine asks for them.

| Work | Steps |
|---|---|
| RUN: the members of the segment enter | OpenWork, BuildEntries, BuildEntryShard, SealEntries, |
| | AdvanceChunk …, CloseWork |
| BUCKET: the waits of a minute are over | OpenWork, ListDue, AdvanceChunk …, CloseWork |
| END: the EndTime has passed | OpenWork, CloseWork |
| REOPEN: the journey was resumed | OpenWork, Reopen … |
| PURGE: the journey was deleted | OpenWork, Purge … |

Files: runs/<journey>-<work>/chunks/<round>-<shard>-<part>.jsonl, at most 200 participants each.
Every step may run twice.
"""

from __future__ import annotations

import math
import uuid
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from engagement_hub.engagement.eligibility import Rules, Skip, decide
from engagement_hub.engagement.errors import NotFound
from engagement_hub.engagement.journey_runs import (
    Bucket,
    RunStatus,
    UpcomingJourneyRun,
    closed,
    completed,
    first_run,
    has_ended,
    is_running,
    latest_run,
    next_journey_run,
    resumes,
    takes_entries,
    total_pause,
    with_run,
)
from engagement_hub.engagement.journey_walk import WHOLE_JOURNEY, active
from engagement_hub.engagement.model import Endpoint, JourneyState
from engagement_hub.hub import Hub
from engagement_hub.machines import JourneyWork, fresh_attempt, start_journey_run
from engagement_hub.store import chunks, in_threads
from engagement_hub.store.entities import Kind
from engagement_hub.store.journey_participants import SHARDS, journey_scope
from engagement_hub.store.journey_run_records import get_run, put_run
from engagement_hub.workers.audience import Audience, require_whole, snapshot
from engagement_hub.workers.journey_chunk import ChunkWalker, open_bucket
from engagement_hub.workers.journey_plan import JourneyPlan, work_prefix
from engagement_hub.workers.sending_rates import concurrency_for
from engagement_hub.workers.steps import Answer, Event, all_shards, logger, time_is_up
from shared.instants import iso

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

__all__ = ["STEPS", "work_of"]

CHUNK_PARTICIPANTS = 200
_LAST_MILLISECONDS = 30_000
# A schedule invokes its target up to a minute late, and is made a minute early.
_EARLY = timedelta(minutes=4)
# Listings of one execution. Another execution goes on with the participants that are left then.
_MOST_ROUNDS = 20
_SKIPPED = "SKIP"


class JourneyIsThere(Exception):
    """The journey that is to be purged has not been deleted yet; try again."""


def work_of(event: Event) -> JourneyWork:
    return JourneyWork.read(event["Work"])


def _files(event: Event) -> str:
    return work_prefix(str(event["JourneyId"]), work_of(event).name)


def _run_files(event: Event) -> str:
    """Return the prefix of a run, which the attempts and resumptions of it share."""
    return work_prefix(str(event["JourneyId"]), f"run-{work_of(event).of}")


# Opening


def open_work(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Decide what the execution has to do.

    Returns {"Outcome", "Until", "Progress"}: ENTER, ADVANCE after the moment `Until`, CLOSE,
    REOPEN, PURGE or SKIP.
    """
    work = work_of(event)
    answer: Answer = {"Outcome": _SKIPPED, "Until": iso(hub.now()), "Progress": []}
    plan = JourneyPlan.of(hub, event)
    if work.kind == "PURGE":
        if plan is not None:
            raise JourneyIsThere("The journey is there. Its participants are kept.")
        return {**answer, "Outcome": "PURGE"}
    if plan is None:
        return answer
    if work.kind == "REOPEN":
        reopens = plan.journey["State"] != JourneyState.PAUSED
        return {**answer, "Outcome": "REOPEN" if reopens else _SKIPPED}
    if work.kind == "END":
        return {**answer, "Outcome": "CLOSE"}
    if not is_running(plan.journey):
        return answer
    if work.resumes != resumes(plan.journey):
        _open_anew(hub, plan, work)
        return answer
    if work.kind == "BUCKET":
        opens = Bucket.of(work.of).opens(total_pause(plan.journey))
        if opens - hub.now() > _EARLY:
            return answer  # a schedule from before a pause
        if not _owns(hub, plan, event):
            return answer
        return {**answer, "Outcome": "ADVANCE", "Until": iso(opens)}
    if not _owns(hub, plan, event):
        return answer
    return {**answer, **_open_run(hub, plan, event)}


def _open_anew(hub: Hub, plan: JourneyPlan, work: JourneyWork) -> None:
    """Open work of the time before a pause at the time that it has after the pause."""
    if work.kind == "BUCKET":
        open_bucket(hub, plan, Bucket.of(work.of))
    elif takes_entries(plan.journey, hub.now()):
        run = UpcomingJourneyRun(int(work.of), hub.now())
        _start_run(hub, plan, run)


def _owns(hub: Hub, plan: JourneyPlan, event: Event) -> bool:
    """Check whether the work is this execution's: schedules deliver at least once."""
    scope = f"{plan.app_id}#{plan.id}#work#{work_of(event).name}"
    return hub.journey_totals.own(scope, str(event.get("Execution", "")))


def _open_run(hub: Hub, plan: JourneyPlan, event: Event) -> Answer:
    number, now = int(work_of(event).of), hub.now()
    following = next_journey_run(plan.journey, now)
    if following is not None and takes_entries(plan.journey, now):
        _start_run(hub, plan, following)
    if not takes_entries(plan.journey, now):
        return {"Outcome": "CLOSE"}
    hub.participants.add_pending(plan.app_id, plan.id, f"run-{number}")
    hub.entities.update(plan.app_id, Kind.JOURNEY, plan.id, lambda body: with_run(body, number))
    run = get_run(hub.entities, plan.app_id, plan.id, number)
    if run is not None and run.get("Sealed"):
        return {"Outcome": "ENTER", "Progress": []}  # resumed amid its entries
    _put_run(hub, plan, number, {"Status": RunStatus.RUNNING.value})
    segment_id = plan.journey["StartCondition"]["SegmentStartCondition"]["SegmentId"]
    segment = snapshot(hub, plan.app_id, segment_id, None)
    hub.bucket.write_json(
        f"{_run_files(event)}plan.json", {"Segment": segment, "StartedAt": now.isoformat()}
    )
    return {"Outcome": "ENTER", "Progress": all_shards(hub)}


def _put_run(hub: Hub, plan: JourneyPlan, number: int, members: Mapping[str, Any]) -> None:
    put_run(hub.entities, plan.app_id, plan.id, number, hub.now(), members)


def _start_run(hub: Hub, plan: JourneyPlan, run: UpcomingJourneyRun) -> None:
    """Start or schedule a run, once. Raises NotStarted."""
    put_run(hub.entities, plan.app_id, plan.id, run.number, hub.now())
    start_journey_run(hub.machines, plan.app_id, plan.journey, run, hub.now())


# Entries


def build_entries(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the chunks of many shards, one after the other, for as long as `Seconds` allows.

    Takes {"Progress": [{"Shard", "After", "Part"}, …], "Seconds"} and returns what is left of it as
    {"Remaining": […], "Done"}.
    """
    out_of_time = time_is_up(hub, event, context, _LAST_MILLISECONDS)
    remaining = list(event["Progress"])
    if remaining:
        plan, audience = _audience(hub, event)
    while remaining and not out_of_time():
        ahead = _build(hub, plan, audience, event, remaining.pop(0), out_of_time)
        if ahead["After"] is not None:
            remaining.insert(0, ahead)
    return {"Remaining": remaining, "Done": not remaining}


def build_entry_shard(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the chunks of one shard, as far as the time of the function reaches.

    Takes {"Shard", "After", "Part"} and returns the same, further on, with "Done".
    """
    plan, audience = _audience(hub, event)
    out_of_time = time_is_up(hub, event, context, _LAST_MILLISECONDS)
    ahead = _build(hub, plan, audience, event, event, out_of_time)
    return {**ahead, "Done": ahead["After"] is None}


def _audience(hub: Hub, event: Event) -> tuple[JourneyPlan, Audience]:
    plan = JourneyPlan.of(hub, event)
    if plan is None:
        raise NotFound("The journey was deleted.")
    taken = hub.bucket.read_json(f"{_run_files(event)}plan.json")
    return plan, Audience(hub, plan.app_id, taken["Segment"])


def _build(
    hub: Hub,
    plan: JourneyPlan,
    audience: Audience,
    event: Event,
    at: Mapping[str, Any],
    out_of_time: Any,
) -> Answer:
    """Continue with one shard, by a page at least; return the new position.

    The chunks of a position are written anew by each try, and a try removes the chunks that an
    earlier one left behind it.
    """
    shard, after, part = int(at["Shard"]), at["After"], int(at["Part"])
    prefix = f"{_run_files(event)}chunks/{shard:02x}-"
    hub.bucket.delete(key for key in hub.bucket.keys(prefix) if key >= f"{prefix}{part:06d}")
    first_part, counters, ids = part, dict[str, int](), list[str]()
    while True:
        page = audience.page(shard, after)
        _add(counters, "FILTERED_OUT_BY_SEGMENT", page.looked_at - len(page.endpoints))
        _add(counters, "DUPLICATE_ENDPOINT", page.duplicates)
        ids += _entering(page.endpoints, page.users, counters, hub.now())
        while len(ids) >= CHUNK_PARTICIPANTS:
            _write_chunk(hub, f"{prefix}{part:06d}.jsonl", ids[:CHUNK_PARTICIPANTS])
            ids, part = ids[CHUNK_PARTICIPANTS:], part + 1
        after = page.after
        if after is None or out_of_time():
            break
    if ids:
        _write_chunk(hub, f"{prefix}{part:06d}.jsonl", ids)
        part += 1
    scope = journey_scope(plan.app_id, plan.id, int(work_of(event).of))
    hub.journey_totals.put_part(scope, f"{shard:02x}#{first_part:06d}", {WHOLE_JOURNEY: counters})
    return {"Shard": shard, "After": after, "Part": part}


def _add(counters: dict[str, int], name: str, value: int) -> None:
    if value:
        counters[name] = counters.get(name, 0) + value


def _entering(
    endpoints: list[Endpoint], users: Mapping[str, str], counters: dict[str, int], now: datetime
) -> list[str]:
    """Return the participants of a page: users whom the segment lists, and other endpoints."""
    refused: dict[str, str] = {}
    ids: dict[str, None] = {}
    for endpoint in endpoints:
        user = users.get(endpoint["Id"])
        one = f"endpoint#{endpoint['Id']}" if user is None else f"user#{user}"
        decision = decide(endpoint, Rules(), now=now)
        if isinstance(decision, Skip):
            refused.setdefault(one, decision.reason.value)
        else:
            ids[one] = None
    for one, reason in refused.items():
        if one not in ids:
            _add(counters, reason, 1)
    return list(ids)


def _write_chunk(hub: Hub, key: str, ids: list[str]) -> None:
    hub.bucket.write_lines(key, [{"Participant": one} for one in ids])


def seal_entries(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Count the endpoints that do not enter, and say where the chunks are.

    Raises:
        NotFound: the segment was deleted while its members were read. No participant has entered.
    """
    plan = JourneyPlan.of(hub, event)
    if plan is None:
        return _no_chunks(hub, event)
    number = int(work_of(event).of)
    run = get_run(hub.entities, plan.app_id, plan.id, number)
    if run is None or not run.get("Sealed"):
        taken = hub.bucket.read_json(f"{_run_files(event)}plan.json")
        since = datetime.fromisoformat(taken["StartedAt"])
        require_whole(hub, plan.app_id, taken["Segment"], since)
        scope = journey_scope(plan.app_id, plan.id, number)
        parts = hub.journey_totals.parts(scope)
        hub.journey_totals.complete_once(scope, "entries", parts)
        whole = journey_scope(plan.app_id, plan.id)
        hub.journey_totals.complete_once(whole, f"entries-{number}", parts)
        _put_run(hub, plan, number, {"Sealed": True})
    prefix = f"{_run_files(event)}chunks/"
    return _listed(hub, plan, event, prefix, sum(1 for _ in hub.bucket.keys(prefix)))


# Waits that are over


def list_due(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Write the chunks of the participants in a bucket; an empty bucket is worked off.

    Takes {"Round"}: the index lags, and a chunk can fail, so that a bucket is listed until it is
    empty.
    """
    plan, work, number = JourneyPlan.of(hub, event), work_of(event), int(event["Round"])
    if plan is None or not is_running(plan.journey):
        return _no_chunks(hub, event)
    ids = in_threads(
        lambda shard: list(hub.participants.due(plan.app_id, plan.id, work.of, shard)),
        range(SHARDS),
    )
    prefix = f"{_files(event)}chunks/{number:03d}-"
    hub.bucket.delete(hub.bucket.keys(prefix))
    if number >= _MOST_ROUNDS and any(ids):
        again = JourneyWork(work.kind, work.of, work.resumes, fresh_attempt(hub.now()))
        hub.machines.start_journey(plan.app_id, plan.id, again)
        return _no_chunks(hub, event)
    files = [
        (f"{prefix}{shard:02x}-{part:06d}.jsonl", some)
        for shard, found in enumerate(ids)
        for part, some in enumerate(chunks(found, CHUNK_PARTICIPANTS))
    ]
    in_threads(lambda file: _write_chunk(hub, *file), files)
    return _listed(hub, plan, event, prefix, len(files))


def _listed(hub: Hub, plan: JourneyPlan, event: Event, prefix: str, number: int) -> Answer:
    return {
        "Chunks": number,
        "Bucket": hub.bucket.name,
        "Prefix": prefix,
        "ResultsPrefix": f"{_files(event)}map-runs",
        "Concurrency": concurrency_for(plan.channels, plan.messages_per_second),
        "Round": int(event.get("Round", 0)) + 1,
    }


def _no_chunks(hub: Hub, event: Event) -> Answer:
    return {
        "Chunks": 0,
        "Bucket": hub.bucket.name,
        "Prefix": _files(event),
        "ResultsPrefix": f"{_files(event)}map-runs",
        "Concurrency": 1,
        "Round": int(event.get("Round", 0)) + 1,
    }


# Chunks


def advance_chunk(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Move the participants of a chunk on.

    Returns {"Status": "done"}, or {"Status": "continue"} with `Seconds`, the pause before the next
    invocation for the same chunk, and `Turn`, the number of that invocation. Pauses grow with it,
    since an execution has 25,000 events.
    """
    return _work_on(hub, event, context, give_up=False)


def chunk_failed(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Count what was done of a chunk that failed again and again. Participants of a bucket that
    were not moved on are listed again."""
    return _work_on(hub, event, context, give_up=True)


def _work_on(hub: Hub, event: Event, context: LambdaContext, *, give_up: bool) -> Answer:
    plan, work, key = JourneyPlan.of(hub, event), work_of(event), str(event["Key"])
    pause: float | None = None
    if plan is not None:
        entering = work.kind == "RUN"
        walker = ChunkWalker(
            hub,
            plan,
            chunk=key.removeprefix("runs/").removesuffix(".jsonl"),
            token=uuid.uuid4().hex,
            remaining_milliseconds=context.get_remaining_time_in_millis,
            run=int(work.of) if entering else None,
            bucket=None if entering else work.of,
            turn=int(event.get("Turn", 0)),
        )
        lines = hub.bucket.read_lines(key)
        pause = walker.work([line["Participant"] for line in lines], give_up=give_up)
    return {
        "Status": "done" if pause is None else "continue",
        "Seconds": math.ceil(pause or 0),
        "Turn": int(event.get("Turn", 0)) + 1,
    }


# Closing


def close_work(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Forget the work; close a journey without more entries, complete one without participants."""
    plan, work, now = JourneyPlan.of(hub, event), work_of(event), hub.now()
    if plan is None:
        return {"State": "DELETED"}
    if work.kind == "BUCKET" and is_running(plan.journey):
        hub.participants.remove_pending(plan.app_id, plan.id, work.of)
    if work.kind == "RUN" and is_running(plan.journey):
        hub.participants.remove_pending(plan.app_id, plan.id, f"run-{work.of}")
        _put_run(hub, plan, int(work.of), {"Entered": True})
    over = has_ended(plan.journey, now) or (
        work.kind == "RUN" and next_journey_run(plan.journey, now) is None
    )

    return {"State": _close(hub, plan, over=over)}


def _close(hub: Hub, plan: JourneyPlan, *, over: bool) -> str:
    """Close a journey that is over, and complete one without participants; return its state."""
    if not over and plan.journey["State"] != JourneyState.CLOSED:
        return str(plan.journey["State"])
    now, active = hub.now(), _active(hub, plan)

    def changed(body: dict[str, Any]) -> dict[str, Any]:
        after = closed(body, now) if over else body
        return completed(after, now) if active <= 0 else after

    try:
        body = hub.entities.update(plan.app_id, Kind.JOURNEY, plan.id, changed)
    except NotFound:
        return "DELETED"
    return str(body["State"])


def _active(hub: Hub, plan: JourneyPlan) -> int:
    scope = journey_scope(plan.app_id, plan.id)
    return active(hub.journey_totals.totals(scope).get(WHOLE_JOURNEY, {}))


# Resumption and deletion


def reopen(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Schedule the pending buckets and runs of a resumed journey anew.

    Takes and returns {"After", "Done"}: the name of the last one that is scheduled.
    """
    plan = JourneyPlan.of(hub, event)
    out_of_time = time_is_up(hub, event, context, _LAST_MILLISECONDS)
    after = str(event.get("After") or "")
    if plan is None or not is_running(plan.journey):
        return {"After": after, "Done": True}
    if not after:
        if not latest_run(plan.journey):
            _start_run(hub, plan, first_run(plan.journey))
        elif (following := next_journey_run(plan.journey, hub.now())) is not None:
            _start_run(hub, plan, following)
    for name in hub.participants.pending(plan.app_id, plan.id, after):
        if name.startswith("run-"):
            number = int(name.removeprefix("run-"))
            _start_run(hub, plan, UpcomingJourneyRun(number, hub.now()))
        else:
            open_bucket(hub, plan, Bucket.of(name))
        after = name
        if out_of_time():
            return {"After": after, "Done": False}
    _close(hub, plan, over=has_ended(plan.journey, hub.now()))
    return {"After": after, "Done": True}


class _OutOfTime(Exception):
    """The time of the step is over."""


def purge(hub: Hub, event: Event, context: LambdaContext) -> Answer:
    """Delete the participants and totals of a deleted journey. Returns {"Done"}."""
    app_id, journey_id = str(event["ApplicationId"]), str(event["JourneyId"])
    out_of_time = time_is_up(hub, event, context, _LAST_MILLISECONDS)

    def between() -> None:
        if out_of_time():
            raise _OutOfTime

    # A run is numbered, and each has a marker or an entity; the work says how many there were.
    runs = range(1, int(work_of(event).of or 0) + 1)
    try:
        hub.participants.delete_journey(app_id, journey_id, runs, between)
    except _OutOfTime:
        return {"Done": False}
    hub.entities.delete_all(app_id, Kind.JOURNEY_RUN, prefix=f"{journey_id}#")
    logger.info("participants deleted", JourneyId=journey_id)
    return {"Done": True}


STEPS = {
    "OpenWork": open_work,
    "BuildEntries": build_entries,
    "BuildEntryShard": build_entry_shard,
    "SealEntries": seal_entries,
    "ListDue": list_due,
    "AdvanceChunk": advance_chunk,
    "ChunkFailed": chunk_failed,
    "CloseWork": close_work,
    "Reopen": reopen,
    "Purge": purge,
}
