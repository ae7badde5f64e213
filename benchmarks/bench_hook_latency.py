"""The hook of campaign_attributes for 50 endpoints, against a store that answers after 20 ms.

The handler runs from the event to its answer, in one process. Its own clients ask a server on
loopback, in threads of the same process: DynamoDB's BatchGetItem by HTTP, and an HTTPS endpoint by
POST. The store waits 20 ms and then answers for all keys. `alone` asks the same store once for each
endpoint, as a lookup per endpoint does.
"""

import json
import os
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, redirect_stdout
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from io import StringIO
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

from benchmarks import Figure

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "lambda_src"))

from campaign_attributes.sources import Lookup  # noqa: E402 - path first
from campaign_attributes.web_sources import HttpsSource  # noqa: E402 - path first
from shared.fetching.cache import AgeCache  # noqa: E402 - path first
from shared.fetching.deadline import Deadline  # noqa: E402 - path first
from shared.fetching.https import Https  # noqa: E402 - path first
from tests.builders.attribute_sources import (  # noqa: E402 - path first
    SENDING,
    endpoint,
    event,
    settings_document,
)
from tests.builders.https_server import Answer, Request, https_server  # noqa: E402 - path first

REPEATS = 5
CALLS = 100
CALLS_ALONE = 2
ENDPOINTS = 50
STORE_MILLISECONDS = 20
FIGURES = {
    "table.*": Figure(
        "`campaign_attributes`: the hook for {endpoints} endpoints that it does not know, from a "
        "table that answers after {store_milliseconds} ms",
        "ms",
        at_most=250,
    ),
    "https.*": Figure("The same, from an HTTPS endpoint", "ms", at_most=250),
    "cached.*": Figure("The same, for endpoints that it knows", "ms"),
    "alone.p50": Figure(
        "{endpoints} reads of the same table one after another, without the hook", "ms"
    ),
}


class Store(BaseHTTPRequestHandler):
    """DynamoDB's BatchGetItem after 20 ms: an item for every key."""

    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:  # noqa: N802 - the name of the base class
        request = json.loads(self.rfile.read(int(self.headers["content-length"])))
        [(table, asked)] = request["RequestItems"].items()
        items = [{**key, "offer": {"S": "two for one on red shoes"}} for key in asked["Keys"]]
        body = json.dumps({"Responses": {table: items}, "UnprocessedKeys": {}}).encode()
        time.sleep(STORE_MILLISECONDS / 1000)
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.0")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: object) -> None:
        """Write no line for each request."""


@contextmanager
def _store() -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), Store)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{server.server_port}"
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


def _function(store: str) -> ModuleType:
    os.environ |= {
        "AWS_ACCESS_KEY_ID": "bench",
        "AWS_SECRET_ACCESS_KEY": "bench",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_ENDPOINT_URL_DYNAMODB": store,
        "SETTINGS": json.dumps(settings_document()),
    }
    from campaign_attributes.functions import add_attributes

    return add_attributes


def _context() -> Any:
    return SimpleNamespace(
        function_name="hook",
        memory_limit_in_mb=512,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:hook",
        aws_request_id="request",
        get_remaining_time_in_millis=lambda: 9_000,
    )


def _quantiles(call: Callable[[int], object], calls: int) -> dict[str, float]:
    """Return p50 and p99 in milliseconds, each the median of the rounds."""
    found: dict[str, list[float]] = {"p50": [], "p99": []}
    for round_number in range(REPEATS):
        taken = []
        for number in range(calls):
            place = round_number * calls + number
            began = time.perf_counter()
            call(place)
            taken.append((time.perf_counter() - began) * 1000)
        cuts = statistics.quantiles(taken, n=100, method="inclusive")
        found["p50"].append(cuts[49])
        found["p99"].append(cuts[98])
    return {name: round(statistics.median(values), 1) for name, values in found.items()}


def _ask(function: ModuleType, place: int) -> None:
    """Invoke the hook for endpoints of its own, and check that each got its offer."""
    people = {f"e{n}": endpoint(f"user-{place}-{n}") for n in range(ENDPOINTS)}
    with redirect_stdout(StringIO()):
        answer = function.lambda_handler(event(people), _context())
    assert all(each["Attributes"]["Offer"] != ["10 % off"] for each in answer.values())
    assert len(answer) == ENDPOINTS


def _shop(request: Request) -> Answer:
    keys = json.loads(request.body)["Keys"]
    time.sleep(STORE_MILLISECONDS / 1000)
    body = {"Attributes": {key: {"offer": "two for one on red shoes"} for key in keys}}
    return Answer(json.dumps(body).encode())


def run() -> dict[str, Any]:
    """Return p50 and p99 of the hook's invocations in milliseconds."""
    with _store() as store, tempfile.TemporaryDirectory() as folder:
        function = _function(store)
        source = function.lookup._source
        _ask(function, -1)  # makes the connection
        figures: dict[str, Any] = {
            "repeats": REPEATS,
            "endpoints": ENDPOINTS,
            "store_milliseconds": STORE_MILLISECONDS,
            "table": _quantiles(lambda place: _ask(function, place), CALLS),
            "cached": _quantiles(lambda _: _ask(function, -1), CALLS),
        }
        alone = _quantiles(
            lambda place: [
                source.fetch([f"user-{place}-{n}"], SENDING, Deadline.after(5))
                for n in range(ENDPOINTS)
            ],
            CALLS_ALONE,
        )
        figures["alone"] = {"p50": alone["p50"]}
        with https_server(Path(folder)) as server:
            server.answer = _shop
            https = Https(max_bytes=1_000_000, allowed=lambda _: True, context=server.context)
            function.lookup = Lookup(  # type: ignore[attr-defined]
                HttpsSource(https, server.url), AgeCache(60), ["offer"]
            )
            figures["https"] = _quantiles(lambda place: _ask(function, place), CALLS)
    return figures


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
