"""Read the feedback in a record of a project's event stream."""

from __future__ import annotations

from shared.stream_records import NotAnEvent, event_in
from shared.suppression import Feedback, MalformedFeedback, feedback_from_pinpoint

__all__ = ["feedback_in"]


def feedback_in(data: str) -> tuple[Feedback, ...]:
    """Return the feedback in a record's data (base64); empty when it says nothing against a
    recipient.

    Raises:
        MalformedFeedback: it is no event, or lacks a member; retrying cannot help.
    """
    try:
        event = event_in(data)
    except NotAnEvent as error:
        raise MalformedFeedback(str(error)) from error
    return feedback_from_pinpoint(event)
