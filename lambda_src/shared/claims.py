"""Conditional writes to DynamoDB whose answer can be lost, and the claims that are made of them.

The answer to a conditional write can be lost after the write was done. botocore then repeats it,
and so does the caller, and the condition fails on the item that the first try wrote. So a failed
condition alone says nothing: each write marks the item with its writer, and the item that is there
says whose write it was. `is_own` is the one rule for that, and `write` and `take` apply it.

`TransactWriteItems` needs the rule less: botocore repeats a transaction with its token, and
DynamoDB answers the repetition as it answered the first. A second transaction of the same attempt
asks `is_own` of each item (`ses_auto_reply.claims`).

Optimistic locks are no claims: a writer that finds another revision reads and decides again. The
entity store of the engagement hub names its own new revision in the condition, because one
condition serves its plain writes and its transactions.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Item", "Written", "is_own", "take", "write"]

Item = Mapping[str, Any]


class Written(NamedTuple):
    """The end of a conditional write.

    `own`: the item carries the writer's mark, of this try or of an earlier one. `item`: the item
    that made the condition fail; empty where no item is there.
    """

    own: bool
    item: Item


def is_own(item: Item, mark: Item) -> bool:
    """Check whether an item carries a mark: attributes that no other write gives it."""
    return all(item.get(name) == value for name, value in mark.items())


def write(call: Callable[..., object], mark: Item, **request: Any) -> Written:
    """Make a conditional write, once however often it is tried.

    Args:
        call: `put_item` or `update_item` of a client.
        mark: attributes that this write gives the item, and that no other write gives it.
        request: parameters of the call, with the condition.

    Raises:
        ClientError, BotoCoreError: DynamoDB refused, or did not answer; the write may be done.
    """
    try:
        call(ReturnValuesOnConditionCheckFailure="ALL_OLD", **request)
    except ClientError as error:
        if error.response["Error"]["Code"] != "ConditionalCheckFailedException":
            raise
        response: Mapping[str, Any] = error.response
        there: Item = response.get("Item", {})
        return Written(is_own(there, mark), there)
    return Written(True, {})


def take(
    dynamodb: DynamoDBClient,
    table: str,
    item: Item,
    *,
    holder: str,
    condition: str = "attribute_not_exists(pk)",
    values: Item | None = None,
    names: Mapping[str, str] | None = None,
) -> Written:
    """Put a claim where no item is, or where a condition holds; return the claim that is there.

    Args:
        item: key `pk`, and `sk` where the table has it.
        holder: the attribute that names the claim's holder, which no other attempt has.
        condition: on the item that is there; with the parameters `values` and `names`.

    Raises:
        ClientError, BotoCoreError: DynamoDB refused, or did not answer; the claim may be taken.
    """
    request: dict[str, Any] = {"TableName": table, "Item": item, "ConditionExpression": condition}
    if values:
        request["ExpressionAttributeValues"] = values
    if names:
        request["ExpressionAttributeNames"] = names
    written = write(dynamodb.put_item, {holder: item[holder]}, **request)
    return written if written.item else Written(written.own, item if written.own else {})
