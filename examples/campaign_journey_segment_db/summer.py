"""Creates a campaign with a treatment, renames its segment, and adds an event of the campaign.

    terraform output -json | python summer.py

The event `_campaign.send` goes to the Firehose stream of the event database, in the place of a
campaign that ran: no person gets a message. The last line is the id of the campaign.
"""

import json
import sys
import time
from typing import Any

import boto3


def sign_for_execute_api(context: dict[str, Any], **_: Any) -> None:
    """The hub's API checks signatures for `execute-api`; botocore would sign for Pinpoint."""
    context.setdefault("signing", {})["signing_name"] = "execute-api"


def summer(example: dict[str, Any]) -> str:
    """Create a campaign and an event of it; return the id of the campaign."""
    pinpoint: Any = boto3.client("pinpoint", endpoint_url=example["api_url"])
    pinpoint.meta.events.register("choose-signer.pinpoint", sign_for_execute_api)
    project = example["project_id"]

    segment = pinpoint.create_segment(
        ApplicationId=project, WriteSegmentRequest={"Name": "Readers", "Dimensions": {}}
    )["SegmentResponse"]["Id"]
    campaign = pinpoint.create_campaign(
        ApplicationId=project,
        WriteCampaignRequest={
            "Name": "Summer",
            "TreatmentName": "Blue",
            "SegmentId": segment,
            "Schedule": {"StartTime": "2031-05-01T09:00:00Z", "Frequency": "ONCE"},
            "MessageConfiguration": {"SMSMessage": {"Body": "Summer is here"}},
        },
    )["CampaignResponse"]["Id"]
    pinpoint.update_segment(
        ApplicationId=project,
        SegmentId=segment,
        WriteSegmentRequest={"Name": "Faithful readers", "Dimensions": {}},
    )
    event = json.dumps(send_event(project, campaign)) + "\n"
    boto3.client("firehose").put_record(
        DeliveryStreamName=example["firehose_name"], Record={"Data": event.encode()}
    )
    return str(campaign)


def send_event(project: str, campaign: str) -> dict[str, Any]:
    """A message that the campaign sent, as the event stream of a project has it."""
    now = int(time.time() * 1000)
    return {
        "event_type": "_campaign.send",
        "event_timestamp": now,
        "arrival_timestamp": now,
        "event_version": "3.1",
        "application": {"app_id": project, "sdk": {}},
        "client": {"client_id": "ann"},
        "device": {"platform": {}},
        "session": {},
        "attributes": {
            "campaign_id": campaign,
            "campaign_activity_id": f"{campaign}-1",
            "treatment_id": "0",
            "delivery_type": "SMS",
            "campaign_send_status": "SUCCESS",
        },
        "client_context": {
            "custom": {"endpoint": json.dumps({"ChannelType": "SMS", "EndpointStatus": "ACTIVE"})}
        },
        "awsAccountId": "111122223333",
    }


def given_outputs() -> dict[str, Any]:
    """Read the outputs of the example: an empty mapping where Terraform piped no outputs."""
    try:
        given = {} if sys.stdin.isatty() else json.load(sys.stdin)
    except ValueError:
        given = {}
    return {name: output["value"] for name, output in given.items()}


def main(arguments: list[str]) -> int:
    if arguments:
        print(__doc__, file=sys.stderr)
        return 2
    outputs = given_outputs()
    if "firehose_name" not in outputs:
        print(
            "There are no outputs of the example: run `terraform apply`, then "
            "`terraform output -json | python summer.py` in the same shell and folder.",
            file=sys.stderr,
        )
        return 2
    print(summer(outputs))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
