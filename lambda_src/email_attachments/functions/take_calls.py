"""Custom channel of campaigns and journeys: checks the configuration and queues each endpoint."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from email_attachments.configuration import BadConfiguration, checked, members_of, read_rules
from email_attachments.message import plan_of
from email_attachments.sender import CHANNEL, Reason, problem_of
from email_attachments.templates import TemplateMissing, Templates
from shared.aws import aws_client
from shared.campaign_calls import CampaignCall, MalformedCall, read_call
from shared.channel_intake import answer_of, enqueue, messages_of
from shared.outcome_events import ChannelOutcome, OutcomeEvent, OutcomesRefused, put_outcomes
from shared.pinpoint import pinpoint_client
from shared.settings import required_env
from shared.transient import ServiceUnavailable, error_code

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient

# A campaign waits 15 seconds.
_CALLS = Config(
    connect_timeout=2, read_timeout=4, retries={"mode": "standard", "total_max_attempts": 2}
)

logger = Logger(service="email-attachments")
project_id = required_env("PROJECT_ID")
queue_url = required_env("QUEUE_URL")
rules = read_rules(os.environ)
pinpoint = pinpoint_client(_CALLS)
sqs: SQSClient = aws_client("sqs", config=_CALLS)
templates = Templates(pinpoint)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Queue a message for each endpoint of a call, and answer with the result for each.

    Raises:
        MalformedCall: the event is no call of a campaign or journey of the project.
        BadConfiguration, TemplateMissing: no endpoint is queued; the outcomes are reported.
        NotQueued, ClientError, BotoCoreError, ServiceUnavailable: AWS refused or failed. The
            campaign counts the call as failed; endpoints that were queued get their email.
    """
    call = read_call(event)
    if call.sending.application_id != project_id:
        raise MalformedCall("ApplicationId is not the project of this channel.")
    now = datetime.now(UTC)
    try:
        data = _checked_data(call)
    except (BadConfiguration, TemplateMissing):
        _report(call, now)
        raise
    messages = messages_of(replace(call, data=data), at=now, problem_of=problem_of)
    enqueue(sqs, queue_url, messages)
    queued = sum(message.problem is None for message in messages)
    logger.info("Call is queued", extra={"queued": queued, "skipped": len(messages) - queued})
    return answer_of(messages)


def _checked_data(call: CampaignCall) -> str:
    """Check the configuration with its template; return it with the version of the template.

    The version is the active one of this moment, so that all recipients of a call get the same.
    """
    members = members_of(call.data)
    configuration = checked(members, rules)
    template = templates.get(configuration.template_name, configuration.template_version)
    plan_of(template, configuration)
    return json.dumps({**members, "TemplateVersion": str(template.get("Version") or "1")})


def _report(call: CampaignCall, now: datetime) -> None:
    """Report that no endpoint of the call gets an email. The call fails in any case."""
    outcomes = [
        OutcomeEvent(
            call.sending,
            endpoint_id,
            CHANNEL,
            ChannelOutcome.FAILED,
            now,
            Reason.BAD_CONFIGURATION,
        )
        for endpoint_id in call.endpoints
    ]
    try:
        put_outcomes(pinpoint, outcomes)
    except (BotoCoreError, ClientError, OutcomesRefused, ServiceUnavailable) as error:
        logger.error("Outcomes are not reported", extra={"error_code": error_code(error)})
