"""Endpoints, a table, a queue and events in memory, for the tests of event_based_segmentation."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Iterable, Mapping
from types import SimpleNamespace
from typing import Any

from tests.builders.architectures import CONTEXT, service_error

PROJECT = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
STREAM = "arn:aws:kinesis:eu-west-1:111122223333:stream/news"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/111122223333/dead"
NOON = 1_798_286_400_000  # 2026-12-26T12:00:00Z
SETTINGS = {
    "DEAD_LETTER_QUEUE_URL": QUEUE,
    "PROJECT_ID": PROJECT,
    "SETTINGS_ID": "settings#1",
    "TABLE": "changes",
}
SAFARI = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_14_6) AppleWebKit/605.1.15"


def changes(**given: Any) -> dict[str, Any]:
    """The changes of a rule to one owner, as Terraform writes them."""
    return {"add": {}, "remove": {}, "set": {}, "clear": [], **given}


def rule(event_type: str, **given: Any) -> dict[str, Any]:
    """A rule as Terraform writes it; `endpoint` and `user` are the arguments of `changes`."""
    owners = {owner: changes(**given.pop(owner, {})) for owner in ("endpoint", "user")}
    return {
        "event_type": event_type,
        "attributes": {},
        "metrics": {},
        "until": None,
        **owners,
        **given,
    }


SHIPPED = {
    "email_opened": rule("_email.open", endpoint={"set": {"email_opened": ["true"]}}),
    "registered": rule(
        "registered_for_webinar5", endpoint={"add": {"webinar_registration": ["webinar5"]}}
    ),
    "cancelled": rule(
        "cancelled_webinar5", endpoint={"remove": {"webinar_registration": ["webinar5"]}}
    ),
    "unsubscribed": rule(
        "_email.unsubscribe",
        endpoint={"clear": ["email_opened"], "remove": {"webinar_registration": ["webinar5"]}},
    ),
}


def settings_of(rules: Mapping[str, Any], machine_opens: Any = None) -> str:
    return json.dumps({"rules": rules, "machine_opens": machine_opens})


def event(
    event_type: str,
    endpoint_id: str | None = "ann",
    at: int = NOON,
    *,
    agent: str = SAFARI,
    **given: Any,
) -> dict[str, Any]:
    """A record of the stream about an endpoint, which happened at a time in milliseconds."""
    record: dict[str, Any] = {
        "event_type": event_type,
        "event_timestamp": at,
        "arrival_timestamp": at,
        "event_version": "3.1",
        "application": {"app_id": PROJECT, "sdk": {}},
        "client": {"client_id": endpoint_id},
        "device": {"platform": {}},
        "session": {},
        "attributes": {},
        "metrics": {},
    }
    if event_type in ("_email.open", "_email.click"):
        record["event_timestamp"] = NOON - 86_400_000  # the send of the email
        seen = {event_type.removeprefix("_email."): {"user_agent": agent}}
        record["facets"] = {"email_channel": {"mail_event": seen}}
    return {**record, **given}


def batch(*data: object) -> dict[str, Any]:
    """Lambda's event for records: bytes, or values as JSON with a newline."""
    records = []
    for number, each in enumerate(data, 1):
        raw = each if isinstance(each, bytes) else (json.dumps(each) + "\n").encode()
        records.append(
            {
                "eventID": f"shardId-000000000000:{number}",
                "eventSourceARN": STREAM,
                "kinesis": {
                    "sequenceNumber": str(number),
                    "partitionKey": "ann",
                    "data": base64.b64encode(raw).decode(),
                },
            }
        )
    return {"Records": records}


def context(seconds: float = 180) -> Any:
    return SimpleNamespace(**vars(CONTEXT), get_remaining_time_in_millis=lambda: seconds * 1000)


