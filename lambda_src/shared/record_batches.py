"""Batches for PutRecords (Kinesis), PutRecordBatch (Firehose) and PutEvents (EventBridge), and
another try for the refused.

The calls accept some records of a batch and refuse others, for lack of capacity as a rule.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

__all__ = ["ATTEMPTS", "RECORDS_PER_CALL", "batches", "put_patiently", "refused"]

RECORDS_PER_CALL = 500
"""Kinesis and Firehose take no more."""
ATTEMPTS = 6

T = TypeVar("T")


def batches(
    records: Sequence[T],
    bytes_of: Callable[[T], int],
    *,
    most_bytes: int,
    most_records: int = RECORDS_PER_CALL,
) -> Iterator[list[T]]:
    """Yield records in order, as many at a time as one call takes; a larger one goes alone."""
    batch: list[T] = []
    size = 0
    for record in records:
        length = bytes_of(record)
        if batch and (len(batch) == most_records or size + length > most_bytes):
            yield batch
            batch, size = [], 0
        batch.append(record)
        size += length
    if batch:
        yield batch


def put_patiently(
    put: Callable[[list[T]], list[tuple[T, str]]],
    batch: Sequence[T],
    *,
    first_pause_seconds: float,
    sleep: Callable[[float], None],
) -> list[tuple[T, str]]:
    """Put a batch, then what was refused of it, up to ATTEMPTS times; pauses double.

    Args:
        put: makes one call and gives the refused records with their error codes.

    Returns:
        What was refused to the last, with its error codes.
    """
    left = list(batch)
    last: list[tuple[T, str]] = []
    for attempt in range(ATTEMPTS):
        if attempt:
            sleep(first_pause_seconds * 2 ** (attempt - 1))
        last = put(left)
        if not last:
            break
        left = [record for record, _ in last]
    return last


def refused(batch: Sequence[T], answers: Sequence[Mapping[str, Any]]) -> list[tuple[T, str]]:
    """Return the records of a call that its answers, one for each, refuse; with the error codes."""
    return [
        (record, str(answer["ErrorCode"]))
        for record, answer in zip(batch, answers, strict=True)
        if answer.get("ErrorCode")
    ]
