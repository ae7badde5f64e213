"""Looks at an account on the local AWS the way its owner would: by its APIs and outboxes."""

from __future__ import annotations

import json
import os
import time
import urllib.request
from collections.abc import Callable
from typing import Any, TypeVar

import boto3

from tools.subscriptions import subscribed_queue

T = TypeVar("T")


class LocalAccount:
    """Clients, outboxes and waiting, in one place."""

    def client(self, service: str, **options: Any) -> Any:
        return boto3.client(service, **options)

    def drop(self, example: dict[str, Any], name: str, content: str | bytes) -> None:
        """Put a file where an example imports from; ``example`` is its outputs."""
        body = content.encode() if isinstance(content, str) else content
        self.client("s3").put_object(
            Bucket=example["import_bucket"], Key=f"{example['import_prefix']}{name}", Body=body
        )

    def outbox(self, channel: str) -> list[dict[str, Any]]:
        """What was sent on a channel: email, sms, voice, push."""
        url = f"{os.environ['AWS_ENDPOINT_URL']}/_local/outbox/{channel}"
        with urllib.request.urlopen(url) as answer:
            sent: list[dict[str, Any]] = json.load(answer)
        return sent

    def sent_to(self, *addresses: str) -> list[dict[str, Any]]:
        """The text messages sent to these numbers."""
        return [message for message in self.outbox("sms") if message["to"] in addresses]

    def eventually(
        self, look: Callable[[], T], accept: Callable[[T], bool], seconds: float = 60
    ) -> T:
        """Look again until the answer is acceptable; fail with the last answer."""
        deadline = time.monotonic() + seconds
        while True:
            seen = look()
            if accept(seen):
                return seen
            if time.monotonic() > deadline:
                raise AssertionError(f"not within {seconds} s; last seen: {seen!r}")
            time.sleep(0.5)

    def executions(self, state_machine_arn: str) -> list[dict[str, Any]]:
        """Every execution of a state machine, newest first."""
        executions: list[dict[str, Any]] = []
        pages = self.client("stepfunctions").get_paginator("list_executions")
        for page in pages.paginate(stateMachineArn=state_machine_arn):
            executions.extend(page["executions"])
        return executions

    def finished(self, execution_arn: str, seconds: float = 120) -> dict[str, Any]:
        """The description of an execution once it runs no longer."""
        states = self.client("stepfunctions")
        return self.eventually(
            lambda: states.describe_execution(executionArn=execution_arn),
            lambda seen: seen["status"] != "RUNNING",
            seconds,
        )

    def subscribe(self, topic_arn: str, name: str) -> Inbox:
        """A queue of the test's own on a topic."""
        return Inbox(self, topic_arn, name)

    def messages(self, queue_url: str) -> list[str]:
        """Take what is visible on a queue."""
        sqs, bodies = self.client("sqs"), []
        while found := sqs.receive_message(
            QueueUrl=queue_url, MaxNumberOfMessages=10, WaitTimeSeconds=0
        ).get("Messages", []):
            for message in found:
                bodies.append(message["Body"])
                sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=message["ReceiptHandle"])
        return bodies


class Inbox:
    """Notifications of one topic, kept in order of arrival."""

    def __init__(self, account: LocalAccount, topic_arn: str, name: str) -> None:
        self._account = account
        self._url = subscribed_queue(name, [topic_arn])
        self._seen: list[dict[str, Any]] = []

    def notifications(self) -> list[dict[str, Any]]:
        """All so far, each as {kind, subject, body}."""
        for text in self._account.messages(self._url):
            envelope = json.loads(text)
            self._seen.append(
                {
                    "kind": envelope["MessageAttributes"]["notification_type"]["Value"],
                    "subject": envelope["Subject"],
                    "body": json.loads(envelope["Message"]),
                }
            )
        return self._seen

    def wait_for(
        self,
        kind: str,
        about: Callable[[dict[str, Any]], bool] = lambda _: True,
        seconds: float = 90,
    ) -> dict[str, Any]:
        """The first notification of a kind whose body is the one meant."""
        matching = self._account.eventually(
            lambda: [n for n in self.notifications() if n["kind"] == kind and about(n["body"])],
            bool,
            seconds,
        )
        return matching[0]
