"""Refusals of DynamoDB that moto lacks: keys and transactions that are too large."""

from collections.abc import Iterator, Mapping
from typing import Any

from botocore.exceptions import ClientError

_KEY_BYTES = {"pk": 2048, "sk": 1024}
_TRANSACTION_BYTES = 4_000_000
_ITEM_BYTES = 400 * 1024


def enforce_limits(client: Any) -> None:
    """Let a DynamoDB client refuse what the service refuses. Tables have the keys pk and sk."""
    client.meta.events.register("before-parameter-build.dynamodb", _check)


def enforce_no_limits(client: Any) -> None:
    """Undo `enforce_limits`, for a client that tests share."""
    client.meta.events.unregister("before-parameter-build.dynamodb", _check)


def _check(params: Mapping[str, Any], model: Any, **_: Any) -> None:
    for name, value in _keys(params):
        if not 0 < len(value.encode()) <= _KEY_BYTES[name]:
            raise _refusal(model, f"{name} has {len(value.encode())} bytes")
    items = list(_items(params))
    if any(_size(item) > _ITEM_BYTES for item in items):
        raise _refusal(model, "an item is larger than 400 KB")
    if "TransactItems" in params:
        if len(params["TransactItems"]) > 100:
            raise _refusal(model, "a transaction has more than 100 items")
        if sum(map(_size, items)) > _TRANSACTION_BYTES:
            raise _refusal(model, "a transaction is larger than 4 MB")


def _refusal(model: Any, message: str) -> ClientError:
    return ClientError({"Error": {"Code": "ValidationException", "Message": message}}, model.name)


def _keys(value: Any) -> Iterator[tuple[str, str]]:
    """Find the key attributes of a request, wherever they are."""
    if isinstance(value, Mapping):
        for name, one in value.items():
            if name in _KEY_BYTES and isinstance(one, Mapping) and "S" in one:
                yield name, one["S"]
            else:
                yield from _keys(one)
    elif isinstance(value, list):
        for one in value:
            yield from _keys(one)


def _items(value: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(value, Mapping):
        for name, one in value.items():
            if name == "Item":
                yield one
            else:
                yield from _items(one)
    elif isinstance(value, list):
        for one in value:
            yield from _items(one)


def _size(item: Mapping[str, Any]) -> int:
    return sum(
        len(name.encode()) + (len(data.encode()) if isinstance(data, str) else len(data))
        for name, value in item.items()
        for data in value.values()
    )
