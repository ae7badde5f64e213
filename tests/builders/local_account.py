"""An account on the local AWS for its owner: AWS's APIs and the ``/_local/`` interface.

The local AWS is another project. It is started and stopped by its command line.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import boto3

from tools.local_environment import free_port
from tools.local_shell import read_changes
from tools.subscriptions import subscribed_queue

ROOT = Path(__file__).resolve().parents[2]
T = TypeVar("T")


def command(*arguments: str) -> str:
    """Run one command of the local AWS; return what it printed."""
    run = subprocess.run(
        [sys.executable, "-m", "local_aws", *arguments], cwd=ROOT, capture_output=True, text=True
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def local(
    path: str,
    body: Any = None,
    environment: Mapping[str, str] = os.environ,
    method: str | None = None,
) -> Any:
    """The answer of ``/_local/<path>``; with a body it is posted, unless a method is given."""
    request = urllib.request.Request(
        f"{environment['AWS_ENDPOINT_URL']}/_local/{path}",
        data=None if body is None else json.dumps(body).encode(),
        headers={"Content-Type": "application/json"},
        method=method,
    )
    with urllib.request.urlopen(request) as answer:
        return json.load(answer)


@contextmanager
def local_account() -> Iterator[LocalAccount]:
    """An account on a local AWS of its own, on a free port."""
    port = str(free_port())
    command("up", "--port", port)
    try:
        changes = read_changes(command("env", "--port", port).splitlines())
        yield LocalAccount({name: value for name, value in changes.items() if value is not None})
    finally:
        command("down", "--port", port)


@dataclass(frozen=True)
class LocalAccount:
    """Clients, outboxes and waits.

    `environment` has the variables by which any program finds the account.
    """

    environment: Mapping[str, str]

    @property
    def variables(self) -> dict[str, str]:
        """This process's environment as a program of the account has it."""
        left_out = ("AWS_PROFILE", "AWS_SESSION_TOKEN")
        own = {name: value for name, value in os.environ.items() if name not in left_out}
        return own | dict(self.environment)

    def client(self, service: str, **options: Any) -> Any:
        """A boto3 client of the administrator; options go first."""
        given: dict[str, Any] = {
            "endpoint_url": self.environment["AWS_ENDPOINT_URL"],
            "region_name": self.environment["AWS_REGION"],
            "aws_access_key_id": self.environment["AWS_ACCESS_KEY_ID"],
            "aws_secret_access_key": self.environment["AWS_SECRET_ACCESS_KEY"],
        }
        return boto3.client(service, **given | options)

    def local(self, path: str, body: Any = None, method: str | None = None) -> Any:
        """The answer of the interface of this account's local AWS; with a body it is posted."""
        return local(path, body, self.environment, method)

    def drop(self, example: dict[str, Any], name: str, content: str | bytes) -> None:
        """Put a file where an example imports from; ``example`` is its outputs."""
        body = content.encode() if isinstance(content, str) else content
        self.client("s3").put_object(
            Bucket=example["import_bucket"], Key=f"{example['import_prefix']}{name}", Body=body
        )

    def outbox(self, channel: str) -> list[dict[str, Any]]:
        """List the messages sent on a channel: email, sms, voice, push."""
        sent: list[dict[str, Any]] = self.local(f"outbox/{channel}")
        return sent

    def sent_to(self, *addresses: str) -> list[dict[str, Any]]:
        """The text messages sent to these numbers."""
        return [message for message in self.outbox("sms") if message["to"] in addresses]

    def eventually(
        self, look: Callable[[], T], accept: Callable[[T], bool], seconds: float = 60
    ) -> T:
        """Repeat a request until its answer is acceptable; fail with the last answer."""
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
        """Wait until an execution has ended. Returns its description."""
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
        """Receive and delete the visible messages of a queue."""
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
        """Wait for the first notification of a kind whose body matches."""
        matching = self._account.eventually(
            lambda: [n for n in self.notifications() if n["kind"] == kind and about(n["body"])],
            bool,
            seconds,
        )
        return matching[0]
