"""Metadata of users, read for a whole batch of messages at once."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from ses_load_testing.batch_reads import read_items

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["Users"]


class Users:
    """A table with the string key `user_id` and the map attribute `metadata`."""

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._sleep = sleep

    def metadata(self, user_ids: Iterable[str]) -> dict[str, dict[str, Any]]:
        """Return the metadata of those users who are there, as JSON-shaped values.

        Read at half the price first; only who is missing there is asked for again, consistently:
        a user who was written a moment ago is not unknown.

        Raises:
            KeysUnread: DynamoDB throttled all attempts.
            ClientError: it refused.
        """
        wanted = sorted(set(user_ids))
        found = self._read(wanted, consistent=False)
        missing = [user_id for user_id in wanted if user_id not in found]
        return found | self._read(missing, consistent=True)

    def _read(self, user_ids: Sequence[str], *, consistent: bool) -> dict[str, dict[str, Any]]:
        items = read_items(
            self._dynamodb,
            self._table,
            [{"user_id": {"S": user_id}} for user_id in user_ids],
            self._sleep,
            ConsistentRead=consistent,
            ProjectionExpression="user_id, metadata",
        )
        return {item["user_id"]["S"]: _metadata(item) for item in items}


def _metadata(item: Mapping[str, Any]) -> dict[str, Any]:
    """Return the metadata; a user without metadata is known too: a template may need nothing."""
    metadata = _plain(item.get("metadata", {"M": {}}))
    return metadata if isinstance(metadata, dict) else {}


def _plain(value: Mapping[str, Any]) -> Any:
    """Return a DynamoDB value as JSON has it; sets become lists, binary values are left out."""
    ((kind, content),) = value.items()
    match kind:
        case "S" | "BOOL":
            return content
        case "N":
            return _number(content)
        case "M":
            return {name: _plain(each) for name, each in content.items()}
        case "L":
            return [_plain(each) for each in content]
        case "SS":
            return sorted(content)
        case "NS":
            return sorted(map(_number, content))
    return None


def _number(text: str) -> int | float:
    try:
        return int(text)
    except ValueError:
        return float(text)
