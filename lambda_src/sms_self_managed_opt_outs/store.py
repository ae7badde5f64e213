"""Preferences and messages of numbers, in the table of preferences.

    pk <number>    sk category#<category>    the number's last word about the category
    pk <number>    sk message#<message id>   the audit record of a message that was a keyword

A message and the preferences that it changes are written in one transaction, so each change has its
record and each message counts once. Later updates add to the record the steps that were done;
nothing is deleted. The text of a message is not stored.
"""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared import claims
from shared.instants import iso
from shared.transient import error_code
from sms_self_managed_opt_outs.inbound import InboundMessage
from sms_self_managed_opt_outs.keywords import Match
from sms_self_managed_opt_outs.preferences import Decision, Outcome, Preference, Status

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Contended", "Record", "ReplyState", "Store", "UnreadablePreference"]

_ROUNDS = 6


class Contended(RuntimeError):
    """Other messages of the number were recorded at the same time, every time. Try again."""


class UnreadablePreference(RuntimeError):
    """The table has a preference of the number that this module did not write. Delete the item."""


class ReplyState(StrEnum):
    """The state of the answer to a message. A TAKEN answer may have been sent."""

    NONE = "NONE"
    PENDING = "PENDING"
    TAKEN = "TAKEN"
    SENT = "SENT"
    REFUSED = "REFUSED"
    UNKNOWN = "UNKNOWN"


@dataclass(frozen=True, slots=True)
class Record:
    """The record of a message, with the steps that are still to do."""

    outcome: Outcome
    reply: ReplyState
    settled: bool = False
    announced: bool = False
    new: bool = False


