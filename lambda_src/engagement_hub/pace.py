"""The sending rates of the hub's channels, which all its functions keep together."""

from __future__ import annotations

import math
import os
import random
from collections.abc import Callable
from typing import TYPE_CHECKING

from engagement_hub.store import dynamodb_client
from shared.pacing import RateLimiter

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

__all__ = ["UNLIMITED_RATE", "Paces", "channel_rate", "spread"]

# One DynamoDB item takes some 1,000 writes a second; a claim of up to 50 sends is one write. Above
# this rate a channel's schedule is spread over several items, each with its share of the rate.
_RATE_PER_ITEM = 5_000
_DEFAULT_RATES = {"EMAIL": 14.0, "SMS": 20.0, "VOICE": 1.0}  # new accounts' quotas
UNLIMITED_RATE = 1_000.0  # a custom channel's function is only held back by the campaign's limit


def channel_rate(channel: str) -> float:
    """Return the messages a second that a channel of this hub may send."""
    if channel not in _DEFAULT_RATES:
        return UNLIMITED_RATE
    return float(os.environ.get(f"{channel}_MESSAGES_PER_SECOND") or _DEFAULT_RATES[channel])


def spread(key: str, rate: float, slot: Callable[[int], int]) -> tuple[str, float]:
    """Return the item of a schedule that one invocation uses, and the item's share of the rate.

    Args:
        slot: gets the number of items, and chooses one of them, counted from 0.
    """
    items = math.ceil(rate / _RATE_PER_ITEM)
    return f"{key}#{slot(items)}", rate / items


class Paces:
    """Reserves starting times in the channels' schedules, which campaigns use too."""

    def __init__(
        self,
        table: str,
        client: DynamoDBClient | None = None,
        *,
        clock: Callable[[], float],
        slot: Callable[[int], int] = random.randrange,
    ) -> None:
        self._table = table
        self._client = client or dynamodb_client()
        self._clock = clock
        self._slot = slot
        self._limiters: dict[str, RateLimiter] = {}

    def rate(self, channel: str) -> float:
        """Return the messages a second of a channel."""
        return channel_rate(channel)

    def reserve(self, channel: str, n: int, by: float) -> float | None:
        """Reserve `n` sends; return the start of the first (epoch seconds), at most `by`.

        None when the schedule is full until then; nothing is reserved.

        Raises:
            PacingContention, ClientError: as RateLimiter.
        """
        return self._limiter(channel).reserve(n, by)

    def _limiter(self, channel: str) -> RateLimiter:
        key, rate = spread(channel, channel_rate(channel), self._slot)
        if key not in self._limiters:
            self._limiters[key] = RateLimiter(
                self._client, self._table, key, rate, clock=self._clock
            )
        return self._limiters[key]
