"""The API: accept messages, and report for each whether it is on the queue, never more."""

from __future__ import annotations

import base64
import hmac
import json
import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from ses_load_testing.message import MAX_BODY_BYTES, MalformedMessage, message_of
from shared.transient import is_transient

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = ["ApiKey", "Enqueuer", "Response"]

MAX_MESSAGES = 10  # of one request: one SendMessageBatch
_BYTES_PER_CALL = MAX_BODY_BYTES
# SQS takes no half characters and not the last two code points of the first plane: SendMessage,
# API reference. They are escaped.
_NOT_FOR_SQS = re.compile("[\ud800-\udfff\ufffe\uffff]")
_KEY_FRESH_SECONDS = 300
_KEY_READ_AGAIN_SECONDS = 10


@dataclass(frozen=True, slots=True)
class Response:
    """An answer of the HTTP API, payload format 2.0."""

    status: int
    body: object

    def proxied(self) -> dict[str, Any]:
        return {
            "statusCode": self.status,
            "headers": {"content-type": "application/json"},
            "body": json.dumps(self.body),
        }


@dataclass(slots=True)
class _Result:
    """The outcome of one message of a request; `status` as if it were a request of its own."""

    status: int
    body: dict[str, Any]


@dataclass(slots=True)
class ApiKey:
    """A key that is kept elsewhere, and read there at most every few minutes."""

    read: Callable[[], str]
    clock: Callable[[], float] = time.monotonic
    _key: bytes = b""
    _read_at: float = field(default=-1e9)

    def matches(self, given: str) -> bool:
        """Compare in a time that does not depend on where the two differ.

        A key that does not match is looked up again, seldom: it may be newer than the one
        remembered.

        Raises:
            ClientError: the secret cannot be read.
        """
        if self._age() > _KEY_FRESH_SECONDS:
            self._read()
        if self._same(given):
            return True
        if self._age() <= _KEY_READ_AGAIN_SECONDS:
            return False
        self._read()
        return self._same(given)

    def _same(self, given: str) -> bool:
        return bool(self._key) and hmac.compare_digest(given.encode(), self._key)

    def _age(self) -> float:
        return self.clock() - self._read_at

    def _read(self) -> None:
        self._key = self.read().encode()
        self._read_at = self.clock()


class Enqueuer:
    """Answers requests.

    Args:
        sqs: a client that does not retry: the caller gets the error, and decides.
        api_key: None where the API itself has checked the caller (AWS_IAM).
    """

    def __init__(self, sqs: SQSClient, queue_url: str, api_key: ApiKey | None) -> None:
        self._sqs = sqs
        self._queue_url = queue_url
        self._api_key = api_key

    def answer(self, event: Mapping[str, Any]) -> Response:
        """Answer 202 when a message was queued, 400 when no message is valid, 502 or 503 for SQS.

        The answer has the shape of the request: an object for a message, a list for a list.
        """
        if self._api_key is not None:
            given = (event.get("headers") or {}).get("x-api-key") or ""
            if not self._api_key.matches(given):
                return Response(
                    401, {"message": "x-api-key is missing or wrong: send the key of this API."}
                )
        try:
            value = _body(event)
        except MalformedMessage as error:
            return Response(400, _refused(error))
        messages = value if isinstance(value, list) else [value]
        if not 1 <= len(messages) <= MAX_MESSAGES:
            too_many = MalformedMessage(
                "body",
                f"must be a message or a list of 1-{MAX_MESSAGES}",
                "split the list, or send to the queue directly",
            )
            return Response(400, _refused(too_many))
        results = self._queue(messages)
        status = _status([result.status for result in results])
        bodies = [result.body for result in results]
        return Response(status, bodies if isinstance(value, list) else bodies[0])

    def _queue(self, messages: Sequence[object]) -> list[_Result]:
        results: dict[int, _Result] = {}
        bodies: dict[int, str] = {}
        for number, message in enumerate(messages):
            body = json.dumps(message, ensure_ascii=False, separators=(",", ":"))
            if _NOT_FOR_SQS.search(body):
                body = json.dumps(message, separators=(",", ":"))
            try:
                message_of(message)
                if len(body.encode()) > MAX_BODY_BYTES:
                    raise MalformedMessage(
                        "body", f"must be at most {MAX_BODY_BYTES} bytes", "shorten it"
                    )
            except MalformedMessage as error:
                results[number] = _Result(400, _refused(error))
            else:
                bodies[number] = body
        for group in _that_fit(bodies):
            results |= self._send(group)
        return [results[number] for number in range(len(messages))]

    def _send(self, bodies: Mapping[int, str]) -> dict[int, _Result]:
        try:
            answer = self._sqs.send_message_batch(
                QueueUrl=self._queue_url,
                Entries=[
                    {"Id": str(number), "MessageBody": body} for number, body in bodies.items()
                ],
            )
        except ClientError as error:
            code = error.response["Error"]["Code"]
            return dict.fromkeys(bodies, _not_queued(code, later=is_transient(error)))
        except (HTTPClientError, ConnectionError) as error:
            return dict.fromkeys(bodies, _not_queued(type(error).__name__, later=True))
        results = {
            int(done["Id"]): _Result(202, {"accepted": True, "message_id": done["MessageId"]})
            for done in answer.get("Successful", [])
        }
        for refused in answer.get("Failed", []):
            results[int(refused["Id"])] = _not_queued(
                refused["Code"], later=not refused["SenderFault"]
            )
        for number in bodies:
            results.setdefault(number, _not_queued("NO_RESULT", later=True))
        return results


def _body(event: Mapping[str, Any]) -> object:
    text = event.get("body") or ""
    try:
        if event.get("isBase64Encoded"):
            text = base64.b64decode(text).decode()
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage(
            "body", "must be JSON in UTF-8", "write it with a JSON library"
        ) from error


def _refused(error: MalformedMessage) -> dict[str, Any]:
    return {
        "accepted": False,
        "error": {"field": error.field, "rule": error.rule, "way_out": error.way_out},
    }


def _not_queued(code: str, *, later: bool) -> _Result:
    way_out = (
        "send it again; with a unique_code it goes out once even if this one was queued after all"
        if later
        else "look at the queue, its key and the function's role"
    )
    error = {"field": "queue", "rule": f"SQS did not take it ({code})", "way_out": way_out}
    return _Result(503 if later else 502, {"accepted": False, "error": error})


def _status(statuses: Sequence[int]) -> int:
    """Return the status of a whole request: the best status; a curable error before others."""
    return next(status for status in (202, 503, 502, 400) if status in statuses)


def _that_fit(bodies: Mapping[int, str]) -> list[dict[int, str]]:
    groups: list[dict[int, str]] = []
    room = 0
    for number, body in bodies.items():
        size = len(body.encode())
        if not groups or size > room:
            groups.append({})
            room = _BYTES_PER_CALL
        groups[-1][number] = body
        room -= size
    return groups
