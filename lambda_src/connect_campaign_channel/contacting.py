"""One message of the queue: whether, when and how often its endpoint is contacted.

The order: a claim that is there decides; then age, opt-out, hours, templates, pace; then the claim,
the contact and the outcome. So a contact without an outcome is one that was cut off, and is
repeated only while the service recognises its token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any, Protocol

from connect_campaign_channel.channel import (
    Answer,
    Channel,
    Contact,
    Misconfigured,
    Status,
    phone_number_of,
)
from connect_campaign_channel.contact_claims import ContactClaims, Outcome, Taken, token_of
from connect_campaign_channel.content import MalformedData, NotRendered, read_content
from shared.campaign_calls import refusal_of
from shared.channel_intake import ChannelMessage
from shared.local_hours import Hours, zones_of
from shared.outcome_events import ChannelOutcome

__all__ = ["Again", "Contacting", "Done", "Endpoints", "Pace", "Rules", "Wait"]

_ATTEMPTS = 3
_PAUSE_SECONDS = 1.0
# The hub or Pinpoint read the endpoint just before the call.
_FRESH = timedelta(seconds=60)
_LONGEST_PACE_SECONDS = 30.0
# A throttled call is tried again after a time that grows with its receives.
_LATER_SECONDS = 15
_LONGEST_LATER_SECONDS = 600
_FAILURES = frozenset({"MALFORMED_ENDPOINT", "TOO_LARGE"})


@dataclass(frozen=True, slots=True)
class Done:
    """The message is finished. `outcome` is to be reported; None where it was."""

    outcome: Outcome | None


@dataclass(frozen=True, slots=True)
class Wait:
    """The endpoint is to be contacted later: the message is hidden, and no receive is wasted."""

    seconds: int
    reason: str


@dataclass(frozen=True, slots=True)
class Again:
    """The attempt failed: SQS redelivers the message."""

    reason: str


class Endpoints(Protocol):
    """Reads endpoints as they are now."""

    def current(self, application_id: str, endpoint_id: str) -> Mapping[str, Any] | None:
        """Return an endpoint; None where it was deleted."""
        ...


class Pace(Protocol):
    """The shared rate of contacts."""

    def reserve(self, n: int, by: float) -> float | None: ...


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules of the module's inputs.

    `longest_attempt` is the time after which an attempt of another invocation has surely ended.
    """

    hours: Hours | None
    default_zone: str | None
    max_age: timedelta
    longest_attempt: timedelta


