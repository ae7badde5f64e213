"""Queue → channel: contacts endpoints at the pace and in the hours of the module's inputs."""

from __future__ import annotations

import json
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from connect_campaign_channel.channel import Misconfigured
from connect_campaign_channel.channels import channel_named
from connect_campaign_channel.contact_claims import ContactClaims, Outcome
from connect_campaign_channel.contacting import Again, Contacting, Done, Rules, Wait
from connect_campaign_channel.endpoints import CurrentEndpoints
from shared.aws import aws_client
from shared.channel_intake import ChannelMessage, MalformedMessage, read_message
from shared.local_hours import Hours
from shared.metrics import write_counts
from shared.outcome_events import OutcomeEvent, OutcomesRefused, put_outcomes
from shared.pacing import RateLimiter
from shared.pinpoint import pinpoint_client
from shared.settings import optional_env, required_env
from shared.transient import error_code

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_sqs import SQSClient

NAMESPACE = "ConnectCampaignChannel"
# SQS hides a message for 12 hours at most, counted from its receive.
_LONGEST_HIDDEN_SECONDS = 43_000
_LONGEST_DELAY_SECONDS = 900
# A waiting message is replaced by a copy, so that waiting does not bring it to the dead-letter
# queue, whose maximum of receives is for failures.
_RECEIVES_BEFORE_A_COPY = 5
# Left for the pace, the attempts and the outcomes of the last message.
_LAST_MILLISECONDS = 150_000
_FAILED_SECONDS = 30

