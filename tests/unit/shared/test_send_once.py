"""A call that must not be repeated: which errors say that it surely had no effect."""

from __future__ import annotations

import pytest
from botocore.exceptions import (
    BotoCoreError,
    ConnectionClosedError,
    ConnectTimeoutError,
    EndpointConnectionError,
    IncompleteReadError,
    NoCredentialsError,
    ParamValidationError,
    ProxyConnectionError,
    ReadTimeoutError,
)

from shared.send_once import surely_not_sent
from tests.builders.architectures import service_error

URL = "https://email.example"


@pytest.mark.parametrize(
    "error",
    [
        ConnectTimeoutError(endpoint_url=URL),
        EndpointConnectionError(endpoint_url=URL),
        ProxyConnectionError(proxy_url=URL),
        NoCredentialsError(),
        ParamValidationError(report="x"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_request_that_did_not_leave_was_surely_not_sent(error: BotoCoreError) -> None:
    assert surely_not_sent(error)


@pytest.mark.parametrize(
    "error",
    [
        ReadTimeoutError(endpoint_url=URL),
        ConnectionClosedError(endpoint_url=URL),
        IncompleteReadError(actual_bytes=1, expected_bytes=2),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_request_without_a_whole_answer_may_be_sent(error: BotoCoreError) -> None:
    assert not surely_not_sent(error)


@pytest.mark.parametrize(
    ("status", "not_sent"),
    [(400, True), (403, True), (429, True), (503, True)]
    + [(500, False), (502, False), (504, False), (0, False)],
)
def test_a_refusal_was_surely_not_sent_and_a_failure_may_be(status: int, not_sent: bool) -> None:
    assert surely_not_sent(service_error("SendEmail", "Code", status)) is not_sent
