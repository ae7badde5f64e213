"""One Firehose stream at work: a thread that reads, transforms, converts and delivers.

Whatever AWS would ask for permission is asked here too, with the stream's role: objects are
written by signed requests of it, so that bucket policies and keys count as well. What cannot be
delivered stays and is tried again; the server's log says why.
"""

from __future__ import annotations

import contextvars
import json
import logging
import math
import threading
import time
from collections.abc import Iterator
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError
from ministack.core.responses import get_account_id, get_region
from ministack.services import cloudwatch, cloudwatch_logs

from local_aws.patches.firehose.objects import ObjectMaker, require
from local_aws.patches.firehose.processing import Processor, result_of
from local_aws.patches.firehose.records import (
    PROCESSING_FAILED,
    Buffer,
    Failure,
    Outgoing,
    Record,
    Refused,
    S3Object,
)
from local_aws.patches.firehose.source import Source
from local_aws.patches.service_access import role_allows, role_client

REQUIRED = (
    "ministack.core.responses.get_account_id",
    "ministack.core.responses.get_region",
    "ministack.services.cloudwatch._evaluate_all_alarms",
    "ministack.services.cloudwatch.record_metric",
    "ministack.services.cloudwatch_logs._put_log_events",
)

logger = logging.getLogger("local_aws.firehose")

Json = dict[str, Any]
MIB = 1024 * 1024
# Shorter than any interval AWS keeps; it only lets the records of one PutRecordBatch go together.
SHORTEST_INTERVAL = 0.1
RETRY_SECONDS, LONGEST_RETRY = 1.0, 15.0
INVOCATION_RETRY_SECONDS = 0.3
# "Grant Firehose access to an Amazon S3 destination", without s3:GetObject: nothing is read.
OBJECT_ACTIONS = ("s3:PutObject", "s3:AbortMultipartUpload")
BUCKET_ACTIONS = ("s3:GetBucketLocation", "s3:ListBucket", "s3:ListBucketMultipartUploads")


