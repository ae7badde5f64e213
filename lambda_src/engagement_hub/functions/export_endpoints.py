"""The steps of an export job, one of them an invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engagement_hub.store import patience
from engagement_hub.workers.export_job import STEPS
from engagement_hub.workers.steps import Answer, run_step

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

LAST_SECONDS = 60  # for writing results after the last wait for capacity


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """Run the step that the state machine names in `Step`; a cold table costs it time only."""
    with patience(context.get_remaining_time_in_millis() / 1000 - LAST_SECONDS):
        return run_step(STEPS, event, context)
