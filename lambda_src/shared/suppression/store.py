"""The customer's table of addresses, and the table by which copies of feedback are known.

Addresses: key `address`; attributes are the members of `AddressRecord`, times as ISO 8601 in UTC
with milliseconds. Other attributes of a customer's item stay. Feedback: key `feedback_id` and
`address`; items expire after KEPT.
"""

import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.instants import iso
from shared.suppression.feedback import Feedback
from shared.suppression.record import AddressRecord, Reason
from shared.transient import ServiceUnavailable, error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Change", "Known", "SuppressionStore"]

KEPT = timedelta(days=60)
"""Longer than a message can wait in a queue and its dead-letter queue."""
KEYS_PER_READ = 100  # BatchGetItem takes no more
ACTIONS_PER_TRANSACTION = 100  # nor does TransactWriteItems
ATTEMPTS = 5

# Another function wrote the address at the same time: it has to be read again.
_OVERTAKEN = frozenset({"ConditionalCheckFailed", "TransactionConflict"})
_DONE, _LOST = "", "Overtaken"
_TIMES = ("first_seen", "last_seen", "suppressed_at")
_NUMBERS = ("hard_bounces", "soft_bounces", "complaints", "held_back", "revision")
_TEXTS = ("message_id", "feedback_id", "reason")


@dataclass(frozen=True, slots=True)
class Known:
    """Contents of the tables: addresses, and the (feedback id, address) pairs recorded before."""

    records: Mapping[str, AddressRecord]
    copies: frozenset[tuple[str, str]]


@dataclass(frozen=True, slots=True)
class Change:
    """New feedback about one address, and the record with it in; `record.revision` is the one
    that was read."""

    record: AddressRecord
    feedbacks: Sequence[Feedback]


