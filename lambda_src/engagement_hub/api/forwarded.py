"""Calls that the hub hands on to AWS, where the module input `forward` names their operations."""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from engagement_hub.api.delivery import LAST_START_SECONDS, awaited, record_of
from engagement_hub.api.wire import Call
from engagement_hub.engagement.errors import (
    AnsweredByAws,
    EngagementError,
    InternalServerError,
    NotReached,
)
from engagement_hub.engagement.model import JsonObject
from engagement_hub.hub import Hub
from engagement_hub.store.sent_requests import Repetition, SentRequest

__all__ = ["forward"]

# Operations that AWS must not get twice: a second code would be sent, or an attempt at a code used
# up. AWS SDKs repeat a call that ends with a 5xx or without an answer.
_ONCE = frozenset({"SendOTPMessage", "VerifyOTPMessage"})
_CALL = ("call",)

logger = Logger(service="engagement-hub", child=True)


def forward(hub: Hub, call: Call) -> Any:
    """Hand a call on to AWS; return AWS's answer.

    Raises:
        EngagementError: AWS's own error, or no answer. A repetition by an AWS SDK gets it too where
            the outcome is unknown, and the call is not made again.
    """
    record = record_of(hub, call) if call.operation in _ONCE else None
    if record is None:
        return _call(hub, call)
    until = hub.clock() + LAST_START_SECONDS
    other = record.claim([_CALL], {})
    if other is not None:
        return _of_earlier_attempt(awaited(hub, record, other, until=until), call)
    try:
        answer = _call(hub, call)
    except EngagementError as error:
        if error.status < 500 or isinstance(error, NotReached):
            _keep(record, call, None)
        else:
            refused = {"code": error.code, "status": error.status, "message": error.message}
            _keep(record, call, {"refused": refused})
        raise
    _keep(record, call, {"answer": answer})
    return answer


def _call(hub: Hub, call: Call) -> Any:
    return hub.forwarding.call(call.operation, labels=call.labels, query=call.query, body=call.body)


def _keep(record: SentRequest, call: Call, result: JsonObject | None) -> None:
    """Write the result down for a repetition; without one, the call may be made again."""
    try:
        if result is None:
            record.forget()
        else:
            record.finish({_CALL: result})
    except (ClientError, BotoCoreError) as error:
        # The answer is known all the same; a repetition is answered that the outcome is unknown.
        logger.error(
            "result of a forwarded call unwritten",
            operation=call.operation,
            request_id=call.request_id,
            error_type=type(error).__name__,
        )


def _of_earlier_attempt(other: Repetition, call: Call) -> Any:
    result = other.results.get(_CALL)
    if result is None:
        raise InternalServerError(
            f"An earlier attempt of this call of {call.operation} has no result yet: AWS may have "
            "carried it out. The call was not made again."
        )
    if "refused" in result:
        refused = result["refused"]
        raise AnsweredByAws(refused["code"], refused["status"], refused["message"])
    return result["answer"]