class Store:
    """The table of preferences."""

    def __init__(
        self,
        client: DynamoDBClient,
        table: str,
        *,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._client, self._table = client, table
        self._now, self._sleep = now, sleep

    def preferences(self, number: str) -> dict[str, Preference]:
        """Return the number's preferences by category, as they are now."""
        answers = self._client.get_paginator("query").paginate(
            TableName=self._table, **_categories_of(number)
        )
        found = (_preference(item) for answer in answers for item in answer["Items"])
        return {preference.category: preference for preference in found}

    def has_preferences(self, number: str) -> bool:
        """Check whether the number said anything, without reading what."""
        answer = self._client.query(TableName=self._table, Limit=1, **_categories_of(number))
        return bool(answer["Items"])

    def record(
        self,
        message: InboundMessage,
        match: Match,
        decide: Callable[[Mapping[str, Preference]], Decision],
    ) -> Record:
        """Record a message with its effect, once; a copy finds the record of the first receipt.

        Raises:
            Contended: see there.
            ClientError, BotoCoreError: DynamoDB refused, or did not answer.
        """
        for attempt in range(_ROUNDS):
            known = self.preferences(message.number)
            there = self._find(message)
            if there is not None:
                return there
            decision = decide(known)
            if self._write(message, match, decision, known):
                return Record(decision.outcome, self._reply(match, decision), new=True)
            self._sleep(random.uniform(0.5, 1.0) * 0.02 * 2**attempt)
        raise Contended("Other messages of the number were recorded at the same time.")

    def take_reply(self, message: InboundMessage, attempt_id: str) -> bool:
        """Take the right to answer; False where an earlier attempt has it."""
        written = claims.write(
            self._client.update_item,
            {"reply_attempt": {"S": attempt_id}},
            **self._update(
                message,
                {"reply": ReplyState.TAKEN, "reply_attempt": attempt_id},
                condition="reply = :pending",
                values={":pending": {"S": ReplyState.PENDING}},
            ),
        )
        return written.own

    def set_reply(self, message: InboundMessage, state: ReplyState, **about: str) -> None:
        """Record the end of an answer, with the id of the text message or the reason."""
        self._client.update_item(**self._update(message, {"reply": state, **about}))

    def end_reply(
        self, message: InboundMessage, before: ReplyState, after: ReplyState, **about: str
    ) -> None:
        """Record the end of an answer that another attempt left in a state.

        Raises:
            ClientError: the answer has another state now (ConditionalCheckFailedException).
        """
        request = self._update(
            message,
            {"reply": after, **about},
            condition="reply = :before",
            values={":before": {"S": str(before)}},
        )
        self._client.update_item(**request)

    def mark(self, message: InboundMessage, step: str) -> None:
        """Record that a step (`settled`, `announced`) is done."""
        self._client.update_item(**self._update(message, {f"{step}_at": iso(self._now())}))

    # Items

    def _find(self, message: InboundMessage) -> Record | None:
        item = self._client.get_item(
            TableName=self._table, Key=_key(message), ConsistentRead=True
        ).get("Item")
        if item is None:
            return None
        return Record(
            Outcome(item["outcome"]["S"]),
            ReplyState(item["reply"]["S"]),
            settled="settled_at" in item,
            announced="announced_at" in item,
        )

    @staticmethod
    def _reply(match: Match, decision: Decision) -> ReplyState:
        answers = bool(match.keyword.replies) and decision.outcome in (
            Outcome.CHANGED,
            Outcome.ANSWERED,
        )
        return ReplyState.PENDING if answers else ReplyState.NONE

    def _write(
        self,
        message: InboundMessage,
        match: Match,
        decision: Decision,
        known: Mapping[str, Preference],
    ) -> bool:
        """Write a message with its effect. Returns False where a condition failed."""
        items: list[Any] = [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": self._message_item(message, match, decision),
                    "ConditionExpression": "attribute_not_exists(pk)",
                }
            },
            *(
                self._put_preference(message.number, write, known.get(write.category))
                for write in decision.writes
            ),
        ]
        try:
            self._client.transact_write_items(TransactItems=items)
        except ClientError as error:
            if error_code(error) != "TransactionCanceledException" or not _lost_a_race(error):
                raise
            return False
        return True

    def _message_item(
        self, message: InboundMessage, match: Match, decision: Decision
    ) -> dict[str, Any]:
        texts = {
            "said_at": _instant(message.said_at),
            "recorded_at": iso(self._now()),
            "message_id": message.id,
            "written_to": message.written_to,
            "keyword": match.keyword.name,
            "language": match.language,
            "action": match.keyword.action,
            "outcome": decision.outcome,
            "reply": self._reply(match, decision),
        }
        if match.keyword.category is not None:
            texts["category"] = match.keyword.category
        return {**_key(message), **{name: {"S": str(value)} for name, value in texts.items()}}

    def _put_preference(
        self, number: str, write: Preference, before: Preference | None
    ) -> dict[str, Any]:
        item = {
            "pk": {"S": number},
            "sk": {"S": f"category#{write.category}"},
            "status": {"S": write.status.value},
            "said_at": {"S": _instant(write.said_at)},
            "message_id": {"S": write.message_id},
            "changed_at": {"S": _instant(write.changed_at)},
        }
        put: dict[str, Any] = {"TableName": self._table, "Item": item}
        if before is None:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        else:
            put["ConditionExpression"] = "message_id = :before AND said_at = :then"
            put["ExpressionAttributeValues"] = {
                ":before": {"S": before.message_id},
                ":then": {"S": _instant(before.said_at)},
            }
        return {"Put": put}

    def _update(
        self,
        message: InboundMessage,
        texts: Mapping[str, str],
        *,
        condition: str | None = None,
        values: Mapping[str, Any] | None = None,
    ) -> dict[str, Any]:
        names = {f"#{name}": name for name in texts}
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": _key(message),
            "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in texts),
            "ExpressionAttributeNames": names,
            "ExpressionAttributeValues": {
                **{f":{name}": {"S": str(value)} for name, value in texts.items()},
                **(values or {}),
            },
        }
        return request if condition is None else {**request, "ConditionExpression": condition}


def _categories_of(number: str) -> dict[str, Any]:
    return {
        "ConsistentRead": True,
        "KeyConditionExpression": "pk = :number AND begins_with(sk, :category)",
        "ExpressionAttributeValues": {":number": {"S": number}, ":category": {"S": "category#"}},
    }


def _key(message: InboundMessage) -> dict[str, Any]:
    return {"pk": {"S": message.number}, "sk": {"S": f"message#{message.id}"}}


def _lost_a_race(error: ClientError) -> bool:
    response: Mapping[str, Any] = error.response
    reasons: Iterable[Mapping[str, Any]] = response.get("CancellationReasons", ())
    codes = {reason.get("Code") for reason in reasons} - {"None", None}
    return bool(codes) and codes <= {"ConditionalCheckFailed", "TransactionConflict"}


def _instant(milliseconds: int) -> str:
    return iso(datetime.fromtimestamp(milliseconds / 1000, UTC))


def _milliseconds(instant: str) -> int:
    return round(datetime.fromisoformat(instant).timestamp() * 1000)


def _preference(item: Mapping[str, Any]) -> Preference:
    try:
        return Preference(
            category=item["sk"]["S"].removeprefix("category#"),
            status=Status(item["status"]["S"]),
            said_at=_milliseconds(item["said_at"]["S"]),
            message_id=item["message_id"]["S"],
            changed_at=_milliseconds(item["changed_at"]["S"]),
        )
    except (KeyError, ValueError, OverflowError) as error:
        raise UnreadablePreference(
            "An item category#… of the number lacks an attribute, or has another form."
        ) from error
