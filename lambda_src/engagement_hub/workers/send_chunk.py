"""Sends one chunk of a run's audience: at most one message per endpoint and run.

The chunk's record in RUNS_TABLE says how far it is. Positions are claimed before anything is sent
to them, their outcomes are written with the next claim, so an invocation that dies leaves claimed
positions without outcomes: whether those were sent cannot be known. A later invocation goes on with
the unclaimed ones, reports the others as UNKNOWN and never sends to them again.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from engagement_hub.engagement.campaigns import ENDPOINTS_PER_CALL, SendStatus, is_expired
from engagement_hub.engagement.errors import EngagementError
from engagement_hub.engagement.hooks import (
    HookedEndpoint,
    HookFailure,
    apply_hook_answer,
    custom_channel_payload,
    hook_payload,
)
from engagement_hub.engagement.messages import Content, CustomContent, endpoint_variables
from engagement_hub.engagement.model import ChannelType, Endpoint
from engagement_hub.engagement.schedule import in_quiet_time
from engagement_hub.senders import DeliveryStatus, SendOutcome
from engagement_hub.store.runs import ClaimLost, Outcome, RunStore
from engagement_hub.workers.campaign_plan import RunPlan, Treatment
from engagement_hub.workers.customer_functions import (
    LONGEST_ASK_MILLISECONDS,
    CallFailed,
    CustomerFunctions,
)
from engagement_hub.workers.hub import logger

# Sends that one invocation has under way; at 100 ms a send that is some 80 a second.
PARALLEL_SENDS = 8
# Positions claimed at a time: two seconds' worth, so that little is lost with an invocation.
_CLAIM_SECONDS = 2
_LARGEST_CLAIM = 50
# Left for the sends under way (20 s each at the most), for outcomes and for events. A function that
# has less than twice this keeps half of its time: else it would claim nothing, again and again.
LAST_MILLISECONDS = 45_000
# Before a rate that others have booked out is asked for again.
_PAUSE_SECONDS = 30

# How a send's outcome shows in `campaign_send_status`.
SEND_STATUS = {
    DeliveryStatus.SUCCESSFUL: SendStatus.SUCCESS,
    DeliveryStatus.THROTTLED: SendStatus.THROTTLED,
    DeliveryStatus.TEMPORARY_FAILURE: SendStatus.TRANSIENT_FAILURE,
    DeliveryStatus.PERMANENT_FAILURE: SendStatus.FAILURE_PERMANENT,
    DeliveryStatus.UNKNOWN_FAILURE: SendStatus.UNKNOWN,
    DeliveryStatus.OPT_OUT: SendStatus.FAILURE_PERMANENT,
    DeliveryStatus.DUPLICATE: SendStatus.DUPLICATE_ADDRESS,
}
# Our own word for endpoints that the FILTER hook left out; the stream has no word, so they get no
# event. Their number is in the activity's ExecutionMetrics under this name.
FILTERED = "FILTERED_OUT_BY_HOOK"


class Sender(Protocol):
    """The part of Senders that is used here."""

    def send(self, content: Any, address: str, *, context: Mapping[str, str]) -> SendOutcome: ...


class Pace(Protocol):
    """The part of RateLimiter that is used here."""

    def reserve(self, n: int, by: float) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Recipient:
    """One line of a chunk. `skip` is a status decided while the audience was built."""

    position: int
    endpoint: Endpoint
    skip: str | None

    @property
    def id(self) -> str:
        return str(self.endpoint["Id"])

    @property
    def address(self) -> str:
        return str(self.endpoint.get("Address", ""))

    @property
    def channel(self) -> str:
        return str(self.endpoint.get("ChannelType", ""))


@dataclass(frozen=True, slots=True)
class ToSend:
    """A recipient without an objection, with its content."""

    recipient: Recipient
    content: Content


@dataclass(slots=True)
class ChunkSender:
    """Works through one chunk; `pace_for(channel)` gives the rate limiters a send must keep to."""

    plan: RunPlan
    treatment: Treatment
    custom: bool
    runs: RunStore
    sender: Sender
    functions: CustomerFunctions
    pace_for: Callable[[str], Sequence[Pace]]
    rate_for: Callable[[str], float]
    remaining_milliseconds: Callable[[], int]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    _last_milliseconds: int = field(init=False, default=LAST_MILLISECONDS)

    def run(self, chunk: str, recipients: Sequence[Recipient]) -> bool:
        """Send to the rest of the chunk; return False when the time ran out before its end.

        Raises:
            ClaimLost: another invocation works on the chunk.
        """
        scope = self.plan.scope
        self._last_milliseconds = min(LAST_MILLISECONDS, self.remaining_milliseconds() // 2)
        first = claimed = self.runs.chunk(scope, chunk).claimed
        seen = {(one.channel, one.address) for one in recipients[:claimed]}
        pending: dict[int, Outcome] = {}
        with ThreadPoolExecutor(PARALLEL_SENDS) as pool:
            while claimed < len(recipients):
                if self.plan.hook and claimed > first:
                    # The hook may take all the remaining time: known outcomes must not be lost.
                    self.runs.record(scope, chunk, pending)
                    pending = {}
                    if not self._time_for(LONGEST_ASK_MILLISECONDS):
                        return False
                window = recipients[claimed : claimed + ENDPOINTS_PER_CALL]
                decided = self._decide(window, seen)
                for batch in self._claims(window, decided):
                    starts = self._reserve([decided[one.position] for one in batch])
                    if starts is None:
                        self.runs.record(scope, chunk, pending)
                        # The rate may be booked out by other runs: not to be asked without pause.
                        self.sleep(min(self._seconds_left(), _PAUSE_SECONDS))
                        return False
                    upto = batch[-1].position + 1
                    try:
                        self.runs.claim(scope, chunk, held=claimed, upto=upto, outcomes=pending)
                    except ClaimLost:
                        self.runs.record(scope, chunk, pending)  # those were ours
                        raise
                    claimed = upto
                    pending = self._outcomes(pool, batch, decided, starts)
        self.runs.record(scope, chunk, pending)
        return True

    # Objections against a recipient

    def _decide(
        self, window: Sequence[Recipient], seen: set[tuple[str, str]]
    ) -> dict[int, str | ToSend]:
        """Return by position a status for a refused recipient, and the content for the others."""
        decided: dict[int, str | ToSend] = {}
        left = []
        for one in window:
            status = self._refusal(one, seen)
            if status is None:
                left.append(one)
            else:
                decided[one.position] = status
        hooked = self._filtered(left, decided)
        for one in left:
            if one.position not in decided:
                decided[one.position] = (
                    ToSend(one, CustomContent())
                    if self.custom
                    else self._rendered(one, hooked.get(one.id) or HookedEndpoint(one.endpoint))
                )
        return decided

    def _refusal(self, one: Recipient, seen: set[tuple[str, str]]) -> str | None:
        if one.skip:
            return one.skip
        key = (one.channel, one.address)
        if key in seen:
            return SendStatus.DUPLICATE_ADDRESS
        seen.add(key)
        now = datetime.fromtimestamp(self.clock(), UTC)
        if is_expired(self.plan.limits, self.plan.started_at, now):
            return SendStatus.EXPIRED
        timezone = (one.endpoint.get("Demographic") or {}).get("Timezone")
        if in_quiet_time(self.plan.quiet_time, timezone, now):
            return SendStatus.QUIET_TIME
        return None

    def _capped(self, one: Recipient) -> str | None:
        """Count the message against the caps, when it is about to be sent and not before."""
        limits, app_id, campaign_id = self.plan.limits, self.plan.app_id, self.plan.campaign["Id"]
        if limits.total and not self.runs.take_total(app_id, one.id, campaign_id, limits.total):
            return SendStatus.CAMPAIGN_CAP
        daily = ((campaign_id, limits.daily), ("all", limits.project_daily))
        for counter, cap in daily:
            if cap and not self.runs.take_daily(app_id, one.id, counter, cap):
                return SendStatus.DAILY_CAP
        return None

    def _filtered(
        self, left: Sequence[Recipient], decided: dict[int, str | ToSend]
    ) -> Mapping[str, HookedEndpoint]:
        """Ask the FILTER hook; returns the endpoints it kept, by id, with its changes."""
        if not self.plan.hook or not left:
            return {}
        endpoints = [one.endpoint for one in left]
        payload = hook_payload(
            endpoints,
            **self._run_ids(),
            message_configuration=self.treatment.content.messages,
        )
        try:
            answer = self.functions.ask(self.plan.hook, payload)
            kept = {one.endpoint["Id"]: one for one in apply_hook_answer(endpoints, answer)}
        except (CallFailed, HookFailure) as error:
            self._log_failure("hook failed", error, len(left))
            decided.update({one.position: SendStatus.HOOK_FAILURE for one in left})
            return {}
        decided.update({one.position: FILTERED for one in left if one.id not in kept})
        return kept

    def _log_failure(self, what: str, error: CallFailed | HookFailure, endpoints: int) -> None:
        logger.warning(what, run=self.plan.run_id, endpoints=endpoints, reason=str(error))

    def _run_ids(self) -> dict[str, Any]:
        return {
            "app_id": self.plan.app_id,
            "campaign_id": self.plan.campaign["Id"],
            "activity_id": self.treatment.activity_id,
            "treatment_id": self.treatment.id,
            "scheduled_time": self.plan.scheduled_start,
        }

    # Sending

    def _rendered(self, one: Recipient, hooked: HookedEndpoint) -> str | ToSend:
        try:
            plan = self.treatment.plan(one.channel)
            if plan is None:
                return SendStatus.UNSUPPORTED_CHANNEL
            content = plan.render(
                endpoint_variables(hooked.endpoint),
                title_override=hooked.title_override,
                body_override=hooked.body_override,
            )
        except EngagementError:
            return SendStatus.FAILURE_PERMANENT
        return ToSend(one, content)

    def _claims(
        self, window: Sequence[Recipient], decided: Mapping[int, str | ToSend]
    ) -> Iterator[Sequence[Recipient]]:
        """Cut a window into what is claimed together; a custom channel takes it whole."""
        if self.custom:
            yield window
            return
        channels = {one.recipient.channel for one in decided.values() if isinstance(one, ToSend)}
        rate = min((self.rate_for(channel) for channel in channels), default=math.inf)
        size = int(min(rate * _CLAIM_SECONDS, _LARGEST_CLAIM)) or 1
        for start in range(0, len(window), size):
            yield window[start : start + size]

    def _reserve(self, decisions: Sequence[str | ToSend]) -> dict[int, float] | None:
        """Return the start of each send by position; None when it is too late to wait for it."""
        if not self._time_for(0):
            return None
        by_channel: dict[str, list[int]] = {}
        for one in decisions:
            if isinstance(one, ToSend):
                channel = ChannelType.CUSTOM.value if self.custom else one.recipient.channel
                by_channel.setdefault(channel, []).append(one.recipient.position)
        starts: dict[int, float] = {}
        for channel, positions in by_channel.items():
            gap = 1 / self.rate_for(channel)
            latest = self.clock() + self._seconds_left() - (len(positions) - 1) * gap
            first = self.clock()
            for pace in self.pace_for(channel):
                start = pace.reserve(len(positions), latest)
                if start is None:
                    return None
                first = max(first, start)
            starts.update({position: first + n * gap for n, position in enumerate(positions)})
        return starts

    def _seconds_left(self) -> float:
        return max(0, self.remaining_milliseconds() - self._last_milliseconds) / 1000

    def _time_for(self, milliseconds: float) -> bool:
        return self.remaining_milliseconds() >= milliseconds + self._last_milliseconds

    def _outcomes(
        self,
        pool: ThreadPoolExecutor,
        batch: Sequence[Recipient],
        decided: Mapping[int, str | ToSend],
        starts: Mapping[int, float],
    ) -> dict[int, Outcome]:
        outcomes: dict[int, Outcome] = {}
        sends: list[ToSend] = []
        for one in batch:
            decision = decided[one.position]
            if isinstance(decision, ToSend):
                status = self._capped(one)
                if status is None:
                    sends.append(decision)
                    continue
                decision = status
            outcomes[one.position] = {"status": str(decision)}
        sends.sort(key=lambda send: starts[send.recipient.position])
        if self.custom:
            return outcomes | self._delivered(sends, starts)
        futures: dict[int, Future[SendOutcome]] = {}
        for send in sends:
            one = send.recipient
            self._sleep_until(starts[one.position])
            futures[one.position] = pool.submit(
                self.sender.send, send.content, one.address, context=self._context(one)
            )
        return outcomes | {
            position: _recorded(future.result()) for position, future in futures.items()
        }

    def _sleep_until(self, moment: float) -> None:
        delay = moment - self.clock()
        if delay > 0:
            self.sleep(delay)

    def _delivered(
        self, sends: Sequence[ToSend], starts: Mapping[int, float]
    ) -> dict[int, Outcome]:
        """Hand recipients to a custom channel's function; its return value is not read."""
        if not sends:
            return {}
        recipients = [send.recipient for send in sends]
        custom: Mapping[str, Any] = self.treatment.content.custom_delivery or {}
        # The whole batch goes in one call, so it goes when the last of it may.
        self._sleep_until(starts[recipients[-1].position])
        payload = custom_channel_payload(
            [one.endpoint for one in recipients],
            **self._run_ids(),
            data=(self.treatment.content.messages.get("CustomMessage") or {}).get("Data"),
        )
        status = SendStatus.SUCCESS
        try:
            self.functions.deliver(str(custom["DeliveryUri"]), payload)
        except CallFailed as error:
            self._log_failure("custom channel failed", error, len(recipients))
            status = SendStatus.CUSTOM_DELIVERY_FAILURE
        return {one.position: {"status": status.value} for one in recipients}

    def _context(self, one: Recipient) -> dict[str, str]:
        return {
            "application_id": self.plan.app_id,
            "campaign_id": self.plan.campaign["Id"],
            "campaign_activity_id": self.treatment.activity_id,
            "treatment_id": self.treatment.id,
            "endpoint_id": one.id,
        }


def _recorded(outcome: SendOutcome) -> Outcome:
    recorded: Outcome = {"status": SEND_STATUS[outcome.delivery_status].value}
    if outcome.message_id:
        recorded["message_id"] = outcome.message_id
    if outcome.reason:
        recorded["reason"] = outcome.reason
    return recorded


def settled(
    recipients: Sequence[Recipient], outcomes: Mapping[int, Outcome]
) -> list[tuple[Recipient, Outcome]]:
    """Return every recipient with its outcome; one claimed without an outcome may have been sent
    to."""
    unknown: Outcome = {"status": SendStatus.UNKNOWN.value}
    return [(one, outcomes.get(one.position, unknown)) for one in recipients]


def counters_of(results: Sequence[tuple[Recipient, Outcome]]) -> dict[str, int]:
    """Count how many ended how, and the chunk itself as done."""
    return {"ChunksDone": 1, **Counter(str(outcome["status"]) for _, outcome in results)}
