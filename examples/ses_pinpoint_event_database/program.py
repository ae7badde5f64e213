"""Sends through SES and through the hub, and asks the database what became of it.

    python program.py send
    python program.py ask "SELECT …"
    python program.py ask emails_of_one_address success+ann@simulator.amazonses.com
    python program.py value "SELECT message_id …"

The third is one of the workgroup's queries, by name, with the value that it asks for. `value`
prints the first cell of the answer alone, for shell scripts, and fails when there are no rows.

An ordinary boto3 program: its only input is the outputs of this example, which it reads with
`terraform output -json`.
"""

import json
import os
import subprocess
import sys
import time
from difflib import get_close_matches
from pathlib import Path
from typing import Any

import boto3

# The mailbox simulator of SES: no person gets an email, and SES ignores the part after the +.
SIMULATOR = "simulator.amazonses.com"
DIRECT = ["success+ann", "success+bob", "success+eve", "bounce+gil", "complaint+kim"]
PEOPLE = ["success+lea", "success+max"]
LONGEST_WAIT_SECONDS = 120


def outputs() -> dict[str, Any]:
    """The outputs of the example, by name."""
    command = [os.environ.get("TF", "terraform"), "output", "-json"]
    answer = subprocess.run(
        command, cwd=Path(__file__).parent, check=True, stdout=subprocess.PIPE, text=True
    )
    return {name: output["value"] for name, output in json.loads(answer.stdout).items()}


def sign_for_execute_api(context: dict[str, Any], **_: Any) -> None:
    """The hub's API checks signatures for `execute-api`; botocore would sign for Pinpoint."""
    context.setdefault("signing", {})["signing_name"] = "execute-api"


def send(example: dict[str, Any]) -> None:
    """Five emails through SES, and two by a campaign of the project."""
    ses = boto3.client("sesv2")
    for recipient in DIRECT:
        message = ses.send_email(
            FromEmailAddress=example["from_address"],
            Destination={"ToAddresses": [f"{recipient}@{SIMULATOR}"]},
            ConfigurationSetName=example["configuration_set"],
            EmailTags=[{"Name": "topic", "Value": "receipts"}],
            Content={
                "Simple": {
                    "Subject": {"Data": "Your receipt"},
                    "Body": {"Html": {"Data": "<p>Thank you.</p>"}},
                }
            },
        )
        print(f"{message['MessageId']}  {recipient}")

    pinpoint = boto3.client("pinpoint", endpoint_url=example["api_url"])
    pinpoint.meta.events.register("choose-signer.pinpoint", sign_for_execute_api)
    app_id = example["project_id"]
    for recipient in PEOPLE:
        pinpoint.update_endpoint(
            ApplicationId=app_id,
            EndpointId=recipient.replace("+", "-"),
            EndpointRequest={"ChannelType": "EMAIL", "Address": f"{recipient}@{SIMULATOR}"},
        )
    segment = pinpoint.create_segment(
        ApplicationId=app_id, WriteSegmentRequest={"Name": "everybody", "Dimensions": {}}
    )["SegmentResponse"]
    campaign = pinpoint.create_campaign(
        ApplicationId=app_id,
        WriteCampaignRequest={
            "Name": "news",
            "SegmentId": segment["Id"],
            "Schedule": {"StartTime": "IMMEDIATE"},
            "MessageConfiguration": {
                "EmailMessage": {"Title": "News", "HtmlBody": "<p>There is news.</p>"}
            },
        },
    )["CampaignResponse"]
    sent = wait_for_activity(pinpoint, app_id, campaign["Id"])["SuccessfulEndpointCount"]
    print(f"campaign {campaign['Id']}: {sent} of {len(PEOPLE)} sent")


