"""Calls the Lambda functions that campaigns name: FILTER hooks and custom channels."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError

from engagement_hub.store import error_code
from shared.aws import aws_client

if TYPE_CHECKING:
    from mypy_boto3_lambda import LambdaClient

# Pinpoint API developer guide: a hook has 15 seconds and three attempts.
_TIMEOUT_SECONDS = 15
_CONNECT_SECONDS = 3
ATTEMPTS = 3
LONGEST_ASK_MILLISECONDS = 60_000  # three attempts, and the pauses between them
_FIRST_PAUSE_SECONDS = 0.2
_THROTTLES = frozenset({"TooManyRequestsException", "ThrottlingException", "EC2ThrottledException"})


class CallFailed(Exception):
    """The function failed, took too long or answered nonsense.

    The text never repeats what it answered: that may hold personal data.
    """


class CallThrottled(CallFailed):
    """Lambda throttled the invocation: the function did not run."""


class CustomerFunctions:
    """Invokes functions by name or ARN."""

    def __init__(
        self, client: LambdaClient | None = None, *, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._client = client
        self._sleep = sleep

    def ask(self, function: str, payload: Mapping[str, Any], *, attempts: int = ATTEMPTS) -> Any:
        """Invoke the function and return its JSON answer; the attempts are for any failure.

        Raises:
            CallFailed: the last attempt failed as well; the text says how.
        """
        return self._attempted(lambda: self._answer(function, payload), CallFailed, attempts)

    def deliver(self, function: str, payload: Mapping[str, Any]) -> None:
        """Invoke the function once; a throttled invocation did not run, and is made again.

        Raises:
            CallFailed: the function failed, or could not be invoked. It may have sent before it
                failed.
        """
        self._attempted(lambda: self._invoke(function, payload), CallThrottled, ATTEMPTS)

    def deliver_and_ask(self, function: str, payload: Mapping[str, Any]) -> Any:
        """Invoke the function as `deliver` does, and return its decoded answer.

        Returns None for an answer that is not JSON. The function has delivered in that case, too.

        Raises:
            CallFailed: as `deliver`.
        """
        answered = self._attempted(lambda: self._invoke(function, payload), CallThrottled, ATTEMPTS)
        try:
            return json.loads(answered or b"null")
        except (ValueError, RecursionError):
            return None

    def _attempted(self, call: Callable[[], Any], repeated: type[CallFailed], attempts: int) -> Any:
        for attempt in range(1, attempts):
            try:
                return call()
            except repeated:
                self._sleep(_FIRST_PAUSE_SECONDS * 2**attempt)
        try:
            return call()
        except repeated as error:
            if attempts == 1:
                raise
            raise CallFailed(f"{attempts} attempts failed. {error}") from error

    def _answer(self, function: str, payload: Mapping[str, Any]) -> Any:
        try:
            return json.loads(self._invoke(function, payload) or b"null")
        except (ValueError, RecursionError) as error:
            # Also a number of thousands of digits, and thousands of lists inside each other.
            raise CallFailed(f"{function} did not answer in readable JSON.") from error

    def _invoke(self, function: str, payload: Mapping[str, Any]) -> bytes:
        body = json.dumps(payload, separators=(",", ":")).encode()
        try:
            answer = self._functions.invoke(FunctionName=function, Payload=body)
            answered = answer["Payload"].read()  # an answer can break off, too
        except ClientError as error:
            code = error_code(error)
            failure = CallThrottled if code in _THROTTLES else CallFailed
            raise failure(f"{function} could not be invoked ({code}).") from error
        except BotoCoreError as error:
            raise CallFailed(
                f"{function} did not answer in {_TIMEOUT_SECONDS} s, or could not be reached "
                f"({type(error).__name__})."
            ) from error
        if answer.get("FunctionError"):
            raise CallFailed(f"{function} ended with an error.")
        return answered

    @property
    def _functions(self) -> LambdaClient:
        if self._client is None:
            self._client = aws_client(
                "lambda",
                config=Config(
                    connect_timeout=_CONNECT_SECONDS,
                    read_timeout=_TIMEOUT_SECONDS,
                    retries={"total_max_attempts": 1},
                ),
            )
        return self._client
