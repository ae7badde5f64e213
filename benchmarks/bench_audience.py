"""Measure the CPU time that a function needs to read, evaluate and write a page of an audience.

DynamoDB and S3 answer out of memory, so the figures hold no waiting. They are the bound of a
function with little CPU; the waiting is that of the calls that `tests/unit` counts.
"""

from __future__ import annotations

import functools
import io
import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from time import process_time
from typing import Any, cast
from unittest import mock

import boto3
from botocore.awsrequest import AWSResponse

from benchmarks import Figure

sys.path.insert(0, str(Path(__file__).parent.parent / "lambda_src"))

from engagement_hub.hub import Hub  # noqa: E402 - same
from engagement_hub.store import chunks, in_threads  # noqa: E402 - path first
from engagement_hub.store.endpoints import EndpointStore  # noqa: E402 - same
from engagement_hub.work_bucket import WorkBucket  # noqa: E402 - same
from engagement_hub.workers.audience import Audience  # noqa: E402 - same

ENDPOINTS = 1000
CHUNK = 200
REPEATS = 15
FIGURES = {
    "criteria_cpu_milliseconds": Figure(
        "CPU time for {endpoints:,} endpoints of a segment by criteria: read with their users, "
        "evaluated, written as chunks",
        "ms",
    ),
    "list_cpu_milliseconds": Figure(
        "CPU time for {endpoints:,} endpoints of an imported segment: the list, the endpoints with "
        "their users, chunks",
        "ms",
    ),
}
CRITERIA = {
    "SegmentType": "DIMENSIONAL",
    "Dimensions": {"Attributes": {"Plan": {"AttributeType": "INCLUSIVE", "Values": ["gold"]}}},
    "Sources": [],
}
LIST = {"Id": "s", "SegmentType": "IMPORT", "Members": "list", "Sources": []}


def endpoint_item(endpoint_id: str) -> dict[str, Any]:
    """Return an endpoint of about 1 KB, as it is stored."""
    body = {
        "Id": endpoint_id,
        "ApplicationId": "a" * 32,
        "Address": f"+1206555{endpoint_id[-7:]}",
        "ChannelType": "SMS",
        "EndpointStatus": "ACTIVE",
        "OptOut": "NONE",
        "CohortId": "7",
        "CreationDate": "2026-10-15T09:00:00.000Z",
        "EffectiveDate": "2026-10-15T09:00:00.000Z",
        "RequestId": "r" * 36,
        "Attributes": {"Plan": ["gold"], **{f"Attribute{n}": ["v" * 20] for n in range(12)}},
        "Metrics": {"Visits": 4.0},
        "Location": {"City": "Seattle", "Country": "US", "PostalCode": "98101"},
        "User": {"UserId": f"user-{endpoint_id}"},
    }
    return stored(f"{'a' * 32}#endpoint#00", endpoint_id, body)


def user_item(pk: str) -> dict[str, Any]:
    """Return a user with two attributes, as it is stored."""
    attributes = {"FirstName": ["Ann"], "Joined": ["2021-05-06"]}
    return stored(pk, "user", {"UserAttributes": attributes, "Endpoints": ["e"]})


def stored(pk: str, sk: str, body: object) -> dict[str, Any]:
    """Return an item of the endpoints table."""
    text = json.dumps(body, separators=(",", ":"))
    return {"pk": {"S": pk}, "sk": {"S": sk}, "rev": {"N": str(2**61)}, "body": {"S": text}}


@functools.cache
def answer(operation: str, request: bytes) -> bytes:
    """Return DynamoDB's answer; kept, so that repeats measure the client alone."""
    asked = json.loads(request)
    ids = [f"{number:032d}" for number in range(ENDPOINTS)]
    if operation == "Query":
        pk = asked["ExpressionAttributeValues"][":pk"]["S"]
        if "#list#" in pk:
            items = [{"pk": {"S": pk}, "sk": {"S": f"endpoint#{one}"}} for one in ids]
        else:
            items = [endpoint_item(one) for one in ids]
        return json.dumps({"Items": items, "Count": len(items)}).encode()
    keys = asked["RequestItems"]["endpoints"]["Keys"]
    items = [
        user_item(key["pk"]["S"]) if "#user#" in key["pk"]["S"] else endpoint_item(key["sk"]["S"])
        for key in keys
    ]
    return json.dumps({"Responses": {"endpoints": items}, "UnprocessedKeys": {}}).encode()


class _Body(io.BytesIO):
    def stream(self, **_: Any) -> Iterator[bytes]:
        yield self.read()


def _send(request: Any, **_: Any) -> AWSResponse:
    target = request.headers.get("X-Amz-Target", b"")
    name = (target.decode() if isinstance(target, bytes) else target).rpartition(".")[2]
    body = answer(name, request.body) if name else b""
    return AWSResponse(request.url, 200, cast("Any", {}), cast("Any", _Body(body)))


def page_milliseconds(segment: dict[str, Any]) -> float:
    """Return the median CPU time of a page, in milliseconds of one core."""
    session = boto3.Session(
        aws_access_key_id="x", aws_secret_access_key="x", region_name="us-east-1"
    )
    clients: list[Any] = [session.client("dynamodb"), session.client("s3")]
    for client in clients:
        client.meta.events.register("before-send", _send)
    hub = Hub(
        entities=cast("Any", None),
        endpoints=EndpointStore("endpoints", 1, clients[0]),
        account=cast("Any", None),
    )
    hub.bucket = WorkBucket("work", clients[1])
    audience = Audience(hub, "a" * 32, segment)
    milliseconds = []
    for _ in range(REPEATS + 1):
        start = process_time()
        page = audience.page(0, None)
        lines = [{"Endpoint": endpoint} for endpoint in page.endpoints]
        in_threads(lambda some: hub.bucket.write_lines("chunk", some), chunks(lines, CHUNK))
        milliseconds.append((process_time() - start) * 1000)
        assert len(lines) == ENDPOINTS
    return median(milliseconds[1:])  # the first makes the answers


def run() -> dict[str, Any]:
    """Return the CPU time of a page, by criteria and of a list."""
    with mock.patch.dict(os.environ, {"AWS_EC2_METADATA_DISABLED": "true"}):
        return {
            "repeats": REPEATS,
            "endpoints": ENDPOINTS,
            "criteria_cpu_milliseconds": round(page_milliseconds(CRITERIA), 1),
            "list_cpu_milliseconds": round(page_milliseconds(LIST), 1),
        }


if __name__ == "__main__":
    print(json.dumps(run(), indent=2))
