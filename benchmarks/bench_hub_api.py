"""One hub API request, handled in process on moto's DynamoDB: p50 and p99.

From the event to the answer: routing, checking by the model, the domain, the store. moto answers in
place of DynamoDB; `hub` figures leave out the time within boto3's calls, which is mostly moto's own
(it copies its tables for each transaction).
"""

import json
import statistics
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "lambda_src")]

# The path must be set first.
from benchmarks import Figure  # noqa: E402
from engagement_hub.api.responder import logger, respond  # noqa: E402
from engagement_hub.hub import Account, Hub  # noqa: E402
from engagement_hub.store.endpoints import EndpointStore  # noqa: E402
from engagement_hub.store.entities import EntityStore  # noqa: E402
from tests.builders.hub import (  # noqa: E402
    ACCOUNT_ID,
    REGION,
    TABLES,
    http_event,
    hub_tables,
)

REPEATS = 5
REQUESTS = 40
BATCHES = 2
OPERATIONS = {
    "update_endpoint": "UpdateEndpoint of a new endpoint",
    "get_endpoint": "GetEndpoint",
    "update_endpoints_batch_of_100_new": "UpdateEndpointsBatch of 100 new endpoints",
    "refusal_without_store": "The refusal of an operation that is not offered",
}
FIGURES = {
    f"requests.{operation}.{prefix}*": Figure(f"Hub API in process, {words}: {what}", "ms")
    for operation, words in OPERATIONS.items()
    for prefix, what in (
        ("hub_", "without DynamoDB's answers"),  # first, since the other key fits it too
        ("", "with DynamoDB's answers, by moto in memory"),
    )
}


class Timed:
    """A client that sums the time spent in its calls."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.seconds = 0.0

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found) or name.startswith("_"):
            return found

        def call(**arguments: Any) -> Any:
            started = time.perf_counter()
            try:
                return found(**arguments)
            finally:
                self.seconds += time.perf_counter() - started

        return call


def _endpoint(number: int) -> dict[str, Any]:
    return {
        "Address": f"+1206{number:07d}",
        "ChannelType": "SMS",
        "Attributes": {"Interests": ["music", "travel"]},
        "User": {"UserId": f"user-{number}", "UserAttributes": {"FirstName": ["Ann"]}},
    }


def _milliseconds(
    hub: Hub,
    client: Timed,
    make_event: Callable[[int], dict[str, Any]],
    count: int,
    expected: int,
) -> list[tuple[float, float]]:
    """Measure each request: in total, and without the client's calls."""
    took = []
    for number in range(count):
        event = make_event(number)
        client.seconds = 0.0
        started = time.perf_counter()
        answer = respond(hub, event)
        in_all = time.perf_counter() - started
        took.append((in_all * 1000, (in_all - client.seconds) * 1000))
        if answer["statusCode"] != expected:
            raise RuntimeError(f"the request was answered with {answer['statusCode']}")
    return took


def _measure(hub: Hub, client: Timed, app_id: str) -> dict[str, list[tuple[float, float]]]:
    """Return the milliseconds of each request, by operation."""
    path = f"/v1/apps/{app_id}/endpoints"

    def put(number: int) -> dict[str, Any]:
        body = json.dumps(_endpoint(number))
        return http_event("PUT", f"{path}/e{number}", body=body)

    def get(number: int) -> dict[str, Any]:
        return http_event("GET", f"{path}/e{number}")

    def batch(number: int) -> dict[str, Any]:
        start = 1000 + number * 100
        items = [{"Id": f"e{one}", **_endpoint(one)} for one in range(start, start + 100)]
        return http_event("PUT", path, body=json.dumps({"Item": items}))

    def unknown(number: int) -> dict[str, Any]:
        return http_event("GET", f"/v1/apps/{app_id}/journeys")

    return {
        "update_endpoint": _milliseconds(hub, client, put, REQUESTS, 202),
        "get_endpoint": _milliseconds(hub, client, get, REQUESTS, 200),
        "update_endpoints_batch_of_100_new": _milliseconds(hub, client, batch, BATCHES, 202),
        "refusal_without_store": _milliseconds(hub, client, unknown, REQUESTS, 405),
    }


def run() -> dict[str, Any]:
    """Return the medians of five runs of each operation's p50 and p99, in milliseconds.

    Each run has tables of its own: moto copies all of them for each transaction, so that figures on
    tables that grow would be moto's.
    """
    logger.setLevel("CRITICAL")
    percentiles: dict[str, dict[str, list[float]]] = {}
    for _ in range(REPEATS):
        with hub_tables() as dynamodb:
            client: Any = Timed(dynamodb)
            hub = Hub(
                entities=EntityStore(TABLES["ENTITIES_TABLE"], client),
                endpoints=EndpointStore(TABLES["ENDPOINTS_TABLE"], client=client),
                account=Account("aws", REGION, ACCOUNT_ID),
            )
            created = respond(hub, http_event("POST", "/v1/apps", body='{"Name": "benchmark"}'))
            measured = _measure(hub, client, json.loads(created["body"])["Id"])
        for operation, took in measured.items():
            figures = percentiles.setdefault(operation, {})
            for prefix, values in zip(("", "hub_"), zip(*took, strict=True), strict=True):
                cuts = statistics.quantiles(values, n=100, method="inclusive")
                figures.setdefault(f"{prefix}p50", []).append(cuts[49])
                figures.setdefault(f"{prefix}p99", []).append(cuts[98])
    return {
        "unit": "milliseconds, DynamoDB answered in process by moto",
        "repeats": REPEATS,
        "requests": {
            operation: {name: round(statistics.median(values), 2) for name, values in one.items()}
            for operation, one in percentiles.items()
        },
    }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
