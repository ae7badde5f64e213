"""State of a message and its retries: one item under the id of the first try.

Every change is a conditional write, so that of duplicate and concurrent events one has an effect.
An item holds ids, states and times; never a number and never a text.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.claims import Item, Written, write
from sms_retry.failures import End

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Chains", "Claim", "Holder", "State", "TableBusy"]

_KEYS_PER_CALL = 100
_ROUNDS = 4
# Receipts of carriers can come 72 hours late (End User Messaging), and one day for redrives.
_KEPT_SECONDS = 4 * 86_400


class State(StrEnum):
    """WAITING for a retry; SENDING it; SENT, or UNKNOWN whether it was; DELIVERED; ENDED."""

    WAITING = "WAITING"
    SENDING = "SENDING"
    SENT = "SENT"
    UNKNOWN = "UNKNOWN"
    DELIVERED = "DELIVERED"
    ENDED = "ENDED"


_TRIED = (State.SENT, State.SENDING, State.UNKNOWN)
_OPEN = (State.WAITING, *_TRIED)


class TableBusy(RuntimeError):
    """DynamoDB left keys of a read unprocessed; the same read may succeed later."""


class Holder(NamedTuple):
    """The receive of a queue's message that works on a retry."""

    message_id: str
    receive: int

    def __str__(self) -> str:
        return f"{self.message_id}/{self.receive}"


class Claim(StrEnum):
    """Outcome of a claim. DIED: an earlier receive of the same message may have sent the retry."""

    MINE = "MINE"
    DIED = "DIED"
    NOTIFY_AGAIN = "NOTIFY_AGAIN"
    SUPERSEDED = "SUPERSEDED"


