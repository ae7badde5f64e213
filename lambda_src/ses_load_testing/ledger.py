"""The record of sends and their outcomes, which sends a message at most once.

Table: pk (S), sk (S), TTL attribute `expires_at`. Two kinds of items:

    pk=message#<key>  sk=claim     call, at (epoch s), entry, sqs (the queue's message id)
    pk=call#<id>      sk=outcome   results: one letter per entry of that call of SendBulkEmail

A message is claimed before the call it is part of, one write each; the outcome of the whole call
is one write after it. A claim whose call has no outcome was being sent when its function ended:
whether it went out cannot be known.
"""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from ses_load_testing.batch_reads import KeysUnread, read_items
from shared.claims import take
from shared.transient import ServiceUnavailable, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Claim", "ClaimState", "Ledger", "Result", "new_call_id"]

DAY_SECONDS = 86_400


class Result(StrEnum):
    """The outcome of one entry of a call. REFUSED: surely not sent, so it may be tried again."""

    SENT = "S"
    REFUSED = "R"
    UNKNOWN = "U"


class ClaimState(StrEnum):
    """The right of a sender to send a message that it claimed."""

    OURS = "ours"  # send it
    SENT = "sent"  # it was sent before
    IN_FLIGHT = "in flight"  # another sender may be sending it now
    UNKNOWN = "unknown"  # another sender was; whether the message went out is unknown
    # The table did not answer, and has the claim or not: try later, and record the entry REFUSED.
    NOT_WRITTEN = "not written"


@dataclass(frozen=True, slots=True)
class Claim:
    """A message by its key, its place in the call, and the queue's id of it."""

    key: str
    entry: int
    message_id: str


def new_call_id() -> str:
    return uuid.uuid4().hex


class Ledger:
    """Claims and outcomes. One instance serves one call at a time.

    Args:
        keep_days: how long a message cannot be sent again; longer than a queue keeps it.
        in_flight_seconds: time for which a claim without an outcome belongs to its sender;
            longer than a function may run.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        *,
        keep_days: int,
        in_flight_seconds: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        threads: int = 16,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._keep_seconds = keep_days * DAY_SECONDS
        self._in_flight_seconds = in_flight_seconds
        self._clock = clock
        self._sleep = sleep
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="claim")

    def claim(self, call_id: str, claims: Sequence[Claim]) -> list[ClaimState]:
        """Take messages for a call; the answers are in the order of the claims.

        The next sender may claim a refused message again.

        Raises:
            ClientError: DynamoDB refused permanently, as without a permission.
        """
        answers = list(self._pool.map(lambda claim: self._put(call_id, claim, None), claims))
        states = [
            answer if isinstance(answer, ClaimState) else ClaimState.IN_FLIGHT for answer in answers
        ]
        taken = {
            position: answer
            for position, answer in enumerate(answers)
            if not isinstance(answer, ClaimState)
        }
        if taken:
            try:
                outcomes = self._outcomes(item["call"]["S"] for item in taken.values())
            except KeysUnread:
                outcomes = None
            for position, item in taken.items():
                states[position] = (
                    ClaimState.NOT_WRITTEN
                    if outcomes is None
                    else self._settle(call_id, claims[position], item, outcomes)
                )
        return states

    def record(self, call_id: str, results: Sequence[Result]) -> None:
        """Write what became of every entry of a call, in the order of their `entry`.

        Raises:
            ClientError, HTTPClientError: it could not be written.
        """
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": f"call#{call_id}"},
                "sk": {"S": "outcome"},
                "results": {"S": "".join(results)},
                **self._expiry(),
            },
        )

    def _settle(
        self,
        call_id: str,
        claim: Claim,
        item: Mapping[str, Any],
        outcomes: Mapping[str, str],
    ) -> ClaimState:
        """Interpret another sender's claim, or an earlier claim of this sender, on this message."""
        other = item["call"]["S"]
        if other not in outcomes:
            age = self._clock() - int(item["at"]["N"])
            return ClaimState.IN_FLIGHT if age < self._in_flight_seconds else ClaimState.UNKNOWN
        match Result(outcomes[other][int(item["entry"]["N"])]):
            case Result.SENT:
                return ClaimState.SENT
            case Result.UNKNOWN:
                return ClaimState.UNKNOWN
            case Result.REFUSED:
                answer = self._put(call_id, claim, other)
                # Another sender was faster, a moment ago.
                return answer if isinstance(answer, ClaimState) else ClaimState.IN_FLIGHT

    def _put(
        self, call_id: str, message: Claim, instead_of: str | None
    ) -> ClaimState | Mapping[str, Any]:
        """Write a claim; return OURS, NOT_WRITTEN, or the existing claim."""
        item = {
            "pk": {"S": f"message#{message.key}"},
            "sk": {"S": "claim"},
            "call": {"S": call_id},
            "entry": {"N": str(message.entry)},
            "at": {"N": str(int(self._clock()))},
            "sqs": {"S": message.message_id},
            **self._expiry(),
        }
        free: dict[str, Any] = {}
        if instead_of is not None:
            free = {
                "condition": "#replaced = :replaced",
                "names": {"#replaced": "call"},
                "values": {":replaced": {"S": instead_of}},
            }
        try:
            with transient_errors_named():
                claim = take(self._dynamodb, self._table, item, holder="call", **free)
        except ServiceUnavailable:
            return ClaimState.NOT_WRITTEN
        if claim.own:
            return ClaimState.OURS
        # The claim that was to be replaced may be gone.
        return claim.item or ClaimState.NOT_WRITTEN

    def _outcomes(self, call_ids: Iterable[str]) -> dict[str, str]:
        """Return the letters of those calls that have an outcome.

        Raises:
            KeysUnread: DynamoDB throttled all attempts.
        """
        items = read_items(
            self._dynamodb,
            self._table,
            [
                {"pk": {"S": f"call#{call_id}"}, "sk": {"S": "outcome"}}
                for call_id in sorted(set(call_ids))
            ],
            self._sleep,
            ConsistentRead=True,
        )
        return {item["pk"]["S"].removeprefix("call#"): item["results"]["S"] for item in items}

    def _expiry(self) -> dict[str, Any]:
        return {"expires_at": {"N": str(int(self._clock()) + self._keep_seconds)}}
