"""Start the emulator in a process of its own, with or without the patches.

``MinistackServer(patched=False)`` shows what the published package does; the tests of patches
use it to prove that a patch changes something. The process listens on a
free port of the loopback interface and ends when the context manager is left.
"""

from __future__ import annotations

import functools
import io
import json
import os
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import boto3
import botocore.config

# Set to run the tests of the patches against the package as published: each must then fail.
STOCK = bool(os.environ.get("LOCAL_AWS_TEST_STOCK"))
ACCOUNT = "000000000000"
REGION = "us-east-1"
ACCESS_KEY = "AKIALOCALDEPLOYER000"
SECRET_KEY = "local-deployer-secret-key-for-tests-0000"

_BOOT = """
import asyncio, logging, sys
logging.basicConfig(level=logging.WARNING)
port, patched, account, key, secret = sys.argv[1:6]
from ministack import app as ministack
from ministack.core.responses import set_request_account_id
from ministack.services import iam
if patched == "1":
    from local_aws import patches
    from local_aws.engagement import ses
    patches.apply_all()
    ses.apply_all()
set_request_account_id(account)
iam._users["deployer"] = {"UserName": "deployer", "Arn": f"arn:aws:iam::{account}:user/deployer",
    "UserId": "AIDALOCALDEPLOYER0000", "CreateDate": iam._now(), "Path": "/",
    "PermissionsBoundary": None, "Tags": [],
    "AttachedPolicies": ["arn:aws:iam::aws:policy/AdministratorAccess"]}
iam._user_inline_policies["deployer"] = {"all": {"Version": "2012-10-17", "Statement": [
    {"Effect": "Allow", "Action": "*", "Resource": "*"}]}}
iam._access_keys[key] = {"UserName": "deployer", "AccessKeyId": key, "SecretAccessKey": secret,
    "Status": "Active", "CreateDate": iam._now()}
from hypercorn.asyncio import serve
from hypercorn.config import Config
config = Config()
config.bind = [f"127.0.0.1:{port}"]
config.accesslog = None
asyncio.run(serve(ministack.app, config))
"""


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@functools.cache
def _session() -> Any:
    """One for all clients: it keeps the services' models."""
    return boto3.Session()


