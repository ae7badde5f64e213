"""Whom a message may go to, and why not: the one rule of campaigns and direct sends.

`decide` is asked at the moment of sending, with the endpoint as it is stored then. The order of its
reasons is the order of this list:

1. the recipient: deleted, INACTIVE, opted out, without a channel or an address;
2. the channel: without content, or disabled in the project;
3. the moment: after the end of the run, or in the recipient's quiet time;
4. duplicates: the endpoint, or its address, has the message of this run or request already;
5. caps: Daily before Total. Messages that Daily refuses do not count in Total.

A cap without `most` refuses nothing and is counted all the same: the project's Daily counts the
messages of every campaign, and refuses messages of campaigns without a Daily of their own.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from engagement_hub.engagement.model import (
    ChannelType,
    Endpoint,
    EndpointStatus,
    OptOut,
    QuietTime,
)
from engagement_hub.engagement.schedule import in_quiet_time
from shared.mailbox import MailboxRefused, read_address

__all__ = [
    "DAY_SECONDS",
    "Cap",
    "Count",
    "Period",
    "Rules",
    "Send",
    "Skip",
    "SkipReason",
    "address_key",
    "counted",
    "decide",
    "is_reached",
]

DAY_SECONDS = 24 * 60 * 60


class SkipReason(StrEnum):
    """The reason why a recipient gets no message. Names that AWS publishes are AWS's names."""

    ENDPOINT_DELETED = "ENDPOINT_DELETED"  # ours
    ENDPOINT_INACTIVE = "ENDPOINT_INACTIVE"
    ENDPOINT_OPT_OUT = "ENDPOINT_OPT_OUT"
    ENDPOINT_MISSING_CHANNEL = "ENDPOINT_MISSING_CHANNEL"
    ENDPOINT_MISSING_ADDRESS = "ENDPOINT_MISSING_ADDRESS"
    ENDPOINT_CHANNEL_MISMATCH = "ENDPOINT_CHANNEL_MISMATCH"
    CHANNEL_DISABLED = "CHANNEL_DISABLED"  # ours
    EXPIRED = "EXPIRED"
    QUIET_TIME = "QUIET_TIME"
    DUPLICATE_ENDPOINT = "DUPLICATE_ENDPOINT"
    DUPLICATE_ADDRESS = "DUPLICATE_ADDRESS"
    DAILY_CAP = "DAILY_CAP"
    CAMPAIGN_CAP = "CAMPAIGN_CAP"
    TIMEFRAME_CAP = "TIMEFRAME_CAP"  # ours


class Period(StrEnum):
    """The time over which a cap counts."""

    DAY = "day"  # 24 hours from the first message; anew with the first message after them
    DAYS = "days"  # the same with the days of the cap
    EVER = "total"


_CAP_REASONS = {
    Period.DAY: SkipReason.DAILY_CAP,
    Period.DAYS: SkipReason.TIMEFRAME_CAP,
    Period.EVER: SkipReason.CAMPAIGN_CAP,
}


@dataclass(frozen=True, slots=True)
class Cap:
    """The most messages of one counter that an endpoint gets; `most` None only counts."""

    counter: str
    period: Period
    most: int | None = None
    days: int = 1

    @property
    def key(self) -> str:
        """Name the counter and its period."""
        length = str(self.days) if self.period is Period.DAYS else ""
        return f"{self.period}{length}#{self.counter}"

    @property
    def reason(self) -> SkipReason:
        """Name the reason of a message that the cap refuses."""
        return _CAP_REASONS[self.period]


@dataclass(frozen=True, slots=True)
class Count:
    """Messages that count against a cap, the first of them at `began` (epoch seconds)."""

    messages: int = 0
    began: int = 0


@dataclass(frozen=True, slots=True)
class Rules:
    """The rules of one run or request. The defaults refuse for no reason but the recipient's own.

    `channels` are the channels with content, None all channels. `disabled` are the channels that
    the project switched off. `expires` is the last moment at which a message may start.
    """

    channels: frozenset[str] | None = None
    disabled: frozenset[str] = frozenset()
    expires: datetime | None = None
    quiet_time: QuietTime | None = None
    caps: tuple[Cap, ...] = ()


@dataclass(frozen=True, slots=True)
class Send:
    """The endpoint may get the message, at this address."""

    endpoint: Endpoint
    channel: str
    address: str


@dataclass(frozen=True, slots=True)
class Skip:
    """The endpoint gets no message."""

    reason: SkipReason


