"""Objects of the module's work bucket."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.transient import error_code
from sms_s3_drop.rows import Text
from sms_s3_drop.run import piece_key
from sms_s3_drop.turns import Chunk

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["FilesNotDeleted", "WorkFiles"]

_PIECES_KEPT = 8  # a chunk is one of up to a thousand of a piece


class FilesNotDeleted(RuntimeError):
    """S3 refused to delete some of a run's files."""


class WorkFiles:
    """The objects of one bucket. A sender keeps the pieces that it read last."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket
        self._piece = lru_cache(maxsize=_PIECES_KEPT)(self._read_piece)

    def put(self, key: str, body: bytes) -> None:
        self._s3.put_object(Bucket=self.bucket, Key=key, Body=body)

    def put_json(self, key: str, value: Any) -> None:
        self._s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=json.dumps(value, indent=1).encode(),
            ContentType="application/json",
        )

    def read_json(self, key: str) -> Any:
        """Return the value of an object; None where there is no such object."""
        try:
            return json.loads(self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read())
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            return None

    def read_text(self, key: str) -> Iterator[str]:
        """Yield the lines of a text object without their ends."""
        for line in self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].iter_lines():
            yield line.decode()

    def read_lines(self, key: str) -> list[dict[str, Any]]:
        body = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        # Not splitlines(): a message may hold characters at which it breaks lines.
        return [json.loads(line) for line in body.split(b"\n") if line]

    def lines_under(self, prefix: str) -> Iterator[dict[str, Any]]:
        """Yield the values of all objects under a prefix, in the order of their keys."""
        for page in self._s3.get_paginator("list_objects_v2").paginate(
            Bucket=self.bucket, Prefix=prefix
        ):
            for item in page.get("Contents", []):
                yield from self.read_lines(item["Key"])

    def rows(self, chunk: Chunk) -> list[Text] | None:
        """Return the rows of a chunk; None when the run's files are deleted."""
        try:
            lines = self._piece(piece_key(chunk.run, chunk.identity, chunk.piece))
        except ClientError as error:
            if error_code(error) != "NoSuchKey":
                raise
            return None
        some = lines[chunk.first_line : chunk.first_line + chunk.rows_per_chunk]
        return [Text.restored(json.loads(line), chunk.identity) for line in some]

    def _read_piece(self, key: str) -> list[bytes]:
        body = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        return [line for line in body.split(b"\n") if line]

    def delete(self, prefix: str) -> int:
        """Delete every version of every object under a prefix; return their number.

        Raises:
            FilesNotDeleted: some are left.
        """
        deleted = 0
        for page in self._s3.get_paginator("list_object_versions").paginate(
            Bucket=self.bucket, Prefix=prefix
        ):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if not versions:
                continue
            answer = self._s3.delete_objects(
                Bucket=self.bucket,
                Delete={
                    "Objects": [{"Key": v["Key"], "VersionId": v["VersionId"]} for v in versions],
                    "Quiet": True,
                },
            )
            if errors := answer.get("Errors", []):
                codes = sorted({error.get("Code", "") for error in errors})
                raise FilesNotDeleted(f"{len(errors)} files are left: {', '.join(codes)}.")
            deleted += len(versions)
        return deleted
