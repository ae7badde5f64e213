"""Wires SES identities when Terraform asks, and on a schedule."""

from __future__ import annotations

from dataclasses import asdict
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from ses_event_processing.identity_wiring import Identities, wire, wish_from
from shared.aws import aws_client

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_ses import SESClient
    from mypy_boto3_sesv2 import SESV2Client

# Left for the last call with all its retries, and for the report.
MARGIN_MILLISECONDS = 90_000

logger = Logger(service="ses-event-processing")


@cache
def _clients() -> tuple[SESClient, SESV2Client]:
    # Adaptive: others in the account share the quota of one call a second.
    config = Config(
        connect_timeout=3, read_timeout=10, retries={"mode": "adaptive", "total_max_attempts": 5}
    )
    return aws_client("ses", config=config), aws_client("sesv2", config=config)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Wire or unwire identities; answers how many became what (see `Outcome`).

    Identities can be addresses, so neither logs nor errors name one.
    """
    wish = wish_from(event)
    outcome = wire(
        wish,
        Identities(*_clients()),
        has_time=lambda: context.get_remaining_time_in_millis() > MARGIN_MILLISECONDS,
    )
    report = asdict(outcome)
    logger.info("Identities looked at", extra={"unwiring": wish.unwire, **report})
    outcome.raise_if_short(wish)
    return report
