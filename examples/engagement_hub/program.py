"""A program written for Amazon Pinpoint: it greets the subscribers of one plan by SMS.

    PINPOINT_API_URL=$(terraform output -raw api_url) python program.py

It knows nothing of the engagement hub but the lines that make its client.
"""

import os
import sys
import time
from typing import Any

import boto3

PEOPLE = {
    "ann": {"name": "Ann", "plan": "gold", "number": "+14255550142"},
    "bob": {"name": "Bob", "plan": "free", "number": "+14255550143"},
    "eve": {"name": "Eve", "plan": "gold", "number": "+14255550144"},
}
LONGEST_WAIT_SECONDS = 120


def sign_for_execute_api(context: dict[str, Any], **_: Any) -> None:
    """The hub's API checks signatures for `execute-api`; botocore would sign for Pinpoint."""
    context.setdefault("signing", {})["signing_name"] = "execute-api"


def explain_forbidden(http_response: Any, parsed: dict[str, Any], **_: Any) -> None:
    """Optional: API Gateway answers a wrong signature and a missing permission with one word."""
    if http_response.status_code == 403:
        parsed["Error"]["Message"] = (
            "Forbidden: the caller needs execute-api:Invoke on the hub's API, and a signature for "
            "execute-api (sign_for_execute_api) with valid credentials of the API's region."
        )


def hub_client() -> Any:
    """The client factory: all that differs from a program for Amazon Pinpoint."""
    client = boto3.client("pinpoint", endpoint_url=os.environ["PINPOINT_API_URL"])
    client.meta.events.register("choose-signer.pinpoint", sign_for_execute_api)
    client.meta.events.register("after-call.pinpoint", explain_forbidden)
    return client


def main() -> int:
    pinpoint = hub_client()  # was: boto3.client("pinpoint")

    app = pinpoint.create_app(CreateApplicationRequest={"Name": "greetings"})
    app_id = app["ApplicationResponse"]["Id"]
    print(f"project    {app_id}")

    pinpoint.update_sms_channel(ApplicationId=app_id, SMSChannelRequest={"Enabled": True})

    pinpoint.update_endpoints_batch(
        ApplicationId=app_id,
        EndpointBatchRequest={
            "Item": [
                {
                    "Id": endpoint_id,
                    "ChannelType": "SMS",
                    "Address": person["number"],
                    "Attributes": {"Plan": [person["plan"]]},
                    "User": {
                        "UserId": endpoint_id,
                        "UserAttributes": {"FirstName": [person["name"]]},
                    },
                }
                for endpoint_id, person in PEOPLE.items()
            ]
        },
    )
    print(f"endpoints  {len(PEOPLE)}")

    segment = pinpoint.create_segment(
        ApplicationId=app_id,
        WriteSegmentRequest={
            "Name": "gold",
            "Dimensions": {"Attributes": {"Plan": {"Values": ["gold"]}}},
        },
    )["SegmentResponse"]
    print(f"segment    {segment['Id']} version {segment['Version']}")

    template_name = f"greeting-{app_id}"
    pinpoint.create_sms_template(
        TemplateName=template_name,
        SMSTemplateRequest={
            "Body": "Hello {{User.UserAttributes.FirstName}}, your {{Attributes.Plan}} plan is on."
        },
    )
    print(f"template   {template_name}")

    campaign = pinpoint.create_campaign(
        ApplicationId=app_id,
        WriteCampaignRequest={
            "Name": "greeting",
            "SegmentId": segment["Id"],
            "SegmentVersion": segment["Version"],
            "Schedule": {"StartTime": "IMMEDIATE"},
            "TemplateConfiguration": {"SMSTemplate": {"Name": template_name}},
        },
    )["CampaignResponse"]
    print(f"campaign   {campaign['Id']} {campaign['State']['CampaignStatus']}")

    activity = wait_for_activity(pinpoint, app_id, campaign["Id"])
    print(
        f"activity   {activity['State']} {activity['Result']}: "
        f"{activity['SuccessfulEndpointCount']} of {activity['TotalEndpointCount']} sent"
    )
    return 0 if activity["Result"] == "SUCCESS" else 1


def wait_for_activity(pinpoint: Any, app_id: str, campaign_id: str) -> dict[str, Any]:
    """The campaign's only run, once it has a result."""
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < end:
        answer = pinpoint.get_campaign_activities(ApplicationId=app_id, CampaignId=campaign_id)
        for activity in answer["ActivitiesResponse"]["Item"]:
            if activity.get("Result"):
                return dict(activity)
        time.sleep(1)
    raise TimeoutError(f"Campaign {campaign_id} has no result after {LONGEST_WAIT_SECONDS} s.")


if __name__ == "__main__":
    sys.exit(main())
