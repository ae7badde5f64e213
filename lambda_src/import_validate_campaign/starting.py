"""Handle an SQS batch, and start an execution at most once; used by both start functions."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from import_validate_campaign.messages import MalformedNotification
from shared.aws import aws_client
from shared.message_batches import MessageBatchProcessor
from shared.settings import required_env

if TYPE_CHECKING:
    from mypy_boto3_stepfunctions import SFNClient

__all__ = ["handle_batch", "logger", "start_once", "states"]

STATE_MACHINE_ARN = required_env("STATE_MACHINE_ARN")

logger = Logger(service="import-validate-campaign")
processor = MessageBatchProcessor(logger, explained=(MalformedNotification,))
states: "SFNClient" = aws_client(
    "stepfunctions",
    config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"}),
)


def start_once(name: str, run_input: dict[str, Any]) -> None:
    """Start the next stage unless a message before this one did; other errors are raised."""
    try:
        states.start_execution(
            stateMachineArn=STATE_MACHINE_ARN, name=name, input=json.dumps(run_input)
        )
    except states.exceptions.ExecutionAlreadyExists:
        logger.info("Stage was started before by the same notification", extra={"execution": name})
    else:
        logger.info("Stage started", extra={"execution": name})


def handle_batch(
    event: dict[str, Any], record_handler: Callable[[SQSRecord], None], context: LambdaContext
) -> PartialItemFailureResponse:
    """Run the handler per message; one that raises leaves only its own message to be retried."""
    return process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
