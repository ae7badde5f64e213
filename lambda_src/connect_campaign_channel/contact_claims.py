"""Claims in a DynamoDB table: at most one contact for each endpoint and run, and its outcome.

An item is made before the contact (`claimed_at`, `holder`), gets the outcome after it, and
`reported` once the event stream has it. Its key is a digest: an endpoint id can be an address.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared import claims
from shared.outcome_events import ChannelOutcome
from shared.transient import error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["ContactClaims", "Outcome", "Taken", "token_of"]

# A message waits for a week at most, and its redelivery must find the claim.
_KEPT = timedelta(days=15)
_SORT_KEY = "contact"


@dataclass(frozen=True, slots=True)
class Outcome:
    """Outcome of the contact with an endpoint, without its address."""

    outcome: ChannelOutcome
    reason: str | None = None
    contact_id: str | None = None


@dataclass(frozen=True, slots=True)
class Taken:
    """A claim that is there: when it was taken, its outcome if one is known, and whether the
    outcome was reported."""

    claimed_at: datetime
    outcome: Outcome | None
    reported: bool


def token_of(key: str) -> str:
    """Return the token of an endpoint in a run, the same in each attempt."""
    return hashlib.sha256(key.encode(errors="surrogatepass")).hexdigest()


class ContactClaims:
    """The claims of one table, which has the string keys `pk` and `sk`, and a time to live."""

    def __init__(self, dynamodb: DynamoDBClient, table: str) -> None:
        self._dynamodb = dynamodb
        self._table = table

    def find(self, key: str) -> Taken | None:
        """Return the claim of an endpoint and run, read consistently.

        Raises:
            ClientError, BotoCoreError: DynamoDB refused or did not answer.
        """
        answer = self._dynamodb.get_item(TableName=self._table, Key=_key(key), ConsistentRead=True)
        return _taken(answer["Item"]) if "Item" in answer else None

    def take(self, key: str, holder: str, at: datetime) -> bool:
        """Claim an endpoint and run for one attempt; False where another attempt has it.

        Raises:
            ClientError, BotoCoreError: DynamoDB refused or did not answer; it may be taken.
        """
        item = {**_key(key), "holder": {"S": holder}, **_times(at)}
        return claims.take(self._dynamodb, self._table, item, holder="holder").own

    def release(self, key: str, holder: str) -> None:
        """Give up a claim whose contact surely had no effect.

        Raises:
            ClientError, BotoCoreError: DynamoDB refused or did not answer.
        """
        try:
            self._dynamodb.delete_item(
                TableName=self._table,
                Key=_key(key),
                ConditionExpression="holder = :holder AND attribute_not_exists(outcome)",
                ExpressionAttributeValues={":holder": {"S": holder}},
            )
        except ClientError as error:
            # The first try of this deletion was done, and its answer lost.
            if error_code(error) != "ConditionalCheckFailedException":
                raise

    def record(self, key: str, outcome: Outcome, at: datetime) -> None:
        """Write an outcome, with a claim where no claim is. The first outcome stays.

        Raises:
            ClientError, BotoCoreError: DynamoDB refused or did not answer.
        """
        values: dict[str, Any] = {
            ":outcome": {"S": outcome.outcome.value},
            ":reason": {"S": outcome.reason or ""},
            ":contact": {"S": outcome.contact_id or ""},
            ":at": _times(at)["claimed_at"],
            ":expires": _times(at)["expires_at"],
        }
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(key),
            UpdateExpression="SET outcome = if_not_exists(outcome, :outcome), "
            "reason = if_not_exists(reason, :reason), "
            "contact_id = if_not_exists(contact_id, :contact), "
            "claimed_at = if_not_exists(claimed_at, :at), expires_at = :expires",
            ExpressionAttributeValues=values,
        )

    def mark_reported(self, key: str) -> None:
        """Note that the event stream has the outcome.

        Raises:
            ClientError, BotoCoreError: DynamoDB refused or did not answer.
        """
        self._dynamodb.update_item(
            TableName=self._table,
            Key=_key(key),
            UpdateExpression="SET reported = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )


def _key(key: str) -> dict[str, Any]:
    return {"pk": {"S": f"contact#{token_of(key)}"}, "sk": {"S": _SORT_KEY}}


def _times(at: datetime) -> dict[str, Any]:
    return {
        "claimed_at": {"N": str(int(at.timestamp()))},
        "expires_at": {"N": str(int((at + _KEPT).timestamp()))},
    }


def _taken(item: claims.Item) -> Taken:
    outcome = None
    if "outcome" in item:
        outcome = Outcome(
            ChannelOutcome(item["outcome"]["S"]),
            item["reason"]["S"] or None,
            item["contact_id"]["S"] or None,
        )
    claimed_at = datetime.fromtimestamp(int(item["claimed_at"]["N"]), UTC)
    return Taken(claimed_at, outcome, "reported" in item)
