"""The steps of campaign runs and journeys, one of them an invocation.

One function, and so one role, calls the callers' functions for both.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engagement_hub.workers import campaign_run, journey_work
from engagement_hub.workers.steps import Answer, run_step
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext

STEPS = {**campaign_run.STEPS, **journey_work.STEPS}


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """Run the step that the state machine names in `Step`.

    Raises:
        ServiceUnavailable: DynamoDB, S3 or another service throttled or failed. The state machine
            repeats the step for longer than after other errors.
    """
    with transient_errors_named():
        return run_step(STEPS, event, context)
