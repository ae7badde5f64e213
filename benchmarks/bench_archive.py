"""Sends through the archiver's handler, without AWS behind it.

Batches of 500 messages, as SQS hands them over, go from JSON to MIME files and index rows: emails
of one campaign by a template of text and HTML, and texts of another campaign. Content comes from a
Pinpoint API in memory, whose calls are counted. Objects go to a client of S3 that builds and signs
every request and does not send it, or to no client, which leaves our own work. Figures are medians
of processor time.
"""

import io
import json
import os
import statistics
import sys
import time
from collections import Counter
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.awsrequest import AWSResponse

from benchmarks import Figure

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "lambda_src"))

from shared.sent_messages.contents import Contents  # noqa: E402 - path first
from shared.sent_messages.rendering import MessageMaker  # noqa: E402 - path first
from tests.builders.architectures import sqs_event  # noqa: E402 - path first
from tests.builders.archive import ANN, AWAKE, BEFORE, Api, campaign_send  # noqa: E402 - path first

MESSAGES = 1_000
BATCH = 500
REPEATS = 7
SETTINGS = {
    "ADDRESSES": "kept",
    "ARCHIVE_BUCKET": "archive",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/dead",
    "INDEX_BUCKET": "index",
}
HTML = "<html><body>" + "<p>Dear {{User.UserAttributes.FirstName}}, read this.</p>" * 80
FIGURES = {
    "messages_per_second": Figure(
        "Messages archived by `message_archiver` on one core, half emails of {email_kb} KB and "
        "half texts, batches of {batch}; boto3 builds the requests to S3 and does not send them",
        "messages/s",
    ),
    "messages_per_second_without_clients": Figure(
        "The same messages rendered and written as MIME, without clients of S3",
        "messages/s",
    ),
    "calls_per_1000_sends.*": Figure(
        "AWS calls for 1,000 sends of two campaigns, by one execution environment", "calls"
    ),
    "lookups_per_campaign_version": Figure(
        "Lookups of a campaign per distinct campaign version, by one execution environment",
        "lookups",
        at_most=1,
    ),
}


def events() -> list[dict[str, Any]]:
    """Build batches: emails and texts in turn, each to its own endpoint."""
    bodies = []
    version: dict[str, Any] = {"campaign_version": "1"}
    template: dict[str, Any] = {"template_version": "1", "template_modified": BEFORE}
    for number in range(MESSAGES):
        user = {"UserId": f"u{number}", "UserAttributes": {"FirstName": [f"Ann {number}"]}}
        if number % 2:
            endpoint = {**ANN, "User": user}
            send = campaign_send(f"e{number}", endpoint, campaign_id="texts", **version)
        else:
            endpoint = {"ChannelType": "EMAIL", "Address": f"a{number}@example.com", "User": user}
            send = campaign_send(
                f"e{number}", endpoint, campaign_id="emails", **version, **template
            )
        bodies.append(json.dumps(send))
    return [sqs_event(*bodies[first : first + BATCH]) for first in range(0, MESSAGES, BATCH)]


def pinpoint() -> Api:
    api = Api()
    api.sender = "news@example.com"
    api.campaign(
        {"TemplateConfiguration": {"EmailTemplate": {"Name": "spring"}}}, campaign_id="emails"
    )
    text = "Hi {{User.UserAttributes.FirstName}}, spring is here."
    api.campaign({"MessageConfiguration": {"SMSMessage": {"Body": text}}}, campaign_id="texts")
    api.template("EMAIL", "spring", {"Subject": "Spring", "HtmlPart": HTML, "TextPart": text})
    return api


class Objects:
    """S3 in memory, without a client."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.bytes = 0

    def put_object(self, Bucket: str, Body: bytes, **_: Any) -> None:
        self.calls[f"PutObject to the {Bucket}"] += 1
        self.bytes += len(Body)


def unsent(client: Any) -> Any:
    """Answer the requests of a real client in place of the network."""

    def answer(request: Any, **_: Any) -> AWSResponse:
        raw: Any = SimpleNamespace(stream=lambda **_: iter([b""]))
        return AWSResponse(request.url, 200, {}, raw)  # type: ignore[arg-type]  # a dict is enough

    client.meta.events.register("before-send", answer)
    return client


def run() -> dict[str, Any]:
    os.environ.update(SETTINGS)
    from message_archiver.functions import archive  # reads the settings

    batches = events()
    rates: dict[str, list[float]] = {"with": [], "without": []}
    objects = Objects()
    api = pinpoint()
    real = unsent(archive.s3)
    for which, times in rates.items():
        for _ in range(REPEATS):
            api, objects = pinpoint(), Objects()
            maker_api = api
            archive.maker = MessageMaker(Contents(lambda api=maker_api: api))  # type: ignore[misc]
            archive.s3 = real if which == "with" else objects  # type: ignore[assignment]
            with redirect_stdout(io.StringIO()):  # the metrics
                started = time.process_time()
                answers = [archive.lambda_handler(batch, AWAKE) for batch in batches]  # type: ignore[arg-type]
                times.append(time.process_time() - started)
            if any(answer["batchItemFailures"] for answer in answers):
                raise RuntimeError("Messages were returned.")
    lookups = dict(sorted(api.calls.items()))
    return {
        "unit": "messages per second per core",
        "repeats": REPEATS,
        "batch": BATCH,
        "email_kb": round(len(HTML) / 1024),
        "messages_per_second": round(MESSAGES / statistics.median(rates["with"])),
        "messages_per_second_without_clients": round(
            MESSAGES / statistics.median(rates["without"])
        ),
        "calls_per_1000_sends": {**objects.calls, **lookups},
        "lookups_per_campaign_version": lookups["GetCampaignVersion"] / 2,
    }
