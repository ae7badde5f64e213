"""Fakes at the seams of the hub's API: senders, rates, event streams, the work bucket."""

from collections.abc import Callable, Mapping, Sequence
from types import SimpleNamespace
from typing import Any

from engagement_hub.senders import SendOutcome


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
        self.rates = {"SMS": 1e9, "EMAIL": 1e9, "VOICE": 1e9}
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
