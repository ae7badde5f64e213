"""Sending limits of the SES account, read from SES and cached for a minute."""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError, ConnectionError, HTTPClientError

from shared.transient import is_transient

if TYPE_CHECKING:
    from mypy_boto3_sesv2 import SESV2Client

__all__ = ["Account", "AccountUnknown", "Limits", "StopReason", "chunk_size", "pace"]

FRESH_SECONDS = 60
_USABLE_SECONDS = 300  # when SES does not answer: GetAccount itself is throttled to one a second
# Aimed at. Calls start on time to a few milliseconds only, and clocks differ by as much: the rest
# keeps those milliseconds from putting one call too many into a second.
_SHARE_OF_RATE = 0.988
_MOST_PER_CALL = 50  # SendBulkEmail: destinations of one call


class StopReason(StrEnum):
    """Why nothing at all may be sent for now."""

    DAILY_QUOTA = "DAILY_QUOTA"
    SENDING_PAUSED = "SENDING_PAUSED"


class AccountUnknown(RuntimeError):
    """SES did not say what the account may send; try again later."""


@dataclass(frozen=True, slots=True)
class Limits:
    """SES's answer. Rates count recipients; `max_24_hours` is None where there is no limit."""

    per_second: float
    max_24_hours: float | None
    sent_24_hours: float
    enabled: bool

    def room(self) -> float:
        """Return the recipients that fit into the 24-hour quota; infinite without a quota."""
        if self.max_24_hours is None:
            return math.inf
        return max(0.0, self.max_24_hours - self.sent_24_hours)

    def stopped_by(self) -> StopReason | None:
        if not self.enabled or self.per_second <= 0:
            return StopReason.SENDING_PAUSED
        return StopReason.DAILY_QUOTA if self.room() < 1 else None


def pace(limits: Limits) -> float:
    """Return the target rate in recipients per second: 1.2 % below the quota."""
    return _SHARE_OF_RATE * _whole(limits.per_second)


def chunk_size(limits: Limits) -> int:
    """Count how many recipients one call has: 50 at most, a tenth of a second's worth at most.

    And so many that the calls which start in one second never hold more than the quota: at the
    pace of `pace`, `ceil(pace / n)` calls of n start in a second. A quota of 75 gives 5 (fifteen
    calls), not 7 (eleven). A call that arrives late makes a tenth too many in its second at most.
    """
    rate = _whole(limits.per_second)
    largest = min(_MOST_PER_CALL, max(1, math.floor(rate / 10)))
    return next(
        (n for n in range(largest, 0, -1) if n * math.ceil(_SHARE_OF_RATE * rate / n) <= rate), 1
    )


def _whole(rate: float) -> float:
    """Return whole recipients per second; a rate below one recipient stays as it is."""
    return math.floor(rate) if rate >= 1 else rate


class Account:
    """GetAccount, called once a minute, plus the emails sent since."""

    def __init__(self, ses: SESV2Client, clock: Callable[[], float] = time.time) -> None:
        self._ses = ses
        self._clock = clock
        self._limits: Limits | None = None
        self._read_at = -math.inf
        self._sent_since = 0

    def limits(self, *, at_most_old: float = FRESH_SECONDS) -> Limits:
        """Return the limits; `sent_24_hours` includes later emails of this process.

        Raises:
            AccountUnknown: SES did not answer, and what it said before is too old.
        """
        age = self._clock() - self._read_at
        if self._limits is None or age > at_most_old:
            try:
                self._limits = read_limits(self._ses)
            except AccountUnknown:
                if self._limits is None or age > _USABLE_SECONDS:
                    raise
            else:
                self._read_at = self._clock()
                self._sent_since = 0
        known = self._limits
        return Limits(
            known.per_second,
            known.max_24_hours,
            known.sent_24_hours + self._sent_since,
            known.enabled,
        )

    def sent(self, recipients: int) -> None:
        """Count recipients that SES took."""
        self._sent_since += recipients


def read_limits(ses: SESV2Client) -> Limits:
    """Ask SES.

    Raises:
        AccountUnknown: it throttled, failed or did not answer.
        ClientError: it refused.
    """
    try:
        answer = ses.get_account()
    except ClientError as error:
        if not is_transient(error):
            raise
        raise AccountUnknown(error.response["Error"]["Code"]) from error
    except (HTTPClientError, ConnectionError) as error:
        raise AccountUnknown(type(error).__name__) from error
    quota = answer["SendQuota"]
    most = float(quota["Max24HourSend"])
    return Limits(
        per_second=float(quota["MaxSendRate"]),
        max_24_hours=None if most < 0 else most,  # -1: unlimited
        sent_24_hours=float(quota["SentLast24Hours"]),
        enabled=bool(answer["SendingEnabled"]) and answer.get("EnforcementStatus") != "SHUTDOWN",
    )
