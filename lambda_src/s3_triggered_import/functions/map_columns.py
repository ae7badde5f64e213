"""State machine step: write a copy of a file with the columns of an import."""

import io
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from s3_triggered_import.column_mapping import Tally, UnusableFile, mapped_copy, mapping_from
from s3_triggered_import.job import mapped_key, refused_file, s3_url_from
from shared.aws import aws_client
from shared.settings import required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

MAPPING = mapping_from(required_env("COLUMN_MAPPING"))
MAPPED_PREFIX = required_env("MAPPED_PREFIX")

logger = Logger(service="s3-triggered-import")
s3: "S3Client" = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=60, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Copy a run's file below MAPPED_PREFIX, in the same bucket.

    Event: `{Input, Execution: name}`; answer: `{Refused: false, S3URL, Bucket, Key,
    OriginalKey, VersionId, RejectedRows, Reasons, RowsWithoutAddress}`, or `{Refused: true,
    Job}` for a file that the mapping does not fit.

    Raises:
        BadImportRequest: the run's input names no object.
        ServiceUnavailable: worth another attempt, which overwrites the copy.
    """
    # Only this step sends large files; the other steps start without the library.
    from s3transfer.manager import TransferManager

    bucket, _, key = s3_url_from(event["Input"]).removeprefix("s3://").partition("/")
    copy_key = mapped_key(MAPPED_PREFIX, event["Execution"], key)
    tally = Tally()
    try:
        with transient_errors_named():
            body = cast(BinaryIO, s3.get_object(Bucket=bucket, Key=key)["Body"])
            with TransferManager(s3) as transfers:
                copy = _Stream(mapped_copy(body, MAPPING, tally))
                transfers.upload(cast(BinaryIO, copy), bucket, copy_key).result()
            version = s3.head_object(Bucket=bucket, Key=copy_key).get("VersionId", "null")
    except UnusableFile as problem:
        logger.info("File refused", extra={"execution": event["Execution"]})
        return {"Refused": True, "Job": refused_file(str(problem))}

    logger.info(
        "File copied",
        extra={
            "rows": tally.rows,
            "rejected": tally.rejected,
            "without_address": tally.without_address,
        },
    )
    return {
        "Refused": False,
        "S3URL": f"s3://{bucket}/{copy_key}",
        "Bucket": bucket,
        "Key": copy_key,
        "OriginalKey": key,
        "VersionId": version,
        "RejectedRows": tally.rejected,
        "Reasons": [f"{key}, {reason}" for reason in tally.reasons],
        "RowsWithoutAddress": tally.without_address,
    }


class _Stream(io.RawIOBase):
    """A file to upload, made while it is read."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks = blocks
        self._rest = b""

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        """Exactly `size` bytes until the end: the size of a part must not vary."""
        while size < 0 or len(self._rest) < size:
            block = next(self._blocks, None)
            if block is None:
                break
            self._rest += block
        taken = self._rest if size < 0 else self._rest[:size]
        self._rest = self._rest[len(taken) :]
        return taken
