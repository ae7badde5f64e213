"""A hub on moto whose sends, functions and events are recorded."""

from collections.abc import Iterator
from typing import Any

import pytest

from engagement_hub.hub import Hub
from engagement_hub.workers import campaign_plan, sending_rates
from tests.builders.campaign_runs import Functions, Sender, Unpaced
from tests.builders.hub_workers import hub_on_moto


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    with hub_on_moto(monkeypatch) as hub:
        yield hub


@pytest.fixture(autouse=True)
def no_kept_plans() -> Iterator[None]:
    yield
    campaign_plan._PLANS.clear()


@pytest.fixture
def sender(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> Sender:
    fake = Sender()
    hub.senders = fake  # type: ignore[assignment]  # the part of Senders that is used
    monkeypatch.setattr(sending_rates.ChunkPaces, "_limiter", lambda self, key, rate: Unpaced())
    monkeypatch.setattr(sending_rates, "channel_rate", lambda channel: 1e9)
    return fake


@pytest.fixture
def functions(hub: Hub) -> Functions:
    fake = Functions()
    hub.customer_functions = fake  # type: ignore[assignment]  # as above
    return fake


@pytest.fixture
def stream(hub: Hub, monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The events that reach the project's stream."""
    written: list[dict[str, Any]] = []

    def publish(app_id: str, records: list[dict[str, Any]]) -> int:
        written.extend(records)
        return len(records)

    monkeypatch.setattr(hub.stream, "publish", publish)
    return written
