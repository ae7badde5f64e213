"""The steps of an export job, one of them an invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engagement_hub.workers.export_job import STEPS
from engagement_hub.workers.steps import Answer, run_patient_step

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """Run the step that the state machine names in `Step`; a cold table costs it time only."""
    return run_patient_step(STEPS, event, context)
