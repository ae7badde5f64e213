"""Texts that fail and are retried, without AWS: tables and queue of moto, and a sending service."""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.exceptions import ClientError
from moto import mock_aws

from shared.send_outcome import attempt
from sms_retry.chains import Chains, Holder
from sms_retry.failures import Policy
from sms_retry.final import FinalFailure, FinalFailures
from sms_retry.intake import Intake, Outcome
from sms_retry.programs import Programs
from sms_retry.remember import Texts, remember
from sms_retry.sending import Result, Retry, Sender

PROJECT = "0" * 32
NUMBER, ORIGIN = "+14255550199", "+12065550142"
NOON = 1_798_286_400_000  # 2026-12-26T12:00:00Z
TRANSIENT = ["CARRIER_UNREACHABLE", "TTL_EXPIRED", "UNKNOWN", "UNREACHABLE"]
POLICY = {"statuses": TRANSIENT, "delays_seconds": [300, 1800], "max_age_seconds": 86_400}
PK: dict[str, Any] = {
    "BillingMode": "PAY_PER_REQUEST",
    "KeySchema": [{"AttributeName": "pk", "KeyType": "HASH"}],
    "AttributeDefinitions": [{"AttributeName": "pk", "AttributeType": "S"}],
}


def failed(
    message_id: str = "m1",
    status: str = "UNREACHABLE",
    *,
    at: int = NOON,
    context: Mapping[str, Any] | None = None,
    kind: str = "_SMS.FAILURE",
    client_id: str = "phone",
    **attributes: Any,
) -> dict[str, Any]:
    """An event of a text; an attribute of None is left out."""
    given = {
        "sender_request_id": "request-1",
        "origination_phone_number": ORIGIN,
        "destination_phone_number": NUMBER,
        "record_status": status,
        "iso_country_code": "US",
        "number_of_message_parts": "1",
        "message_id": message_id,
        "message_type": "Promotional",
        "treatment_id": "0",
        "message_request_timestamp": str(at),
        "customer_context": json.dumps(context) if context else None,
        **attributes,
    }
    return {
        "event_type": kind,
        "event_timestamp": at,
        "arrival_timestamp": at,
        "event_version": "3.1",
        "application": {"app_id": PROJECT, "sdk": {}},
        "client": {"client_id": client_id},
        "device": {"platform": {}},
        "session": {},
        "attributes": {name: value for name, value in given.items() if value is not None},
        "awsAccountId": "123456789012",
    }


def of_campaign(
    message_id: str = "m1", status: str = "UNREACHABLE", **given: Any
) -> dict[str, Any]:
    ids = {"campaign_id": "c1", "campaign_activity_id": "a1"}
    return failed(message_id, status, **{**ids, **given})


def of_journey(message_id: str = "m1", status: str = "UNREACHABLE", **given: Any) -> dict[str, Any]:
    ids = {"journey_id": "j1", "journey_run_id": "r1", "journey_activity_id": "sms"}
    return failed(message_id, status, **{"treatment_id": None, **ids, **given})


class Api:
    """A project with an endpoint, a campaign and a journey."""

    def __init__(self) -> None:
        self.endpoint: dict[str, Any] | None = {
            "Id": "phone",
            "ChannelType": "SMS",
            "Address": NUMBER,
            "EndpointStatus": "ACTIVE",
            "OptOut": "NONE",
            "User": {"UserId": "ann", "UserAttributes": {"FirstName": ["Änn"]}},
        }
        self.campaign: dict[str, Any] = {
            "Id": "c1",
            "Version": 1,
            "LastModifiedDate": "2026-01-01T00:00:00.000Z",
            "MessageConfiguration": {
                "SMSMessage": {"Body": "Hi {{User.UserAttributes.FirstName}}", "Keyword": "NEWS"}
            },
        }
        self.versions: list[dict[str, Any]] = []
        self.settings: dict[str, Any] = {}
        self.journey: dict[str, Any] = {
            "Id": "j1",
            "Activities": {"sms": {"SMS": {"MessageConfig": {}, "TemplateName": "hello"}}},
        }
        self.down: str | None = None

    def _check(self, operation: str) -> None:
        if self.down:
            raise answered(operation, self.down, 429)

    def get_endpoint(self, **_: Any) -> Any:
        self._check("GetEndpoint")
        if self.endpoint is None:
            raise answered("GetEndpoint", "NotFoundException", 404)
        return {"EndpointResponse": self.endpoint}

    def get_campaign(self, **_: Any) -> Any:
        return {"CampaignResponse": self.campaign}

    def get_campaign_versions(self, **_: Any) -> Any:
        return {"CampaignsResponse": {"Item": [self.campaign, *self.versions]}}

    def get_application_settings(self, **_: Any) -> Any:
        return {"ApplicationSettingsResource": self.settings}

    def get_journey(self, **_: Any) -> Any:
        return {"JourneyResponse": self.journey}

    def get_sms_template(self, **_: Any) -> Any:
        body = {"Body": "Hello {{User.UserAttributes.FirstName}}", "Version": "1"}
        return {"SMSTemplateResponse": {**body, "LastModifiedDate": "2026-01-01T00:00:00.000Z"}}


def answered(operation: str, code: str, status: int, **more: Any) -> ClientError:
    response: Any = {
        "Error": {"Code": code, "Message": f"about {NUMBER}"},
        "ResponseMetadata": {"HTTPStatusCode": status},
        **more,
    }
    return ClientError(response, operation)


