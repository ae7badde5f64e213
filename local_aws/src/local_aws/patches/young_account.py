"""On request, the quotas of a young account: Lambda's concurrency and a cold table's writes.

A new account may run 10 functions at once ("Lambda quotas"), and a new table on demand takes 4,000
write units a second ("DynamoDB warm throughput"). ``POST /_local/quotas`` sets either; a write over
it is throttled, an entry of a batch is unprocessed, and a transaction is cancelled with the reason.
"""

from __future__ import annotations

import json
import math
import threading
import time
from collections.abc import Callable
from typing import Any

from ministack.core.responses import error_response_json
from ministack.services import dynamodb, lambda_svc

REQUIRED = (
    "ministack.services.dynamodb._batch_write_item",
    "ministack.services.dynamodb._delete_item",
    "ministack.services.dynamodb._item_size_bytes",
    "ministack.services.dynamodb._put_item",
    "ministack.services.dynamodb._transact_write_items",
    "ministack.services.dynamodb._update_item",
    "ministack.services.lambda_svc._ACCOUNT_CONCURRENCY_CAP",
)

Json = dict[str, Any]
MESSAGE = (
    "Throughput exceeds the current capacity of your table or index. DynamoDB is automatically "
    "scaling your table or index so please try again shortly."
)


class TableCapacity:
    """Write units that each table takes in a second; None takes any number."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.units_per_second: float | None = None
        self.throttled = 0
        self._clock = clock
        self._left: dict[str, tuple[float, float]] = {}  # table to (units, time)
        self._lock = threading.Lock()

    def takes(self, table: str, units: float) -> bool:
        """Take units off what is left of this second; False when they are not there."""
        if self.units_per_second is None:
            return True
        with self._lock:
            now = self._clock()
            left, at = self._left.get(table, (self.units_per_second, now))
            left = min(self.units_per_second, left + (now - at) * self.units_per_second)
            enough = left >= min(units, self.units_per_second)
            self._left[table] = (left - units if enough else left, now)
            self.throttled += not enough
            return enough


capacity = TableCapacity()
_usual_concurrency: int = lambda_svc._ACCOUNT_CONCURRENCY_CAP


def change(settings: Json) -> Json:
    """Set ``lambda_concurrency`` and ``table_write_units``; null is the usual.

    Raises:
        ValueError: says what is allowed.
    """
    global capacity
    for name, value in settings.items():
        if name not in ("lambda_concurrency", "table_write_units") or not (
            value is None or (isinstance(value, int) and not isinstance(value, bool) and value > 0)
        ):
            raise ValueError(
                "Give lambda_concurrency and table_write_units, whole numbers from 1, or null."
            )
    if "lambda_concurrency" in settings:
        lambda_svc._ACCOUNT_CONCURRENCY_CAP = settings["lambda_concurrency"] or _usual_concurrency
    if "table_write_units" in settings:
        capacity = TableCapacity()
        capacity.units_per_second = settings["table_write_units"]
    return describe()


def describe() -> Json:
    return {
        "lambda_concurrency": lambda_svc._ACCOUNT_CONCURRENCY_CAP,
        "table_write_units": capacity.units_per_second,
        "throttled_writes": capacity.throttled,
    }


def reset() -> None:
    change({"lambda_concurrency": None, "table_write_units": None})


def apply() -> None:
    for name in ("_put_item", "_update_item", "_delete_item"):
        setattr(dynamodb, name, _single(getattr(dynamodb, name)))
    dynamodb._batch_write_item = _batch(dynamodb._batch_write_item)
    dynamodb._transact_write_items = _transaction(dynamodb._transact_write_items)


def _units(item: Json | None) -> int:
    """Units of a write: a kilobyte each. An update or deletion counts as one."""
    return max(1, math.ceil(dynamodb._item_size_bytes(item) / 1024)) if item else 1


def _single(write: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def limited(data: Json) -> Any:
        if not capacity.takes(str(data.get("TableName")), _units(data.get("Item"))):
            return error_response_json("ThrottlingException", MESSAGE, 400)
        return write(data)

    return limited


def _batch(write: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def limited(data: Json) -> Any:
        if capacity.units_per_second is None:
            return write(data)
        accepted: dict[str, list[Json]] = {}
        left: dict[str, list[Json]] = {}
        for table, requests in (data.get("RequestItems") or {}).items():
            for request in requests:
                item = (request.get("PutRequest") or {}).get("Item")
                kept = accepted if capacity.takes(table, _units(item)) else left
                kept.setdefault(table, []).append(request)
        if not accepted:
            return error_response_json("ThrottlingException", MESSAGE, 400)
        status, headers, body = write({**data, "RequestItems": accepted})
        if status != 200 or not left:
            return status, headers, body
        answer = json.loads(body)
        answer["UnprocessedItems"] = {**answer.get("UnprocessedItems", {}), **left}
        return status, headers, json.dumps(answer).encode()

    return limited


def _transaction(write: Callable[[Json], Any]) -> Callable[[Json], Any]:
    def limited(data: Json) -> Any:
        reasons = []
        for entry in data.get("TransactItems") or []:
            action: Json = next(iter(entry.values()), {})
            taken = capacity.takes(str(action.get("TableName")), 2 * _units(action.get("Item")))
            reasons.append(
                {"Code": "None"} if taken else {"Code": "ThrottlingError", "Message": MESSAGE}
            )
        if all(reason["Code"] == "None" for reason in reasons):
            return write(data)
        codes = ", ".join(reason["Code"] for reason in reasons)
        status, headers, _ = error_response_json("TransactionCanceledException", "", 400)
        body = {
            "__type": "com.amazonaws.dynamodb.v20120810#TransactionCanceledException",
            "message": "Transaction cancelled, please refer cancellation reasons for specific "
            f"reasons [{codes}]",
            "CancellationReasons": reasons,
        }
        return status, headers, json.dumps(body).encode()

    return limited
