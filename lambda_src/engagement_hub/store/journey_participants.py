"""The participants of journeys, and the work on them, in JOURNEYS_TABLE.

Table: pk (S), sk (S), TTL attribute `expires_at`, index `due` by `due_bucket` (S) with keys alone.

    pk <app>#<journey>#<shard>    sk endpoint#<id>      a participant; user#<id> for a user
    pk <app>#<journey>            sk pending#<name>     a bucket or run that has to be worked off
    pk <app>#<journey>#chunk#…    sk chunk              the work on a chunk of participants

A move of a participant is one conditional write: it names the number of the move before, and also
changes the bucket, so that there is no second item to lose. A participant is claimed before a
message is sent to it. One that is found claimed when its claim is over may have got the message,
and is never sent it again.

A move keeps its facts under the chunk that made it, until the totals of the chunk are written. So
the totals of a chunk can be worked out again after a crash, and count each move once.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any
from zlib import crc32

from engagement_hub.engagement.journey_walk import EventSeen, Place
from engagement_hub.store import Key, batch_delete, batch_get, dynamodb_client
from shared.claims import write

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = [
    "SHARDS",
    "Chunk",
    "Facts",
    "Participant",
    "ParticipantStore",
    "Stage",
    "journey_scope",
    "moved",
]

SHARDS = 32
INDEX = "due"
# Records of chunks: longer than an execution lasts.
_KEEP_CHUNK_SECONDS = 120 * 24 * 60 * 60
_DELETED_AT_ONCE = 500

# Facts of a move: run, activity ("-" for the journey), metric, and for a message its endpoint.
Facts = list[list[Any]]


class Stage(StrEnum):
    """Where a participant is: waiting for a bucket, claimed for a message, or out."""

    WAITING = "waiting"
    SENDING = "sending"
    LEFT = "left"


@dataclass(frozen=True, slots=True)
class Participant:
    """A participant of a journey. Times are epoch seconds; `due` is of the clock of the bucket.

    `step` counts the writes. `claimed_by` and `claimed_until` belong to SENDING, and `to` are the
    endpoints that get the message of the place. `again` are the endpoints of a message that the
    service did not take, after `tries` attempts.
    """

    id: str
    step: int = 0
    stage: Stage = Stage.LEFT
    visit: int = 0
    run: int = 0
    entered: float = 0
    place: Place | None = None
    bucket: str | None = None
    due: float = 0
    claimed_by: str = ""
    claimed_until: float = 0
    to: Sequence[str] = ()
    again: Sequence[str] = ()
    tries: int = 0
    moves: Mapping[str, Facts] = field(default_factory=dict)
    seen: Mapping[str, Sequence[EventSeen]] = field(default_factory=dict)

    def facts_of(self, chunk: str) -> Facts:
        return list(self.moves.get(chunk, ()))


@dataclass(frozen=True, slots=True)
class Chunk:
    """The answer to an invocation that asks for a chunk.

    `wait`: seconds for which another invocation may still work on it, 0 where it is free now.
    `tally` is there once the chunk is sealed.
    """

    wait: float = 0
    tally: Any = None
    done: bool = False


def journey_scope(app_id: str, journey_id: str, run: int | None = None) -> str:
    """Return the scope of the totals of a journey, or of one of its runs."""
    scope = f"{app_id}#{journey_id}#totals"
    return scope if run is None else f"{scope}#{run}"


class ParticipantStore:
    """Participants of all journeys of the hub."""

    def __init__(
        self,
        table: str,
        client: DynamoDBClient | None = None,
        *,
        clock: Callable[[], float],
    ) -> None:
        self._table = table
        self._client = client or dynamodb_client()
        self._clock = clock

    # Participants

    def get_many(self, app_id: str, journey_id: str, ids: Iterable[str]) -> dict[str, Participant]:
        """Return participants by id; one who never entered is new."""
        keys = {_key(app_id, journey_id, one): one for one in ids}
        found = batch_get(self._client, self._table, list(keys), consistent=True)
        return {
            one: _participant(one, found[key]) if key in found else Participant(one)
            for key, one in keys.items()
        }

    def move(
        self,
        app_id: str,
        journey_id: str,
        before: Participant,
        after: Participant,
        *,
        token: str,
    ) -> bool:
        """Write a participant in the place of `before`; False when it has moved since.

        Args:
            after: as it is to be, with the step after that of `before`.
            token: names the invocation, which makes a step once.
        """
        item = {**_item(app_id, journey_id, after), "moved_by": {"S": token}}
        request: dict[str, Any] = {"TableName": self._table, "Item": item}
        if before.step:
            request["ConditionExpression"] = "step = :before"
            request["ExpressionAttributeValues"] = {":before": {"N": str(before.step)}}
        else:
            request["ConditionExpression"] = "attribute_not_exists(pk)"
        mark = {name: item[name] for name in ("step", "moved_by")}
        return write(self._client.put_item, mark, **request).own

    def due(self, app_id: str, journey_id: str, bucket: str, shard: int) -> Iterator[str]:
        """Yield the ids of a bucket's participants in a shard; the index lags by a second or so."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "IndexName": INDEX,
            "KeyConditionExpression": "due_bucket = :bucket",
            "ExpressionAttributeValues": {
                ":bucket": {"S": _bucket_key(app_id, journey_id, bucket, shard)}
            },
        }
        for item in self._query(request):
            yield str(item["sk"]["S"])

    # Buckets and runs that have to be worked off

    def add_pending(self, app_id: str, journey_id: str, name: str) -> None:
        """Remember that a bucket or run has to be worked off."""
        self._client.put_item(
            TableName=self._table,
            Item={"pk": {"S": f"{app_id}#{journey_id}"}, "sk": {"S": f"pending#{name}"}},
        )

    def remove_pending(self, app_id: str, journey_id: str, name: str) -> None:
        """Forget a bucket or run that is worked off."""
        self._client.delete_item(
            TableName=self._table,
            Key={"pk": {"S": f"{app_id}#{journey_id}"}, "sk": {"S": f"pending#{name}"}},
        )

    def pending(self, app_id: str, journey_id: str, after: str = "") -> Iterator[str]:
        """Yield the names of buckets and runs that have to be worked off, after one of them."""
        request: dict[str, Any] = {
            "TableName": self._table,
            "KeyConditionExpression": "pk = :pk AND sk BETWEEN :first AND :last",
            "ExpressionAttributeValues": {
                ":pk": {"S": f"{app_id}#{journey_id}"},
                ":first": {"S": f"pending#{after}"},
                ":last": {"S": "pending$"},
            },
            "ConsistentRead": True,
        }
        for item in self._query(request):
            name = str(item["sk"]["S"]).removeprefix("pending#")
            if name != after:
                yield name

    # Chunks

    def hold_chunk(
        self, app_id: str, journey_id: str, chunk: str, *, token: str, until: float
    ) -> Chunk:
        """Take a chunk for one invocation, which is over at `until` (epoch seconds)."""
        now = self._clock()
        written = write(
            self._client.update_item,
            {"held_by": {"S": token}},
            TableName=self._table,
            Key=_chunk_key(app_id, journey_id, chunk),
            UpdateExpression="SET held_by = :token, held_until = :until, expires_at = :expires",
            ConditionExpression=(
                "attribute_not_exists(tally) AND "
                "(attribute_not_exists(held_until) OR held_until <= :now)"
            ),
            ExpressionAttributeValues={
                ":token": {"S": token},
                ":until": _number(until),
                ":now": _number(now),
                ":expires": {"N": str(int(now) + _KEEP_CHUNK_SECONDS)},
            },
        )
        if written.own:
            return Chunk()
        if "tally" in written.item:
            tally = json.loads(written.item["tally"]["S"])
            return Chunk(tally=tally, done="done" in written.item)
        return Chunk(wait=max(float(written.item["held_until"]["N"]) - now, 1))

    def release_chunk(self, app_id: str, journey_id: str, chunk: str, *, token: str) -> None:
        """Give a chunk back before the end of the invocation."""
        write(
            self._client.update_item,
            {"held_until": {"N": "0"}},
            TableName=self._table,
            Key=_chunk_key(app_id, journey_id, chunk),
            UpdateExpression="SET held_until = :zero",
            ConditionExpression="held_by = :token",
            ExpressionAttributeValues={":zero": {"N": "0"}, ":token": {"S": token}},
        )

    def seal_chunk(self, app_id: str, journey_id: str, chunk: str, tally: Any) -> Any:
        """Write the totals of a chunk once; return the totals that are written."""
        text = json.dumps(tally, separators=(",", ":"), sort_keys=True)
        written = write(
            self._client.update_item,
            {"tally": {"S": text}},
            TableName=self._table,
            Key=_chunk_key(app_id, journey_id, chunk),
            UpdateExpression="SET tally = :tally",
            ConditionExpression="attribute_not_exists(tally)",
            ExpressionAttributeValues={":tally": {"S": text}},
        )
        return tally if written.own else json.loads(written.item["tally"]["S"])

    def finish_chunk(self, app_id: str, journey_id: str, chunk: str) -> None:
        """Mark a sealed chunk whose totals are added."""
        self._client.update_item(
            TableName=self._table,
            Key=_chunk_key(app_id, journey_id, chunk),
            UpdateExpression="SET done = :done",
            ExpressionAttributeValues={":done": {"BOOL": True}},
        )

    def sealed(self, app_id: str, journey_id: str, chunks: Iterable[str]) -> set[str]:
        """Return the chunks whose totals are written."""
        keys: dict[Key, str] = {}
        for chunk in chunks:
            key = _chunk_key(app_id, journey_id, chunk)
            keys[key["pk"]["S"], key["sk"]["S"]] = chunk
        found = batch_get(self._client, self._table, list(keys), consistent=True)
        return {keys[key] for key, item in found.items() if "tally" in item}

    # Deletion

    def delete_journey(
        self, app_id: str, journey_id: str, runs: Iterable[int], between: Callable[[], None]
    ) -> None:
        """Remove the participants and totals of a journey; records of chunks expire.

        Args:
            between: called between batches. An exception of it ends the work; removed items stay
                removed.
        """
        partitions = [f"{app_id}#{journey_id}#{shard:02x}" for shard in range(SHARDS)]
        partitions.append(f"{app_id}#{journey_id}")
        partitions += [journey_scope(app_id, journey_id, run) for run in (None, *runs)]
        for pk in partitions:
            request: dict[str, Any] = {
                "TableName": self._table,
                "KeyConditionExpression": "pk = :pk",
                "ExpressionAttributeValues": {":pk": {"S": pk}},
                "ProjectionExpression": "pk, sk",
            }
            some: list[Key] = []
            for item in self._query(request):
                some.append((item["pk"]["S"], item["sk"]["S"]))
                if len(some) == _DELETED_AT_ONCE:
                    batch_delete(self._client, self._table, some)
                    some = []
                    between()
            batch_delete(self._client, self._table, some)
            between()

    def _query(self, request: dict[str, Any]) -> Iterator[Any]:
        while True:
            page = self._client.query(**request)
            yield from page["Items"]
            if "LastEvaluatedKey" not in page:
                return
            request = {**request, "ExclusiveStartKey": page["LastEvaluatedKey"]}


