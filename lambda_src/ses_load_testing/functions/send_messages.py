"""SQS handler: send a batch, and return the ids of messages to retry."""

from __future__ import annotations

import time
from functools import cache, partial
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from ses_load_testing.account import Account
from ses_load_testing.bulk_email import send_bulk
from ses_load_testing.ledger import Ledger
from ses_load_testing.metrics import record_of, report_metrics
from ses_load_testing.queues import Queues, delivery_of
from ses_load_testing.sender import Report, Sender
from ses_load_testing.users import Users
from ses_load_testing.valve import ValveItem, ask_to_close
from shared.aws import aws_client
from shared.pacing import RateLimiter
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_lambda import LambdaClient
    from mypy_boto3_sesv2 import SESV2Client
    from mypy_boto3_sqs import SQSClient

IN_FLIGHT_MARGIN_SECONDS = 30  # clocks, and what Lambda takes to end a function

logger = Logger(service="ses-load-testing")
table = required_env("STATE_TABLE")
# A call that SES took but did not answer must not be repeated: no retries.
ses: SESV2Client = aws_client(
    "sesv2",
    config=Config(connect_timeout=3, read_timeout=15, retries={"total_max_attempts": 1}),
)
dynamodb: DynamoDBClient = aws_client(
    "dynamodb",
    config=Config(
        connect_timeout=2, read_timeout=5, retries={"mode": "standard"}, max_pool_connections=32
    ),
)
sqs: SQSClient = aws_client(
    "sqs", config=Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"})
)


@cache
def functions() -> LambdaClient:
    """Make the client when the day's quota is used up, and not before."""
    client: LambdaClient = aws_client(
        "lambda", config=Config(connect_timeout=2, read_timeout=20, retries={"mode": "standard"})
    )
    return client


sender = Sender(
    users=Users(dynamodb, required_env("METADATA_TABLE")),
    ledger=Ledger(
        dynamodb,
        table,
        keep_days=int(required_env("IDEMPOTENCY_DAYS")),
        in_flight_seconds=int(required_env("TIMEOUT_SECONDS")) + IN_FLIGHT_MARGIN_SECONDS,
    ),
    account=Account(ses),
    queues=Queues(
        sqs,
        queue_url=required_env("QUEUE_URL"),
        dead_letter_url=required_env("DEAD_LETTER_QUEUE_URL"),
        parked_url=required_env("PARKED_QUEUE_URL"),
    ),
    pacer=cache(lambda rate, clock: RateLimiter(dynamodb, table, "ses", rate, clock)),
    send=partial(send_bulk, ses),
    closed=ValveItem(dynamodb, table).reason,
    close=lambda reason: ask_to_close(functions(), required_env("VALVE_FUNCTION"), reason),
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Send the emails of a batch; answers with the messages that stay on the queue."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000
    report = Report()
    try:
        sender.process([delivery_of(record) for record in event["Records"]], deadline, report)
    finally:
        print(record_of(report_metrics(report), context.function_name, time.time()), flush=True)
        if report.codes or report.stopped or report.unrecorded:
            logger.warning(
                "Not everything was sent",
                extra={
                    "codes": dict(report.codes),
                    "stopped": report.stopped,
                    "unrecorded_calls": report.unrecorded,
                },
            )
    return {"batchItemFailures": [{"itemIdentifier": id} for id in report.later()]}
