"""The two tables: rows by entity id, and conditional writes that hold whatever order they come in.

A row takes a state of its entity only from a later state. Two things tell which state is later:

- `revision`, the number of the change in a hub's announcement. It is exact.
- `state_order`, the version and the time of the last change, which every state has.

A row whose state came from an announcement has a revision, and the next announcement is compared by
it. A state that a reading of the API shows lacks a revision; the row then loses its revision.

A deletion is final: ids are never used again, so no write changes a row that is marked `deleted`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from campaign_journey_segment_db.changes import Announced
from campaign_journey_segment_db.entities import Entity, Kind, Row, row_of

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["NameTables"]

_to_dynamodb = TypeSerializer().serialize
_from_dynamodb = TypeDeserializer().deserialize

_LATER_ANNOUNCEMENT = (
    "attribute_not_exists(id) OR (deleted = :no AND ("
    "(attribute_exists(revision) AND revision < :revision)"
    # Tags change without a new version or time, so the same state counts as later.
    " OR (attribute_not_exists(revision) AND state_order <= :order)))"
)
_LATER_STATE = "attribute_not_exists(id) OR (deleted = :no AND state_order < :order)"
_SAME_STATE = "deleted = :no AND state_order = :order AND updated_at = :seen"
_NOT_DELETED = "attribute_not_exists(id) OR deleted = :no"


class NameTables:
    """The table of campaigns and journeys, and the table of segments."""

    def __init__(self, dynamodb: DynamoDBClient, *, campaigns: str, segments: str) -> None:
        self._dynamodb = dynamodb
        self._names = {
            Kind.CAMPAIGN: campaigns,
            Kind.JOURNEY: campaigns,
            Kind.SEGMENT: segments,
        }

    def record(self, change: Announced, *, now: str) -> bool:
        """Write an announced change; False: the row has a later state.

        A deletion writes the last name, also where no row is: the entity was created and deleted
        before its creation was recorded.
        """
        row = {**row_of(change.entity), "revision": change.revision}
        if change.deleted:
            return self._put(change.entity, row, _NOT_DELETED, now=now, deleted_at=change.at)
        return self._put(
            change.entity, row, _LATER_ANNOUNCEMENT, now=now, values={":revision": change.revision}
        )

    def observe(self, entity: Entity, seen: Row | None, *, now: str) -> bool:
        """Write the state that the API shows; False: the row has a later state, or has this one.

        Args:
            seen: the row as it was before the API was asked; None: there was no row.
        """
        if seen is None or seen.get("state_order", "") < entity.state_order:
            return self._put(entity, row_of(entity), _LATER_STATE, now=now)
        if seen["state_order"] > entity.state_order:
            return False
        # Tags change without a new version. The row is replaced if it is as it was seen.
        kept = {"revision": seen["revision"]} if "revision" in seen else {}
        row = {**row_of(entity), **kept}
        return self._put(entity, row, _SAME_STATE, now=now, values={":seen": seen["updated_at"]})

    def mark_deleted(self, kind: Kind, entity_id: str, *, now: str) -> bool:
        """Mark the row of an entity that the project does not have any more.

        False: it is marked already, or there is no row. No row without a name is written.
        """
        return self._conditionally(
            self._dynamodb.update_item,
            TableName=self._names[kind],
            Key={"id": {"S": entity_id}},
            UpdateExpression="SET deleted = :yes, deleted_at = :now, updated_at = :now",
            ConditionExpression="attribute_exists(id) AND deleted = :no",
            ExpressionAttributeValues={
                ":yes": {"BOOL": True},
                ":no": {"BOOL": False},
                ":now": {"S": now},
            },
        )

    def read(self, kind: Kind, entity_id: str) -> Row | None:
        """Return the row of an entity, or None."""
        answer = self._dynamodb.get_item(
            TableName=self._names[kind], Key={"id": {"S": entity_id}}, ConsistentRead=True
        )
        return _row(answer["Item"]) if "Item" in answer else None

    def rows(self, kind: Kind) -> Iterator[Row]:
        """Yield the rows of the kind's table: campaigns and journeys are in one."""
        start: dict[str, Any] = {}
        while True:
            page = self._dynamodb.scan(TableName=self._names[kind], ConsistentRead=True, **start)
            yield from map(_row, page["Items"])
            if "LastEvaluatedKey" not in page:
                return
            start = {"ExclusiveStartKey": page["LastEvaluatedKey"]}

    def _put(
        self,
        entity: Entity,
        row: Row,
        condition: str,
        *,
        now: str,
        values: Mapping[str, Any] | None = None,
        deleted_at: str | None = None,
    ) -> bool:
        order = entity.state_order
        whole = {**row, "state_order": order, "updated_at": now, "deleted": deleted_at is not None}
        if deleted_at is not None:
            whole["deleted_at"] = deleted_at
        compared = {":no": False, ":order": order, **(values or {})}
        return self._conditionally(
            self._dynamodb.put_item,
            TableName=self._names[entity.kind],
            Item={name: _to_dynamodb(value) for name, value in whole.items()},
            ConditionExpression=condition,
            ExpressionAttributeValues={
                name: _to_dynamodb(value) for name, value in compared.items() if name in condition
            },
        )

    @staticmethod
    def _conditionally(call: Any, **request: Any) -> bool:
        """Make a conditional write; False: the condition does not hold, also because an attempt
        whose answer was lost has written."""
        try:
            call(**request)
        except ClientError as error:
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise
            return False
        return True


def _row(item: Mapping[str, Any]) -> Row:
    row = {name: _from_dynamodb(value) for name, value in item.items()}
    for name in ("revision", "version"):
        if name in row:
            row[name] = int(row[name])  # a Decimal
    return row
