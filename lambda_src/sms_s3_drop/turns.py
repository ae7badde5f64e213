"""The order in which files get their turns at an origination identity.

A file has a lane at each identity that its rows are sent from, with its rows cut into chunks. The
messages on an identity's queue are permits to send one chunk and do not name it: the sender that
receives a permit takes the next chunk of the file that has had the fewest turns. So files that are
sent from one identity differ by one turn at most, however many messages of an earlier file are
before theirs on the queue.

SQS's own fair queues (a MessageGroupId on a standard queue) are not used: they prefer the messages
of quiet groups once a group has 30 messages in flight, and a paced sender has two.

Items of the table, with the keys pk and sk:

    run#<run>              run               deadline, lanes and totals of a run
    lanes#<identity>       <run>             next chunk, number of chunks, turns
    permit#<run>           <identity>#<id>   the chunk that the permit was spent on
    later#<identity>       <due>#<n>#<run>   a chunk with rows that go out later

A lane is deleted when its last chunk is taken. A chunk that comes later is sorted by its number
before its run, so that chunks of several files that are due at the same time take turns as well.
Turns alternate between lanes and due chunks where there are both.
"""

from __future__ import annotations

import math
import random
import time
import uuid
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.transient import error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Chunk", "Lane", "Permit", "Taken", "Turns", "TurnsContended"]

_ATTEMPTS = 20
_LONGEST_PAUSE_SECONDS = 0.1
_SHARE_OF_LANES = 0.5  # of the turns, while chunks that were delayed are due as well


class TurnsContended(RuntimeError):
    """Many senders kept taking the same turn; the permit can be tried again."""


@dataclass(frozen=True, slots=True)
class Chunk:
    """A part of a file's lane: its rows are on lines of one piece."""

    run: str
    identity: str
    number: int
    rows_per_chunk: int
    chunks_per_piece: int

    @property
    def piece(self) -> int:
        return self.number // self.chunks_per_piece

    @property
    def first_line(self) -> int:
        return self.number % self.chunks_per_piece * self.rows_per_chunk

    @property
    def name(self) -> str:
        return f"{self.identity}#{self.number:07d}"


@dataclass(frozen=True, slots=True)
class Permit:
    """A message on the queue of an identity: one chunk may be sent. `id` is unique in its run."""

    run: str
    identity: str
    id: str

    def body(self) -> dict[str, str]:
        return {"run": self.run, "identity": self.identity, "permit": self.id}

    @classmethod
    def first(cls, run: str, identity: str, number: int) -> Permit:
        """Return the permit that is enqueued for chunk number so-and-so, and names no chunk."""
        return cls(run, identity, f"{number:07d}")

    @classmethod
    def new(cls, run: str, identity: str) -> Permit:
        return cls(run, identity, uuid.uuid4().hex)

    def next(self) -> Permit:
        """Return the permit that follows this one: the same at each delivery."""
        first, _, number = self.id.partition("+")
        return Permit(self.run, self.identity, f"{first}+{int(number or 0) + 1}")


@dataclass(frozen=True, slots=True)
class Taken:
    """The end of a permit: a chunk; a wait until a time; or neither, when all are taken."""

    chunk: Chunk | None = None
    wait_until: float | None = None


