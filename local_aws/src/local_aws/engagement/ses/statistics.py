"""What became of the emails of an account, counted: for exports and for reputation metrics.

Mail to the mailbox simulator counts nowhere: "Using the mailbox simulator" of the developer guide
keeps it out of the reputation, and the definition of each metric in the API reference out of the
exported metrics.
"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass, field
from typing import Any

from local_aws.engagement.registration import Scoped
from local_aws.engagement.ses.message import Message
from local_aws.engagement.ses.suppression import SIMULATOR

REQUIRED = (
    "ministack.services.cloudwatch._evaluate_all_alarms",
    "ministack.services.cloudwatch.record_metric",
    "ministack.services.ses_v2._config_sets",
)

Json = dict[str, Any]
HELD_BACK = "OnAccountSuppressionList"


@dataclass(frozen=True)
class Occurrence:
    """One event of one email, as far as it counts."""

    event_type: str
    at: float  # epoch seconds
    message_id: str
    identity: str
    configuration_set: str
    addresses: tuple[str, ...]  # of real mailboxes that the event is about
    to_one: bool  # the email had one recipient
    html: bool
    links: bool
    permanent: bool = False  # of a bounce
    held_back: bool = False  # by the account's suppression list; no server was asked


@dataclass
class Reputation:
    """Recipients counted for the bounce and complaint rates; of the account or of one set."""

    sent: int = 0
    bounced: int = 0
    complained: int = 0
    told: tuple[float, float] | None = None

    def rates(self) -> tuple[float, float]:
        """Bounce and complaint rate; rounded, so that not every email of thousands changes them."""
        sent = max(self.sent, 1)
        return round(self.bounced / sent, 4), round(self.complained / sent, 4)


@dataclass
class _Books:
    occurrences: list[Occurrence] = field(default_factory=list)
    reputation: dict[str, Reputation] = field(default_factory=dict)  # "" is the account


_books: Scoped[_Books] = Scoped(_Books)


def reset() -> None:
    _books.reset()


def occurrences(start: float, end: float) -> list[Occurrence]:
    """What happened from the epoch second ``start`` until before ``end``."""
    return [each for each in _books.here().occurrences if start <= each.at < end]


def record(message: Message, event_type: str, detail: Json) -> None:
    """Count an event; those that no metric knows are left out."""
    real = tuple(
        each
        for each in _addressed(message, event_type, detail)
        if not each.lower().endswith(f"@{SIMULATOR}")
    )
    if not real:
        return
    occurrence = Occurrence(
        event_type,
        time.time(),
        message.mail["messageId"],
        message.identity,
        message.configuration_set,
        real,
        to_one=len(message.recipients) == 1,
        html=bool(message.html),
        links=re.search(r"<a\s[^>]*href", message.html, re.IGNORECASE) is not None,
        permanent=detail.get("bounceType") == "Permanent",
        held_back=HELD_BACK in (detail.get("bounceSubType"), detail.get("complaintSubType")),
    )
    books = _books.here()
    books.occurrences.append(occurrence)
    for name in {"", message.configuration_set}:
        _count(books.reputation.setdefault(name, Reputation()), occurrence)


def _addressed(message: Message, event_type: str, detail: Json) -> list[str]:
    """Whom an event is about; nobody when no metric knows the event."""
    match event_type:
        case "Send" | "Open" | "Click":
            return message.recipients
        case "Delivery":
            return list(detail["recipients"])
        case "Bounce":
            return [each["emailAddress"] for each in detail["bouncedRecipients"]]
        case "Complaint":
            return [each["emailAddress"] for each in detail["complainedRecipients"]]
    return []


def _count(reputation: Reputation, occurrence: Occurrence) -> None:
    if occurrence.held_back:
        return
    number = len(occurrence.addresses)
    if occurrence.event_type == "Send":
        reputation.sent += number
    elif occurrence.event_type == "Bounce" and occurrence.permanent:
        reputation.bounced += number
    elif occurrence.event_type == "Complaint":
        reputation.complained += number


def publish_reputation(configuration_set: str) -> None:
    """Put the rates that changed into CloudWatch: of the account, and of a set that wants it.

    ``AWS/SES``, ``Reputation.BounceRate`` and ``Reputation.ComplaintRate``, from 0 to 1: the
    account's without dimensions, a set's under ``ses:configuration-set``. Call it off the event
    loop: an alarm may act.
    """
    from ministack.services import cloudwatch, ses_v2

    options = (ses_v2._config_sets.get(configuration_set) or {}).get("ReputationOptions") or {}
    wanted = ["", configuration_set] if options.get("ReputationMetricsEnabled") else [""]
    changed = False
    for name in wanted:
        reputation = _books.here().reputation.get(name)
        if reputation is None or reputation.told == (rates := reputation.rates()):
            continue
        reputation.told = rates
        dimensions = {"ses:configuration-set": name} if name else {}
        for metric, rate in zip(("BounceRate", "ComplaintRate"), rates, strict=True):
            cloudwatch.record_metric("AWS/SES", f"Reputation.{metric}", rate, "None", dimensions)
        changed = True
    if changed:
        cloudwatch._evaluate_all_alarms()
