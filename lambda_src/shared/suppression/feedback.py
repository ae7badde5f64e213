"""Read an email's bounce or complaint: its recipients and its kind.

Sources: SES developer guide, "Contents of event data that Amazon SES publishes to Amazon SNS"
(`eventType`) and "Amazon SNS notification contents" (`notificationType`, the older notifications of
an identity); Pinpoint developer guide, "Streaming Amazon Pinpoint event data".
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from shared.mailbox import MailboxRefused, read_address

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

    The message names the member and never its value, which may be an address. `readable` holds
    the feedback about the recipients that could be read: their suppression does not depend on the
    recipient that could not.
    """

    def __init__(self, message: str, readable: tuple["Feedback", ...] = ()) -> None:
        super().__init__(message)
        self.readable = readable


# These addresses are on a list already: SES did not try them.
_HELD_BACK: Final = frozenset({"OnAccountSuppressionList", "OnTenantSuppressionList"})
_YEARS: Final = range(1970, 9001)
_NOT_A_COMPLAINT: Final = "not-spam"  # the recipient took the email out of the spam folder
_PINPOINT_TYPES: Final = {
    "_email.hardbounce": "bounce",
    "_email.softbounce": "bounce",
    "_email.complaint": "complaint",
}

# DynamoDB takes 1,024 bytes as a sort key (the address) and 2,048 as a partition key. A longer one
# would fail the read of the whole batch.
_LONGEST_TEXT: Final = 1_024
_LONGEST_ADDRESS: Final = 320
_ADDRESS: Final = re.compile(
    r"(?:[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~]+|\"[ !#-~]+\")@[-.0-9A-Z_a-z]+"
    r"|(?:[!#$%&'*+\-./0-9=?A-Z^_`a-z{|}~]+)@\[[.:0-9A-Fa-fIPv]+\]"
)
_IN_ANGLE_BRACKETS: Final = re.compile(r".*<([^<>]*)>[^@<>]*", re.DOTALL)

# RFC 3463: class, subject and detail of a status. Class 5 is permanent.
_PERMANENT: Final = re.compile(r"5\.(\d{1,3}\.\d{1,3})(?!\d)")
# Permanent for this email, and not for the address: a full mailbox (2.2), an email that is too
# large (2.3, 3.4), content (6.x) and policy (7.x).
_NOT_ABOUT_THE_ADDRESS: Final = re.compile(r"2\.[23]|3\.4|[67]\..*")
# SES names the cause, and the cause passes or is in the email.
_PASSING: Final = frozenset(
    {
        "AttachmentRejected",
        "ContentRejected",
        "CustomTimeoutExceeded",
        "MailboxFull",
        "MessageTooLarge",
    }
)


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


def normalised(address: str) -> str | None:
    """Return an address as it is compared: without a display name and in lower case.

    The address is in the last angle brackets, where there are any: a name in front of them may
    hold a comma, quoted or not (`Lee, Ann <ann@example.com>`). Domains with other letters than
    ASCII's are given in Punycode, as SES wrote to them. RFC 5321 lets a server distinguish `Ann@`
    from `ann@`; no server that people use does.

    Returns:
        None when the text holds no single address.
    """
    bracketed = _IN_ANGLE_BRACKETS.fullmatch(address)
    bare = (bracketed[1] if bracketed else address).strip()
    if not bare.isascii():
        try:
            bare = read_address(bare)
        except MailboxRefused:
            return None
    readable = len(bare) <= _LONGEST_ADDRESS and _ADDRESS.fullmatch(bare)
    return bare.lower() if readable else None


