"""The server: ministack in this process, extended, behind the ``/_local/`` interface."""

from __future__ import annotations

import asyncio
import json
import logging
import os
import shutil
import tempfile
from collections.abc import Awaitable, Callable
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import parse_qsl, unquote

from local_aws import credentials, faults, notifications
from local_aws.engagement.modelled import ModelledError
from local_aws.names import require

if TYPE_CHECKING:
    from hypercorn.typing import ASGIFramework

Scope = dict[str, Any]
Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]

EXAMPLE_TIME = "2026-12-01T06:00:00Z"

REQUIRED = (
    "ministack.app._get_reset_lock",
    "ministack.app._reset_all_state",
    "ministack.app.app",
    "ministack.core.lambda_runtime.reset",
)

# Functions inherit the server's environment, so it holds only what any Linux program needs.
# Everything that starts with AWS_ stays out above all: AWS_ENDPOINT_URL would send the
# functions' calls elsewhere, and AWS_ACCESS_KEY_ID would become an unchecked root key.
_KEPT = frozenset(
    {
        *("HOME", "LANG", "LANGUAGE", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "LOGNAME", "PATH"),
        *("SHELL", "TZ", "USER", "VIRTUAL_ENV"),
        # Of ministack's own settings, those that make time pass faster or the log longer.
        *("LOG_LEVEL", "SFN_WAIT_SCALE", "LAMBDA_WARM_TTL_SECONDS"),
        *("LAMBDA_ASYNC_RETRY_BASE_SECONDS", "LAMBDA_ASYNC_RETRY_MAX_SECONDS"),
    }
)


def environment(port: int, scratch: Path, caller: dict[str, str]) -> dict[str, str]:
    """The whole environment the server runs with; ministack reads it when it is imported."""
    kept = {n: v for n, v in caller.items() if n in _KEPT or n.startswith("LOCAL_AWS_")}
    return kept | {
        "ATHENA_ENGINE": "duckdb",
        "AUTH": "true",
        "BIND_HOST": "127.0.0.1",
        "GATEWAY_PORT": str(port),
        "IOT_MTLS_ENABLED": "0",
        "LAMBDA_EXECUTOR": "local",
        "MINISTACK_ACCOUNT_ID": credentials.ACCOUNT_ID,
        "MINISTACK_REGION": credentials.REGION,
        "SFTP_ENABLED": "0",
        "TMPDIR": str(scratch),
    }


def run(port: int, scratch: Path) -> None:
    """Serve on 127.0.0.1 until SIGINT or SIGTERM; ``scratch`` is emptied before and after."""
    shutil.rmtree(scratch, ignore_errors=True)
    scratch.mkdir(parents=True)
    ours = environment(port, scratch, dict(os.environ))
    os.environ.clear()
    os.environ.update(ours)
    tempfile.tempdir = None  # forget a directory chosen before TMPDIR was set
    application = build()

    from hypercorn.asyncio import serve
    from hypercorn.config import Config

    from local_aws import whole_answers

    require(whole_answers.REQUIRED)
    whole_answers.apply()
    config = Config()
    config.bind = [f"127.0.0.1:{port}"]
    # Longer than clients keep a connection for later (Go's: 90 s): they close it, not the server
    # while a request is on its way.
    config.keep_alive_timeout = 300
    try:
        asyncio.run(serve(cast("ASGIFramework", application), config))
    finally:
        from ministack.core import lambda_runtime

        lambda_runtime.reset()
        shutil.rmtree(scratch, ignore_errors=True)


def build() -> Callable[[Scope, Receive, Send], Awaitable[None]]:
    """The ASGI application: ministack with this package's patches and services.

    Call it once per process, in the environment of :func:`environment`.
    """
    from local_aws import patches
    from local_aws.engagement import services

    for module in (credentials, faults, notifications, services):
        require(module.REQUIRED)
    require(REQUIRED)
    patches.apply_all()
    services.register()
    notifications.apply()
    _reset_with_ministack()
    credentials.seed()
    return application


