"""The state machine's first step: which month, from when to when. It calls no service."""

from typing import Any
from zoneinfo import ZoneInfo

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from ses_vdm_export.export import Specification
from ses_vdm_export.month import instant, month_asked_for, timestamp
from shared.settings import required_env

PREFIX = required_env("REPORT_PREFIX")
SPECIFICATION = Specification.from_json(required_env("SPECIFICATION"))
ZONE = ZoneInfo(required_env("TIME_ZONE"))

logger = Logger(service="ses-vdm-export")


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Say what a run exports.

    Event: `{Input: the run's, Started: ISO 8601}`; answer: `{Month, StartDate, EndDate,
    WaitSeconds, Claim, ObjectKey}`.

    Raises:
        BadExportRequest: the run's input names no month that is over.
    """
    month, wait_seconds = month_asked_for(event["Input"], instant(event["Started"]), ZONE)
    return {
        "Month": str(month),
        "StartDate": timestamp(month.start),
        "EndDate": timestamp(month.end),
        "WaitSeconds": wait_seconds,
        "Claim": SPECIFICATION.claim(month),
        "ObjectKey": SPECIFICATION.object_key(PREFIX, month),
    }
