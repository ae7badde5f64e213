"""Event source mappings of queues gather batches, and take a wrong answer for a failed batch.

Lambda Developer Guide, "Configuring polling and scaling" and "Handling errors for an SQS event
source"; the API reference of CreateEventSourceMapping.
"""

from __future__ import annotations

import itertools
import json
import time
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import lambda_svc, sqs

from local_aws.patches.rewriting import rewrite

REQUIRED = (
    "ministack.services.lambda_svc._create_esm",
    "ministack.services.lambda_svc._esms",
    "ministack.services.lambda_svc._get_func_record_for_ref",
    "ministack.services.lambda_svc._poll_sqs",
    "ministack.services.lambda_svc._run_sqs_batch",
    "ministack.services.lambda_svc._update_esm",
    "ministack.services.sqs._collect_msgs",
    "ministack.services.sqs._dlq_sweep",
    "ministack.services.sqs._expire_retained",
    "ministack.services.sqs._get_q",
    "ministack.services.sqs._queue_by_arn",
    "ministack.services.sqs._queues_lock",
)

Json = dict[str, Any]
MAX_WITHOUT_WINDOW = 10
MAX_PAYLOAD_BYTES = 6 * 1024 * 1024

# When the first message of the next batch was seen, by mapping.
_gathering_since: dict[str, float] = {}


def apply() -> None:
    rewrite(
        lambda_svc,
        "_poll_sqs",
        (
            "batch = _sqs._receive_messages_for_esm(queue_url, batch_size)",
            "batch = _take_batch(esm, queue_url)",
        ),
        _take_batch=take_batch,
    )
    rewrite(
        lambda_svc,
        "_run_sqs_batch",
        # Null instead of a list would end the thread: the new line below reads the answer.
        ('if "ReportBatchItemFailures" in esm.get("FunctionResponseTypes", []):', "if False:"),
        (
            "    # Delete only the messages that succeeded (not in failed_ids)",
            "    failed_ids = _failed_ids(esm, batch, result)",
        ),
        _failed_ids=failed_ids,
    )
    create, update = lambda_svc._create_esm, lambda_svc._update_esm

    def create_esm(data: Json) -> Any:
        return _refusal(data, data) or create(data)

    def update_esm(esm_id: str, data: Json) -> Any:
        mapping = lambda_svc._esms.get(esm_id) or {}
        return _refusal({**mapping, **data}, data) or update(esm_id, data)

    lambda_svc._create_esm, lambda_svc._update_esm = create_esm, update_esm


def take_batch(mapping: Json, queue_url: str) -> list[Json]:
    """Receive the next batch if it is due: full, 6 MB large, or its window is over."""
    size = int(mapping.get("BatchSize") or 10)
    window = float(mapping.get("MaximumBatchingWindowInSeconds") or 0)
    with sqs._queues_lock:
        queue = sqs._get_q(queue_url)
        sqs._expire_retained(queue)
        sqs._dlq_sweep(queue)
        now = time.time()
        ready = (m for m in queue["messages"] if (m.get("visible_at") or 0) <= now)
        visible = list(itertools.islice(ready, size))
        if not visible:
            _gathering_since.pop(mapping["UUID"], None)
            return []
        fitting = _fitting(visible)
        since = _gathering_since.setdefault(mapping["UUID"], now)
        if len(visible) < size and fitting == len(visible) and now - since < window:
            return []
        del _gathering_since[mapping["UUID"]]
        timeout = int(queue["attributes"].get("VisibilityTimeout", "30"))
        batch: list[Json] = sqs._collect_msgs(queue, fitting, timeout)
        return batch


def _fitting(messages: list[Json]) -> int:
    """How many of the messages, at least one, an invocation can hold."""
    size = 0
    for number, message in enumerate(messages):
        size += len(message["body"].encode())
        if number and size > MAX_PAYLOAD_BYTES:
            return number
    return len(messages)


def failed_ids(mapping: Json, batch: list[Json], result: Json) -> set[str]:
    """The messages that stay in the queue: all of them when the answer is not of the right form."""
    if "ReportBatchItemFailures" not in (mapping.get("FunctionResponseTypes") or []):
        return set()
    known = {message["id"] for message in batch}
    answer = result.get("body")
    try:
        answer = json.loads(answer) if isinstance(answer, str | bytes) and answer else answer
        failures = answer.get("batchItemFailures") if answer else None
        failed = {failure["itemIdentifier"] for failure in failures or []}
    except (AttributeError, KeyError, TypeError, ValueError):
        return known
    return failed if failed <= known else known


def _refusal(mapping: Json, given: Json) -> Any:
    """The answer to settings that AWS does not take; None when it takes them."""
    source = str(mapping.get("EventSourceArn") or "")
    if ":sqs:" not in source:
        return None
    size = int(mapping.get("BatchSize") or 10)
    if size > MAX_WITHOUT_WINDOW and not mapping.get("MaximumBatchingWindowInSeconds"):
        return _invalid(
            "Maximum batch window in seconds must be greater than 0 if maximum batch size is "
            f"greater than {MAX_WITHOUT_WINDOW}"
        )
    queue = sqs._queue_by_arn(source)
    if queue is None or not given.get("FunctionName"):
        return None
    _, config, _ = lambda_svc._get_func_record_for_ref(str(given["FunctionName"]))
    visible_after = int(queue["attributes"].get("VisibilityTimeout", "30"))
    timeout = int((config or {}).get("Timeout") or 3)
    if visible_after < timeout:
        return _invalid(
            f"Queue visibility timeout: {visible_after} seconds is less than Function timeout: "
            f"{timeout} seconds"
        )
    return None


def _invalid(message: str) -> Any:
    return error_response_json("InvalidParameterValueException", message, 400)
