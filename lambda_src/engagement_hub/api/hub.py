"""The context of operations: the stores, this account's names, and the services they start."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engagement_hub.api.wire import Call
from engagement_hub.machines import Machines
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import ACCOUNT, EntityStore, Kind
from engagement_hub.store.memory import ShortMemory
from shared.settings import required_env

if TYPE_CHECKING:
    from engagement_hub.event_stream import EventStream
    from engagement_hub.pace import Paces
    from engagement_hub.senders import Senders
    from engagement_hub.store.runs import RunStore
    from engagement_hub.store.sent_requests import SentRequests
    from engagement_hub.undelivered_events import UndeliveredEvents

__all__ = ["Account", "Hub", "Operation", "hub_from_environment", "new_id"]

# An HTTP API waits 30 s for its function; work that can be long stops here and asks to be called
# again.
_LONGEST_WORK_SECONDS = 20
# How long a container remembers that a project is there.
_PROJECT_REMEMBERED_SECONDS = 5.0
_REMEMBERED_PROJECTS = 1_024


@dataclass(frozen=True, slots=True)
class Account:
    """Where the hub lives."""

    partition: str
    region: str
    account_id: str

    def arn(self, resource: str) -> str:
        """Return the ARN of something of the API, for example `apps/<id>`."""
        prefix = f"arn:{self.partition}:mobiletargeting:{self.region}:{self.account_id}"
        return f"{prefix}:{resource}"


@dataclass
class Hub:
    """The parts of the hub; clients of services are made at first use."""

    entities: EntityStore
    endpoints: EndpointStore
    account: Account
    machines: Machines = field(default_factory=Machines)
    clock: Callable[[], float] = time.monotonic
    epoch: Callable[[], float] = time.time
    sleep: Callable[[float], None] = time.sleep
    _projects: ShortMemory[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._projects = ShortMemory(
            seconds=_PROJECT_REMEMBERED_SECONDS,
            most=_REMEMBERED_PROJECTS,
            clock=lambda: self.clock(),
        )

    def require_project(self, call: Call) -> None:
        """Check that the project of a request is there; a container remembers it for seconds.

        Raises:
            NotFound: there is no such project.
        """
        if call.operation == "DeleteApp":
            self._projects.forget(call.app_id)  # requests after this one must not find it
            return  # which reads the project itself
        self._projects.get(
            call.app_id, lambda: self.entities.require(ACCOUNT, Kind.APP, call.app_id)
        )

    @cached_property
    def stream(self) -> "EventStream":
        """Writes to the projects' event streams."""
        from engagement_hub.event_stream import EventStream

        return EventStream(self.entities)

    @cached_property
    def undelivered(self) -> "UndeliveredEvents":
        """Keeps the events that an event stream refuses."""
        from engagement_hub.undelivered_events import UndeliveredEvents

        return UndeliveredEvents(required_env("WORK_BUCKET"))

    @cached_property
    def senders(self) -> "Senders":
        """Sends messages; its clients are made here, before threads share them."""
        from engagement_hub.senders import Senders

        senders = Senders.from_environment()
        senders.prepare()
        return senders

    @cached_property
    def paces(self) -> "Paces":
        """The schedules of the channels, which campaigns keep to as well."""
        from engagement_hub.pace import Paces

        return Paces(required_env("RUNS_TABLE"), clock=self.epoch)

    @cached_property
    def sent_requests(self) -> "SentRequests":
        """The records of requests that send messages."""
        from engagement_hub.store.sent_requests import SentRequests

        return SentRequests(required_env("RUNS_TABLE"), self.epoch)

    @cached_property
    def runs(self) -> "RunStore":
        """The counters of campaign runs."""
        from engagement_hub.store.runs import RunStore

        return RunStore(required_env("RUNS_TABLE"))

    def stopwatch(self) -> Callable[[], bool]:
        """Return a function that says whether this request has worked for as long as it may."""
        end = self.clock() + _LONGEST_WORK_SECONDS
        return lambda: self.clock() >= end


Operation = Callable[[Hub, Call], Any]


def hub_from_environment() -> Hub:
    """Return the hub of the function's environment, to be made once at its cold start.

    Raises:
        MissingSetting: a table, PARTITION, AWS_REGION or ACCOUNT_ID is not set.
    """
    return Hub(
        entities=EntityStore(required_env("ENTITIES_TABLE")),
        endpoints=EndpointStore.from_environment(),
        account=Account(
            required_env("PARTITION"), required_env("AWS_REGION"), required_env("ACCOUNT_ID")
        ),
    )


def new_id() -> str:
    """Return an id as the API has them: 32 lower-case hex digits."""
    return uuid.uuid4().hex