@dataclass(frozen=True, slots=True)
class Lane:
    """The rows of a run for one identity."""

    identity: str
    rows: int
    rows_per_chunk: int
    chunks_per_piece: int

    @property
    def chunks(self) -> int:
        return -(-self.rows // self.rows_per_chunk)

    @property
    def pieces(self) -> int:
        return -(-self.chunks // self.chunks_per_piece)

    def chunk(self, run: str, number: int) -> Chunk:
        return Chunk(run, self.identity, number, self.rows_per_chunk, self.chunks_per_piece)


class Turns:
    """Lanes and permits in the table of the module."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        keep_seconds: int,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._keep_seconds = keep_seconds
        self._clock = clock
        self._sleep = sleep

    def lane_puts(self, run: str, lanes: Mapping[str, Lane]) -> list[dict[str, Any]]:
        """Return the writes that open a run's lanes, for the transaction that registers the run.

        A lane begins with the turns of the lane that has had the fewest: a new file neither waits
        for the files before it, nor keeps them waiting until it has caught up.
        """
        return [
            {
                "Put": {
                    "TableName": self._table,
                    "Item": {
                        "pk": {"S": f"lanes#{lane.identity}"},
                        "sk": {"S": run},
                        "run": {"S": run},
                        "next": {"N": "0"},
                        "turns": {"N": str(min(self._turns(lane.identity), default=0))},
                        "chunks": {"N": str(lane.chunks)},
                        "rows_per_chunk": {"N": str(lane.rows_per_chunk)},
                        "chunks_per_piece": {"N": str(lane.chunks_per_piece)},
                        "expires_at": self._expiry(),
                    },
                }
            }
            for lane in lanes.values()
            if lane.rows
        ]

    def take(self, permit: Permit) -> Taken:
        """Spend a permit on the chunk whose turn it is.

        A permit that is delivered again is spent on the same chunk again. A permit that comes
        before the time of every chunk that is left is not spent.

        Raises:
            TurnsContended: nothing was taken.
            ClientError: DynamoDB refused; a repeated delivery finds out whether it took effect.
        """
        for attempt in range(_ATTEMPTS):
            if attempt:
                self._sleep(random.uniform(0, _LONGEST_PAUSE_SECONDS))
            if (spent := self._spent(permit)) is not None:
                return Taken(spent)
            lanes, later = self._lanes(permit.identity), self._first_later(permit.identity)
            due = None if later is None else float(later["due"]["N"])
            is_due = due is not None and due <= self._clock()
            if not lanes and not is_due:
                return Taken(wait_until=due)
            if later is not None and is_due and not (lanes and random.random() < _SHARE_OF_LANES):
                taking, source = later, {"Delete": self._key_exists(later)}
            else:
                taking = min(lanes, key=lambda item: (int(item["turns"]["N"]), item["run"]["S"]))
                source = self._advance(taking)
            try:
                self._dynamodb.transact_write_items(
                    TransactItems=[source, self._spend(taking, permit)]  # type: ignore[list-item]
                )
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
            else:
                return Taken(_chunk(permit.identity, taking))
        raise TurnsContended(f"{permit.identity}: {_ATTEMPTS} attempts collided")

    def come_later(self, chunk: Chunk, due: float) -> None:
        """Let a chunk have another turn from a time on. It needs a permit of its own."""
        whole = math.ceil(due)
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": f"later#{chunk.identity}"},
                "sk": {"S": f"{whole:012d}#{chunk.number:07d}#{chunk.run}"},
                "due": {"N": str(whole)},
                "run": {"S": chunk.run},
                "next": {"N": str(chunk.number)},
                "rows_per_chunk": {"N": str(chunk.rows_per_chunk)},
                "chunks_per_piece": {"N": str(chunk.chunks_per_piece)},
                "expires_at": self._expiry(),
            },
        )

    def end_lane(self, chunk: Chunk) -> None:
        """Let no chunk of a closed run have another turn."""
        self._dynamodb.delete_item(
            TableName=self._table,
            Key={"pk": {"S": f"lanes#{chunk.identity}"}, "sk": {"S": chunk.run}},
        )

    def taken_before(self, run: str, identity: str) -> int | None:
        """Return the number of the first chunk of a lane that is not taken; None when all are."""
        item = self._dynamodb.get_item(
            TableName=self._table,
            Key={"pk": {"S": f"lanes#{identity}"}, "sk": {"S": run}},
            ConsistentRead=True,
        ).get("Item")
        return None if item is None else int(item["next"]["N"])

    def _advance(self, lane: Mapping[str, Any]) -> dict[str, Any]:
        """Return the write that takes the next chunk; the lane goes with its last one."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "Key": {"pk": lane["pk"], "sk": lane["sk"]},
            "ConditionExpression": "#next = :old",
            "ExpressionAttributeNames": {"#next": "next"},
            "ExpressionAttributeValues": {":old": lane["next"]},
        }
        if int(lane["next"]["N"]) + 1 >= int(lane["chunks"]["N"]):
            return {"Delete": request}
        request["UpdateExpression"] = "SET #next = #next + :one, turns = turns + :one"
        request["ExpressionAttributeValues"][":one"] = {"N": "1"}
        return {"Update": request}

    def _key_exists(self, item: Mapping[str, Any]) -> dict[str, Any]:
        return {
            "TableName": self._table,
            "Key": {"pk": item["pk"], "sk": item["sk"]},
            "ConditionExpression": "attribute_exists(pk)",
        }

    def _spend(self, taking: Mapping[str, Any], permit: Permit) -> dict[str, Any]:
        sizes = ("run", "next", "rows_per_chunk", "chunks_per_piece")
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    **_permit_key(permit),
                    **{name: taking[name] for name in sizes},
                    "expires_at": self._expiry(),
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def _spent(self, permit: Permit) -> Chunk | None:
        item = self._dynamodb.get_item(
            TableName=self._table, Key=_permit_key(permit), ConsistentRead=True
        ).get("Item")
        return None if item is None else _chunk(permit.identity, item)

    def _first_later(self, identity: str) -> dict[str, Any] | None:
        """Return the chunk that is due first, whether or not it is due yet."""
        items = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :later",
            ExpressionAttributeValues={":later": {"S": f"later#{identity}"}},
            ConsistentRead=True,
            Limit=1,
        )["Items"]
        return items[0] if items else None

    def _turns(self, identity: str) -> list[int]:
        return [int(item["turns"]["N"]) for item in self._lanes(identity)]

    def _lanes(self, identity: str) -> list[dict[str, Any]]:
        """Return the lanes with chunks left."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :lanes",
            ExpressionAttributeValues={":lanes": {"S": f"lanes#{identity}"}},
            ConsistentRead=True,
        )
        return [item for page in pages for item in page["Items"]]

    def _expiry(self) -> dict[str, str]:
        return {"N": str(int(self._clock()) + self._keep_seconds)}


def _permit_key(permit: Permit) -> dict[str, Any]:
    return {"pk": {"S": f"permit#{permit.run}"}, "sk": {"S": f"{permit.identity}#{permit.id}"}}


def _chunk(identity: str, item: Mapping[str, Any]) -> Chunk:
    return Chunk(
        item["run"]["S"],
        identity,
        int(item["next"]["N"]),
        rows_per_chunk=int(item["rows_per_chunk"]["N"]),
        chunks_per_piece=int(item["chunks_per_piece"]["N"]),
    )
