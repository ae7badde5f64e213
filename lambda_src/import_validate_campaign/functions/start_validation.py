"""Import succeeded → validate the phone numbers of its segment."""

from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from import_validate_campaign.messages import (
    execution_name,
    import_finished,
    notification_in,
    validation_input,
)
from import_validate_campaign.starting import handle_batch, logger, start_once


def record_handler(record: SQSRecord) -> None:
    """Start the validation that one notification asks for."""
    message, _ = notification_in(record.body)
    done = import_finished(message)
    start_once(execution_name("validate", done.correlation_id), validation_input(done))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Start a validation per message."""
    return handle_batch(event, record_handler, context)
