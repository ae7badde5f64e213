"""Carry out the demands of feedback: SES's suppression list, an event for other systems, tables.

In that order for each address, so that a crash anywhere repeats what was done, and loses nothing:
SES accepts an address twice, receivers of the event recognise copies by its `feedback_id`, and
the tables are written last.
"""

from __future__ import annotations

import json
import random
import time
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import aws_client
from shared.instants import iso
from shared.settings import optional_env, required_env
from shared.suppression.feedback import Feedback, FeedbackKind
from shared.suppression.record import (
    Reason,
    TransientBounces,
    demanded,
    with_feedback,
)
from shared.suppression.store import Change, Known, SuppressionStore
from shared.transient import ServiceUnavailable, error_code

if TYPE_CHECKING:
    from mypy_boto3_events import EventBridgeClient
    from mypy_boto3_sesv2 import SESV2Client

__all__ = ["DETAIL_TYPE", "Outcome", "Suppressor"]

DETAIL_TYPE = "Address Suppressed"
ENTRIES_PER_CALL = 10  # PutEvents takes no more
MESSAGES_AT_ONCE = 50  # of one address at most as many pieces of feedback as a transaction takes
ROUNDS = 5  # when other functions write the same addresses
SECONDS_TO_FINISH = 8.0  # for the events, the tables and the answer

_BOUNCES = frozenset({FeedbackKind.HARD_BOUNCE, FeedbackKind.SOFT_BOUNCE})

Key = TypeVar("Key", bound=Hashable)
Work = dict[str, list[tuple[Key, Feedback]]]


@dataclass(slots=True)
class Outcome(Generic[Key]):
    """The outcome of messages.

    `failed` has the messages to be tried again, with an error code; all others are done with.
    `suppressed` counts addresses, the other numbers recipients of feedback that was recorded now
    (`recorded`) or before (`copies`).
    """

    failed: dict[Key, str] = field(default_factory=dict)
    suppressed: int = 0
    copies: int = 0
    recorded: dict[FeedbackKind, int] = field(
        default_factory=lambda: dict.fromkeys(FeedbackKind, 0)
    )


@dataclass(frozen=True, slots=True)
class _Told:
    """The reason recorded at SES for an address, and the feedback that caused it."""

    reason: Reason
    because: Feedback


