"""Event source mappings of streams fail as configured: in parts, a limited number of times.

The emulator repeats a batch of a Kinesis or DynamoDB stream until the function succeeds, and takes
a partial failure for success. Lambda Developer Guide, "How Lambda processes records from stream and
queue-based event sources", "Configuring partial batch response with Kinesis Data Streams and
Lambda" and "Configuring partial batch response with DynamoDB and Lambda".
"""

from __future__ import annotations

import json
import logging
import time
import uuid
from dataclasses import dataclass
from typing import Any

from ministack.services import lambda_svc

from local_aws.patches.delivery import enqueue
from local_aws.patches.rewriting import rewrite
from local_aws.patches.service_access import role_allows

REQUIRED = (
    "ministack.services.lambda_svc._execute_function",
    "ministack.services.lambda_svc._poll_dynamodb_streams",
    "ministack.services.lambda_svc._poll_kinesis",
)

# The emulator's streams of tables have one shard.
TABLE_SHARD = "shardId-00000000000000000000-00000000"

logger = logging.getLogger(__name__)
Json = dict[str, Any]


def apply() -> None:
    rewrite(
        lambda_svc,
        "_poll_kinesis",
        (
            "result = _execute_function(func_rec, event)",
            "result = _run_in_parts(esm, shard_id, func_rec, records)",
        ),
        _run_in_parts=run_in_parts,
    )
    rewrite(
        lambda_svc,
        "_poll_dynamodb_streams",
        # Records that are too old are given up in parts as well.
        ('max_age = esm.get("MaximumRecordAgeInSeconds")', "max_age = None"),
        (
            "result = _execute_function(func_rec, event)",
            "result = _run_in_parts(esm, _TABLE_SHARD, func_rec, batch)",
        ),
        _run_in_parts=run_in_parts,
        _TABLE_SHARD=TABLE_SHARD,
    )


@dataclass(slots=True)
class _Part:
    """Records that are invoked together, and how often that was tried."""

    records: list[Json]
    attempts: int = 0


# What is not done yet, by mapping and shard, in the order of the stream.
_waiting: dict[tuple[str, str], list[_Part]] = {}


def run_in_parts(mapping: Json, shard_id: str, function: Json, records: list[Json]) -> Json:
    """Invoke the function for records until they are done or given up, or one has to be retried.

    The poller gives the same records again, and maybe more, after an answer with `error`.
    """
    key = (mapping["UUID"], shard_id)
    waiting = _waiting.setdefault(key, [])
    known = {_number(record) for part in waiting for record in part.records}
    last = max(known, default=-1)
    added = [record for record in records if _number(record) > last]
    if added:
        waiting.append(_Part(added))
    result: Json = {"body": None}
    while waiting:
        part = waiting[0]
        result = lambda_svc._execute_function(function, {"Records": part.records})
        part.attempts += 1
        done = _done(mapping, part, result)
        if done == len(part.records):
            waiting.pop(0)
            continue
        if done:
            waiting[0] = part = _Part(part.records[done:], attempts=1)
        elif mapping.get("BisectBatchOnFunctionError") and len(part.records) > 1:
            half = len(part.records) // 2  # a split is no retry
            waiting[:1] = [_Part(part.records[:half]), _Part(part.records[half:])]
            part = waiting[0]
        condition = _given_up(mapping, part)
        if condition:
            _tell(mapping, shard_id, function, part, condition, result)
            waiting.pop(0)
            continue
        return {**result, "error": True}
    del _waiting[key]
    return {**result, "error": False}


def _sequence_number(record: Json) -> str:
    if "dynamodb" in record:
        return str(record["dynamodb"]["SequenceNumber"])
    return str(record["kinesis"]["sequenceNumber"])


def _number(record: Json) -> int:
    return int(_sequence_number(record))


def _done(mapping: Json, part: _Part, result: Json) -> int:
    """How many records from the first on need not be tried again."""
    if result.get("error"):
        return 0
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return len(part.records)
    body = result.get("body")
    if isinstance(body, str):
        try:
            body = json.loads(body)
        except ValueError:
            body = None
    failures = (body or {}).get("batchItemFailures") if isinstance(body, dict) else None
    if not failures:
        return len(part.records)
    numbers = [_sequence_number(record) for record in part.records]
    failed = [failure.get("itemIdentifier") for failure in failures]
    if any(number not in numbers for number in failed):
        return 0  # an identifier that is none: all of the batch failed
    return min(numbers.index(number) for number in failed)


def _given_up(mapping: Json, part: _Part) -> str | None:
    """Why the records are not tried again; None while they are."""
    retries = int(mapping.get("MaximumRetryAttempts", -1))
    if 0 <= retries < part.attempts:
        return "RetryAttemptsExhausted"
    age = int(mapping.get("MaximumRecordAgeInSeconds", -1))
    if 0 <= age < time.time() - _arrival(part.records[0]):
        return "MaxRecordAgeExceeded"
    return None


def _arrival(record: Json) -> float:
    if "dynamodb" in record:
        return float(record["dynamodb"]["ApproximateCreationDateTime"])
    return float(record["kinesis"]["approximateArrivalTimestamp"])


def _tell(
    mapping: Json, shard_id: str, function: Json, part: _Part, condition: str, result: Json
) -> None:
    """Tell the on-failure destination where in the stream the records are."""
    destination = ((mapping.get("DestinationConfig") or {}).get("OnFailure") or {}).get(
        "Destination"
    )
    config = function["config"]
    if not destination:
        return
    if not role_allows(config["Role"], "sqs:SendMessage", destination):
        logger.warning("%s may not sqs:SendMessage to %s", config["Role"], destination)
        return
    first, last = part.records[0], part.records[-1]
    told = {
        "requestContext": {
            "requestId": str(uuid.uuid4()),
            "functionArn": config["FunctionArn"],
            "condition": condition,
            "approximateInvokeCount": part.attempts,
        },
        "responseContext": {
            "statusCode": 200,
            "executedVersion": "$LATEST",
            "functionError": "Unhandled" if result.get("error") else None,
        },
        "version": "1.0",
        "timestamp": _iso(time.time()),
        ("DDBStreamBatchInfo" if "dynamodb" in first else "KinesisBatchInfo"): {
            "shardId": shard_id,
            "startSequenceNumber": _sequence_number(first),
            "endSequenceNumber": _sequence_number(last),
            "approximateArrivalOfFirstRecord": _iso(_arrival(first)),
            "approximateArrivalOfLastRecord": _iso(_arrival(last)),
            "batchSize": len(part.records),
            "streamArn": mapping["EventSourceArn"],
        },
    }
    enqueue(destination, json.dumps(told), {})


def _iso(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
