"""The bucket of reports: an object for each journey of a run, and the report of the run."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

__all__ = ["REPORTS", "RUNS", "SUBSTITUTES_KEY", "ReportStore", "report_key"]

REPORTS = "reports/"
RUNS = "runs/"
SUBSTITUTES_KEY = "settings/substitutes.json"


def report_key(run_id: str, started: datetime) -> str:
    """Return the key of a run's report; the day is the day in UTC that the run started on."""
    return f"{REPORTS}{started:%Y/%m/%d}/{run_id}.json"


class ReportStore:
    """Reads and writes JSON objects."""

    def __init__(self, s3: S3Client, bucket: str) -> None:
        self._s3 = s3
        self.bucket = bucket

    def substitutes(self) -> dict[str, Any]:
        """Return the module's input `substitutes`."""
        return self._read(SUBSTITUTES_KEY)

    def keep_journey(self, run_id: str, journey_id: str, entry: Mapping[str, Any]) -> None:
        """Write the entry of a journey; a later attempt replaces it."""
        self.write(f"{RUNS}{run_id}/{journey_id}.json", entry)

    def journey(self, run_id: str, journey_id: str) -> dict[str, Any] | None:
        """Return the entry of a journey; None if no attempt wrote it."""
        try:
            return self._read(f"{RUNS}{run_id}/{journey_id}.json")
        except self._s3.exceptions.NoSuchKey:
            return None

    def write(self, key: str, document: Mapping[str, Any]) -> None:
        """Write a JSON object."""
        self._s3.put_object(
            Bucket=self.bucket,
            Key=key,
            Body=json.dumps(document, indent=2).encode(),
            ContentType="application/json",
        )

    def _read(self, key: str) -> dict[str, Any]:
        body = self._s3.get_object(Bucket=self.bucket, Key=key)["Body"].read()
        document: dict[str, Any] = json.loads(body)
        return document
