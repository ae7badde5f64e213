"""The file of each table that Athena reads: a line of JSON for each row."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import TYPE_CHECKING

from campaign_journey_segment_db.entities import Row

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["Export"]

_INTERNAL = frozenset({"revision", "state_order"})


class Export:
    """Files in the bucket of an event database."""

    def __init__(self, s3: S3Client, bucket: str, prefix: str) -> None:
        self._s3, self._bucket, self._prefix = s3, bucket, prefix

    def write(self, table: str, rows: Iterable[Row]) -> int:
        """Replace the file of a table; return the number of its rows.

        One object holds the table: S3 replaces it at once, so that a query reads the earlier rows
        or the current rows.
        """
        lines = [
            json.dumps(
                {name: fact for name, fact in sorted(row.items()) if name not in _INTERNAL},
                ensure_ascii=False,
                separators=(",", ":"),
            )
            for row in sorted(rows, key=lambda row: str(row["id"]))
        ]
        self._s3.put_object(
            Bucket=self._bucket,
            Key=f"{self._prefix}{table}/names.jsonl",
            Body="".join(f"{line}\n" for line in lines).encode(),
            ContentType="application/x-ndjson",
        )
        return len(lines)
