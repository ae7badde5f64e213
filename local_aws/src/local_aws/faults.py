"""Trouble on request: calls that AWS throttles, fails, loses or answers late, and killed functions.

``POST /_local/faults`` adds one fault, ``GET`` lists them with their counts, ``DELETE`` ends them.
A fault is met by calls of one service (the name that requests are signed for), and, where given, of
one operation, HTTP method, path, text in the body or calling function.
"""

from __future__ import annotations

import asyncio
import json
import threading
from collections.abc import Awaitable, Callable
from dataclasses import asdict, dataclass, fields
from enum import StrEnum
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs

REQUIRED = (
    "ministack.core.lambda_runtime._lock",
    "ministack.core.lambda_runtime._workers",
    "ministack.core.lambda_runtime.kill_workers",
    "ministack.services.sts._sessions",
)

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

# The head of an answer that is not sent: `whole_answers` closes the connection instead.
CLOSE = (b"x-local-aws-close", b"1")


class Kind(StrEnum):
    ERROR = "error"  # `status`, and `code` unless the error has no class
    RESET_BEFORE = "reset-before"  # the connection closes, the call is not carried out
    RESET_AFTER = "reset-after"  # the call is carried out, its answer is lost
    KILL_BEFORE = "kill-before"  # so are the environments of the function that calls
    KILL_AFTER = "kill-after"
    DELAY = "delay"  # carried out after `seconds`


@dataclass
class Fault:
    """See the module: ``skip`` calls go well, then each ``every``-th fails, at most ``times``."""

    service: str
    kind: Kind
    operation: str | None = None
    method: str | None = None
    path: str | None = None  # as in fnmatch
    contains: str | None = None  # in the body of the request
    function: str | None = None
    status: int = 500
    code: str | None = None
    message: str = "A fault that was asked for."
    seconds: float = 1.0
    skip: int = 0
    every: int = 1
    times: int | None = 1
    met: int = 0
    done: int = 0

    def strikes(self) -> bool:
        """Count a call that meets the fault; whether it goes wrong."""
        self.met += 1
        due = self.met > self.skip and (self.met - self.skip - 1) % self.every == 0
        if not due or (self.times is not None and self.done >= self.times):
            return False
        self.done += 1
        return True


_lock = threading.Lock()
_faults: list[Fault] = []
_GIVEN = {field.name: field.type for field in fields(Fault) if field.name not in ("met", "done")}


def add(settings: dict[str, Any]) -> dict[str, Any]:
    """Add a fault and return it.

    Raises:
        ValueError: says what a fault is made of.
    """
    unknown = sorted(set(settings) - set(_GIVEN))
    if unknown or not {"service", "kind"} <= set(settings):
        raise ValueError(
            f"A fault has service and kind ({', '.join(Kind)}), and may have "
            f"{', '.join(n for n in _GIVEN if n not in ('service', 'kind'))}"
            + (f"; not {', '.join(unknown)}." if unknown else ".")
        )
    for name, kind in _GIVEN.items():
        value = settings.get(name)
        number = "int" in str(kind) or "float" in str(kind)
        wrong = isinstance(value, bool) or not isinstance(value, int | float if number else str)
        if value is not None and wrong:
            raise ValueError(f"{name} must be a {'number' if number else 'text'}.")
    if settings.get("every", 1) < 1:
        raise ValueError("every must be 1 or more: 3 is each third call.")
    fault = Fault(**{**settings, "kind": Kind(settings["kind"])})
    with _lock:
        _faults.append(fault)
    return asdict(fault)


def listed() -> list[dict[str, Any]]:
    with _lock:
        return [asdict(fault) for fault in _faults]


def reset() -> None:
    with _lock:
        _faults.clear()


async def serve(app: Application, scope: Scope, receive: Receive, send: Send) -> None:
    """Serve a call by the application, unless a fault strikes it."""
    if not _faults:
        await app(scope, receive, send)
        return
    headers = {name.lower(): value.decode("latin-1") for name, value in scope.get("headers", [])}
    body = await _read(receive)
    caller = _caller(headers.get(b"authorization", ""))
    fault = _struck(scope, headers, body, caller)

    async def again() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def lost(event: dict[str, Any]) -> None:
        return

    if fault is None:
        await app(scope, again, send)
        return
    match fault.kind:
        case Kind.DELAY:
            await asyncio.sleep(fault.seconds)
            await app(scope, again, send)
            return
        case Kind.ERROR:
            await _answer(send, fault.status, *_error(fault, headers))
            return
        case Kind.RESET_AFTER | Kind.KILL_AFTER:
            await app(scope, again, lost)
    if fault.kind in (Kind.KILL_BEFORE, Kind.KILL_AFTER):
        await asyncio.to_thread(_kill, caller)
    await _answer(send, 500, [CLOSE], b"")


async def _read(receive: Receive) -> bytes:
    body = b""
    while (event := await receive())["type"] == "http.request":
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    return body


def _signed_for(authorization: str) -> str:
    scope = authorization.partition("Credential=")[2].partition(",")[0].split("/")
    return scope[3] if len(scope) > 3 else ""


def _caller(authorization: str) -> str:
    """The session name of the caller: a function's name, when a function calls."""
    from ministack.services import sts

    key = authorization.partition("Credential=")[2].partition("/")[0]
    return str((sts._sessions.get(key) or {}).get("Arn", "")).rsplit("/", 1)[-1]


def _struck(scope: Scope, headers: dict[bytes, str], body: bytes, caller: str) -> Fault | None:
    operation = headers.get(b"x-amz-target", "").rsplit(".", 1)[-1]
    if not operation and "urlencoded" in headers.get(b"content-type", ""):
        operation = parse_qs(body.decode("utf-8", "replace")).get("Action", [""])[0]
    service = _signed_for(headers.get(b"authorization", ""))
    with _lock:
        for fault in _faults:
            if (
                fault.service == service
                and fault.operation in (None, operation)
                and fault.method in (None, scope["method"])
                and (fault.path is None or fnmatchcase(scope["path"], fault.path))
                and (fault.contains is None or fault.contains.encode() in body)
                and fault.function in (None, caller)
                and fault.strikes()
            ):
                return fault
    return None


def _error(fault: Fault, headers: dict[bytes, str]) -> tuple[list[tuple[bytes, bytes]], bytes]:
    """An error as the protocol of the request writes it; without a code, as API Gateway does."""
    if "urlencoded" in headers.get(b"content-type", "") or fault.service == "s3":
        error = f"<Error><Code>{fault.code}</Code><Message>{fault.message}</Message></Error>"
        text = error if fault.service == "s3" else f"<ErrorResponse>{error}</ErrorResponse>"
        return [(b"content-type", b"text/xml")], text.encode()
    if fault.code is None:
        text = json.dumps({"message": fault.message})
        return [(b"content-type", b"application/json")], text.encode()
    text = json.dumps({"__type": fault.code, "message": fault.message})
    return [
        (b"content-type", b"application/json"),
        (b"x-amzn-errortype", fault.code.encode()),
    ], text.encode()


async def _answer(send: Send, status: int, headers: list[tuple[bytes, bytes]], body: bytes) -> None:
    headers = [*headers, (b"content-length", str(len(body)).encode())]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _kill(function: str) -> None:
    """End the busy environments of a function, as Lambda does when memory runs out."""
    from ministack.core import lambda_runtime

    with lambda_runtime._lock:
        busy = [
            worker
            for workers in lambda_runtime._workers.values()
            for worker in workers
            if worker.func_name == function and worker.in_use
        ]
    lambda_runtime.kill_workers(busy)
