"""Send the rows of one chunk, each at its time and at most once."""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, tzinfo
from threading import Lock
from typing import Any, Protocol

from shared.local_hours import Hours, zones_of_number
from shared.send_outcome import DeliveryStatus, SendOutcome
from sms_s3_drop.identities import Identity
from sms_s3_drop.ledger import Ledger, RowState, Run, Status, UnknownRun
from sms_s3_drop.rows import Text, message_parts
from sms_s3_drop.turns import Chunk, Permit, Turns

__all__ = ["LATE_SECONDS", "MalformedPermit", "Pacer", "Rules", "Sender", "permit_from"]

# A start that is later than this is given up for a new one: see identities.SHARE_OF_RATE.
LATE_SECONDS = 0.01
# A claim takes some 10 ms. The sleep before it lasts until this long before the start.
_CLAIM_AHEAD_SECONDS = 0.25
# A send, its record and the end of the invocation can take so long.
_LAST_SECONDS = 30
LONGEST_DELAY_SECONDS = 900  # SQS.SendMessage.DelaySeconds
_FIRST_RETRY_SECONDS = 30
OUT_OF_TIME = "The message was not sent within the hours that the module gives a file."
STOPPED = "The run was stopped before the message was sent."


class MalformedPermit(ValueError):
    """A message on the queue is no permit; retrying cannot help."""


def permit_from(body: Any) -> Permit:
    """Read a message.

    Raises:
        MalformedPermit: only the module's own functions should send to the queue.
    """
    names = ("run", "identity", "permit")
    if not isinstance(body, dict) or not all(isinstance(body.get(name), str) for name in names):
        raise MalformedPermit(
            "Not a permit of this module: run, identity and permit must be texts."
        )
    return Permit(*(body[name] for name in names))