class Chains:
    """The table of chains.

    Args:
        clock: seconds since 1970.
        keep_seconds: longest time from the first try to the last retry.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        *,
        clock: Callable[[], float],
        keep_seconds: int,
    ) -> None:
        self.dynamodb = dynamodb
        self._table = table
        self._clock = clock
        self._keep_seconds = keep_seconds + _KEPT_SECONDS

    def schedule(self, original_id: str, failed_id: str, retry: int) -> bool:
        """Let the failure of one try lead to one retry.

        Returns:
            Whether the retry is to be queued: the failure is new, or an earlier receive of it may
            have died before it queued the retry. A retry that is queued twice is sent once.
        """
        written = self._update(
            original_id,
            {"state": State.WAITING, "retries": retry, "failed_id": failed_id},
            mark=("retries", "failed_id"),
            condition="attribute_not_exists(pk) OR (retries = :before AND #state IN ({}))",
            states=_TRIED,
            before=retry - 1,
        )
        if not written.item:
            return written.own
        return written.own and _state(written.item) is State.WAITING

    def end_tried(self, original_id: str, retries: int, reason: End, record_id: str) -> bool:
        """End a chain by the failure of its last try. Returns whether to notify.

        Args:
            record_id: of the record with the failure. The same record notifies again, because its
                reader may have died before the notification; a duplicate event does not.
        """
        written = self._update(
            original_id,
            {
                "state": State.ENDED,
                "reason": reason,
                "retries": retries,
                "ended_by": record_id,
            },
            mark=("ended_by",),
            condition="attribute_not_exists(pk) OR (retries = :before AND #state IN ({}))",
            states=_TRIED,
            before=retries,
        )
        return written.own

    def delivered(self, original_ids: Iterable[str]) -> tuple[int, int]:
        """Close the chains of messages that arrived; most messages have no chain.

        Returns:
            The number of messages that arrived by a retry or while one waited, and the number of
            waiting retries that will not be sent.

        Raises:
            TableBusy: DynamoDB did not read all of them; another call loses no message.
        """
        recovered = cancelled = 0
        for item in self._read(sorted(set(original_ids))):
            state = _state(item)
            if state not in _OPEN:
                continue
            written = self._update(
                item["pk"]["S"],
                {"state": State.DELIVERED},
                mark=("state",),
                condition="#state IN ({})",
                states=_OPEN,
            )
            if written.own and not written.item:
                recovered += 1
                cancelled += state is State.WAITING
        return recovered, cancelled

    def claim(self, original_id: str, retry: int, holder: Holder) -> Claim:
        """Take a waiting retry, so that one receive of one message sends it."""
        written = self._update(
            original_id,
            {"state": State.SENDING, "holder": str(holder)},
            mark=("holder",),
            condition="retries = :before AND #state IN ({})",
            states=(State.WAITING,),
            before=retry,
        )
        if written.own:
            return Claim.MINE
        return self._standing(written.item, retry, holder)

    def standing(self, original_id: str, retry: int, holder: Holder) -> Claim:
        """Look whether a retry still waits, before its text is looked up."""
        answer = self.dynamodb.get_item(
            TableName=self._table, Key={"pk": {"S": original_id}}, ConsistentRead=True
        )
        item: Item = answer.get("Item", {})
        if _state(item) is State.WAITING and _number(item) == retry:
            return Claim.MINE
        return self._standing(item, retry, holder)

    def _standing(self, item: Item, retry: int, holder: Holder) -> Claim:
        of_message = f"{holder.message_id}/"
        if _number(item) != retry:
            return Claim.SUPERSEDED
        if _state(item) is State.SENDING and _text(item, "holder").startswith(of_message):
            return Claim.DIED
        # Ended by an earlier receive, which may have died before its notification.
        if _text(item, "ended_by").startswith(of_message):
            return Claim.NOTIFY_AGAIN
        return Claim.SUPERSEDED

    def reason(self, original_id: str) -> str:
        """Return the reason for which a chain ended."""
        answer = self.dynamodb.get_item(
            TableName=self._table, Key={"pk": {"S": original_id}}, ConsistentRead=True
        )
        item: Item = answer.get("Item", {})
        return _text(item, "reason")

    def sent(self, original_id: str, retry: int, holder: Holder, message_id: str) -> None:
        """Record that a retry was taken for delivery. Its own failure may have come before."""
        self._after_claim(
            original_id, retry, holder, {"state": State.SENT, "retry_message_id": message_id}
        )

    def release(self, original_id: str, retry: int, holder: Holder) -> None:
        """Let a retry that was surely not sent wait again."""
        self._after_claim(original_id, retry, holder, {"state": State.WAITING})

    def end_claimed(self, original_id: str, retry: int, holder: Holder, reason: End) -> bool:
        """End the chain of a retry that this receive claimed. Returns whether to notify."""
        state = State.UNKNOWN if reason is End.UNKNOWN_OUTCOME else State.ENDED
        return self._after_claim(
            original_id,
            retry,
            holder,
            {"state": state, "reason": reason, "ended_by": str(holder)},
        )

    def end_died(self, original_id: str, retry: int, holder: Holder) -> bool:
        """Mark a retry unknown whose sender died. Returns whether to notify."""
        written = self._update(
            original_id,
            {"state": State.UNKNOWN, "reason": End.UNKNOWN_OUTCOME, "ended_by": str(holder)},
            mark=("ended_by",),
            condition="retries = :before AND #state IN ({}) AND begins_with(holder, :of_message)",
            states=(State.SENDING,),
            before=retry,
            extra={":of_message": {"S": f"{holder.message_id}/"}},
        )
        return written.own

    def end_waiting(self, original_id: str, retry: int, holder: Holder, reason: End) -> bool:
        """End the chain of a retry that waits and must not be sent. Returns whether to notify."""
        written = self._update(
            original_id,
            {"state": State.ENDED, "reason": reason, "ended_by": str(holder)},
            mark=("ended_by",),
            condition="retries = :before AND #state IN ({})",
            states=(State.WAITING,),
            before=retry,
        )
        return written.own

    def _after_claim(
        self, original_id: str, retry: int, holder: Holder, values: Mapping[str, Any]
    ) -> bool:
        written = self._update(
            original_id,
            values,
            mark=tuple(values),
            condition="retries = :before AND holder = :own AND #state IN ({})",
            states=(State.SENDING,),
            before=retry,
            extra={":own": {"S": str(holder)}},
        )
        return written.own

    def _update(
        self,
        original_id: str,
        values: Mapping[str, Any],
        *,
        mark: tuple[str, ...],
        condition: str,
        states: tuple[State, ...],
        before: int | None = None,
        extra: Mapping[str, Any] | None = None,
    ) -> Written:
        expires_at = int(self._clock()) + self._keep_seconds
        attributes = {name: _attribute(value) for name, value in values.items()}
        names = {"#state": "state"}
        given = {":expires_at": _attribute(expires_at)}
        sets = ["expires_at = :expires_at"]
        for number, (name, value) in enumerate(attributes.items()):
            names[f"#n{number}"] = name
            given[f":v{number}"] = value
            sets.append(f"#n{number} = :v{number}")
        for number, state in enumerate(states):
            given[f":s{number}"] = {"S": str(state)}
        if before is not None:
            given[":before"] = _attribute(before)
        listed = ", ".join(f":s{number}" for number in range(len(states)))
        return write(
            self.dynamodb.update_item,
            {name: attributes[name] for name in mark},
            TableName=self._table,
            Key={"pk": {"S": original_id}},
            UpdateExpression="SET " + ", ".join(sets),
            ConditionExpression=condition.format(listed),
            ExpressionAttributeNames=names,
            ExpressionAttributeValues=given | dict(extra or {}),
        )

    def _read(self, original_ids: list[str]) -> Iterator[Item]:
        for start in range(0, len(original_ids), _KEYS_PER_CALL):
            keys = [{"pk": {"S": one}} for one in original_ids[start : start + _KEYS_PER_CALL]]
            for _ in range(_ROUNDS):
                answer = self.dynamodb.batch_get_item(
                    RequestItems={self._table: {"Keys": keys, "ConsistentRead": True}}
                )
                yield from answer["Responses"].get(self._table, [])
                left = answer.get("UnprocessedKeys", {}).get(self._table)
                if not left:
                    break
                keys = left["Keys"]  # type: ignore[assignment]  # the model has wider values
            else:
                raise TableBusy(f"{len(keys)} keys were not read.")


def _attribute(value: Any) -> dict[str, str]:
    return {"N": str(value)} if isinstance(value, int) else {"S": str(value)}


def _text(item: Item, name: str) -> str:
    return str(item.get(name, {}).get("S", ""))


def _number(item: Item) -> int:
    return int(item.get("retries", {}).get("N", -1))


def _state(item: Item) -> State | None:
    text = _text(item, "state")
    return State(text) if text else None
