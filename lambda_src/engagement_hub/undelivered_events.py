"""Events that a project's event stream refused: kept in the work bucket, counted for the alarm."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.metrics import MetricUnit, single_metric
from botocore.config import Config

from shared.aws import aws_client
from shared.settings import required_env

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

logger = Logger(service="engagement-hub", child=True)

_CLIENT = Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2}
)


class UndeliveredEvents:
    """Keeps refused events, so that a stream that fails loses no event and stops no run."""

    def __init__(self, bucket: str, s3: S3Client | None = None) -> None:
        self._bucket = bucket
        self._s3_client = s3

    def keep(self, key: str, records: Sequence[Mapping[str, Any]], error: Exception) -> None:
        """Write the records to an object of the work bucket, a line of JSON each.

        Args:
            error: the stream's refusal. The log names its class only: texts of AWS quote requests.

        Raises:
            ClientError, BotoCoreError: S3 does not take the object either.
        """
        if self._s3_client is None:
            self._s3_client = aws_client("s3", config=_CLIENT)
        lines = "".join(json.dumps(record, separators=(",", ":")) + "\n" for record in records)
        self._s3_client.put_object(Bucket=self._bucket, Key=key, Body=lines.encode())
        logger.error(
            "events undelivered", key=key, count=len(records), error_type=type(error).__name__
        )
        with single_metric(
            name="UndeliveredEvents",
            unit=MetricUnit.Count,
            value=len(records),
            namespace="EngagementHub",
            default_dimensions={"service": "engagement-hub"},
        ) as metric:
            metric.add_dimension("Hub", required_env("HUB_NAME"))