def moved(before: Participant, **changes: Any) -> Participant:
    """Return a participant after one more write, without the members of its claim."""
    cleared: dict[str, Any] = {
        "step": before.step + 1,
        "claimed_by": "",
        "claimed_until": 0,
        "to": (),
        "again": (),
        "tries": 0,
        "bucket": None,
    }
    return replace(before, **{**cleared, **changes})


def _shard(participant_id: str) -> int:
    return crc32(participant_id.encode()) % SHARDS


def _key(app_id: str, journey_id: str, participant_id: str) -> Key:
    return f"{app_id}#{journey_id}#{_shard(participant_id):02x}", participant_id


def _bucket_key(app_id: str, journey_id: str, bucket: str, shard: int) -> str:
    return f"{app_id}#{journey_id}#{bucket}#{shard:02x}"


def _chunk_key(app_id: str, journey_id: str, chunk: str) -> dict[str, Any]:
    return {"pk": {"S": f"{app_id}#{journey_id}#chunk#{chunk}"}, "sk": {"S": "chunk"}}


def _number(value: float) -> Any:
    return {"N": str(round(value, 3))}


def _item(app_id: str, journey_id: str, one: Participant) -> dict[str, Any]:
    pk, sk = _key(app_id, journey_id, one.id)
    item: dict[str, Any] = {
        "pk": {"S": pk},
        "sk": {"S": sk},
        "step": {"N": str(one.step)},
        "stage": {"S": one.stage.value},
        "visit": {"N": str(one.visit)},
        "run": {"N": str(one.run)},
        "entered": _number(one.entered),
    }
    if one.place is not None:
        item["activity"] = {"S": one.place.activity}
        item["waited"] = {"BOOL": one.place.waited}
    if one.bucket is not None:
        item["due_bucket"] = {"S": _bucket_key(app_id, journey_id, one.bucket, _shard(one.id))}
        item["due"] = _number(one.due)
    if one.stage is Stage.SENDING:
        item["claimed_by"] = {"S": one.claimed_by}
        item["claimed_until"] = _number(one.claimed_until)
        item["to"] = {"S": _packed(list(one.to))}
    if one.tries:
        item["again"] = {"S": _packed(list(one.again))}
        item["tries"] = {"N": str(one.tries)}
    if one.moves:
        item["moves"] = {"S": _packed(one.moves)}
    if one.seen:
        seen = {
            activity: [[event.type, event.attributes, event.metrics] for event in events]
            for activity, events in one.seen.items()
        }
        item["seen"] = {"S": _packed(seen)}
    return item


