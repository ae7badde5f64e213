"""Starts one import per file: SQS (from EventBridge) to Step Functions."""

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from s3_triggered_import.dropped_file import run_of
from shared.aws import aws_client
from shared.dropped_files import MalformedEvent, start_run
from shared.message_batches import MessageBatchProcessor
from shared.settings import optional_env, required_env

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

STATE_MACHINE_ARN = required_env("STATE_MACHINE_ARN")
SUFFIXES = tuple(filter(None, (optional_env("KEY_SUFFIXES") or "").split(",")))

logger = Logger(service="s3-triggered-import")
processor = MessageBatchProcessor(logger, explained=(MalformedEvent,))
states: "SFNClient" = aws_client(
    "stepfunctions",
    config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"}),
)


def record_handler(record: SQSRecord) -> None:
    """Start the import that a message asks for; raising leaves the message for a retry."""
    start_run(
        record.body,
        states,
        STATE_MACHINE_ARN,
        run_of=run_of,
        suffixes=SUFFIXES,
        noun="Import",
        logger=logger,
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Start an import per message; one message's failure is that message's alone."""
    return process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