def feedback_from_ses(event: Mapping[str, Any]) -> tuple[Feedback, ...]:
    """Read an SES event or a feedback notification of an identity.

    Returns:
        One piece of feedback for each kind. Empty when the event says nothing against a recipient:
        deliveries, sends, opens, automatic replies, `not-spam` complaints, the message by which SES
        greets an identity's new topic.

    Raises:
        MalformedFeedback: it is neither, or a member of a bounce or complaint is missing.
    """
    kind = event.get("eventType") or event.get("notificationType")
    if not isinstance(kind, str):
        raise MalformedFeedback("The event has neither eventType nor notificationType.")
    if kind == "Bounce":
        bounce = _object(event, "bounce")
        bounce_type = _text(bounce, "bounceType", "bounce.")
        return _about(
            Feedback(
                kind=FeedbackKind.SOFT_BOUNCE,
                recipients=(),
                message_id=_text(_object(event, "mail"), "messageId", "mail."),
                feedback_id=_text(bounce, "feedbackId", "bounce."),
                occurred_at=_instant(bounce.get("timestamp"), "bounce.timestamp"),
                sub_type=_optional_text(bounce, "bounceSubType"),
            ),
            bounce,
            _Members("bouncedRecipients", "emailAddress", "diagnosticCode", "bounce."),
            bounce_type,
        )
    if kind == "Complaint":
        complaint = _object(event, "complaint")
        if complaint.get("complaintFeedbackType") == _NOT_A_COMPLAINT:
            return ()
        return _about(
            Feedback(
                kind=FeedbackKind.COMPLAINT,
                recipients=(),
                message_id=_text(_object(event, "mail"), "messageId", "mail."),
                feedback_id=_text(complaint, "feedbackId", "complaint."),
                occurred_at=_instant(complaint.get("timestamp"), "complaint.timestamp"),
                sub_type=_optional_text(complaint, "complaintSubType"),
            ),
            complaint,
            _Members("complainedRecipients", "emailAddress", "diagnosticCode", "complaint."),
        )
    return ()


def feedback_from_pinpoint(event: Mapping[str, Any]) -> tuple[Feedback, ...]:
    """Read a record of a project's event stream.

    A hard bounce is one in its type *and* in its `bounce_type`, as AWS's own samples check it: a
    record that contradicts itself counts as a soft one. Without a feedback id, which Pinpoint does
    not document, the message and the type identify it: an email bounces once.

    Returns:
        One piece of feedback for each kind. Empty for every other type, for automatic replies, and
        for `not-spam` complaints.

    Raises:
        MalformedFeedback: a member of a bounce or complaint is missing.
    """
    event_type = event.get("event_type")
    member = _PINPOINT_TYPES.get(event_type) if isinstance(event_type, str) else None
    if member is None:
        if not isinstance(event_type, str):
            raise MalformedFeedback("The event has no event_type.")
        return ()
    mail_event = _object(_object(_object(event, "facets"), "email_channel"), "mail_event")
    detail = _object(mail_event, member)
    message_id = _text(_object(mail_event, "mail"), "message_id", "mail.")
    bounce_type = None
    kind = FeedbackKind.COMPLAINT
    if member == "complaint":
        if detail.get("complaint_feedback_type") == _NOT_A_COMPLAINT:
            return ()
    else:
        kind = FeedbackKind.SOFT_BOUNCE
        bounce_type = _text(detail, "bounce_type", "bounce.")
        if event_type == "_email.softbounce" and bounce_type == "Permanent":
            bounce_type = "Transient, by the type of the event"
    past = "bounced" if member == "bounce" else "complained"
    feedback_id = _text(detail, "feedback_id", f"{member}.") if detail.get("feedback_id") else None
    found = Feedback(
        kind=kind,
        recipients=(),
        message_id=message_id,
        feedback_id=feedback_id or message_id,
        occurred_at=_instant(
            detail.get("timestamp") or event.get("arrival_timestamp"), "arrival_timestamp"
        ),
        sub_type=_optional_text(detail, f"{member}_sub_type"),
    )
    members = _Members(f"{past}_recipients", "email_address", "diagnostic_code", f"{member}.")
    return _about(found, detail, members, bounce_type, id_by_kind=feedback_id is None)


@dataclass(frozen=True, slots=True)
class _Members:
    """Names of the members that list recipients: SES and Pinpoint spell them differently."""

    recipients: str
    address: str
    diagnostic_code: str
    path: str


