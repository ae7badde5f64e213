"""Events of text messages → retries in the queue, closed chains, final failures."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.transient import error_code
from sms_retry.chains import Chains, TableBusy
from sms_retry.failures import (
    Arrival,
    End,
    Failure,
    MalformedSmsEvent,
    Policy,
    decide,
    read_sms_event,
)
from sms_retry.final import FinalFailure, FinalFailures

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import SendMessageBatchRequestEntryTypeDef

__all__ = ["LONGEST_DELAY_SECONDS", "Intake", "Outcome", "delay_seconds", "retry_body"]

LONGEST_DELAY_SECONDS = 900
"""SQS delays a message no longer; a retry that is due later is queued again."""
_PER_CALL = 10
_BYTES_PER_CALL = 256_000  # SQS takes 262,144 bytes in a call, and in a message
_ERRORS = (BotoCoreError, ClientError, TableBusy)


@dataclass(slots=True)
class Outcome:
    """Records by id: `hopeless` with a reason, `again` with an error code. Counts by metric."""

    hopeless: dict[str, str] = field(default_factory=dict)
    again: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)


def retry_body(failure: Failure, retry: int, due_at: int) -> str:
    """Return the message of a retry for the queue. It holds the number, and no text."""
    return json.dumps({"Retry": retry, "DueAt": due_at, "Failure": failure.as_json()})


def delay_seconds(due_at: int, now: int) -> int:
    return max(0, min(LONGEST_DELAY_SECONDS, math.ceil((due_at - now) / 1000)))


@dataclass(slots=True)
class Intake:
    """Decides about events.

    `clock` is in seconds since 1970.
    """

    policy: Policy
    chains: Chains
    finals: FinalFailures
    sqs: SQSClient
    queue_url: str
    clock: Callable[[], float]

    def process(self, events: Mapping[str, Mapping[str, Any]]) -> Outcome:
        """Work on events by the ids of their records; a repetition has no further effect."""
        outcome = Outcome()
        failures: dict[str, Failure] = {}
        arrivals: dict[str, Arrival] = {}
        for record_id, event in events.items():
            try:
                read = read_sms_event(event)
            except MalformedSmsEvent as error:
                outcome.hopeless[record_id] = str(error)
                continue
            if isinstance(read, Failure):
                failures[record_id] = read
            elif read is not None:
                arrivals[record_id] = read
        self._failed(failures, outcome)
        self._arrived(arrivals, outcome)
        return outcome

    def _failed(self, failures: Mapping[str, Failure], outcome: Outcome) -> None:
        now = int(self.clock() * 1000)
        bodies: dict[str, tuple[str, int]] = {}
        finals: dict[str, FinalFailure] = {}
        for record_id, failure in failures.items():
            verdict = decide(failure, self.policy, now)
            try:
                if verdict.wait is not None:
                    wait = verdict.wait
                    body = retry_body(failure, wait.number, wait.due_at)
                    if len(body) > _BYTES_PER_CALL:
                        outcome.hopeless[record_id] = "The Context is too large for a retry."
                    elif self.chains.schedule(failure.original_id, failure.message_id, wait.number):
                        bodies[record_id] = body, delay_seconds(wait.due_at, now)
                    else:
                        outcome.counts["Duplicates"] += 1
                elif verdict.is_final and verdict.end is not None:
                    retries, end = failure.retries, verdict.end
                    if self.chains.end_tried(failure.original_id, retries, end, record_id):
                        finals[record_id] = FinalFailure(failure, retries, end)
                    else:
                        outcome.counts["Duplicates"] += 1
                else:
                    outcome.counts[_not_retried(verdict.end)] += 1
                    outcome.reasons[f"{verdict.end}/{failure.status}"] += 1
            except _ERRORS as error:
                outcome.again[record_id] = error_code(error)
        refused = self._queue(bodies)
        outcome.again |= refused
        outcome.counts["ScheduledRetries"] += len(bodies) - len(refused)
        self._report(finals, outcome)

    def _report(self, finals: Mapping[str, FinalFailure], outcome: Outcome) -> None:
        try:
            self.finals.report(list(finals.values()))
        except _ERRORS as error:
            outcome.again |= dict.fromkeys(finals, error_code(error))
            return
        outcome.counts["FinalFailures"] += len(finals)
        outcome.reasons.update(f"{one.reason}/{one.failure.status}" for one in finals.values())

    def _queue(self, bodies: Mapping[str, tuple[str, int]]) -> dict[str, str]:
        """Queue retries; return the error codes of the refused by record id."""
        refused: dict[str, str] = {}
        for chosen in _that_fit(bodies):
            entries: list[SendMessageBatchRequestEntryTypeDef] = [
                {"Id": str(place), "MessageBody": body, "DelaySeconds": delay}
                for place, (_, (body, delay)) in enumerate(chosen)
            ]
            try:
                answer = self.sqs.send_message_batch(QueueUrl=self.queue_url, Entries=entries)
            except _ERRORS as error:
                refused |= dict.fromkeys((one for one, _ in chosen), error_code(error))
                continue
            refused |= {chosen[int(one["Id"])][0]: one["Code"] for one in answer.get("Failed", [])}
        return refused

    def _arrived(self, arrivals: Mapping[str, Arrival], outcome: Outcome) -> None:
        if not arrivals:
            return
        try:
            recovered, cancelled = self.chains.delivered(
                one.original_id for one in arrivals.values()
            )
        except _ERRORS as error:
            outcome.again |= dict.fromkeys(arrivals, error_code(error))
            return
        outcome.counts["RecoveredMessages"] += recovered
        outcome.counts["CancelledRetries"] += cancelled


def _that_fit(
    bodies: Mapping[str, tuple[str, int]],
) -> Iterator[list[tuple[str, tuple[str, int]]]]:
    """Yield the bodies in groups of which SQS takes each in one call. Bodies are ASCII."""
    chosen: list[tuple[str, tuple[str, int]]] = []
    size = 0
    for one in bodies.items():
        length = len(one[1][0])
        if chosen and (len(chosen) == _PER_CALL or size + length > _BYTES_PER_CALL):
            yield chosen
            chosen, size = [], 0
        chosen.append(one)
        size += length
    if chosen:
        yield chosen


def _not_retried(end: End | None) -> str:
    return "PermanentFailures" if end is End.NOT_TRANSIENT else "NotRetryable"
