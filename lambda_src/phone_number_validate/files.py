"""Reads, adds up and deletes the objects of a run."""

from __future__ import annotations

import gzip
import json
import tempfile
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import TYPE_CHECKING, Any, BinaryIO, cast

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["FilesNotDeleted", "add_up", "delete_versions", "endpoints", "json_lines"]


class FilesNotDeleted(RuntimeError):
    """S3 refused to delete some of a run's files."""


def endpoints(s3: S3Client, bucket: str, prefix: str) -> Iterator[dict[str, Any]]:
    """Yield the endpoints of an export: newline-delimited JSON, in one or more gzip objects."""
    for key in _keys(s3, bucket, prefix):
        yield from json_lines(s3, bucket, key)


def json_lines(s3: S3Client, bucket: str, key: str) -> Iterator[Any]:
    """Yield the values of one object of JSON lines; a key that ends in `.gz` is unpacked."""
    with closing(s3.get_object(Bucket=bucket, Key=key)["Body"]) as body:
        packed = key.endswith(".gz")
        # A body iterates over blocks of bytes, a file over lines.
        lines = gzip.GzipFile(fileobj=cast(BinaryIO, body)) if packed else body.iter_lines()
        for line in lines:
            if line.strip():
                yield json.loads(line)


def add_up(
    s3: S3Client, bucket: str, prefix: str, report: str, *, changed_meanwhile: int
) -> dict[str, Any]:
    """Return the run's ValidateOutput: counts of endpoints, of distinct numbers and of paid calls,
    and the location of the report of invalid numbers (None without any).

    Every batch left one object with its results under the prefix. The report is an object of JSON
    lines `{EndpointId, Address, Reason}`, written under the key `report`.

    Args:
        changed_meanwhile: endpoints that changed between the two exports of the run.
    """
    # Only this step writes a report: the others start without that library.
    from s3transfer.manager import TransferManager

    total: Counter[str] = Counter()
    with tempfile.TemporaryFile() as file:
        for key in _keys(s3, bucket, prefix):
            results = json.load(s3.get_object(Bucket=bucket, Key=key)["Body"])
            total.update(results["Counts"])
            for endpoint in results["InvalidEndpoints"]:
                file.write(json.dumps(endpoint, ensure_ascii=False).encode() + b"\n")
        if total["Invalid"]:
            file.seek(0)
            with TransferManager(s3) as transfers:
                transfers.upload(file, bucket, report).result()
    return {
        "TotalPhoneNumbersValidated": total["Valid"] + total["Invalid"],
        "ValidPhoneNumbers": total["Valid"],
        "InvalidPhoneNumbers": total["Invalid"],
        "InvalidNumbersReport": f"s3://{bucket}/{report}" if total["Invalid"] else None,
        "EndpointsChangedMeanwhile": changed_meanwhile,
        "EndpointsRefused": total["Refused"],
        "DistinctPhoneNumbers": total["Numbers"],
        "PaidValidations": total["Paid"],
    }


def delete_versions(s3: S3Client, bucket: str, prefix: str) -> int:
    """Delete every version of every object under a prefix; returns their number.

    Raises:
        FilesNotDeleted: some are left.
    """
    deleted = 0
    for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket, Prefix=prefix):
        versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
        if not versions:
            continue
        answer = s3.delete_objects(
            Bucket=bucket,
            Delete={
                "Objects": [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions],
                "Quiet": True,
            },
        )
        errors = answer.get("Errors", [])
        if errors:
            codes = sorted({error.get("Code", "") for error in errors})
            raise FilesNotDeleted(f"{len(errors)} files are left: {', '.join(codes)}.")
        deleted += len(versions)
    return deleted


def _keys(s3: S3Client, bucket: str, prefix: str) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for thing in page.get("Contents", []):
            yield thing["Key"]
