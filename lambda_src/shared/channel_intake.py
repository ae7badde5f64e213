"""Calls of a custom channel as messages of a queue: one message for each endpoint, and back.

The intake function of a channel answers a campaign or journey within seconds, and the function
behind the queue sends. Each endpoint of a call becomes a message, also an endpoint that gets
nothing: its message has the reason, and the function behind the queue reports it, so that one place
writes outcomes.

A call that is repeated is queued again. The function behind the queue claims `ChannelMessage.key`
before it sends.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from shared.campaign_calls import CampaignCall, Sending
from shared.instants import iso

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

__all__ = [
    "LARGEST_MESSAGE",
    "ChannelMessage",
    "MalformedMessage",
    "NotQueued",
    "Problem",
    "answer_of",
    "enqueue",
    "messages_of",
    "read_message",
]

LARGEST_MESSAGE = 262_144
"""Bytes of a message, and of all messages of a SendMessageBatch, that a queue takes by default."""

_ENTRIES_PER_BATCH = 10
_ATTEMPTS = 3
_FIRST_PAUSE_SECONDS = 0.1
# Longer than any id of Pinpoint; an id that is longer cannot be reported whole.
_ID_CHARACTERS = 1_000

Problem = str
"""Reason in capitals why an endpoint gets nothing, such as `OPTED_OUT`; never with an address."""

MALFORMED_ENDPOINT: Problem = "MALFORMED_ENDPOINT"
TOO_LARGE: Problem = "TOO_LARGE"


class MalformedMessage(ValueError):
    """The body is no message of a channel's queue; retrying cannot help. Quotes no content."""


class NotQueued(RuntimeError):
    """Messages of a call could not be queued; the others of the call are. The call may be repeated.

    The text holds counts and codes.
    """


@dataclass(frozen=True, slots=True)
class ChannelMessage:
    """An endpoint to contact for a campaign run or journey activity.

    `endpoint` is the definition of the call, `{}` where `problem` says that it cannot be used.
    `data` is the custom channel's `CustomMessage.Data`. `queued_at` is the time of the call.
    """

    sending: Sending
    endpoint_id: str
    endpoint: Mapping[str, Any]
    data: str | None
    queued_at: datetime
    problem: Problem | None = None

    @property
    def key(self) -> str:
        """Key of this endpoint in this run: the same for a call that is repeated."""
        return f"{self.sending.key}/{self.endpoint_id}"

    def body(self) -> str:
        """Return the message's JSON."""
        document = {
            "sending": asdict(self.sending),
            "endpoint_id": self.endpoint_id,
            "endpoint": self.endpoint,
            "data": self.data,
            "queued_at": iso(self.queued_at),
            "problem": self.problem,
        }
        return json.dumps(document, separators=(",", ":"))


def messages_of(
    call: CampaignCall,
    *,
    at: datetime,
    problem_of: Callable[[Mapping[str, Any]], Problem | None] = lambda _: None,
) -> list[ChannelMessage]:
    """Return one message for each endpoint of a call.

    Args:
        at: the time of the call.
        problem_of: tells from the definition of an endpoint why it gets nothing.
    """
    return [
        _message(call, endpoint_id, endpoint, at, problem_of)
        for endpoint_id, endpoint in call.endpoints.items()
    ]


def _message(
    call: CampaignCall,
    endpoint_id: str,
    endpoint: Any,
    at: datetime,
    problem_of: Callable[[Mapping[str, Any]], Problem | None],
) -> ChannelMessage:
    def with_problem(problem: Problem) -> ChannelMessage:
        return ChannelMessage(call.sending, endpoint_id[:_ID_CHARACTERS], {}, None, at, problem)

    if not isinstance(endpoint, Mapping) or not _is_id(endpoint_id):
        return with_problem(MALFORMED_ENDPOINT)
    problem = problem_of(endpoint)
    if problem is not None:
        return with_problem(problem)
    message = ChannelMessage(call.sending, endpoint_id, endpoint, call.data, at)
    return message if len(message.body()) <= LARGEST_MESSAGE else with_problem(TOO_LARGE)


