"""Records of work in progress: claims, their outcomes, and the totals.

Table: pk (S), sk (S), TTL attribute `expires_at`. Items, all below one scope (`run#…`, `import#…`,
`export#…`):

    pk=<scope>                  sk=unit#<unit>              one piece of work that was completed
    pk=<scope>                  sk=note#<unit>              what went wrong in it, for people
    pk=<scope>                  sk=owner                    the execution that may work on it
    pk=<scope>                  sk=part#<part>              counters of a part, the last try's
    pk=<scope>                  sk=count#<group>#<slot>     totals, spread over slots
    pk=<scope>#chunk#<chunk>    sk=chunk                    a chunk's claims and outcomes
    pk=cap#<app>#<endpoint>     sk=<counter>                messages an endpoint got

A unit's completion and its addition to the totals are one transaction, so a step that is run
again never counts twice.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from engagement_hub.store import dynamodb_client, error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

DAY_SECONDS = 24 * 60 * 60
_KEEP_SECONDS = 90 * DAY_SECONDS
_KEEP_CAP_SECONDS = 540 * DAY_SECONDS
_COUNTER_SLOTS = 16
_TRANSACTION_ATTEMPTS = 8
_NOTES_PER_UNIT = 100

_CONDITION_FAILED = "ConditionalCheckFailedException"

Outcome = dict[str, Any]


class ClaimLost(Exception):
    """Another invocation works on the same chunk and was faster; read the chunk again."""


class RunTableBusy(Exception):
    """The table kept conflicting; the step can be run again without harm."""


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """How far a chunk is: recipients 0 … claimed-1 may have been sent to.

    `outcomes` is keyed by the recipient's position. A claimed position without an outcome was
    being sent when its function ended: whether it went out cannot be known.
    """

    claimed: int = 0
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    done: bool = False


class RunStore:
    """Idempotency records, totals and message caps in RUNS_TABLE."""

    def __init__(
        self,
        table: str,
        client: DynamoDBClient | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._table = table
        self._client = client or dynamodb_client()
        self._clock = clock
        self._sleep = sleep

    # Units and totals

    def complete_once(
        self,
        scope: str,
        unit: str,
        counters: Mapping[str, Mapping[str, int]],
        *,
        notes: Sequence[str] = (),
    ) -> bool:
        """Mark a unit of work complete and add its counters by group; False when it already was.

        `notes` are texts for people (at most 100 are kept of one unit).
        """
        return self._complete(
            self._put_action(scope, f"unit#{unit}", {}, new=True),
            scope,
            unit,
            counters,
            notes,
        )

    def totals(self, scope: str) -> dict[str, dict[str, int]]:
        """Return the totals of a scope by group."""
        totals: dict[str, dict[str, int]] = {}
        for item in self._query(scope, "count#"):
            group = str(item["sk"]).split("#")[1]
            sums = totals.setdefault(group, {})
            for name, value in item.items():
                if name not in ("pk", "sk", "expires_at"):
                    sums[name] = sums.get(name, 0) + int(value)
        return totals

    def notes(self, scope: str, limit: int) -> list[str]:
        """Return the first `limit` notes of a scope, in the order of their units."""
        notes: list[str] = []
        for item in self._query(scope, "note#"):
            notes.extend(json.loads(str(item["notes"])))
            if len(notes) >= limit:
                break
        return notes[:limit]

    def own(self, scope: str, owner: str) -> bool:
        """Check whether the scope belongs to this owner; the first one to ask gets it."""
        return self._conditional(
            {"pk": scope, "sk": "owner"},
            "SET held_by = :owner, expires_at = :ttl",
            "attribute_not_exists(held_by) OR held_by = :owner",
            {":owner": owner, ":ttl": self._ttl()},
        )

    def put_part(self, scope: str, part: str, counters: Mapping[str, Mapping[str, int]]) -> None:
        """Keep the counters of a part of the work by group; a part done again replaces its own.

        For steps whose second try may find more or less than the first.
        """
        item: dict[str, str | int] = {
            "pk": scope,
            "sk": f"part#{part}",
            "expires_at": self._ttl(),
            "counters": json.dumps(counters),
        }
        self._client.put_item(TableName=self._table, Item=_wire(item))

    def parts(self, scope: str) -> dict[str, dict[str, int]]:
        """Return the sum over all parts of a scope by group."""
        sums: dict[str, dict[str, int]] = {}
        for item in self._query(scope, "part#"):
            for group, counters in json.loads(str(item["counters"])).items():
                own = sums.setdefault(group, {})
                for name, value in counters.items():
                    own[name] = own.get(name, 0) + int(value)
        return sums

    # Chunks

    def chunk(self, scope: str, chunk: str) -> ChunkRecord:
        """Read a chunk's record, strongly consistent; an unknown chunk is a fresh one."""
        answer = self._client.get_item(
            TableName=self._table, Key=_wire(_chunk_key(scope, chunk)), ConsistentRead=True
        )
        if "Item" not in answer:
            return ChunkRecord()
        item = _plain(answer["Item"])
        outcomes: dict[int, Outcome] = {}
        for name, value in item.items():
            if name.startswith("o"):
                outcomes.update({int(k): v for k, v in json.loads(str(value)).items()})
        return ChunkRecord(
            int(str(item.get("claimed", 0))), outcomes, str(item.get("state")) == "done"
        )

    def claim(
        self,
        scope: str,
        chunk: str,
        *,
        held: int,
        upto: int,
        outcomes: Mapping[int, Outcome] | None = None,
    ) -> None:
        """Claim positions `held` … `upto`-1, which are unclaimed; write outcomes as well.

        Raises:
            ClaimLost: the chunk's claims are not where the caller believes.
        """
        self._update_chunk(scope, chunk, outcomes, claim=(held, upto))

    def record(self, scope: str, chunk: str, outcomes: Mapping[int, Outcome]) -> None:
        """Write the outcomes of positions claimed earlier.

        Raises:
            ClaimLost: the chunk was finished concurrently, without these outcomes.
        """
        if outcomes:
            self._update_chunk(scope, chunk, outcomes, claim=None)

    def finish_chunk(
        self, scope: str, chunk: str, counters: Mapping[str, Mapping[str, int]]
    ) -> bool:
        """Mark a chunk done and add its counters by group; False when it already was done."""
        action = {
            "Update": {
                "TableName": self._table,
                "Key": _wire(_chunk_key(scope, chunk)),
                "UpdateExpression": "SET #state = :done, expires_at = :ttl",
                "ConditionExpression": "attribute_not_exists(#state) OR #state <> :done",
                "ExpressionAttributeNames": {"#state": "state"},
                "ExpressionAttributeValues": _wire({":done": "done", ":ttl": self._ttl()}),
            }
        }
        return self._complete(action, scope, chunk, counters, ())

    # Caps

    def take_daily(self, app_id: str, endpoint_id: str, counter: str, cap: int) -> bool:
        """Count one message against a cap per 24 hours; False when the cap is reached.

        The 24 hours start with the first message and start anew with the first one after them.
        """
        now = int(self._clock())
        key = _cap_key(app_id, endpoint_id, f"day#{counter}")
        values = {
            ":one": 1,
            ":cap": cap,
            ":since": now - DAY_SECONDS,
            ":ttl": now + 2 * DAY_SECONDS,
        }
        if self._conditional(
            key,
            "SET sent = sent + :one, expires_at = :ttl",
            "began > :since AND sent < :cap",
            values,
        ):
            return True
        return self._conditional(
            key,
            "SET sent = :one, began = :now, expires_at = :ttl",
            "attribute_not_exists(began) OR began <= :since",
            {name: values[name] for name in (":one", ":since", ":ttl")} | {":now": now},
        )

    def take_total(self, app_id: str, endpoint_id: str, counter: str, cap: int) -> bool:
        """Count one message against a cap permanently; return False when the cap is reached."""
        return self._conditional(
            _cap_key(app_id, endpoint_id, f"total#{counter}"),
            "ADD sent :one SET expires_at = :ttl",
            "attribute_not_exists(sent) OR sent < :cap",
            {":one": 1, ":cap": cap, ":ttl": int(self._clock()) + _KEEP_CAP_SECONDS},
        )

    # Inner parts

    def _ttl(self) -> int:
        return int(self._clock()) + _KEEP_SECONDS

    def _conditional(
        self, key: dict[str, str], update: str, condition: str, values: dict[str, Any]
    ) -> bool:
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_wire(key),
                UpdateExpression=update,
                ConditionExpression=condition,
                ExpressionAttributeValues=_wire(values),
            )
        except ClientError as error:
            if error_code(error) == _CONDITION_FAILED:
                return False
            raise
        return True

    def _update_chunk(
        self,
        scope: str,
        chunk: str,
        outcomes: Mapping[int, Outcome] | None,
        claim: tuple[int, int] | None,
    ) -> None:
        names = {"#state": "state"}
        values: dict[str, Any] = {":ttl": self._ttl(), ":done": "done"}
        sets = ["expires_at = :ttl"]
        condition = "(attribute_not_exists(#state) OR #state <> :done)"
        if claim is not None:
            held, upto = claim
            sets.append("claimed = :upto")
            values[":upto"] = upto
            if held:
                values[":held"] = held
                condition += " AND claimed = :held"
            else:
                condition += " AND attribute_not_exists(claimed)"
        if outcomes:
            sets.append("#outcomes = :outcomes")
            # One attribute per sub-batch: writers never overwrite each other.
            names["#outcomes"] = f"o{min(outcomes)}"
            values[":outcomes"] = json.dumps(
                {str(k): v for k, v in outcomes.items()}, separators=(",", ":")
            )
        try:
            self._client.update_item(
                TableName=self._table,
                Key=_wire(_chunk_key(scope, chunk)),
                UpdateExpression="SET " + ", ".join(sets),
                ConditionExpression=condition,
                ExpressionAttributeNames=names,
                ExpressionAttributeValues=_wire(values),
            )
        except ClientError as error:
            if error_code(error) != _CONDITION_FAILED:
                raise
            raise ClaimLost(f"Chunk {chunk} of {scope} is being worked on elsewhere.") from error

    def _put_action(
        self, pk: str, sk: str, attributes: Mapping[str, Any], *, new: bool
    ) -> dict[str, Any]:
        put: dict[str, Any] = {
            "TableName": self._table,
            "Item": _wire({"pk": pk, "sk": sk, "expires_at": self._ttl(), **attributes}),
        }
        if new:
            put["ConditionExpression"] = "attribute_not_exists(pk)"
        return {"Put": put}

    def _complete(
        self,
        mark: dict[str, Any],
        scope: str,
        unit: str,
        counters: Mapping[str, Mapping[str, int]],
        notes: Sequence[str],
    ) -> bool:
        """Run the marking action together with the additions; False when the mark was there."""
        slot = zlib.crc32(unit.encode()) % _COUNTER_SLOTS
        actions: list[Any] = [mark]
        for group, additions in counters.items():
            steps = {name: value for name, value in additions.items() if value}
            if steps:
                actions.append(self._addition(scope, f"count#{group}#{slot:02d}", steps))
        if notes:
            text = json.dumps(list(notes[:_NOTES_PER_UNIT]))
            actions.append(self._put_action(scope, f"note#{unit}", {"notes": text}, new=False))
        pause = 0.05
        for _ in range(_TRANSACTION_ATTEMPTS):
            try:
                self._client.transact_write_items(TransactItems=actions)
            except ClientError as error:
                if error_code(error) != "TransactionCanceledException":
                    raise
                reasons: Any = error.response.get("CancellationReasons") or [{}]
                if reasons[0].get("Code") == "ConditionalCheckFailed":
                    return False
                # Another unit added to the same slot at this moment.
                self._sleep(pause)
                pause = min(pause * 2, 1.0)
            else:
                return True
        raise RunTableBusy(f"The totals of {scope} could not be written.")

    def _addition(self, pk: str, sk: str, steps: Mapping[str, int]) -> dict[str, Any]:
        names = {f"#n{i}": name for i, name in enumerate(steps)}
        values: dict[str, Any] = {f":n{i}": value for i, value in enumerate(steps.values())}
        return {
            "Update": {
                "TableName": self._table,
                "Key": _wire({"pk": pk, "sk": sk}),
                "UpdateExpression": "ADD "
                + ", ".join(f"#n{i} :n{i}" for i in range(len(steps)))
                + " SET expires_at = :ttl",
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": _wire(values | {":ttl": self._ttl()}),
            }
        }

    def _query(self, pk: str, prefix: str) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = []
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND begins_with(sk, :prefix)",
            "ExpressionAttributeValues": _wire({":pk": pk, ":prefix": prefix}),
            "ConsistentRead": True,
        }
        while True:
            page = self._client.query(**request)
            items.extend(_plain(item) for item in page["Items"])
            if "LastEvaluatedKey" not in page:
                return items
            request["ExclusiveStartKey"] = page["LastEvaluatedKey"]


def _chunk_key(scope: str, chunk: str) -> dict[str, str]:
    return {"pk": f"{scope}#chunk#{chunk}", "sk": "chunk"}


def _cap_key(app_id: str, endpoint_id: str, counter: str) -> dict[str, str]:
    return {"pk": f"cap#{app_id}#{endpoint_id}", "sk": counter}


def _wire(values: Mapping[str, str | int]) -> dict[str, Any]:
    """Write values as DynamoDB types: this table holds texts and whole numbers only."""
    return {
        name: {"S": value} if isinstance(value, str) else {"N": str(value)}
        for name, value in values.items()
    }


def _plain(item: Mapping[str, Any]) -> dict[str, str | int]:
    return {name: value["S"] if "S" in value else int(value["N"]) for name, value in item.items()}