@dataclass(frozen=True)
class MinistackServer:
    """A running emulator: its URL, its log file and clients of the deploying user."""

    port: int
    log: Path
    patched: bool
    # Making a client takes longer than most tests: the deploying user's are kept.
    _clients: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def client(
        self, service: str, credentials: dict[str, str] | None = None, **options: Any
    ) -> Any:
        keys = credentials or {
            "aws_access_key_id": ACCESS_KEY,
            "aws_secret_access_key": SECRET_KEY,
        }
        options.setdefault("endpoint_url", self.url)
        if credentials or options != {"endpoint_url": self.url}:
            return self._new_client(service, keys, options)
        if service not in self._clients:
            self._clients[service] = self._new_client(service, keys, options)
        return self._clients[service]

    def _new_client(self, service: str, keys: dict[str, str], options: dict[str, Any]) -> Any:
        return _session().client(
            service,
            region_name=REGION,
            config=botocore.config.Config(
                retries={"total_max_attempts": 1}, s3={"addressing_style": "path"}
            ),
            **keys,
            **options,
        )

    def role(
        self, name: str, service: str, statements: list[dict[str, Any]] | None = None, **trust: Any
    ) -> str:
        """Create a role that ``service`` may assume; returns its ARN."""
        iam = self.client("iam")
        trusted = {
            "Version": "2012-10-17",
            "Statement": [
                {
                    "Effect": "Allow",
                    "Principal": {"Service": service},
                    "Action": "sts:AssumeRole",
                    **trust,
                }
            ],
        }
        arn: str = iam.create_role(RoleName=name, AssumeRolePolicyDocument=json.dumps(trusted))[
            "Role"
        ]["Arn"]
        if statements:
            self.grant(name, statements)
        return arn

    def grant(self, role: str, statements: list[dict[str, Any]]) -> None:
        """Replace the role's only inline policy by these statements."""
        self.client("iam").put_role_policy(
            RoleName=role,
            PolicyName="all",
            PolicyDocument=json.dumps({"Version": "2012-10-17", "Statement": statements}),
        )

    def queue(self, name: str, **attributes: str) -> tuple[str, str]:
        """Create a queue; returns its URL and ARN."""
        url = self.client("sqs").create_queue(QueueName=name, Attributes=attributes)["QueueUrl"]
        return url, f"arn:aws:sqs:{REGION}:{ACCOUNT}:{name}"

    def function(self, name: str, code: str, role: str, **options: Any) -> str:
        """Create a Python function whose only module is ``code`` with a ``handler``; its ARN."""
        buffer = io.BytesIO()
        with zipfile.ZipFile(buffer, "w") as archive:
            archive.writestr("app.py", code)
        arn: str = self.client("lambda").create_function(
            FunctionName=name,
            Role=role,
            Runtime="python3.13",
            Handler="app.handler",
            Code={"ZipFile": buffer.getvalue()},
            **options,
        )["FunctionArn"]
        return arn

    def machine(self, name: str, role: str, definition: dict[str, Any]) -> str:
        """Create a state machine; returns its ARN."""
        arn: str = self.client("stepfunctions").create_state_machine(
            name=name, roleArn=role, definition=json.dumps(definition)
        )["stateMachineArn"]
        return arn

    def run(self, machine: str, data: Any = None, seconds: float = 20) -> dict[str, Any]:
        """Run the state machine to its end; returns DescribeExecution's answer."""
        states = self.client("stepfunctions")
        arn = states.start_execution(stateMachineArn=machine, input=json.dumps(data or {}))[
            "executionArn"
        ]
        ended: dict[str, Any] = wait_for(
            lambda: _ended(states.describe_execution(executionArn=arn)), seconds=seconds
        )
        return ended

    def messages(self, queue_url: str, count: int = 1, seconds: float = 15) -> list[dict[str, Any]]:
        """Receive until ``count`` messages came; fails the test when they do not come in time."""
        sqs, found = self.client("sqs"), list[dict[str, Any]]()

        def receive() -> bool:
            found.extend(
                sqs.receive_message(
                    QueueUrl=queue_url, MaxNumberOfMessages=10, MessageAttributeNames=["All"]
                ).get("Messages", [])
            )
            return len(found) >= count

        wait_for(receive, seconds=seconds)
        return found


def _ended(execution: dict[str, Any]) -> dict[str, Any] | None:
    return None if execution["status"] == "RUNNING" else execution


def wait_for(probe: Any, seconds: float = 60) -> Any:
    """Return the first true answer of ``probe``, asked ten times a second."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if answer := probe():
            return answer
        time.sleep(0.1)
    raise AssertionError(f"nothing came within {seconds} s")


def environment(port: int) -> dict[str, str]:
    """The settings the emulator reads while it is imported."""
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MINISTACK"))}
    return kept | {
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "LAMBDA_ASYNC_RETRY_BASE_SECONDS": "0.1",
        "ATHENA_ENGINE": "duckdb",
        "PYTHONWARNINGS": "default",
    }


@contextmanager
def ministack_server(
    patched: bool = not STOCK, port: int | None = None
) -> Iterator[MinistackServer]:
    """A server that is ready, ended on leaving."""
    port = port or _free_port()
    with tempfile.TemporaryDirectory() as scratch:
        log = Path(scratch) / "server.log"
        with log.open("wb") as sink:
            process = subprocess.Popen(
                [sys.executable, "-c", _BOOT, str(port), str(int(patched)), ACCOUNT]
                + [ACCESS_KEY, SECRET_KEY],
                cwd=scratch,
                env=environment(port) | {"TMPDIR": scratch},
                stdout=sink,
                stderr=subprocess.STDOUT,
            )
        try:
            server = MinistackServer(port, log, patched)
            wait_for(lambda: _ready(server, process), seconds=30)
            yield server
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


def _ready(server: MinistackServer, process: subprocess.Popen[bytes]) -> bool:
    if process.poll() is not None:
        raise AssertionError(f"the emulator ended: {server.log.read_text()[-3000:]}")
    try:
        with urllib.request.urlopen(f"{server.url}/_ministack/health", timeout=2) as answer:
            return bool(answer.status == 200)
    except OSError:
        return False
