"""Starts one import per file: SQS (from EventBridge) to Step Functions."""

import json
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from s3_triggered_import.dropped_file import (
    MalformedEvent,
    dropped_file,
    execution_name,
    ignored_because,
    run_input,
)
from shared.aws import aws_client
from shared.settings import optional_env, required_env

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

STATE_MACHINE_ARN = required_env("STATE_MACHINE_ARN")
SUFFIXES = tuple(filter(None, (optional_env("KEY_SUFFIXES") or "").split(",")))

logger = Logger(service="s3-triggered-import")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
states: "SFNClient" = aws_client(
    "stepfunctions",
    config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"}),
)


def record_handler(record: SQSRecord) -> None:
    """Start the import that a message asks for; raising leaves the message for a retry."""
    try:
        event = json.loads(record.body)
    except json.JSONDecodeError as error:
        raise MalformedEvent(f"The message is not JSON: {error}") from error

    file = dropped_file(event)
    name = execution_name(file)
    reason = ignored_because(file, SUFFIXES)
    if reason is not None:
        logger.info("File ignored", extra={"execution": name, "reason": reason})
        return

    try:
        states.start_execution(
            stateMachineArn=STATE_MACHINE_ARN, name=name, input=json.dumps(run_input(file))
        )
    except states.exceptions.ExecutionAlreadyExists:
        logger.info("Import was started before by the same event", extra={"execution": name})
    else:
        logger.info("Import started", extra={"execution": name})


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Start an import per message; one message's failure is that message's alone."""
    return process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