class Contacting:
    """Contacts the endpoints of messages, one after the other."""

    def __init__(
        self,
        channel: Channel,
        claims: ContactClaims,
        pace: Pace,
        endpoints: Endpoints,
        rules: Rules,
        *,
        clock: Callable[[], float],
        sleep: Callable[[float], None],
    ) -> None:
        self._channel = channel
        self._claims = claims
        self._pace = pace
        self._endpoints = endpoints
        self._rules = rules
        self._clock = clock
        self._sleep = sleep

    def handle(self, message: ChannelMessage, holder: str, receives: int) -> Done | Wait | Again:
        """Contact the endpoint of a message, unless a rule or a claim is against it.

        Args:
            holder: name of this attempt, which no other attempt has.
            receives: times that the queue handed out the message, from 1.

        Raises:
            Misconfigured, ServiceUnavailable, ClientError, BotoCoreError: redeliver the
                message. The claim is given up where the contact surely had no effect.
        """
        taken = self._claims.find(message.key)
        if taken is not None and (ended := self._of_claim(message, taken)) is not None:
            return ended
        try:
            contact, zones = self._contact_of(message)
            start = self._pace.reserve(1, by=self._clock() + _LONGEST_PACE_SECONDS)
            if start is None:
                return Wait(_LATER_SECONDS, "PACE")
            # The hours can close while the contact waits for its turn.
            self._check_hours(message, zones, datetime.fromtimestamp(start, UTC))
        except _NotNow as found:
            return found.wait
        except _Never as found:
            if taken is not None:
                # The contact may have been made before: no rule undoes it.
                return self._recorded(message, _unknown())
            return self._recorded(message, found.outcome)
        self._sleep(max(0.0, start - self._clock()))
        if taken is None and not self._claims.take(message.key, holder, self._now()):
            return Wait(int(self._rules.longest_attempt.total_seconds()), "CLAIMED")
        return self._attempted(message, contact, holder, receives, first=taken is None)

    def _now(self) -> datetime:
        return datetime.fromtimestamp(self._clock(), UTC)

    def _of_claim(self, message: ChannelMessage, taken: Taken) -> Done | Wait | None:
        """Return the end of a message that was claimed before.

        None where the attempt was cut off, and the service still recognises its token.
        """
        if taken.reported:
            return Done(None)
        if taken.outcome is not None:
            return Done(taken.outcome)
        age = self._now() - taken.claimed_at
        if age < self._rules.longest_attempt:
            left = self._rules.longest_attempt - age
            return Wait(int(left.total_seconds()) + 1, "CLAIMED")
        if age < self._channel.repeatable:
            return None
        return self._recorded(message, _unknown())

    def _contact_of(self, message: ChannelMessage) -> tuple[Contact, Sequence[tzinfo]]:
        """Return the contact that every rule allows now, and the zones whose hours count.

        Raises:
            _NotNow: the hours open later.
            _Never: a rule is against it.
        """
        if message.problem is not None:
            failed = message.problem in _FAILURES
            outcome = ChannelOutcome.FAILED if failed else ChannelOutcome.SKIPPED
            raise _Never(Outcome(outcome, message.problem))
        age = self._now() - message.queued_at
        if age > self._rules.max_age:
            raise _Never(_skipped("EXPIRED"))
        endpoint = dict(message.endpoint)
        if age > _FRESH:
            current = self._endpoints.current(message.sending.application_id, message.endpoint_id)
            if current is None:
                raise _Never(_skipped("DELETED"))
            for member in ("Address", "ChannelType", "EndpointStatus", "OptOut"):
                endpoint[member] = current.get(member)
        problem = refusal_of(endpoint) or self._channel.problem(endpoint)
        if problem is not None:
            raise _Never(_skipped(str(problem)))
        number = phone_number_of(endpoint)
        zones = self._zones_of(endpoint, number)
        self._check_hours(message, zones, self._now())
        try:
            content = read_content(message.data)
            values = content.rendered(message.endpoint_id, endpoint)
        except (MalformedData, NotRendered) as error:
            raise _Never(Outcome(ChannelOutcome.FAILED, "NOT_RENDERED")) from error
        contact = Contact(
            address=number or str(endpoint.get("Address") or ""),
            values=values,
            options=content.options,
            token=token_of(message.key),
        )
        return contact, zones

    def _zones_of(self, endpoint: Mapping[str, Any], number: str | None) -> Sequence[tzinfo]:
        if self._rules.hours is None:
            return ()
        zones = zones_of(endpoint, number=number, default=self._rules.default_zone)
        if not zones:
            raise _Never(_skipped("NO_TIME_ZONE"))
        return zones

    def _check_hours(self, message: ChannelMessage, zones: Sequence[tzinfo], at: datetime) -> None:
        """Check that the hours are open at a time, in every zone."""
        if self._rules.hours is None:
            return
        opens = self._rules.hours.next_open(at, zones)
        if opens is None:
            raise _Never(_skipped("NO_COMMON_HOURS"))
        if opens - message.queued_at > self._rules.max_age:
            raise _Never(_skipped("EXPIRED"))
        if opens > at:
            raise _NotNow(Wait(int((opens - self._now()).total_seconds()) + 1, "HOURS"))

    def _attempted(
        self, message: ChannelMessage, contact: Contact, holder: str, receives: int, *, first: bool
    ) -> Done | Wait | Again:
        try:
            answer = self._answered(contact)
        except Misconfigured:
            if first:
                self._claims.release(message.key, holder)
            raise
        match answer.status:
            case Status.ACCEPTED:
                accepted = Outcome(ChannelOutcome.ACCEPTED, None, answer.contact_id)
                return self._recorded(message, accepted)
            case Status.REFUSED if first:
                return self._recorded(message, Outcome(ChannelOutcome.FAILED, answer.reason))
            case Status.LATER:
                if first:
                    self._claims.release(message.key, holder)
                seconds = min(_LATER_SECONDS * 2 ** (receives - 1), _LONGEST_LATER_SECONDS)
                return Wait(seconds, answer.reason or "LATER")
        if self._channel.repeatable:
            return Again(answer.reason or "NO_ANSWER")
        return self._recorded(message, _unknown(answer.reason))

    def _answered(self, contact: Contact) -> Answer:
        """Make the contact; without an answer again, where its token is recognised."""
        answer = self._channel.contact(contact)
        for _ in range(_ATTEMPTS - 1):
            if answer.status is not Status.UNKNOWN or not self._channel.repeatable:
                break
            self._sleep(_PAUSE_SECONDS)
            # A refusal of the repetition tells nothing about the attempt before it.
            with suppress(Misconfigured):
                repeated = self._channel.contact(contact)
                if repeated.status is Status.ACCEPTED:
                    answer = repeated
        return answer

    def _recorded(self, message: ChannelMessage, outcome: Outcome) -> Done:
        self._claims.record(message.key, outcome, self._now())
        return Done(outcome)


class _NotNow(Exception):
    def __init__(self, wait: Wait) -> None:
        self.wait = wait


class _Never(Exception):
    def __init__(self, outcome: Outcome) -> None:
        self.outcome = outcome


def _skipped(reason: str) -> Outcome:
    return Outcome(ChannelOutcome.SKIPPED, reason)


def _unknown(reason: str | None = None) -> Outcome:
    return Outcome(ChannelOutcome.UNKNOWN, reason or "NO_ANSWER")
