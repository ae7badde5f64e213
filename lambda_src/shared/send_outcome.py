"""Outcome of one send by SES or End User Messaging, and errors read as outcomes."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from shared.send_once import surely_not_sent

__all__ = ["ONE_ATTEMPT", "OPTED_OUT", "DeliveryStatus", "SendOutcome", "attempt", "outcome_of"]

ONE_ATTEMPT = Config(
    connect_timeout=3, read_timeout=20, retries={"total_max_attempts": 1}, max_pool_connections=32
)
"""Configuration of a client that sends: `attempt` decides about repeated sends, not botocore."""


class DeliveryStatus(StrEnum):
    """The values of Pinpoint's MessageResult.DeliveryStatus."""

    SUCCESSFUL = "SUCCESSFUL"
    THROTTLED = "THROTTLED"
    TEMPORARY_FAILURE = "TEMPORARY_FAILURE"
    PERMANENT_FAILURE = "PERMANENT_FAILURE"
    UNKNOWN_FAILURE = "UNKNOWN_FAILURE"
    OPT_OUT = "OPT_OUT"
    DUPLICATE = "DUPLICATE"


@dataclass(frozen=True, slots=True)
class SendOutcome:
    """The result of one send: SUCCESSFUL means accepted for delivery, not delivered.

    `status_message` never holds the address or the text, so that it may be logged and streamed.
    `reason` is the service's own word for a refusal (an error code or its Reason), when there is
    one. `updated_token` is a device's new address.
    """

    delivery_status: DeliveryStatus
    status_code: int
    status_message: str
    message_id: str | None = None
    reason: str | None = None
    updated_token: str | None = None

    @classmethod
    def accepted(cls, message_id: str) -> SendOutcome:
        return cls(DeliveryStatus.SUCCESSFUL, 200, f"MessageId: {message_id}", message_id)

    @classmethod
    def refused(cls, message: str, *, reason: str | None = None) -> SendOutcome:
        """Return the outcome of a message that can never be sent; `message` says what to change."""
        return cls(DeliveryStatus.PERMANENT_FAILURE, 400, message, reason=reason)

    @classmethod
    def unknown(cls, message: str) -> SendOutcome:
        """Return the outcome of a request without an answer: the message may have been sent."""
        return cls(DeliveryStatus.UNKNOWN_FAILURE, 500, message)


# Refused because of the rate, so surely not sent: these may be tried again.
_THROTTLES = frozenset(
    {"ThrottlingException", "TooManyRequestsException", "Throttling", "RequestLimitExceeded"}
)
# The account cannot send for now; the same message may be accepted later.
_TEMPORARY = frozenset(
    {
        # Also said while a new policy does not count everywhere yet.
        "AccessDenied",
        "AccessDeniedException",
        "AccountSuspendedException",
        "LimitExceededException",
        "SendingPausedException",
        "ServiceQuotaExceededException",
        "ServiceUnavailable",
        "ServiceUnavailableException",
    }
)
OPTED_OUT = "DESTINATION_PHONE_NUMBER_OPTED_OUT"
_ATTEMPTS = 4
_FIRST_PAUSE_SECONDS = 0.2


def attempt(
    call: Callable[[], Mapping[str, Any]],
    *,
    sleep: Callable[[float], None] = time.sleep,
    attempts: int = _ATTEMPTS,
) -> SendOutcome:
    """Make one send and read its end as an outcome; AWS errors never leave this function.

    `call` must not retry by itself (`total_max_attempts` 1). Only what was certainly not sent is
    tried again: a throttled call, one answered 503 and one that found no connection, `attempts`
    times in all. A sender that keeps to a pace makes one attempt. A time-out while reading, a cut
    connection or a 500 may come after the message was accepted, so they end as UNKNOWN_FAILURE at
    once.
    """
    outcome = _once(call)
    for attempt_number in range(1, attempts):
        if not _may_repeat(outcome):
            break
        sleep(_FIRST_PAUSE_SECONDS * 2 ** (attempt_number - 1))
        outcome = _once(call)
    return outcome


def _may_repeat(outcome: SendOutcome) -> bool:
    return outcome.delivery_status is DeliveryStatus.THROTTLED or outcome.status_code == 503


def _once(call: Callable[[], Mapping[str, Any]]) -> SendOutcome:
    try:
        return SendOutcome.accepted(str(call()["MessageId"]))
    except ClientError as error:
        return outcome_of(error)
    except ParamValidationError:
        # botocore's text quotes the parameters, which hold the address and the body.
        return SendOutcome.refused("The message does not fit the sending service's request format.")
    except BotoCoreError as error:
        if surely_not_sent(error):
            return SendOutcome(
                DeliveryStatus.TEMPORARY_FAILURE, 503, "The sending service could not be reached."
            )
        return SendOutcome.unknown("No answer from the sending service: the message may be sent.")


def outcome_of(error: ClientError) -> SendOutcome:
    """Read a refusal by its error code, Reason and HTTP status; never by its text."""
    response: Mapping[str, Any] = error.response
    code = str(response.get("Error", {}).get("Code", "Unknown"))
    reason = str(response.get("Reason") or code)
    status = int(response.get("ResponseMetadata", {}).get("HTTPStatusCode", 0))
    if reason == OPTED_OUT:
        return SendOutcome(
            DeliveryStatus.OPT_OUT, 400, "The number is on the opt-out list.", reason=reason
        )
    if code in _THROTTLES or status == 429:
        return SendOutcome(
            DeliveryStatus.THROTTLED, 429, f"The sending rate is exceeded ({code}).", reason=reason
        )
    if code in _TEMPORARY or status == 503:
        return SendOutcome(
            DeliveryStatus.TEMPORARY_FAILURE,
            503 if status == 503 else 400,
            f"The account cannot send now ({reason}).",
            reason=reason,
        )
    if status >= 500:
        return SendOutcome(
            DeliveryStatus.UNKNOWN_FAILURE,
            status,
            f"The sending service failed ({code}): the message may be sent.",
            reason=reason,
        )
    return SendOutcome(
        DeliveryStatus.PERMANENT_FAILURE,
        status or 400,
        f"The sending service refused the message ({reason}).",
        reason=reason,
    )
