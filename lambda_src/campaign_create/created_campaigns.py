"""The campaigns that runs created, by name: a look-up that does not grow with the project."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["CreatedCampaigns"]

KEPT_SECONDS = 400 * 86_400  # longer than Step Functions keeps the name of an execution


class CreatedCampaigns:
    """The items `pk = campaign#<name>`, `sk = created` of a table with the TTL attribute
    `expires_at`. An item without `campaign_id` belongs to a creation whose answer is not known."""

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
        """Claim a name; return whether no run has claimed it before.

        After a lost answer of DynamoDB the repetition finds its own claim: False then only costs a
        look-up in the project.
        """
        try:
            self._dynamodb.put_item(
                TableName=self._table_name,
                Item=self._item(name),
                ConditionExpression="attribute_not_exists(pk)",
            )
        except self._dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

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