def wait_for_activity(pinpoint: Any, app_id: str, campaign_id: str) -> dict[str, Any]:
    """The campaign's only run, once it has a result."""
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < end:
        answer = pinpoint.get_campaign_activities(ApplicationId=app_id, CampaignId=campaign_id)
        for activity in answer["ActivitiesResponse"]["Item"]:
            if activity.get("Result"):
                return dict(activity)
        time.sleep(1)
    raise TimeoutError(f"Campaign {campaign_id} has no result after {LONGEST_WAIT_SECONDS} s.")


class NoAnswer(Exception):
    """A question has no answer. The message gives the reason and the way out."""


def ask(example: dict[str, Any], question: str, *values: str) -> None:
    """Print the answer to a statement, or to the workgroup's query of that name."""
    for row in rows(example, question, *values):
        print(" | ".join(row))


def value(example: dict[str, Any], question: str, *values: str) -> None:
    """Print the first cell of the answer.

    Raises:
        NoAnswer: the answer has no rows.
    """
    _, *answers = rows(example, question, *values)
    if not answers:
        raise NoAnswer("The answer has no rows. An event can be queried a minute after it.")
    print(answers[0][0])


def rows(example: dict[str, Any], question: str, *values: str) -> list[list[str]]:
    """Return the rows of an answer, the names of the columns first.

    Raises:
        NoAnswer: no query has this name, or Athena refuses the statement.
    """
    athena = boto3.client("athena")
    workgroup = example["athena_workgroup"]
    queries = named_queries(athena, workgroup)
    if question not in queries and question.isidentifier():
        near = get_close_matches(question, queries, n=1)
        raise NoAnswer(
            f"The workgroup has no query {question!r}"
            + (f": did you mean {near[0]!r}? " if near else ". ")
            + f"It has {', '.join(sorted(queries))}."
        )
    try:
        query = athena.start_query_execution(
            QueryString=queries.get(question, question),
            QueryExecutionContext={"Database": example["athena_database"]},
            WorkGroup=workgroup,
            **({"ExecutionParameters": [literal(text) for text in values]} if values else {}),
        )["QueryExecutionId"]
    except athena.exceptions.InvalidRequestException as error:
        raise NoAnswer(f"Athena refuses the question: {error}") from error
    wait_for_answer(athena, query)
    pages = athena.get_paginator("get_query_results").paginate(QueryExecutionId=query)
    return [
        [cell.get("VarCharValue", "") for cell in row["Data"]]
        for page in pages
        for row in page["ResultSet"]["Rows"]
    ]


def literal(value: str) -> str:
    """A text as SQL writes it."""
    return "'" + value.replace("'", "''") + "'"


def named_queries(athena: Any, workgroup: str) -> dict[str, str]:
    """The statements of the workgroup's queries, by name."""
    pages = athena.get_paginator("list_named_queries").paginate(WorkGroup=workgroup)
    ids = [query_id for page in pages for query_id in page["NamedQueryIds"]]
    queries = [athena.get_named_query(NamedQueryId=query_id)["NamedQuery"] for query_id in ids]
    return {query["Name"]: query["QueryString"] for query in queries}


def wait_for_answer(athena: Any, query: str) -> None:
    """Return once the query has an answer.

    Raises:
        NoAnswer: it failed or takes too long.
    """
    end = time.monotonic() + LONGEST_WAIT_SECONDS
    while time.monotonic() < end:
        status = athena.get_query_execution(QueryExecutionId=query)["QueryExecution"]["Status"]
        if status["State"] == "SUCCEEDED":
            return
        if status["State"] in ("FAILED", "CANCELLED"):
            raise NoAnswer(status.get("StateChangeReason", status["State"]))
        time.sleep(0.5)
    raise NoAnswer(f"Query {query} has no answer after {LONGEST_WAIT_SECONDS} s.")


def main(arguments: list[str]) -> int:
    try:
        match arguments:
            case ["send"]:
                send(outputs())
            case ["ask", question, *values]:
                ask(outputs(), question, *values)
            case ["value", question, *values]:
                value(outputs(), question, *values)
            case _:
                print(__doc__, file=sys.stderr)
                return 2
    except NoAnswer as problem:
        print(problem, file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
