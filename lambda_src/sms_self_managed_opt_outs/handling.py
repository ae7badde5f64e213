"""Carry out a message: record, mark endpoints, answer, opt-out lists, event.

The record is written first, so that no failure after it loses an opt-out. An opted-out number is
answered before it is put on a list, because the service refuses to send to a number on the list of
the origination number; an opted-in number is answered after it left the list. A step that fails
does not stop the others, and a later attempt does the missing steps.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from shared.transient import error_code
from sms_self_managed_opt_outs.announcements import Announcements
from sms_self_managed_opt_outs.endpoints import Endpoints
from sms_self_managed_opt_outs.inbound import InboundMessage
from sms_self_managed_opt_outs.index import Index
from sms_self_managed_opt_outs.keywords import EVERY_CATEGORY, Action, Keywords, Match
from sms_self_managed_opt_outs.opt_out_lists import OptOutLists
from sms_self_managed_opt_outs.preferences import (
    Decision,
    Known,
    Outcome,
    Status,
    decide,
    opted_in,
    opted_out,
)
from sms_self_managed_opt_outs.replies import Replies
from sms_self_managed_opt_outs.store import Contended, Record, ReplyState, Store

__all__ = ["Handling", "StepsFailed"]

# Attempts at an answer that the service throttles, before the number is put on the list without it.
ATTEMPTS_AT_AN_ANSWER = 3
_ROUNDS = 4
_REPLY_METRICS = {
    ReplyState.SENT: "RepliesSent",
    ReplyState.REFUSED: "RepliesRefused",
    ReplyState.UNKNOWN: "RepliesUnknown",
}


class StepsFailed(RuntimeError):
    """Steps of a message failed; the message must be redelivered. The text has steps and codes."""


@dataclass(slots=True)
class Steps:
    """Steps of a message, of which each runs whatever became of the others."""

    failed: dict[str, str] = field(default_factory=dict)

    def run(self, name: str, step: Callable[[], None]) -> None:
        try:
            step()
        except Exception as error:
            # A fault in one step, of whatever kind, must not keep a number off the list.
            self.failed[name] = error_code(error)

    def finish(self) -> None:
        if self.failed:
            steps = ", ".join(f"{name}: {code}" for name, code in self.failed.items())
            raise StepsFailed(f"Steps failed ({steps}).")


@dataclass(frozen=True, slots=True)
class Handling:
    """The services and settings of one function. Without `announcements` no event is sent."""

    store: Store
    index: Index
    lists: OptOutLists
    replies: Replies
    endpoints: Endpoints
    announcements: Announcements | None
    keywords: Keywords
    categories: Collection[str]
    default_language: str
    counts: Counter[str] = field(default_factory=Counter)

    def match(self, message: InboundMessage) -> Match | None:
        """Return the keyword of a message, if it is one."""
        found = (self.keywords.match(text) for text in message.texts)
        return next((match for match in found if match is not None), None)

    def handle(self, message: InboundMessage, *, receives: int = 1) -> Outcome | None:
        """Carry out a message. Returns its outcome; None where it is no keyword.

        Args:
            receives: how often the queue gave the message out, this time included.

        Raises:
            StepsFailed, Contended, ClientError, BotoCoreError: the message must be redelivered.
        """
        match = self.match(message)
        if match is None:
            self.counts["OtherMessages"] += 1
            return None
        record = self.store.record(
            message, match, lambda known: self._decide(message, match, known)
        )
        if record.new:
            self.counts[f"{record.outcome.title()}Messages"] += 1
        steps = Steps()
        if record.outcome is Outcome.ANSWERED:
            steps.run("reply", lambda: self._reply(message, match, record, receives))
        elif record.outcome in (Outcome.CHANGED, Outcome.ALREADY):
            self._carry_out(message, match, record, steps, receives)
        steps.finish()
        return record.outcome

    def settle(self, number: str) -> None:
        """Mark the endpoints of a number that was seen with an endpoint anew.

        Raises:
            Contended, ClientError, BotoCoreError: it must be tried again.
        """
        self._mark_endpoints(number)

    def try_kept_numbers(self, has_time: Callable[[], bool] = lambda: True) -> None:
        """Take numbers that opted in off the lists that kept them, where the lists let them go.

        Other lists stay as they are: another program may have put the number there since.
        Numbers without time for them wait for the next day. The order is drawn, so that the same
        numbers are not the last every day.

        Raises:
            StepsFailed: some numbers must be tried again; the others were.
        """
        steps = Steps()
        numbers = list(self.index.kept_numbers())
        random.shuffle(numbers)
        for position, (number, categories) in enumerate(numbers):
            if not has_time():
                self.counts["OptInsUntried"] += len(numbers) - position
                break
            steps.run(
                f"number {position}",
                lambda number=number, categories=categories: self._apply_lists(number, categories),  # type: ignore[misc]
            )
        steps.finish()

    # Steps

    @staticmethod
    def _decide(message: InboundMessage, match: Match, known: Known) -> Decision:
        keyword = match.keyword
        if not keyword.action.changes or keyword.category is None:
            return Decision(Outcome.ANSWERED)
        wanted = Status.OPTED_OUT if keyword.action is Action.OPT_OUT else Status.OPTED_IN
        return decide(
            wanted, keyword.category, known, said_at=message.said_at, message_id=message.id
        )

    def _carry_out(
        self, message: InboundMessage, match: Match, record: Record, steps: Steps, receives: int
    ) -> None:
        def lists() -> None:
            category = match.keyword.category
            if category is None or category == EVERY_CATEGORY:
                self._apply_lists(message.number, None)
            else:
                self._apply_lists(message.number, {category}, others_wait=True)

        def endpoints() -> None:
            self._mark_endpoints(message.number)

        def reply() -> None:
            self._reply(message, match, record, receives)

        if record.settled:
            steps.run("reply", reply)
        elif match.keyword.action is Action.OPT_OUT:
            steps.run("endpoints", endpoints)
            steps.run("reply", reply)
            # The list would refuse the answer, so it waits for the attempts at it, but no longer.
            if "reply" not in steps.failed or receives >= ATTEMPTS_AT_AN_ANSWER:
                if steps.failed.pop("reply", None) is not None:
                    steps.run("reply", lambda: self._give_up(message))
                steps.run("list", lists)
        else:
            steps.run("list", lists)
            steps.run("endpoints", endpoints)
            steps.run("reply", reply)
        if not record.settled and not {"endpoints", "list", "reply"} & set(steps.failed):
            steps.run("record", lambda: self.store.mark(message, "settled"))
        if record.outcome is Outcome.CHANGED and not record.announced:
            steps.run("event", lambda: self._announce(message, match))

    def _reply(self, message: InboundMessage, match: Match, record: Record, receives: int) -> None:
        text = match.reply(self.default_language)
        state = self.replies.answer(message, record, text, receives=receives)
        if state is not record.reply and state in _REPLY_METRICS:
            self.counts[_REPLY_METRICS[state]] += 1

    def _give_up(self, message: InboundMessage) -> None:
        self.replies.give_up(message)
        self.counts["RepliesRefused"] += 1

    def _mark_endpoints(self, number: str) -> None:
        def mark(known: Known) -> None:
            marked = self.endpoints.mark(number, opted_out(known, self.categories))
            self.counts["EndpointsUpdated"] += marked.updated
            if marked.found == 0:
                self.counts["NumbersWithoutEndpoint"] += 1

        self._until_settled(number, mark)

    def _apply_lists(
        self, number: str, categories: Collection[str] | None, *, others_wait: bool = False
    ) -> None:
        """Bring the lists in step.

        Args:
            categories: limits the lists that may let the number go.
            others_wait: the number may wait for lists of other categories.
        """

        def apply(known: Known) -> None:
            into = opted_in(known, self.categories)
            kept = self.lists.apply(
                number,
                opted_out=opted_out(known, self.categories),
                opted_in=into if categories is None else [one for one in into if one in categories],
            )
            if kept:
                self.index.keep_trying(number, kept, also=others_wait)
                self.counts["OptInsWaiting"] += 1
            elif not others_wait:
                self.index.stop_trying(number)

        self._until_settled(number, apply)

    def _until_settled(self, number: str, apply: Callable[[Known], None]) -> None:
        """Apply the preferences until they are the same afterwards.

        A message that changes them at the same time may have applied its own before this one.
        """
        known = self.store.preferences(number)
        for _ in range(_ROUNDS):
            apply(known)
            after = self.store.preferences(number)
            if after == known:
                return
            known = after
        raise Contended("Preferences of the number changed at the same time, every time.")

    def _announce(self, message: InboundMessage, match: Match) -> None:
        if self.announcements is not None:
            known = self.store.preferences(message.number)
            self.announcements.announce(message, match, opted_out(known, self.categories))
            self.store.mark(message, "announced")
