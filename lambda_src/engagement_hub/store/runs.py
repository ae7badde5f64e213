"""Records of work in progress: claims, their outcomes, and the totals.

Table: pk (S), sk (S), TTL attribute `expires_at`. Items, all below one scope (`run#…`, `import#…`,
`export#…`):

    pk=<scope>                  sk=unit#<unit>              one piece of work that was completed
    pk=<scope>                  sk=note#<unit>              what went wrong in it, for people
    pk=<scope>                  sk=owner                    the execution that may work on it
    pk=<scope>                  sk=part#<part>              counters of a part, the last try's
    pk=<scope>                  sk=count#<group>#<slot>     totals, spread over slots
    pk=<scope>#chunk#<chunk>    sk=chunk                    a chunk's claims and outcomes
    pk=<scope>#address#<hash>   sk=sent                     the line of a chunk that has the address
    pk=cap#<app>#<endpoint>     sk=<period>#<counter>       messages an endpoint got

A unit's completion and its addition to the totals are one transaction, so a step that is run
again never counts twice.

Claims and counts hold the token of their writer: by it `shared.claims` recognises a write whose
answer was lost, and does not take it for contention.
"""

from __future__ import annotations

import hashlib
import json
import time
import zlib
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from engagement_hub.engagement.eligibility import (
    DAY_SECONDS,
    Cap,
    Count,
    Period,
    counted,
    is_reached,
)
from engagement_hub.store import attempts, batch_get, dynamodb_client, error_code
from shared.claims import take, write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

_KEEP_SECONDS = 90 * DAY_SECONDS
_KEEP_CAP_SECONDS = {
    Period.DAY: 2 * DAY_SECONDS,
    Period.DAYS: 32 * DAY_SECONDS,
    Period.EVER: 540 * DAY_SECONDS,
}
_COUNTER_SLOTS = 16
_TRANSACTION_ATTEMPTS = 8
_NOTES_PER_UNIT = 100

Outcome = dict[str, Any]
_Values = Mapping[str, str | int]


class ClaimLost(Exception):
    """Another invocation works on the same chunk and was faster; read the chunk again."""


class RunTableBusy(Exception):
    """The table kept conflicting; the step can be run again without harm."""


@dataclass(frozen=True, slots=True)
class ChunkRecord:
    """How far a chunk is: recipients 0 … claimed-1 may have been sent to.

    `outcomes` is keyed by the recipient's position. A claimed position without an outcome is being
    sent by the invocation that claimed it, or was when that invocation ended: then the outcome
    cannot be known. The invocation is over at `claimed_until` (epoch seconds). `rounds` counts
    repeated attempts for recipients whom the sending service did not take.
    """

    claimed: int = 0
    outcomes: Mapping[int, Outcome] = field(default_factory=dict)
    done: bool = False
    claimed_until: int = 0
    rounds: int = 0


