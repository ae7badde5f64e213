"""Emails a second and environment, how closely the rate is kept to, and what a million costs.

The sender is the one that Lambda runs, with botocore's real clients: requests are built, signed and
answers parsed. A stub behind botocore answers: it takes 50 ms for a call to SES and 5 ms for a call
to DynamoDB, and keeps the items in memory. For the pacing, 8 senders run in threads of
their own by a simulated clock, with calls that reach SES up to 8 ms late at random; each email is
noted when it gets there.
"""

from __future__ import annotations

import bisect
import importlib
import json
import logging
import os
import random
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from benchmarks import Figure

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "lambda_src"))

from ses_load_testing.queues import Delivery  # noqa: E402 - path first
from ses_load_testing.sender import Fate, Report, Sender  # noqa: E402 - same
from tests.builders.load_testing import METADATA, STATE, MemoryDynamoDB, SharedTime, World, body  # noqa: E402 - same

SES_SECONDS = 0.050
DYNAMODB_SECONDS = 0.005
BATCHES = 40
BATCH = 100
USERS = 1_000
MEMORY_GB = 1.0
SENDERS = 8
QUOTAS = (14, 100, 500)  # recipients a second
DELAY_SECONDS = 0.008
PACED_SECONDS = 64
MINUTE = 60.0
# USD in us-east-1, at the time of writing.
SQS_PER_MILLION, HTTP_API_PER_MILLION = 0.40, 1.00
WRITE_UNITS_PER_MILLION, READ_UNITS_PER_MILLION = 0.625, 0.125
INVOCATIONS_PER_MILLION, GB_SECOND = 0.20, 0.0000133334
# One request each to send, receive and delete ten messages.
SQS_REQUESTS = 0.3
API_FUNCTION_SECONDS, API_FUNCTION_GB = 0.015, 0.25

FIGURES = {
    "emails_per_second_per_environment": Figure(
        "Emails sent by one execution environment of `ses_load_testing`, batches of {batch}, "
        "against a stub that takes {ses_milliseconds} ms for a call of SES and "
        "{dynamodb_milliseconds} ms for a call of DynamoDB",
        "emails/s",
        at_least=300,
        headline=True,
    ),
    "pacing_error_percent.*": Figure(
        "Share of the sending quota that {senders} concurrent senders leave unused over a minute, "
        "by quota in recipients per second (simulated clock, calls up to {delay_milliseconds} ms "
        "late)",
        "%",
        at_most=2,
    ),
    "most_in_any_minute.*": Figure(
        "Emails that reached SES in the busiest minute of that run, as a share of the quota of a "
        "minute",
        "of the quota",
        at_most=1,
    ),
    "most_in_any_second.*": Figure(
        "Emails that reached SES in the busiest second of that run, as a share of the quota of a "
        "second",
        "of the quota",
        at_most=1,
    ),
    "usd_per_million": Figure(
        "Cost of a million emails sent by `ses_load_testing`, without SES's own price: queue 0.40 "
        "per million requests, DynamoDB 0.625 per million writes and 0.125 per million reads, "
        "Lambda arm64 0.0000133334 per GB-second and 0.20 per million invocations; a message "
        "takes {writes_per_message:.2f} writes, {reads_per_message:.2f} reads, "
        "{sqs_requests_per_message} requests to the queue and "
        "{function_milliseconds_per_message:.1f} ms of a function of 1 GB",
        "USD",
        at_most=1.00,
        headline=True,
    ),
    "api_usd_per_million": Figure(
        "Additional cost of a million emails that arrive through the HTTP API, one message per "
        "request: 1.00 per million requests, the function, and its request to the queue",
        "USD",
    ),
}
SETTINGS = {
    "AWS_ACCESS_KEY_ID": "stub",
    "AWS_SECRET_ACCESS_KEY": "stub",
    "AWS_DEFAULT_REGION": "us-east-1",
    "DEAD_LETTER_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/dead",
    "IDEMPOTENCY_DAYS": "15",
    "METADATA_TABLE": METADATA,
    "PARKED_QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/parked",
    "QUEUE_URL": "https://sqs.us-east-1.amazonaws.com/111122223333/queue",
    "STATE_TABLE": STATE,
    "TIMEOUT_SECONDS": "90",
    "VALVE_FUNCTION": "valve",
}