class Suppressor:
    """The clients, tables and rules of one function."""

    def __init__(
        self,
        store: SuppressionStore,
        ses: SESV2Client,
        events: EventBridgeClient,
        *,
        event_bus_name: str,
        event_source: str,
        rule: TransientBounces,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._store = store
        self._ses = ses
        self._events = events
        self._event_bus_name = event_bus_name
        self._event_source = event_source
        self._rule = rule
        self._sleep = sleep

    @classmethod
    def from_environment(cls) -> Suppressor:
        """Make the suppressor from the variables that modules/internal/address_suppression sets.

        Raises:
            MissingSetting: names the variable.
        """
        from botocore.config import Config

        # A throttled call is tried three times here and again by the queue or stream.
        config = Config(
            connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
        )
        return cls(
            SuppressionStore(
                aws_client("dynamodb", config=config),
                address_table=required_env("ADDRESS_TABLE"),
                feedback_table=required_env("FEEDBACK_TABLE"),
            ),
            aws_client("sesv2", config=config),
            aws_client("events", config=config),
            event_bus_name=required_env("EVENT_BUS_NAME"),
            event_source=required_env("EVENT_SOURCE"),
            rule=TransientBounces(
                limit=int(optional_env("TRANSIENT_BOUNCES_LIMIT") or 3),
                window=timedelta(days=int(optional_env("TRANSIENT_BOUNCES_WINDOW_DAYS") or 7)),
            ),
        )

    def process(
        self,
        feedbacks: Mapping[Key, Sequence[Feedback]],
        *,
        seconds_left: Callable[[], float] = lambda: float("inf"),
    ) -> Outcome[Key]:
        """Do what all this feedback demands; a message fails alone.

        Args:
            feedbacks: feedback by the key of the message that contained it.
            seconds_left: time until the function is ended. Work that does not fit into it fails, so
                that finished work is recorded.
        """
        outcome: Outcome[Key] = Outcome()
        remaining = iter(feedbacks.items())
        while some := dict(islice(remaining, MESSAGES_AT_ONCE)):
            _Batch(self, outcome, seconds_left).process(some)
        return outcome

    # Methods for a batch. Errors are returned as codes: a service's own text can quote an address.

    def read(self, wanted: Mapping[str, Iterable[Feedback]]) -> Known:
        return self._store.read(wanted)

    def write(self, changes: Iterable[Change]) -> dict[str, str | None]:
        return self._store.write(changes)

    def pause(self, attempt: int) -> None:
        """Wait longer each time, and for different times in two functions that collided."""
        self._sleep(random.uniform(0.5, 1.0) * 0.05 * 2**attempt)

    def decide(
        self, address: str, feedbacks: Sequence[Feedback], known: Known
    ) -> tuple[Change | None, _Told | None]:
        """Return the change that feedback about one address makes, and what it demands.

        Copies make no change. A copy of a bounce demands a recorded complaint again: an attempt at
        the bounce that did not record it may have listed BOUNCE after a concurrent function had
        listed the complaint.
        """
        rule = self._rule
        before = known.records.get(address)
        new = {
            feedback.feedback_id: feedback
            for feedback in sorted(feedbacks, key=lambda each: each.occurred_at)
            if (feedback.feedback_id, address) not in known.copies
        }
        record = before
        for feedback in new.values():
            record = with_feedback(record, address, feedback, rule)
        if record is None:
            return None, None
        asking = list(new.values())
        if not new and record.reason is Reason.COMPLAINT:
            asking = [copy for copy in feedbacks if copy.kind in _BOUNCES]
        because = [feedback for feedback in asking if demanded(record, feedback, rule)]
        told = _Told(record.reason, because[-1]) if because and record.reason else None
        return Change(record, tuple(new.values())) if new else None, told

    def suppress(self, address: str, reason: Reason) -> str | None:
        """Put an address on SES's list; the code of the error if that fails."""
        try:
            self._ses.put_suppressed_destination(EmailAddress=address, Reason=reason.value)
        except (ClientError, BotoCoreError) as error:
            return error_code(error)
        return None

    def announce(self, told: Mapping[str, _Told]) -> dict[str, str]:
        """Tell other systems; the addresses that could not be announced, with error codes."""
        refused: dict[str, str] = {}
        addresses = list(told)
        for first in range(0, len(addresses), ENTRIES_PER_CALL):
            some = addresses[first : first + ENTRIES_PER_CALL]
            entries: Any = [self._entry(address, told[address]) for address in some]
            try:
                answers: Sequence[Any] = self._events.put_events(Entries=entries)["Entries"]
            except (ClientError, BotoCoreError) as error:
                answers = [{"ErrorCode": error_code(error)}] * len(some)
            for address, answer in zip(some, answers, strict=True):
                if answer.get("ErrorCode"):
                    refused[address] = answer["ErrorCode"]
        return refused

    def _entry(self, address: str, told: _Told) -> dict[str, Any]:
        detail = {
            "address": address,
            "reason": told.reason.value,
            "feedback_id": told.because.feedback_id,
            "message_id": told.because.message_id,
            "occurred_at": iso(told.because.occurred_at),
        }
        return {
            "EventBusName": self._event_bus_name,
            "Source": self._event_source,
            "DetailType": DETAIL_TYPE,
            "Detail": json.dumps(detail),
        }


class _Batch(Generic[Key]):
    """A few messages, worked through together."""

    def __init__(
        self, suppressor: Suppressor, outcome: Outcome[Key], seconds_left: Callable[[], float]
    ) -> None:
        self._suppressor = suppressor
        self._outcome = outcome
        self._seconds_left = seconds_left
        self._told: dict[str, Reason] = {}  # not to be announced again in a later round

    def process(self, feedbacks: Mapping[Key, Sequence[Feedback]]) -> None:
        work: Work[Key] = defaultdict(list)
        for key, named in feedbacks.items():
            for feedback in named:
                for address in feedback.recipients:
                    work[address].append((key, feedback))
        for attempt in range(ROUNDS):
            if attempt:
                self._suppressor.pause(attempt)
            work = self._round(work)
            if not work:
                return
        for address in work:
            self._fail(work, address, "Overtaken")

    def _round(self, work: Work[Key]) -> Work[Key]:
        """Process each address. Returns the addresses whose item was changed concurrently."""
        wanted = {address: [each for _, each in named] for address, named in work.items()}
        try:
            known = self._suppressor.read(wanted)
        except (ClientError, BotoCoreError, ServiceUnavailable) as error:
            for address in work:
                self._fail(work, address, error_code(error))
            return {}

        changes: dict[str, Change] = {}
        told: dict[str, _Told] = {}
        for address, feedbacks in wanted.items():
            change, demand = self._suppressor.decide(address, feedbacks, known)
            if demand is not None:
                # Again in a later round: a concurrent function may have recorded another reason.
                code = self._suppress(address, demand.reason)
                if code is not None:
                    self._fail(work, address, code)
                    continue
            if change is None:
                self._outcome.copies += len(feedbacks)
                continue
            if demand is not None and self._told.get(address) != demand.reason:
                told[address] = demand
            changes[address] = change

        for address, code in self._suppressor.announce(told).items():
            self._fail(work, address, code)
            del changes[address], told[address]
        self._told.update({address: demand.reason for address, demand in told.items()})

        overtaken: Work[Key] = {}
        refused = self._suppressor.write(changes.values())
        for address, change in changes.items():
            if address not in refused:
                self._outcome.copies += len(work[address]) - len(change.feedbacks)
                for feedback in change.feedbacks:
                    self._outcome.recorded[feedback.kind] += 1
                self._outcome.suppressed += address in self._told
            elif (reason := refused[address]) is None:
                overtaken[address] = work[address]
            else:
                self._fail(work, address, reason)
        return overtaken

    def _suppress(self, address: str, reason: Reason) -> str | None:
        if self._seconds_left() < SECONDS_TO_FINISH:
            return "NoTimeLeft"
        return self._suppressor.suppress(address, reason)

    def _fail(self, work: Work[Key], address: str, code: str) -> None:
        for key, _ in work[address]:
            self._outcome.failed[key] = code
