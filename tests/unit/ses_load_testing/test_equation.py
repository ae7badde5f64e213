"""accepted = sent + duplicates + failed + parked + in flight, after any sequence of failures."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from ses_load_testing.message import MalformedMessage, read_message
from tests.builders.load_testing import (
    DEAD_LETTERS,
    PARKED,
    Crash,
    World,
    body,
    data_of,
    no_answer,
    refusal,
)

STATUSES = ["SUCCESS", "ACCOUNT_THROTTLED", "TRANSIENT_FAILURE", "INVALID_PARAMETER", "FAILED"]


class Sending(RuleBasedStateMachine):
    """Producers, several senders and every failure, in any order."""

    @initialize(rate=st.sampled_from([4, 14, 60, 250]))
    def start(self, rate: int) -> None:
        self.world = World()
        self.world.ses.max_send_rate = rate
        self.senders = [self.world.sender() for _ in range(3)]
        self.accepted: list[tuple[str, str]] = []  # the queue's id, the identity
        self.numbers = 0

    # -- what producers do

    @rule(many=st.integers(1, 30), stranger=st.booleans())
    def queue(self, many: int, stranger: bool) -> None:
        for _ in range(many):
            self.numbers += 1
            user = "nobody" if stranger and self.numbers % 7 == 0 else None
            self._accept(json.dumps(body(self.numbers, **({"user_id": user} if user else {}))))

    @precondition(lambda self: self.numbers > 0)
    @rule(share=st.floats(0, 1))
    def queue_again(self, share: float) -> None:
        self._accept(json.dumps(body(max(1, round(share * self.numbers)))))

    @rule(text=st.sampled_from(["", "{", "[]", "null", '{"to": 5}']))
    def queue_poison(self, text: str) -> None:
        self._accept(text)

    # -- what happens to deliveries

    @rule(who=st.integers(0, 2), at_most=st.sampled_from([1, 7, 100]))
    def deliver(self, who: int, at_most: int) -> None:
        self._deliver(who, at_most)

    @rule(who=st.integers(0, 2), call=st.integers(0, 3), sent=st.booleans())
    def crash(self, who: int, call: int, sent: bool) -> None:
        """The function ends before or after SES took the emails of a call."""
        self._deliver(who, 100, **{"after" if sent else "before": self._nth(call, Crash())})

    @rule(who=st.integers(0, 2), call=st.integers(0, 3))
    def answer_lost(self, who: int, call: int) -> None:
        self._deliver(who, 100, after=self._nth(call, no_answer()))

    @rule(
        who=st.integers(0, 2),
        call=st.integers(0, 3),
        code=st.sampled_from(
            ["TooManyRequestsException", "BadRequestException", "MessageRejected"]
            + ["NotFoundException", "LimitExceededException", "SendingPausedException"]
        ),
    )
    def call_refused(self, who: int, call: int, code: str) -> None:
        status = 429 if code == "TooManyRequestsException" else 400
        self._deliver(who, 100, before=self._nth(call, refusal(code, status)))

    @rule(who=st.integers(0, 2), statuses=st.lists(st.sampled_from(STATUSES), min_size=1))
    def entries_refused(self, who: int, statuses: list[str]) -> None:
        turn = iter(statuses * 200)
        self._deliver(who, 100, status=lambda _: next(turn))

    @rule(who=st.integers(0, 2), operation=st.sampled_from(["PutItem", "BatchGetItem"]))
    def dynamodb_throttles(self, who: int, operation: str) -> None:
        calls = Counter[str]()

        def fault(called: str, _: Any) -> None:
            calls[called] += 1
            if called == operation and calls[called] % 3 == 0:
                raise refusal("ThrottlingException", 400, operation)

        self.world.dynamodb.fault = fault
        self._deliver(who, 100)
        self.world.dynamodb.fault = None

    @rule(who=st.integers(0, 2))
    def deletes_are_lost(self, who: int) -> None:
        """Everything is done, and the queue delivers it again all the same."""
        delete = self.world.sqs.delete
        self.world.sqs.delete = lambda ids: None  # type: ignore[method-assign,assignment]
        before = {name: list(e) for name, e in self.world.sqs.endings.items()}
        self._deliver(who, 10)
        self.world.sqs.delete = delete  # type: ignore[method-assign]
        # A message that has ended elsewhere since then would exist twice. At-least-once delivery
        # allows that, and the equation counts messages.
        for name, entries in self.world.sqs.endings.items():
            ended = {e["MessageAttributes"]["message_id"]["StringValue"] for e in entries}
            self.world.sqs.messages = {
                id: m
                for id, m in self.world.sqs.messages.items()
                if id not in ended or entries == before[name]
            }

    @rule(room=st.integers(0, 40), rate=st.sampled_from([4, 14, 250]))
    def the_quota_changes(self, room: int, rate: int) -> None:
        self.world.ses.max_24_hour_send = len(self.world.ses.sent) + room
        self.world.ses.max_send_rate = rate
        self.world.time.now += 61

    @rule(seconds=st.sampled_from([1, 60, 301, 1000]))
    def time_passes(self, seconds: int) -> None:
        self.world.time.now += seconds
        self.world.valve.look()

    # -- what holds at all times

    @invariant()
    def nothing_was_sent_twice(self) -> None:
        if hasattr(self, "world"):
            assert [code for code, n in Counter(self.world.ses.codes()).items() if n > 1] == []

    @invariant()
    def nothing_is_lost(self) -> None:
        if hasattr(self, "world"):
            self._balance()

    def teardown(self) -> None:
        if not hasattr(self, "world"):
            return
        self.world.ses.max_24_hour_send = -1
        self.world.drain()
        self._balance()

    # -- how

    def _accept(self, text: str) -> None:
        (message_id,) = self.world.put(text)
        try:
            key = read_message(text).key or message_id
        except MalformedMessage:
            key = message_id
        self.accepted.append((message_id, key))

    def _deliver(self, who: int, at_most: int, **faults: Any) -> None:
        ses = self.world.ses
        for name, fault in faults.items():
            setattr(ses, name, fault)
        try:
            self.world.deliver(self.senders[who], at_most)
        finally:
            ses.before = ses.after = ses.status = None

    @staticmethod
    def _nth(call: int, error: BaseException) -> Any:
        calls = iter(range(1_000_000))

        def fault(_: Any) -> None:
            if next(calls) == call:
                raise error

        return fault

    def _balance(self) -> None:
        """Every accepted message is in one place: sent (by its identity), failed, parked, or on
        the queue. The ledger never names more sent messages than SES accepted."""
        world = self.world
        failed = {id for id, _ in world.sqs.ended(DEAD_LETTERS)}
        parked = {id for id, _ in world.sqs.ended(PARKED)}
        in_flight = set(world.sqs.messages)
        taken = {
            read_message(json.dumps(body(int(code.removeprefix("code-"))))).key
            for code in world.ses.codes()
        }
        assert failed & parked == set()
        assert world.known_as_sent() <= taken
        for message_id, key in self.accepted:
            places = [
                message_id in in_flight,
                message_id in failed,
                message_id in parked,
                key in taken and message_id not in failed | parked | in_flight,
            ]
            assert sum(places) == 1, (message_id, places)


Sending.TestCase.settings = settings(max_examples=60, stateful_step_count=25, deadline=None)
TestEverythingIsAccountedFor = Sending.TestCase


def test_the_builder_reads_an_entry_s_data_as_ses_takes_it():
    entry = {"ReplacementEmailContent": {"ReplacementTemplate": {"ReplacementTemplateData": "{}"}}}

    assert data_of(entry) == "{}"
