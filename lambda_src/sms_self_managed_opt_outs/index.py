"""Endpoints by number, numbers that an opt-out list keeps, and settings, in the module's own table.

    pk number#<number>    sk endpoint#<endpoint id>   the endpoint was seen with the number
    pk kept               sk <number>                 the number opted in, and lists still have it
    pk settings#<hash>    sk settings                 the keywords and categories, as JSON

The Pinpoint API has no query by address. The event stream shows the endpoint of each message.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.transient import error_code

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Index", "SettingsMissing"]

_KEPT = {"S": "kept"}


class SettingsMissing(RuntimeError):
    """The table has no settings under the id that the function was given."""


class Index:
    """The module's own table."""

    def __init__(self, client: DynamoDBClient, table: str) -> None:
        self._client, self._table = client, table

    def settings(self, settings_id: str) -> str:
        """Return the settings that Terraform wrote.

        Raises:
            SettingsMissing: they are not there. `terraform apply` writes them again.
        """
        key = {"pk": {"S": settings_id}, "sk": {"S": "settings"}}
        item = self._client.get_item(TableName=self._table, Key=key).get("Item")
        if item is None:
            raise SettingsMissing("The settings are not in the table: run terraform apply.")
        return item["settings"]["S"]

    def endpoint_ids(self, number: str) -> list[str]:
        """Return the ids of the endpoints that were seen with a number."""
        answers = self._client.get_paginator("query").paginate(
            TableName=self._table,
            ConsistentRead=True,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": {"S": f"number#{number}"}},
        )
        keys = (item["sk"]["S"] for answer in answers for item in answer["Items"])
        return [key.removeprefix("endpoint#") for key in keys]

    def learn(
        self, number: str, endpoint_id: str, expires_at: int | None, *, renew_before: int = 0
    ) -> bool:
        """Write that an endpoint was seen with a number. Returns False where it is known.

        A pair that expires counts as unknown when the new item does not expire, and when it
        expires before `renew_before`.

        Args:
            expires_at: epoch seconds; None keeps the item.
            renew_before: epoch seconds.
        """
        item: dict[str, Any] = _pair(number, endpoint_id)
        request: dict[str, Any] = {"TableName": self._table, "Item": item}
        if expires_at is None:
            lasts_longer = "attribute_exists(expires_at)"
        else:
            item["expires_at"] = {"N": str(expires_at)}
            lasts_longer = "expires_at < :soon"
            request["ExpressionAttributeValues"] = {":soon": {"N": str(renew_before)}}
        try:
            self._client.put_item(
                ConditionExpression=f"attribute_not_exists(known) OR {lasts_longer}", **request
            )
        except ClientError as error:
            if error_code(error) != "ConditionalCheckFailedException":
                raise
            return False
        return True

    def know(self, number: str, endpoint_id: str) -> None:
        """Write that all was done about a pair."""
        self._client.update_item(
            TableName=self._table,
            Key=_pair(number, endpoint_id),
            UpdateExpression="SET known = :yes",
            ExpressionAttributeValues={":yes": {"BOOL": True}},
        )

    def keep_trying(self, number: str, categories: Iterable[str], *, also: bool) -> None:
        """Write that the lists of some categories still have a number that opted in.

        Args:
            also: the categories are added to the categories of the item.
        """
        self._client.update_item(
            TableName=self._table,
            Key={"pk": _KEPT, "sk": {"S": number}},
            UpdateExpression=f"{'ADD categories' if also else 'SET categories ='} :categories",
            ExpressionAttributeValues={":categories": {"SS": sorted(categories)}},
        )

    def stop_trying(self, number: str) -> None:
        """Delete the item of `keep_trying`."""
        self._client.delete_item(TableName=self._table, Key={"pk": _KEPT, "sk": {"S": number}})

    def kept_numbers(self) -> Iterator[tuple[str, frozenset[str]]]:
        """Return the numbers that opted in, each with the categories whose lists still have it."""
        answers = self._client.get_paginator("query").paginate(
            TableName=self._table,
            KeyConditionExpression="pk = :pk",
            ExpressionAttributeValues={":pk": _KEPT},
        )
        for answer in answers:
            for item in answer["Items"]:
                yield item["sk"]["S"], frozenset(item["categories"]["SS"])


def _pair(number: str, endpoint_id: str) -> dict[str, Any]:
    return {"pk": {"S": f"number#{number}"}, "sk": {"S": f"endpoint#{endpoint_id}"}}
