"""The local AWS as a person has it: started by its command, emptied before each test."""

from __future__ import annotations

import io
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, TypeVar

import boto3
from botocore.config import Config

from local_aws import credentials
from local_aws.__main__ import Instance

T = TypeVar("T")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LocalServer:
    """Clients of the deploying key or of a role, and the ``/_local/`` interface."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.url = f"http://127.0.0.1:{port}"
        self._clients: dict[str, Any] = {}  # making one takes longer than most tests

    def client(self, service: str, keys: dict[str, str] | None = None) -> Any:
        """A client that checks nothing itself and tries once, so that the server's answer shows."""
        if keys is None:
            if service not in self._clients:
                self._clients[service] = self._new_client(
                    service,
                    {
                        "aws_access_key_id": credentials.ACCESS_KEY_ID,
                        "aws_secret_access_key": credentials.SECRET_ACCESS_KEY,
                    },
                )
            return self._clients[service]
        return self._new_client(service, keys)

    def _new_client(self, service: str, keys: dict[str, str]) -> Any:
        return boto3.Session(region_name="us-east-1", **keys).client(  # type: ignore[arg-type]  # the service is a variable
            service,
            endpoint_url=self.url,
            config=Config(
                parameter_validation=False,
                retries={"total_max_attempts": 1},
                s3={"addressing_style": "path"},
            ),
        )

    def as_role(self, service: str, *statements: dict[str, Any]) -> Any:
        """A client of a fresh role that may do what the statements say, and nothing else."""
        name = f"role-{time.monotonic_ns()}"
        self.role(name, {"AWS": f"arn:aws:iam::{credentials.ACCOUNT_ID}:root"}, *statements)
        session = self.client("sts").assume_role(
            RoleArn=f"arn:aws:iam::{credentials.ACCOUNT_ID}:role/{name}", RoleSessionName="test"
        )["Credentials"]
        keys = {
            "aws_access_key_id": session["AccessKeyId"],
            "aws_secret_access_key": session["SecretAccessKey"],
            "aws_session_token": session["SessionToken"],
        }
        return self.client(service, keys)

    def role(self, name: str, principal: dict[str, str], *statements: dict[str, Any]) -> str:
        """Create a role; its ARN."""
        trust = {"Effect": "Allow", "Principal": principal, "Action": "sts:AssumeRole"}
        iam = self.client("iam")
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=policy(trust))["Role"][
            "Arn"
        ]
        if statements:
            iam.put_role_policy(RoleName=name, PolicyName="all", PolicyDocument=policy(*statements))
        return arn

    def inbox(self, topic: str, *publishers: str) -> tuple[str, Callable[[], list[Any]]]:
        """A topic that the named services may publish to, and what a queue on it received."""
        sns, sqs = self.client("sns"), self.client("sqs")
        topic_arn: str = sns.create_topic(Name=topic)["TopicArn"]
        if publishers:
            grant = policy(
                {
                    "Effect": "Allow",
                    "Principal": {"Service": list(publishers)},
                    "Action": "sns:Publish",
                    "Resource": topic_arn,
                }
            )
            sns.set_topic_attributes(
                TopicArn=topic_arn, AttributeName="Policy", AttributeValue=grant
            )
        url = sqs.create_queue(QueueName=topic)["QueueUrl"]
        queue_arn = f"arn:aws:sqs:us-east-1:{credentials.ACCOUNT_ID}:{topic}"
        allow = {
            "Effect": "Allow",
            "Principal": {"Service": "sns.amazonaws.com"},
            "Action": "sqs:SendMessage",
            "Resource": queue_arn,
        }
        sqs.set_queue_attributes(QueueUrl=url, Attributes={"Policy": policy(allow)})
        sns.subscribe(TopicArn=topic_arn, Protocol="sqs", Endpoint=queue_arn)
        received: list[Any] = []

        def look() -> list[Any]:
            answer = sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10)
            for message in answer.get("Messages", []):
                received.append(json.loads(json.loads(message["Body"])["Message"]))
                sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
            return received

        return topic_arn, look

    def outbox(self, channel: str) -> list[dict[str, Any]]:
        sent: list[dict[str, Any]] = self.get(f"outbox/{channel}")[1]
        return sent

    def log(self) -> str:
        return Instance(self.port).log.read_text()

    def get(self, path: str) -> tuple[int, Any]:
        return self._call("GET", path, None)

    def post(self, path: str, body: Any = None) -> tuple[int, Any]:
        return self._call("POST", path, json.dumps(body or {}).encode())

    def delete(self, path: str) -> tuple[int, Any]:
        return self._call("DELETE", path, None)

    def _call(self, method: str, path: str, body: bytes | None) -> tuple[int, Any]:
        request = urllib.request.Request(f"{self.url}/_local/{path}", body, method=method)
        try:
            with urllib.request.urlopen(request) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            with error:
                return error.code, json.load(error)


def policy(*statements: dict[str, Any]) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: str | list[str], resource: str = "*") -> dict[str, Any]:
    return {"Effect": "Allow", "Action": action, "Resource": resource}


def zipped(code: str) -> bytes:
    """The package of a function whose handler is `index.handler`."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        archive.writestr("index.py", code)
    return buffer.getvalue()


def eventually(look: Callable[[], T], accept: Callable[[T], Any], seconds: float = 60) -> T:
    """Look until the answer is acceptable; fail with the last one."""
    end = time.monotonic() + seconds
    while not accept(seen := look()):
        if time.monotonic() > end:
            raise AssertionError(f"not within {seconds} s; last seen: {seen!r}")
        time.sleep(0.05)
    return seen


def command(*arguments: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run ``python -m local_aws`` as a person does."""
    return subprocess.run(
        [sys.executable, "-m", "local_aws", *arguments],
        env={**os.environ, **environ},
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


@contextmanager
def local_server() -> Iterator[LocalServer]:
    """Started by ``up`` on a free port, stopped by ``down``."""
    port = free_port()
    started = command("up", "--port", str(port))
    assert started.returncode == 0, started.stderr
    try:
        yield LocalServer(port)
    finally:
        stopped = command("down", "--port", str(port))
        shutil.rmtree(Instance(port).folder, ignore_errors=True)
    assert stopped.returncode == 0, stopped.stderr