class Sms:
    """The sending service: requests that it took, and errors of the next calls."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.errors: list[Exception | None] = []
        self.lost: list[Exception] = []  # raised after the message was taken

    def send_text_message(self, **request: Any) -> dict[str, str]:
        if self.errors:
            error = self.errors.pop(0)
            if error is not None:
                raise error
        self.sent.append(request)
        if self.lost:
            raise self.lost.pop(0)
        return {"MessageId": f"retry-{len(self.sent)}"}


@dataclass
class World:
    """A module that is deployed, and its clock in milliseconds."""

    dynamodb: Any
    sqs: Any
    sns: Any
    queue_url: str
    api: Api = field(default_factory=Api)
    sms: Sms = field(default_factory=Sms)
    now: int = NOON + 2_000
    published: list[dict[str, Any]] = field(default_factory=list)
    policy: Mapping[str, Any] = field(default_factory=lambda: dict(POLICY))
    project_id: str | None = PROJECT

    def seconds(self) -> float:
        return self.now / 1000

    @property
    def chains(self) -> Chains:
        return Chains(self.dynamodb, "chains", clock=self.seconds, keep_seconds=86_400)

    @property
    def texts(self) -> Texts:
        return Texts(self.dynamodb, "texts", self.seconds)

    @property
    def finals(self) -> FinalFailures:
        def publish(**given: Any) -> None:
            self.sns.publish(**given)
            self.published.append(json.loads(given["Message"]))

        return FinalFailures(SimpleNamespace(publish=publish), "arn:topic", self.texts)  # type: ignore[arg-type]  # one method

    def intake(self) -> Intake:
        return Intake(
            policy=Policy.of(json.dumps(self.policy), self.project_id),
            chains=self.chains,
            finals=self.finals,
            sqs=self.sqs,
            queue_url=self.queue_url,
            clock=self.seconds,
        )

    def sender(self, **given: Any) -> Sender:
        parts: dict[str, Any] = {
            "policy": Policy.of(json.dumps(self.policy), self.project_id),
            "chains": self.chains,
            "texts": self.texts,
            "programs": Programs(lambda: self.api) if self.project_id else None,  # type: ignore[arg-type, return-value]
            "sms": self.sms,
            "configuration_set": "texts",
            "clock": self.seconds,
            "attempt": lambda call: attempt(call, sleep=lambda _: None),
        }
        return Sender(**parts | given)

    def remember(self, body: str = "Your code is 123456", **given: Any) -> dict[str, str]:
        return remember(self.dynamodb, "texts", body, clock=self.seconds, **given)

    def happen(self, *events: Mapping[str, Any]) -> Outcome:
        """Let events arrive, each in a record of its own."""
        return self.intake().process({uuid.uuid4().hex: one for one in events})

    def queued(self) -> list[tuple[str, str]]:
        """Take all messages of the queue, delayed or not: message id and body."""
        found: list[tuple[str, str]] = []
        while got := self.sqs.receive_message(
            QueueUrl=self.queue_url, MaxNumberOfMessages=10, VisibilityTimeout=600
        ).get("Messages"):
            for one in got:
                found.append((one["MessageId"], one["Body"]))
                self.sqs.delete_message(QueueUrl=self.queue_url, ReceiptHandle=one["ReceiptHandle"])
        return found

    def send(self, body: str, message_id: str = "sqs-1", receive: int = 1, **parts: Any) -> Result:
        """Let a message of the queue be received when it is due."""
        retry = Retry.of(body)
        self.now = max(self.now, retry.due_at)
        return self.sender(**parts).process(retry, Holder(message_id, receive))

    def run(self, *events: Mapping[str, Any]) -> list[Result]:
        """Let events arrive, and everything that they queue be sent."""
        self.happen(*events)
        results = []
        for message_id, body in self.queued():
            result = self.send(body, message_id)
            results.append(result)
            if isinstance(result, FinalFailure):
                self.finals.report([result])
        return results

    def chain(self, message_id: str = "m1") -> dict[str, Any]:
        item = self.dynamodb.get_item(TableName="chains", Key={"pk": {"S": message_id}})
        return {name: next(iter(one.values())) for name, one in item.get("Item", {}).items()}

    def failure_of_retry(self, message_id: str, status: str = "UNREACHABLE") -> dict[str, Any]:
        """The failure of the last retry, with the Context that it was sent with."""
        context = dict(self.sms.sent[-1]["Context"])
        hub = json.loads(context.pop("hub", "{}"))
        customer = json.loads(context.pop("customer_context", "{}"))
        ids = {n: v for n, v in hub.items() if n not in ("application_id", "endpoint_id")}
        ids["sender_request_id"] = ids.pop("request_id", message_id)
        return failed(message_id, status, at=self.now, context={**customer, **context}, **ids)


@contextmanager
def world(monkeypatch: Any, **given: Any) -> Iterator[World]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    with mock_aws():
        dynamodb = boto3.client("dynamodb")
        for table in ("chains", "texts"):
            dynamodb.create_table(TableName=table, **PK)
        sqs = boto3.client("sqs")
        queue_url = sqs.create_queue(QueueName="retries")["QueueUrl"]
        sns = SimpleNamespace(publish=lambda **_: None)
        yield World(dynamodb, undelayed(sqs), sns, queue_url, **given)


def undelayed(sqs: Any) -> Any:
    """An SQS client whose messages can be received at once; `delays` has what was asked for."""
    delays: list[int] = []
    batch: Callable[..., Any] = sqs.send_message_batch

    def send_message_batch(QueueUrl: str, Entries: list[dict[str, Any]]) -> Any:
        delays.extend(one["DelaySeconds"] for one in Entries)
        return batch(QueueUrl=QueueUrl, Entries=[{**one, "DelaySeconds": 0} for one in Entries])

    return SimpleNamespace(
        send_message_batch=send_message_batch,
        receive_message=sqs.receive_message,
        delete_message=sqs.delete_message,
        delays=delays,
    )
