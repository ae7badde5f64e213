"""Turns the sender's event source mapping off when SES takes nothing, and on again when it does.

While the mapping is off no function receives the messages, so they wait as long as needed without
using up their attempts. Only this function may change the mapping: the sender asks it to
{"close": "<reason>"}, and a schedule asks it every few minutes to look whether SES has room. A
mapping that an operator turned off stays off, because nothing here says that we did.

The state is one item of the table: pk=valve, sk=valve, reason, since (epoch s). Absent: open.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError

from ses_load_testing.account import AccountUnknown, Limits, StopReason

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient

__all__ = ["Valve", "ValveItem", "ValveStuck", "ask_to_close"]

_KEY: dict[str, Any] = {"pk": {"S": "valve"}, "sk": {"S": "valve"}}
# Opened for less, a mapping would be on and off with every tick.
_SHARE_OF_QUOTA = 0.01
_ATTEMPTS = 8
_PAUSE_SECONDS = 1.0
# The mapping is changing already.
_CHANGING = frozenset({"ResourceInUseException", "ResourceConflictException"})


class ValveStuck(RuntimeError):
    """The event source mapping could not be changed; messages may use up attempts until it is."""


@dataclass(frozen=True, slots=True)
class ValveItem:
    """The state as the table has it."""

    dynamodb: DynamoDBClient
    table: str

    def reason(self) -> StopReason | None:
        """Return the reason of a closed valve; None when it is open."""
        answer = self.dynamodb.get_item(TableName=self.table, Key=_KEY, ConsistentRead=True)
        return StopReason(answer["Item"]["reason"]["S"]) if "Item" in answer else None

    def put(self, reason: StopReason, now: float) -> None:
        self.dynamodb.put_item(
            TableName=self.table,
            Item={**_KEY, "reason": {"S": reason}, "since": {"N": str(int(now))}},
        )

    def remove(self) -> None:
        self.dynamodb.delete_item(TableName=self.table, Key=_KEY)


class Valve:
    """Changes one mapping, and nothing else.

    Args:
        functions: makes Lambda's client, once it is needed: most looks find nothing to change.
    """

    def __init__(
        self,
        item: ValveItem,
        functions: Callable[[], LambdaClient],
        mapping_id: str,
        limits: Callable[[], Limits],
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._item = item
        self._functions = functions
        self._mapping_id = mapping_id
        self._limits = limits
        self._clock = clock
        self._sleep = sleep

    def close(self, reason: StopReason) -> StopReason:
        """Stop deliveries; the state is written first, so that a crash in between is mended by
        the next look."""
        self._item.put(reason, self._clock())
        self._turn(on=False)
        return reason

    def look(self) -> StopReason | None:
        """Open a valve that we closed when SES has room; the reason it is closed for still.

        The mapping is turned on before the state is removed: in the reverse order, a crash in
        between would leave it off permanently.
        """
        reason = self._item.reason()
        if reason is None:
            return None
        try:
            limits = self._limits()
        except AccountUnknown:
            return reason
        stopped = limits.stopped_by()
        if stopped is None and limits.max_24_hours is not None:
            wanted = max(1.0, limits.max_24_hours * _SHARE_OF_QUOTA)
            stopped = StopReason.DAILY_QUOTA if limits.room() < wanted else None
        if stopped is not None:
            return self.close(stopped)
        self._turn(on=True)
        self._item.remove()
        return None

    def _turn(self, *, on: bool) -> None:
        for attempt in range(_ATTEMPTS):
            try:
                self._functions().update_event_source_mapping(UUID=self._mapping_id, Enabled=on)
                return
            except ClientError as error:
                if error.response["Error"]["Code"] not in _CHANGING:
                    raise
                if attempt + 1 < _ATTEMPTS:
                    self._sleep(_PAUSE_SECONDS)
        raise ValveStuck(f"{self._mapping_id} is still changing after {_ATTEMPTS} attempts")


def ask_to_close(functions: LambdaClient, function_name: str, reason: StopReason) -> None:
    """Invoke the valve's function to close it, and wait for its answer.

    Raises:
        ValveStuck: it failed.
        ClientError, HTTPClientError: it could not be asked.
    """
    answer = functions.invoke(
        FunctionName=function_name, Payload=json.dumps({"close": reason}).encode()
    )
    if answer.get("FunctionError"):
        raise ValveStuck(f"{function_name} failed to close the valve for {reason}")
