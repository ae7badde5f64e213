"""Records changes of campaigns, journeys and segments, as the queue of changes delivers them."""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response
from botocore.config import Config

from campaign_journey_segment_db.changes import Announced, Called, MalformedChange, change_in
from campaign_journey_segment_db.project import Project
from campaign_journey_segment_db.reconciliation import look_at
from campaign_journey_segment_db.tables import NameTables
from shared.aws import aws_client
from shared.instants import iso
from shared.message_batches import MessageBatchProcessor
from shared.pinpoint import pinpoint_client
from shared.settings import required_env

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext

PROJECT_ID = required_env("PROJECT_ID")

logger = Logger(service="campaign-journey-segment-db")
processor = MessageBatchProcessor(logger, explained=(MalformedChange,))
tables = NameTables(
    aws_client(
        "dynamodb",
        config=Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"}),
    ),
    campaigns=required_env("CAMPAIGNS_TABLE"),
    segments=required_env("SEGMENTS_TABLE"),
)


@cache
def project() -> Project:
    """Made at its first use: an announcement needs no call of the API."""
    return Project(pinpoint_client(), PROJECT_ID)


def now() -> str:
    return iso(datetime.now(UTC))


def record_handler(record: SQSRecord) -> None:
    """Record one change.

    Raises:
        MalformedChange: the message is no change of an entity; SQS keeps it in the dead-letter
            queue after its last attempt.
    """
    change: Announced | Called | None = change_in(record.body, PROJECT_ID)
    if change is None:
        logger.info("Change of another project, or a call that failed")
    elif isinstance(change, Announced):
        written = tables.record(change, now=now())
        logger.info(
            "Change recorded" if written else "The row has a later state",
            kind=change.entity.kind,
            id=change.entity.entity_id,
            revision=change.revision,
        )
    else:
        written = look_at(project(), tables, change.kind, change.entity_id, now=now)
        logger.info(
            "Entity recorded" if written else "The row is right already",
            kind=change.kind,
            id=change.entity_id,
        )


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Record the changes of a batch, and report the messages to deliver again."""
    return process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
