"""The valve's function: closes when the sender asks, and opens when SES has room again."""

from __future__ import annotations

import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from ses_load_testing.account import StopReason, read_limits
from ses_load_testing.metrics import record_of
from ses_load_testing.valve import Valve, ValveItem
from shared.aws import aws_client
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient

logger = Logger(service="ses-load-testing")
_config = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"})
dynamodb: DynamoDBClient = aws_client("dynamodb", config=_config)


@cache
def later(service: str) -> Any:
    """Return a client that most looks do not need: they find nothing to change."""
    return aws_client(service, config=_config)


valve = Valve(
    ValveItem(dynamodb, required_env("STATE_TABLE")),
    lambda: later("lambda"),
    required_env("MAPPING_ID"),
    limits=lambda: read_limits(later("sesv2")),
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Close for {"close": "DAILY_QUOTA" | "SENDING_PAUSED"}; otherwise open where SES allows it.

    Answers {"closed": reason or null}, and counts the state in the metrics StoppedByQuota and
    StoppedByAccount.
    """
    asked = event.get("close")
    closed = valve.look() if asked is None else valve.close(StopReason(asked))
    metrics = {
        "StoppedByQuota": float(closed is StopReason.DAILY_QUOTA),
        "StoppedByAccount": float(closed is StopReason.SENDING_PAUSED),
    }
    print(record_of(metrics, context.function_name, time.time()), flush=True)
    logger.info("Looked", extra={"closed": closed, "asked": asked})
    return {"closed": closed}
