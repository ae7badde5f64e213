"""Read an email's bounce or complaint: its recipients and its kind.

Sources: SES developer guide, "Contents of event data that Amazon SES publishes to Amazon SNS"
(`eventType`) and "Amazon SNS notification contents" (`notificationType`, the older notifications of
an identity); Pinpoint developer guide, "Streaming Amazon Pinpoint event data".
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import parseaddr
from enum import StrEnum
from typing import Any, Final

__all__ = [
    "Feedback",
    "FeedbackKind",
    "MalformedFeedback",
    "feedback_from_pinpoint",
    "feedback_from_ses",
    "normalised",
]


class FeedbackKind(StrEnum):
    """Kinds of feedback, by their consequence for the next email to the address."""

    HARD_BOUNCE = "HARD_BOUNCE"
    SOFT_BOUNCE = "SOFT_BOUNCE"
    COMPLAINT = "COMPLAINT"


class MalformedFeedback(ValueError):
    """A documented member is missing or of another type; retrying cannot help.

    The message names the member and never its value, which may be an address.
    """


# These addresses are on a list already: SES did not try them.
_HELD_BACK: Final = frozenset({"OnAccountSuppressionList", "OnTenantSuppressionList"})
_NOT_A_COMPLAINT: Final = "not-spam"  # the recipient took the email out of the spam folder
_PINPOINT_TYPES: Final = {
    "_email.hardbounce": "bounce",
    "_email.softbounce": "bounce",
    "_email.complaint": "complaint",
}


@dataclass(frozen=True, slots=True)
class Feedback:
    """One bounce or complaint about one email.

    `recipients` are normalised and named once each; `occurred_at` is in UTC. Copies of one piece of
    feedback have the same `feedback_id`.
    """

    kind: FeedbackKind
    recipients: tuple[str, ...]
    message_id: str
    feedback_id: str
    occurred_at: datetime
    sub_type: str | None = None

    @property
    def held_back(self) -> bool:
        """Whether SES sent nothing because the recipients are on its list already."""
        return self.sub_type in _HELD_BACK


def normalised(address: str) -> str:
    """Return an address as it is compared: without a display name and in lower case.

    RFC 5321 lets a server distinguish `Ann@` from `ann@`; no server that people use does.
    """
    bare = parseaddr(address)[1] if "<" in address else address
    return (bare or address).strip().lower()


def feedback_from_ses(event: Mapping[str, Any]) -> Feedback | None:
    """Read an SES event or a feedback notification of an identity.

    Returns:
        None when it says nothing against a recipient: deliveries, sends, opens, `not-spam`
        complaints, the message by which SES greets an identity's new topic.

    Raises:
        MalformedFeedback: it is neither, or a member of a bounce or complaint is missing.
    """
    kind = event.get("eventType") or event.get("notificationType")
    if not isinstance(kind, str):
        raise MalformedFeedback("The event has neither eventType nor notificationType.")
    if kind == "Bounce":
        bounce = _object(event, "bounce")
        return Feedback(
            kind=_bounce_kind(_text(bounce, "bounceType", "bounce.")),
            recipients=_recipients(bounce, "bouncedRecipients", "emailAddress", "bounce."),
            message_id=_text(_object(event, "mail"), "messageId", "mail."),
            feedback_id=_text(bounce, "feedbackId", "bounce."),
            occurred_at=_instant(bounce.get("timestamp"), "bounce.timestamp"),
            sub_type=_optional_text(bounce, "bounceSubType"),
        )
    if kind == "Complaint":
        complaint = _object(event, "complaint")
        if complaint.get("complaintFeedbackType") == _NOT_A_COMPLAINT:
            return None
        return Feedback(
            kind=FeedbackKind.COMPLAINT,
            recipients=_recipients(complaint, "complainedRecipients", "emailAddress", "complaint."),
            message_id=_text(_object(event, "mail"), "messageId", "mail."),
            feedback_id=_text(complaint, "feedbackId", "complaint."),
            occurred_at=_instant(complaint.get("timestamp"), "complaint.timestamp"),
            sub_type=_optional_text(complaint, "complaintSubType"),
        )
    return None


def feedback_from_pinpoint(event: Mapping[str, Any]) -> Feedback | None:
    """Read a record of a project's event stream.

    A hard bounce is one in its type *and* in its `bounce_type`, as AWS's own samples check it: a
    record that contradicts itself counts as a soft one. Without a feedback id, which Pinpoint does
    not document, the message and the type identify it: an email bounces once.

    Returns:
        None for every other type, and for `not-spam` complaints.

    Raises:
        MalformedFeedback: a member of a bounce or complaint is missing.
    """
    event_type = event.get("event_type")
    member = _PINPOINT_TYPES.get(event_type) if isinstance(event_type, str) else None
    if member is None:
        if not isinstance(event_type, str):
            raise MalformedFeedback("The event has no event_type.")
        return None
    mail_event = _object(_object(_object(event, "facets"), "email_channel"), "mail_event")
    detail = _object(mail_event, member)
    message_id = _text(_object(mail_event, "mail"), "message_id", "mail.")
    if member == "complaint":
        if detail.get("complaint_feedback_type") == _NOT_A_COMPLAINT:
            return None
        kind = FeedbackKind.COMPLAINT
    else:
        kind = _bounce_kind(_text(detail, "bounce_type", "bounce."))
        if event_type == "_email.softbounce":
            kind = FeedbackKind.SOFT_BOUNCE
    past = "bounced" if member == "bounce" else "complained"
    return Feedback(
        kind=kind,
        recipients=_recipients(detail, f"{past}_recipients", "email_address", f"{member}."),
        message_id=message_id,
        feedback_id=_optional_text(detail, "feedback_id") or f"{message_id}/{kind}",
        occurred_at=_instant(
            detail.get("timestamp") or event.get("arrival_timestamp"), "arrival_timestamp"
        ),
        sub_type=_optional_text(detail, f"{member}_sub_type"),
    )


def _bounce_kind(bounce_type: str) -> FeedbackKind:
    # Transient, Undetermined, and what SES may add: only Permanent stops an address at once.
    return FeedbackKind.HARD_BOUNCE if bounce_type == "Permanent" else FeedbackKind.SOFT_BOUNCE


def _recipients(
    detail: Mapping[str, Any], member: str, address_member: str, path: str
) -> tuple[str, ...]:
    listed = detail.get(member)
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise MalformedFeedback(f"{path}{member} is not a list of recipients.")
    addresses = []
    for recipient in listed:
        address = recipient.get(address_member) if isinstance(recipient, Mapping) else None
        if not isinstance(address, str) or not normalised(address):
            raise MalformedFeedback(f"A recipient in {path}{member} has no {address_member}.")
        addresses.append(normalised(address))
    return tuple(dict.fromkeys(addresses))


def _object(event: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = event.get(member)
    if not isinstance(value, Mapping):
        raise MalformedFeedback(f"The event's {member} is not an object.")
    return value


def _text(event: Mapping[str, Any], member: str, path: str) -> str:
    value = _optional_text(event, member)
    if value is None:
        raise MalformedFeedback(f"{path}{member} is not a text.")
    return value


def _optional_text(event: Mapping[str, Any], member: str) -> str | None:
    value = event.get(member)
    return value if isinstance(value, str) and value else None


def _instant(value: Any, member: str) -> datetime:
    """Return a time in ISO 8601 (SES) or in epoch milliseconds (Pinpoint), to the millisecond; UTC
    where no zone is named."""
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value / 1000, UTC)
        else:
            moment = datetime.fromisoformat(value)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise MalformedFeedback(f"{member} is not a time.") from error
