"""The context of every step: the stores, the work bucket, the callers' roles and the clock."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from engagement_hub.customer_role import CustomerRoles
from engagement_hub.event_stream import EventStream
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import EntityStore
from engagement_hub.store.runs import RunStore
from engagement_hub.workers.work_bucket import WorkBucket
from shared.aws import aws_client
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="engagement-hub")

_CLIENT = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard"})

Event = Mapping[str, Any]
Answer = dict[str, Any]


@dataclass(slots=True)
class Hub:
    """The hub's parts, handed to each step; tests make one of their own."""

    entities: EntityStore
    endpoints: EndpointStore
    runs: RunStore
    bucket: WorkBucket
    shards: int
    roles: CustomerRoles = field(default_factory=CustomerRoles)
    clock: Callable[[], float] = time.time
    stream: EventStream = field(init=False)

    def __post_init__(self) -> None:
        self.stream = EventStream(self.entities, roles=self.roles)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.clock(), UTC)

    def timestamp(self) -> str:
        """Return the current instant as the API writes it: UTC, milliseconds, Z."""
        return self.now().isoformat(timespec="milliseconds").replace("+00:00", "Z")


@cache
def hub_from_environment() -> Hub:
    """Make the context, once per cold start.

    Raises:
        MissingSetting: a table, the bucket or the number of shards is not set.
    """
    shards = int(required_env("ENDPOINT_SHARDS"))
    return Hub(
        entities=EntityStore(required_env("ENTITIES_TABLE")),
        endpoints=EndpointStore(required_env("ENDPOINTS_TABLE"), shards=shards),
        runs=RunStore(required_env("RUNS_TABLE")),
        bucket=WorkBucket(required_env("WORK_BUCKET"), aws_client("s3", config=_CLIENT)),
        shards=shards,
    )


def all_shards(hub: Hub) -> list[Answer]:
    """Return the starting positions of all shards of a project."""
    return [{"Shard": shard, "After": None, "Part": 0} for shard in range(hub.shards)]


def time_is_up(
    hub: Hub, event: Event, context: LambdaContext, last_milliseconds: int
) -> Callable[[], bool]:
    """Check whether a step should stop: its function's time ends, or the event's `Seconds` are
    over."""
    end = hub.clock() + float(event.get("Seconds") or math.inf)
    return lambda: context.get_remaining_time_in_millis() < last_milliseconds or hub.clock() >= end


Step = Callable[[Hub, Event, "LambdaContext"], Answer]


class UnknownStep(ValueError):
    """The state machine asks for a step that this function does not have."""


def run_step(steps: Mapping[str, Step], event: Event, context: LambdaContext) -> Answer:
    """Run the step that the event names; log which, for which job or campaign, and the outcome."""
    name = str(event.get("Step"))
    if name not in steps:
        raise UnknownStep(f"Step {name} is none of {', '.join(sorted(steps))}.")
    ids = {
        key: event[key]
        for key in ("ApplicationId", "JobId", "CampaignId", "Run", "Key", "Shard")
        if key in event
    }
    logger.info("step begins", step=name, **ids)
    answer = steps[name](hub_from_environment(), event, context)
    logger.info("step ends", step=name, **ids)
    return answer
