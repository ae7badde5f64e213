"""Send each customer the statement of October, and then a link to the terms.

    python statements.py

Run it beside the Terraform state, after `terraform apply`. Bob has no statement: the first campaign
sends him no email.
"""

import json
import subprocess
import time
from typing import Any
from urllib.parse import quote

import boto3

found = json.loads(subprocess.check_output(["terraform", "output", "-json"]))
outputs = {name: output["value"] for name, output in found.items()}
project, bucket = outputs["project_id"], outputs["bucket_name"]

s3 = boto3.client("s3")
kinesis = boto3.client("kinesis")
pinpoint = boto3.client("pinpoint", endpoint_url=outputs["api_url"])
pinpoint.meta.events.register(
    "choose-signer.pinpoint",
    lambda context, **_: context.setdefault("signing", {}).update(signing_name="execute-api"),
)


def campaign(title: str, configuration: dict[str, Any]) -> str:
    """Run a campaign of the channel. Returns its id."""
    request = {
        "Name": title,
        "SegmentId": outputs["segment_id"],
        "Schedule": {"StartTime": "IMMEDIATE"},
        "CustomDeliveryConfiguration": {
            "DeliveryUri": outputs["function_arn"],
            "EndpointTypes": ["EMAIL"],
        },
        "MessageConfiguration": {"CustomMessage": {"Data": json.dumps(configuration)}},
    }
    created = pinpoint.create_campaign(ApplicationId=project, WriteCampaignRequest=request)
    return str(created["CampaignResponse"]["Id"])


def outcomes(campaign_id: str, expected: int) -> list[tuple[str, str, str]]:
    """Return endpoint, outcome and reason of a campaign's emails, out of the event stream."""
    seen: dict[str, tuple[str, str, str]] = {}
    [shard] = kinesis.list_shards(StreamName=outputs["stream_name"])["Shards"]
    iterator = kinesis.get_shard_iterator(
        StreamName=outputs["stream_name"],
        ShardId=shard["ShardId"],
        ShardIteratorType="TRIM_HORIZON",
    )["ShardIterator"]
    for _ in range(60):
        answer = kinesis.get_records(ShardIterator=iterator)
        iterator = answer["NextShardIterator"]
        for record in answer["Records"]:
            event = json.loads(record["Data"])
            attributes = event["attributes"]
            if (
                event["event_type"].startswith("custom_channel.")
                and attributes.get("campaign_id") == campaign_id
            ):
                who = event["client"]["client_id"]
                seen[who] = (who, event["event_type"], attributes.get("reason", ""))
        if len(seen) >= expected:
            break
        time.sleep(2)
    return sorted(seen.values())


people = {"ann": "Ann", "bob": "Bob", "eve": "Eve"}
for person, name in people.items():
    pinpoint.update_endpoint(
        ApplicationId=project,
        EndpointId=person,
        EndpointRequest={
            "ChannelType": "EMAIL",
            "Address": f"success+{person}@simulator.amazonses.com",
            "User": {"UserId": person, "UserAttributes": {"FirstName": [name]}},
        },
    )

# The metadata says whose file it is: the channel gives it to no other recipient.
for person in ("ann", "eve"):
    s3.put_object(
        Bucket=bucket,
        Key=f"statements/2026-10/statement_{person}.pdf",
        Body=f"%PDF-1.4 statement of {person}".encode(),
        Metadata={"endpoint-id": quote(person, safe="")},
    )
s3.put_object(Bucket=bucket, Key="statements/terms.pdf", Body=b"%PDF-1.4 terms")

statements = campaign(
    "Statements of October",
    {
        "TemplateName": outputs["template_names"]["statement"],
        "Files": "ONE_PER_RECIPIENT",
        "FilePrefix": "2026-10/statement",
    },
)
for line in outcomes(statements, len(people)):
    print("statement", *line)

terms = campaign(
    "New terms",
    {
        "TemplateName": outputs["template_names"]["terms"],
        "Files": "ONE_FOR_ALL",
        "FilePrefix": "terms",
        "Delivery": "LINK",
    },
)
for line in outcomes(terms, len(people)):
    print("terms    ", *line)
