"""Puts a sample into the project, and runs a query.

    python program.py sample
    python program.py run

`sample` creates five endpoints and adds an event `_email.open` for four of them to the project's
event stream, in the place of emails that were opened. `run` runs the query of the example, prints
the end of the run, and the size of the segment.

An ordinary boto3 program: its only input is the outputs of this example, which it reads with
`terraform output -json`.
"""

import json
import os
import subprocess
import sys
import time
import uuid
from pathlib import Path
from typing import Any

import boto3

# Endpoint => whether its email was opened.
PEOPLE = {"ann": True, "bob": True, "cem": False, "dee": True, "eli": True}
LONGEST_WAIT_SECONDS = 180


def outputs() -> dict[str, Any]:
    """The outputs of the example, by name."""
    command = [os.environ.get("TF", "terraform"), "output", "-json"]
    answer = subprocess.run(
        command, cwd=Path(__file__).parent, check=True, stdout=subprocess.PIPE, text=True
    )
    found = json.loads(answer.stdout)
    if not found:
        raise SystemExit(
            "There are no outputs of the example: run `terraform apply`, "
            "and the program in the same shell."
        )
    return {name: output["value"] for name, output in found.items()}


def sign_for_execute_api(context: dict[str, Any], **_: Any) -> None:
    """The hub's API checks signatures for `execute-api`; botocore would sign for Pinpoint."""
    context.setdefault("signing", {})["signing_name"] = "execute-api"


def hub_client(example: dict[str, Any]) -> Any:
    client = boto3.client("pinpoint", endpoint_url=example["api_url"])
    client.meta.events.register("choose-signer.pinpoint", sign_for_execute_api)
    return client


def sample(example: dict[str, Any]) -> None:
    """Create the endpoints, and add the events."""
    hub_client(example).update_endpoints_batch(
        ApplicationId=example["project_id"],
        EndpointBatchRequest={
            "Item": [
                {
                    "Id": name,
                    "ChannelType": "EMAIL",
                    "Address": f"{name}@example.com",
                    "Attributes": {"Plan": ["gold"]},
                }
                for name in PEOPLE
            ]
        },
    )
    opened = [name for name, has_opened in PEOPLE.items() if has_opened]
    boto3.client("kinesis").put_records(
        StreamName=example["stream_name"],
        Records=[
            {"Data": json.dumps(open_event(example, name)).encode(), "PartitionKey": name}
            for name in opened
        ],
    )
    print(f"endpoints  {', '.join(PEOPLE)}")
    print(f"opened     {', '.join(opened)}")


def open_event(example: dict[str, Any], name: str) -> dict[str, Any]:
    """An email that the endpoint opened, as the event stream of a project has it."""
    now = int(time.time() * 1000)
    mail = {
        "message_id": str(uuid.uuid4()),
        "message_send_timestamp": now - 60_000,
        "from_address": "news@example.com",
        "destination": [f"{name}@example.com"],
    }
    return {
        "event_type": "_email.open",
        "event_timestamp": now,
        "arrival_timestamp": now,
        "event_version": "3.1",
        "application": {"app_id": example["project_id"], "sdk": {}},
        "client": {"client_id": name},
        "device": {"platform": {}},
        "session": {},
        "attributes": {},
        "metrics": {},
        "client_context": {"custom": {}},
        "facets": {
            "email_channel": {"mail_event": {"mail": mail, "open": {"user_agent": "sample"}}}
        },
        "awsAccountId": "111122223333",
    }


def run(example: dict[str, Any]) -> None:
    """Run the query of the example, and print the size of the segment."""
    states = boto3.client("stepfunctions")
    given = {"Query": example["query"], "Type": "direct", "SegmentName": "Red shoes"}
    execution = states.start_execution(
        stateMachineArn=example["state_machine_arn"], input=json.dumps(given)
    )["executionArn"]
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while (ended := states.describe_execution(executionArn=execution))["status"] == "RUNNING":
        if time.monotonic() > end:
            raise TimeoutError(f"The run still runs after {LONGEST_WAIT_SECONDS} s: {execution}")
        time.sleep(1)
    print(f"run        {ended['status']} {ended.get('error', '')}".rstrip())

    segments = hub_client(example).get_segments(ApplicationId=example["project_id"])
    for segment in segments["SegmentsResponse"]["Item"]:
        if segment["Name"] == given["SegmentName"]:
            print(f"segment    {segment['Name']}: {segment['ImportDefinition']['Size']} endpoints")


def main(arguments: list[str]) -> int:
    match arguments:
        case ["sample"]:
            sample(outputs())
        case ["run"]:
            run(outputs())
        case _:
            print(__doc__, file=sys.stderr)
            return 2
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
