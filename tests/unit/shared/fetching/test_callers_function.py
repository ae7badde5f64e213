"""A Lambda function of the caller as a source."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from botocore.exceptions import (
    ClientError,
    EndpointConnectionError,
    ReadTimeoutError,
)

from shared.fetching.callers_function import CallersFunction
from shared.fetching.deadline import Deadline
from shared.fetching.failures import FetchFailed, Reason

ARN = "arn:aws:lambda:us-east-1:123456789012:function:offers"


class FakeLambda:
    """Gives the answers one after another; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.calls: list[dict[str, Any]] = []

    def invoke(self, **call: Any) -> Any:
        self.calls.append(call)
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer


def answer(body: bytes, **members: Any) -> dict[str, Any]:
    return {"Payload": io.BytesIO(body), **members}


def refusal(code: str, status: int = 400) -> ClientError:
    told = {"Error": {"Code": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return ClientError(told, "Invoke")  # type: ignore[arg-type]


def ask(*answers: Any, seconds: float = 5) -> tuple[Any, FakeLambda]:
    fake = FakeLambda(*answers)
    function = CallersFunction(ARN, timeout_seconds=5, max_bytes=20, client=fake)  # type: ignore[arg-type]
    try:
        found = function.ask({"keys": ["ann"]}, Deadline.after(seconds, sleep=lambda _: None))
    except FetchFailed as failure:
        return failure, fake
    return found, fake


def test_the_function_gets_the_payload_and_its_answer_is_returned() -> None:
    found, fake = ask(answer(b'{"ann": "10 %"}'))

    assert found == {"ann": "10 %"}
    [call] = fake.calls
    assert call["FunctionName"] == ARN
    assert json.loads(call["Payload"]) == {"keys": ["ann"]}


def test_a_throttled_invocation_did_not_run_and_is_repeated() -> None:
    found, fake = ask(refusal("TooManyRequestsException", 429), answer(b"1"))

    assert (found, len(fake.calls)) == (1, 2)


def test_three_throttled_invocations_are_the_most() -> None:
    found, fake = ask(*[refusal("TooManyRequestsException", 429)] * 3)

    assert (found.reason, len(fake.calls)) == (Reason.UNAVAILABLE, 3)


@pytest.mark.parametrize(
    ("ended", "reason"),
    [
        (answer(b"{}", FunctionError="Unhandled"), Reason.UNAVAILABLE),
        (refusal("AccessDeniedException", 403), Reason.REFUSED),
        (refusal("ResourceNotFoundException", 404), Reason.REFUSED),
        (refusal("ServiceException", 500), Reason.UNAVAILABLE),
        (ReadTimeoutError(endpoint_url="https://lambda"), Reason.TIMED_OUT),
        (EndpointConnectionError(endpoint_url="https://lambda"), Reason.UNAVAILABLE),
        (answer(b"{"), Reason.UNUSABLE_ANSWER),
        (answer(b"\xff"), Reason.UNUSABLE_ANSWER),
        (answer(b"[" * 21), Reason.UNUSABLE_ANSWER),
        (answer(b'"' + b"x" * 20 + b'"'), Reason.UNUSABLE_ANSWER),
    ],
)
def test_a_function_without_a_usable_answer_is_asked_once(ended: Any, reason: Reason) -> None:
    found, fake = ask(ended)

    assert (found.reason, len(fake.calls)) == (reason, 1)


def test_a_function_without_a_return_value_answers_null() -> None:
    assert ask(answer(b""))[0] is None


def test_a_failure_never_repeats_what_the_function_answered() -> None:
    found, _ = ask(answer(b"secret@example.com"))

    assert "secret" not in str(found)
