"""Validation succeeded → a campaign to the endpoints of the imported segment that can get SMS."""

import json
from typing import Any

from aws_lambda_powertools.utilities.batch.types import PartialItemFailureResponse
from aws_lambda_powertools.utilities.data_classes.sqs_event import SQSRecord
from aws_lambda_powertools.utilities.typing import LambdaContext

from import_validate_campaign.messages import (
    ValidationFinished,
    audience_name,
    audience_segment,
    campaign_input,
    execution_name,
    notification_in,
    segment_named,
    template_for,
    validation_finished,
)
from import_validate_campaign.starting import handle_batch, logger, start_once
from shared.pinpoint import all_items, pinpoint_client
from shared.settings import optional_env, required_env

PROJECT_ID = required_env("PROJECT_ID")
SMS_TEMPLATE_NAME = required_env("SMS_TEMPLATE_NAME")
TEMPLATES_BY_FILE_PREFIX: dict[str, str] = json.loads(
    optional_env("TEMPLATES_BY_FILE_PREFIX") or "{}"
)
PHONE_TYPES = tuple(required_env("PHONE_TYPES").split(","))
DELAY_MINUTES = int(required_env("DELAY_MINUTES"))
_max_recipients = optional_env("MAX_RECIPIENTS")
MAX_RECIPIENTS = None if _max_recipients is None else int(_max_recipients)

pinpoint = pinpoint_client()


def record_handler(record: SQSRecord) -> None:
    """Start the campaign that one notification asks for."""
    message, published = notification_in(record.body)
    done = validation_finished(message)
    if done is None:
        logger.info("Validation was of no single segment: no campaign follows")
        return

    redelivered = int(record.attributes.approximate_receive_count) > 1
    run_input = campaign_input(
        done,
        _audience(done, redelivered=redelivered),
        sms_template_name=template_for(
            done.segment_name, SMS_TEMPLATE_NAME, TEMPLATES_BY_FILE_PREFIX
        ),
        published=published,
        delay_minutes=DELAY_MINUTES,
        max_recipients=MAX_RECIPIENTS,
    )
    start_once(execution_name("campaign", done.correlation_id), run_input)


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> PartialItemFailureResponse:
    """Start a campaign per message."""
    return handle_batch(event, record_handler, context)


def _audience(done: ValidationFinished, *, redelivered: bool) -> str:
    """Return the id of the audience segment that this or an earlier delivery created.

    Only a message that was received before can have a segment. The project's list of segments grows
    with each file, so it is read for such a message alone.
    """
    if redelivered:
        segment_id = segment_named(
            all_items(pinpoint.get_segments, ApplicationId=PROJECT_ID), audience_name(done)
        )
        if segment_id is not None:
            return segment_id
    return pinpoint.create_segment(
        ApplicationId=PROJECT_ID,
        WriteSegmentRequest=audience_segment(done, PHONE_TYPES),  # type: ignore[arg-type]  # a plain dict
    )["SegmentResponse"]["Id"]
