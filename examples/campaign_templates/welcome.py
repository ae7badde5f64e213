"""Three people get the same campaign in their language, and a second one in an A/B test.

    python welcome.py

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


def campaign(name: str, **members: Any) -> None:
    created = pinpoint.create_campaign(
        ApplicationId=project,
        WriteCampaignRequest={
            "Name": name,
            "SegmentId": outputs["segment_id"],
            "Schedule": {"StartTime": "IMMEDIATE"},
            "TemplateConfiguration": {"EmailTemplate": {"Name": outputs["template_name"]}},
            "Hook": outputs["campaign_hook"],
            **members,
        },
    )["CampaignResponse"]
    one = {"ApplicationId": project, "CampaignId": created["Id"]}
    for _ in range(60):
        status = pinpoint.get_campaign(**one)["CampaignResponse"]["State"]["CampaignStatus"]
        if status == "COMPLETED":
            break
        time.sleep(5)
    else:
        raise SystemExit(f"The campaign is {status} after five minutes.")
    activities = pinpoint.get_campaign_activities(**one)["ActivitiesResponse"]["Item"]
    sent = sum(activity["SuccessfulEndpointCount"] for activity in activities)
    print(f"{name} {status}: {sent} emails sent")


# The content in German is the nearest to de_AT. French has no content: fr_FR gets the default.
for person, locale in (("Ann", "en_GB"), ("Franz", "de_AT"), ("Zoé", "fr_FR")):
    pinpoint.update_endpoint(
        ApplicationId=project,
        EndpointId=person,
        EndpointRequest={
            "ChannelType": "EMAIL",
            "Address": f"success+{locale}@simulator.amazonses.com",
            "Demographic": {"Locale": locale},
            "User": {"UserId": person, "UserAttributes": {"FirstName": [person]}},
        },
    )

campaign("welcome")
campaign("welcome A/B", AdditionalTreatments=[{"SizePercent": 100, "TreatmentName": "short"}])