class Raw:
    """The part of urllib3's response that botocore reads."""

    def __init__(self, content: bytes) -> None:
        self._content = content

    def stream(self, *_: Any, **__: Any) -> Iterator[bytes]:
        yield self._content


def answer(status: int, content: Any) -> AWSResponse:
    raw: Any = Raw(json.dumps(content).encode())
    headers: Any = {}
    return AWSResponse("https://stub", status, headers, raw)


class Stub:
    """AWS behind botocore: every call takes a fixed time and is counted."""

    def __init__(self) -> None:
        self.dynamodb = MemoryDynamoDB()
        self.reads = 0.0  # read units; every item here is below 1 KB
        self.sent = 0
        for number in range(USERS):
            self.dynamodb.items[METADATA][(str(number),)] = {
                "user_id": {"S": str(number)},
                "metadata": {"M": {"first_name": {"S": "Ann"}, "city": {"S": "Seattle"}}},
            }

    def answer_dynamodb(self, request: Any, **_: Any) -> AWSResponse:
        time.sleep(DYNAMODB_SECONDS)
        operation = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        wanted = json.loads(request.body)
        methods: dict[str, Callable[..., Any]] = {
            "BatchGetItem": self.dynamodb.batch_get_item,
            "GetItem": self.dynamodb.get_item,
            "PutItem": self.dynamodb.put_item,
            "UpdateItem": self.dynamodb.update_item,
        }
        for keys in wanted.get("RequestItems", {}).values():
            self.reads += len(keys["Keys"]) * (1 if keys.get("ConsistentRead") else 0.5)
        if operation == "GetItem":
            self.reads += 1
        try:
            return answer(200, methods[operation](**wanted))
        except ClientError as error:
            told: Any = error.response
            code = told["Error"]["Code"]
            return answer(400, {"__type": code, "message": "", "Item": told.get("Item")})

    def answer_ses(self, request: Any, **_: Any) -> AWSResponse:
        if request.method == "GET":
            quota = {"MaxSendRate": 10_000, "Max24HourSend": -1, "SentLast24Hours": 0}
            return answer(200, {"SendingEnabled": True, "SendQuota": quota})
        entries = json.loads(request.body)["BulkEmailEntries"]
        time.sleep(SES_SECONDS)
        self.sent += len(entries)
        results = [{"Status": "SUCCESS", "MessageId": f"{n:060}"} for n in range(len(entries))]
        return answer(200, {"BulkEmailEntryResults": results})


def environment(stub: Stub) -> Sender:
    """Import the function's module as a cold start does, with the stub behind its clients."""
    os.environ.update(SETTINGS)
    logging.getLogger("ses-load-testing").setLevel(logging.ERROR)
    module = importlib.import_module("ses_load_testing.functions.send_messages")
    module.dynamodb.meta.events.register("before-send.dynamodb", stub.answer_dynamodb)
    module.ses.meta.events.register("before-send.sesv2", stub.answer_ses)
    sender: Sender = module.sender
    return sender


def batch(first: int) -> list[Delivery]:
    return [
        Delivery(f"m-{n}", "r", json.dumps(body(n, user_id=str(n % USERS))), 1, time.time())
        for n in range(first, first + BATCH)
    ]


