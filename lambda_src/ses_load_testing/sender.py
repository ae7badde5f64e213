"""Decide the outcome of each message of a batch: sent, sent before, failed, parked or later.

Everything that could go wrong ends in one of these fates, and only LATER leaves a message on the
queue. Hence, of the messages that were accepted,

    accepted = sent + duplicates + failed + parked + in flight

at any time; duplicates are messages under the identity of one that was sent.
"""

from __future__ import annotations

import random
import time
from collections import Counter, defaultdict, deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from ses_load_testing.account import Account, AccountUnknown, Limits, StopReason, chunk_size, pace
from ses_load_testing.batch_reads import KeysUnread
from ses_load_testing.bulk_email import Answer, Entry, Verdict, template_data
from ses_load_testing.ledger import Claim, ClaimState, Ledger, Result, new_call_id
from ses_load_testing.message import MalformedMessage, Message, read_message
from ses_load_testing.queues import Delivery, Ending, Queues
from ses_load_testing.users import Users
from shared.pacing import PacingContention
from shared.transient import is_transient

__all__ = ["Fate", "Pacer", "Report", "Sender", "wait_before_retry"]

# A call that began may take this long: SES's read time-out, its outcome, dead letters, the answer.
LAST_CALL_SECONDS = 25
# Messages are claimed just before their turn: earlier, a crash while waiting would leave messages
# of unknown outcome. How long that takes is learnt.
_FIRST_LEAD_SECONDS = 0.1
_LONGEST_LEAD_SECONDS = 2.0
# A turn that was missed by more is lost: made up for, it would be one call too many in its second.
_LATE_SECONDS = 0.01
_FIRST_WAIT_SECONDS = 5
_LONGEST_WAIT_SECONDS = 900
_LONGEST_WAIT_FOR_A_TURN_SECONDS = 120  # nothing is wrong: the schedule was full
_CLOSED_WAIT_SECONDS = 300  # the mapping is off by then, so this uses up one attempt only


class Fate(StrEnum):
    SENT = "sent"
    DUPLICATE = "duplicate"
    FAILED = "failed"
    PARKED = "parked"
    LATER = "later"


class Pacer(Protocol):
    """`shared.pacing.RateLimiter` at the current rate."""

    def reserve(self, n: int, by: float) -> float | None: ...


@dataclass(slots=True)
class Report:
    """The outcome of each message by its id, and the values for metrics."""

    fates: dict[str, Fate] = field(default_factory=dict)
    codes: Counter[str] = field(default_factory=Counter)  # refused emails by SES's error code
    throttled: int = 0
    unrecorded: int = 0  # calls whose outcome could not be written
    stopped: StopReason | None = None
    endings: dict[Fate, list[Ending]] = field(default_factory=lambda: defaultdict(list))
    call_seconds: list[float] = field(default_factory=list)
    queue_to_send_seconds: list[float] = field(default_factory=list)

    def count(self, fate: Fate) -> int:
        return sum(1 for each in self.fates.values() if each is fate)

    def end(self, fate: Fate, ending: Ending) -> None:
        """Settle on FAILED or PARKED; the message is moved when the batch is done."""
        self.fates[ending.delivery.id] = fate
        self.endings[fate].append(ending)

    def later(self) -> list[str]:
        return [id for id, fate in self.fates.items() if fate is Fate.LATER]


@dataclass(frozen=True, slots=True)
class _Work:
    """A message ready to be sent."""

    delivery: Delivery
    entry: Entry
    key: str

    def group(self) -> tuple[str, str, str | None]:
        """Return the values that all emails of one call share."""
        message = self.entry.message
        return message.sender, message.template, message.configuration_set


class _Postpone(Exception):
    """Nothing more can be sent in this invocation."""

    def __init__(self, longest_wait: int = _LONGEST_WAIT_SECONDS) -> None:
        self.longest_wait = longest_wait


def wait_before_retry(
    receives: int, longest: int = _LONGEST_WAIT_SECONDS, chance: float | None = None
) -> int:
    """Return the wait of a message in seconds: doubled with each attempt, with jitter of a half."""
    full = min(float(longest), _FIRST_WAIT_SECONDS * 2.0 ** min(receives - 1, 20))
    share = random.random() if chance is None else chance
    return max(1, round(full * (0.5 + share / 2)))


