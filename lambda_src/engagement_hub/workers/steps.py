"""The steps of the state machines: which one an event asks for, and how long it may work."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger

from engagement_hub.hub import Hub, hub_from_environment
from engagement_hub.store import patience

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

logger = Logger(service="engagement-hub")

_LAST_SECONDS = 60  # for writing results after the last wait for capacity

_LOGGED = (
    *("ApplicationId", "JobId", "CampaignId", "Run", "JourneyId", "Work"),
    *("Key", "Shard"),
)

Event = Mapping[str, Any]
Answer = dict[str, Any]


@cache
def step_hub() -> Hub:
    """Make the hub once, with the parts that threads of a step share: threads must not make them.

    Raises:
        MissingSetting: a table, the bucket or a name of the account is not set.
    """
    hub = hub_from_environment()
    _ = (hub.runs, hub.bucket, hub.roles)
    return hub


def all_shards(hub: Hub) -> list[Answer]:
    """Return the starting positions of all shards of a project."""
    return [{"Shard": shard, "After": None, "Part": 0} for shard in range(hub.endpoints.shards)]


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
    """Run the step that the event names; log which, for which entity, and that it ended."""
    name = str(event.get("Step"))
    if name not in steps:
        raise UnknownStep(f"Step {name} is none of {', '.join(sorted(steps))}.")
    ids = {
        key: event[key]
        for key in (
            "ApplicationId",
            "JobId",
            "CampaignId",
            "Run",
            "JourneyId",
            "Work",
            "Key",
            "Shard",
        )
        if key in event
    }
    logger.info("step begins", step=name, **ids)
    answer = steps[name](step_hub(), event, context)
    logger.info("step ends", step=name, **ids)
    return answer


def run_patient_step(steps: Mapping[str, Step], event: Event, context: LambdaContext) -> Answer:
    """Run a step like `run_step`; a lack of capacity of DynamoDB costs it time only."""
    with patience(context.get_remaining_time_in_millis() / 1000 - _LAST_SECONDS):
        return run_step(steps, event, context)
