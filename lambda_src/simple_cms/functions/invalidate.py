"""Changes of objects from the queue: one invalidation for a batch."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSEvent
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from shared.aws import aws_client
from shared.settings import required_env
from simple_cms.changes import Change, MalformedEvent, change_of, invalidation_of

if TYPE_CHECKING:
    from mypy_boto3_cloudfront import CloudFrontClient

DISTRIBUTION_ID = required_env("DISTRIBUTION_ID")
MAX_PATHS = int(required_env("MAX_PATHS"))

logger = Logger(service="simple-cms")
cloudfront: CloudFrontClient = aws_client(
    "cloudfront", config=Config(connect_timeout=3, read_timeout=10, retries={"mode": "standard"})
)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Invalidate the paths of a batch; a message that is no S3 event is redelivered alone.

    A refused request raises, so that the whole batch is redelivered.
    """
    changes: list[Change] = []
    failed: list[str] = []
    for record in SQSEvent(event).records:
        try:
            changes.append(change_of(record.body))
        except MalformedEvent as error:
            logger.error(
                "Message is no S3 event",
                extra={"message_id": record.message_id, "reason": str(error)},
            )
            failed.append(record.message_id)
    if changes:
        invalidate(changes)
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def invalidate(changes: list[Change]) -> None:
    """Send the one request of a batch."""
    wanted = invalidation_of(changes, MAX_PATHS)
    answer = cloudfront.create_invalidation(
        DistributionId=DISTRIBUTION_ID,
        InvalidationBatch={
            "CallerReference": wanted.caller_reference,
            "Paths": {"Quantity": len(wanted.paths), "Items": list(wanted.paths)},
        },
    )
    logger.info(
        "Invalidation created",
        extra={
            "invalidation": answer["Invalidation"]["Id"],
            "changes": len(changes),
            "paths": len(wanted.paths),
        },
    )
