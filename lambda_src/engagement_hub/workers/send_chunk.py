"""Sends one chunk of a run's audience: at most one message per endpoint, address and run.

The chunk's record in RUNS_TABLE says how far it is. Positions are claimed before anything is sent
to them, and their outcomes are written with the next claim. An invocation that dies leaves claimed
positions without outcomes: whether messages went out to them cannot be known. A later invocation
goes on with the unclaimed ones, reports the others as UNKNOWN and never sends to them again.

For each claim, in this order:

1. decide with the audience's copy of the endpoint, ask the hook, reserve starting times;
2. claim;
3. at the starting time read the endpoints, and decide with them: opt-outs, deletions and changed
   addresses since the audience was built count;
4. render, reserve the address for this run, count against the caps, send.

The sending service surely did not take messages that end as THROTTLED or TRANSIENT_FAILURE. Such an
outcome stops the invocation; the next one, after a pause, tries these messages again first. So a
used-up quota stops the run instead of using up its recipients.
"""

from __future__ import annotations

import math
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from functools import partial
from typing import Any, Protocol

from engagement_hub.customer_functions import (
    LONGEST_ASK_MILLISECONDS,
    CallFailed,
    CustomerFunctions,
)
from engagement_hub.engagement.campaigns import (
    ENDPOINTS_PER_CALL,
    SendStatus,
)
from engagement_hub.engagement.channel_settings import ChannelSettings
from engagement_hub.engagement.eligibility import (
    Count,
    Rules,
    Skip,
    address_key,
    decide,
)
from engagement_hub.engagement.hooks import (
    HookedEndpoint,
    HookFailure,
    apply_hook_answer,
    custom_channel_payload,
    hook_payload,
)
from engagement_hub.engagement.model import ChannelType, Endpoint
from engagement_hub.recommendations import LONGEST_MODEL_SECONDS, Recommendations
from engagement_hub.senders import SendOutcome
from engagement_hub.store.runs import ChunkRecord, Outcome, RunStore
from engagement_hub.workers.campaign_plan import RunPlan, Treatment
from engagement_hub.workers.chunk_outcomes import (
    CONTENT_DIGEST,
    FILTERED,
    Recipient,
    content_or_status,
    may_repeat,
    recorded,
    round_pause,
)
from engagement_hub.workers.steps import logger
from shared.instants import iso
from shared.messages.content import Content, content_digest, endpoint_variables
from shared.transient import ServiceUnavailable, transient_errors_named

# Sends that one invocation has under way; at 100 ms a send that is some 80 a second.
PARALLEL_SENDS = 8
# Positions claimed at a time: two seconds' worth, so that little is lost with an invocation.
_CLAIM_SECONDS = 2
_LARGEST_CLAIM = 50
# Left for the sends under way (20 s each at the most), for outcomes and for events. A function that
# has less than twice this keeps half of its time: else it would claim nothing, again and again.
LAST_MILLISECONDS = 45_000
# Least time for another attempt to write outcomes down.
_WRITING_MILLISECONDS = 12_000
_WRITING_PAUSE_SECONDS = 2
# Reading, rendering and reserving of a claim begins so long before its first start.
_LEAD_SECONDS = 0.1


class Sender(Protocol):
    """The part of Senders that is used here."""

    def send(self, content: Any, address: str, *, context: Mapping[str, str]) -> SendOutcome: ...


class Pace(Protocol):
    """The part of RateLimiter that is used here."""

    def reserve(self, n: int, by: float) -> float | None: ...


class EndpointReader(Protocol):
    """The part of EndpointStore that is used here."""

    def get_many(self, app_id: str, endpoint_ids: Iterable[str]) -> dict[str, Endpoint]: ...


@dataclass(slots=True)
class _Window:
    """Recipients before their claim: refusals, the hook's changes, variables of recommenders, and
    the messages they got."""

    refused: dict[int, str]
    hooked: dict[int, HookedEndpoint]
    counts: Mapping[str, Mapping[str, Count]]
    recommended: dict[int, Mapping[str, Any]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Message:
    """A message without an objection; `content` is None for a custom channel's function."""

    recipient: Recipient
    endpoint: Endpoint
    content: Content | None
    rules: Rules
    counts: Mapping[str, Count]
    start: float

    @property
    def position(self) -> int:
        return self.recipient.position

    @property
    def address(self) -> str:
        return str(self.endpoint["Address"])

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.start, UTC)