def _is_id(endpoint_id: str) -> bool:
    try:
        endpoint_id.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which is no text
        return False
    return len(endpoint_id) <= _ID_CHARACTERS


def read_message(body: str) -> ChannelMessage:
    """Read a message of the queue.

    Raises:
        MalformedMessage: the body was not written by `ChannelMessage.body`.
    """
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise MalformedMessage("The message is not JSON.") from error
    if not isinstance(document, dict):
        raise MalformedMessage("The message is not an object.")
    try:
        queued_at = datetime.fromisoformat(_member(document, "queued_at", str))
    except ValueError as error:
        raise MalformedMessage("queued_at is not a time.") from error
    if queued_at.tzinfo is None:
        raise MalformedMessage("queued_at has no time zone.")
    return ChannelMessage(
        sending=_sending(_member(document, "sending", dict)),
        endpoint_id=_member(document, "endpoint_id", str),
        endpoint=_member(document, "endpoint", dict),
        data=_member(document, "data", str | None),
        queued_at=queued_at.astimezone(UTC),
        problem=_member(document, "problem", str | None),
    )


def _sending(members: Mapping[str, Any]) -> Sending:
    names = {field.name for field in fields(Sending)}
    if not {"application_id", "activity_id"} <= members.keys() or not members.keys() <= names:
        raise MalformedMessage("sending has other members than a campaign run.")
    if not all(isinstance(value, str | None) for value in members.values()):
        raise MalformedMessage("sending has a member that is not text.")
    return Sending(**members)


def _member(document: Mapping[str, Any], name: str, kind: Any) -> Any:
    value = document.get(name)
    if not isinstance(value, kind):
        raise MalformedMessage(f"{name} is missing or of another type.")
    return value


def enqueue(
    sqs: SQSClient,
    queue_url: str,
    messages: Sequence[ChannelMessage],
    *,
    sleep: Callable[[float], None] = time.sleep,
) -> None:
    """Send the messages to the queue, ten at a time; refused entries are tried three times.

    Raises:
        NotQueued: entries were refused; the others are in the queue.
        ClientError, BotoCoreError: a call failed; messages of calls before it are in the queue.
    """
    refused = list(messages)
    codes: set[str] = set()
    for attempt in range(_ATTEMPTS):
        if attempt:
            sleep(_FIRST_PAUSE_SECONDS * 2 ** (attempt - 1))
        left: list[ChannelMessage] = []
        codes = set()
        for batch in _batches(refused):
            answer = sqs.send_message_batch(
                QueueUrl=queue_url,
                Entries=[
                    {"Id": str(number), "MessageBody": message.body()}
                    for number, message in enumerate(batch)
                ],
            )
            for failure in answer.get("Failed", []):
                left.append(batch[int(failure["Id"])])
                codes.add(failure["Code"])
        refused = left
        if not refused:
            return
    raise NotQueued(
        f"{len(refused)} of {len(messages)} messages could not be queued "
        f"({', '.join(sorted(codes))}); the others are in the queue, and the call may be repeated."
    )


def _batches(messages: Sequence[ChannelMessage]) -> list[list[ChannelMessage]]:
    batches: list[list[ChannelMessage]] = []
    room = 0
    for message in messages:
        size = len(message.body())  # json.dumps writes ASCII
        if not batches or len(batches[-1]) == _ENTRIES_PER_BATCH or size > room:
            batches.append([])
            room = LARGEST_MESSAGE
        batches[-1].append(message)
        room -= size
    return batches


def answer_of(messages: Sequence[ChannelMessage]) -> dict[str, Any]:
    """Return the answer to the call, by which a journey can branch. Campaigns do not read it.

    Each endpoint has the attribute `Result`: `Queued`, or `Skipped` with a `Reason`. The outcome of
    the message is not known yet.
    """
    return {
        message.endpoint_id: {
            "EventAttributes": {"Result": "Queued"}
            if message.problem is None
            else {"Result": "Skipped", "Reason": message.problem}
        }
        for message in messages
    }
