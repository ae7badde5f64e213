"""Queue of retries → text messages, each sent once."""

from __future__ import annotations

import time
from collections import Counter
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from shared.aws import aws_client
from shared.pinpoint import pinpoint_client
from shared.send_outcome import ONE_ATTEMPT
from shared.settings import required_env
from shared.transient import ServiceUnavailable, error_code
from sms_retry.chains import Holder
from sms_retry.failures import End
from sms_retry.final import FinalFailure
from sms_retry.programs import Programs
from sms_retry.sending import NotSentNow, Requeue, Result, Retry, Sender, Sent
from sms_retry.wiring import CALLS, chains, finals, policy, report, texts

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_sqs import SQSClient

# Left for a send with all its attempts, and for the notification.
_LAST_MILLISECONDS = 60_000
_LOOKUPS = Config(
    connect_timeout=3, read_timeout=8, retries={"mode": "standard", "total_max_attempts": 2}
)

logger = Logger(service="sms-retry")
queue_url = required_env("QUEUE_URL")
sqs: SQSClient = aws_client("sqs", config=CALLS)
sender = Sender(
    policy=policy(),
    chains=chains(),
    texts=texts(),
    programs=Programs(cache(lambda: pinpoint_client(_LOOKUPS))) if policy().project_id else None,
    sms=aws_client("pinpoint-sms-voice-v2", config=ONE_ATTEMPT),
    configuration_set=required_env("CONFIGURATION_SET"),
    clock=time.time,
)
finals()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Send the retries of a batch that are due, and report the messages to receive again."""
    counts: Counter[str] = Counter()
    failed: dict[str, str] = {}
    ended: dict[str, FinalFailure] = {}
    for record in event["Records"]:
        message_id = record["messageId"]
        if context.get_remaining_time_in_millis() < _LAST_MILLISECONDS:
            failed[message_id] = "OutOfTime"
            continue
        try:
            result = _work(record)
        except Exception as error:
            # One retry must not fail the others of its batch. SQS redelivers the message, and after
            # its last receive moves it to the dead-letter queue.
            failed[message_id] = _code(error)
            continue
        if isinstance(result, FinalFailure):
            ended[message_id] = result
        else:
            counts[f"{type(result).__name__}Retries"] += 1
    try:
        finals().report(list(ended.values()))
    except Exception as error:  # as above; the next receive finds the end and reports it again
        failed |= dict.fromkeys(ended, error_code(error))
    else:
        counts["FinalFailures"] += len(ended)
        counts["UnknownOutcomes"] += sum(
            one.reason is End.UNKNOWN_OUTCOME for one in ended.values()
        )
    for message_id, code in failed.items():
        logger.warning("Message comes back", extra={"sqs_message_id": message_id, "code": code})
    report(context.function_name, counts | {"FailedRetries": len(failed)})
    return {"batchItemFailures": [{"itemIdentifier": one} for one in failed]}


def _work(record: dict[str, Any]) -> Result:
    retry = Retry.of(record["body"])
    receive = int(record["attributes"]["ApproximateReceiveCount"])
    result = sender.process(retry, Holder(record["messageId"], receive))
    ids = {"original_message_id": retry.failure.original_id, "retry": retry.number}
    if isinstance(result, Requeue):
        sqs.send_message(
            QueueUrl=queue_url, MessageBody=result.body, DelaySeconds=result.delay_seconds
        )
    elif isinstance(result, Sent):
        logger.info("Retry is sent", extra={**ids, "message_id": result.message_id})
    elif isinstance(result, FinalFailure):
        logger.info("Message fails permanently", extra={**ids, "reason": str(result.reason)})
    return result


def _code(error: Exception) -> str:
    if isinstance(error, NotSentNow | ServiceUnavailable):
        return f"{type(error).__name__}: {error}"
    return error_code(error)
