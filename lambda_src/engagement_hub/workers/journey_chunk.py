"""Works off one chunk of a journey's participants, who enter, or whose wait is over.

A batch of participants goes from stop to stop together:

1. walk each to its next stop; write the ones that wait or leave;
2. reserve starting times for the others, and claim them;
3. at the starting time read the endpoints again, decide again, and send;
4. walk on from there.

One invocation at a time holds the chunk. A participant is claimed before its message is sent; one
that is found claimed when the claim is over counts as UNKNOWN and goes on without the message.
A message that the service surely did not take is tried again later, from a bucket of its own.

The facts of a move are kept with it, so that the totals and the events of the chunk are made of the
participants' items, at its end and once.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

from engagement_hub.customer_functions import CallFailed
from engagement_hub.engagement import events
from engagement_hub.engagement.campaigns import ENDPOINTS_PER_CALL, SendStatus
from engagement_hub.engagement.eligibility import Count, SkipReason
from engagement_hub.engagement.hooks import event_attributes, journey_channel_payload
from engagement_hub.engagement.journey_messages import JourneySendStatus, Outgoing, outgoing
from engagement_hub.engagement.journey_runs import (
    Bucket,
    bucket_for,
    is_running,
    resumes,
    takes_entries,
    total_pause,
)
from engagement_hub.engagement.journey_walk import (
    WHOLE_JOURNEY,
    Entry,
    EventSeen,
    Hold,
    JourneyMetric,
    Left,
    Message,
    Place,
    Traveller,
    entry_of,
    next_activity,
    walk,
)
from engagement_hub.engagement.model import ChannelType, Endpoint
from engagement_hub.event_stream import STREAM_FAILURES
from engagement_hub.hub import Hub
from engagement_hub.machines import JourneyWork, fresh_attempt
from engagement_hub.store import chunks
from engagement_hub.store.journey_participants import (
    Facts,
    Participant,
    ParticipantStore,
    Stage,
    journey_scope,
    moved,
)
from engagement_hub.store.names import journey_run_id
from engagement_hub.workers.campaign_send import booked_out_seconds, refusal_status
from engagement_hub.workers.chunk_outcomes import (
    MOST_ROUNDS,
    NOT_TAKEN,
    SEND_STATUS,
    content_or_status,
)
from engagement_hub.workers.journey_plan import JourneyPlan, Segments
from engagement_hub.workers.sending_rates import ChunkPaces
from engagement_hub.workers.steps import logger
from shared.messages.content import Content, endpoint_variables
from shared.pinpoint_events import HubIds

__all__ = ["ChunkWalker", "open_bucket"]

ENTRY_FAILED = "ENTRY_FAILED"
"""Our own name for participants that a chunk which failed again and again did not let in."""

PARALLEL_SENDS = 8
_BATCH = 50
_CLAIM_SECONDS = 2
# Left for the sends under way, for moves and for events.
LAST_MILLISECONDS = 45_000
_LEAD_SECONDS = 0.1
# How far a participant's own time may be from the clock's: a bucket is of a minute.
_DRIFT_SECONDS = 60
# A bucket that is nearer is opened by an execution that waits, since a schedule has a minute.
_NEAR = timedelta(minutes=3)
_SCHEDULED_BEFORE = timedelta(minutes=1)
_LATE = timedelta(seconds=5)
_FIRST_PAUSE_SECONDS, _LONGEST_PAUSE_SECONDS = 120, 1800
_EVENT_STATUSES = frozenset(str(status) for status in JourneySendStatus)
_Counts = Mapping[str, Mapping[str, Count]]


def open_bucket(hub: Hub, plan: JourneyPlan, bucket: Bucket) -> None:
    """Make sure that an execution works a bucket off: remember it, and schedule it once.

    Raises:
        NotStarted: the state machine or the scheduler refused.
    """
    hub.participants.add_pending(plan.app_id, plan.id, bucket.name)
    opens = bucket.opens(total_pause(plan.journey))
    work = JourneyWork("BUCKET", bucket.name, resumes(plan.journey))
    if opens - hub.now() < _NEAR:
        hub.machines.start_journey(plan.app_id, plan.id, work)
    else:
        hub.machines.schedule_journey(plan.app_id, plan.id, work, opens - _SCHEDULED_BEFORE)


@dataclass(slots=True)
class _Walk:
    """A participant on the way, since its item was written as `stored`."""

    stored: Participant
    traveller: Traveller
    run: int
    place: Place | None
    moment: datetime
    entered: float
    facts: Facts = field(default_factory=list)
    stop: Hold | Left | Outgoing | None = None
    again: Sequence[str] = ()
    tries: int = 0

    def note(self, activity: str, metric: str, *more: Any) -> None:
        self.facts.append([self.run, activity, str(metric), *more])

    @property
    def endpoints(self) -> Sequence[Endpoint]:
        return self.stop.endpoints if isinstance(self.stop, Outgoing) else ()


@dataclass(slots=True)
class _Attempt:
    """A message to one endpoint of a participant, and how it ended."""

    walk: _Walk
    endpoint: Endpoint
    start: float
    status: str = SendStatus.TRANSIENT_FAILURE.value
    reason: str | None = None
    begun: bool = False


@dataclass(slots=True)
class ChunkWalker:
    """Works off one chunk. `token` names the invocation. Either `run` is the run whose participants
    enter, or `bucket` is the bucket whose waits are over. `turn` counts the
    invocations for the chunk.
    """

    hub: Hub
    plan: JourneyPlan
    chunk: str
    token: str
    remaining_milliseconds: Callable[[], int]
    run: int | None = None
    bucket: str | None = None
    turn: int = 0
    sleep: Callable[[float], None] | None = None
    _until: float = field(init=False, default=0)
    _blocked_until: float = field(init=False, default=0)
    _rejected: Facts = field(init=False, default_factory=list)
    _opened: set[str] = field(init=False, default_factory=set)
    _seen_endpoints: dict[str, Endpoint] = field(init=False, default_factory=dict)
    _stopped: bool = field(init=False, default=False)
    _refused_by: Counter[str] = field(init=False, default_factory=Counter)

    def work(self, ids: Sequence[str], *, give_up: bool = False) -> float | None:
        """Work on the chunk; return None when it is done, else the seconds before the next
        invocation.

        Args:
            give_up: move no participant on, and count the moves so far.
        """
        self._until = self.hub.clock() + self.remaining_milliseconds() / 1000 + 2
        held = self._store.hold_chunk(
            self.plan.app_id, self.plan.id, self.chunk, token=self.token, until=self._until
        )
        if held.wait:
            return held.wait
        if held.tally is not None:
            if not held.done:
                self._count(held.tally)
            return None
        try:
            stands = give_up or not is_running(self.plan.journey)
            pause = self._settle_claims(ids) if stands else self._go_on(ids)
            if pause is not None:
                return pause
            if self.run is not None and not give_up and self.plan.journey["State"] == "PAUSED":
                return None  # not sealed: the rest enters when the journey is resumed
            self._conclude(ids)
        finally:
            self._store.release_chunk(self.plan.app_id, self.plan.id, self.chunk, token=self.token)
        return None

    # Batches

    @property
    def _store(self) -> ParticipantStore:
        return self.hub.participants

    def _go_on(self, ids: Sequence[str]) -> float | None:
        with ThreadPoolExecutor(PARALLEL_SENDS) as pool:
            for batch in chunks(ids, _BATCH):
                if self._is_late():
                    return 0
                pause = self._batch(pool, batch)
                if pause is not None:
                    return pause
        return self._blocked()

    def _settle_claims(self, ids: Sequence[str]) -> float | None:
        """Move on participants whose claim of this chunk is over; leave the others."""
        with ThreadPoolExecutor(PARALLEL_SENDS) as pool:
            for batch in chunks(ids, _BATCH):
                walks = self._walks(batch)
                self._park(pool, [one for one in walks if one.stored.stage is Stage.SENDING])
                for one in walks:
                    if self.run is not None and one.stored.stage is Stage.LEFT:
                        self._rejected.append([self.run, WHOLE_JOURNEY, ENTRY_FAILED])
        return self._blocked()

    def _blocked(self) -> float | None:
        left = self._blocked_until - self.hub.clock()
        return max(left, 1) if self._blocked_until and left > 0 else None

    def _batch(self, pool: ThreadPoolExecutor, ids: Sequence[str]) -> float | None:
        walks = self._walks(ids)
        segments = self.plan.segments([e for one in walks for e in one.traveller.endpoints])
        counts = self._counts(walks)
        while walks:
            for one in walks:
                self._advance(one, segments, counts)
            self._write(pool, [one for one in walks if not isinstance(one.stop, Outgoing)])
            walks = [one for one in walks if isinstance(one.stop, Outgoing)]
            going: list[_Walk] = []
            parts = list(self._claims(walks))
            for number, some in enumerate(parts):
                starts = None if self._is_late() else self._reserve(some)
                if starts is None:
                    late = self._is_late()
                    rest = [one for part in parts[number:] for one in part]
                    self._park(pool, [*going, *(one for one in rest if one.stored.claimed_by)])
                    return 0 if late else booked_out_seconds(self.turn)
                going += self._send(pool, some, starts, counts)
            walks = going
            if self._stopped:
                self._park(pool, walks)
                return booked_out_seconds(self.turn)
        return None

    def _walks(self, ids: Sequence[str]) -> list[_Walk]:
        """Return the participants of a batch that this chunk has to move on."""
        stored = self._store.get_many(self.plan.app_id, self.plan.id, ids)
        due = [one for one in stored.values() if self._is_due(one)]
        endpoints = self._endpoints_of(one.id for one in due)
        sealed = self._store.sealed(
            self.plan.app_id,
            self.plan.id,
            {chunk for one in due for chunk in one.moves if chunk != self.chunk},
        )
        walks = []
        for one in due:
            open_moves = {chunk: facts for chunk, facts in one.moves.items() if chunk not in sealed}
            begun = self._begin(replace(one, moves=open_moves), endpoints.get(one.id, []))
            if begun is not None:
                walks.append(begun)
        return walks

    def _is_due(self, one: Participant) -> bool:
        mine = self.chunk in one.moves if self.run is not None else one.bucket == self.bucket
        if self.run is not None and not mine:
            return takes_entries(self.plan.journey, self.hub.now())
        if not mine or one.stage is Stage.LEFT:
            return False
        if one.stage is Stage.SENDING:
            if one.claimed_until > self.hub.clock():
                self._blocked_until = max(self._blocked_until, one.claimed_until)
                return False
            return True
        return self.run is None and is_running(self.plan.journey)

    def _endpoints_of(self, ids: Iterable[str]) -> dict[str, list[Endpoint]]:
        named: dict[str, str] = {}
        users: dict[str, str] = {}
        for one in ids:
            kind, _, rest = one.partition("#")
            (users if kind == "user" else named)[rest] = one
        found: dict[str, list[Endpoint]] = {}
        stores = self.hub.endpoints
        for endpoint in stores.get_many(self.plan.app_id, named).values() if named else ():
            found.setdefault(named[endpoint["Id"]], []).append(endpoint)
        for endpoint in stores.endpoints_of_users(self.plan.app_id, users) if users else ():
            found.setdefault(users[str(endpoint["User"]["UserId"])], []).append(endpoint)
        for some in found.values():
            self._seen_endpoints.update({one["Id"]: one for one in some})
        return found

    def _begin(self, one: Participant, endpoints: Sequence[Endpoint]) -> _Walk | None:
        now = self.hub.now()
        if self.run is not None and self.chunk not in one.moves:
            return self._enter(one, endpoints, now)
        moment = now
        if one.stage is Stage.WAITING and one.bucket is not None:
            own = Bucket.of(one.bucket).real_time(one.due, total_pause(self.plan.journey))
            if abs(own.timestamp() - now.timestamp()) <= _DRIFT_SECONDS:
                moment = own
        begun = _Walk(
            one,
            Traveller(one.id, one.visit, endpoints, one.seen),
            one.run,
            one.place,
            moment,
            one.entered,
            again=one.again,
            tries=one.tries,
        )
        if one.stage is Stage.SENDING and one.place is not None:
            logger.warning("outcomes unknown", chunk=self.chunk, count=len(one.to))
            for endpoint_id in one.to:
                begun.note(one.place.activity, SendStatus.UNKNOWN, endpoint_id)
            begun.place = next_activity(self.plan.journey, one.place.activity)
            begun.again, begun.tries = (), 0
        return begun

    def _enter(
        self, one: Participant, endpoints: Sequence[Endpoint], now: datetime
    ) -> _Walk | None:
        entry = entry_of(
            self.plan.journey.get("Limits") or {},
            visits=one.visit,
            inside=one.stage is not Stage.LEFT,
            entered=datetime.fromtimestamp(one.entered, UTC) if one.visit else None,
            now=now,
        )
        if entry is Entry.IS_INSIDE:
            for metric in (JourneyMetric.ENTERED, JourneyMetric.REJECTED):
                self._rejected.append([self.run, WHOLE_JOURNEY, metric.value])
        elif entry is Entry.TOO_OFTEN:
            metric = JourneyMetric.REENTRY_CAP_EXCEEDED
            self._rejected.append([self.run, WHOLE_JOURNEY, metric.value])
        if entry is not Entry.ENTERS or self.run is None:
            return None
        visit = one.visit + 1
        begun = _Walk(
            replace(one, seen={}, visit=visit),
            Traveller(one.id, visit, endpoints),
            self.run,
            Place(self.plan.journey["StartActivity"]),
            now,
            now.timestamp(),
        )
        begun.note(WHOLE_JOURNEY, JourneyMetric.ENTERED)
        return begun

    # The way to the next stop

    def _advance(self, one: _Walk, segments: Segments, counts: _Counts) -> None:
        if not one.traveller.endpoints:
            one.note(WHOLE_JOURNEY, SkipReason.ENDPOINT_DELETED)
            one.stop = Left()
            return
        while True:
            stop, facts = walk(self.plan.journey, one.place, one.traveller, one.moment, segments)
            for fact in facts:
                one.note(fact.activity, fact.metric)
            if not isinstance(stop, Message):
                one.stop = stop
                return
            one.place = stop.place
            one.stop = self._outgoing(one, stop.place, one.moment, counts)
            if isinstance(one.stop, Hold) or one.stop.endpoints:
                return
            self._refuse(one, stop.place, one.stop)
            self._leave_message(one)

    def _outgoing(
        self, one: _Walk, place: Place, moment: datetime, counts: _Counts
    ) -> Outgoing | Hold:
        traveller = one.traveller
        if one.tries:
            # The endpoints that have no message yet; their first attempt was counted.
            left = [each for each in traveller.endpoints if each["Id"] in one.again]
            traveller = replace(traveller, endpoints=left)
        return outgoing(
            self.plan.journey,
            place,
            traveller,
            moment,
            zones=self.plan.zones,
            disabled=self.plan.settings.disabled,
            caps=() if one.tries else self.plan.caps,
            counts=counts,
        )

    def _refuse(self, one: _Walk, place: Place, out: Outgoing) -> None:
        for endpoint_id, status in out.refused.items():
            one.note(place.activity, status, endpoint_id)

    def _leave_message(self, one: _Walk) -> None:
        if one.place is not None:
            one.place = next_activity(self.plan.journey, one.place.activity)
        one.again, one.tries = (), 0

    def _counts(self, walks: Sequence[_Walk]) -> _Counts:
        ids = [endpoint["Id"] for one in walks for endpoint in one.traveller.endpoints]
        caps = self.plan.caps
        return self.hub.runs.counts(self.plan.app_id, ids, caps) if caps and ids else {}

    # Moves

    def _after(self, one: _Walk, **changes: Any) -> Participant:
        moves = dict(one.stored.moves)
        if one.facts:
            moves[self.chunk] = [*moves.get(self.chunk, ()), *one.facts]
        return moved(
            one.stored,
            visit=one.traveller.visit,
            run=one.run,
            entered=one.entered,
            moves=moves,
            seen=one.traveller.seen,
            **changes,
        )

    def _write(self, pool: ThreadPoolExecutor, walks: Sequence[_Walk]) -> list[_Walk]:
        """Write participants that wait or leave; return the ones that were written."""
        after: list[Participant] = []
        buckets: dict[str, Bucket] = {}
        for one in walks:
            if isinstance(one.stop, Hold):
                bucket = self._bucket(one.stop)
                buckets[bucket.name] = bucket
                after.append(
                    self._after(
                        one,
                        stage=Stage.WAITING,
                        place=one.stop.place,
                        bucket=bucket.name,
                        due=bucket.own_time(one.stop.until, total_pause(self.plan.journey)),
                        again=one.again,
                        tries=one.tries,
                    )
                )
            else:
                one.note(WHOLE_JOURNEY, JourneyMetric.LEFT)
                after.append(self._after(one, stage=Stage.LEFT, place=None))
        for bucket in buckets.values():
            if bucket.name not in self._opened:
                open_bucket(self.hub, self.plan, bucket)
                self._opened.add(bucket.name)
        written = self._move_all(pool, walks, after)
        self._catch_up(buckets.values())
        return written

    def _bucket(self, hold: Hold) -> Bucket:
        pause = total_pause(self.plan.journey)
        return bucket_for(hold.until, real=hold.real, pause=pause, now=self.hub.now())

    def _catch_up(self, buckets: Iterable[Bucket]) -> None:
        """Open buckets again that may have been worked off before the participants were in them."""
        now = self.hub.now()
        for bucket in buckets:
            if now + _LATE > bucket.opens(total_pause(self.plan.journey)):
                work = JourneyWork(
                    "BUCKET", bucket.name, resumes(self.plan.journey), fresh_attempt(now)
                )
                self.hub.machines.start_journey(self.plan.app_id, self.plan.id, work)

    def _move_all(
        self, pool: ThreadPoolExecutor, walks: Sequence[_Walk], after: Sequence[Participant]
    ) -> list[_Walk]:
        def write(pair: tuple[_Walk, Participant]) -> bool:
            one, then = pair
            return self._store.move(
                self.plan.app_id, self.plan.id, one.stored, then, token=self.token
            )

        written = []
        results = pool.map(write, zip(walks, after, strict=True))
        for one, then, done in zip(walks, after, results, strict=True):
            if done:
                one.stored, one.facts = then, []
                written.append(one)
        return written

    def _park(self, pool: ThreadPoolExecutor, walks: Sequence[_Walk]) -> None:
        """Let claimed participants wait at their place for the next possible bucket."""
        for one in walks:
            one.stop = Left()
            if one.place is not None:
                one.stop = Hold(one.place, self.hub.now(), real=True)
        self._write(pool, walks)

    # Claims and messages

    def _claims(self, walks: Sequence[_Walk]) -> Iterator[Sequence[_Walk]]:
        paces = self._paces()
        rate = min(
            (paces.rate(self._channel(one)) for one in walks),
            default=math.inf,
        )
        size = int(min(rate * _CLAIM_SECONDS, _BATCH)) or 1
        some: list[_Walk] = []
        for one in walks:
            if some and sum(len(each.endpoints) for each in [*some, one]) > size:
                yield some
                some = []
            some.append(one)
        if some:
            yield some

    def _channel(self, one: _Walk) -> str:
        return self.plan.channel(one.place.activity) if one.place else ""

    def _paces(self) -> ChunkPaces:
        return ChunkPaces(f"journey-{self.plan.id}", self.plan.messages_per_second, self.chunk)

    def _reserve(self, walks: Sequence[_Walk]) -> dict[str, float] | None:
        """Return the start of each message by endpoint; None when others booked the rate out."""
        by_channel: dict[str, list[str]] = {}
        for one in walks:
            for endpoint in one.endpoints:
                by_channel.setdefault(self._channel(one), []).append(endpoint["Id"])
        paces = self._paces()
        starts: dict[str, float] = {}
        for channel, ids in by_channel.items():
            gap = 1 / paces.rate(channel)
            latest = self.hub.clock() + self._seconds_left() - (len(ids) - 1) * gap
            first = self.hub.clock()
            for pace in paces.of(channel):
                start = pace.reserve(len(ids), latest)
                if start is None:
                    return None
                first = max(first, start)
            starts.update({one: first + number * gap for number, one in enumerate(ids)})
        return starts

    def _send(
        self,
        pool: ThreadPoolExecutor,
        walks: Sequence[_Walk],
        starts: Mapping[str, float],
        counts: _Counts,
    ) -> list[_Walk]:
        """Claim participants and send their messages; return the ones that go on from there."""
        claimed = self._move_all(
            pool,
            walks,
            [
                self._after(
                    one,
                    stage=Stage.SENDING,
                    place=one.place,
                    bucket=one.stored.bucket,
                    due=one.stored.due,
                    claimed_by=self.token,
                    claimed_until=self._until,
                    to=[endpoint["Id"] for endpoint in one.endpoints],
                    again=one.again,
                    tries=one.tries,
                )
                for one in walks
            ],
        )
        if not claimed:
            return []
        self._sleep_until(min(starts.values()) - _LEAD_SECONDS)
        current = self._endpoints_of(one.stored.id for one in claimed)
        holding: list[_Walk] = []
        attempts: list[_Attempt] = []
        for one in claimed:
            one.traveller = replace(one.traveller, endpoints=current.get(one.stored.id, []))
            own = [starts[each["Id"]] for each in one.endpoints]
            one.moment = datetime.fromtimestamp(max(own), UTC)
            place = one.place
            if place is None:
                raise ValueError("A claimed participant has a place.")
            out = self._outgoing(one, place, one.moment, counts)
            one.stop = out
            if isinstance(out, Hold):
                holding.append(one)
                continue
            self._refuse(one, place, out)
            attempts += [
                _Attempt(one, endpoint, starts.get(endpoint["Id"], max(own)))
                for endpoint in out.endpoints
            ]
        fault = self._carry_out(pool, attempts)
        going = self._settle(attempts, [one for one in claimed if one not in holding])
        waiting = [one for one in going if isinstance(one.stop, Hold)]
        self._write(pool, [*holding, *waiting])
        going = [one for one in going if one not in waiting]
        if fault is not None:
            self._park(pool, going)
            raise fault
        return going

    def _settle(self, attempts: Sequence[_Attempt], walks: Sequence[_Walk]) -> list[_Walk]:
        """Note the outcomes, and put each participant behind its message, or before it again."""
        by_walk: dict[int, list[_Attempt]] = {}
        for attempt in attempts:
            by_walk.setdefault(id(attempt.walk), []).append(attempt)
        for one in walks:
            own = by_walk.get(id(one), [])
            place, out = one.place, one.stop
            if place is None:
                raise ValueError("A claimed participant has a place.")
            again = []
            for attempt in own:
                if attempt.reason is not None:
                    self._refused_by[attempt.reason] += 1
                if attempt.status in NOT_TAKEN and one.tries < MOST_ROUNDS:
                    again.append(attempt.endpoint["Id"])
                    continue
                if isinstance(out, Outgoing) and out.waited:
                    finished = JourneySendStatus.QUIET_TIME_WAIT_FINISHED
                    one.note(place.activity, finished, attempt.endpoint["Id"])
                more = [attempt.endpoint["Id"]]
                if attempt.reason is not None:
                    more.append(attempt.reason)
                one.note(place.activity, attempt.status, *more)
            if again:
                self._stopped = True
                pause = min(_FIRST_PAUSE_SECONDS * 2**one.tries, _LONGEST_PAUSE_SECONDS)
                one.again, one.tries = again, one.tries + 1
                one.stop = Hold(place, self.hub.now() + timedelta(seconds=pause), real=True)
            else:
                one.stop = None
                self._leave_message(one)
        return list(walks)

    def _carry_out(
        self, pool: ThreadPoolExecutor, attempts: Sequence[_Attempt]
    ) -> BaseException | None:
        """Send; return the first fault of ours, after the other messages."""
        custom: dict[str, list[_Attempt]] = {}
        futures: list[Future[None]] = []
        for attempt in sorted(attempts, key=lambda one: one.start):
            place = attempt.walk.place
            if place is not None and self.plan.is_custom(place.activity):
                custom.setdefault(place.activity, []).append(attempt)
            else:
                futures.append(pool.submit(self._attempt, attempt))
        for activity_id, some in custom.items():
            for part in chunks(some, ENDPOINTS_PER_CALL):
                futures.append(pool.submit(self._deliver, activity_id, part))
        wait(futures)
        faults = [future.exception() for future in futures]
        for attempt in attempts:
            if attempt.begun and attempt.status == SendStatus.TRANSIENT_FAILURE and any(faults):
                attempt.status = SendStatus.UNKNOWN.value
        return next((fault for fault in faults if fault is not None), None)

    def _attempt(self, attempt: _Attempt) -> None:
        activity_id = attempt.walk.place.activity if attempt.walk.place else ""
        content = self._rendered(activity_id, attempt.endpoint)
        if isinstance(content, str):
            attempt.status = content
            return
        if not self._take(attempt, activity_id):
            return
        self._sleep_until(attempt.start)
        attempt.begun = True
        outcome = self.hub.senders.send(
            content,
            str(attempt.endpoint["Address"]),
            context=self._ids(attempt, activity_id).given(),
        )
        attempt.status = SEND_STATUS[outcome.delivery_status].value
        attempt.reason = outcome.reason
        attempt.begun = False

    def _rendered(self, activity_id: str, endpoint: Endpoint) -> Content | str:
        """Return the content for one endpoint, or the status of one without content."""

        def render() -> Content | str:
            plan = self.plan.message(activity_id)
            if plan is None:
                return SendStatus.FAILURE_PERMANENT.value
            return self.plan.settings.applied(plan.render(endpoint_variables(endpoint)))

        return content_or_status(render, chunk=self.chunk)

    def _take(self, attempt: _Attempt, activity_id: str) -> bool:
        """Count the message against the caps; False when one is reached."""
        one = attempt.walk
        if one.tries:
            return True
        line = f"{self.plan.id}/{one.stored.id}/{one.traveller.visit}/{activity_id}"
        moment = datetime.fromtimestamp(attempt.start, UTC)
        endpoint_id = attempt.endpoint["Id"]
        known = self.hub.runs.counts(self.plan.app_id, [endpoint_id], self.plan.caps)[endpoint_id]
        for cap in self.plan.caps:
            count = known.get(cap.key, Count())
            if not self.hub.runs.count_message(
                self.plan.app_id, endpoint_id, cap, count, now=moment, line=line
            ):
                attempt.status = cap.reason.value
                return False
        return True

    def _deliver(self, activity_id: str, attempts: Sequence[_Attempt]) -> None:
        """Hand endpoints to a custom channel's function, and keep the attributes it answers."""
        accepted = [one for one in attempts if self._take(one, activity_id)]
        if not accepted:
            return
        body = self.plan.journey["Activities"][activity_id]["CUSTOM"]
        self._sleep_until(accepted[-1].start)
        payload = journey_channel_payload(
            [one.endpoint for one in accepted],
            app_id=self.plan.app_id,
            journey_id=self.plan.id,
            run_id=journey_run_id(self.plan.id, accepted[0].walk.run),
            activity_id=activity_id,
            scheduled_time=datetime.fromtimestamp(accepted[-1].start, UTC),
            data=(body.get("MessageConfig") or {}).get("Data") or None,
        )
        for one in accepted:
            one.begun = True
        try:
            answer = self.hub.customer_functions.deliver_and_ask(body["DeliveryUri"], payload)
        except CallFailed as error:
            logger.warning("custom channel failed", chunk=self.chunk, reason=str(error))
            for one in accepted:
                one.status = SendStatus.CUSTOM_DELIVERY_FAILURE.value
            return
        asked = self.plan.asks_about(activity_id)
        for one in accepted:
            one.status = SendStatus.SUCCESS.value
            attributes = event_attributes(answer, one.endpoint["Id"]) if asked else None
            if attributes is not None:
                seen = dict(one.walk.traveller.seen)
                seen[activity_id] = [*seen.get(activity_id, ()), EventSeen(None, attributes)]
                one.walk.traveller = replace(one.walk.traveller, seen=seen)

    def _ids(self, attempt: _Attempt, activity_id: str) -> HubIds:
        return self._hub_ids(attempt.walk.run, activity_id, attempt.endpoint["Id"])

    def _hub_ids(self, run: int, activity_id: str, endpoint_id: str) -> HubIds:
        return HubIds(
            application_id=self.plan.app_id,
            endpoint_id=endpoint_id,
            journey_id=self.plan.id,
            journey_run_id=journey_run_id(self.plan.id, run),
            journey_activity_id=activity_id,
        )

    def _sleep_until(self, moment: float) -> None:
        delay = moment - self.hub.clock()
        if delay > 0:
            (self.sleep or self.hub.sleep)(delay)

    def _seconds_left(self) -> float:
        return max(0, self.remaining_milliseconds() - LAST_MILLISECONDS) / 1000

    def _is_late(self) -> bool:
        return self.remaining_milliseconds() < LAST_MILLISECONDS

    # The end of the chunk

    def _conclude(self, ids: Sequence[str]) -> None:
        stored = self._store.get_many(self.plan.app_id, self.plan.id, ids)
        facts = [fact for one in stored.values() for fact in one.facts_of(self.chunk)]
        self._publish(facts)
        if self._refused_by:
            logger.warning("sends refused", chunk=self.chunk, reasons=dict(self._refused_by))
        tally: dict[str, dict[str, dict[str, int]]] = {}
        for run, activity, metric, *_ in [*facts, *self._rejected]:
            counters = tally.setdefault(str(run), {}).setdefault(activity, {})
            counters[metric] = counters.get(metric, 0) + 1
        sealed = self._store.seal_chunk(self.plan.app_id, self.plan.id, self.chunk, tally)
        self._count(sealed)

    def _count(self, tally: Mapping[str, Mapping[str, Mapping[str, int]]]) -> None:
        """Add the totals of a sealed chunk to its runs and to the journey, each once."""
        whole: dict[str, Counter[str]] = {}
        for run, activities in tally.items():
            scope = journey_scope(self.plan.app_id, self.plan.id, int(run))
            self.hub.journey_totals.complete_once(scope, self.chunk, activities)
            for activity, counters in activities.items():
                whole.setdefault(activity, Counter()).update(counters)
        scope = journey_scope(self.plan.app_id, self.plan.id)
        self.hub.journey_totals.complete_once(scope, self.chunk, whole)
        self._store.finish_chunk(self.plan.app_id, self.plan.id, self.chunk)

    def _publish(self, facts: Facts) -> None:
        """Write the events of the messages; keep events that the stream refuses."""
        messages = [fact for fact in facts if len(fact) > 3]
        unknown = [fact[3] for fact in messages if fact[3] not in self._seen_endpoints]
        if unknown:
            found = self.hub.endpoints.get_many(self.plan.app_id, unknown)
            self._seen_endpoints.update(found)
        records = []
        for run, activity_id, status, endpoint_id, *reason in messages:
            endpoint = self._seen_endpoints.get(endpoint_id)
            if endpoint is not None:
                records += self._records(run, activity_id, status, endpoint, *reason)
        try:
            self.hub.stream.publish(self.plan.app_id, records)
        except STREAM_FAILURES as error:
            name = self.chunk.replace("/", "-")
            key = f"runs/{self.plan.id}/undelivered-events/{name}.jsonl"
            self.hub.undelivered.keep(key, records, error)

    def _records(
        self,
        run: int,
        activity_id: str,
        status: str,
        endpoint: Endpoint,
        reason: str | None = None,
    ) -> list[dict[str, Any]]:
        now, account = self.hub.now(), self.hub.account.account_id
        records = []
        if status == SendStatus.TRANSIENT_FAILURE:
            status = JourneySendStatus.FAILURE
        if status in _EVENT_STATUSES:
            finished = status == JourneySendStatus.QUIET_TIME_WAIT_FINISHED
            records.append(
                events.journey_send(
                    endpoint,
                    status,
                    app_id=self.plan.app_id,
                    journey_id=self.plan.id,
                    run_id=journey_run_id(self.plan.id, run),
                    activity_id=activity_id,
                    activity_type=None if finished else self.plan.kind(activity_id),
                    now=now,
                    account_id=account,
                )
            )
        refused = refusal_status(status, reason)
        if refused is not None and endpoint.get("ChannelType") == ChannelType.SMS:
            records.append(
                events.sms_refused(
                    refused,
                    ids=self._hub_ids(run, activity_id, endpoint["Id"]),
                    destination=str(endpoint.get("Address", "")),
                    now=now,
                    account_id=account,
                )
            )
        return records
