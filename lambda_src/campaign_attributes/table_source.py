"""A DynamoDB table as a source: an item per key, up to 50 in one request."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping, Sequence
from decimal import Context, Decimal
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError, IncompleteReadError

from campaign_attributes.sources import Fetched, Item
from shared.campaign_calls import Sending
from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason
from shared.transient import error_code, is_transient

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["TableSource"]

_KEY_BYTES = 2048
_FIRST_PAUSE_SECONDS = 0.05
_LONGEST_PAUSE_SECONDS = 0.8
# DynamoDB takes numbers of 38 digits; a key of another form would fail its whole request.
_EXACT = Context(prec=60)
_NUMBER = re.compile(r"-?[0-9]{1,20}(\.[0-9]{1,18})?", re.ASCII)


class TableSource:
    """Reads items by their partition key.

    Args:
        key_type: S or N, the type of the partition key.
        names: attributes of the item to read.
        expiry: attribute with the epoch seconds after which an item counts as gone. DynamoDB
            deletes expired items within days only. None reads items of any age.
        clock: epoch seconds.
    """

    per_campaign = False

    def __init__(
        self,
        dynamodb: DynamoDBClient,
        table: str,
        *,
        partition_key: str,
        key_type: str,
        names: Sequence[str],
        expiry: str | None = None,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._dynamodb = dynamodb
        self._table = table
        self._partition_key = partition_key
        self._key_type = key_type
        self._expiry = expiry
        self._clock = clock
        # A name may be a reserved word of DynamoDB.
        read = dict.fromkeys([partition_key, *names, *([expiry] if expiry else [])])
        self._aliases = {f"#{number}": name for number, name in enumerate(read)}

    def fetch(self, keys: Sequence[str], sending: Sending, deadline: Deadline) -> Fetched:
        """Return the items of the keys; keys that are not processed are read again in time."""
        ids = {key: self._id(key) for key in keys}
        found: dict[str, Item] = {}
        pending = list(dict.fromkeys(item_id for item_id in ids.values() if item_id is not None))
        failure = FetchFailed(Reason.UNAVAILABLE, "DynamoDB left the key unprocessed.")
        pause = _FIRST_PAUSE_SECONDS
        while pending:
            try:
                deadline.check()
                items, pending = self._read(pending)
                found.update(items)
            except FetchFailed as error:
                failure = error
                if error.reason is not Reason.UNAVAILABLE:
                    break
            if pending and not deadline.pause(pause):
                break
            pause = min(2 * pause, _LONGEST_PAUSE_SECONDS)
        if pending and not found:
            raise failure
        return Fetched(
            {key: found[item_id] for key, item_id in ids.items() if item_id in found},
            {key: failure for key, item_id in ids.items() if item_id in pending},
        )

    def _read(self, ids: Sequence[str]) -> tuple[dict[str, Item], list[str]]:
        """Return the items of one request by id, and the ids that DynamoDB did not process.

        Raises:
            FetchFailed: the request failed.
        """
        keys: Any = [{self._partition_key: {self._key_type: item_id}} for item_id in ids]
        try:
            answer: Mapping[str, Any] = self._dynamodb.batch_get_item(
                RequestItems={
                    self._table: {
                        "Keys": keys,
                        "ProjectionExpression": ", ".join(self._aliases),
                        "ExpressionAttributeNames": self._aliases,
                    }
                }
            )
        except ClientError as error:
            reason = Reason.UNAVAILABLE if is_transient(error) else Reason.REFUSED
            code = error_code(error)
            raise FetchFailed(reason, f"DynamoDB refused the request ({code}).") from error
        except (ConnectionError, HTTPClientError, IncompleteReadError) as error:
            raise FetchFailed(
                Reason.UNAVAILABLE, f"no answer of DynamoDB ({type(error).__name__})."
            ) from error
        items = {
            self._id_in(item): self._item(item)
            for items in answer.get("Responses", {}).values()
            for item in items
        }
        unprocessed = answer.get("UnprocessedKeys", {}).values()
        return items, [self._id_in(key) for some in unprocessed for key in some["Keys"]]

    def _id(self, key: str) -> str | None:
        """Return the partition key's value for a key; None where the table can have no such item.

        DynamoDB refuses a whole request for one such key, and for two numbers that are equal.
        """
        if self._key_type == "N":
            return _number(key) if _NUMBER.fullmatch(key) else None
        try:
            return key if len(key.encode()) <= _KEY_BYTES else None
        except UnicodeEncodeError:
            return None

    def _id_in(self, item: Mapping[str, Any]) -> str:
        value = str(item[self._partition_key][self._key_type])
        return _number(value) if self._key_type == "N" else value

    def _item(self, item: Mapping[str, Any]) -> Item:
        """Return the values of an item; no value of an item that has expired."""
        values = {name: _plain(value) for name, value in item.items()}
        if self._expiry is not None:
            expires = item.get(self._expiry, {}).get("N")
            if expires is not None and float(expires) <= self._clock():
                return {}
        return values


def _number(text: str) -> str:
    """Return the one form of a number that DynamoDB takes for the same key as others."""
    number = Decimal(text)
    return f"{_EXACT.normalize(number):f}" if number else "0"


def _plain(value: Mapping[str, Any]) -> Any:
    """Return an attribute value as Python has it; a number keeps DynamoDB's digits."""
    [(kind, content)] = value.items()
    if kind == "NULL":
        return None
    if kind == "L":
        return [_plain(each) for each in content]
    if kind in ("SS", "NS"):
        return sorted(content)
    return content