def _reset_with_ministack() -> None:
    """Both resets, ministack's own and ours, empty everything and keep the deploying key."""
    from ministack import app

    from local_aws.engagement import services
    from local_aws.patches import young_account

    reset = app._reset_all_state

    def reset_all_state() -> None:
        reset()
        services.reset()
        notifications.reset()
        faults.reset()
        young_account.reset()
        credentials.seed()

    app._reset_all_state = reset_all_state


async def application(scope: Scope, receive: Receive, send: Send) -> None:
    if scope["type"] != "http" or not scope["path"].startswith("/_local/"):
        from ministack import app

        if scope["type"] == "http":
            await faults.serve(app.app, scope, receive, send)
        else:
            await app.app(scope, receive, send)
        return
    body = b""
    while (event := await receive())["type"] == "http.request":
        body += event.get("body", b"")
        if not event.get("more_body"):
            break
    try:
        query = dict(parse_qsl(scope["query_string"].decode()))
        status, answer = await _local(scope["method"], scope["path"], body, query)
    except Exception as error:
        logging.getLogger("local_aws").exception("%s %s", scope["method"], scope["path"])
        status, answer = 500, {"error": f"{type(error).__name__}: {error}"}
    content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
    kind = b"binary/octet-stream" if isinstance(answer, bytes) else b"application/json"
    headers = [
        (b"content-type", kind),
        (b"content-length", str(len(content)).encode()),
    ]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": content})


async def _local(method: str, path: str, body: bytes, query: dict[str, str]) -> tuple[int, Any]:
    """The ``/_local/`` interface: status and answer, which is JSON or a file's bytes."""
    from local_aws.engagement import connect, outbox, pinpoint, sms_outcomes, social_messaging
    from local_aws.engagement.ses import events, exports, quota
    from local_aws.patches import young_account
    from local_aws.patches.cloudfront import edge

    match method, path.removeprefix("/_local/").rstrip("/").split("/"):
        case "GET", ["health"]:
            validation = pinpoint.validation_quota
            validations = {
                "per_second": validation.per_second,
                "answered": validation.answered,
                "throttled": validation.throttled,
            }
            return 200, {"status": "ok", "pid": os.getpid(), "phone_number_validate": validations}
        case "GET", ["outbox", channel] if channel in outbox.CHANNELS:
            return 200, outbox.messages(channel)
        case "GET", ["notifications"]:
            return 200, notifications.published()
        case "POST", ["reset"]:
            from ministack import app

            async with app._get_reset_lock():
                await asyncio.to_thread(app._reset_all_state)
            return 200, {"reset": "ok"}
        case "POST", ["cloudfront", distribution, "age"]:
            try:
                return _set(
                    lambda change: edge.grow_older(distribution, change.get("seconds")), body
                )
            except edge.NoSuchDistribution as error:
                return 404, {"error": str(error)}
        case "GET", ["faults"]:
            return 200, faults.listed()
        case "POST", ["faults"]:
            return _set(faults.add, body)
        case "DELETE", ["faults"]:
            faults.reset()
            return 200, []
        case "GET", ["outcomes", "sms"]:
            return 200, sms_outcomes.listed()
        case "POST", ["outcomes", "sms"]:
            return _set(sms_outcomes.add, body)
        case "DELETE", ["outcomes", "sms"]:
            sms_outcomes.reset()
            return 200, []
        case "GET", ["quotas"]:
            return 200, young_account.describe()
        case "POST", ["quotas"]:
            return _set(young_account.change, body)
        case "POST", ["phone-number-validate"]:
            return _set_validation_rate(body)
        case "GET", ["connect", "quota"]:
            return 200, connect.quota.describe()
        case "POST", ["connect", "quota"]:
            return _set(connect.change_quota, body)
        case "POST", ["whatsapp", "accounts"]:
            return _set(social_messaging.link, body)
        case "POST", ["email", message_id, kind] if kind in events.INJECTED:
            try:
                return 200, events.inject(unquote(message_id), kind, _json(body))
            except events.NoSuchMessage as error:
                return 404, {"error": str(error)}
        case "GET", ["ses", "exports", file]:
            return exports.download(file, query)
        case "GET", ["ses", "quota"]:
            return 200, quota.here().describe()
        case "POST", ["ses", "quota"]:
            return _set(quota.change, body)
        case "POST", ["ses", "exports"]:
            return _set(exports.control, body)
        case "POST", ["scheduler", name, "fire"]:
            return await asyncio.to_thread(_fire, unquote(name), query)
        case "POST", ["inbound", "sms"]:
            return await asyncio.to_thread(_receive_sms, body)
        case "POST", ["inbound", "whatsapp"]:
            return _set(social_messaging.receive, body)
        case "POST", ["inbound", "email"]:
            return await asyncio.to_thread(_receive_email, body)
    return 404, {
        "error": f"There is no {method} {path}. There are GET health, GET outbox/"
        f"{{{','.join(outbox.CHANNELS)}}}, GET notifications, POST reset, POST "
        f"inbound/{{sms,email,whatsapp}}, POST email/<message id>/{{{','.join(events.INJECTED)}}}, "
        "POST scheduler/<schedule>/fire, POST cloudfront/<distribution>/age, "
        "GET, POST and DELETE faults and outcomes/sms, GET and POST quotas, connect/quota and "
        "ses/quota, POST ses/exports, POST whatsapp/accounts and POST phone-number-validate, "
        "below /_local/."
    }


