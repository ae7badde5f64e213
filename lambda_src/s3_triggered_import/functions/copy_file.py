"""State machine step: write a copy of the file that an import job reads."""

import io
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config
from botocore.exceptions import ClientError

from s3_triggered_import.column_mapping import (
    ColumnMapping,
    Tally,
    UnusableFile,
    mapped_copy,
    mapping_from,
)
from s3_triggered_import.job import copy_key, refused_file, s3_url_from, version_of
from shared.aws import aws_client
from shared.settings import optional_env, required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_mapping = optional_env("COLUMN_MAPPING")
MAPPING = None if _mapping is None else mapping_from(_mapping)
COPY_PREFIX = required_env("COPY_PREFIX")
# The answers of S3 for a content that is under the key no more.
GONE = frozenset({"404", "412", "NoSuchKey", "NoSuchVersion", "PreconditionFailed"})

logger = Logger(service="s3-triggered-import")
s3: "S3Client" = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=300, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Copy the version that a run's input names below COPY_PREFIX, in the same bucket.

    An import job reads the content that a key has by then. Its copy has the content of the event.

    Event: `{Input: {S3URL, VersionId or ETag}, Execution: name}`; answer: `{Refused: false, S3URL,
    Bucket, Key, OriginalKey, VersionId}`, with a mapping also `Rows: {Rejected, Reasons,
    WithoutAddress}`; or `{Refused: true, Job}` for a file that the mapping does not fit, or that
    was overwritten in a bucket without versioning.

    Raises:
        BadImportRequest: the run's input names no object.
        ServiceUnavailable: worth another attempt, which replaces the copy.
    """
    run_input = event["Input"]
    bucket, _, key = s3_url_from(run_input).removeprefix("s3://").partition("/")
    to = copy_key(COPY_PREFIX, event["Execution"], key, mapped=MAPPING is not None)
    version = version_of(run_input)
    rows: dict[str, Any] = {}
    try:
        with transient_errors_named():
            if MAPPING is None:
                version_id = _copy(bucket, key, to, version)
            else:
                version_id, rows = _mapped_copy(bucket, key, to, version, MAPPING)
            _delete_older_versions(bucket, to, version_id)
    except UnusableFile as problem:
        logger.info("File refused", extra={"execution": event["Execution"]})
        return {"Refused": True, "Job": refused_file(str(problem))}
    except ClientError as error:
        if not version or error.response["Error"]["Code"] not in GONE:
            raise
        logger.info("File superseded", extra={"execution": event["Execution"]})
        return {
            "Refused": True,
            "Job": refused_file(
                "SUPERSEDED: the file was overwritten or deleted before it was read, and the "
                "bucket keeps no earlier version. Another content under the key has a run of its "
                "own. Enable versioning of the bucket, or give each file a name of its own."
            ),
        }
    return {
        "Refused": False,
        "S3URL": f"s3://{bucket}/{to}",
        "Bucket": bucket,
        "Key": to,
        "OriginalKey": key,
        "VersionId": version_id,
        **rows,
    }


def _copy(bucket: str, key: str, to: str, version: Mapping[str, str]) -> str:
    """Copy the content as it is; return the version of the copy."""
    source = {"Bucket": bucket, "Key": key}
    if "VersionId" in version:
        source["VersionId"] = version["VersionId"]
    request: Any = {"Bucket": bucket, "Key": to, "CopySource": source}
    if "IfMatch" in version:
        request["CopySourceIfMatch"] = version["IfMatch"]
    # Without tags: copying tags takes more permissions.
    answer = s3.copy_object(**request, TaggingDirective="REPLACE")
    return answer.get("VersionId", "null")


def _mapped_copy(
    bucket: str, key: str, to: str, version: Mapping[str, str], mapping: ColumnMapping
) -> tuple[str, dict[str, Any]]:
    """Write the copy with the columns of the mapping; return its version, and counts of rows."""
    # Only this step sends large files; the other steps start without the library.
    from s3transfer.manager import TransferManager

    tally = Tally()
    source: Any = {"Bucket": bucket, "Key": key, **version}
    body = cast(BinaryIO, s3.get_object(**source)["Body"])
    with TransferManager(s3) as transfers:
        copy = _Stream(mapped_copy(body, mapping, tally))
        transfers.upload(cast(BinaryIO, copy), bucket, to).result()
    version_id = s3.head_object(Bucket=bucket, Key=to).get("VersionId", "null")
    logger.info(
        "File copied",
        extra={
            "rows": tally.rows,
            "rejected": tally.rejected,
            "without_address": tally.without_address,
        },
    )
    rows = {
        "Rejected": tally.rejected,
        "Reasons": [f"{key}, {reason}" for reason in tally.reasons],
        "WithoutAddress": tally.without_address,
    }
    return version_id, {"Rows": rows}


def _delete_older_versions(bucket: str, key: str, version_id: str) -> None:
    """Delete the copies of earlier attempts, whose answers were lost.

    The end of the run deletes the version of its answer. The others would stay in a bucket without
    a lifecycle rule. An attempt that is still running deletes versions too: S3 lists the newest
    version of a key first, and no attempt deletes it.
    """
    if version_id == "null":  # a bucket without versioning
        return
    try:
        listed = s3.list_object_versions(Bucket=bucket, Prefix=key)
        versions = [v["VersionId"] for v in listed.get("Versions", []) if v["Key"] == key]
        # The own version is not listed where a newer attempt has deleted it.
        own = versions.index(version_id) if version_id in versions else len(versions)
        for older in versions[own + 1 :]:
            s3.delete_object(Bucket=bucket, Key=key, VersionId=older)
    except ClientError as error:
        # A bucket of the user's may deny the list, and an Object Lock the deletion. The copy is
        # complete all the same. The error's text can quote the key, which can hold an address.
        logger.warning(
            "Copies of earlier attempts not deleted",
            extra={
                "operation": error.operation_name,
                "error": error.response["Error"]["Code"],
            },
        )


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
