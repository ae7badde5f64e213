"""Announces changes of campaigns, journeys and segments on an event bus of EventBridge.

The stream of the entities table invokes the function. A change that EventBridge does not take is
reported to Lambda, which repeats the batch from there on: later changes wait, so that the changes
of an entity stay in their order.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from engagement_hub.entity_changes import EntityChange, change_in, requests
from shared.aws import aws_client
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_events import EventBridgeClient

logger = Logger(service="engagement-hub")


@cache
def _events() -> EventBridgeClient:
    config = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})
    client: EventBridgeClient = aws_client("events", config=config)
    return client


def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Announce the changes of a batch in order, up to the first that EventBridge refuses."""
    changes = [change for change in map(change_in, event["Records"]) if change is not None]
    for some in requests(changes):
        refused = _announce(some)
        if refused is not None:
            return {"batchItemFailures": [{"itemIdentifier": refused.sequence_number}]}
    return {"batchItemFailures": []}


def _announce(changes: list[EntityChange]) -> EntityChange | None:
    """Put one request of events; return the first change that was refused."""
    entries: Any = [change.entry(required_env("EVENT_BUS_NAME")) for change in changes]
    try:
        answers: Any = _events().put_events(Entries=entries)["Entries"]
    except ClientError as error:
        code = error.response.get("Error", {}).get("Code", "unknown code")
        answers = [{"ErrorCode": code}] * len(changes)
    except BotoCoreError as error:
        answers = [{"ErrorCode": type(error).__name__}] * len(changes)
    for change, answer in zip(changes, answers, strict=True):
        if answer.get("ErrorCode"):
            logger.warning(
                "change not announced",
                kind=change.detail["kind"],
                id=change.detail["id"],
                revision=change.detail["revision"],
                error_code=answer["ErrorCode"],
            )
            return change
    logger.info("changes announced", count=len(changes))
    return None
