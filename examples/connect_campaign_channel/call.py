"""Four customers, a campaign that calls them, and what became of each.

    python call.py

Run it beside the Terraform state, after `terraform apply`. On AWS the calls are real: give numbers
of yours with `python call.py +12065550101 +12065550102`.
"""

import json
import subprocess
import sys
import time
from datetime import UTC, datetime
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
kinesis = boto3.client("kinesis")


def zone_where_it_is(hour: int) -> str:
    """A time zone in which it is this hour now. The names count hours west of Greenwich."""
    east = (hour - datetime.now(UTC).hour + 12) % 24 - 12
    return f"Etc/GMT{-east:+d}" if east else "Etc/GMT"


def join(name: str, number: str, hour: int, **members: Any) -> None:
    request = {
        "ChannelType": "VOICE",
        "Address": number,
        "Attributes": {"call": ["yes"]},
        "Demographic": {"Timezone": zone_where_it_is(hour)},
        "User": {"UserId": name, "UserAttributes": {"FirstName": [name.capitalize()]}},
        **members,
    }
    pinpoint.update_endpoint(ApplicationId=project, EndpointId=name, EndpointRequest=request)


def outcomes(campaign_id: str) -> list[dict[str, Any]]:
    """The outcome events of a campaign in the project's stream."""
    stream, events = outputs["stream_name"], []
    for shard in kinesis.list_shards(StreamName=stream)["Shards"]:
        iterator = kinesis.get_shard_iterator(
            StreamName=stream, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]
        for record in kinesis.get_records(ShardIterator=iterator)["Records"]:
            events.append(json.loads(record["Data"]))
    return [
        event
        for event in events
        if event["event_type"].startswith("custom_channel.")
        and event["attributes"].get("campaign_id") == campaign_id
    ]


numbers = sys.argv[1:] or ["+14255550101", "+14255550102"]
if len(numbers) != 2:
    raise SystemExit("Give two numbers to call: python call.py +12065550101 +12065550102")
mary, tom = numbers
join("mary", mary, hour=12)
join("tom", tom, hour=15, ChannelType="SMS", User={"UserId": "tom"})
join("zoe", "+14255550103", hour=12, OptOut="ALL")  # opted out
join("leo", "+14255550104", hour=2)  # asleep

campaign = pinpoint.create_campaign(
    ApplicationId=project,
    WriteCampaignRequest={
        "Name": "Car is ready",
        "SegmentId": outputs["segment_id"],
        "Schedule": {"StartTime": "IMMEDIATE"},
        "MessageConfiguration": {
            "CustomMessage": {
                "Data": json.dumps(
                    {
                        "values": {
                            "Message": "Hello {{User.UserAttributes.FirstName}}, your car is ready."
                        },
                        "defaults": {"User.UserAttributes.FirstName": "there"},
                    }
                )
            }
        },
        "CustomDeliveryConfiguration": {
            "DeliveryUri": outputs["delivery_uri"],
            "EndpointTypes": ["VOICE", "SMS", "CUSTOM"],
        },
    },
)["CampaignResponse"]

for _ in range(40):
    events = outcomes(campaign["Id"])
    if len(events) >= 2:
        break
    time.sleep(3)
else:
    print(f"{len(events)} of 2 outcomes after two minutes.")
for event in sorted(events, key=lambda event: str(event["client"]["client_id"])):
    attributes = event["attributes"]
    found = attributes.get("contact_id") or attributes.get("reason", "")
    print(event["client"]["client_id"], event["event_type"], found)
