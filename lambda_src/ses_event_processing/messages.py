"""Read a message of the queue: feedback, in an envelope of SNS or EventBridge, or bare."""

import json
from collections.abc import Mapping
from typing import Any

from shared.suppression import Feedback, MalformedFeedback, feedback_from_ses

__all__ = ["feedback_in"]

# SES writes this text to a topic that becomes an event destination. It is no JSON and no event.
_GREETING = "Successfully validated SNS topic"
# "Amazon Simple Email Service events" in the EventBridge events reference.
_ABOUT_EMAILS = ("Email Bounced", "Email Complaint Received")


def feedback_in(body: str) -> tuple[Feedback, ...]:
    """Return the feedback in a message's body; empty when it says nothing against a recipient.

    Args:
        body: SNS's envelope with the event as a text; EventBridge's envelope with the event as its
            detail; or the event itself, as a subscription with raw message delivery brings it.

    Raises:
        MalformedFeedback: neither holds an SES event or notification; retrying cannot help.
    """
    if body.startswith(_GREETING):
        return ()
    event = _json(body, "The message")
    if event.get("Type") == "Notification" and isinstance(event.get("Message"), str):
        text = event["Message"]
        if text.startswith(_GREETING):
            return ()
        event = _json(text, "The notification's Message")
    if "detail-type" in event:
        # The sending status and recommendations come from the same source, without an eventType.
        if event["detail-type"] not in _ABOUT_EMAILS:
            return ()
        detail = event.get("detail")
        if not isinstance(detail, Mapping):
            raise MalformedFeedback("The event's detail is not an object.")
        event = detail
    return feedback_from_ses(event)


def _json(text: str, what: str) -> Mapping[str, Any]:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise MalformedFeedback(f"{what} is not JSON.") from error
    if not isinstance(value, dict):
        raise MalformedFeedback(f"{what} is not a JSON object.")
    return value
