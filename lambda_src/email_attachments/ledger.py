"""Claims: which attempt may send to an endpoint in a run, and the outcome."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from shared import claims

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Claim", "Ledger", "State"]

# The queue keeps a message for 14 days: the claim of a redelivered message must still be there.
_KEPT_SECONDS = 30 * 24 * 3_600


class State(StrEnum):
    """State of a claim. FREE was certainly not sent and may be taken again."""

    TAKEN = "taken"
    FREE = "free"
    ACCEPTED = "accepted"
    FAILED = "failed"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Claim:
    """The claim that is there after an attempt to take it.

    `own`: this attempt has it and may send. `until`: epoch second to which the holder may still
    work. `at`: epoch second of the outcome.
    """

    key: str
    holder: str
    own: bool
    state: State
    until: float
    at: float
    reason: str | None = None
    message_id: str | None = None

    def is_given_up(self, now: float) -> bool:
        """Check whether its holder ended without an outcome: the message may have been sent."""
        return self.state is State.TAKEN and not self.own and now >= self.until


class Ledger:
    """Claims in a table with the keys `pk` and `sk`.

    Args:
        holding_seconds: longest time of an attempt: the timeout of the function.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        holding_seconds: int,
        *,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._holding_seconds = holding_seconds
        self._clock = clock

    def find(self, key: str) -> Claim | None:
        """Return the claim of an endpoint's message of a run, read consistently.

        Raises:
            ClientError, BotoCoreError: DynamoDB refused or did not answer.
        """
        answer = self._dynamodb.get_item(
            TableName=self._table, Key=_item_key(key), ConsistentRead=True
        )
        return _claim(key, answer["Item"], own=False) if "Item" in answer else None

    def take(self, key: str) -> Claim:
        """Claim an endpoint's message of a run, where no other attempt has it.

        Raises:
            ClientError, BotoCoreError: DynamoDB refused or did not answer; nothing may be sent.
        """
        now = self._clock()
        holder = uuid.uuid4().hex
        item = {
            **_item_key(key),
            "holder": {"S": holder},
            "state": {"S": State.TAKEN.value},
            "until": {"N": str(int(now) + self._holding_seconds + 1)},
            "expires_at": {"N": str(int(now) + _KEPT_SECONDS)},
        }
        written = claims.take(
            self._dynamodb,
            self._table,
            item,
            holder="holder",
            condition="attribute_not_exists(pk) OR #state = :free",
            names={"#state": "state"},
            values={":free": {"S": State.FREE.value}},
        )
        return _claim(key, written.item, own=written.own)

    def settle(
        self,
        claim: Claim,
        state: State,
        *,
        reason: str | None = None,
        message_id: str | None = None,
    ) -> None:
        """Write the outcome of a claim, where its holder is still the same.

        Raises:
            ClientError, BotoCoreError: DynamoDB refused or did not answer.
        """
        sets = {"state": state.value, "reason": reason, "message_id": message_id}
        given = {name: {"S": value} for name, value in sets.items() if value is not None}
        given["at"] = {"N": str(int(self._clock()))}
        names = {f"#{name}": name for name in given} | {"#holder": "holder"}
        claims.write(
            self._dynamodb.update_item,
            {"holder": {"S": claim.holder}, "state": {"S": state.value}},
            TableName=self._table,
            Key=_item_key(claim.key),
            UpdateExpression="SET " + ", ".join(f"#{name} = :{name}" for name in given),
            ConditionExpression="#holder = :holder AND #state = :taken",
            ExpressionAttributeNames=names,
            ExpressionAttributeValues={
                **{f":{name}": value for name, value in given.items()},
                ":holder": {"S": claim.holder},
                ":taken": {"S": State.TAKEN.value},
            },
        )


def _item_key(key: str) -> dict[str, Any]:
    """Return the key of the item: a digest, because an endpoint id is personal and may be long."""
    digest = hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()
    return {"pk": {"S": f"send#{digest}"}, "sk": {"S": "claim"}}


def _claim(key: str, item: Mapping[str, Any], *, own: bool) -> Claim:
    return Claim(
        key=key,
        holder=item["holder"]["S"],
        own=own,
        state=State(item["state"]["S"]),
        until=float(item["until"]["N"]),
        at=float(item.get("at", {}).get("N", 0)),
        reason=item.get("reason", {}).get("S"),
        message_id=item.get("message_id", {}).get("S"),
    )