class RunStore:
    """Idempotency records, totals and message caps in RUNS_TABLE."""

    def __init__(
        self,
        table: str,
        client: DynamoDBClient | None = None,
        *,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        keep_totals_seconds: int = _KEEP_SECONDS,
    ) -> None:
        self._table = table
        self._client = client or dynamodb_client()
        self._clock = clock
        self._sleep = sleep
        self._keep_totals_seconds = keep_totals_seconds

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
        item: _Values = {"pk": scope, "sk": "owner", "held_by": owner, "expires_at": self._ttl()}
        return take(self._client, self._table, _wire(item), holder="held_by").own

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
        rounds = int(item.get("rounds", 0))
        outcomes: dict[int, Outcome] = {}
        claims = (name for name in item if name[0] == "o" and name[1:].isdecimal())
        # Later rounds overrule the outcome before them.
        for name in (*claims, *(f"round{number}" for number in range(1, rounds + 1))):
            outcomes.update({int(k): v for k, v in json.loads(str(item[name])).items()})
        return ChunkRecord(
            claimed=int(item.get("claimed", 0)),
            outcomes=outcomes,
            done=item.get("state") == "done",
            claimed_until=int(item.get("claimed_until", 0)),
            rounds=rounds,
        )

    def claim(
        self,
        scope: str,
        chunk: str,
        *,
        held: int,
        upto: int,
        token: str,
        until: int,
        outcomes: Mapping[int, Outcome] | None = None,
    ) -> None:
        """Claim positions `held` … `upto`-1, which are unclaimed; write outcomes as well.

        Args:
            token: names the invocation, which claims a range once.
            until: the end of the invocation at the latest, in epoch seconds.

        Raises:
            ClaimLost: the chunk's claims are not where the caller believes.
        """
        change = _Change()
        change.set("claimed", upto)
        change.set("claimed_until", until)
        change.set("claimed_by", token)
        change.add_outcomes(outcomes)
        if held:
            change.values[":held"] = held
            free = "claimed = :held"
        else:
            free = "attribute_not_exists(claimed)"
        mark: _Values = {"claimed": upto, "claimed_by": token}
        self._update_chunk(scope, chunk, change, free, mark)

    def claim_again(
        self,
        scope: str,
        chunk: str,
        *,
        round_number: int,
        positions: Iterable[int],
        token: str,
    ) -> None:
        """Claim positions for another attempt; until `record_round` their outcome is `UNKNOWN`.

        Raises:
            ClaimLost: another invocation began the round, or finished the chunk.
        """
        unknown: Outcome = {"status": "UNKNOWN"}
        change = _Change()
        change.set("rounds", round_number)
        change.set("claimed_by", token)
        change.set(f"round{round_number}", _packed(dict.fromkeys(positions, unknown)))
        if round_number > 1:
            change.values[":before"] = round_number - 1
            free = "rounds = :before"
        else:
            free = "attribute_not_exists(rounds)"
        mark: _Values = {"rounds": round_number, "claimed_by": token}
        self._update_chunk(scope, chunk, change, free, mark)

    def record(self, scope: str, chunk: str, outcomes: Mapping[int, Outcome]) -> None:
        """Write the outcomes of positions claimed earlier.

        Raises:
            ClaimLost: the chunk was finished concurrently, without these outcomes.
        """
        if outcomes:
            change = _Change()
            change.add_outcomes(outcomes)
            self._update_chunk(scope, chunk, change)

    def record_round(
        self, scope: str, chunk: str, round_number: int, outcomes: Mapping[int, Outcome]
    ) -> None:
        """Write the outcomes of all positions of a round.

        Raises:
            ClaimLost: the chunk was finished concurrently, without these outcomes.
        """
        change = _Change()
        change.set(f"round{round_number}", _packed(outcomes))
        self._update_chunk(scope, chunk, change)

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

    # Messages by recipient

    def take_address(self, scope: str, address: str, *, endpoint_id: str, line: str) -> str | None:
        """Reserve an address for one line of the run's chunks.

        Args:
            address: `eligibility.address_key` of the address.
            line: names the line; a line that has the address keeps it.

        Returns the id of the endpoint that has the address, or None when the line has it now.
        """
        there = self._write_unless(
            {"pk": f"{scope}#address#{_digest(address)}", "sk": "sent"},
            {"endpoint": endpoint_id, "taken_by": line, "expires_at": self._ttl()},
            "attribute_not_exists(pk)",
            {},
        )
        return None if there is None else str(there["endpoint"])

    def counts(
        self, app_id: str, endpoint_ids: Iterable[str], caps: Sequence[Cap]
    ) -> dict[str, dict[str, Count]]:
        """Return the messages of endpoints by endpoint id and `Cap.key`."""
        ids = list(endpoint_ids)
        keys = {
            (f"cap#{app_id}#{endpoint_id}", cap.key): endpoint_id
            for endpoint_id in ids
            for cap in caps
        }
        counts: dict[str, dict[str, Count]] = {endpoint_id: {} for endpoint_id in ids}
        if keys:
            found = batch_get(self._client, self._table, list(keys), consistent=True)
            for key, item in found.items():
                counts[keys[key]][key[1]] = _count(_plain(item))
        return counts

    def count_message(
        self,
        app_id: str,
        endpoint_id: str,
        cap: Cap,
        known: Count,
        *,
        now: datetime,
        line: str,
    ) -> bool:
        """Count one message against a cap; return False when the cap is reached.

        Args:
            known: the count as read earlier; a count that changed since is read again.
            line: names the message, which counts once.

        Raises:
            TooManyRequests: other runs changed the count first, every time.
        """
        key = {"pk": f"cap#{app_id}#{endpoint_id}", "sk": cap.key}
        for _ in attempts("The count of an endpoint's messages"):
            if is_reached(cap, known, now):
                return False
            after = counted([cap], {cap.key: known}, now)[cap.key]
            if known.messages:
                # An item of an earlier release has no `began` where the cap counts for ever.
                condition = "sent = :sent AND (began = :began OR attribute_not_exists(began))"
                values: dict[str, Any] = {":sent": known.messages, ":began": known.began}
            else:
                condition, values = "attribute_not_exists(sent)", {}
            there = self._write_unless(
                key,
                {
                    "sent": after.messages,
                    "began": after.began,
                    "taken_by": line,
                    "expires_at": int(self._clock()) + _KEEP_CAP_SECONDS[cap.period],
                },
                condition,
                values,
            )
            if there is None:
                return True
            known = _count(there)
        raise AssertionError("the attempts end with TooManyRequests")

    # Inner parts

    def _ttl(self) -> int:
        return int(self._clock()) + _KEEP_SECONDS

    def _write_unless(
        self,
        key: Mapping[str, str],
        attributes: Mapping[str, str | int],
        condition: str,
        values: Mapping[str, str | int],
    ) -> dict[str, str | int] | None:
        """Replace an item under a condition; return the item that is there instead, if any."""
        written = take(
            self._client,
            self._table,
            _wire({**key, **attributes}),
            holder="taken_by",
            condition=condition,
            values=_wire(values),
        )
        return None if written.own else _plain(written.item)

    def _update_chunk(
        self,
        scope: str,
        chunk: str,
        change: _Change,
        condition: str | None = None,
        mark: _Values | None = None,
    ) -> None:
        """Change a chunk that is not done, under a further condition with the mark of the change.

        Raises:
            ClaimLost: the condition does not hold, or another invocation has finished the chunk.
        """
        change.set("expires_at", self._ttl())
        not_done = "(attribute_not_exists(#state) OR #state <> :done)"
        written = write(
            self._client.update_item,
            _wire(mark or {}),
            TableName=self._table,
            Key=_wire(_chunk_key(scope, chunk)),
            UpdateExpression="SET " + ", ".join(change.assignments),
            ConditionExpression=not_done if condition is None else f"{not_done} AND {condition}",
            ExpressionAttributeNames={"#state": "state"},
            ExpressionAttributeValues=_wire({**change.values, ":done": "done"}),
        )
        if not written.own or written.item.get("state") == {"S": "done"}:
            raise ClaimLost(f"Chunk {chunk} of {scope} is being worked on elsewhere.")

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
                "ExpressionAttributeValues": _wire(
                    values | {":ttl": int(self._clock()) + self._keep_totals_seconds}
                ),
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