def _participant(participant_id: str, item: Mapping[str, Any]) -> Participant:
    place = None
    if "activity" in item:
        place = Place(item["activity"]["S"], item["waited"]["BOOL"])
    bucket = item["due_bucket"]["S"].split("#")[2] if "due_bucket" in item else None
    return Participant(
        id=participant_id,
        step=int(item["step"]["N"]),
        stage=Stage(item["stage"]["S"]),
        visit=int(item["visit"]["N"]),
        run=int(item["run"]["N"]),
        entered=float(item["entered"]["N"]),
        place=place,
        bucket=bucket,
        due=float(item["due"]["N"]) if "due" in item else 0,
        claimed_by=item["claimed_by"]["S"] if "claimed_by" in item else "",
        claimed_until=float(item["claimed_until"]["N"]) if "claimed_until" in item else 0,
        to=tuple(_unpacked(item, "to", [])),
        again=tuple(_unpacked(item, "again", [])),
        tries=int(item["tries"]["N"]) if "tries" in item else 0,
        moves=_unpacked(item, "moves", {}),
        seen={
            activity: [EventSeen(*event) for event in events]
            for activity, events in _unpacked(item, "seen", {}).items()
        },
    )


def _packed(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def _unpacked(item: Mapping[str, Any], name: str, default: Any) -> Any:
    return json.loads(item[name]["S"]) if name in item else default
