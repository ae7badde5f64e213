"""Run the local AWS, and point a shell at it: ``local-aws serve|up|down|env``.

    serve   in the foreground, until it is interrupted
    up      in the background; returns when it answers. Already up is fine
    down    stop it, and remove its folder
    env     print `export` lines; use as  eval "$(local-aws env)"

The port is that of --port, or LOCAL_AWS_PORT, or 4566. State is kept in .local/<port>/ of the
current folder, or of the folder that LOCAL_AWS_STATE names: pid, log and the functions' scratch
space.
"""

from __future__ import annotations

import argparse
import fcntl
import http.client
import json
import os
import re
import shlex
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from local_aws import credentials

START_SECONDS = 60
STOP_SECONDS = 20


class LocalAwsError(Exception):
    """What is wrong and the way out, for the person who typed the command."""


class Instance:
    """The local AWS on one port, and the folder of its state."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.folder = Path(os.environ.get("LOCAL_AWS_STATE", ".local")).resolve() / str(port)
        self.pid_file = self.folder / "pid"
        self.log = self.folder / "log"

    def serve(self) -> None:
        self._refuse_taken_port()
        from local_aws import server

        self.folder.mkdir(parents=True, exist_ok=True)
        self.pid_file.write_text(str(os.getpid()))
        try:
            server.run(self.port, self.folder / "tmp")
        finally:
            self.pid_file.unlink(missing_ok=True)
        # Executors of ministack may still hold threads that wait for nothing.
        sys.stdout.flush()
        os._exit(0)

    def up(self) -> str:
        with self._alone():
            if self._is_healthy():
                return f"The local AWS is already up on port {self.port}."
            self._refuse_taken_port()
            with self.log.open("wb") as log:
                process = subprocess.Popen(
                    [sys.executable, "-m", "local_aws", "serve", "--port", str(self.port)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=subprocess.STDOUT,
                    start_new_session=True,
                )
            deadline = time.monotonic() + START_SECONDS
            while not self._is_healthy():
                if process.poll() is not None or time.monotonic() > deadline:
                    process.kill()
                    raise LocalAwsError(f"The local AWS did not start.\n{self._log_tail()}")
                time.sleep(0.1)
        return f"The local AWS is up on port {self.port} (log: {self.log})."

    def down(self) -> str:
        pid = self._running()
        if pid is None:
            return self._not_running("There is nothing to stop.")
        os.kill(pid, signal.SIGTERM)
        deadline = time.monotonic() + STOP_SECONDS
        while _command_of(pid) is not None:
            if time.monotonic() > deadline:
                os.kill(pid, signal.SIGKILL)
                shutil.rmtree(self.folder, ignore_errors=True)
                return f"The local AWS on port {self.port} did not stop by itself and was killed."
            time.sleep(0.05)
        shutil.rmtree(self.folder, ignore_errors=True)
        return f"The local AWS on port {self.port} is down."

    def env(self) -> str:
        if not self._is_healthy():
            raise LocalAwsError(
                self._not_running(f"Start it with `local-aws up --port {self.port}`.")
            )
        variables = {
            "AWS_ENDPOINT_URL": f"http://127.0.0.1:{self.port}",
            "AWS_ACCESS_KEY_ID": credentials.ACCESS_KEY_ID,
            "AWS_SECRET_ACCESS_KEY": credentials.SECRET_ACCESS_KEY,
            "AWS_REGION": credentials.REGION,
            "AWS_DEFAULT_REGION": credentials.REGION,
        }
        if any(name.lower() in ("http_proxy", "https_proxy", "all_proxy") for name in os.environ):
            passed_by = os.environ.get("NO_PROXY") or os.environ.get("no_proxy") or ""
            hosts = dict.fromkeys([*filter(None, passed_by.split(",")), "127.0.0.1", "localhost"])
            variables["NO_PROXY"] = variables["no_proxy"] = ",".join(hosts)
        lines = [f"export {name}={shlex.quote(value)}" for name, value in variables.items()]
        return "\n".join([*lines, "unset AWS_PROFILE AWS_SESSION_TOKEN"])

    def _not_running(self, way_out: str) -> str:
        return f"The local AWS is not running on port {self.port}. {way_out}"

    def _running(self) -> int | None:
        """The process id of the server that this state is of, if it runs."""
        try:
            pid = int(self.pid_file.read_text())
        except (OSError, ValueError):
            return None
        # The number may have been given to another program since.
        command = _command_of(pid) or ""
        return pid if re.search(r"local[_-]aws serve", command) else None

    def _is_healthy(self) -> bool:
        pid = self._running()
        return pid is not None and _health(self.port).get("pid") == pid

    def _refuse_taken_port(self) -> None:
        with socket.socket() as probe:
            # As the server does, so that connections just closed are no obstacle.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", self.port))
            except OSError as error:
                raise LocalAwsError(
                    f"Port {self.port} is taken by another program ({error.strerror}), or by a "
                    f"local AWS whose state is not in {self.folder}. Stop it, or choose another "
                    "port with --port or LOCAL_AWS_PORT."
                ) from None

    def _log_tail(self) -> str:
        lines = self.log.read_text(errors="replace").splitlines()[-20:]
        return "\n".join([f"The last lines of {self.log}:", *lines])

    @contextmanager
    def _alone(self) -> Iterator[None]:
        """One `up` at a time: the second finds what the first has started."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield


def _command_of(pid: int) -> str | None:
    """The command line of a process; None if there is none (a zombie is none)."""
    if Path("/proc/self").exists():
        try:
            command = Path(f"/proc/{pid}/cmdline").read_bytes()
        except OSError:
            return None
        return command.replace(b"\0", b" ").decode(errors="replace").strip() or None
    listed = subprocess.run(
        ["ps", "-o", "stat=,command=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return listed if listed and not listed.startswith("Z") else None


def _health(port: int) -> dict[str, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", "/_local/health")
        answer = json.loads(connection.getresponse().read())
        return answer if isinstance(answer, dict) else {}
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()


def _port(text: str) -> int:
    """Read a port number."""
    if not text.isascii() or not text.isdigit() or not 1 <= int(text) <= 65_535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port: give a number from 1 to 65535")
    return int(text)


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="local-aws",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=["serve", "up", "down", "env"])
    parser.add_argument("--port", type=_port, default=os.environ.get("LOCAL_AWS_PORT", "4566"))
    chosen = parser.parse_args(arguments)
    instance = Instance(chosen.port)
    try:
        said = getattr(instance, chosen.command)()
    except LocalAwsError as error:
        print(error, file=sys.stderr)
        return 1
    if said:
        print(said)
    return 0


def command() -> int:
    """The console script."""
    return main(sys.argv[1:])


if __name__ == "__main__":
    sys.exit(command())
