"""Three people subscribe to offers, and a campaign mails the offer of each.

    python offers.py

Run it beside the Terraform state, after `terraform apply`.
"""

import json
import subprocess
import time
from typing import Any

import boto3

found = json.loads(subprocess.check_output(["terraform", "output", "-json"]))
outputs = {name: output["value"] for name, output in found.items()}
project = outputs["project_id"]

pinpoint = boto3.client("pinpoint", endpoint_url=outputs["api_url"])
pinpoint.meta.events.register(
    "choose-signer.pinpoint",
    lambda context, **_: context.setdefault("signing", {}).update(signing_name="execute-api"),
)

# Eve has subscribed without an account, so she has no customer number.
for person, customer in {"ann": "customer-1", "bob": "customer-2", "eve": None}.items():
    request: dict[str, Any] = {
        "ChannelType": "EMAIL",
        "Address": f"success+{person}@simulator.amazonses.com",
        "Attributes": {"newsletter": ["offers"]},
    }
    if customer is not None:
        request["User"] = {"UserId": customer}
    pinpoint.update_endpoint(ApplicationId=project, EndpointId=person, EndpointRequest=request)

campaign = pinpoint.create_campaign(
    ApplicationId=project,
    WriteCampaignRequest={
        "Name": "offers of the week",
        "SegmentId": outputs["segment_id"],
        "Schedule": {"StartTime": "IMMEDIATE"},
        "Hook": outputs["campaign_hook"],
        "MessageConfiguration": {
            "EmailMessage": {
                "Title": "Your offer: {{Attributes.Offer}}",
                "HtmlBody": "<p>This week: {{Attributes.Offer}}.</p>",
            }
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
left_out = activity["ExecutionMetrics"].get("FILTERED_OUT_BY_HOOK", 0)
sent = activity["SuccessfulEndpointCount"]
print(f"{status}: {sent} emails sent, {left_out} left out by the hook")
