"""The record of an address, and the rule that suppresses it.

Everything here is a set, a sum, a minimum or a maximum over the feedback that came in, so that
neither its order nor a copy of it changes the outcome.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum

from shared.suppression.feedback import Feedback, FeedbackKind

__all__ = [
    "AddressRecord",
    "Reason",
    "TransientBounces",
    "demanded",
    "first_reached",
    "with_feedback",
]


class Reason(StrEnum):
    """Why an address is on SES's suppression list; SES has no others."""

    BOUNCE = "BOUNCE"
    COMPLAINT = "COMPLAINT"


# A message waits 14 days in a queue and 14 in its dead-letter queue: feedback that comes later than
# this after it happened is not brought into the order of the soft bounces.
_LATEST = timedelta(days=28)
_TIMES_PER_LIMIT = 10  # an item must not grow without end where mail goes on despite it


@dataclass(frozen=True, slots=True)
class TransientBounces:
    """As many soft bounces as `limit` within `window` suppress the address."""

    limit: int
    window: timedelta


@dataclass(frozen=True, slots=True)
class AddressRecord:
    """All that feedback has said about one address.

    `message_id` and `feedback_id` belong to the feedback of `last_seen`. `reason` and
    `suppressed_at` are None until feedback demands that the address be suppressed; they stay
    when a person removes it from SES's list. `held_back` counts emails that SES did not even try.
    `soft_bounce_times` has the last ones by feedback id. `revision` counts the writes.
    """

    address: str
    first_seen: datetime
    last_seen: datetime
    message_id: str
    feedback_id: str
    hard_bounces: int = 0
    soft_bounces: int = 0
    complaints: int = 0
    held_back: int = 0
    reason: Reason | None = None
    suppressed_at: datetime | None = None
    soft_bounce_times: Mapping[str, datetime] = field(default_factory=dict)
    revision: int = 0


def with_feedback(
    record: AddressRecord | None, address: str, feedback: Feedback, rule: TransientBounces
) -> AddressRecord:
    """Return the record of an address after one more piece of feedback, which is not a copy."""
    now = feedback.occurred_at
    if record is None:
        record = AddressRecord(address, now, now, feedback.message_id, feedback.feedback_id)
    if (now, feedback.feedback_id) >= (record.last_seen, record.feedback_id):
        record = replace(
            record, message_id=feedback.message_id, feedback_id=feedback.feedback_id, last_seen=now
        )
    record = replace(record, first_seen=min(record.first_seen, now))
    if feedback.held_back:
        record = replace(record, held_back=record.held_back + 1)
        return _suppressed(record, _reason_of(feedback), now)
    if feedback.kind is FeedbackKind.COMPLAINT:
        record = replace(record, complaints=record.complaints + 1)
        return _suppressed(record, Reason.COMPLAINT, now)
    if feedback.kind is FeedbackKind.HARD_BOUNCE:
        record = replace(record, hard_bounces=record.hard_bounces + 1)
        return _suppressed(record, Reason.BOUNCE, now)
    times = _newest({**record.soft_bounce_times, feedback.feedback_id: now}, rule)
    record = replace(record, soft_bounces=record.soft_bounces + 1, soft_bounce_times=times)
    reached = first_reached(sorted(times.values()), rule)
    return record if reached is None else _suppressed(record, Reason.BOUNCE, reached)


def demanded(record: AddressRecord, feedback: Feedback, rule: TransientBounces) -> Reason | None:
    """Return the reason that SES has to record because of this feedback, or None.

    A complaint permanently wins over a bounce: a later bounce must not replace it. The next bounce
    puts an address again on the list that a person removed it from.

    Args:
        record: with this feedback in it.
    """
    if feedback.held_back:
        # It is on the list as it should be, unless a bounce took the complaint's place there.
        complained = feedback.kind is FeedbackKind.COMPLAINT and not record.complaints
        bounced = record.hard_bounces or first_reached(
            sorted(record.soft_bounce_times.values()), rule
        )
        return Reason.COMPLAINT if complained and bounced else None
    if feedback.kind is FeedbackKind.SOFT_BOUNCE:
        near = [
            time
            for time in record.soft_bounce_times.values()
            if abs(time - feedback.occurred_at) <= rule.window
        ]
        if first_reached(sorted(near), rule, including=feedback.occurred_at) is None:
            return None
    return record.reason


def first_reached(
    times: Sequence[datetime], rule: TransientBounces, including: datetime | None = None
) -> datetime | None:
    """Return the time at which soft bounces first reached the limit within a window.

    Args:
        including: only windows that have this time in them.
    """
    for first, last in zip(times, times[rule.limit - 1 :], strict=False):
        if last - first <= rule.window and (including is None or first <= including <= last):
            return last
    return None


def _suppressed(record: AddressRecord, reason: Reason, since: datetime) -> AddressRecord:
    stronger = Reason.COMPLAINT if Reason.COMPLAINT in (reason, record.reason) else reason
    earlier = since if record.suppressed_at is None else min(record.suppressed_at, since)
    return replace(record, reason=stronger, suppressed_at=earlier)


def _reason_of(feedback: Feedback) -> Reason:
    complained = feedback.kind is FeedbackKind.COMPLAINT
    return Reason.COMPLAINT if complained else Reason.BOUNCE


def _newest(times: Mapping[str, datetime], rule: TransientBounces) -> dict[str, datetime]:
    """Return the soft bounces that can still reach the limit together with one that comes late."""
    oldest = max(times.values()) - rule.window - _LATEST
    in_order = sorted(times, key=lambda feedback_id: (times[feedback_id], feedback_id))
    kept = in_order[-rule.limit * _TIMES_PER_LIMIT :]
    return {feedback_id: times[feedback_id] for feedback_id in kept if times[feedback_id] >= oldest}
