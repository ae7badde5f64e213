"""A DynamoDB table in memory, for the expressions that sms_s3_drop and shared.pacing write.

moto takes some 10 ms of a core for a call. tests/unit/sms_s3_drop/test_memory_table.py compares the
two.
"""

from __future__ import annotations

import re
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from copy import deepcopy
from typing import Any

from botocore.exceptions import ClientError

Item = dict[str, Any]
_COMPARED = re.compile(r"(\S+) (=|<|>) (\S+)")


class TransactionCanceledException(ClientError):
    pass


class _Exceptions:
    TransactionCanceledException = TransactionCanceledException


class MemoryTable:
    """The client of one table. `before` is called with the operation's name, and may raise."""

    exceptions = _Exceptions

    def __init__(self, before: Callable[[str], None] = lambda _: None) -> None:
        self.items: dict[tuple[str, str], Item] = {}
        self.calls: Counter[str] = Counter()
        self._before = before
        self._lock = threading.RLock()

    def get_item(self, *, Key: Item, **_: Any) -> Item:  # noqa: N803 - boto3's names
        self._begin("GetItem")
        with self._lock:
            item = self.items.get(_key(Key))
            return {} if item is None else {"Item": deepcopy(item)}

    def put_item(self, *, Item: dict[str, Any], **request: Any) -> dict[str, Any]:  # noqa: N803 - boto3's names
        self._begin("PutItem")
        with self._lock:
            self._check("PutItem", _key(Item), request)
            self.items[_key(Item)] = deepcopy(Item)
        return {}

    def delete_item(self, *, Key: Item, **request: Any) -> Item:  # noqa: N803 - boto3's names
        self._begin("DeleteItem")
        with self._lock:
            self._check("DeleteItem", _key(Key), request)
            self.items.pop(_key(Key), None)
        return {}

    def update_item(self, *, Key: Item, **request: Any) -> Item:  # noqa: N803 - boto3's names
        self._begin("UpdateItem")
        with self._lock:
            self._check("UpdateItem", _key(Key), request)
            return {"Attributes": deepcopy(self._update(Key, request))}

    def transact_write_items(self, *, TransactItems: list[Item]) -> Item:  # noqa: N803 - boto3's names
        self._begin("TransactWriteItems")
        with self._lock:
            for write in TransactItems:
                request = next(iter(write.values()))
                key = _key(request.get("Key") or request["Item"])
                if not self._holds(self.items.get(key), request):
                    raise TransactionCanceledException(
                        {"Error": {"Code": "TransactionCanceledException", "Message": ""}},
                        "TransactWriteItems",
                    )
            for write in TransactItems:
                ((kind, request),) = write.items()
                if kind == "Put":
                    self.items[_key(request["Item"])] = deepcopy(request["Item"])
                elif kind == "Delete":
                    self.items.pop(_key(request["Key"]), None)
                else:
                    self._update(request["Key"], request)
        return {}

    def query(self, *, ExpressionAttributeValues: Item, Limit: int = 10**9, **_: Any) -> Item:  # noqa: N803 - boto3's names
        self._begin("Query")
        # The second value of a condition is the beginning of the sort key.
        pk, start = [*(value["S"] for value in ExpressionAttributeValues.values()), ""][:2]
        with self._lock:
            found = sorted(key for key in self.items if key[0] == pk and key[1].startswith(start))
            found = found[:Limit]
            return {"Items": [deepcopy(self.items[key]) for key in found]}

    def get_paginator(self, operation: str) -> _Pages:
        assert operation == "query"
        return _Pages(self)

    def _begin(self, operation: str) -> None:
        self.calls[operation] += 1
        self._before(operation)

    def _check(self, operation: str, key: tuple[str, str], request: Mapping[str, Any]) -> None:
        there = self.items.get(key)
        if not self._holds(there, request):
            answer: Any = {"Error": {"Code": "ConditionalCheckFailedException", "Message": ""}}
            if there is not None and "ReturnValuesOnConditionCheckFailure" in request:
                answer["Item"] = deepcopy(there)
            raise ClientError(answer, operation)

    def _holds(self, item: Item | None, request: Mapping[str, Any]) -> bool:
        condition = request.get("ConditionExpression")
        if condition is None:
            return True
        names = request.get("ExpressionAttributeNames", {})
        values = request.get("ExpressionAttributeValues", {})
        return any(
            all(_term(item or {}, term, names, values) for term in _terms(option))
            for option in condition.split(" OR ")
        )

    def _update(self, key: Item, request: Mapping[str, Any]) -> Item:
        names = request.get("ExpressionAttributeNames", {})
        values = request["ExpressionAttributeValues"]
        item = self.items.setdefault(_key(key), deepcopy(key))
        before = dict(item)
        for clause in request["UpdateExpression"].removeprefix("SET ").split(", "):
            name, _, value = clause.partition(" = ")
            added = value.split(" + ")
            if len(added) == 2:
                total = int(before[names.get(added[0], added[0])]["N"]) + int(values[added[1]]["N"])
                item[names.get(name, name)] = {"N": str(total)}
            else:
                item[names.get(name, name)] = values[value]
        return item


class _Pages:
    def __init__(self, table: MemoryTable) -> None:
        self._table = table

    def paginate(self, **request: Any) -> Iterator[Item]:
        yield self._table.query(**request)


def _key(item: Item) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _terms(option: str) -> list[str]:
    return [option] if " BETWEEN " in option else option.split(" AND ")


def _term(item: Item, term: str, names: Mapping[str, str], values: Item) -> bool:
    if called := re.fullmatch(r"attribute_(not_)?exists\((\S+)\)", term):
        return (names.get(called[2], called[2]) in item) is not bool(called[1])
    if between := re.fullmatch(r"(\S+) BETWEEN (\S+) AND (\S+)", term):
        found = item.get(names.get(between[1], between[1]))
        if found is None:
            return False
        return bool(_value(values[between[2]]) <= _value(found) <= _value(values[between[3]]))
    compared = _COMPARED.fullmatch(term)
    assert compared is not None, term
    found = item.get(names.get(compared[1], compared[1]))
    if found is None:
        return False
    left, right = _value(found), _value(values[compared[3]])
    if compared[2] == "=":
        return bool(left == right)
    return bool(left < right) if compared[2] == "<" else bool(left > right)


def _value(value: Mapping[str, Any]) -> Any:
    ((kind, content),) = value.items()
    return float(content) if kind == "N" else content
