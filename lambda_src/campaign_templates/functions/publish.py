"""Publishes changed contents as email templates: SQS (from EventBridge) to the hub."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import (
    BatchProcessor,
    EventType,
    process_partial_response,
)
from botocore.config import Config
from botocore.exceptions import ClientError

from campaign_templates.content import read_document
from campaign_templates.publishing import (
    MalformedEvent,
    Outcome,
    Publisher,
    Variant,
    Version,
    changed_key,
    variant_of,
)
from shared.aws import aws_client
from shared.metrics import write_counts
from shared.pinpoint import pinpoint_client
from shared.settings import optional_env, required_env
from shared.transient import error_code

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
    from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
    from aws_lambda_powertools.utilities.typing import LambdaContext
    from mypy_boto3_pinpoint import PinpointClient
    from mypy_boto3_pinpoint.type_defs import EmailTemplateRequestTypeDef
    from mypy_boto3_s3 import S3Client

NAMESPACE = "CampaignTemplates"
BUCKET = required_env("BUCKET")
NAME = required_env("NAME")
PREFIX = optional_env("PREFIX") or ""
TEMPLATES = frozenset(required_env("TEMPLATES").split(","))
MAX_DOCUMENT_BYTES = 4_000_000  # three parts of 600,000 characters, with escapes

logger = Logger(service="campaign-templates")
processor = BatchProcessor(event_type=EventType.SQS, raise_on_entire_batch_failure=False)
config = Config(connect_timeout=3, read_timeout=20, retries={"mode": "standard"})
s3: S3Client = aws_client("s3", config=config)
pinpoint: PinpointClient = pinpoint_client(config)
counts: Counter[str] = Counter()


class _HubTemplates:
    """See Projects."""

    def description(self, name: str) -> str | None:
        try:
            found = pinpoint.get_email_template(TemplateName=name)["EmailTemplateResponse"]
        except pinpoint.exceptions.NotFoundException:
            return None
        return found.get("TemplateDescription", "")

    def create(self, name: str, request: Mapping[str, Any]) -> None:
        pinpoint.create_email_template(TemplateName=name, EmailTemplateRequest=_typed(request))

    def add_version(self, name: str, request: Mapping[str, Any]) -> None:
        pinpoint.update_email_template(
            TemplateName=name, CreateNewVersion=True, EmailTemplateRequest=_typed(request)
        )


def _typed(request: Mapping[str, Any]) -> EmailTemplateRequestTypeDef:
    return cast("EmailTemplateRequestTypeDef", request)


def newest(variant: Variant) -> Version:
    """Read the newest version of a variant's object."""
    key = f"{PREFIX}{variant.template}/{variant.locale}.json"
    try:
        found = s3.get_object(Bucket=BUCKET, Key=key)
    except ClientError as error:
        if error_code(error) in ("NoSuchKey", "404"):
            return Version("", None)
        raise
    document = found["Body"].read(MAX_DOCUMENT_BYTES + 1)
    return Version(found["VersionId"], read_document(document))


@cache
def publisher() -> Publisher:
    """Make the publisher once."""
    return Publisher(newest, _HubTemplates(), NAME)


def record_handler(record: SQSRecord) -> None:
    """Publish the object of one message; raising leaves the message for a retry."""
    try:
        event = json.loads(record.body)
    except ValueError as error:
        raise MalformedEvent("The message is no JSON.") from error
    variant = variant_of(changed_key(event), PREFIX, TEMPLATES)
    outcome = Outcome.OTHER if variant is None else publisher().publish(variant)
    counts[outcome] += 1
    logger.info("Object seen", outcome=outcome)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Publish the objects of a batch; one object's failure is that message's alone."""
    counts.clear()
    answer = process_partial_response(
        event=event, record_handler=record_handler, processor=processor, context=context
    )
    if counts:
        write_counts(NAMESPACE, context.function_name, counts)
    return answer