@dataclass(slots=True)
class _Change:
    """Assignments of an update, with their values."""

    assignments: list[str] = field(default_factory=list)
    values: dict[str, str | int] = field(default_factory=dict)

    def set(self, name: str, value: str | int) -> None:
        self.assignments.append(f"{name} = :{name}")
        self.values[f":{name}"] = value

    def add_outcomes(self, outcomes: Mapping[int, Outcome] | None) -> None:
        """Set the outcomes of a claim: an attribute for each claim, so that no write overwrites
        another one's."""
        if outcomes:
            self.set(f"o{min(outcomes)}", _packed(outcomes))


def _packed(outcomes: Mapping[int, Outcome]) -> str:
    return json.dumps({str(k): v for k, v in outcomes.items()}, separators=(",", ":"))


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _count(item: Mapping[str, str | int]) -> Count:
    return Count(int(item.get("sent", 0)), int(item.get("began", 0)))


def _chunk_key(scope: str, chunk: str) -> dict[str, str]:
    return {"pk": f"{scope}#chunk#{chunk}", "sk": "chunk"}


def _wire(values: Mapping[str, str | int]) -> dict[str, Any]:
    """Write values as DynamoDB types: this table holds texts and whole numbers only."""
    return {
        name: {"S": value} if isinstance(value, str) else {"N": str(value)}
        for name, value in values.items()
    }


def _plain(item: Mapping[str, Any]) -> dict[str, str | int]:
    return {name: value["S"] if "S" in value else int(value["N"]) for name, value in item.items()}
