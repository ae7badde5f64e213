"""The sending rates of a hub's channels, and how many invocations a run needs for them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from zlib import crc32

from engagement_hub.engagement.model import ChannelType
from engagement_hub.pace import UNLIMITED_RATE, channel_rate, spread
from engagement_hub.store import dynamodb_client
from engagement_hub.workers.campaign_plan import RunPlan
from engagement_hub.workers.send_chunk import Pace
from shared.pacing import RateLimiter
from shared.settings import required_env

# Sends a second that one invocation reaches with some margin; sizes the number of invocations.
_RATE_PER_INVOCATION = 40
_MAX_CONCURRENCY = 1_000
# A run lasts 30 days at most; after that nothing asks for its own schedule again.
_KEEP_RUN_SECONDS = 35 * 24 * 60 * 60


class ChunkPaces:
    """The rate limiters of a chunk: the channel's, shared by all projects, and the run's own.

    `own_key` names the run or journey, and `own_rate` is its MessagesPerSecond, None without one.
    """

    def __init__(self, own_key: str, own_rate: int | None, chunk_id: str) -> None:
        self._own_key = own_key
        self._own_rate = own_rate
        # Not by shard: a band is sorted by shard, so the chunks under way are of some shards only.
        self._slot = crc32(chunk_id.encode())
        self._known: dict[str, Sequence[Pace]] = {}

    def of(self, channel: str) -> Sequence[Pace]:
        if channel not in self._known:
            # The run's own first: a reservation in vain there delays no other run.
            own = self._own_rate
            limits = [(self._own_key, float(own))] if own else []
            if channel != ChannelType.CUSTOM:
                limits.append((channel, channel_rate(channel)))
            self._known[channel] = [self._limiter(key, rate) for key, rate in limits]
        return self._known[channel]

    def rate(self, channel: str) -> float:
        """Return the rate at which one invocation may send its reserved messages."""
        own = self._own_rate
        return min(channel_rate(channel), float(own)) if own else channel_rate(channel)

    def _limiter(self, key: str, rate: float) -> RateLimiter:
        item, share = spread(key, rate, lambda items: self._slot % items)
        return RateLimiter(
            dynamodb_client(),
            required_env("RUNS_TABLE"),
            item,
            share,
            keep_seconds=_KEEP_RUN_SECONDS if key == self._own_key else None,
        )


def concurrency_of(plan: RunPlan) -> int:
    """Count how many chunks to work on at a time: enough for the rate, few enough not to queue."""
    channels = [
        channel
        for channel in ("SMS", "EMAIL", "VOICE")
        if any(treatment.plan(channel) for treatment in plan.treatments.values())
    ]
    return concurrency_for(channels, plan.limits.messages_per_second)


def concurrency_for(channels: Sequence[str], own_rate: int | None) -> int:
    """Count the chunks to work on at a time for messages on these channels."""
    rate = sum(channel_rate(channel) for channel in channels) or UNLIMITED_RATE
    rate = min(rate, own_rate or rate)
    return max(1, min(_MAX_CONCURRENCY, math.ceil(rate / _RATE_PER_INVOCATION)))
