"""The transform function of an event database: Firehose's records in, rows out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from shared.event_rows.batch import Table, transform
from shared.event_rows.errors import Refused, error_key, error_line
from shared.metrics import write_counts

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_s3 import S3Client

NAMESPACE = "EventDatabase"
UNREADABLE_RECORDS = "UnreadableRecords"

Handler = Callable[[dict[str, Any], "LambdaContext"], dict[str, Any]]


def transform_handler(database: str, table: Table, *, bucket: str, error_prefix: str) -> Handler:
    """Return the Lambda handler of one database.

    It counts records that cannot be read in the metric `UnreadableRecords` of the namespace
    `EventDatabase`, by FunctionName.

    Args:
        bucket: where the parts of records go that cannot be read while others can,
        error_prefix: below this prefix (`errors/`).
    """
    logger = Logger(service=database)

    @logger.inject_lambda_context
    def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
        stream = event["deliveryStreamArn"].split(":")
        answer = transform(event["records"], table, account_id=stream[4])
        if answer.refused:
            parts = [part for parts in answer.refused.values() for part in parts]
            code = _store(parts, bucket, error_prefix)
            if code is not None:
                logger.error("Parts of records are left to Firehose", extra={"error_code": code})
                answer.refuse_whole()
        if answer.reasons:
            logger.warning(
                "Records go to the error prefix",
                extra={"invocation_id": event.get("invocationId"), "reasons": answer.reasons},
            )
            _count(sum(answer.reasons.values()), context.function_name)
        return {"records": answer.records}

    return lambda_handler


def _store(parts: Iterable[Refused], bucket: str, prefix: str) -> str | None:
    """Write an error object; the code of the error if that is refused."""
    from botocore.exceptions import BotoCoreError, ClientError  # rare: not worth each cold start

    now = datetime.now(UTC)
    parts = list(parts)
    body = "".join(error_line(part, now) for part in parts)
    try:
        _s3().put_object(Bucket=bucket, Key=error_key(prefix, parts, now), Body=body.encode())
    except ClientError as error:
        return str(error.response["Error"].get("Code"))
    except BotoCoreError as error:
        return type(error).__name__
    return None


@cache
def _s3() -> S3Client:
    from botocore.config import Config

    from shared.aws import aws_client

    # Firehose waits for the answer: a slow bucket must not keep all the other records.
    config = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})
    client: S3Client = aws_client("s3", config=config)
    return client


def _count(records: int, function_name: str) -> None:
    write_counts(NAMESPACE, function_name, {UNREADABLE_RECORDS: records})
