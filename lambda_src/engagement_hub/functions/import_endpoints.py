"""The steps of an import job and of deleting lists of members, one of them an invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engagement_hub.workers.import_job import STEPS as IMPORT_STEPS
from engagement_hub.workers.purge import STEPS as PURGE_STEPS
from engagement_hub.workers.steps import Answer, run_patient_step

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

STEPS = {**IMPORT_STEPS, **PURGE_STEPS}


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """Run the step that the state machine names in `Step`; a cold table costs it time only."""
    return run_patient_step(STEPS, event, context)