def throughput() -> dict[str, float]:
    stub = Stub()
    sender = environment(stub)
    sender.process(batch(0), time.time() + 90, Report())  # warm
    stub.sent, stub.reads = 0, 0.0
    stub.dynamodb.calls = Counter()
    batches = [batch(BATCH * number) for number in range(1, BATCHES + 1)]
    started = time.perf_counter()
    for deliveries in batches:
        report = Report()
        sender.process(deliveries, time.time() + 90, report)
        if report.count(Fate.SENT) != BATCH:
            raise RuntimeError(f"not everything was sent: {report}")
    seconds = time.perf_counter() - started
    messages = BATCHES * BATCH
    return {
        "emails_per_second": messages / seconds,
        "seconds_per_message": seconds / messages,
        "writes": (stub.dynamodb.calls["PutItem"] + stub.dynamodb.calls["UpdateItem"]) / messages,
        "reads": stub.reads / messages,
    }


def pacing(quota: int) -> dict[str, float]:
    """Measure 8 senders with a backlog, in a minute that begins when all of them work."""
    clock = SharedTime()
    world = World(clock)
    world.ses.max_send_rate = quota
    world.ses.seconds_per_call = SES_SECONDS
    delays = random.Random(4)
    world.ses.before = lambda _: clock.sleep(delays.uniform(0, DELAY_SECONDS))
    world.put(*(body(number) for number in range(int(quota * PACED_SECONDS * 1.5) + 800)))
    end = clock() + PACED_SECONDS

    def work(number: int) -> None:
        clock.sleep(number * 0.017)
        sender = world.sender()
        while clock() < end:
            world.deliver(sender, BATCH)

    clock.run([partial(work, number) for number in range(SENDERS)])
    times = sorted(moment for moment, _ in world.ses.sent)
    start = times[0] + 2
    allowed = quota * MINUTE
    sent = bisect.bisect_left(times, start + MINUTE) - bisect.bisect_left(times, start)
    return {
        "error_percent": round(100 * (allowed - sent) / allowed, 2),
        "minute": round(most_in(times, MINUTE) / allowed, 4),
        "second": round(most_in(times, 1.0) / quota, 4),
    }


def most_in(times: list[float], seconds: float) -> int:
    return max(bisect.bisect_left(times, moment + seconds) - n for n, moment in enumerate(times))


def run() -> dict[str, Any]:
    measured = throughput()
    paced = {f"quota_{quota}": pacing(quota) for quota in QUOTAS}
    function_usd = (
        measured["seconds_per_message"] * MEMORY_GB * GB_SECOND * 1e6
        + INVOCATIONS_PER_MILLION / BATCH
    )
    usd = (
        SQS_REQUESTS * SQS_PER_MILLION
        + measured["writes"] * WRITE_UNITS_PER_MILLION
        + measured["reads"] * READ_UNITS_PER_MILLION
        + function_usd
    )
    api_usd = (
        HTTP_API_PER_MILLION
        + INVOCATIONS_PER_MILLION
        + API_FUNCTION_SECONDS * API_FUNCTION_GB * GB_SECOND * 1e6
        + 0.9 * SQS_PER_MILLION  # a request of its own instead of a tenth of one
    )
    return {
        "batch": BATCH,
        "ses_milliseconds": round(SES_SECONDS * 1000),
        "dynamodb_milliseconds": round(DYNAMODB_SECONDS * 1000),
        "senders": SENDERS,
        "delay_milliseconds": round(DELAY_SECONDS * 1000),
        "emails_per_second_per_environment": round(measured["emails_per_second"], 1),
        "pacing_error_percent": {name: each["error_percent"] for name, each in paced.items()},
        "most_in_any_minute": {name: each["minute"] for name, each in paced.items()},
        "most_in_any_second": {name: each["second"] for name, each in paced.items()},
        "usd_per_million": round(usd, 3),
        "api_usd_per_million": round(api_usd, 2),
        "writes_per_message": round(measured["writes"], 3),
        "reads_per_message": round(measured["reads"], 3),
        "sqs_requests_per_message": SQS_REQUESTS,
        "function_milliseconds_per_message": round(1000 * measured["seconds_per_message"], 2),
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
