"""Read the events of text messages that failed or arrived, and decide about another try.

Source: Pinpoint developer guide, "SMS event data".
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from enum import StrEnum
from typing import Any

from shared.pinpoint_events import (
    CUSTOMER_CONTEXT,
    HUB_CONTEXT,
    MESSAGE_TYPES,
    REQUESTED_AT,
    HubIds,
    anonymous,
    compact,
)

__all__ = [
    "RETRY_ENTRY",
    "RETRY_KEY",
    "TRANSIENT",
    "Arrival",
    "End",
    "Failure",
    "MalformedSmsEvent",
    "Policy",
    "Verdict",
    "Wait",
    "decide",
    "read_sms_event",
    "retry_context",
]

Json = Mapping[str, Any]

TRANSIENT = frozenset({"CARRIER_UNREACHABLE", "TTL_EXPIRED", "UNKNOWN", "UNREACHABLE"})
"""Every `record_status` that another try can change."""
RETRY_KEY = "retry_key"
"""Entry of a message's Context: the key under which its sender remembered the text."""
RETRY_ENTRY = "retry"
"""Entry of a retry's Context: original message, number of the retry, and the key of the text."""

_LATEST = 253_402_300_799_999  # the last millisecond of the year 9999
_NUMBER = re.compile(r"\+?[1-9][0-9]{1,18}")  # SendTextMessage
# Both are written by others, and go into a key, a metric's reason and a notification.
_MESSAGE_ID = re.compile(r"[!-~]{1,256}")
_STATUS = re.compile(r"[A-Za-z0-9_-]{1,64}")
_ORIGINATION = re.compile(r"[A-Za-z0-9_:/+-]{1,256}")
_TYPES = {name: kind for kind, name in MESSAGE_TYPES.items()}
_MOST_RETRIES = 100


class MalformedSmsEvent(ValueError):
    """An event lacks a member that every event of a text message has; the text quotes no member."""


class End(StrEnum):
    """Reason for which a message gets no further try."""

    # Of a first try: counted, because the event in the stream says all.
    NOT_TRANSIENT = "NOT_TRANSIENT"
    NO_TEXT = "NO_TEXT"
    MEDIA = "MEDIA"
    REFUSED = "REFUSED"
    # Final failures: notified.
    RETRIES_USED_UP = "RETRIES_USED_UP"
    TOO_OLD = "TOO_OLD"
    FAILED_FOR_GOOD = "FAILED_FOR_GOOD"
    OPTED_OUT = "OPTED_OUT"
    INACTIVE = "INACTIVE"
    ENDPOINT_GONE = "ENDPOINT_GONE"
    ADDRESS_CHANGED = "ADDRESS_CHANGED"
    TEXT_GONE = "TEXT_GONE"
    HOOK = "HOOK"
    REFUSED_RETRY = "REFUSED_RETRY"
    UNKNOWN_OUTCOME = "UNKNOWN_OUTCOME"


@dataclass(frozen=True, slots=True)
class Arrival:
    """A message that arrived, or that the carrier took without promising more news."""

    message_id: str
    original_id: str
    retries: int


@dataclass(frozen=True, slots=True)
class Failure:
    """A message that failed.

    `retries` is 0 for a first try, and the number of the retry otherwise. `first_at` is the time of
    the first try, or of its failure where no event has that time. Times are epoch milliseconds.
    """

    message_id: str
    original_id: str
    retries: int
    status: str
    number: str
    origination: str | None
    message_type: str | None
    kind: str
    first_at: int
    at: int
    ids: HubIds
    customer: Mapping[str, Any]
    text_key: str | None

    def is_of_program(self, project_id: str | None) -> bool:
        """Check whether a campaign or journey of the project sent the message to an endpoint."""
        ids = self.ids
        program = ids.campaign_id or (ids.journey_id and ids.journey_activity_id)
        return bool(program and ids.endpoint_id and project_id == ids.application_id)

    def as_json(self) -> dict[str, Any]:
        return {**asdict(self), "ids": self.ids.given(), "customer": dict(self.customer)}

    @classmethod
    def from_json(cls, given: Json) -> Failure:
        """Read what `as_json` wrote.

        Raises:
            TypeError, KeyError: something else wrote it.
        """
        return cls(**{**given, "ids": HubIds.of(given["ids"])})


