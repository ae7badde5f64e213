"""One sending rate shared by many functions: a virtual schedule kept in one DynamoDB item.

The item's `next` says from when the next send is free (integer microseconds since 1970). A caller
who reserves `n` sends gets the old `next`, or now when that is later, and moves it on by `n / rate`
(the generic cell rate algorithm without a burst allowance). So over any window at most
`rate × window + n` sends start, `n` being the largest reservation, however many callers there are,
and unused time is never saved up.

Two conditional updates do it, each atomic, so callers do not need to read first and seldom retry:
while sends are queued, `next` is in the future and moves on by the cost; once it has fallen behind,
one caller starts it again from now.
"""

import math
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, overload

from botocore.exceptions import ClientError

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["PacingContention", "RateLimiter"]

MICROSECONDS = 1_000_000
_NEVER = 10**18  # microseconds; the year 33658
MAX_ATTEMPTS = 50  # only callers that meet at the moment the queue runs empty ever need a second


class PacingContention(RuntimeError):
    """The limiter's item could not be updated although DynamoDB answered; try again later."""


class _BookedOut(Exception):
    """The next free time is later than asked for."""


class RateLimiter:
    """Hands out starting times so that all holders of `key` together keep to one rate.

    Args:
        table: the name of a table with string keys `pk` and `sk`.
        key: name of the schedule, for instance an app and a channel.
        rate_per_second: sends per second, above zero; fractions are allowed. All holders of a key
            should give the same rate; each pays its own price per send.
        clock: seconds since 1970. Callers' clocks may differ by as much as is harmless at this
            rate; Lambda's are kept within milliseconds.
        sleep: waits for seconds.
        keep_seconds: time after the last reservation for which the item stays, for a table with
            the TTL attribute `expires_at`. None keeps the item for ever.
    """

    def __init__(
        self,
        dynamodb: "DynamoDBClient",
        table: str,
        key: str,
        rate_per_second: float,
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        keep_seconds: int | None = None,
    ) -> None:
        if not (rate_per_second > 0 and math.isfinite(rate_per_second)):
            raise ValueError(f"rate_per_second must be a number above 0, not {rate_per_second}")
        self._dynamodb = dynamodb
        self._table = table
        self._pk = f"pace#{key}"
        self._rate = rate_per_second
        self._clock = clock
        self._sleep = sleep
        self._keep_seconds = keep_seconds
        self._queued = True  # was `next` in the future when this limiter last saw it

    @overload
    def reserve(self, n: float) -> float: ...

    @overload
    def reserve(self, n: float, by: float) -> float | None: ...

    def reserve(self, n: float, by: float | None = None) -> float | None:
        """Reserve `n` sends and tell when (epoch seconds) they may start; never before now.

        A reservation cannot be returned: a caller that dies leaves a pause of `n / rate`.

        Args:
            n: sends; a fraction keeps a part of a send's time free after them.
            by: the latest start that is of use. When the schedule is full until then, nothing is
                reserved, and the answer is None.

        Raises:
            ValueError: `n` is negative.
            PacingContention: many callers kept colliding; nothing was reserved.
            ClientError: DynamoDB refused; nothing was reserved unless its answer was lost.
        """
        if n < 0:
            raise ValueError(f"n must be 0 or more, not {n}")
        if n == 0:
            return self._clock()
        cost = math.ceil(n * MICROSECONDS / self._rate)
        latest = _NEVER if by is None else math.floor(by * MICROSECONDS)
        for _ in range(MAX_ATTEMPTS):
            now = math.ceil(self._clock() * MICROSECONDS)
            if latest < now:
                return None
            try:
                start = (
                    self._queue_up(now, latest, cost)
                    if self._queued
                    else self._start_over(now, cost)
                )
            except _BookedOut:
                return None
            if start is not None:
                return start / MICROSECONDS
            self._queued = not self._queued
        raise PacingContention(f"{self._pk}: {MAX_ATTEMPTS} attempts collided")

    def wait(self, n: int) -> None:
        """Reserve `n` sends and sleep until they may start."""
        delay = self.reserve(n) - self._clock()
        if delay > 0:
            self._sleep(delay)

    def _queue_up(self, now: int, latest: int, cost: int) -> int | None:
        """Take the next free time, unless it is in the past or not set yet.

        Raises:
            _BookedOut: it is later than `latest`.
        """
        answer = self._update(
            UpdateExpression="SET #next = #next + :cost",
            ConditionExpression="#next BETWEEN :now AND :latest",
            ExpressionAttributeValues={
                ":cost": _number(cost),
                ":now": _number(now),
                ":latest": _number(latest),
            },
            ReturnValues="UPDATED_NEW",
            ReturnValuesOnConditionCheckFailure="ALL_OLD",
        )
        if "Attributes" in answer:
            return int(answer["Attributes"]["next"]["N"]) - cost
        if int(answer.get("Item", {}).get("next", {}).get("N", 0)) > latest:
            raise _BookedOut
        return None

    def _start_over(self, now: int, cost: int) -> int | None:
        """Start the schedule now, unless another caller's reservations reach beyond now."""
        answer = self._update(
            UpdateExpression="SET #next = :after",
            ConditionExpression="attribute_not_exists(#next) OR #next < :now",
            ExpressionAttributeValues={":after": _number(now + cost), ":now": _number(now)},
            ReturnValues="UPDATED_NEW",
        )
        if "Attributes" not in answer:
            return None
        self._queued = True
        return now

    def _update(self, **update: Any) -> Mapping[str, Any]:
        """Return the answer; that of the error, without Attributes, when the condition did not
        hold."""
        if self._keep_seconds is not None:
            update["UpdateExpression"] += ", expires_at = :expires"
            expires = int(self._clock()) + self._keep_seconds
            update["ExpressionAttributeValues"][":expires"] = _number(expires)
        try:
            return self._dynamodb.update_item(
                TableName=self._table,
                Key={"pk": {"S": self._pk}, "sk": {"S": "pace"}},
                ExpressionAttributeNames={"#next": "next"},
                **update,
            )
        except ClientError as error:
            if error.response["Error"]["Code"] == "ConditionalCheckFailedException":
                return error.response
            raise


def _number(value: int) -> dict[str, str]:
    return {"N": str(value)}
