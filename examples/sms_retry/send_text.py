"""Send a text that is retried: ``python send_text.py +14255550172 "Your code is 123456"``.

Run it beside the applied root module. It remembers the text, and then sends it by the project's
SendMessages. The same works with SendTextMessage of End User Messaging.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import boto3

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parents[1] / "lambda_src"))

from shared.pinpoint import pinpoint_client_at  # noqa: E402 - path first
from sms_retry.remember import CannotRemember, remember  # noqa: E402

USEFUL_SECONDS = 3_600


def send(outputs: dict[str, Any], number: str, body: str) -> tuple[str, str]:
    """Return the message id, or the reason of a failure, and the status of the request."""
    context = remember(
        boto3.client("dynamodb"), outputs["texts_table"], body, useful_seconds=USEFUL_SECONDS
    )
    client = pinpoint_client_at(outputs["api_url"], region=boto3.Session().region_name)
    answer = client.send_messages(
        ApplicationId=outputs["project_id"],
        MessageRequest={
            "Addresses": {number: {"ChannelType": "SMS"}},
            "Context": context,
            "MessageConfiguration": {"SMSMessage": {"Body": body, "MessageType": "TRANSACTIONAL"}},
        },
    )["MessageResponse"]["Result"][number]
    return answer.get("MessageId") or answer.get("StatusMessage", ""), answer["DeliveryStatus"]


def main(arguments: list[str]) -> int:
    if len(arguments) != 2:
        print('usage: python send_text.py NUMBER "TEXT"', file=sys.stderr)
        return 2
    answer = subprocess.run(
        ["terraform", "output", "-json"], cwd=HERE, check=True, capture_output=True, text=True
    ).stdout
    outputs = {name: one["value"] for name, one in json.loads(answer).items()}
    try:
        id_or_reason, status = send(outputs, *arguments)
    except CannotRemember as error:
        print(error, file=sys.stderr)
        return 2
    print(status, id_or_reason)
    return 0 if status == "SUCCESSFUL" else 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