@dataclass(slots=True)
class ChunkSender:
    """Works through one chunk; `pace_for(channel)` gives the rate limiters a send must keep to.

    `token` names the invocation. `settings` are the project's disabled channels and senders.
    `booked_out_seconds` is the pause before a rate that others have booked out is asked again.
    """

    plan: RunPlan
    treatment: Treatment
    chunk: str
    custom: bool
    token: str
    settings: ChannelSettings
    booked_out_seconds: float
    runs: RunStore
    endpoints: EndpointReader
    sender: Sender
    functions: CustomerFunctions
    recommendations: Recommendations
    pace_for: Callable[[str], Sequence[Pace]]
    rate_for: Callable[[str], float]
    remaining_milliseconds: Callable[[], int]
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    _last_milliseconds: int = field(init=False, default=LAST_MILLISECONDS)
    _first_seconds_left: float = field(init=False, default=0)
    _pending: dict[int, Outcome] = field(init=False, default_factory=dict)
    _counted: set[int] = field(init=False, default_factory=set)
    _begun: set[int] = field(init=False, default_factory=set)

    def run(self, recipients: Sequence[Recipient]) -> float | None:
        """Send to the rest of the chunk.

        Returns None when every recipient is claimed, else the seconds to wait before the next
        invocation for this chunk.

        Raises:
            ClaimLost: another invocation works on the chunk. Known outcomes are written down.
        """
        self._last_milliseconds = min(LAST_MILLISECONDS, self.remaining_milliseconds() // 2)
        self._first_seconds_left = self._seconds_left()
        record = self.runs.chunk(self.plan.scope, self.chunk)
        with ThreadPoolExecutor(PARALLEL_SENDS) as pool:
            pause = self._repeat(pool, recipients, record)
            if pause is not None:
                return pause
            try:
                return self._proceed(pool, recipients, record)
            finally:
                self._write_pending()

    # Claims

    def _repeat(
        self, pool: ThreadPoolExecutor, recipients: Sequence[Recipient], record: ChunkRecord
    ) -> float | None:
        """Try again to send the messages that were surely not sent, in rounds of one claim."""
        again = [
            one
            for one in recipients[: record.claimed]
            if may_repeat(record.outcomes.get(one.position), record.rounds)
        ]
        self._counted = {
            one.position for one in again if record.outcomes[one.position].get("counted")
        }
        rounds = record.rounds
        for batch in self._claims(again):
            if self._is_late():
                return 0
            window = self._window(batch)
            starts = self._reserve(batch, window)
            if starts is None:
                return self._booked_out()
            rounds += 1
            self._patiently(
                partial(
                    self.runs.claim_again,
                    self.plan.scope,
                    self.chunk,
                    round_number=rounds,
                    positions=[one.position for one in batch],
                    token=self.token,
                )
            )
            try:
                self._settle(pool, batch, window, starts)
            finally:
                outcomes, self._pending = self._pending, {}
                self._patiently(
                    partial(self.runs.record_round, self.plan.scope, self.chunk, rounds, outcomes)
                )
            if self._must_wait(outcomes, rounds):
                return round_pause(rounds)
        return None

    def _proceed(
        self, pool: ThreadPoolExecutor, recipients: Sequence[Recipient], record: ChunkRecord
    ) -> float | None:
        """Claim and send to the recipients that are not claimed yet."""
        claimed = record.claimed
        while claimed < len(recipients):
            asking = self._longest_asking()
            if asking and claimed > record.claimed:
                # Functions may take all the remaining time: known outcomes must not be lost.
                self._write_pending()
                if not self._time_for(asking):
                    return 0
            ahead = recipients[claimed : claimed + ENDPOINTS_PER_CALL]
            window = self._window(ahead)
            for batch in self._claims(ahead):
                if self._is_late():
                    return 0
                starts = self._reserve(batch, window)
                if starts is None:
                    return self._booked_out()
                upto = batch[-1].position + 1
                self._patiently(
                    partial(
                        self.runs.claim,
                        self.plan.scope,
                        self.chunk,
                        held=claimed,
                        upto=upto,
                        token=self.token,
                        until=math.ceil(self.clock() + self.remaining_milliseconds() / 1000),
                        outcomes=self._pending,
                    )
                )
                self._pending = {}
                claimed = upto
                self._settle(pool, batch, window, starts)
                if self._must_wait(self._pending, record.rounds):
                    return round_pause(record.rounds)
        return None

    def _must_wait(self, outcomes: Mapping[int, Outcome], rounds: int) -> bool:
        """Check whether the sending service takes no messages now, and say so in the log."""
        waiting = [one for one in outcomes.values() if may_repeat(one, rounds)]
        if waiting:
            logger.warning(
                "sending stopped until the service takes messages",
                run=self.plan.run_id,
                chunk=self.chunk,
                round=rounds,
                reasons=dict(Counter(str(one.get("reason", one["status"])) for one in waiting)),
            )
        return bool(waiting)

    def _claims(self, window: Sequence[Recipient]) -> Iterator[Sequence[Recipient]]:
        """Cut recipients into what is claimed together; a custom channel takes 50 at a time."""
        size = ENDPOINTS_PER_CALL
        if not self.custom:
            rate = min(
                (self.rate_for(one.channel) for one in window if one.skip is None),
                default=math.inf,
            )
            size = int(min(rate * _CLAIM_SECONDS, _LARGEST_CLAIM)) or 1
        for start in range(0, len(window), size):
            yield window[start : start + size]

    def _write_pending(self) -> None:
        if self._pending:
            self._patiently(partial(self.runs.record, self.plan.scope, self.chunk, self._pending))
            self._pending = {}

    def _patiently(self, write: Callable[[], None]) -> None:
        """Write to the chunk's record, again and again while DynamoDB fails and time is left.

        Every such write may be repeated.
        """
        while True:
            try:
                with transient_errors_named():
                    return write()
            except ServiceUnavailable:
                if self.remaining_milliseconds() < _WRITING_MILLISECONDS:
                    raise
                self.sleep(_WRITING_PAUSE_SECONDS)

    # Before the claim

    def _window(self, recipients: Sequence[Recipient]) -> _Window:
        """Decide with the audience's copy of the endpoints, and ask the hook about the rest."""
        counts = self.runs.counts(
            self.plan.app_id, [one.id for one in recipients], self.plan.limits.caps
        )
        window = _Window({}, {}, counts)
        now = datetime.fromtimestamp(self.clock(), UTC)
        left = []
        for one in recipients:
            decision = decide(one.endpoint, self._rules(one), now=now, counts=counts[one.id])
            if one.skip:
                window.refused[one.position] = one.skip
            elif isinstance(decision, Skip):
                window.refused[one.position] = decision.reason
            else:
                left.append(one)
        if self.plan.hook and left:
            self._ask_hook(self.plan.hook, left, window, now)
        if self._recommenders and left:
            self._ask_recommenders(left, window)
        return window

    @property
    def _recommenders(self) -> Mapping[str, Any]:
        """The recommender configurations by channel; a custom channel has no templates."""
        return {} if self.custom else self.treatment.recommenders

    def _longest_asking(self) -> float:
        """Return the longest time in milliseconds that a window's questions take; 0 without."""
        hook = LONGEST_ASK_MILLISECONDS if self.plan.hook else 0
        recommender = LONGEST_MODEL_SECONDS * 1000 + LONGEST_ASK_MILLISECONDS
        return hook + len(self._recommenders) * recommender

    def _rules(self, recipient: Recipient) -> Rules:
        rules = self.plan.rules(
            frozenset({recipient.channel}), frozenset() if self.custom else self.settings.disabled
        )
        # A message that is tried again was counted at its first attempt.
        return replace(rules, caps=()) if recipient.position in self._counted else rules

    def _ask_hook(
        self, function: str, recipients: Sequence[Recipient], window: _Window, now: datetime
    ) -> None:
        """Ask the FILTER hook about endpoints as they are now; keep its answer in the window."""
        current = self._current(recipients)
        asked = []
        for one in recipients:
            decision = decide(current.get(one.id), self._rules(one), now=now)
            if isinstance(decision, Skip):
                window.refused[one.position] = decision.reason
            else:
                asked.append(one)
        if not asked:
            return
        endpoints = [current[one.id] for one in asked]
        payload = hook_payload(
            endpoints,
            **self._run_ids(),
            message_configuration=self.treatment.content.messages,
        )
        try:
            answer = self.functions.ask(function, payload)
            kept = {one.endpoint["Id"]: one for one in apply_hook_answer(endpoints, answer)}
        except (CallFailed, HookFailure) as error:
            self._log_failure("hook failed", error, len(asked))
            window.refused |= {one.position: SendStatus.HOOK_FAILURE for one in asked}
            return
        for one in asked:
            if one.id in kept:
                window.hooked[one.position] = kept[one.id]
            else:
                window.refused[one.position] = FILTERED

    def _ask_recommenders(self, recipients: Sequence[Recipient], window: _Window) -> None:
        """Get the variables of messages with recommendations; a recipient without is refused."""
        for channel, recommender in self._recommenders.items():
            asked = [
                one
                for one in recipients
                if one.channel == channel and one.position not in window.refused
            ]
            current = self._current(asked)
            endpoints = [
                window.hooked[one.position].endpoint
                if one.position in window.hooked
                else current[one.id]
                for one in asked
                if one.id in current
            ]
            if not endpoints:
                continue  # endpoints that are gone are refused when their messages start
            ids = {
                "ApplicationId": self.plan.app_id,
                "CampaignId": self.plan.campaign["Id"],
                "TreatmentId": self.treatment.id,
                "ActivityId": self.treatment.activity_id,
                "ScheduledTime": iso(self.plan.scheduled_start),
            }
            found = self.recommendations.of(
                recommender, endpoints, app_id=self.plan.app_id, ids=ids
            )
            for one in asked:
                if one.id in found:
                    window.recommended[one.position] = found[one.id]
                elif one.id in current:
                    window.refused[one.position] = SendStatus.RECOMMENDATION_FAILURE

    def _current(self, recipients: Sequence[Recipient]) -> dict[str, Endpoint]:
        ids = [one.id for one in recipients]
        return self.endpoints.get_many(self.plan.app_id, ids) if ids else {}

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

    def _reserve(self, batch: Sequence[Recipient], window: _Window) -> dict[int, float] | None:
        """Return the start of each send by position; None when others booked the rate out."""
        by_channel: dict[str, list[int]] = {}
        for one in batch:
            if one.position not in window.refused:
                channel = ChannelType.CUSTOM.value if self.custom else one.channel
                by_channel.setdefault(channel, []).append(one.position)
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

    def _booked_out(self) -> float:
        """Return the pause when no start is free within the time of the invocation.

        Late in an invocation the time is short and not the rate: the next one has more of it.
        """
        early = self._seconds_left() >= self._first_seconds_left / 2
        return self.booked_out_seconds if early else 0

    def _seconds_left(self) -> float:
        return max(0, self.remaining_milliseconds() - self._last_milliseconds) / 1000

    def _is_late(self) -> bool:
        return not self._time_for(0)

    def _time_for(self, milliseconds: float) -> bool:
        return self.remaining_milliseconds() >= milliseconds + self._last_milliseconds

    # After the claim

    def _settle(
        self,
        pool: ThreadPoolExecutor,
        batch: Sequence[Recipient],
        window: _Window,
        starts: Mapping[int, float],
    ) -> None:
        """Send to a claimed batch; every outcome is pending afterwards, also after an exception.

        Raises:
            Exception: the first fault of reading, counting or sending, after the other messages of
                the batch.
        """
        futures: dict[int, Future[Outcome]] = {}
        try:
            messages = self._messages(batch, window, starts)
            if self.custom:
                self._deliver(pool, list(messages))
            else:
                for message in messages:
                    futures[message.position] = pool.submit(self._send, message)
        finally:
            wait(futures.values())
            for one in batch:
                if one.position not in self._pending:
                    self._pending[one.position] = self._outcome(one, futures.get(one.position))
        for future in futures.values():
            future.result()

    def _outcome(self, recipient: Recipient, future: Future[Outcome] | None) -> Outcome:
        if future is not None and future.exception() is None:
            return future.result()
        if recipient.position in self._begun:
            return {"status": SendStatus.UNKNOWN.value}
        return {"status": SendStatus.TRANSIENT_FAILURE.value}

    def _messages(
        self, batch: Sequence[Recipient], window: _Window, starts: Mapping[int, float]
    ) -> Iterator[_Message]:
        """Yield the messages of a batch in the order of their starts; refusals become pending."""
        self._pending |= {
            one.position: {"status": str(window.refused[one.position])}
            for one in batch
            if one.position in window.refused
        }
        left = sorted(
            (one for one in batch if one.position not in window.refused),
            key=lambda one: starts[one.position],
        )
        if not left:
            return
        self._sleep_until(starts[left[0].position] - _LEAD_SECONDS)
        current = self._current(left)
        for one in left:
            rules, counts = self._rules(one), window.counts[one.id]
            # The whole batch of a custom channel goes in one call, when the last of it may.
            start = starts[left[-1].position] if self.custom else starts[one.position]
            moment = datetime.fromtimestamp(start, UTC)
            decision = decide(current.get(one.id), rules, now=moment, counts=counts)
            if isinstance(decision, Skip):
                self._pending[one.position] = {"status": decision.reason.value}
                continue
            endpoint = decision.endpoint
            content = None
            if not self.custom:
                rendered = self._rendered(
                    one,
                    endpoint,
                    window.hooked.get(one.position),
                    window.recommended.get(one.position, {}),
                )
                if isinstance(rendered, str):
                    self._pending[one.position] = {"status": rendered}
                    continue
                content = rendered
            yield _Message(one, endpoint, content, rules, counts, start)

    def _rendered(
        self,
        recipient: Recipient,
        endpoint: Endpoint,
        hooked: HookedEndpoint | None,
        recommended: Mapping[str, Any],
    ) -> str | Content:
        """Return the content for one recipient, or the status of a recipient without content."""
        variables = endpoint_variables(endpoint)
        if hooked is not None:
            variables = {**hooked.endpoint, "Address": endpoint["Address"]}
        variables = {**variables, **recommended}

        def render() -> Content | str:
            plan = self.treatment.plan(recipient.channel)
            if plan is None:
                return SendStatus.UNSUPPORTED_CHANNEL.value
            content = plan.render(
                variables,
                title_override=hooked.title_override if hooked else None,
                body_override=hooked.body_override if hooked else None,
            )
            return self.settings.applied(content)

        return content_or_status(render, run=self.plan.run_id)

    def _take(self, message: _Message) -> str | None:
        """Reserve the address and count the message; return the reason of a refusal."""
        recipient = message.recipient
        line = f"{self.plan.run_id}/{self.chunk}/{message.position}"
        holder = self.runs.take_address(
            self.plan.scope,
            address_key(recipient.channel, message.address),
            endpoint_id=recipient.id,
            line=line,
        )
        decision = decide(
            message.endpoint,
            message.rules,
            now=message.moment,
            sent_to=holder,
            counts=message.counts,
        )
        if isinstance(decision, Skip):
            return decision.reason.value
        for cap in message.rules.caps:
            known = message.counts.get(cap.key, Count())
            if not self.runs.count_message(
                self.plan.app_id, recipient.id, cap, known, now=message.moment, line=line
            ):
                return cap.reason.value
        return None

    def _send(self, message: _Message) -> Outcome:
        refusal = self._take(message)
        if refusal is not None:
            return {"status": refusal}
        self._sleep_until(message.start)
        self._begun.add(message.position)
        outcome = self.sender.send(
            message.content, message.address, context=self._context(message.recipient)
        )
        result = recorded(outcome)
        if message.content is not None and result["status"] == SendStatus.SUCCESS:
            result[CONTENT_DIGEST] = content_digest(message.content, message.address)
        return result

    def _sleep_until(self, moment: float) -> None:
        delay = moment - self.clock()
        if delay > 0:
            self.sleep(delay)

    def _deliver(self, pool: ThreadPoolExecutor, messages: Sequence[_Message]) -> None:
        """Hand recipients to a custom channel's function; its return value is not read."""
        refusals = list(pool.map(self._take, messages))
        accepted = []
        for message, refusal in zip(messages, refusals, strict=True):
            if refusal is None:
                accepted.append(message)
            else:
                self._pending[message.position] = {"status": refusal}
        if not accepted:
            return
        custom: Mapping[str, Any] = self.treatment.content.custom_delivery or {}
        self._sleep_until(accepted[-1].start)
        payload = custom_channel_payload(
            [message.endpoint for message in accepted],
            **self._run_ids(),
            data=(self.treatment.content.messages.get("CustomMessage") or {}).get("Data"),
        )
        self._begun |= {message.position for message in accepted}
        status = SendStatus.SUCCESS
        try:
            self.functions.deliver(str(custom["DeliveryUri"]), payload)
        except CallFailed as error:
            self._log_failure("custom channel failed", error, len(accepted))
            status = SendStatus.CUSTOM_DELIVERY_FAILURE
        self._pending |= {message.position: {"status": status.value} for message in accepted}

    def _context(self, recipient: Recipient) -> dict[str, str]:
        return {
            "application_id": self.plan.app_id,
            "campaign_id": self.plan.campaign["Id"],
            "campaign_activity_id": self.treatment.activity_id,
            "treatment_id": self.treatment.id,
            "endpoint_id": recipient.id,
        }
