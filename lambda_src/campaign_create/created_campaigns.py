"""The campaigns that runs created, by name: a look-up that does not grow with the project."""

import time
import uuid
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from shared.claims import take

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["CreatedCampaigns"]

KEPT_SECONDS = 400 * 86_400  # longer than Step Functions keeps the name of an execution


class CreatedCampaigns:
    """The items `pk = campaign#<name>`, `sk = created` of a table with the TTL attribute
    `expires_at`. An item without `campaign_id` belongs to a creation whose answer is not known;
    `claimed_by` is the attempt that claimed the name."""

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table_name: str,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dynamodb = dynamodb
        self._table_name = table_name
        self._clock = clock

    def claim(self, name: str) -> bool:
        """Claim a name; return whether no earlier attempt has claimed it."""
        item = {**self._item(name), "claimed_by": {"S": uuid.uuid4().hex}}
        return take(self._dynamodb, self._table_name, item, holder="claimed_by").own

    def campaign_id(self, name: str) -> str | None:
        """Return the id of the campaign of a claimed name; None while the id is not known."""
        answer = self._dynamodb.get_item(
            TableName=self._table_name, Key=_key(name), ConsistentRead=True
        )
        stored = answer.get("Item", {}).get("campaign_id")
        return None if stored is None else str(stored["S"])

    def remember(self, name: str, campaign_id: str) -> None:
        """Keep the id of the campaign of a name."""
        self._dynamodb.put_item(
            TableName=self._table_name,
            Item={**self._item(name), "campaign_id": {"S": campaign_id}},
        )

    def _item(self, name: str) -> dict[str, Any]:
        return {**_key(name), "expires_at": {"N": str(int(self._clock()) + KEPT_SECONDS)}}


def _key(name: str) -> dict[str, Any]:
    return {"pk": {"S": f"campaign#{name}"}, "sk": {"S": "created"}}
