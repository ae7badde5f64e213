"""Replay of an event database's error prefix: refused records go to Firehose once more.

Invoked by hand, with `{"Prefix": "errors/processing-failed/2026/11/23/"}` and, if wanted,
`"DryRun": true` and `"MaxObjects": 1000`. A record that was accepted twice has one `event_id`, so
a replay may be repeated.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from shared.event_rows.errors import BrokenErrorObject, refused_data
from shared.record_batches import batches, put_patiently, refused

if TYPE_CHECKING:
    from mypy_boto3_firehose import FirehoseClient
    from mypy_boto3_s3 import S3Client

BATCH_BYTES = 4 << 20  # PutRecordBatch takes no more than 4 MiB,
RECORD_BYTES = 1_024_000  # nor a record of more than 1,000 KiB
FIRST_PAUSE_SECONDS = 0.25  # doubled after each attempt
MAX_OBJECTS = 1_000


class InvalidReplay(Exception):
    """A replay's input is wrong; the message names the member, the rule and the way out."""


class NotAccepted(Exception):
    """Firehose refused records at every attempt; their error object stays where it is."""


@dataclass(frozen=True, slots=True)
class Request:
    """A request to replay. `max_objects` bounds one run; the answer says whether more is left."""

    prefix: str
    dry_run: bool
    max_objects: int

    @classmethod
    def of(cls, event: dict[str, Any], error_prefix: str) -> Request:
        """
        Raises:
            InvalidReplay: a member is missing, unknown or out of its range.
        """
        unknown = sorted(set(event) - {"Prefix", "DryRun", "MaxObjects"})
        if unknown:
            raise InvalidReplay(f"{unknown[0]} is unknown; use Prefix, DryRun and MaxObjects.")
        prefix = event.get("Prefix")
        if not isinstance(prefix, str) or not prefix.startswith(error_prefix):
            raise InvalidReplay(
                f"Prefix must begin with {error_prefix}, as in {error_prefix}processing-failed/."
            )
        dry_run = event.get("DryRun", False)
        if not isinstance(dry_run, bool):
            raise InvalidReplay("DryRun must be true or false.")
        most = event.get("MaxObjects", MAX_OBJECTS)
        if type(most) is not int or most < 1:
            raise InvalidReplay("MaxObjects must be a whole number of at least 1.")
        return cls(prefix, dry_run, most)


@dataclass(slots=True)
class Outcome:
    """The outcome of a replay.

    Attributes:
        objects: error objects of which all records were accepted; they are deleted.
        records: records that were accepted.
        broken: keys of objects that are no error objects; they stay.
        refused: keys of objects of which Firehose refused records to the last; they stay.
        more: whether objects are left that this run did not look at.
    """

    dry_run: bool
    objects: int = 0
    records: int = 0
    broken: list[str] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)
    more: bool = False

    def answer(self) -> dict[str, Any]:
        """Return the outcome under the names of the function's answer."""
        return {
            "DryRun": self.dry_run,
            "Objects": self.objects,
            "Records": self.records,
            "BrokenObjects": self.broken,
            "RefusedObjects": self.refused,
            "More": self.more,
        }


class Replay:
    """Reads error objects of one bucket and writes their records to one Firehose stream."""

    def __init__(
        self,
        s3: S3Client,
        firehose: FirehoseClient,
        *,
        bucket: str,
        stream: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._s3 = s3
        self._firehose = firehose
        self._bucket = bucket
        self._stream = stream
        self._sleep = sleep

    def run(self, request: Request, time_is_left: Callable[[], bool]) -> Outcome:
        """Replay objects in the order of their keys, until no object is left or the time is up.

        Args:
            time_is_left: asked before each object.

        Raises:
            ClientError: the bucket or the stream may not be read or written.
        """
        outcome = Outcome(request.dry_run)
        for number, key in enumerate(self._keys(request.prefix)):
            if number == request.max_objects or not time_is_left():
                outcome.more = True
                break
            body = self._s3.get_object(Bucket=self._bucket, Key=key)["Body"].read()
            try:
                records = refused_data(body)
                oversized = any(len(record) > RECORD_BYTES for record in records)
            except BrokenErrorObject:
                outcome.broken.append(key)
                continue
            if oversized:
                outcome.refused.append(key)
                continue
            if not request.dry_run:
                try:
                    for batch in batches(records, len, most_bytes=BATCH_BYTES):
                        self._put(batch)
                except NotAccepted:
                    outcome.refused.append(key)
                    continue
                self._s3.delete_object(Bucket=self._bucket, Key=key)
            outcome.objects += 1
            outcome.records += len(records)
        return outcome

    def _keys(self, prefix: str) -> Iterator[str]:
        pages = self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self._bucket, Prefix=prefix
        )
        for page in pages:
            for found in page.get("Contents", ()):
                yield found["Key"]

    def _put(self, records: Sequence[bytes]) -> None:
        """Put records until all are accepted.

        Raises:
            NotAccepted: some never were.
        """
        if put_patiently(
            self._put_once,
            records,
            first_pause_seconds=FIRST_PAUSE_SECONDS,
            sleep=self._sleep,
        ):
            raise NotAccepted

    def _put_once(self, records: list[bytes]) -> list[tuple[bytes, str]]:
        answer = self._firehose.put_record_batch(
            DeliveryStreamName=self._stream, Records=[{"Data": record} for record in records]
        )
        return refused(records, answer["RequestResponses"])
