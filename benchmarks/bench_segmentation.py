"""Events through the function of event_based_segmentation, without AWS behind it.

Batches of 1,000 records, as Lambda hands them over, go from base64 to the answer under the rules
that the module ships. Of 1,000 events, 990 are opens, 9 are registrations and 1 is a
cancellation. The endpoints and the table are in memory behind real clients, which build, sign and
parse every request without sending it. Figures are medians of processor time, so that other
programs on the machine count less.
"""

import io
import json
import os
import random
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import redirect_stdout
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from urllib.parse import unquote, urlsplit

from botocore.awsrequest import AWSResponse
from botocore.exceptions import ClientError

from benchmarks import Figure

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "lambda_src"))

from tests.builders.segmentation import (  # noqa: E402 - path first
    NOON,
    PROJECT,
    SETTINGS,
    SHIPPED,
    Project,
    Table,
    batch,
    context,
    event,
    settings_of,
)

BATCH = 1_000
REPEATS = 5
EVENTS = {"few": 10_000, "many": 2_000}
ENDPOINTS = {"few": 100, "many": 2_000}
ENVIRONMENT = {
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_DEFAULT_REGION": "us-east-1",
    "AWS_SECRET_ACCESS_KEY": "bench",
    **SETTINGS,
}
FIGURES = {
    "events_per_second.few": Figure(
        "Events processed by `event_based_segmentation` on one core, batches of {batch:,}: "
        "{events:,} events of {few} endpoints; boto3 builds the requests and does not send them",
        "events/s",
    ),
    "events_per_second.many": Figure(
        "The same, each event of another endpoint, which is read and updated", "events/s"
    ),
    "endpoint_calls_per_1000_events.few": Figure(
        "Calls of GetEndpoint and UpdateEndpointsBatch for 1,000 events: {events:,} events of "
        "{few} endpoints within five minutes, of which 1 % are registrations and the rest opens",
        "calls",
        at_most=20,
    ),
    "endpoint_calls_per_1000_events.many": Figure(
        "The same calls, each event of another endpoint", "calls"
    ),
    "table_calls_per_1000_events.*": Figure(
        "Calls of DynamoDB for 1,000 events: times of changes read and written", "calls"
    ),
}


class Wire:
    """Answers the requests of real clients in place of the network."""

    def __init__(self, project: Project, table: Table) -> None:
        self._project, self._table = project, table

    def dynamodb(self, request: Any, **_: Any) -> AWSResponse:
        body = json.loads(request.body)
        target = request.headers["X-Amz-Target"].decode().rpartition(".")[2]
        operations: dict[str, Callable[..., dict[str, Any]]] = {
            "GetItem": self._table.get_item,
            "BatchGetItem": self._table.batch_get_item,
            "BatchWriteItem": self._table.batch_write_item,
        }
        answer = operations[target](**body)
        return response(request, 200, answer)

    def pinpoint(self, request: Any, **_: Any) -> AWSResponse:
        if request.method == "PUT":
            items = json.loads(request.body)
            answer = self._project.update_endpoints_batch(
                ApplicationId=PROJECT, EndpointBatchRequest=items
            )
            return response(request, 202, answer["MessageBody"])
        endpoint_id = unquote(urlsplit(request.url).path.rpartition("/")[2])
        try:
            found = self._project.get_endpoint(ApplicationId=PROJECT, EndpointId=endpoint_id)
        except ClientError as error:
            return response(request, 404, {"Message": str(error)})
        return response(request, 200, found["EndpointResponse"])


def response(request: Any, status: int, body: Any) -> AWSResponse:
    raw = SimpleNamespace(stream=lambda **_: iter([json.dumps(body).encode()]))
    headers: Any = {"Content-Type": "application/json"}
    return AWSResponse(request.url, status, headers, raw)


def batches(events: int, endpoints: int) -> list[dict[str, Any]]:
    """Build the batches; with as many endpoints as events each event has its own."""
    chance = random.Random(7)
    kinds = ["_email.open"] * 990 + ["registered_for_webinar5"] * 9 + ["cancelled_webinar5"]
    found = []
    for first in range(0, events, BATCH):
        chance.shuffle(kinds)
        records = [
            event(
                kind,
                f"e{(first + number) % endpoints}",
                NOON + first + number,
            )
            for number, kind in enumerate(kinds)
        ]
        found.append(batch(*records))
    return found


def run() -> dict[str, Any]:
    os.environ.update(ENVIRONMENT)
    from event_based_segmentation.functions import apply_rules as handler  # reads the settings

    rates: dict[str, int] = {}
    endpoint_calls: dict[str, float] = {}
    table_calls: dict[str, float] = {}
    for which, endpoints in ENDPOINTS.items():
        events = batches(EVENTS[which], endpoints)
        seconds = []
        for _ in range(REPEATS):
            project = Project(f"e{number}" for number in range(endpoints))
            table = Table(settings_of(SHIPPED))
            wire = Wire(project, table)
            handler.segmentation.cache_clear()
            # botocore takes the first answer that is not None.
            answers_of: dict[Any, Any] = {
                handler.pinpoint: wire.pinpoint,
                handler.dynamodb: wire.dynamodb,
            }
            for client, answer in answers_of.items():
                client.meta.events.unregister("before-send", unique_id="bench")
                client.meta.events.register("before-send", answer, unique_id="bench")
            with redirect_stdout(io.StringIO()):  # the metrics
                started = time.process_time()
                answers = [handler.lambda_handler(each, context()) for each in events]
                seconds.append(time.process_time() - started)
            if any(answer["batchItemFailures"] for answer in answers):
                raise RuntimeError("Records came back.")
        rates[which] = round(EVENTS[which] / statistics.median(seconds))
        endpoint_calls[which] = sum(project.calls.values()) * 1000 / EVENTS[which]
        table_calls[which] = sum(table.calls.values()) * 1000 / EVENTS[which]
    return {
        "unit": "events per second per core",
        "repeats": REPEATS,
        "batch": BATCH,
        "events": EVENTS["few"],
        "few": ENDPOINTS["few"],
        "events_per_second": rates,
        "endpoint_calls_per_1000_events": endpoint_calls,
        "table_calls_per_1000_events": table_calls,
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
