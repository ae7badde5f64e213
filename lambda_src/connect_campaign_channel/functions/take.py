"""Calls of campaigns and journeys: queues one message for each endpoint, and answers."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from connect_campaign_channel.channels import channel_named
from connect_campaign_channel.content import read_content
from shared.aws import aws_client
from shared.campaign_calls import MalformedCall, read_call, refusal_of
from shared.channel_intake import answer_of, enqueue, messages_of
from shared.metrics import write_counts
from shared.settings import required_env

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient

NAMESPACE = "ConnectCampaignChannel"
PROJECT_ID = required_env("PROJECT_ID")
QUEUE_URL = required_env("QUEUE_URL")

logger = Logger(service="connect-campaign-channel")
channel = channel_named(required_env("CHANNEL"), json.loads(required_env("CHANNEL_SETTINGS")))
sqs: SQSClient = aws_client(
    "sqs",
    config=Config(
        connect_timeout=2, read_timeout=3, retries={"mode": "standard", "total_max_attempts": 2}
    ),
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Queue the endpoints of a call. Returns the event attributes by which a journey branches.

    Raises:
        MalformedCall, MalformedData: no retry can help; nothing is queued.
        NotQueued, ClientError, BotoCoreError: the call may be repeated.
    """
    call = read_call(event)
    if call.sending.application_id != PROJECT_ID:
        raise MalformedCall("ApplicationId is another project's than this channel works for.")
    channel.check(read_content(call.data))

    messages = messages_of(call, at=datetime.now(UTC), problem_of=_problem_of)
    enqueue(sqs, QUEUE_URL, messages)

    problems = sum(message.problem is not None for message in messages)
    counts = {"QueuedEndpoints": len(messages) - problems, "RefusedEndpoints": problems}
    found = {name: count for name, count in counts.items() if count}
    if found:
        write_counts(NAMESPACE, context.function_name, found)
    return answer_of(messages)


def _problem_of(endpoint: Mapping[str, Any]) -> str | None:
    return refusal_of(endpoint) or channel.problem(endpoint)