class Stream:
    """The work behind one delivery stream; ``description`` is ministack's record of it."""

    def __init__(self, description: Json) -> None:
        self.description = description
        self._changed = threading.Condition()
        self._incoming: Buffer[Record] = Buffer()
        self._outgoing: Buffer[Outgoing] = Buffer()
        self._backup: Buffer[Outgoing] = Buffer()
        self._unwritten: list[S3Object] = []
        self._retry_at, self._retry_after = 0.0, RETRY_SECONDS
        self._source = Source(description) if description.get("kinesis_source") else None
        self._taken = self._taken_bytes = 0  # since the metrics were last told
        self._ending = self._dropped = False
        context = contextvars.copy_context()  # account and region
        self._thread = threading.Thread(
            target=context.run,
            args=(self._work,),
            name=f"firehose-{description['name']}",
            daemon=True,
        )
        self._thread.start()

    # -- what others call ------------------------------------------------------------------

    def put(self, records: list[Record]) -> None:
        """Take records; returns at once."""
        with self._changed:
            first = not len(self._incoming)
            self._incoming.add(records)
            self._taken += len(records)
            self._taken_bytes += sum(record.size for record in records)
            # Otherwise the thread knows already when to wake up.
            if first or self._incoming.due_in(*self._processing_hints()) == 0:
                self._changed.notify()

    def look(self) -> None:
        """There is something to read in the source stream."""
        with self._changed:
            if self._source:
                self._source.waiting = True
            self._changed.notify()

    def finish(self) -> None:
        """Deliver all that is buffered, once, and end."""
        with self._changed:
            self._ending = True
            self._changed.notify()
        self._thread.join(60)

    def drop(self) -> None:
        """End without delivering."""
        with self._changed:
            self._ending = self._dropped = True
            self._changed.notify()

    # -- the thread ------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._changed:
                self._tell_taken()
                while not self._ending and (wait := self._wait_seconds()) != 0:
                    self._changed.wait(wait)
                    self._tell_taken()
                last = self._ending
                if self._dropped:
                    return
            try:
                self._step(everything=last)
            except Exception:  # a defect here must not end the stream silently
                logger.exception("%s", self.description["arn"])
                time.sleep(RETRY_SECONDS)
            if last:
                self._report_lost()
                return

    def _wait_seconds(self) -> float | None:
        """Until the next thing to do; None when only news can change anything."""
        waits = [
            self._incoming.due_in(*self._processing_hints()),
            self._outgoing.due_in(*self._destination_hints()),
            self._backup.due_in(*self._backup_hints()),
        ]
        pause = max(0.0, self._retry_at - time.monotonic())
        # A refused delivery makes the next ones wait as well; transforming goes on.
        waits[1:] = [None if wait is None else max(wait, pause) for wait in waits[1:]]
        if self._unwritten:
            waits.append(pause)
        if self._source and self._source.waiting:
            waits.append(max(0.0, self._source.retry_at - time.monotonic()))
        return min((wait for wait in waits if wait is not None), default=None)

    def _step(self, everything: bool) -> None:
        if self._source and self._source.waiting:
            self._read_source(self._source)
        self._transform(everything)
        if everything or time.monotonic() >= self._retry_at:
            self._deliver(everything)

    def _read_source(self, source: Source) -> None:
        try:
            records = source.read(self.description["arn"])
        except Refused as refused:
            self._log_error(refused, "cannot read its source stream")
            return
        self._count("DataReadFromKinesisStream.Records", len(records))
        size = sum(record.size for record in records)
        self._count("DataReadFromKinesisStream.Bytes", size, "Bytes")
        with self._changed:
            self._incoming.add(records)

    def _transform(self, everything: bool) -> None:
        hints = self._processing_hints()
        with self._changed:
            if not everything and self._incoming.due_in(*hints) != 0:
                return
            batches = self._incoming.take(hints[0])
        for batch in batches:
            if self._config.get("S3BackupMode") == "Enabled":
                with self._changed:
                    self._backup.add([Outgoing(record, record.data) for record in batch])
            done = list(self._transformed(batch))
            with self._changed:
                self._outgoing.add(done)

    # -- configuration ---------------------------------------------------------------------

    @property
    def _config(self) -> Json:
        destinations = self.description["destinations"]
        return (destinations[0].get("config") or {}) if destinations else {}

    def _processors(self, kind: str) -> Iterator[dict[str, str]]:
        """The parameters of each processor of a kind."""
        processing = self._config.get("ProcessingConfiguration") or {}
        if processing.get("Enabled"):
            for processor in processing.get("Processors") or []:
                if processor.get("Type") == kind:
                    yield {
                        parameter["ParameterName"]: parameter["ParameterValue"]
                        for parameter in processor.get("Parameters") or []
                    }

    def _processing_hints(self) -> tuple[float, float]:
        parameters = next(self._processors("Lambda"), None)
        if parameters is None:
            return math.inf, 0  # straight to the destination's buffer
        size = float(parameters.get("BufferSizeInMBs", 1))
        interval = float(parameters.get("BufferIntervalInSeconds", 60))
        return size * MIB, max(interval, SHORTEST_INTERVAL)

    def _destination_hints(self) -> tuple[float, float]:
        return _hints(self._config)

    def _backup_hints(self) -> tuple[float, float]:
        return _hints(self._config.get("S3BackupConfiguration") or {})

    # -- the function ----------------------------------------------------------------------

    def _transformed(self, batch: list[Record]) -> Iterator[Outgoing]:
        parameters = next(self._processors("Lambda"), None)
        if parameters is None:
            yield from (Outgoing(record, record.data) for record in batch)
            return
        function = parameters["LambdaArn"]
        attempts = int(parameters.get("NumberOfRetries", 3)) + 1
        processor = Processor(
            function,
            parameters.get("RoleArn") or self._config.get("RoleARN", ""),
            self.description["arn"],
            self._source.arn if self._source else "",
        )
        error = Refused("", "")
        for attempt in range(1, attempts + 1):
            started = time.monotonic()
            try:
                results = processor.invoke(batch)
            except Exception as problem:  # a defect here must lose no record
                refused = error = _as_refused(problem, "Lambda")
                self._measure("ExecuteProcessing.Success", 0)
                self._log_error(refused, f"invocation {attempt} of {attempts} failed")
                if attempt < attempts:
                    time.sleep(INVOCATION_RETRY_SECONDS * 2**attempt)
                continue
            self._measure("ExecuteProcessing.Success", 1)
            elapsed = (time.monotonic() - started) * 1000
            self._measure("ExecuteProcessing.Duration", elapsed, "Milliseconds")
            done = [
                outgoing
                for record in batch
                if (outgoing := result_of(record, results.get(record.id), function)) is not None
            ]
            processed = len(batch) - sum(1 for outgoing in done if outgoing.failure)
            self._count("SucceedProcessing.Records", processed)
            yield from done
            return
        failure = Failure(
            PROCESSING_FAILED, error.code, str(error), attempts, {"lambdaArn": function}
        )
        yield from (Outgoing(record, record.data, failure=failure) for record in batch)

    # -- delivery --------------------------------------------------------------------------

    def _deliver(self, everything: bool) -> None:
        """Make objects of what is due, and write them and those that are still unwritten."""
        if self._dropped:
            return
        refused: Refused | None = None
        for buffer, config in (
            (self._outgoing, self._config),
            (self._backup, self._config.get("S3BackupConfiguration") or {}),
        ):
            hints = _hints(config)
            with self._changed:
                if not everything and buffer.due_in(*hints) != 0:
                    continue
                batches = buffer.take(hints[0])
            for batch in batches:
                try:
                    self._unwritten += self._maker(config).made_of(batch)
                except Exception as problem:  # a defect here must lose no record
                    refused = _as_refused(problem, "Firehose")
                    with self._changed:
                        buffer.add(batch)
        unwritten, self._unwritten = self._unwritten, []
        for item in unwritten:
            try:
                if refused:
                    raise refused
                self._write(item)
            except Exception as problem:  # a defect here must lose no record
                refused = _as_refused(problem, "S3")
                self._unwritten.append(item)
                self._measure("DeliveryToS3.Success", 0)
            else:
                self._measure("DeliveryToS3.Success", 1)
                self._count("DeliveryToS3.Records", item.records)
                self._count("DeliveryToS3.Bytes", len(item.body), "Bytes")
                self._measure("DeliveryToS3.DataFreshness", time.time() - item.oldest, "Seconds")
        if refused:
            waiting = [item.oldest for item in self._unwritten]
            oldest = self._outgoing.oldest(lambda item: item.record.arrived)
            waiting += [] if oldest is None else [oldest]
            if waiting:
                age = time.time() - min(waiting)
                self._measure("DeliveryToS3.DataFreshness", age, "Seconds")
            self._log_error(refused, f"delivers nothing; trying again in {self._retry_after:g} s")
            self._retry_at = time.monotonic() + self._retry_after
            self._retry_after = min(self._retry_after * 2, LONGEST_RETRY)
        else:
            self._retry_at, self._retry_after = 0.0, RETRY_SECONDS
        if refused or unwritten:
            cloudwatch._evaluate_all_alarms()

    def _maker(self, config: Json) -> ObjectMaker:
        delimiter = b""
        for parameters in self._processors("AppendDelimiterToRecord"):
            delimiter = parameters.get("Delimiter", "\\n").replace("\\n", "\n").encode()
        return ObjectMaker(self.description, config, delimiter, self._count)

    def _write(self, item: S3Object) -> None:
        role = self._config.get("RoleARN", "")
        backup = self._config.get("S3BackupConfiguration") or {}
        if backup.get("BucketARN", "").endswith(f":{item.bucket}") and backup.get("RoleARN"):
            role = backup["RoleARN"]
        bucket = f"arn:aws:s3:::{item.bucket}"
        stream, denied = self.description["arn"], "S3.AccessDenied"
        require(stream, role, OBJECT_ACTIONS, (f"{bucket}/{item.key}",), denied)
        require(stream, role, BUCKET_ACTIONS, (bucket,), denied)
        encryption = self._config.get("EncryptionConfiguration") or {}
        key = (encryption.get("KMSEncryptionConfig") or {}).get("AWSKMSKeyARN")
        options = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": key} if key else {}
        try:
            role_client(role, "s3", "firehose").put_object(
                Bucket=item.bucket, Key=item.key, Body=item.body, **options
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            raise Refused(f"S3.{code}", error.response["Error"]["Message"]) from error
        except BotoCoreError as error:
            raise Refused("S3.InternalServerError", str(error)) from error

    # -- what is told about it -------------------------------------------------------------

    def _tell_taken(self) -> None:
        self._count("IncomingRecords", self._taken)
        self._count("IncomingBytes", self._taken_bytes, "Bytes")
        self._taken = self._taken_bytes = 0

    def _count(self, name: str, value: float, unit: str = "Count") -> None:
        if value:
            self._measure(name, value, unit)

    def _measure(self, name: str, value: float, unit: str = "Count") -> None:
        dimensions = {"DeliveryStreamName": self.description["name"]}
        cloudwatch.record_metric("AWS/Firehose", name, value, unit, dimensions)

    def _log_error(self, refused: Refused, what: str) -> None:
        arn = self.description["arn"]
        logger.warning("%s %s: %s (%s)", arn, what, refused, refused.code)
        options = self._config.get("CloudWatchLoggingOptions") or {}
        group, name = options.get("LogGroupName"), options.get("LogStreamName")
        role = self._config.get("RoleARN", "")
        place = f"arn:aws:logs:{get_region()}:{get_account_id()}:log-group:{group}"
        if not options.get("Enabled") or not role_allows(
            role, "logs:PutLogEvents", f"{place}:log-stream:{name}"
        ):
            return
        message = {
            "deliveryStreamARN": arn,
            "destination": self._config.get("BucketARN"),
            "deliveryStreamVersionId": self.description["version"],
            "message": str(refused),
            "errorCode": refused.code,
        }
        event = {"timestamp": int(time.time() * 1000), "message": json.dumps(message)}
        cloudwatch_logs._put_log_events(
            {"logGroupName": group, "logStreamName": name, "logEvents": [event]}
        )

    def _report_lost(self) -> None:
        lost = len(self._incoming) + len(self._outgoing)
        lost += sum(item.records for item in self._unwritten)
        if lost:
            logger.warning(
                "%s was deleted with %d records that are not delivered",
                self.description["arn"],
                lost,
            )


def _as_refused(problem: Exception, service: str) -> Refused:
    """The problem, or, of what nobody foresaw, one that is tried again as well."""
    if isinstance(problem, Refused):
        return problem
    logger.error("unforeseen", exc_info=problem)
    return Refused(f"{service}.InternalServerError", repr(problem))


def _hints(config: Json) -> tuple[float, float]:
    hints = config.get("BufferingHints") or {}
    interval = float(hints.get("IntervalInSeconds", 300))
    return float(hints.get("SizeInMBs", 5)) * MIB, max(interval, SHORTEST_INTERVAL)
