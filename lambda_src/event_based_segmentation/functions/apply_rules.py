"""Events of a project's event stream: changes attributes of endpoints and users by rules."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from event_based_segmentation.change_times import ChangeTimes, TimesUnavailable
from event_based_segmentation.endpoints import Endpoints
from event_based_segmentation.events import Event, MalformedEvent, event_from
from event_based_segmentation.rules import rules_from
from event_based_segmentation.segmentation import Outcome, Segmentation
from shared.aws import aws_client
from shared.metrics import write_counts
from shared.pinpoint import pinpoint_client
from shared.settings import required_env
from shared.stream_records import DeadLetters, NotAnEvent, by_number, event_in, finish_batch
from shared.transient import error_code

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext

PROJECT_ID = required_env("PROJECT_ID")
SETTINGS_ID = required_env("SETTINGS_ID")
TABLE = required_env("TABLE")
NAMESPACE = "EventBasedSegmentation"

logger = Logger(service="event-based-segmentation")
dead_letters = DeadLetters(required_env("DEAD_LETTER_QUEUE_URL"), logger)
pinpoint = pinpoint_client(
    Config(
        connect_timeout=3, read_timeout=18, retries={"mode": "standard", "total_max_attempts": 2}
    )
)
dynamodb = aws_client(
    "dynamodb", config=Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
)


@cache
def segmentation() -> Segmentation:
    """Read the rules once; a change of the rules changes SETTINGS_ID, and so the function."""
    times = ChangeTimes(dynamodb, TABLE)
    rules = rules_from(times.settings(SETTINGS_ID))
    return Segmentation(rules, Endpoints(pinpoint, PROJECT_ID), times)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Apply the rules to a batch of events, and report the records to try again."""
    records = by_number(event)
    events: dict[str, Event] = {}
    hopeless: dict[str, str] = {}
    for number, record in records.items():
        try:
            events[number] = event_from(event_in(record["kinesis"]["data"]))
        except (MalformedEvent, NotAnEvent) as error:
            hopeless[number] = str(error)

    try:
        outcome = segmentation().process(
            events, seconds_left=lambda: context.get_remaining_time_in_millis() / 1000
        )
    except (ClientError, BotoCoreError, TimesUnavailable) as error:
        outcome = Outcome(again=dict.fromkeys(events, error_code(error)))

    answer, parked = finish_batch(
        records,
        hopeless={**hopeless, **outcome.hopeless},
        again=outcome.again,
        dead_letters=dead_letters,
    )
    if outcome.refused_by_rule:
        logger.warning(
            "Values are refused: a value has 1-100 characters",
            extra={"refused_by_rule": dict(outcome.refused_by_rule)},
        )
    if outcome.counts["FullLists"]:
        logger.warning(
            "Values are refused: an attribute has 50 values at most",
            extra={"refused": outcome.counts["FullLists"]},
        )
    _report(outcome, context.function_name, parked, len(answer["batchItemFailures"]))
    return answer


def _report(outcome: Outcome, function_name: str, parked: int, failed: int) -> None:
    """Write the counts that are not zero: CloudWatch bills a metric for each hour with a value."""
    counts = {**outcome.counts, "ParkedRecords": parked, "FailedRecords": failed}
    found = {name: count for name, count in counts.items() if count and name != "FullLists"}
    if found:
        write_counts(NAMESPACE, function_name, found)
