"""Writes Pinpoint-format events to the stream a project registered."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from engagement_hub.customer_role import CustomerRoles, RoleNotAssumable
from engagement_hub.store.entities import Kind
from engagement_hub.store.memory import ShortMemory
from engagement_hub.store.names import EVENT_STREAM_ID
from shared.record_batches import ATTEMPTS, batches, put_patiently, refused

# Firehose takes 4 MiB a call, the smaller of the two.
_BYTES_PER_CALL = 4 * 1024 * 1024 - 64 * 1024
_FIRST_PAUSE_SECONDS = 0.1
# Firehose takes records of 1,000 KiB, Kinesis of 1 MiB with the partition key.
LARGEST_LINE_BYTES = 1_000 * 1024
# An entity's partition answers some 3,000 reads a second; PutEvents is called more often.
_REMEMBERED_SECONDS = 5.0
# Shorter, because the events of a project without a stream are dropped.
_ABSENCE_REMEMBERED_SECONDS = 1.0
_REMEMBERED_PROJECTS = 512

Body = Mapping[str, Any]


class EventsNotDelivered(Exception):
    """Some records were refused again and again; the text gives their number and the codes."""


# The ends of a publication that failed: the stream, its role, or the way to them.
STREAM_FAILURES = (EventsNotDelivered, RoleNotAssumable, ClientError, BotoCoreError)


def line_of(record: Mapping[str, Any]) -> bytes:
    """Return a record as the stream gets it: one JSON object and a newline."""
    return (json.dumps(record, separators=(",", ":"), allow_nan=False) + "\n").encode()


class StreamEntities(Protocol):
    """The part of EntityStore that this module reads."""

    def get(self, app_id: str, kind: Kind, entity_id: str) -> dict[str, Any] | None: ...


class EventStream:
    """Puts events on the Kinesis stream or Firehose of a project, under the role it named.

    A project without an event stream swallows its events: that is what the API promises.
    Delivery is at least once and without order.
    """

    def __init__(
        self,
        entities: StreamEntities,
        *,
        roles: CustomerRoles | None = None,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._entities = entities
        self._roles = roles or CustomerRoles()
        self._sleep = sleep
        self._streams = ShortMemory[Body | None](
            seconds=_REMEMBERED_SECONDS, most=_REMEMBERED_PROJECTS, clock=clock
        )

    def publish(self, app_id: str, records: Sequence[Mapping[str, Any]]) -> int:
        """Write the records, one JSON object and a newline each; returns how many were written.

        Raises:
            EventsNotDelivered: records were still refused (throttled) after six attempts.
            RoleNotAssumable: the stream's role does not admit the hub.
            ClientError: the stream is gone or closed to the role.
            BotoCoreError: the stream did not answer in time.
        """
        if not records:
            return 0
        lines = [(_partition_key(record), line_of(record)) for record in records]
        stream = self._stream(app_id)
        if stream is None:
            return 0
        try:
            self._write(stream, app_id, lines)
        except STREAM_FAILURES:
            self._streams.forget(app_id)
            current = self._stream(app_id)
            if current == stream:
                raise
            if current is None:
                return 0
            # The project has another stream since this container read it.
            self._write(current, app_id, lines)
        return len(lines)

    def check(self, stream: Body, app_id: str, record: Mapping[str, Any]) -> None:
        """Write one record to a stream that is not registered yet.

        Raises:
            EventsNotDelivered, RoleNotAssumable, ClientError, BotoCoreError: as `publish`.
        """
        self._write(stream, app_id, [(_partition_key(record), line_of(record))])

    def forget(self, app_id: str) -> None:
        """Read the project's stream anew for the next records: it has changed."""
        self._streams.forget(app_id)

    def _stream(self, app_id: str) -> Body | None:
        def read() -> Body | None:
            return self._entities.get(app_id, Kind.EVENT_STREAM, EVENT_STREAM_ID)

        stream = self._streams.get(app_id, read)
        if stream is None:
            stream = self._streams.get(app_id, read, seconds=_ABSENCE_REMEMBERED_SECONDS)
        return stream

    def _write(self, stream: Body, app_id: str, lines: list[_Line]) -> None:
        put = self._putter(stream["RoleArn"], app_id, stream["DestinationStreamArn"])
        for batch in batches(lines, _bytes_of, most_bytes=_BYTES_PER_CALL):
            self._put_all(put, batch)

    def _put_all(self, put: _Put, batch: list[_Line]) -> None:
        left = put_patiently(
            put, batch, first_pause_seconds=_FIRST_PAUSE_SECONDS, sleep=self._sleep
        )
        if left:
            codes = ", ".join(sorted({code for _, code in left}))
            raise EventsNotDelivered(
                f"{len(left)} of the events were refused {ATTEMPTS} times by the event stream "
                f"({codes}). Give the stream more capacity."
            )

    def _putter(self, role_arn: str, app_id: str, stream_arn: str) -> _Put:
        """Return a function that writes a batch and returns refused lines with error codes."""
        _, _, service, region, _, resource = stream_arn.split(":", 5)
        client = self._roles.client(role_arn, app_id, service, region)
        if service == "firehose":
            name = resource.rsplit("/", 1)[-1]

            def put_firehose(batch: list[_Line]) -> list[tuple[_Line, str]]:
                answer = client.put_record_batch(
                    DeliveryStreamName=name, Records=[{"Data": data} for _, data in batch]
                )
                return refused(batch, answer["RequestResponses"])

            return put_firehose

        def put_kinesis(batch: list[_Line]) -> list[tuple[_Line, str]]:
            answer = client.put_records(
                StreamARN=stream_arn,
                Records=[{"Data": data, "PartitionKey": key} for key, data in batch],
            )
            return refused(batch, answer["Records"])

        return put_kinesis


_Line = tuple[str, bytes]  # partition key, JSON line
_Put = Callable[[list[_Line]], list[tuple[_Line, str]]]


def _partition_key(record: Mapping[str, Any]) -> str:
    client = record.get("client")
    client_id = client.get("client_id") if isinstance(client, Mapping) else None
    return str(client_id or uuid.uuid4())[:256]


def _bytes_of(line: _Line) -> int:
    key, data = line
    return len(key) + len(data)
