"""The hub's data in DynamoDB: the common part of all stores.

Items carry a random `rev`. A writer names the `rev` that it has read; when another writer was
faster, the condition fails, and the writer reads again, decides again and tries again. Random and
not counted, so that an item deleted and made anew never passes for the one that was read.
"""

import functools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from engagement_hub.engagement.errors import TooManyRequests

if TYPE_CHECKING:
    from botocore.exceptions import ClientError
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = [
    "BATCH_GET_KEYS",
    "Item",
    "Key",
    "Page",
    "attempts",
    "batch_get",
    "batch_write",
    "can_be_a_key",
    "chunks",
    "dynamodb_client",
    "error_code",
    "new_rev",
]

T = TypeVar("T")
Key = tuple[str, str]
Item = Mapping[str, Any]

# DynamoDB's limits for BatchGetItem and BatchWriteItem.
BATCH_GET_KEYS = 100
BATCH_WRITE_ITEMS = 25

# Ten tries wait 3.5 s at most in all: well inside the 30 s an HTTP API waits for its function.
_ATTEMPTS = 10
_FIRST_DELAY_SECONDS = 0.01
_LONGEST_DELAY_SECONDS = 0.8


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some of the items, and where the next ones begin (None after the last)."""

    items: list[T]
    token: str | None


@functools.cache
def dynamodb_client() -> "DynamoDBClient":
    """Return the function's one DynamoDB client, with time-outs far below the function's own."""
    from botocore.config import Config  # loaded here: the pure parts import without it

    from shared.aws import aws_client

    client: DynamoDBClient = aws_client(
        "dynamodb",
        config=Config(
            connect_timeout=2,
            read_timeout=5,
            retries={"mode": "standard", "total_max_attempts": 4},
        ),
    )
    return client


def new_rev() -> str:
    """Return a fresh `rev`, as DynamoDB writes numbers."""
    return str(random.getrandbits(62))


def error_code(error: "ClientError") -> str:
    """Return the service's code for an error, by which callers classify it."""
    code = error.response.get("Error", {}).get("Code", "")
    return str(code)


def attempts(what: str, sleep: Callable[[float], None] | None = None) -> Iterator[int]:
    """Count the tries of something that loses races: 0, 1, 2 …, each after a longer random wait.

    Args:
        what: names the contended thing in the error, for example "campaign 0af3".
        sleep: instead of time.sleep.

    Raises:
        TooManyRequests: every try lost.
    """
    delay = _FIRST_DELAY_SECONDS
    for attempt in range(_ATTEMPTS):
        if attempt:
            (sleep or time.sleep)(random.uniform(0, delay))
            delay = min(delay * 2, _LONGEST_DELAY_SECONDS)
        yield attempt
    raise TooManyRequests(
        f"{what} is being changed by too many requests at once. Send the request again."
    )


# DynamoDB's limits for keys, in bytes of UTF-8.
_PARTITION_KEY_BYTES = 2048
_SORT_KEY_BYTES = 1024


def can_be_a_key(pk: str, sk: str) -> bool:
    """Check whether an item can have this key: DynamoDB refuses all calls with other keys."""
    try:
        sizes = len(pk.encode()), len(sk.encode())
    except UnicodeEncodeError:  # half of a UTF-16 surrogate pair
        return False
    return 0 < sizes[0] <= _PARTITION_KEY_BYTES and 0 < sizes[1] <= _SORT_KEY_BYTES


def chunks(values: Iterable[T], size: int) -> Iterator[list[T]]:
    """Cut into lists of at most `size`."""
    rest = iter(values)
    while chunk := list(islice(rest, size)):
        yield chunk


def batch_get(
    client: "DynamoDBClient", table: str, keys: Sequence[Key], *, consistent: bool = False
) -> dict[Key, Item]:
    """Read many items by (pk, sk); keys that are not there are absent from the answer.

    So are keys that no item can have, such as an empty id: DynamoDB would refuse the whole call.
    DynamoDB hands back what did not fit into 16 MB or its capacity; that is asked for again.
    """
    found: dict[Key, Item] = {}
    possible = (key for key in dict.fromkeys(keys) if can_be_a_key(*key))
    for some in chunks(possible, BATCH_GET_KEYS):
        wanted: list[Any] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in some]
        for _ in attempts("The hub's data"):
            answer = client.batch_get_item(
                RequestItems={table: {"Keys": wanted, "ConsistentRead": consistent}}
            )
            for item in answer["Responses"].get(table, []):
                found[item["pk"]["S"], item["sk"]["S"]] = item
            left = answer["UnprocessedKeys"].get(table)
            wanted = [] if left is None else list(left["Keys"])
            if not wanted:
                break
    return found


def batch_write(client: "DynamoDBClient", table: str, requests: Iterable[Any]) -> None:
    """Put or delete many items (BatchWriteItem requests, unconditional, no two for one key)."""
    for some in chunks(requests, BATCH_WRITE_ITEMS):
        left: list[Any] = some
        for _ in attempts("The hub's data"):
            answer = client.batch_write_item(RequestItems={table: left})
            left = list(answer["UnprocessedItems"].get(table, []))
            if not left:
                break