@dataclass(frozen=True, slots=True)
class Policy:
    """Failures that are retried; the wait before each retry; the age at which retries end.

    `project_id` is the project whose campaigns and journeys can be rendered again, or None.
    """

    statuses: frozenset[str]
    delays_seconds: tuple[int, ...]
    max_age_seconds: int
    project_id: str | None = None

    @classmethod
    def of(cls, text: str, project_id: str | None) -> Policy:
        """Read the policy as the module writes it.

        Raises:
            ValueError: a status is not transient, or a number is out of range.
        """
        given = json.loads(text)
        policy = cls(
            frozenset(given["statuses"]),
            tuple(int(delay) for delay in given["delays_seconds"]),
            int(given["max_age_seconds"]),
            project_id,
        )
        if not policy.statuses <= TRANSIENT:
            never = ", ".join(sorted(policy.statuses - TRANSIENT))
            raise ValueError(f"statuses must be transient failures; {never} is final.")
        if not policy.delays_seconds or min(policy.delays_seconds) < 0:
            raise ValueError("delays_seconds must have one number of 0 or more for each retry.")
        if policy.max_age_seconds < 1:
            raise ValueError("max_age_seconds must be 1 or more.")
        return policy

    def is_too_old(self, first_at: int, at: int) -> bool:
        return at - first_at > self.max_age_seconds * 1000


@dataclass(frozen=True, slots=True)
class Wait:
    """Another try is due, `number` being 1 for the first retry."""

    number: int
    due_at: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """`wait` is the next try; without one, `end` says why, and `is_final` whether to notify."""

    wait: Wait | None = None
    end: End | None = None
    is_final: bool = False


def decide(failure: Failure, policy: Policy, now: int) -> Verdict:
    """Decide about a failure at a time in epoch milliseconds."""
    is_retry = failure.retries > 0
    if failure.status not in policy.statuses:
        return Verdict(
            end=End.FAILED_FOR_GOOD if is_retry else End.NOT_TRANSIENT, is_final=is_retry
        )
    if failure.origination is None or not _NUMBER.fullmatch(failure.number):
        return Verdict(end=End.REFUSED, is_final=is_retry)
    if failure.kind != "TEXT":
        return Verdict(end=End.MEDIA, is_final=is_retry)
    if not (failure.text_key or failure.is_of_program(policy.project_id)):
        return Verdict(end=End.NO_TEXT, is_final=is_retry)
    if failure.retries >= len(policy.delays_seconds):
        return Verdict(end=End.RETRIES_USED_UP, is_final=True)
    due_at = now + policy.delays_seconds[failure.retries] * 1000
    if policy.is_too_old(failure.first_at, due_at):
        return Verdict(end=End.TOO_OLD, is_final=True)
    return Verdict(wait=Wait(failure.retries + 1, due_at))


def read_sms_event(event: Json) -> Failure | Arrival | None:
    """Return the failure or arrival that an event in Pinpoint's format tells; None for another.

    A failure whose `isFinal` of End User Messaging is false has no effect: the service still tries,
    and writes a final event within 72 hours.

    Raises:
        MalformedSmsEvent: the event lacks a member that every such event has.
    """
    event_type = event.get("event_type")
    if event_type not in ("_SMS.FAILURE", "_SMS.SUCCESS"):
        return None
    attributes = _texts(event.get("attributes"))
    message_id = attributes.get("message_id")
    if message_id is None or not _MESSAGE_ID.fullmatch(message_id):
        raise MalformedSmsEvent("attributes.message_id is missing, or is not an id.")
    customer = _customer(attributes.get("customer_context"))
    retry = _retry(customer)
    original_id, retries = retry.get("of", message_id), retry.get("n", 0)
    if event_type == "_SMS.SUCCESS":
        return Arrival(message_id, original_id, retries)
    if attributes.get("is_final", "").lower() == "false":
        return None
    status, number = attributes.get("record_status"), attributes.get("destination_phone_number")
    if status is None or not _STATUS.fullmatch(status):
        raise MalformedSmsEvent("attributes.record_status is missing, or is not a status.")
    # A program can send to any address. A refused address is the program's error, not the event's.
    if number is None:
        raise MalformedSmsEvent("attributes.destination_phone_number is missing.")
    origination = attributes.get("origination_phone_number")
    at = _moment(event.get("event_timestamp"))
    key = retry.get("key") if retry else customer.get(RETRY_KEY)
    return Failure(
        message_id=message_id,
        original_id=original_id,
        retries=retries,
        status=status,
        number=number,
        origination=origination if _ORIGINATION.fullmatch(origination or "") else None,
        message_type=_TYPES.get(attributes.get("message_type", "")),
        kind=attributes.get("message_kind", "TEXT"),
        first_at=retry.get("at", _requested(attributes, at)),
        at=at,
        ids=_ids(event, attributes, message_id),
        customer={k: v for k, v in customer.items() if k not in (RETRY_KEY, RETRY_ENTRY)},
        text_key=key if isinstance(key, str) and key else None,
    )


