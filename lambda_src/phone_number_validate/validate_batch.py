"""One step of the Distributed Map: validate a batch of numbers and mark their endpoints."""

from __future__ import annotations

import functools
import json
import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from phone_number_validate.paced_calls import call_paced, reserved_rate
from phone_number_validate.verdict_cache import VerdictCache
from phone_number_validate.verdicts import (
    IMPOSSIBLE,
    Verdict,
    batches_of,
    endpoint_update,
    invalid_reason,
    verdict_from,
)
from shared.aws import aws_client
from shared.pacing import RateLimiter
from shared.pinpoint import aws_pinpoint_client, pinpoint_client
from shared.settings import required_env
from shared.transient import ServiceUnavailable, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_s3 import S3Client

    from phone_number_validate.work_items import EndpointToUpdate, WorkItem

PROJECT_ID = required_env("PROJECT_ID")
BUCKET = required_env("BUCKET")
TABLE = required_env("TABLE")
CACHE_DAYS = int(required_env("CACHE_DAYS"))
RECHECK_AFTER_SECONDS = int(required_env("RECHECK_AFTER_SECONDS"))
QUOTA = float(required_env("VALIDATIONS_PER_SECOND"))
THREADS = 16
# A throttled number waits for another turn at the common rate. Retries below that, by botocore,
# would come on top of the rate and keep it throttled.
ROUNDS = 4

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
    """Made at its first use, after the batch's work: S3's client is the dearest of the four."""
    client: S3Client = aws_client("s3", config=_config)
    return client


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Validate the numbers of a batch, mark their endpoints, leave the results.

    Event: `{Items: [WorkItem], BatchInput: {ExportedAt: ISO 8601, ResultsPrefix}}`. The answer is
    empty: a run of a million numbers must not outgrow the state machine's data. The results
    (`{Counts, InvalidEndpoints: [{EndpointId, Address, Reason}]}`) are an object named after the
    batch's first row, so an attempt overwrites the one before.

    Raises:
        ServiceUnavailable: worth another attempt; numbers validated so far are in the cache.
    """
    items: list[WorkItem] = event["Items"]
    batch_input = event["BatchInput"]

    with transient_errors_named():
        verdicts, paid = _verdicts(items)
        exported_at = datetime.fromisoformat(batch_input["ExportedAt"]).timestamp()
        pairs = [
            (endpoint, verdicts.get(item["Number"] or "", IMPOSSIBLE))
            for item in items
            for endpoint in item["Endpoints"]
        ]
        kept = _unchanged(pairs, exported_at)
        refused = 0
        for batch in batches_of(endpoint_update(endpoint, verdict) for endpoint, verdict in kept):
            refused += _write(batch)

        reasons = {
            endpoint["Id"]: invalid_reason(item) for item in items for endpoint in item["Endpoints"]
        }
        invalid = [
            {
                "EndpointId": endpoint["Id"],
                "Address": endpoint["Address"],
                "Reason": reasons[endpoint["Id"]],
            }
            for endpoint, verdict in kept
            if not verdict.valid
        ]
        counts = {
            "Valid": len(kept) - len(invalid),
            "Invalid": len(invalid),
            "ChangedMeanwhile": len(pairs) - len(kept),
            "Refused": refused,
            "Numbers": len(items),
            "Paid": paid,
        }
        s3().put_object(
            Bucket=BUCKET,
            Key=f"{batch_input['ResultsPrefix']}{items[0]['Row']:010}.json",
            Body=json.dumps({"Counts": counts, "InvalidEndpoints": invalid}).encode(),
        )

    logger.info("Batch validated", extra=counts)
    return {}


def _verdicts(items: Sequence[WorkItem]) -> tuple[dict[str, Verdict], int]:
    """Verdicts by number, from the cache or from the paid API, and how many were paid."""
    possible = {item["Number"]: item["Country"] for item in items if item["Number"]}
    verdicts = cache.read(possible)
    to_ask = [number for number in possible if number not in verdicts]

    def ask(number: str) -> Verdict:
        request = {"PhoneNumber": number}
        country = possible[number]
        if country:
            request["IsoCountryCode"] = country
        try:
            with transient_errors_named():
                answer = aws_pinpoint.phone_number_validate(
                    NumberValidateRequest=request  # type: ignore[arg-type]  # a plain dict
                )
        except aws_pinpoint.exceptions.BadRequestException:
            # Not a number to AWS, whatever the offline check thought: one such must not stop a run.
            return IMPOSSIBLE
        return verdict_from(answer["NumberValidateResponse"])

    bought: dict[str, Verdict] = {}
    failure: Exception | None = None
    for _ in range(ROUNDS):
        failure = None
        for number, result in call_paced(
            to_ask, ask, reservations=limiter, calls_per_second=QUOTA, threads=THREADS
        ):
            if not isinstance(result, Exception):
                bought[number] = result
            elif failure is None or isinstance(failure, ServiceUnavailable):
                failure = result
        if not isinstance(failure, ServiceUnavailable):
            break
        to_ask = [number for number in to_ask if number not in bought]

    # What was paid for is kept even when another number failed: the next attempt asks only that.
    cache.write(bought)
    if failure is not None:
        raise failure
    return verdicts | bought, len(bought)


def _write(batch: Sequence[Mapping[str, Any]]) -> int:
    """Update the endpoints; answers how many of them the project refused.

    A batch is refused as a whole, so its endpoints are then written one by one: an endpoint that
    no update fits (too large, say) must not keep the others unmarked.
    """
    try:
        pinpoint.update_endpoints_batch(
            ApplicationId=PROJECT_ID,
            EndpointBatchRequest={"Item": batch},  # type: ignore[typeddict-item]  # plain dicts
        )
    except pinpoint.exceptions.BadRequestException:
        if len(batch) > 1:
            return sum(_write([update]) for update in batch)
        logger.warning("Endpoint refused its mark", extra={"endpoint": batch[0]["Id"]})
        return 1
    return 0


def _unchanged(
    pairs: list[tuple[EndpointToUpdate, Verdict]], exported_at: float
) -> list[tuple[EndpointToUpdate, Verdict]]:
    """Leave out endpoints deleted or given another address since the export.

    An update would bring a deleted endpoint back as an empty one, and overwrite a new address.
    Right after the export the question is not worth a call per endpoint.
    """
    if time.time() - exported_at <= RECHECK_AFTER_SECONDS:
        return pairs

    def unchanged(pair: tuple[EndpointToUpdate, Verdict]) -> bool:
        endpoint, verdict = pair
        try:
            now = pinpoint.get_endpoint(ApplicationId=PROJECT_ID, EndpointId=endpoint["Id"])
        except pinpoint.exceptions.NotFoundException:
            return False
        # The cleansed number is there when an earlier attempt of this batch wrote it.
        return now["EndpointResponse"].get("Address") in (endpoint["Address"], verdict.cleansed)

    with ThreadPoolExecutor(THREADS) as pool:
        answers = list(pool.map(unchanged, pairs))
    return [pair for pair, same in zip(pairs, answers, strict=True) if same]