def _about(
    feedback: Feedback,
    detail: Mapping[str, Any],
    members: _Members,
    bounce_type: str | None = None,
    *,
    id_by_kind: bool = False,
) -> tuple[Feedback, ...]:
    """Return the feedback of an event about its recipients, by kind.

    Args:
        feedback: the feedback without recipients.
        bounce_type: None for a complaint.
        id_by_kind: whether the kind belongs to the feedback id.
    """
    listed = detail.get(members.recipients)
    # An Undetermined bounce without recipients is an automatic reply that SES could not read.
    if not listed and bounce_type == "Undetermined":
        return ()
    if not isinstance(listed, Sequence) or isinstance(listed, str) or not listed:
        raise MalformedFeedback(f"{members.path}{members.recipients} is not a list of recipients.")
    by_kind: dict[FeedbackKind, list[str]] = {}
    unreadable = False
    for recipient in listed:
        address = recipient.get(members.address) if isinstance(recipient, Mapping) else None
        readable = normalised(address) if isinstance(address, str) else None
        if readable is None:
            unreadable = True
            continue
        kind = feedback.kind
        if bounce_type is not None:
            bounced = _bounce_kind(bounce_type, feedback.sub_type, recipient, members)
            if bounced is None:
                continue
            kind = bounced
        by_kind.setdefault(kind, []).append(readable)
    found = tuple(
        replace(
            feedback,
            kind=kind,
            recipients=tuple(dict.fromkeys(addresses)),
            feedback_id=f"{feedback.feedback_id}/{kind}" if id_by_kind else feedback.feedback_id,
        )
        for kind, addresses in by_kind.items()
    )
    if unreadable:
        raise MalformedFeedback(
            f"A recipient in {members.path}{members.recipients} has no {members.address} that "
            "is one address.",
            readable=found,
        )
    return found


def _bounce_kind(
    bounce_type: str, sub_type: str | None, recipient: Mapping[str, Any], members: _Members
) -> FeedbackKind | None:
    """Return the kind of a bounce for one recipient; None for an automatic reply.

    Out-of-office replies reach SES's return path as bounces do. SES publishes them as
    Transient/General or Undetermined, without the members that a delivery status notification
    fills in.
    """
    if bounce_type == "Permanent":
        return FeedbackKind.HARD_BOUNCE
    notified = any(recipient.get(m) for m in ("action", "status", members.diagnostic_code))
    general = (bounce_type, sub_type) == ("Transient", "General")
    if not notified and (general or bounce_type == "Undetermined"):
        return None
    status = _PERMANENT.match(str(recipient.get("status") or "").strip())
    about_the_address = status is not None and not _NOT_ABOUT_THE_ADDRESS.fullmatch(status[1])
    if about_the_address and sub_type not in _PASSING:
        return FeedbackKind.HARD_BOUNCE
    # Transient, Undetermined, and what SES may add.
    return FeedbackKind.SOFT_BOUNCE


def _object(event: Mapping[str, Any], member: str) -> Mapping[str, Any]:
    value = event.get(member)
    if not isinstance(value, Mapping):
        raise MalformedFeedback(f"The event's {member} is not an object.")
    return value


def _text(event: Mapping[str, Any], member: str, path: str) -> str:
    value = _optional_text(event, member)
    if value is None:
        raise MalformedFeedback(f"{path}{member} is not a text.")
    if not value.isprintable() or len(value.encode()) > _LONGEST_TEXT:
        raise MalformedFeedback(
            f"{path}{member} is not a printable text of at most {_LONGEST_TEXT} bytes."
        )
    return value


def _optional_text(event: Mapping[str, Any], member: str) -> str | None:
    value = event.get(member)
    return value if isinstance(value, str) and value else None


def _instant(value: Any, member: str) -> datetime:
    """Return a time in ISO 8601 (SES) or in epoch milliseconds (Pinpoint), to the millisecond; UTC
    where no zone is named.

    Raises:
        MalformedFeedback: no time, or a year at an end of the calendar, which a window would pass.
    """
    try:
        if isinstance(value, int | float) and not isinstance(value, bool):
            moment = datetime.fromtimestamp(value / 1000, UTC)
        else:
            moment = datetime.fromisoformat(value)
            moment = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
        if moment.year not in _YEARS:
            raise ValueError
        return moment.replace(microsecond=moment.microsecond // 1000 * 1000)
    except (TypeError, ValueError, OverflowError, OSError) as error:
        raise MalformedFeedback(f"{member} is not a time.") from error