class Project:
    """The endpoints of a project behind Pinpoint's API, with its merge rules and its quotas.

    `failing` maps an endpoint id to the error code of a read, `down` lists error codes of the next
    updates.
    """

    def __init__(self, endpoints: Iterable[str] = ()) -> None:
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.users: dict[str, dict[str, list[str]]] = {}
        self.calls: Counter[str] = Counter()
        self.failing: dict[str, str] = {}
        self.down: list[str] = []
        for endpoint_id in endpoints:
            self.add(endpoint_id)

    def add(self, endpoint_id: str, *, user: str | None = None, **given: Any) -> None:
        endpoint = {
            "Id": endpoint_id,
            "Address": f"{endpoint_id}@example.com",
            "ChannelType": "EMAIL",
            "EndpointStatus": "ACTIVE",
            "Attributes": {},
            **given,
        }
        if user is not None:
            endpoint["User"] = {"UserId": user}
            self.users.setdefault(user, {})
        self.endpoints[endpoint_id] = endpoint

    def attributes(self, endpoint_id: str) -> dict[str, list[str]]:
        return dict(self.endpoints[endpoint_id]["Attributes"])

    def get_endpoint(self, *, ApplicationId: str, EndpointId: str) -> dict[str, Any]:
        assert ApplicationId == PROJECT
        self.calls["GetEndpoint"] += 1
        if EndpointId in self.failing:
            code = self.failing[EndpointId]
            raise service_error("GetEndpoint", code, 400 if code.startswith("Bad") else 429)
        if EndpointId not in self.endpoints:
            raise service_error("GetEndpoint", "NotFoundException", 404)
        endpoint = json.loads(json.dumps(self.endpoints[EndpointId]))
        if "User" in endpoint:
            endpoint["User"]["UserAttributes"] = {**self.users[endpoint["User"]["UserId"]]}
        return {"EndpointResponse": endpoint}

    def update_endpoints_batch(
        self, *, ApplicationId: str, EndpointBatchRequest: Mapping[str, Any]
    ) -> dict[str, Any]:
        assert ApplicationId == PROJECT
        self.calls["UpdateEndpointsBatch"] += 1
        if self.down:
            raise service_error("UpdateEndpointsBatch", self.down.pop(0), 429)
        items = EndpointBatchRequest["Item"]
        assert len(items) <= 100
        merged = [self._merged(item) for item in items]
        for endpoint, item in zip(merged, items, strict=True):
            self.endpoints[endpoint["Id"]] = endpoint
            user = item.get("User")
            if user:
                self._replace(self.users[user["UserId"]], user["UserAttributes"])
        return {"MessageBody": {"Message": "Accepted"}}

    def _merged(self, item: Mapping[str, Any]) -> dict[str, Any]:
        endpoint = dict(self.endpoints.get(item["Id"], {"Id": item["Id"], "Attributes": {}}))
        endpoint["Attributes"] = dict(endpoint["Attributes"])
        self._replace(endpoint["Attributes"], item.get("Attributes", {}))
        endpoint["EndpointStatus"] = item.get("EndpointStatus", "ACTIVE")
        if len(endpoint["Attributes"]) > 250:
            raise service_error("UpdateEndpointsBatch", "BadRequestException", 400)
        return endpoint

    @staticmethod
    def _replace(kept: dict[str, list[str]], given: Mapping[str, list[str]]) -> None:
        for name, values in given.items():
            if len(values) > 50 or any(not 1 <= len(value) <= 100 for value in values):
                raise service_error("UpdateEndpointsBatch", "BadRequestException", 400)
            kept[name] = list(values)


class Table:
    """The DynamoDB table; `down` has errors, and `unprocessed` calls leave an item out."""

    def __init__(self, settings: str) -> None:
        self.items: dict[str, dict[str, Any]] = {
            "settings#1": {"id": {"S": "settings#1"}, "settings": {"S": settings}}
        }
        self.calls: Counter[str] = Counter()
        self.down: list[Exception] = []
        self.unprocessed = 0

    def _called(self, operation: str) -> None:
        self.calls[operation] += 1
        if self.down:
            raise self.down.pop(0)

    def get_item(self, *, TableName: str, Key: Any, ConsistentRead: bool) -> dict[str, Any]:
        self._called("GetItem")
        item = self.items.get(Key["id"]["S"])
        return {} if item is None else {"Item": item}

    def batch_get_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        self._called("BatchGetItem")
        keys = RequestItems["changes"]["Keys"]
        ids = [key["id"]["S"] for key in keys]
        assert 1 <= len(ids) <= 100 and len(set(ids)) == len(ids)
        assert RequestItems["changes"]["ConsistentRead"]
        left = keys[:1] if self.unprocessed else []
        self.unprocessed -= bool(left)
        found = [self.items[id] for id in ids[len(left) :] if id in self.items]
        return {
            "Responses": {"changes": found},
            "UnprocessedKeys": {"changes": {"Keys": left}} if left else {},
        }

    def batch_write_item(self, *, RequestItems: Mapping[str, Any]) -> dict[str, Any]:
        self._called("BatchWriteItem")
        requests = RequestItems["changes"]
        assert 1 <= len(requests) <= 25
        left = requests[:1] if self.unprocessed else []
        self.unprocessed -= bool(left)
        for request in requests[len(left) :]:
            item = request["PutRequest"]["Item"]
            self.items[item["id"]["S"]] = item
        return {"UnprocessedItems": {"changes": left} if left else {}}


class Queue:
    """The dead-letter queue."""

    def __init__(self) -> None:
        self.letters: list[dict[str, Any]] = []

    def send_message(self, *, QueueUrl: str, MessageBody: str) -> None:
        assert QueueUrl == QUEUE
        self.letters.append(json.loads(MessageBody))
