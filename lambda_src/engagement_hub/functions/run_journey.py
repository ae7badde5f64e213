"""The steps of a journey's executions, one of them an invocation."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from engagement_hub.workers.journey_work import STEPS
from engagement_hub.workers.steps import Answer, run_step
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> Answer:
    """Run the step that the state machine names in `Step`.

    Raises:
        ServiceUnavailable: DynamoDB, S3 or another service throttled or failed. The state machine
            repeats the step for longer than after other errors.
    """
    with transient_errors_named():
        return run_step(STEPS, event, context)
