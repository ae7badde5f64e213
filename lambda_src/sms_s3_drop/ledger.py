"""The record of every row that a sender touched, and of every run.

A row is claimed before its message is sent, and its outcome is written to the claim. A claim
without an outcome that is older than a sender can live is a message that may be sent or not: it
ends as UNKNOWN and is never sent again.

Items of the table, with the keys pk and sk; `turns` has the others:

    run#<run>                      run                  deadline and totals of a run
    rows#<run>#<identity>#<piece>  <chunk>#<row>        claim and outcome of a row
    chunks#<run>                   <identity>#<chunk>   counts of a chunk, written as a whole

The rows of a piece have one key, so that the result of a million rows takes a thousand queries,
whatever the size of a chunk.
"""

from __future__ import annotations

import time
import uuid
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, NamedTuple

from shared.claims import take, write
from sms_s3_drop.turns import Chunk, Lane

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["FINAL", "Claim", "Ledger", "RowState", "Run", "Status", "UnknownRun"]


class Status(StrEnum):
    """The state of a row. SENT means accepted for delivery."""

    SENT = "SENT"
    OPTED_OUT = "OPTED_OUT"
    REJECTED = "REJECTED"
    FAILED = "FAILED"
    UNKNOWN = "UNKNOWN"
    # Not final: in a sender's hand, and to be tried again.
    CLAIMED = "CLAIMED"
    WAITING = "WAITING"


FINAL = frozenset({Status.SENT, Status.OPTED_OUT, Status.REJECTED, Status.FAILED, Status.UNKNOWN})


class UnknownRun(RuntimeError):
    """A permit is for a run that the table does not have (any more)."""


@dataclass(frozen=True, slots=True)
class Run:
    """A run as the table has it. Times are seconds since 1970."""

    run: str
    execution: str
    started: float
    deadline: float
    rows: int
    rejected: int
    lanes: Mapping[str, Lane] = field(default_factory=dict)
    closed: bool = False
    stopped: bool = False


@dataclass(frozen=True, slots=True)
class RowState:
    """The item of a row. `since` is the time of the claim, or of the first temporary refusal."""

    status: Status
    holder: str = ""
    claimed_at: float = 0.0
    message_id: str | None = None
    reason: str | None = None
    tries: int = 0
    refused_since: float | None = None
    not_before: float = 0.0

    @property
    def is_final(self) -> bool:
        return self.status in FINAL


class Claim(NamedTuple):
    """The end of an attempt to claim a row: whether it is the caller's, and its state."""

    own: bool
    state: RowState


