"""Sends the messages of one direct-send request: paced, within its time, and once.

A window of recipients at a time is written down (store.sent_requests), gets its starting times in
the schedule that campaigns use too (pace), and is sent. Recipients whose turn does not come in the
request's time are answered THROTTLED: nothing was sent to them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any

from aws_lambda_powertools import Logger
from botocore.exceptions import BotoCoreError, ClientError

from engagement_hub.api.wire import Call
from engagement_hub.engagement.model import JsonObject
from engagement_hub.hub import Hub
from engagement_hub.senders import DeliveryStatus, Senders, SendOutcome
from engagement_hub.store.sent_requests import Path, Repetition, SentRequest
from shared.pacing import PacingContention

__all__ = ["LAST_START_SECONDS", "Delivered", "Delivery", "Message", "awaited", "record_of"]

# Sends under way at a time.
_PARALLEL_SENDS = 8
# A window is at most two seconds' worth of sends: little is unknown when a function dies in it.
_WINDOW_SECONDS = 2
_LARGEST_WINDOW = 25
# The function has 29 s. The last send starts before the first mark; at the second, sends that have
# no answer are given up, which leaves time to write the results and to answer.
LAST_START_SECONDS = 20.0
_LAST_ANSWER_SECONDS = 25.0
# After that time since its beginning, an earlier attempt is over.
_LONGEST_REQUEST_SECONDS = 30.0
_PAUSE_SECONDS = 0.5

logger = Logger(service="engagement-hub", child=True)


@dataclass(frozen=True, slots=True)
class Message:
    """One send. `path` finds its place in the answer."""

    path: Path
    channel: str
    address: str
    content: Any  # SmsContent, EmailContent or VoiceContent; PushContent with a sender of its own
    context: Mapping[str, str]
    endpoint_id: str | None = None
    sender: Callable[..., SendOutcome] | None = None


@dataclass(frozen=True, slots=True)
class Delivered:
    """The results by path, under the id of the request that sent.

    `outcomes` are the ends of this invocation's own sends.
    """

    request_id: str
    results: Mapping[Path, JsonObject]
    outcomes: Sequence[tuple[Message, SendOutcome]] = ()


class Delivery:
    """The sending of one request."""

    def __init__(self, hub: Hub, request_id: str, record: SentRequest | None) -> None:
        self._hub = hub
        self._request_id = request_id
        self._record = record
        started = hub.clock()
        self._last_start = started + LAST_START_SECONDS
        self._last_answer = started + _LAST_ANSWER_SECONDS
        self._results: dict[Path, JsonObject] = {}
        self._outcomes: list[tuple[Message, SendOutcome]] = []

    def send(self, messages: Sequence[Message], known: Mapping[Path, JsonObject]) -> Delivered:
        """Send each message once; `known` are results of recipients who get no message.

        Raises:
            ClientError, BotoCoreError: the record of the request cannot be written; nothing was
                sent.
        """
        waiting: dict[str, list[Message]] = {}
        for message in messages:
            waiting.setdefault(message.channel, []).append(message)
        self._results.update(known)
        senders = self._hub.senders if messages else None  # threads must not make clients
        nothing_claimed = True
        pool = ThreadPoolExecutor(_PARALLEL_SENDS)
        try:
            while waiting and senders is not None:
                windows = self._windows(waiting)
                try:
                    other = self._claim(windows)
                except (ClientError, BotoCoreError) as error:
                    if nothing_claimed:
                        raise  # the client repeats the request, and nothing was sent
                    # Without the record a repetition could send again.
                    self._log("claim of a direct send failed", error)
                    for left in (*windows.values(), *waiting.values()):
                        self._throttle(left)
                    break
                if other is not None:
                    return self._of_earlier_attempt(other, messages)
                nothing_claimed = False
                self._send_windows(pool, senders, windows, waiting)
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
        self._finish()
        return Delivered(self._request_id, self._results, self._outcomes)

    def _windows(self, waiting: dict[str, list[Message]]) -> dict[str, list[Message]]:
        """Take the next messages of each channel out of the waiting ones."""
        windows = {}
        for channel, left in list(waiting.items()):
            size = int(min(self._hub.paces.rate(channel) * _WINDOW_SECONDS, _LARGEST_WINDOW)) or 1
            windows[channel], waiting[channel] = left[:size], left[size:]
            if not waiting[channel]:
                del waiting[channel]
        return windows

    def _claim(self, windows: Mapping[str, Sequence[Message]]) -> Repetition | None:
        """Write down whom the windows go to; return an earlier attempt of the same request."""
        if self._record is None:
            return None
        paths = [message.path for window in windows.values() for message in window]
        return self._record.claim(paths, self._results)

    def _send_windows(
        self,
        pool: ThreadPoolExecutor,
        senders: Senders,
        windows: Mapping[str, Sequence[Message]],
        waiting: dict[str, list[Message]],
    ) -> None:
        starts: list[tuple[float, Message]] = []
        for channel, window in windows.items():
            start = self._reserve(channel, len(window))
            if start is None:
                # The channel's schedule is full for longer than this request may take.
                self._throttle([*window, *waiting.pop(channel, [])])
                continue
            gap = 1 / self._hub.paces.rate(channel)
            starts += [(start + number * gap, message) for number, message in enumerate(window)]
        under_way: list[tuple[Message, Future[SendOutcome]]] = []
        for start, message in sorted(starts, key=lambda pair: pair[0]):
            delay = start - self._hub.clock()
            if delay > 0:
                self._hub.sleep(delay)
            send = pool.submit(
                message.sender or senders.send,
                message.content,
                message.address,
                context=message.context,
            )
            under_way.append((message, send))
        wait([send for _, send in under_way], max(0.0, self._last_answer - self._hub.clock()))
        for message, send in under_way:
            self._settle(message, self._outcome(send))

    def _reserve(self, channel: str, n: int) -> float | None:
        by = self._last_start - (n - 1) / self._hub.paces.rate(channel)
        try:
            return self._hub.paces.reserve(channel, n, by)
        except (PacingContention, ClientError, BotoCoreError) as error:
            self._log("no place in the schedule of a direct send", error)
            return None

    def _outcome(self, send: Future[SendOutcome]) -> SendOutcome | None:
        """Return how a send ended; None when it did not begin."""
        if send.cancel():
            return None
        if not send.done():
            return SendOutcome.unknown("No answer in the request's time: the message may be sent.")
        error = send.exception()
        if error is not None:
            self._log("a direct send failed", error)
            return SendOutcome.unknown("The hub failed while sending: the message may be sent.")
        return send.result()

    def _settle(self, message: Message, outcome: SendOutcome | None) -> None:
        if outcome is None:
            self._throttle([message])
            return
        self._outcomes.append((message, outcome))
        self._results[message.path] = result_of(message, outcome)

    def _throttle(self, messages: Sequence[Message]) -> None:
        for message in messages:
            self._results[message.path] = result_of(message, _NOT_TRIED)

    def _finish(self) -> None:
        if self._record is None:
            return
        try:
            self._record.finish(self._results)
        except (ClientError, BotoCoreError) as error:
            # The answer is known all the same; a repetition would say UNKNOWN for the last window.
            self._log("results of a direct send unwritten", error)

    def _of_earlier_attempt(self, other: Repetition, messages: Sequence[Message]) -> Delivered:
        """Return the results of the attempt that sends or has sent; wait for one under way."""
        assert self._record is not None
        other = awaited(self._hub, self._record, other, until=self._last_start)
        for message in messages:
            if message.path in other.results or not _is_over(self._hub, other):
                outcome = SendOutcome.unknown("An earlier attempt may have sent the message.")
            else:
                outcome = _NOT_TRIED
            self._results[message.path] = result_of(message, outcome)
        self._results.update(
            (path, dict(result)) for path, result in other.results.items() if result is not None
        )
        logger.info(
            "answered from an earlier attempt", request_id=self._request_id, done=other.done
        )
        return Delivered(other.holder, self._results)

    def _log(self, what: str, error: BaseException) -> None:
        logger.error(what, request_id=self._request_id, error_type=type(error).__name__)


def record_of(hub: Hub, call: Call) -> SentRequest | None:
    """Return the record by which a repetition is known; None for a client without ids of calls."""
    digest = call.digest()
    if digest is None:
        return None
    return hub.sent_requests.request(call.app_id, digest, call.request_id)


def awaited(hub: Hub, record: SentRequest, other: Repetition, *, until: float) -> Repetition:
    """Wait for the end of another attempt of the request; return how far it is at the instant."""
    while not _is_over(hub, other) and hub.clock() < until:
        hub.sleep(_PAUSE_SECONDS)
        other = record.read()
    return other


def _is_over(hub: Hub, other: Repetition) -> bool:
    return other.done or other.began + _LONGEST_REQUEST_SECONDS < hub.clock()


_NOT_TRIED = SendOutcome(
    DeliveryStatus.THROTTLED,
    429,
    "Not tried: the time of the request was over before the rate of the channel allowed the send. "
    "Send to this recipient again.",
)


def result_of(message: Message, outcome: SendOutcome) -> JsonObject:
    """Return a result as the API has it."""
    result: JsonObject = {
        "DeliveryStatus": str(outcome.delivery_status),
        "StatusCode": outcome.status_code,
        "StatusMessage": outcome.status_message,
        "MessageId": outcome.message_id,
        "UpdatedToken": outcome.updated_token,
    }
    # Only the results of endpoints have an address; results of addresses have it as their key.
    return result if message.endpoint_id is None else {**result, "Address": message.address}
