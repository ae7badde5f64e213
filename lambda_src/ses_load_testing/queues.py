"""The queue messages come from, and the two they may end in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from shared.transient import is_transient

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient
    from mypy_boto3_sqs.type_defs import MessageAttributeValueTypeDef

__all__ = ["Delivery", "Ending", "Queues", "delivery_of"]

T = TypeVar("T")
_ENTRIES_PER_CALL = 10
_BYTES_PER_CALL = 200_000  # of 262,144: attributes count too
_LONGEST_REASON = 1024


@dataclass(frozen=True, slots=True)
class Delivery:
    """A message as the event source mapping hands it over."""

    id: str
    receipt_handle: str
    body: str
    receives: int  # this one included
    queued_at: float  # epoch seconds


@dataclass(frozen=True, slots=True)
class Ending:
    """A message that leaves the queue unsent, and why: the original body is kept."""

    delivery: Delivery
    error_code: str
    reason: str


def delivery_of(record: Mapping[str, Any]) -> Delivery:
    """Return a record of the event."""
    attributes = record["attributes"]
    return Delivery(
        id=record["messageId"],
        receipt_handle=record["receiptHandle"],
        body=record["body"],
        receives=int(attributes["ApproximateReceiveCount"]),
        queued_at=int(attributes["SentTimestamp"]) / 1000,
    )


class Queues:
    """Hide messages for a while, and move permanently failed messages to the dead-letter queue."""

    def __init__(
        self, sqs: SQSClient, *, queue_url: str, dead_letter_url: str, parked_url: str
    ) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._dead_letter_url = dead_letter_url
        self._parked_url = parked_url

    def hide(self, seconds: Mapping[Delivery, int]) -> None:
        """Hide each message for so many seconds (0-43,200); it keeps its receive count.

        A message that cannot be hidden is redelivered all the same, so no error is raised for it.
        """
        for group in _in_groups(list(seconds.items())):
            try:
                self._sqs.change_message_visibility_batch(
                    QueueUrl=self._queue_url,
                    Entries=[
                        {
                            "Id": str(number),
                            "ReceiptHandle": delivery.receipt_handle,
                            "VisibilityTimeout": wait,
                        }
                        for number, (delivery, wait) in enumerate(group)
                    ],
                )
            except ClientError as error:
                if not is_transient(error):
                    raise
            except (HTTPClientError, ConnectionError):
                continue

    def fail(self, endings: Sequence[Ending]) -> set[str]:
        """Put messages into the dead-letter queue; return the ids of the moved messages."""
        return self._move(self._dead_letter_url, endings)

    def park(self, endings: Sequence[Ending]) -> set[str]:
        """Put messages of unknown outcome into the parked queue; return the moved ids."""
        return self._move(self._parked_url, endings)

    def _move(self, queue_url: str, endings: Sequence[Ending]) -> set[str]:
        moved: set[str] = set()
        for group in _that_fit(endings):
            try:
                answer = self._sqs.send_message_batch(
                    QueueUrl=queue_url,
                    Entries=[
                        {
                            "Id": str(number),
                            "MessageBody": ending.delivery.body,
                            "MessageAttributes": {
                                "error_code": _attribute(ending.error_code),
                                "message_id": _attribute(ending.delivery.id),
                                "reason": _attribute(ending.reason),
                            },
                        }
                        for number, ending in enumerate(group)
                    ],
                )
            except ClientError as error:
                if not is_transient(error):
                    raise
                continue
            except (HTTPClientError, ConnectionError):
                continue
            moved |= {group[int(done["Id"])].delivery.id for done in answer.get("Successful", [])}
        return moved


def _attribute(text: str) -> MessageAttributeValueTypeDef:
    printable = "".join(c if c.isprintable() else " " for c in text)[:_LONGEST_REASON]
    return {"DataType": "String", "StringValue": printable or "-"}


def _in_groups(values: Sequence[T]) -> Iterator[Sequence[T]]:
    return (
        values[first : first + _ENTRIES_PER_CALL]
        for first in range(0, len(values), _ENTRIES_PER_CALL)
    )


def _that_fit(endings: Sequence[Ending]) -> Iterator[Sequence[Ending]]:
    group: list[Ending] = []
    size = 0
    for ending in endings:
        bytes_of_it = len(ending.delivery.body.encode())
        if group and (len(group) == _ENTRIES_PER_CALL or size + bytes_of_it > _BYTES_PER_CALL):
            yield group
            group, size = [], 0
        group.append(ending)
        size += bytes_of_it
    if group:
        yield group
