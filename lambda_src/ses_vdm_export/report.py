"""Brings a report from SES's pre-signed URL into a bucket, a part at a time.

The URL gives its holder the report, so it stays in this module: in no answer, log line or error.
"""

import http.client
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any
from urllib.error import HTTPError, URLError
from urllib.parse import urlsplit
from urllib.request import Request, urlopen

from shared.transient import ServiceUnavailable

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_s3.type_defs import CompletedPartTypeDef

__all__ = ["PART_BYTES", "ReportGone", "download", "store"]

# S3 wants at least 5 MiB in each part but the last, and takes 10,000: this reaches 80 GB.
PART_BYTES = 8 * 1024 * 1024
SECONDS = 20
_LATER = (408, 425, 429)  # request time-out, too early, too many requests


class ReportGone(RuntimeError):
    """SES refuses the report under its own URL, which has ended or was never right."""


@contextmanager
def download(url: str) -> Iterator[tuple[IO[bytes], int | None]]:
    """Yield the report as a stream, and its length where the server tells.

    Raises:
        ReportGone: the server answers 4xx, and another attempt cannot help.
        ServiceUnavailable: another attempt may succeed.
    """
    if urlsplit(url).scheme not in {"http", "https"}:
        raise ReportGone("SES gave no web address for the report.")
    # Without `from`: an error of urllib can quote the URL.
    try:
        answer = urlopen(Request(url), timeout=SECONDS)
    except HTTPError as error:
        status = error.code
        error.close()
        if 400 <= status < 500 and status not in _LATER:
            raise ReportGone(f"SES's link to the report answers HTTP {status}.") from None
        raise ServiceUnavailable(f"The report's server answers HTTP {status}.") from None
    except (URLError, OSError, http.client.HTTPException) as error:
        raise ServiceUnavailable(f"No report: {type(error).__name__}.") from None
    with answer:
        length = answer.headers.get("Content-Length")
        yield answer, None if length is None else int(length)


def store(
    source: IO[bytes],
    *,
    s3: "S3Client",
    bucket: str,
    key: str,
    content_type: str,
    length: int | None,
) -> int:
    """Write a stream to an object; its size in bytes.

    No more than one part is in memory. The object appears whole or not at all.

    Args:
        length: expected length of the stream; None where it is unknown.

    Raises:
        ServiceUnavailable: the stream ended early.
    """
    first = _part(source)
    if len(first) < PART_BYTES:
        _check(len(first), length)
        s3.put_object(Bucket=bucket, Key=key, Body=first, ContentType=content_type)
        return len(first)

    upload: dict[str, Any] = {"Bucket": bucket, "Key": key}
    upload["UploadId"] = s3.create_multipart_upload(**upload, ContentType=content_type)["UploadId"]
    try:
        parts: list[CompletedPartTypeDef] = []
        total, part = 0, first
        while part:
            number = len(parts) + 1
            done = s3.upload_part(**upload, PartNumber=number, Body=part)
            parts.append({"PartNumber": number, "ETag": done["ETag"]})
            total += len(part)
            part = _part(source)
        _check(total, length)
        s3.complete_multipart_upload(**upload, MultipartUpload={"Parts": parts})
    except Exception:  # any exception: S3 keeps and bills the parts of an upload until it ends
        s3.abort_multipart_upload(**upload)
        raise
    return total


def _part(source: IO[bytes]) -> bytes:
    """Return the next PART_BYTES, or what is left."""
    pieces, missing = [], PART_BYTES
    try:
        while missing and (piece := source.read(missing)):
            pieces.append(piece)
            missing -= len(piece)
    except (OSError, http.client.HTTPException) as error:
        raise ServiceUnavailable(f"The report broke off: {type(error).__name__}.") from None
    return b"".join(pieces)


def _check(read: int, length: int | None) -> None:
    if length is not None and read != length:
        raise ServiceUnavailable(f"The report broke off after {read} of {length} bytes.")
