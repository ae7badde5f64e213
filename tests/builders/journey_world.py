"""A hub whose journeys run on a virtual clock: the state machine, the scheduler and the senders."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from engagement_hub.engagement.journey_runs import first_run, published
from engagement_hub.hub import Hub
from engagement_hub.machines import JourneyWork, start_journey_run
from engagement_hub.senders import SendOutcome
from engagement_hub.store.entities import ACCOUNT, Kind
from engagement_hub.store.journey_participants import journey_scope
from engagement_hub.workers import journey_work
from tests.builders.campaign_runs import Functions
from tests.builders.hub_workers import APP, Context, segment
from tests.builders.journeys import SEGMENT_ID


class Killed(BaseException):
    """The function died: nothing after this point was done by it."""


class Mortal:
    """A DynamoDB client of a function that dies, or whose answers are lost.

    `dies_at` is the number of the call before which the function dies; no call is made until the
    next step begins. `lost` are the numbers of calls whose answer is lost: they are made twice.
    """

    def __init__(self, client: Any) -> None:
        self._client = client
        self.calls = 0
        self.dies_at: int | None = None
        self.loses = False
        self.dead = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._client, name)
        writes = name in ("put_item", "update_item", "transact_write_items", "batch_write_item")
        if not writes and name not in ("get_item", "query", "batch_get_item"):
            return found

        def call(**request: Any) -> Any:
            if self.dead or self.calls == self.dies_at:
                self.dead = True
                raise Killed
            self.calls += 1
            if self.loses and name in ("put_item", "update_item"):
                found(**request)
            return found(**request)

        return call


class JourneySender:
    """Records messages with their moment; answers SUCCESSFUL unless the address has outcomes."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self.sent: list[tuple[datetime, str, str]] = []
        self.contexts: list[Mapping[str, str]] = []
        self.outcomes: dict[str, list[SendOutcome]] = {}
        self.before: Callable[[str], object] = lambda address: None
        self.after: Callable[[str], object] = lambda address: None

    def send(self, content: Any, address: str, *, context: Mapping[str, str]) -> SendOutcome:
        self.before(address)
        waiting = self.outcomes.get(address)
        outcome = waiting.pop(0) if waiting else SendOutcome.accepted(f"m-{len(self.sent)}")
        if outcome.delivery_status in ("SUCCESSFUL", "UNKNOWN_FAILURE"):
            moment = datetime.fromtimestamp(self._clock(), UTC)
            self.sent.append((moment, context["journey_activity_id"], address))
            self.contexts.append(context)
        self.after(address)
        return outcome

    def messages(self) -> list[tuple[str, str]]:
        """The messages by activity and address, in order."""
        return [(activity, address) for _, activity, address in self.sent]


