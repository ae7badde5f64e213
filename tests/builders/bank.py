"""A bank that sends statements: the sender with S3 and DynamoDB of moto, and fakes beside."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import boto3
from moto import mock_aws

from shared.campaign_calls import Sending
from shared.channel_intake import ChannelMessage
from tests.builders.architectures import load_function, service_error, sqs_event
from tests.builders.tables import PK_AND_SK

PROJECT = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
BUCKET, TABLE = "bank-files", "bank-state"
QUEUE = "https://sqs.eu-west-1.amazonaws.com/123456789012/endpoints"
DEAD = f"{QUEUE}-dead-letter"
RULES = {
    "FILES": json.dumps(
        {"prefix": "statements/", "type": ".pdf", "largest_mb": 0.001, "link_seconds": 3600}
    ),
    "PROJECT_ID": PROJECT,
    "QUEUE_URL": QUEUE,
    "SENDERS": json.dumps(["The Bank <bank@example.com>"]),
}
SENDER = {
    **RULES,
    "CONFIGURATION_SET": "statements",
    "DEAD_LETTER_QUEUE_URL": DEAD,
    "FILES_BUCKET": BUCKET,
    "MESSAGES_PER_SECOND": "1000",
    "RECHECK_SECONDS": "60",
    "STATE_TABLE": TABLE,
    "TIMEOUT_SECONDS": "120",
}
STATEMENT = {
    "TemplateName": "statement",
    "TemplateVersion": "2",
    "Files": "ONE_PER_RECIPIENT",
    "FilePrefix": "2026-10/statement",
}
TEMPLATE = {
    "TemplateName": "statement",
    "Version": "2",
    "Subject": "For {{User.UserAttributes.FirstName}}",
    "HtmlPart": "<p>Dear {{User.UserAttributes.FirstName}}</p>",
    "TextPart": "Dear {{User.UserAttributes.FirstName}}",
}
LINKED = {
    **TEMPLATE,
    "TemplateName": "linked",
    "HtmlPart": '<a href="{{S3URL}}">read</a>',
    "TextPart": "Read {{URL}}",
}
RUN = Sending(PROJECT, "activity-1", campaign_id="campaign-1", treatment_id="0")
VISIT = Sending(PROJECT, "activity-7", journey_id="journey-1", scheduled_time="2026-03-03")


def endpoint(name: str = "ann", **members: Any) -> dict[str, Any]:
    return {
        "ChannelType": "EMAIL",
        "Address": f"{name}@example.com",
        "OptOut": "NONE",
        "EndpointStatus": "ACTIVE",
        "User": {"UserAttributes": {"FirstName": [name.title()]}},
        **members,
    }


def queued(
    endpoint_id: str = "ann",
    *,
    sending: Sending = RUN,
    configuration: Mapping[str, Any] = STATEMENT,
    seconds_ago: float = 0,
    problem: str | None = None,
    of: Mapping[str, Any] | None = None,
) -> str:
    """The body of a message of the queue."""
    return ChannelMessage(
        sending,
        endpoint_id,
        endpoint(endpoint_id) if of is None else of,
        json.dumps(configuration),
        datetime.now(UTC) - timedelta(seconds=seconds_ago),
        problem,
    ).body()


class Ses:
    """SES. `answers` are errors of the next calls; None accepts. `accept_then` is after a send."""

    def __init__(self) -> None:
        self.sent: list[dict[str, Any]] = []
        self.answers: list[Exception | None] = []
        self.calls = 0

    def send_email(self, **request: Any) -> dict[str, str]:
        self.calls += 1
        answer = self.answers.pop(0) if self.answers else None
        if isinstance(answer, Accepted):
            self.sent.append(request)
            raise answer.error
        if answer is not None:
            raise answer
        self.sent.append(request)
        return {"MessageId": f"ses-{len(self.sent)}"}

    @property
    def recipients(self) -> list[str]:
        return [request["Destination"]["ToAddresses"][0] for request in self.sent]


class Accepted(Exception):
    """SES took the email, and its answer was lost."""

    def __init__(self, error: BaseException) -> None:
        super().__init__()
        self.error = error


class Pinpoint:
    """The project: templates by name, endpoints by id, and the outcomes that were reported."""

    def __init__(self) -> None:
        self.templates: dict[str, dict[str, Any]] = {"statement": TEMPLATE, "linked": LINKED}
        self.endpoints: dict[str, dict[str, Any]] = {}
        self.events: list[tuple[str, dict[str, Any]]] = []
        self.asked: list[str] = []
        self.down: Exception | None = None
        self.events_down: Exception | None = None
        self.refuse_events = False

    def get_email_template(self, TemplateName: str, Version: str | None = None) -> Any:
        self.asked.append(TemplateName)
        if self.down:
            raise self.down
        template = self.templates.get(TemplateName)
        if template is None or Version not in (None, template["Version"]):
            raise service_error("GetEmailTemplate", "NotFoundException", 404)
        return {"EmailTemplateResponse": template}

    def get_endpoint(self, ApplicationId: str, EndpointId: str) -> Any:
        self.asked.append(EndpointId)
        if self.down:
            raise self.down
        if EndpointId not in self.endpoints:
            raise service_error("GetEndpoint", "NotFoundException", 404)
        return {"EndpointResponse": self.endpoints[EndpointId]}

    def put_events(self, ApplicationId: str, EventsRequest: Any) -> Any:
        assert ApplicationId == PROJECT
        if self.events_down:
            raise self.events_down
        results: dict[str, Any] = {}
        for endpoint_id, item in EventsRequest["BatchItem"].items():
            results[endpoint_id] = {"EventsItemResponse": {}}
            for number, event in item["Events"].items():
                status = 400 if self.refuse_events else 202
                results[endpoint_id]["EventsItemResponse"][number] = {"StatusCode": status}
                if not self.refuse_events:
                    self.events.append((endpoint_id, event))
        return {"EventsResponse": {"Results": results}}

    @property
    def outcomes(self) -> list[tuple[str, str, str | None]]:
        """Endpoint, outcome and reason, in the order of the reports."""
        return [
            (
                endpoint_id,
                event["EventType"].removeprefix("custom_channel."),
                event["Attributes"].get("reason"),
            )
            for endpoint_id, event in self.events
        ]


class Sqs:
    def __init__(self) -> None:
        self.queued: list[dict[str, Any]] = []
        self.parked: list[tuple[str, str]] = []
        self.waits: dict[str, int] = {}
        self.down: Exception | None = None

    def send_message_batch(self, QueueUrl: str, Entries: list[Any]) -> Any:
        assert QueueUrl == QUEUE
        if self.down:
            raise self.down
        self.queued += [json.loads(one["MessageBody"]) for one in Entries]
        return {}

    def send_message(self, QueueUrl: str, MessageBody: str, MessageAttributes: Any) -> None:
        assert QueueUrl == DEAD
        if self.down:
            raise self.down
        self.parked.append((MessageBody, MessageAttributes["Reason"]["StringValue"]))

    def change_message_visibility_batch(self, QueueUrl: str, Entries: list[Any]) -> None:
        if self.down:
            raise self.down
        self.waits |= {one["Id"]: one["VisibilityTimeout"] for one in Entries}


class Bank:
    """The sender's function with all that it works on."""

    def __init__(self, function: ModuleType, s3: Any, dynamodb: Any) -> None:
        self.function, self.s3, self.dynamodb = function, s3, dynamodb
        self.ses, self.pinpoint, self.sqs = Ses(), Pinpoint(), Sqs()
        self.remaining = 120_000
        self.use(function)

    def use(self, function: ModuleType) -> None:
        """Put the fakes into a module that was just loaded, as into a new environment."""
        function.sqs = self.sqs  # type: ignore[attr-defined]
        function.pinpoint = self.pinpoint  # type: ignore[attr-defined]
        function.sender = replace(  # type: ignore[attr-defined]
            function.sender,
            ses=self.ses,
            pinpoint=self.pinpoint,
            templates=type(function.sender.templates)(self.pinpoint),
            sleep=lambda _: None,
        )
        self.function = function

    def change(self, **parts: Any) -> None:
        self.function.sender = replace(self.function.sender, **parts)  # type: ignore[attr-defined]

    def file(self, key: str, content: bytes = b"%PDF", **options: Any) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=f"statements/{key}", Body=content, **options)

    def receive(self, *bodies: str, receives: int = 1) -> list[str]:
        """Invoke the function with a batch. Returns the ids of the messages to receive again."""
        event = sqs_event(*bodies)
        for record in event["Records"]:
            record["attributes"]["ApproximateReceiveCount"] = str(receives)
        context = _Context(lambda: self.remaining)
        answer = self.function.lambda_handler(event, context)
        return [one["itemIdentifier"] for one in answer["batchItemFailures"]]


class _Context:
    function_name = "bank-sender"
    memory_limit_in_mb = 1024
    invoked_function_arn = "arn:aws:lambda:eu-west-1:123456789012:function:bank-sender"
    aws_request_id = "request-1"

    def __init__(self, remaining: Callable[[], int]) -> None:
        self._remaining = remaining

    def get_remaining_time_in_millis(self) -> int:
        return self._remaining()


def bank(monkeypatch: Any) -> Iterator[Bank]:
    """A bank with an empty bucket and an empty table."""
    with mock_aws():
        function = load_function(monkeypatch, "email_attachments.functions.send_emails", SENDER)
        s3 = boto3.client("s3", region_name="eu-west-1")
        s3.create_bucket(
            Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
        )
        dynamodb = boto3.client("dynamodb", region_name="eu-west-1")
        dynamodb.create_table(TableName=TABLE, **PK_AND_SK)
        yield Bank(function, s3, dynamodb)
