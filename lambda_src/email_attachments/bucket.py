"""The files in S3: read for an attachment, or checked and signed for a link."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from botocore.exceptions import ClientError

from email_attachments.files import FileProblem, FileRefused, refuse_file_of_another
from shared.transient import error_code, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["FileBucket"]

# A HEAD has no body, so its error code is the status.
_MISSING = frozenset({"NoSuchKey", "NoSuchVersion", "NotFound", "404"})
_ARCHIVED = frozenset({"GLACIER", "DEEP_ARCHIVE"})
_KEPT_SECONDS = 60


class FileBucket:
    """Reads and signs files of one bucket. One instance serves one thread.

    Args:
        largest_bytes: size beyond which a file is not attached.
    """

    def __init__(
        self,
        s3: S3Client,
        bucket: str,
        largest_bytes: int,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._s3 = s3
        self._bucket = bucket
        self._largest_bytes = largest_bytes
        self._clock = clock
        self._kept: tuple[str, float, bytes] | None = None

    def read(self, key: str, endpoint_id: str | None) -> bytes:
        """Return a file. A file for all (`endpoint_id` None) is kept for a minute.

        Raises:
            FileRefused: the recipient gets no message because of the file.
            ClientError, ServiceUnavailable: S3 refused or failed; the file may be there.
        """
        now = self._clock()
        if endpoint_id is None and self._kept is not None:
            kept_key, since, content = self._kept
            if kept_key == key and now - since < _KEPT_SECONDS:
                return content
        answer = self._asked(self._s3.get_object, key)
        body = answer["Body"]
        try:
            self._check(answer, endpoint_id, largest=self._largest_bytes)
            with transient_errors_named():
                content = bytes(body.read())
        finally:
            body.close()
        if endpoint_id is None:
            self._kept = (key, now, content)
        return content

    def link(self, key: str, endpoint_id: str | None, name: str, seconds: int) -> str:
        """Return a link to a file that is there. S3 ends it after `seconds`, or earlier with the
        credentials of the role that signs.

        Raises:
            FileRefused: the recipient gets no message because of the file.
            ClientError, ServiceUnavailable: S3 refused or failed; the file may be there.
        """
        self._check(self._asked(self._s3.head_object, key), endpoint_id, largest=None)
        parameters = {
            "Bucket": self._bucket,
            "Key": key,
            # RFC 6266: the name of the download, in any letters.
            "ResponseContentDisposition": f"attachment; filename*=UTF-8''{quote(name, safe='')}",
        }
        return str(
            self._s3.generate_presigned_url("get_object", Params=parameters, ExpiresIn=seconds)
        )

    def _asked(self, call: Callable[..., Any], key: str) -> Any:
        try:
            with transient_errors_named():
                return call(Bucket=self._bucket, Key=key)
        except ClientError as error:
            code = error_code(error)
            if code in _MISSING:
                raise FileRefused(FileProblem.FILE_MISSING, "No object has the key.") from error
            if code == "InvalidObjectState":
                raise _archived() from error
            raise

    def _check(
        self, answer: Mapping[str, Any], endpoint_id: str | None, *, largest: int | None
    ) -> None:
        refuse_file_of_another(answer.get("Metadata") or {}, endpoint_id)
        restored = 'ongoing-request="false"' in str(answer.get("Restore") or "")
        if answer.get("StorageClass") in _ARCHIVED and not restored:
            raise _archived()
        size = int(answer["ContentLength"])
        if size == 0:
            raise FileRefused(FileProblem.FILE_EMPTY, "The object has no content.")
        if largest is not None and size > largest:
            raise FileRefused(
                FileProblem.FILE_TOO_LARGE,
                f"The object has {size} bytes; files.largest_mb allows {largest}.",
            )


def _archived() -> FileRefused:
    return FileRefused(FileProblem.FILE_UNREADABLE, "The object is in Glacier: restore it first.")