def _fire(name: str, query: dict[str, str]) -> tuple[int, Any]:
    from local_aws.patches import scheduler

    try:
        at = datetime.fromisoformat(query["at"]) if "at" in query else None
    except ValueError:
        return 400, {"error": f"at must be an ISO 8601 time: ?at={EXAMPLE_TIME}."}
    if at is not None and at.tzinfo is None:
        return 400, {"error": f"at needs its offset from UTC, or Z: ?at={EXAMPLE_TIME}."}
    try:
        return 200, scheduler.fire(name, query.get("group"), at)
    except scheduler.NoSuchSchedule as error:
        return 404, {"error": str(error)}


def _set(change: Callable[[dict[str, Any]], Any], body: bytes) -> tuple[int, Any]:
    try:
        return 200, change(_json(body))
    except ValueError as error:
        return 400, {"error": str(error)}


def _set_validation_rate(body: bytes) -> tuple[int, Any]:
    from local_aws.engagement import pinpoint

    rate = _json(body).get("per_second")
    if not isinstance(rate, int) or rate < 1:
        return 400, {"error": 'per_second must be a whole number from 1: {"per_second": 20}.'}
    pinpoint.validation_quota = pinpoint.Quota(per_second=rate)
    return 200, {"per_second": rate}


def _receive_sms(body: bytes) -> tuple[int, Any]:
    from local_aws.engagement import delivery, sms_voice

    message = _json(body)
    missing = [n for n in ("from", "to", "body") if not isinstance(message.get(n), str)]
    if missing:
        example = '{"from": "+12065550100", "to": "<a two-way number>", "body": "Hello"}'
        return 400, {"error": f"{', '.join(missing)} must be a string, as in {example}."}
    try:
        return 200, {"inboundMessageId": sms_voice.receive(message)}
    except ModelledError as error:
        return 400, {"error": error.message}
    except sms_voice.NoSuchNumber as error:
        return 404, {"error": str(error)}
    except delivery.NotAllowed as error:
        return 409, {"error": f"The message was not delivered: {error}."}


def _receive_email(body: bytes) -> tuple[int, Any]:
    from local_aws.engagement.ses import receiving

    try:
        return 200, receiving.receive(_json(body))
    except receiving.mail.Invalid as error:
        return 400, {"error": str(error)}
    except receiving.Refused as error:
        return 409, {"error": str(error)}


def _json(body: bytes) -> dict[str, Any]:
    """An object, or an empty one when the body is something else."""
    try:
        value = json.loads(body)
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}
