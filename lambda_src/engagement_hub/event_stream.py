"""Writes Pinpoint-format events to the stream a project registered."""

from __future__ import annotations

import json
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Protocol

from engagement_hub.customer_role import CustomerRoles
from engagement_hub.store.entities import Kind
from engagement_hub.store.names import EVENT_STREAM_ID
from shared.record_batches import ATTEMPTS, batches, put_patiently, refused

if TYPE_CHECKING:
    import boto3

# Firehose takes 4 MiB a call, the smaller of the two.
_BYTES_PER_CALL = 4 * 1024 * 1024 - 64 * 1024
_FIRST_PAUSE_SECONDS = 0.1


class EventsNotDelivered(Exception):
    """Some records were refused again and again; the text gives their number and the codes."""


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
    ) -> None:
        self._entities = entities
        self._roles = roles or CustomerRoles()
        self._sleep = sleep

    def publish(self, app_id: str, records: Sequence[Mapping[str, Any]]) -> int:
        """Write the records, one JSON object and a newline each; returns how many were written.

        Raises:
            EventsNotDelivered: records were still refused (throttled) after six attempts.
            RoleNotAssumable: the stream's role does not admit the hub.
            ClientError: the stream is gone or closed to the role.
        """
        if not records:
            return 0
        stream = self._entities.get(app_id, Kind.EVENT_STREAM, EVENT_STREAM_ID)
        if stream is None:
            return 0
        session = self._roles.session(stream["RoleArn"], app_id)
        put = _putter(session, stream["DestinationStreamArn"])
        lines = [
            (_partition_key(record), (json.dumps(record, separators=(",", ":")) + "\n").encode())
            for record in records
        ]
        for batch in batches(lines, _bytes_of, most_bytes=_BYTES_PER_CALL):
            self._put_all(put, batch)
        return len(lines)

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


_Line = tuple[str, bytes]  # partition key, JSON line
_Put = Callable[[list[_Line]], list[tuple[_Line, str]]]


def _partition_key(record: Mapping[str, Any]) -> str:
    client = record.get("client")
    client_id = client.get("client_id") if isinstance(client, Mapping) else None
    return str(client_id or uuid.uuid4())[:256]


def _bytes_of(line: _Line) -> int:
    key, data = line
    return len(key) + len(data)


def _putter(session: boto3.Session, stream_arn: str) -> _Put:
    """Return a function that writes a batch and returns refused lines with error codes."""
    _, _, service, region, _, resource = stream_arn.split(":", 5)
    name = resource.rsplit("/", 1)[-1]
    if service == "firehose":
        firehose = session.client("firehose", region_name=region)

        def put_firehose(batch: list[_Line]) -> list[tuple[_Line, str]]:
            answer = firehose.put_record_batch(
                DeliveryStreamName=name, Records=[{"Data": data} for _, data in batch]
            )
            return refused(batch, answer["RequestResponses"])

        return put_firehose
    kinesis = session.client("kinesis", region_name=region)

    def put_kinesis(batch: list[_Line]) -> list[tuple[_Line, str]]:
        answer = kinesis.put_records(
            StreamARN=stream_arn,
            Records=[{"Data": data, "PartitionKey": key} for key, data in batch],
        )
        return refused(batch, answer["Records"])

    return put_kinesis
