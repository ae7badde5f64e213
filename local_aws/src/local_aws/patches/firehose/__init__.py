"""Amazon Data Firehose buffers, transforms in batches, converts, and acts with its role.

The work is in the modules of this package; here it takes the place of what ministack does with a
record at the moment it is put: one invocation and one object for each, with every permission.
"""

from __future__ import annotations

import threading
import time
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import firehose

from local_aws.patches.firehose import objects, processing
from local_aws.patches.firehose.records import Record
from local_aws.patches.firehose.stream import REQUIRED as STREAM_REQUIRED
from local_aws.patches.firehose.stream import Stream

REQUIRED = (
    "ministack.core.responses.error_response_json",
    "ministack.services.firehose._HANDLERS",
    "ministack.services.firehose._create_delivery_stream",
    "ministack.services.firehose._delete_delivery_stream",
    "ministack.services.firehose._deliver_records_to_s3",
    "ministack.services.firehose._dest_description",
    "ministack.services.firehose._put_record_batch",
    "ministack.services.firehose._streams",
    "ministack.services.firehose._update_destination",
    "ministack.services.firehose.ingest_from_kinesis_source",
    "ministack.services.firehose.reset",
    *objects.REQUIRED,
    *processing.REQUIRED,
    *STREAM_REQUIRED,
)

Json = dict[str, Any]

MAX_BATCH_BYTES = 4 * 1024 * 1024  # "Amazon Data Firehose quota": a PutRecordBatch call

_lock = threading.Lock()
_working: dict[str, Stream] = {}  # by the stream's ARN


def apply() -> None:
    firehose._deliver_records_to_s3 = _take
    firehose.ingest_from_kinesis_source = _look
    _start_with_the_stream()
    _end_with_the_stream()
    _drop_at_reset()
    _describe_destinations_in_full()
    _limit_batches()


def _work_of(stream: Json) -> Stream:
    """The work behind a stream; also behind one that something other than the API made."""
    with _lock:
        work = _working.get(stream["arn"])
        if work is None or work.description is not stream:
            work = _working[stream["arn"]] = Stream(stream)
        return work


def _take(stream: Json, destination: Json, records: list[tuple[str, bytes]]) -> None:
    destination["records"].clear()  # ministack keeps every record for ever
    now = time.time()
    _work_of(stream).put([Record(name, data, now) for name, data in records])


def _look(stream_arn: str, records: Any) -> None:
    """Records came into a Kinesis stream."""
    for stream in list(firehose._streams.values()):
        if (stream.get("kinesis_source") or {}).get("KinesisStreamARN") == stream_arn:
            _work_of(stream).look()


def _start_with_the_stream() -> None:
    create, update = firehose._create_delivery_stream, firehose._update_destination

    def create_delivery_stream(data: Json) -> Any:
        refusal = _refusal(data)
        if refusal:
            return error_response_json("InvalidArgumentException", refusal, 400)
        answer = create(data)
        if answer[0] == 200:
            stream = firehose._streams[data["DeliveryStreamName"]]
            if stream.get("kinesis_source"):
                stream["kinesis_source"]["DeliveryStartTimestamp"] = time.time()
                _work_of(stream)
        return answer

    def update_destination(data: Json) -> Any:
        update_of = data.get("ExtendedS3DestinationUpdate")
        if update_of:
            stream = firehose._streams.get(data.get("DeliveryStreamName", "")) or {}
            current = (stream.get("destinations") or [{}])[0].get("config") or {}
            refusal = _refusal({"ExtendedS3DestinationConfiguration": {**current, **update_of}})
            if refusal:
                return error_response_json("InvalidArgumentException", refusal, 400)
        answer = update(data)
        if answer[0] == 200:
            _work_of(firehose._streams[data["DeliveryStreamName"]]).look()  # at the new hints
        return answer

    firehose._create_delivery_stream = create_delivery_stream
    firehose._update_destination = update_destination
    firehose._HANDLERS["CreateDeliveryStream"] = create_delivery_stream
    firehose._HANDLERS["UpdateDestination"] = update_destination