class World:
    """Plays the executions of journeys in the order of their times.

    `tries` is the number of times that a step is tried after an exception, as the state machine
    does; the clock goes on by `retry_seconds` before each.
    """

    def __init__(self, hub: Hub, start: datetime) -> None:
        self.hub = hub
        self.now = start.timestamp()
        self.work: list[tuple[float, str, dict[str, Any]]] = []
        self.names: set[str] = set()
        self.closed: list[str] = []
        self.tries, self.retry_seconds = 3, 400
        self.client: Mortal | None = None
        self.sender = JourneySender(lambda: self.now)
        self.functions = Functions()
        self.functions.deliver_and_ask = self.functions.ask  # type: ignore[attr-defined]
        self.stream: list[dict[str, Any]] = []
        hub.clock = lambda: self.now
        hub.sleep = self._sleep
        hub.machines = self  # type: ignore[assignment]  # the part of Machines that is used
        hub.senders = self.sender  # type: ignore[assignment]  # as above
        hub.customer_functions = self.functions  # type: ignore[assignment]  # as above
        hub.stream = self  # type: ignore[assignment]  # as above
        for store in (hub.runs, hub.journey_totals):
            store._clock = lambda: self.now

    def _sleep(self, seconds: float) -> None:
        self.now += seconds

    # EventStream

    def publish(self, app_id: str, records: list[dict[str, Any]]) -> int:
        self.stream.extend(records)
        return len(records)

    # Machines

    def start_journey(self, app_id: str, journey_id: str, work: JourneyWork) -> None:
        self._add(self.now, f"start {journey_id}-{work.name}", work.input(app_id, journey_id))

    def schedule_journey(
        self,
        app_id: str,
        journey_id: str,
        work: JourneyWork,
        at: datetime,
    ) -> None:
        name = f"schedule {journey_id}-{work.name}"
        self._add(at.timestamp(), name, work.input(app_id, journey_id))

    def _add(self, at: float, name: str, given: dict[str, Any]) -> None:
        if name not in self.names:
            self.names.add(name)
            self.work.append((at, name, given))

    # Journeys

    def publish_journey(self, journey: Any) -> str:
        """Publish a journey, as the API does."""
        body = published({**journey, "ApplicationId": APP}, self.moment)
        self.hub.entities.put(APP, Kind.JOURNEY, body["Id"], body)
        start_journey_run(self, APP, body, first_run(body), self.moment)
        return str(body["Id"])

    def change(self, journey_id: str, change: Callable[[Any, datetime], Any]) -> None:
        """Change the state of a journey, as the API does."""
        body = self.hub.entities.update(
            APP, Kind.JOURNEY, journey_id, lambda body: change(body, self.moment)
        )
        if body["State"] == "ACTIVE":
            work = JourneyWork("REOPEN", "", body["Resumes"])
            self.start_journey(APP, journey_id, work)

    @property
    def moment(self) -> datetime:
        return datetime.fromtimestamp(self.now, UTC)

    def state(self, journey_id: str) -> str:
        return str(self.hub.entities.require(APP, Kind.JOURNEY, journey_id)["State"])

    def totals(self, journey_id: str, activity: str = "-", run: int | None = None) -> Any:
        scope = journey_scope(APP, journey_id, run)
        return self.hub.journey_totals.totals(scope).get(activity, {})

    # Executions

    def play(self, until: datetime | timedelta | None = None) -> None:
        """Play what is due until a moment, or everything."""
        if isinstance(until, timedelta):
            until = self.moment + until
        while self.work:
            self.work.sort(key=lambda one: one[0])
            if until is not None and self.work[0][0] > until.timestamp():
                break
            at, name, given = self.work.pop(0)
            self.now = max(self.now, at)
            self.execute(name, given)
        if until is not None:
            self.now = max(self.now, until.timestamp())

    def execute(self, name: str, given: dict[str, Any]) -> None:
        """One execution, as journey.asl.json runs it."""
        event = {**given, "Execution": name}
        opened = self._step("OpenWork", event)
        outcome = opened["Outcome"]
        if outcome == "ENTER":
            built = self._step("BuildEntries", {**event, "Progress": opened["Progress"]})
            assert built["Done"]
            self._chunks(event, self._step("SealEntries", event))
        elif outcome == "ADVANCE":
            self.now = max(self.now, datetime.fromisoformat(opened["Until"]).timestamp())
            number = 0
            while True:
                listed = self._step("ListDue", {**event, "Round": number})
                if not listed["Chunks"]:
                    break
                self._chunks(event, listed)
                number = listed["Round"]
        elif outcome in ("REOPEN", "PURGE"):
            step = outcome.capitalize()
            answer: dict[str, Any] = {"After": ""}
            while not (answer := self._step(step, {**event, **answer}))["Done"]:
                pass
            return
        if outcome in ("ENTER", "ADVANCE", "CLOSE"):
            self.closed.append(self._step("CloseWork", event)["State"])

    def _chunks(self, event: dict[str, Any], listed: Any) -> None:
        for key in list(self.hub.bucket.keys(listed["Prefix"])):
            step, tried, turn = "AdvanceChunk", 0, 0
            while True:
                try:
                    answer = self._step(step, {**event, "Key": key, "Turn": turn})
                except (Exception, Killed):
                    tried += 1
                    self.now += self.retry_seconds
                    if tried == self.tries:
                        step = "ChunkFailed"
                    assert tried < 2 * self.tries
                    continue
                if answer["Status"] == "done":
                    break
                self.now += answer["Seconds"]
                turn = answer["Turn"]

    def _step(self, name: str, event: dict[str, Any]) -> Any:
        context: Any = Context()
        for tried in range(self.tries):
            try:
                return journey_work.STEPS[name](self.hub, {**event, "Step": name}, context)
            except Killed:
                if self.client is not None:
                    self.client.dead, self.client.dies_at = False, None
                # The walker of chunks tries its own steps again.
                if name in ("AdvanceChunk", "ChunkFailed") or tried == self.tries - 1:
                    raise
                self.now += self.retry_seconds
        raise AssertionError("the tries end")


def prepared(hub: Hub, people: list[Any], **members: Any) -> None:
    """Endpoints, the start segment and the templates of a project."""
    updates: Any = [(one["Id"], {k: v for k, v in one.items() if k != "Id"}) for one in people]
    if updates:
        hub.endpoints.update_many(APP, updates, now="2026-01-01T00:00:00.000Z", request_id="r")
    segment(hub, SEGMENT_ID, **members)
    for kind, name in (("EMAIL", "welcome"), ("SMS", "reminder")):
        body = {"Subject": "Hi", "HtmlPart": "Hi", "Body": "Hi", "Version": "1"}
        whole = {**body, "ActiveVersion": "1", "LastModifiedDate": "2026-01-01T00:00:00.000Z"}
        hub.entities.put(ACCOUNT, Kind.TEMPLATE, f"{kind}#{name}", whole)
