"""Starts a scheduled run, once for each time of the schedule."""

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from federated_segmentation.run import execution_name
from shared.aws import aws_client
from shared.settings import required_env

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

STATE_MACHINE_ARN = required_env("STATE_MACHINE_ARN")

logger = Logger(service="federated-segmentation")
states: "SFNClient" = aws_client(
    "stepfunctions",
    config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"}),
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> None:
    """Start the run of a schedule.

    EventBridge Scheduler may deliver a time twice. The name of the execution is the schedule and
    its time, and Step Functions takes a name once in 90 days.

    Event: `{Schedule: key, ScheduledTime: ISO 8601, Input}`.
    """
    name = execution_name(event["Schedule"], event["ScheduledTime"])
    try:
        states.start_execution(
            stateMachineArn=STATE_MACHINE_ARN, name=name, input=json.dumps(event["Input"])
        )
    except states.exceptions.ExecutionAlreadyExists:
        logger.info("Run was started before by the same schedule", extra={"execution": name})
    else:
        logger.info("Run started", extra={"execution": name})
