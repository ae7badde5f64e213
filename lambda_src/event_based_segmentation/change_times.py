"""DynamoDB table of the times at which events last changed attributes, and of the rules."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.record_batches import put_patiently

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["DAYS", "ChangeTimes", "SettingsMissing", "TimesUnavailable"]

DAYS = 30
"""Days that a time is kept. An event that arrives later may undo a newer one."""
_TIMES_PER_OWNER = 1_000  # some 30 KB
_KEYS_PER_READ, _ITEMS_PER_WRITE = 100, 25
_ATTEMPTS = 6
_FIRST_PAUSE_SECONDS = 0.1

Times = dict[str, int]


class TimesUnavailable(RuntimeError):
    """DynamoDB throttled a part of a call again and again."""


class SettingsMissing(RuntimeError):
    """The table has no rules under the id that the function was given."""


@dataclass(frozen=True, slots=True)
class ChangeTimes:
    """The table: an item per endpoint or user, `times` as JSON, and an item of settings."""

    client: DynamoDBClient
    table: str
    sleep: Any = time.sleep

    def settings(self, settings_id: str) -> str:
        """Return the settings that Terraform wrote.

        Raises:
            SettingsMissing: another program deleted the item.
        """
        answer = self.client.get_item(
            TableName=self.table, Key={"id": {"S": settings_id}}, ConsistentRead=True
        )
        item = answer.get("Item")
        if item is None:
            raise SettingsMissing(
                f"The table {self.table} has no item {settings_id}: apply the Terraform module."
            )
        return item["settings"]["S"]

    def read(self, owners: Iterable[str]) -> dict[str, Times]:
        """Return the times of owners; an owner without an item has no times.

        Raises:
            TimesUnavailable: DynamoDB left keys out again and again.
        """
        wanted = list(owners)
        found: dict[str, Times] = {owner: {} for owner in wanted}
        for first in range(0, len(wanted), _KEYS_PER_READ):
            keys: Any = [{"id": {"S": owner}} for owner in wanted[first : first + _KEYS_PER_READ]]
            for attempt in range(_ATTEMPTS):
                if attempt:
                    self.sleep(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
                answer = self.client.batch_get_item(
                    RequestItems={self.table: {"Keys": keys, "ConsistentRead": True}}
                )
                for item in answer["Responses"].get(self.table, []):
                    found[item["id"]["S"]] = json.loads(item["times"]["S"])
                left = answer.get("UnprocessedKeys", {}).get(self.table)
                if not left:
                    break
                keys = left["Keys"]
            else:
                raise TimesUnavailable("DynamoDB did not process all keys.")
        return found

    def write(self, times: Mapping[str, Times], now: float) -> list[str]:
        """Keep the times of owners. Returns the owners whose times DynamoDB did not take."""
        oldest = round((now - DAYS * 86_400) * 1000)
        items = [
            {
                "id": {"S": owner},
                "times": {"S": json.dumps(_newest(kept, oldest), separators=(",", ":"))},
                "expires_at": {"N": str(round(now) + DAYS * 86_400)},
            }
            for owner, kept in times.items()
        ]
        refused: list[str] = []
        for first in range(0, len(items), _ITEMS_PER_WRITE):
            left = put_patiently(
                self._put,
                items[first : first + _ITEMS_PER_WRITE],
                first_pause_seconds=_FIRST_PAUSE_SECONDS,
                sleep=self.sleep,
            )
            refused += [item["id"]["S"] for item, _ in left]
        return refused

    def _put(self, items: list[dict[str, Any]]) -> list[tuple[dict[str, Any], str]]:
        requests: Any = [{"PutRequest": {"Item": item}} for item in items]
        answer = self.client.batch_write_item(RequestItems={self.table: requests})
        left = answer.get("UnprocessedItems", {}).get(self.table, [])
        return [(dict(each["PutRequest"]["Item"]), "UnprocessedItem") for each in left]


def _newest(times: Times, oldest: int) -> Times:
    kept = [(at, key) for key, at in times.items() if at >= oldest]
    return {key: at for at, key in sorted(kept, reverse=True)[:_TIMES_PER_OWNER]}
