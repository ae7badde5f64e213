"""Send the email of one endpoint, and say what became of it.

Everything that can fail without harm happens first: configuration, template, file, rendering. Then
the sender waits for its turn, claims the message, and sends it once.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Protocol

from botocore.exceptions import BotoCoreError, ClientError

from email_attachments.bucket import FileBucket
from email_attachments.configuration import (
    BadConfiguration,
    Configuration,
    Files,
    Rules,
    read_configuration,
)
from email_attachments.files import FileRefused
from email_attachments.ledger import Claim, Ledger, State
from email_attachments.message import File, plan_of, rendered, send_request
from email_attachments.templates import TemplateMissing, Templates
from shared.campaign_calls import refusal_of
from shared.channel_intake import ChannelMessage
from shared.mailbox import MailboxRefused, read_address
from shared.messages.errors import BadRequest
from shared.outcome_events import ChannelOutcome, OutcomeEvent
from shared.pacing import PacingContention
from shared.pinpoint import current_endpoint
from shared.send_outcome import DeliveryStatus, SendOutcome, attempt
from shared.transient import ServiceUnavailable, error_code

if TYPE_CHECKING:
    from mypy_boto3_pinpoint import PinpointClient
    from mypy_boto3_sesv2 import SESV2Client

__all__ = ["CHANNEL", "Later", "Reason", "Sender", "problem_of"]

CHANNEL = "email_attachments"


class Reason(StrEnum):
    """Reason of an outcome, beside the problems of a file and the codes of SES."""

    ADDRESS_REFUSED = "ADDRESS_REFUSED"
    BAD_CONFIGURATION = "BAD_CONFIGURATION"
    ENDPOINT_CHANGED = "ENDPOINT_CHANGED"
    ENDPOINT_DELETED = "ENDPOINT_DELETED"
    NOT_AN_EMAIL_ENDPOINT = "NOT_AN_EMAIL_ENDPOINT"
    NO_ANSWER = "NO_ANSWER"
    RENDERING_FAILED = "RENDERING_FAILED"
    SENDER_STOPPED = "SENDER_STOPPED"


class Later(Exception):
    """The message is surely not sent and goes back to the queue.

    `stops`: no other message of the batch can be sent now either.
    """

    def __init__(self, reason: str, *, stops: bool = False) -> None:
        super().__init__(reason)
        self.stops = stops


class Pacer(Protocol):
    """`shared.pacing.RateLimiter`."""

    def reserve(self, n: int, by: float) -> float | None: ...


def problem_of(endpoint: Mapping[str, Any]) -> str | None:
    """Return why an endpoint of a call gets no email; None where it may."""
    if endpoint.get("ChannelType") != "EMAIL":
        return Reason.NOT_AN_EMAIL_ENDPOINT
    refusal = refusal_of(endpoint)
    return None if refusal is None else refusal.value


@dataclass(frozen=True, slots=True)
class Sender:
    """Sends messages of the queue, one after another.

    Args:
        recheck_seconds: age from which an endpoint is read again before it gets its email.
        ses: a client that tries once.
    """

    rules: Rules
    templates: Templates
    files: FileBucket
    ledger: Ledger
    pacer: Pacer
    pinpoint: PinpointClient
    ses: SESV2Client
    recheck_seconds: float
    configuration_set: str | None = None
    clock: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep

    def send(self, message: ChannelMessage, deadline: float) -> OutcomeEvent:
        """Send one message, at most once however often it is received.

        Args:
            deadline: epoch second by which a send must have begun.

        Raises:
            Later: it is surely not sent, and may be later.
            ClientError, BotoCoreError, ServiceUnavailable: as Later, of a service before the send.
        """
        # A message that was sent has its outcome, whatever became of its file and endpoint since.
        claim = self.ledger.find(message.key)
        if claim is not None and claim.state is not State.FREE:
            event = self._outcome_of_another(message, claim)
            return replace(event, attributes={**event.attributes, **self._facts(message)})
        if message.problem is not None:
            outcome = (
                ChannelOutcome.FAILED
                if message.problem in ("MALFORMED_ENDPOINT", "TOO_LARGE")
                else ChannelOutcome.SKIPPED
            )
            return self._event(message, outcome, message.problem)
        refused = problem_of(message.endpoint) or self._changed_since(message)
        if refused is not None:
            return self._event(message, ChannelOutcome.SKIPPED, refused)
        try:
            configuration = read_configuration(message.data, self.rules)
            request = self._request(message, configuration)
        except (BadConfiguration, TemplateMissing):
            # The intake checked both; the module or the template changed since.
            return self._event(message, ChannelOutcome.FAILED, Reason.BAD_CONFIGURATION)
        except FileRefused as error:
            return self._event(message, ChannelOutcome.FAILED, error.problem)
        except MailboxRefused:
            return self._event(message, ChannelOutcome.FAILED, Reason.ADDRESS_REFUSED)
        except _RenderingRefused:
            return self._event(message, ChannelOutcome.FAILED, Reason.RENDERING_FAILED)
        event = self._sent_once(message, request, deadline)
        return replace(event, attributes={**event.attributes, **_facts(configuration)})

    def _facts(self, message: ChannelMessage) -> dict[str, str]:
        try:
            return _facts(read_configuration(message.data, self.rules))
        except BadConfiguration:
            return {}

    def _changed_since(self, message: ChannelMessage) -> str | None:
        """Read an endpoint again that waited: it may have opted out, changed or gone."""
        if self.clock() - message.queued_at.timestamp() < self.recheck_seconds:
            return None
        endpoint = current_endpoint(
            self.pinpoint, message.sending.application_id, message.endpoint_id
        )
        if endpoint is None:
            return Reason.ENDPOINT_DELETED
        if endpoint.get("Address") != message.endpoint.get("Address"):
            return Reason.ENDPOINT_CHANGED
        return problem_of(endpoint)

    def _request(self, message: ChannelMessage, configuration: Configuration) -> dict[str, Any]:
        """Make the request of SES, with the recipient's own file."""
        address = message.endpoint.get("Address")
        address = read_address(address if isinstance(address, str) else "")
        template = self.templates.get(configuration.template_name, configuration.template_version)
        plan = plan_of(template, configuration)
        link, file = None, None
        if configuration.files is not Files.NONE:
            owner = message.endpoint_id if configuration.files is Files.ONE_PER_RECIPIENT else None
            key = configuration.key(message.endpoint_id)
            if configuration.links:
                link = self.files.link(
                    key, owner, configuration.file_name, configuration.link_seconds
                )
            else:
                file = File(configuration.file_name, self.files.read(key, owner))
        try:
            content = rendered(plan, configuration, message.endpoint, message.endpoint_id, link)
        except BadRequest as error:
            raise _RenderingRefused(error.message) from error
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            # A value that no rule foresaw costs its own recipient the message, and no other one.
            raise _RenderingRefused(type(error).__name__) from error
        return send_request(
            content,
            configuration,
            address,
            message.sending.ids(message.endpoint_id),
            file=file,
            configuration_set=self.configuration_set,
        )

    def _sent_once(
        self, message: ChannelMessage, request: dict[str, Any], deadline: float
    ) -> OutcomeEvent:
        self._wait_for_turn(deadline)
        claim = self.ledger.take(message.key)
        if not claim.own:
            return self._outcome_of_another(message, claim)
        outcome = attempt(lambda: self.ses.send_email(**request), attempts=1)
        match outcome.delivery_status:
            case DeliveryStatus.SUCCESSFUL:
                self._settle(claim, State.ACCEPTED, message_id=outcome.message_id)
                return self._event(
                    message, ChannelOutcome.ACCEPTED, None, message_id=outcome.message_id
                )
            case DeliveryStatus.THROTTLED | DeliveryStatus.TEMPORARY_FAILURE:
                self._settle(claim, State.FREE)
                raise Later(_reason(outcome), stops=True)
            case DeliveryStatus.UNKNOWN_FAILURE:
                self._settle(claim, State.UNKNOWN, reason=Reason.NO_ANSWER)
                return self._event(message, ChannelOutcome.UNKNOWN, Reason.NO_ANSWER)
            case _:
                self._settle(claim, State.FAILED, reason=_reason(outcome))
                return self._event(message, ChannelOutcome.FAILED, _reason(outcome))

    def _wait_for_turn(self, deadline: float) -> None:
        try:
            start = self.pacer.reserve(1, by=deadline)
        except PacingContention:
            start = None
        if start is None:
            raise Later("NO_TURN", stops=True)
        pause = start - self.clock()
        if pause > 0:
            self.sleep(pause)

    def _outcome_of_another(self, message: ChannelMessage, claim: Claim) -> OutcomeEvent:
        """Report the outcome of an earlier attempt again: its event may have been lost."""
        match claim.state:
            case State.ACCEPTED:
                return self._event(
                    message, ChannelOutcome.ACCEPTED, None, at=claim.at, message_id=claim.message_id
                )
            case State.FAILED:
                return self._event(message, ChannelOutcome.FAILED, claim.reason, at=claim.at)
            case State.UNKNOWN:
                return self._event(message, ChannelOutcome.UNKNOWN, claim.reason, at=claim.at)
        if not claim.is_given_up(self.clock()):
            raise Later("ANOTHER_ATTEMPT")
        self._settle(claim, State.UNKNOWN, reason=Reason.SENDER_STOPPED)
        return self._event(message, ChannelOutcome.UNKNOWN, Reason.SENDER_STOPPED)

    def _settle(
        self,
        claim: Claim,
        state: State,
        *,
        reason: str | None = None,
        message_id: str | None = None,
    ) -> None:
        """Write an outcome. Without the write a redelivery reports UNKNOWN, and sends nothing."""
        try:
            self.ledger.settle(claim, state, reason=reason, message_id=message_id)
        except (BotoCoreError, ClientError, ServiceUnavailable) as error:
            if state is State.FREE:
                raise Later(error_code(error), stops=True) from error

    def _event(
        self,
        message: ChannelMessage,
        outcome: ChannelOutcome,
        reason: str | None,
        *,
        at: float | None = None,
        message_id: str | None = None,
    ) -> OutcomeEvent:
        return OutcomeEvent(
            message.sending,
            message.endpoint_id,
            CHANNEL,
            outcome,
            datetime.fromtimestamp(self.clock() if at is None else at, UTC),
            reason,
            {"message_id": message_id} if message_id else {},
        )


class _RenderingRefused(Exception):
    """The recipient's values do not fit the template."""


def _reason(outcome: SendOutcome) -> str:
    return outcome.reason or outcome.delivery_status.value


def _facts(configuration: Configuration) -> dict[str, str]:
    facts = {
        "template_name": configuration.template_name,
        "template_version": configuration.template_version or "",
        "files": configuration.files.value,
    }
    if configuration.files is not Files.NONE:
        facts["delivery"] = configuration.delivery.value
    return facts
