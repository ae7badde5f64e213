"""Claims in a DynamoDB table: one answer per sender and window, and no answer twice."""

from __future__ import annotations

import hashlib
import time
import uuid
from collections.abc import Callable, Sequence
from contextlib import suppress
from enum import Enum, auto
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError

from shared.claims import is_own
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
    mail, `attempt` that claimed it, `window_ends` and `expires_at` (epoch seconds), and `sent` once
    the reply is out."""

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

    def take(self, senders: Sequence[str], message_id: str) -> Claim:
        """Claim all of these people for a mail, or not any of them.

        A claim gives way to another mail's after the window, to the same mail's never: its reply
        may be out. A transaction whose answer was lost is recognised by its attempt.

        Raises:
            ServiceUnavailable: DynamoDB did not decide; the claim is given up, where it was taken.
        """
        attempt = uuid.uuid4().hex
        now = int(self._clock())
        item = {
            "message_id": {"S": message_id},
            "attempt": {"S": attempt},
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
            return _why_not([reason.get("Item") for reason in reasons], message_id, attempt)
        except ServiceUnavailable:
            self._give_up(senders, attempt)
            raise
        return Claim.TAKEN

    def sent(self, senders: Sequence[str], message_id: str) -> bool:
        """Record that the reply is out; return whether the record was written.

        The outcome is known without the record. A repeated event would find an open claim.
        """
        written = True
        for sender in senders:
            try:
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
            except (ClientError, BotoCoreError):
                written = False
        return written

    def release(self, senders: Sequence[str], message_id: str) -> None:
        """Give up a claim: the reply was surely not sent.

        Raises:
            ServiceUnavailable: DynamoDB did not answer; the claim may be open still.
        """
        for sender in senders:
            self._delete(sender, "message_id", message_id)

    def _give_up(self, senders: Sequence[str], attempt: str) -> None:
        """Delete the claims that a transaction without an answer may have written.

        A claim that stays all the same is open: the next attempt raises OutcomeUnknown, and a
        person looks.
        """
        for sender in senders:
            with suppress(ServiceUnavailable):
                self._delete(sender, "attempt", attempt)

    def _delete(self, sender: str, name: str, value: str) -> None:
        """Delete a claim where an attribute has a value; a claim that is gone is no error."""
        try:
            with transient_errors_named():
                self._dynamodb.delete_item(
                    TableName=self._table_name,
                    Key=_key(sender),
                    ConditionExpression="#name = :value",
                    ExpressionAttributeNames={"#name": name},
                    ExpressionAttributeValues={":value": {"S": value}},
                )
        except ClientError as error:
            # The answer to an earlier deletion was lost, or another mail has the claim by now.
            if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
                raise


def _why_not(found: list[Any], message_id: str, attempt: str) -> Claim:
    claims = [item for item in found if item]
    own = [item for item in claims if item["message_id"]["S"] == message_id]
    if own and all(is_own(item, {"attempt": {"S": attempt}}) for item in claims):
        return Claim.TAKEN  # the repetition of a transaction whose answer was lost
    if own:
        # Sent to one is sent to all: it is one reply.
        return Claim.SENT_BEFORE if any("sent" in item for item in own) else Claim.OPEN
    if claims:
        return Claim.ANSWERED_LATELY
    raise ServiceUnavailable("DynamoDB cancelled a claim because of another one; nothing is sent.")


def _key(sender: str) -> dict[str, Any]:
    return {"pk": {"S": hashlib.sha256(sender.encode()).hexdigest()}}
