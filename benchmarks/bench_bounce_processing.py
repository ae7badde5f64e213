"""Bounces and complaints through the function's handler, without AWS behind it.

Batches of ten messages, as SQS hands them over, go from JSON in SNS's envelope to the answer. The
suppression list, the bus and the tables are in memory: behind real clients, which build, sign and
parse every request without sending it, and without clients, which leaves our own work. Figures are
medians of processor time, so that other programs on the machine count less.
"""

import io
import json
import os
import statistics
import sys
import time
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any

from botocore.awsrequest import AWSResponse

from benchmarks import Figure

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "lambda_src"))

from shared.suppression import Suppressor  # noqa: E402 - path first
from tests.builders.architectures import CONTEXT, sqs_event  # noqa: E402 - path first
from tests.builders.suppression import World, bounce, complaint, envelope  # noqa: E402 - path first

MESSAGES = 1_000
BATCH = 10
REPEATS = 9
SETTINGS = {
    "ADDRESS_TABLE": "addresses",
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "EVENT_BUS_NAME": "default",
    "EVENT_SOURCE": "ses_event_processing",
    "FEEDBACK_TABLE": "feedback",
    "POWERTOOLS_METRICS_NAMESPACE": "bench",
}
FIGURES = {
    "messages_per_second.new": Figure(
        "Bounces and complaints processed by `ses_event_processing` on one core, batches of "
        "{batch}, each address new; boto3 builds the requests and does not send them",
        "messages/s",
    ),
    "messages_per_second.copies": Figure(
        "The same bounces and complaints processed a second time: each one is a copy",
        "messages/s",
    ),
    "messages_per_second_without_clients.*": Figure(
        "Bounces and complaints processed without boto3's clients: parsing, deciding, writing",
        "messages/s",
    ),
    "calls_per_1000_messages.*": Figure(
        "AWS calls for 1,000 bounces and complaints of 1,000 addresses, in full batches", "calls"
    ),
    "calls_per_1000_copies": Figure("AWS calls for 1,000 copies, in full batches", "calls"),
}


def batches() -> list[dict[str, Any]]:
    """Build batches: both styles in turn; in five, three hard bounces, one soft, a complaint."""
    bodies = []
    for number in range(MESSAGES):
        address = f"recipient-{number}@example.com"
        style = ("eventType", "notificationType")[number % 2]
        if number % 5 == 4:
            event = complaint(address, style=style)
        else:
            kind = "Transient" if number % 5 == 3 else "Permanent"
            event = bounce(address, kind=kind, style=style)
        bodies.append(envelope(event))
    return [sqs_event(*bodies[first : first + BATCH]) for first in range(0, MESSAGES, BATCH)]


class Wire:
    """Answers the requests of real clients in place of the network."""

    def __init__(self, world: World) -> None:
        self._world = world

    def __call__(self, request: Any, **_: Any) -> AWSResponse:
        body = json.loads(request.body)
        target = request.headers.get("X-Amz-Target", b"").decode().rpartition(".")[2]
        answer: Any = None
        match target:
            case "BatchGetItem":
                answer = self._world.dynamodb.batch_get_item(**body)
            case "TransactWriteItems":
                body.pop("ClientRequestToken")
                answer = self._world.dynamodb.transact_write_items(**body)
            case "PutEvents":
                answer = self._world.events.put_events(**body)
            case _:
                self._world.ses.put_suppressed_destination(**body)
        raw = SimpleNamespace(stream=lambda **_: iter([json.dumps(answer or {}).encode()]))
        headers: Any = {"Content-Type": "application/json"}
        return AWSResponse(request.url, 200, headers, raw)


def with_real_clients(world: World) -> Suppressor:
    suppressor = Suppressor.from_environment()
    for client in (suppressor._ses, suppressor._events, suppressor._store._dynamodb):
        answers: Any = Wire(world)  # botocore takes the first answer that is not None
        client.meta.events.register("before-send", answers)
    return suppressor


def run() -> dict[str, Any]:
    os.environ.update(SETTINGS)
    from ses_event_processing.functions import suppress as handler  # reads the settings

    context: Any = SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: 30_000)
    events = batches()
    rates: dict[str, dict[str, int]] = {}
    calls: dict[str, dict[str, int]] = {}
    for figure in ("messages_per_second", "messages_per_second_without_clients"):
        seconds: dict[str, list[float]] = {"new": [], "copies": []}
        for _ in range(REPEATS):
            world = World()
            real = figure == "messages_per_second"
            handler.suppressor = with_real_clients(world) if real else world.suppressor
            before = counted(world)
            for which in seconds:
                with redirect_stdout(io.StringIO()):  # the metrics
                    started = time.process_time()
                    answers = [handler.lambda_handler(event, context) for event in events]
                    seconds[which].append(time.process_time() - started)
                if any(answer["batchItemFailures"] for answer in answers):
                    raise RuntimeError("Messages came back.")
                after = counted(world)
                calls[which] = {name: after[name] - before[name] for name in after}
                before = after
        rates[figure] = {
            which: round(MESSAGES / statistics.median(each)) for which, each in seconds.items()
        }
    return {
        "unit": "messages per second per core",
        "repeats": REPEATS,
        "batch": BATCH,
        **rates,
        "calls_per_1000_messages": calls["new"],
        "calls_per_1000_copies": sum(calls["copies"].values()),
    }


def counted(world: World) -> dict[str, int]:
    return {
        "PutSuppressedDestination": world.ses.calls,
        "PutEvents": world.events.calls,
        "BatchGetItem": world.dynamodb.calls["BatchGetItem"],
        "TransactWriteItems": world.dynamodb.calls["TransactWriteItems"],
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
