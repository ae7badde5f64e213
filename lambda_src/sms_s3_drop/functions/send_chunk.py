"""SQS handler: send a chunk of a file for each permit."""

from __future__ import annotations

import json
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response
from botocore.config import Config

from shared.aws import aws_client
from shared.local_hours import Hours, InvalidHours, zone_named
from shared.message_batches import MessageBatchProcessor
from shared.metrics import write_counts
from shared.pacing import RateLimiter
from shared.send_outcome import ONE_ATTEMPT, SendOutcome, attempt
from shared.settings import optional_env, required_env
from sms_s3_drop.identities import Identity, identities_from
from sms_s3_drop.ledger import Ledger, Status, UnknownRun
from sms_s3_drop.rows import Text
from sms_s3_drop.sender import MalformedPermit, Rules, Sender, permit_from
from sms_s3_drop.turns import Permit, Turns
from sms_s3_drop.work_files import WorkFiles

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_pinpoint_sms_voice_v2 import PinpointSMSVoiceV2Client
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

TABLE = required_env("TABLE")
KEEP_SECONDS = int(required_env("KEEP_DAYS")) * 86_400
IDENTITIES = identities_from(required_env("IDENTITIES"))
CONFIGURATION_SET = optional_env("CONFIGURATION_SET")
NAMESPACE = "SmsFileDrop"

logger = Logger(service="sms-s3-drop")
processor = MessageBatchProcessor(logger, explained=(MalformedPermit, UnknownRun))
dynamodb: DynamoDBClient = aws_client(
    "dynamodb",
    config=Config(
        connect_timeout=2, read_timeout=5, retries={"mode": "standard"}, max_pool_connections=32
    ),
)
s3: S3Client = aws_client(
    "s3", config=Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard"})
)
sqs: SQSClient = aws_client(
    "sqs", config=Config(connect_timeout=2, read_timeout=10, retries={"mode": "standard"})
)
# A message that was taken and not answered must not be sent again.
phone: PinpointSMSVoiceV2Client = aws_client("pinpoint-sms-voice-v2", config=ONE_ATTEMPT)


def _send(identity: Identity, text: Text) -> SendOutcome:
    request: dict[str, Any] = {
        "DestinationPhoneNumber": text.number,
        "OriginationIdentity": identity.arn,
        "MessageBody": text.body,
        "MessageType": text.message_type,
        "Context": dict(text.context),
    }
    if CONFIGURATION_SET is not None:
        request["ConfigurationSetName"] = CONFIGURATION_SET
    return attempt(lambda: phone.send_text_message(**request), attempts=1)


def _requeue(identity: Identity, permit: Permit, delay: int) -> None:
    sqs.send_message(
        QueueUrl=identity.queue_url, MessageBody=json.dumps(permit.body()), DelaySeconds=delay
    )


def _rules() -> Rules:
    """Read the rules. Raises InvalidHours: a misspelt zone must not become another one."""
    retry_seconds = 60 * float(required_env("RETRY_MINUTES"))
    setting = optional_env("SENDING_HOURS")
    if setting is None:
        return Rules(retry_seconds)
    given = json.loads(setting)
    zone = zone_named(given["default_time_zone"])
    if zone is None:
        raise InvalidHours(
            f"sending_hours.default_time_zone is {given['default_time_zone']}, which is no name of "
            "the tz database. Use a name such as America/New_York."
        )
    return Rules(retry_seconds, Hours.of(given["opens"], given["closes"], given["days"]), zone)


sender = Sender(
    ledger=Ledger(
        dynamodb,
        TABLE,
        lease_seconds=float(required_env("LEASE_SECONDS")),
        keep_seconds=KEEP_SECONDS,
    ),
    turns=Turns(dynamodb, TABLE, KEEP_SECONDS),
    rows=WorkFiles(s3, required_env("WORK_BUCKET")).rows,
    pacer=cache(
        lambda identity: RateLimiter(
            dynamodb, TABLE, identity.key, identity.pace, keep_seconds=KEEP_SECONDS
        )
    ),
    send=_send,
    requeue=_requeue,
    rules=_rules(),
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Send a chunk for each permit; raising leaves a permit for a later delivery."""
    deadline = time.time() + context.get_remaining_time_in_millis() / 1000

    def record_handler(record: SQSRecord) -> None:
        try:
            body = json.loads(record.body)
        except json.JSONDecodeError as error:
            raise MalformedPermit("Not a permit of this module: it is not JSON.") from error
        permit = permit_from(body)
        identity = IDENTITIES.by_key.get(permit.identity)
        if identity is None:
            raise MalformedPermit("The identity of the permit was removed from the module.")
        counts = sender.work_off(permit, identity, deadline)
        seen = {_METRICS[status]: number for status, number in counts.items() if number}
        if seen:
            write_counts(NAMESPACE, context.function_name, seen)
        logger.info("Chunk worked off", extra={"run": permit.run, "rows": seen})

    return process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )


_METRICS = {
    Status.SENT: "RowsSent",
    Status.OPTED_OUT: "RowsOptedOut",
    Status.FAILED: "RowsFailed",
    Status.UNKNOWN: "RowsUnknown",
    Status.WAITING: "RowsWaiting",
}
