"""Read a record of a project's event stream."""

from __future__ import annotations

import binascii
import json
from collections.abc import Mapping
from typing import Any

from shared.suppression import Feedback, MalformedFeedback, feedback_from_pinpoint

__all__ = ["LARGEST_DATA", "dead_letter", "feedback_in"]

LARGEST_DATA = 200_000
"""Characters of base64 that a dead letter carries: SQS takes 262,144 bytes in a message."""


def feedback_in(data: str) -> tuple[Feedback, ...]:
    """Return the feedback in a record's data (base64); empty when it says nothing against a
    recipient.

    A record is one event as JSON, with or without a newline after it.

    Raises:
        MalformedFeedback: it is no event, or lacks a member; retrying cannot help.
    """
    try:
        event = json.loads(binascii.a2b_base64(data))
    except (ValueError, RecursionError) as error:
        raise MalformedFeedback("The record is not JSON.") from error
    if not isinstance(event, dict):
        raise MalformedFeedback("The record is not a JSON object.")
    return feedback_from_pinpoint(event)


def dead_letter(record: Mapping[str, Any], reason: str) -> str:
    """Write the dead letter of a record that no retry can help, for a person to read and redrive.

    Args:
        record: as Lambda gives it. Its data stays out where it is too large for a message; the
            stream has it under `SequenceNumber` for as long as it keeps records.
        reason: why; without anything of the content.
    """
    kinesis = record["kinesis"]
    return json.dumps(
        {
            "Reason": reason,
            "StreamArn": record["eventSourceARN"],
            "ShardId": record["eventID"].partition(":")[0],
            "SequenceNumber": kinesis["sequenceNumber"],
            "PartitionKey": kinesis["partitionKey"],
            "Data": kinesis["data"] if len(kinesis["data"]) <= LARGEST_DATA else None,
        }
    )
