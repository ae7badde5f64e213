"""The hub's data in DynamoDB: the common part of all stores.

Items carry a random `rev`. A writer names the `rev` that it has read; when another writer was
faster, the condition fails, and the writer reads again, decides again and tries again. Random and
not counted, so that an item deleted and made anew never passes for the one that was read.

A lost race and a lack of capacity are two things. A race is tried again soon and a few times; a
throttled call waits for capacity, for as long as its function has time (`patience`).
"""

import functools
import random
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from botocore.exceptions import ClientError

from engagement_hub.engagement.errors import TooManyRequests

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = [
    "BATCH_GET_KEYS",
    "THROTTLED",
    "Item",
    "Key",
    "Page",
    "attempts",
    "batch_delete",
    "batch_get",
    "batch_write",
    "can_be_a_key",
    "chunks",
    "dynamodb_client",
    "error_code",
    "in_threads",
    "new_rev",
    "patience",
    "waits_for_capacity",
]

T = TypeVar("T")
R = TypeVar("R")
Key = tuple[str, str]
Item = Mapping[str, Any]

# DynamoDB's limits for BatchGetItem and BatchWriteItem.
BATCH_GET_KEYS = 100
BATCH_WRITE_ITEMS = 25

# botocore keeps ten connections; the threads of a step stay below.
_THREADS = 8

# Ten tries wait 3.5 s at most in all: well inside the 30 s an HTTP API waits for its function.
_ATTEMPTS = 10
_FIRST_DELAY_SECONDS = 0.01
_LONGEST_DELAY_SECONDS = 0.8

# DynamoDB's answers for a lack of capacity; a table that is new takes 4,000 writes a second and
# doubles that within 30 minutes (DynamoDB Developer Guide, "On-demand capacity mode").
THROTTLED = frozenset(
    {"ProvisionedThroughputExceededException", "RequestLimitExceeded", "ThrottlingException"}
)
_IMPATIENT_SECONDS = 3.0  # also within the 30 s of an HTTP API
_FIRST_CAPACITY_DELAY_SECONDS = 0.05
_LONGEST_CAPACITY_DELAY_SECONDS = 20.0


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


def error_code(error: ClientError) -> str:
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


@dataclass(slots=True)
class _Patience:
    until: float = 0.0


_patience = _Patience()


@contextmanager
def patience(seconds: float) -> Iterator[None]:
    """Let throttled calls inside of the block wait for capacity until `seconds` from now are over.

    Without it they wait three seconds at most. A function handles one event at a time, so the end
    is the same for all threads of the process.
    """
    _patience.until = time.monotonic() + seconds
    try:
        yield
    finally:
        _patience.until = 0.0


def waits_for_capacity() -> Iterator[None]:
    """Yield once per call that may be throttled, and wait with jitter before each further one.

    Raises:
        TooManyRequests: DynamoDB had no capacity until the patience ended.
    """
    began = time.monotonic()
    allowed = max(_IMPATIENT_SECONDS, _patience.until - began)
    waited, delay = 0.0, _FIRST_CAPACITY_DELAY_SECONDS
    while max(waited, time.monotonic() - began) < allowed:
        yield
        pause = random.uniform(delay / 2, delay)
        time.sleep(pause)
        waited += pause
        delay = min(delay * 2, _LONGEST_CAPACITY_DELAY_SECONDS)
    raise TooManyRequests(
        "The hub's tables have no capacity left for this. Send the request again later."
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


@functools.cache
def _pool() -> ThreadPoolExecutor:
    return ThreadPoolExecutor(_THREADS, thread_name_prefix="store")


def in_threads(call: Callable[[T], R], values: Iterable[T]) -> list[R]:
    """Call a function for each value, several at a time; return the results in order.

    A single value is worked on in the caller's thread. `call` must not use `in_threads` itself:
    all threads could wait for each other.
    """
    todo = list(values)
    if len(todo) < 2:
        return [call(value) for value in todo]
    return list(_pool().map(call, todo))


def batch_get(
    client: "DynamoDBClient", table: str, keys: Sequence[Key], *, consistent: bool = False
) -> dict[Key, Item]:
    """Read many items by (pk, sk); keys that are not there are absent from the answer.

    So are keys that no item can have, such as an empty id: DynamoDB would refuse the whole call.
    DynamoDB hands back keys that did not fit into 16 MB or its capacity; the next call has them.
    """

    def read(some: list[Key]) -> dict[Key, Item]:
        found: dict[Key, Item] = {}
        wanted: list[Any] = [{"pk": {"S": pk}, "sk": {"S": sk}} for pk, sk in some]
        for _ in waits_for_capacity():
            try:
                answer = client.batch_get_item(
                    RequestItems={table: {"Keys": wanted, "ConsistentRead": consistent}}
                )
            except ClientError as error:
                if error_code(error) not in THROTTLED:
                    raise
                continue
            for item in answer["Responses"].get(table, []):
                found[item["pk"]["S"], item["sk"]["S"]] = item
            left = answer["UnprocessedKeys"].get(table)
            wanted = [] if left is None else list(left["Keys"])
            if not wanted:
                break
        return found

    possible = (key for key in dict.fromkeys(keys) if can_be_a_key(*key))
    pages = in_threads(read, chunks(possible, BATCH_GET_KEYS))
    return {key: item for page in pages for key, item in page.items()}


def batch_write(client: "DynamoDBClient", table: str, requests: Iterable[Any]) -> None:
    """Put or delete many items (BatchWriteItem requests, unconditional, no two for one key)."""
    for some in chunks(requests, BATCH_WRITE_ITEMS):
        left: list[Any] = some
        for _ in waits_for_capacity():
            try:
                answer = client.batch_write_item(RequestItems={table: left})
            except ClientError as error:
                if error_code(error) not in THROTTLED:
                    raise
                continue
            left = list(answer["UnprocessedItems"].get(table, []))
            if not left:
                break


def batch_delete(client: "DynamoDBClient", table: str, keys: Iterable[Key]) -> None:
    """Delete many items by (pk, sk), no two for one key; absent items are deleted."""
    requests = ({"DeleteRequest": {"Key": {"pk": {"S": pk}, "sk": {"S": sk}}}} for pk, sk in keys)
    batch_write(client, table, requests)
