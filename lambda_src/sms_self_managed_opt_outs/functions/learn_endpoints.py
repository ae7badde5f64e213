"""Event stream: learns which endpoints have which number, and marks endpoints that come later."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from shared.aws import aws_client
from shared.metrics import write_counts
from shared.settings import required_env
from shared.stream_records import DeadLetters, NotAnEvent, by_number, event_in, finish_batch
from shared.transient import error_code
from sms_self_managed_opt_outs.index import Index
from sms_self_managed_opt_outs.seen import Seen, seen_in
from sms_self_managed_opt_outs.store import Store

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

NAMESPACE = "SmsSelfManagedOptOuts"
# Ids of messages to bare numbers are many, and most are no endpoints.
PASSING_SECONDS = 90 * 86_400
RENEWED_SECONDS = 45 * 86_400  # before the end
REMEMBERED = 50_000
SECONDS_TO_FINISH = 10.0
QUEUE_URL = required_env("QUEUE_URL")

logger = Logger(service="sms-self-managed-opt-outs")
CONFIG = Config(connect_timeout=2, read_timeout=5, retries={"mode": "standard"})
dynamodb = aws_client("dynamodb", config=CONFIG)
sqs = aws_client("sqs", config=CONFIG)
index = Index(dynamodb, required_env("INDEX_TABLE"))
store = Store(dynamodb, required_env("PREFERENCES_TABLE"))
dead_letters = DeadLetters(required_env("DEAD_LETTER_QUEUE_URL"), logger)
# Pairs that this execution environment wrote or found: a campaign has several events a message.
remembered: set[Seen] = set()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Learn from a batch of events, and report the records to try again."""
    records = by_number(event)
    hopeless: dict[str, str] = {}
    again: dict[str, str] = {}
    learned = 0
    for number, record in records.items():
        if context.get_remaining_time_in_millis() < SECONDS_TO_FINISH * 1000:
            again[number] = "OutOfTime"
            continue
        try:
            seen = seen_in(event_in(record["kinesis"]["data"]))
            learned += seen is not None and _learn(seen)
        except NotAnEvent as error:
            hopeless[number] = str(error)
        except (BotoCoreError, ClientError) as error:
            again[number] = error_code(error)
    answer, parked = finish_batch(
        records, hopeless=hopeless, again=again, dead_letters=dead_letters
    )
    counts = {
        "EndpointsLearned": learned,
        "ParkedRecords": parked,
        "FailedRecords": len(answer["batchItemFailures"]),
    }
    if found := {name: count for name, count in counts.items() if count}:
        write_counts(NAMESPACE, context.function_name, found)
    return answer


def _learn(seen: Seen) -> bool:
    """Write a pair, and have the endpoint marked where the number has preferences.

    The pair is written before the preferences are read: an opt-out that arrives at the same time
    finds the pair, or is found. A pair counts as known when all of it is done, so that a record
    that is delivered again after a failure does the rest.
    """
    if seen in remembered:
        return False
    now = int(time.time())
    new = index.learn(
        seen.number,
        seen.endpoint_id,
        None if seen.lasting else now + PASSING_SECONDS,
        renew_before=now + RENEWED_SECONDS,
    )
    if new:
        if store.has_preferences(seen.number):
            _order_mark(seen.number)
        index.know(seen.number, seen.endpoint_id)
    if len(remembered) >= REMEMBERED:
        remembered.clear()
    remembered.add(seen)
    return new


def _order_mark(number: str) -> None:
    body = json.dumps({"sms_self_managed_opt_outs": {"settle": number}})
    sqs.send_message(QueueUrl=QUEUE_URL, MessageBody=body)
