"""What passes through a Firehose stream, and the JSON it writes about what it could not pass on."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

Json = dict[str, Any]

SERVICE = "firehose.amazonaws.com"
PROCESSING_FAILED, CONVERSION_FAILED = "processing-failed", "format-conversion-failed"


@dataclass(frozen=True)
class Record:
    """One record as a producer put it."""

    id: str
    data: bytes
    arrived: float  # approximate arrival, seconds since the epoch
    kinesis: Mapping[str, Any] | None = None  # the function's kinesisRecordMetadata

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass(frozen=True)
class Failure:
    """Why a record goes below the error prefix."""

    kind: str  # the prefix' error-output-type
    code: str
    message: str
    attempts: int = 1
    more: Mapping[str, Any] = field(default_factory=dict)  # lambdaArn; dataCatalogTable

    def line(self, record: Record) -> bytes:
        """The JSON line that Firehose writes for the record."""
        capital = self.kind == CONVERSION_FAILED  # its members begin with a capital letter
        document = {
            "attemptsMade": self.attempts,
            "arrivalTimestamp": int(record.arrived * 1000),
            "ErrorCode" if capital else "errorCode": self.code,
            "ErrorMessage" if capital else "errorMessage": self.message,
            "attemptEndingTimestamp": int(time.time() * 1000),
            "rawData": base64.b64encode(record.data).decode(),
            **self.more,
        }
        if capital:
            sequence = (record.kinesis or {}).get("sequenceNumber", record.id)
            document |= {"sequenceNumber": sequence, "subSequenceNumber": 0}
        return json.dumps(document).encode() + b"\n"


@dataclass(frozen=True)
class Outgoing:
    """A record on its way to S3: transformed, or failed."""

    record: Record
    data: bytes
    partition_keys: Mapping[str, str] = field(default_factory=dict)
    failure: Failure | None = None

    @property
    def size(self) -> int:
        return len(self.data)


@dataclass(frozen=True)
class S3Object:
    """An object that is complete but may not be written yet."""

    bucket: str
    key: str
    body: bytes
    records: int
    oldest: float  # arrival of its oldest record


class Refused(Exception):
    """AWS would not do it (now); ``code`` as in Firehose's error logs: ``S3.AccessDenied``."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


T = TypeVar("T", Record, Outgoing)


class Buffer(Generic[T]):
    """What waits for enough bytes or enough time. Not locked: its stream is."""

    def __init__(self) -> None:
        self._items: list[T] = []
        self._bytes = 0
        self._since = 0.0

    def __len__(self) -> int:
        return len(self._items)

    def add(self, items: list[T]) -> None:
        if items and not self._items:
            self._since = time.monotonic()
        self._items.extend(items)
        self._bytes += sum(item.size for item in items)

    def due_in(self, size: float, interval: float) -> float | None:
        """Seconds until it must be emptied: 0 when it must now, None when it holds nothing."""
        if not self._items:
            return None
        if self._bytes >= size:
            return 0
        return max(0.0, self._since + interval - time.monotonic())

    def take(self, size: float) -> list[list[T]]:
        """Everything, in batches of at most ``size`` bytes (and at least one item)."""
        batches: list[list[T]] = []
        room = 0.0
        for item in self._items:
            if not batches or item.size > room:
                batches.append([])
                room = size
            batches[-1].append(item)
            room -= item.size
        self._items, self._bytes = [], 0
        return batches

    def oldest(self, arrived: Callable[[T], float]) -> float | None:
        return min((arrived(item) for item in self._items), default=None)