class Pacer(Protocol):
    """Hands out starting times; see shared.pacing.RateLimiter."""

    def reserve(self, n: float, by: float) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for all messages. `retry_seconds` bounds tries after a temporary refusal."""

    retry_seconds: float
    hours: Hours | None = None
    default_zone: tzinfo = UTC  # of numbers without a known zone


@dataclass(slots=True)
class _Work:
    """A chunk in progress, shared by threads."""

    chunk: Chunk
    identity: Identity
    run: Run
    until: float  # no message starts later
    rows: list[Text]
    states: dict[int, RowState]
    retry_at: dict[int, float] = field(default_factory=dict)
    full_until: float = 0.0  # the schedule of the identity has no free start before
    lock: Lock = field(default_factory=Lock)


class Sender:
    """Works off permits.

    Args:
        rows: reads the rows of a chunk; None when the run's work files are deleted.
        pacer: the schedule of an identity.
        send: makes one attempt at a message.
        requeue: puts a permit on the queue of an identity, delayed by seconds.
    """

    def __init__(
        self,
        *,
        ledger: Ledger,
        turns: Turns,
        rows: Callable[[Chunk], Sequence[Text] | None],
        pacer: Callable[[Identity], Pacer],
        send: Callable[[Identity, Text], SendOutcome],
        requeue: Callable[[Identity, Permit, int], None],
        rules: Rules,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._ledger = ledger
        self._turns = turns
        self._rows = rows
        self._pacer = pacer
        self._send = send
        self._requeue = requeue
        self._rules = rules
        self._clock = clock
        self._sleep = sleep

    def work_off(self, permit: Permit, identity: Identity, deadline: float) -> Counter[Status]:
        """Send the chunk that a permit is spent on; return the states of its rows.

        Rows that cannot go out now have another turn later, for which there is another permit.

        Args:
            deadline: the end of the invocation, seconds since 1970.

        Raises:
            UnknownRun: the run of the chunk is not in the table.
            ClientError, BotoCoreError: DynamoDB, S3 or SQS failed; the permit can be tried again.
        """
        total: Counter[Status] = Counter()
        while (chunk := self._take(permit, identity)) is not None:
            run = self._ledger.run(chunk.run)
            if run is None:
                raise UnknownRun(f"Run {chunk.run} is not in the table. Drop its file again.")
            total += self._work_off(chunk, run, identity, deadline)
            # A run that is over can have chunks without permits of their own: its execution failed
            # while it enqueued them. They must not use up the permits of other files.
            if not run.closed and self._clock() < run.deadline:
                break
            permit = permit.next()
            if self._clock() >= deadline - _LAST_SECONDS:
                self._requeue(identity, permit, 0)
                break
        return total

    def _take(self, permit: Permit, identity: Identity) -> Chunk | None:
        taken = self._turns.take(permit)
        if taken.wait_until is not None:
            self._requeue(identity, permit, self._delay(taken.wait_until))
        return taken.chunk

    def _work_off(
        self, chunk: Chunk, run: Run, identity: Identity, deadline: float
    ) -> Counter[Status]:
        rows = None if run.closed else self._rows(chunk)
        if rows is None:
            self._turns.end_lane(chunk)
            return Counter()
        work = _Work(
            chunk=chunk,
            identity=identity,
            run=run,
            until=deadline - _LAST_SECONDS,
            rows=list(rows),
            states=self._ledger.rows(chunk),
        )
        todo = [row for row in work.rows if not self._is_settled(work, row)]
        if todo:
            self._send_all(work, todo)
        counts = Counter(
            work.states[row.row].status if row.row in work.states else Status.WAITING
            for row in work.rows
        )
        counts[Status.WAITING] += counts.pop(Status.CLAIMED, 0)
        self._ledger.count(chunk, counts)
        if counts[Status.WAITING]:
            due = self._due(work)
            self._turns.come_later(chunk, due)
            self._requeue(identity, Permit.new(chunk.run, chunk.identity), self._delay(due))
        return counts

    def _is_settled(self, work: _Work, row: Text) -> bool:
        """Settle a row that is not to be sent now; check whether it is settled."""
        state = work.states.get(row.row)
        now = self._clock()
        if state is not None and state.is_final:
            return True
        if state is not None and state.status is Status.CLAIMED:
            if self._ledger.is_dead(state):
                work.states[row.row] = self._ledger.end_unknown(work.chunk, row.row, state)
            else:
                work.retry_at[row.row] = now + self._ledger.lease_left(state)
            return True
        if now >= work.run.deadline:
            reason = STOPPED if work.run.stopped else OUT_OF_TIME
            work.states[row.row] = self._ledger.end_unsent(work.chunk, row.row, reason)
            return True
        if state is not None and state.not_before > now:
            work.retry_at[row.row] = state.not_before
            return True
        opens = self._opens(row, now)
        if opens is None:
            work.states[row.row] = self._ledger.end_unsent(
                work.chunk, row.row, "The quiet hours of the number's time zones never end."
            )
            return True
        if opens > now:
            work.retry_at[row.row] = opens
            return True
        return False

    def _opens(self, row: Text, now: float) -> float | None:
        """Return the first time at which a row may be sent; None for never."""
        if self._rules.hours is None:
            return now
        zones = zones_of_number(row.number) or (self._rules.default_zone,)
        moment = datetime.fromtimestamp(now, UTC)
        opens = self._rules.hours.next_open(moment, zones)
        # A datetime has whole microseconds, so that its timestamp can be later than now.
        if opens == moment:
            return now
        return None if opens is None else opens.timestamp()

    def _send_all(self, work: _Work, todo: list[Text]) -> None:
        """Send rows in order, by as many threads as the rate takes."""
        waiting = iter(todo)

        def worker() -> None:
            while True:
                with work.lock:
                    row = next(waiting, None)
                if row is None or not self._send_one(work, row):
                    return

        threads = min(work.identity.threads, len(todo))
        if threads == 1:
            worker()
            return
        with ThreadPoolExecutor(max_workers=threads) as pool:
            for done in [pool.submit(worker) for _ in range(threads)]:
                done.result()

    def _send_one(self, work: _Work, row: Text) -> bool:
        """Send a row at its time; False when there is no time left for more rows."""
        pacer, parts = self._pacer(work.identity), message_parts(row.body)
        last = min(work.until, work.run.deadline)
        before = work.states.get(row.row)
        claimed: RowState | None = None
        grace = LATE_SECONDS
        while True:
            # The start after this one is kept away by as much as this one may be late.
            kept_free = (grace - LATE_SECONDS) * work.identity.parts_per_second
            start = pacer.reserve(parts + kept_free, by=last)
            if start is None:
                work.full_until = last
                if claimed is not None:
                    self._give_back(work, row, claimed, self._clock())
                return False
            opens = self._opens(row, start)
            if opens is None or opens > start:  # the hours end before it
                work.retry_at[row.row] = start if opens is None else opens
                if claimed is not None:
                    self._give_back(work, row, claimed, work.retry_at[row.row])
                return True
            if claimed is None:
                self._sleep_until(start - _CLAIM_AHEAD_SECONDS)
                own, state = self._ledger.claim(work.chunk, row.row, before)
                work.states[row.row] = state
                if not own:
                    if state.status is Status.CLAIMED:
                        work.retry_at[row.row] = self._clock() + self._ledger.lease_left(state)
                    return True
                claimed = state
            self._sleep_until(start)
            late = self._clock() - start
            if late <= grace:
                break
            grace = 2 * late
        after = self._after(claimed, self._send(work.identity, row))
        self._ledger.record(work.chunk, row.row, claimed.holder, after)
        work.states[row.row] = after
        if after.status is Status.WAITING:
            work.retry_at[row.row] = after.not_before
        return True

    def _give_back(self, work: _Work, row: Text, claimed: RowState, not_before: float) -> None:
        """Return a claim whose message did not start: nothing was sent, and nothing refused it."""
        waiting = replace(claimed, status=Status.WAITING, not_before=not_before)
        self._ledger.record(work.chunk, row.row, claimed.holder, waiting)
        work.states[row.row] = waiting

    def _after(self, claimed: RowState, outcome: SendOutcome) -> RowState:
        """Return the state of a row after an attempt."""
        status, reason = _STATES[outcome.delivery_status], outcome.status_message
        if status is Status.SENT:
            return replace(claimed, status=status, message_id=outcome.message_id)
        if status is not Status.WAITING:
            return replace(claimed, status=status, reason=reason)
        now = self._clock()
        since = now if claimed.refused_since is None else claimed.refused_since
        tries = claimed.tries + 1
        pause = min(LONGEST_DELAY_SECONDS, _FIRST_RETRY_SECONDS * 2 ** min(tries - 1, 10))
        if now + pause > since + self._rules.retry_seconds:
            return replace(claimed, status=Status.FAILED, tries=tries, reason=f"{reason} Given up.")
        return replace(
            claimed,
            status=Status.WAITING,
            tries=tries,
            refused_since=since,
            not_before=now + pause,
            reason=reason,
        )

    def _due(self, work: _Work) -> float:
        """Return the time from which the first of the waiting rows can be sent."""
        now = self._clock()
        waiting = [
            row.row
            for row in work.rows
            if row.row not in work.states or not work.states[row.row].is_final
        ]
        # Rows without a time were not reached: no start was free within the time of the invocation.
        return min(work.retry_at.get(row, max(now, work.full_until)) for row in waiting)

    def _delay(self, due: float) -> int:
        return max(0, min(LONGEST_DELAY_SECONDS, math.ceil(due - self._clock())))

    def _sleep_until(self, moment: float) -> None:
        delay = moment - self._clock()
        if delay > 0:
            self._sleep(delay)


_STATES: Mapping[DeliveryStatus, Status] = {
    DeliveryStatus.SUCCESSFUL: Status.SENT,
    DeliveryStatus.OPT_OUT: Status.OPTED_OUT,
    DeliveryStatus.THROTTLED: Status.WAITING,
    DeliveryStatus.TEMPORARY_FAILURE: Status.WAITING,
    DeliveryStatus.PERMANENT_FAILURE: Status.FAILED,
    DeliveryStatus.UNKNOWN_FAILURE: Status.UNKNOWN,
    DeliveryStatus.DUPLICATE: Status.FAILED,
}
