"""A marketer's work in staging: drafts the journey `welcome` or `abroad`, and prints its id.

    terraform output -json | python draft_journey.py
    terraform output -json | python draft_journey.py abroad

`welcome`: an email greets new customers. Customers who are still new a day later get a text.
`abroad` calls a function of another Region, so that it cannot be copied without a substitute.
"""

import json
import sys
from datetime import UTC, datetime, timedelta
from typing import Any

import boto3


def sign_for_execute_api(context: dict[str, Any], **_: Any) -> None:
    """The hub's API checks signatures for `execute-api`; botocore would sign for Pinpoint."""
    context.setdefault("signing", {})["signing_name"] = "execute-api"


def welcome(segment_id: str, email_template: str, sms_template: str) -> dict[str, Any]:
    """Return the WriteJourneyRequest."""
    start = datetime.now(UTC).replace(microsecond=0) + timedelta(days=7)
    return {
        "Name": "welcome",
        "State": "DRAFT",
        "StartCondition": {"SegmentStartCondition": {"SegmentId": segment_id}},
        "StartActivity": "greet",
        "Activities": {
            "greet": {"EMAIL": {"TemplateName": email_template, "NextActivity": "wait"}},
            "wait": {"Wait": {"WaitTime": {"WaitFor": "PT24H"}, "NextActivity": "stillNew"}},
            "stillNew": {
                "ConditionalSplit": {
                    "Condition": {
                        "Operator": "ALL",
                        "Conditions": [{"SegmentCondition": {"SegmentId": segment_id}}],
                    },
                    "TrueActivity": "remind",
                }
            },
            "remind": {
                "SMS": {
                    "TemplateName": sms_template,
                    "TemplateVersion": "1",
                    "MessageConfig": {"MessageType": "PROMOTIONAL"},
                }
            },
        },
        "Schedule": {
            "StartTime": start,
            "EndTime": start + timedelta(days=90),
            "Timezone": "UTC+01",
        },
        "Limits": {"DailyCap": 1},
        "QuietTime": {"Start": "22:00", "End": "07:00"},
    }


def abroad(segment_id: str) -> dict[str, Any]:
    """Return the WriteJourneyRequest."""
    return {
        "Name": "abroad",
        "State": "DRAFT",
        "StartCondition": {"SegmentStartCondition": {"SegmentId": segment_id}},
        "StartActivity": "letter",
        "Activities": {
            "letter": {
                "CUSTOM": {
                    "DeliveryUri": "arn:aws:lambda:eu-west-3:111122223333:function:letters",
                    "EndpointTypes": ["CUSTOM"],
                }
            }
        },
    }


def given_outputs() -> dict[str, Any]:
    """Read the outputs of the example: an empty mapping where Terraform piped no outputs."""
    try:
        given = {} if sys.stdin.isatty() else json.load(sys.stdin)
    except ValueError:
        given = {}
    return {name: output["value"] for name, output in given.items()}


def main(arguments: list[str]) -> int:
    if arguments not in ([], ["welcome"], ["abroad"]):
        print(__doc__, file=sys.stderr)
        return 2
    outputs = given_outputs()
    if "staging" not in outputs:
        print(
            "There are no outputs of the example: run `terraform apply`, then "
            "`terraform output -json | python draft_journey.py` in the same shell and folder.",
            file=sys.stderr,
        )
        return 2
    staging = outputs["staging"]
    pinpoint: Any = boto3.client("pinpoint", endpoint_url=staging["api"]["url"])
    pinpoint.meta.events.register("choose-signer.pinpoint", sign_for_execute_api)

    segment_id = outputs["segment_id"]
    journey = (
        abroad(segment_id)
        if arguments == ["abroad"]
        else welcome(segment_id, outputs["email_template_name"], outputs["sms_template_name"])
    )
    drafted = pinpoint.create_journey(
        ApplicationId=staging["project_id"], WriteJourneyRequest=journey
    )
    print(drafted["JourneyResponse"]["Id"])
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
