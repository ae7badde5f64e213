"""JSON and JSON-lines objects in the hub's work bucket, which steps hand to each other."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from botocore.config import Config

from shared.aws import aws_client

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

_CLIENT = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard"})
_DELETE_BATCH = 1000


class WorkBucket:
    """The bucket behind WORK_BUCKET. Its objects expire."""

    def __init__(self, name: str, client: S3Client | None = None) -> None:
        self.name = name
        self._client: S3Client = client or aws_client("s3", config=_CLIENT)

    def write_json(self, key: str, value: Any) -> None:
        self._put(key, json.dumps(value, separators=(",", ":")))

    def read_json(self, key: str) -> Any:
        return json.loads(self._client.get_object(Bucket=self.name, Key=key)["Body"].read())

    def write_lines(self, key: str, rows: Iterable[Mapping[str, Any]]) -> None:
        self._put(key, "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows))

    def read_lines(self, key: str) -> list[dict[str, Any]]:
        body = self._client.get_object(Bucket=self.name, Key=key)["Body"].read()
        return [json.loads(line) for line in body.splitlines() if line]

    def keys(self, prefix: str, *, after: str = "") -> Iterator[str]:
        """Yield the keys below a prefix that sort after `after`."""
        pages = self._client.get_paginator("list_objects_v2").paginate(
            Bucket=self.name, Prefix=prefix, StartAfter=after
        )
        for page in pages:
            for item in page.get("Contents", []):
                yield item["Key"]

    def delete(self, keys: Iterable[str]) -> None:
        batch: list[str] = []
        for key in keys:
            batch.append(key)
            if len(batch) == _DELETE_BATCH:
                self._delete_batch(batch)
                batch = []
        if batch:
            self._delete_batch(batch)

    def _delete_batch(self, keys: list[str]) -> None:
        answer = self._client.delete_objects(
            Bucket=self.name, Delete={"Objects": [{"Key": key} for key in keys], "Quiet": True}
        )
        if answer.get("Errors"):
            raise OSError(f"{len(answer['Errors'])} work objects could not be deleted.")

    def _put(self, key: str, text: str) -> None:
        self._client.put_object(Bucket=self.name, Key=key, Body=text.encode())
