"""How many recipients an account may send to: each second, and in 24 hours.

Both are counted per recipient ("Sending quotas" of the developer guide). What is over them is
refused, not kept. A message goes through as long as anything is left, and its other recipients
are owed: "a message to five recipients at one a second" blocks the next five seconds. Mail to the
mailbox simulator counts for the rate, not for the day ("Using the mailbox simulator").
"""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from local_aws.engagement.registration import Scoped
from local_aws.engagement.ses.suppression import SIMULATOR

Json = dict[str, Any]
DAY = 86400


class Refusal(StrEnum):
    """Why nothing was sent."""

    RATE = "Maximum sending rate exceeded."
    DAY = "Daily message quota exceeded."

    @property
    def code_v2(self) -> tuple[str, int]:
        """Error code and status of SESv2."""
        if self is Refusal.RATE:
            return "TooManyRequestsException", 429
        return "LimitExceededException", 400

    @property
    def bulk_status_v2(self) -> str:
        return "ACCOUNT_THROTTLED" if self is Refusal.RATE else "ACCOUNT_DAILY_QUOTA_EXCEEDED"

    @property
    def bulk_status_v1(self) -> str:
        return "AccountThrottled" if self is Refusal.RATE else "AccountDailyQuotaExceeded"


@dataclass
class Quota:
    """The quota of one account and region, and what was counted since it was set.

    Rate in recipients a second, one second's worth of which may go at once; the day's in
    recipients, -1 for no limit.
    """

    max_send_rate: float = 10_000  # so that nothing is refused until somebody sets a rate
    max_24_hour_send: float = 10_000_000
    sent_before: int = 0  # what counts as sent in the last 24 hours, as long as this runs
    sent: int = 0
    throttled: int = 0
    over_daily_quota: int = 0
    busiest_second: int = 0
    _tokens: float = float("inf")
    _at: float = field(default_factory=time.monotonic)
    _last_second: deque[tuple[float, int]] = field(default_factory=deque)
    _last_day: deque[tuple[float, int]] = field(default_factory=deque)
    _day: int = 0  # the sum of _last_day

    def refusals(self, messages: Sequence[Sequence[str]]) -> list[Refusal | None]:
        """For each message (its recipients), in order, why it is not sent; counts the refused.

        Call :meth:`count` for those that were sent then.
        """
        self._refill()
        tokens, day = self._tokens, self.sent_last_24_hours()
        answers: list[Refusal | None] = []
        for recipients in messages:
            if 0 <= self.max_24_hour_send <= day and _daily(recipients):
                self.over_daily_quota += len(recipients)
                answers.append(Refusal.DAY)
            elif tokens < 1:
                self.throttled += len(recipients)
                answers.append(Refusal.RATE)
            else:
                tokens -= len(recipients)
                day += _daily(recipients)
                answers.append(None)
        return answers

    def count(self, recipients: Sequence[str]) -> None:
        """A message was sent."""
        self._refill()
        now, number, daily = self._at, len(recipients), _daily(recipients)
        self._tokens -= number
        self.sent += number
        self._day += daily
        self._last_day.append((now, daily))
        self._last_second.append((now, number))
        while self._last_second[0][0] <= now - 1:
            self._last_second.popleft()
        in_a_second = sum(number for _, number in self._last_second)
        self.busiest_second = max(self.busiest_second, in_a_second)

    def sent_last_24_hours(self) -> int:
        while self._last_day and self._last_day[0][0] <= time.monotonic() - DAY:
            self._day -= self._last_day.popleft()[1]
        return self.sent_before + self._day

    def _refill(self) -> None:
        now = time.monotonic()
        full = max(1.0, self.max_send_rate)
        self._tokens = min(full, self._tokens + (now - self._at) * self.max_send_rate)
        self._at = now

    def describe(self) -> Json:
        return {
            "max_send_rate": self.max_send_rate,
            "max_24_hour_send": self.max_24_hour_send,
            "sent_last_24_hours": self.sent_last_24_hours(),
            "sent": self.sent,
            "throttled": self.throttled,
            "over_daily_quota": self.over_daily_quota,
            "busiest_second": self.busiest_second,
        }

    def send_quota(self) -> Json:
        """The SendQuota of GetAccount and GetSendQuota."""
        return {
            "Max24HourSend": float(self.max_24_hour_send),
            "MaxSendRate": float(self.max_send_rate),
            "SentLast24Hours": float(self.sent_last_24_hours()),
        }


def _daily(recipients: Sequence[str]) -> int:
    return sum(1 for each in recipients if not each.lower().rstrip(">").endswith(f"@{SIMULATOR}"))


@dataclass
class _Account:
    quota: Quota = field(default_factory=Quota)


_accounts: Scoped[_Account] = Scoped(_Account)


def here() -> Quota:
    """The quota of the account and region of the request being served."""
    return _accounts.here().quota


def reset() -> None:
    _accounts.reset()


def change(settings: Mapping[str, Any]) -> Json:
    """Set ``max_send_rate``, ``max_24_hour_send`` and ``sent_last_24_hours``; counters restart.

    What is not given stays, but for what was sent in 24 hours: none, unless given.

    Raises:
        ValueError: says what is allowed.
    """
    quota = here()
    given: dict[str, float] = {
        "max_send_rate": quota.max_send_rate,
        "max_24_hour_send": quota.max_24_hour_send,
        "sent_last_24_hours": 0,
    }
    for name, value in settings.items():
        if name not in given or isinstance(value, bool) or not isinstance(value, int | float):
            raise ValueError(f"{name}: give numbers for {', '.join(given)}.")
        given[name] = value
    if given["max_send_rate"] <= 0:
        raise ValueError("max_send_rate must be more than 0 recipients a second.")
    if given["max_24_hour_send"] < 0 and given["max_24_hour_send"] != -1:
        raise ValueError("max_24_hour_send must be a number from 0, or -1 for no limit.")
    changed = Quota(
        given["max_send_rate"], given["max_24_hour_send"], int(given["sent_last_24_hours"])
    )
    _accounts.here().quota = changed
    return changed.describe()
