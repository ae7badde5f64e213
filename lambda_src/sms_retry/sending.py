"""Queue → one text message for each retry that is due, and no text message for the others."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from shared.send_outcome import DeliveryStatus, SendOutcome, attempt
from sms_retry.chains import Chains, Claim, Holder
from sms_retry.failures import End, Failure, Policy, retry_context
from sms_retry.final import FinalFailure
from sms_retry.intake import delay_seconds, retry_body
from sms_retry.programs import CannotRetry, Programs
from sms_retry.remember import Text, Texts

if TYPE_CHECKING:
    from mypy_boto3_pinpoint_sms_voice_v2 import PinpointSMSVoiceV2Client

__all__ = [
    "MalformedRetry",
    "NotSentNow",
    "Requeue",
    "Result",
    "Retry",
    "Sender",
    "Sent",
    "Skipped",
]

SHORTEST_LIFE, LONGEST_LIFE = 5, 259_200  # SendTextMessage, TimeToLive in seconds
_THROTTLED_SECONDS = 60
_EARLY_MILLISECONDS = 500  # clocks differ; a hop through the queue costs more
_SETTINGS = ("DestinationCountryParameters", "Keyword", "MaxPrice")


class MalformedRetry(ValueError):
    """A message of the queue is no retry; another attempt cannot help."""


class NotSentNow(RuntimeError):
    """The account cannot send now. The retry was surely not sent and waits again."""


@dataclass(frozen=True, slots=True)
class Retry:
    """A retry in the queue."""

    failure: Failure
    number: int
    due_at: int

    @classmethod
    def of(cls, body: str) -> Retry:
        """Read a message of the queue.

        Raises:
            MalformedRetry: this module did not write it.
        """
        try:
            given = json.loads(body)
            number, due_at = given["Retry"], given["DueAt"]
            failure = Failure.from_json(given["Failure"])
            retry_context(failure, number)
        except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
            raise MalformedRetry("The message is no retry of this module.") from error
        if type(number) is not int or type(due_at) is not int or number < 1:
            raise MalformedRetry("Retry and DueAt of the message are not whole numbers.")
        return cls(failure, number, due_at)


@dataclass(frozen=True, slots=True)
class Requeue:
    """The retry is not due, or the rate is exceeded: queue it again with this delay."""

    body: str
    delay_seconds: int


@dataclass(frozen=True, slots=True)
class Sent:
    """The retry was taken for delivery."""

    message_id: str


@dataclass(frozen=True, slots=True)
class Skipped:
    """The message arrived, the chain ended, or another message of the queue has the retry."""


Result = Requeue | Sent | Skipped | FinalFailure


@dataclass(slots=True)
class Sender:
    """Sends retries. `programs` is None without a project. `clock` is in seconds since 1970."""

    policy: Policy
    chains: Chains
    texts: Texts
    programs: Programs | None
    sms: PinpointSMSVoiceV2Client
    configuration_set: str
    clock: Callable[[], float]
    attempt: Callable[[Callable[[], Mapping[str, Any]]], SendOutcome] = attempt

    def process(self, retry: Retry, holder: Holder) -> Result:
        """Work on a retry.

        Raises:
            NotSentNow, ServiceUnavailable, ClientError, BotoCoreError: it is to be received again.
        """
        failure, number = retry.failure, retry.number
        original_id = failure.original_id
        now = int(self.clock() * 1000)
        if retry.due_at > now + _EARLY_MILLISECONDS:
            return self._again(retry, now)
        match self.chains.standing(original_id, number, holder):
            case Claim.DIED:
                if self.chains.end_died(original_id, number, holder):
                    return FinalFailure(failure, number, End.UNKNOWN_OUTCOME)
                return Skipped()
            case Claim.NOTIFY_AGAIN:
                reason = End(self.chains.reason(original_id))
                return FinalFailure(failure, _made(number, reason), reason)
            case Claim.SUPERSEDED:
                return Skipped()
        try:
            text, life = self._text(failure, now)
        except CannotRetry as error:
            if self.chains.end_waiting(original_id, number, holder, error.reason):
                return FinalFailure(failure, _made(number, error.reason), error.reason)
            return Skipped()
        if self.chains.claim(original_id, number, holder) is not Claim.MINE:
            return Skipped()
        request = self._request(failure, number, text, life)
        outcome = self.attempt(lambda: self.sms.send_text_message(**request))
        return self._after(outcome, retry, holder, now)

    def _after(self, outcome: SendOutcome, retry: Retry, holder: Holder, now: int) -> Result:
        failure, number = retry.failure, retry.number
        original_id = failure.original_id
        match outcome.delivery_status:
            case DeliveryStatus.SUCCESSFUL:
                message_id = str(outcome.message_id)
                self.chains.sent(original_id, number, holder, message_id)
                return Sent(message_id)
            case DeliveryStatus.THROTTLED:
                self.chains.release(original_id, number, holder)
                return self._again(Retry(failure, number, now + _THROTTLED_SECONDS * 1000), now)
            case DeliveryStatus.TEMPORARY_FAILURE:
                self.chains.release(original_id, number, holder)
                raise NotSentNow(outcome.reason or str(outcome.status_code))
            case DeliveryStatus.OPT_OUT:
                reason = End.OPTED_OUT
            case DeliveryStatus.UNKNOWN_FAILURE:
                reason = End.UNKNOWN_OUTCOME
            case _:
                reason = End.REFUSED_RETRY
        if self.chains.end_claimed(original_id, number, holder, reason):
            return FinalFailure(failure, _made(number, reason), reason)
        return Skipped()

    def _again(self, retry: Retry, now: int) -> Requeue:
        body = retry_body(retry.failure, retry.number, retry.due_at)
        return Requeue(body, delay_seconds(retry.due_at, now))

    def _text(self, failure: Failure, now: int) -> tuple[Text, int]:
        """Return the text, and the seconds for which it is still of use.

        Raises:
            CannotRetry: the text is too old, gone, or not for its endpoint any more.
        """
        end = failure.first_at // 1000 + self.policy.max_age_seconds
        if failure.text_key is None:
            if end - now // 1000 < SHORTEST_LIFE:
                raise CannotRetry(End.TOO_OLD)
            if self.programs is None or not failure.is_of_program(self.policy.project_id):
                raise CannotRetry(End.TEXT_GONE)
            text = self.programs.text(failure)
        else:
            found = self.texts.find(failure.text_key)
            if found is None:
                raise CannotRetry(End.TEXT_GONE)
            text = found
            end = min(end, found.useful_until or end)
        life = end - now // 1000
        if life < SHORTEST_LIFE:
            raise CannotRetry(End.TOO_OLD)
        return text, min(life, LONGEST_LIFE)

    def _request(self, failure: Failure, number: int, text: Text, life: int) -> dict[str, Any]:
        settings = {name: text.settings[name] for name in _SETTINGS if text.settings.get(name)}
        request: dict[str, Any] = {
            **settings,
            "DestinationPhoneNumber": failure.number,
            "OriginationIdentity": failure.origination,
            "MessageBody": text.body,
            "ConfigurationSetName": self.configuration_set,
            "Context": retry_context(failure, number),
            "TimeToLive": life,
        }
        if failure.message_type is not None:
            request["MessageType"] = failure.message_type
        return request


def _made(number: int, reason: End) -> int:
    """Return the retries that were made: one without an answer counts, a refused one does not."""
    return number if reason is End.UNKNOWN_OUTCOME else number - 1
