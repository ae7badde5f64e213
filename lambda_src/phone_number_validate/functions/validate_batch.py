"""One step of the Distributed Map: validate a batch of numbers and mark their endpoints."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from phone_number_validate.endpoint_marks import write_marks
from phone_number_validate.paced_calls import reserved_rate
from phone_number_validate.paid_verdicts import THREADS, verdicts_of
from phone_number_validate.verdict_cache import VerdictCache
from phone_number_validate.verdicts import (
    IMPOSSIBLE,
    Verdict,
    batches_of,
    endpoint_update,
    invalid_reason,
)
from shared.aws import aws_client
from shared.pacing import RateLimiter
from shared.pinpoint import aws_pinpoint_client, pinpoint_client
from shared.settings import required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from phone_number_validate.work_items import WorkItem

PROJECT_ID = required_env("PROJECT_ID")
BUCKET = required_env("BUCKET")
TABLE = required_env("TABLE")
CACHE_DAYS = int(required_env("CACHE_DAYS"))
QUOTA = float(required_env("VALIDATIONS_PER_SECOND"))

logger = Logger(service="phone-number-validate")
_config = Config(
    connect_timeout=3,
    read_timeout=10,
    max_pool_connections=THREADS,
    retries={"mode": "standard", "total_max_attempts": 5},
)
pinpoint = pinpoint_client(_config)
aws_pinpoint = aws_pinpoint_client(
    _config.merge(Config(retries={"mode": "standard", "total_max_attempts": 1}))
)
dynamodb: DynamoDBClient = aws_client("dynamodb", config=_config)
cache = VerdictCache(dynamodb, TABLE, CACHE_DAYS)
limiter = RateLimiter(dynamodb, TABLE, "phone-number-validate", reserved_rate(QUOTA))


@functools.cache
def s3() -> S3Client:
    """Make the client at its first use, after the batch: S3's client is the slowest of the four."""
    client: S3Client = aws_client("s3", config=_config)
    return client


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Validate the numbers of a batch, mark their endpoints, leave the results.

    Event: `{Items: [WorkItem], BatchInput: {RunStarted: ISO 8601, Round, MarksEndpoints,
    ResultsPrefix}}`. Without MarksEndpoints the verdicts go to the cache only, for the second
    round. The answer is empty: a run of a million numbers must not outgrow the state machine's
    data. The results (`{Counts, InvalidEndpoints: [{EndpointId, Address, Reason}]}`) are an object
    named after the round and the batch's first row, so an attempt overwrites the one before.

    Raises:
        ServiceUnavailable: worth another attempt; numbers validated so far are in the cache.
    """
    items: list[WorkItem] = event["Items"]
    batch_input = event["BatchInput"]

    with transient_errors_named():
        verdicts, paid = verdicts_of(
            items,
            cache=cache,
            pinpoint=aws_pinpoint,
            limiter=limiter,
            calls_per_second=QUOTA,
            since=datetime.fromisoformat(batch_input["RunStarted"]).timestamp(),
        )
        counts = {"Paid": paid}
        invalid: list[dict[str, str]] = []
        if batch_input["MarksEndpoints"]:
            marked, invalid = _mark(items, verdicts)
            counts |= marked
        s3().put_object(
            Bucket=BUCKET,
            Key=f"{batch_input['ResultsPrefix']}{batch_input['Round']}-{items[0]['Row']:010}.json",
            Body=json.dumps({"Counts": counts, "InvalidEndpoints": invalid}).encode(),
        )

    logger.info("Batch validated", extra=counts)
    return {}


def _mark(
    items: list[WorkItem], verdicts: Mapping[str, Verdict]
) -> tuple[dict[str, int], list[dict[str, str]]]:
    """Mark the endpoints of a batch; return the counts, and the report's lines."""
    pairs = [
        (endpoint, item, verdicts.get(item["Number"] or "", IMPOSSIBLE))
        for item in items
        for endpoint in item["Endpoints"]
    ]
    refused: list[str] = []
    for batch in batches_of(endpoint_update(endpoint, verdict) for endpoint, _, verdict in pairs):
        refused += write_marks(pinpoint, PROJECT_ID, batch)
    if refused:  # an id may be an address, so the log has a count
        logger.warning(
            "Endpoints refused their marks",
            extra={"row": items[0]["Row"], "endpoints": len(refused)},
        )
    invalid = [
        {
            "EndpointId": endpoint["Id"],
            "Address": endpoint["Address"],
            "Reason": invalid_reason(item),
        }
        for endpoint, item, verdict in pairs
        if not verdict.valid
    ]
    counts = {
        "Valid": len(pairs) - len(invalid),
        "Invalid": len(invalid),
        "Refused": len(refused),
        "Numbers": len(items),
    }
    return counts, invalid
