"""The parts of the hub: its stores, this account's names, its clocks, and the services it calls.

The API and the steps of the state machines work with one `Hub` each, made once per cold start.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

from engagement_hub.machines import Machines
from engagement_hub.store.endpoints import EndpointStore
from engagement_hub.store.entities import ACCOUNT, EntityStore, Kind
from engagement_hub.store.memory import ShortMemory
from shared.instants import iso
from shared.settings import optional_env, required_env

if TYPE_CHECKING:
    from engagement_hub.customer_functions import CustomerFunctions
    from engagement_hub.customer_role import CustomerRoles
    from engagement_hub.event_stream import EventStream
    from engagement_hub.forwarding import Forwarding
    from engagement_hub.pace import Paces
    from engagement_hub.recommendations import Recommendations
    from engagement_hub.senders import Senders
    from engagement_hub.store.journey_participants import ParticipantStore
    from engagement_hub.store.runs import RunStore
    from engagement_hub.store.sent_requests import SentRequests
    from engagement_hub.undelivered_events import UndeliveredEvents
    from engagement_hub.work_bucket import WorkBucket

__all__ = ["Account", "Hub", "hub_from_environment"]

# How long a container remembers that a project is there.
_PROJECT_REMEMBERED_SECONDS = 5.0
_REMEMBERED_PROJECTS = 1_024
# A journey lasts 3,600 days at most, and a wait of a year can begin on the last of them.
_KEEP_JOURNEY_SECONDS = 4_200 * 24 * 60 * 60


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
    """The parts of the hub.

    `forwards` are the operations that may be handed on to AWS.

    Nearly every request and step needs the stores of entities and endpoints. The other parts are
    imported and made at first use, so that a cold start of the API does without them; a test
    assigns its own. Threads must not be the first to use a part: two of them would make its client
    at the same time.
    """

    entities: EntityStore
    endpoints: EndpointStore
    account: Account
    machines: Machines = field(default_factory=Machines)
    clock: Callable[[], float] = time.time
    monotonic: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep
    forwards: frozenset[str] = frozenset()
    _projects: ShortMemory[dict[str, Any]] = field(init=False)

    def __post_init__(self) -> None:
        self._projects = ShortMemory(
            seconds=_PROJECT_REMEMBERED_SECONDS,
            most=_REMEMBERED_PROJECTS,
            clock=lambda: self.monotonic(),  # a test may set another one
        )

    def require_project(self, app_id: str) -> None:
        """Check that a project is there; a container remembers it for seconds.

        Raises:
            NotFound: there is no such project.
        """
        self._projects.get(app_id, lambda: self.entities.require(ACCOUNT, Kind.APP, app_id))

    def forget_project(self, app_id: str) -> None:
        """Read the project anew for the next request: it may be gone."""
        self._projects.forget(app_id)

    def now(self) -> datetime:
        """Return the current instant, in UTC."""
        return datetime.fromtimestamp(self.clock(), UTC)

    def timestamp(self) -> str:
        """Return the current instant as the API writes it: UTC, milliseconds, Z."""
        return iso(self.now())

    @cached_property
    def bucket(self) -> "WorkBucket":
        """The bucket for files that the steps of jobs and runs exchange."""
        from engagement_hub.work_bucket import WorkBucket

        return WorkBucket(required_env("WORK_BUCKET"))

    @cached_property
    def customer_functions(self) -> "CustomerFunctions":
        """Invokes the functions that campaigns name."""
        from engagement_hub.customer_functions import CustomerFunctions

        return CustomerFunctions()

    @cached_property
    def forwarding(self) -> "Forwarding":
        """Hands calls on to AWS."""
        from engagement_hub.forwarding import Forwarding

        return Forwarding(optional_env("FORWARD_PROJECT_ID"))

    @cached_property
    def journey_totals(self) -> "RunStore":
        """The totals of journeys, which last as long as a journey may."""
        from engagement_hub.store.runs import RunStore

        return RunStore(required_env("JOURNEYS_TABLE"), keep_totals_seconds=_KEEP_JOURNEY_SECONDS)

    @cached_property
    def participants(self) -> "ParticipantStore":
        """The participants of journeys."""
        from engagement_hub.store.journey_participants import ParticipantStore

        return ParticipantStore(required_env("JOURNEYS_TABLE"), clock=self.clock)

    @cached_property
    def paces(self) -> "Paces":
        """The schedules of the channels, which campaigns keep to as well."""
        from engagement_hub.pace import Paces

        return Paces(required_env("RUNS_TABLE"), clock=self.clock)

    @cached_property
    def recommendations(self) -> "Recommendations":
        """Asks the recommender models and functions that templates name."""
        from engagement_hub.recommendations import Recommendations

        return Recommendations(self.roles, self.customer_functions)

    @cached_property
    def roles(self) -> "CustomerRoles":
        """Assumes the roles that jobs and event streams name."""
        from engagement_hub.customer_role import CustomerRoles

        return CustomerRoles()

    @cached_property
    def runs(self) -> "RunStore":
        """The claims, outcomes and counters of jobs and campaign runs."""
        from engagement_hub.store.runs import RunStore

        return RunStore(required_env("RUNS_TABLE"))

    @cached_property
    def senders(self) -> "Senders":
        """Sends messages; its clients are made here, before threads share them."""
        from engagement_hub.senders import Senders

        senders = Senders.from_environment()
        senders.prepare()
        return senders

    @cached_property
    def sent_requests(self) -> "SentRequests":
        """The records of requests that send messages."""
        from engagement_hub.store.sent_requests import SentRequests

        return SentRequests(required_env("RUNS_TABLE"), self.clock)

    @cached_property
    def stream(self) -> "EventStream":
        """Writes to the projects' event streams."""
        from engagement_hub.event_stream import EventStream

        return EventStream(self.entities, roles=self.roles)

    @cached_property
    def undelivered(self) -> "UndeliveredEvents":
        """Keeps the events that an event stream refuses."""
        from engagement_hub.undelivered_events import UndeliveredEvents

        return UndeliveredEvents(required_env("WORK_BUCKET"))


def hub_from_environment() -> Hub:
    """Return the hub of the function's environment.

    Raises:
        MissingSetting: a table, PARTITION, AWS_REGION or ACCOUNT_ID is not set.
    """
    return Hub(
        entities=EntityStore(required_env("ENTITIES_TABLE")),
        endpoints=EndpointStore.from_environment(),
        account=Account(
            required_env("PARTITION"), required_env("AWS_REGION"), required_env("ACCOUNT_ID")
        ),
        forwards=frozenset((optional_env("FORWARD_OPERATIONS") or "").split(",")) - {""},
    )
