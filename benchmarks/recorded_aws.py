"""AWS in memory for the hub's workers: answers their calls and records the capacity of each.

The workers' own clients make the requests and parse the answers, so the CPU time of a step is real;
the time that the answers take here is subtracted. Conditions of writes are taken as met: steps run
one after the other. The capacity of a call follows the DynamoDB Developer Guide, "DynamoDB read and
write operations" and "Amazon DynamoDB Transactions: How it works".
"""

from __future__ import annotations

import gc
import io
import json
import math
import re
import threading
from collections import Counter, defaultdict
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from time import process_time, thread_time
from typing import Any, cast
from urllib.parse import parse_qs, unquote, urlsplit
from xml.sax.saxutils import escape

from botocore.awsrequest import AWSResponse, HeadersDict

_KB = 1024
_READ_UNIT_BYTES = 4 * _KB
_PAGE_BYTES = 1024 * _KB  # of a Query
_LISTED_KEYS = 1000

Item = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Call:
    """A request of a step: DynamoDB's units by partition key, and whether its thread was a pool's.

    `table` is empty for other services.
    """

    service: str
    operation: str
    table: str
    in_pool: bool
    reads: Mapping[str, float]
    writes: Mapping[str, float]
    items: int


@dataclass(frozen=True, slots=True)
class Step:
    """The calls of a step in the order of their requests, and its CPU time in seconds."""

    calls: list[Call]
    cpu_seconds: float


