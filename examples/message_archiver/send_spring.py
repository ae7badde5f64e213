"""Sends a person an email and a text message, by two campaigns.

    terraform output -json | python send_spring.py ann

The recipients are the simulators of SES and of AWS End User Messaging SMS, so that no person gets a
message. A second run sends both messages again.
"""

import json
import sys
import time
from typing import Any

import boto3

TEMPLATE = "spring"
LONGEST_WAIT_SECONDS = 180


def sign_for_execute_api(context: dict[str, Any], **_: Any) -> None:
    """The hub's API checks signatures for `execute-api`; botocore would sign for Pinpoint."""
    context.setdefault("signing", {})["signing_name"] = "execute-api"


def send(example: dict[str, Any], user_id: str) -> None:
    """Run one campaign for each endpoint of the person, and print its end."""
    pinpoint: Any = boto3.client("pinpoint", endpoint_url=example["api_url"])
    pinpoint.meta.events.register("choose-signer.pinpoint", sign_for_execute_api)
    project = example["project_id"]

    create_template(pinpoint)
    user = {"UserId": user_id, "UserAttributes": {"FirstName": [user_id.title()]}}
    addresses = {"EMAIL": f"success+{user_id}@simulator.amazonses.com", "SMS": "+14254147755"}
    messages: dict[str, Any] = {
        "EMAIL": {"TemplateConfiguration": {"EmailTemplate": {"Name": TEMPLATE}}},
        "SMS": {
            "MessageConfiguration": {"SMSMessage": {"Body": "Spring is here, {{User.UserId}}"}}
        },
    }
    for channel, address in addresses.items():
        pinpoint.update_endpoint(
            ApplicationId=project,
            EndpointId=f"{user_id}-{channel.lower()}",
            EndpointRequest={
                "ChannelType": channel,
                "Address": address,
                "User": user,
                "Attributes": {"spring": [f"{user_id} {channel}"]},
            },
        )
        receivers = {"spring": {"AttributeType": "INCLUSIVE", "Values": [f"{user_id} {channel}"]}}
        segment = pinpoint.create_segment(
            ApplicationId=project,
            WriteSegmentRequest={
                "Name": f"{user_id} by {channel}",
                "Dimensions": {"Attributes": receivers},
            },
        )["SegmentResponse"]["Id"]
        campaign = pinpoint.create_campaign(
            ApplicationId=project,
            WriteCampaignRequest={
                "Name": f"Spring by {channel}",
                "SegmentId": segment,
                "Schedule": {"StartTime": "IMMEDIATE"},
                **messages[channel],
            },
        )["CampaignResponse"]["Id"]
        status = ended(pinpoint, project, campaign)
        [activity] = pinpoint.get_campaign_activities(ApplicationId=project, CampaignId=campaign)[
            "ActivitiesResponse"
        ]["Item"]
        print(f"{channel:5}  {status}  sent to {activity['SuccessfulEndpointCount']} endpoint")


def create_template(pinpoint: Any) -> None:
    """Create the template of the email, unless an earlier run did."""
    try:
        pinpoint.get_email_template(TemplateName=TEMPLATE)
    except pinpoint.exceptions.NotFoundException:
        pinpoint.create_email_template(
            TemplateName=TEMPLATE,
            EmailTemplateRequest={
                "Subject": "Spring for {{User.UserAttributes.FirstName}}",
                "HtmlPart": "<p>Old & new, {{User.UserAttributes.FirstName}}</p>",
                "TextPart": "Old & new, {{User.UserAttributes.FirstName}}",
            },
        )


def ended(pinpoint: Any, project: str, campaign: str) -> str:
    """Return the status of the campaign after its run."""
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < end:
        answer = pinpoint.get_campaign(ApplicationId=project, CampaignId=campaign)
        status = str(answer["CampaignResponse"]["State"]["CampaignStatus"])
        if status == "COMPLETED":
            return status
        time.sleep(2)
    raise SystemExit(
        f"Campaign {campaign} is {status} after {LONGEST_WAIT_SECONDS} s; it goes on by itself."
    )


def given_outputs() -> dict[str, Any]:
    """Read the outputs of the example: an empty mapping where Terraform piped no outputs."""
    try:
        given = {} if sys.stdin.isatty() else json.load(sys.stdin)
    except ValueError:
        given = {}
    return {name: output["value"] for name, output in given.items()}


def main(arguments: list[str]) -> int:
    match arguments:
        case [user_id] if user_id.isascii() and user_id.isalnum():
            outputs = given_outputs()
            if "project_id" not in outputs:
                print(
                    "There are no outputs of the example: run `terraform apply`, "
                    "then `terraform output -json | python send_spring.py ann` "
                    "in the same shell and folder.",
                    file=sys.stderr,
                )
                return 2
            send(outputs, user_id)
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
