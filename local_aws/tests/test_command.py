"""The command line: what a person sees, and what is left behind."""

import http.server
import shutil
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from builders.local_server import LocalServer, command, free_port, local_server
from local_aws.__main__ import Instance


@pytest.fixture
def port() -> Iterator[str]:
    chosen = free_port()
    yield str(chosen)
    shutil.rmtree(Instance(chosen).folder, ignore_errors=True)


@pytest.fixture(scope="module")
def server() -> Iterator[LocalServer]:
    with local_server() as running:
        yield running


def test_up_twice_leaves_the_first_one_running(server: LocalServer) -> None:
    pid = server.get("health")[1]["pid"]

    again = command("up", "--port", str(server.port))

    assert (again.returncode, again.stderr) == (0, "")
    assert f"already up on port {server.port}" in again.stdout
    assert server.get("health")[1]["pid"] == pid


def test_a_shell_that_evaluates_env_can_use_the_local_aws(server: LocalServer) -> None:
    lines = command("env", LOCAL_AWS_PORT=str(server.port), HTTP_PROXY="http://proxy:1").stdout
    script = f"export AWS_PROFILE=mine AWS_SESSION_TOKEN=old; {lines}\n/usr/bin/env"

    shell = subprocess.run(["sh", "-c", script], capture_output=True, text=True, check=True)

    variables = dict(line.split("=", 1) for line in shell.stdout.splitlines() if "=" in line)
    assert variables["AWS_ENDPOINT_URL"] == server.url
    assert variables["AWS_REGION"] == variables["AWS_DEFAULT_REGION"] == "us-east-1"
    assert variables["AWS_ACCESS_KEY_ID"] and variables["AWS_SECRET_ACCESS_KEY"]
    assert "127.0.0.1" in variables["NO_PROXY"].split(",")
    assert not variables.keys() & {"AWS_PROFILE", "AWS_SESSION_TOKEN"}


def test_a_callers_own_aws_settings_do_not_reach_the_server(port: str) -> None:
    callers = {
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_ACCESS_KEY_ID": "AKIACALLERSOWNKEY000",
        "AWS_PROFILE": "mine",
        "AUTH": "false",
    }
    assert command("up", "--port", port, **callers).returncode == 0

    server = LocalServer(int(port))
    keys = {"aws_access_key_id": "AKIACALLERSOWNKEY000", "aws_secret_access_key": "any"}
    try:
        with pytest.raises(ClientError, match="security token included in the request is invalid"):
            server.client("sqs", keys).list_queues()
    finally:
        assert command("down", "--port", port).returncode == 0


def test_down_stops_the_server_and_removes_its_folder(port: str) -> None:
    command("up", "--port", port)
    folder = Instance(int(port)).folder
    (folder / "tmp" / "ministack-lambda-worker").mkdir()

    stopped = command("down", "--port", port)

    assert stopped.returncode == 0
    assert stopped.stdout == f"The local AWS on port {port} is down.\n"
    assert not folder.exists()
    with pytest.raises(OSError, match="refused"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/_local/health")


def test_env_needs_a_running_local_aws_and_says_that_there_is_none(port: str) -> None:
    answer = command("env", "--port", port)

    assert answer.returncode == 1
    assert answer.stdout == ""
    assert f"The local AWS is not running on port {port}." in answer.stderr


def test_down_twice_is_fine(port: str) -> None:
    answer = command("down", "--port", port)

    assert answer.returncode == 0
    assert (
        answer.stdout == f"The local AWS is not running on port {port}. There is nothing to stop.\n"
    )


def test_env_without_a_local_aws_names_the_command_that_starts_it(port: str) -> None:
    assert f"local-aws up --port {port}" in command("env", LOCAL_AWS_PORT=port).stderr


def test_the_console_script_is_the_same_program(server: LocalServer) -> None:
    script = Path(sys.executable).with_name("local-aws")

    answer = subprocess.run(
        [script, "env", "--port", str(server.port)], capture_output=True, text=True, check=True
    )

    assert answer.stdout == command("env", "--port", str(server.port)).stdout


def test_the_state_is_in_the_current_folder_unless_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    named = Instance(4566).folder
    monkeypatch.delenv("LOCAL_AWS_STATE")

    assert named == Path(named.anchor, *named.parts[1:-1], "4566")
    assert Instance(4566).folder == tmp_path / ".local" / "4566"


@pytest.mark.parametrize("asked", ["up", "serve"])
def test_a_port_taken_by_another_program_is_an_error_and_the_program_stays(
    port: str, asked: str
) -> None:
    with http.server.HTTPServer(("127.0.0.1", int(port)), http.server.BaseHTTPRequestHandler) as (
        other
    ):
        threading.Thread(target=other.serve_forever, daemon=True).start()

        answer = command(asked, "--port", port)
        stopped = command("down", "--port", port)

        other.shutdown()
    assert answer.returncode == 1
    assert f"Port {port} is taken by another program" in answer.stderr
    assert "LOCAL_AWS_PORT" in answer.stderr
    assert "There is nothing to stop." in stopped.stdout


@pytest.mark.parametrize("port", ["abc", "0", "99999", "-1", "4566.0", ""])
@pytest.mark.parametrize("asked", ["up", "down", "env"])
def test_a_text_that_is_no_port_is_refused_with_the_rule(asked, port):
    answer = command(asked, f"--port={port}")

    assert answer.returncode == 2
    assert f"{port!r} is not a port: give a number from 1 to 65535" in answer.stderr


def test_a_pid_that_now_belongs_to_another_program_is_not_stopped(port: str) -> None:
    with subprocess.Popen(["sleep", "60"]) as stranger:
        folder = Instance(int(port)).folder
        folder.mkdir(parents=True)
        (folder / "pid").write_text(str(stranger.pid))

        answer = command("down", "--port", port)

        still_there = stranger.poll() is None
        stranger.kill()
    assert "There is nothing to stop." in answer.stdout
    assert still_there


def test_a_failed_start_shows_the_end_of_the_log(port: str) -> None:
    answer = command("up", "--port", port, LOCAL_AWS_PHONE_NUMBER_VALIDATE_RATE="many")

    assert answer.returncode == 1
    assert "The local AWS did not start." in answer.stderr
    assert str(Instance(int(port)).log) in answer.stderr
    assert "invalid literal for int" in answer.stderr