@dataclass(slots=True)
class RecordedAws:
    """Tables, objects by bucket/key, and the calls of the step under way."""

    tables: dict[str, dict[str, dict[str, Item]]] = field(
        default_factory=lambda: defaultdict(lambda: defaultdict(dict))
    )
    objects: dict[str, bytes] = field(default_factory=dict)
    calls: list[Call] = field(default_factory=list)
    _own_seconds: float = 0.0
    _sorted: dict[tuple[str, str], list[str]] = field(default_factory=dict)
    _lock: Any = field(default_factory=threading.Lock)

    def record(self, step: Callable[[], object]) -> Step:
        """Run a step of a worker; return its calls and the CPU time of its own code."""
        self.calls, self._own_seconds = [], 0.0
        gc.freeze()  # the garbage collector of a worker does not walk through these tables
        start = process_time()
        step()
        return Step(self.calls, process_time() - start - self._own_seconds)

    def answer(self, request: Any, event_name: str = "", **_: Any) -> AWSResponse:
        """Answer a request in the place of the network; a handler of `before-send`."""
        with self._lock:
            start = thread_time()
            service, operation = event_name.split(".")[1:]
            body = self._answer(service, operation, request)
            self._own_seconds += thread_time() - start
        headers = HeadersDict({"content-length": str(len(body))})
        return AWSResponse(request.url, 200, cast("Any", headers), cast("Any", _Body(body)))

    def _answer(self, service: str, operation: str, request: Any) -> bytes:
        if service == "s3":
            self._note(service, operation)
            return self._s3(operation, request)
        asked = json.loads(request.body)
        if service == "dynamodb":
            return json.dumps(getattr(self, f"_{operation.lower()}")(asked)).encode()
        self._note(service, operation, items=len(asked.get("Records", [])))
        if service == "kinesis":
            records = [{"ShardId": "0", "SequenceNumber": "1"} for _ in asked["Records"]]
            return json.dumps({"FailedRecordCount": 0, "Records": records}).encode()
        return json.dumps({"MessageId": "m" * 36}).encode()

    def _note(
        self,
        service: str,
        operation: str,
        table: str = "",
        reads: Mapping[str, float] | None = None,
        writes: Mapping[str, float] | None = None,
        items: int = 1,
    ) -> None:
        in_pool = threading.current_thread() is not threading.main_thread()
        self.calls.append(
            Call(service, operation, table, in_pool, reads or {}, writes or {}, items)
        )

    # S3

    def _s3(self, operation: str, request: Any) -> bytes:
        url = urlsplit(request.url)
        bucket = url.netloc.split(".")[0]
        key = bucket + unquote(url.path)
        match operation:
            case "PutObject":
                self.objects[key] = _content(request.body)
                return b""
            case "GetObject":
                return self.objects[key]
            case "ListObjectsV2":
                return self._listing(bucket, {k: v[0] for k, v in parse_qs(url.query).items()})
        raise ValueError(f"RecordedAws has no answer to {operation} of S3: add it.")

    def _listing(self, bucket: str, query: Mapping[str, str]) -> bytes:
        after = query.get("continuation-token", query.get("start-after", ""))
        prefix = f"{bucket}/{query.get('prefix', '')}"
        found = (key[len(bucket) + 1 :] for key in self.objects if key.startswith(prefix))
        keys = sorted(key for key in found if key > after)
        page, more = keys[:_LISTED_KEYS], len(keys) > _LISTED_KEYS
        token = f"<NextContinuationToken>{escape(page[-1])}</NextContinuationToken>" if more else ""
        rows = "".join(
            f"<Contents><Key>{escape(key)}</Key><ETag>e</ETag><Size>1</Size></Contents>"
            for key in page
        )
        truncated = str(more).lower()
        return (
            f"<ListBucketResult><IsTruncated>{truncated}</IsTruncated>{token}{rows}"
            "</ListBucketResult>"
        ).encode()

    # DynamoDB

    def _getitem(self, asked: Any) -> Any:
        table, (pk, sk) = asked["TableName"], _key(asked["Key"])
        item = self.tables[table][pk].get(sk)
        units = {pk: _read_units(_size(item), consistent=bool(asked.get("ConsistentRead")))}
        self._note("dynamodb", "GetItem", table, reads=units)
        return {} if item is None else {"Item": item}

    def _batchgetitem(self, asked: Any) -> Any:
        ((table, request),) = asked["RequestItems"].items()
        found, units = [], Counter[str]()
        for pk, sk in map(_key, request["Keys"]):
            item = self.tables[table][pk].get(sk)
            units[pk] += cast(
                "int", _read_units(_size(item), consistent=bool(request.get("ConsistentRead")))
            )
            if item is not None:
                found.append(item)
        self._note("dynamodb", "BatchGetItem", table, reads=units, items=len(request["Keys"]))
        return {"Responses": {table: found}, "UnprocessedKeys": {}}

    def _query(self, asked: Any) -> Any:
        table, values = asked["TableName"], asked["ExpressionAttributeValues"]
        pk, prefix = values[":pk"]["S"], values.get(":prefix", {"S": ""})["S"]
        start = asked.get("ExclusiveStartKey", {"sk": {"S": ""}})["sk"]["S"]
        items: list[Item] = []
        size, more = 0, False
        for sk in self._sort_keys(table, pk):
            if sk <= start or not sk.startswith(prefix):
                continue
            if len(items) == asked.get("Limit") or size > _PAGE_BYTES:
                more = True
                break
            items.append(self.tables[table][pk][sk])
            size += _size(items[-1])
        units = {pk: _read_units(size, consistent=bool(asked.get("ConsistentRead")))}
        self._note("dynamodb", "Query", table, reads=units, items=len(items))
        last = {"LastEvaluatedKey": {k: items[-1][k] for k in ("pk", "sk")}} if more else {}
        return {"Items": items, "Count": len(items), **last}

    def _sort_keys(self, table: str, pk: str) -> list[str]:
        if (table, pk) not in self._sorted:
            self._sorted[table, pk] = sorted(self.tables[table][pk])
        return self._sorted[table, pk]

    def _putitem(self, asked: Any) -> Any:
        units = self._put(asked["TableName"], asked["Item"])
        self._note("dynamodb", "PutItem", asked["TableName"], writes=units)
        return {}

    def _updateitem(self, asked: Any) -> Any:
        units = self._update(asked)
        self._note("dynamodb", "UpdateItem", asked["TableName"], writes=units)
        pk, sk = _key(asked["Key"])
        return {"Attributes": self.tables[asked["TableName"]][pk][sk]}

    def _transactwriteitems(self, asked: Any) -> Any:
        units, table = Counter[str](), ""
        for action in asked["TransactItems"]:
            ((kind, write),) = action.items()
            table = write["TableName"]
            if kind == "Put":
                written = self._put(table, write["Item"])
            else:
                written = self._update(write) if kind == "Update" else self._delete(write)
            units.update({pk: 2 * one for pk, one in written.items()})  # prepared, then committed
        many = len(asked["TransactItems"])
        self._note("dynamodb", "TransactWriteItems", table, writes=units, items=many)
        return {}

    def _batchwriteitem(self, asked: Any) -> Any:
        ((table, requests),) = asked["RequestItems"].items()
        units = Counter[str]()
        for request in requests:
            if "PutRequest" in request:
                units.update(self._put(table, request["PutRequest"]["Item"]))
            else:
                units.update(self._delete({"TableName": table, **request["DeleteRequest"]}))
        self._note("dynamodb", "BatchWriteItem", table, writes=units, items=len(requests))
        return {"UnprocessedItems": {}}

    def _put(self, table: str, item: Item) -> dict[str, int]:
        pk, sk = _key(item)
        if sk not in self.tables[table][pk]:
            self._sorted.pop((table, pk), None)
        self.tables[table][pk][sk] = item
        return {pk: _write_units(_size(item))}

    def _delete(self, asked: Any) -> dict[str, int]:
        pk, sk = _key(asked["Key"])
        self._sorted.pop((asked["TableName"], pk), None)
        return {pk: _write_units(_size(self.tables[asked["TableName"]][pk].pop(sk, None)))}

    def _update(self, asked: Any) -> dict[str, int]:
        pk, sk = _key(asked["Key"])
        item = {**self.tables[asked["TableName"]][pk].get(sk, asked["Key"])}
        names = asked.get("ExpressionAttributeNames", {})
        values = asked["ExpressionAttributeValues"]
        expression = asked["UpdateExpression"]
        for name, plus, value in re.findall(r"([#\w]+) =( [#\w]+ \+)? (:\w+)", expression):
            attribute = names.get(name, name)
            item[attribute] = _sum(item.get(attribute), values[value]) if plus else values[value]
        for name, value in re.findall(r"(#n\d+) (:n\d+)", expression):
            item[names[name]] = _sum(item.get(names[name]), values[value])
        return self._put(asked["TableName"], item)


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _content(body: Any) -> bytes:
    """Return the body of a PutObject, which botocore may send in chunks with a checksum."""
    raw: bytes = body if isinstance(body, bytes) else body.read()
    if isinstance(body, bytes | io.BytesIO):
        return raw
    content, rest = b"", raw
    while rest:
        size, _, rest = rest.partition(b"\r\n")
        length = int(size, 16)
        if not length:
            break
        content, rest = content + rest[:length], rest[length + 2 :]
    return content


def _key(item: Mapping[str, Any]) -> tuple[str, str]:
    return item["pk"]["S"], item["sk"]["S"]


def _sum(before: Any, added: Any) -> Item:
    return {"N": str(int((before or {"N": "0"})["N"]) + int(added["N"]))}


def _size(item: Mapping[str, Any] | None) -> int:
    """Return the bytes of an item: names, texts, and numbers at two digits a byte."""
    if item is None:
        return 0
    return sum(
        len(name.encode())
        + (len(value["S"].encode()) if "S" in value else len(str(value.get("N", ""))) // 2 + 1)
        for name, value in item.items()
    )


def _read_units(size: int, *, consistent: bool) -> float:
    return max(1, math.ceil(size / _READ_UNIT_BYTES)) * (1.0 if consistent else 0.5)


def _write_units(size: int) -> int:
    return max(1, math.ceil(size / _KB))
