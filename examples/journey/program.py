"""A program written for Amazon Pinpoint: it takes the people of a trial through a journey by SMS.

    PINPOINT_API_URL=$(terraform output -raw api_url) PROJECT_ID=… python program.py

Everybody is welcomed. A minute later a split asks for the plan: the free one gets an offer.
"""

import os
import sys
import time
from typing import Any

import boto3

PEOPLE = {
    "ann": {"plan": "gold", "number": "+14255550152"},
    "bob": {"plan": "free", "number": "+14255550153"},
    "eve": {"plan": "gold", "number": "+14255550154"},
}
LONGEST_WAIT_SECONDS = 400


def sign_for_execute_api(context: dict[str, Any], **_: Any) -> None:
    """The hub's API checks signatures for `execute-api`; botocore would sign for Pinpoint."""
    context.setdefault("signing", {})["signing_name"] = "execute-api"


def hub_client() -> Any:
    """The client factory: all that differs from a program for Amazon Pinpoint."""
    client = boto3.client("pinpoint", endpoint_url=os.environ["PINPOINT_API_URL"])
    client.meta.events.register("choose-signer.pinpoint", sign_for_execute_api)
    return client


def journey_request(app_id: str, segment_id: str) -> dict[str, Any]:
    """The journey: a welcome, a minute, a question, and an offer."""
    is_free = {"Attributes": {"Plan": {"Values": ["free"]}}}
    return {
        "Name": "trial",
        "State": "ACTIVE",
        "StartCondition": {"SegmentStartCondition": {"SegmentId": segment_id}},
        "StartActivity": "welcome",
        "Activities": {
            "welcome": {"SMS": {"TemplateName": f"welcome-{app_id}", "NextActivity": "free"}},
            "free": {
                "ConditionalSplit": {
                    "Condition": {
                        "Conditions": [{"SegmentDimensions": is_free}],
                        "Operator": "ALL",
                    },
                    "EvaluationWaitTime": {"WaitFor": "PT60S"},
                    "TrueActivity": "offer",
                }
            },
            "offer": {"SMS": {"TemplateName": f"offer-{app_id}"}},
        },
    }


def main() -> int:
    pinpoint = hub_client()  # was: boto3.client("pinpoint")
    app_id = os.environ["PROJECT_ID"]

    items = [
        {
            "Id": endpoint_id,
            "ChannelType": "SMS",
            "Address": person["number"],
            "Attributes": {"Plan": [person["plan"]]},
        }
        for endpoint_id, person in PEOPLE.items()
    ]
    pinpoint.update_endpoints_batch(ApplicationId=app_id, EndpointBatchRequest={"Item": items})
    print(f"endpoints  {len(PEOPLE)}")

    for name, body in (("welcome", "Welcome to your trial."), ("offer", "Gold is half the price.")):
        write_template(pinpoint, f"{name}-{app_id}", body)
    segment = pinpoint.create_segment(
        ApplicationId=app_id, WriteSegmentRequest={"Name": "everybody", "Dimensions": {}}
    )["SegmentResponse"]

    journey = pinpoint.create_journey(
        ApplicationId=app_id, WriteJourneyRequest=journey_request(app_id, segment["Id"])
    )["JourneyResponse"]
    print(f"journey    {journey['Id']} {journey['State']}")

    state = wait_for_the_end(pinpoint, app_id, journey["Id"])
    print(f"state      {state}")
    of_it = {"ApplicationId": app_id, "JourneyId": journey["Id"]}
    whole = pinpoint.get_journey_execution_metrics(**of_it)["JourneyExecutionMetricsResponse"]
    print(f"journey    {shown(whole['Metrics'])}")
    for activity in ("welcome", "free", "offer"):
        answer = pinpoint.get_journey_execution_activity_metrics(
            **of_it, JourneyActivityId=activity
        )["JourneyExecutionActivityMetricsResponse"]
        print(f"{activity:10} {shown(answer['Metrics'])}")
    return 0 if state == "COMPLETED" else 1


def shown(metrics: dict[str, str]) -> str:
    """The metrics that are not zero."""
    return ", ".join(f"{name} {value}" for name, value in sorted(metrics.items()) if value != "0")


def write_template(pinpoint: Any, name: str, body: str) -> None:
    """Create a template, or update the one of an earlier run of the program."""
    template = {"TemplateName": name, "SMSTemplateRequest": {"Body": body}}
    try:
        pinpoint.update_sms_template(**template)
    except pinpoint.exceptions.NotFoundException:
        pinpoint.create_sms_template(**template)


def wait_for_the_end(pinpoint: Any, app_id: str, journey_id: str) -> str:
    """The state of the journey once everybody has left it."""
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < end:
        answer = pinpoint.get_journey(ApplicationId=app_id, JourneyId=journey_id)
        state = str(answer["JourneyResponse"]["State"])
        if state not in ("ACTIVE", "CLOSED"):
            return state
        time.sleep(2)
    raise TimeoutError(f"Journey {journey_id} goes on after {LONGEST_WAIT_SECONDS} s.")


if __name__ == "__main__":
    sys.exit(main())