class SuppressionStore:
    """Both tables."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        *,
        address_table: str,
        feedback_table: str,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._addresses = address_table
        self._feedbacks = feedback_table
        self._clock = clock
        self._sleep = sleep

    def read(self, wanted: Mapping[str, Iterable[Feedback]]) -> Known:
        """Read the records of addresses, and which of the feedback was recorded before.

        Raises:
            ServiceUnavailable: DynamoDB kept leaving keys unprocessed.
        """
        keys = [(self._addresses, {"address": {"S": address}}) for address in wanted]
        keys += [
            (self._feedbacks, {"feedback_id": {"S": feedback_id}, "address": {"S": address}})
            for address, feedbacks in wanted.items()
            for feedback_id in dict.fromkeys(feedback.feedback_id for feedback in feedbacks)
        ]
        records, copies = {}, set()
        for first in range(0, len(keys), KEYS_PER_READ):
            for table, item in self._batch_get(keys[first : first + KEYS_PER_READ]):
                address = item["address"]["S"]
                if table == self._feedbacks:
                    copies.add((item["feedback_id"]["S"], address))
                elif "first_seen" in item:
                    records[address] = record_of(item)
        return Known(records, frozenset(copies))

    def write(self, changes: Iterable[Change]) -> dict[str, str | None]:
        """Record each change completely or not at all.

        Returns:
            The addresses whose change was not recorded: None where another function wrote the
            address concurrently, an error code for all others.
        """
        refused: dict[str, str | None] = {}
        for group in _groups(changes):
            codes = [self._transact(group)]
            if codes != [_DONE] and len(group) > 1:
                # Nothing of it was written: one by one, so that each address fails alone.
                codes = [self._transact([change]) for change in group]
            for change, code in zip(group, codes, strict=False):
                if code != _DONE:
                    refused[change.record.address] = None if code == _LOST else code
        return refused

    def _transact(self, changes: Sequence[Change]) -> str:
        """Write changes in one transaction; why it was refused, if it was."""
        actions = [action for change in changes for action in self._actions(change)]
        try:
            self._dynamodb.transact_write_items(TransactItems=actions)
        except self._dynamodb.exceptions.TransactionCanceledException as error:
            reasons = error.response.get("CancellationReasons", [])
            codes = {reason.get("Code", "None") for reason in reasons} - {"None"}
            return _LOST if codes <= _OVERTAKEN else min(codes - _OVERTAKEN)
        except (ClientError, BotoCoreError) as error:
            return error_code(error)
        return _DONE

    def _actions(self, change: Change) -> Iterator[Any]:
        record = change.record
        values = item_of(record)
        names = {f"#{name}": name for name in values}
        expires = int(self._clock() + KEPT.total_seconds())
        unchanged = "#revision = :before" if record.revision else "attribute_not_exists(#revision)"
        values["revision"] = {"N": str(record.revision + 1)}
        before = {":before": {"N": str(record.revision)}} if record.revision else {}
        yield {
            "Update": {
                "TableName": self._addresses,
                "Key": {"address": {"S": record.address}},
                "UpdateExpression": "SET " + ", ".join(f"#{name} = :{name}" for name in values),
                "ConditionExpression": unchanged,
                "ExpressionAttributeNames": names,
                "ExpressionAttributeValues": {f":{n}": value for n, value in values.items()}
                | before,
            }
        }
        for feedback in change.feedbacks:
            yield {
                "Put": {
                    "TableName": self._feedbacks,
                    "Item": {
                        "feedback_id": {"S": feedback.feedback_id},
                        "address": {"S": record.address},
                        "kind": {"S": feedback.kind.value},
                        "message_id": {"S": feedback.message_id},
                        "occurred_at": {"S": iso(feedback.occurred_at)},
                        "expires_at": {"N": str(expires)},
                    },
                    "ConditionExpression": "attribute_not_exists(feedback_id)",
                }
            }

    def _batch_get(
        self, keys: Sequence[tuple[str, Mapping[str, Any]]]
    ) -> Iterator[tuple[str, Mapping[str, Any]]]:
        pending: Any = {}
        for table, key in keys:
            wanted = pending.setdefault(table, {"Keys": [], "ConsistentRead": True})
            wanted["Keys"].append(key)
        for attempt in range(ATTEMPTS):
            answer = self._dynamodb.batch_get_item(RequestItems=pending)
            for table, items in answer["Responses"].items():
                for item in items:
                    yield table, item
            pending = answer.get("UnprocessedKeys")
            if not pending:
                return
            self._sleep(0.1 * 2**attempt)
        raise ServiceUnavailable("DynamoDB left keys of the suppression tables unprocessed.")


def _groups(changes: Iterable[Change]) -> Iterator[list[Change]]:
    """Yield changes, as many at a time as one transaction takes."""
    group: list[Change] = []
    actions = 0
    for change in changes:
        needed = 1 + len(change.feedbacks)
        if group and actions + needed > ACTIONS_PER_TRANSACTION:
            yield group
            group, actions = [], 0
        group.append(change)
        actions += needed
    if group:
        yield group


def item_of(record: AddressRecord) -> dict[str, Any]:
    """Return the attributes of a record, without its key."""
    item: dict[str, Any] = {}
    for name in _TIMES:
        if (moment := getattr(record, name)) is not None:
            item[name] = {"S": iso(moment)}
    for name in _NUMBERS:
        item[name] = {"N": str(getattr(record, name))}
    for name in _TEXTS:
        if (text := getattr(record, name)) is not None:
            item[name] = {"S": str(text)}
    item["soft_bounce_times"] = {
        "M": {name: {"S": iso(at)} for name, at in record.soft_bounce_times.items()}
    }
    return item


def record_of(item: Mapping[str, Any]) -> AddressRecord:
    """Return the record that an item of the address table holds."""
    reason, suppressed_at = item.get("reason"), item.get("suppressed_at")
    times = item.get("soft_bounce_times", {}).get("M", {})
    numbers = {name: int(item[name]["N"]) if name in item else 0 for name in _NUMBERS}
    return AddressRecord(
        address=item["address"]["S"],
        first_seen=datetime.fromisoformat(item["first_seen"]["S"]),
        last_seen=datetime.fromisoformat(item["last_seen"]["S"]),
        message_id=item["message_id"]["S"],
        feedback_id=item["feedback_id"]["S"],
        reason=None if reason is None else Reason(reason["S"]),
        suppressed_at=None if suppressed_at is None else datetime.fromisoformat(suppressed_at["S"]),
        soft_bounce_times={name: datetime.fromisoformat(at["S"]) for name, at in times.items()},
        **numbers,
    )
