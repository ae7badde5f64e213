"""Campaign runs on a hub on moto: a sender that records, and the steps of a run in their order."""

import threading
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from engagement_hub.customer_functions import CallFailed
from engagement_hub.engagement.campaigns import new_campaign
from engagement_hub.hub import Hub
from engagement_hub.senders import SendOutcome
from engagement_hub.store.entities import Kind
from engagement_hub.workers import campaign_run as steps
from tests.builders.hub_workers import APP, NOW, Context, endpoints, sms

CONTEXT: Any = Context()
HELLO = {"SMSMessage": {"Body": "Hi {{User.UserAttributes.FirstName}}"}}
STARTED = datetime.fromtimestamp(NOW, UTC)


class Sender:
    """Records sent messages; responds SUCCESSFUL, or with the test's outcome for the address."""

    def __init__(self) -> None:
        self.sent: list[tuple[str, str]] = []
        self.contexts: list[Mapping[str, str]] = []
        self.answers: dict[str, SendOutcome] = {}
        self.dies_after: int | None = None
        self._lock = threading.Lock()

    def send(self, content: Any, address: str, *, context: Mapping[str, str]) -> SendOutcome:
        with self._lock:
            if self.dies_after is not None and len(self.sent) >= self.dies_after:
                raise RuntimeError("the function is gone")
            self.sent.append((address, content.body))
            self.contexts.append(context)
        return self.answers.get(address, SendOutcome.accepted(f"m-{address}"))

    @property
    def addresses(self) -> list[str]:
        return sorted(address for address, _ in self.sent)


class Functions:
    """Fake of the callers' Lambda functions."""

    def __init__(self) -> None:
        self.payloads: list[Mapping[str, Any]] = []
        self.answer: Any = None
        self.fails = False

    def ask(self, function: str, payload: Mapping[str, Any], *, attempts: int = 3) -> Any:
        self.deliver(function, payload)
        return self.answer(payload) if callable(self.answer) else self.answer

    def deliver(self, function: str, payload: Mapping[str, Any]) -> None:
        self.payloads.append(payload)
        if self.fails:
            raise CallFailed("it failed")


class AnswersLost:
    """A DynamoDB client whose conditional writes are all carried out twice: botocore repeats a
    request whose answer was lost."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def __getattr__(self, name: str) -> Any:
        call = getattr(self._client, name)
        if name not in ("put_item", "update_item", "transact_write_items"):
            return call

        def twice(**request: Any) -> Any:
            call(**request)
            return call(**request)

        return twice


class Unpaced:
    """A pace whose every turn is now."""

    def __init__(self, clock: Callable[[], float] = lambda: NOW) -> None:
        self._clock = clock

    def reserve(self, n: int, by: float) -> float | None:
        return self._clock()


def campaign(
    hub: Hub, settings: Any = None, *, campaign_id: str = "c1", **request: Any
) -> dict[str, Any]:
    """A campaign as CreateCampaign leaves it; the input of its first run."""
    whole: Any = {
        "Name": "hello",
        "SegmentId": "seg1",
        "Schedule": {"StartTime": "IMMEDIATE"},
        "MessageConfiguration": HELLO,
        **request,
    }
    body: Any = new_campaign(
        whole,
        app_id=APP,
        campaign_id=campaign_id,
        arn="arn",
        segment_version=1,
        now=STARTED,
        settings=settings,
    )
    hub.entities.put(APP, Kind.CAMPAIGN, campaign_id, body)
    start = "2027-01-15T08:00:00.000Z"
    return {"ApplicationId": APP, "CampaignId": campaign_id, "Run": 1, "ScheduledStart": start}


def build(hub: Hub, event: dict[str, Any]) -> list[str]:
    """Open the run and build its audience; the keys of the chunks."""
    opened = steps.open_run(hub, event, CONTEXT)
    begun = steps.build_audience(hub, {**event, "Progress": opened["Progress"]}, CONTEXT)
    assert begun == {"Remaining": [], "Done": True}
    sealed = steps.seal_audience(hub, event, CONTEXT)
    return list(hub.bucket.keys(sealed["Prefix"]))


def run(hub: Hub, event: dict[str, Any]) -> dict[str, Any]:
    """A whole run; its default activity."""
    for key in build(hub, event):
        send(hub, event, key)
    steps.close_run(hub, event, CONTEXT)
    return activity(hub)


def send(hub: Hub, event: dict[str, Any], key: str) -> list[float]:
    """A whole chunk; the pauses between its invocations, in seconds."""
    pauses: list[float] = []
    answer: dict[str, Any] = {"Turn": 0}
    while True:
        turn = {"Key": key, "Turn": answer["Turn"]}
        answer = steps.send_chunk(hub, {**event, **turn}, CONTEXT)
        if answer["Status"] == "done":
            return pauses
        pauses.append(answer["Seconds"])


def activity(hub: Hub, treatment: str = "0") -> dict[str, Any]:
    found = hub.entities.list(APP, Kind.ACTIVITY, 20).items
    return next(one for one in found if one["TreatmentId"] == treatment)


def state(hub: Hub) -> str:
    return str(hub.entities.require(APP, Kind.CAMPAIGN, "c1")["State"]["CampaignStatus"])


def people(hub: Hub, count: int) -> None:
    endpoints(hub, **{f"e{n}": sms(f"+1425555{n:04d}") for n in range(count)})


def statuses(stream: list[dict[str, Any]]) -> dict[str, str]:
    return {
        record["client"]["client_id"]: record["attributes"]["campaign_send_status"]
        for record in stream
        if record["event_type"] == "_campaign.send"
    }