logger = Logger(service="connect-campaign-channel")
queue_url = required_env("QUEUE_URL")
channel = channel_named(required_env("CHANNEL"), json.loads(required_env("CHANNEL_SETTINGS")))
_CALLS = Config(
    connect_timeout=3, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
dynamodb: DynamoDBClient = aws_client("dynamodb", config=_CALLS)
sqs: SQSClient = aws_client("sqs", config=_CALLS)
pinpoint = pinpoint_client(
    Config(
        connect_timeout=3, read_timeout=10, retries={"mode": "standard", "total_max_attempts": 2}
    )
)


def _hours() -> tuple[Hours | None, str | None]:
    """Return the hours, and the zone of endpoints whose zone is not known."""
    text = optional_env("CALLING_HOURS")
    if text is None:
        return None, None
    given = json.loads(text)
    return (
        Hours.of(given["opens"], given["closes"], given["days"]),
        given.get("default_time_zone"),
    )


hours, default_zone = _hours()
claims = ContactClaims(dynamodb, required_env("TABLE"))
contacting = Contacting(
    channel,
    claims,
    RateLimiter(
        dynamodb, required_env("TABLE"), "contacts", float(required_env("CONTACTS_PER_SECOND"))
    ),
    CurrentEndpoints(pinpoint),
    Rules(
        hours=hours,
        default_zone=default_zone,
        max_age=timedelta(hours=float(required_env("MAX_AGE_HOURS"))),
        longest_attempt=timedelta(seconds=float(required_env("TIMEOUT_SECONDS")) + 10),
    ),
    clock=time.time,
    sleep=time.sleep,
)


@dataclass(slots=True)
class _Batch:
    """The ends of a batch: messages whose outcome is to be reported, and messages that SQS
    redelivers."""

    ended: list[tuple[Mapping[str, Any], ChannelMessage, Outcome]] = field(default_factory=list)
    back: list[str] = field(default_factory=list)
    counts: Counter[str] = field(default_factory=Counter)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Contact the endpoints of a batch, and report the messages to redeliver."""
    batch = _Batch()
    for record in event["Records"]:
        if context.get_remaining_time_in_millis() < _LAST_MILLISECONDS:
            _wait(record, Wait(1, "OUT_OF_TIME"), batch)
            continue
        try:
            message = read_message(record["body"])
        except MalformedMessage as error:
            _fail(record, str(error), batch, seconds=1)
            continue
        try:
            holder = f"{context.aws_request_id}/{record['messageId']}"
            end = contacting.handle(message, holder, _receives(record))
        except Misconfigured as error:
            logger.error(
                "The channel is refused: check its settings and permissions",
                extra={"error_code": str(error)},
            )
            _fail(record, str(error), batch)
            continue
        except Exception as error:
            # One message must not fail the others of its batch. SQS redelivers it, and after its
            # last receive moves it to the dead-letter queue.
            _fail(record, error_code(error), batch)
            continue
        match end:
            case Done(None):
                batch.counts["Copies"] += 1
            case Done(outcome) if outcome is not None:
                batch.ended.append((record, message, outcome))
            case Wait():
                _wait(record, end, batch)
            case Again(reason):
                _fail(record, reason, batch)
    _report(batch)
    if batch.counts:
        write_counts(NAMESPACE, context.function_name, batch.counts)
    return {"batchItemFailures": [{"itemIdentifier": one} for one in batch.back]}


def _receives(record: Mapping[str, Any]) -> int:
    return int(record["attributes"]["ApproximateReceiveCount"])


def _wait(record: Mapping[str, Any], wait: Wait, batch: _Batch) -> None:
    """Hide a message until it is due; after some receives a copy takes its place."""
    batch.counts["WaitingMessages"] += 1
    if _receives(record) >= _RECEIVES_BEFORE_A_COPY:
        try:
            sqs.send_message(
                QueueUrl=queue_url,
                MessageBody=record["body"],
                DelaySeconds=min(wait.seconds, _LONGEST_DELAY_SECONDS),
            )
            return
        except (ClientError, BotoCoreError) as error:
            _fail(record, error_code(error), batch)
            return
    batch.back.append(record["messageId"])
    _hide(record, min(wait.seconds, _LONGEST_HIDDEN_SECONDS))


def _fail(
    record: Mapping[str, Any], reason: str, batch: _Batch, seconds: int = _FAILED_SECONDS
) -> None:
    logger.warning(
        "Message is redelivered", extra={"message_id": record["messageId"], "reason": reason}
    )
    batch.counts["FailedMessages"] += 1
    batch.back.append(record["messageId"])
    _hide(record, seconds * _receives(record))


def _hide(record: Mapping[str, Any], seconds: int) -> None:
    # Without this SQS redelivers the message after the queue's visibility timeout.
    with suppress(ClientError, BotoCoreError):
        sqs.change_message_visibility(
            QueueUrl=queue_url,
            ReceiptHandle=record["receiptHandle"],
            VisibilityTimeout=seconds,
        )


def _report(batch: _Batch) -> None:
    """Write the outcomes to the event stream, then note that they are there."""
    events = [_event(message, outcome) for _, message, outcome in batch.ended]
    failures = _written(events)
    for event, (record, message, outcome) in zip(events, batch.ended, strict=True):
        if id(event) in failures:
            _fail(record, failures[id(event)], batch)
            continue
        try:
            claims.mark_reported(message.key)
        except (ClientError, BotoCoreError) as error:
            _fail(record, error_code(error), batch)
            continue
        batch.counts[f"{outcome.outcome.capitalize()}Contacts"] += 1


def _written(events: list[OutcomeEvent]) -> dict[int, str]:
    """Write outcomes. Returns the code of each that is not written, by the `id` of its event."""
    try:
        put_outcomes(pinpoint, events)
    except OutcomesRefused as error:
        return {id(event): error_code(error) for event in error.outcomes}
    except (ClientError, BotoCoreError) as error:
        return dict.fromkeys(map(id, events), error_code(error))
    return {}


def _event(message: ChannelMessage, outcome: Outcome) -> OutcomeEvent:
    return OutcomeEvent(
        message.sending,
        message.endpoint_id,
        channel.name,
        outcome.outcome,
        datetime.now(UTC),
        outcome.reason,
        {} if outcome.contact_id is None else {"contact_id": outcome.contact_id},
    )
