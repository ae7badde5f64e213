"""An engagement hub without AWS: its tables, its environment, and a client that it answers."""

import collections
import contextlib
import functools
import io
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock
from urllib.parse import unquote, urlsplit

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from moto import mock_aws

from tests.builders.tables import PK_AND_SK, WITH_DUE_INDEX

ACCOUNT_ID = "123456789012"
REGION = "us-east-1"
TABLES = {
    "ENTITIES_TABLE": "hub-entities",
    "ENDPOINTS_TABLE": "hub-endpoints",
    "RUNS_TABLE": "hub-runs",
    "JOURNEYS_TABLE": "hub-journeys",
}
HUB_ENVIRONMENT = {
    **TABLES,
    "ACCOUNT_ID": ACCOUNT_ID,
    "HUB_NAME": "hub",
    "PARTITION": "aws",
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing",
    "AWS_EC2_METADATA_DISABLED": "true",
    "WORK_BUCKET": "hub-work",
    "IMPORT_STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:hub-import",
    "EXPORT_STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:hub-export",
    "CAMPAIGN_STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:hub-campaign",
    "JOURNEY_STATE_MACHINE_ARN": f"arn:aws:states:{REGION}:{ACCOUNT_ID}:stateMachine:hub-journey",
    "JOURNEY_SCHEDULER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT_ID}:role/hub-journeys",
    "SCHEDULE_GROUP": "hub",
    "SCHEDULER_ROLE_ARN": f"arn:aws:iam::{ACCOUNT_ID}:role/hub-scheduler",
    "SCHEDULE_DEAD_LETTER_ARN": f"arn:aws:sqs:{REGION}:{ACCOUNT_ID}:hub-schedules",
    "EMAIL_FROM_ADDRESS": "hub@example.com",
    "EMAIL_ADDRESSES": "hub@example.com,Brand@shop.example",
    "EMAIL_CONFIGURATION_SETS": "hub-set,shop",
    "SMS_SENDER_IDS": "SHOP",
    "SMS_ORIGINATION_IDENTITY": "+12065550100",
    "SMS_MESSAGES_PER_SECOND": "20",
    "EMAIL_MESSAGES_PER_SECOND": "14",
    "VOICE_MESSAGES_PER_SECOND": "1",
    "POWERTOOLS_TRACE_DISABLED": "true",
}


def create_hub_tables(client: Any) -> None:
    """The tables of a hub, as its module declares their keys."""
    for setting, name in TABLES.items():
        schema = WITH_DUE_INDEX if setting == "JOURNEYS_TABLE" else PK_AND_SK
        client.create_table(TableName=name, **schema)


@functools.cache
def _dynamodb() -> Any:
    """One client for all tests: making one takes longer than most of them."""
    return boto3.client("dynamodb", region_name=REGION)


@contextlib.contextmanager
def hub_tables() -> Iterator[Any]:
    """A DynamoDB client beside fresh tables, with the hub's environment set."""
    with mock.patch.dict(os.environ, HUB_ENVIRONMENT), mock_aws():
        client = _dynamodb()
        create_hub_tables(client)
        yield client


class OneCallAtATime:
    """A client for threads: moto's tables do not support concurrent calls. Calls of different
    threads still interleave, which is enough for a race."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self._lock = threading.Lock()

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        if not callable(found) or name.startswith("_"):
            return found

        def call(*args: Any, **kwargs: Any) -> Any:
            with self._lock:
                return found(*args, **kwargs)

        return call


class CallCounter:
    """How often each operation of a client was called."""

    def __init__(self, client: Any) -> None:
        self.calls: collections.Counter[str] = collections.Counter()
        client.meta.events.register("before-call", self._count)

    def _count(self, model: Any, **_: Any) -> None:
        self.calls[model.name] += 1


def http_event(
    method: str,
    path: str,
    *,
    query: str = "",
    body: str | None = None,
    request_id: str = "request-1",
    invocation: str | None = None,
) -> dict[str, Any]:
    """An event of an HTTP API in payload format 2.0, as far as the hub reads it.

    Args:
        invocation: the id that an SDK gives all attempts of a call.
    """
    event: dict[str, Any] = {
        "version": "2.0",
        "routeKey": "ANY /v1/{proxy+}",
        "rawPath": path,
        "rawQueryString": query,
        "headers": {"content-type": "application/json"},
        "requestContext": {
            "accountId": ACCOUNT_ID,
            "requestId": request_id,
            "stage": "$default",
            "http": {"method": method, "path": path, "protocol": "HTTP/1.1"},
        },
        "isBase64Encoded": False,
    }
    if body is not None:
        event["body"] = body
    if invocation is not None:
        event["headers"]["amz-sdk-invocation-id"] = invocation
    return event


class RawBody(io.BytesIO):
    """Body of a response, from which botocore reads the content."""

    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def hub_client(
    respond: Callable[[dict[str, Any]], dict[str, Any]], *, decoded_path: bool, attempts: int = 1
) -> Any:
    """A real boto3 `pinpoint` client whose requests are answered by a function of the event.

    Args:
        decoded_path: hand the path over with its escapes decoded, as HTTP APIs do, or as it came.
        attempts: requests that botocore makes for one call.
    """
    client = boto3.client(
        "pinpoint",
        region_name=REGION,
        endpoint_url="https://hub.example.com",
        config=Config(retries={"total_max_attempts": attempts}),
    )

    def answer(request: Any, **_: Any) -> AWSResponse:
        parts = urlsplit(request.url)
        body = request.body.decode() if isinstance(request.body, bytes) else request.body
        path = unquote(parts.path) if decoded_path else parts.path
        event = http_event(request.method, path, query=parts.query, body=body)
        for name, value in request.headers.items():
            event["headers"][name.lower()] = value.decode() if isinstance(value, bytes) else value
        answered = respond(event)
        raw = RawBody(answered["body"].encode())
        return AWSResponse(request.url, answered["statusCode"], answered["headers"], raw)

    client.meta.events.register("before-send.pinpoint", answer)
    return client
