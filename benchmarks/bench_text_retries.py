"""Failures of texts through the reader of sms_retry, without AWS behind it.

Batches of 500 records, as Lambda hands them over, go from base64 to the queue of retries. DynamoDB,
SQS and SNS answer at once behind real clients, which build, sign and parse every request without
sending it. Figures are medians of processor time, so that other programs on the machine count less.
"""

import base64
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

from tests.builders.architectures import CONTEXT  # noqa: E402 - path first
from tests.builders.text_retries import POLICY, PROJECT, failed, of_campaign  # noqa: E402

BATCH = 500
EVENTS = 2_000
REPEATS = 5
URL = "https://sqs.us-east-1.amazonaws.com/111122223333/"
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "CHAINS_TABLE": "chains",
    "DEAD_LETTER_QUEUE_URL": f"{URL}dead",
    "POLICY": json.dumps({**POLICY, "max_age_seconds": 10**9}),
    "POWERTOOLS_LOG_LEVEL": "WARNING",
    "PROJECT_ID": PROJECT,
    "QUEUE_URL": f"{URL}retries",
    "TEXTS_TABLE": "texts",
    "TOPIC_ARN": "arn:aws:sns:us-east-1:111122223333:final",
}
FIGURES = {
    "per_second.retried": Figure(
        "Retry decisions of `sms_retry` on one core, batches of {batch:,}: {events:,} failures, "
        "each of which is scheduled and queued; boto3 builds the requests and does not send them",
        "decisions/s",
    ),
    "per_second.blocked": Figure(
        "The same, failures that are final, which cause no request", "decisions/s"
    ),
    "per_second.arrived": Figure(
        "The same, texts that arrived and never failed, which are looked up", "decisions/s"
    ),
    "requests_per_1000.*": Figure(
        "Requests to DynamoDB and SQS for 1,000 decisions: failures that are retried, final "
        "failures, arrivals",
        "requests",
    ),
}


class Wire:
    """Answers every request as done."""

    def __init__(self) -> None:
        self.requests: Counter[str] = Counter()

    def answer(self, request: Any, **_: Any) -> AWSResponse:
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        self.requests[operation] += 1
        body: dict[str, Any] = {}
        if operation == "BatchGetItem":
            body = {"Responses": {}, "UnprocessedKeys": {}}
        elif operation == "SendMessageBatch":
            entries = json.loads(request.body)["Entries"]
            body = {"Successful": [{"Id": one["Id"]} for one in entries], "Failed": []}
        raw = SimpleNamespace(stream=lambda **_: iter([json.dumps(body).encode()]))
        headers: Any = {"Content-Type": "application/x-amz-json-1.0"}
        return AWSResponse(request.url, 200, headers, raw)


def batches(events: list[dict[str, Any]]) -> list[dict[str, Any]]:
    records = [
        {
            "eventID": f"shardId-000000000000:{number}",
            "eventSourceARN": "arn:aws:kinesis:us-east-1:111122223333:stream/news",
            "kinesis": {
                "sequenceNumber": str(number),
                "partitionKey": "k",
                "data": base64.b64encode(json.dumps(event).encode() + b"\n").decode(),
            },
        }
        for number, event in enumerate(events)
    ]
    return [{"Records": records[first : first + BATCH]} for first in range(0, len(records), BATCH)]


def run() -> dict[str, Any]:
    os.environ.update(ENVIRONMENT)
    from sms_retry.functions import read_stream as handler  # reads the settings
    from sms_retry.wiring import intake as made

    intake = made()
    awake: Any = CONTEXT
    kinds = {
        "retried": [of_campaign(f"m{number}") for number in range(EVENTS)],
        "blocked": [of_campaign(f"m{number}", "BLOCKED") for number in range(EVENTS)],
        "arrived": [
            failed(f"m{number}", "DELIVERED", kind="_SMS.SUCCESS") for number in range(EVENTS)
        ],
    }
    rates: dict[str, int] = {}
    requests: dict[str, float] = {}
    for kind, events in kinds.items():
        seconds = []
        for _ in range(REPEATS):
            wire = Wire()
            answer: Any = wire.answer  # botocore takes the first answer that is not None
            for client in (intake.chains.dynamodb, intake.sqs):
                client.meta.events.unregister("before-send", unique_id="bench")
                client.meta.events.register("before-send", answer, unique_id="bench")
            chosen = batches(events)
            with redirect_stdout(io.StringIO()):  # the metrics
                started = time.process_time()
                answers = [handler.lambda_handler(each, awake) for each in chosen]
                seconds.append(time.process_time() - started)
            if any(answer["batchItemFailures"] for answer in answers):
                raise RuntimeError("Records came back.")
        rates[kind] = round(EVENTS / statistics.median(seconds))
        requests[kind] = round(wire.requests.total() * 1000 / EVENTS, 1)
    return {
        "unit": "decisions per second per core",
        "repeats": REPEATS,
        "batch": BATCH,
        "events": EVENTS,
        "per_second": rates,
        "requests_per_1000": requests,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
