"""The state machine's first step: create the campaign, once."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext
from botocore.config import Config

from campaign_create.created_campaigns import CreatedCampaigns
from campaign_create.plan import (
    Defaults,
    campaign_plan,
    campaign_request,
    campaigns_named,
    status_of,
)
from shared.aws import aws_client
from shared.pinpoint import all_items, pinpoint_client, pinpoint_once
from shared.polling import Polling
from shared.settings import optional_env, required_env
from shared.transient import transient_errors_named

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient

PROJECT_ID = required_env("PROJECT_ID")
DEFAULTS = Defaults(
    message_type=required_env("MESSAGE_TYPE"),
    origination_identity=optional_env("ORIGINATION_IDENTITY"),
    sender_id=optional_env("SENDER_ID"),
)
POLLING = Polling(timeout_seconds=60 * int(required_env("TIMEOUT_MINUTES")))

logger = Logger(service="campaign-create")
pinpoint = pinpoint_client()
_dynamodb: "DynamoDBClient" = aws_client(
    "dynamodb",
    config=Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"}),
)
created = CreatedCampaigns(_dynamodb, required_env("TABLE"))


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Create the campaign of a run, or find the campaign that carries its correlation id.

    The table of created campaigns answers that in the usual case. The project's list of campaigns
    is read only for a name that was claimed, and whose campaign is not known.

    Event: `{Input, CorrelationId}`; answer: `{CampaignId, SegmentId, CampaignStatus, Attempt,
    WaitSeconds, WaitUntil: ISO 8601 or null}`.

    Raises:
        BadCampaignRequest: the input describes no campaign.
        ServiceUnavailable: worth another attempt.
    """
    correlation_id = event["CorrelationId"]
    plan = campaign_plan(event["Input"], correlation_id, DEFAULTS)

    with transient_errors_named():
        campaign = None if created.claim(plan.name) else _created_before(plan.name)
        found = campaign is not None
        if campaign is None:
            # A second campaign messages everybody twice. Amazon Pinpoint creates one for each
            # attempt of an SDK call, a hub one for each call. The state machine's retry is another
            # call, which looks for the campaign first.
            campaign = pinpoint_once().create_campaign(
                ApplicationId=PROJECT_ID,
                WriteCampaignRequest=campaign_request(plan, correlation_id),  # type: ignore[arg-type]  # a plain dict
            )["CampaignResponse"]
            created.remember(plan.name, campaign["Id"])

    logger.info("Campaign running", extra={"campaign": campaign["Id"], "found": found})
    return {
        "CampaignId": campaign["Id"],
        "SegmentId": campaign["SegmentId"],
        "CampaignStatus": status_of(campaign),
        "Attempt": 0,
        "WaitSeconds": POLLING.wait_seconds(0),
        "WaitUntil": plan.wait_until,
    }


def _created_before(name: str) -> Mapping[str, Any] | None:
    """Return the campaign that an earlier attempt created and that was not deleted."""
    campaign_id = created.campaign_id(name)
    if campaign_id is None:
        campaigns = all_items(pinpoint.get_campaigns, ApplicationId=PROJECT_ID)
        campaign = _started(campaigns, name)
        if campaign is not None:
            created.remember(name, campaign["Id"])
        return campaign
    try:
        known = pinpoint.get_campaign(ApplicationId=PROJECT_ID, CampaignId=campaign_id)
    except pinpoint.exceptions.NotFoundException:
        return None
    return _started([known["CampaignResponse"]], name)


def _started(campaigns: Iterable[Mapping[str, Any]], name: str) -> Mapping[str, Any] | None:
    """Return the campaign of a name that has a run or can have a run.

    An engagement hub keeps a campaign that it could not start, for want of capacity for instance,
    as INVALID, and answers the request with an error. Such a campaign has no activity.
    """
    for campaign in campaigns_named(campaigns, name):
        if status_of(campaign) != "INVALID":
            return campaign
        activities = pinpoint.get_campaign_activities(
            ApplicationId=PROJECT_ID, CampaignId=campaign["Id"]
        )
        if activities["ActivitiesResponse"]["Item"]:
            return campaign
    return None