class Sender:
    """Sends batches of messages. One instance serves one batch at a time.

    Args:
        pacer: a rate limiter for a number of recipients per second, and the clock it goes by.
        send: one call of SendBulkEmail; an answer for each entry.
        closed: the reason for which nothing may be sent at the moment, or None.
        close: stops deliveries until there is room again.
    """

    def __init__(
        self,
        *,
        users: Users,
        ledger: Ledger,
        account: Account,
        queues: Queues,
        pacer: Callable[[float, Callable[[], float]], Pacer],
        send: Callable[[Sequence[Entry]], list[Answer]],
        closed: Callable[[], StopReason | None],
        close: Callable[[StopReason], None],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._users = users
        self._ledger = ledger
        self._account = account
        self._queues = queues
        self._pacer = pacer
        self._send = send
        self._closed = closed
        self._close = close
        self._clock = clock
        self._sleep = sleep
        self._lead = _FIRST_LEAD_SECONDS
        self._ahead = 0.0

    def process(self, deliveries: Sequence[Delivery], deadline: float, report: Report) -> None:
        """Find each message's fate; messages that are LATER are hidden for a while already.

        Args:
            deadline: epoch second by which this must have returned.
            report: filled in, also when this raises.

        Raises:
            ClientError: AWS refused permanently, as without a permission. SQS redelivers messages
                that were not deleted, and the ledger knows which of them were sent.
        """
        waits: dict[Delivery, int] = {}
        try:
            report.stopped = self._closed()
            if report.stopped is not None:
                self._give_back(deliveries, report, waits, _CLOSED_WAIT_SECONDS)
            else:
                self._send_all(self._read(deliveries, report, waits), report, waits, deadline)
        except (ClientError, KeysUnread, HTTPClientError, ConnectionError) as error:
            # Messages that may succeed later, and have no fate yet, are returned below.
            if isinstance(error, ClientError) and not is_transient(error):
                raise
        self._give_back((d for d in deliveries if d.id not in report.fates), report, waits)
        self._end(report, waits)
        self._queues.hide(waits)

    def _read(
        self, deliveries: Sequence[Delivery], report: Report, waits: dict[Delivery, int]
    ) -> list[_Work]:
        """Parse messages and look up their users; a message that can never be sent fails here."""
        messages: list[tuple[Delivery, Message]] = []
        for delivery in deliveries:
            try:
                messages.append((delivery, read_message(delivery.body)))
            except MalformedMessage as error:
                report.codes[_MALFORMED] += 1
                report.end(Fate.FAILED, Ending(delivery, _MALFORMED, str(error)))
        known = self._users.metadata(message.user_id for _, message in messages)
        work = []
        for delivery, message in messages:
            metadata = known.get(message.user_id)
            if metadata is None:
                report.codes[_UNKNOWN_USER] += 1
                report.end(Fate.FAILED, Ending(delivery, _UNKNOWN_USER, _WRITE_THE_USER))
            else:
                key = message.key or f"sqs-{delivery.id}"
                work.append(_Work(delivery, Entry(message, template_data(metadata, message)), key))
        return work

    def _send_all(
        self,
        work: Sequence[_Work],
        report: Report,
        waits: dict[Delivery, int],
        deadline: float,
    ) -> None:
        groups: dict[object, deque[_Work]] = defaultdict(deque)
        seen: set[str] = set()
        twins: list[_Work] = []
        for each in work:
            if each.key in seen:
                twins.append(each)
            else:
                seen.add(each.key)
                groups[each.group()].append(each)
        # Two of one identity: the outcome of the second depends on the first.
        for number, twin in enumerate(twins):
            groups[number].append(twin)
        try:
            for group in groups.values():
                while group:
                    self._send_next(group, report, waits, deadline)
        except _Postpone as postponed:
            unsettled = [each.delivery for each in work if each.delivery.id not in report.fates]
            self._give_back(unsettled, report, waits, longest=postponed.longest_wait)

    def _send_next(
        self,
        group: deque[_Work],
        report: Report,
        waits: dict[Delivery, int],
        deadline: float,
    ) -> None:
        """Send the first few of a group, as many as one call may have.

        Raises:
            _Postpone: nothing more can be sent now.
        """
        limits = self._limits(report)
        size = int(min(chunk_size(limits), limits.room(), len(group)))
        start = self._turn(size, limits, deadline, self._lead)
        chunk = [group.popleft() for _ in range(size)]
        self._call(chunk, start, limits, report, waits, deadline)

    def _limits(self, report: Report) -> Limits:
        """Return the limits of the account, once it may send at all.

        Raises:
            _Postpone: it may not (the valve is closed by then), or it is not known.
        """
        try:
            limits = self._account.limits()
            if limits.stopped_by() is not None:
                limits = self._account.limits(at_most_old=0)  # before deciding, the latest
        except AccountUnknown as error:
            raise _Postpone from error
        reason = limits.stopped_by()
        if reason is not None:
            self._stop(reason, report)
        return limits

    def _stop(self, reason: StopReason, report: Report) -> None:
        """Close the valve; raises _Postpone always."""
        report.stopped = reason
        self._close(reason)
        raise _Postpone(_CLOSED_WAIT_SECONDS)

    def _turn(self, size: int, limits: Limits, deadline: float, lead: float) -> float:
        """Reserve sends, and return their time; not before `lead` seconds from now.

        Raises:
            _Postpone: not in this invocation's time.
        """
        try:
            self._ahead = lead
            pacer = self._pacer(pace(limits), self._earliest)
            start = pacer.reserve(size, by=deadline - LAST_CALL_SECONDS)
        except PacingContention:
            start = None
        if start is None:
            raise _Postpone(_LONGEST_WAIT_FOR_A_TURN_SECONDS)
        return start

    def _earliest(self) -> float:
        """Return the limiter's clock."""
        return self._clock() + self._ahead

    def _call(
        self,
        chunk: Sequence[_Work],
        start: float,
        limits: Limits,
        report: Report,
        waits: dict[Delivery, int],
        deadline: float,
    ) -> None:
        self._wait_until(start - self._lead)
        began = self._clock()
        call_id = new_call_id()
        results = [Result.REFUSED] * len(chunk)
        try:
            states = self._ledger.claim(
                call_id,
                [Claim(work.key, number, work.delivery.id) for number, work in enumerate(chunk)],
            )
            took = self._clock() - began
            self._lead = min(_LONGEST_LEAD_SECONDS, 0.8 * self._lead + 0.2 * 1.15 * took)
            ours = [number for number, state in enumerate(states) if state is ClaimState.OURS]
            self._settle_others(chunk, states, report, waits)
            if ours:
                self._wait_for_turn(start, len(ours), limits, deadline)
        except Exception:
            # Some may be claimed, and no email is sent: no other turn is free, or the table does
            # not answer.
            self._record(call_id, results, report)
            raise
        answers: list[Answer] = []
        if ours:
            began = self._clock()
            answers = self._send([chunk[number].entry for number in ours])
            report.call_seconds.append(self._clock() - began)
            for number, answer in zip(ours, answers, strict=True):
                results[number] = _RESULTS.get(answer.verdict, Result.REFUSED)
        if ours or ClaimState.NOT_WRITTEN in states:
            self._record(call_id, results, report)
        self._settle([chunk[number] for number in ours], answers, report, waits, deadline)

    def _wait_for_turn(self, start: float, size: int, limits: Limits, deadline: float) -> None:
        """Wait for a turn that was reserved, and for another where that one was missed."""
        self._wait_until(start)
        while self._clock() - start > _LATE_SECONDS:
            start = self._turn(size, limits, deadline, 0.0)
            self._wait_until(start)

    def _record(self, call_id: str, results: Sequence[Result], report: Report) -> None:
        """Write the outcome of a call.

        When the write fails, the fates are known in this process all the same, and are acted upon.
        Messages deleted from the queue then need no record; redelivered messages will be parked.
        """
        try:
            self._ledger.record(call_id, results)
        except (ClientError, HTTPClientError, ConnectionError):
            report.unrecorded += 1

    def _settle_others(
        self,
        chunk: Sequence[_Work],
        states: Sequence[ClaimState],
        report: Report,
        waits: dict[Delivery, int],
    ) -> None:
        """Decide about messages that were claimed before, or could not be claimed."""
        for work, state in zip(chunk, states, strict=True):
            match state:
                case ClaimState.SENT:
                    report.fates[work.delivery.id] = Fate.DUPLICATE
                case ClaimState.UNKNOWN:
                    report.end(Fate.PARKED, Ending(work.delivery, _UNKNOWN_OUTCOME, _CRASHED))
                case ClaimState.IN_FLIGHT | ClaimState.NOT_WRITTEN:
                    self._give_back([work.delivery], report, waits)

    def _settle(
        self,
        chunk: Sequence[_Work],
        answers: Sequence[Answer],
        report: Report,
        waits: dict[Delivery, int],
        deadline: float,
    ) -> None:
        """Act upon SES's answers."""
        suspects: list[_Work] = []
        stop: StopReason | None = None
        now = self._clock()
        for work, answer in zip(chunk, answers, strict=True):
            if answer.verdict is not Verdict.SENT:
                report.codes[answer.code] += 1
            match self._reading(answer, len(chunk)):
                case Verdict.SENT:
                    report.fates[work.delivery.id] = Fate.SENT
                    report.queue_to_send_seconds.append(max(0.0, now - work.delivery.queued_at))
                case Verdict.LATER:
                    report.throttled += 1
                    self._give_back([work.delivery], report, waits)
                case Verdict.DENIED:
                    self._give_back([work.delivery], report, waits)
                case Verdict.STOP_QUOTA:
                    stop = StopReason.DAILY_QUOTA
                case Verdict.STOP_PAUSED:
                    stop = StopReason.SENDING_PAUSED
                case Verdict.NEVER:
                    reason = answer.detail or _REFUSED
                    report.end(Fate.FAILED, Ending(work.delivery, answer.code, reason))
                case Verdict.WHOLE_CALL:
                    suspects.append(work)
                case Verdict.UNKNOWN:
                    report.end(Fate.PARKED, Ending(work.delivery, answer.code, _NO_ANSWER))
        sent = sum(1 for answer in answers if answer.verdict is Verdict.SENT)
        self._account.sent(sent)
        if stop is not None:
            self._stop(stop, report)
        if answers and all(answer.verdict in _NOTHING_TAKEN for answer in answers):
            # SES takes nothing at the moment. Where the day's quota is the reason, GetAccount says
            # so; the error has the same code.
            self._limits_now(report)
            raise _Postpone
        self._send_apart(suspects, report, waits, deadline)

    def _reading(self, answer: Answer, entries: int) -> Verdict:
        """Return a verdict, once what the call alone does not tell is known."""
        if answer.verdict is Verdict.WHOLE_CALL and entries == 1:
            return Verdict.NEVER
        if answer.code == "SendingPausedException":
            # Of the account, or of the configuration set alone?
            try:
                if self._account.limits(at_most_old=5).enabled:
                    return Verdict.NEVER
            except AccountUnknown:
                return Verdict.LATER
        if answer.code == "LimitExceededException":
            try:
                if self._account.limits(at_most_old=5).room() >= entries:
                    return Verdict.LATER
            except AccountUnknown:
                return Verdict.LATER
        return answer.verdict

    def _limits_now(self, report: Report) -> None:
        try:
            reason = self._account.limits(at_most_old=5).stopped_by()
        except AccountUnknown:
            return
        if reason is not None:
            self._stop(reason, report)

    def _send_apart(
        self,
        suspects: Sequence[_Work],
        report: Report,
        waits: dict[Delivery, int],
        deadline: float,
    ) -> None:
        """Halve a call that was refused for one of its emails until that email is alone in it."""
        middle = (len(suspects) + 1) // 2
        for half in (suspects[:middle], suspects[middle:]):
            rest = deque(half)
            while rest:
                self._send_next(rest, report, waits, deadline)

    def _wait_until(self, moment: float) -> None:
        delay = moment - self._clock()
        if delay > 0:
            self._sleep(delay)

    def _end(self, report: Report, waits: dict[Delivery, int]) -> None:
        """Move what failed or is parked, last of all: a function that ends earlier leaves each
        such message on the queue alone, not in two places."""
        moves = {Fate.FAILED: self._queues.fail, Fate.PARKED: self._queues.park}
        for fate, endings in report.endings.items():
            moved = moves[fate](endings)
            left = [e.delivery for e in endings if e.delivery.id not in moved]
            self._give_back(left, report, waits)

    def _give_back(
        self,
        deliveries: Iterable[Delivery],
        report: Report,
        waits: dict[Delivery, int],
        exactly: int | None = None,
        *,
        longest: int = _LONGEST_WAIT_SECONDS,
    ) -> None:
        for delivery in deliveries:
            report.fates[delivery.id] = Fate.LATER
            wait = wait_before_retry(delivery.receives, longest)
            waits[delivery] = wait if exactly is None else exactly


_RESULTS: Mapping[Verdict, Result] = {
    Verdict.SENT: Result.SENT,
    Verdict.UNKNOWN: Result.UNKNOWN,
}
_NOTHING_TAKEN = (Verdict.LATER, Verdict.DENIED)
_MALFORMED = "MALFORMED_MESSAGE"
_UNKNOWN_USER = "UNKNOWN_USER"
_UNKNOWN_OUTCOME = "UNKNOWN_OUTCOME"
_WRITE_THE_USER = "user_id names no item of the metadata table: write the user, then redrive"
_REFUSED = "SES refuses the email and gives no reason"
_NO_ANSWER = "SES did not answer: the email may be sent. Look for its tags among the events"
_CRASHED = (
    "A sender ended between the send and its record: the email may be sent. "
    "Look for its tags among the events"
)
