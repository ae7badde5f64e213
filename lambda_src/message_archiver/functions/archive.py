"""Queue → archive: renders each send, writes its MIME file, then the index rows of the batch."""

from __future__ import annotations

import json
from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from message_archiver.index import files_of, row_of
from message_archiver.keys import message_key
from message_archiver.metrics import report
from message_archiver.mime import mime_file
from shared.aws import aws_client
from shared.pinpoint import pinpoint_client
from shared.sent_messages.contents import Contents
from shared.sent_messages.rendering import Fidelity, Message, MessageMaker
from shared.sent_messages.sends import NotRenderable, Origin, Send, read_send
from shared.settings import optional_env, required_env
from shared.transient import ServiceUnavailable, error_code, transient_errors_named

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

# Answers of S3 to a conditional write: the object exists, or is being written.
_EXISTS = "PreconditionFailed"
_WRITERS = 8
# Left for the last lookup, which takes 35 s without an answer, for writes and for the index.
_LAST_MILLISECONDS = 60_000

logger = Logger(service="message-archiver")
archive_bucket = required_env("ARCHIVE_BUCKET")
index_bucket = required_env("INDEX_BUCKET")
dead_letter_queue_url = required_env("DEAD_LETTER_QUEUE_URL")
_CALLS = Config(
    connect_timeout=3,
    read_timeout=15,
    retries={"mode": "standard", "max_attempts": 4},
    max_pool_connections=_WRITERS,
)
_LOOKUPS = Config(
    connect_timeout=3,
    read_timeout=10,
    retries={"mode": "standard", "total_max_attempts": 3},
)
s3: S3Client = aws_client("s3", config=_CALLS)
maker = MessageMaker(
    Contents(cache(lambda: pinpoint_client(_LOOKUPS))),
    masked=required_env("ADDRESSES") == "masked",
    default_sender=optional_env("DEFAULT_FROM_ADDRESS"),
)


# Origin, project, and campaign or journey.
_Source = tuple[Origin, str, str]


@dataclass(slots=True)
class _Batch:
    """The outcomes of a batch: rows by message id, failures, counts.

    `refused` has the error of the campaigns and journeys whose content the API did not give.
    """

    rows: dict[str, dict[str, Any]] = field(default_factory=dict)
    refused: dict[_Source, Exception] = field(default_factory=dict)
    failed: dict[str, str] = field(default_factory=dict)
    counts: Counter[str] = field(default_factory=Counter)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Archive the messages of a batch, and report the messages to try again."""
    batch = _Batch()
    writes: dict[str, Future[bool]] = {}
    with ThreadPoolExecutor(_WRITERS) as pool:
        for record in event["Records"]:
            message_id = record["messageId"]
            if context.get_remaining_time_in_millis() < _LAST_MILLISECONDS:
                batch.failed[message_id] = "OutOfTime"
                continue
            try:
                # Written at once: a batch of large emails does not fit into the memory.
                writes[message_id] = pool.submit(_write, *_made(record, batch))
            except NotRenderable as error:
                _park(record, str(error), batch)
            except Exception as error:
                # One send must not fail the others of its batch. SQS redelivers the message, and
                # after its last receive moves it to the dead-letter queue.
                batch.failed[message_id] = _code(error)
    for message_id, write in writes.items():
        failure = write.exception()
        if failure is None:
            batch.counts["Copies" if write.result() else "ArchivedMessages"] += 1
        else:
            batch.failed[message_id] = _code(failure)
            del batch.rows[message_id]
    _write_index(batch)
    for message_id, code in batch.failed.items():
        logger.warning("Message comes back", extra={"message_id": message_id, "error_code": code})
    names = ("ArchivedMessages", "Copies", "DifferingMessages", "ParkedMessages")
    counts = {name: batch.counts[name] for name in names}
    report(context.function_name, {**counts, "FailedMessages": len(batch.failed)})
    return {"batchItemFailures": [{"itemIdentifier": one} for one in batch.failed]}


def _made(record: Mapping[str, Any], batch: _Batch) -> tuple[str, bytes]:
    """Make the file of a message, and its row."""
    try:
        event = json.loads(record["body"])
    except (ValueError, RecursionError) as error:
        raise NotRenderable("The message is not JSON.") from error
    if not isinstance(event, dict):
        raise NotRenderable("The message is not a JSON object.")
    send = read_send(event)
    if send is None:
        raise NotRenderable("The message is no successful send of a campaign or journey.")
    message = _message(send, batch)
    content = mime_file(message)
    batch.rows[record["messageId"]] = row_of(message)
    if message.fidelity is Fidelity.DIFFERS:
        batch.counts["DifferingMessages"] += 1
    return message_key(send), content


def _message(send: Send, batch: _Batch) -> Message:
    """Make a message. A refused lookup is not repeated for the other sends of the batch.

    Each would wait as long for no answer, until the batch is out of time.
    """
    of = send.ids["campaign_id" if send.origin is Origin.CAMPAIGN else "journey_id"]
    source = (send.origin, send.application_id, of)
    if source in batch.refused:
        raise batch.refused[source]
    try:
        return maker.message(send)
    except (ClientError, ServiceUnavailable) as error:
        batch.refused[source] = error
        raise


def _write(key: str, content: bytes) -> bool:
    """Write a message that is not there yet. Returns True for a copy, which changes nothing."""
    try:
        with transient_errors_named():
            s3.put_object(
                Bucket=archive_bucket,
                Key=key,
                Body=content,
                ContentType="message/rfc822",
                # A bucket with Object Lock takes no object without a checksum.
                ChecksumAlgorithm="SHA256",
                IfNoneMatch="*",
            )
    except ClientError as error:
        if error.response["Error"].get("Code") != _EXISTS:
            raise
        return True
    return False


def _write_index(batch: _Batch) -> None:
    """Write the rows of archived messages; messages whose rows are refused are redelivered.

    A redelivered message is a copy then, and its row is written again.
    """
    message_ids = {row["key"]: message_id for message_id, row in batch.rows.items()}
    for key, rows in files_of(batch.rows.values()).items():
        lines = "".join(json.dumps(row) + "\n" for row in rows)
        try:
            s3.put_object(
                Bucket=index_bucket,
                Key=key,
                Body=lines.encode(),
                ContentType="application/x-ndjson",
                ChecksumAlgorithm="SHA256",
            )
        except (BotoCoreError, ClientError) as error:
            for row in rows:
                batch.failed[message_ids[row["key"]]] = _code(error)


def _park(record: Mapping[str, Any], reason: str, batch: _Batch) -> None:
    """Move a message that no retry can help to the dead-letter queue, with the reason."""
    try:
        _sqs().send_message(
            QueueUrl=dead_letter_queue_url,
            MessageBody=record["body"],
            MessageAttributes={"Reason": {"DataType": "String", "StringValue": reason}},
        )
    except (BotoCoreError, ClientError) as error:
        batch.failed[record["messageId"]] = _code(error)
        return
    batch.counts["ParkedMessages"] += 1
    logger.warning("Message is parked", extra={"message_id": record["messageId"], "reason": reason})


@cache
def _sqs() -> SQSClient:
    """Make the client at its first use, which is rare."""
    client: SQSClient = aws_client("sqs", config=_CALLS)
    return client


def _code(error: BaseException) -> str:
    # ServiceUnavailable names the operation and the code.
    return str(error) if isinstance(error, ServiceUnavailable) else error_code(error)
