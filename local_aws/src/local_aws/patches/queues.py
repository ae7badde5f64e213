"""Redriving a dead-letter queue: StartMessageMoveTask and ListMessageMoveTasks."""

from __future__ import annotations

import base64
import json
import time
from typing import Any

from ministack.services import sqs

REQUIRED = (
    "ministack.services.sqs._Err",
    "ministack.services.sqs._HANDLERS",
    "ministack.services.sqs._queue_by_arn",
    "ministack.services.sqs._queues",
    "ministack.services.sqs._queues_lock",
    "ministack.services.sqs.esm_wake",
)


def apply() -> None:
    sqs._HANDLERS["StartMessageMoveTask"] = start_message_move_task
    sqs._HANDLERS["ListMessageMoveTasks"] = list_message_move_tasks


def start_message_move_task(data: dict[str, Any], queue_url: str) -> dict[str, Any]:
    """Move every message of a dead-letter queue to the destination, or back where it came from."""
    source_arn = str(data.get("SourceArn", ""))
    source = sqs._queue_by_arn(source_arn)
    if source is None:
        raise sqs._Err(
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.",
        )
    origins = [
        queue
        for _, queue in sqs._queues.items()
        if json.loads(queue["attributes"].get("RedrivePolicy") or "{}").get("deadLetterTargetArn")
        == source_arn
    ]
    if not origins:
        raise sqs._Err(
            "InvalidParameterValue", "Source queue must be configured as a Dead Letter Queue."
        )
    named = data.get("DestinationArn")
    destination = sqs._queue_by_arn(named) if named else origins[0]
    if destination is None:
        raise sqs._Err("ResourceNotFoundException", f"The destination {named} does not exist.")
    with sqs._queues_lock:
        moved = source["messages"]
        source["messages"] = []
        for message in moved:
            message.update(
                receipt_handle=None, receive_count=0, first_receive_at=None, visible_at=time.time()
            )
            destination["messages"].append(message)
    source.setdefault("_move_tasks", []).append(
        {
            "Status": "COMPLETED",
            "SourceArn": source_arn,
            "ApproximateNumberOfMessagesMoved": len(moved),
            "ApproximateNumberOfMessagesToMove": len(moved),
            "StartedTimestamp": int(time.time() * 1000),
        }
        | ({"DestinationArn": named} if named else {})
    )
    sqs.esm_wake.set()
    return {"TaskHandle": base64.b64encode(source_arn.encode()).decode()}


def list_message_move_tasks(data: dict[str, Any], queue_url: str) -> dict[str, Any]:
    source = sqs._queue_by_arn(str(data.get("SourceArn", "")))
    if source is None:
        raise sqs._Err(
            "ResourceNotFoundException",
            "The resource that you specified for the SourceArn parameter doesn't exist.",
        )
    tasks = source.get("_move_tasks", [])[::-1]
    return {"Results": tasks[: int(data.get("MaxResults", 1))]}
