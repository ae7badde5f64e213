"""The stored mapping: the copy of each journey, segment and template version of the source.

Items have the key `pk` = pair of source and target, `sk` = the source's resource. A copy's id is
written after the resource is created; before that, an attempt claims the item. A claim without an
id says that an attempt may be creating the copy, or ended before it knew the id.
"""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.claims import take

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["LEASE_SECONDS", "AnotherCopyUnderWay", "Copy", "Entry", "Mapping", "pair_of"]

# A creation ends within 34 s of its claim: the time-outs of the client that tries once.
LEASE_SECONDS = 40


class AnotherCopyUnderWay(RuntimeError):
    """Another attempt claimed a copy and may still create it. A later attempt sees the outcome."""


@dataclass(frozen=True, slots=True)
class Copy:
    """The copy of a resource: its id or name, and for a template its version."""

    target_id: str
    version: str | None = None


@dataclass(frozen=True, slots=True)
class Entry:
    """The item of a resource as an attempt saw it. Without item both members are None."""

    copy: Copy | None = None
    claimed_by: str | None = None


def pair_of(*parts: str) -> str:
    """Return the key of a pair of source and target."""
    return "pair#" + hashlib.sha256("\n".join(parts).encode()).hexdigest()[:32]


class Mapping:
    """The mapping of one pair of source and target."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table_name: str,
        pair: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._pair = pair
        self._clock = clock

    def look(self, resource: str) -> Entry:
        """Return the item of a resource.

        Raises:
            AnotherCopyUnderWay: another attempt claimed it less than 40 s ago.
        """
        answer = self._dynamodb.get_item(
            TableName=self._table_name, Key=self._key(resource), ConsistentRead=True
        )
        item = answer.get("Item", {})
        copy = _copy(item)
        if copy is not None or "claimed_by" not in item:
            return Entry(copy)
        if self._clock() - int(item["claimed_at"]["N"]) < LEASE_SECONDS:
            raise AnotherCopyUnderWay(f"Another attempt is creating the copy of {resource}.")
        return Entry(None, str(item["claimed_by"]["S"]))

    def copies(self, prefix: str) -> Iterator[tuple[str, Copy]]:
        """Yield each resource whose key has the prefix, with its copy."""
        pages = self._dynamodb.get_paginator("query").paginate(
            TableName=self._table_name,
            KeyConditionExpression="pk = :pair AND begins_with(sk, :prefix)",
            ExpressionAttributeValues={":pair": {"S": self._pair}, ":prefix": {"S": prefix}},
            ConsistentRead=True,
        )
        for page in pages:
            for item in page["Items"]:
                copy = _copy(item)
                if copy is not None:
                    yield str(item["sk"]["S"]), copy

    def claim(self, resource: str, seen: Entry) -> str:
        """Claim the creation of a copy, just before it. Returns the claim, for `release`.

        Args:
            seen: the item before the target was searched for an earlier attempt's work. If it has
                a copy, the target has lost it.

        Raises:
            AnotherCopyUnderWay: the item is another one by now.
        """
        holder = uuid.uuid4().hex
        condition, values = "attribute_not_exists(pk)", {}
        if seen.copy is not None:
            condition, values = "target_id = :seen", {":seen": {"S": seen.copy.target_id}}
        elif seen.claimed_by is not None:
            condition = "claimed_by = :seen AND attribute_not_exists(target_id)"
            values = {":seen": {"S": seen.claimed_by}}
        item = {
            **self._key(resource),
            "claimed_at": {"N": str(int(self._clock()))},
            "claimed_by": {"S": holder},
        }
        written = take(
            self._dynamodb,
            self._table_name,
            item,
            holder="claimed_by",
            condition=condition,
            values=values,
        )
        if not written.own:
            raise AnotherCopyUnderWay(f"Another attempt is creating the copy of {resource}.")
        return holder

    def release(self, resource: str, claim: str) -> None:
        """Give a claim back after a creation that certainly had no effect."""
        try:
            self._dynamodb.delete_item(
                TableName=self._table_name,
                Key=self._key(resource),
                ConditionExpression="claimed_by = :claim AND attribute_not_exists(target_id)",
                ExpressionAttributeValues={":claim": {"S": claim}},
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return  # the claim expired, and another attempt holds it

    def remember(self, resource: str, copy: Copy) -> None:
        """Write the copy of a resource."""
        item: dict[str, Any] = {**self._key(resource), "target_id": {"S": copy.target_id}}
        if copy.version is not None:
            item["target_version"] = {"S": copy.version}
        self._dynamodb.put_item(TableName=self._table_name, Item=item)

    def forget(self, resource: str) -> None:
        """Delete the item of a resource whose copy was deleted."""
        self._dynamodb.delete_item(TableName=self._table_name, Key=self._key(resource))

    def reserve_name(self, name: str, resource: str) -> bool:
        """Reserve the name of a copied journey; return whether the resource has it now.

        Journey names are not unique, so two journeys of the source can have one name.
        """
        return take(
            self._dynamodb,
            self._table_name,
            {**self._key(f"name#{name}"), "resource": {"S": resource}},
            holder="resource",
        ).own

    def _key(self, resource: str) -> dict[str, Any]:
        return {"pk": {"S": self._pair}, "sk": {"S": resource}}


def _copy(item: Any) -> Copy | None:
    if "target_id" not in item:
        return None
    version = item.get("target_version")
    return Copy(str(item["target_id"]["S"]), None if version is None else str(version["S"]))
