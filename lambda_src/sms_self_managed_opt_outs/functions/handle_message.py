"""Queue of inbound messages: records opt-outs and opt-ins, carries them out, and answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config

from shared.aws import aws_client
from shared.metrics import write_counts
from shared.pinpoint import pinpoint_client
from shared.send_outcome import ONE_ATTEMPT
from shared.settings import required_env
from shared.transient import error_code
from sms_self_managed_opt_outs.announcements import Announcements
from sms_self_managed_opt_outs.endpoints import Endpoints
from sms_self_managed_opt_outs.handling import Handling, StepsFailed
from sms_self_managed_opt_outs.inbound import MalformedInbound, inbound_in
from sms_self_managed_opt_outs.index import Index
from sms_self_managed_opt_outs.keywords import keywords_from
from sms_self_managed_opt_outs.opt_out_lists import OptOutLists
from sms_self_managed_opt_outs.replies import Replies
from sms_self_managed_opt_outs.store import Store, UnreadablePreference

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

NAMESPACE = "SmsSelfManagedOptOuts"
# Seconds that one message needs at most: with fewer left, a message is redelivered.
SECONDS_FOR_A_MESSAGE = 20.0
PREFERENCES_TABLE = required_env("PREFERENCES_TABLE")
INDEX_TABLE = required_env("INDEX_TABLE")
SETTINGS_ID = required_env("SETTINGS_ID")
PROJECT_ID = required_env("PROJECT_ID")

logger = Logger(service="sms-self-managed-opt-outs")
RETRIED = Config(
    connect_timeout=2, read_timeout=5, retries={"mode": "standard", "total_max_attempts": 3}
)
dynamodb = aws_client("dynamodb", config=RETRIED)
lists_client = aws_client("pinpoint-sms-voice-v2", config=RETRIED)
sender = aws_client("pinpoint-sms-voice-v2", config=ONE_ATTEMPT)
events = aws_client("events", config=RETRIED)
pinpoint = pinpoint_client(RETRIED)


@cache
def handling() -> Handling:
    """Read the settings once; a change of them changes SETTINGS_ID, and so the function."""
    index = Index(dynamodb, INDEX_TABLE)
    settings = json.loads(index.settings(SETTINGS_ID))
    store = Store(dynamodb, PREFERENCES_TABLE)
    endpoints, bus = settings["endpoints"], settings["events"]
    return Handling(
        store=store,
        index=index,
        lists=OptOutLists(lists_client, settings["opt_out_lists"]),
        replies=Replies(sender, store),
        endpoints=Endpoints(
            pinpoint,
            PROJECT_ID,
            index.endpoint_ids,
            attribute=endpoints["attribute"],
            id_patterns=endpoints["id_patterns"],
            of_user=endpoints["of_user"],
        ),
        announcements=None
        if bus is None
        else Announcements(events, bus["bus"], bus["include_number"]),
        keywords=keywords_from(settings["keywords"]),
        categories=settings["categories"],
        default_language=settings["language"],
    )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Carry out the messages of a batch; only failed messages are redelivered.

    A malformed message fails like any other: after its last attempt it is in the dead-letter queue,
    whose alarm notifies a person.
    """
    failed: dict[str, str] = {}
    for record in event["Records"]:
        if not _has_time(context):
            failed[record["messageId"]] = "OutOfTime"
            continue
        try:
            _handle(record, context)
        except (StepsFailed, MalformedInbound, UnreadablePreference) as error:
            # Their texts hold steps, codes and names of members, and nothing of the content.
            failed[record["messageId"]] = str(error)
        except Exception as error:
            # One person's message must not bring back the messages of the others. SQS redelivers
            # it, and after its last receipt moves it to the dead-letter queue.
            failed[record["messageId"]] = error_code(error)
    for message_id, reason in failed.items():
        logger.warning("Message comes back", extra={"sqs_message_id": message_id, "reason": reason})
    _report(context.function_name, len(failed))
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _has_time(context: LambdaContext) -> bool:
    return context.get_remaining_time_in_millis() >= SECONDS_FOR_A_MESSAGE * 1000


def _handle(record: Mapping[str, Any], context: LambdaContext) -> None:
    work = _work_in(record["body"])
    if work is not None and "settle" in work:
        handling().settle(str(work["settle"]))
        return
    if work is not None and work.get("try") == "kept_numbers":
        handling().try_kept_numbers(lambda: _has_time(context))
        return
    attributes = record.get("attributes", {})
    message = inbound_in(record["body"], int(attributes.get("SentTimestamp", "0")))
    outcome = handling().handle(
        message, receives=int(attributes.get("ApproximateReceiveCount", "1"))
    )
    logger.info(
        "Message decided",
        extra={"inbound_message_id": message.id, "outcome": outcome or "NO_KEYWORD"},
    )


def _work_in(body: str) -> Mapping[str, Any] | None:
    """Return the module's own work: endpoints seen anew, and numbers that a list kept."""
    if '"sms_self_managed_opt_outs"' not in body:
        return None
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return None
    work = found.get("sms_self_managed_opt_outs") if isinstance(found, dict) else None
    return work if isinstance(work, dict) else None


def _report(function_name: str, failed: int) -> None:
    """Write the counts that are not zero: CloudWatch bills a metric for each hour with a value."""
    counts = {"FailedMessages": failed}
    if handling.cache_info().currsize:
        counts |= dict(handling().counts)
        handling().counts.clear()
    found = {name: count for name, count in counts.items() if count}
    if found:
        write_counts(NAMESPACE, function_name, found)