def _refusal(data: Json) -> str | None:
    """Why AWS would not take the S3 destination: mistakes that otherwise only show there."""
    config = data.get("ExtendedS3DestinationConfiguration") or {}
    prefix, errors = config.get("Prefix") or "", config.get("ErrorOutputPrefix") or ""
    if "!{" in prefix and not errors:
        return "ErrorOutputPrefix cannot be null or empty when Prefix contains expressions."
    if errors and "!{" in errors and "!{firehose:error-output-type}" not in errors:
        return "ErrorOutputPrefix must contain the expression !{firehose:error-output-type}."
    if "!{firehose:error-output-type}" in prefix:
        return "Prefix cannot contain the expression !{firehose:error-output-type}."
    hints = config.get("BufferingHints") or {}
    conversion = config.get("DataFormatConversionConfiguration") or {}
    partitioned = (config.get("DynamicPartitioningConfiguration") or {}).get("Enabled")
    if conversion and conversion.get("Enabled", True):
        if config.get("CompressionFormat", "UNCOMPRESSED") != "UNCOMPRESSED":
            return "CompressionFormat must be UNCOMPRESSED when data format conversion is enabled."
        if hints.get("SizeInMBs", 128) < 64:
            return "BufferingHints.SizeInMBs must be at least 64 with data format conversion."
    if partitioned and hints.get("SizeInMBs", 128) < 64:
        return "BufferingHints.SizeInMBs must be at least 64 when dynamic partitioning is enabled."
    if partitioned and hints.get("IntervalInSeconds", 300) < 60:
        return (
            "BufferingHints.IntervalInSeconds must be at least 60 when dynamic partitioning is "
            "enabled."
        )
    return None


def _end_with_the_stream() -> None:
    delete = firehose._delete_delivery_stream

    def delete_delivery_stream(data: Json) -> Any:
        stream = firehose._streams.get(data.get("DeliveryStreamName", ""))
        answer = delete(data)
        if stream is not None and answer[0] == 200:
            with _lock:
                work = _working.pop(stream["arn"], None)
            if work:
                work.finish()
        return answer

    firehose._delete_delivery_stream = delete_delivery_stream
    firehose._HANDLERS["DeleteDeliveryStream"] = delete_delivery_stream


def _drop_at_reset() -> None:
    reset = firehose.reset

    def drop_and_reset() -> None:
        with _lock:
            dropped = list(_working.values())
            _working.clear()
        for work in dropped:
            work.drop()
        reset()

    firehose.reset = drop_and_reset


def _describe_destinations_in_full() -> None:
    """Members that ministack leaves out, so that every Terraform plan wanted them again."""
    describe = firehose._dest_description

    def description(destination: Json) -> Json:
        made: Json = describe(destination)
        config = destination["config"]
        s3 = made.get("ExtendedS3DestinationDescription")
        if s3 is not None:
            s3["CustomTimeZone"] = config.get("CustomTimeZone") or "UTC"
            if config.get("FileExtension"):
                s3["FileExtension"] = config["FileExtension"]
            if config.get("S3BackupConfiguration"):
                s3["S3BackupDescription"] = {
                    "BufferingHints": {"SizeInMBs": 5, "IntervalInSeconds": 300},
                    "CompressionFormat": "UNCOMPRESSED",
                    "EncryptionConfiguration": {"NoEncryptionConfig": "NoEncryption"},
                    **config["S3BackupConfiguration"],
                }
        return made

    firehose._dest_description = description


def _limit_batches() -> None:
    put = firehose._put_record_batch

    def put_record_batch(data: Json) -> Any:
        # Four characters of base64 are three bytes.
        size = sum(len(record.get("Data", "")) * 3 // 4 for record in data.get("Records", []))
        if size > MAX_BATCH_BYTES:
            return error_response_json(
                "InvalidArgumentException", "Records size exceeds 4 MB limit", 400
            )
        return put(data)

    firehose._put_record_batch = put_record_batch
    firehose._HANDLERS["PutRecordBatch"] = put_record_batch
