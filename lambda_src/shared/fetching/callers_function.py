"""A Lambda function of the caller as a source: JSON in, JSON out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ConnectTimeoutError, ReadTimeoutError

from shared.aws import aws_client
from shared.fetching.deadline import Deadline
from shared.fetching.documents import read_json
from shared.fetching.failures import FetchFailed, Reason
from shared.transient import error_code, is_transient

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

__all__ = ["CallersFunction"]

_CONNECT_SECONDS = 2
_FIRST_PAUSE_SECONDS = 0.1
_ATTEMPTS = 3
_THROTTLES = frozenset({"TooManyRequestsException", "ThrottlingException", "EC2ThrottledException"})


class CallersFunction:
    """Invokes one function and waits for its answer.

    A function that ended with an error is not invoked again: the campaign repeats the batch where
    the policy says so. An invocation that was throttled did not run, and is repeated.

    Args:
        timeout_seconds: of the longest wait for an answer; the client's setting, so a constant.
        max_bytes: of an answer.
    """

    def __init__(
        self,
        arn: str,
        *,
        timeout_seconds: float,
        max_bytes: int,
        client: LambdaClient | None = None,
    ) -> None:
        self._arn = arn
        self._max_bytes = max_bytes
        self._client: LambdaClient = client or aws_client(
            "lambda",
            config=Config(
                connect_timeout=_CONNECT_SECONDS,
                read_timeout=timeout_seconds,
                retries={"total_max_attempts": 1},
            ),
        )

    def ask(self, payload: Mapping[str, Any], deadline: Deadline) -> Any:
        """Return the function's answer, decoded.

        Raises:
            FetchFailed: the function failed, is late, may not be invoked, or its answer is no
                JSON or too large.
        """
        for number in range(_ATTEMPTS):
            deadline.check()
            try:
                return self._once(payload)
            except ClientError as error:
                failure = _failure_of(error)
                if error_code(error) not in _THROTTLES or number + 1 == _ATTEMPTS:
                    raise failure from error
                if not deadline.pause(_FIRST_PAUSE_SECONDS * 2**number):
                    raise failure from error
            except (ConnectTimeoutError, ReadTimeoutError) as error:
                raise FetchFailed(
                    Reason.TIMED_OUT, "the function did not answer in time."
                ) from error
            except BotoCoreError as error:
                raise FetchFailed(
                    Reason.UNAVAILABLE,
                    f"the function could not be reached ({type(error).__name__}).",
                ) from error
        raise AssertionError("unreachable")

    def _once(self, payload: Mapping[str, Any]) -> Any:
        body = json.dumps(payload, separators=(",", ":")).encode()
        answer = self._client.invoke(FunctionName=self._arn, Payload=body)
        if answer.get("FunctionError"):
            raise FetchFailed(Reason.UNAVAILABLE, "the function ended with an error.")
        found = answer["Payload"].read(self._max_bytes + 1)
        if len(found) > self._max_bytes:
            raise FetchFailed(
                Reason.UNUSABLE_ANSWER, f"the answer is larger than {self._max_bytes:,} bytes."
            )
        return read_json(found)


def _failure_of(error: ClientError) -> FetchFailed:
    reason = Reason.UNAVAILABLE if is_transient(error) else Reason.REFUSED
    return FetchFailed(reason, f"the function could not be invoked ({error_code(error)}).")
