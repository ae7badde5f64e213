"""Claims: items of a DynamoDB table that give one holder the right to act.

The answer to a conditional put can be lost after the put was done. botocore then repeats the put,
and so does the caller, and the condition fails on the item that the first put wrote. So a failed
condition alone says nothing: the item that is there says whose the claim is.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from shared.transient import ServiceUnavailable, transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Item", "take"]

Item = Mapping[str, Any]


def take(
    dynamodb: DynamoDBClient, table: str, item: Item, *, instead_of: Item | None = None
) -> Item:
    """Put a claim where there is no claim; return the claim that is there then.

    The claim is the caller's when its holder is the caller: it was put now, or by an earlier try
    whose answer was lost.

    Args:
        item: key `pk`, and `sk` where the table has it; one attribute names the holder, which no
            other attempt has.
        instead_of: one attribute of a claim that may be replaced, with its value. Without it
            only a missing claim is taken.

    Raises:
        ServiceUnavailable: DynamoDB did not decide; the claim may be taken.
        ClientError: DynamoDB refused permanently, as without a permission.
    """
    condition: dict[str, Any] = {"ConditionExpression": "attribute_not_exists(pk)"}
    if instead_of is not None:
        ((name, value),) = instead_of.items()
        condition = {
            "ConditionExpression": "#replaced = :replaced",
            "ExpressionAttributeNames": {"#replaced": name},
            "ExpressionAttributeValues": {":replaced": value},
        }
    try:
        with transient_errors_named():
            dynamodb.put_item(
                TableName=table,
                Item=item,
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
                **condition,
            )
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        response: Mapping[str, Any] = error.response
        there: Item | None = response.get("Item")
        if there is None:
            raise ServiceUnavailable("The claim that was there was deleted just now.") from error
        return there
    return item
