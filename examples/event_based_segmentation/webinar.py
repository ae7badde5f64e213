"""Three people register for a webinar, one cancels, and a campaign reaches the other two.

    python webinar.py

Run it after `terraform apply`. Its only input is the outputs of this example, which it reads with
`terraform output -json`.
"""

import json
import os
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import boto3

command = [os.environ.get("TF", "terraform"), "output", "-json"]
found = json.loads(subprocess.check_output(command, cwd=Path(__file__).parent))
if not found:
    raise SystemExit(
        "There are no outputs of the example: run `terraform apply`, "
        "and the program in the same shell."
    )
outputs = {name: output["value"] for name, output in found.items()}
project = outputs["project_id"]

pinpoint = boto3.client("pinpoint", endpoint_url=outputs["api_url"])
pinpoint.meta.events.register(
    "choose-signer.pinpoint",
    lambda context, **_: context.setdefault("signing", {}).update(signing_name="execute-api"),
)


def report(person: str, event_type: str) -> None:
    event = {"EventType": event_type, "Timestamp": datetime.now(UTC).isoformat()}
    pinpoint.put_events(
        ApplicationId=project,
        EventsRequest={"BatchItem": {person: {"Endpoint": {}, "Events": {"1": event}}}},
    )


def endpoint(person: str) -> dict[str, Any]:
    answer = pinpoint.get_endpoint(ApplicationId=project, EndpointId=person)
    return dict(answer["EndpointResponse"])


def create(person: str) -> None:
    """Create the endpoint of a person who has visited webinar 4, unless an earlier run did.

    From then on the attribute belongs to the rules: they do not see changes of another program for
    five minutes.
    """
    try:
        endpoint(person)
    except pinpoint.exceptions.NotFoundException:
        pinpoint.update_endpoint(
            ApplicationId=project,
            EndpointId=person,
            EndpointRequest={
                "ChannelType": "EMAIL",
                "Address": f"success+{person}@simulator.amazonses.com",
                "Attributes": {"webinar_registration": ["webinar4"]},
            },
        )


for person in ("ann", "bob", "eve"):
    create(person)
    report(person, "registered_for_webinar5")
report("eve", "cancelled_webinar5")

time.sleep(15)
for person in ("ann", "bob", "eve"):
    print(person, endpoint(person)["Attributes"])

campaign = pinpoint.create_campaign(
    ApplicationId=project,
    WriteCampaignRequest={
        "Name": "webinar 5",
        "SegmentId": outputs["segment_ids"]["registered"],
        "Schedule": {"StartTime": "IMMEDIATE"},
        "MessageConfiguration": {
            "EmailMessage": {"Title": "Webinar 5 begins", "HtmlBody": "<p>See you at noon.</p>"}
        },
    },
)["CampaignResponse"]
one = {"ApplicationId": project, "CampaignId": campaign["Id"]}
for _ in range(60):
    status = pinpoint.get_campaign(**one)["CampaignResponse"]["State"]["CampaignStatus"]
    if status == "COMPLETED":
        break
    time.sleep(5)
else:
    raise SystemExit(f"The campaign is {status} after five minutes.")
[activity] = pinpoint.get_campaign_activities(**one)["ActivitiesResponse"]["Item"]
print(f"{status}: {activity['SuccessfulEndpointCount']} emails sent")
