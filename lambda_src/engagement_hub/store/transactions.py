"""Many small read-decide-write operations on one table, in few DynamoDB calls, losing no update.

An operation is a function of a `Draft`: it reads items, decides, and writes items. `run` applies a
list of them as if one after the other, and commits each atomically: all that one operation writes
goes into one transaction, together with the operations whose writes it has seen. Operations that
have nothing in common share transactions only to save calls.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.exceptions import ClientError

from engagement_hub.engagement.errors import EngagementError
from engagement_hub.store import (
    THROTTLED,
    Item,
    Key,
    attempts,
    batch_get,
    error_code,
    new_rev,
    waits_for_capacity,
)

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Draft", "Operation", "run", "stored_body"]

R = TypeVar("R")
R_co = TypeVar("R_co", covariant=True)

# DynamoDB allows 100 actions and 4 MB; the margin is for keys and attribute names.
_ACTIONS = 100
_BYTES = 3_500_000

# From this try on unrelated operations share no transaction: one contended item delays no other.
_ALONE_FROM_ATTEMPT = 2

# Reasons of a cancelled transaction. "None" is that of an action which was not the cause.
_LOST_RACE = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_NO_CAPACITY = frozenset({"ProvisionedThroughputExceeded", "ThrottlingError"})


class _Missing(Exception):
    """An operation needs items that have not been read yet."""

    def __init__(self, keys: set[Key]) -> None:
        super().__init__("more items are needed")
        self.keys = keys


@dataclass(frozen=True, slots=True)
class _Stored:
    rev: str | None  # None: the item is not there
    body: Any


class Draft:
    """The items that one operation reads, and the items that it wants written.

    Bodies are JSON values; None is an item that is not there. A body that was read is not to be
    changed in place.
    """

    def __init__(self, stored: Mapping[Key, _Stored], state: Mapping[Key, Any]) -> None:
        self._stored = stored
        self._state = state
        self.changes: dict[Key, Any] = {}
        self.touched: set[Key] = set()

    def need(self, keys: Iterable[Key]) -> None:
        """Say which items will be read, so that they come in one call."""
        missing = {key for key in keys if key not in self._stored}
        if missing:
            raise _Missing(missing)

    def get(self, key: Key) -> Any:
        """Return an item's body as the operations before and this one left it."""
        self.need([key])
        self.touched.add(key)
        if key in self.changes:
            return self.changes[key]
        if key in self._state:
            return self._state[key]
        return self._stored[key].body

    def put(self, key: Key, body: Any) -> None:
        """Write an item (it is read first, so that no change is overwritten unseen)."""
        self.need([key])
        self.touched.add(key)
        self.changes[key] = body

    def delete(self, key: Key) -> None:
        """Remove an item."""
        self.put(key, None)


@dataclass(frozen=True, slots=True)
class Operation(Generic[R_co]):
    """A decision on items, and the keys it is known to read before it is first tried."""

    apply: Callable[[Draft], R_co]
    reads: frozenset[Key] = field(default_factory=frozenset)


@dataclass(slots=True)
class _Plan(Generic[R]):
    """The outcome of applying operations to the items read, before anything is written."""

    results: dict[int, R | EngagementError]
    changes: dict[Key, Any]
    groups: list[tuple[list[int], list[Key]]]  # operations bound together, and what they write


def run(
    client: "DynamoDBClient",
    table: str,
    operations: Sequence[Operation[R]],
    *,
    what: str,
    all_or_nothing: bool = False,
) -> list[R | EngagementError]:
    """Apply operations in order and commit them.

    Args:
        what: names the contended data in the error, for example "The project's endpoints".
        all_or_nothing: raise the first refusal before anything is written, instead of
            returning refusals in the place of results.

    Raises:
        EngagementError: an operation was refused, with `all_or_nothing`.
        TooManyRequests: others changed the same items first, every time, or the table had no
            capacity for as long as the function waits (`store.patience`).
    """
    results: dict[int, R | EngagementError] = {}
    pending = dict(enumerate(operations))
    for attempt in attempts(what):
        lost = _try(client, table, pending, results, attempt=attempt, strict=all_or_nothing)
        if not lost:
            break
        pending = {index: pending[index] for index in sorted(lost)}
    return [results[index] for index in range(len(operations))]


def _try(
    client: "DynamoDBClient",
    table: str,
    pending: Mapping[int, Operation[R]],
    results: dict[int, R | EngagementError],
    *,
    attempt: int,
    strict: bool,
) -> set[int]:
    """Try once; return the operations that lost a race and are to be tried again."""
    plan, stored = _plan(client, table, pending, strict=strict)

    too_big = any(_actions_exceed(keys, plan.changes) for _, keys in plan.groups)
    if too_big and len(pending) > 1:
        return _try_halves(client, table, pending, results, attempt=attempt, strict=strict)

    results.update(plan.results)
    lost: set[int] = set()
    for members, keys in _pack(plan, alone=attempt >= _ALONE_FROM_ATTEMPT):
        if not _commit(client, table, [(key, plan.changes[key], stored[key]) for key in keys]):
            lost.update(members)
    return lost


def _try_halves(
    client: "DynamoDBClient",
    table: str,
    pending: Mapping[int, Operation[R]],
    results: dict[int, R | EngagementError],
    *,
    attempt: int,
    strict: bool,
) -> set[int]:
    """Commit operations too large for one transaction: first the earlier half, then the later."""
    indexes = list(pending)
    middle = len(indexes) // 2
    first = {index: pending[index] for index in indexes[:middle]}
    lost = _try(client, table, first, results, attempt=attempt, strict=strict)
    if lost:
        return lost | set(indexes[middle:])  # the order must hold, so the later ones wait
    rest = {index: pending[index] for index in indexes[middle:]}
    return _try(client, table, rest, results, attempt=attempt, strict=strict)


