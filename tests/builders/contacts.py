"""Messages of a channel's queue, a channel in memory, and a clock that the test moves."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from connect_campaign_channel.channel import Answer, Contact, phone_number_of
from connect_campaign_channel.content import Content
from shared.campaign_calls import Sending
from shared.channel_intake import ChannelMessage

PROJECT = "a1b2c3d4e5f60718293a4b5c6d7e8f90"
NOON = datetime(2026, 3, 2, 17, 0, tzinfo=UTC)  # in New York
NUMBER = "+12125550123"
TABLE = "contacts"


class Clock:
    """Seconds since 1970; sleeping moves it."""

    def __init__(self, now: datetime = NOON) -> None:
        self.now = now.timestamp()

    def __call__(self) -> float:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.now += seconds

    def pass_time(self, **time: float) -> None:
        self.now += timedelta(**time).total_seconds()

    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)


class Phone:
    """A channel that rings in memory. `answers` are for the next contacts; then it accepts.

    An answer that is an exception is raised. `rings` counts the contacts that had an effect by
    token, as a service does that recognises tokens.
    """

    name = "phone"

    def __init__(self, repeatable: timedelta = timedelta(days=7)) -> None:
        self.repeatable = repeatable
        self.answers: list[Answer | Exception | Callable[[], Answer]] = []
        self.contacts: list[Contact] = []
        self.rings: dict[str, int] = {}

    def problem(self, endpoint: Mapping[str, Any]) -> str | None:
        return None if phone_number_of(endpoint) else "NO_PHONE_NUMBER"

    def check(self, content: Content) -> None:
        return None

    def contact(self, contact: Contact) -> Answer:
        self.contacts.append(contact)
        answer = self.answers.pop(0) if self.answers else self.ring
        if isinstance(answer, Exception):
            raise answer
        return answer() if callable(answer) else answer

    def ring(self) -> Answer:
        """Ring, or answer as before where the token was seen."""
        token = self.contacts[-1].token
        if not self.repeatable or token not in self.rings:
            self.rings[token] = self.rings.get(token, 0) + 1
        return Answer.accepted(f"contact-{token[:6]}")


class Book:
    """The project's endpoints as they are now. An id that is missing was deleted."""

    def __init__(self) -> None:
        self.endpoints: dict[str, Mapping[str, Any]] = {}
        self.reads: list[str] = []

    def current(self, application_id: str, endpoint_id: str) -> Mapping[str, Any] | None:
        assert application_id == PROJECT
        self.reads.append(endpoint_id)
        return self.endpoints.get(endpoint_id)


class Faulty:
    """A DynamoDB client of which single calls fail, before or after they are carried out."""

    def __init__(self, client: Any) -> None:
        self._client = client
        self.faults: list[tuple[str, str, Exception]] = []  # operation, before or after, error

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._client, name)

        def call(**request: Any) -> Any:
            if self.faults and self.faults[0][0] == name:
                _, when, error = self.faults.pop(0)
                if when == "after":
                    method(**request)
                raise error
            return method(**request)

        return call


def endpoint(**members: Any) -> dict[str, Any]:
    return {
        "ChannelType": "VOICE",
        "Address": NUMBER,
        "EndpointStatus": "ACTIVE",
        "OptOut": "NONE",
        "User": {"UserId": "u1", "UserAttributes": {"FirstName": ["Mary"]}},
        **members,
    }


def message(endpoint_id: str = "mary", **members: Any) -> ChannelMessage:
    """A message of a campaign run, queued at noon in New York."""
    sending = Sending(application_id=PROJECT, activity_id="run1", campaign_id="c1")
    given: dict[str, Any] = {
        "sending": sending,
        "endpoint": endpoint(),
        "data": "Hello {{User.UserAttributes.FirstName}}",
        "queued_at": NOON,
    }
    return ChannelMessage(endpoint_id=endpoint_id, **(given | members))
