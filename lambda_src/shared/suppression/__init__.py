"""Turn bounces and complaints into suppressed addresses: decisions, tables, notifications.

`ses_event_processing` reads feedback from SES, `pinpoint_event_processing` from a project's event
stream; all that follows is the same and is here.
"""

from shared.suppression.feedback import (
    Feedback,
    FeedbackKind,
    MalformedFeedback,
    feedback_from_pinpoint,
    feedback_from_ses,
)
from shared.suppression.metrics import report_metrics
from shared.suppression.record import AddressRecord, Reason, TransientBounces
from shared.suppression.store import SuppressionStore
from shared.suppression.suppressor import Outcome, Suppressor

__all__ = [
    "AddressRecord",
    "Feedback",
    "FeedbackKind",
    "MalformedFeedback",
    "Outcome",
    "Reason",
    "SuppressionStore",
    "Suppressor",
    "TransientBounces",
    "feedback_from_pinpoint",
    "feedback_from_ses",
    "report_metrics",
]
