"""Publishes changed contents as email templates: SQS (from EventBridge) to the hub."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, cast

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.batch import process_partial_response
from botocore.config import Config
from botocore.exceptions import ClientError

from campaign_templates.content import UnusableContent, read_document
from campaign_templates.publishing import (
    ForeignTemplate,
    MalformedEvent,
    Outcome,
    Publisher,
    Variant,
    Version,
    changed_key,
    variant_of,
)
from shared.aws import aws_client
from shared.message_batches import MessageBatchProcessor
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
processor = MessageBatchProcessor(
    logger, explained=(ForeignTemplate, MalformedEvent, UnusableContent)
)
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

    def newest_description(self, name: str) -> str | None:
        found: dict[int, str] = {}
        token: dict[str, str] = {}
        while True:
            page = pinpoint.list_template_versions(
                TemplateName=name, TemplateType="EMAIL", **token
            )["TemplateVersionsResponse"]
            for each in page["Item"]:
                found[int(each["Version"])] = each.get("TemplateDescription", "")
            if not page.get("NextToken"):
                return found[max(found)] if found else None
            token = {"NextToken": page["NextToken"]}

    def create(self, name: str, request: Mapping[str, Any]) -> None:
        pinpoint.create_email_template(TemplateName=name, EmailTemplateRequest=_typed(request))

    def add_version(self, name: str, request: Mapping[str, Any]) -> None:
        pinpoint.update_email_template(
            TemplateName=name, CreateNewVersion=True, EmailTemplateRequest=_typed(request)
        )

    def activate_newest(self, name: str) -> None:
        pinpoint.update_template_active_version(
            TemplateName=name,
            TemplateType="EMAIL",
            TemplateActiveVersionRequest={"Version": "latest"},
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
    if len(document) > MAX_DOCUMENT_BYTES:
        raise UnusableContent(
            f"The content is larger than {MAX_DOCUMENT_BYTES:,} bytes. Shorten it."
        )
    # In a bucket of the caller without versions, S3 names no version or always "null".
    version = found.get("VersionId", "null")
    return Version(
        found["ETag"].strip('"') if version == "null" else version, read_document(document)
    )


@cache
def publisher() -> Publisher:
    """Make the publisher once."""
    return Publisher(newest, _HubTemplates(), NAME)


def record_handler(record: SQSRecord) -> None:
    """Publish the object of one message; raising leaves the message for a retry."""
    variant = _variant(record.body)
    outcome, content = Outcome.OTHER, None
    if variant is not None:
        content = f"{variant.template}/{variant.locale}"
        try:
            outcome = publisher().publish(variant)
        except (ForeignTemplate, UnusableContent) as error:
            raise type(error)(f"{content}: {error}") from error
    counts[outcome] += 1
    logger.info("Object seen", content=content, outcome=outcome)


def _variant(body: str) -> Variant | None:
    try:
        event = json.loads(body)
    except ValueError as error:
        raise MalformedEvent("The message is no JSON.") from error
    return variant_of(changed_key(event), PREFIX, TEMPLATES)


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
