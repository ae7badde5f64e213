"""Closes the runs and jobs of executions that ended abnormally.

EventBridge invokes the function for each execution of the hub's state machines that ends ABORTED,
FAILED or TIMED_OUT. An event whose run or job could not be closed raises: Lambda tries again, and
then keeps the event in the function's failure queue.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools.utilities.data_classes import EventBridgeEvent

from engagement_hub.workers.ended_executions import close_ended, execution_of
from engagement_hub.workers.steps import step_hub

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Close the run or job of the execution that the event names."""
    arn = str(EventBridgeEvent(event).detail["executionArn"])
    hub = step_hub()
    close_ended(hub, execution_of(hub, arn), context)
