"""Orders from the queue: publish an alert for each order above the limit."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from order_alerts.orders import MalformedOrder, alert_for
from shared.aws import aws_client
from shared.message_batches import MessageBatchProcessor
from shared.settings import required_env

if TYPE_CHECKING:
    from mypy_boto3_sns import SNSClient

# Settings and clients are made once; a missing setting fails the cold start.
LIMIT = Decimal(required_env("LIMIT"))
TOPIC_ARN = required_env("TOPIC_ARN")

logger = Logger(service="order-alerts")
processor = MessageBatchProcessor(logger, explained=(MalformedOrder,))
sns: SNSClient = aws_client(
    "sns", config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})
)


def record_handler(record: SQSRecord) -> None:
    """Publish the alert of one order, if there is one."""
    alert = alert_for(record.body, LIMIT)
    if alert is None:
        return
    sns.publish(
        TopicArn=TOPIC_ARN,
        Subject="Order above the limit",
        Message=json.dumps({"OrderId": alert.order_id, "Amount": str(alert.amount)}),
        MessageAttributes={"notification_type": {"DataType": "String", "StringValue": "success"}},
    )
    logger.info("Alert published", extra={"order_id": alert.order_id})


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Handle a batch; a message whose order cannot be handled is redelivered alone."""
    return process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