def retry_context(failure: Failure, number: int) -> dict[str, str]:
    """Return the Context of a retry: that of the failed message, and which message it retries.

    Source: SendTextMessage, five entries of 800 characters at most. A message of a hub has `hub`
    and `customer_context`; another has its own entries, of which `retry_key` makes room.
    """
    entry: dict[str, Any] = {"of": failure.original_id, "n": number, "at": failure.first_at}
    if failure.text_key is not None:
        entry["key"] = failure.text_key
    context = {RETRY_ENTRY: compact(entry)}
    given = failure.ids.given()
    if given:
        context[HUB_CONTEXT] = compact(given)
    loose = {name: value for name, value in failure.customer.items() if isinstance(value, str)}
    is_loose = len(loose) == len(failure.customer) and len(loose) + len(context) <= 5
    if given or not is_loose:
        if failure.customer:
            context[CUSTOMER_CONTEXT] = compact(dict(failure.customer))
    else:
        context |= loose
    return context


def _customer(text: str | None) -> dict[str, Any]:
    try:
        found = json.loads(text or "{}")
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _retry(customer: Json) -> dict[str, Any]:
    """Return this module's entry of a message's Context; entries of other programs do not count."""
    text = customer.get(RETRY_ENTRY)
    try:
        entry = json.loads(text) if isinstance(text, str) else None
    except (ValueError, RecursionError):
        return {}
    if not isinstance(entry, dict):
        return {}
    original_id, number, at = entry.get("of"), entry.get("n"), entry.get("at")
    is_ours = (
        isinstance(original_id, str)
        and _MESSAGE_ID.fullmatch(original_id) is not None
        and type(number) is int
        and 0 < number <= _MOST_RETRIES
        and type(at) is int
        and 0 <= at <= _LATEST
    )
    return entry if is_ours else {}


def _ids(event: Json, attributes: Mapping[str, str], message_id: str) -> HubIds:
    """Return the ids that the hub gave the message, so that a retry has them too."""
    found: dict[str, Any] = dict(attributes)
    if not attributes.get("campaign_id"):
        found.pop("treatment_id", None)  # Pinpoint's records have "0" without a campaign
    client_id = _text(event.get("client"), "client_id")
    request_id = attributes.get("sender_request_id")
    return replace(
        HubIds.of(found),
        application_id=_text(event.get("application"), "app_id"),
        endpoint_id=None if client_id == anonymous(message_id) else client_id,
        request_id=request_id if request_id and request_id != message_id else None,
    )


def _text(part: Any, member: str) -> str | None:
    """Return a text of a part of a record; None where the part has no such text."""
    value = part.get(member) if isinstance(part, Mapping) else None
    return value if isinstance(value, str) and value else None


def _texts(attributes: Any) -> dict[str, str]:
    if not isinstance(attributes, Mapping):
        return {}
    return {str(name): value for name, value in attributes.items() if isinstance(value, str)}


def _moment(value: Any) -> int:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not math.isfinite(value) or not 0 <= value <= _LATEST:
        raise MalformedSmsEvent("event_timestamp is not a number of epoch milliseconds.")
    return int(value)


def _requested(attributes: Mapping[str, str], at: int) -> int:
    text = attributes.get(REQUESTED_AT, "")
    return min(int(text), at) if re.fullmatch(r"[0-9]{1,15}", text) else at
