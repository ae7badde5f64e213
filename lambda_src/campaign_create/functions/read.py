"""The state machine's repeated step: look at the campaign."""

from dataclasses import replace
from typing import Any

from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.typing import LambdaContext

from campaign_create.progress import Outcome, progress
from shared.pinpoint import all_items, pinpoint_client
from shared.polling import Polling
from shared.settings import required_env
from shared.transient import transient_errors_named

PROJECT_ID = required_env("PROJECT_ID")
POLLING = Polling(timeout_seconds=60 * int(required_env("TIMEOUT_MINUTES")))

logger = Logger(service="campaign-create")
pinpoint = pinpoint_client()


@logger.inject_lambda_context
def lambda_handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    """Look at the campaign.

    Event: the answer of the first step or of an earlier look. Answer: the same with `Outcome`
    (WAIT, SUCCESS, FAILURE) and `CampaignCreateOutput`, the seven fields of the notification.
    """
    campaign_id = event["CampaignId"]
    with transient_errors_named():
        campaign = pinpoint.get_campaign(ApplicationId=PROJECT_ID, CampaignId=campaign_id)[
            "CampaignResponse"
        ]
        activities = list(
            all_items(
                pinpoint.get_campaign_activities,
                ApplicationId=PROJECT_ID,
                CampaignId=campaign_id,
            )
        )

    looks = event["Attempt"] + 1
    seen = progress(campaign, activities)
    reason = None
    if seen.outcome is Outcome.WAIT and POLLING.exhausted(looks):
        reason = (
            f"The campaign was still {seen.status} after {POLLING.timeout_seconds // 60} minutes "
            "(timeout_minutes); it may go on."
        )
        seen = replace(seen, outcome=Outcome.FAILURE)
    elif seen.outcome is Outcome.FAILURE:
        reason = f"The campaign ended as {seen.status} with result {seen.result}."

    output: dict[str, Any] = {
        "CampaignId": campaign_id,
        "CampaignStatus": seen.status,
        "Result": seen.result,
        "Start": seen.start,
        "End": seen.end,
        "SuccessfulEndpointCount": seen.successful,
        "TotalEndpointCount": seen.total,
        "UnknownEndpointCount": seen.unknown,
        "ExecutionMetrics": dict(seen.metrics),
    }
    if reason is not None:
        output["FailureReason"] = reason
    return {
        "CampaignId": campaign_id,
        "Attempt": looks,
        "WaitSeconds": POLLING.wait_seconds(looks),
        "Outcome": seen.outcome,
        "CampaignCreateOutput": output,
    }
