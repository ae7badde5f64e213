"""Copies journeys when Terraform applies, and deletes the copies when it destroys."""

import json
import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from journey_copy.applied import (
    CopyFailed,
    CopyStillRunning,
    applied_request,
    delete_drafts,
    result_of,
)
from journey_copy.mapping import Mapping
from journey_copy.sides import Access, pair, source_side, target_side
from shared.aws import aws_client
from shared.new_permissions import once_permitted
from shared.polling import Polling
from shared.settings import required_env

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_stepfunctions import SFNClient

STATE_MACHINE_ARN = required_env("STATE_MACHINE_ARN")
TABLE = required_env("TABLE")
# The function's time is 300 s: a NAT gateway drops an idle connection after 350 s.
POLLING = Polling(timeout_seconds=270, first_seconds=1, longest_seconds=5)
USUAL = Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})

logger = Logger(service="journey-copy")
_target_side = target_side()
target = Access(_target_side)
states: "SFNClient" = aws_client("stepfunctions", config=USUAL)
_dynamodb: "DynamoDBClient" = aws_client("dynamodb", config=USUAL)
mapping = Mapping(_dynamodb, TABLE, pair(source_side(), _target_side))
sleep = time.sleep


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Do what one action of `aws_lambda_invocation` with lifecycle_scope = "CRUD" asks for.

    Event: `{JourneyIds: list or null, DryRun, DeleteCopies, Revision, tf: {action}}`. Answer of
    create and update: `{Revision, Execution, Counts, Copies, Report}`; of delete: `{Deleted,
    Kept}`.

    Raises:
        BadApplyRequest: the module sends no such event.
        CopyFailed: journeys were not copied; the message says which, and why.
        CopyStillRunning: the execution takes longer than the function may wait.
    """
    request = applied_request(event)
    if request.deletes:
        if not request.delete_copies:
            return {"Deleted": 0, "Kept": 0}
        deleted, kept = delete_drafts(target.project(), mapping)
        logger.info("Copies deleted", extra={"deleted": deleted, "kept": kept})
        return {"Deleted": deleted, "Kept": kept}

    run_input = json.dumps(request.run_input)
    execution_arn = once_permitted(
        lambda: states.start_execution(stateMachineArn=STATE_MACHINE_ARN, input=run_input), sleep
    )["executionArn"]
    for attempt in range(POLLING.attempts):
        sleep(POLLING.wait_seconds(attempt))
        execution = states.describe_execution(executionArn=execution_arn)
        if execution["status"] == "SUCCEEDED":
            logger.info("Copy applied", extra={"execution": execution_arn})
            return {"Revision": request.revision, **result_of(execution)}
        if execution["status"] != "RUNNING":
            raise CopyFailed(
                f"{execution.get('error', execution['status'])}: "
                f"{execution.get('cause', 'no cause')} The execution is {execution_arn}."
            )
    raise CopyStillRunning(
        f"{execution_arn} still runs. Apply again after its end: a journey that is copied stays "
        "as it is."
    )