def _plan(
    client: "DynamoDBClient",
    table: str,
    pending: Mapping[int, Operation[R]],
    *,
    strict: bool,
) -> tuple[_Plan[R], dict[Key, _Stored]]:
    """Apply the operations to the stored items, reading until no item is missing."""
    stored: dict[Key, _Stored] = {}
    wanted: set[Key] = set().union(*(operation.reads for operation in pending.values()))
    while True:
        _read(client, table, wanted, stored)
        wanted = set()
        state: dict[Key, Any] = {}
        touched: dict[int, set[Key]] = {}
        results: dict[int, R | EngagementError] = {}
        refusal: EngagementError | None = None
        for index, operation in pending.items():
            draft = Draft(stored, state)
            try:
                results[index] = operation.apply(draft)
            except _Missing as missing:
                wanted |= missing.keys
                continue
            except EngagementError as error:
                refusal = refusal or error
                results[index] = error
            else:
                state.update(draft.changes)
            # A refusal too is valid only for the items that it has read: it is tried with them.
            touched[index] = draft.touched
        if not wanted:
            break
    if strict and refusal is not None:
        raise refusal
    return _Plan(results, state, _groups(touched, state)), stored


def _read(
    client: "DynamoDBClient",
    table: str,
    keys: Iterable[Key],
    into: dict[Key, _Stored],
) -> None:
    ordered = sorted(keys)
    # Consistent: "there is no such endpoint" and "the user is full" are answers without a write,
    # so no condition would find out that they were stale.
    found = batch_get(client, table, ordered, consistent=True)
    for key in ordered:
        item = found.get(key)
        into[key] = (
            _Stored(None, None) if item is None else _Stored(item["rev"]["N"], stored_body(item))
        )


def stored_body(item: Item) -> Any:
    """Return the body of an item as DynamoDB answers it."""
    return json.loads(item["body"]["S"])


def _groups(
    touched: Mapping[int, set[Key]], changes: Mapping[Key, Any]
) -> list[tuple[list[int], list[Key]]]:
    """Group operations that share a changed item, each group with its changed items."""
    parent = {index: index for index in touched}

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first_toucher: dict[Key, int] = {}
    for index, keys in touched.items():
        for key in keys:
            if key in changes:
                other = first_toucher.setdefault(key, index)
                parent[root(index)] = root(other)
    groups: dict[int, tuple[list[int], list[Key]]] = {}
    for index in touched:
        groups.setdefault(root(index), ([], []))[0].append(index)
    for key, index in first_toucher.items():
        groups[root(index)][1].append(key)
    return [group for group in groups.values() if group[1]]


def _actions_exceed(keys: Sequence[Key], changes: Mapping[Key, Any]) -> bool:
    return len(keys) > _ACTIONS or sum(_size(changes[key]) for key in keys) > _BYTES


def _pack(plan: _Plan[R], *, alone: bool) -> list[tuple[list[int], list[Key]]]:
    """Fill transactions with whole groups."""
    if alone:
        return plan.groups
    packed: list[tuple[list[int], list[Key]]] = []
    bytes_left = 0
    for members, keys in plan.groups:
        size = sum(_size(plan.changes[key]) for key in keys)
        if packed and len(packed[-1][1]) + len(keys) <= _ACTIONS and size <= bytes_left:
            packed[-1][0].extend(members)
            packed[-1][1].extend(keys)
        else:
            packed.append((list(members), list(keys)))
            bytes_left = _BYTES
        bytes_left -= size
    return packed


def _size(body: Any) -> int:
    return 0 if body is None else len(_text(body).encode())


def _text(body: Any) -> str:
    return json.dumps(body, ensure_ascii=False, separators=(",", ":"))


def _commit(
    client: "DynamoDBClient", table: str, writes: Sequence[tuple[Key, Any, _Stored]]
) -> bool:
    """Write all or nothing; return False when another writer was faster.

    Throttling is no race: the same transaction waits for capacity.
    """
    actions = [
        action
        for key, body, stored in writes
        if (action := _action(table, key, body, stored)) is not None
    ]
    if not actions:
        return True
    for _ in waits_for_capacity():
        try:
            client.transact_write_items(TransactItems=actions)
        except client.exceptions.TransactionCanceledException as error:
            reasons = {
                str(reason.get("Code", "None"))
                for reason in error.response.get("CancellationReasons", [])
            } - {"None"}
            if reasons and reasons <= _NO_CAPACITY:
                continue
            if reasons <= _LOST_RACE | _NO_CAPACITY:
                return False
            raise
        except ClientError as error:
            code = error_code(error)
            if code in THROTTLED:
                continue
            if code in {"TransactionInProgressException", "TransactionConflictException"}:
                return False
            raise
        else:
            break
    return True


def _action(table: str, key: Key, body: Any, stored: _Stored) -> Any | None:
    names: dict[str, Any] = {"TableName": table}
    if stored.rev is None:
        condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    else:
        condition = {
            "ConditionExpression": "rev = :read",
            "ExpressionAttributeValues": {":read": {"N": stored.rev}},
        }
    pk_sk = {"pk": {"S": key[0]}, "sk": {"S": key[1]}}
    if body is not None:
        item = {**pk_sk, "rev": {"N": new_rev()}, "body": {"S": _text(body)}}
        return {"Put": {**names, "Item": item, **condition}}
    if stored.rev is None:
        return None  # made and removed again within the same list
    return {"Delete": {**names, "Key": pk_sk, **condition}}
