"""Claims in a DynamoDB table: one answer per sender and window, and no answer twice."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.transient import ServiceUnavailable, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Claim", "Claims"]

# Lambda tries an event again for at most six hours; a claim must be there to be found until then.
KEPT_SECONDS_AT_LEAST = 86_400


class Claim(Enum):
    """The outcome of an attempt to claim the senders of a mail."""

    TAKEN = auto()  # go on and send
    ANSWERED_LATELY = auto()  # another mail of theirs was answered within the window
    SENT_BEFORE = auto()  # this mail was answered: the event came twice
    OPEN = auto()  # this mail was claimed before, without a recorded outcome


class Claims:
    """The items of the table: `pk` (hash of a person's address), `message_id` of the answered
    mail, `window_ends` and `expires_at` (epoch seconds), and `sent` once the reply is out."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table_name: str,
        window_seconds: int,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._window_seconds = window_seconds
        self._clock = clock

    def take(self, senders: Iterable[str], message_id: str) -> Claim:
        """Claim all of these people for a mail, or not any of them.

        A claim gives way to another mail's after the window, to the same mail's never: its reply
        may be out. (A transaction also because botocore's retry of one finds itself.)

        Raises:
            ServiceUnavailable: DynamoDB could not decide; nothing is claimed.
        """
        now = int(self._clock())
        item = {
            "message_id": {"S": message_id},
            "window_ends": {"N": str(now + self._window_seconds)},
            "expires_at": {"N": str(now + max(self._window_seconds, KEPT_SECONDS_AT_LEAST))},
        }
        puts: list[Any] = [
            {
                "Put": {
                    "TableName": self._table_name,
                    "Item": {**_key(sender), **item},
                    "ConditionExpression": "attribute_not_exists(pk) "
                    "OR (window_ends < :now AND message_id <> :message_id)",
                    "ExpressionAttributeValues": {
                        ":now": {"N": str(now)},
                        ":message_id": {"S": message_id},
                    },
                    "ReturnValuesOnConditionCheckFailure": "ALL_OLD",
                }
            }
            for sender in senders
        ]
        try:
            with transient_errors_named():
                self._dynamodb.transact_write_items(TransactItems=puts)
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons: list[Any] = error.response.get("CancellationReasons") or []
            return _why_not([reason.get("Item") for reason in reasons], message_id)
        return Claim.TAKEN

    def sent(self, senders: Iterable[str], message_id: str) -> None:
        """Record that the reply is out."""
        for sender in senders:
            with transient_errors_named():
                self._dynamodb.update_item(
                    TableName=self._table_name,
                    Key=_key(sender),
                    UpdateExpression="SET sent = :true",
                    ConditionExpression="message_id = :message_id",
                    ExpressionAttributeValues={
                        ":true": {"BOOL": True},
                        ":message_id": {"S": message_id},
                    },
                )

    def release(self, senders: Iterable[str], message_id: str) -> None:
        """Give up a claim: the reply was surely not sent."""
        for sender in senders:
            with transient_errors_named():
                self._dynamodb.delete_item(
                    TableName=self._table_name,
                    Key=_key(sender),
                    ConditionExpression="message_id = :message_id",
                    ExpressionAttributeValues={":message_id": {"S": message_id}},
                )


def _why_not(found: list[Any], message_id: str) -> Claim:
    claims = [item for item in found if item]
    own = [item for item in claims if item["message_id"]["S"] == message_id]
    if own:
        # Sent to one is sent to all: it is one reply.
        return Claim.SENT_BEFORE if any("sent" in item for item in own) else Claim.OPEN
    if claims:
        return Claim.ANSWERED_LATELY
    raise ServiceUnavailable("DynamoDB cancelled a claim because of another one; nothing is sent.")


def _key(sender: str) -> dict[str, Any]:
    return {"pk": {"S": hashlib.sha256(sender.encode()).hexdigest()}}