def decide(
    recipient: Endpoint | None,
    rules: Rules,
    *,
    now: datetime,
    sent_to: str | None = None,
    counts: Mapping[str, Count] | None = None,
) -> Send | Skip:
    """Decide whether a message may go to a recipient at a moment.

    Args:
        recipient: the endpoint as stored now, None when it is deleted. A bare address is an
            endpoint of nothing but ChannelType and Address.
        now: the moment at which the message starts.
        sent_to: the id of the endpoint that got the message of this run or request at this
            address (by `address_key`); None when no message went to the address.
        counts: the recipient's messages by `Cap.key`; a missing key counts no message.
    """
    if recipient is None:
        return Skip(SkipReason.ENDPOINT_DELETED)
    reason = (
        _unreachable(recipient)
        or _closed_channel(str(recipient["ChannelType"]), rules)
        or _wrong_moment(recipient, rules, now)
        or _duplicate(recipient, sent_to)
        or _reached_cap(rules.caps, counts or {}, now)
    )
    if reason is not None:
        return Skip(reason)
    return Send(recipient, str(recipient["ChannelType"]), recipient["Address"])


def counted(caps: Sequence[Cap], counts: Mapping[str, Count], now: datetime) -> dict[str, Count]:
    """Return the counts by `Cap.key` with one more message at `now`."""
    after = {}
    for cap in caps:
        count = _current(cap, counts.get(cap.key, Count()), now)
        began = count.began if count.messages else int(now.timestamp())
        after[cap.key] = Count(count.messages + 1, began)
    return after


def is_reached(cap: Cap, count: Count, now: datetime) -> bool:
    """Check whether a cap refuses a message at `now`."""
    return cap.most is not None and _current(cap, count, now).messages >= cap.most


def address_key(channel: str, address: str) -> str:
    """Return a text that is the same for two addresses of one mailbox, number or device.

    An email address is compared without case. Mail systems that tell `Ann@` from `ann@` are rarer
    than people who write their address in two ways, and a second message cannot be taken back.
    """
    if channel == ChannelType.EMAIL:
        try:
            return f"{channel}|{read_address(address).lower()}"
        except MailboxRefused:
            return f"{channel}|{address.strip()}"  # SES refuses it, and no other spelling
    return f"{channel}|{address.strip()}"


def _unreachable(recipient: Endpoint) -> SkipReason | None:
    if recipient.get("EndpointStatus") == EndpointStatus.INACTIVE:
        return SkipReason.ENDPOINT_INACTIVE
    if recipient.get("OptOut") == OptOut.ALL:
        return SkipReason.ENDPOINT_OPT_OUT
    if not recipient.get("ChannelType"):
        return SkipReason.ENDPOINT_MISSING_CHANNEL
    if not recipient.get("Address"):
        return SkipReason.ENDPOINT_MISSING_ADDRESS
    return None


def _closed_channel(channel: str, rules: Rules) -> SkipReason | None:
    if rules.channels is not None and channel not in rules.channels:
        return SkipReason.ENDPOINT_CHANNEL_MISMATCH
    if channel in rules.disabled:
        return SkipReason.CHANNEL_DISABLED
    return None


def _wrong_moment(recipient: Endpoint, rules: Rules, now: datetime) -> SkipReason | None:
    if rules.expires is not None and now > rules.expires:
        return SkipReason.EXPIRED
    timezone = (recipient.get("Demographic") or {}).get("Timezone")
    if in_quiet_time(rules.quiet_time, timezone, now):
        return SkipReason.QUIET_TIME
    return None


def _duplicate(recipient: Endpoint, sent_to: str | None) -> SkipReason | None:
    if sent_to is None:
        return None
    if sent_to == recipient.get("Id"):
        return SkipReason.DUPLICATE_ENDPOINT
    return SkipReason.DUPLICATE_ADDRESS


def _reached_cap(
    caps: Sequence[Cap], counts: Mapping[str, Count], now: datetime
) -> SkipReason | None:
    daily_first = sorted(caps, key=lambda cap: cap.period is not Period.DAY)
    return next(
        (cap.reason for cap in daily_first if is_reached(cap, counts.get(cap.key, Count()), now)),
        None,
    )


def _current(cap: Cap, count: Count, now: datetime) -> Count:
    """Return the count of a cap: zero messages where its days are over."""
    began = now.timestamp() - cap.days * DAY_SECONDS
    over = cap.period is not Period.EVER and count.began <= began
    return Count() if over else count