class Ledger:
    """Runs, rows and chunks in the table of the module.

    Args:
        lease_seconds: time after which the sender of a claim is surely dead.
        keep_seconds: time for which a row is known to be sent.
    """

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        *,
        lease_seconds: float,
        keep_seconds: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._lease_seconds = lease_seconds
        self._keep_seconds = keep_seconds
        self._clock = clock

    # Runs

    def run(self, run: str) -> Run | None:
        item = self._dynamodb.get_item(
            TableName=self._table, Key=_run_key(run), ConsistentRead=True
        ).get("Item")
        return None if item is None else _run(run, item)

    def run_put(self, run: Run) -> dict[str, Any]:
        """Return the write that registers a run, once, for a transaction."""
        return {
            "Put": {
                "TableName": self._table,
                "Item": {
                    **_run_key(run.run),
                    "execution": {"S": run.execution},
                    "started": {"N": repr(run.started)},
                    "deadline": {"N": repr(run.deadline)},
                    "rows": {"N": str(run.rows)},
                    "rejected": {"N": str(run.rejected)},
                    "lanes": {"M": {key: _lane_item(lane) for key, lane in run.lanes.items()}},
                    "expires_at": self._expiry(),
                },
                "ConditionExpression": "attribute_not_exists(pk)",
            }
        }

    def register(self, run: Run, lane_puts: list[dict[str, Any]]) -> Run:
        """Write a run with its lanes, or return the one that an earlier attempt wrote."""
        there = self.run(run.run)
        if there is None:
            try:
                self._dynamodb.transact_write_items(
                    TransactItems=[self.run_put(run), *lane_puts]  # type: ignore[list-item]
                )
            except self._dynamodb.exceptions.TransactionCanceledException:
                there = self.run(run.run)
                if there is None:
                    raise
            else:
                return run
        return there

    def prolong(self, run: str, execution: str, deadline: float) -> None:
        """Give a run that another execution resumes the time of a new one."""
        self._update_run(
            run,
            "SET execution = :execution, deadline = :deadline, stopped = :no",
            {
                ":execution": {"S": execution},
                ":deadline": {"N": repr(deadline)},
                ":no": {"BOOL": False},
            },
        )

    def stop(self, run: str) -> bool:
        """Stop the sending of a run's rows; return False for a run that is absent or over."""
        now = {"N": repr(self._clock())}
        written = write(
            self._dynamodb.update_item,
            {"stopped": {"BOOL": True}},
            TableName=self._table,
            Key=_run_key(run),
            UpdateExpression="SET deadline = :now, stopped = :yes",
            ConditionExpression="attribute_not_exists(closed) AND deadline > :now",
            ExpressionAttributeValues={":now": now, ":yes": {"BOOL": True}},
        )
        return written.own and "closed" not in written.item

    def close(self, run: str) -> None:
        """Mark a run whose result file is written."""
        self._update_run(run, "SET closed = :yes", {":yes": {"BOOL": True}})

    def _update_run(self, run: str, expression: str, values: Mapping[str, Any]) -> None:
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_run_key(run),
            UpdateExpression=expression,
            ConditionExpression="attribute_exists(pk)",
            ExpressionAttributeValues=values,
        )

    # Rows

    def rows(self, chunk: Chunk) -> dict[int, RowState]:
        """Return the rows of a chunk that a sender has touched, by number."""
        return self._rows(
            "pk = :rows AND begins_with(sk, :chunk)",
            {
                ":rows": {"S": _rows_key(chunk.run, chunk.identity, chunk.piece)},
                ":chunk": {"S": f"{chunk.number:07d}#"},
            },
        )

    def piece_rows(self, run: str, identity: str, piece: int) -> dict[int, RowState]:
        """Return the rows of a piece that a sender has touched, by number."""
        return self._rows("pk = :rows", {":rows": {"S": _rows_key(run, identity, piece)}})

    def _rows(self, condition: str, values: Mapping[str, Any]) -> dict[int, RowState]:
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression=condition,
            ExpressionAttributeValues=values,
            ConsistentRead=True,
        )
        return {int(item["sk"]["S"].rpartition("#")[2]): self._seen(item) for item in _items(pages)}

    def claim(self, chunk: Chunk, row: int, before: RowState | None) -> Claim:
        """Claim a row that is not sent and in no sender's hand; return the claim that it has now.

        The caller sends only what is its own. Another state is another sender's.
        """
        holder = uuid.uuid4().hex
        item = {
            **_row_key(chunk, row),
            "state": {"S": Status.CLAIMED},
            "holder": {"S": holder},
            "claimed_at": {"N": repr(self._clock())},
            "tries": {"N": str(before.tries if before else 0)},
            "expires_at": self._expiry(),
        }
        if before is not None and before.refused_since is not None:
            item["refused_since"] = {"N": repr(before.refused_since)}
        written = take(
            self._dynamodb,
            self._table,
            item,
            holder="holder",
            condition="attribute_not_exists(pk) OR #state = :waiting",
            names={"#state": "state"},
            values={":waiting": {"S": Status.WAITING}},
        )
        return Claim(written.own, self._seen(written.item))

    def record(self, chunk: Chunk, row: int, holder: str, state: RowState) -> None:
        """Write the outcome of the caller's own claim.

        A claim that was taken for a dead sender's in between has the same holder: the outcome,
        which is certain, replaces UNKNOWN.
        """
        values: dict[str, Any] = {":state": {"S": state.status}, ":tries": {"N": str(state.tries)}}
        expression = "SET #state = :state, tries = :tries"
        if state.message_id is not None:
            expression += ", message_id = :message_id"
            values[":message_id"] = {"S": state.message_id}
        if state.reason is not None:
            expression += ", reason = :reason"
            values[":reason"] = {"S": state.reason}
        if state.status is Status.WAITING:
            expression += ", not_before = :not_before"
            values[":not_before"] = {"N": repr(state.not_before)}
            if state.refused_since is not None:
                expression += ", refused_since = :since"
                values[":since"] = {"N": repr(state.refused_since)}
        write(
            self._dynamodb.update_item,
            {"holder": {"S": holder}, "state": {"S": state.status}},
            TableName=self._table,
            Key=_row_key(chunk, row),
            UpdateExpression=expression,
            ConditionExpression="holder = :holder",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={**values, ":holder": {"S": holder}},
        )

    def end_unsent(self, chunk: Chunk, row: int, reason: str) -> RowState:
        """End a row that is not in any sender's hand as FAILED; return the state that it has."""
        item = {
            **_row_key(chunk, row),
            "state": {"S": Status.FAILED},
            "holder": {"S": uuid.uuid4().hex},
            "reason": {"S": reason},
            "expires_at": self._expiry(),
        }
        written = take(
            self._dynamodb,
            self._table,
            item,
            holder="holder",
            condition="attribute_not_exists(pk) OR #state = :waiting",
            names={"#state": "state"},
            values={":waiting": {"S": Status.WAITING}},
        )
        return self._seen(written.item)

    def end_unknown(self, chunk: Chunk, row: int, state: RowState) -> RowState:
        """End a dead sender's claim as UNKNOWN; return the state that the row has."""
        reason = "The sender stopped while it sent the message: it may be sent."
        written = write(
            self._dynamodb.update_item,
            {"holder": {"S": state.holder}, "state": {"S": Status.UNKNOWN}},
            TableName=self._table,
            Key=_row_key(chunk, row),
            UpdateExpression="SET #state = :unknown, reason = :reason",
            ConditionExpression="#state = :claimed AND holder = :holder",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues={
                ":unknown": {"S": Status.UNKNOWN},
                ":reason": {"S": reason},
                ":claimed": {"S": Status.CLAIMED},
                ":holder": {"S": state.holder},
            },
        )
        if written.own:
            return RowState(Status.UNKNOWN, holder=state.holder, reason=reason)
        return self._seen(written.item)

    def is_dead(self, state: RowState) -> bool:
        """Check whether the sender of a claim cannot be alive any more."""
        return self.lease_left(state) <= 0

    def lease_left(self, state: RowState) -> float:
        return state.claimed_at + self._lease_seconds - self._clock()

    # Chunks

    def count(self, chunk: Chunk, counts: Mapping[Status, int]) -> None:
        """Write the counts of a chunk, in the place of the counts of an earlier delivery."""
        self._dynamodb.put_item(
            TableName=self._table,
            Item={
                "pk": {"S": f"chunks#{chunk.run}"},
                "sk": {"S": chunk.name},
                "counts": {"M": {str(k): {"N": str(n)} for k, n in counts.items() if n}},
                "expires_at": self._expiry(),
            },
        )

    def counts(self, run: str) -> dict[str, Counter[Status]]:
        """Return the counts of the chunks that a sender has worked off, by the chunk's name."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :chunks",
            ExpressionAttributeValues={":chunks": {"S": f"chunks#{run}"}},
            ConsistentRead=True,
        )
        return {
            item["sk"]["S"]: Counter(
                {Status(name): int(n["N"]) for name, n in item["counts"]["M"].items()}
            )
            for item in _items(pages)
        }

    def _seen(self, item: Mapping[str, Any]) -> RowState:
        since = item.get("refused_since")
        return RowState(
            status=Status(item["state"]["S"]),
            holder=item["holder"]["S"],
            claimed_at=float(item.get("claimed_at", {}).get("N", 0)),
            message_id=item.get("message_id", {}).get("S"),
            reason=item.get("reason", {}).get("S"),
            tries=int(item.get("tries", {}).get("N", 0)),
            refused_since=None if since is None else float(since["N"]),
            not_before=float(item.get("not_before", {}).get("N", 0)),
        )

    def _expiry(self) -> dict[str, str]:
        return {"N": str(int(self._clock()) + self._keep_seconds)}


def _items(pages: Any) -> Iterator[Mapping[str, Any]]:
    for page in pages:
        yield from page["Items"]


def _run_key(run: str) -> dict[str, Any]:
    return {"pk": {"S": f"run#{run}"}, "sk": {"S": "run"}}


def _rows_key(run: str, identity: str, piece: int) -> str:
    return f"rows#{run}#{identity}#{piece:06d}"


def _row_key(chunk: Chunk, row: int) -> dict[str, Any]:
    return {
        "pk": {"S": _rows_key(chunk.run, chunk.identity, chunk.piece)},
        "sk": {"S": f"{chunk.number:07d}#{row:08d}"},
    }


def _lane_item(lane: Lane) -> dict[str, Any]:
    numbers = (lane.rows, lane.rows_per_chunk, lane.chunks_per_piece)
    return {"L": [{"N": str(number)} for number in numbers]}


def _run(run: str, item: Mapping[str, Any]) -> Run:
    lanes = {
        key: Lane(key, *(int(number["N"]) for number in lane["L"]))
        for key, lane in item["lanes"]["M"].items()
    }
    return Run(
        run=run,
        execution=item["execution"]["S"],
        started=float(item["started"]["N"]),
        deadline=float(item["deadline"]["N"]),
        rows=int(item["rows"]["N"]),
        rejected=int(item["rejected"]["N"]),
        lanes=lanes,
        closed=item.get("closed", {}).get("BOOL", False),
        stopped=item.get("stopped", {}).get("BOOL", False),
    )
