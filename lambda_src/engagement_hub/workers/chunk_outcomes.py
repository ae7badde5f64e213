"""The recipients of a chunk and their outcomes: which are final, how they are shown and counted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from engagement_hub.engagement.campaigns import CHUNKS_DONE, SETTLED, SendStatus
from engagement_hub.engagement.errors import EngagementError
from engagement_hub.engagement.model import Endpoint
from engagement_hub.senders import DeliveryStatus, SendOutcome
from engagement_hub.store.runs import Outcome
from engagement_hub.workers.steps import logger
from shared.messages.content import Content

# 5 s, 10 s, 20 s … 30 minutes: 64 rounds are 27 hours, longer than SES counts a sending quota.
MOST_ROUNDS = 64
# Ten minutes: a permission that is just being given counts by then. Longer, one recipient whom the
# permission leaves out would hold up the others.
MOST_ROUNDS_WITHOUT_PERMISSION = 7
_NO_PERMISSION = frozenset({"AccessDenied", "AccessDeniedException"})
_FIRST_ROUND_PAUSE_SECONDS = 5
_LONGEST_ROUND_PAUSE_SECONDS = 1800

# How a send's outcome shows in `campaign_send_status`.
SEND_STATUS = {
    DeliveryStatus.SUCCESSFUL: SendStatus.SUCCESS,
    DeliveryStatus.THROTTLED: SendStatus.THROTTLED,
    DeliveryStatus.TEMPORARY_FAILURE: SendStatus.TRANSIENT_FAILURE,
    DeliveryStatus.PERMANENT_FAILURE: SendStatus.FAILURE_PERMANENT,
    DeliveryStatus.UNKNOWN_FAILURE: SendStatus.UNKNOWN,
    DeliveryStatus.OPT_OUT: SendStatus.FAILURE_PERMANENT,
    DeliveryStatus.DUPLICATE: SendStatus.DUPLICATE_ADDRESS,
}
# Statuses of messages that were surely not sent and may be sent later.
NOT_TAKEN = frozenset({SendStatus.THROTTLED.value, SendStatus.TRANSIENT_FAILURE.value})
# Our own word for endpoints that the FILTER hook left out. Their number is in the activity's
# ExecutionMetrics under this name.
FILTERED = "FILTERED_OUT_BY_HOOK"
# Member of the outcome of a message that was sent: `content_digest` of its content and address.
CONTENT_DIGEST = "content_digest"


@dataclass(frozen=True, slots=True)
class Recipient:
    """One line of a chunk: the endpoint as it was when the audience was built.

    `skip` is a status decided at that time.
    """

    position: int
    endpoint: Endpoint
    skip: str | None

    @property
    def id(self) -> str:
        return str(self.endpoint["Id"])

    @property
    def address(self) -> str:
        return str(self.endpoint.get("Address", ""))

    @property
    def channel(self) -> str:
        return str(self.endpoint.get("ChannelType", ""))


def content_or_status(render: Callable[[], Content | str], **ids: str) -> Content | str:
    """Return the content that `render` returns, or the status of a recipient without content.

    Args:
        ids: of the run and the chunk, for the log.
    """
    try:
        return render()
    except EngagementError:
        return SendStatus.FAILURE_PERMANENT.value
    except Exception as error:
        # A value that no rule foresaw costs its own recipient the message, and no other one.
        logger.error("rendering failed", extra={**ids, "error_type": type(error).__name__})
        return SendStatus.FAILURE.value


def may_repeat(outcome: Outcome | None, rounds: int) -> bool:
    """Check whether a message was surely not sent, and has attempts left."""
    if outcome is None or outcome["status"] not in NOT_TAKEN:
        return False
    denied = outcome.get("reason") in _NO_PERMISSION
    return rounds < (MOST_ROUNDS_WITHOUT_PERMISSION if denied else MOST_ROUNDS)


def round_pause(rounds: int) -> float:
    """Return the seconds before the next round of repeated attempts."""
    return float(min(_FIRST_ROUND_PAUSE_SECONDS * 2**rounds, _LONGEST_ROUND_PAUSE_SECONDS))


def recorded(outcome: SendOutcome) -> Outcome:
    """Return the outcome of a send as the chunk's record has it."""
    record: Outcome = {"status": SEND_STATUS[outcome.delivery_status].value}
    if outcome.message_id:
        record["message_id"] = outcome.message_id
    if outcome.reason:
        record["reason"] = outcome.reason
    if record["status"] in NOT_TAKEN:
        record["counted"] = True
    return record


def settled(
    recipients: Sequence[Recipient], outcomes: Mapping[int, Outcome]
) -> list[tuple[Recipient, Outcome]]:
    """Return every recipient with its outcome; one claimed without an outcome may have been sent
    to."""
    unknown: Outcome = {"status": SendStatus.UNKNOWN.value}
    return [(one, outcomes.get(one.position, unknown)) for one in recipients]


def counters_of(results: Sequence[tuple[Recipient, Outcome]]) -> dict[str, int]:
    """Count how many ended how, the recipients with an outcome, and the chunk itself as done."""
    statuses = Counter(str(outcome["status"]) for _, outcome in results)
    produced = len(results) - statuses[SendStatus.HOLDOUT.value]
    return {CHUNKS_DONE: 1, SETTLED: produced, **statuses}
