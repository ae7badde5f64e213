"""Fakes at the seams of the hub's API: senders, rates, event streams, the work bucket."""

import json
import threading
from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

import boto3
from botocore.awsrequest import AWSResponse
from botocore.config import Config
from botocore.exceptions import ReadTimeoutError

from engagement_hub.senders import Senders, SendOutcome
from engagement_hub.senders.channels import SendingIdentities
from tests.builders.hub import RawBody


class FakeSenders:
    """Records sent messages; responds SUCCESSFUL unless the address has an outcome of its own.

    `before` is called with each address, in the thread of its send.
    """

    def __init__(self) -> None:
        self.sent: list[SimpleNamespace] = []
        self.outcomes: dict[str, SendOutcome] = {}
        self.before: Callable[[str], object] = lambda address: None

    def send(self, content: Any, address: str, *, context: Mapping[str, str]) -> SendOutcome:
        self.before(address)
        self.sent.append(SimpleNamespace(content=content, address=address, context=context))
        return self.outcomes.get(address) or SendOutcome.accepted(f"m-{len(self.sent)}")

    @property
    def addresses(self) -> list[str]:
        return [message.address for message in self.sent]


class FakePaces:
    """Schedules as RateLimiter keeps them; `next` is when the next send of a channel is free."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self.clock = clock
        self.rates = dict.fromkeys(("APNS", "EMAIL", "GCM", "SMS", "VOICE"), 1e9)
        self.next: dict[str, float] = {}
        self.error: Exception | None = None

    def rate(self, channel: str) -> float:
        return self.rates[channel]

    def reserve(self, channel: str, n: int, by: float) -> float | None:
        if self.error:
            raise self.error
        start = max(self.next.get(channel, 0.0), self.clock())
        if start > by:
            return None
        self.next[channel] = start + n / self.rates[channel]
        return start


class FakeStream:
    """Records the events, unless it has an error to raise."""

    def __init__(self) -> None:
        self.records: list[tuple[str, Mapping[str, Any]]] = []
        self.error: Exception | None = None
        self.checked: list[tuple[str, str]] = []
        self.refusals: list[Exception] = []
        self.forgotten: list[str] = []

    def publish(self, app_id: str, records: Sequence[Mapping[str, Any]]) -> int:
        if self.error:
            raise self.error
        self.records += [(app_id, record) for record in records]
        return len(records)

    def check(self, stream: Mapping[str, Any], app_id: str, record: Mapping[str, Any]) -> None:
        self.checked.append((stream["DestinationStreamArn"], record["event_type"]))
        if self.refusals:
            raise self.refusals.pop(0)

    def forget(self, app_id: str) -> None:
        self.forgotten.append(app_id)


class FakeUndelivered:
    """Records the events that were kept, by the object's key."""

    def __init__(self) -> None:
        self.kept: dict[str, list[Mapping[str, Any]]] = {}
        self.error: Exception | None = None

    def keep(self, key: str, records: Sequence[Mapping[str, Any]], error: Exception) -> None:
        if self.error:
            raise self.error
        self.kept[key] = list(records)


class SendingServices:
    """Real senders whose requests reach no service: each is answered with the next of its address.

    An answer is "ok" (also after the last answer), "silent" (taken, without an answer), or a code
    and an HTTP status. Requests that a service takes are in `taken`, in order, after channel and
    address.
    """

    def __init__(self) -> None:
        self.answers: dict[str, list[str | tuple[str, int]]] = {}
        self.taken: list[tuple[str, str, Mapping[str, Any]]] = []
        self.before: Callable[[str], object] = lambda address: None
        self._lock = threading.Lock()
        self.senders = Senders(
            SendingIdentities(
                email_from="hub@example.com",
                sms_origination="+12065550100",
                voice_origination="+12065550101",
            ),
            phone=self._client("pinpoint-sms-voice-v2"),
            email=self._client("sesv2"),
        )

    def _client(self, service: str) -> Any:
        client = boto3.client(
            service,
            region_name="us-east-1",
            aws_access_key_id="testing",
            aws_secret_access_key="testing",
            config=Config(retries={"total_max_attempts": 1}),
        )
        client.meta.events.register(f"before-send.{service}", self._answer)
        return client

    def _answer(self, request: Any, **_: Any) -> AWSResponse:
        asked = json.loads(request.body)
        address = asked.get("DestinationPhoneNumber") or asked["Destination"]["ToAddresses"][0]
        channel = (
            "EMAIL"
            if "Destination" in asked
            else "VOICE"
            if "MessageBodyTextType" in asked
            else "SMS"
        )
        self.before(address)
        with self._lock:
            waiting = self.answers.get(address) or ["ok"]
            answer = waiting.pop(0)
            if isinstance(answer, str):
                self.taken.append((channel, address, asked))
                number = len(self.taken)
        if answer == "silent":
            raise ReadTimeoutError(endpoint_url="https://service.example")
        if isinstance(answer, str):
            return _response(request.url, 200, {"MessageId": f"m-{number}"})
        code, status = answer
        return _response(request.url, status, {"__type": code, "message": address}, code)


def _response(url: str, status: int, body: Mapping[str, Any], code: str = "") -> AWSResponse:
    headers: Any = {"Content-Type": "application/json", "x-amzn-ErrorType": code}
    return AWSResponse(url, status, headers, RawBody(json.dumps(body).encode()))
