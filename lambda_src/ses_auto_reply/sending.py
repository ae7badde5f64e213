"""Hand a reply to SES once, and distinguish a refusal from an unknown outcome."""

from __future__ import annotations

import random
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

from shared.send_once import surely_not_sent
from shared.transient import error_code, is_transient

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

__all__ = ["OutcomeUnknown", "ReplyRefused", "send"]

PAUSES_SECONDS = (0.5, 1.0, 2.0, 4.0)


class ReplyRefused(RuntimeError):
    """SES surely did not take the reply: it may be tried again."""

    def __init__(self, code: str, *, later: bool) -> None:
        super().__init__(f"SES did not take the reply: {code}.")
        self.code = code
        self.later = later


class OutcomeUnknown(RuntimeError):
    """Whether SES accepted the reply is unknown: it must not be sent again."""


def send(
    ses: SESV2Client,
    request: dict[str, Any],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> str:
    """Send an email and answer SES's id of it.

    `ses` must not retry by itself (`total_max_attempts` 1). Throttling and connections that were
    not made are tried again for some seconds. A call that may have had its effect is never repeated
    (`shared.send_once`).

    Raises:
        ReplyRefused, OutcomeUnknown
    """
    for pause in (*PAUSES_SECONDS, None):
        try:
            return _once(ses, request)
        except ReplyRefused as refusal:
            if pause is None or not refusal.later:
                raise
        sleep(pause * random.uniform(0.5, 1.5))
    raise AssertionError("unreachable: the last attempt returns or raises")


def _once(ses: SESV2Client, request: dict[str, Any]) -> str:
    try:
        return ses.send_email(**request)["MessageId"]
    except (ClientError, BotoCoreError) as error:
        code = error_code(error)
        if isinstance(error, ClientError):
            later = is_transient(error)
        else:
            later = not isinstance(error, ParamValidationError)
        # Without `from`: the texts of SES and of botocore can quote an address.
        if surely_not_sent(error):
            raise ReplyRefused(code, later=later) from None
        raise OutcomeUnknown(f"SES gave no answer ({code}): the reply may be sent.") from None
