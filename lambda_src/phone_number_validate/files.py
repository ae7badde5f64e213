"""The state machine's steps on files: list the numbers, add up the results, delete everything."""

import gzip
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from shared.aws import aws_client
from shared.settings import optional_env, required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = required_env("BUCKET")
DEFAULT_COUNTRY = optional_env("DEFAULT_COUNTRY")
# Enough functions at a time to keep the rate up, few enough that none waits long for its turn.
MAX_CONCURRENCY = int(required_env("MAX_CONCURRENCY"))

logger = Logger(service="phone-number-validate")
s3: "S3Client" = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=30, retries={"mode": "standard"})
)


class FilesNotDeleted(RuntimeError):
    """S3 refused to delete some of a run's files."""


@logger.inject_lambda_context
def list_numbers(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Write the distinct numbers of an export, one JSON line each, in one work file.

    Event: `{Prefix, Execution}`; answer: `{Bucket, Key, Numbers, MaxConcurrency, ResultsPrefix}`.
    """
    # Only this step reads numbers: the other two start without that library.
    from s3transfer.manager import TransferManager

    from phone_number_validate.work_items import work_items

    key = f"work/{event['Execution']}/numbers.jsonl"

    with transient_errors_named():
        items = work_items(_endpoints(event["Prefix"]), DEFAULT_COUNTRY)
        with tempfile.TemporaryFile() as file:
            for item in items:
                file.write(json.dumps(item, separators=(",", ":")).encode() + b"\n")
            file.seek(0)
            with TransferManager(s3) as transfers:
                transfers.upload(file, BUCKET, key).result()

    logger.info("Numbers listed", extra={"numbers": len(items)})
    return {
        "Bucket": BUCKET,
        "Key": key,
        "Numbers": len(items),
        "MaxConcurrency": MAX_CONCURRENCY,
        "ResultsPrefix": f"work/{event['Execution']}/results/",
    }


@logger.inject_lambda_context
def add_up(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """The run's ValidateOutput: counts of endpoints, of distinct numbers and of paid calls, and the
    location of the report of invalid numbers (None without any).

    Event: `{Prefix, Execution}`; every batch left one object with its results under the prefix. The
    report is an object of JSON lines `{EndpointId, Address, Reason}`.
    """
    from s3transfer.manager import TransferManager

    total: Counter[str] = Counter()
    report = f"reports/{event['Execution']}/invalid_numbers.jsonl"
    with transient_errors_named(), tempfile.TemporaryFile() as file:
        for key in _keys(event["Prefix"]):
            results = json.load(s3.get_object(Bucket=BUCKET, Key=key)["Body"])
            total.update(results["Counts"])
            for endpoint in results["InvalidEndpoints"]:
                file.write(json.dumps(endpoint, ensure_ascii=False).encode() + b"\n")
        if total["Invalid"]:
            file.seek(0)
            with TransferManager(s3) as transfers:
                transfers.upload(file, BUCKET, report).result()
    return {
        "TotalPhoneNumbersValidated": total["Valid"] + total["Invalid"],
        "ValidPhoneNumbers": total["Valid"],
        "InvalidPhoneNumbers": total["Invalid"],
        "InvalidNumbersReport": f"s3://{BUCKET}/{report}" if total["Invalid"] else None,
        "EndpointsChangedMeanwhile": total["ChangedMeanwhile"],
        "EndpointsRefused": total["Refused"],
        "DistinctPhoneNumbers": total["Numbers"],
        "PaidValidations": total["Paid"],
    }


@logger.inject_lambda_context
def delete_files(event: dict[str, Any], context: LambdaContext) -> dict[str, int]:
    """Delete every version of every file of a run; event: `{Execution}`.

    Raises:
        FilesNotDeleted: some are left; the bucket's lifecycle rule takes them within two days.
    """
    deleted = 0
    with transient_errors_named():
        for prefix in (f"exports/{event['Execution']}/", f"work/{event['Execution']}/"):
            for page in s3.get_paginator("list_object_versions").paginate(
                Bucket=BUCKET, Prefix=prefix
            ):
                versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
                if not versions:
                    continue
                answer = s3.delete_objects(
                    Bucket=BUCKET,
                    Delete={
                        "Objects": [
                            {"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions
                        ],
                        "Quiet": True,
                    },
                )
                errors = answer.get("Errors", [])
                if errors:
                    codes = sorted({error.get("Code", "") for error in errors})
                    raise FilesNotDeleted(f"{len(errors)} files are left: {', '.join(codes)}.")
                deleted += len(versions)
    logger.info("Files deleted", extra={"files": deleted})
    return {"Files": deleted}


def _keys(prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=BUCKET, Prefix=prefix):
        for thing in page.get("Contents", []):
            yield thing["Key"]


def _endpoints(prefix: str) -> Iterator[dict[str, Any]]:
    """The endpoints of an export: newline-delimited JSON, in one or more gzip objects."""
    for key in _keys(prefix):
        body = cast(BinaryIO, s3.get_object(Bucket=BUCKET, Key=key)["Body"])
        with gzip.open(body) if key.endswith(".gz") else closing(body) as lines:
            for line in lines:
                if line.strip():
                    yield json.loads(line)
