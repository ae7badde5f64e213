"""BatchGetItem until every key is read."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["KeysUnread", "read_items"]

KEYS_PER_READ = 100
_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.05


class KeysUnread(RuntimeError):
    """DynamoDB left keys unread every time; the same read may succeed later."""


def read_items(
    dynamodb: DynamoDBClient,
    table: str,
    keys: Sequence[Any],
    sleep: Callable[[float], None],
    **options: Any,
) -> Iterator[dict[str, Any]]:
    """Yield the items that exist; `options` are members of KeysAndAttributes (ConsistentRead, …).

    Raises:
        KeysUnread: DynamoDB throttled all attempts.
        ClientError: it refused.
    """
    for first in range(0, len(keys), KEYS_PER_READ):
        left: Any = keys[first : first + KEYS_PER_READ]
        for attempt in range(_ATTEMPTS):
            request: Any = {table: {"Keys": left, **options}}
            answer: Any = dynamodb.batch_get_item(RequestItems=request)
            yield from answer["Responses"].get(table, [])
            left = answer.get("UnprocessedKeys", {}).get(table, {}).get("Keys", [])
            if not left:
                break
            sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
        else:
            raise KeysUnread(f"{len(left)} keys of {table} stayed unread")
